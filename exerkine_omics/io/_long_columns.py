"""A long file (one row a sample and analyte) as columns: one pass in bounded memory.

Texts are codes and labels, numbers are arrays; nothing is made of single cells in Python.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, TYPE_CHECKING

import numpy as np

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._bytes import damaged
from exerkine_omics.io._columns import plain
from exerkine_omics.io._labels import natural_sort
from exerkine_omics.io._long_faults import find_fault
from exerkine_omics.io._matrix import MISSING_WORDS, to_numbers
from exerkine_omics.io._source import Source, seekable

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATORS = (";", "\t", ",", "|")
_COMMA = re.compile(r"\s*[-+]?\d+,\d+(?:[eE][-+]?\d+)?\s*")
_POINT = re.compile(r"\s*[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\s*")
_BLOCK = 1 << 22  # bytes of text parsed at a time
_OWN_METADATA = (b"pandas", b"ARROW:schema")


@dataclass
class Codes:
    """A text column: ``labels[codes]``; code -1 is a missing cell."""

    codes: np.ndarray
    dictionary: pa.Array

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels as an object array."""
        return np.array(self.dictionary.to_pylist() or [""], dtype=object)

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

    def place(self, row: int) -> str:
        """Say where a row stands, for messages."""
        if self.first_line is None:
            return f"row {row + 1} of the data"
        return f"line {self.first_line + row}"


def header_of(source: Source) -> list[str]:
    """Return the column names of a text or parquet file; empty where there are none."""
    if source.kind == "text":
        lines = source.head
        start = next((i for i, line in enumerate(lines) if line.strip()), None)
        if start is None:
            return []
        # the separator that gives most names; a name with a comma in it is quoted
        found = [_fields(lines[start], sep) for sep in _SEPARATORS]
        return max(found, key=len)
    if source.kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with seekable(source) as stream:
                return [str(n) for n in pq.read_schema(stream).names]
        except (pa.ArrowException, OSError, ValueError):
            return []
    return []


def read_columns(
    source: Source, is_number: Callable[[str], bool], missing: Sequence[str] = ()
) -> LongTable:
    """Read a long file; ``is_number`` says by name which columns hold numbers.

    Text in a number column, lines of another length, zero bytes and fields that run over lines
    are an `InputError` that names the line and the column; ``missing`` adds words for NaN.
    """
    words = sorted({*MISSING_WORDS, "None", *missing})
    if source.kind == "parquet":
        return _parquet(source, is_number, words)
    return _text(source, is_number, words)


def _fields(line: str, sep: str) -> list[str]:
    try:
        return [c.strip() for c in next(csv.reader([line], delimiter=sep), [])]
    except csv.Error:
        return []


def _unique_names(names: list[str], where: str) -> None:
    seen = [plain(n) for n in names if n]
    twice = [n for n in names if n and seen.count(plain(n)) > 1]
    if twice:
        raise InputError(
            f"Columns {shown(twice)} stand more than once",
            where=where,
            fix="Keep one of each; duplicates are never averaged.",
        )


