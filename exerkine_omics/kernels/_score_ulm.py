"""Univariate linear model: how well a sample's profile follows a signature's weights."""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels._scorer import CANDIDATES, Options, Prepared, Scorer
from exerkine_omics.kernels._sets import Sets


def prepare(values: np.ndarray, learnt: None, options: Options) -> Prepared:
    """Centre each sample over its measured features and scale it to a sum of squares of 1."""
    finite = np.isfinite(values)
    complete = bool(finite.all())
    n = finite.sum(axis=1)
    filled = values if complete else np.where(finite, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # the first centring takes off the level, the second its rounding
        for _ in range(2):
            filled = filled - (filled.sum(axis=1) / n)[:, None]
            filled = filled if complete else np.where(finite, filled, 0.0)
        size = np.sqrt(np.einsum("ij,ij->i", filled, filled))
        filled = filled / np.where(size > 0, size, np.nan)[:, None]
    table = np.ascontiguousarray(filled.T)
    if complete:
        return Prepared((table,), None, n)
    present = np.ascontiguousarray(finite.T.astype(float))
    return Prepared((np.where(present > 0, table, 0.0),), present, n)


def combine(prepared: Prepared, sets: Sets, options: Options) -> np.ndarray:
    r"""T of the slope of a sample's values on the weights, over all its measured features.

    .. math:: t = r \sqrt{(n - 2) / (1 - r^2)}

    r is the correlation of the n measured values with the weights (0 for features that are no
    members). NaN where n < 3 or the weights do not vary over the features.
    """
    squares = sets.weights.copy()
    squares.data = squares.data**2
    n = prepared.n
    spread = prepared.weight(squares) - prepared.weight(sets.weights) ** 2 / n
    spread = np.where(spread > 1e-12 * prepared.weight(squares), spread, np.nan)
    r = np.asarray(sets.weights @ prepared.tables[0]) / np.sqrt(spread)
    r = np.clip(r, -1.0, 1.0)
    return np.where(n > 2, r * np.sqrt((n - 2) / ((1 - r) * (1 + r))), np.nan)


ULM = Scorer(
    name="ulm",
    description="t of the slope of the sample's values on the signed weights, over all features",
    units="t on (features - 2) df",
    depends_on="no other sample",
    nan="the feature leaves that sample's regression",
    meaningless=f"{CANDIDATES}; panels whose features have no common zero, unless values were "
    "centred by feature before",
    learns_from="none",
    prepare=prepare,
    combine=combine,
    competitive=True,
    source="Badia-i-Mompel P et al. (2022) decoupleR, Bioinformatics Advances 2:vbac016",
)
