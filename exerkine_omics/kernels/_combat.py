"""Batch effects taken off by empirical Bayes (ComBat), as fit and apply.

References
----------
Johnson WE, Li C, Rabinovic A (2007) Adjusting batch effects in microarray expression data using
empirical Bayes methods. Biostatistics 8:118-127. doi:10.1093/biostatistics/kxj037
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._combat_prior import nonparametric, parametric

OK = "ok"
ONE_BATCH = "measured in one batch only"
NO_ROOM = "no residual degrees of freedom"
CONFOUNDED = "batch and covariates cannot be told apart"
CONSTANT = "constant within a batch"
NOT_MEASURED = "not measured"
_FLAT = 1e-12  # share of a feature's variance below which it is rounding
_RANK = 1e-8


@dataclass(frozen=True)
class Combat:
    """What was learnt.

    Per feature (F): ``level`` (mean over batches), ``slope`` (covariates x F), ``sd`` (pooled).
    Per batch and feature (B x F), in SDs: ``shift`` and ``scale`` (squared), 0 and 1 where a
    feature is not adjusted. ``n`` (B x F) counts the measured samples, ``status`` (F) says why a
    feature is not adjusted.
    """

    level: np.ndarray
    slope: np.ndarray
    sd: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    n: np.ndarray
    status: np.ndarray


def fit_combat(
    values: np.ndarray,
    batch: np.ndarray,
    covariates: np.ndarray,
    *,
    mean_only: bool = False,
    parametric_prior: bool = True,
    reference: int | None = None,
    like_sva: bool = False,
) -> Combat:
    r"""Learn each batch's shift and scale of each feature, shrunk towards the batch's others.

    .. math:: x_{ij} = \alpha_j + z_i \beta_j + \sigma_j (\gamma_{bj} + \delta_{bj} e_{ij})

    :math:`\alpha` is the mean of the batches' own levels weighted by their samples, or that of the
    reference batch; :math:`\sigma^2` the mean squared residual (of the reference batch, with one).
    :math:`\hat\gamma` are means and :math:`\hat\delta^2` variances of the standardised values; the
    priors (normal; inverse gamma by moments) are those of a batch over the features.

    Parameters
    ----------
    values
        Samples x features on a log scale.
    batch
        Number of each sample's batch, 0 to B - 1 (samples).
    covariates
        What must be kept, samples x c, without a constant.
    mean_only
        Leave the variances as they are.
    parametric_prior
        False takes the other features' own estimates as the prior.
    reference
        A batch that is left as it is.
    like_sva
        As sva does where a value is missing: residual variance with n - 1, batches weighted by
        all their samples. For comparison with it only: there one NaN anywhere changes all
        features.

    Returns
    -------
    Combat
        For ``apply_combat``.

    Notes
    -----
    Missing values: a NaN is an absent row of its feature. A batch in which a feature has 1 value
    takes its scale from the prior and that value. Features that cannot be adjusted stay as they
    are and take no part in the priors.
    """
    n_batches = int(batch.max()) + 1
    member = (batch[:, None] == np.arange(n_batches)).astype(float)
    covariates = covariates - covariates.mean(axis=0)
    design = np.hstack([member, covariates])
    there = np.isfinite(values)
    count = (member.T @ there).astype(int)
    n = there.sum(axis=0)
    centre = np.where(there, values, 0.0).sum(axis=0) / np.maximum(n, 1)
    centred = np.where(there, values - centre, 0.0)
    coefficients, status = _least_squares(centred, there, design, n_batches)
    weight = member.sum(axis=0)[:, None] * np.ones_like(centre) if like_sva else count
    if reference is not None:
        weight = np.zeros_like(count)
        weight[reference] = 1
        status[(count[reference] == 0) & (status == OK)] = "not measured in the reference batch"
    own = coefficients[:n_batches]
    total = np.maximum(weight.sum(axis=0), 1)
    level = np.where(count > 0, own * weight, 0.0).sum(axis=0) / total
    slope = coefficients[n_batches:]
    residual = np.where(there, centred - design @ coefficients, 0.0)
    counted = residual if reference is None else residual * member[:, [reference]]
    free = (n if reference is None else count[reference]) - int(like_sva)
    sd = np.sqrt((counted**2).sum(axis=0) / np.maximum(free, 1))
    spread = np.sqrt((centred**2).sum(axis=0) / np.maximum(n, 1))
    status[(sd <= np.sqrt(_FLAT) * spread) & (status == OK)] = CONSTANT
    standard = (centred - level - covariates @ slope) / np.where(sd > 0, sd, 1.0)
    standard = np.where(there, standard, 0.0)
    mean = (member.T @ standard) / np.maximum(count, 1)
    squares = member.T @ np.where(there, (standard - member @ mean) ** 2, 0.0)
    if not mean_only or like_sva:
        status[_flat(values, there, batch, count) & (status == OK)] = CONSTANT
    shift, scale = np.zeros(count.shape), np.ones(count.shape)
    used = np.flatnonzero(status == OK)
    posterior = parametric if parametric_prior else nonparametric
    for b in range(n_batches):
        some = used[count[b, used] > 0]
        if b == reference or not len(some):
            continue
        got = posterior(mean[b, some], squares[b, some], count[b, some], mean_only)
        shift[b, some], scale[b, some] = got
    return Combat(level + centre, slope, sd, shift, scale, count, status)


def _flat(values: np.ndarray, there: np.ndarray, batch: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Features with one value in all samples of a batch, of 2 samples at least (F)."""
    found = np.zeros(values.shape[1], dtype=bool)
    for b in range(len(n)):
        own, measured = values[batch == b], there[batch == b]
        low = np.where(measured, own, np.inf).min(axis=0, initial=np.inf)
        high = np.where(measured, own, -np.inf).max(axis=0, initial=-np.inf)
        found |= (n[b] > 1) & (low == high)
    return found


