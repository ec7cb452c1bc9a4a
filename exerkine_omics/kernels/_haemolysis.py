"""How much red cell is in a sample: an index of a panel, and flags by limits."""

from __future__ import annotations

import numpy as np

_MAD = 1.4826  # MAD of a normal to its SD


def panel_index(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean robust z of a panel, itself in robust SDs of the reference samples.

    Parameters
    ----------
    values
        Samples x members on a log scale; NaN is missing.
    reference
        Bool (samples): those that give median and MAD of each member and of the mean.

    Returns
    -------
    numpy.ndarray
        (samples,); NaN without a member, or where the reference does not vary.
    """
    z = _robust(values, values[reference])
    there = np.isfinite(z)
    count = there.sum(axis=1)
    total = np.where(there, z, 0.0).sum(axis=1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return _robust(mean[:, None], mean[reference][:, None])[:, 0]


def _robust(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(reference).any(axis=0)
        middle = np.full(values.shape[1], np.nan)
        middle[known] = np.nanmedian(reference[:, known], axis=0)
        spread = np.full(values.shape[1], np.nan)
        spread[known] = _MAD * np.nanmedian(np.abs(reference[:, known] - middle[known]), axis=0)
        return np.where(spread > 0, (values - middle) / spread, np.nan)


def flags(index: np.ndarray, possible: float, yes: float) -> np.ndarray:
    """Words (n,): ``no`` up to ``possible``, ``possible`` up to ``yes``, ``yes``, ``unknown``."""
    return np.select(
        [np.isnan(index), index > yes, index > possible], ["unknown", "yes", "possible"], "no"
    )
