"""The text of an ADAT: sections, column data, row data, values, and how it was laid out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._matrix import to_numbers

SECTIONS = ("^HEADER", "^COL_DATA", "^ROW_DATA", "^TABLE_BEGIN")
_PLAIN = re.compile(r"[0-9.\teE+-]*", re.ASCII)  # numbers that float() reads as a lab means them
Header = dict[str, "str | None | list[str | None]"]
Lines = list[tuple[int, str]]  # line number, line


@dataclass
class AdatText:
    """The pieces of an ADAT, all of them text but the values.

    ``header`` keeps keys and values as they stand, ``None`` where a key has no tab after it and a
    list where it repeats. ``lines`` are the line numbers of the samples.
    """

    header: Header
    col_data: dict[str, list[str]]
    row_data: dict[str, list[str]]
    values: np.ndarray
    lines: list[int]
    first_row: list[str]
    layout: dict[str, object]
    findings: list[Finding] = field(default_factory=list)


def parse(text: str, where: str) -> AdatText:
    """Take an ADAT apart; what does not fit its rectangle is an `InputError` with its line."""
    newline = "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r"
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [(n, line) for n, line in enumerate(whole.split("\n"), 1) if line.strip()]
    findings = []
    if not whole.endswith("\n"):
        findings.append(
            Finding(
                "no_final_line_end",
                "warning",
                "The file does not end with a line end: its last value may be cut off.",
                fix="Compare the last value with the original, or copy the file again.",
            )
        )
    sections, checksum, ignored = _sections(lines)
    if ignored:
        message = f"Sections {shown(ignored)} are not read."
        findings.append(Finding("section_ignored", "note", message, tuple(ignored)))
    if "^TABLE_BEGIN" not in sections:
        raise InputError(
            f"There is no ^TABLE_BEGIN: the file ends at line {lines[-1][0]}, before its table",
            where=where,
            fix="Is it whole? Copy it again.",
        )
    table = sections["^TABLE_BEGIN"]
    col_data, row_data, values, at, width = _table(table, where)
    top = [line for name in SECTIONS[:3] for _, line in sections.get(name, [])]
    padded = width > 2 and bool(top) and all(line.count("\t") == width - 1 for line in top)
    names_padded = _names_line(table).count("\t") >= width - 1
    layout = {
        "newline": newline,
        "final_newline": whole.endswith("\n"),
        "checksum": checksum.rstrip("\t") if checksum is not None else None,
        # the vendor's checksum is kept for as long as this holds
        "body_sha256": body_digest(text) if checksum and checksum.strip() else "",
        "padded": padded,
        "names_padded": names_padded,
        "declared_columns": [line.rstrip("\t") for _, line in sections.get("^COL_DATA", [])],
        "declared_rows": [line.rstrip("\t") for _, line in sections.get("^ROW_DATA", [])],
    }
    header = _header(sections.get("^HEADER", []))
    first_row = table[-1][1].split("\t")[width - len(next(iter(col_data.values()))) : width]
    return AdatText(header, col_data, row_data, values, at, first_row, layout, findings)


def body_digest(text: str) -> str:
    """Digest of all of an ADAT's text but its checksum line."""
    if text.startswith("!Checksum"):
        text = text.partition("\n")[2]
    return hashlib.sha256(text.encode()).hexdigest()


def unquoted(cell: str) -> str:
    """Take off the quotes that a spreadsheet put around a cell."""
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        inner = cell[1:-1]
        if '"' not in inner.replace('""', ""):
            return inner.replace('""', '"')
    return cell


def _sections(lines: Lines) -> tuple[dict[str, Lines], str | None, list[str]]:
    found: dict[str, Lines] = {}
    checksum, ignored, now = None, [], ""
    for place, (number, line) in enumerate(lines):
        first = line.split("\t", 1)[0].strip()
        if first.startswith("^") and first not in found:
            now = first
            found[now] = []
            if now == "^TABLE_BEGIN":
                found[now] = lines[place + 1 :]
                break
            if now not in SECTIONS:
                ignored.append(now)
        elif not now and first.startswith("!Checksum"):
            checksum = line.partition("\t")[2]
        elif now:
            found[now].append((number, line))
    return found, checksum, ignored


def _header(lines: Lines) -> Header:
    header: Header = {}
    for _, line in lines:
        key, tab, value = line.partition("\t")
        new = value.rstrip("\t") if tab else None
        if key not in header:
            header[key] = new
        else:
            old = header[key]
            header[key] = [*old, new] if isinstance(old, list) else [old, new]
    return header


