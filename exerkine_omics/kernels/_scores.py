"""Scores as fit / apply pairs: learn a reference, apply it to any sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# a baseline SD below this share of the panel's median SD is raised to it
SD_FLOOR = 0.1
# a baseline with fewer values than this gives no reference: the member is not measured
MIN_BASELINE = 3


@dataclass(frozen=True)
class Reference:
    """Mean and SD of each feature over the baseline samples (p); NaN where there are too few."""

    mean: np.ndarray
    sd: np.ndarray


def enough_coverage(coverage: np.ndarray, least: float) -> np.ndarray:
    """Say where coverage reaches the least asked for; sums of weights are compared to 1e-9."""
    return (coverage > 0) & (coverage >= least - 1e-9)


def fit_reference(baseline: np.ndarray) -> Reference:
    """Learn mean and SD from baseline samples (n x p); NaN cells do not count.

    A feature with fewer than 3 values, or all of whose values are equal on a panel where none
    varies, has no reference. SDs under 0.1 x the median SD of the panel are raised to that.
    """
    finite = np.isfinite(baseline)
    n = finite.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite, baseline, 0.0).sum(axis=0) / n
        centred = np.where(finite, baseline - mean, 0.0)
        sd = np.sqrt((centred**2).sum(axis=0) / (n - 1))
    enough = n >= MIN_BASELINE
    sd = np.where(enough, sd, np.nan)
    varying = sd[enough & (sd > 0)]
    floor = SD_FLOOR * float(np.median(varying)) if len(varying) else np.nan
    floored = enough & ~(sd >= floor)
    sd = np.where(floored, floor, sd)
    return Reference(np.where(enough, mean, np.nan), sd)


def standardise(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Z scores of samples (n x p) against a reference; NaN stays NaN."""
    return (values - reference.mean) / reference.sd


def weighted_mean(
    z: np.ndarray, weights: np.ndarray, total: float
) -> tuple[np.ndarray, np.ndarray]:
    """Signed weighted mean over the measured members, and the coverage beside it.

    Parameters
    ----------
    z
        Samples x k measured members; NaN is a member not measured in that sample.
    weights
        Weights of these members (k).
    total
        Sum of absolute weights over all members of the signature.

    Returns
    -------
    tuple
        score (n), sum(w z) / sum(|w|) over the members measured in the sample; coverage (n),
        sum(|w|) measured / total.
    """
    finite = np.isfinite(z)
    size = finite @ np.abs(weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = np.where(finite, z, 0.0) @ weights / size
    return np.where(size > 0, score, np.nan), size / total