def apply_combat(
    values: np.ndarray, batch: np.ndarray, covariates: np.ndarray, fitted: Combat
) -> np.ndarray:
    """Values without the batches' shift and scale, samples x features.

    ``covariates`` (samples x c) are measured from their mean in the fit. NaN stays NaN.
    """
    expected = fitted.level + covariates @ fitted.slope
    sd = np.where(fitted.status == OK, fitted.sd, 1.0)
    standard = (values - expected) / sd
    cleaned = (standard - fitted.shift[batch]) / np.sqrt(fitted.scale[batch])
    return np.where(fitted.status == OK, cleaned * sd + expected, values)


def _least_squares(
    centred: np.ndarray, there: np.ndarray, design: np.ndarray, n_batches: int
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of each feature on its own rows (columns x F), and why there are none."""
    n_features = centred.shape[1]
    coefficients = np.zeros((design.shape[1], n_features))
    status = np.full(n_features, OK, dtype=object)
    patterns, which = np.unique(there, axis=1, return_inverse=True)
    which = which.ravel()
    for k in range(patterns.shape[1]):
        rows, columns = np.flatnonzero(patterns[:, k]), np.flatnonzero(which == k)
        own = design[rows]
        kept = (own != 0).any(axis=0)
        n_own = int(kept[:n_batches].sum())
        if n_own < 2:
            status[columns] = NOT_MEASURED if n_own == 0 else ONE_BATCH
            continue
        size = np.linalg.norm(own[:, kept], axis=0)
        basis, values, right = np.linalg.svd(own[:, kept] / size, full_matrices=False)
        alone = own[:, n_batches:] - own[:, n_batches:].mean(axis=0)
        alone = alone / np.maximum(np.linalg.norm(alone, axis=0), np.finfo(float).tiny)
        full = values > _RANK * values[0]
        # covariates that follow from each other are harmless; one that follows from batches is not
        extra = np.linalg.matrix_rank(alone, _RANK) if alone.size else 0
        if full.sum() < n_own + extra:
            status[columns] = CONFOUNDED
            continue
        if full.sum() >= len(rows):
            status[columns] = NO_ROOM
            continue
        inverse = (right[full].T / values[full]) @ basis[:, full].T
        found = (inverse @ centred[np.ix_(rows, columns)]) / size[:, None]
        coefficients[np.ix_(np.flatnonzero(kept), columns)] = found
    return coefficients, status
