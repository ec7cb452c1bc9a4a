r"""Camera: whether the members of a set move more than the other features do (Wu 2012).

The competitive test of a set of m features against the m2 others, with the variance of the set's
mean inflated by the correlation between its members,

.. math:: t = \frac{\bar z_1 - \bar z_2}
              {\sqrt{v\,(\mathrm{VIF} / m + 1 / m_2)}}, \qquad \mathrm{VIF} = 1 + (m - 1)\rho

with v the variance of all z pooled within the two groups. A set's weights enter as signs: a
member of negative weight is turned over, for this set alone, as if its row of the matrix had been
multiplied by -1. That changes the mean of all z, and so the comparison; it does not change a
residual variance.

References
----------
Wu D, Smyth GK (2012) Camera: a competitive gene set test accounting for inter-gene correlation.
Nucleic Acids Research 40:e133. doi:10.1093/nar/gks461
Hill GW (1970) Algorithm 395: Student's t-distribution. Communications of the ACM 13:617-619.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from exerkine_omics.kernels._gene_effects import GeneEffects
from exerkine_omics.kernels._gene_sets import GeneSet, sizes

_ROUNDING = 1e-24  # share of the squares below which the scores are all the same

PRESET = 0.01
"""Correlation between members that limma presets: small, so that sets can be ranked."""


@dataclass(frozen=True)
class CameraTest:
    """A test of each set.

    Attributes
    ----------
    n
        Members that took part.
    statistic
        t of the set along its signed weights (z of the rank sum with ranks).
    df
        Its degrees of freedom; infinite for ranks with a preset correlation.
    correlation
        Correlation between members, preset or estimated (NaN with one member).
    p_value
        Two-sided.
    """

    n: np.ndarray
    statistic: np.ndarray
    df: float
    correlation: np.ndarray
    p_value: np.ndarray


def camera(
    effects: GeneEffects,
    sets: Sequence[GeneSet],
    inter_gene_cor: float | None = PRESET,
    *,
    use_ranks: bool = False,
) -> CameraTest:
    r"""Test sets on the moderated t of all features.

    Parameters
    ----------
    effects
        Effects of the contrast; their prior is the test's (with ``trend``: limma's ``trend.var``).
    sets
        Columns and signed weights; only the signs count.
    inter_gene_cor
        Correlation between members. None estimates it for each set from the residual effects
        scaled to unit variance, :math:`\mathrm{VIF} = m \cdot \frac1d \sum_i \bar u_i^2`, and
        takes a negative one as 0 in the test.
    use_ranks
        Rank sum of the moderated t in place of the t test of their normal scores.

    Returns
    -------
    CameraTest
        df is features - 2, or min(d, features - 2) with an estimated correlation. NaN where a set
        has no member or no feature is outside it, where all scores in both groups are the same,
        and for all sets where the contrast has no residual df.

    Notes
    -----
    limma's ``camera`` (3.54) on the matrix with the set's negative members turned over. Where a
    residual variance is below 1e-8, limma divides by that bound when it estimates a correlation;
    here units are free. A p above 1 (rank sum at its own mean) is 1.
    """
    t = effects.moderated_t
    f = len(t)
    if effects.df < 1:
        return _nothing(sets)
    free = float(f - 2)
    if inter_gene_cor is None:
        df = min(float(effects.df), free)
        correlation = np.array([_correlation(effects, *one) for one in sets])
    else:
        df = np.inf if use_ranks else free
        correlation = np.full(len(sets), float(inter_gene_cor))
    used = np.maximum(np.nan_to_num(correlation), 0.0)
    scores = t if use_ranks else normal_scores(t, effects.total_df)
    return _compare(scores, sets, used, correlation, df, use_ranks)


def camera_pr(
    statistic: np.ndarray,
    sets: Sequence[GeneSet],
    inter_gene_cor: float | np.ndarray = PRESET,
    *,
    use_ranks: bool = False,
) -> CameraTest:
    """Test sets on any statistic of the features: limma's ``cameraPR``.

    Parameters
    ----------
    statistic
        One number a feature, its sign the direction, near normal under no change (a z, or a t on
        many df). NaN is a feature that takes no part, in a set or outside.
    sets
        Columns and signed weights; only the signs count.
    inter_gene_cor
        Correlation between members, one number or one a set; a negative one counts as such.
    use_ranks
        Rank sum in place of the t test.

    Returns
    -------
    CameraTest
        ``n`` counts members with a statistic; df is features with one - 2 (infinite for ranks).
    """
    known = np.isfinite(statistic)
    place = np.cumsum(known) - 1
    kept = [(place[m[known[m]]], w[known[m]]) for m, w in sets]
    correlation = np.broadcast_to(np.asarray(inter_gene_cor, dtype=float), (len(sets),)).copy()
    df = np.inf if use_ranks else float(known.sum() - 2)
    return _compare(statistic[known], kept, correlation, correlation, df, use_ranks)


def normal_scores(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Z with (nearly) the tail probability of t on ``df``, by Hill's (1970) expansion."""
    df = np.minimum(df, 1e100)
    a = df - 0.5
    b = 48 * a**2
    w = a * np.log1p(t / df * t)
    tail = np.polyval([0.4, 3.3, 24.0, 85.5], w) / (np.polyval([0.8, 0.0, 100.0], w) + b)
    return np.sign(t) * np.sqrt(w) * (1 + (w + 3 - tail) / b)


