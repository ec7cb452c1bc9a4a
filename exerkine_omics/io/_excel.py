"""Worksheets as rows of cells."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exerkine_omics.errors import InputError
from exerkine_omics.io._bytes import damaged, open_zip

if TYPE_CHECKING:
    from openpyxl import Workbook

Row = tuple[Any, ...]
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384


@contextmanager
def workbook(path: Path, *, styles: bool = False) -> Iterator[Workbook]:
    """Open an xlsx for reading; whatever is wrong with it is one `InputError`.

    Cells hold values, never formulas. ``styles`` loads the whole book with its fill colours.
    """
    import openpyxl

    open_zip(path, "Excel").close()  # refuses what is no zip, and what unpacks without end
    book = None
    try:
        with _as_input_error(path):
            # by its bytes: openpyxl goes by the extension of a name
            with warnings.catch_warnings(record=True):  # it tells of styles that the file lacks
                book = openpyxl.load_workbook(
                    io.BytesIO(path.read_bytes()), read_only=not styles, data_only=True
                )
        yield book
    finally:
        if book is not None:
            book.close()


def rows_of(book: Workbook, name: str, path: Path, first: int | None = None) -> list[Row]:
    """Rows of a worksheet as tuples, empty cells None; ``first`` limits how many."""
    with _as_input_error(path):
        sheet = book[name]
        if hasattr(sheet, "reset_dimensions"):  # the size that a file states may be wrong
            sheet.reset_dimensions()
        rows = []
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            if number > _MOST_ROWS or len(row) > _MOST_COLUMNS:
                raise InputError(f"Worksheet {name!r} is larger than Excel allows", where=str(path))
            rows.append(tuple(row))
            if first is not None and number >= first:
                break
    return rows


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    """Turn what openpyxl raises on a damaged file, which may be anything, into one error."""
    try:
        yield
    except InputError:
        raise
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError, EOFError,
        RuntimeError, AssertionError, NotImplementedError, OverflowError, MemoryError,
        zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise damaged(path, "Excel", type(error).__name__) from None
    except Exception as error:
        if not type(error).__module__.startswith(("openpyxl", "xml", "zipfile", "lxml")):
            raise
        raise damaged(path, "Excel", type(error).__name__) from None
