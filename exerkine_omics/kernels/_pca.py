"""Principal components of values with gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

_ROUNDS = 200
_STOP = 1e-6


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

    Without gaps it is the singular value decomposition :math:`Z = U D V'` of the centred (and, with
    ``scale``, standardised) values. Gaps are filled by the components themselves, round after
    round until they rest, drawn towards the mean by the noise that the other components show
    (regularised iterative PCA):

    .. math:: \hat z_{if} = \sum_{k \le K} \frac{d_k^2 - \hat\sigma^2}{d_k} u_{ik} v_{fk}

    with :math:`\hat\sigma^2` the mean of the squared singular values after the K-th.

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

    References
    ----------
    Josse J, Husson F (2012) Handling missing values in exploratory multivariate data analysis
    methods. J Soc Fr Stat 153(2):79-99.
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
    gaps = not there.all()
    shift = np.zeros(values.shape[1])
    for _ in range(_ROUNDS if gaps else 0):
        shift = z.mean(axis=0)
        u, d, v = _decompose(z - shift)
        rest = d[n:] ** 2
        noise = float(rest.mean()) if len(rest) and n < len(d) else 0.0
        kept = np.maximum(d[:n] ** 2 - noise, 0.0) / np.maximum(d[:n], 1e-300)
        filled = np.where(there, z, (u[:, :n] * kept) @ v[:n] + shift)
        moved = float(((filled - z) ** 2).sum())
        z = filled
        if moved <= _STOP**2 * max(float((z * z).sum()), 1e-300):
            break
    shift = z.mean(axis=0)
    z = z - shift
    u, d, v = _decompose(z)
    axes = v[:n].T
    sign = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(n)])
    sign = np.where(sign == 0, 1.0, sign)
    freedom = max(len(z) - 1, 1)
    return Components(
        mean=level + shift * size,
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


def _decompose(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    u, d, v = linalg.svd(z, full_matrices=False, check_finite=False)
    return u, d, v
