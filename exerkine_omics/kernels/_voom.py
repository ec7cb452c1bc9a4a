"""Log counts per million and the precision of each, from their mean-variance trend.

References
----------
Law CW, Chen Y, Shi W, Smyth GK (2014) voom: precision weights unlock linear model analysis tools
for RNA-seq read counts. Genome Biology 15:R29.
"""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels._lowess import lowess

_PRIOR_COUNT = 0.5
_MILLION = np.log2(1e6)
_SPAN = 0.5  # of the lowess trend


def log_cpm(counts: np.ndarray, library: np.ndarray) -> np.ndarray:
    """log2 of (count + 0.5) / (library + 1) per million; samples x features, library (samples)."""
    return np.log2(counts + _PRIOR_COUNT) - np.log2(library + 1)[:, None] + _MILLION


def precision_weights(
    mean: np.ndarray,
    sigma: np.ndarray,
    fitted: np.ndarray,
    library: np.ndarray,
) -> np.ndarray:
    """Precision of each log-CPM value: 1 / trend^4 at its fitted log count.

    Parameters
    ----------
    mean, sigma
        Mean log-CPM and residual SD (features).
    fitted
        Fitted log-CPM, samples x features.
    library
        Effective library sizes (samples).

    Returns
    -------
    ndarray
        Samples x features. The trend is the lowess (span 0.5) of the root of sigma on the mean log
        count, interpolated linearly and constant beyond its ends.
    """
    size = np.log2(library + 1) - _MILLION
    x = mean + size.mean()
    trend = lowess(np.sqrt(sigma), x, _SPAN)
    place, inverse = np.unique(x, return_inverse=True)
    height = np.bincount(inverse, weights=trend) / np.bincount(inverse)
    return 1.0 / np.interp(fitted + size[:, None], place, height) ** 4
