"""One pass over the values, 512 features at a time: what the rules of `check` go by."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import feature_blocks
from exerkine_omics.pp._units import column_units

LINEAR = ("RFU", "intensity", "concentration", "counts")


@dataclass(frozen=True)
class Seen:
    """What is in the columns and rows of X.

    Attributes
    ----------
    low, high, median
        Of the finite values of each feature; NaN without any. The median of linear units alone.
    count, infinite, negative, zero, broken
        Values of each feature that are finite, infinite, below 0, 0, no whole number.
    fixed
        Features that never change within a person, and do between people.
    filled
        Samples with a finite value.
    telling
        Finite values of each sample in features that are not constant.
    pattern
        Checksum of each sample's values; -0 and 0 are one value, and all NaN.
    """

    low: np.ndarray
    high: np.ndarray
    median: np.ndarray
    count: np.ndarray
    infinite: np.ndarray
    negative: np.ndarray
    zero: np.ndarray
    broken: np.ndarray
    fixed: np.ndarray
    filled: np.ndarray
    telling: np.ndarray
    pattern: list[bytes]


def look(adata: AnnData) -> Seen:
    """Go through the values once."""
    people = _people(adata)
    linear = np.isin(column_units(adata), LINEAR)
    filled = np.zeros(adata.n_obs, dtype=bool)
    telling = np.zeros(adata.n_obs, dtype=np.int64)
    marks = [blake2b(digest_size=16) for _ in range(adata.n_obs)]
    low, high, median = np.full((3, adata.n_vars), np.nan)
    counts = np.zeros((5, adata.n_vars), dtype=np.int64)
    fixed = np.zeros(adata.n_vars, dtype=bool)
    for block, values in feature_blocks(adata):
        there = np.isfinite(values)
        filled |= there.any(axis=1)
        some = there.any(axis=0)
        least = np.where(there, values, np.inf)
        most = np.where(there, values, -np.inf)
        low[block] = np.where(some, least.min(axis=0, initial=np.inf), np.nan)
        high[block] = np.where(some, most.max(axis=0, initial=-np.inf), np.nan)
        telling += (there & (low[block] < high[block])).sum(axis=1)
        fixed[block] = _fixed(least, most, people)
        del least, most
        median[block] = _medians(values, there, linear[block])
        counts[:, block] = (
            there.sum(axis=0),
            np.isinf(values).sum(axis=0),
            (values < 0).sum(axis=0),
            (values == 0).sum(axis=0),
            (there & (values != np.round(values))).sum(axis=0),
        )
        plain = values + 0.0
        plain[np.isnan(plain)] = np.nan
        for mark, row in zip(marks, plain, strict=True):
            mark.update(row.tobytes())
    pattern = [mark.digest() for mark in marks]
    count, infinite, negative, zero, broken = counts
    return Seen(
        low, high, median, count, infinite, negative, zero, broken, fixed, filled, telling, pattern
    )


def _medians(values: np.ndarray, there: np.ndarray, linear: np.ndarray) -> np.ndarray:
    found = np.full(values.shape[1], np.nan)
    for column in np.flatnonzero(linear & there.any(axis=0)):
        found[column] = np.median(values[there[:, column], column])
    return found


def _people(adata: AnnData) -> tuple[np.ndarray, np.ndarray]:
    """Rows of people with several samples, person by person, and where each person begins."""
    if schema.SUBJECT not in adata.obs:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    subject = adata.obs[schema.SUBJECT].astype(object)
    number, _ = pd.factorize(subject.where(subject.notna(), "").astype(str))
    order = np.argsort(number, kind="stable")
    order = order[np.bincount(number)[number[order]] > 1] if len(order) else order
    return order, np.flatnonzero(np.diff(number[order], prepend=-1))


def _fixed(
    least: np.ndarray, most: np.ndarray, people: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    rows, start = people
    if not len(rows):
        return np.zeros(least.shape[1], dtype=bool)
    low = np.minimum.reduceat(least[rows], start, axis=0)
    high = np.maximum.reduceat(most[rows], start, axis=0)
    seen = np.isfinite(low)
    still = (~seen | (low == high)).all(axis=0) & (seen.sum(axis=0) > 1)
    highest = low.max(axis=0, where=seen, initial=-np.inf)
    return np.asarray(still & (highest > low.min(axis=0, where=seen, initial=np.inf)))
