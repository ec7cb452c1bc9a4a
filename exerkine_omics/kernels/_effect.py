"""Standardised effect size on the baseline's between-person SD."""

from __future__ import annotations

import numpy as np
from scipy import special


def between_sd(values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SD between people pooled within groups, and its df (features each); NaN does not count."""
    square, df = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        for number in np.unique(group):
            rows = values[group == number]
            finite = np.isfinite(rows)
            size = finite.sum(axis=0)
            mean = np.where(finite, rows, 0.0).sum(axis=0) / size
            square += (np.where(finite, rows - mean, 0.0) ** 2).sum(axis=0)
            df += np.maximum(size - 1, 0)
        return np.sqrt(square / df), df


def small_sample_factor(df: np.ndarray) -> np.ndarray:
    """Hedges' exact correction, gamma(df/2) / (sqrt(df/2) gamma((df-1)/2)); NaN below 2 df."""
    half = np.where(df >= 2, df, np.nan) / 2
    return np.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / np.sqrt(half)
