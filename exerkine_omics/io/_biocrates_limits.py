"""What a Biocrates file says of its analytes: class, identifiers, limits of each plate."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, brief, shown
from exerkine_omics.io._biocrates_cells import Grid, Limit, at, is_number, number_of, words
from exerkine_omics.io._columns import plain

# LOD (calc.) 1027201992/1 [uM]
_LABEL = re.compile(
    r"(?P<kind>.*?)\s*(?P<plate>\d[\d/-]{3,})?\s*"
    r"(?:\[(?P<unit>[^\]]*)\]|\((?P<other>[^)]*(?:[µμu]M|/)[^)]*)\))?\s*"
)
_HMDB = re.compile(r"HMDB\d{5,7}")
_LONGEST = 120  # of a label; a longer one is none
CALCULATED, FROM_OP = "lod_calc", "lod_op"
STATED = "lod_stated"


@dataclass
class Limits:
    """Annotation of the analytes, and the limits of each sample: kind -> samples x analytes."""

    var: pd.DataFrame
    layers: dict[str, np.ndarray] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def same_unit(first: str, second: str) -> bool:
    """Say whether two spellings mean one unit: uM, µM and μM are the same."""
    return _unit(first) == _unit(second)


def _unit(text: str) -> str:
    return re.sub(r"[µμ]", "u", text).replace(" ", "").casefold()


def plates_of(cell: str) -> set[str]:
    """Plates of a sample: one a part of the kit."""
    return {_plate(p) for p in re.split(r"[|,;]", cell) if p.strip()}


def _plate(text: str) -> str:
    return text.strip().replace("/", "-")


def annotation(grid: Grid, plates: list[set[str]]) -> Limits:
    """Read the rows that annotate analytes.

    A limit of a plate is that of the samples of this plate. Where the plates of a sample (parts of
    the kit) give an analyte several limits the largest is taken: a part that does not measure it
    says 0.
    """
    result = Limits(pd.DataFrame(index=pd.Index(grid.analytes, dtype=str)))
    apart: set[str] = set()
    foreign: list[str] = []
    for row in _joined(grid):
        hit = _LABEL.fullmatch(row.label)
        kind = _kind(hit["kind"]) if hit else ""
        if not kind:
            _annotate(result, grid, row)
            if plain(row.label).startswith(("lod", "loq", "lloq", "uloq")):
                text = f"The row {row.label!r} is kept in var; it was not understood as a limit."
                result.findings.append(Finding("limit_not_understood", "warning", text))
            continue
        plate = _plate(hit["plate"] or "") if hit else ""
        unit = (hit["unit"] or hit["other"] or "").strip() if hit else ""
        numbers = np.array([_limit(grid, row, c, a) for c, a in _named(grid, row)])
        name = "_".join(x for x in (kind, plate) if x)
        if name in result.var:
            raise InputError(
                f"The row {row.label!r} stands twice",
                where=f"{grid.where}, {grid.place} {row.line}",
                fix="Export the file again.",
            )
        result.var[name] = numbers
        result.units |= {unit} - {""}
        rows = np.array([not plate or plate in p for p in plates])
        if not rows.any():
            foreign.append(plate)
        layer = result.layers.setdefault(kind, np.full(grid.values.shape, np.nan))
        before = layer[rows]
        differ = (before > 0) & (numbers > 0) & (before != numbers)
        apart |= {grid.analytes[j] for j in np.flatnonzero(differ.any(axis=0))}
        layer[rows] = np.fmax(before, numbers)
    result.var = result.var.copy()  # one block again
    if not any(k in result.layers for k in (STATED, CALCULATED, FROM_OP)):
        text = "The file has no limits of detection; exo.pp.lod takes them with lod=."
        result.findings.append(Finding("lod_unknown", "note", text))
    if foreign:
        text = f"There are limits of plates {shown(foreign)}, on which no sample was measured."
        result.findings.append(Finding("limits_without_plate", "warning", text))
    if apart:
        names = tuple(sorted(apart))
        text = f"Several plates of one sample give {shown(names)} a limit; the largest is taken."
        result.findings.append(Finding("limits_differ", "warning", text, names))
    return result


def chosen_limit(layers: dict[str, np.ndarray]) -> np.ndarray | None:
    """Limit of detection: the calculated one; where none was, that of the operating procedure."""
    limit: np.ndarray | None = None
    for kind in (STATED, CALCULATED, FROM_OP):
        if kind in layers:
            other = layers[kind]
            # a calculated limit of 0 means that the zero samples showed nothing to calculate from
            limit = other if limit is None else np.where(limit > 0, limit, np.fmax(limit, other))
    return limit


def _joined(grid: Grid) -> list[Limit]:
    """Rows, those without a label joined to the one above; each label stands once."""
    goes_on = {plain(w) for w in words()["continued"]}
    rows: list[Limit] = []
    for row in grid.rows:
        if row.label:
            if len(row.label) > _LONGEST:
                raise InputError(
                    f"{brief(row.label)!r} is no label of a row",
                    where=f"{grid.where}, {grid.place} {row.line}",
                    fix="Export the file again.",
                )
            if any(r.label == row.label for r in rows):
                raise InputError(
                    f"The row {brief(row.label)!r} stands twice",
                    where=f"{grid.where}, {grid.place} {row.line}",
                    fix="Export the file again.",
                )
            rows.append(Limit(row.label, list(row.cells), row.line))
            continue
        above = _LABEL.fullmatch(rows[-1].label) if rows else None
        texts = ["" if c is None else str(c).strip() for c in row.cells]
        if above is None or plain(above["kind"]) not in goes_on or any(map(is_number, texts)):
            raise InputError(
                "A row has neither a label nor a bar code",
                where=f"{grid.where}, {grid.place} {row.line}",
                fix="Is a cell missing? Export the file again.",
            )
        for column, text in enumerate(texts):
            own = rows[-1].cells[column]
            if text:
                rows[-1].cells[column] = f"{own} {text}" if own else text
    return rows


def _kind(text: str) -> str:
    for ours, theirs in words()["limits"].items():
        if plain(text) in {plain(t) for t in theirs}:
            return str(ours)
    return ""


def _named(grid: Grid, row: Limit) -> list[tuple[object, str]]:
    return list(zip(row.cells, grid.analytes, strict=True))


def _limit(grid: Grid, row: Limit, cell: object, analyte: str) -> float:
    number = number_of(cell)
    if number is None or np.isinf(number):
        raise InputError(
            f"{brief(cell)!r} is no limit",
            where=at(grid, row.line, analyte),
            fix="It must be a number, or empty.",
        )
    return number


def _annotate(result: Limits, grid: Grid, row: Limit) -> None:
    """Keep a row of words, or of numbers that are no limits."""
    texts = ["" if c is None else str(c).strip() for c in row.cells]
    spelt = plain(row.label)
    if spelt in {plain(w) for w in words()["hmdb"]}:
        ids = [" ".join(_HMDB.findall(t)) for t in texts]
        result.var[schema.HMDB] = ids
        return
    name = "Class" if spelt in {plain(w) for w in words()["class"]} else row.label
    if any(texts) and all(is_number(t) for t in texts if t):
        result.var[name] = [float(t) if t else np.nan for t in texts]
    else:
        result.var[name] = texts
