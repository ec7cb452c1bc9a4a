"""Cells of a qPCR export: cycles, numbers and yes or no, each wrong one with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map, plain

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ABSENT = frozenset(["", "na", "n/a", "#n/a", "nan", "null", "none", "-"])
_FAIL = 999.0  # what BioMark writes for a failed well
_MOST = 200.0  # cycles
_YES, _NO = frozenset(["true", "yes", "y", "1"]), frozenset(["false", "no", "n", "0", ""])


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


def cycles(
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
        said = yes(undetermined, export, where.rsplit(", column", 1)[0] + ", undetermined")
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


def numbers(cells: Sequence[str], export: Export, where: str) -> np.ndarray:
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


def yes(cells: Sequence[str], export: Export, where: str) -> np.ndarray:
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
