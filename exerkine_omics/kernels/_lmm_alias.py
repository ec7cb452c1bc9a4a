"""Columns that follow from the others on a feature's own rows: a plate where it was not measured.

Such a column spans nothing new, so the model without it is the same model; what it changes is
which contrasts can be estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from exerkine_omics.kernels._lmm import FULL_RANK, separable
from exerkine_omics.kernels._lmm_sums import Sums
from exerkine_omics.kernels._packed import triangle, unpack


@dataclass(frozen=True)
class Alias:
    """``null`` (of each aliased feature: q x p) spans the combinations of columns that are zero."""

    features: np.ndarray
    null: list[np.ndarray]

    def lost(self, rows: np.ndarray, n_features: int) -> np.ndarray:
        """Features on whose rows a contrast (p, or r x p) cannot be estimated (F)."""
        result = np.zeros(n_features, dtype=bool)
        rows = np.atleast_2d(rows)
        for feature, null in zip(self.features, self.null, strict=True):
            result[feature] = np.abs(null @ rows.T).max() > 1e-6 * np.abs(rows).max()
        return result


def without_aliased(sums: Sums) -> tuple[Sums, Alias]:
    """Take the columns that follow from those before them out of the sums of each feature."""
    features = np.flatnonzero(~separable(sums) & (sums.n_obs > 0))
    if len(features) == 0:
        return sums, Alias(features, [])
    p = len(sums.absent)
    rows, columns = triangle(p)
    copies = {k: getattr(sums, k).copy() for k in ("xx", "xy", "txx", "txy", "absent")}
    full = unpack(sums.xx[:, features]).transpose(2, 0, 1)
    nulls = []
    for feature, gram in zip(features, full, strict=True):
        kept: list[int] = []
        null = []
        for k in range(p):
            inner = gram[np.ix_(kept, kept)]
            weights = np.linalg.solve(inner, gram[kept, k])
            left = gram[k, k] - weights @ gram[kept, k]
            if left > FULL_RANK * gram[k, k]:
                kept.append(k)
                continue
            combination = np.zeros(p)
            combination[kept] = -weights
            combination[k] = 1.0
            null.append(combination)
            touched = (rows == k) | (columns == k)
            copies["xx"][touched, feature] = 0.0
            copies["xx"][(rows == k) & (columns == k), feature] = 1.0
            copies["txx"][:, touched, feature] = 0.0
            copies["xy"][k, feature] = 0.0
            copies["txy"][:, k, feature] = 0.0
            copies["absent"][k, feature] = True
        nulls.append(np.array(null))
    return replace(sums, **copies), Alias(features, nulls)
