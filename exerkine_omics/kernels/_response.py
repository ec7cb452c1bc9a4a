"""Formulas of individual response: typical error, intervals, SDir, attainable AUC.

Arrays and floats in, arrays and floats out. ``df`` may be ``inf`` (normal instead of t).
"""

from __future__ import annotations

import numpy as np
from scipy import integrate, special, stats

ROOT2 = float(np.sqrt(2.0))
_POINTS = 2000


def pooled_sd(values: np.ndarray, stratum: np.ndarray) -> tuple[float, float]:
    """SD about the strata's own means, and its degrees of freedom (n - strata).

    ``values`` is finite (n,), ``stratum`` any labels (n,). NaN where no df is left.
    """
    values = np.asarray(values, dtype=float)
    _, code = np.unique(np.asarray(stratum), return_inverse=True)
    size = np.bincount(code)
    df = float(len(values) - len(size))
    if df < 1:
        return float("nan"), 0.0
    values = values - values[0]  # an offset of 1e5 must not cost digits
    centred = values - (np.bincount(code, weights=values) / size)[code]
    return float(np.sqrt(centred @ centred / df)), df


def sd_interval(sd: float, df: float, level: float) -> tuple[float, float]:
    """Chi-square interval of a standard deviation; NaN where ``df`` is not finite."""
    if not np.isfinite(df) or df <= 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    return (
        float(sd * np.sqrt(df / stats.chi2.isf(tail, df))),
        float(sd * np.sqrt(df / stats.chi2.ppf(tail, df))),
    )


def multiple(level: float, df: float) -> float:
    """Quantile of t by which an error is multiplied for a two-sided interval."""
    return float(stats.t.ppf(0.5 + level / 2, df) if np.isfinite(df) else _z(level))


def _z(level: float) -> float:
    return float(stats.norm.ppf(0.5 + level / 2))


