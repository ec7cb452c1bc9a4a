"""Standardised effect size on the baseline's between-person SD."""

from __future__ import annotations

import numpy as np
from scipy import special

from exerkine_omics.kernels._centre import centred


def between_sd(values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SD between people pooled within groups, and its df (features each); NaN does not count."""
    square, df = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        for number in np.unique(group):
            rows, _, size, _ = centred(values[group == number])
            square += np.einsum("sf,sf->f", rows, rows)
            df += np.maximum(size - 1, 0)
        return np.sqrt(square / df), df


def small_sample_factor(df: np.ndarray) -> np.ndarray:
    """Hedges' exact correction, gamma(df/2) / (sqrt(df/2) gamma((df-1)/2)); NaN below 2 df."""
    half = np.where(df >= 2, df, np.nan) / 2
    return np.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / np.sqrt(half)
