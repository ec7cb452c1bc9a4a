"""What leads: AUC, or R² of a change; within sites where sites were left out one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from exerkine_omics.errors import shown
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels import _within_site as within
from exerkine_omics.kernels._performance import Estimate
from exerkine_omics.ml._cross import Pair, Repeat


def lead(
    repeat: Repeat, pair: Pair, continuous: bool, weights: np.ndarray | None = None
) -> np.ndarray:
    """AUC, or R² of a change, over the people of a repeat whose label is known (draws,).

    ``weights`` (draws x all people) are those of a bootstrap; None counts each once.
    """
    known = ~np.isnan(repeat.label)
    weights = np.ones((1, len(known))) if weights is None else weights
    return (r2_of if continuous else auc_of)(repeat, pair, known, weights[:, known])


def auc_of(repeat: Repeat, pair: Pair, rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    """AUC over all people, or over pairs of one site."""
    label, score = repeat.label[rows], repeat.prediction[pair][rows]
    if repeat.sites is None:
        return performance.auc(label, score, w)
    return within.auc(label, score, repeat.sites[rows], w)


def r2_of(repeat: Repeat, pair: Pair, rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    """``1 - sum (y - fit)^2 / sum (y - training mean)^2``, may be negative.

    Within sites each site has its own mean of outcome and prediction.
    """
    y, fitted = repeat.label[rows], repeat.prediction[pair][rows]
    if repeat.sites is not None:
        return within.r2_and_correlation(y, fitted, repeat.sites[rows], w)[0]
    rest = w @ (y - fitted) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1 - rest / (w @ (y - repeat.base[rows]) ** 2))


def site_interval(
    repeats: Sequence[Repeat], pair: Pair, base: Pair | None, groups: np.ndarray, level: float
) -> Estimate:
    """Within-site AUC, or its gain over ``base``, with the interval of the sites' DeLong variances.

    Where nobody's placement varies (no ranking at all, or a perfect one) the interval of an AUC is
    Wilson's for a share seen in the smaller classes of the sites.
    """
    (repeat,) = repeats  # sites are left out once
    known = ~np.isnan(repeat.label)
    label, site = repeat.label[known], repeat.sites[known]  # type: ignore[index]
    scores = np.array([repeat.prediction[p][known] for p in (pair, base) if p is not None])
    area, covariance = within.delong(label, scores, site, groups[known])
    sign = np.array([1.0, -1.0])[: len(area)]
    value, se = float(sign @ area), float(np.sqrt(max(0.0, sign @ covariance @ sign)))
    if base is None and se < 1e-12 and np.isfinite(value):
        both = [min((label[site == s] == 1).sum(), (label[site == s] == 0).sum())
                for s in np.unique(site)]  # fmt: skip
        return Estimate(value, *performance.wilson(value, int(sum(both)), level))
    half = float(stats.norm.ppf(0.5 + level / 2)) * se
    least = 0.0 if base is None else -1.0
    return Estimate(value, max(least, value - half), min(1.0, value + half))


def one_class_note(repeat: Repeat, names: np.ndarray) -> list[str]:
    """Name the sites (of the people) whose people are all of one class: they hold no pair."""
    known = ~np.isnan(repeat.label)
    alone = [
        str(name)
        for name in np.unique(names)
        if len(np.unique(repeat.label[known & (names == name)])) < 2
    ]
    return [f"No pair of responder and other at {shown(alone)}: not in the AUC."] if alone else []
