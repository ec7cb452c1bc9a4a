"""Problems of a knowledge base, each with its file, row and column."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

COLUMNS = ("file", "row", "field", "problem")


class Problems:
    """A list of problems that grows while files are checked."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, str, str]] = []

    def add(self, file: str, row: object, field: str, problem: str) -> None:
        """Add one problem."""
        self._rows.append((file, str(row), field, problem))

    def add_rows(self, file: str, rows: Iterable[object], field: str, problem: str) -> None:
        """Add the same problem of several rows."""
        for row in rows:
            self.add(file, row, field, problem)

    def to_frame(self) -> pd.DataFrame:
        """One row a problem: file, row, field, problem."""
        return pd.DataFrame(self._rows, columns=list(COLUMNS))
