"""The shape of a course after a bout: its curve's covariance, its peak, the area under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels import _lmm
from exerkine_omics.kernels._lmm_sums import Sums
from exerkine_omics.kernels._natural_spline import second_derivatives

_EPS = 1e-12


@dataclass(frozen=True)
class Peak:
    """Time, change and recovery ratio of the largest change of f curves."""

    minutes: np.ndarray
    change: np.ndarray
    recovery_ratio: np.ndarray


def joint_covariance(
    sums: Sums, fit: _lmm.Fit, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Kenward-Roger's covariance of these coefficients, and the smallest of their df.

    Parameters
    ----------
    sums, fit
        Of f features and p columns.
    columns
        Positions of the r coefficients.

    Returns
    -------
    covariance, df
        f x r x r, f. The adjusted variance is a quadratic form in the contrast, so that
        cov(a, b) = (var(a + b) - var(a) - var(b)) / 2.
    """
    (p, n), r = fit.beta.shape, len(columns)
    w = _lmm.precision(sums, fit)
    covariance = np.empty((n, r, r))
    df = np.full(n, np.inf)
    unit = np.eye(p)[columns]
    for i in range(r):
        se, own = _lmm.kenward_roger(sums, fit, w, unit[i])
        covariance[:, i, i] = se**2
        df = np.minimum(df, own)
    for i in range(r):
        for j in range(i):
            se, _ = _lmm.kenward_roger(sums, fit, w, unit[i] + unit[j])
            both = (se**2 - covariance[:, i, i] - covariance[:, j, j]) / 2
            covariance[:, i, j] = covariance[:, j, i] = both
    return covariance, df


def peak(change: np.ndarray, x: np.ndarray) -> Peak:
    """Largest change in either direction among points (f x n, at the times x).

    The recovery ratio is change at the last time / peak change: 1 no recovery, 0 full recovery,
    below 0 beyond the start; NaN where nothing changes. Of equal changes the earliest counts.
    """
    size = np.abs(change)
    at = np.argmax(size >= size.max(axis=1, keepdims=True) * (1 - _EPS), axis=1)
    most = np.take_along_axis(change, at[:, None], axis=1)[:, 0]
    return Peak(x[at], most, _ratio(change[:, -1], most))


def spline_peak(beta: np.ndarray, knots: np.ndarray) -> Peak:
    r"""Largest change in either direction of natural splines that start at zero, exactly.

    In an interval of width *h* with :math:`u \in [0, 1]`, values *g* and second derivatives
    :math:`\gamma` at its knots,

    .. math:: f'(u) = g_1 - g_0 - \tfrac{h^2}{6}(2\gamma_0 + \gamma_1) + h^2 \gamma_0 u
              + \tfrac{h^2}{2} (\gamma_1 - \gamma_0) u^2

    so that a peak is at a knot or at a root of a quadratic.

    Parameters
    ----------
    beta
        Values at the knots after the first (m x K), as `natural_spline` writes them.
    knots
        All K + 1 knots, the boundary's among them.

    Returns
    -------
    Peak
        As `peak`'s, inside the boundary.
    """
    h = np.diff(knots)
    width = knots[-1] - knots[0]
    # in units of the boundary's width
    g = np.hstack([np.zeros((len(beta), 1)), beta])
    gamma = g @ second_derivatives(h / width).T
    most = np.zeros(len(beta))
    minutes = np.full(len(beta), knots[0])

    def offer(u: np.ndarray | float, value: np.ndarray, inside: np.ndarray | bool, k: int) -> None:
        # larger by more than rounding: of equal peaks the earliest counts
        better = inside & (np.abs(value) > np.abs(most) * (1 + _EPS))
        np.copyto(most, value, where=better)
        np.copyto(minutes, knots[k] + h[k] * u, where=better)

    for k, step in enumerate(h / width):
        g0, g1 = g[:, k], g[:, k + 1]
        c0, c1 = gamma[:, k] * step**2, gamma[:, k + 1] * step**2
        a, b, c = (c1 - c0) / 2, c0, g1 - g0 - (2 * c0 + c1) / 6
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            q = -(b + np.copysign(np.sqrt(b**2 - 4 * a * c), b)) / 2
            one, two = q / a, c / q
            for u in (np.fmin(one, two), np.fmax(one, two)):
                v = 1 - u
                value = v * g0 + u * g1 - u * v / 6 * ((1 + v) * c0 + (1 + u) * c1)
                offer(u, value, (u > 0) & (u < 1), k)
        offer(1.0, g1, True, k)
    return Peak(minutes, most, _ratio(beta[:, -1], most))


def _ratio(last: np.ndarray, most: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(most != 0, last / most, np.nan)


def drawn_curves(
    beta: np.ndarray,
    covariance: np.ndarray,
    df: np.ndarray,
    normal: np.ndarray,
    chi_square: np.ndarray,
) -> np.ndarray:
    r"""Draw curves' coefficients from a multivariate t.

    :math:`\beta^* = \hat\beta + L z \sqrt{\nu / \chi^2_\nu}` with :math:`LL' = V`.

    Parameters
    ----------
    beta, covariance, df
        Coefficients (f x r), covariance (f x r x r), degrees of freedom (f).
    normal, chi_square
        Standard normal numbers (f x draws x r) and chi-square ones on df (f x draws).

    Returns
    -------
    ndarray
        f x draws x r.
    """
    root, vectors = np.linalg.eigh(covariance)
    # Cholesky would fail where rounding makes a root negative
    factor = vectors * np.sqrt(np.maximum(root, 0.0))[:, None, :]
    # the symmetric root: an eigenvector's sign is arbitrary, the draws must not be
    factor = factor @ vectors.transpose(0, 2, 1)
    scale = np.sqrt(df[:, None] / chi_square)
    return beta[:, None, :] + scale[:, :, None] * (normal @ factor)


def trapezoid(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Area under lines through the values that are there.

    Parameters
    ----------
    values
        m x f; NaN is bridged by the line between its neighbours.
    x
        Times (m), ascending.

    Returns
    -------
    ndarray
        Area (f), in units of value x time; 0 where fewer than 2 values are there.
    """
    area = np.zeros(values.shape[1])
    last = np.full(values.shape[1], np.nan)
    since = np.full(values.shape[1], np.nan)
    for now, row in zip(x, values, strict=True):
        here = np.isfinite(row)
        part = (now - since) * (row + last) / 2
        area += np.where(here & np.isfinite(last), part, 0.0)
        last = np.where(here, row, last)
        since = np.where(here, now, since)
    return area
