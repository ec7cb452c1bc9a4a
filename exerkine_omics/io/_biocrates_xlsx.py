"""Excel exports of MetIDQ and WebIDQ: the status of a value is the fill colour of its cell."""

from __future__ import annotations

from typing import Any

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
from exerkine_omics.io._bytes import damaged
from exerkine_omics.io._columns import plain
from exerkine_omics.io._excel import Row, rows_of, workbook
from exerkine_omics.io._labels import text_of
from exerkine_omics.io._source import Source

_MOST_CELLS = 6_000_000  # 5000 samples of the largest kit
_HEAD = {"sampletype"}
_EITHER = {"samplebarcode", "platebarcode"}


def _text(cell: Any) -> str:
    return "" if cell is None else text_of(cell).strip()


def header_at(rows: list[Row]) -> int | None:
    """Return the row with the names of the columns."""
    for number, row in enumerate(rows):
        names = {plain(c) for c in row if isinstance(c, str)}
        if names >= _HEAD and names & _EITHER:
            return number
    return None


def is_workbook(source: Source) -> bool:
    """Say whether a worksheet holds samples with bar codes, and annotated analytes."""
    return any(_is_export(rows) for rows in source.sheets.values())


def _is_export(rows: list[Row]) -> bool:
    at = header_at(rows)
    return at is not None and _label_column(rows[at + 1 :]) is not None


def _label_column(rows: list[Row]) -> int | None:
    """Return the column with the labels of the rows that annotate analytes."""
    spelt = {plain(w) for w in words()["class"]}
    starts = tuple(plain(w) for theirs in words()["limits"].values() for w in theirs)
    for exact in (True, False):
        for row in rows:
            for column, cell in enumerate(row):
                if not isinstance(cell, str):
                    continue
                # legends say "< LOD (...)" in a cell of their own
                limit = plain(cell).startswith(starts) and cell.strip()[:1].isalpha()
                if (plain(cell) in spelt) if exact else limit:
                    return column
    return None


