r"""Random-intercept models by REML, all features at once.

Model: :math:`y = X\beta + Zb + e`, :math:`b \sim N(0, \theta\sigma^2)`, :math:`e \sim
N(0, \sigma^2)`. With :math:`w_m = \theta / (1 + m\theta)` for a person of m rows,

.. math:: C = X'X - \sum_m w_m A_m, \quad S = \min_\beta (y - X\beta)'K(y - X\beta), \quad
          D = (n - p) \log S + \log|C| + \sum_s \log(1 + m_s\theta)

where :math:`A_m` sums the cross-products of person totals. D is minimised over
:math:`\rho = \theta / (1 + \theta)` by Newton steps kept inside a bracket.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._lmm_sums import Sums, take

SINGULAR = 1e-8  # lme4 calls a relative SD below 1e-4 singular
_ROUNDS = 60
_TOLERANCE = 1e-12
_GRID = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
_LARGEST = 1 - 1e-10


@dataclass(frozen=True)
class Fit:
    """REML fit of f features.

    ``theta`` (f) variance ratio, ``sigma2`` (f) residual variance, ``beta`` (f x p) of the
    centred data, ``inverse`` (f x p x p) of C; ``first`` and ``second`` are the derivatives of D's
    parts in theta that the df corrections need: S', S'' and the Hessian of the rest.
    """

    theta: np.ndarray
    sigma2: np.ndarray
    beta: np.ndarray
    inverse: np.ndarray
    slope_s: np.ndarray
    curve_s: np.ndarray
    curve_rest: np.ndarray

    @property
    def singular(self) -> np.ndarray:
        """Fits whose variance between people is zero."""
        return self.theta < SINGULAR


@dataclass(frozen=True)
class _At:
    """D and its derivatives at theta."""

    deviance: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    rss: np.ndarray
    beta: np.ndarray
    inverse: np.ndarray
    slope_s: np.ndarray
    curve_s: np.ndarray
    curve_rest: np.ndarray


def _weighted(weight: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Sum over the numbers of rows: weight k x f with sums k x f x ...."""
    return np.einsum("kf,kf...->f...", weight, sums)


def _evaluate(sums: Sums, theta: np.ndarray) -> _At:
    size = sums.size[:, None]
    grown = 1.0 + size * theta
    w = theta / grown
    w1 = 1.0 / grown**2
    w2 = -2.0 * size / grown**3
    inverse = np.linalg.inv(sums.xx - _weighted(w, sums.txx))
    right = sums.xy - _weighted(w, sums.txy)
    beta = np.einsum("fjk,fk->fj", inverse, right)
    rss = sums.yy - _weighted(w, sums.tyy) - np.einsum("fj,fj->f", right, beta)
    # squared person totals of the residuals, by number of rows
    fitted = np.einsum("kfij,fj->kfi", sums.txx, beta)
    u = sums.tyy - 2 * np.einsum("kfi,fi->kf", sums.txy, beta)
    u += np.einsum("kfi,fi->kf", fitted, beta)
    g = _weighted(w1, fitted - sums.txy)
    slope_s = -(w1 * u).sum(axis=0)
    curve_s = -(w2 * u).sum(axis=0) - 2 * np.einsum("fi,fij,fj->f", g, inverse, g)
    c1 = -_weighted(w1, sums.txx)
    c2 = -_weighted(w2, sums.txx)
    step = inverse @ c1
    slope_log = np.einsum("fii->f", step)
    curve_log = np.einsum("fij,fji->f", inverse, c2) - np.einsum("fij,fji->f", step, step)
    df = sums.n_obs - sums.rank
    slope_rest = slope_log + (sums.people * size / grown).sum(axis=0)
    curve_rest = curve_log - (sums.people * (size / grown) ** 2).sum(axis=0)
    ratio = slope_s / rss
    with np.errstate(invalid="ignore", divide="ignore"):
        deviance = df * np.log(rss) - np.linalg.slogdet(inverse)[1]
        deviance += (sums.people * np.log(grown)).sum(axis=0)
    return _At(
        deviance=deviance,
        gradient=df * ratio + slope_rest,
        hessian=df * (curve_s / rss - ratio**2) + curve_rest,
        rss=rss,
        beta=beta,
        inverse=inverse,
        slope_s=slope_s,
        curve_s=curve_s,
        curve_rest=curve_rest,
    )


def fit_reml(sums: Sums) -> Fit:
    """Fit each feature; the caller sees to it that rows exceed columns and people repeat."""
    n = len(sums.n_obs)
    with np.errstate(invalid="ignore", divide="ignore"):
        start = _evaluate(sums, np.zeros(n))
        rho = np.full(n, 0.5)
        low, high = np.zeros(n), np.full(n, _LARGEST)
        # a boundary that looks like the minimum is believed only if no inner point is lower
        at_zero = start.gradient >= 0
        for point in _GRID:
            inner = np.flatnonzero(at_zero)
            if len(inner) == 0:
                break
            there = _evaluate(take(sums, inner), np.full(len(inner), point / (1 - point)))
            better = there.deviance < start.deviance[inner] - 1e-9
            at_zero[inner[better]] = False
            rho[inner[better]] = point
            # keep the basin: the minimum lies on this side of the hill
            low[inner[better]] = 0.0
        active = np.flatnonzero(~at_zero)
        for _ in range(_ROUNDS):
            if len(active) == 0:
                break
            theta = rho[active] / (1 - rho[active])
            at = _evaluate(take(sums, active), theta)
            scale = (1 + theta) ** 2
            slope = at.gradient * scale
            curve = at.hessian * scale**2 + 2 * slope * (1 + theta)
            low[active] = np.where(slope < 0, rho[active], low[active])
            high[active] = np.where(slope > 0, rho[active], high[active])
            step = rho[active] - slope / curve
            inside = (curve > 0) & (step > low[active]) & (step < high[active])
            new = np.where(inside, step, (low[active] + high[active]) / 2)
            moved = np.abs(new - rho[active])
            rho[active] = new
            active = active[moved > _TOLERANCE]
        theta = np.where(at_zero, 0.0, rho / (1 - rho))
    return fit_at(sums, theta)


