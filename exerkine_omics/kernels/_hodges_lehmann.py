"""Hodges' and Lehmann's estimates: the median of pairwise averages, or of differences.

Their intervals run between two order statistics of the same averages or differences. Features
with equally many people are taken together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

# pairs held at once (8 bytes each); a feature with more of them is searched, not sorted
_PAIRS = 1 << 22

Interval = tuple[np.ndarray, np.ndarray, np.ndarray]


def pseudomedian(change: np.ndarray, depth: Mapping[int, int]) -> Interval:
    r"""Median of the Walsh averages :math:`(d_i + d_j) / 2, i \le j`, and its interval.

    Parameters
    ----------
    change
        People x features; NaN does not count.
    depth
        For each number of people the order statistic, counted from either end, that bounds the
        interval; 0 makes it infinite.

    Returns
    -------
    tuple of ndarray
        Estimate, lower and upper bound (features each); NaN without people. Where values are
        tied the closed interval covers at least as often as its level says.
    """
    result = np.full((3, change.shape[1]), np.nan)
    ordered = np.sort(change, axis=0)
    people = np.isfinite(change).sum(axis=0)
    for n in np.unique(people[people > 0]).tolist():
        columns = np.flatnonzero(people == n)
        values = np.ascontiguousarray(ordered[:n, columns].T)
        size = n * (n + 1) // 2
        if size <= _PAIRS:
            picked = _in_blocks(partial(_averages, *np.triu_indices(n)), values, size, depth[n])
        else:
            picked = np.column_stack([_searched(_walsh(v), size, depth[n]) for v in values])
        result[:, columns] = picked
    return result[0], result[1], result[2]


def shift(first: np.ndarray, second: np.ndarray, depth: Mapping[tuple[int, int], int]) -> Interval:
    """Median of all differences first - second, and its interval; see `pseudomedian`."""
    result = np.full((3, first.shape[1]), np.nan)
    ordered = [np.sort(v, axis=0) for v in (first, second)]
    people = np.column_stack([np.isfinite(v).sum(axis=0) for v in (first, second)])
    for n1, n2 in np.unique(people[people.min(axis=1) > 0], axis=0).tolist():
        columns = np.flatnonzero((people == (n1, n2)).all(axis=1))
        values = np.hstack([ordered[0][:n1, columns].T, ordered[1][:n2, columns].T])
        size = n1 * n2
        if size <= _PAIRS:
            picked = _in_blocks(partial(_outer, n1), values, size, depth[n1, n2])
        else:
            picked = np.column_stack(
                [_searched(_differences(v[:n1], v[n1:]), size, depth[n1, n2]) for v in values]
            )
        result[:, columns] = picked
    return result[0], result[1], result[2]


def _averages(i: np.ndarray, j: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (values[:, i] + values[:, j]) / 2


def _outer(n1: int, values: np.ndarray) -> np.ndarray:
    return (values[:, :n1, None] - values[:, None, n1:]).reshape(len(values), -1)


def _wanted(size: int, depth: int) -> list[int]:
    """Places of the two middle values and of the bounds, from 0."""
    ends = [depth - 1, size - depth] if depth else []
    return [(size - 1) // 2, size // 2, *ends]


def _in_blocks(
    pairs: Callable[[np.ndarray], np.ndarray], values: np.ndarray, size: int, depth: int
) -> np.ndarray:
    step = max(_PAIRS // size, 1)
    parts = []
    for start in range(0, len(values), step):
        block = pairs(values[start : start + step])
        wanted = _wanted(size, depth)
        block.partition(sorted(set(wanted)), axis=1)
        parts.append(_interval(block[:, wanted].T))
    return np.hstack(parts)


def _interval(picked: np.ndarray) -> np.ndarray:
    estimate = (picked[0] + picked[1]) / 2
    if len(picked) == 2:
        return np.stack([estimate, np.full_like(estimate, -np.inf), np.full_like(estimate, np.inf)])
    return np.stack([estimate, picked[2], picked[3]])


Count = tuple[Callable[[float], int], float, float]


def _walsh(ordered: np.ndarray) -> Count:
    """How many Walsh averages are at most a value, and their range."""

    def count(at: float) -> int:
        twice = int(np.searchsorted(ordered, 2 * at - ordered, side="right").sum())
        return (twice + int(np.searchsorted(ordered, at, side="right"))) // 2

    return count, float(ordered[0]), float(ordered[-1])


def _differences(first: np.ndarray, second: np.ndarray) -> Count:
    """How many differences first - second are at most a value, and their range."""

    def count(at: float) -> int:
        return int(np.searchsorted(first, second + at, side="right").sum())

    return count, float(first[0] - second[-1]), float(first[-1] - second[0])


def _searched(pairs: Count, size: int, depth: int) -> np.ndarray:
    """Find the same order statistics by halving, to the last bit of the range, in little memory."""
    count, least, most = pairs
    picked = []
    for place in _wanted(size, depth):
        low, high = least, most
        if count(low) > place:
            high = low
        while low < (middle := low + (high - low) / 2) < high:
            if count(middle) > place:
                high = middle
            else:
                low = middle
        picked.append(high)
    return _interval(np.array(picked)[:, None])[:, 0]
