"""Normal equations of all features at once: small systems as feature-long vectors.

A q x q matrix of each feature is held as q x q vectors over features, so that a factorisation is
q^3 / 3 vector operations however many features there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DEPENDENT = 1e-9  # a root below this share of the largest is none
_DOUBTFUL = 1e-7  # a pivot below this share of its diagonal is settled by the roots
# a residual sum of squares below this share of y'y loses digits when taken by subtraction
_CLOSE = 1e-4


@dataclass(frozen=True)
class Solved:
    """Solution of f systems of q columns.

    ``inverse`` (q x q x f) is the Moore-Penrose inverse, ``coefficient`` (q x f) of minimum norm,
    ``rank`` and ``log_det`` (f) of the part that is estimable. ``deficient`` indexes the features
    below full rank, and ``projector`` (q x q x their number) projects onto their row spaces.
    """

    inverse: np.ndarray
    coefficient: np.ndarray
    rank: np.ndarray
    log_det: np.ndarray
    deficient: np.ndarray
    projector: np.ndarray


def solve(gram: np.ndarray, right: np.ndarray) -> Solved:
    """Solve ``gram @ b = right`` for each feature; gram (q x q x f) is positive semidefinite."""
    q, n = right.shape
    inverse = np.empty_like(gram)
    pivot = np.empty((q, n))
    good = np.ones(n, dtype=bool)
    low: list[list[np.ndarray]] = []
    for i in range(q):
        row: list[np.ndarray] = []
        for j in range(i):
            entry = gram[i, j] - _total([row[k] * low[j][k] * pivot[k] for k in range(j)])
            row.append(entry / pivot[j])
        own = gram[i, i] - _total([row[k] ** 2 * pivot[k] for k in range(i)])
        fine = (own > _DOUBTFUL * gram[i, i]) & (gram[i, i] > _DEPENDENT)
        good &= fine
        pivot[i] = np.where(fine, own, 1.0)
        low.append(row)
    # inverse of the unit triangle, then of the whole
    back: list[list[np.ndarray]] = []
    for i in range(q):
        row = []
        for j in range(i):
            inner = _total([low[i][k] * back[k][j] for k in range(j + 1, i)])
            row.append(-low[i][j] - inner)
        back.append(row)
    for i in range(q):
        for j in range(i + 1):
            parts = [back[k][i] * back[k][j] / pivot[k] for k in range(i + 1, q)]
            first = (back[i][j] if j < i else 1.0) / pivot[i]
            inverse[i, j] = inverse[j, i] = first + _total(parts)
    rank = np.full(n, q)
    log_det = np.log(pivot).sum(axis=0)
    deficient = np.flatnonzero(~good)
    projector = np.zeros((q, q, 0))
    if len(deficient):
        root, vectors = np.linalg.eigh(gram[:, :, deficient].transpose(2, 0, 1))
        keep = root > _DEPENDENT * np.maximum(root[:, -1:], 1.0)
        safe = np.where(keep, root, 1.0)
        scaled = (vectors * (keep / safe)[:, None, :]) @ vectors.transpose(0, 2, 1)
        inverse[:, :, deficient] = scaled.transpose(1, 2, 0)
        rank[deficient] = keep.sum(axis=1)
        log_det[deficient] = np.log(safe).sum(axis=1)
        projector = (vectors * keep[:, None, :]) @ vectors.transpose(0, 2, 1)
        projector = projector.transpose(1, 2, 0)
    return Solved(inverse, product(inverse, right), rank, log_det, deficient, projector)


def _total(parts: Sequence[np.ndarray]) -> np.ndarray | float:
    total: np.ndarray | float = 0.0
    for part in parts:
        total = total + part
    return total


def product(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Product of each feature's matrix (q x q x f) and vector (q x f)."""
    result = np.zeros_like(vector)
    for k in range(len(vector)):
        result += matrix[:, k] * vector[k]
    return result


