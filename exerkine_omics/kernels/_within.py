"""Least squares with the subject as fixed block, absorbed, each feature with its own rows.

The block is swept out by centring within each person over the rows that the feature has, so no
dummy column is ever made and a missing cell is the same as an absent row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class WithinFit:
    """Within-person fit of all features.

    Attributes
    ----------
    inverse
        Moore-Penrose inverse of the centred cross-products X'X, features x p x p.
    basis
        Projector onto the estimable space, features x p x p.
    coefficient
        Minimum-norm coefficients, features x p.
    rss, df
        Residual sum of squares and degrees of freedom (features).
    n_obs
        Rows with a value (features).
    square
        Sum of squares about the feature's mean, against which a residual is rounding or not.
    """

    inverse: np.ndarray
    basis: np.ndarray
    coefficient: np.ndarray
    rss: np.ndarray
    df: np.ndarray
    n_obs: np.ndarray
    square: np.ndarray


def fit_within(values: np.ndarray, design: np.ndarray, subject: np.ndarray) -> WithinFit:
    """Fit ``values ~ design + subject`` for each feature.

    Parameters
    ----------
    values
        Samples x features; NaN is a row that this feature does not have.
    design
        Samples x p; columns may be collinear with each other and with the subjects.
    subject
        Subject of each sample, 0..m-1.

    Returns
    -------
    WithinFit
        df = rows - people with a row - rank of the centred design.
    """
    n_samples, n_features = values.shape
    n_columns = design.shape[1]
    mask = np.isfinite(values)
    weight = mask.astype(float)
    block = np.zeros((subject.max() + 1, n_samples))
    block[subject, np.arange(n_samples)] = 1.0
    count = block @ weight
    safe = np.maximum(count, 1.0)
    # centring by the feature's mean first keeps the person means exact at any level
    with np.errstate(invalid="ignore"):
        centre = np.where(mask, values, 0.0).sum(axis=0) / np.maximum(weight.sum(axis=0), 1.0)
    level = np.where(mask, values - centre, 0.0)
    y = np.where(mask, level - ((block @ level) / safe)[subject], 0.0)
    sums = np.stack([block @ (design[:, [j]] * weight) for j in range(n_columns)])
    gram = np.empty((n_features, n_columns, n_columns))
    right = (design.T @ y).T
    for j in range(n_columns):
        for k in range(j, n_columns):
            raw = (design[:, j] * design[:, k]) @ weight
            gram[:, j, k] = gram[:, k, j] = raw - (sums[j] * sums[k] / safe).sum(axis=0)
    root, vectors = np.linalg.eigh(gram)
    keep = root > _RANK_TOLERANCE * np.maximum(root[:, -1:], 1.0)
    scaled = np.where(keep, 1.0 / np.where(keep, root, 1.0), 0.0)
    inverse = (vectors * scaled[:, None, :]) @ vectors.transpose(0, 2, 1)
    basis = (vectors * keep[:, None, :]) @ vectors.transpose(0, 2, 1)
    coefficient = np.einsum("fjk,fk->fj", inverse, right)
    # residuals outright, not by subtraction of sums: exact where the fit is close
    fitted = _centred_fit(design, coefficient, weight, block, safe, subject)
    rss = ((y - fitted) ** 2).sum(axis=0)
    n_obs = mask.sum(axis=0)
    df = n_obs - (count > 0).sum(axis=0) - keep.sum(axis=1)
    return WithinFit(inverse, basis, coefficient, rss, df, n_obs, (level**2).sum(axis=0))


def _centred_fit(
    design: np.ndarray,
    coefficient: np.ndarray,
    weight: np.ndarray,
    block: np.ndarray,
    safe: np.ndarray,
    subject: np.ndarray,
) -> np.ndarray:
    fitted = (design @ coefficient.T) * weight
    return (fitted - ((block @ fitted) / safe)[subject]) * weight


def contrast_within(
    fit: WithinFit, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate, unscaled SE and estimability of a contrast (features each).

    A contrast is estimable where it lies in the row space of the feature's own centred design;
    elsewhere it is not a within-person contrast of the rows that are there.
    """
    estimate = fit.coefficient @ weights
    unscaled = np.sqrt(np.einsum("j,fjk,k->f", weights, fit.inverse, weights))
    distance = np.abs(fit.basis @ weights - weights).max(axis=1)
    return estimate, unscaled, distance < 1e-6 * np.abs(weights).max()
