"""Worksheets as rows of cells."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._bytes import damaged, open_zip

if TYPE_CHECKING:
    from openpyxl import Workbook

Row = tuple[Any, ...]
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_RELATIONS = "xl/_rels/workbook.xml.rels"
_WORKSHEET = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
_NO_VALUE = re.compile(
    rb'<c r="([A-Z]+\d+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:</c>|<v\s*/>|<v></v>)'
)


@contextmanager
def workbook(path: Path, *, styles: bool = False) -> Iterator[Workbook]:
    """Open an xlsx for reading; whatever is wrong with it is one `InputError`.

    Cells hold values, never formulas. ``styles`` loads the whole book with its fill colours. Chart
    sheets have no cells and are left out; a book of nothing else is an `InputError`.
    """
    import openpyxl

    _require_worksheets(path)
    book = None
    try:
        with _as_input_error(path):
            # by its bytes: openpyxl goes by the extension of a name
            with warnings.catch_warnings(record=True):  # it tells of styles that the file lacks
                book = openpyxl.load_workbook(
                    io.BytesIO(path.read_bytes()), read_only=not styles, data_only=True
                )
            charts = list(book.chartsheets)
            for chart in charts:
                book.remove(chart)
        if not book.worksheets:
            raise InputError(
                f"The workbook holds no worksheet, only {shown([c.title for c in charts])}",
                where=str(path),
                fix="Save the table of the charts as a worksheet.",
            )
        yield book
    finally:
        if book is not None:
            book.close()


def _require_worksheets(path: Path) -> None:
    """Raise where a worksheet that the workbook names is not in the file.

    openpyxl leaves it out without a word, and another one would be read.
    """
    from openpyxl.packaging.relationship import get_dependents

    with _as_input_error(path), open_zip(path, "Excel") as archive:
        names = set(archive.namelist())
        found = get_dependents(archive, _RELATIONS).find(_WORKSHEET) if _RELATIONS in names else ()
        lost = [r.target for r in found if r.target not in names]
    if lost:
        raise InputError(
            f"The workbook lacks {shown(lost)}", where=str(path), fix="Copy or export it again."
        )


def _require_values(path: Path, member: str) -> None:
    """Raise where a formula was stored without its value: it would be an empty cell."""
    with open_zip(path, "Excel") as archive:
        text = archive.read(member) if member in archive.namelist() else b""
    hit = _NO_VALUE.search(text)
    if hit:
        raise InputError(
            f"Cell {hit[1].decode('ascii', 'replace')} holds a formula without its value",
            where=str(path),
            fix="Open the file in Excel and save it: that computes the formulas.",
        )


def rows_of(book: Workbook, name: str, path: Path, first: int | None = None) -> list[Row]:
    """Rows of a worksheet as tuples, empty cells None; ``first`` limits how many."""
    with _as_input_error(path):
        sheet = book[name]
        if hasattr(sheet, "reset_dimensions"):  # the size that a file states may be wrong
            sheet.reset_dimensions()
        if first is None:
            _require_values(path, str(getattr(sheet, "_worksheet_path", "")))
        rows = []
        with warnings.catch_warnings(record=True):  # of extensions that it does not know
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
                if number > _MOST_ROWS or len(row) > _MOST_COLUMNS:
                    raise InputError(
                        f"Worksheet {name!r} is larger than Excel allows", where=str(path)
                    )
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
