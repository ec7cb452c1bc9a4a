"""Signed, weighted sets over the features of a panel, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Sets:
    """Weights of the measured members (sets x features, sparse) and the weight of all members.

    ``total`` (sets) is the sum of absolute weights over all members, on the panel or not.
    """

    weights: sparse.csr_array
    total: np.ndarray

    def __len__(self) -> int:
        return int(self.weights.shape[0])

    def members(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns and weights of one set's measured members."""
        part = slice(self.weights.indptr[number], self.weights.indptr[number + 1])
        return self.weights.indices[part], self.weights.data[part]

    def sizes(self) -> np.ndarray:
        """Measured members of each set."""
        return np.diff(self.weights.indptr)

    def one_sided(self, sign: float) -> sparse.csr_array:
        """Members of one direction, with the magnitudes of their weights."""
        side = self.weights.copy()
        side.data = np.maximum(sign * side.data, 0.0)
        side.eliminate_zeros()
        return side

    def take(self, rows: np.ndarray) -> Sets:
        """Take these sets, in this order."""
        return Sets(self.weights[rows], self.total[rows])


def make_sets(
    columns: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    total: Sequence[float] | np.ndarray,
    n_features: int,
) -> Sets:
    """Put sets side by side; ``columns`` and ``weights`` hold one array a set.

    Members are kept by ascending column, a column that stands twice with the sum of its weights.
    """
    start = np.r_[0, np.cumsum([len(c) for c in columns])].astype(np.int64)
    data = np.concatenate([*weights, np.empty(0)]).astype(float)
    place = np.concatenate([*columns, np.empty(0, dtype=int)]).astype(np.int64)
    matrix = sparse.csr_array((data, place, start), shape=(len(columns), n_features))
    # some operations of scipy do this in place: now, or the order of the members changes later
    matrix.sum_duplicates()
    return Sets(matrix, np.asarray(total, dtype=float))


def indicator(weights: sparse.csr_array) -> sparse.csr_array:
    """Give 1 for each member, whatever its weight."""
    ones = weights.copy()
    ones.data = np.ones_like(ones.data)
    return ones


def without_each_member(sets: Sets) -> tuple[Sets, np.ndarray, np.ndarray]:
    """Each set once without each of its measured members, in the order of the members.

    Returns
    -------
    tuple
        The smaller sets; the set each comes from; the column that it lacks.
    """
    owner = np.repeat(np.arange(len(sets)), sets.sizes())
    bigger = sets.weights[owner]
    left_out = np.zeros(bigger.nnz, dtype=bool)
    place = np.concatenate([np.arange(k) for k in sets.sizes()] or [np.empty(0, dtype=int)])
    left_out[bigger.indptr[:-1] + place.astype(np.int64)] = True
    lacking = bigger.indices[left_out]
    kept = ~left_out
    start = np.r_[0, np.cumsum(np.diff(bigger.indptr) - 1)]
    smaller = sparse.csr_array(
        (bigger.data[kept], bigger.indices[kept], start.astype(np.int64)), shape=bigger.shape
    )
    return Sets(smaller, sets.total[owner]), owner, lacking
