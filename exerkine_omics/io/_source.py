"""A file before it is read: what kind it is, and the first of what it holds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._bytes import (
    GZIP,
    PARQUET,
    SPANNED,
    ZIP,
    decode,
    only_member,
    open_bytes,
    open_zip,
)
from exerkine_omics.io._excel import Row, rows_of, workbook

_HEAD = 1 << 18  # bytes of a text that are looked at
_HEAD_ROWS = 40
_OLE = b"\xd0\xcf\x11\xe0"
_HDF = b"\x89HDF"


@dataclass(frozen=True)
class Source:
    """A file, or the one table inside a zip.

    ``kind`` is by content, never by name: text, xlsx, parquet, rdml, h5ad, zarr.
    """

    path: Path
    kind: str
    member: str = ""

    @property
    def where(self) -> str:
        """Name of the place for messages."""
        return f"{self.path} ({self.member})" if self.member else str(self.path)

    def open(self) -> IO[bytes]:
        """Open the bytes, unpacked."""
        return open_bytes(self.path, self.member)

    @cached_property
    def head(self) -> list[str]:
        """First lines of a text without their line ends; empty for other kinds."""
        if self.kind != "text":
            return []
        with self.open() as stream:
            data = stream.read(_HEAD)
        # a character cut in two at the end is no wrong encoding
        cut = data[: data.rfind(b"\n") + 1] if len(data) == _HEAD and b"\n" in data else data
        return decode(cut, self.where)[0].splitlines()

    def text(self) -> str:
        """Whole text, decoded; line ends as they are."""
        with self.open() as stream:
            return decode(stream.read(), self.where)[0]

    @cached_property
    def sheets(self) -> dict[str, list[Row]]:
        """First rows of each worksheet; empty for other kinds."""
        if self.kind != "xlsx":
            return {}
        with workbook(self.path) as book:
            return {n: rows_of(book, n, self.path, _HEAD_ROWS) for n in _worksheets(book)}

    def worksheet(self, name: str) -> list[Row]:
        """Read all rows of a worksheet, empty ones at the end left out."""
        with workbook(self.path) as book:
            if name not in _worksheets(book):
                raise InputError(
                    f"There is no worksheet {name!r}",
                    where=self.where,
                    fix=f"There are {shown(_worksheets(book))}.",
                )
            rows = rows_of(book, name, self.path)
        while rows and all(c is None for c in rows[-1]):
            rows.pop()
        return rows


def look_at(path: str | Path) -> Source:
    """Say what kind of file this is; a file that is none is an `InputError`."""
    path = Path(path)
    if path.is_dir() and path.suffix == ".zarr":
        return Source(path, "zarr")
    require_file(path)
    try:
        with path.open("rb") as stream:
            first = stream.read(8)
    except OSError as error:
        raise InputError(
            f"The file cannot be read ({error.strerror or error})",
            where=str(path),
            fix="Look at its permissions.",
        ) from None
    if first.startswith(_HDF):
        return Source(path, "h5ad")
    if first.startswith(_OLE):
        raise InputError(
            "This is an old Excel file (.xls)", where=str(path), fix="Save it as .xlsx or .csv."
        )
    if first.startswith((ZIP, SPANNED)):
        return _zipped(path)
    if first.startswith(PARQUET):
        return Source(path, "parquet")
    if first.startswith(GZIP):
        with open_bytes(path) as unpacked:
            if unpacked.read(4) in (PARQUET, ZIP):
                raise InputError(
                    "The file is packed twice", where=str(path), fix="Unpack the .gz first."
                )
    return Source(path, "text")


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """See to it that an `InputError` names the file it comes from."""
    try:
        yield
    except InputError as error:
        if Path(path).name in str(error):
            raise
        where = f"{path}, {error.where}" if error.where else str(path)
        raise type(error)(error.what, where=where, fix=error.fix) from None


def require_file(path: Path) -> None:
    """Raise `InputError` for a folder, a file that is not there, and an empty one."""
    if path.is_dir():
        raise InputError("This is a folder, not a file", where=str(path), fix="Name the file.")
    if not path.exists():
        beside = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
        fix = f"The folder holds {shown(beside)}." if beside else "The folder is not there either."
        raise InputError("There is no such file", where=str(path), fix=fix)
    if path.stat().st_size == 0:
        raise InputError("The file is empty", where=str(path), fix="Export it again.")


def _zipped(path: Path) -> Source:
    with open_zip(path) as archive:
        names = set(archive.namelist())
    if any(n.startswith("xl/") for n in names):
        return Source(path, "xlsx")
    if any(n.endswith("rdml_data.xml") for n in names):
        return Source(path, "rdml", next(n for n in names if n.endswith("rdml_data.xml")))
    member = only_member(path)
    with open_bytes(path, member) as stream:
        first = stream.read(4)
    if first == ZIP:
        raise InputError("The file is packed twice", where=str(path), fix="Unpack the .zip first.")
    return Source(path, "parquet" if first == PARQUET else "text", member)


def _worksheets(book: object) -> list[str]:
    """Names of the worksheets, chart sheets left out."""
    return [str(s.title) for s in book.worksheets]  # type: ignore[attr-defined]


def seekable(source: Source) -> IO[bytes]:
    """Open the bytes so that a reader can move in them: parquet needs its end first."""
    if not source.member:
        return source.path.open("rb")
    with source.open() as stream:
        return io.BytesIO(stream.read())
