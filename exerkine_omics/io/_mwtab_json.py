"""mwTab as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map
from exerkine_omics.io._mwtab_study import VENDOR, Block, Study, Tube, require_once
from exerkine_omics.io._mwtab_text import chosen

KEY = "METABOLOMICS WORKBENCH"
_FACTORS = "SUBJECT_SAMPLE_FACTORS"


def parse_json(text: str, where: str, analysis: str | None) -> Study:
    """Take the JSON of one analysis apart."""
    try:
        whole = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, where))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The file is no whole JSON ({error})", where=where, fix="Is it cut off? Copy it again."
        ) from None
    if not isinstance(whole, dict):
        raise InputError("The JSON is no object", where=where, fix="Is it an mwTab file?")
    if KEY not in whole and whole and all(isinstance(v, dict) and KEY in v for v in whole.values()):
        parts = list(whole.values())
        ids = [str(_object(p[KEY], KEY, where).get("ANALYSIS_ID", "")) for p in parts]
        whole = parts[chosen(ids, analysis, where)]
    elif analysis is not None:
        ids = [str(_object(whole.get(KEY, {}), KEY, where).get("ANALYSIS_ID", ""))]
        chosen(ids, analysis, where)
    study = Study()
    names = column_map(VENDOR)
    for section in (KEY, *names["sections"].values()):
        if section in whole:
            values = _object(whole[section], section, where)
            study.header[section] = {
                str(k): v if isinstance(v, str) else json.dumps(v) for k, v in values.items()
            }
            for key, value in study.header[section].items():
                if "RESULTS_FILE" in key.upper():
                    study.results_files.append(value)
    lines = _list(whole.get(_FACTORS, []), _FACTORS, where)
    study.tubes = [_tube(line, i, where) for i, line in enumerate(lines, 1)]
    require_once(study.tubes, where)
    for name in names["blocks"]:
        if name in whole:
            _block(study, name, _object(whole[name], name, where), where)
    return study


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    """Object of a JSON in which no name stands twice: json itself keeps the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [k for k, _ in pairs]
        twice = sorted({k for k in keys if keys.count(k) > 1})
        raise InputError(
            f"The JSON names {shown(twice)} more than once in an object",
            where=where,
            fix="Give each its own name; none is dropped silently.",
        )
    return made


def _tube(line: Any, number: int, where: str) -> Tube:
    place = f"{_FACTORS} {number}"
    line = _object(line, place, where)
    try:
        sample = _text(line["Sample ID"])
        factors = _object(line.get("Factors", {}), place, where)
        more = _object(line.get("Additional sample data", {}) or {}, place, where)
    except KeyError:
        raise InputError(f"{place} has no 'Sample ID'", where=where, fix="Name it.") from None
    additional = {str(k): _text(v) for k, v in more.items()}
    raw = "; ".join(f"{k}={v}" for k, v in additional.items())
    subject = _text(line.get("Subject ID", ""))
    return Tube(subject, sample, {str(k): _text(v) for k, v in factors.items()}, additional, raw)


def _block(study: Study, name: str, data: dict[str, Any], where: str) -> None:
    block = Block(units=_text(data.get("Units", "")))
    study.blocks[name] = block
    rows = [_object(r, f"{name} Data", where) for r in _list(data.get("Data", []), name, where)]
    seen: dict[str, None] = {}
    for row in rows:
        seen.update(dict.fromkeys(list(row)[1:]))
    block.samples = list(seen)
    ragged = set()
    for number, row in enumerate(rows, 1):
        title, *_ = list(row) or [""]
        if not re.match(r"metabolite|bin", title, re.IGNORECASE):
            raise InputError(
                f"Row {number} of {name} begins with {title!r}, not with its metabolite",
                where=where,
                fix="Is it an mwTab file?",
            )
        label = _text(row[title])
        if label == "Factors" and number == 1:
            block.factors = [_text(row.get(s, "")) for s in block.samples]
            continue
        ragged |= {s for s in block.samples if s not in row}
        block.names.append(label)
        block.cells.append([_text(row.get(s, "")) for s in block.samples])
        block.places.append(f"{name} row {number}")
    if ragged:
        message = (
            f"Samples {shown(sorted(ragged))} lack some of the {len(block.names)} metabolites."
        )
        study.findings.append(
            Finding("incomplete_samples", "warning", message, tuple(sorted(ragged)))
        )
    for key, kept in (("Metabolites", study.metabolites), ("Extended", study.extended)):
        for record in _list(data.get(key, []) or [], f"{name} {key}", where):
            pairs = _object(record, f"{name} {key}", where)
            kept.append({str(k): _text(v) for k, v in pairs.items()})


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _object(value: Any, place: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(
            f"{place} is a {type(value).__name__}, not an object", where=where, fix="Copy it again."
        )
    return value


def _list(value: Any, place: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(
            f"{place} is a {type(value).__name__}, not a list", where=where, fix="Copy it again."
        )
    return value
