"""From data frames to AnnData, and a sample sheet set later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    carried_findings,
    editable,
    findings_frame,
    matrix_unknown,
    meta,
    persons_tubes,
)
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._features import Units, feature_table, unit_of_columns
from exerkine_omics.io._matrix import numeric_matrix
from exerkine_omics.io._samples import (
    SHEET,
    as_levels,
    assign_roles,
    index_samples,
    order_timepoints,
    require_roles,
    storable,
)


def from_frames(
    matrix: pd.DataFrame,
    samples: pd.DataFrame,
    features: pd.DataFrame | None = None,
    *,
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
    """Make the AnnData of a cohort from a matrix and its sample sheet.

    Use it when the data are in memory; `read_table` does the same from files. Matrix and sheet
    are joined by sample id, never by position; what does not match is a finding in
    ``uns["exerkine"]["findings"]``.

    Parameters
    ----------
    matrix
        Samples x analytes, index = sample ids, columns = analyte ids. Numbers, on the scale that
        ``units`` names.
    samples
        One row a sample: the same ids as index, or in a column ``sample_id``. All columns become
        ``obs`` columns.
    features
        One row an analyte, index = analyte ids; its columns (``name``, ``uniprot``,
        ``gene_symbol``, ...) become ``var`` columns.
    subject, timepoint, arm
        Columns of ``samples`` that say who, when, and in which arm. They are renamed to
        ``subject_id``, ``timepoint`` and ``arm``.
    baseline
        The time point before exercise.
    units
        One of ``schema.UNIT_TABLE`` (NPX, log2, RFU, intensity, concentration, Cq, counts,
        log_cpm, zscore), or ``{analyte: unit}``; None where it is not known, which is a finding.
    modality
        ``proteomics``, ``metabolomics`` or ``mirna``.
    timepoint_order
        All time points in their order. Without it the order of a categorical column, else the
        natural one (week 2 before week 10); the baseline always stands first.
    species
        Species of the samples.
    matrix_type
        One of ``schema.MATRICES`` (plasma_edta, serum, ...); None where it is not known.
    platform
        Name of the assay.

    Returns
    -------
    AnnData
        Samples in the matrix' order x analytes; X float64.

    Raises
    ------
    InputError
        For text or infinity in the matrix, ids that stand twice, ids without overlap, a column
        that is not there, a sample without subject or time point, an absent baseline.
    UnitsError
        For a unit that is none.

    Notes
    -----
    Missing values: NaN stays, also rows and columns of nothing else; ``NA``, ``NaN`` and empty
    text are NaN.

    Examples
    --------
    >>> import pandas as pd, exerkine_omics as exo
    >>> matrix = pd.DataFrame({"IL6": [1.0, 3.2]}, index=["a", "b"])
    >>> sheet = pd.DataFrame({"id": ["P1", "P1"], "visit": ["pre", "post"]}, index=["a", "b"])
    >>> adata = exo.io.from_frames(
    ...     matrix, sheet, subject="id", timepoint="visit", baseline="pre", units="NPX",
    ...     modality="proteomics", matrix_type="plasma_edta",
    ... )
    >>> list(adata.obs["timepoint"].cat.categories)
    ['pre', 'post']
    """
    _choice(modality, schema.MODALITIES, "modality=")
    if matrix_type is not None:
        _choice(matrix_type, (*schema.MATRICES, schema.UNKNOWN), "matrix_type=")
    values = numeric_matrix(matrix)
    sheet, findings = index_samples(samples, values.index)
    both = isinstance(matrix.index, pd.RangeIndex) and isinstance(samples.index, pd.RangeIndex)
    if both and schema.SAMPLE_ID not in samples.columns:
        findings.append(
            Finding(
                "ids_are_row_numbers",
                "warning",
                "The sample ids of matrix and sheet are bare row numbers: they are joined by them.",
                fix="Set the sample ids as index of both frames.",
            )
        )
    findings += _unmatched(values, sheet)
    common = values.index[values.index.isin(sheet.index)]
    values = values.loc[common]
    obs, first, more = _obs(
        sheet.loc[common],
        subject=subject,
        timepoint=timepoint,
        arm=arm,
        baseline=baseline,
        timepoint_order=timepoint_order,
    )
    findings += more
    var, more = feature_table(values.columns, features)
    findings += more
    unit, each, more = unit_of_columns(values.columns, units)
    findings += more
    if each is not None:
        var[schema.UNIT_COLUMN] = each
    if matrix_type in (None, schema.UNKNOWN):
        findings.append(matrix_unknown())
    adata = AnnData(values.to_numpy(copy=True), obs=obs, var=var)
    adata.uns[schema.UNS] = {
        schema.SCHEMA_VERSION: schema.VERSION,
        schema.PLATFORM: str(platform or schema.UNKNOWN),
        schema.MODALITY: modality,
        schema.UNITS: unit,
        schema.SPECIES: str(species or schema.UNKNOWN),
        schema.MATRIX: matrix_type or schema.UNKNOWN,
        schema.BASELINE: first,
        schema.FINDINGS: findings_frame(findings),
    }
    columns = {"subject": subject, "timepoint": timepoint, "arm": arm, "baseline": first}
    add_step(adata, "io.from_frames", units=unit, modality=modality, **columns)
    return adata


def set_samples(
    adata: AnnData,
    samples: pd.DataFrame | str | Path,
    *,
    subject: str,
    timepoint: str,
    baseline: object,
    arm: str | None = None,
    timepoint_order: Sequence[object] | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Give the samples of an AnnData their subject, time point and arm.

    Use it for vendor files, which know tubes but not people, and to name another baseline
    (``samples=adata.obs``).

    Parameters
    ----------
    adata
        Samples x analytes; ``obs_names`` are the sample ids. No other part is touched.
    samples
        One row a sample, as in `from_frames`, or the path of such a table. Its columns are added
        to ``obs``, and replace those of the same name. Tubes that are no person's (a
        ``sample_type`` other than ``sample``: controls, calibrators, blanks, bridging samples)
        need no row, and no subject.
    subject, timepoint, baseline, arm, timepoint_order
        As in `from_frames`.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None.

    Raises
    ------
    InputError
        If a sample of ``adata`` has no row in the sheet, and as in `from_frames`.

    Notes
    -----
    Missing values: a sample without subject or time point is an error; elsewhere NaN stays.
    """
    if isinstance(samples, (str, Path)):
        from exerkine_omics.io._files import read_sheet

        samples = read_sheet(samples, text=(subject, timepoint, arm))
    meta(adata)  # one of ours, before anything is read from it
    ids = pd.Index([str(n) for n in adata.obs_names], dtype=str)
    sheet, findings = index_samples(samples, ids)
    _refuse_no_overlap(ids, sheet.index, adata.var_names)
    tubes = persons_tubes(adata)
    absent = ids[~ids.isin(sheet.index) & tubes]
    if len(absent):
        raise InputError(
            f"Samples {shown(absent)} are not in the sample sheet",
            where=SHEET,
            fix="Add their rows, or take them out: adata[adata.obs_names.isin(sheet.index)].",
        )
    findings += _extra(sheet.index[~sheet.index.isin(ids)])
    obs, first, more = _obs(
        sheet.reindex(ids),
        subject=subject,
        timepoint=timepoint,
        arm=arm,
        baseline=baseline,
        timepoint_order=timepoint_order,
        tubes=tubes,
    )
    findings += more
    kept = adata.obs.drop(columns=[c for c in adata.obs.columns if c in obs.columns])
    obs = pd.concat([obs, kept.set_axis(obs.index, axis=0)], axis=1)
    fresh = {f.id for f in findings}
    before = carried_findings(adata)
    result = editable(adata, copy, values=False)
    result.obs = obs
    changed = meta(result)
    changed[schema.BASELINE] = first
    changed[schema.FINDINGS] = findings_frame([f for f in before if f.id not in fresh] + findings)
    changed.pop(schema.PAIRS, None)  # pairs of another sheet
    add_step(
        result, "io.set_samples", subject=subject, timepoint=timepoint, arm=arm, baseline=first
    )
    return result if copy else None


