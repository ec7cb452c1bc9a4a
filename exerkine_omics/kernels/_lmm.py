r"""Random-intercept models by REML, all features at once.

Model: :math:`y = X\beta + Zb + e`, :math:`b \sim N(0, \theta\sigma^2)`, :math:`e \sim
N(0, \sigma^2)`. With :math:`k_m = 1 / (1 + m\theta)` for a person of m rows,

.. math:: C = X'X - \sum_m \theta k_m A_m, \quad S = \min_\beta (y - X\beta)'K(y - X\beta), \quad
          D = (n - p) \log S + \log|C| + \sum_s \log(1 + m_s\theta)

where :math:`A_m` sums the cross-products of person totals. D is minimised over
:math:`\rho = \theta / (1 + \theta)` by Newton steps kept inside a bracket. Arrays have the features
last, so that small matrices are p x p vectors over features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._lmm_sums import Sums, take
from exerkine_omics.kernels._packed import unpack

_UNBOUNDED = 1e7  # variance ratio; the search ends at 1e10
SINGULAR = 1e-8  # lme4 calls a relative SD below 1e-4 singular
_ROUNDS = 60
_TOLERANCE = 1e-6  # of rho; the step that goes below it is taken, and Newton squares the error
FULL_RANK = 1e-9
_NARROW = 1e-12  # a bracket of this width is a point
_GRID = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
_LARGEST = 1 - 1e-10


@dataclass(frozen=True)
class Fit:
    """REML fit of F features, of the centred data.

    ``theta`` (F) variance ratio, ``sigma2`` (F) residual variance, ``beta`` (p x F), ``phi``
    (p x p x F) the inverse of C. ``c1`` = sum k^2 A_m and ``c2`` = -2 sum m k^3 A_m (p x p x F) are
    minus the derivatives of C in theta, ``t1`` = tr(phi c1), ``t11`` = tr(phi c1 phi c1), ``t2`` =
    tr(phi c2). ``slope_s``, ``curve_s`` are S' and S'', ``curve_rest`` the second derivative of
    D's other parts; ``df`` = n - p.
    """

    theta: np.ndarray
    sigma2: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    c1: np.ndarray
    c2: np.ndarray
    t1: np.ndarray
    t11: np.ndarray
    t2: np.ndarray
    slope_s: np.ndarray
    curve_s: np.ndarray
    slope_rest: np.ndarray
    curve_rest: np.ndarray
    deviance: np.ndarray
    df: np.ndarray

    @property
    def singular(self) -> np.ndarray:
        """Fits whose variance between people is zero."""
        return self.theta < SINGULAR

    @property
    def unbounded(self) -> np.ndarray:
        """Fits whose variance within people runs to zero: next to nothing shows it."""
        return self.theta > _UNBOUNDED


def invert(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inverse of symmetric positive matrices p x p x F by sweeping; log determinant; pivot.

    The pivot is the smallest share of its diagonal element that a sweep finds.
    """
    a = matrix.copy()
    p = len(a)
    log_det = np.zeros(a.shape[2])
    share = np.ones(a.shape[2])
    for k in range(p):
        pivot = a[k, k].copy()
        share = np.minimum(share, pivot / matrix[k, k])
        log_det += np.log(pivot)
        row = a[k] / pivot
        column = a[:, k].copy()
        a -= column[:, None] * row[None]
        a[k] = row
        a[:, k] = row
        a[k, k] = -1.0 / pivot
    return -a, log_det, share