def sheet_grid(source: Source, sheet: str | None) -> Grid:
    """Read the cells of the worksheet with concentrations."""
    name = _chosen(source, sheet)
    where = f"{source.where}, worksheet {name!r}"
    with workbook(source.path, styles=True) as book:
        page = book[name]
        if page.max_row * page.max_column > _MOST_CELLS:
            raise InputError(
                f"The worksheet spans {page.max_row} rows and {page.max_column} columns",
                where=where,
                fix="Delete what stands far from the table, or export it again.",
            )
        rows = rows_of(book, name, source.path)
        try:
            fills = _fills(page)
        except (IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise damaged(source.path, "Excel", type(error).__name__) from None
    return _grid(rows, fills, where)


def _chosen(source: Source, sheet: str | None) -> str:
    """Name of the worksheet to read."""
    if sheet is not None:
        if sheet not in source.sheets:
            raise InputError(
                f"There is no worksheet {sheet!r}",
                where=source.where,
                fix=f"There are {shown(source.sheets)}.",
            )
        return sheet
    names = [n for n, rows in source.sheets.items() if _is_export(rows)]
    if len(names) > 1:
        named = [n for n in names if plain(n).startswith("conc")]
        names = named if len(named) == 1 else names
    if len(names) > 1:
        raise InputError(
            f"The worksheets {shown(names)} are each an export",
            where=source.where,
            fix="Name the one with concentrations: sheet=.",
        )
    return names[0] if names else next(iter(source.sheets))


def _fills(page: Any) -> list[list[str]]:
    """Fill colour of each cell as RRGGBB, ``theme N`` or empty; cells of one style share it."""
    seen: dict[int, str] = {}
    colours = []
    for row in page.iter_rows():
        line = []
        for cell in row:
            style = cell.style_id if cell.has_style else -1
            if style not in seen:
                seen[style] = _colour(cell.fill) if style >= 0 else ""
            line.append(seen[style])
        colours.append(line)
    return colours


def _colour(fill: Any) -> str:
    if fill is None or fill.fill_type != "solid":
        return ""
    colour = fill.fgColor
    if colour.type == "rgb":
        return str(colour.rgb)[-6:].upper()
    return f"{colour.type} {colour.theme if colour.type == 'theme' else colour.indexed}"


def _grid(rows: list[Row], fills: list[list[str]], where: str) -> Grid:
    at = header_at(rows)
    names = [_text(c) for c in rows[at]] if at is not None else []
    if at is None:
        first = next((r for r in rows if sum(c is not None for c in r) > 2), ())
        require_columns([_text(c) for c in first], where)
        raise InputError("There is no header", where=where, fix="Export it again.")
    place = f"{where}, row {at + 1}"
    required = require_columns(names, place)
    label = _label_column(rows[at + 1 :])
    if label is None or label >= len(names):
        raise InputError(
            "There is neither a row 'Class' nor a row of limits: where do the analytes begin?",
            where=where,
            fix="Export it again with classes.",
        )
    require_distinct(names, place)
    about = [i for i in range(label + 1) if names[i]]
    analytes = [i for i in range(label + 1, len(names)) if names[i]]
    _refuse_unnamed(rows, names, label, at, where)
    notes, limits, samples, lines = [], [], [], []
    for number in range(at + 1, len(rows)):
        row = rows[number] + (None,) * (len(names) - len(rows[number]))
        cells = [row[i] for i in analytes]
        bar, kind = _text(row[required["bar_code"]]), _text(row[required["type"]])
        filled = any(c is not None for c in cells)
        if bar and filled:
            if not kind:
                raise InputError("A sample has no type", where=f"{where}, row {number + 1}",
                                 fix="Is the row misplaced? Export it again.")  # fmt: skip
            samples.append([_text(row[i]) for i in about])
            lines.append(number)
            continue
        if filled and (lines or _is_type(kind)):
            raise InputError(
                "A sample has no bar code", where=f"{where}, row {number + 1}",
                fix="Is the row misplaced? Export it again.",
            )  # fmt: skip
        texts = [_text(c) for i, c in enumerate(row[: label + 1]) if i != label or not filled]
        notes += [" ".join(t for t in texts if t)]
        if filled:
            limits.append(Limit(_text(row[label]), cells, number + 1))
    legend = _legend(rows[: lines[0] if lines else 0], fills, label)
    values, status = _cells(rows, fills, lines, analytes, legend)
    title = next((n for n in notes if parse_title(n)), "")
    _require_concentrations(title, where)
    return Grid(
        [names[i] for i in about], samples, [names[i] for i in analytes], values, status, limits,
        [n + 1 for n in lines], where, place="row", title=title,
        notes=[n for n in notes if n and n != title],
    )  # fmt: skip


def _cells(
    rows: list[Row],
    fills: list[list[str]],
    lines: list[int],
    analytes: list[int],
    legend: dict[str, str],
) -> tuple[np.ndarray, np.ndarray | None]:
    """Cells and statuses; no statuses where no cell is filled."""
    known = {c: s for s, colours in words()["fills"].items() for c in colours}
    said = {"": "", **{c: f"fill {c}" for line in fills for c in line if c}, **legend, **known}
    shape = (len(lines), len(analytes))
    values = np.full(shape, None, dtype=object)
    status = np.full(shape, "", dtype=object)
    for i, number in enumerate(lines):
        row, colours = rows[number], fills[number]
        for j, column in enumerate(analytes):
            if column < len(row):
                values[i, j], status[i, j] = row[column], said[colours[column]]
    return values, status if (status != "").any() else None


def _legend(rows: list[Row], fills: list[list[str]], label: int) -> dict[str, str]:
    """Colours that a legend of the sheet explains: a filled cell and words beside it."""
    found = {}
    for row, colours in zip(rows, fills, strict=False):
        texts = [_text(c) for c in row[:label]]
        marked = [c for c in colours[:label] if c]
        said = [s for t in texts if (s := status_of(t.split("(")[0].strip(' ":')))]
        if len(marked) == 1 and len(said) == 1:
            found[marked[0]] = said[0]
    return found


def _is_type(text: str) -> bool:
    starts = tuple(w for theirs in words()["types"].values() for w in theirs)
    return bool(text) and text.casefold().startswith(starts)


def _refuse_unnamed(rows: list[Row], names: list[str], label: int, at: int, where: str) -> None:
    """Refuse cells of analytes under no name."""
    for number in range(at + 1, len(rows)):
        for column, cell in enumerate(rows[number][label + 1 :], start=label + 1):
            if cell is not None and (column >= len(names) or not names[column]):
                raise InputError(
                    f"The cell {brief(cell)!r} stands in a column without a name",
                    where=f"{where}, row {number + 1}, column {column + 1}",
                    fix="Name the column in the header, or empty the cell.",
                )


def _require_concentrations(title: str, where: str) -> None:
    said = parse_title(title)
    if said and not plain(said[0]).startswith(WHAT):
        raise InputError(
            f"The worksheet holds {said[0]!r}, not concentrations",
            where=where,
            fix="Export concentrations, or name another worksheet with sheet=.",
        )
