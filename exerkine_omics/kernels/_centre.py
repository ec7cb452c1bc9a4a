"""Centring with gaps: before any sum of squares, so that the level of a feature is free."""

from __future__ import annotations

import numpy as np


def centred(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Take off each feature's mean and set NaN to zero, in place; also mask, number and mean."""
    axes = tuple(range(values.ndim - 1))
    mask = np.isfinite(values)
    gap = ~mask
    # a sum of bytes is three times as fast where it cannot overflow
    narrow = np.uint16 if mask[..., 0].size < 2**16 else np.int64
    n_obs = np.add.reduce(mask.view(np.uint8), axis=axes, dtype=narrow).astype(np.int64)
    np.copyto(values, 0.0, where=gap)
    mean = values.sum(axis=axes) / np.maximum(n_obs, 1)
    values -= mean
    np.copyto(values, 0.0, where=gap)
    return values, mask, n_obs, mean
