"""Columns of a long file (one row a sample and analyte): texts as codes, numbers as arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError
from exerkine_omics.io._labels import natural_sort
from exerkine_omics.io._matrix import to_numbers

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Codes:
    """A text column: ``labels[codes]``; code -1 is a missing cell."""

    codes: np.ndarray
    dictionary: pa.Array

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels as an object array."""
        return np.array(self.dictionary.to_pylist() or [""], dtype=object)

    def used(self) -> Codes:
        """Codes without labels that no row has: unused categories, rows left out."""
        rows = np.bincount(self.codes + 1, minlength=len(self.dictionary) + 1)[1:]
        if rows.all():
            return self
        place = np.cumsum(rows > 0, dtype=np.int32) - 1
        codes = np.where(self.codes < 0, np.int32(-1), place[self.codes])
        return Codes(codes, self.dictionary.take(np.flatnonzero(rows)))

    def take(self, codes: np.ndarray) -> list[object]:
        """Labels of codes; None for -1."""
        return [None if c < 0 else self.labels[c] for c in codes]


@dataclass
class LongTable:
    """Columns of a long file by the names of its header."""

    where: str
    texts: dict[str, Codes]
    numbers: dict[str, np.ndarray]
    n_rows: int
    first_line: int | None = None  # line of the first row, where lines and rows run alike
    metadata: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def header(self) -> list[str]:
        """Names of all columns."""
        return [*self.texts, *self.numbers]

    def without_empty_rows(self, column: str) -> None:
        """Leave out rows without a cell, which Excel writes below a table; ``column`` is an id."""
        ids = self.texts[column]
        if not any(not str(v).strip() for v in ids.labels) and (ids.codes >= 0).all():
            return
        full = np.zeros(self.n_rows, dtype=bool)
        for part in self.texts.values():
            full |= np.array([bool(str(v).strip()) for v in part.labels] + [False])[part.codes]
        for values in self.numbers.values():
            full |= ~np.isnan(values)
        if full.all() or not full.any():
            return
        self.texts = {n: Codes(c.codes[full], c.dictionary) for n, c in self.texts.items()}
        self.numbers = {n: v[full] for n, v in self.numbers.items()}
        self.n_rows = int(full.sum())
        self.first_line = None

    def place(self, row: int) -> str:
        """Say where a row stands, for messages."""
        if self.first_line is None:
            return f"row {row + 1} of the data"
        return f"line {self.first_line + row}"


def assembled(
    table: pa.Table,
    names: list[str],
    numbers: dict[int, str],
    where: str,
    words: Sequence[str] = (),
) -> LongTable:
    """Columns of the Arrow table as arrays; each is let go when it is taken."""
    import pyarrow as pa

    result = LongTable(where, {}, {}, table.num_rows)
    columns = list(table.columns)
    del table
    for i, name in enumerate(names):
        column, columns[i] = columns[i], None
        if pa.types.is_nested(column.type):
            if i in numbers:
                raise InputError(f"Column {name!r} holds lists, no numbers", where=where)
            message = f"Column {name!r} holds lists and was left out."
            result.findings.append(Finding("column_not_kept", "note", message, (name,)))
            continue
        if i in numbers:
            result.numbers[name] = _numbers(column, name, result, words)
        elif name:
            result.texts[name] = _codes(column)
        elif i and any(str(v).strip() for v in _codes(column).labels):
            raise InputError(
                f"Column {i + 1} has values and no name", where=where, fix="Name it in the header."
            )
    return result


def _codes(column: pa.ChunkedArray) -> Codes:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    joined = column.unify_dictionaries().combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.chunk(0)
    codes = pc.fill_null(joined.indices.cast(pa.int32()), -1).to_numpy(zero_copy_only=False)
    return Codes(codes, joined.dictionary)


def _numbers(
    column: pa.ChunkedArray, name: str, table: LongTable, words: Sequence[str]
) -> np.ndarray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False).to_numpy()
    codes = _codes(column)
    cells = [np.nan if v is None or str(v).strip() in words else v for v in codes.labels]
    numbers, wrong = to_numbers(pd.Series(cells, dtype=object))
    if wrong:
        row = int(np.flatnonzero(codes.codes == wrong[0][0])[0])
        raise InputError(
            f"Column {name!r} holds text ({table.place(row)}: {wrong[0][1]!r})",
            where=table.where,
            fix="Make it a number or leave it empty.",
        )
    return np.where(codes.codes < 0, np.nan, numbers[codes.codes])


def joined_codes(parts: Sequence[Codes], sep: str = "|") -> Codes:
    """Codes of what several columns say together; missing parts are empty."""
    import pyarrow as pa

    key = np.zeros(len(parts[0].codes), dtype=np.int64)
    for part in parts:
        key = key * (len(part.labels) + 1) + part.codes + 1
    codes, unique = pd.factorize(key)
    labels: list[list[str]] = [[] for _ in unique]
    for part in reversed(parts):
        unique, code = np.divmod(unique, len(part.labels) + 1)
        for label, value in zip(labels, part.take(code - 1), strict=True):
            label.append("" if value is None else str(value))
    texts = [sep.join(reversed(label)) for label in labels]
    return Codes(codes.astype(np.int32), pa.array(texts, pa.string()))


def constant_in(codes: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray | None:
    """Return the one code of each group, or None where a group has several; -1 for no rows."""
    first = np.full(n_groups, -1, dtype=codes.dtype)
    first[groups] = codes
    return first if np.array_equal(first[groups], codes) else None


def labels_in(column: Codes, groups: np.ndarray, n_groups: int, sep: str) -> list[str]:
    """Join the different labels of each group, in natural order."""
    pairs = np.unique(groups.astype(np.int64) * (len(column.labels) + 1) + column.codes + 1)
    found: list[set[str]] = [set() for _ in range(n_groups)]
    group, code = np.divmod(pairs, len(column.labels) + 1)
    for g, label in zip(group, column.take(code - 1), strict=True):
        if label is not None and str(label).strip():
            found[g].add(str(label))
    return [sep.join(natural_sort(f)) for f in found]


def as_json(header: dict[str, object]) -> str:
    """Write a vendor's own header words as JSON text, which h5ad takes."""
    return json.dumps(header, ensure_ascii=False, sort_keys=True, default=str)