def separable(sums: Sums) -> np.ndarray:
    """Features whose rows tell all their columns apart (F)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return invert(unpack(sums.xx))[2] >= FULL_RANK


def _weighted(weight: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Sum over the numbers of rows: weight k x F with sums k x ... x F."""
    shape = (len(weight),) + (1,) * (sums.ndim - 2) + (-1,)
    w = weight.reshape(shape)
    result = w[0] * sums[0]
    for own, part in zip(w[1:], sums[1:], strict=True):
        result += own * part
    return result


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Matrix (p x p x F) times vector (p x F)."""
    result = matrix[:, 0] * vector[0]
    for k in range(1, len(vector)):
        result += matrix[:, k] * vector[k]
    return result


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=0)


def fit_at(sums: Sums, theta: np.ndarray) -> Fit:
    """Fit each feature at a given variance ratio, with D and its derivatives."""
    m = sums.size[:, None]
    k = 1.0 / (1.0 + m * theta)
    w, w1 = theta * k, k * k
    w2 = -2.0 * m * w1 * k
    df = sums.n_obs - sums.rank
    phi, log_det, _ = invert(unpack(sums.xx - _weighted(w, sums.txx)))
    c1, c2 = unpack(_weighted(w1, sums.txx)), unpack(_weighted(w2, sums.txx))
    right = sums.xy - _weighted(w, sums.txy)
    right1, right2 = _weighted(w1, sums.txy), _weighted(w2, sums.txy)
    beta = _times(phi, right)
    rss = sums.yy - _weighted(w, sums.tyy) - _dot(right, beta)
    fitted1 = _times(c1, beta)
    slope_s = 2 * _dot(right1, beta) - _weighted(w1, sums.tyy) - _dot(fitted1, beta)
    g = fitted1 - right1
    curve_s = 2 * _dot(right2, beta) - _weighted(w2, sums.tyy) - _dot(_times(c2, beta), beta)
    curve_s -= 2 * _dot(_times(phi, g), g)
    product = np.stack([_times(c1, row) for row in phi])  # phi c1
    t1 = product.trace()
    t11 = (product * product.transpose(1, 0, 2)).sum(axis=(0, 1))
    t2 = (phi * c2).sum(axis=(0, 1))
    grown = sums.people * m * k
    with np.errstate(invalid="ignore", divide="ignore"):
        deviance = df * np.log(rss) + log_det - (sums.people * np.log(k)).sum(axis=0)
        return Fit(
            theta=theta,
            sigma2=rss / df,
            beta=beta,
            phi=phi,
            c1=c1,
            c2=c2,
            t1=t1,
            t11=t11,
            t2=t2,
            slope_s=slope_s,
            curve_s=curve_s,
            slope_rest=grown.sum(axis=0) - t1,
            curve_rest=-t2 - t11 - (grown * m * k).sum(axis=0),
            deviance=deviance,
            df=df,
        )


def _derivatives(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """D' and D'' in theta."""
    ratio = fit.slope_s / fit.sigma2
    slope = ratio + fit.slope_rest
    return slope, fit.curve_s / fit.sigma2 - ratio**2 / fit.df + fit.curve_rest


def _start(sums: Sums, at_zero: Fit) -> np.ndarray:
    """Moment estimate of rho: mean squares between and within people of the OLS residuals."""
    share = np.broadcast_to(1.0 / sums.size[:, None], sums.people.shape)
    bxx, bxy = unpack(_weighted(share, sums.txx)), _weighted(share, sums.txy)
    beta = at_zero.beta
    between = _weighted(share, sums.tyy) - 2 * _dot(bxy, beta) + _dot(_times(bxx, beta), beta)
    within = at_zero.sigma2 * at_zero.df - between
    rank = (at_zero.phi * bxx).sum(axis=(0, 1))
    people = sums.n_people
    df_between = np.maximum(people - rank, 1.0)
    df_within = np.maximum(at_zero.df - df_between, 1.0)
    theta = ((between / df_between) / (within / df_within) - 1) * people / sums.n_obs
    theta = np.clip(np.nan_to_num(theta, nan=1.0), 0.02, 1e4)
    return theta / (1 + theta)


def fit_reml(sums: Sums) -> Fit:
    """Fit each feature; the caller sees to it that rows exceed columns and people repeat."""
    n = sums.people.shape[1]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        start = fit_at(sums, np.zeros(n))
        gradient, _ = _derivatives(start)
        at_zero = gradient >= 0
        rho = _start(sums, start)
        # a boundary that looks like the minimum is believed only if no inner point is lower
        for point in _GRID:
            inner = np.flatnonzero(at_zero)
            if len(inner) == 0:
                break
            there = fit_at(take(sums, inner), np.full(len(inner), point / (1 - point)))
            better = there.deviance < start.deviance[inner] - 1e-9
            at_zero[inner[better]] = False
            rho[inner[better]] = point
        active = np.flatnonzero(~at_zero)
        newton(sums, rho, active, np.zeros(len(active)), np.full(len(active), _LARGEST))
        return fit_at(sums, np.where(at_zero, 0.0, rho / (1 - rho)))


