"""One table from one file, whatever its kind: text, Excel or parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._bytes import damaged
from exerkine_omics.io._columns import plain
from exerkine_omics.io._dialect import CODE, Cells, read_text
from exerkine_omics.io._excel import rows_of, workbook
from exerkine_omics.io._labels import is_missing, require, text_of
from exerkine_omics.io._matrix import MISSING_WORDS, to_numbers
from exerkine_omics.io._source import require_file

_TEXT = (".csv", ".tsv", ".txt", ".tab")
_EXCEL = (".xlsx", ".xlsm")
_PARQUET = (".parquet", ".pq")


def read_sheet(path: str | Path, *, text: Sequence[str | None] = ()) -> pd.DataFrame:
    """Read a sample sheet; ids in the column ``sample_id``, however spelt, else in the first."""
    path = Path(path)
    table = read_cells(path, text=(*text, schema.SAMPLE_ID))
    frame = typed(named_frame(table, path), text)
    if schema.SAMPLE_ID in frame.columns:
        return frame
    spelt = [str(c) for c in frame.columns if plain(c) == plain(schema.SAMPLE_ID)]
    return by_id(frame, spelt[0] if len(spelt) == 1 else None, path.name)


def read_cells(
    path: Path,
    worksheet: str | int = 0,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    text: Sequence[str | None] = (),
    first_is_id: bool = True,
) -> Cells:
    """Read header and cells; whatever is wrong with the file is one `InputError`."""
    kind = "".join(s for s in path.suffixes[-2:] if s.casefold() != ".gz").casefold()
    kind = Path("x" + kind).suffix
    require_file(path)
    try:
        if kind in _TEXT:
            return read_text(path, sep=sep, decimal=decimal, text=text, first_is_id=first_is_id)
        if kind in _EXCEL:
            return _read_excel(path, worksheet)
        if kind in _PARQUET:
            return _read_parquet(path)
    except OSError as error:
        raise InputError(
            f"The file cannot be read ({error.strerror or error})",
            where=str(path),
            fix="Look at its permissions.",
        ) from None
    known = ", ".join((*_TEXT, *_EXCEL, *_PARQUET))
    fix = "Read it with exo.io.read." if kind in (".h5ad", ".zarr") else f"Known: {known}."
    if kind == ".xls":
        fix = "Save it as .xlsx or .csv."
    raise InputError(f"{kind or 'A file without extension'} is no table", where=str(path), fix=fix)


def _read_excel(path: Path, worksheet: str | int) -> Cells:
    with workbook(path) as book:
        names = book.sheetnames
        is_number = isinstance(worksheet, int)
        if (is_number and not 0 <= int(worksheet) < len(names)) or (
            not is_number and worksheet not in names
        ):
            raise InputError(
                f"There is no worksheet {worksheet!r}",
                where=str(path),
                fix=f"sheet= is one of {shown(names)}.",
            )
        rows = rows_of(book, names[worksheet] if is_number else worksheet, path)  # type: ignore
    rows = [r for r in rows if not all(is_missing(c) for c in r)]
    if len(rows) < 2:
        what = "is empty" if not rows else "has a header and no rows"
        raise InputError(f"The worksheet {what}", where=str(path), fix="Choose one with sheet=.")
    header = ["" if is_missing(c) else text_of(c).strip() for c in rows[0]]
    return Cells(header, pd.DataFrame(rows[1:], columns=range(len(header)), dtype=object))


def _read_parquet(path: Path) -> Cells:
    from pyarrow.lib import ArrowException

    try:
        frame = pd.read_parquet(path, page_checksum_verification=True)
    except (ArrowException, ValueError, KeyError, TypeError, AttributeError, OSError):
        raise damaged(path, "parquet") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    if not len(frame):
        raise InputError("The file has no rows", where=str(path), fix="It needs one row a sample.")
    header = [str(c) for c in frame.columns]
    return Cells(header, frame.set_axis(range(len(header)), axis=1))


def named_frame(table: Cells, path: Path) -> pd.DataFrame:
    """Cells under their names; columns and rows that are wholly empty are left out."""
    frame = table.frame
    empty_row = frame.map(is_missing).all(axis=1).to_numpy()
    frame = frame.loc[~empty_row].reset_index(drop=True)
    nameless = [
        i for i, name in enumerate(table.header) if not name and frame[i].map(is_missing).all()
    ]
    frame = frame.drop(columns=nameless)
    header = [name for i, name in enumerate(table.header) if i not in nameless]
    if any(not name for name in header[1:]):
        raise InputError(
            f"Column {header.index('', 1) + 1} has values and no name",
            where=str(path),
            fix="Name it in the header.",
        )
    names = pd.Index(header, dtype=str)
    if names.has_duplicates:
        raise InputError(
            f"Columns {shown(names[names.duplicated()].unique())} stand more than once",
            where=str(path),
            fix="Keep one of each or rename them; duplicates are never averaged.",
        )
    return frame.set_axis(names, axis=1)


def dialect_findings(table: Cells, path: Path) -> list[Finding]:
    found = []
    if table.detected:
        message = f"{path.name} was read as {table.detected}."
        found.append(Finding("dialect_detected", "note", message, (), "Else say sep= or decimal=."))
    if table.doubt:
        message = f"{path.name}: {table.doubt}"
        fix = "Say decimal='.' or decimal=',' to settle it."
        found.append(Finding("decimal_comma_ambiguous", "warning", message, (), fix))
    return found


def typed(frame: pd.DataFrame, text: Sequence[str | None]) -> pd.DataFrame:
    """Sheet columns with missing words as NaN; numbers where all are, and no ``001`` among them."""
    columns = {}
    for name, column in frame.items():
        if pd.api.types.is_numeric_dtype(column.dtype):
            columns[name] = column
            continue
        items = [
            np.nan if isinstance(v, str) and v.strip() in MISSING_WORDS else v
            for v in column.astype(object)
        ]
        cleaned = pd.Series(items, index=frame.index, dtype=object)
        numbers, wrong = to_numbers(cleaned)
        codes = any(isinstance(v, str) and CODE.fullmatch(v.strip()) for v in items)
        if wrong or codes or name in text or not np.isfinite(numbers).any():
            columns[name] = cleaned
        else:
            columns[name] = pd.Series(numbers, index=frame.index)
    return pd.DataFrame(columns, index=frame.index)


def by_id(
    frame: pd.DataFrame, column: str | None, where: str, fallback: str | None = None
) -> pd.DataFrame:
    """Make a column the index: the one named, the fallback where it is there, else the first."""
    if column is not None:
        require(frame, [column], where)
    elif fallback in frame.columns:
        column = fallback
    else:
        column = str(frame.columns[0])
    result = frame.set_index(column)
    result.index.name = None
    return result
