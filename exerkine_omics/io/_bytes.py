"""The bytes of a file: unpacked within limits, and decoded as the text they were written as."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import IO

from exerkine_omics.errors import InputError, shown

_MOST = 1 << 32  # bytes unpacked
_FREE = 1 << 27  # bytes that may be unpacked whatever the ratio
_MOST_RATIO = 250  # csv of ids and numbers packs 10 to 60 to 1
_CHUNK = 1 << 20

GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
SPANNED = b"PK\x07\x08"  # some writers put the mark of a split zip before a whole one


def head_of(path: Path, n_bytes: int = _CHUNK) -> bytes:
    """First bytes of a file, unpacked where it is a gzip."""
    with open_bytes(path) as stream:
        return stream.read(n_bytes)


def open_bytes(path: Path, member: str = "") -> IO[bytes]:
    """Open a file, a gzip, or the member of a zip; what unpacks without end is an `InputError`."""
    size = path.stat().st_size
    if member:
        archive = open_zip(path)
        try:
            return io.BufferedReader(_Limited(archive.open(member), size, path))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
            raise damaged(path, "zip", error) from None
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP
    if packed:
        unpacking = gzip.open(path)
        return io.BufferedReader(_Limited(unpacking, size, path, "gzip"))  # type: ignore[arg-type]
    return path.open("rb")


def open_zip(path: Path, kind: str = "zip") -> zipfile.ZipFile:
    """Open a zip whose members together stay within the limits."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise damaged(path, kind, error) from None
    _refuse_bomb(sum(i.file_size for i in archive.infolist()), path.stat().st_size, path)
    return archive


def decode(data: bytes, where: str) -> tuple[str, str]:
    """Text and its encoding: by byte order mark, by zero bytes, UTF-8, else Windows Latin."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16")):
        if data.startswith(mark):
            return _decoded(data, name, where), name
    if data.startswith(b"\xfe\xff"):
        return _decoded(data, "utf-16", where), "utf-16"
    head = data[:4096]
    if b"\x00" in head:
        # text of the Latin kind has its zero bytes all on one side of each pair
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > 0.4 * (len(head) // 2) and min(even, odd) == 0:
            name = "utf-16-le" if odd else "utf-16-be"
            return _decoded(data, name, where), name
    if b"\x00" in data:
        line = data[: data.index(0)].count(b"\n") + 1
        raise InputError(
            f"The file is no text: line {line} holds zero bytes",
            where=where,
            fix="Export it again.",
        )
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _decoded(data, "cp1252", where), "cp1252"


def damaged(path: Path, kind: str, error: object = "") -> InputError:
    """Make the error of a file that is not what its first bytes say."""
    why = f" ({error})" if str(error) else ""
    return InputError(
        f"The file cannot be read as {kind}{why}",
        where=str(path),
        fix="Is it damaged? Copy or export it again.",
    )


def only_member(path: Path, wanted: str = "") -> str:
    """Name of the one table in a zip, or of the member asked for."""
    with open_zip(path) as archive:
        names = [i.filename for i in archive.infolist() if not i.is_dir()]
    tables = [
        n
        for n in names
        if not Path(n).name.startswith(".")
        and "__MACOSX" not in n
        and "checksum" not in Path(n).name.casefold()  # lies beside the table in Olink's zips
    ]
    if wanted:
        if wanted not in names:
            raise InputError(
                f"There is no {wanted!r} in the zip",
                where=str(path),
                fix=f"It holds {shown(names)}.",
            )
        return wanted
    kinds = (".csv", ".tsv", ".txt", ".parquet")
    tables = [n for n in tables if n.casefold().endswith(kinds)] or tables
    if len(tables) != 1:
        what = "no file" if not tables else f"{len(tables)} tables ({shown(tables)})"
        raise InputError(
            f"The zip holds {what}", where=str(path), fix="Unpack it and name the one to read."
        )
    return tables[0]


class _Limited(io.RawIOBase):
    """A stream that stops where far more comes out than a table can hold."""

    def __init__(self, stream: IO[bytes], packed: int, path: Path, kind: str = "zip") -> None:
        self._stream, self._packed, self._path, self._done = stream, packed, path, 0
        self._kind = kind

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self._stream.read(min(len(view), _CHUNK))
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            raise damaged(self._path, self._kind, error) from None
        self._done += len(data)
        _refuse_bomb(self._done, self._packed, self._path)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _refuse_bomb(unpacked: int, packed: int, path: Path) -> None:
    if unpacked > _MOST or (unpacked > _FREE and unpacked > _MOST_RATIO * max(packed, 1)):
        raise InputError(
            f"{packed} bytes unpack to {unpacked} or more: this is no table",
            where=str(path),
            fix="Unpack it yourself if you trust it.",
        )


def _decoded(data: bytes, encoding: str, where: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"The file is not {encoding} text (line {line}, byte {error.start})",
            where=where,
            fix="Save it as UTF-8.",
        ) from None
    if "\x00" in text:
        raise InputError(
            "The file is no text: it holds zero bytes", where=where, fix="Export again."
        )
    return text
