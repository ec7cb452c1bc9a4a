"""Empirical-Bayes squeezing of variances (Smyth 2004), with equal and unequal df.

References
----------
Smyth GK (2004) Linear models and empirical Bayes methods for assessing differential expression
in microarray experiments. Stat Appl Genet Mol Biol 3:3. doi:10.2202/1544-6115.1027
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from exerkine_omics.kernels._lowess import chosen_span, weighted_lowess
from exerkine_omics.kernels._natural_spline import fit_knots, natural_basis

# prior df / (1 + prior df): from 2, below which the prior has no mean, to practically infinite
_PRIOR_SHARE = (2 / 3, 0.9999)
_EQUAL_DF = 1e-6  # relative
_NEAR = 1e-4  # of the search's end, where the slope's root is sought


@dataclass(frozen=True)
class VariancePrior:
    """Scaled inverse chi-square prior: ``variance`` on ``df`` degrees of freedom.

    ``variance`` is one number, or one a feature where it follows a trend; ``df`` is one number,
    or one a feature where outliers are given fewer. NaN means that no prior could be had.
    """

    variance: float | np.ndarray
    df: float | np.ndarray

    @property
    def known(self) -> bool:
        """Whether there is anything to squeeze to."""
        return bool(np.isfinite(self.variance).any())


@dataclass(frozen=True)
class LogVariances:
    """Features that inform the prior: mask ``ok``, variance, half df, and ``e``.

    e = log s2 - digamma(df/2) + log(df/2) has mean log s0^2 - digamma(d0/2) + log(d0/2) and
    variance trigamma(df/2) + trigamma(d0/2).
    """

    ok: np.ndarray
    variance: np.ndarray
    half: np.ndarray
    e: np.ndarray


def log_variances(
    variance: np.ndarray, df: np.ndarray, covariate: np.ndarray | None, floor: float
) -> LogVariances:
    """Keep what informs the prior; variances are raised to ``floor`` x their median."""
    ok = np.isfinite(variance) & (df > 1e-15) & (variance > -1e-15)
    if covariate is not None:
        ok &= np.isfinite(covariate)
    x, half = np.maximum(variance[ok], 0.0), df[ok] / 2
    if len(x):
        median = float(np.median(x))
        x = np.maximum(x, floor * (median if median > 0 else 1.0))
    return LogVariances(ok, x, half, np.log(x) - log_mean(half))


def log_mean(half: np.ndarray | float) -> np.ndarray | float:
    """Mean of the log of chi-square / df on 2 ``half`` df: digamma(half) - log(half)."""
    return special.digamma(half) - np.log(half)


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


def spline_df(n: int) -> int:
    """Coefficients of the trend that n features carry: 1 to 4."""
    return 1 + (n >= 3) + (n >= 6) + (n >= 30)


def _spline_trend(
    data: LogVariances, covariate: np.ndarray | None
) -> tuple[np.ndarray | float, np.ndarray, int]:
    """Fit the mean of e by a spline: at all features (or one number), at the informing, rank."""
    e = data.e
    if covariate is not None:
        known = covariate[data.ok]
        df = min(spline_df(len(e)), len(np.unique(known)))
        if df >= 2:
            knots = fit_knots(known, df)
            basis = natural_basis(known, knots)
            coefficient, _, rank, _ = np.linalg.lstsq(basis, e, rcond=1e-10)
            return natural_basis(covariate, knots) @ coefficient, basis @ coefficient, int(rank)
    mean = float(e.mean())
    return mean, np.full(len(e), mean), 1


def _lowess_trend(
    data: LogVariances, covariate: np.ndarray | None, weight: np.ndarray
) -> tuple[np.ndarray | float, np.ndarray]:
    """Fit the mean of e by weighted lowess: at all features (or one number), at the informing."""
    if covariate is None:
        mean = float(np.average(data.e, weights=weight))
        return mean, np.full(len(data.e), mean)
    known = covariate[data.ok]
    fitted = weighted_lowess(data.e, known, weight, chosen_span(len(known)))
    order = np.argsort(known, kind="stable")
    everywhere = np.interp(covariate, known[order], fitted[order])
    everywhere[data.ok] = fitted
    return everywhere, fitted


def fit_prior_moments(
    variance: np.ndarray, df: np.ndarray, covariate: np.ndarray | None = None
) -> VariancePrior:
    """Moment estimator of the prior from log variances (Smyth 2004, section 6.2).

    This is the prior of limma before 3.62, and of any limma where all df are equal. With a
    ``covariate`` (the mean level) the prior variance follows a natural spline in it, of 4
    coefficients (3 below 30 features, 2 below 6). Features without residual df do not count but
    are given their trend; variances of 0 are raised to 1e-5 x the median.
    """
    data = log_variances(variance, df, covariate, 1e-5)
    n = len(data.e)
    if n == 0:
        return VariancePrior(np.nan, np.nan)
    if n == 1:
        return VariancePrior(float(data.variance[0]), 0.0)
    everywhere, mean, rank = _spline_trend(data, covariate)
    spread = ((data.e - mean) ** 2).sum() / (n - rank) if n > rank else 0.0
    spread -= special.polygamma(1, data.half).mean()
    if spread > 0:
        prior_df = 2 * trigamma_inverse(float(spread))
        return VariancePrior(np.exp(everywhere + log_mean(prior_df / 2)), prior_df)
    # no spread beyond chance: all features share one variance, or one trend
    pooled = float(data.variance.mean()) if rank == 1 else np.exp(everywhere)
    return VariancePrior(pooled, np.inf)


def fit_prior_likelihood(
    variance: np.ndarray,
    df: np.ndarray,
    covariate: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> VariancePrior:
    """Fit the prior by likelihood for features whose residual df differ (that is, with NaN).

    Each variance follows scale x F(df, prior df). For a given prior df, log scale is the mean (or
    lowess on ``covariate``) of log s2 - digamma(df/2) + log(df/2), each weighted by
    1 / trigamma(df/2), plus digamma(prior df/2) - log(prior df/2); prior df maximises the F
    likelihood along that profile, between 2 and 9999. This is the prior of limma 3.62 and later
    where df differ. ``weight`` (features) weighs their part in both.
    """
    data = log_variances(variance, df, covariate, 1e-12)
    if len(data.e) < 2:
        return fit_prior_moments(variance, df)
    prior_weight = 1.0 if weight is None else weight[data.ok]
    precision = prior_weight / special.polygamma(1, data.half)
    everywhere, mean = _lowess_trend(data, covariate, precision)
    a, x = data.half, data.variance

    def log_scale(h: float) -> np.ndarray:
        return mean + log_mean(h)

    # minus the log likelihood but for terms without h, and its slope, at h = prior df / 2
    def loss(share: float) -> float:
        h = share / (1 - share) / 2
        scale = log_scale(h)
        parts = special.gammaln(a + h) - special.gammaln(h) - a * (np.log(h) + scale)
        parts -= (a + h) * np.log1p(a * x / (h * np.exp(scale)))
        return -float((prior_weight * parts).sum())

    def slope(share: float) -> float:
        h = share / (1 - share) / 2
        ratio = a * x / (h * np.exp(log_scale(h)))
        gain = (a + h) * ratio / (1 + ratio) - a
        parts = special.digamma(a + h) - special.digamma(h) - np.log1p(ratio)
        return float((prior_weight * (parts + special.polygamma(1, h) * gain)).sum())

    share = _peak(loss, slope)
    prior_df = share / (1 - share)
    return VariancePrior(np.exp(everywhere + log_mean(prior_df / 2)), prior_df)


def _peak(loss: Callable[[float], float], slope: Callable[[float], float]) -> float:
    """Share at which the likelihood peaks: found by search, made exact by the root of its slope.

    A search alone stops where the likelihood is flat to rounding, at 8 digits.
    """
    low, high = _PRIOR_SHARE
    options = {"xatol": 1e-6}
    best = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options=options)
    found = float(best.x)
    near = max(found - _NEAR, low), min(found + _NEAR, high)
    rising = slope(near[0]) > 0, slope(near[1]) > 0
    if rising[0] and not rising[1]:
        return float(optimize.brentq(slope, *near, xtol=1e-15))
    if near[0] == low and not rising[0]:
        return low
    if near[1] == high and rising[1]:
        return high
    return found


def fit_prior(
    variance: np.ndarray,
    df: np.ndarray,
    covariate: np.ndarray | None = None,
    *,
    legacy: bool = False,
) -> VariancePrior:
    """Fit the prior by likelihood where residual df differ (unless ``legacy``), else by moments."""
    newer = not legacy and df_differ(df)
    return (fit_prior_likelihood if newer else fit_prior_moments)(variance, df, covariate)


def df_differ(df: np.ndarray) -> bool:
    """Say whether positive df differ by more than rounding."""
    own = df[df > 0]
    return len(own) > 0 and bool(np.ptp(own) > _EQUAL_DF * own.max())


def squeeze(variance: np.ndarray, df: np.ndarray, prior: VariancePrior) -> np.ndarray:
    """Posterior variance: (prior df x prior variance + df x variance) / (prior df + df)."""
    own = np.where(df > 0, variance, 0.0)
    endless = np.isinf(prior.df)
    prior_df = np.where(endless, 0.0, prior.df)
    with np.errstate(invalid="ignore", divide="ignore"):
        posterior = (prior_df * prior.variance + df * own) / (prior_df + df)
    return np.where(endless, prior.variance, posterior)


def total_df(df: np.ndarray, prior: VariancePrior) -> np.ndarray:
    """Df of the moderated t: own plus prior, at most the df of all features together."""
    return np.minimum(df + prior.df, np.nansum(np.maximum(df, 0)))
