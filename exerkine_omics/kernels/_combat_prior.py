"""Posterior shift and scale of one batch, given those of its other features.

References
----------
Johnson WE, Li C, Rabinovic A (2007) Biostatistics 8:118-127. doi:10.1093/biostatistics/kxj037
"""

from __future__ import annotations

import numpy as np

_TOL = 1e-12
_ROUNDS = 10_000
_BLOCK = 256


def parametric(
    mean: np.ndarray, squares: np.ndarray, n: np.ndarray, mean_only: bool
) -> tuple[np.ndarray, np.ndarray]:
    r"""Posterior shift and squared scale of each feature (F) under a normal and inverse gamma.

    ``mean``, ``squares`` (about it) and ``n`` (F) are those of the batch's standardised values.
    The two follow from each other and are iterated, each feature to 1e-12:

    .. math:: \gamma = (n \tau^2 \bar x + \delta^2 \bar\gamma) / (n \tau^2 + \delta^2),
              \quad \delta^2 = (\theta + \tfrac12 \sum (x - \gamma)^2) / (\lambda + n/2 - 1)

    With ``mean_only`` :math:`n = \delta^2 = 1` in the first, as in sva.
    """
    centre, width = mean.mean(), _variance(mean)
    if mean_only:
        return (width * mean + centre) / (width + 1), np.ones_like(mean)
    known = n > 1
    spread = squares[known] / (n[known] - 1)
    if len(spread) < 2 or not spread.var() > 0 or not width > 0:
        # no prior to be had: what the features have in common is all there is
        scale = spread.mean() if len(spread) else 1.0
        return np.full_like(mean, centre), np.full_like(mean, scale)
    m, v = spread.mean(), _variance(spread)
    shape, rate = (2 * v + m**2) / v, (m * v + m**3) / v
    shift, scale = mean.copy(), np.full_like(mean, m)
    scale[known] = spread
    open_ = np.arange(len(mean))
    for _ in range(_ROUNDS):
        k, s, x = n[open_], scale[open_], mean[open_]
        new = (k * width * x + s * centre) / (k * width + s)
        about = squares[open_] + k * (x - new) ** 2
        wide = (rate + about / 2) / (shape + k / 2 - 1)
        moved = np.maximum(np.abs(new - shift[open_]), np.abs(wide - s) / s)
        shift[open_], scale[open_] = new, wide
        open_ = open_[moved > _TOL]
        if not len(open_):
            break
    return shift, scale


def nonparametric(
    mean: np.ndarray, squares: np.ndarray, n: np.ndarray, mean_only: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior shift and squared scale, the other features' own estimates being the prior.

    Each of them is weighted with the normal likelihood of the feature's values under it.
    """
    n_features = len(mean)
    if mean_only:
        prior, usable = np.ones(n_features), np.ones(n_features, dtype=bool)
    else:
        usable = n > 1
        prior = squares / np.maximum(n - 1, 1)
    shifts, scales = mean[usable], prior[usable]
    place = np.cumsum(usable) - 1
    shift, scale = np.empty(n_features), np.empty(n_features)
    for start in range(0, n_features, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n_features))
        k = n[rows, None]
        about = squares[rows, None] + k * (mean[rows, None] - shifts) ** 2
        log_likelihood = -(k * np.log(scales) + about / scales) / 2
        own = rows[usable[rows]]
        log_likelihood[own - start, place[own]] = -np.inf
        # the largest is 1: long batches do not underflow
        weight = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        shift[rows], scale[rows] = weight @ shifts, weight @ scales
    return shift, scale


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
