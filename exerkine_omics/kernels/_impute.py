"""Filling missing values: what is learnt from some samples (fit), and put into others (apply).

Values are samples x features, NaN missing; each fit keeps NaN for a feature that it learnt nothing
of, and apply then leaves that feature's gaps as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

# a line through fewer points than these says nothing of a spread
MIN_VALUES = 3
# Blom's plotting positions
_BLOM = 0.375


def fit_half_min(values: np.ndarray, linear: np.ndarray | bool) -> np.ndarray:
    """Half of each feature's smallest value (features): minimum - 1 on a log2 scale.

    ``linear`` says which features are on a linear scale, where it is minimum / 2.
    """
    low = np.where(np.isfinite(values), values, np.inf).min(axis=0, initial=np.inf)
    low = np.where(np.isfinite(low), low, np.nan)
    # half of a negative reading would lie above it
    return np.where(linear, np.fmin(low / 2, low), low - 1.0)


@dataclass(frozen=True)
class Censored:
    """Normal distribution of each feature, known above ``limit`` only (features each)."""

    mean: np.ndarray
    sd: np.ndarray
    limit: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Features of which there is enough to tell the distribution."""
        return np.isfinite(self.sd)


def fit_censored(values: np.ndarray, gap: np.ndarray) -> Censored:
    r"""Fit a normal distribution to values of which the lowest are missing.

    Regression on order statistics: of N = c + m values c are below detection; the m others, in
    ascending order, are regressed on normal quantiles,

    .. math:: x_{(i)} = \mu + \sigma \Phi^{-1}\!\left(\frac{c + i - 3/8}{N + 1/4}\right)

    Parameters
    ----------
    values
        Samples x features on a log scale.
    gap
        Which missing values are below detection (samples x features).

    Returns
    -------
    Censored
        ``limit`` is the smallest value seen. NaN where fewer than 3 values, or no spread, are
        there.

    References
    ----------
    Helsel DR, Cohn TA (1988) Estimation of descriptive statistics for multiply censored water
    quality data. Water Resour Res 24:1997-2004.
    """
    there = np.isfinite(values)
    m, c = there.sum(axis=0), gap.sum(axis=0)
    level = np.where(there, values, 0.0).sum(axis=0) / np.maximum(m, 1)
    x = np.sort(np.where(there, values - level, np.inf), axis=0)  # the missing ones last
    used = np.isfinite(x)
    place = np.arange(1, len(x) + 1)[:, None]
    share = (c + place - _BLOM) / (c + m + 1 - 2 * _BLOM)
    q = np.where(used, special.ndtri(np.where(used, share, 0.5)), 0.0)
    x = np.where(used, x, 0.0)
    n = np.maximum(m, 1)
    middle = q.sum(axis=0) / n
    d = np.where(used, q - middle, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = (d * x).sum(axis=0) / (d * d).sum(axis=0)
    spread = np.where(used, np.abs(x), 0.0).max(axis=0, initial=0.0)
    enough = (m >= MIN_VALUES) & (sd > 1e-9 * spread) & (spread > 0)
    low = np.where(there, values, np.inf).min(axis=0, initial=np.inf)
    nan = np.full(values.shape[1], np.nan)
    return Censored(
        np.where(enough, level - sd * middle, nan),
        np.where(enough, sd, nan),
        np.where(enough, low, nan),
    )


def draw_censored(fit: Censored, uniform: np.ndarray) -> np.ndarray:
    """Draw from each feature's distribution below its limit; ``uniform`` is samples x features."""
    share = special.log_ndtr((fit.limit - fit.mean) / fit.sd)
    drawn: np.ndarray = fit.mean + fit.sd * special.ndtri_exp(np.log(uniform) + share)
    return drawn


def expected_censored(fit: Censored) -> np.ndarray:
    """Mean of each feature's distribution below its limit (features)."""
    z = (fit.limit - fit.mean) / fit.sd
    density = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
    mean: np.ndarray = fit.mean - fit.sd * np.exp(density - special.log_ndtr(z))
    return mean


@dataclass(frozen=True)
class Donors:
    """Samples that lend their values, with mean and SD of each feature."""

    values: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    def standardised(self, values: np.ndarray) -> np.ndarray:
        return (values - self.mean) / self.sd


def fit_donors(values: np.ndarray) -> Donors:
    """Keep the samples as donors; a feature without spread keeps its unit."""
    there = np.isfinite(values)
    n = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, values, 0.0).sum(axis=0) / n
    square = (np.where(there, values - mean, 0.0) ** 2).sum(axis=0) / n
    return Donors(values, mean, np.where(square > 0, np.sqrt(square), 1.0))


def nearest_donors(
    values: np.ndarray, donors: Donors, k: int, allowed: np.ndarray | None = None
) -> np.ndarray:
    """Mean of the k nearest donors that have the feature, for each missing value.

    Parameters
    ----------
    values
        Samples x features.
    donors
        What `fit_donors` kept.
    k
        Number of donors; where fewer have the feature, all of them.
    allowed
        Which donors may lend to which sample (samples x donors); None means all.

    Returns
    -------
    ndarray
        Samples x features with the gaps filled; NaN where no donor has both the feature and a
        feature in common with the sample.

    Notes
    -----
    The distance is Euclidean over the features that both have, standardised, times the number of
    features over the number of these.
    """
    distance = _distances(donors.standardised(values), donors.standardised(donors.values))
    if allowed is not None:
        distance = np.where(allowed, distance, np.inf)
    result = values.copy()
    has = np.isfinite(donors.values)
    for feature in np.flatnonzero(~np.isfinite(values).all(axis=0)):
        rows = np.flatnonzero(~np.isfinite(values[:, feature]))
        lend = np.flatnonzero(has[:, feature])
        if not len(lend):
            continue
        near = distance[np.ix_(rows, lend)]
        order = np.argsort(near, axis=1, kind="stable")[:, :k]
        reach = np.isfinite(np.take_along_axis(near, order, axis=1))
        lent = np.where(reach, donors.values[lend, feature][order], 0.0)
        n = reach.sum(axis=1)
        result[rows, feature] = np.where(n > 0, lent.sum(axis=1) / np.maximum(n, 1), np.nan)
    return result


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared distances over common features, rescaled to all; infinite without any."""
    here, there = np.isfinite(first), np.isfinite(second)
    a, b = np.where(here, first, 0.0), np.where(there, second, 0.0)
    h, t = here.astype(float), there.astype(float)
    square = (a * a) @ t.T - 2 * a @ b.T + h @ (b * b).T
    common = h @ t.T
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.maximum(square, 0.0) * (first.shape[1] / common)
    return np.where(common > 0, scaled, np.inf)
