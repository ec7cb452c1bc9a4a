"""How many of the selected features are false: Stabl's surrogate of the false discovery share.

References
----------
Hédou J et al. (2024) Discovery of sparse, reliable omic biomarkers with Stabl. Nat Biotechnol
42:1581-1593. doi:10.1038/s41587-023-02033-x
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StablChoice:
    """Chosen threshold (NaN: none is worth choosing), its FDP+, and the features selected."""

    threshold: float
    fdp: float
    selected: np.ndarray


def fdp(
    real: np.ndarray, artificial: np.ndarray, thresholds: np.ndarray, proportion: float = 1.0
) -> np.ndarray:
    r"""FDP+ at each threshold t, from features that cannot be informative.

    .. math:: FDP_+(t) = \frac{1 + \#\{artificial > t\} / proportion}{\max(1, \#\{real > t\})}

    Parameters
    ----------
    real
        Stability of d features: the largest share, over the penalties, of the subsamples in which
        each was selected.
    artificial
        The same of k artificial features (permuted, or knockoffs) that competed with them.
    thresholds
        t values; only shares above one count.
    proportion
        Artificial features made for each real one, ``k/d``.

    Returns
    -------
    ndarray
        t values, above 0; those above 1 say that more are false than found. A NaN share, of a
        feature never tried, is above no threshold; a NaN threshold gives NaN.
    """
    thresholds = np.asarray(thresholds, dtype=float)
    false = 1 + _above(artificial, thresholds) / proportion
    return np.where(np.isnan(thresholds), np.nan, false / np.maximum(1, _above(real, thresholds)))


def choose(
    real: np.ndarray, artificial: np.ndarray, thresholds: np.ndarray, proportion: float = 1.0
) -> StablChoice:
    """Select the features above the threshold with the smallest FDP+.

    The lowest of equal thresholds, which selects the most. Where even the smallest FDP+ is above
    1, nothing is selected; at 1 exactly the choice stands, as in the authors' code, and may be
    empty. Arguments as in `fdp`, chosen and applied within one training set: the
    minimum over thresholds is optimistic as an estimate of the false share.
    """
    real, thresholds = np.asarray(real, dtype=float), np.asarray(thresholds, dtype=float)
    curve = fdp(real, artificial, thresholds, proportion)
    nothing = np.zeros(len(real), dtype=bool)
    known = curve[~np.isnan(curve)]
    if not len(known) or known.min() > 1:
        return StablChoice(np.nan, float(known.min()) if len(known) else np.nan, nothing)
    best = float(known.min())
    threshold = float(thresholds[curve == best].min())
    return StablChoice(threshold, best, real > threshold)


def _above(shares: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Count the shares above each threshold."""
    ascending = np.sort(np.asarray(shares, dtype=float))
    ascending = ascending[~np.isnan(ascending)]
    return len(ascending) - np.searchsorted(ascending, thresholds, side="right")