def fit_at(sums: Sums, theta: np.ndarray) -> Fit:
    """Fit each feature at a given variance ratio."""
    at = _evaluate(sums, theta)
    sigma2 = at.rss / (sums.n_obs - sums.rank)
    return Fit(theta, sigma2, at.beta, at.inverse, at.slope_s, at.curve_s, at.curve_rest)


def satterthwaite(sums: Sums, fit: Fit, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SE and Satterthwaite df of a contrast (lmerTest's; n - p where the fit is singular).

    df = v^2 / (g' H^-1 g), with v the variance of the contrast, g its gradient in (theta,
    sigma^2), H the Hessian of the REML deviance.
    """
    direction = np.einsum("fij,j->fi", fit.inverse, contrast)
    v = np.einsum("fi,i->f", direction, contrast)
    w1 = 1.0 / (1.0 + sums.size[:, None] * fit.theta) ** 2
    slope = np.einsum("kf,fi,kfij,fj->f", w1, direction, sums.txx, direction)
    residual = (sums.n_obs - sums.rank).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        # in units of sigma^2 = 1: gradient (slope, v)
        h11 = fit.curve_s / fit.sigma2 + fit.curve_rest
        h12 = -fit.slope_s / fit.sigma2
        h22 = residual
        determinant = h11 * h22 - h12**2
        spread = (h22 * slope**2 - 2 * h12 * slope * v + h11 * v**2) / determinant
        df = np.where(fit.singular, residual, v**2 / spread)
        return np.sqrt(fit.sigma2 * v), df


def residual(sums: Sums, fit: Fit, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SE of a contrast with the residual df n - p (too many for people's own differences)."""
    v = np.einsum("i,fij,j->f", contrast, fit.inverse, contrast)
    return np.sqrt(fit.sigma2 * v), (sums.n_obs - sums.rank).astype(float)


def kenward_roger(sums: Sums, fit: Fit, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the adjusted SE and Kenward-Roger df of a contrast (pbkrtest's).

    For one contrast the F approximation has scale 1 and df = 2 v^2 / (g' W g), with W twice the
    inverse of the expected information; the covariance is adjusted by Phi + 2 Phi U Phi.
    """
    size = sums.size[:, None]
    k = 1.0 / (1.0 + size * fit.theta)
    phi = fit.inverse
    people = sums.people
    # all in units of sigma^2 = 1; r = 1 the person's variance, r = 2 the residual's
    p1 = -_weighted(k**2, sums.txx)
    p2 = -(sums.xx - _weighted((1 - k**2) / size, sums.txx))
    q11 = _weighted(size * k**3, sums.txx)
    q12 = _weighted(k**3, sums.txx)
    q22 = sums.xx - _weighted((1 - k**3) / size, sums.txx)
    # the unit columns of absent cells are no data
    for matrix, sign in ((p2, 1.0), (q22, -1.0)):
        rows, columns = np.nonzero(sums.absent)
        matrix[rows, columns, columns] += sign
    a1, a2 = phi @ p1, phi @ p2

    def trace(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.einsum("fij,fji->f", a, b)

    i11 = (people * size**2 * k**2).sum(axis=0) - 2 * trace(phi, q11) + trace(a1, a1)
    i12 = (people * size * k**2).sum(axis=0) - 2 * trace(phi, q12) + trace(a1, a2)
    i22 = (people * (size - 1 + k**2)).sum(axis=0) - 2 * trace(phi, q22) + trace(a2, a2)
    with np.errstate(invalid="ignore", divide="ignore"):
        determinant = i11 * i22 - i12**2
        w11, w12, w22 = 2 * i22 / determinant, -2 * i12 / determinant, 2 * i11 / determinant
        u = w11[:, None, None] * (q11 - p1 @ a1) + w22[:, None, None] * (q22 - p2 @ a2)
        cross = q12 - p1 @ a2
        u += w12[:, None, None] * (cross + cross.transpose(0, 2, 1))
        direction = np.einsum("fij,j->fi", phi, contrast)
        v = np.einsum("fi,i->f", direction, contrast)
        adjusted = v + 2 * np.einsum("fi,fij,fj->f", direction, u, direction)
        g1 = np.einsum("fi,fij,fj->f", direction, p1, direction)
        g2 = np.einsum("fi,fij,fj->f", direction, p2, direction)
        df = 2 * v**2 / (w11 * g1**2 + 2 * w12 * g1 * g2 + w22 * g2**2)
        return np.sqrt(fit.sigma2 * adjusted), df
