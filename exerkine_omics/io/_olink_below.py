"""The rows below the samples of a wide Olink sheet: limits, missing share, normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError
from exerkine_omics.io._columns import plain
from exerkine_omics.io._excel import Row
from exerkine_omics.io._labels import is_missing
from exerkine_omics.io._olink_parts import MAP, Measured, rank_words
from exerkine_omics.io._olink_sheet import Place, Top, below_names, blank, numbers, word

_JOIN = " | "


@dataclass
class _Plates:
    """Plates of the samples, panel by panel, and the column in which a lower row names its own."""

    of: dict[str, list[str]]
    column: dict[str, int]
    panels: list[str]

    def samples(self, row: Row, panel: str, alone: bool) -> np.ndarray | None:
        """Say for which samples a row holds; None where it does not say."""
        key = panel if panel in self.of else next(iter(self.of), "") if len(self.of) == 1 else ""
        plate = word(row[self.column[key]]) if key else ""
        if plate:
            return np.array([p == plate for p in self.of[key]])
        return np.ones(1, dtype=bool) if alone else None


def read_below(
    rows: list[Row],
    start: int,
    top: Top,
    kinds: dict[str, list[int]],
    plates: dict[str, list[str]],
    got: Measured,
    where: str,
    place: Place,
) -> None:
    """Add limits (one for all, or one a plate), warnings of assays, and words of the assays."""
    known = below_names()
    found: dict[str, list[int]] = {}
    for i in range(start, len(rows)):
        if blank(rows[i]):
            continue
        label = word(rows[i][0])
        if not label:
            raise InputError(
                f"A row below the samples has no name ({place(i, 0)})",
                where=where,
                fix="It should say LOD, Missing Data freq. or the like.",
            )
        found.setdefault(known.get(plain(label), label), []).append(i)
    if not found:
        message = "There are no rows below the samples (LOD, Missing Data freq.): is the file cut?"
        got.findings.append(Finding("no_rows_below", "warning", message, (), "Export it again."))
    assays = kinds["assay"]
    by_panel = _Plates(
        plates,
        {top.at("panel", c): c for c in kinds["plate"]},
        [top.at("panel", c) for c in assays],
    )
    for ours, at in found.items():
        if ours in MAP["limits"] or ours in MAP["layers"]:
            cells = numbers(rows, at, assays, where, place)
            into = got.limits if ours in MAP["limits"] else got.layers
            matrix = _by_plate(rows, at, cells, by_panel, got, ours, where, np.nan)
            if matrix is not None:
                into[ours] = matrix
        elif ours == "assay_warning":
            words = [[word(rows[i][c]) for c in assays] for i in at]
            ranks, _ = rank_words([w for line in words for w in line])
            cells = ranks.reshape(len(at), len(assays)).astype(float)
            matrix = _by_plate(rows, at, cells, by_panel, got, ours, where, 0.0)
            if matrix is not None:
                got.assay_rank = matrix.astype(np.uint8)
        else:
            texts = [dict.fromkeys(_share(rows[i][c]) for i in at) for c in assays]
            got.var[ours] = [_JOIN.join(t for t in each if t) or None for each in texts]


def _by_plate(
    rows: list[Row],
    at: Sequence[int],
    cells: np.ndarray,
    plates: _Plates,
    got: Measured,
    name: str,
    where: str,
    empty: float,
) -> np.ndarray | None:
    """Spread the rows over the samples of their plates; None where they do not say whose."""
    out = np.full((len(got.obs), len(plates.panels)), empty)
    given = np.zeros(out.shape, dtype=bool)
    unknown = False
    for panel in dict.fromkeys(plates.panels):
        columns = np.array([p == panel for p in plates.panels])
        for cell, i in zip(cells, at, strict=True):
            if np.isnan(cell[columns]).all():
                continue
            samples = plates.samples(rows[i], panel, len(at) == 1)
            if samples is None:
                unknown = True
                continue
            block = np.broadcast_to(samples[:, None], (len(out), 1)) & columns
            if (given & block).any():
                raise InputError(
                    f"Several rows {word(rows[i][0])!r} stand for one plate of {panel!r}",
                    where=where,
                    fix="Keep one row a plate.",
                )
            given |= block
            out = np.where(block, cell, out)
    if unknown:
        message = f"The rows {name!r} do not say which plate they are of, and were left out."
        fix = "Name the plate of each in the columns 'Plate ID'."
        got.findings.append(Finding("limits_not_assigned", "warning", message, (name,), fix))
        return None
    return out


def _share(cell: object) -> str:
    """Write a cell of the assays; 12.5% is 0.125."""
    text = "" if is_missing(cell) else str(cell).strip()
    if text.endswith("%"):
        try:
            return str(float(text[:-1].replace(",", ".")) / 100)
        except ValueError:
            return text
    return text
