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

    It can have several when standard errors differ much. A geometric grid finds the highest;
    Newton's steps on the derivative, kept inside the bracket of its neighbours, finish. Above
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
    ratio = (top / (1e-4 * smallest)) ** (1 / (_GRID - 1))

    def point(number: np.ndarray | int) -> np.ndarray:
        # 0, then 1e-4 of the smallest variance to the top
        return np.where(np.asarray(number) == 0, 0.0, 1e-4 * smallest * ratio ** (number - 1.0))

    best, best_value = np.zeros(len(rows), dtype=int), np.full(len(rows), -np.inf)
    for number in range(_GRID + 1):
        value = _restricted_likelihood(y, v, point(number))
        better = value > best_value
        best[better], best_value[better] = number, value[better]
    t = point(best)
    rises = _slope(y, v, t)[0] > 0
    low = np.where(rises, t, point(np.maximum(best - 1, 0)))
    high = np.where(rises, point(best + 1), t)
    active = np.flatnonzero(high > low)
    for _ in range(_ROUNDS):
        now = t[active]
        slope, curve = _slope(y[active], v[active], now)
        low[active] = np.where(slope > 0, now, low[active])
        high[active] = np.where(slope > 0, high[active], now)
        following = now - slope / curve
        inside = (curve < 0) & (following > low[active]) & (following < high[active])
        following = np.where(inside, following, (low[active] + high[active]) / 2)
        t[active] = following
        scale = _TOLERANCE * (following + smallest[active])
        moved = np.abs(following - now) > scale
        active = active[moved & (slope != 0)]
        if not len(active):
            break
    # a rise that ends at the boundary itself
    tau2[rows] = np.where(t > _TOLERANCE * smallest, t, 0.0)
    return tau2


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
