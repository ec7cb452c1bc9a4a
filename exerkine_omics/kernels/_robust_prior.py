r"""Robust variance prior: features of outlying variance are squeezed less (Phipson 2016).

The variances, brought to a common df and taken about their trend on the log scale, are winsorised
(5% below, 10% above). Prior df is the one whose log F distribution, winsorised alike, has the
same variance. A feature is an outlier with probability 1 - min(1, p / q), p its upper tail
probability, q the share of features at or above it; its prior df is then drawn down towards the
value at which the largest variance would be the median.

References
----------
Phipson B, Lee S, Majewski IJ, Alexander WS, Smyth GK (2016) Robust hyperparameter estimation
protects against hypervariable genes and improves power to detect differential expression.
Ann Appl Stat 10:946-963.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special, stats

from exerkine_omics.kernels._ebayes import (
    VariancePrior,
    fit_prior_likelihood,
    fit_prior_moments,
    log_variances,
)
from exerkine_omics.kernels._f_tail import f_quantile, f_tails, log_upper_tail
from exerkine_omics.kernels._lowess import lowess

_TAILS = (0.05, 0.1)  # shares winsorised below and above
_SPAN = 0.4  # of the lowess trend
_RATE = 0.3  # false discovery rate up to which a feature counts for less
_NODES, _MASSES = np.polynomial.legendre.leggauss(128)


def fit_prior_robust(
    variance: np.ndarray,
    df: np.ndarray,
    covariate: np.ndarray | None = None,
) -> VariancePrior:
    """Robust prior: ``df`` is an array, below its common value for outlying features.

    Parameters
    ----------
    variance, df
        Residual variances and their df (features).
    covariate
        Mean level (features), for a prior variance that follows it.

    Returns
    -------
    VariancePrior
        Features without a variance have the common df and, of a trend, the value interpolated.
        Below 10 features it is the prior by moments.
    """
    data = log_variances(variance, df, covariate, 1e-12)
    n = len(data.e)
    plain = fit_prior_moments(variance, df, covariate)
    if n < 3 or n * max(_TAILS) < 1:  # nothing is winsorised
        return plain
    scale = np.broadcast_to(plain.variance, len(variance))[data.ok]
    common = float(2 * data.half.max())
    x = _to_common_df(data.variance, 2 * data.half, common, scale, float(plain.df))
    z = np.log(x)
    if covariate is None:
        trend = np.full(n, stats.trim_mean(z, _TAILS[1]))
    else:
        trend = lowess(z, covariate[data.ok], _SPAN)
    rest = z - trend
    cut = np.clip(rest, *np.quantile(rest, [_TAILS[0], 1 - _TAILS[1]]))
    mean, spread = float(cut.mean()), float(cut.var(ddof=1))

    def excess(share: float) -> float:
        """Log ratio of the winsorised variance to the one expected at prior df / (1 + it)."""
        expected = winsorised_moments(common, share / (1 - share) if share < 1 else np.inf)[1]
        return float(np.log(spread / expected)) if spread > 0 else -np.inf

    endless = excess(1.0)
    if endless <= 0:
        prior_df = np.inf
    elif np.isinf(plain.df):
        # the plain estimate is a lower bound
        return VariancePrior(plain.variance, np.full(len(variance), np.inf))
    else:
        low = float(plain.df / (1 + plain.df))
        below = excess(low)
        share = low if below >= 0 else optimize.brentq(excess, low, 1.0, xtol=1e-14)
        prior_df = float(plain.df) if below >= 0 else share / (1 - share)
    log_scale = trend + mean - winsorised_moments(common, prior_df)[0]
    own_df = np.full(len(variance), prior_df)
    f = np.exp(z - log_scale)
    log_tail = log_upper_tail(f, common, prior_df)
    own_df[data.ok] = _outlier_df(f, np.full(n, common), log_tail, prior_df)
    if covariate is None:
        return VariancePrior(float(np.exp(log_scale[0])), own_df)
    order = np.argsort(covariate[data.ok], kind="stable")
    known = covariate[data.ok][order]
    values = np.interp(covariate, known, log_scale[order])
    values[data.ok] = log_scale
    return VariancePrior(np.exp(values), own_df)


def _to_common_df(
    x: np.ndarray, df: np.ndarray, common: float, scale: np.ndarray, prior_df: float
) -> np.ndarray:
    """Variances on ``common`` df with the tail probabilities that they have on their own."""
    fewer = df < common - 1e-14
    if not fewer.any():
        return x
    scale = scale[fewer]
    f = x[fewer] / scale
    lower, upper = f_tails(f, df[fewer], prior_df)
    # the smaller tail keeps the digits
    moved = np.where(
        upper < lower,
        f_quantile(np.maximum(upper, 1e-300), common, prior_df, upper=True),
        f_quantile(np.maximum(lower, 1e-300), common, prior_df, upper=False),
    )
    x = x.copy()
    x[fewer] = moved * scale
    return x


def winsorised_moments(df: float, prior_df: float) -> tuple[float, float]:
    """Mean and variance of log F(df, prior df), winsorised at the two tails.

    By Gauss-Legendre quadrature over F / (1 + F).
    """
    probability = np.array([_TAILS[0], _TAILS[1]])
    ends = np.array(
        [
            f_quantile(probability[:1], df, prior_df, upper=False)[0],
            f_quantile(probability[1:], df, prior_df, upper=True)[0],
        ]
    )
    low, high = ends / (1 + ends)
    node = low + (high - low) * (_NODES + 1) / 2
    value = np.log(node / (1 - node))
    mass = _MASSES / 2 * (high - low) * np.exp(_log_density(value, df, prior_df))
    mass = mass / (1 - node) ** 2
    log_ends = np.log(ends)
    mean = float(mass @ value + probability @ log_ends)
    variance = float(mass @ (value - mean) ** 2 + probability @ (log_ends - mean) ** 2)
    return mean, variance


def _log_density(log_f: np.ndarray, df: float, prior_df: float) -> np.ndarray:
    """Log density of F(df, prior df) at exp(log_f); prior df may be infinite."""
    a, b = df / 2, prior_df / 2
    if np.isinf(prior_df):
        return a * np.log(a) - special.gammaln(a) + (a - 1) * log_f - a * np.exp(log_f)
    ratio = df / prior_df
    return (
        a * np.log(ratio)
        + (a - 1) * log_f
        - (a + b) * np.log1p(ratio * np.exp(log_f))
        - special.betaln(a, b)
    )


def fit_prior_robust_likelihood(
    variance: np.ndarray, df: np.ndarray, covariate: np.ndarray | None = None
) -> VariancePrior:
    """Robust prior by likelihood, for features whose residual df differ.

    The likelihood prior gives each feature a two-sided tail probability; those whose
    Benjamini-Hochberg rate is 0.3 or less are fitted again with that rate as their weight. The
    upper tails of the first fit say which features are outliers. Without a covariate this is the
    robust prior of limma 3.62 and later where df differ.
    """
    first = fit_prior_likelihood(variance, df, covariate)
    data = log_variances(variance, df, covariate, 1e-12)
    n = len(data.e)
    if n < 3 or not first.known:
        return first
    scale = np.broadcast_to(first.variance, len(variance))[data.ok]
    own = 2 * data.half
    f = data.variance / scale
    lower, upper = f_tails(f, own, float(first.df))
    rate = stats.false_discovery_control(np.minimum(2 * np.minimum(lower, upper), 1.0))
    if rate.min() > _RATE:
        return first
    weight = np.ones(len(variance))
    weight[data.ok] = np.where(rate > _RATE, 1.0, rate)
    prior = fit_prior_likelihood(variance, df, covariate, weight)
    prior_df = np.full(len(variance), float(prior.df))
    log_tail = log_upper_tail(f, own, float(first.df))
    prior_df[data.ok] = _outlier_df(f, own, log_tail, float(prior.df))
    return VariancePrior(prior.variance, prior_df)


def _outlier_df(f: np.ndarray, df: np.ndarray, log_tail: np.ndarray, prior_df: float) -> np.ndarray:
    """Prior df of each feature, fewer where its upper tail is too small for its rank."""
    n = len(f)
    # ranks, not positions: tied features are equal
    log_share = np.log((n - stats.rankdata(f) + 0.5) / n)
    log_inlier = np.minimum(log_tail - log_share, 0.0)
    own = np.full(n, prior_df)
    outlier = log_inlier < 0
    if not outlier.any():
        return own
    inlier = np.exp(log_inlier)
    order = np.argsort(log_tail, kind="stable")
    if np.isinf(prior_df):
        own[outlier] = inlier[outlier] * df.sum()
        own[order] = np.maximum.accumulate(own[order])
        return own
    worst = order[:1]
    if np.isfinite(log_tail[worst[0]]):
        # log tail is nearly linear in the prior df: two steps bring the worst to the median
        floor = float(np.log(0.5) / log_tail[worst[0]]) * prior_df
        floor *= float(np.log(0.5) / log_upper_tail(f[worst], df[worst], floor)[0])
        own = inlier * prior_df - np.expm1(log_inlier) * floor
    else:
        own = inlier * prior_df
    # monotone in the tail: the first stretch is pooled, then never down again
    ordered = own[order]
    running = np.cumsum(ordered) / np.arange(1, n + 1)
    first = int(np.argmin(running))
    ordered[: first + 1] = running[first]
    own[order] = np.maximum.accumulate(ordered)
    return own
