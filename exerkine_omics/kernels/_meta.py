r"""Random-effects meta-analysis of many features at once, features x cohorts with gaps.

Model: :math:`y_i = \mu + u_i + e_i`, :math:`u_i \sim N(0, \tau^2)`, :math:`e_i \sim N(0, v_i)`,
:math:`w_i = 1 / (v_i + \tau^2)`, :math:`\hat\mu = \sum w_i y_i / \sum w_i`,
:math:`r_i = y_i - \hat\mu`.

statsmodels' ``combine_effects`` gives the Paule-Mandel and DerSimonian-Laird numbers of one
complete feature; thousands of features, each on the cohorts that have it, and REML need this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from exerkine_omics.kernels._meta_tau2 import TAU2, weighted_mean

METHODS = tuple(TAU2)
INTERVALS = ("hartung-knapp", "hartung-knapp-adhoc", "wald")
_ROUNDING = 1e-12  # of the largest estimate: a SE below it is rounding


@dataclass(frozen=True)
class Pooled:
    """Pooled effect and heterogeneity, each over features; NaN below two cohorts.

    ``i2`` is in percent; ``df`` is k - 1, or inf for ``wald``; ``k`` counts cohorts. ``se`` is 0
    where Hartung-Knapp finds the cohorts equal, and then there is no test and no interval.
    """

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    statistic: np.ndarray
    p_value: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    pi_low: np.ndarray
    pi_high: np.ndarray
    tau2: np.ndarray
    i2: np.ndarray
    h2: np.ndarray
    q: np.ndarray
    q_p: np.ndarray
    k: np.ndarray


@dataclass(frozen=True)
class Direction:
    """Signed Stouffer z with its two-sided p, and the votes, each over features."""

    z: np.ndarray
    p_value: np.ndarray
    n_up: np.ndarray
    n_down: np.ndarray
    k: np.ndarray


def pool(
    estimate: np.ndarray,
    se: np.ndarray,
    *,
    method: str = "reml",
    interval: str = "hartung-knapp",
    level: float = 0.95,
) -> Pooled:
    r"""Pool each feature over the cohorts it has.

    With :math:`W = \sum w_i` and :math:`s = \sum w_i r_i^2 / (k - 1)` the SE of the pooled effect
    is :math:`\sqrt{1/W}` (``wald``, normal), :math:`\sqrt{s/W}` (``hartung-knapp``, t on k - 1
    df), or :math:`\sqrt{\max(1, s)/W}` (``hartung-knapp-adhoc``, which is never narrower than
    Wald's). The prediction interval is :math:`\hat\mu \pm c \sqrt{SE^2 + \tau^2}` with c the
    quantile that the confidence interval has, which is metafor's convention: k - 1 df (Higgins,
    Thompson and Spiegelhalter take k - 2).

    Parameters
    ----------
    estimate, se
        Features x cohorts; a cell where either is NaN, or the SE is not above 0, is absent.
    method
        ``reml``, ``paule_mandel``, ``dersimonian_laird``, or ``fixed``, where tau2 is 0 and there
        is no prediction interval.
    interval
        One of `INTERVALS`.
    level
        Of both intervals.

    Returns
    -------
    Pooled
        As metafor's ``rma``: I2 and H2 from tau2 and the typical sampling variance (from Q with
        ``fixed``), Q on the fixed-effect weights with its chi-square p on k - 1 df.

    Notes
    -----
    Each feature is centred first: a constant added to its estimates moves only the estimate.
    """
    present = np.isfinite(estimate) & np.isfinite(se) & (se > 0)
    k = present.sum(axis=1)
    enough = np.where(k >= 2, 1.0, np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        centre = np.where(present, estimate, 0.0).sum(axis=1) / k
        y = np.where(present, estimate - centre[:, None], 0.0)
        v = np.where(present, np.square(se), np.inf)  # an absent cohort has weight 0
        fixed = 1 / v
        total, _, r = weighted_mean(y, fixed)
        q = (fixed * r**2).sum(axis=1)
        tau2 = TAU2[method](y, v, k)
        w = 1 / (v + tau2[:, None])
        total_w, mean, r = weighted_mean(y, w)
        scale = (w * r**2).sum(axis=1) / (k - 1)
        if interval == "wald":
            scale = np.ones_like(scale)
        elif interval == "hartung-knapp-adhoc":
            scale = np.maximum(scale, 1.0)
        se_pooled = np.sqrt(scale / total_w)
        largest = np.where(present, np.abs(estimate), 0.0).max(axis=1, initial=0.0)
        se_pooled = np.where(se_pooled > _ROUNDING * largest, se_pooled, 0.0)
        df = np.where(interval == "wald", np.inf, np.maximum(k - 1.0, 0.0))
        known = np.where(se_pooled > 0, enough, np.nan)
        value = mean + centre
        statistic = value / se_pooled * known
        quantile = stats.t.ppf(0.5 + level / 2, df) * known
        half = quantile * se_pooled
        ahead = quantile * np.sqrt(se_pooled**2 + tau2)
        if method == "fixed":
            ahead = np.full_like(ahead, np.nan)
            h2 = q / (k - 1)
            i2 = np.where(q > 0, 100 * np.maximum(q - (k - 1), 0.0) / q, 0.0)
        else:
            typical = (k - 1) * total / (total**2 - (fixed**2).sum(axis=1))
            h2 = tau2 / typical + 1
            i2 = 100 * tau2 / (tau2 + typical)
    return Pooled(
        estimate=value * enough,
        se=se_pooled * enough,
        df=df * enough,
        statistic=statistic,
        p_value=2 * stats.t.sf(np.abs(statistic), df),
        ci_low=value - half,
        ci_high=value + half,
        pi_low=value - ahead,
        pi_high=value + ahead,
        tau2=tau2 * enough,
        i2=i2 * enough,
        h2=h2 * enough,
        q=q * enough,
        q_p=stats.chi2.sf(q * enough, k - 1),
        k=k,
    )


def direction(estimate: np.ndarray, p_value: np.ndarray, weight: np.ndarray) -> Direction:
    r"""Combine signs and p values: :math:`Z = \sum a_i z_i / \sqrt{\sum a_i^2}`.

    :math:`z_i = sign(estimate_i) \Phi^{-1}(1 - p_i / 2)`, so it needs no common scale. All three
    arrays are features x cohorts; a cell where one is NaN is absent, and Z is NaN where all are.
    A p below 1e-300 counts as that.
    """
    present = np.isfinite(estimate) & np.isfinite(p_value) & np.isfinite(weight) & (weight > 0)
    sign = np.where(present, np.sign(estimate), 0.0)
    a = np.where(present, weight, 0.0)
    z = sign * stats.norm.isf(np.clip(np.where(present, p_value, 1.0), 1e-300, 1.0) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        combined = (a * z).sum(axis=1) / np.sqrt((a**2).sum(axis=1))
    return Direction(
        z=combined,
        p_value=2 * stats.norm.sf(np.abs(combined)),
        n_up=(sign > 0).sum(axis=1),
        n_down=(sign < 0).sum(axis=1),
        k=present.sum(axis=1),
    )
