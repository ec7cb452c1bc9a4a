"""Where a long text table is wrong: found by reading it again, cell by cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import IO

from exerkine_omics.errors import InputError

_MOST_FIELD = 1 << 24
_MEND = "Export the file again, or mend this line."


def find_fault(
    opened: Callable[[], IO[bytes]],
    where: str,
    sep: str,
    width: int,
    numbers: dict[int, str],
    missing: Iterable[str],
    skip: int,
    comma: bool,
    error: str,
) -> InputError:
    """Return the error of the first line that does not fit: its length, or text for a number."""
    csv.field_size_limit(_MOST_FIELD)
    words = set(missing)
    line = skip
    with opened() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        for _ in range(skip):
            text.readline()
        reader = csv.reader(text, delimiter=sep)
        try:
            for row in reader:
                number, line = line + 1, skip + reader.line_num
                if not row:
                    continue
                if number != line and line - number > 0:
                    return _fault(
                        f"A field runs from line {number} to line {line}: is a quotation mark "
                        "not closed?",
                        where,
                    )
                if len(row) != width:
                    return _fault(
                        f"Line {line} has {len(row)} fields and the header has {width}", where
                    )
                for i, name in numbers.items():
                    if row[i] not in words and not _is_number(row[i], comma):
                        return _text(row[i], name, line, where)
        except csv.Error as wrong:
            return _fault(f"Line {skip + reader.line_num} cannot be read ({wrong})", where)
    return _fault(f"The file cannot be read as a table ({error or 'lines of several rows'})", where)


def _is_number(cell: str, comma: bool) -> bool:
    if comma and "." in cell:
        return False
    word = cell.strip().replace(",", ".") if comma else cell.strip()
    if "_" in word:  # Python reads 1_000
        return False
    try:
        float(word)
    except ValueError:
        return False
    return True


def _text(cell: str, name: str, line: int, where: str) -> InputError:
    fix = "Make it a number or leave it empty."
    if cell.strip().startswith(("<", ">")):
        fix = "Give the number that was measured, or leave it empty: it is never replaced silently."
    elif "," in cell or "." in cell:
        fix = "Write all numbers with the same decimal sign and without separators of thousands."
    return InputError(
        f"Line {line}, column {name!r} holds {cell[:80]!r}, no number", where=where, fix=fix
    )


def _fault(what: str, where: str) -> InputError:
    return InputError(what, where=where, fix=_MEND)