def _table(
    lines: Lines, where: str
) -> tuple[dict[str, list[str]], dict[str, list[str]], np.ndarray, list[int], int]:
    """Column data, row data, values, their line numbers, and the width of the rectangle."""
    if not lines:
        raise InputError("Nothing follows ^TABLE_BEGIN", where=where, fix="Copy the file again.")
    first = lines[0][1].split("\t")
    offset = next((i for i, cell in enumerate(first) if cell.strip()), 0)
    if offset == 0:
        raise InputError(
            f"Line {lines[0][0]} should hold column data (SeqId, ...) to the right of the row data",
            where=where,
            fix="Is it the table of an ADAT? Copy the file again.",
        )
    above = 0
    while above < len(lines) and not any(
        c.strip() for c in lines[above][1].split("\t", offset)[:offset]
    ):
        above += 1
    col_data, n = _column_data(lines[:above], offset, where)
    names = _names(lines[above], offset, where) if above < len(lines) else []
    body = lines[above + 1 :]
    if not body:
        raise InputError(
            f"The file holds {n} analytes and no sample: it ends at line {lines[-1][0]}",
            where=where,
            fix="It is a template or was cut off; take the file with the results.",
        )
    rows, values = [], np.empty((len(body), n))
    for sample, (number, line) in enumerate(body):
        head, values[sample] = _sample(line, number, offset, n, col_data, where)
        rows.append(head)
    row_data: dict[str, list[str]] = {}
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        if name:
            row_data[name] = list(column)
        elif any(c.strip() for c in column):
            raise InputError(
                f"A column of row data with values ({shown(c for c in column if c)}) has no name",
                where=f"{where}, line {lines[above][0]}",
                fix="Name it.",
            )
    return col_data, row_data, values, [number for number, _ in body], offset + 1 + n


def _column_data(lines: Lines, offset: int, where: str) -> tuple[dict[str, list[str]], int]:
    """Rows of column data by name, and how many analytes there are."""
    split = [(number, line.split("\t")[offset:]) for number, line in lines]
    # empty cells at the end are analytes only where another row says so
    n = max(len("\t".join(cells).rstrip("\t").split("\t")) - 1 for _, cells in split)
    col_data: dict[str, list[str]] = {}
    for number, (head, *cells) in split:
        name = unquoted(head).strip()
        if not name or name in col_data:
            what = f"repeats the column data {name!r}" if name else "has no name"
            raise InputError(f"Line {number} {what}", where=where, fix="Copy the file again.")
        cells = _fitting(cells, n, number, where)
        col_data[name] = [unquoted(c) for c in cells] if any('"' in c for c in cells) else cells
    return col_data, n


def _sample(
    line: str, number: int, offset: int, n: int, col_data: dict[str, list[str]], where: str
) -> tuple[list[str], np.ndarray]:
    """Row data and values of one sample."""
    *head, tail = line.split("\t", offset + 1)
    if len(head) != offset + 1 or head[offset].strip():
        what = f"{line.count(chr(9)) + 1} cells, {offset + 1 + n} are needed"
        if len(head) == offset + 1:
            what = f"{head[offset]!r} in the empty column before the values"
        raise InputError(f"Line {number} holds {what}", where=where, fix="Is the file whole?")
    cells = _fitting(tail.split("\t"), n, number, where)
    plain = _PLAIN.fullmatch(tail) is not None
    ids = col_data.get("SeqId") or next(iter(col_data.values()))
    numbers = _numbers(cells, plain, number, ids, where)
    return [unquoted(c) for c in head[:offset]], numbers


def _fitting(cells: list[str], n: int, line: int, where: str) -> list[str]:
    """Cells without empty ones beyond the table, or an error where the count does not fit."""
    if len(cells) == n:
        return cells
    if len(cells) < n or any(c.strip() for c in cells[n:]):
        raise InputError(
            f"Line {line} holds {len(cells)} values and there are {n} analytes",
            where=where,
            fix="Is a tab missing or the file cut off? Copy it again.",
        )
    return cells[:n]


def _names(line: tuple[int, str], offset: int, where: str) -> list[str]:
    number, text = line
    cells = [unquoted(c).strip() for c in text.split("\t")]
    names = cells[:offset]
    repeated = {c for c in names if c and names.count(c) > 1}
    if len(names) < offset or any(cells[offset:]) or sum(map(bool, names)) * 2 < offset:
        raise InputError(
            f"Line {number} should hold the {offset} names of the row data",
            where=where,
            fix="Is a tab missing? Copy the file again.",
        )
    if repeated:
        raise InputError(
            f"Line {number} names the row data {shown(sorted(repeated))} twice",
            where=where,
            fix="Give each column its own name.",
        )
    return names


def _names_line(lines: Lines) -> str:
    return next((line for _, line in lines if not line.startswith("\t")), "")


def _numbers(cells: list[str], plain: bool, line: int, ids: list[str], where: str) -> np.ndarray:
    if plain:
        try:
            return np.array(list(map(float, cells)))
        except ValueError:  # an empty cell, or "1.2.3"
            pass
    numbers, wrong = to_numbers(pd.Series([unquoted(c) for c in cells], dtype=object))
    if not wrong:
        return numbers
    named = [f"{ids[i]}: {cell!r}" for i, cell in wrong]
    comma = any(re.fullmatch(r"\d+,\d+", cell) for _, cell in wrong)
    raise InputError(
        f"Line {line} holds text where values stand ({shown(named)})",
        where=where,
        fix="It was saved with decimal commas; take the vendor's own file."
        if comma
        else "Make them numbers or leave them empty.",
    )
