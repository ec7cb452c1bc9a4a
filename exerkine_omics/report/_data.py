"""Numbers for the page's scripts: columns as compact JSON that no text in it can leave."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from exerkine_omics.cohort import plain
from exerkine_omics.report._format import estimate_unit

_DIGITS = 6
_FEW = 0.5  # a text column whose levels are at most this share of its rows is written as codes
_TEXTS = ("feature", "name", "contrast", "units", "status")
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def script_json(value: Any) -> Markup:
    """Write JSON for ``<script type="application/json">``.

    NaN and infinity become null. ``<``, ``>``, ``&`` and the line separators U+2028 and U+2029
    are escaped, so that neither ``</script>`` nor ``<!--`` in a name ends or opens anything.
    """
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))


def table_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Turn rows into a `Table`; a column is one that any row has, None where a row lacks it."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return {"columns": columns, "data": {c: [row.get(c) for row in rows] for c in columns}}


def titles(coverage: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Name each signature as the table of coverage does."""
    return {row["signature"]: row.get("title") or row["signature"] for row in coverage}


def explorer(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what the page's volcano, forest and table read.

    Parameters
    ----------
    table
        `Table` with at least feature, contrast, estimate and p_value.
    name
        Stem of the file that is downloaded.

    Notes
    -----
    Numbers are rounded to 6 significant digits. Missing values: None, NaN and infinity become
    null. Text that repeats is written once, with the place of its level in each row.
    """
    data = table["data"]
    units = next((u for u in data.get("units") or () if u), "")
    return {
        "name": name,
        "columns": list(table["columns"]),
        "n": len(data["feature"]),
        "contrasts": list(dict.fromkeys(map(_text, data["contrast"]))),
        "unit": estimate_unit(str(units)) if units else "estimate",
        "data": {c: _column(data[c], c in _TEXTS) for c in table["columns"]},
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _column(values: Sequence[Any], text: bool) -> Any:
    if not text and not any(isinstance(v, str) for v in values):
        return [_rounded(v) for v in values]
    texts = [_text(v) for v in values]
    levels = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    if len(levels) > _FEW * len(texts):
        return texts
    return {"levels": list(levels), "codes": [levels[text] for text in texts]}


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
