"""Time points that differ in variance, where one pooled variance is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from exerkine_omics import schema
from exerkine_omics.cohort import Design, adjust
from exerkine_omics.kernels._effect import Moments

_LEVEL = 0.01
_MANY = 20
_OWN = 0.05
_RATIO = 1.5


def variance_notes(moments: Moments, design: Design, features: pd.Index) -> pd.DataFrame:
    """Features whose SD between people at a later time differs from baseline's, within arms.

    The F test of two variances, which is conservative here since a person's samples agree. A
    feature is noted where the SDs differ by half or more and the adjusted p is below 0.01; where
    the median of all features (20 or more) differs by as much, its own p below 0.05 is enough: few
    people cannot convict one feature, many features together can.
    """
    start, start_df = moments.pooled(cells_of(design, design.baseline))
    found = []
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
        far &= p_value < _OWN  # an adjusted p is never smaller
        if far.any():
            p_adj = adjust(p_value, np.zeros(len(p_value)))
            logs = np.log(ratio[np.isfinite(p_value)])
            all_far = len(logs) >= _MANY and abs(np.median(logs)) >= np.log(_RATIO)
            noted = np.flatnonzero(far & ((p_adj < _LEVEL) | all_far))
            names = features[noted].to_numpy(dtype=object)
            found.append((names, timepoint, ratio[noted], p_value[noted], p_adj[noted]))
    numbers = [np.concatenate([np.empty(0), *(f[k] for f in found)]) for k in (2, 3, 4)]
    names = np.concatenate([np.empty(0, dtype=object), *(f[0] for f in found)])
    times = np.repeat([f[1] for f in found], [len(f[0]) for f in found])
    columns = (pd.Categorical(names), pd.Categorical(times), *numbers)
    keys = ("feature", schema.TIMEPOINT, "sd_ratio", "p_value", "p_adj")
    return pd.DataFrame(dict(zip(keys, columns, strict=True)))


def cells_of(design: Design, timepoint: str) -> np.ndarray:
    """Cells of a time point, over arms."""
    return np.flatnonzero([c.timepoint == timepoint for c in design.cells])
