"""Tables from files: csv, tsv, txt, xlsx, parquet, with samples in rows or in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, add_step, findings_frame, findings_from_frame, meta
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._features import Units
from exerkine_omics.io._files import by_id, dialect_findings, named_frame, read_cells, typed
from exerkine_omics.io._frames import from_frames
from exerkine_omics.io._labels import is_missing, require, text_of
from exerkine_omics.io._matrix import to_numbers
from exerkine_omics.io._source import naming
from exerkine_omics.io._wide import unfold

_ROW_NAME = "row_name"

Sheet = str | int | Mapping[str, str | int] | None


def read_table(
    matrix: str | Path,
    samples: str | Path | pd.DataFrame | None,
    features: str | Path | pd.DataFrame | None = None,
    *,
    orientation: str = "samples",
    sep: str | None = None,
    decimal: str | None = None,
    sheet: Sheet = None,
    sample_id: str | None = None,
    sample_columns: Sequence[str] = (),
    analytes: Sequence[str] | None = None,
    pattern: str | None = None,
    subject: str,
    timepoint: str,
    baseline: object,
    arm: str | None = None,
    units: Units,
    modality: str,
    timepoint_order: Sequence[object] | None = None,
    species: str = "human",
    matrix_type: str | None = None,
    platform: str | None = None,
) -> AnnData:
    """Make the AnnData of a cohort from table files.

    Use it for csv, tsv, txt (also .gz), xlsx and parquet. Encoding, separator and decimal comma
    of a text file are detected; what is not plain csv is a finding.

    Parameters
    ----------
    matrix
        Path of the matrix: a header line, and the ids in the first column (or the one that
        ``sample_id`` names).
    samples
        Path or frame of the sample sheet, its ids in the column ``sample_id`` (or the one named),
        else in the first. None where the matrix file holds both.
    features
        Path or frame of the analytes' annotation, ids in the first column of a file.
    orientation
        ``samples`` (a row is a sample) or ``features`` (a row is an analyte).
    sep, decimal
        Separator and decimal sign, where the detection is wrong.
    sheet
        Worksheet of an Excel file, by name or number; the first unless told.
        ``{"matrix": ..., "samples": ..., "features": ...}`` where they differ.
    sample_id
        Column with the sample ids. With ``samples=None`` and no such column the id is
        ``<subject>|<timepoint>``.
    sample_columns
        With ``samples=None``: further columns of the matrix file that describe the sample
        (age, sex, plate). Columns without any number go there by themselves.
    analytes
        Columns to take as analytes; with ``samples=None`` all others describe the sample.
    pattern
        With ``samples=None`` and one row a person: how its columns are named, as
        ``"{analyte}_{visit}"`` with ``timepoint="visit"`` for IL6_pre and IL6_post. Further fields
        (``{condition}``) become sample columns. ``timepoint_order`` names the time points; columns
        of another form describe the person.
    subject, timepoint, baseline, arm, units, modality, timepoint_order, species, matrix_type, \
