"""Columns of a long Olink file that are no values: by tube, by assay, or as flags."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._long_columns import Codes, LongTable, constant_in, labels_in
from exerkine_omics.io._matrix import MISSING_WORDS, to_numbers
from exerkine_omics.io._olink_parts import MAP, TYPE_WORD, Measured, rank_words, sample_types
from exerkine_omics.io._olink_tubes import Tubes, plates_together

_JOIN = " | "


@dataclass
class Rows:
    """Rows of the file by tube, assay and panel, and the columns not used yet."""

    table: LongTable
    theirs: dict[str, str]
    tubes: Tubes
    assay: Codes
    panel: Codes | None
    used: set[str] = field(default_factory=set)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of tubes and of assays."""
        return len(self.tubes.ids), len(self.assay.labels)

    @property
    def cells(self) -> np.ndarray:
        """Place of each row in the matrix."""
        return self.tubes.codes.astype(np.int64) * self.shape[1] + self.assay.codes

    def matrix(self, numbers: np.ndarray, empty: object, dtype: type) -> np.ndarray:
        """Numbers of the rows as samples x assays."""
        flat: np.ndarray = np.full(self.shape[0] * self.shape[1], empty, dtype=dtype)
        flat[self.cells] = numbers
        return flat.reshape(self.shape)


def annotate(rows: Rows, got: Measured) -> None:
    """Add all columns but the values: flags, quality, annotation, plates, and what is not known."""
    got.findings += _incomplete(rows) + _flags(rows, got) + _quality(rows, got)
    got.findings += _annotation(rows, got) + _plates_and_types(rows, got) + _extras(rows, got)


def _incomplete(rows: Rows) -> list[Finding]:
    """Say which tubes lack assays: a file that was cut shows so."""
    n_tubes, n_assays = rows.shape
    lacks = n_assays - np.bincount(rows.tubes.codes, minlength=n_tubes)
    short = np.flatnonzero(lacks)
    if not len(short):
        return []
    tubes = [rows.tubes.ids[i] for i in short]
    worst = short[np.argmax(lacks[short])]
    message = (
        f"{len(short)} samples have no row for some of the {n_assays} assays: {shown(tubes)}; "
        f"{rows.tubes.ids[worst]!r} lacks {lacks[worst]}."
    )
    fix = "Were these panels not run, or is the file cut?"
    return [Finding("incomplete_samples", "warning", message, tuple(tubes), fix)]


def _flags(rows: Rows, got: Measured) -> list[Finding]:
    """Keep flags of 0 and 1, or TRUE and FALSE, as layers of numbers."""
    words = {"true": 1.0, "false": 0.0}
    findings = []
    for ours in MAP["flags"]:
        column = rows.table.texts.get(rows.theirs.get(ours, ""))
        if column is None:
            continue
        cells = [words.get(str(v).strip().casefold(), v) for v in column.labels]
        numbers, wrong = to_numbers(pd.Series(cells, dtype=object))
        rows.used.add(rows.theirs[ours])
        if wrong:
            message = f"{rows.theirs[ours]} holds {shown(w for _, w in wrong)} and was left out."
            findings.append(Finding("column_not_kept", "warning", message))
            continue
        values = np.where(column.codes < 0, np.nan, numbers[column.codes])
        got.layers[ours] = rows.matrix(values, np.nan, np.float64)
    return findings


def _quality(rows: Rows, got: Measured) -> list[Finding]:
    """Warnings of samples and assays by the vendor's words; the worst of a sample is its status."""
    findings: list[Finding] = []
    for ours in ("sample_qc", "assay_qc"):
        column = rows.table.texts.get(rows.theirs.get(ours, ""))
        if column is None:
            continue
        rows.used.add(rows.theirs[ours])
        ranks, foreign = rank_words(column.labels)
        if foreign:
            message = f"{rows.theirs[ours]} holds {shown(foreign)}: taken as warnings."
            findings.append(Finding("qc_word_unknown", "warning", message, tuple(foreign)))
        by_row = np.where(column.codes < 0, 0, ranks[column.codes]).astype(np.uint8)
        matrix = rows.matrix(by_row, 0, np.uint8)
        if ours == "assay_qc":
            got.assay_rank = matrix
            continue
        got.sample_rank = matrix
        words = sorted(zip(map(str, column.labels), ranks, strict=True), reverse=True)
        spelt = {int(rank): word for word, rank in words}
        worst = matrix.max(axis=1)
        got.obs[schema.QC_STATUS] = [spelt[int(w)] if w else None for w in worst]
    return findings


