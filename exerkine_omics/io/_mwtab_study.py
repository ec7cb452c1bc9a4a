"""What an mwTab file says, whichever way it is written, and its data as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import column_map
from exerkine_omics.io._matrix import to_numbers

VENDOR = "mwtab"
_PLAIN = re.compile(r"[0-9.\teE+-]*", re.ASCII)


@dataclass
class Tube:
    """A line of SUBJECT_SAMPLE_FACTORS: who, which tube, its factors, and what else is said."""

    subject: str
    sample: str
    factors: dict[str, str]
    additional: dict[str, str]
    raw: str = ""


@dataclass
class Block:
    """A block of data as text: a row a metabolite, ``places`` says where each stands."""

    units: str = ""
    samples: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    factors: list[str] = field(default_factory=list)


@dataclass
class Study:
    """One analysis of a study."""

    header: dict[str, dict[str, str]] = field(default_factory=dict)
    tubes: list[Tube] = field(default_factory=list)
    blocks: dict[str, Block] = field(default_factory=dict)
    metabolites: list[dict[str, str]] = field(default_factory=list)
    extended: list[dict[str, str]] = field(default_factory=list)
    results_files: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def pairs_of(text: str, separator: str, equals: str, place: str, where: str) -> dict[str, str]:
    """Return ``name:value`` pairs; one that is none is an `InputError`, a repeated name is kept.

    A separator within a value counts only where a blank is beside it or a pair follows.
    """
    cut = re.escape(separator)
    free = rf"\s+{cut}\s*|{cut}\s+|{cut}(?=[^{cut}{equals}]+{equals})"
    pairs: dict[str, str] = {}
    for piece in filter(None, (p.strip() for p in re.split(free, text.strip(f"{separator} ")))):
        name, sign, value = (p.strip() for p in piece.partition(equals))
        if not (name and sign) or value.startswith(equals):
            raise InputError(
                f"{piece!r} at {place} is no pair of name{equals}value",
                where=where,
                fix=f"Write it as name{equals}value, pairs separated by {separator!r}.",
            )
        label, k = name, 1
        while label in pairs:
            k += 1
            label = f"{name} {k}"
        pairs[label] = value
    return pairs


def require_once(tubes: Sequence[Tube], where: str) -> None:
    """Raise `InputError` where a sample has two lines of factors, or none has a name."""
    names = [t.sample for t in tubes]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice or not all(names):
        what = f"name {shown(twice)} more than once" if twice else "have a line without a sample"
        raise InputError(
            f"The SUBJECT_SAMPLE_FACTORS {what}", where=where, fix="Give each sample one line."
        )


def numbers_of(block: Block, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return values and what is marked as below detection, both samples x metabolites."""
    values = np.full((len(block.cells), len(block.samples)), np.nan)
    below = np.zeros(values.shape, dtype=bool)
    for row, cells in enumerate(block.cells):
        if _PLAIN.fullmatch("\t".join(cells)):
            try:
                values[row] = [float(c) if c else np.nan for c in cells]
                continue
            except ValueError:  # "1.2.3"
                pass
        low, missing = words()
        marks = [_mark(c) for c in cells]
        below[row] = [m in low for m in marks]
        kept = ["" if m in low or m in missing else c for c, m in zip(cells, marks, strict=True)]
        values[row], wrong = to_numbers(pd.Series(kept, dtype=object))
        if wrong:
            named = [f"{block.samples[i]}: {text!r}" for i, text in wrong]
            raise InputError(
                f"Text stands where values should, in {block.names[row]!r} ({shown(named)})",
                where=f"{where}, {block.places[row]}",
                fix="Make them numbers, or leave them empty where they are missing.",
            )
    return values.T, below.T


@lru_cache
def words() -> tuple[frozenset[str], frozenset[str]]:
    """Return the words for below detection and for missing."""
    known: Mapping[str, Sequence[str]] = column_map(VENDOR)
    return frozenset(map(_mark, known["below_lod"])), frozenset(map(_mark, known["missing"]))


def _mark(cell: str) -> str:
    return re.sub(r"\s+", "", cell).casefold()
