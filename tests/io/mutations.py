"""Mutations of a file, and what a reader may make of them.

`mutate` damages the bytes of a valid file in one of the ways files are damaged in labs and on
disks. `judge` reads the result: an AnnData that agrees with the one of the whole file, or an
`InputError` that names the file, are well; everything else is a fault.
"""

from __future__ import annotations

import io
import random
import re
import signal
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anndata import AnnData

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError

LIMIT = 20  # seconds a file
# what io.read must be told of a file that no vendor made
TABLE = {
    "subject": "who", "timepoint": "visit", "baseline": "pre", "units": "NPX",
    "modality": "proteomics",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A damaged file: how many values it may change, and whether it may lose some."""

    how: str
    content: bytes
    touched: int = 0
    loses: bool = False


def options_of(name: str) -> dict[str, str]:
    """Words that `exo.io.read` needs for a file of this name."""
    return dict(TABLE) if name.startswith("table") else {}


def mutate(name: str, content: bytes, seed: int) -> Mutant:
    """Damage a file in one way, drawn by the seed."""
    rng = random.Random(f"{name} {seed}")
    if content.startswith(b"PK\x03\x04"):
        ways = [*BINARY_WAYS, *ZIP_WAYS]
    elif _is_text(content):
        ways = [*BINARY_WAYS, *TEXT_WAYS, *TEXT_WAYS]
    else:
        ways = BINARY_WAYS
    return rng.choice(ways)(content, rng)


def judge(name: str, mutant: Mutant, whole: AnnData, folder: Path) -> str:
    """Read the mutant; the fault as text, or how it was well: ``read`` or ``refused``."""
    path = folder / name
    path.write_bytes(mutant.content)
    previous = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adata = exo.io.read(path, **options_of(name))
    except InputError as error:
        return "refused" if path.name in str(error) else f"fault: names no place: {error}"
    except UsageError as error:
        return f"fault: {type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - any other is what we look for
        return f"fault: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    wrong, lost = compare(whole, adata)
    if wrong > mutant.touched:
        return f"fault: {wrong} values differ silently, {mutant.touched} were touched"
    said = len(adata.uns["exerkine"]["findings"]) > len(whole.uns["exerkine"]["findings"])
    if lost and not (mutant.loses or mutant.touched or said):
        return f"fault: {lost} values are gone silently"
    return "read"


def compare(whole: AnnData, other: AnnData) -> tuple[int, int]:
    """Values of samples and analytes in both that differ, and those that are NaN in the other."""
    samples = whole.obs_names.intersection(other.obs_names)
    analytes = whole.var_names.intersection(other.var_names)
    first = np.asarray(whole[samples, analytes].X)
    second = np.asarray(other[samples, analytes].X)
    gone = np.isfinite(first) & np.isnan(second)
    new = np.isnan(first) & np.isfinite(second)
    both = np.isfinite(first) & np.isfinite(second)
    return int((first[both] != second[both]).sum() + new.sum()), int(gone.sum())


def _too_slow(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"more than {LIMIT} s")


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x00" not in content


# any file ---------------------------------------------------------------------------------------


def cut(content: bytes, rng: random.Random) -> Mutant:
    return Mutant("cut", content[: rng.randrange(len(content))], touched=1, loses=True)


def flip(content: bytes, rng: random.Random) -> Mutant:
    data = bytearray(content)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return Mutant("flip", bytes(data), touched=1, loses=True)


def zero(content: bytes, rng: random.Random) -> Mutant:
    at = rng.randrange(len(content))
    return Mutant("zero", content[:at] + bytes(rng.choice((1, 7, 4096))) + content[at:], 1, True)


def hole(content: bytes, rng: random.Random) -> Mutant:
    at = rng.randrange(len(content))
    length = rng.choice((1, 3, 40, 700))
    # what is left of two lines may make one whole line, under the id of the first
    width = max(line.count(c) for line in content.split(b"\n") for c in (b",", b";", b"\t")) + 1
    return Mutant("hole", content[:at] + content[at + length :], touched=width, loses=True)


def tail(content: bytes, rng: random.Random) -> Mutant:
    return Mutant("tail", content + rng.randbytes(rng.choice((1, 50, 5000))), touched=1, loses=True)


BINARY_WAYS: list[Callable[[bytes, random.Random], Mutant]] = [cut, flip, zero, hole, tail]

# text -------------------------------------------------------------------------------------------


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8").splitlines(keepends=True)


def _sep(lines: list[str]) -> str:
    text = "".join(lines)
    return max("\t;,", key=text.count)


def encoding(content: bytes, rng: random.Random) -> Mutant:
    name = rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "utf-32"))
    return Mutant(
        f"encoding {name}",
        content.decode("utf-8").encode(name, errors="replace"),
        touched=0,
    )


def columns(content: bytes, rng: random.Random) -> Mutant:
    """Shuffle the columns, alike in all lines that are as wide as the widest."""
    lines = _lines(content)
    sep = _sep(lines)
    if any('"' in line for line in lines):
        return duplicate_line(content, rng)
    fields = [line.rstrip("\r\n").split(sep) for line in lines]
    width = max(len(f) for f in fields)
    order = list(range(width))
    rng.shuffle(order)
    shuffled = [[f[i] for i in order] if len(f) == width else f for f in fields]
    # where lines are of several widths blocks of columns have a meaning by their place
    return Mutant("columns", "\n".join(sep.join(f) for f in shuffled).encode(), 0, True)


def header(content: bytes, rng: random.Random) -> Mutant:
    """Give one field of the first wide line the name of another."""
    lines = _lines(content)
    sep = _sep(lines)
    wide = next((i for i, x in enumerate(lines) if x.count(sep) > 1), 0)
    fields = lines[wide].rstrip("\r\n").split(sep)
    a, b = rng.randrange(len(fields)), rng.randrange(len(fields))
    fields[a] = fields[b]
    lines[wide] = sep.join(fields) + "\n"
    return Mutant("header", "".join(lines).encode(), touched=0, loses=True)


def duplicate_line(content: bytes, rng: random.Random) -> Mutant:
    lines = _lines(content)
    at = rng.randrange(len(lines))
    lines.insert(rng.randrange(len(lines)), lines[at])
    return Mutant("duplicate line", "".join(lines).encode(), touched=0, loses=True)


def drop_line(content: bytes, rng: random.Random) -> Mutant:
    lines = _lines(content)
    del lines[rng.randrange(len(lines))]
    return Mutant("drop line", "".join(lines).encode(), touched=0, loses=True)


def swap_lines(content: bytes, rng: random.Random) -> Mutant:
    lines = _lines(content)
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return Mutant("swap lines", "".join(lines).encode(), touched=0, loses=True)


def huge(content: bytes, rng: random.Random) -> Mutant:
    lines = _lines(content)
    at = rng.randrange(len(lines))
    where = rng.randrange(len(lines[at]) + 1)
    what = rng.choice(("x", "9", '"')) * rng.choice((200_000, 2_000_000))
    lines[at] = lines[at][:where] + what + lines[at][where:]
    return Mutant("huge field", "".join(lines).encode(), touched=1, loses=True)


CELLS = (
    "=1+1", "=cmd|' /C calc'!A0", "inf", "-inf", "1e999", "nan", "1,5", "<0.5", "#REF!", "12-May",
    "1_000", "٣", "--", "TRUE", "0x1F", "", "1 2", "1.2.3",
)  # fmt: skip


def cell(content: bytes, rng: random.Random) -> Mutant:
    """Put something else into one field."""
    lines = _lines(content)
    sep = _sep(lines)
    at = rng.randrange(len(lines))
    fields = lines[at].rstrip("\r\n").split(sep)
    fields[rng.randrange(len(fields))] = rng.choice(CELLS)
    lines[at] = sep.join(fields) + "\n"
    return Mutant("cell", "".join(lines).encode(), touched=1, loses=True)


def separator(content: bytes, rng: random.Random) -> Mutant:
    """Take out one separator, or put one in."""
    lines = _lines(content)
    sep = _sep(lines)
    at = rng.randrange(len(lines))
    places = [m.start() for m in re.finditer(re.escape(sep), lines[at])]
    if places and rng.random() < 0.5:
        place = rng.choice(places)
        lines[at] = lines[at][:place] + lines[at][place + 1 :]
    else:
        place = rng.randrange(len(lines[at]))
        lines[at] = lines[at][:place] + sep + lines[at][place:]
    return Mutant("separator", "".join(lines).encode(), touched=1, loses=True)


def quote(content: bytes, rng: random.Random) -> Mutant:
    at = rng.randrange(len(content))
    mutant = content[:at] + b'"' + content[at:]
    return (
        Mutant("quote", mutant, touched=1, loses=True) if _is_text(mutant) else flip(content, rng)
    )


def line_ends(content: bytes, rng: random.Random) -> Mutant:
    end = rng.choice((b"\r\n", b"\r"))
    return Mutant("line ends", content.replace(b"\r\n", b"\n").replace(b"\n", end), touched=0)


TEXT_WAYS: list[Callable[[bytes, random.Random], Mutant]] = [
    encoding, columns, header, duplicate_line, drop_line, swap_lines, huge, cell, separator, quote,
    line_ends,
]  # fmt: skip

# zip and xlsx -----------------------------------------------------------------------------------


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(i.filename, archive.read(i)) for i in archive.infolist()]


def _packed(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, data in members:
                archive.writestr(name, data)
    return buffer.getvalue()


def member(content: bytes, rng: random.Random) -> Mutant:
    """Damage one member and pack it again."""
    members = _members(content)
    at = rng.randrange(len(members))
    name, data = members[at]
    if not data:
        return flip(content, rng)
    inner = rng.choice(BINARY_WAYS)(data, rng)
    members[at] = (name, inner.content)
    # a shared string stands in many cells
    touched = 10**9 if "xl/" in name else inner.touched
    return Mutant(f"member {inner.how}", _packed(members), touched, True)


def drop_member(content: bytes, rng: random.Random) -> Mutant:
    members = _members(content)
    del members[rng.randrange(len(members))]
    # a workbook without styles or shared strings holds other cells
    return Mutant("drop member", _packed(members), touched=0, loses=True)


def bomb(content: bytes, rng: random.Random) -> Mutant:
    members = _members(content)
    at = rng.randrange(len(members))
    members[at] = (members[at][0], bytes(200 << 20))
    return Mutant("bomb", _packed(members), touched=0, loses=True)


def sheet_cell(content: bytes, rng: random.Random) -> Mutant:
    """Put something else into one cell of a worksheet."""
    import openpyxl

    if not any(n.startswith("xl/worksheets") for n, _ in _members(content)):
        return member(content, rng)
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = rng.choice(book.worksheets)
    row, column = rng.randint(1, sheet.max_row), rng.randint(1, sheet.max_column)
    sheet.cell(row, column).value = rng.choice((*CELLS, None, 1e300, True, "x" * 30_000))
    buffer = io.BytesIO()
    book.save(buffer)
    # the value of a numeric id may be a header of a row or column: then it is another's
    return Mutant("sheet cell", buffer.getvalue(), touched=1, loses=True)


ZIP_WAYS: list[Callable[[bytes, random.Random], Mutant]] = [
    member, member, drop_member, sheet_cell, sheet_cell, sheet_cell,
]  # fmt: skip
