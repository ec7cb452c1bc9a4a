"""Normalisation factors of count libraries by trimmed means of M values, as fit and apply.

References
----------
Robinson MD, Oshlack A (2010) A scaling normalization method for differential expression analysis
of RNA-seq data. Genome Biology 11:R25.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

_TRIM_M, _TRIM_A = 0.3, 0.05  # shares trimmed from each end of log ratios and of log levels
_SAME = 1e-6  # log ratios below this are none


@dataclass(frozen=True)
class Tmm:
    """Reference library: its ``counts`` (features), and the mean log factor of the fit."""

    counts: np.ndarray
    log_centre: float


def fit_tmm(counts: np.ndarray) -> Tmm:
    """Choose the reference library: the one whose upper quartile is nearest to the mean's.

    Parameters
    ----------
    counts
        Samples x features, not negative, no NaN, no sample without counts.

    Returns
    -------
    Tmm
        For ``apply_tmm``; the factors of these samples have geometric mean 1.
    """
    total = counts.sum(axis=1)
    seen = (counts > 0).any(axis=0)
    quartile = np.quantile(counts[:, seen], 0.75, axis=1) / total
    if np.median(quartile) < 1e-20:
        reference = int(np.argmax(np.sqrt(counts).sum(axis=1)))
    else:
        reference = int(np.argmin(np.abs(quartile - quartile.mean())))
    first = Tmm(counts[reference].astype(float), 0.0)
    if seen.sum() < 2 or len(counts) < 2:
        return first
    return Tmm(first.counts, float(np.log(apply_tmm(counts, first)).mean()))


def apply_tmm(counts: np.ndarray, fitted: Tmm) -> np.ndarray:
    """Factor of each sample (samples); the effective library is its total times this.

    The log2 ratios M of a sample's shares to the reference's and their mean log2 levels A are
    trimmed by rank (30% and 5% at each end); what is kept is averaged with the inverse of M's
    delta-method variance as weight.
    """
    if (fitted.counts > 0).sum() < 2:
        return np.ones(len(counts))
    total, reference_total = counts.sum(axis=1), fitted.counts.sum()
    share = fitted.counts / reference_total
    factor = np.ones(len(counts))
    for i, row in enumerate(counts):
        both = np.flatnonzero((row > 0) & (fitted.counts > 0))
        if len(both) == 0:
            continue
        own, other = row[both] / total[i], share[both]
        m = np.log2(own / other)
        if np.abs(m).max() < _SAME:
            continue
        a = (np.log2(own) + np.log2(other)) / 2
        variance = (1 - own) / row[both] + (1 - other) / fitted.counts[both]
        keep = _inner(m, _TRIM_M) & _inner(a, _TRIM_A)
        precision = 1.0 / variance[keep]
        if keep.any() and np.isfinite(precision).all():
            factor[i] = 2.0 ** float((m[keep] * precision).sum() / precision.sum())
    return factor / np.exp(fitted.log_centre)


def _inner(values: np.ndarray, trim: float) -> np.ndarray:
    """Whether a value's rank is inside the trimmed ends."""
    n = len(values)
    low = int(np.floor(n * trim)) + 1
    rank = stats.rankdata(values)
    return (rank >= low) & (rank <= n + 1 - low)
