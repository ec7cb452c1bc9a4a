"""The wells of a qPCR export: rows of text become cycles, samples, assays and flags.

Every reader of an export hands over the same thing, a header and rows of text with their line
numbers; what a column is called is in ``columns/cq.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map, matched, plain
from exerkine_omics.io._labels import near
from exerkine_omics.io._source import Source

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ABSENT = frozenset(["", "na", "n/a", "#n/a", "nan", "null", "none", "-"])
_FAIL = 999.0  # what BioMark writes for a failed well
_MOST = 200.0  # cycles
_YES, _NO = frozenset(["true", "yes", "y", "1"]), frozenset(["false", "no", "n", "0", ""])
_BLANK_NAME = re.compile(
    r"(?:ntc|nac|nrt|nec|no[-_ ]?template.*|h2o|water|blank|neg(?:ative)?[-_ .]?(?:ctrl|control))"
    r"(?:[-_ .]?\d+|_.+)?",
    re.IGNORECASE,
)


@dataclass
class Export:
    """A qPCR export as text.

    Parameters
    ----------
    header
        Names of the columns; an unnamed one is "".
    rows
        Cells as text, each row as long as the header.
    lines
        Line or row of the file that each row stands on.
    absent_is_undetermined
        An empty Cq is a well without a cycle; else nothing is known of it.
    about
        The file's own words on the run.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    unit_of_line: str = "line"
    absent_is_undetermined: bool = False
    about: dict[str, str] = field(default_factory=dict)
    assay: str = ""  # of a file with one assay that names it outside its table


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
    for ours in ("sample", "assay", "well", "plate", "assay_id"):
        frame[ours] = texts(ours)
    if export.assay:
        frame["assay"] = export.assay
    frame["cq"], frame["undetermined"] = _cycles(
        texts("cq"),
        texts("undetermined") if "undetermined" in there else None,
        export,
        f"{where}, column {there['cq']!r}",
    )
    omit = _yes(texts("omit"), export, f"{where}, column {there.get('omit')!r}")
    if "include" in there:
        omit = omit | ~_yes(texts("include"), export, f"{where}, column {there['include']!r}")
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
        frame[ours] = _numbers(texts(ours), export, f"{where}, column {there.get(ours)!r}")
    known = {there[o] for o in there} | set(flags) | {"", export.assay}
    derived = {plain(d) for d in words["derived"]}
    more = {
        h: [row[i].strip() for row in export.rows]
        for i, h in enumerate(export.header)
        if h not in known and plain(h) not in derived
    }
    if "task" in there:
        more["task"] = texts("task")
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


def _cycles(
    cells: list[str], undetermined: list[str] | None, export: Export, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Cycles with NaN, and which wells the file says had none."""
    none = {plain(w) for w in column_map("cq")["undetermined_words"]}
    values = np.full(len(cells), np.nan)
    without = np.zeros(len(cells), dtype=bool)
    comma = _decimal_comma(cells, export, where)
    for i, cell in enumerate(cells):
        if cell.casefold() in _ABSENT:
            without[i] = export.absent_is_undetermined
        elif _NUMBER.fullmatch(cell) or (comma and _COMMA.fullmatch(cell)):
            values[i] = float(cell.replace(",", "."))
        elif plain(cell) in none:
            without[i] = True
        else:
            raise _wrong(cell, "no cycle", export, i, where)
    failed = values == _FAIL
    values[failed], without[failed] = np.nan, True
    wrong = np.flatnonzero((values <= 0) | (values > _MOST) | np.isinf(values))
    if len(wrong):
        i = int(wrong[0])
        raise _wrong(cells[i], "no possible cycle", export, i, where)
    if undetermined is not None:
        said = _yes(undetermined, export, where.rsplit(", column", 1)[0] + ", undetermined")
        both = np.flatnonzero(said & np.isfinite(values))
        if len(both):
            i = int(both[0])
            raise _wrong(cells[i], "undetermined and has a cycle", export, i, where)
        without |= said
    return values, without


def _decimal_comma(cells: Sequence[str], export: Export, where: str) -> bool:
    commas = [i for i, c in enumerate(cells) if _COMMA.fullmatch(c)]
    points = [i for i, c in enumerate(cells) if "." in c and _NUMBER.fullmatch(c)]
    if commas and points:
        minor = commas if len(commas) <= len(points) else points
        raise _wrong(
            cells[minor[0]], "written with another decimal sign than the rest", export,
            minor[0], where,
        )  # fmt: skip
    return bool(commas)


def _numbers(cells: Sequence[str], export: Export, where: str) -> np.ndarray:
    """Return numbers; thousands may be set apart by commas (5,720.562)."""
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if cell.casefold() in _ABSENT or plain(cell) == "undetermined":
            continue
        if _NUMBER.fullmatch(cell):
            values[i] = float(cell)
        elif _THOUSANDS.fullmatch(cell):
            values[i] = float(cell.replace(",", ""))
        elif _COMMA.fullmatch(cell):
            values[i] = float(cell.replace(",", "."))
        else:
            raise _wrong(cell, "no number", export, i, where)
    values[np.isinf(values)] = np.nan
    return values


def _yes(cells: Sequence[str], export: Export, where: str) -> np.ndarray:
    yes = np.zeros(len(cells), dtype=bool)
    for i, cell in enumerate(cells):
        word = cell.casefold()
        if word in _YES:
            yes[i] = True
        elif word not in _NO:
            raise _wrong(cell, "neither true nor false", export, i, where)
    return yes


def _wrong(cell: str, what: str, export: Export, row: int, where: str) -> InputError:
    place = f"{where}, {export.unit_of_line} {export.lines[row]}"
    return InputError(f"{shown([cell[:80]])} is {what}", where=place, fix="Look at that cell.")


def _tasks(
    tasks: Sequence[str], assay_tasks: Sequence[str], words: dict[str, list[str]]
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
