"""qPCR exports that are text: which software wrote them."""

from __future__ import annotations

import csv
import re

from exerkine_omics.io._columns import plain
from exerkine_omics.io._cq_wells import has_wells
from exerkine_omics.io._source import Source

SEPARATORS = ("\t", ";", ",")
PREAMBLE = 120  # lines before a table, at most
COMMENT = "# "  # of a line before a plain table: `# Block Type: 96-Well`
_QUANTSTUDIO = re.compile(
    r"\*?\s*(?:Block Type|Chemistry|Experiment (?:Name|Type|File Name|Run End Time)|"
    r"Instrument (?:Type|Name|Serial Number)|Passive Reference|Quantification Cycle Method)"
    r"\s*[=\t,]"
)
# a well of an SDS 2.3 table whose header was cut: number, plate, well, flag, sample, detector, task
TLDA = re.compile(
    r"\d+\t[^\t]*\t[A-P]\d{1,2}\t(?:Passed|Flagged)\t[^\t]*\t[^\t]+\t[^\t]+\t[^\t]+\t"
)
CHAMBER = re.compile(r'"?Chamber"?,"?Sample"?,')  # the groups of BioMark's columns


def fields(line: str, sep: str) -> list[str]:
    """Cells of one line; none where its quotes do not fit."""
    try:
        return next(csv.reader([line], delimiter=sep, strict=True))
    except csv.Error:
        return []


def _first(source: Source) -> str:
    return next((x for x in source.head if x.strip()), "")


def _header_in(source: Source, *names: str) -> bool:
    """Say whether one of the first lines has all these columns, spelt plainly."""
    for line in source.head[:PREAMBLE]:
        folded = plain(line)
        if not all(n in folded for n in names):
            continue
        if any(set(names) <= {plain(c) for c in line.split(s)} for s in SEPARATORS):
            return True
    return False


def is_sds(source: Source) -> bool:
    """Say whether the first line is that of ABI SDS 2.x."""
    return re.match(r"\W*SDS \d", _first(source)) is not None


def is_tlda(source: Source) -> bool:
    """Say whether the first line is a well of a TaqMan array card."""
    return TLDA.match(_first(source)) is not None


def is_quantstudio(source: Source) -> bool:
    """Say whether words of a QuantStudio, ViiA or StepOne run stand first."""
    head = source.head[:PREAMBLE]
    return sum(_QUANTSTUDIO.match(x) is not None for x in head) > 1


def is_openarray(source: Source) -> bool:
    """Say whether the columns are those of an OpenArray export."""
    return _header_in(source, "throughholect", "throughholeaddress")


def is_cfx(source: Source) -> bool:
    """Say whether the columns are those of Bio-Rad CFX."""
    return _header_in(source, "well", "fluor", "content", "cq")


def is_biomark(source: Source) -> bool:
    """Say whether the columns are grouped as in BioMark's table results."""
    return any(CHAMBER.match(x) for x in source.head[:PREAMBLE])


def is_lightcycler(source: Source) -> bool:
    """Say whether the columns are those of a LightCycler 480."""
    return _header_in(source, "pos", "name", "cp", "include")


def is_long(source: Source) -> bool:
    """Say whether the first line, but for comments, names sample, assay and cycle."""
    first = next((x for x in source.head if x.strip() and not x.startswith(COMMENT)), "")
    return any(has_wells(fields(first, s)) for s in SEPARATORS if s in first)
