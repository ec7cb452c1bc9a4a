r"""Ridge regression of a few outcomes on many features, its penalty by leave-one-group-out.

.. math:: \min_{B} \; \|Y - 1 b_0' - X B\|^2 + \lambda \|B\|^2

with the hat matrix :math:`H = \tfrac1n 11' + U\,\mathrm{diag}(s^2/(s^2+\lambda))\,U'`, and what
the fit without group *g* predicts for its people exact from the whole fit:
:math:`y_g - \hat y_g^{(-g)} = (I - H_{gg})^{-1} (y_g - \hat y_g)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_RANK = 1e-10  # squares below this share of the largest are rounding
_STEPS = 10.0 ** np.linspace(3.0, -2.0, 16)  # penalties over the mean square, falling


@dataclass(frozen=True)
class RidgeFit:
    """One fit of k outcomes on p features.

    ``intercept`` (k), ``weights`` (p x k), ``penalty`` (inf: the mean alone), ``left_out``
    (n x k): what the fit without a person's group predicts for that person.
    """

    intercept: np.ndarray
    weights: np.ndarray
    penalty: float
    left_out: np.ndarray

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Outcomes of other people (m x k)."""
        return self.intercept + x @ self.weights


def fit_ridge(
    x: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None = None,
    penalty: float | None = None,
) -> RidgeFit:
    """Fit all outcomes with one penalty.

    Parameters
    ----------
    x
        People x features, finite, on the scale on which they are to be shrunk.
    y
        People x outcomes, finite. They share the penalty: rotating them rotates the fit.
    groups
        People who are left out together (n); None means one by one.
    penalty
        lambda; None takes the one of 17 (infinity among them) with the least squared error of
        the left-out predictions, the heavier where tied.
    """
    n = len(x)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    xc, yc = x - x_mean, y - y_mean
    u, square = _left_vectors(xc)
    inner = u.T @ yc
    members = _members(groups, n)
    if penalty is not None:
        grid = np.array([float(penalty)])
    elif len(square):
        grid = np.r_[np.inf, _STEPS * (square.sum() / len(square))]
    else:
        grid = np.array([np.inf])
    best, chosen, left_out = np.inf, np.inf, np.zeros_like(yc)
    for lam in grid:
        shrunk = square / (square + lam)
        away = _left_out_residuals(u, shrunk, yc - u @ (shrunk[:, None] * inner), members)
        loss = float((away**2).sum())
        if loss < best * (1 - 1e-12) or len(grid) == 1:
            best, chosen, left_out = loss, float(lam), y - away
    weights = xc.T @ (u @ (inner / (square + chosen)[:, None]))
    return RidgeFit(y_mean - x_mean @ weights, weights, chosen, left_out)


def _left_vectors(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (n x r) and squared singular values (r) of centred features."""
    n, p = x.shape
    if not x.size:
        return np.empty((n, 0)), np.empty(0)
    if p > n:
        square, u = np.linalg.eigh(x @ x.T)
    else:
        u, root, _ = np.linalg.svd(x, full_matrices=False)
        square = root**2
    keep = square > _RANK * square.max()
    return u[:, keep], square[keep]


def _members(groups: np.ndarray | None, n: int) -> list[np.ndarray]:
    """Rows of the groups that hold several people; the others are left out one by one."""
    if groups is None:
        return []
    _, number, size = np.unique(groups, return_inverse=True, return_counts=True)
    return [np.flatnonzero(number == g) for g in np.flatnonzero(size > 1)]


def _left_out_residuals(
    u: np.ndarray, shrunk: np.ndarray, residual: np.ndarray, members: list[np.ndarray]
) -> np.ndarray:
    n = len(u)
    lever = 1.0 - 1.0 / n - (u * u) @ shrunk
    away = residual / np.maximum(lever, 1e-12)[:, None]
    for rows in members:
        hat = 1.0 / n + (u[rows] * shrunk) @ u[rows].T
        away[rows] = np.linalg.lstsq(np.eye(len(rows)) - hat, residual[rows], rcond=None)[0]
    return away
