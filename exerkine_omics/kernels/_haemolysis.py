"""Indices of haemolysis: two microRNAs against each other, and a panel of red-cell proteins."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

# SD of a normal variable over the median of its absolute deviations
MAD_TO_SD = 1.4826022185056018
NO, POSSIBLE, YES, UNKNOWN = 0, 1, 2, 3


def robust_z(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Give deviations from the reference's median in SDs by its median absolute deviation.

    Parameters
    ----------
    values
        Samples x features.
    reference
        Samples that are the reference (samples, bool).

    Returns
    -------
    ndarray
        Samples x features; NaN where a value is missing, and for a feature whose reference has
        fewer than 3 values or no deviation.
    """
    result = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        own = values[reference, column]
        own = own[np.isfinite(own)]
        if len(own) < 3:
            continue
        middle = np.median(own)
        spread = MAD_TO_SD * np.median(np.abs(own - middle))
        if spread > 0:
            result[:, column] = (values[:, column] - middle) / spread
    return result


def panel_index(values: np.ndarray, reference: np.ndarray, min_share: float = 0.5) -> np.ndarray:
    r"""Stand a sample's mean of several features against the reference.

    .. math:: m_i = \frac{1}{k_i} \sum_f z_{if}, \qquad
              I_i = \frac{m_i - \mathrm{med}_{ref}(m)}{1.4826\, \mathrm{mad}_{ref}(m)}

    with z the robust z of `robust_z` and :math:`k_i` the features that are there. The second step
    makes one unit a robust SD whatever the number and correlation of the features.

    Parameters
    ----------
    values
        Samples x features on a log scale, up means more.
    reference
        Samples that are the reference (samples, bool).
    min_share
        A sample with less than this share of the usable features has no index.

    Returns
    -------
    ndarray
        Samples; NaN where too few features are there, or the reference does not vary.
    """
    z = robust_z(values, reference)
    usable = np.isfinite(z).any(axis=0)
    if not usable.any():
        return np.full(len(values), np.nan)
    there = np.isfinite(z[:, usable])
    n = there.sum(axis=1)
    enough = (n > 0) & (n >= min_share * usable.sum())
    mean = np.where(there, z[:, usable], 0.0).sum(axis=1) / np.maximum(n, 1)
    return robust_z(np.where(enough, mean, np.nan)[:, None], reference)[:, 0]


def flag(index: np.ndarray, low: float, high: float) -> np.ndarray:
    """Code an index: 0 below ``low``, 2 above ``high``, 1 between (both included), 3 where NaN."""
    codes = np.where(index > high, YES, np.where(index < low, NO, POSSIBLE))
    return np.where(np.isfinite(index), codes, UNKNOWN)


def sign_test(n_up: int, n_down: int) -> float:
    """Two-sided exact p that ups and downs are equally likely; 1 where there are none."""
    n = n_up + n_down
    if n == 0:
        return 1.0
    return float(min(1.0, 2 * binom.cdf(min(n_up, n_down), n, 0.5)))