def _annotation(rows: Rows, got: Measured) -> list[Finding]:
    """Columns of the assays; what differs within an assay is joined and said."""
    findings: list[Finding] = []
    n_assays = rows.shape[1]
    for ours in MAP["var"]:
        name = rows.theirs.get(ours, "")
        column = rows.table.texts.get(name)
        if column is None or (ours == schema.GENE_SYMBOL and _digits(column)):
            continue
        rows.used.add(name)
        codes = constant_in(column.codes, rows.assay.codes, n_assays)
        if codes is not None:
            got.var[ours] = column.take(codes)
            continue
        together = labels_in(column, rows.assay.codes, n_assays, _JOIN)
        several = tuple(str(i) for i, t in zip(got.var.index, together, strict=True) if _JOIN in t)
        got.var[ours] = together
        kept = _by_panel(rows, got, column, name)
        severity = (
            "note" if ours in ("panel_version", "normalization", "missing_freq") else "warning"
        )
        message = f"{name} differs within {len(several)} assays ({shown(several)}); it is joined"
        message += " and kept by sample." if kept else "."
        findings.append(Finding("annotation_differs", severity, message, several))
    return findings


def _plates_and_types(rows: Rows, got: Measured) -> list[Finding]:
    table, theirs = rows.table, rows.theirs
    n_tubes = rows.shape[0]
    findings: list[Finding] = []
    plate = table.texts.get(theirs.get(schema.PLATE_ID, ""))
    if plate is not None:
        rows.used.add(theirs[schema.PLATE_ID])
        codes = constant_in(plate.codes, rows.tubes.codes, n_tubes)
        if codes is None:
            got.obs[schema.PLATE_ID] = plates_together(rows.tubes.codes, n_tubes, rows.panel, plate)
            _by_panel(rows, got, plate, theirs[schema.PLATE_ID])
        else:
            got.obs[schema.PLATE_ID] = plate.take(codes)
    word = table.texts.get(theirs.get("sample_type_word", ""))
    words = None
    if word is not None:
        rows.used.add(theirs["sample_type_word"])
        codes = constant_in(word.codes, rows.tubes.codes, n_tubes)
        if codes is None:
            raise InputError(
                f"{theirs['sample_type_word']} differs within a sample",
                where=table.where,
                fix="Each sample has one type.",
            )
        words = word.take(codes)
        got.obs[TYPE_WORD] = words
    got.obs[schema.SAMPLE_TYPE], more = sample_types(rows.tubes.samples, words, rows.tubes.ids)
    return findings + more


def _extras(rows: Rows, got: Measured) -> list[Finding]:
    """Columns that no map knows, under the vendor's or the user's own name."""
    n_tubes, n_assays = rows.shape
    lost = []
    for name, column in rows.table.texts.items():
        if name in rows.used:
            continue
        codes = constant_in(column.codes, rows.tubes.codes, n_tubes)
        if codes is not None:
            got.obs[_free(name, got.obs)] = column.take(codes)
            continue
        codes = constant_in(column.codes, rows.assay.codes, n_assays)
        if codes is not None:
            got.var[_free(name, got.var)] = column.take(codes)
        elif not _by_panel(rows, got, column, name):
            lost.append(name)
    if not lost:
        return []
    message = f"Columns {shown(lost)} belong neither to a sample nor to an assay and were left out."
    return [Finding("column_not_kept", "note", message, tuple(lost))]


def _by_panel(rows: Rows, got: Measured, column: Codes, name: str) -> bool:
    """Keep what differs by panel, or by block, within a sample: one column of obs each."""
    block = rows.table.texts.get(rows.theirs.get("block", ""))
    for part, word in ((rows.panel, ""), (block, "block ")):
        if part is None or (part.codes < 0).any():
            continue
        n = len(part.labels)
        groups = rows.tubes.codes.astype(np.int64) * n + part.codes
        codes = constant_in(column.codes, groups, rows.shape[0] * n)
        if codes is None:
            continue
        for i, label in enumerate(part.labels):
            each = name if n == 1 else f"{name}_{word}{label}"
            got.obs[_free(each, got.obs)] = column.take(codes.reshape(rows.shape[0], n)[:, i])
        return True
    return False


def _free(name: str, frame: pd.DataFrame) -> str:
    return name if name not in frame.columns else f"{name}_"


def _digits(column: Codes) -> bool:
    """Say whether a gene column holds numbers of a database, not symbols."""
    return all(str(v).strip().isdigit() or str(v).strip() in MISSING_WORDS for v in column.labels)
