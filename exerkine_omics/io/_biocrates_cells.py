"""A concentration table of MetIDQ or WebIDQ as it stands in the file, and its cells as numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from exerkine_omics.errors import InputError, brief, shown
from exerkine_omics.io._columns import column_map, plain
from exerkine_omics.io._labels import near

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?", re.ASCII)
_BOTH = re.compile(r"(.+?)\s*\((.+)\)")  # 0.3 (< LOD)
_TITLE = re.compile(
    r"#?\s*(?:Met|Web)IDQ\S*[\s|]+(?P<what>[^\[\t|]*[^\[\t|\s])\s*(?:\[(?P<unit>[^\]\t]*)\])?", re.I
)
_LONGEST = 60  # of a status
NOT_STATED = "not stated"
WHAT = "concentration"


@dataclass
class Limit:
    """A row that annotates the analytes: class, limit, operating procedure."""

    label: str
    cells: list[Any]
    line: int


@dataclass
class Grid:
    """Samples x analytes as cells.

    ``values`` and ``status`` hold what the cells hold; ``status`` is None where the file has none.
    ``lines`` are the places of the samples, of the kind ``place`` (line or row).
    """

    header: list[str]
    samples: list[list[str]]
    analytes: list[str]
    values: np.ndarray
    status: np.ndarray | None
    rows: list[Limit]
    lines: list[int]
    where: str
    place: str = "line"
    title: str = ""
    notes: list[str] = field(default_factory=list)
    missing_rows: tuple[str, ...] = ()  # samples that other sections have and this one lacks


def words() -> dict[str, Any]:
    """Return the words of Biocrates' software."""
    return dict(column_map("biocrates"))


@lru_cache
def _missing() -> frozenset[str]:
    return frozenset(words()["missing"])


def _key(text: str) -> str:
    """Spell a status without blanks and capitals; its sign counts."""
    return re.sub(r"\s+", "", text).casefold()


@lru_cache
def _known_statuses() -> dict[str, str]:
    known = {_key(s): s for s in words()["statuses"]}
    for ours, theirs in words()["spellings"].items():
        known |= {_key(t): ours for t in theirs}
    return known


def status_of(text: str) -> str | None:
    """Return a status as the map spells it, or None where the text is none."""
    return _known_statuses().get(_key(text))


def parse_title(text: str) -> tuple[str, str] | None:
    """Return what a title says that the values are, and their unit; None where it is no title."""
    hit = _TITLE.match(text.strip().strip('"'))
    return (hit["what"], (hit["unit"] or "").strip()) if hit else None


def is_number(text: str) -> bool:
    """Say whether a text is one number and nothing else."""
    return _NUMBER.fullmatch(text.strip()) is not None


def number_of(cell: object) -> float | None:
    """Return the number in a cell, NaN for a word that says missing, None for other content."""
    if isinstance(cell, str):
        text = cell.strip()
        if _NUMBER.fullmatch(text):
            return float(text)
        return np.nan if text in _missing() else None
    if cell is None:
        return np.nan
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return float(cell)
    return None


def at(grid: Grid, line: int, column: str) -> str:
    """Name the place of a cell."""
    return f"{grid.where}, {grid.place} {line}, column {column!r}"


def point_decimals(grid: Grid) -> None:
    """Write decimal commas as points, where a file has commas and no points."""
    texts = [c for c in grid.values.ravel() if isinstance(c, str)]
    texts += [c for r in grid.rows for c in r.cells if isinstance(c, str)]
    commas = sum(_COMMA.fullmatch(c.strip()) is not None for c in texts)
    points = sum("." in c and _NUMBER.fullmatch(c.strip()) is not None for c in texts)
    if not commas or points:
        return

    def pointed(cell: Any) -> Any:
        comma = isinstance(cell, str) and _COMMA.fullmatch(cell.strip())
        return cell.replace(",", ".") if comma else cell

    for index, cell in np.ndenumerate(grid.values):
        grid.values[index] = pointed(cell)
    for row in grid.rows:
        row.cells = [pointed(c) for c in row.cells]


