"""Empirical-Bayes squeezing of variances (Smyth 2004), with equal and unequal df."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

# prior df / (1 + prior df): from 2, below which the prior has no mean, to practically infinite
_PRIOR_SHARE = (2 / 3, 0.9999)


@dataclass(frozen=True)
class VariancePrior:
    """Scaled inverse chi-square prior: ``variance`` on ``df`` degrees of freedom."""

    variance: float
    df: float


def trigamma_inverse(value: float) -> float:
    """Solve trigamma(y) = value by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    if not value > 0:
        return np.nan
    if value > 1e7:
        return float(1 / np.sqrt(value))
    if value < 1e-6:
        return float(1 / value)
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, y))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, y))
        y += step
        if -step / y < 1e-8:
            break
    return float(y)


def fit_prior_moments(variance: np.ndarray, df: np.ndarray) -> VariancePrior:
    """Moment estimator of the prior from log variances (Smyth 2004, section 6.2).

    This is the prior of limma before 3.62, and of any limma where all df are equal.
    Features without residual df do not count; variances of 0 are raised to 1e-5 x the median.
    """
    ok = np.isfinite(variance) & (df > 1e-15) & (variance > -1e-15)
    x, d = np.maximum(variance[ok], 0.0), df[ok]
    if len(x) == 0:
        return VariancePrior(np.nan, np.nan)
    if len(x) == 1:
        return VariancePrior(float(x[0]), 0.0)
    median = float(np.median(x))
    x = np.maximum(x, 1e-5 * (median if median > 0 else 1.0))
    e = np.log(x) - special.digamma(d / 2) + np.log(d / 2)
    mean = e.mean()
    spread = ((e - mean) ** 2).sum() / (len(e) - 1) - special.polygamma(1, d / 2).mean()
    if spread > 0:
        prior_df = 2 * trigamma_inverse(float(spread))
        log_scale = mean + special.digamma(prior_df / 2) - np.log(prior_df / 2)
        return VariancePrior(float(np.exp(log_scale)), prior_df)
    # no spread beyond chance: all features share one variance
    return VariancePrior(float(x.mean()), np.inf)


def fit_prior_likelihood(variance: np.ndarray, df: np.ndarray) -> VariancePrior:
    """Fit the prior by likelihood for features whose residual df differ (that is, with NaN).

    Each variance follows scale x F(df, prior df). For a given prior df, log scale is the mean of
    log s2 - digamma(df/2) + log(df/2), each weighted by 1 / trigamma(df/2), plus
    digamma(prior df/2) - log(prior df/2); prior df maximises the F likelihood along that
    profile, between 2 and 9999. This is the prior of limma 3.62 and later where df differ.
    """
    ok = np.isfinite(variance) & (df > 1e-15) & (variance > -1e-15)
    x, d = np.maximum(variance[ok], 0.0), df[ok]
    if len(x) < 2:
        return fit_prior_moments(variance, df)
    median = float(np.median(x))
    x = np.maximum(x, 1e-12 * (median if median > 0 else 1.0))
    e = np.log(x) - special.digamma(d / 2) + np.log(d / 2)
    w = 1 / special.polygamma(1, d / 2)
    mean = float((w * e).sum() / w.sum())

    def log_scale(half: float) -> float:
        return float(mean + special.digamma(half) - np.log(half))

    def loss(share: float) -> float:
        prior_df = share / (1 - share)
        scale = np.exp(log_scale(prior_df / 2))
        return -float((stats.f.logpdf(x / scale, d, prior_df) - np.log(scale)).sum())

    best = optimize.minimize_scalar(
        loss, bounds=_PRIOR_SHARE, method="bounded", options={"xatol": 1e-9}
    )
    prior_df = best.x / (1 - best.x)
    return VariancePrior(float(np.exp(log_scale(prior_df / 2))), float(prior_df))


def squeeze(variance: np.ndarray, df: np.ndarray, prior: VariancePrior) -> np.ndarray:
    """Posterior variance: (prior df x prior variance + df x variance) / (prior df + df)."""
    if np.isinf(prior.df):
        return np.full_like(variance, prior.variance)
    own = np.where(df > 0, variance, 0.0)
    return (prior.df * prior.variance + df * own) / (prior.df + df)


def total_df(df: np.ndarray, prior: VariancePrior) -> np.ndarray:
    """Df of the moderated t: own plus prior, at most the df of all features together."""
    return np.minimum(df + prior.df, np.nansum(np.maximum(df, 0)))
