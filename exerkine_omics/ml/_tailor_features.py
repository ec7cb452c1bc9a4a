"""Features of `tailor`, made ready by what training people teach, and the rule of one fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._arm_effects import Linear
from exerkine_omics.ml._fold_scores import FittedColumns, SignatureColumns


@dataclass(frozen=True)
class Ready:
    """Imputation, scaling and signature scores as learnt from training people.

    ``median``, ``mean``, ``factor`` (columns of base, then of the omics or of the scores); a
    factor of 0 is a column that does not vary in training, or was never seen.
    """

    median: np.ndarray
    mean: np.ndarray
    factor: np.ndarray
    scorers: FittedColumns | None

    def raw(self, base: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Columns before imputation; NaN is what was not measured."""
        return np.hstack([base, _omics(self.scorers, x)])

    def __call__(self, base: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Columns on the scale on which they are shrunk, no NaN."""
        values = self.raw(base, x)
        values = np.where(np.isnan(values), self.median, values)
        return (values - self.mean) * self.factor


@dataclass(frozen=True)
class FoldRule:
    """Advantages of the arms (k) as one training set teaches them."""

    ready: Ready
    advantage: Linear

    def __call__(self, base: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Advantages of people (m x k)."""
        return self.advantage(self.ready(base, x))

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Give intercepts (k) and weights (columns x k) per unit of the columns as measured."""
        weights = self.advantage.weights * self.ready.factor[:, None]
        return self.advantage.intercept - self.ready.mean @ weights, weights


def make_ready(base: np.ndarray, x: np.ndarray, columns: SignatureColumns | None) -> Ready:
    """Learn from training people.

    A column is centred and divided by its SD and by the root of the number of columns of its
    block: the clinical columns with the score, and the omics, carry the same prior variance, so
    that a thousand proteins do not drown four clinical columns.

    Missing values: a NaN becomes the median of the training people.
    """
    scorers = None if columns is None else columns.fit(x)
    values = np.hstack([base, _omics(scorers, x)])
    seen = ~np.isnan(values).all(axis=0)
    median = np.zeros(values.shape[1])
    median[seen] = np.nanmedian(values[:, seen], axis=0)
    values = np.where(np.isnan(values), median, values)
    mean = values.mean(axis=0)
    spread = np.sqrt(((values - mean) ** 2).mean(axis=0))
    varies = spread > 1e-12 * np.maximum(1.0, np.abs(mean))
    factor = np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0)
    first = np.arange(values.shape[1]) < base.shape[1]
    for block in (first, ~first):
        factor[block] /= np.sqrt(max(1, int((varies & block).sum())))
    return Ready(median, mean, factor, scorers)


def _omics(scorers: FittedColumns | None, x: np.ndarray) -> np.ndarray:
    return x if scorers is None else scorers.score(x)
