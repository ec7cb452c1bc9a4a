"""The identifier tables of the package, read once."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "identifiers"


@cache
def table(name: str) -> tuple[tuple[str, ...], ...]:
    """Rows of a shipped table as tuples of text, its header left out."""
    path = FOLDER / name
    packed = name.endswith(".gz")
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as rows:
        return tuple(tuple(line.rstrip("\n").split("\t")) for line in rows)[1:]


def listed(cell: str) -> list[str]:
    """Values of a cell that holds a list."""
    return [part.strip() for part in cell.split(";") if part.strip()]
