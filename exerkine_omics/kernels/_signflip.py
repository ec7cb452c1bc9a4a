"""Permutation of whole persons: t tests by sign flips or by labels, max-T over the features.

Each draw flips (or relabels) the same people in all features, so that the correlation between
features stays what it is. A draw costs one product of matrices: the sums of squares do not
change under a flip, nor the sums over both arms under a relabelling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

ALL = 1 << 14
"""Number of flips or labellings up to which all of them are taken."""

# features x draws held at once
BLOCK = 1 << 18
# statistics are compared as t^2 / (t^2 + constant), in 0..1: below this they are tied
_TIE = 1e-10


@dataclass(frozen=True)
class Permuted:
    """Two-sided p over features, max-T adjusted p, draws made, whether these were all."""

    p_value: np.ndarray
    p_adj: np.ndarray
    n_draws: int
    exact: bool


def flip_signs(change: np.ndarray, n_draws: int, rng: np.random.Generator) -> Permuted:
    r"""One-sample t under sign flips of whole persons.

    .. math:: t_f = \bar d_f \Big/ \sqrt{\tfrac{Q_f / n_f - \bar d_f^2}{n_f - 1}}, \qquad
              Q_f = \sum_i d_{if}^2

    :math:`Q_f` is the same for all flips, so a flip needs the sums :math:`\sum_i s_i d_{if}` only.

    Parameters
    ----------
    change
        People x features; NaN is a person whose flip does not matter to this feature, and one
        without any value takes no part. Each feature has at least 2 people and changes that are
        not all zero.
    n_draws
        Number of random flips where there are more than 16 384 (and more than ``n_draws``)
        of them; below that all are taken.
    rng
        Random generator; draws depend on the number of rows only.

    Returns
    -------
    Permuted
        With all flips p is the share of flips whose \|t\| is at least the observed; with random
        ones (b + 1) / (m + 1). ``p_adj`` is Westfall and Young's step-down max-T.
    """
    there = np.isfinite(change).any(axis=1)
    change = change[there]
    people = len(change)
    finite = np.isfinite(change)
    n = finite.sum(axis=0).astype(float)
    value = to_unit(np.where(finite, change, 0.0))
    factor = (people - 1.0) / (n - 1.0)
    complete = bool((factor == 1.0).all())

    def score(order: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        rows, size, slope = value.T[order], n[order, None], factor[order, None]

        def of(signs: np.ndarray) -> np.ndarray:
            square = rows @ signs.T
            square *= square
            if complete:
                square /= size
                return square
            rest = np.maximum(size - square, 0.0)
            rest *= slope
            rest += square
            square /= rest
            return square

        return of

    exact = people < 60 and 1 << people <= max(ALL, n_draws)
    # a flip of all people changes no |t|: half of the flips stand for all
    draws = all_flips(people) if exact else random_flips(there, n_draws, rng)
    count = 1 << (people - 1) if exact else n_draws
    return _step_down(score, np.ones((1, people)), draws, count, exact, change.shape[1])


def permute_arms(
    change: np.ndarray, first: np.ndarray, n_draws: int, rng: np.random.Generator
) -> Permuted:
    """Welch's t between two arms under exchange of the people's labels; see `flip_signs`.

    Parameters
    ----------
    change
        People x features; NaN is a person whose label does not matter to this feature.
    first
        Whether a person is of the first arm (people); both arms have at least 2 people in each
        feature.
    n_draws, rng
        As in `flip_signs`, the labellings being the choices of the first arm's people.

    Returns
    -------
    Permuted
        A labelling that leaves a feature fewer than 2 people in an arm does not count for that
        feature's ``p_value``, and counts as t = 0 in the maximum.
    """
    there = np.isfinite(change).any(axis=1)
    change, first = change[there], first[there]
    people, n_first = len(change), int(first.sum())
    finite = np.isfinite(change)
    n = finite.sum(axis=0).astype(float)
    mean = np.where(finite, change, 0.0).sum(axis=0) / n
    value = to_unit(np.where(finite, change - mean, 0.0))
    complete = bool(finite.all())
    constant = people - 2.0

    def score(order: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        rows, size = value.T[order], n[order, None]
        squares = rows**2
        there = finite.T[order].astype(float)

        def of(label: np.ndarray) -> np.ndarray:
            total, square = rows @ label.T, squares @ label.T
            one = float(n_first) if complete else there @ label.T
            two = size - one
            with np.errstate(invalid="ignore", divide="ignore"):
                # the values sum to 0 and their squares to 1: the other arm has the rest
                spread = _mean_square(square, total, one) + _mean_square(1 - square, total, two)
                difference = total / one + total / two
                difference *= difference
                result = difference / (difference + constant * spread)
            result[difference < _TIE**2] = 0.0
            if not complete:
                result[(one < 2) | (two < 2)] = -1.0
            return result

        return of

    labellings = math.comb(people, n_first)
    exact = labellings <= max(ALL, n_draws)
    draws = all_labels(people, n_first) if exact else random_labels(there, n_first, n_draws, rng)
    count = labellings if exact else n_draws
    own = first.astype(float)[None]
    return _step_down(score, own, draws, count, exact, change.shape[1])


def to_unit(value: np.ndarray) -> np.ndarray:
    """Scale features to a sum of squares of 1; the largest first, so that no square overflows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = value / np.abs(value).max(axis=0, initial=0.0)
        return np.nan_to_num(value / np.sqrt((value**2).sum(axis=0)))


