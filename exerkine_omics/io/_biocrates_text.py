"""MetIDQ's text export: stacked sections, of which Concentration is read."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from exerkine_omics.errors import InputError, brief, shown
from exerkine_omics.io._biocrates_cells import (
    WHAT,
    Grid,
    Limit,
    parse_title,
    require_columns,
    require_distinct,
    status_of,
    words,
)
from exerkine_omics.io._columns import plain
from exerkine_omics.io._source import Source

_SEPARATORS = ("\t", ";", ",")
_LINES = re.compile(r"\r\n|\n|\r")
_STATUS = " Status"
_HEADS = ({"samplebarcode", "sampletype"}, {"platebarcode", "sampletype"},
          {"sampletype", "sampleidentification", "wellposition"})  # fmt: skip


@dataclass
class _Section:
    title: str
    first: int  # number of its first line after the title
    lines: list[str] = field(default_factory=list)


def _bare(line: str) -> str:
    return line.strip(' \t;,"')


def _is_title(line: str) -> bool:
    return line.lstrip(' \t;,"').startswith("#") and parse_title(_bare(line)) is not None


def has_title(source: Source) -> bool:
    """Say whether a title of MetIDQ stands first."""
    first = next((x for x in source.head if _bare(x)), "")
    return _is_title(first) and "\t" in "".join(source.head[:3])


def has_header(source: Source) -> bool:
    """Say whether one of the first lines has the columns of an export."""
    return any(_separator(x) is not None for x in source.head[:5])


def _separator(line: str) -> str | None:
    for sep in _SEPARATORS:
        names = {plain(c) for c in line.split(sep)}
        if any(h <= names for h in _HEADS):
            return sep
    return None


def text_grid(source: Source) -> Grid:
    """Read the cells of the Concentration section."""
    sections = _sections(source.text())
    section = _concentrations(sections, source.where)
    rows, sep = _rows(section, source.where)
    header = [c.strip() for c in rows[0][1]]
    where = f"{source.where}, line {rows[0][0]}"
    require_distinct(header, where)
    required = require_columns(header, where)
    body = rows[1:]
    _refuse_strays(header, body, source.where)
    analytes, status = _analytes(header, body, source.where)
    if not status and any(_has_status(s) for s in sections if s is not section):
        raise InputError(
            "The Concentration section has no Status columns and another section has",
            where=source.where,
            fix="Are the titles interchanged? Export the file again.",
        )
    about = [i for i in range(len(header)) if i not in {*analytes, *status} and header[i]]
    samples: list[list[str]] = []
    values, lines, limits, said = [], [], [], []
    for line, row in body:
        cells = [row[i].strip() for i in about]
        filled = [c for c in cells if c]
        bar, kind = row[required["bar_code"]].strip(), row[required["type"]].strip()
        if len(filled) < 2 and not bar and not kind:
            label = filled[0] if filled else ""
            limits.append(Limit(label, [row[i].strip() for i in analytes], line))
            continue
        for name, cell in (("bar_code", bar), ("type", kind)):
            if not cell:
                raise InputError(
                    "A sample has no bar code" if name == "bar_code" else "A sample has no type",
                    where=f"{source.where}, line {line}, column {header[required[name]]!r}",
                    fix="Is the line misplaced? Export the file again.",
                )
        samples.append(cells)
        values.append([row[i] for i in analytes])
        said.append([row[i] for i in status])
        lines.append(line)
    names = [header[i] for i in analytes]
    shape = (len(samples), len(names))
    grid = Grid(
        [header[i] for i in about], samples, names,
        np.array(values, dtype=object).reshape(shape),
        np.array(said, dtype=object).reshape(shape) if status else None,
        limits, lines, source.where, title=section.title,
    )  # fmt: skip
    grid.missing_rows = _missing_rows(grid, sections, section, required["bar_code"], sep, header)
    return grid


def _sections(text: str) -> list[_Section]:
    found = [_Section("", 1)]
    for number, line in enumerate(_LINES.split(text), start=1):
        if _is_title(line):
            found.append(_Section(_bare(line), number + 1))
        else:
            found[-1].lines.append(line)
    return found


def _concentrations(sections: list[_Section], where: str) -> _Section:
    """Return the section that holds concentrations, or the whole of a file without titles."""
    before = [x for x in sections[0].lines if _bare(x)]
    titled = sections[1:]
    if not titled:
        return sections[0]
    if before:
        raise InputError(
            f"Lines stand before the first title: {brief(_bare(before[0]))!r}",
            where=f"{where}, line 1",
            fix="Is a title missing? Export the file again.",
        )
    titles = [(parse_title(s.title) or ("", ""))[0] for s in titled]
    hits = [s for s, t in zip(titled, titles, strict=True) if plain(t).startswith(WHAT)]
    if len(hits) != 1:
        raise InputError(
            f"The file has {len(hits)} sections of concentrations; its sections are "
            f"{shown(titles)}",
            where=where,
            fix="Export concentrations, in one unit.",
        )
    return hits[0]


def _rows(section: _Section, where: str) -> tuple[list[tuple[int, list[str]]], str]:
    """Cells of the lines from the header on, blank lines left out, and the separator."""
    numbered = [(section.first + i, x) for i, x in enumerate(section.lines) if _bare(x)]
    if not numbered:
        raise InputError("The Concentration section is empty", where=where, fix="Export it again.")
    sep = _separator(numbered[0][1]) or max(_SEPARATORS, key=numbered[0][1].count)
    rows: list[tuple[int, list[str]]] = []
    for line, text in numbered:
        try:
            cells = text.split("\t") if sep == "\t" else next(csv.reader([text], delimiter=sep))
        except (csv.Error, StopIteration) as error:
            raise InputError(
                f"The line cannot be read ({error})", where=f"{where}, line {line}",
                fix="Export the file again.",
            ) from None  # fmt: skip
        if rows and len(cells) != len(rows[0][1]):
            raise InputError(
                f"The line has {len(cells)} fields and the header has {len(rows[0][1])}",
                where=f"{where}, line {line}",
                fix="Is the file cut off, or is a separator missing? Export it again.",
            )
        rows.append((line, cells))
    return rows, sep


def _refuse_strays(header: list[str], body: list[tuple[int, list[str]]], where: str) -> None:
    """Refuse a second header, and cells under no name."""
    known = {plain(h) for h in header if h}
    unnamed = [i for i, h in enumerate(header) if not h]
    for line, row in body:
        if len([c for c in row if plain(c) in known and c.strip()]) > max(2, len(known) // 2):
            raise InputError(
                "The header stands twice", where=f"{where}, line {line}",
                fix="Is the title of a section missing? Export the file again.",
            )  # fmt: skip
        for i in unnamed:
            if row[i].strip():
                raise InputError(
                    f"The cell {brief(row[i])!r} stands in a column without a name",
                    where=f"{where}, line {line}, column {i + 1}",
                    fix="Name the column in the header, or empty the cell.",
                )


def _analytes(
    header: list[str], body: list[tuple[int, list[str]]], where: str
) -> tuple[list[int], list[int]]:
    """Columns of the analytes, and of their statuses where there are any."""
    place = {h: i for i, h in enumerate(header) if h}
    pairs = [
        (i, place[h + _STATUS]) for i, h in enumerate(header) if h and h + _STATUS in place
    ]  # fmt: skip
    classed = _classed(header, body)
    if pairs:
        own = {i for pair in pairs for i in pair}
        alone = [h for i, h in enumerate(header) if i in classed and i not in own]
        for i, name in enumerate(header):
            if i not in own and name.endswith(_STATUS):
                if any(status_of(row[i]) for _, row in body if row[i].strip()):
                    alone.append(name)
        if alone:
            raise InputError(
                f"{shown(alone)} stand alone: each analyte has a column and one named Status",
                where=f"{where}, header",
                fix="Were columns renamed or taken out? Export the file again.",
            )
        return [i for i, _ in pairs], [j for _, j in pairs]
    if not classed:
        raise InputError(
            "No column is an analyte: there are neither Status columns nor a row 'Class'",
            where=where,
            fix="Export the file again with classes or statuses.",
        )
    return classed, []


def _classed(header: list[str], body: list[tuple[int, list[str]]]) -> list[int]:
    """Columns with a cell in the row of classes."""
    spelt = {plain(w) for w in words()["class"]}
    for _, row in body:
        label = next((i for i, c in enumerate(row) if c.strip()), None)
        hits = [i for i, c in enumerate(row) if plain(c) in spelt]
        # columns may stand in any order, so the label need not be the first cell
        if label is not None and hits and len(hits) == 1:
            return [i for i, c in enumerate(row) if c.strip() and i != hits[0] and header[i]]
    return []


def _has_status(section: _Section) -> bool:
    return any(_STATUS + "\t" in f"{x}\t" for x in section.lines[:1])


def _missing_rows(
    grid: Grid, sections: list[_Section], own: _Section, bar: int, sep: str, header: list[str]
) -> tuple[str, ...]:
    """Name samples that another section has more often than this one."""
    column = [i for i, h in enumerate(grid.header) if h == header[bar]][0]
    here = Counter(s[column] for s in grid.samples)
    absent: dict[str, None] = {}
    for section in sections:
        if section is own:
            continue
        there = Counter(
            cells[bar].strip()
            for cells in (x.split(sep) for x in section.lines[1:])
            if len(cells) == len(header) and cells[bar].strip()
        )
        absent.update(dict.fromkeys(b for b, n in there.items() if n > here[b]))
    return tuple(absent)
