"""qPCR exports that are text: where their table stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exerkine_omics.errors import InputError
from exerkine_omics.io import _cq_sniff
from exerkine_omics.io._columns import plain
from exerkine_omics.io._cq_cells import Export
from exerkine_omics.io._cq_sniff import CHAMBER, COMMENT, PREAMBLE, SEPARATORS, TLDA, fields
from exerkine_omics.io._cq_wells import PERSONAL, Layout, has_wells
from exerkine_omics.io._source import Source

_LINE_END = re.compile(r"\r\n|\r|\n")
_KEY = re.compile(r"\*\s*([^=]+?)\s*=\s*(.*)")
_NUMBERED = re.compile(r"\d+\t")
# the columns of an SDS 2.3 table from which the header was cut
_SDS = ["#", "Plate", "Pos", "Flag", "Sample", "Detector", "Task", "Ct"]


def _lines(source: Source) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    split = enumerate(_LINE_END.split(source.text()), start=1)
    return [(n, x) for n, x in split if x.strip()]


def _row(
    line: str, sep: str, width: int, number: int, source: Source, *, ragged: bool
) -> list[str]:
    """Cells of a line; ``ragged`` allows its empty last ones to be left out."""
    cells = fields(line, sep)
    found = len(cells)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    short = width - len(cells)
    if short < 0 or found < 2 or (short and not ragged):
        raise InputError(
            f"Line {number} has {found or 'no readable'} fields and the header has {width}",
            where=source.where,
            fix="Is the file whole? Export it again.",
        )
    return cells + [""] * short


def _export(
    source: Source,
    header: list[str],
    sep: str,
    body: Sequence[tuple[int, str]],
    about: dict[str, str],
    *,
    ragged: bool = False,
    absent_is_undetermined: bool = False,
    assay: str = "",
) -> Export:
    while header and not header[-1].strip():
        header = header[:-1]
    rows = [_row(x, sep, len(header), n, source, ragged=ragged) for n, x in body]
    if not rows:
        raise InputError("The table has no wells", where=source.where, fix="Export it again.")
    return Export(
        [h.strip() for h in header], rows, [n for n, _ in body],
        absent_is_undetermined=absent_is_undetermined, about=about, assay=assay,
    )  # fmt: skip


def _header_at(lines: Sequence[tuple[int, str]], source: Source) -> tuple[int, list[str], str]:
    """Place, cells and separator of the line that names sample, assay and cycle."""
    wide: tuple[int, list[str], str] | None = None
    for i, (_, line) in enumerate(lines[:PREAMBLE]):
        for sep in SEPARATORS:
            cells = fields(line, sep)
            if len(cells) > 2 and has_wells(cells):
                return i, cells, sep
            if wide is None and sum(bool(c.strip()) for c in cells) > 2:
                wide = i, cells, sep
    if wide is None:
        raise InputError("There is no table", where=source.where, fix="Export the results too.")
    return wide  # lacks one of the three columns: the error names it


def _about(lines: Sequence[tuple[int, str]], sep: str, source: Source) -> dict[str, str]:
    """Words before the table; a line as wide as a row means that the header was moved."""
    about = {}
    for number, line in lines:
        hit = _KEY.fullmatch(line.strip())
        words = hit.groups() if hit else [c for c in fields(line, sep) if c.strip()]
        key, *values = words or [""]
        if len(values) > 2:
            raise InputError(
                f"Line {number} stands before the header of the table",
                where=source.where,
                fix="Is a line misplaced? Export it again.",
            )
        if key and not key.casefold().startswith(PERSONAL):
            about[key.strip(" :*#")] = " ".join(values).strip()
    return {k: v for k, v in about.items() if v}


def _plain_table(source: Source) -> Export:
    """Read a header, perhaps under comments, then one line a well."""
    lines = _lines(source)
    start = next((i for i, (_, x) in enumerate(lines) if not x.startswith(COMMENT)), len(lines))
    at, header, sep = _header_at(lines[start:], source)
    if at:
        raise InputError(
            "The first line is not the header", where=source.where, fix="Move it to the top."
        )
    about = {}
    for _, line in lines[:start]:
        key, _, value = line.removeprefix(COMMENT).partition(":")
        if value.strip() and not key.casefold().startswith(PERSONAL):
            about[key.strip()] = value.strip()
    return _export(source, header, sep, lines[start + 1 :], about)


def _openarray(source: Source) -> Export:
    lines = _lines(source)
    at, header, sep = _header_at(lines, source)
    return _export(source, header, sep, lines[at + 1 :], _about(lines[:at], sep, source))


def _cfx(source: Source) -> Export:
    lines = _lines(source)
    at, header, sep = _header_at(lines, source)
    about = _about(lines[:at], sep, source)
    return _export(source, header, sep, lines[at + 1 :], about, absent_is_undetermined=True)


def _lightcycler(source: Source) -> Export:
    lines = _lines(source)
    at = next((i for i, (_, x) in enumerate(lines) if "cp" in map(plain, x.split("\t"))), None)
    if at is None:
        raise InputError("There is no column 'Cp'", where=source.where, fix="Export with results.")
    title = " ".join(x.strip() for _, x in lines[:at])
    _about(lines[:at], "\t", source)
    channel = re.search(r"Selected Filter:\s*(.+)$", title)
    assay = channel.group(1).strip() if channel else "unnamed"
    return _export(
        source, lines[at][1].split("\t"), "\t", lines[at + 1 :], {"title": title}, ragged=True,
        absent_is_undetermined=True, assay=assay,
    )  # fmt: skip


def _biomark(source: Source) -> Export:
    """Two lines name the columns: the group, and what of it."""
    lines = _lines(source)
    at = next(i for i, (_, x) in enumerate(lines) if CHAMBER.match(x))
    groups = [c.strip() for c in fields(lines[at][1], ",")]
    names = [c.strip() for c in fields(lines[at + 1][1], ",")] if len(lines) > at + 1 else []
    if len(groups) != len(names):
        raise InputError(
            "The two lines of column names differ in length",
            where=source.where,
            fix="Export again.",
        )
    probe = [g for g in groups if g not in ("Chamber", "Sample", "Ct", "")]
    header = [
        f"{'FAM-MGB' if g in probe[:1] else g} {n}" for g, n in zip(groups, names, strict=True)
    ]
    before = lines[: max(at - 1, 0)]
    return _export(source, header, ",", lines[at + 2 :], _about(before, ",", source))


def _sds(source: Source) -> Export:
    """Numbered wells; a summary of samples and detectors may follow."""
    lines = _lines(source)
    at, header, sep = _header_at(lines, source)
    body = lines[at + 1 :]
    end = next((i for i, (_, x) in enumerate(body) if not _NUMBERED.match(x)), len(body))
    later = [n for n, x in body[end:] if _NUMBERED.match(x) and x.count(sep) > 6]
    if later:
        raise InputError(
            f"Line {body[end][0]} is no numbered well and line {later[0]} is one again",
            where=source.where,
            fix="Is a line misplaced? Export it again.",
        )
    about = _about(lines[:at], sep, source)
    return _export(source, header, sep, body[:end], about, ragged=True)


def _tlda(source: Source) -> Export:
    lines = _lines(source)
    width = len(fields(lines[0][1], "\t"))
    header = [*_SDS, *[""] * (width - len(_SDS) - 1), "Omit"]
    for number, line in lines:
        if not TLDA.match(line):
            raise InputError(
                f"Line {number} is no well of a TaqMan array card (number, plate, well, flag, "
                "sample, detector, task, Ct)",
                where=source.where,
                fix="Export it again, with the header.",
            )
    return _export(source, header, "\t", lines, {})


def _quantstudio(source: Source) -> Export:
    lines = _lines(source)
    section = next(
        (i for i, (_, x) in enumerate(lines) if x.strip().strip("\t,;") == "[Results]"), None
    )
    if section is None:
        raise InputError(
            "The file has no section [Results]",
            where=source.where,
            fix="Export again with the results ticked.",
        )
    first = next((i for i, (_, x) in enumerate(lines) if x.startswith("[")), section)
    body = lines[section + 1 :]
    end = next((i for i, (_, x) in enumerate(body) if x.startswith("[")), len(body))
    body = body[:end]
    at, header, sep = _header_at(body, source)
    if at:
        raise InputError(
            f"Line {body[0][0]} stands between [Results] and the names of its columns",
            where=source.where,
            fix="Is a line misplaced? Export it again.",
        )
    # notes under the table (`Analysis Type = Singleplex`) have no cells
    wells = [(n, x) for n, x in body[1:] if sep in x or "=" not in x]
    notes = [(n, f"* {x}") for n, x in body[1:] if sep not in x and "=" in x]
    about = _about([*lines[:first], *notes], sep, source)
    return _export(source, header, sep, wells, about)


LAYOUTS = (
    Layout("sds", "ABI SDS 2.x results (text)", _cq_sniff.is_sds, _sds),
    Layout("tlda", "TaqMan array card (SDS text without header)", _cq_sniff.is_tlda, _tlda),
    Layout("quantstudio", "QuantStudio results (text)", _cq_sniff.is_quantstudio, _quantstudio),
    Layout("openarray", "TaqMan OpenArray (text)", _cq_sniff.is_openarray, _openarray),
    Layout("biomark", "Fluidigm BioMark table results", _cq_sniff.is_biomark, _biomark),
    Layout("cfx", "Bio-Rad CFX quantification results", _cq_sniff.is_cfx, _cfx),
    Layout("lightcycler", "LightCycler 480 (text)", _cq_sniff.is_lightcycler, _lightcycler),
    Layout(
        "cq_table", "qPCR table, one row a well: sample, assay, Cq", _cq_sniff.is_long, _plain_table
    ),
)