def _mean_square(square: np.ndarray, total: np.ndarray, n: np.ndarray | float) -> np.ndarray:
    """Squared standard error of an arm's mean; what is left of rounding is 0."""
    left = square - total**2 / n
    return np.where(left > 1e-13, left, 0.0) / ((n - 1) * n)


Draws = Callable[[int], Iterator[np.ndarray]]


def all_flips(people: int) -> Draws:
    def draw(block: int) -> Iterator[np.ndarray]:
        bits = np.arange(people - 1)
        for start in range(0, 1 << (people - 1), block):
            code = np.arange(start, min(start + block, 1 << (people - 1)))
            signs = np.ones((len(code), people))
            signs[:, 1:] -= 2.0 * ((code[:, None] >> bits) & 1)
            yield signs

    return draw


def random_flips(there: np.ndarray, n_draws: int, rng: np.random.Generator) -> Draws:
    def draw(block: int) -> Iterator[np.ndarray]:
        for key in _keys(there, n_draws, rng, block):
            yield np.where(key < 0.5, -1.0, 1.0)

    return draw


def all_labels(people: int, n_first: int) -> Draws:
    def draw(block: int) -> Iterator[np.ndarray]:
        chosen = combinations(range(people), n_first)
        while part := list(islice(chosen, block)):
            label = np.zeros((len(part), people))
            np.put_along_axis(label, np.array(part), 1.0, axis=1)
            yield label

    return draw


def random_labels(there: np.ndarray, n_first: int, n_draws: int, rng: np.random.Generator) -> Draws:
    def draw(block: int) -> Iterator[np.ndarray]:
        for key in _keys(there, n_draws, rng, block):
            label = np.zeros(key.shape)
            chosen = np.argpartition(key, n_first - 1, axis=1)[:, :n_first]
            np.put_along_axis(label, chosen, 1.0, axis=1)
            yield label

    return draw


def _keys(
    there: np.ndarray, n_draws: int, rng: np.random.Generator, block: int
) -> Iterator[np.ndarray]:
    """Uniform numbers, draws x people that are there.

    All people draw, and whole doubles: the stream depends neither on who has a value in some
    feature nor on where blocks are cut.
    """
    for start in range(0, n_draws, block):
        yield rng.random((min(block, n_draws - start), len(there)))[:, there]


def _step_down(
    score: Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]],
    own: np.ndarray,
    draws: Draws,
    count: int,
    exact: bool,
    n_features: int,
) -> Permuted:
    """Count the draws at least as extreme, each feature's own and the maxima of max-T.

    With features in ascending order of the observed statistic, the running maximum down to a
    feature is over it and all features less extreme: Westfall and Young's step-down family.
    """
    start = np.arange(n_features)
    observed = score(start)(own)[:, 0]
    order = np.argsort(observed, kind="stable")
    of, limit = score(order), observed[order, None] - _TIE
    single, joint, valid = np.zeros((3, n_features), dtype=np.int64)
    for block in draws(max(BLOCK // max(n_features, 1), 1)):
        statistic = of(block)
        valid += (statistic >= 0).sum(axis=1)
        single += (statistic >= limit).sum(axis=1)
        np.maximum.accumulate(statistic, axis=0, out=statistic)
        joint += (statistic >= limit).sum(axis=1)
    extra = 0 if exact else 1
    p_value, p_adj = np.empty((2, n_features))
    p_value[order] = (single + extra) / (valid + extra)
    stepped = (joint + extra) / (count + extra)
    stepped = np.maximum.accumulate(stepped[::-1])[::-1]
    p_adj[order] = stepped
    return Permuted(p_value, np.maximum(p_adj, p_value), count, exact)
