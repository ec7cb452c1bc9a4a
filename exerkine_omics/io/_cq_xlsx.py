"""qPCR exports that are Excel files: QuantStudio's software and Design & Analysis."""

from __future__ import annotations

from typing import Any

from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._cq_cells import Export
from exerkine_omics.io._cq_wells import PERSONAL, Layout, has_wells
from exerkine_omics.io._excel import Row
from exerkine_omics.io._source import Source

_RESULTS = "results"
# the sheets that stand beside the results in an export of these instruments
_BESIDE = frozenset(["sample setup", "amplification data", "raw data", "multicomponent"])


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell).strip()


def _header_at(rows: list[Row]) -> int | None:
    return next((i for i, r in enumerate(rows) if has_wells([_text(c) for c in r])), None)


def _sheet(source: Source) -> str | None:
    """Name of the worksheet with the wells."""
    named = [n for n in source.sheets if n.strip().casefold() == _RESULTS]
    others = [n for n, rows in source.sheets.items() if _header_at(rows) is not None]
    return next(iter([*named, *others]), None)


def _sniff(source: Source) -> bool:
    if source.kind != "xlsx":
        return False
    if any(_header_at(rows) is not None for rows in source.sheets.values()):
        return True
    names = {n.strip().casefold() for n in source.sheets}
    return len(names & _BESIDE) > 1  # an export without its results


def _export(source: Source) -> Export:
    name = _sheet(source)
    if name is None:
        raise InputError(
            f"There is no worksheet 'Results' (there are {shown(source.sheets)})",
            where=source.where,
            fix="Export again with the results ticked.",
        )
    rows = source.worksheet(name)
    at = _header_at(rows)
    if at is None:
        found = next((i for i, r in enumerate(rows) if sum(c is not None for c in r) > 4), None)
        if found is None:
            raise InputError(f"Worksheet {name!r} holds no table", where=source.where)
        at = found  # lacks one of the columns: the error names it
    header = [_text(c) for c in rows[at]]
    while header and not header[-1]:
        header.pop()
    about = {}
    for row in rows[:at]:
        words = [_text(c) for c in row if c is not None and _text(c)]
        if len(words) > 3:
            raise InputError(
                f"A row of {len(words)} cells stands before the header of the table",
                where=f"{source.where}, worksheet {name!r}",
                fix="Is a row misplaced? Export it again.",
            )
        if len(words) > 1 and not words[0].casefold().startswith(PERSONAL):
            about[words[0].strip(" :*#")] = " ".join(words[1:])
    body, lines = [], []
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        cells = [_text(c) for c in row]
        if not any(cells):
            continue
        if any(cells[len(header) :]):
            raise InputError(
                f"Row {number} has a cell beyond the last column of the header",
                where=f"{source.where}, worksheet {name!r}",
                fix="Empty it, or name its column.",
            )
        if sum(bool(c) for c in cells) < 3:  # notes under the table
            about.setdefault(cells[0], " ".join(c for c in cells[1:] if c))
            continue
        body.append((cells + [""] * len(header))[: len(header)])
        lines.append(number)
    if not body:
        raise InputError("The table has no wells", where=source.where, fix="Export it again.")
    return Export(header, body, lines, unit_of_line="row", about=about)


LAYOUT = Layout("cq_xlsx", "QuantStudio or Design & Analysis results (Excel)", _sniff, _export)
