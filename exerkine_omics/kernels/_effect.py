"""Spread between people, and effect sizes on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from exerkine_omics.kernels._centre import centred


@dataclass(frozen=True)
class Moments:
    """Number, mean and sum of squares about it of each group (groups x F)."""

    n: np.ndarray
    mean: np.ndarray
    square: np.ndarray

    def pooled(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """SD between people pooled within the chosen groups, and its df (F each)."""
        df = np.maximum(self.n[groups] - 1, 0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(self.square[groups].sum(axis=0) / df), df


def moments(values: np.ndarray, group: np.ndarray, n_groups: int) -> Moments:
    """Moments of samples x F by the group of each sample; NaN does not count."""
    chosen = (group == np.arange(n_groups)[:, None]).astype(float)
    y, mask, _, level = centred(values.copy())
    return centred_moments(chosen, y, mask, level)


def centred_moments(
    chosen: np.ndarray, y: np.ndarray, mask: np.ndarray, level: np.ndarray
) -> Moments:
    """Moments by group (``chosen``, groups x samples, 0/1) of values that `centred` returned."""
    n = chosen @ mask.astype(float)
    total, raw = chosen @ y, chosen @ (y * y)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        square = raw - np.where(n > 0, total * mean, 0.0)
    # below this share of the square it is rounding
    return Moments(n, mean + level, np.where(square > 1e-13 * raw, square, 0.0))


def join_moments(parts: list[Moments]) -> Moments:
    """Put blocks of features side by side."""
    return Moments(
        *(np.concatenate([getattr(p, k) for p in parts], axis=1) for k in ("n", "mean", "square"))
    )


def between_sd(values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SD between people pooled within groups, and its df (features each); NaN does not count."""
    names, number = np.unique(group, return_inverse=True)
    return moments(values, number, len(names)).pooled(np.arange(len(names)))


def small_sample_factor(df: np.ndarray) -> np.ndarray:
    """Hedges' exact correction, gamma(df/2) / (sqrt(df/2) gamma((df-1)/2)); NaN below 2 df."""
    half = np.where(df >= 2, df, np.nan) / 2
    return np.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / np.sqrt(half)
