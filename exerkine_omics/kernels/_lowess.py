"""Robust locally weighted regression on one variable (Cleveland 1979).

References
----------
Cleveland WS (1979) Robust locally weighted regression and smoothing scatterplots. J Am Stat Assoc
74:829-836.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 3  # robust ones, after the first fit
_DELTA = 0.01  # of the range: points nearer than this are interpolated


def lowess(y: np.ndarray, x: np.ndarray, span: float) -> np.ndarray:
    """Lowess of y on x at x: local lines over the nearest ``span`` of the points.

    Lines are fitted at points a hundredth of the range apart, from the left, and interpolated
    between them, as in R (statsmodels ends otherwise, and differs in the fifth digit). Three
    robust rounds with bisquare weights of the residuals at 6 median absolute residuals.
    """
    n = len(x)
    if n < 2:
        return y.astype(float)
    # ties in the order of y: the order of features changes nothing
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    size = max(2, min(n, int(span * n + 1e-7)))
    anchors = _anchors(x, _DELTA * (x[-1] - x[0]))
    lefts = _windows(x, anchors, size)
    robust = np.ones(n)
    for left in range(_ROUNDS + 1):
        heights = [
            _line(x, y, robust, i, start, size) for i, start in zip(anchors, lefts, strict=True)
        ]
        fitted = np.interp(x, x[anchors], heights)
        rest = np.abs(y - fitted)
        width = 6 * float(np.median(rest))
        if left == _ROUNDS or width <= 1e-7 * rest.mean():
            break
        share = rest / width
        robust = np.where(share <= 0.999, (1 - share**2) ** 2, 0.0)
        robust[share <= 0.001] = 1.0
    result = np.empty(n)
    result[order] = fitted
    return result


def _anchors(x: np.ndarray, delta: float) -> np.ndarray:
    """Points where a line is fitted: the first, then the last one within ``delta`` of it, ..."""
    found = [0]
    last = len(x) - 1
    while x[found[-1]] < x[-1]:
        here = x[found[-1]]
        beyond = int(np.searchsorted(x, here, side="right"))
        within = int(np.searchsorted(x, here + delta, side="right")) - 1
        found.append(min(max(beyond, within), last))
    return np.array(found)


def _windows(x: np.ndarray, anchors: np.ndarray, size: int) -> list[int]:
    """First of the ``size`` nearest points of each anchor, never moving left."""
    left = 0
    lefts = []
    for i in anchors:
        while left + size < len(x) and x[i] - x[left] > x[left + size] - x[i]:
            left += 1
        lefts.append(left)
    return lefts


def _line(x: np.ndarray, y: np.ndarray, robust: np.ndarray, i: int, left: int, size: int) -> float:
    """Height at x[i] of the line with tricube weights over the window (and what ties with it)."""
    here = x[i]
    reach = max(here - x[left], x[left + size - 1] - here)
    right = int(np.searchsorted(x, here + 0.999 * reach, side="right"))
    xs, ys = x[left:right], y[left:right]
    distance = np.abs(xs - here)
    weight = np.where(distance <= 0.999 * reach, 1.0, 0.0)
    if reach > 0:
        weight *= np.where(distance > 0.001 * reach, (1 - (distance / reach) ** 3) ** 3, 1.0)
    weight = weight * robust[left:right]
    total = weight.sum()
    if total <= 0:
        return float(y[i])
    weight = weight / total
    centre = weight @ xs
    spread = weight @ (xs - centre) ** 2
    if np.sqrt(spread) > 0.001 * (x[-1] - x[0]):
        weight = weight * (1 + (here - centre) / spread * (xs - centre))
    return float(weight @ ys)


def chosen_span(n: int) -> float:
    """Span of a variance trend over n features: 1 up to 500, falling towards 0.3."""
    return min(0.3 + 0.7 * (500 / n) ** (1 / 3), 1.0)


def weighted_lowess(y: np.ndarray, x: np.ndarray, weight: np.ndarray, span: float) -> np.ndarray:
    """Lowess of y on x at x, the window the nearest points that hold ``span`` of the weight.

    Local lines with tricube weights x ``weight``, without robust rounds, at 200 points at most:
    each the first that lies more than delta beyond the one before, delta the smallest that may
    leave out the widest gaps; interpolated between them.
    """
    order = np.lexsort((weight, y, x))
    x, y, weight = x[order], y[order], weight[order]
    last = len(x) - 1
    anchors = _spaced(x, _points_delta(x))
    need = span * weight.sum()
    heights = []
    for i in anchors:
        distance = np.abs(x - x[i])
        near = np.argsort(distance, kind="stable")
        reach = distance[near[min(int(np.searchsorted(np.cumsum(weight[near]), need)), last)]]
        inside = distance <= reach
        local = weight * inside
        if reach > 0:
            local = local * (1 - np.where(inside, distance / reach, 1.0) ** 3) ** 3
        total = local.sum()
        centre, height = local @ x / total, local @ y / total
        spread = local @ (x - centre) ** 2 / total
        if np.sqrt(spread) > 1e-7 * (x[-1] - x[0]):
            height += local @ ((x - centre) * y) / total / spread * (x[i] - centre)
        heights.append(height)
    result = np.empty(len(x))
    result[order] = np.interp(x, x[anchors], heights)
    return result


def _points_delta(x: np.ndarray, points: int = 200) -> float:
    """Distance of the points where lines are fitted; 0 where x has no more than ``points``."""
    if len(x) <= points:
        return 0.0
    reach = np.cumsum(np.sort(np.diff(x)))
    gaps = np.arange(points - 1)
    return float((reach[len(reach) - 1 - gaps] / (points - gaps)).min())


def _spaced(x: np.ndarray, delta: float) -> np.ndarray:
    """First point, then each the first more than ``delta`` beyond the one before, and the last."""
    found = [0]
    while (following := int(np.searchsorted(x, x[found[-1]] + delta, side="right"))) < len(x) - 1:
        found.append(following)
    return np.array([*found, len(x) - 1] if x[-1] > x[0] else found)
