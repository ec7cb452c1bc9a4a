"""Rank the features within each sample."""

from __future__ import annotations

import numpy as np


def sample_ranks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ascending ranks of the measured features within each sample, ties at their mean rank.

    Parameters
    ----------
    values
        Samples x features; NaN is not ranked.

    Returns
    -------
    tuple
        Ranks, features x samples (0 where not measured); number of measured features (samples).
    """
    n_samples, n_features = values.shape
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    position = np.broadcast_to(np.arange(1.0, n_features + 1), values.shape)
    tied_rows = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if len(tied_rows):
        position = position.copy()
        for row in tied_rows:
            position[row] = _midranks(ordered[row])
    ranks = np.empty((n_samples, n_features))
    np.put_along_axis(ranks, order, position, axis=1)
    if count.min(initial=n_features) < n_features:
        ranks *= finite
    return np.ascontiguousarray(ranks.T), count


def _midranks(ordered: np.ndarray) -> np.ndarray:
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], len(ordered)]
    return np.repeat((starts + ends + 1) / 2.0, ends - starts)
