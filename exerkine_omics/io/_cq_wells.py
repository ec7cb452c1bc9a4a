"""The wells of a qPCR export: rows of text become cycles, samples, assays and flags.

Every reader of an export hands over the same thing, a header and rows of text with their line
numbers; what a column is called is in ``columns/cq.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map, matched, plain
from exerkine_omics.io._cq_cells import Export, cycles, numbers, yes
from exerkine_omics.io._labels import near
from exerkine_omics.io._source import Source

PERSONAL = (
    "user",
    "operator",
    "experimenter",
    "created by",
)  # names of people in a header: not kept
_BLANK_NAME = re.compile(
    r"(?:ntc|nac|nrt|nec|no[-_ ]?template.*|h2o|water|blank|neg(?:ative)?[-_ .]?(?:ctrl|control))"
    r"(?:[-_ .]?\d+|_.+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """One way in which wells are written: how it is recognised, and how it is read."""

    name: str
    title: str
    sniff: Callable[[Source], bool]
    export: Callable[[Source], Export]
    experimental: bool = False


def wells(export: Export, where: str) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Frame of one row a well, and the further columns as text.

    Columns: line, sample, assay, well, plate, cq (NaN: none), undetermined, omit, flag, kind (a
    sample type), reference, amp_score, cq_confidence, quantity.
    """
    words = column_map("cq")
    _refuse_repeated(export, where)
    needed = matched(export.header, words["wells"])
    if export.assay:
        needed.setdefault("assay", "")
    for ours in ("sample", "assay", "cq"):
        if ours not in needed:
            names = words["wells"][ours]
            raise InputError(
                f"There is no column with the {ours}: {shown(names)}",
                where=where,
                fix=near(names[0], [h for h in export.header if h]),
            )
    there = needed | matched(export.header, words["optional"])
    flags = [h for h in export.header if plain(h) in {plain(f) for f in words["flags"]}]
    column = {h: i for i, h in reversed(list(enumerate(export.header)))}

    def texts(ours: str) -> list[str]:
        name = there.get(ours)
        if not name:
            return [""] * len(export.rows)
        return [row[column[name]].strip() for row in export.rows]

    frame = pd.DataFrame({"line": export.lines})
    for ours in ("sample", "assay", "well", "plate", "run", "dye", "assay_id"):
        frame[ours] = texts(ours)
    if export.assay:
        frame["assay"] = export.assay
    frame["cq"], frame["undetermined"] = cycles(
        texts("cq"),
        texts("undetermined") if "undetermined" in there else None,
        export,
        f"{where}, column {there['cq']!r}",
    )
    omit = yes(texts("omit"), export, f"{where}, column {there.get('omit')!r}")
    if "include" in there:
        omit = omit | ~yes(texts("include"), export, f"{where}, column {there['include']!r}")
    frame["omit"] = omit
    said = {plain(w) for w in words["flag_words"]}
    flagged = np.zeros(len(frame), dtype=bool)
    for name in flags:
        cells = [plain(row[column[name]]) for row in export.rows]
        if plain(name) == "resultqualityissues":  # any issue
            flagged |= np.array([bool(c) for c in cells], dtype=bool)
        else:
            flagged |= np.array([c in said for c in cells], dtype=bool)
    frame["flag"] = flagged
    frame["kind"], frame["reference"] = _tasks(texts("task"), texts("assay_task"), words)
    for ours in (schema.AMP_SCORE, schema.CQ_CONFIDENCE, schema.QUANTITY):
        frame[ours] = numbers(texts(ours), export, f"{where}, column {there.get(ours)!r}")
    known = {there[o] for o in there} | set(flags) | {"", export.assay}
    derived = {plain(d) for d in words["derived"]}
    more = {
        h: [row[i].strip() for row in export.rows]
        for i, h in enumerate(export.header)
        if h not in known and plain(h) not in derived
    }
    for ours in ("task", "dye", "run"):
        if ours in there:
            more[ours] = texts(ours)
    _name_controls(frame)
    return frame, {h: cells for h, cells in more.items() if any(cells)}


def has_wells(header: Sequence[str]) -> bool:
    """Say whether a header names sample, assay and quantification cycle."""
    return len(matched(header, column_map("cq")["wells"])) == 3


def _refuse_repeated(export: Export, where: str) -> None:
    """Two columns of one name that differ: which is meant is not known."""
    seen: dict[str, int] = {}
    for i, name in enumerate(export.header):
        key = name.strip().casefold()
        if not key:
            continue
        first = seen.setdefault(key, i)
        if first != i and any(r[first] != r[i] for r in export.rows):
            raise InputError(
                f"The column {name!r} stands twice with different cells",
                where=where,
                fix="Keep one, or name the other otherwise.",
            )


def _tasks(
    tasks: Sequence[str], assay_tasks: Sequence[str], words: Mapping[str, Any]
) -> tuple[list[str], list[bool]]:
    """Sample type of each well ("" where the file does not say), and is its assay a reference."""
    kinds = {
        plain(w): kind
        for key, kind in (("blank_tasks", "blank"), ("calibrator_tasks", "calibrator"),
                          ("control_tasks", "control"))
        for w in words[key]
    }  # fmt: skip
    reference = {plain(w) for w in words["reference_tasks"]}
    numbered = re.compile(r"[\d]+$")  # CFX: Std-1, Unkn-12
    kind = [kinds.get(numbered.sub("", plain(t)) or plain(t), "") for t in tasks]
    is_reference = [
        plain(t) in reference or plain(a) in reference
        for t, a in zip(tasks, assay_tasks, strict=True)
    ]
    return kind, is_reference


def _name_controls(frame: pd.DataFrame) -> None:
    """Give control wells without a sample name one: their task, and what a standard holds."""
    unnamed = (frame["sample"] == "") & (frame["kind"] != "")
    for i in frame.index[unnamed]:
        kind = frame.at[i, "kind"]
        quantity = frame.at[i, schema.QUANTITY]
        amount = "" if kind != "calibrator" or np.isnan(quantity) else f" {quantity:.10g}"
        frame.at[i, "sample"] = {"blank": "NTC", "calibrator": "standard"}.get(kind, kind) + amount
    by_name = (frame["kind"] == "") & frame["sample"].map(
        lambda s: bool(_BLANK_NAME.fullmatch(s))
    ).astype(bool)
    frame.loc[by_name, "kind"] = "blank"
