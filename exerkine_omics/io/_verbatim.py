"""Numbers that were text in a file: read so that the same text can be written again."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics.io._matrix import MISSING_WORDS

# plain decimals as instruments write them; "1_000", "0x1" and "٣" are text, 00123 is an id
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_EXACT = 1 << 53  # whole numbers beyond it have no float of their own


def as_numbers(cells: Sequence[str]) -> tuple[np.ndarray, str, str] | None:
    """Return numbers, their format and the word for missing; None where a cell would change.

    The format is ``d`` (whole), ``f<k>`` (k decimals) or ``g`` (shortest): what `as_text` needs to
    write each cell as it was. A column without a number is none.
    """
    present = [c for c in cells if c not in MISSING_WORDS]
    if not present or not all(map(_NUMBER.fullmatch, present)):
        return None
    numbers = list(map(float, present))
    _, _, tail = present[0].partition(".")
    for style in ("d", f"f{len(tail)}", "g"):
        written = _written(numbers, style)
        if written == present:
            break
    else:
        return None
    values = np.full(len(cells), np.nan)
    values[[c not in MISSING_WORDS for c in cells]] = numbers
    words = [c for c in cells if c in MISSING_WORDS]
    return values, style, words[0] if words else ""


def as_text(column: pd.Series, style: str = "", missing: str = "") -> list[str]:
    """Write a column as text; a number that the format would change is written in full."""
    absent = column.isna().to_numpy()
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) or not pd.api.types.is_numeric_dtype(dtype):
        return [missing if a else str(v) for v, a in zip(column, absent, strict=True)]
    numbers = column.to_numpy(np.float64, na_value=np.nan)
    if not style:
        style = "d" if pd.api.types.is_integer_dtype(dtype) else "g"
    if style == "d" and pd.api.types.is_integer_dtype(dtype):
        return [str(int(v)) for v in column]
    texts = _written(numbers.tolist(), style)
    return [
        missing if a else t if float(t) == v else repr(v)
        for t, v, a in zip(texts, numbers.tolist(), absent, strict=True)
    ]


def _written(numbers: list[float], style: str) -> list[str]:
    if style == "g":
        return [_short(v) for v in numbers]
    decimals = int(style[1:] or 0)
    return [f"{v:.{decimals}f}" if abs(v) < _EXACT else repr(v) for v in numbers]


def _short(value: float) -> str:
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text
