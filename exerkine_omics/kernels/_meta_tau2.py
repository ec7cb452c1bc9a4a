"""Estimators of the variance between cohorts, features x cohorts.

All take y (centred), v (the squared SE; inf where a cohort is absent, so that its weight is 0)
and k (cohorts present), and return tau2 over features, 0 below two cohorts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_ROUNDS = 200
_TOLERANCE = 1e-13
_GRID = 60


def weighted_mean(y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum of weights, weighted mean, residuals."""
    total = w.sum(axis=1)
    mean = (w * y).sum(axis=1) / total
    return total, mean, y - mean[:, None]


def _fixed(y: np.ndarray, v: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.zeros(len(k))


def _dersimonian_laird(y: np.ndarray, v: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Moment estimator: Q less its expectation, cut at 0."""
    w = 1 / v
    total, _, r = weighted_mean(y, w)
    excess = (w * r**2).sum(axis=1) - (k - 1)
    tau2 = np.maximum(excess / (total - (w**2).sum(axis=1) / total), 0.0)
    return np.where(k >= 2, tau2, 0.0)


def _paule_mandel(y: np.ndarray, v: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Solve sum w r^2 = k - 1.

    The sum falls and is convex in tau2 (a minimum over the mean of functions that are jointly
    convex), so Newton's steps from 0 rise to the root and never pass it.
    """
    tau2, smallest = np.zeros(len(k)), v.min(axis=1)
    active = np.flatnonzero(k >= 2)
    for _ in range(_ROUNDS):
        w = 1 / (v[active] + tau2[active, None])
        _, _, r = weighted_mean(y[active], w)
        excess = (w * r**2).sum(axis=1) - (k[active] - 1)
        step = np.where(excess > 0, excess / (w**2 * r**2).sum(axis=1), 0.0)
        tau2[active] += step
        active = active[step > _TOLERANCE * (tau2[active] + smallest[active])]
        if not len(active):
            break
    return tau2


def _reml(y: np.ndarray, v: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Maximise the restricted likelihood over tau2 >= 0: the highest of its maxima.

    It can have several when standard errors differ much. Each maximum on a geometric grid is
    followed by Newton's steps on the derivative, kept between the grid's neighbours. Above
    max(v, 3/4 range(y)^2) the derivative is negative, so the grid ends there.
    """
    tau2 = np.zeros(len(k))
    rows = np.flatnonzero(k >= 2)
    if not len(rows):
        return tau2
    y, v = y[rows], v[rows]
    own = np.isfinite(v)
    span = np.where(own, y, -np.inf).max(axis=1) - np.where(own, y, np.inf).min(axis=1)
    smallest, largest = v.min(axis=1), np.where(own, v, 0.0).max(axis=1)
    top = np.maximum(largest, 0.75 * span**2)
    # 0, then 1e-4 of the smallest variance to the top
    grid = np.zeros((_GRID + 1, len(rows)))
    grid[1:] = np.geomspace(1e-4 * smallest, top, _GRID)
    value = np.array([_restricted_likelihood(y, v, t) for t in grid])
    edge = np.full((1, len(rows)), -np.inf)
    peak = (value >= np.vstack([edge, value[:-1]])) & (value >= np.vstack([value[1:], edge]))
    at, row = np.nonzero(peak)
    low, high = grid[np.maximum(at - 1, 0), row], grid[np.minimum(at + 1, _GRID), row]
    t = _climb(y[row], v[row], grid[at, row], low, high)
    # a climb of rounding's size is none: 0 stays 0
    t = np.where(t > _TOLERANCE * smallest[row], t, 0.0)
    height = _restricted_likelihood(y[row], v[row], t)
    order = np.lexsort((t, -height, row))
    tau2[rows] = t[order][np.unique(row[order], return_index=True)[1]]
    return tau2


def _climb(
    y: np.ndarray, v: np.ndarray, t: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Newton's steps from t to the maximum in its bracket, halving where a step leaves it."""
    t, low, high = t.copy(), low.copy(), high.copy()
    smallest = v.min(axis=1)
    active = np.arange(len(t))
    for _ in range(_ROUNDS):
        now = t[active]
        slope, curve = _slope(y[active], v[active], now)
        low[active] = np.where(slope > 0, now, low[active])
        high[active] = np.where(slope > 0, high[active], now)
        following = now - slope / curve
        inside = (curve < 0) & (following >= low[active]) & (following <= high[active])
        following = np.where(inside, following, (low[active] + high[active]) / 2)
        t[active] = following
        active = active[np.abs(following - now) > _TOLERANCE * (following + smallest[active])]
        if not len(active):
            break
    return t


def _restricted_likelihood(y: np.ndarray, v: np.ndarray, tau2: np.ndarray) -> np.ndarray:
    """Twice the restricted log-likelihood, less a constant."""
    w = 1 / (v + tau2[:, None])
    total, _, r = weighted_mean(y, w)
    logs = np.log(np.where(w > 0, w, 1.0)).sum(axis=1)
    return logs - np.log(total) - (w * r**2).sum(axis=1)


def _slope(y: np.ndarray, v: np.ndarray, tau2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of `_restricted_likelihood` in tau2."""
    w = 1 / (v + tau2[:, None])
    total, _, r = weighted_mean(y, w)
    square, cube = w**2, w**3
    s2 = square.sum(axis=1)
    first = (square * r**2).sum(axis=1) - total + s2 / total
    second = -2 * (cube * r**2).sum(axis=1) + 2 * (square * r).sum(axis=1) ** 2 / total
    second += s2 - 2 * cube.sum(axis=1) / total + (s2 / total) ** 2
    return first, second


TAU2: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "reml": _reml,
    "paule_mandel": _paule_mandel,
    "dersimonian_laird": _dersimonian_laird,
    "fixed": _fixed,
}
