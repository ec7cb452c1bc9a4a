"""Principal components of values with gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

_MANY = 1 << 24  # values; with more, products of parts take the place of the whole
_PART = 2048  # samples, or features


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


def fit_components(
    values: np.ndarray,
    n: int,
    *,
    scale: bool = False,
    rows: np.ndarray | None = None,
    columns: np.ndarray | None = None,
) -> Components:
    r"""Find the n directions of largest variance.

    It is the singular value decomposition :math:`Z = U D V'` of the centred (and, with ``scale``,
    standardised) values, with the mean of the feature in every gap: variances are those of the
    filled values, and a sample is drawn to the middle by as much as it lacks. Of more than 16
    million values it is the eigenvectors of :math:`Z'Z` or :math:`ZZ'`, whichever is smaller, made
    a part at a time: no copy of the values is held.

    Parameters
    ----------
    values
        Samples x features, every feature with two values or more; NaN is a gap.
    n
        Number of components, at most samples - 1 and features.
    scale
        Divide by the SD of each feature.
    rows, columns
        Places of the samples and features to take; all by default.

    Returns
    -------
    Components
        The largest loading of each component is positive; variances are sums of squares over
        samples - 1.
    """
    rows = np.arange(values.shape[0]) if rows is None else rows
    columns = np.arange(values.shape[1]) if columns is None else columns
    level, size = _levels(values, rows, columns, scale)

    def filled(part: np.ndarray) -> np.ndarray:
        found = (values[np.ix_(part, columns)] - level) / size
        return np.where(np.isfinite(found), found, 0.0)

    if len(rows) * len(columns) <= _MANY:
        z = filled(rows)
        u, d, v = linalg.svd(z, full_matrices=False, check_finite=False)
        axes, scores, squares = v[:n].T, u[:, :n] * d[:n], d[:n] ** 2
        total = float((z * z).sum())
    else:
        axes, scores, squares, total = _of_products(filled, rows, len(columns), n)
    sign = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(n)])
    sign = np.where(sign == 0, 1.0, sign)
    freedom = max(len(rows) - 1, 1)
    return Components(
        mean=level,
        scale=size,
        axes=axes * sign,
        variance=squares / freedom,
        total=total / freedom,
        scores=scores * sign,
    )


def _levels(
    values: np.ndarray, rows: np.ndarray, columns: np.ndarray, scale: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each feature, and its SD where it is asked for, a part of the features at a time."""
    level, size = np.empty(len(columns)), np.ones(len(columns))
    for start in range(0, len(columns), _PART):
        part = slice(start, start + _PART)
        own = values[np.ix_(rows, columns[part])]
        there = np.isfinite(own)
        count = there.sum(axis=0)
        level[part] = np.where(there, own, 0.0).sum(axis=0) / count
        if scale:
            z = np.where(there, own - level[part], 0.0)
            spread = np.sqrt((z * z).sum(axis=0) / np.maximum(count - 1, 1))
            size[part] = np.where(spread > 0, spread, 1.0)
    return level, size


def _of_products(
    filled: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, n_columns: int, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Axes, scores, squared singular values and sum of squares, from products of parts of Z."""
    parts = [rows[k : k + _PART] for k in range(0, len(rows), _PART)]
    scores = np.empty((len(rows), n))
    places = [slice(k, k + _PART) for k in range(0, len(rows), _PART)]
    if n_columns <= len(rows):
        product = np.zeros((n_columns, n_columns))
        for part in parts:
            z = filled(part)
            product += z.T @ z
        squares, axes = _largest(product, n)
        for place, part in zip(places, parts, strict=True):
            scores[place] = filled(part) @ axes
        return axes, scores, squares, float(np.trace(product))
    product = np.empty((len(rows), len(rows)))
    for left, one in zip(places, parts, strict=True):
        z = filled(one)
        for right, other in zip(places, parts, strict=True):
            if right.start <= left.start:
                product[left, right] = z @ filled(other).T
                product[right, left] = product[left, right].T
    squares, u = _largest(product, n)
    scores = u * np.sqrt(squares)
    axes = np.zeros((n_columns, n))
    for place, part in zip(places, parts, strict=True):
        axes += filled(part).T @ u[place]
    return (
        axes / np.sqrt(np.maximum(squares, np.finfo(float).tiny)),
        scores,
        squares,
        float(np.trace(product)),
    )


def _largest(product: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues, from the first on, and their vectors."""
    last = len(product) - 1
    value, vector = linalg.eigh(
        product, subset_by_index=[last - n + 1, last], check_finite=False, overwrite_a=False
    )
    return np.maximum(value[::-1], 0.0), vector[:, ::-1]


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