def newton(
    sums: Sums, rho: np.ndarray, active: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """Improve ``rho`` of the active features in place, between their bounds; converged ones leave.

    ``rho`` may be negative as long as every 1 + m theta is positive: a correlation within people.
    """
    part = sums if len(active) == len(rho) else take(sums, active)
    for _ in range(_ROUNDS):
        if len(active) == 0:
            return
        now = rho[active]
        theta = now / (1 - now)
        slope, curve = _derivatives(fit_at(part, theta))
        scale = (1 + theta) ** 2  # d theta / d rho
        slope = slope * scale
        curve = curve * scale**2 + 2 * slope * (1 + theta)
        low, high = np.where(slope < 0, now, low), np.where(slope > 0, now, high)
        step = now - slope / curve
        # a last small step is taken even where rounding has put it just outside
        small = np.abs(step - now) <= _TOLERANCE * np.minimum(
            np.maximum(np.abs(now), 1e-3), 1 - now
        )
        done = (curve > 0) & small
        inside = (curve > 0) & (small | ((step > low) & (step < high)))
        rho[active] = np.where(inside, step, (low + high) / 2)
        done |= high - low <= _NARROW
        left = np.flatnonzero(~done)
        if len(left) < len(active):
            active, low, high, part = active[left], low[left], high[left], take(part, left)


def satterthwaite(
    sums: Sums, fit: Fit, w: Precision, contrast: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """SE and Satterthwaite df of a contrast (lmerTest's; n - p where the fit is singular).

    df = v^2 / (g' H^-1 g), with v the variance of the contrast, g its gradient in (theta,
    sigma^2), H the Hessian of the REML deviance.
    """
    direction = combine(fit.phi, contrast)
    v = np.tensordot(contrast, direction, 1)
    return np.sqrt(fit.sigma2 * v), satterthwaite_df(
        fit, v, _dot(direction, _times(fit.c1, direction))
    )


def satterthwaite_df(fit: Fit, v: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Df of a variance v (of sigma^2 = 1) with derivative ``slope`` in theta."""
    with np.errstate(invalid="ignore", divide="ignore"):
        # in units of sigma^2 = 1: gradient (slope, v)
        h11 = fit.curve_s / fit.sigma2 + fit.curve_rest
        h12 = -fit.slope_s / fit.sigma2
        determinant = h11 * fit.df - h12**2
        spread = (fit.df * slope**2 - 2 * h12 * slope * v + h11 * v**2) / determinant
        return np.where(fit.singular, fit.df, v**2 / spread)


def residual(
    sums: Sums, fit: Fit, w: Precision, contrast: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """SE of a contrast with the residual df n - p (too many for people's own differences)."""
    v = np.tensordot(contrast, combine(fit.phi, contrast), 1)
    return np.sqrt(fit.sigma2 * v), fit.df.astype(float)


def combine(phi: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Phi times a contrast (p x F); the contrast has few weights that are not zero."""
    result = np.zeros(phi.shape[1:])
    for j in np.flatnonzero(contrast):
        result += contrast[j] * phi[j]
    return result


@dataclass(frozen=True)
class Precision:
    """Covariance W of the variance estimates (theta sigma^2, sigma^2), in units of sigma^4 (F)."""

    w11: np.ndarray
    w12: np.ndarray
    w22: np.ndarray

    @property
    def residual_df(self) -> np.ndarray:
        """Df of the residual variance, 2 / W22: within people, where a design is complete."""
        return 2.0 / self.w22


def precision(sums: Sums, fit: Fit) -> Precision:
    """W: twice the inverse of the expected information of the variances.

    All traces follow from phi c1 and phi c2, for the derivatives of the two variances add up to
    the covariance itself.
    """
    m, theta = sums.size[:, None], fit.theta
    k = 1.0 / (1.0 + m * theta)
    a = sums.people * k * k
    # P1 = -c1, P2 = -C - theta P1; Q11 = -c2 / 2, Q12 = -P1 - theta Q11, Q22 = C + ...
    q11 = -fit.t2 / 2
    q12 = fit.t1 - theta * q11
    q22 = sums.rank - 2 * theta * fit.t1 + theta**2 * q11
    a12 = fit.t1 - theta * fit.t11
    a22 = sums.rank - 2 * theta * fit.t1 + theta**2 * fit.t11
    i11 = (a * m * m).sum(axis=0) - 2 * q11 + fit.t11
    i12 = (a * m).sum(axis=0) - 2 * q12 + a12
    i22 = (sums.people * (m - 1) + a).sum(axis=0) - 2 * q22 + a22
    with np.errstate(invalid="ignore", divide="ignore"):
        determinant = i11 * i22 - i12**2
        return Precision(2 * i22 / determinant, -2 * i12 / determinant, 2 * i11 / determinant)


def kenward_roger(
    sums: Sums, fit: Fit, w: Precision, contrast: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the adjusted SE and Kenward-Roger df of a contrast (pbkrtest's).

    For one contrast the F approximation has scale 1 and df = 2 v^2 / (g' W g); the covariance is
    adjusted by Phi + 2 Phi U Phi.
    """
    theta = fit.theta
    direction = combine(fit.phi, contrast)
    v = np.tensordot(contrast, direction, 1)
    turned = _times(fit.c1, direction)
    slope = _dot(direction, turned)
    excess = -_dot(direction, _times(fit.c2, direction)) / 2 - _dot(turned, _times(fit.phi, turned))
    g2 = theta * slope - v
    with np.errstate(invalid="ignore", divide="ignore"):
        adjusted = v + 2 * excess * (w.w11 - 2 * theta * w.w12 + theta**2 * w.w22)
        df = 2 * v**2 / (w.w11 * slope**2 - 2 * w.w12 * slope * g2 + w.w22 * g2**2)
        return np.sqrt(fit.sigma2 * adjusted), df
