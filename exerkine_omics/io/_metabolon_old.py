"""Metabolon's older workbooks: OrigScale and ScaledImp, sample rows above the feature table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map, matched, plain
from exerkine_omics.io._excel import Row
from exerkine_omics.io._labels import near
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

# the corner says the label of the row to its right and that of the column below it
_CORNER = re.compile(r"(?:(.*\S)\s+)?(HMDB(?:[ _]?ID)?)", re.IGNORECASE)


@dataclass(frozen=True)
class _Plan:
    """Row of the feature columns' names, and the column of the sample rows' labels."""

    header: int
    corner: int


def is_old(rows: Sequence[Row]) -> bool:
    """Say whether these are the first rows of an OrigScale or ScaledImp worksheet."""
    return _plan(rows) is not None


def read_old(source: Source, name: str, role: str) -> Sheet:
    """Read one worksheet: sample rows, feature columns, values."""
    rows = source.worksheet(name)
    where = f"{source.where}, worksheet {name!r}"
    plan = _plan(rows)
    if plan is None:
        raise InputError(
            "There is no feature table with sample rows above it",
            where=where,
            fix="It needs a column BIOCHEMICAL and a row CLIENT_IDENTIFIER or SAMPLE_NAME.",
        )
    labels, group = _labels(rows, plan, where)
    below = [i for i in range(plan.header + 1, len(rows)) if any(c is not None for c in rows[i])]
    width = max(len(r) for r in rows)
    right = range(plan.corner + 1, width)
    used = [k for k in right if any(word(at(rows[i], k)) for i in [*labels, plan.header])]
    ids, findings = _sample_ids(rows, labels, used, where)
    nameless = [k for k in used if not ids[k]]
    columns = [k for k in used if ids[k]]
    empty = [k for k in right if k not in set(columns)]
    filled = [sum(at(rows[i], k) is not None for i in below) for k in empty]
    letters = [f"column {place(0, k)[:-1]}" for k in empty]
    require_ids(filled, max(len(below), 1), "a sample id", letters, where)
    var, lines, more = _features(rows, plan, below, columns, where)
    findings += more
    values, more = numbers([rows[i] for i in lines], lines, columns, where)
    findings += more
    beside = [(i, k) for i in below for k in empty if at(rows[i], k) is not None]
    beside += [(i, k) for i in labels for k in nameless if word(at(rows[i], k))]
    beside += [
        (i, k) for i in range(plan.header) for k in range(plan.corner) if at(rows[i], k) is not None
    ]
    beside += [(i, k) for i in set(below) - set(lines) for k in columns if word(at(rows[i], k))]
    findings += strays(sorted(set(beside)), f"worksheet {name!r}")
    obs = pd.DataFrame(index=pd.Index([ids[k] for k in columns], dtype=object))
    for i, label in labels.items():
        obs[_unused(label, obs)] = pd.Series(
            [entry(at(rows[i], k)) for k in columns], index=obs.index, dtype=object
        )
    # most often an id or the group once more
    last = [entry(at(rows[plan.header], k)) for k in columns]
    if not any(obs[c].tolist() == last for c in obs):
        obs[_unused(group, obs)] = pd.Series(last, index=obs.index, dtype=object)
    return Sheet(name, role, values.T, obs, var, findings)


def _plan(rows: Sequence[Row]) -> _Plan | None:
    section = column_map("metabolon")["var"]
    ids = _id_words()
    above: dict[int, int] = {}  # columns that hold the label of an id row, and the first such row
    for i, row in enumerate(rows):
        if above:
            found = matched([c for c in row if isinstance(c, str)], section)
            if len(found) > (1 if schema.NAME in found else 2):
                return _Plan(i, min(above))
        for k, cell in enumerate(row):
            if k and isinstance(cell, str) and plain(cell) in ids:
                above.setdefault(k, i)
                break
    return None


def _labels(rows: Sequence[Row], plan: _Plan, where: str) -> tuple[dict[int, str], str]:
    """Labels of the sample rows by row, and that of the row of the header itself."""
    labels = {}
    for i in range(plan.header):
        label = word(at(rows[i], plan.corner))
        if label or any(word(c) for c in rows[i][plan.corner + 1 :]):
            labels[i] = label or f"row {i + 1}"
    folded = pd.Series([plain(v) for v in labels.values()])
    twice = set(folded[folded.duplicated()]) & _id_words()
    if twice:
        raise InputError(
            f"The row {shown([v for v in labels.values() if plain(v) in twice][:1])} stands twice",
            where=where,
            fix="Which one holds the ids? Take the other out.",
        )
    corner = _CORNER.fullmatch(word(at(rows[plan.header], plan.corner)))
    return labels, (corner.group(1) if corner and corner.group(1) else "GROUP")


def _id_words() -> set[str]:
    return {plain(s) for names in column_map("metabolon")["sample_id"].values() for s in names}


def _unused(label: str, frame: pd.DataFrame) -> str:
    number, name = 1, label
    while name in frame.columns:
        number += 1
        name = f"{label}_{number}"
    return name


def _sample_ids(
    rows: Sequence[Row], labels: dict[int, str], used: list[int], where: str
) -> tuple[dict[int, str], list[Finding]]:
    """Ids by column: of the first row of ids that are all there and all differ."""
    found = matched(labels.values(), column_map("metabolon")["sample_id"])
    row_of = {label: i for i, label in reversed(labels.items())}
    wrong: list[str] = []
    for label in found.values():
        ids = {k: word(at(rows[row_of[label]], k)) for k in used}
        there = [v for v in ids.values() if v]
        # a column that few rows know is a note, and no sample
        if len(set(there)) == len(there) and 2 * len(there) > len(used):
            if not wrong:
                return ids, []
            message = f"The sample ids are those of {label}: {'; '.join(wrong)}."
            return ids, [Finding("sample_ids", "warning", message)]
        wrong.append(f"{label} names {len(set(there))} of {len(used)} samples")
    raise InputError(
        f"No row tells the samples apart: {'; '.join(wrong)}",
        where=where,
        fix="Give each sample its own CLIENT_IDENTIFIER.",
    )


def _features(
    rows: Sequence[Row], plan: _Plan, below: list[int], columns: list[int], where: str
) -> tuple[pd.DataFrame, list[int], list[Finding]]:
    """Annotation of the features, the rows they stand on, and what to say of them."""
    names: dict[int, str] = {}
    for k in range(plan.corner + 1):
        name = word(at(rows[plan.header], k))
        corner = _CORNER.fullmatch(name) if k == plan.corner else None
        name = corner.group(2) if corner else name
        if not name and any(word(at(rows[i], k)) for i in below):
            name = f"column {place(0, k)[:-1]}"
        if name:
            names[k] = name
    ours = {
        theirs: o for o, theirs in matched(names.values(), column_map("metabolon")["var"]).items()
    }
    named = [k for k in names if names[k] in ours]
    lines = [i for i in below if any(word(at(rows[i], k)) for k in named)]
    others = sorted(set(below) - set(lines))
    filled = [sum(at(rows[i], k) is not None for k in columns) for i in others]
    require_ids(filled, max(len(columns), 1), "a name", [f"row {i + 1}" for i in others], where)
    if not lines:
        raise InputError("The feature table is empty", where=where, fix="Export it again.")
    var = pd.DataFrame(index=range(len(lines)))
    for k, name in names.items():
        column = ours.pop(name, None) or _unused(name, var)
        var[_unused(column, var)] = pd.Series([entry(at(rows[i], k)) for i in lines], dtype=object)
    index, findings = _feature_ids(var, where)
    return var.set_axis(index, axis=0), lines, findings


def _feature_ids(var: pd.DataFrame, where: str) -> tuple[pd.Index, list[Finding]]:
    """Ids of the analytes: of the first column of ids that are all there and all differ."""
    wrong: list[str] = []
    for column in column_map("metabolon")["feature_id"]:
        if column not in var:
            continue
        ids = [word(c) for c in var[column]]
        if all(ids) and len(set(ids)) == len(ids):
            if not wrong:
                return pd.Index(ids, dtype=object), []
            message = f"The analyte ids are those of {column!r}: {'; '.join(wrong)}."
            return pd.Index(ids, dtype=object), [Finding("analyte_ids", "warning", message)]
        repeated = pd.Series([i for i in ids if i])
        repeated = repeated[repeated.duplicated()].unique()
        what = f"{shown(repeated)} stand more than once" if len(repeated) else "some are empty"
        wrong.append(f"of {column!r} {what}")
    if not wrong:
        raise InputError(
            "There is no column 'COMP_ID' and none 'BIOCHEMICAL'",
            where=where,
            fix=near("BIOCHEMICAL", var.columns),
        )
    raise InputError(
        f"No column tells the analytes apart: {'; '.join(wrong)}",
        where=where,
        fix="Give each its own COMP_ID; duplicates are never averaged.",
    )
