"""What the figures of quality know of each tube, and the scale they compare values on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import dense, feature_blocks, persons_tubes, timepoints, units
from exerkine_omics.errors import InputError
from exerkine_omics.pl._frames import counted

_KNOWN = (schema.SUBJECT, schema.TIMEPOINT, schema.ARM, schema.PLATE_ID, schema.SAMPLE_TYPE)


def tubes(adata: AnnData) -> pd.DataFrame:
    """Row a sample: sample_id, person (bool), and texts, "" where nothing is known.

    ``sample_type`` is "sample" for all persons' tubes.
    """
    frame = pd.DataFrame({schema.SAMPLE_ID: adata.obs_names.astype(str)})
    for column in _KNOWN:
        values = adata.obs[column].astype(object) if column in adata.obs else None
        frame[column] = "" if values is None else values.where(values.notna(), "").map(str).array
    frame["person"] = persons_tubes(adata)
    frame.loc[frame["person"], schema.SAMPLE_TYPE] = schema.SAMPLE
    return frame


def visits(adata: AnnData) -> tuple[pd.DataFrame, list[str], str]:
    """Persons' tubes with a time point, the time points, and a sentence on the others."""
    times = timepoints(adata)
    frame = tubes(adata)
    placed = frame["person"] & frame[schema.TIMEPOINT].isin(times)
    controls = int((~frame["person"]).sum())
    lost = int((frame["person"] & ~placed).sum())
    said = [
        f"Not drawn: {counted(n, noun)}{rest}."
        for n, noun, rest in (
            (lost, "sample", " without time point"),
            (controls, "control tube", ""),
        )
        if n
    ]
    if not placed.any():
        raise InputError(
            "No tube of a person has a time point",
            where=f"obs[{schema.TIMEPOINT!r}]",
            fix="Give the sample sheet with exo.io.set_samples.",
        )
    frame = frame[placed]
    seen = set(frame[schema.TIMEPOINT])
    return frame, [t for t in times if t in seen], " ".join(said)


def require(adata: AnnData, column: str, kind: str, call: str) -> None:
    """Raise `InputError` where the column that a figure draws is not there."""
    if column not in adata.obs:
        raise InputError(
            f"pl.qc(kind={kind!r}) draws obs[{column!r}], which is not there",
            where="obs",
            fix=f"Call {call} first.",
        )


def absent(adata: AnnData) -> np.ndarray:
    """Say which values were not measured: those that are not finite, and those filled since."""
    gone = np.empty(adata.shape, dtype=bool)
    for block, values in feature_blocks(adata):
        gone[:, block] = ~np.isfinite(values)
    if schema.IMPUTED in adata.layers:
        gone |= dense(adata, schema.IMPUTED) > 0.5
    return gone


def relative_levels(adata: AnnData) -> tuple[np.ndarray, str]:
    """Median over features of each value less the feature's median in people; unit in words.

    Linear units are compared by their logarithm. Less the feature's own median, samples that
    lack other features than their neighbours do not seem shifted. NaN without any value.
    """
    values = dense(adata, infinite=True)
    unit = units(adata)
    each = (
        adata.var[schema.UNIT_COLUMN].astype(str).to_numpy()
        if unit == schema.MIXED and schema.UNIT_COLUMN in adata.var
        else np.full(adata.n_vars, unit)
    )
    linear = [u in schema.UNIT_TABLE and not schema.UNIT_TABLE[u].log for u in each]
    values = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(linear, np.log2(np.where(values > 0, values, np.nan)), values)
    mine = persons_tubes(adata)
    known = np.isfinite(values[mine]).any(axis=0)
    middle = np.full(adata.n_vars, np.nan)
    middle[known] = np.nanmedian(values[mine][:, known], axis=0)
    rest = values - middle
    some = np.isfinite(rest).any(axis=1)
    level = np.full(adata.n_obs, np.nan)
    level[some] = np.nanmedian(rest[some], axis=1)
    words = "log2" if any(linear) or unit == schema.MIXED else unit
    return level, words