def interval(
    value: np.ndarray, error: float, df: float, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """``value`` -/+ multiple x ``error``: TE for one test, sqrt(2) TE for a change."""
    half = multiple(level, df) * error
    return np.asarray(value) - half, np.asarray(value) + half


def probability_above(change: np.ndarray, error: float, df: float, threshold: float) -> np.ndarray:
    """P(true change > threshold) with a flat prior; t where ``df`` is finite."""
    standard = (np.asarray(change, dtype=float) - threshold) / error
    return np.asarray(stats.t.cdf(standard, df) if np.isfinite(df) else stats.norm.cdf(standard))


def shrunk(
    change: np.ndarray, mean: np.ndarray | float, sd_ir: float, error: float
) -> tuple[np.ndarray, float]:
    """Mean and SD of a true change under the prior N(mean, SDir^2).

    w = SDir^2 / (SDir^2 + error^2); posterior N(w x + (1 - w) mean, w error^2). With SDir <= 0
    everybody has the group's mean and the SD is 0.
    """
    variance = max(sd_ir, 0.0) ** 2
    weight = variance / (variance + error**2)
    centre = weight * np.asarray(change, dtype=float) + (1 - weight) * np.asarray(mean)
    return centre, float(np.sqrt(weight) * error)


def probability_above_normal(mean: np.ndarray | float, sd: float, threshold: float) -> np.ndarray:
    """P(N(mean, sd^2) > threshold); 0 or 1 (0.5 at equality) where the SD is 0."""
    distance = np.asarray(mean, dtype=float) - threshold
    if sd > 0:
        return np.asarray(stats.norm.cdf(distance / sd))
    return np.where(np.isnan(distance), np.nan, np.heaviside(distance, 0.5))


def signed_root(variance: float) -> float:
    """Square root that keeps the sign."""
    return float(np.sign(variance) * np.sqrt(abs(variance)))


def sd_individual_response(
    sd_treated: float, df_treated: float, sd_control: float, df_control: float, level: float
) -> tuple[float, float, float]:
    """Signed SDir and its interval.

    SDir = signed root of SDt^2 - SDc^2; the interval is that of the variance difference, normal
    theory with SE = sqrt(2 (SDt^4 / dft + SDc^4 / dfc)), and then the signed root.
    """
    difference = sd_treated**2 - sd_control**2
    se = np.sqrt(2 * (sd_treated**4 / df_treated + sd_control**4 / df_control))
    half = _z(level) * se
    return signed_root(difference), signed_root(difference - half), signed_root(difference + half)


def attainable_auc(rho: float, low: float = 0.0, high: float | None = None) -> float:
    """AUC of a predictor whose correlation with the labelled quantity is ``rho``.

    Predictor d and labelled quantity y are bivariate normal and standardised; label 1 is y > high,
    label 0 is y <= low, what lies between is left out (``high=None``: nothing is). With d the true
    response this is the ceiling of every predictor that does not see the measurement error.

    With r = rho / sqrt(2) the probability P(d1 > d0, y1 > high, y0 <= low) has by Plackett's
    identity a closed derivative in r; at one cut c it integrates to Owen's T,
    AUC = 1/2 + T(c, rho / sqrt(2 - rho^2)) / (p (1 - p)), p = P(y > c), and at c = 0 to
    1/2 + (2 / pi) asin(rho / sqrt(2)).
    """
    high = low if high is None else high
    share = float(stats.norm.sf(high) * stats.norm.cdf(low))
    if not np.isfinite(rho) or not np.isfinite(share) or share == 0 or abs(rho) > 1:
        return float("nan")
    if low == high:
        return float(0.5 + special.owens_t(low, rho / np.sqrt(2 - rho**2)) / share)

    def slope(angle: float) -> float:
        sine2, cosine2 = np.sin(angle) ** 2, np.cos(angle) ** 2
        spread = np.sqrt(np.clip(1 - sine2 / cosine2, 1e-300, None))
        ratio = sine2 / cosine2
        first = np.exp(-(high**2) / (2 * cosine2)) * special.ndtr((low - ratio * high) / spread)
        other = np.exp(-(low**2) / (2 * cosine2)) * special.ndtr((ratio * low - high) / spread)
        return float(first + other)

    area = integrate.quad(slope, 0, np.arcsin(rho / ROOT2), epsabs=1e-12, epsrel=1e-12)[0]
    return float(0.5 + area / (2 * np.pi) / share)


def attainable_in_strata(
    mean: np.ndarray, n: np.ndarray, sd_ir: float, sd_change: float, threshold: float
) -> tuple[float, float]:
    """R2 and AUC of the true response where strata have mean changes of their own.

    True response N(m_s, SDir^2) in stratum s, change N(m_s, SD_change^2), label 1 above the
    threshold. The m_s are the observed means (k,) of n (k,) people, drawn together by what
    SD_change alone spreads them: between-strata variance less SD^2 (k - 1) / sum n.
    """
    weight = n / n.sum()
    centre = float(weight @ mean)
    spread = float(weight @ (mean - centre) ** 2)
    noise = sd_change**2 * (len(n) - 1) / n.sum()
    between = max(spread - noise, 0.0)
    own = max(sd_ir, 0.0)
    error2 = sd_change**2 - own**2
    r2 = float((own**2 + between) / (sd_change**2 + between))
    if not between > 0:
        rho = own / sd_change
        return r2, attainable_auc(rho, (threshold - centre) / sd_change)
    mean = centre + (mean - centre) * np.sqrt(between / spread)
    # each stratum by its quantiles: with SDir = 0 its people are tied, and a tie counts a half
    points = special.ndtri((np.arange(_POINTS) + 0.5) / _POINTS) if own > 0 else np.zeros(1)
    true = (mean[:, None] + own * points).ravel()
    mass = np.repeat(weight / len(points), len(points))
    value, at = np.unique(true, return_inverse=True)
    mass = np.bincount(at, weights=mass)
    if error2 > 0:
        above = special.ndtr((value - threshold) / np.sqrt(error2))
    else:
        above = np.heaviside(value - threshold, 0.5)
    hit, miss = mass * above, mass * (1 - above)
    share = hit.sum() * miss.sum()
    area = float(hit @ (np.cumsum(miss) - miss / 2))
    return r2, float(area / share) if share > 0 else float("nan")


def coupling_correlation(sd_pre: float, typical_error: float) -> float:
    """Size of the correlation of the measured baseline with the change when all respond alike.

    Change is a constant + e2 - e1 and the baseline holds the same e1, so |r| = TE / (sqrt(2) SD).
    NaN where the baseline varies no more than the error.
    """
    if not sd_pre > typical_error:
        return float("nan")
    return float(typical_error / (ROOT2 * sd_pre))


def pre_change_correlation(sd_pre: float, sd_post: float, r: float) -> float:
    """Correlation of baseline and change that follows from SDs and their correlation alone."""
    sd_change = np.sqrt(sd_pre**2 + sd_post**2 - 2 * r * sd_pre * sd_post)
    return float((r * sd_post - sd_pre) / sd_change)
