"""Metabolon's newer workbooks: annotation, sample sheet, and one worksheet a kind of value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map, matched, plain
from exerkine_omics.io._excel import Row
from exerkine_omics.io._labels import near, unique_labels
from exerkine_omics.io._metabolon_cells import (
    Sheet,
    at,
    entry,
    numbers,
    place,
    require_ids,
    strays,
    word,
)
from exerkine_omics.io._source import Source


def about_sheets(names: Iterable[str]) -> dict[str, str]:
    """Worksheets that hold no values: ``{annotation | samples: name}``."""
    return matched(names, column_map("metabolon")["sheets"])


def read_new(source: Source, name: str, role: str) -> Sheet:
    """Read the values of one worksheet: a row a sample, a column an analyte."""
    rows = source.worksheet(name)
    where = f"{source.where}, worksheet {name!r}"
    if not rows:
        raise InputError("The worksheet is empty", where=where, fix="Export it again.")
    width = max(len(r) for r in rows)
    head = [word(at(rows[0], k)) for k in range(width)]
    columns = [k for k in range(1, width) if head[k]]
    lines = [i for i in range(1, len(rows)) if word(at(rows[i], 0))]
    if not columns or not lines:
        raise InputError(
            "The worksheet holds no values with CHEM_IDs above and samples to the left",
            where=where,
            fix="Export it again.",
        )
    nameless = [k for k in range(1, width) if not head[k]]
    filled = [sum(at(rows[i], k) is not None for i in lines) for k in nameless]
    letters = [f"column {place(0, k)[:-1]}" for k in nameless]
    require_ids(filled, len(lines), "an analyte id", letters, where)
    others = [i for i in range(1, len(rows)) if i not in set(lines)]
    filled = [sum(at(rows[i], k) is not None for k in columns) for i in others]
    require_ids(filled, len(columns), "a sample id", [f"row {i + 1}" for i in others], where)
    values, findings = numbers([rows[i] for i in lines], lines, columns, where)
    beside = [(i, k) for i in lines for k in nameless if at(rows[i], k) is not None]
    beside += [(i, k) for i in others for k in range(width) if at(rows[i], k) is not None]
    findings += strays(sorted(beside), f"worksheet {name!r}")
    samples = unique_labels([word(at(rows[i], 0)) for i in lines], "sample id", where)
    analytes = unique_labels([head[k] for k in columns], "CHEM_ID", where)
    obs, var = pd.DataFrame(index=samples), pd.DataFrame(index=analytes)
    return Sheet(name, role, values, obs, var, findings)


def annotation(
    source: Source, name: str | None, ids: pd.Index
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return what the annotation says of the analytes with these ids."""
    if name is None:
        text = "There is no worksheet 'Chemical Annotation': the analytes have no names."
        return pd.DataFrame(index=ids), [Finding("annotation_missing", "warning", text)]
    section = column_map("metabolon")["var"]
    frame, findings = _table(source, name, section["chem_id"], section)
    frame, more = _of(frame, ids, "analytes", name, source.where)
    return frame, findings + more


def sample_sheet(
    source: Source, name: str | None, ids: pd.Index
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return what the sample sheet says of the samples with these ids."""
    if name is None:
        text = "There is no worksheet 'Sample Meta Data': nothing is known of the samples."
        return pd.DataFrame(index=ids), [Finding("sample_sheet_missing", "warning", text)]
    frame, findings = _table(source, name, column_map("metabolon")["sample_key"], {})
    frame, more = _of(frame, ids, "samples", name, source.where)
    return frame, findings + more


def _table(
    source: Source, name: str, keys: Sequence[str], section: dict[str, list[str]]
) -> tuple[pd.DataFrame, list[Finding]]:
    """Worksheet with names in its first row, our names where the map knows them."""
    rows: list[Row] = source.worksheet(name)
    where = f"{source.where}, worksheet {name!r}"
    width = max((len(r) for r in rows), default=0)
    head = [word(at(rows[0], k)) for k in range(width)] if rows else []
    found = matched([h for h in head if h], {"key": keys})
    if "key" not in found:
        raise InputError(
            f"There is no column {keys[0]!r}", where=where, fix=near(keys[0], filter(None, head))
        )
    key = head.index(found["key"])
    lines = [i for i in range(1, len(rows)) if word(at(rows[i], key))]
    ids = unique_labels([word(at(rows[i], key)) for i in lines], found["key"], where)
    beside = [
        (i, k)
        for i in range(1, len(rows))
        for k in range(width)
        if (not head[k] or not word(at(rows[i], key))) and word(at(rows[i], k))
    ]
    ours = {theirs: o for o, theirs in matched(filter(None, head), section).items()}
    columns: dict[str, list[object]] = {}
    for k, theirs in enumerate(head):
        if not theirs:
            continue
        column = ours.pop(theirs, None) or theirs
        number, unused = 1, column
        while unused in columns:
            number += 1
            unused = f"{column}_{number}"
        columns[unused] = [entry(at(rows[i], k)) for i in lines]
    frame = pd.DataFrame(columns, index=ids, dtype=object)
    return frame, strays(beside, f"worksheet {name!r}")


def _of(
    frame: pd.DataFrame, ids: pd.Index, what: str, name: str, where: str
) -> tuple[pd.DataFrame, list[Finding]]:
    absent = ids[~ids.isin(frame.index)]
    if len(absent) == len(ids):
        raise InputError(
            f"None of the {what} of the values ({shown(ids)}) is in worksheet {name!r} "
            f"({shown(frame.index)})",
            where=where,
            fix="Are the ids spelt alike?",
        )
    findings = []
    if len(absent):
        text = f"{len(absent)} {what} are not in worksheet {name!r}: {shown(absent)}."
        findings.append(Finding(f"{what}_not_annotated", "warning", text, tuple(absent)))
    unused = frame.index[~frame.index.isin(ids)]
    if len(unused):
        text = f"{len(unused)} {what} of worksheet {name!r} have no values: {shown(unused)}."
        findings.append(Finding(f"{what}_without_values", "note", text, tuple(unused)))
    return frame.reindex(ids), findings


def aligned(sheet: Sheet, other: Sheet) -> tuple[np.ndarray, list[str]]:
    """Values of another worksheet at the samples and analytes of this one, and who lacks them."""
    wanted = pd.DataFrame(other.values, index=other.obs.index, columns=other.var.index)
    absent = [i for i in sheet.obs.index if i not in wanted.index]
    absent += [i for i in sheet.var.index if i not in wanted.columns]
    values = wanted.reindex(index=sheet.obs.index, columns=sheet.var.index)
    return values.to_numpy(dtype=np.float64), absent


def is_new(names: Iterable[str]) -> bool:
    """Say whether the worksheets are those of the newer layout."""
    there = list(names)
    roles = column_map("metabolon")["roles"]
    known = set(about_sheets(there).values())
    words = [w for role in ("peak_area", "batch_normalized", "log") for w in roles[role]]
    known |= {n for n in there if any(w in plain(n) for w in words)}
    return len(known) > 1
