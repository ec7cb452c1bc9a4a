"""Cells of a Metabolon workbook: numbers, words, and what stands beside the table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._excel import Row
from exerkine_omics.io._labels import text_of
from exerkine_omics.io._matrix import MISSING_WORDS

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# no zero first: 0,982 is a decimal comma
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")


@dataclass
class Sheet:
    """The values of one worksheet.

    Parameters
    ----------
    role
        A role of the column map, or "" where the name of the worksheet tells none.
    values
        Samples x analytes.
    obs, var
        What the worksheet itself says of them; the index holds the ids.
    """

    name: str
    role: str
    values: np.ndarray
    obs: pd.DataFrame
    var: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)


def word(cell: Any) -> str:
    """Text of a cell; "" where it is empty or says that nothing is there."""
    if cell is None:
        return ""
    text = text_of(cell).strip()
    return "" if text in MISSING_WORDS else text


def entry(cell: Any) -> Any:
    """Return the cell, None where it is empty or says that nothing is there."""
    return None if isinstance(cell, str) and cell.strip() in MISSING_WORDS else cell


def at(row: Row, column: int) -> Any:
    """Return the cell of a row, which may be shorter than others."""
    return row[column] if column < len(row) else None


def place(row: int, column: int) -> str:
    """Name a cell as Excel does, counted from zero."""
    letters, number = "", column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def numbers(
    rows: Sequence[Row], lines: Sequence[int], columns: Sequence[int], where: str
) -> tuple[np.ndarray, list[Finding]]:
    """Values of the cells at these columns, rows as they stand in the worksheet.

    Thousands may be set apart by commas only where most numbers of the worksheet are so: a lone
    ``1,234`` may as well be a decimal comma.
    """
    values = np.full((len(rows), len(columns)), np.nan)
    commas: list[tuple[int, int, str]] = []
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = at(row, column)
            if cell is None:
                continue
            if type(cell) is float or (type(cell) is int and abs(cell) < 1 << 1000):
                values[i, j] = cell
                continue
            text = cell.strip() if isinstance(cell, str) else ""
            if isinstance(cell, str) and text in MISSING_WORDS:
                continue
            if _NUMBER.fullmatch(text):
                values[i, j] = float(text)
            elif _THOUSANDS.fullmatch(text):
                commas.append((i, j, text))
            else:
                raise _no_number(cell, f"{where}, cell {place(lines[i], column)}")
    if not commas:
        return values, []
    if len(commas) <= np.isfinite(values).sum():
        i, j, text = commas[0]
        raise InputError(
            f"{text!r} may be a decimal comma or thousands set apart, and most numbers have none",
            where=f"{where}, cell {place(lines[i], columns[j])}",
            fix="Make it a number.",
        )
    for i, j, text in commas:
        values[i, j] = float(text.replace(",", ""))
    sheet = where.rsplit("worksheet ", 1)[-1]
    message = (
        f"{len(commas)} values of {sheet} are text with thousands set apart by commas: "
        f"{commas[0][2]!r} is read as {values[commas[0][:2]]:.15g}."
    )
    fix = "Compare one of them with another source if a decimal comma is possible."
    return values, [Finding("thousands_commas", "warning", message, fix=fix)]


def _no_number(cell: Any, where: str) -> InputError:
    fix = "Make it a number or leave it empty."
    if isinstance(cell, str) and cell.strip().startswith(("<", ">")):
        fix = "Leave the cell empty: a limit is never taken for a value."
    return InputError(f"{shown([cell])} is no number", where=where, fix=fix)


def strays(cells: Sequence[tuple[int, int]], where: str) -> list[Finding]:
    """Say which cells beside the table were not read."""
    if not cells:
        return []
    names = tuple(place(row, column) for row, column in cells)
    message = f"{len(names)} cells beside the table were not read: {shown(names)}."
    fix = f"Look at them in {where}: a row or a column without its id?"
    return [Finding("stray_cells", "warning", message, names, fix)]


def require_ids(filled: Sequence[int], n: int, what: str, names: Sequence[str], where: str) -> None:
    """Raise where a line of cells without an id holds half as many values as the table or more."""
    wrong = [name for f, name in zip(filled, names, strict=True) if 2 * f >= n]
    if wrong:
        raise InputError(
            f"There are values without {what} in {shown(wrong)}",
            where=where,
            fix="Give them their id, or take them out.",
        )
