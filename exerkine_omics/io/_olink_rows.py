"""Rows of a wide Olink file: of the worksheet that holds it, or of a text."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from typing import Any

from openpyxl.utils import get_column_letter

from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._bytes import damaged, open_zip
from exerkine_omics.io._columns import plain
from exerkine_omics.io._excel import Row
from exerkine_omics.io._olink_parts import MAP
from exerkine_omics.io._olink_sheet import Place, find_top
from exerkine_omics.io._source import Source

_SEPARATORS = (";", "\t", ",")
_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_POINT = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
# a cell with a formula, and whatever stands in it up to the next cell
_FORMULA = re.compile(
    rb'<c [^>]*?r="([A-Z]+[0-9]+)"[^>]*>(?:(?!</c>).)*?<f[ />](?:(?!</c>).)*</c>', re.S
)


def worksheets(source: Source) -> dict[str, str]:
    """Names of the worksheets in the wide layout, and the kind of their data."""
    tops = {name: find_top(rows) for name, rows in source.sheets.items()}
    return {name: top.data_type for name, top in tops.items() if top is not None}


def sheet_rows(source: Source, value: str | None) -> tuple[list[Row], Place, list[str]]:
    """Rows of the worksheet, how to name a cell, and worksheets of the layout not taken."""
    known = worksheets(source)
    wanted = plain(value) if value else ""
    kinds = {k for k, names in MAP["values"].items() if wanted in map(plain, (k, *names))}
    fits = [n for n, t in known.items() if not wanted or (t or "npx") in kinds] or list(known)
    if wanted and not kinds:
        raise UsageError(f"value={value!r} is not known", fix=f"One of {shown(MAP['values'])}.")
    name = fits[0]
    _refuse_open_formulas(source)

    def place(row: int, column: int) -> str:
        return f"worksheet {name!r}, cell {get_column_letter(column + 1)}{row + 1}"

    return source.worksheet(name), place, [n for n in known if n != name]


def _refuse_open_formulas(source: Source) -> None:
    """Raise for formulas that were never computed: they would be read as empty cells."""
    for data in _sheet_bytes(source):
        for hit in _FORMULA.finditer(data) if b"<f" in data else ():
            if not re.search(rb"<v>[^<]+</v>", hit.group()):
                raise InputError(
                    f"Cell {hit[1].decode()} holds a formula without its value",
                    where=source.where,
                    fix="Open the file in Excel and save it, or paste the values.",
                )


def _sheet_bytes(source: Source) -> list[bytes]:
    with open_zip(source.path) as archive:
        names = [n for n in archive.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", n)]
        try:
            return [archive.read(n) for n in names]
        except (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error,
                zipfile.BadZipFile) as error:  # fmt: skip
            raise damaged(source.path, "Excel", type(error).__name__) from None


def text_rows(source: Source) -> tuple[list[Row], Place]:
    """Rows of a wide text; all as long as the longest but empty ones, numbers with a point."""
    sep, _ = split_head(source)
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(source.text(), newline=""), delimiter=sep)
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()) or rows:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError(
            f"Line {reader.line_num} cannot be read ({error})",
            where=source.where,
            fix="Export again.",
        ) from None
    while rows and not any(c.strip() for c in rows[-1]):
        rows.pop()
    spans = [i for i in range(1, len(lines)) if lines[i] - lines[i - 1] > 1]
    if spans and any("\n" in c or "\r" in c for i in spans for c in rows[min(i, len(rows) - 1)]):
        raise InputError(
            f"A field runs over several lines up to line {lines[spans[0]]}: is a quotation mark "
            "not closed?",
            where=source.where,
            fix="Export again.",
        )
    width = max(map(len, rows))
    # a head line may be short; lines of the table may not
    for row, line in zip(rows, lines, strict=False):
        if len(row) != width and any(c.strip() for c in row) and row is not rows[0]:
            if len([c for c in row if c.strip()]) == 1 and len(row) <= 2:
                continue
            raise InputError(
                f"Line {line} has {len(row)} fields and others have {width}",
                where=source.where,
                fix="Look for a missing separator.",
            )
    cells = [c.strip() for r in rows for c in r]
    comma = any(_COMMA.fullmatch(c) for c in cells) and sep != ","
    if comma and (hit := next((c for c in cells if _POINT.fullmatch(c)), None)):
        raise InputError(
            f"The file holds decimal commas and decimal points ({hit!r})",
            where=source.where,
            fix="Write all numbers alike.",
        )

    def cell(text: str) -> Any:
        text = text.strip()
        if comma and _COMMA.fullmatch(text):
            return text.replace(",", ".")
        return text or None

    def place(row: int, column: int) -> str:
        return f"line {lines[row]}, field {column + 1}"

    return [tuple(cell(c) for c in r) for r in rows], place


def split_head(source: Source) -> tuple[str, list[Row]]:
    """Separator of a wide text and its first rows; no rows where it is none."""
    for sep in _SEPARATORS:
        try:
            rows: list[Row] = [tuple(r) for r in csv.reader(source.head[:12], delimiter=sep)]
        except csv.Error:
            continue
        if find_top(rows) is not None:
            return sep, rows
    return "", []
