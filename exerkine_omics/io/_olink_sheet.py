"""A wide Olink sheet: where its parts are, and what its cells say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics.errors import InputError
from exerkine_omics.io._columns import plain
from exerkine_omics.io._excel import Row
from exerkine_omics.io._labels import is_missing, text_of
from exerkine_omics.io._matrix import to_numbers
from exerkine_omics.io._olink_parts import MAP

WIDE = MAP["wide"]
_TOP = {plain(n): ours for ours, names in WIDE["top"].items() for n in names}
_TOP_ROWS = 12
Place = Callable[[int, int], str]


@dataclass
class Top:
    """The rows above the samples: where they stand, and what each says of a column."""

    start: int
    end: int
    rows: dict[str, list[str]]
    data_type: str

    def at(self, row: str, column: int) -> str:
        """Return the word of a column in a row; empty where there is none."""
        words = self.rows.get(row, [])
        return words[column] if column < len(words) else ""


def find_top(rows: list[Row]) -> Top | None:
    """Return the rows that name panels and assays, or None where a table has none of the kind."""
    for start, row in enumerate(rows[:_TOP_ROWS]):
        if not row or _TOP.get(plain(word(row[0]))) != "panel":
            continue
        found: dict[str, list[str]] = {}
        end = start
        while end < len(rows) and rows[end] and (name := _TOP.get(plain(word(rows[end][0])))):
            found[name] = [word(c) for c in rows[end]]
            end += 1
        if {"name", "panel"} <= set(found) and {"olink_id", "uniprot"} & set(found):
            head = [plain(word(c)) for r in rows[:start] for c in r]
            types = WIDE["data_types"].items()
            known = [t for t, words in types if any(plain(w) in head for w in words)]
            return Top(start, end, found, known[0] if known else "")
    return None


def word(cell: object) -> str:
    return "" if is_missing(cell) else text_of(cell).strip()


def blank(row: Row) -> bool:
    return all(is_missing(c) for c in row)


def below_names() -> dict[str, str]:
    """Plain names of the rows below the samples, and what they are."""
    sections = {**MAP["limits"], **MAP["layers"], "assay_warning": WIDE["assay_warning"]}
    sections |= {k: MAP["var"][k] for k in ("missing_freq", "normalization")}
    return {plain(n): ours for ours, names in sections.items() for n in names}


def last_sample(rows: list[Row], top: Top, where: str, place: Place) -> int:
    """Row after the last sample: an empty one, or the first of nothing but limits."""
    known = below_names()
    first = next((i for i in range(top.end, len(rows)) if not blank(rows[i])), len(rows))
    end = next((i for i in range(first, len(rows)) if blank(rows[i])), len(rows))
    labels = [plain(word(rows[i][0])) for i in range(first, end)]
    if end == len(rows):
        while labels and labels[-1] in known:
            labels.pop()
        end = first + len(labels)
    if set(labels) & set(known):
        i = first + next(k for k, label in enumerate(labels) if label in known)
        raise InputError(
            f"The row {word(rows[i][0])!r} ({place(i, 0)}) stands among the samples",
            where=where,
            fix="Limits stand below the samples, after an empty row.",
        )
    for i in range(end, len(rows)):
        if not blank(rows[i]):
            if plain(word(rows[i][0])) not in known:
                raise InputError(
                    f"{word(rows[i][0])!r} ({place(i, 0)}) stands below an empty row, where "
                    "limits of detection stand",
                    where=where,
                    fix="Take the empty row out if it is a sample.",
                )
            break
    return end


def columns_of(
    top: Top, rows: list[Row], first: int, width: int, where: str, place: Place
) -> dict[str, list[int]]:
    """Sort the columns into assays, plates, warnings, deviations and what else a sample has."""
    special = {plain(n): kind for kind, names in WIDE["columns"].items() for n in names}
    controls = {plain(n) for names in WIDE["controls"].values() for n in names}
    kinds: dict[str, list[int]] = {k: [] for k in (*WIDE["columns"], "assay", "other")}
    for column in range(1, width):
        name, ids = plain(top.at("name", column)), top.at("olink_id", column)
        if name in special:
            kinds[special[name]].append(column)
        elif ids or name in controls or (name and top.at("uniprot", column)):
            kinds["assay"].append(column)
        elif name or top.at("panel", column):
            kinds["other"].append(column)
        elif any(not is_missing(r[column]) for r in rows[top.start :]):
            row = next(i for i in range(top.start, len(rows)) if not is_missing(rows[i][column]))
            raise InputError(
                f"A column without a name holds values ({place(row, column)})",
                where=where,
                fix="Name it in the row 'Assay', or take it out.",
            )
    return kinds


def numbers(
    rows: list[Row], which: Sequence[int], columns: list[int], where: str, place: Place
) -> np.ndarray:
    """Cells as numbers, rows x columns; text that means no missing value is an `InputError`."""
    words = set(MAP["missing"])
    out = np.empty((len(which), len(columns)))
    for j, column in enumerate(columns):
        cells = [rows[i][column] for i in which]
        cells = [None if isinstance(c, str) and c.strip() in words else c for c in cells]
        out[:, j], wrong = to_numbers(pd.Series(cells, dtype=object))
        if wrong:
            at = place(which[wrong[0][0]], column)
            raise InputError(
                f"{at} holds {wrong[0][1][:80]!r}, no number",
                where=where,
                fix="Make it a number or leave it empty.",
            )
    return out