platform
        As in `from_frames`.

    Returns
    -------
    AnnData
        Samples x analytes; X float64.

    Raises
    ------
    InputError
        For a path that is wrong, a file that is empty, damaged or of another kind, lines of
        different lengths, a column that is not there, and as in `from_frames`.

    Notes
    -----
    Missing values: empty cells, ``NA``, ``NaN``, ``N/A`` and ``NULL`` are NaN; other text among
    numbers (``<0.5``) is an error that names it.
    """
    if orientation not in ("samples", "features"):
        raise UsageError(
            f"orientation={orientation!r} is not known", fix="Say 'samples' or 'features'."
        )
    in_one = samples is None
    if in_one and orientation == "features":
        raise UsageError(
            "samples=None needs a matrix file with a row a sample",
            where="orientation=",
            fix="Give the sample sheet as a file of its own.",
        )
    if not in_one and sample_columns:
        raise UsageError(
            "sample_columns= belongs to samples=None, where one file holds all",
            fix="Leave it out: all columns of the sample sheet are kept.",
        )
    if not in_one and pattern is not None:
        raise UsageError(
            "pattern= belongs to samples=None, where one file holds all", fix="Leave it out."
        )
    roles = (subject, timepoint, arm)
    named = (*roles, sample_id, schema.SAMPLE_ID, *sample_columns)
    findings: list[Finding] = []

    def cells(path: str | Path, part: str, text: Sequence[str | None]) -> pd.DataFrame:
        table = read_cells(
            Path(path),
            _worksheet(sheet, part),
            sep=sep,
            decimal=decimal,
            text=text,
            first_is_id=not in_one,
        )
        findings.extend(dialect_findings(table, Path(path)))
        return named_frame(table, Path(path))

    body = cells(matrix, "matrix", named if in_one else (sample_id, schema.SAMPLE_ID))
    where = Path(matrix).name
    if in_one and "" in body.columns:  # row names without a header, as R writes them
        body = body.rename(columns={"": _ROW_NAME})
        sample_columns = (*sample_columns, _ROW_NAME)
    if pattern is not None:
        sheet_frame, values = unfold(
            body,
            pattern,
            subject=subject,
            timepoint=timepoint,
            timepoint_order=timepoint_order,
            analytes=analytes,
            where=where,
        )
    elif in_one:
        sheet_frame, values, more = _split(
            body, where, subject, timepoint, arm, sample_id, sample_columns, analytes
        )
        findings += more
    else:
        column = None if orientation == "features" else sample_id
        values = by_id(body, column, where, fallback=schema.SAMPLE_ID)
        if orientation == "features":
            values = values.T
        if isinstance(samples, pd.DataFrame):
            sheet_frame = samples
        else:
            text = cells(samples, "samples", (*roles, sample_id, schema.SAMPLE_ID))  # type: ignore
            sheet_frame = typed(text, roles)
        if sample_id is not None and sample_id in sheet_frame.columns:
            sheet_frame = sheet_frame.set_index(sample_id)
        elif schema.SAMPLE_ID not in sheet_frame.columns and not isinstance(samples, pd.DataFrame):
            sheet_frame = _first_column_as_id(
                sheet_frame, values.index, Path(str(samples)).name, roles
            )
        if analytes is not None:
            require(values, list(analytes), where)
            values = values[list(analytes)]
    if features is not None and not isinstance(features, pd.DataFrame):
        annotation = typed(cells(features, "features", ()), ())
        features = by_id(annotation, None, Path(features).name)
    with naming(matrix):
        adata = from_frames(
            values,
            sheet_frame,
            features,
            subject=subject,
            timepoint=timepoint,
            baseline=baseline,
            arm=arm,
            units=units,
            modality=modality,
            timepoint_order=timepoint_order,
            species=species,
            matrix_type=matrix_type,
            platform=platform,
        )
    known = meta(adata)
    known[schema.FINDINGS] = findings_frame(findings_from_frame(known[schema.FINDINGS]) + findings)
    files = [str(p) for p in (matrix, samples, features) if isinstance(p, (str, Path))]
    add_step(adata, "io.read_table", files=files, orientation=orientation)
    return adata


def _first_column_as_id(
    frame: pd.DataFrame, known: pd.Index, where: str, roles: Sequence[str | None]
) -> pd.DataFrame:
    ids = {text_of(v) for v in known}
    hits = {c: sum(text_of(v) in ids for v in frame[c]) for c in frame.columns}
    first = frame.columns[0]
    better = [c for c, n in hits.items() if n > hits[first]]
    if better:
        raise InputError(
            f"The ids of the matrix are not in the first column {first!r}, but in {shown(better)}",
            where=where,
            fix=f"Say sample_id={better[0]!r}.",
        )
    # the subject of a sheet with one sample a person is both
    return frame.set_index(first, drop=first not in roles)


def _split(
    body: pd.DataFrame,
    where: str,
    subject: str,
    timepoint: str,
    arm: str | None,
    sample_id: str | None,
    sample_columns: Sequence[str],
    analytes: Sequence[str] | None,
) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Sheet and matrix of a file that holds both."""
    if sample_id is None and schema.SAMPLE_ID in body.columns:
        sample_id = schema.SAMPLE_ID
    roles = [c for c in (sample_id, subject, timepoint, arm) if c is not None]
    described = list(dict.fromkeys([*roles, *sample_columns]))
    require(body, described, where)
    findings: list[Finding] = []
    if analytes is not None:
        require(body, list(analytes), where)
        both = [c for c in analytes if c in described]
        if both:
            raise UsageError(f"{shown(both)} cannot be analytes and describe the sample too")
        numbers = list(analytes)
    else:
        rest = [c for c in body.columns if c not in described]
        words = [c for c in rest if not _holds_a_number(body[c])]
        words = [c for c in words if not body[c].map(is_missing).all()]
        numbers = [c for c in rest if c not in words]
        if words:
            message = f"Columns {shown(words)} hold no number: they describe the samples."
            findings.append(Finding("text_column_to_sheet", "note", message, tuple(words)))
    sheet = typed(body[[c for c in body.columns if c not in numbers]], described)
    if sample_id is not None:
        ids = pd.Index(sheet.pop(sample_id)) if sample_id not in roles[1:] else sheet[sample_id]
    else:
        people, times = sheet[subject], sheet[timepoint]
        for name, column in ((subject, people), (timepoint, times)):
            absent = [i + 1 for i, v in enumerate(column) if is_missing(v)]
            if absent:
                raise InputError(
                    f"Rows {shown(absent)} have no {name}", where=where, fix="Fill them in."
                )
        pairs = zip(people, times, strict=True)
        ids = pd.Index([f"{text_of(p)}|{text_of(t)}" for p, t in pairs], dtype=str)
        if ids.has_duplicates:
            raise InputError(
                f"More than one row for {shown(ids[ids.duplicated()].unique())}",
                where=where,
                fix="Name the column with the ids, sample_id=, or keep one row a person and time.",
            )
    sheet.index, values = pd.Index(ids), body[numbers].set_axis(pd.Index(ids), axis=0)
    return sheet, values, findings


def _holds_a_number(column: pd.Series) -> bool:
    return bool(np.isfinite(to_numbers(column)[0]).any())


def _worksheet(sheet: Sheet, part: str) -> str | int:
    chosen = sheet.get(part) if isinstance(sheet, Mapping) else sheet
    return 0 if chosen is None else chosen
