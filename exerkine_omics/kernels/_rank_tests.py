"""Wilcoxon's signed-rank and rank-sum tests, exact given the ties, over many features at once.

Midranks are doubled, so that they are whole numbers and the null distribution is a count: of the
signs (signed rank) or of the choices of one arm's people (rank sum) that give each sum. Features
with the same set of ranks share one distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from exerkine_omics.kernels import _hodges_lehmann

EXACT = 50
"""People (changes other than zero; people of an arm) up to which the null is counted."""

# two changes closer than this share of the feature's largest are one: rounding makes no rank
_TIE = 1e-9


@dataclass(frozen=True)
class RankTest:
    """A rank test over features; ``exact`` says where the null was counted.

    ``estimate``, ``ci_low`` and ``ci_high`` are Hodges' and Lehmann's; the interval is infinite
    where the people are too few for its level.
    """

    estimate: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    statistic: np.ndarray
    p_value: np.ndarray
    exact: np.ndarray


def signed_rank(change: np.ndarray, level: float = 0.95) -> RankTest:
    r"""Signed-rank test of each feature's changes against zero.

    .. math:: V = \sum_{d_i > 0} \mathrm{rank}(|d_i|), \quad
              E = \sum_i r_i / 2, \quad \mathrm{Var} = \sum_i r_i^2 / 4

    Parameters
    ----------
    change
        People x features; NaN is a person that this feature does not have.
    level
        Level of the interval.

    Returns
    -------
    RankTest
        ``statistic`` is V, zeros dropped; p is two-sided, counted over all signs given the
        midranks up to 50 changes other than zero, else normal with continuity correction (and
        Var above, which holds the correction for ties). The estimate is the median of the Walsh
        averages of all changes, zeros among them.
    """
    tolerance = _tolerance(change)
    with np.errstate(invalid="ignore"):
        size = np.where(np.abs(change) > tolerance, np.abs(change), np.nan)
        rank = midranks(size, tolerance)
        plus = np.where(change > 0, rank, 0).sum(axis=0)
    n = (rank > 0).sum(axis=0)
    exact = n <= EXACT
    total = rank.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = _normal(plus / 2 - total / 4, np.sqrt((rank.astype(float) ** 2).sum(axis=0)) / 4)
    # zeros first, so that the last rows hold all ranks of a feature with few
    for scores, rows in _patterns(rank, np.flatnonzero(exact & (n > 0))):
        unit = np.gcd.reduce(scores)
        below = np.cumsum(_sign_sums(tuple(scores // unit)))
        tail = np.minimum(plus[rows], total[rows] - plus[rows]) // unit
        p[rows] = np.minimum(2 * below[tail], 1.0)
    p[n == 0] = np.nan
    people = np.isfinite(change).sum(axis=0)
    sizes = {int(m): _signed_rank_depth(int(m), level) for m in np.unique(people)}
    interval = _hodges_lehmann.pseudomedian(change, sizes)
    return RankTest(*interval, plus / 2, p, exact)


def rank_sum(first: np.ndarray, second: np.ndarray, level: float = 0.95) -> RankTest:
    r"""Rank-sum (Mann-Whitney) test of each feature between two arms.

    .. math:: W = \sum_{i \in 1} r_i - n_1 (n_1 + 1) / 2, \quad
              \mathrm{Var} = \frac{n_1 n_2}{N (N - 1)} \sum_i (r_i - \bar r)^2

    Parameters
    ----------
    first, second
        People of an arm x features; NaN is a person that this feature does not have.
    level
        Level of the interval.

    Returns
    -------
    RankTest
        ``statistic`` is W; p is :math:`P(|W - E| \ge |w - E|)`, counted over all choices of the
        arm's people given the midranks where each arm has at most 50 people (with ties: both
        together), else normal with continuity correction. The estimate is the median of all
        differences first - second.
    """
    values = np.vstack([first, second])
    rank = midranks(values, _tolerance(values))
    n1, n2 = (np.isfinite(v).sum(axis=0) for v in (first, second))
    n = n1 + n2
    total = rank.sum(axis=0)
    own = rank[: len(first)].sum(axis=0)
    square = (rank.astype(float) ** 2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.maximum(square - total / n * total, 0.0) / 4
        sd = np.sqrt(n1 * n2 / (n * (n - 1.0)) * spread)
        p = _normal((own - n1 * (total / n)) / 2, sd)
    both = (n1 > 0) & (n2 > 0)
    tied = square < n * (n + 1) * (2 * n + 1) / 1.5 - 0.5
    small = np.maximum(n1, n2) <= EXACT
    exact = both & small & (~tied | (n <= EXACT))
    fewer = np.minimum(n1, n2)
    least = np.where(n1 <= n2, own, total - own)
    pairs = np.column_stack([n, fewer])[both & small]
    counted = [(int(m), int(k)) for m, k in np.unique(pairs, axis=0)]
    untied = _choice_sums(np.arange(1, max((m for m, _ in counted), default=0) + 1), counted)
    for (m, k), weights in untied.items():
        rows = np.flatnonzero(exact & ~tied & (n == m) & (fewer == k))
        if len(rows):
            p[rows] = _two_sided(weights, m, k, m * (m + 1) // 2, least[rows] // 2)
    for scores, rows in _patterns(rank, np.flatnonzero(exact & tied)):
        m, unit = len(scores), np.gcd.reduce(scores)
        scores = scores // unit
        ks = [(m, int(k)) for k in np.unique(fewer[rows])]
        for (_, k), weights in _choice_sums(scores, ks).items():
            mine = rows[fewer[rows] == k]
            p[mine] = _two_sided(weights, m, k, int(scores.sum()), least[mine] // unit)
    p[~both] = np.nan
    sizes = {
        (int(a), int(b)): _rank_sum_depth(int(a), int(b), untied, level)
        for a, b in np.unique(np.column_stack([n1, n2]), axis=0)
    }
    interval = _hodges_lehmann.shift(first, second, sizes)
    return RankTest(*interval, own / 2 - n1 * (n1 + 1) / 2, p, exact)


def midranks(values: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Twice the midrank of each value within its feature (rows x features); 0 where NaN.

    Neighbours no further apart than ``tolerance`` (features) are tied.
    """
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    place = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
    with np.errstate(invalid="ignore"):
        new = ~(np.diff(ordered, axis=0) <= tolerance)
    edge = np.ones((1, values.shape[1]), dtype=bool)
    start = np.maximum.accumulate(np.where(np.vstack([edge, new]), place, 0), axis=0)
    last = np.where(np.vstack([new, edge]), place, len(values))
    end = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    result = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(result, order, start + end + 2, axis=0)
    result[~np.isfinite(values)] = 0
    return result


