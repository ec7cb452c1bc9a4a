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