class _Watched(io.RawIOBase):
    """Bytes as they pass: lines counted, zero bytes refused."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream, self._where = stream, where
        self.feeds = self.returns = 0
        self.last = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(len(view))
        if b"\x00" in data:
            line = self.feeds + data[: data.index(0)].count(b"\n") + 1
            raise InputError(
                f"The file is no text: line {line} holds zero bytes",
                where=self._where,
                fix="Export it again.",
            )
        self.feeds += data.count(b"\n")
        self.returns += data.count(b"\r")
        self.last = data[-1:] or self.last
        view[: len(data)] = data
        return len(data)

    @property
    def lines(self) -> int:
        """Count the lines, also those that end with a carriage return alone."""
        ends = self.feeds or self.returns
        return ends + (self.last not in (b"\n", b"\r"))


def _text(source: Source, is_number: Callable[[str], bool], words: list[str]) -> LongTable:
    where = source.where
    lines = source.head
    start = next(i for i, line in enumerate(lines) if line.strip())
    names = header_of(source)
    sep = next(s for s in _SEPARATORS if _fields(lines[start], s) == names)
    first = next((line for line in lines[start + 1 :] if line.strip()), "")
    if len(_fields(first, sep)) == len(names) + 1:
        names = ["", *names]  # R's write.table leaves the header of the row names out
    _unique_names(names, where)
    numbers = {i: n for i, n in enumerate(names) if n and is_number(n)}
    comma = _decimal_comma([_fields(line, sep) for line in lines[start + 1 : start + 200]], numbers)

    def parse(opened: Callable[[], IO[bytes]]) -> tuple[pa.Table, _Watched]:
        return _parsed(opened, where, sep, names, numbers, words, start + 1, comma)

    opened = source.open
    with source.open() as stream:
        begin = stream.read(4)
    try:
        if begin.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in begin:
            raise UnicodeError
        table, watched = parse(opened)
    except UnicodeError:  # no UTF-8: decoded as a whole, as for other tables
        data = source.text().lstrip("\ufeff").encode("utf-8")
        opened = lambda: io.BytesIO(data)  # noqa: E731
        table, watched = parse(opened)
    n_rows = table.num_rows
    if not n_rows:
        raise InputError("The file has a header and no rows", where=where, fix="Is it whole?")
    below = watched.lines - start - 1
    if n_rows > below or (n_rows < below and n_rows != below - _blank_lines(opened, start + 1)):
        raise find_fault(opened, where, sep, len(names), numbers, words, start + 1, comma, "")
    result = _assembled(table, names, numbers, where)
    result.first_line = start + 2 if n_rows == below else None
    if watched.last not in (b"\n", b"\r"):
        message = "The last line has no line end: the file may be cut."
        result.findings.append(Finding("no_line_end", "note", message, (), "Compare its length."))
    return result


def _parsed(
    opened: Callable[[], IO[bytes]],
    where: str,
    sep: str,
    names: list[str],
    numbers: dict[int, str],
    words: list[str],
    skip: int,
    comma: bool,
) -> tuple[pa.Table, _Watched]:
    """Parse the text; a decimal sign that shows late is tried before the fault is looked for."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = pa.dictionary(pa.int32(), pa.string())
    columns = [str(i) for i in range(len(names))]
    types = {c: pa.float64() if i in numbers else text for i, c in enumerate(columns)}
    error = ""
    for sign in dict.fromkeys([comma, sep != "," and not comma, comma]):
        with opened() as stream:
            watched = _Watched(stream, where)
            try:
                table = arrow_csv.read_csv(
                    io.BufferedReader(watched, _BLOCK),
                    arrow_csv.ReadOptions(skip_rows=skip, column_names=columns, block_size=_BLOCK),
                    arrow_csv.ParseOptions(delimiter=sep),
                    arrow_csv.ConvertOptions(
                        column_types=types,
                        null_values=words,
                        strings_can_be_null=False,
                        decimal_point="," if sign else ".",
                    ),
                )
                return table, watched
            except pa.ArrowInvalid as invalid:
                if "UTF8" in str(invalid):
                    raise UnicodeError from None
                if "mpty CSV" in str(invalid):
                    raise InputError(
                        "The file has a header and no rows", where=where, fix="Is it whole?"
                    ) from None
                error = error or str(invalid)
    raise find_fault(opened, where, sep, len(names), numbers, words, skip, comma, error)


def _decimal_comma(rows: list[list[str]], numbers: dict[int, str]) -> bool:
    cells = [row[i] for row in rows for i in numbers if i < len(row)]
    commas = any(_COMMA.fullmatch(c) for c in cells)
    return commas and not any(_POINT.fullmatch(c) for c in cells)


def _blank_lines(opened: Callable[[], IO[bytes]], skip: int) -> int:
    with opened() as stream:
        return sum(not line.strip() for i, line in enumerate(stream) if i >= skip)


def _parquet(source: Source, is_number: Callable[[str], bool], words: list[str]) -> LongTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with seekable(source) as stream:
            schema = pq.read_schema(stream)
            names = [str(n) for n in schema.names]
            _unique_names(names, source.where)
            # texts as dictionaries from the start: the labels are never repeated in memory
            texts = [n for n, t in zip(names, schema.types, strict=True) if pa.types.is_string(t)]
            stream.seek(0)
            file = pq.ParquetFile(stream, read_dictionary=texts, page_checksum_verification=True)
            table = file.read()
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise damaged(source.path, "parquet", type(error).__name__) from None
    if not table.num_rows:
        raise InputError("The file has no rows", where=source.where, fix="Is it whole?")
    numbers = {i: n for i, n in enumerate(names) if is_number(n)}
    result = _assembled(table, names, numbers, source.where, words)
    known = schema.metadata or {}
    result.metadata = {
        k.decode("utf-8", "replace"): v.decode("utf-8", "replace")
        for k, v in known.items()
        if k not in _OWN_METADATA
    }
    return result


def _assembled(
    table: pa.Table,
    names: list[str],
    numbers: dict[int, str],
    where: str,
    words: Sequence[str] = (),
) -> LongTable:
    """Columns of the Arrow table as arrays; each is let go when it is taken."""
    result = LongTable(where, {}, {}, table.num_rows)
    columns = list(table.columns)
    del table
    for i, name in enumerate(names):
        column, columns[i] = columns[i], None
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
    import pandas as pd
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
    import pandas as pd
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
