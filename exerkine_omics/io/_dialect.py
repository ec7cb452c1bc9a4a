"""A text table as it was written: encoding, separator, decimal sign, lines of one length."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._bytes import PARQUET, ZIP, decode, open_bytes
from exerkine_omics.io._matrix import MISSING_WORDS

_SEPARATORS = ("\t", ";", ",", "|")  # a tie goes to the earlier one: `1,5;2,5` is semicolon
_NAMES = {"\t": "tab", ";": "';'", ",": "','", "|": "'|'"}
_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_POINT_NUMBER = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
CODE = re.compile(r"0\d+|\d{16,}")  # digits that a float would change
_SAMPLE_LINES = 200
_BLOCK = 1000  # rows
_MOST_FIELD = 1 << 24


@dataclass(frozen=True)
class Cells:
    """A table read: header, cells under it, and what was detected on the way."""

    header: list[str]
    frame: pd.DataFrame
    detected: str = ""
    doubt: str = ""


def read_text(
    path: Path,
    *,
    sep: str | None,
    decimal: str | None,
    text: Sequence[str | None],
    first_is_id: bool = True,
) -> Cells:
    """Read a csv, tsv or txt file; ids, the columns in ``text``, and ``001`` keep their words."""
    content, encoding = _decode(path)
    lines = list(io.StringIO(content, newline=""))
    if not any(line.strip() for line in lines):
        raise InputError("The file is empty", where=str(path), fix="Give a table with a header.")
    chosen = sep or _separator(lines, path)
    header, start = _header_and_lengths(lines, chosen, path)
    comma, doubt = (decimal == ",", "") if decimal else _decimal_comma(lines[start:], chosen)
    kept = {i for i, name in enumerate(header) if name in text or (i == 0 and first_is_id)}
    kept |= _codes(lines[start:], chosen)
    frame = _body(lines[start:], chosen, header, comma=comma, text=kept, path=path)
    plain = encoding.startswith("utf-8") and chosen in ",\t" and not comma
    detected = f"encoding {encoding}, separator {_NAMES.get(chosen, repr(chosen))}"
    detected += ", decimal comma" if comma else ""
    return Cells(header, frame, "" if plain else detected, doubt)


def _decode(path: Path) -> tuple[str, str]:
    with open_bytes(path) as stream:
        data = stream.read()
    if data.startswith((ZIP, PARQUET)):
        kind = ".xlsx" if data.startswith(ZIP) else ".parquet"
        raise InputError(
            f"The file is no text, it looks like {kind}", where=str(path), fix=f"Name it {kind}."
        )
    return decode(data, str(path))


def _rows(lines: Sequence[str], sep: str) -> list[list[str]]:
    csv.field_size_limit(_MOST_FIELD)
    return [row for row in csv.reader(lines, delimiter=sep) if any(c.strip() for c in row)]


def _separator(lines: Sequence[str], path: Path) -> str:
    best, rank = "", (-1, False)
    for sep in _SEPARATORS:
        try:
            rows = _rows(lines[:_SAMPLE_LINES], sep)
        except csv.Error:
            continue
        widths = [len(r) for r in rows]
        if not widths or widths[0] < 2:
            continue
        # one longer than the header: R's row names
        steady = set(widths[1:]) in ({widths[0]}, {widths[0] + 1})
        if (steady, widths[0]) > (rank[1], rank[0]):
            best, rank = sep, (widths[0], steady)
    if not best:
        raise InputError(
            "The file has one column: no separator (tab, semicolon, comma) was found",
            where=str(path),
            fix="A table needs an id and at least one analyte; name the separator with sep=.",
        )
    return best


def _header_and_lengths(lines: Sequence[str], sep: str, path: Path) -> tuple[list[str], int]:
    """Return the header, and on which line the rows begin; each must be as long as the header."""
    csv.field_size_limit(_MOST_FIELD)
    reader = csv.reader(lines, delimiter=sep)
    header: list[str] = []
    start, width = 0, 0
    try:
        for row in reader:
            if not any(c.strip() for c in row):
                continue
            if not header:
                header, start = row, reader.line_num
                continue
            if not width:
                # R's write.table leaves the header of the row names out
                if len(row) == len(header) + 1:
                    header = ["", *header]
                width = len(header)
            if len(row) != width:
                raise InputError(
                    f"Line {reader.line_num} has {len(row)} fields and the header has {width}",
                    where=str(path),
                    fix="Look for a missing separator, or a comma inside a field without quotes; "
                    "sep= and decimal= name the dialect.",
                )
    except csv.Error as error:
        raise InputError(
            f"Line {reader.line_num} cannot be read ({error})", where=str(path), fix="Export again."
        ) from None
    if not width:
        raise InputError(
            "The file has a header and no rows", where=str(path), fix="It needs one row a sample."
        )
    return [c.strip() for c in header], start


def _body(
    lines: Sequence[str], sep: str, header: list[str], *, comma: bool, text: set[int], path: Path
) -> pd.DataFrame:
    """Cells as columns: float64 where all are numbers, else text.

    Blocks of rows keep the memory near that of the numbers. Python's own float is read, which
    gives back to the last bit what was written.
    """
    rows = (r for r in csv.reader(lines, delimiter=sep) if any(c.strip() for c in r))
    pieces: list[list[np.ndarray]] = [[] for _ in header]
    signs: list[set[str]] = [set() for _ in header]
    while block := list(itertools.islice(rows, _BLOCK)):
        for i, cells in enumerate(zip(*block, strict=True)):
            if i in text:
                pieces[i].append(np.array(cells, dtype=object))
                continue
            if comma:
                _one_sign(cells, signs[i], header[i], path)
            pieces[i].append(_numbers_or_text(cells, comma))
    return pd.DataFrame({i: np.concatenate(p) for i, p in enumerate(pieces)})


def _numbers_or_text(cells: Sequence[str], comma: bool) -> np.ndarray:
    words = ["nan" if c in MISSING_WORDS else c for c in cells]
    if comma:
        words = [w.replace(",", ".") if _COMMA_NUMBER.fullmatch(w.strip()) else w for w in words]
    if "_" not in "".join(words):  # Python reads 1_000 as a number
        try:
            return np.array(words, dtype=np.float64)
        except ValueError:
            pass
    # a word among numbers: the column stays text, and its numbers are spelt with a point
    spelt = [
        w if _COMMA_NUMBER.fullmatch(c.strip()) else c for w, c in zip(words, cells, strict=True)
    ]
    return np.array(spelt if comma else cells, dtype=object)


def _one_sign(cells: Sequence[str], signs: set[str], name: str, path: Path) -> None:
    """Raise where a column has decimal commas and decimal points: one of them means thousands."""
    for sign, number in ((",", _COMMA_NUMBER), (".", _POINT_NUMBER)):
        hit = next((c for c in cells if number.fullmatch(c.strip())), None)
        if hit is not None:
            signs.add(sign)
        if len(signs) > 1:
            raise InputError(
                f"Column {name!r} holds decimal commas and decimal points ({hit!r})",
                where=str(path),
                fix="Write all numbers alike, without separators of thousands.",
            )


def _codes(lines: Sequence[str], sep: str) -> set[int]:
    """Columns with leading zeros or very long numbers: codes, which a float would change."""
    rows = _rows(lines[:_SAMPLE_LINES], sep)
    return {i for row in rows for i, cell in enumerate(row) if CODE.fullmatch(cell.strip())}


def _decimal_comma(lines: Sequence[str], sep: str) -> tuple[bool, str]:
    commas: list[str] = []
    for row in _rows(lines[:_SAMPLE_LINES], sep):
        for cell in (c.strip() for c in row):
            if _POINT_NUMBER.fullmatch(cell):
                return False, ""
            if _COMMA_NUMBER.fullmatch(cell):
                commas.append(cell)
    if not commas:
        return False, ""
    thousands = all(re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", c) for c in commas)
    doubt = f"{shown(commas)} were read as decimal commas; they could be thousands."
    return True, doubt if thousands else ""
