"""Time points that differ in variance, where one pooled variance is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from exerkine_omics import schema
from exerkine_omics.cohort import Design, adjust
from exerkine_omics.kernels._effect import Moments

_LEVEL = 0.01
_RATIO = 1.5


def variance_notes(moments: Moments, design: Design, features: pd.Index) -> pd.DataFrame:
    """Features whose SD between people at a later time differs from baseline's, within arms.

    The F test of two variances, which is conservative here since a person's samples agree; a
    feature is noted where the adjusted p is below 0.01 and the SDs differ by half or more.
    """
    start, start_df = moments.pooled(cells_of(design, design.baseline))
    columns: dict[str, list[np.ndarray]] = {
        k: [] for k in ("feature", schema.TIMEPOINT, "sd_ratio", "p_value", "p_adj")
    }
    for timepoint in design.timepoints:
        if timepoint == design.baseline:
            continue
        sd, df = moments.pooled(cells_of(design, timepoint))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = sd / start
            upper = special.fdtrc(df, start_df, ratio**2)
            p_value = 2 * np.minimum(upper, 1 - upper)
            far = np.abs(np.log(ratio)) >= np.log(_RATIO)
        p_value = np.where(np.isfinite(ratio) & (ratio > 0), p_value, np.nan)
        p_adj = adjust(p_value, np.zeros(len(p_value)))
        noted = np.flatnonzero((p_adj < _LEVEL) & far)
        columns["feature"].append(features[noted].to_numpy(dtype=object))
        columns[schema.TIMEPOINT].append(np.full(len(noted), timepoint, dtype=object))
        for name, values in (("sd_ratio", ratio), ("p_value", p_value), ("p_adj", p_adj)):
            columns[name].append(values[noted])
    frame = pd.DataFrame({k: np.concatenate(v) for k, v in columns.items()})
    return frame.astype({"feature": "category", schema.TIMEPOINT: "category"})


def cells_of(design: Design, timepoint: str) -> np.ndarray:
    """Cells of a time point, over arms."""
    return np.flatnonzero([c.timepoint == timepoint for c in design.cells])
