"""Scores that are weighted means of the members: of z scores, of values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._scorer import Options, Prepared, Scorer, coverage
from exerkine_omics.kernels._sets import Sets, make_sets
from exerkine_omics.parallel import blocks

# a baseline SD below this share of the panel's median SD is raised to it
SD_FLOOR = 0.1
# a baseline with fewer values than this gives no reference: the member is not measured
MIN_BASELINE = 3


@dataclass(frozen=True)
class Reference:
    """Mean and SD of each feature over the baseline samples (p); NaN where there are too few."""

    mean: np.ndarray
    sd: np.ndarray


def fit_reference(baseline: np.ndarray) -> Reference:
    """Learn mean and SD from baseline samples (n x p); NaN cells do not count.

    A feature with fewer than 3 values, or all of whose values are equal on a panel where none
    varies, has no reference. SDs under 0.1 x the median SD of the panel are raised to that.
    """
    parts = [feature_moments(baseline[:, b]) for b in blocks(baseline.shape[1])]
    n, mean, sd = (np.concatenate(column) for column in zip(*parts, strict=True))
    enough = n >= MIN_BASELINE
    sd = np.where(enough, sd, np.nan)
    varying = sd[enough & (sd > 0)]
    floor = SD_FLOOR * float(np.median(varying)) if len(varying) else np.nan
    floored = enough & ~(sd >= floor)
    sd = np.where(floored, floor, sd)
    return Reference(np.where(enough, mean, np.nan), sd)


def feature_moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count, mean and SD of each feature (samples x features); NaN is a missing value."""
    finite = np.isfinite(values)
    n = finite.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(finite, values, 0.0).sum(axis=0) / n
        centred = np.where(finite, values - mean, 0.0)
        return n, mean, np.sqrt((centred**2).sum(axis=0) / (n - 1))


def standardise(values: np.ndarray, reference: Reference) -> np.ndarray:
    """Z scores of samples (n x p) against a reference; NaN stays NaN."""
    return (values - reference.mean) / reference.sd


def weighted_mean(prepared: Prepared, sets: Sets, options: Options) -> np.ndarray:
    """Signed weighted mean over the measured members, sum(w z) / sum(|w|), sets x samples."""
    return np.asarray(sets.weights @ prepared.tables[0]) / prepared.weight(abs(sets.weights))


def _fit(values: np.ndarray, options: Options) -> Reference:
    return fit_reference(values)


def _prepare_z(values: np.ndarray, learnt: Reference, options: Options) -> Prepared:
    return measured(standardise(values, learnt))


def _prepare_values(values: np.ndarray, learnt: None, options: Options) -> Prepared:
    return measured(values)


def measured(values: np.ndarray) -> Prepared:
    """Values as the one table, 0 where not measured."""
    table = np.ascontiguousarray(values.T, dtype=float)
    finite = np.isfinite(table)
    n = finite.sum(axis=0)
    if finite.all():
        return Prepared((table,), None, n)
    return Prepared((np.where(finite, table, 0.0),), finite.astype(float), n)


def mean_of_members(
    values: np.ndarray, weights: np.ndarray, total: float
) -> tuple[np.ndarray, np.ndarray]:
    """Signed weighted mean of one signature's members, and the coverage beside it.

    Parameters
    ----------
    values
        Samples (or people's changes) x k measured members; NaN is not measured.
    weights
        Weights of these members (k).
    total
        Sum of absolute weights over all members of the signature.

    Returns
    -------
    tuple
        Mean (n; NaN where nothing is measured) and share of ``total`` that is measured (n).
    """
    k = len(weights)
    one = make_sets([np.arange(k)], [weights], [total], k)
    prepared = measured(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return weighted_mean(prepared, one, {})[0], coverage(prepared, one)[0]


BASELINE_Z = Scorer(
    name="baseline_z",
    description="signed weighted mean of the members' z scores against the baseline samples",
    units="baseline SDs of the members",
    depends_on="the baseline samples, or a stored reference",
    nan="the member leaves that sample's score; the weights of the others carry it",
    meaningless="none: members are compared with their own baseline",
    learns_from="baseline",
    fit=_fit,
    prepare=_prepare_z,
    combine=weighted_mean,
    additive=True,
)

WEIGHTED_MEAN = Scorer(
    name="weighted_mean",
    description="signed weighted mean of the members' values as they stand",
    units="the unit of X",
    depends_on="no other sample",
    nan="the member leaves that sample's score: where members differ in level, the score shifts",
    meaningless="panels whose features have no common zero (NPX, log2 RFU, log2 intensity): the "
    "members with the highest level rule; compare a person's own samples only",
    learns_from="none",
    prepare=_prepare_values,
    combine=weighted_mean,
    additive=True,
)
