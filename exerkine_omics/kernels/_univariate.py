"""Many models of one column each, fitted at once: logistic and linear, with a small ridge."""

from __future__ import annotations

import numpy as np
from scipy import special

_ROUNDS = 60
_STILL = 1e-9  # largest change of a coefficient in the last round
_HALVINGS = 30
_BLOCK = 512  # features


def univariate_logistic(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, ridge: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    r"""Fit m logistic models of one column each, all at once.

    With z the column standardised by its weighted mean and SD and :math:`W = \sum w_i`, each
    minimises

    .. math:: -\frac{1}{W} \sum_i w_i [y_i \eta_i - \log(1 + e^{\eta_i})] + \frac{ridge}{2} b^2,
        \quad \eta_i = a + b z_i

    so that a column that separates the classes keeps a finite slope. The likelihood is a mean per
    person: the same ridge weighs the same at every n and scale of the weights, and draws a weak
    slope in balanced classes to 0 by ``1/(1 + 4 ridge)``.

    Parameters
    ----------
    x
        n x m; a NaN cell is a row absent from that column's model.
    y
        n labels from 0 to 1, soft ones too; a row with a NaN is absent.
    weights
        n, not negative; default 1. A row with a NaN is absent.
    ridge
        Above 0; at 0 a separating column has no maximum and becomes NaN.

    Returns
    -------
    intercept, slope : ndarray
        m each, in the units of x. Slope 0 where a column does not vary; NaN where no row, or only
        label 0 or only label 1 is left.
    """
    found = [
        _columnwise(x[:, i : i + _BLOCK], y, weights, ridge) for i in range(0, x.shape[1], _BLOCK)
    ]
    intercept, slope = np.concatenate([np.empty((2, 0)), *found], axis=1)
    return intercept, slope


def univariate_linear(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, ridge: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """Fit m linear models of one column each: the gaussian twin of `univariate_logistic`.

    On the standardised column ``b = cov(z, y)/(1 + ridge)``, the minimum of the mean squared
    residual over 2 and ``ridge b²/2``; ``ridge=0`` is least squares. Arguments, NaN and results as
    there, with any real y.
    """
    z, w, y, mean, sd = _standardised(x, y, weights)
    total = w.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (w * y[:, None]).sum(axis=0) / total
        b = (w * z * (y[:, None] - level)).sum(axis=0) / total / (1 + ridge)
    slope = b / sd
    return level - slope * mean, slope


def _standardised(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """Columns standardised (0 where absent), weights n x m, y, and the columns' mean and SD."""
    y = np.asarray(y, dtype=float)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    there = np.isfinite(x) & (np.isfinite(y) & np.isfinite(weights))[:, None]
    w = np.where(there, weights[:, None], 0.0)
    y = np.where(np.isfinite(y), y, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        filled = np.where(there, x, 0.0)
        mean = (w * filled).sum(axis=0) / w.sum(axis=0)
        centred = np.where(there, x - mean, 0.0)
        sd = np.sqrt((w * centred**2).sum(axis=0) / w.sum(axis=0))
    flat = ~(sd > 1e-12 * np.abs(filled).max(axis=0, initial=0.0))
    sd = np.where(flat, 1.0, sd)
    return np.where(flat, 0.0, centred / sd), w, y, mean, sd


def _columnwise(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, ridge: float
) -> np.ndarray:
    """Fit a block of columns: intercepts and slopes, 2 x m."""
    z, w, y, mean, sd = _standardised(x, y, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        # before the weights are divided: of one label only, the share is 0 or 1 exactly
        a = special.logit((w * y[:, None]).sum(axis=0) / w.sum(axis=0))
        w = w / w.sum(axis=0)
    a[~np.isfinite(a)] = np.nan  # no row left, or one label only
    b = np.where(np.isnan(a), np.nan, 0.0)
    live = np.flatnonzero(np.isfinite(a))
    for _ in range(_ROUNDS):
        if not len(live):
            break
        zl, wl = z[:, live], w[:, live]
        fitted = special.expit(a[live] + b[live] * zl)
        rest, curve = wl * (y[:, None] - fitted), wl * fitted * (1 - fitted)
        g0, g1 = rest.sum(axis=0), (rest * zl).sum(axis=0) - ridge * b[live]
        h00, h01 = curve.sum(axis=0), (curve * zl).sum(axis=0)
        h11 = (curve * zl**2).sum(axis=0) + ridge
        with np.errstate(invalid="ignore", divide="ignore"):
            det = h00 * h11 - h01**2
            da, db = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
            # a column that does not vary has no curvature at ridge 0, and no slope
            flat = np.all(zl == 0, axis=0)
            da, db = np.where(flat, g0 / h00, da), np.where(flat, 0.0, db)
        change = np.abs(da) + np.abs(db)
        lost = ~np.isfinite(change) | (np.abs(b[live]) > 1e6)
        da, db = np.where(lost, 0.0, da), np.where(lost, 0.0, db)
        before = _objective(a[live], b[live], zl, wl, y, ridge)
        size = np.ones(len(live))
        for _ in range(_HALVINGS):
            after = _objective(a[live] + size * da, b[live] + size * db, zl, wl, y, ridge)
            worse = after > before + 1e-13 * np.abs(before)
            if not worse.any():
                break
            size = np.where(worse, size / 2, size)
        a[live] += size * da
        b[live] += size * db
        a[live[lost]] = b[live[lost]] = np.nan
        live = live[(change > _STILL) & ~lost]
    a[live] = b[live] = np.nan
    slope = b / sd
    return np.vstack([a - slope * mean, slope])


def _objective(
    a: np.ndarray, b: np.ndarray, z: np.ndarray, w: np.ndarray, y: np.ndarray, ridge: float
) -> np.ndarray:
    eta = a + b * z
    loss = (w * (np.logaddexp(0, eta) - y[:, None] * eta)).sum(axis=0)
    return np.asarray(loss + ridge / 2 * b**2)
