"""Samples measured in two batches: how far each assay shifted, and whether a shift is all.

The criteria and their defaults are those that Olink publishes for bridging between its products
(tutorial "Bridging across NGS-based Olink products").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._normalizer import medians

R2, RANGE, COUNT, KS = 0.8, 1.0, 150.0, 0.2
_FEWEST_READS = 10.0  # a value on fewer is background
_FAR = 3.0  # interquartile ranges from the median, beyond which a pair is left out of the criteria
_SE_MEDIAN = np.sqrt(np.pi / 2)  # SE of a median of normal values, in SEs of their mean


@dataclass(frozen=True)
class Bridge:
    """What the pairs of each assay say (features).

    ``n`` pairs with both values; ``shift`` median of reference minus new; ``sd`` of the
    differences; ``se`` of the shift, were they normal. For the criteria, ``n_outliers`` pairs left
    out; ``r2`` squared correlation; ``range_reference`` and ``range_new`` from the 10% to the 90%
    quantile; ``ks`` largest distance of the distributions after the shift; ``count`` the smaller
    of the median reads (NaN without). ``bridgeable`` where one of r2, difference of ranges and
    count is good enough.
    """

    n: np.ndarray
    shift: np.ndarray
    sd: np.ndarray
    se: np.ndarray
    n_outliers: np.ndarray
    r2: np.ndarray
    range_reference: np.ndarray
    range_new: np.ndarray
    ks: np.ndarray
    count: np.ndarray
    bridgeable: np.ndarray


def bridge(
    reference: np.ndarray,
    new: np.ndarray,
    reference_reads: np.ndarray | None = None,
    new_reads: np.ndarray | None = None,
) -> Bridge:
    """Compare pairs x features, a row the same sample in both; reads of the same shape, or None.

    NaN in either value leaves the pair out of that assay.
    """
    both = np.isfinite(reference) & np.isfinite(new)
    difference = np.where(both, reference - new, np.nan)
    n = both.sum(axis=0)
    shift = medians(difference, 0)
    sd = _sd(difference)
    inside = both & _near(reference, both) & _near(new, both)
    count = np.full(len(n), np.nan)
    if reference_reads is not None and new_reads is not None:
        enough = (reference_reads >= _FEWEST_READS) & (new_reads >= _FEWEST_READS)
        inside &= enough
        reads = [np.where(inside, r, np.nan) for r in (reference_reads, new_reads)]
        count = np.fmin(medians(reads[0], 0), medians(reads[1], 0))
    a, b = np.where(inside, reference, np.nan), np.where(inside, new, np.nan)
    r2 = _r2(a, b)
    ranges = [_quantile(v, 0.9) - _quantile(v, 0.1) for v in (a, b)]
    with np.errstate(invalid="ignore"):
        good = (r2 > R2) | (np.abs(ranges[0] - ranges[1]) < RANGE) | (count >= COUNT)
    return Bridge(
        n,
        shift,
        sd,
        _SE_MEDIAN * sd / np.sqrt(np.maximum(n, 1)),
        (both & ~inside).sum(axis=0),
        r2,
        ranges[0],
        ranges[1],
        _distance(a, b + shift),
        count,
        good,
    )


def _sd(values: np.ndarray) -> np.ndarray:
    there = np.isfinite(values)
    n = there.sum(axis=0)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(n, 1)
    squares = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0)
    return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)


def _quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Linearly interpolated quantile of what is measured, by column."""
    ordered = np.sort(values, axis=0)
    n = np.isfinite(values).sum(axis=0)
    place = share * np.maximum(n - 1, 0)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    columns = np.arange(values.shape[1])
    bottom, top = ordered[low, columns], ordered[high, columns]
    return np.where(n > 0, bottom + (place - low) * (top - bottom), np.nan)


def _near(values: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Whether a value is within 3 interquartile ranges of the median."""
    own = np.where(both, values, np.nan)
    reach = _FAR * (_quantile(own, 0.75) - _quantile(own, 0.25))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(own - medians(own, 0)) <= reach)


def _r2(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    n = np.maximum(np.isfinite(a).sum(axis=0), 1)
    a, b = (v - np.nansum(v, axis=0) / n for v in (a, b))
    cross, left, right = (np.nansum(v, axis=0) for v in (a * b, a * a, b * b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((n > 2) & (left > 0) & (right > 0), cross**2 / (left * right), np.nan)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kolmogorov-Smirnov distance of each column's two samples, of equal size."""
    found = np.full(a.shape[1], np.nan)
    for k in range(a.shape[1]):
        left, right = (np.sort(v[np.isfinite(v)]) for v in (a[:, k], b[:, k]))
        if len(left) and len(right):
            at = np.concatenate([left, right])
            steps = [np.searchsorted(v, at, side="right") / len(v) for v in (left, right)]
            found[k] = np.abs(steps[0] - steps[1]).max()
    return found