def _tolerance(values: np.ndarray) -> np.ndarray:
    return _TIE * np.where(np.isfinite(values), np.abs(values), 0.0).max(axis=0, initial=0.0)


def _normal(deviation: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Two-sided p with continuity correction; 1 where all ranks are one."""
    z = np.maximum(np.abs(deviation) - 0.5, 0.0) / sd
    return np.where(sd > 0, special.erfc(z / np.sqrt(2)), 1.0)


def _patterns(rank: np.ndarray, rows: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Each set of ranks that occurs among the features ``rows``, ascending, with its features."""
    if not len(rows):
        return
    ordered = np.sort(rank[:, rows], axis=0)[-2 * EXACT :]
    found, which = np.unique(ordered, axis=1, return_inverse=True)
    which = which.ravel()
    by = np.argsort(which, kind="stable")
    for number, members in enumerate(np.split(by, np.cumsum(np.bincount(which))[:-1])):
        scores = found[:, number]
        yield scores[scores > 0], rows[members]


@lru_cache(maxsize=512)
def _sign_sums(scores: tuple[int, ...]) -> np.ndarray:
    """Probability of each sum of those scores whose fair coin shows plus."""
    chance = np.zeros(sum(scores) + 1)
    chance[0] = 1.0
    reach = 0
    for score in scores:
        reach += score
        chance[: reach + 1] /= 2
        chance[score : reach + 1] += chance[: reach + 1 - score]
    return chance


def _choice_sums(
    scores: np.ndarray, wanted: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], np.ndarray]:
    """Probability of each sum of k of the first m scores (ascending), for each (m, k) wanted.

    The shift algorithm of Streitberg and Roehmel: a row for each number of scores taken, each
    score adding the row above, shifted by itself.
    """
    wanted = set(wanted)
    most = max((k for _, k in wanted), default=0)
    table = np.zeros((most + 1, int(scores[len(scores) - most :].sum()) + 1))
    table[0, 0] = 1.0
    result = {}
    for m, score in enumerate(scores.tolist(), start=1):
        taken = min(m, most)
        reach = int(scores[m - taken : m].sum())
        table[1 : taken + 1, score : reach + 1] += table[:taken, : reach + 1 - score]
        for k in range(1, taken + 1):
            if (m, k) in wanted:
                result[m, k] = table[k] / table[k].sum()
    return result


def _two_sided(weights: np.ndarray, m: int, k: int, total: int, observed: np.ndarray) -> np.ndarray:
    """P of a sum at least as far from its mean k total / m, in whole numbers."""
    distance = np.abs(m * np.arange(len(weights)) - k * total)
    order = np.argsort(-distance, kind="stable")
    tail = np.cumsum(weights[order])
    last = np.searchsorted(-distance[order], -np.abs(m * observed - k * total), side="right")
    return np.minimum(tail[last - 1], 1.0)


@lru_cache(maxsize=1024)
def _signed_rank_depth(n: int, level: float) -> int:
    """Which Walsh average from either end bounds the interval; 0 where none reaches the level."""
    if n > EXACT:
        sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return _normal_depth(n * (n + 1) / 4, sd, level)
    return _depth(_sign_sums(tuple(range(1, n + 1))), level)


def _rank_sum_depth(
    n1: int, n2: int, untied: dict[tuple[int, int], np.ndarray], level: float
) -> int:
    if min(n1, n2) == 0:
        return 0
    if max(n1, n2) > EXACT:
        return _normal_depth(n1 * n2 / 2, np.sqrt(n1 * n2 * (n1 + n2 + 1) / 12), level)
    k = min(n1, n2)
    return _depth(untied[n1 + n2, k][k * (k + 1) // 2 :], level)


def _depth(chance: np.ndarray, level: float) -> int:
    return int((np.cumsum(chance) <= (1 - level) / 2 * (1 + 1e-12)).sum())


def _normal_depth(mean: float, sd: float, level: float) -> int:
    return max(int(np.floor(mean + 0.5 - special.ndtri(0.5 + level / 2) * sd)), 0)
