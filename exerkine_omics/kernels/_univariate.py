"""Many regressions on one column each, at once."""

from __future__ import annotations

import numpy as np
from scipy import special

_ROUNDS = 50
_TOL = 1e-9
_STEP = 4.0  # longest Newton step, in SD of the column


def univariate_logistic(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, ridge: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """Fit intercepts and slopes (m,) of m logistic regressions of y on one column each.

    Minimises ``sum_i w_i logloss(y_i, a + b z_i) + ridge/2 b^2`` with weights that sum to one and z
    the column over its weighted SD; the ridge keeps a separating column finite. y may be a
    probability. A flat column has slope 0. Missing values: not allowed.
    """
    w, centre, spread, z = _standard(x, weights)
    a = np.full(x.shape[1], float(special.logit(np.clip(w @ y, 1e-9, 1 - 1e-9))))
    b = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        fit = special.expit(a + b * z)
        rest, curve = w[:, None] * (fit - y[:, None]), w[:, None] * fit * (1 - fit)
        g0, g1 = rest.sum(axis=0), (rest * z).sum(axis=0) + ridge * b
        h00, h01 = curve.sum(axis=0) + 1e-12, (curve * z).sum(axis=0)
        h11 = (curve * z * z).sum(axis=0) + ridge + 1e-12
        det = h00 * h11 - h01**2
        da, db = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        size = np.maximum(np.abs(da), np.abs(db))
        damp = np.minimum(1.0, _STEP / np.maximum(size, 1e-300))
        a, b = a - damp * da, b - damp * db
        if size.max(initial=0.0) < _TOL:
            break
    slope = b / spread
    return a - slope * centre, slope


def univariate_linear(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, ridge: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """Fit intercepts and slopes (m,) of m linear regressions of y on one column each.

    Minimises ``sum_i w_i (y_i - a - b z_i)^2 / 2 + ridge/2 b^2``, else as `univariate_logistic`.
    """
    w, centre, spread, z = _standard(x, weights)
    mean = float(w @ y)
    slope = (w * (y - mean)) @ z / (1 + ridge) / spread
    return mean - slope * centre, slope


def _standard(
    x: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    w = weights / weights.sum()
    centre = w @ x
    moved = x - centre
    spread = np.sqrt(w @ moved**2)
    flat = spread <= 1e-12 * np.maximum(1.0, np.abs(centre))
    spread = np.where(flat, 1.0, spread)
    return w, centre, spread, np.where(flat, 0.0, moved / spread)