def _correlation(effects: GeneEffects, members: np.ndarray, weights: np.ndarray) -> float:
    """Mean correlation between members, from the variance of their mean residual effect."""
    m = len(members)
    if m < 2:
        return np.nan
    scale = np.sqrt(effects.variance[members])
    signs = np.sign(weights) / np.where(scale > 0, scale, 1.0)
    mean = effects.effects[1:, members] @ signs / m
    return float((m * (mean**2).mean() - 1) / (m - 1))


def _compare(
    scores: np.ndarray,
    sets: Sequence[GeneSet],
    used: np.ndarray,
    correlation: np.ndarray,
    df: float,
    use_ranks: bool,
) -> CameraTest:
    test: Callable[..., tuple[float, float]] = _rank_sum if use_ranks else _two_sample
    f = len(scores)
    result = np.full((2, len(sets)), np.nan)
    ranks = stats.rankdata(scores) if use_ranks else scores
    for i, (members, weights) in enumerate(sets):
        if not 0 < len(members) < f or f < 3:
            continue
        mine = ranks
        if (weights < 0).any():
            mine = scores.copy()
            mine[members] *= np.sign(weights)
            mine = stats.rankdata(mine) if use_ranks else mine
        result[:, i] = test(mine, members, float(used[i]), df)
    return CameraTest(sizes(sets), result[0], df, correlation, result[1])


def _two_sample(z: np.ndarray, members: np.ndarray, rho: float, df: float) -> tuple[float, float]:
    """Pooled t of the members against the rest, and its two-sided p."""
    f, m = len(z), len(members)
    rest = f - m
    centred = z - z.mean()
    inside = float(centred[members].mean())
    delta = inside * f / rest  # of the two groups' means
    within = float(centred @ centred) - delta**2 * m * rest / f
    spread = within / (f - 2) * ((1 + (m - 1) * rho) / m + 1 / rest)
    # a correlation may be too negative to be one
    if not (within > _ROUNDING * float(z @ z) and spread > 0):
        return np.nan, np.nan
    t = delta / np.sqrt(spread)
    return t, float(2 * special.stdtr(df, -abs(t)))


def _rank_sum(ranks: np.ndarray, members: np.ndarray, rho: float, df: float) -> tuple[float, float]:
    r"""Rank sum test of members that correlate by ``rho``: z, and the two-sided p.

    Two members of bivariate normal scores that correlate by r exceed two others together with
    probability 1/4 + asin(.)/(2 pi), of which the variance is the sum (Wu 2012).
    """
    f, m = len(ranks), len(members)
    rest = f - m
    above = float(ranks[members].sum()) - m * (m + 1) / 2 - m * rest / 2
    if rho == 0 or m == 1:
        variance = m * rest * (f + 1) / 12
    else:
        pairs = (
            np.arcsin(1.0)
            + np.arcsin(0.5) * (rest - 1)
            + np.arcsin(rho / 2) * (m - 1) * (rest - 1)
            + np.arcsin((rho + 1) / 2) * (m - 1)
        )
        variance = m * rest * pairs / (2 * np.pi)
    _, ties = np.unique(ranks, return_counts=True)
    ties = ties.astype(float)
    variance *= 1 - float((ties * (ties + 1) * (ties - 1)).sum()) / (f * (f + 1.0) * (f - 1))
    if variance <= 0:
        return np.nan, np.nan
    sd = np.sqrt(variance)
    # continuity: half a rank towards the mean
    tail = -(abs(above) - 0.5) / sd
    p = special.ndtr(tail) if np.isinf(df) else special.stdtr(df, tail)
    return above / sd, float(min(2 * p, 1.0))


def _nothing(sets: Sequence[GeneSet]) -> CameraTest:
    nan = np.full(len(sets), np.nan)
    return CameraTest(sizes(sets), nan, np.nan, nan, nan)