def _obs(
    sheet: pd.DataFrame,
    *,
    subject: str,
    timepoint: str,
    arm: str | None,
    baseline: object,
    timepoint_order: Sequence[object] | None,
    tubes: np.ndarray | None = None,
) -> tuple[pd.DataFrame, str, list[Finding]]:
    frame = assign_roles(sheet, subject=subject, timepoint=timepoint, arm=arm)
    persons = frame if tubes is None else frame[tubes]
    require_roles(persons)
    order, first, findings = order_timepoints(persons[schema.TIMEPOINT], timepoint_order, baseline)
    order = order.reindex(frame.index)
    roles = [c for c in (schema.SUBJECT, schema.TIMEPOINT, schema.ARM) if c in frame.columns]
    obs, more = storable(frame.drop(columns=roles))
    people = {schema.SUBJECT: as_levels(frame[schema.SUBJECT]), schema.TIMEPOINT: order}
    if schema.ARM in frame.columns:
        people[schema.ARM] = as_levels(frame[schema.ARM])
    obs = pd.concat([pd.DataFrame(people, index=frame.index), obs], axis=1)
    obs.index.name = schema.SAMPLE_ID
    return obs, first, findings + more


def _unmatched(values: pd.DataFrame, sheet: pd.DataFrame) -> list[Finding]:
    _refuse_no_overlap(values.index, sheet.index, values.columns)
    only_matrix = values.index[~values.index.isin(sheet.index)]
    findings = _extra(sheet.index[~sheet.index.isin(values.index)])
    if len(only_matrix):
        findings.append(
            Finding(
                "sample_not_in_sheet",
                "warning",
                f"{len(only_matrix)} samples of the matrix are not in the sample sheet and were "
                f"left out: {shown(only_matrix)}.",
                tuple(only_matrix),
                "Add their rows to the sample sheet.",
            )
        )
    return findings


def _extra(ids: pd.Index) -> list[Finding]:
    if not len(ids):
        return []
    message = f"{len(ids)} samples of the sheet are not in the matrix: {shown(ids)}."
    fix = "Look for a misspelt id, or for a tube that was not measured."
    return [Finding("sample_not_in_matrix", "warning", message, tuple(ids), fix)]


def _refuse_no_overlap(ids: pd.Index, sheet: pd.Index, analytes: pd.Index) -> None:
    if ids.isin(sheet).any():
        return
    fix = "Give both frames the same sample ids as index, or the sheet a column 'sample_id'."
    if analytes.isin(sheet).any():
        fix = "The samples are the columns: give matrix.T, or orientation='features' to read_table."
    elif {i.strip().casefold() for i in ids} & {s.strip().casefold() for s in sheet}:
        fix = "They differ in blanks or capitals only: spell them alike."
    raise InputError(
        f"No sample of the matrix ({shown(ids)}) is in the sample sheet ({shown(sheet)})",
        where=SHEET,
        fix=fix,
    )


def _choice(value: object, known: tuple[str, ...], where: str) -> None:
    if value not in known:
        raise InputError(f"{value!r} is not known", where=where, fix=f"One of {', '.join(known)}.")
