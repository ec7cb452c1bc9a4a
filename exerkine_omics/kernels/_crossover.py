r"""Crossover trials on each person's own difference between two conditions.

With :math:`d_i` the difference (treatment minus reference) of person *i*, and :math:`z_i` = 1
where the treatment came second, -1 where it came first,

.. math:: d_i = \tau + z_i \pi + e_i

so that in a trial of two periods the least-squares :math:`\hat\tau = (\bar d_{TR} + \bar
d_{RT}) / 2` is half the difference between the sequences of the period differences (first minus
second), and :math:`\hat\pi = (\bar d_{RT} - \bar d_{TR}) / 2` the period effect (second minus
first), each on the pooled variance within sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LeastSquares:
    """Coefficients (f x q) with their SE, residual df and rows (f), and whether they exist (f)."""

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    n: np.ndarray
    full_rank: np.ndarray


def least_squares(values: np.ndarray, columns: np.ndarray) -> LeastSquares:
    """Regress each feature on few columns, each on the people it has.

    Parameters
    ----------
    values
        People x f; NaN is an absent person.
    columns
        People x q.

    Returns
    -------
    LeastSquares
        NaN coefficients where the people a feature has do not determine all q. A SE below 1e-9
        of the largest value is rounding and is returned as 0.
    """
    finite = np.isfinite(values)
    y = np.where(finite, values, 0.0)
    n = finite.sum(axis=0)
    q = columns.shape[1]
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), q * q)
    gram = (finite.T.astype(float) @ products).reshape(-1, q, q)
    root = np.linalg.eigvalsh(gram)
    full_rank = (root[:, -1] > 0) & (root[:, 0] > 1e-9 * root[:, -1])
    gram[~full_rank] = np.eye(q)
    inverse = np.linalg.inv(gram)
    estimate = np.einsum("fij,fj->fi", inverse, y.T @ columns)
    df = (n - q).astype(float)
    residual = np.where(finite, y - columns @ estimate.T, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (residual**2).sum(axis=0) / df
        variance = variance[:, None] * np.einsum("fii->fi", inverse)
        largest = np.abs(y).max(axis=0, initial=0.0)[:, None]
        variance = np.where(variance > (1e-9 * largest) ** 2, variance, 0.0)
        variance[df <= 0] = np.nan
    estimate[~full_rank] = np.nan
    variance[~full_rank] = np.nan
    return LeastSquares(estimate, np.sqrt(variance), df, n, full_rank)


def period_columns(treatment: np.ndarray, reference: np.ndarray, n_periods: int) -> np.ndarray:
    """Columns of the treatment and of each later period against the first.

    ``treatment`` and ``reference`` hold the period (0..n_periods-1) in which each person had
    each; the result is people x n_periods, the first column 1.
    """
    unit = np.eye(n_periods)
    columns = unit[treatment] - unit[reference]
    columns[:, 0] = 1.0
    return columns