def numbers(grid: Grid) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return values and statuses of the cells, and whether the file states any status.

    A cell may hold a number, a word for missing, a status instead of a number (`` < LOD ``), or
    both (``0.3 (< LOD)``). Other text is an `InputError`.
    """
    shape = grid.values.shape
    values = np.full(shape, np.nan)
    status = np.full(shape, NOT_STATED, dtype=object)
    if grid.status is not None:
        for index, cell in np.ndenumerate(grid.status):
            status[index] = _status(grid, index, cell)
    for index, cell in np.ndenumerate(grid.values):
        number = number_of(cell)
        if number is None:
            number, said = _with_status(grid, index, cell, str(status[index]))
            if status[index] == NOT_STATED:
                status[index] = said
        values[index] = number
    for row, column in np.argwhere(np.isinf(values)):
        raise InputError(
            f"{brief(grid.values[row, column])!r} is too large for a number",
            where=at(grid, grid.lines[row], grid.analytes[column]),
            fix="Leave the cell empty where nothing was measured.",
        )
    stated = bool((status != NOT_STATED).any())
    if grid.status is not None and grid.place == "line":
        _require_status(grid, values, status)
    return values, status, stated


def _status(grid: Grid, index: tuple[int, ...], cell: object) -> str:
    text = str(cell or "").strip()
    if text in _missing():
        return NOT_STATED
    known = status_of(text)
    if known is None and (
        _NUMBER.fullmatch(text) or _COMMA.fullmatch(text) or len(text) > _LONGEST
    ):
        raise InputError(
            f"The status is {brief(text)!r}",
            where=at(grid, grid.lines[index[0]], f"{grid.analytes[index[1]]} Status"),
            fix="Are two columns interchanged? Export the file again.",
        )
    return known or text


def _with_status(
    grid: Grid, index: tuple[int, ...], cell: object, stated: str
) -> tuple[float, str]:
    """Return number and status of a cell that is no plain number."""
    if isinstance(cell, str) and len(cell) <= _LONGEST:
        if cell.strip() in words()["endless"] and stated in words()["without_number"]:
            return np.nan, stated  # the calibration curve gives no number here
        known = status_of(cell)
        if known is not None:
            return np.nan, known
        hit = _BOTH.fullmatch(cell.strip())
        if hit:
            number, known = number_of(hit[1]), status_of(hit[2])
            if number is not None and known is not None:
                return number, known
    fix = "It must be a number, or empty where nothing was measured."
    if isinstance(cell, str) and _COMMA.fullmatch(cell.strip()):
        fix = "The file has decimal points and decimal commas: write all numbers alike."
    raise InputError(
        f"{brief(cell)!r} is no concentration",
        where=at(grid, grid.lines[index[0]], grid.analytes[index[1]]),
        fix=fix,
    )


def _require_status(grid: Grid, values: np.ndarray, status: np.ndarray) -> None:
    """Raise where a value has no status: its line may come from another section."""
    bare = np.isfinite(values) & (status == NOT_STATED)
    for row, column in np.argwhere(bare)[:1]:
        raise InputError(
            f"The value {values[row, column]:g} has no status",
            where=at(grid, grid.lines[row], grid.analytes[column]),
            fix="Is the line one of another section? Export the file again.",
        )


def require_distinct(names: list[str], where: str, what: str = "columns") -> None:
    """Raise `InputError` where a name of the header stands twice."""
    seen: set[str] = set()
    twice = [n for n in names if n and (n in seen or seen.add(n))]  # type: ignore[func-returns-value]
    if twice:
        raise InputError(
            f"The {what} {shown(dict.fromkeys(twice))} stand more than once",
            where=where,
            fix="Export the file again; duplicates are never averaged.",
        )


def require_columns(header: list[str], where: str) -> dict[str, int]:
    """Return where the required columns stand; a missing one is an `InputError` that names it."""
    spelt = {plain(h): i for i, h in reversed(list(enumerate(header)))}
    found = {}
    for ours, spellings in words()["required"].items():
        hit = next((spelt[plain(s)] for s in spellings if plain(s) in spelt), None)
        if hit is None:
            raise InputError(
                f"There is no column {spellings[0]!r}",
                where=where,
                fix=f"{near(spellings[0], list(filter(None, header))[:40])} A table without bar "
                "codes does not say whether it holds concentrations, areas or statuses: read it "
                "with exo.io.read_table.",
            )
        found[ours] = hit
    return found
