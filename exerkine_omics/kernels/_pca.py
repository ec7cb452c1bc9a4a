"""Principal components of values with gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg


@dataclass(frozen=True)
class Components:
    """Mean and scale of each feature, axes (features x K), variance of each and of all.

    ``scores`` are those of the samples fitted (samples x K).
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    variance: np.ndarray
    total: float
    scores: np.ndarray


def fit_components(values: np.ndarray, n: int, *, scale: bool = False) -> Components:
    r"""Find the n directions of largest variance.

    It is the singular value decomposition :math:`Z = U D V'` of the centred (and, with ``scale``,
    standardised) values, with the mean of the feature in every gap: variances are those of the
    filled values, and a sample is drawn to the middle by as much as it lacks.

    Parameters
    ----------
    values
        Samples x features, every feature with two values or more; NaN is a gap.
    n
        Number of components, at most samples - 1 and features.
    scale
        Divide by the SD of each feature.

    Returns
    -------
    Components
        The largest loading of each component is positive; variances are sums of squares over
        samples - 1.
    """
    there = np.isfinite(values)
    count = there.sum(axis=0)
    level = np.where(there, values, 0.0).sum(axis=0) / count
    z = np.where(there, values - level, 0.0)
    size = np.ones(values.shape[1])
    if scale:
        spread = np.sqrt((z * z).sum(axis=0) / np.maximum(count - 1, 1))
        size = np.where(spread > 0, spread, 1.0)
        z /= size
    u, d, v = linalg.svd(z, full_matrices=False, check_finite=False)
    axes = v[:n].T
    sign = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(n)])
    sign = np.where(sign == 0, 1.0, sign)
    freedom = max(len(z) - 1, 1)
    return Components(
        mean=level,
        scale=size,
        axes=axes * sign,
        variance=d[:n] ** 2 / freedom,
        total=float((z * z).sum()) / freedom,
        scores=u[:, :n] * d[:n] * sign,
    )


def project(values: np.ndarray, fit: Components) -> np.ndarray:
    """Scores of other samples (samples x K), by least squares on the features that they have.

    NaN for a sample with fewer values than components.
    """
    z = (values - fit.mean) / fit.scale
    result = np.full((len(z), fit.axes.shape[1]), np.nan)
    for i, row in enumerate(z):
        there = np.isfinite(row)
        if there.sum() >= fit.axes.shape[1]:
            result[i] = np.linalg.lstsq(fit.axes[there], row[there], rcond=None)[0]
    return result
