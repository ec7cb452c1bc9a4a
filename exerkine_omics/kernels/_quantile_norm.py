"""Quantile normalisation: every sample gets the same distribution.

References
----------
Bolstad BM, Irizarry RA, Astrand M, Speed TP (2003) A comparison of normalization methods for high
density oligonucleotide array data based on variance and bias. Bioinformatics 19:185-193.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from exerkine_omics.kernels._normalizer import Normalizer, Tubes


def fit_quantile(tubes: Tubes) -> np.ndarray:
    """Mean quantile function of the samples, at as many equal steps as there are features.

    A sample's m measured values stand at the shares 0, 1/(m-1), ..., 1 and are interpolated
    linearly to the steps; samples with fewer than 2 values take no part. Without any, NaN.
    """
    n = tubes.values.shape[1]
    grid = np.linspace(0, 1, n)
    total, used = np.zeros(n), 0
    for row in tubes.values:
        own = np.sort(row[np.isfinite(row)])
        if len(own) > 1:
            total += own if len(own) == n else np.interp(grid, np.linspace(0, 1, len(own)), own)
            used += 1
    return total / used if used else np.full(n, np.nan)


def quantile_values(tubes: Tubes, target: np.ndarray) -> np.ndarray:
    """Values of the target at each value's own share (rank - 1) / (m - 1).

    Tied values share their mean rank; the only value of a sample stands at 1/2.
    """
    grid = np.linspace(0, 1, len(target))
    result = np.full(tubes.values.shape, np.nan)
    for row, new in zip(tubes.values, result, strict=True):
        there = np.flatnonzero(np.isfinite(row))
        if len(there) > 1:
            share = (stats.rankdata(row[there]) - 1) / (len(there) - 1)
            new[there] = np.interp(share, grid, target)
        elif len(there):
            new[there] = np.interp(0.5, grid, target)
    return result


def along_quantiles(limits: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Limits of each sample after its values moved: between the same values as before.

    Linear between the sample's values, at the same distance beyond the outermost; samples x
    features, NaN in a sample without values.
    """
    result = np.full(limits.shape, np.nan)
    for own, old, new, made in zip(limits, before, after, result, strict=True):
        there = np.isfinite(old) & np.isfinite(new)
        if there.any():
            x, y = np.sort(old[there]), np.sort(new[there])
            made[:] = np.interp(own, x, y) + own - np.clip(own, x[0], x[-1])
    return result


QUANTILE = Normalizer(
    name="quantile",
    description="give every sample the mean quantile function of the samples",
    scales=("log", "Cq", "linear"),
    levels_samples=True,
    nan="the ranks are those of the measured values, spread over the whole distribution",
    meaningless="panels chosen for what changes, and few features: a rank is not a level; where "
    "what is not measured is low",
    fit=fit_quantile,
    replace=quantile_values,
    source="Bolstad BM et al. (2003) Bioinformatics 19:185-193",
)
