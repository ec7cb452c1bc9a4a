"""Symmetric p x p matrices over features as their lower triangle, p (p + 1) / 2 x F."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=64)
def triangle(p: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the lower triangle."""
    return np.tril_indices(p)


@lru_cache(maxsize=64)
def _places(p: int) -> np.ndarray:
    place = np.empty((p, p), dtype=int)
    rows, columns = triangle(p)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    return place


def unpack(packed: np.ndarray) -> np.ndarray:
    """Lower triangle (p (p + 1) / 2 x F) to p x p x F."""
    return packed[_places(int((np.sqrt(8 * len(packed) + 1) - 1) / 2))]
