"""SD of individual response (SDir): four intervals of a difference of two variances.

SDir^2 = Var(change, treated) - Var(change, control); its sign is kept. The same estimate has

- ``closed``: normal theory on the variance difference (`kernels._response`);
- ``mover``: chi-square limits of each variance, joined (Zou & Donner 2008);
- ``mixed``: REML of change ~ arm + covariates with a variance for each arm, which is a random
  slope on a 0/1 dummy of the arm whose variance may be negative (Atkinson & Batterham 2015);
- ``bootstrap``: people drawn anew within arm and stratum, percentiles.

References
----------
Atkinson G, Batterham AM (2015) True and false interindividual differences in the physiological
response to an intervention. Exp Physiol 100:577-588. Zou GY, Donner A (2008) Construction of
confidence limits about effect measures: a general approach. Stat Med 27:1693-1702.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from exerkine_omics.kernels._response import signed_root

_ROUNDS = 200
_STOP = 1e-10
_ZERO = 1e-12  # a variance this much below the other runs to 0
_CELLS = 1 << 22  # people x draws held at once


def mover_interval(
    sd_treated: float, df_treated: float, sd_control: float, df_control: float, level: float
) -> tuple[float, float]:
    r"""Limits of SDir from the chi-square limits of both variances.

    .. math:: L = d - \sqrt{(s_t^2 - l_t)^2 + (u_c - s_c^2)^2}, \quad
        U = d + \sqrt{(u_t - s_t^2)^2 + (s_c^2 - l_c)^2}

    with d the variance difference and (l, u) the chi-square limits of a variance.
    """
    tail = (1 - level) / 2

    def limits(sd: float, df: float) -> tuple[float, float, float]:
        s2 = sd**2
        return s2, s2 * df / stats.chi2.isf(tail, df), s2 * df / stats.chi2.ppf(tail, df)

    t, t_low, t_high = limits(sd_treated, df_treated)
    c, c_low, c_high = limits(sd_control, df_control)
    low = t - c - np.hypot(t - t_low, c_high - c)
    high = t - c + np.hypot(t_high - t, c - c_low)
    return signed_root(low), signed_root(high)


@dataclass(frozen=True)
class TwoVariances:
    """REML of two residual variances: SDs of treated and control, and SE of their difference.

    ``df_treated`` and ``df_control`` are the degrees of freedom that the information gives each.
    """

    sd_treated: float
    sd_control: float
    se_difference: float
    df_treated: float
    df_control: float


def fit_two_variances(change: np.ndarray, design: np.ndarray, treated: np.ndarray) -> TwoVariances:
    """REML of change = design b + e, Var(e) = s_t^2 in the treated and s_c^2 in the control arm.

    Parameters
    ----------
    change
        (n,), finite.
    design
        (n, p): intercept, arm, covariates; of full rank.
    treated
        Bool (n,).

    Returns
    -------
    TwoVariances
        NaN where an arm has no residual degree of freedom, or a variance runs to 0.
    """
    y = np.asarray(change, dtype=float)
    y = y - y.mean()
    scale = float(np.sqrt(y @ y / len(y)))
    none = TwoVariances(*[float("nan")] * 5)
    if not scale > 0:
        return none
    y = y / scale
    basis, _ = np.linalg.qr(design - np.r_[0.0, design[:, 1:].mean(axis=0)])
    arm = np.array([treated, ~treated], dtype=float)  # (2, n)
    variance = np.array([_start(y, basis, a > 0) for a in arm])
    information = np.full((2, 2), np.nan)
    for _ in range(_ROUNDS):
        weight = 1.0 / (variance @ arm)  # (n,)
        inverse = np.linalg.inv((basis * weight[:, None]).T @ basis)
        residual = weight * (y - basis @ (inverse @ (basis.T @ (weight * y))))  # P y
        leverage = weight * np.einsum("ij,jk,ik->i", basis, inverse, basis)
        score = arm @ (residual**2 - weight * (1 - leverage)) / 2
        squared = [inverse @ ((basis * (a * weight**2)[:, None]).T @ basis) for a in arm]
        information = np.array([[np.trace(a @ b) for b in squared] for a in squared]) / 2
        information += np.diag(arm @ (weight**2 * (1 - 2 * leverage))) / 2
        step = np.linalg.solve(information, score)
        fresh = variance + step
        # a step that leaves the positive quadrant is halved: variances stay above 0
        while (fresh <= 0).any():
            step /= 2
            fresh = variance + step
            if np.abs(step).max() < _STOP:
                return none
        if fresh.min() < _ZERO * fresh.max():
            return none
        done = np.abs(fresh - variance).max() < _STOP * variance.max()
        variance = fresh
        if done:
            break
    else:
        return none
    covariance = np.linalg.inv(information)
    contrast = np.array([1.0, -1.0])
    se = float(np.sqrt(contrast @ covariance @ contrast)) * scale**2
    df = 2 * variance**2 / np.diag(covariance)
    sd = np.sqrt(variance) * scale
    return TwoVariances(float(sd[0]), float(sd[1]), se, float(df[0]), float(df[1]))


def _start(y: np.ndarray, basis: np.ndarray, rows: np.ndarray) -> float:
    residual = y - basis @ (basis.T @ y)
    return max(float((residual[rows] ** 2).mean()), 1e-6)


def bootstrap(
    treated: np.ndarray,
    treated_stratum: np.ndarray,
    control: np.ndarray,
    control_stratum: np.ndarray,
    threshold: float,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """SDir and proportion of true responses above ``threshold`` in draws of people.

    Parameters
    ----------
    treated, control
        Changes, their good direction up, finite (n,), (m,).
    treated_stratum, control_stratum
        Codes 0..k-1 within each arm.
    threshold
        Smallest change that counts.
    n_draws
        Draws.
    rng
        Random stream.

    Returns
    -------
    sd_ir, proportion : numpy.ndarray
        (n_draws,) each; the proportion has each stratum's own mean. Where the control arm varies
        more SDir is negative, and the proportion that of a constant response (0, 1, or 1/2 at
        equality): such draws are counted, not dropped.
    """
    sd_ir, proportion = np.empty(n_draws), np.zeros(n_draws)
    size = max(1, _CELLS // max(len(treated), len(control)))
    for start in range(0, n_draws, size):
        at = slice(start, min(start + size, n_draws))
        n = at.stop - at.start
        first = _drawn(treated, treated_stratum, n, rng)
        second = _drawn(control, control_stratum, n, rng)
        difference = _variance(first, treated_stratum) - _variance(second, control_stratum)
        sd_ir[at] = np.sign(difference) * np.sqrt(np.abs(difference))
        for code in np.unique(treated_stratum):
            rows = treated_stratum == code
            distance = first[:, rows].mean(axis=1) - threshold
            share = np.heaviside(distance, 0.5)
            spread = sd_ir[at] > 0
            share[spread] = special.ndtr(distance[spread] / sd_ir[at][spread])
            proportion[at] += share * rows.mean()
    return sd_ir, proportion


def _drawn(
    values: np.ndarray, stratum: np.ndarray, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Values of people drawn with replacement within their stratum (n_draws, n)."""
    drawn = np.empty((n_draws, len(values)))
    for code in np.unique(stratum):
        rows = np.flatnonzero(stratum == code)
        drawn[:, rows] = values[rows][rng.integers(0, len(rows), (n_draws, len(rows)))]
    return drawn


def _variance(values: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """Variance within strata of each draw (n_draws,)."""
    total, df = np.zeros(len(values)), 0
    for code in np.unique(stratum):
        part = values[:, stratum == code]
        total += ((part - part.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        df += part.shape[1] - 1
    return total / df
