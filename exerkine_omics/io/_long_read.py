"""A long file read in one pass and bounded memory: pyarrow parses, no cell is met in Python."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._bytes import damaged
from exerkine_omics.io._columns import plain
from exerkine_omics.io._long_columns import LongTable, assembled
from exerkine_omics.io._long_faults import find_fault
from exerkine_omics.io._matrix import MISSING_WORDS
from exerkine_omics.io._source import Source, seekable

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATORS = (";", "\t", ",", "|")
_COMMA = re.compile(r"\s*[-+]?\d+,\d+(?:[eE][-+]?\d+)?\s*")
_POINT = re.compile(r"\s*[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\s*")
_BLOCK = 1 << 22  # bytes of text parsed at a time
_OWN_METADATA = (b"pandas", b"ARROW:schema")


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
    plain_words = sorted({*MISSING_WORDS, "None", *missing})
    words = [f"{a}{w}{b}" for w in plain_words for a, b in (("", ""), (" ", ""), ("", " "))]
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
    result = assembled(table, names, numbers, where)
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
                if "mpty CSV" in str(invalid) or "Could not skip" in str(invalid):
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
            table.validate(full=True)  # text that is no UTF-8, codes without a label
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise damaged(source.path, "parquet", type(error).__name__) from None
    if not table.num_rows:
        raise InputError("The file has no rows", where=source.where, fix="Is it whole?")
    numbers = {i: n for i, n in enumerate(names) if is_number(n)}
    result = assembled(table, names, numbers, source.where, words)
    known = schema.metadata or {}
    result.metadata = {
        k.decode("utf-8", "replace"): v.decode("utf-8", "replace")
        for k, v in known.items()
        if k not in _OWN_METADATA
    }
    return result