def inner(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Inner product of each feature's vectors (q x f)."""
    result = np.zeros(two.shape[1])
    for k in range(len(two)):
        result += one[k] * two[k]
    return result


def close(rss: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Index of features whose residuals must be formed outright: y'y - b'X'y lost its digits."""
    return np.flatnonzero(rss < _CLOSE * square)


@dataclass(frozen=True)
class LinearFit:
    """Least-squares fit of all features in the coordinates of ``basis``.

    Attributes
    ----------
    basis
        Orthonormal basis of the coefficients that all rows together identify, p x q.
    solved
        The features' normal equations.
    rss, df
        Residual sum of squares and degrees of freedom (f).
    n_obs
        Rows with a value (f).
    square
        Sum of squares about the feature's mean, against which a residual is rounding or not.
    centre
        Mean of the feature's rows, taken off before the fit (f).
    level
        Coefficients of a constant, p: what one unit of ``centre`` adds to them (zero where the
        subjects absorb it).
    scale
        Variance of a residual in units of rss / df.
    """

    basis: np.ndarray
    solved: Solved
    rss: np.ndarray
    df: np.ndarray
    n_obs: np.ndarray
    square: np.ndarray
    centre: np.ndarray
    level: np.ndarray
    scale: float = 1.0

    def contrast(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Estimate, unscaled SE and estimability of a contrast of p weights (f each).

        A contrast is estimable where it lies in the row space of the feature's own design.
        """
        estimate, covariance, estimable = self.joint(weights[None])
        return estimate[0], np.sqrt(covariance[0, 0]), estimable

    def joint(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Estimates (r x f), unscaled covariances (r x r x f), estimability of all r rows (f)."""
        own = weights @ self.basis
        r = len(own)
        n = len(self.rss)
        estimate = own @ self.solved.coefficient + (weights @ self.level)[:, None] * self.centre
        covariance = np.empty((r, r, n))
        flat = self.solved.inverse.reshape(own.shape[1] ** 2, n)
        for i in range(r):
            for j in range(i + 1):
                pair = np.outer(own[i], own[j]).ravel() @ flat
                covariance[i, j] = covariance[j, i] = pair
        size = 1e-6 * np.abs(weights).max(axis=1)
        seen = np.abs(own @ self.basis.T - weights).max(axis=1) < size
        estimable = np.full(n, bool(seen.all()))
        bad = self.solved.deficient
        if len(bad):
            distance = np.tensordot(own, self.solved.projector, 1) - own[:, :, None]
            estimable[bad] &= (np.abs(distance).max(axis=1) < size[:, None]).all(axis=0)
        # rounding may leave a variance that is zero a hair below
        for i in range(r):
            covariance[i, i] = np.maximum(covariance[i, i], 0.0)
        return estimate, covariance * self.scale, estimable


def side_by_side(fits: Sequence[LinearFit]) -> LinearFit:
    """One fit of all features from those of blocks of features, which share basis and scale."""
    if len(fits) == 1:
        return fits[0]
    starts = np.cumsum([0, *(len(f.rss) for f in fits[:-1])])

    def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts, axis=-1)

    solved = [f.solved for f in fits]
    return LinearFit(
        fits[0].basis,
        Solved(
            joined([s.inverse for s in solved]),
            joined([s.coefficient for s in solved]),
            joined([s.rank for s in solved]),
            joined([s.log_det for s in solved]),
            joined([s.deficient + start for s, start in zip(solved, starts, strict=True)]),
            joined([s.projector for s in solved]),
        ),
        rss=joined([f.rss for f in fits]),
        df=joined([f.df for f in fits]),
        n_obs=joined([f.n_obs for f in fits]),
        square=joined([f.square for f in fits]),
        centre=joined([f.centre for f in fits]),
        level=fits[0].level,
        scale=fits[0].scale,
    )


def identified(design: np.ndarray) -> np.ndarray:
    """Orthonormal basis (p x q) of the row space of a design."""
    root, vectors = np.linalg.eigh(design.T @ design)
    keep = root > _DEPENDENT * max(float(root[-1]) if len(root) else 0.0, 1.0)
    if keep.all():
        return np.eye(design.shape[1])
    return vectors[:, keep]
