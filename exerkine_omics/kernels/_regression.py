"""Least squares of one outcome on each feature in turn, each feature with its own people.

The outcome and the covariates are shared and the regressor differs, so what is common (one mean a
group, the covariates) is swept out of both sides over the rows that the feature has; every sum over
rows is a product of matrices, and a missing cell is the same as an absent row.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from exerkine_omics.kernels import _ebayes
from exerkine_omics.parallel import blocks
from exerkine_omics.schema import OK

_RANK_TOLERANCE = 1e-9
# a feature of whose squares the covariates leave less than this share follows from them
_LEFT = 1e-10
# a spread below this share of the values is their rounding
_SPREAD = 1e-14
# residual squares below this share of the outcome's are rounding
_ROUNDING = 1e-20


@dataclass(frozen=True)
class SlopeFit:
    """Fit of all f features, one slope for each of g groups of people.

    Attributes
    ----------
    slope
        Minimum-norm slopes, outcome per unit of the feature, f x g.
    inverse
        Inverse cross-products of the swept regressors: slopes' variance over the residual's,
        f x g x g.
    basis, scale
        Projector onto the estimable slopes, f x g x g, and the roots of the regressors' squares
        about their group's mean in which it is written, f x g; a scale of 0 is a constant feature.
    rss, df
        Residual sum of squares of the outcome and its degrees of freedom (f).
    n
        People with a value, f x g.
    outcome_square, outcome_left
        Outcome's squares about the groups' means over the feature's people, and what of them the
        covariates leave (f).
    """

    slope: np.ndarray
    inverse: np.ndarray
    basis: np.ndarray
    scale: np.ndarray
    rss: np.ndarray
    df: np.ndarray
    n: np.ndarray
    outcome_square: np.ndarray
    outcome_left: np.ndarray


def fit_slopes(
    values: np.ndarray,
    outcome: np.ndarray,
    covariates: np.ndarray,
    group: np.ndarray,
    n_groups: int,
) -> SlopeFit:
    """Fit ``outcome ~ group + group:feature + covariates`` for each feature.

    Parameters
    ----------
    values
        People x features; NaN is a row that this feature does not have.
    outcome
        Outcome of each person, all finite (n).
    covariates
        n x p, all finite, without intercept; columns may be collinear on some features' rows.
    group
        Group of each person, 0..n_groups-1; residual variance and covariates' slopes are shared.
    n_groups
        Number of groups.

    Returns
    -------
    SlopeFit
        df = people with a value - rank of groups and covariates - rank of the feature's columns,
        both on the feature's own rows.
    """
    parts = [
        _fit_block(values[:, b], outcome, covariates, group, n_groups)
        for b in blocks(values.shape[1])
    ]
    return SlopeFit(
        *(np.concatenate([getattr(p, k.name) for p in parts]) for k in fields(SlopeFit))
    )


def _fit_block(
    values: np.ndarray,
    outcome: np.ndarray,
    covariates: np.ndarray,
    group: np.ndarray,
    n_groups: int,
) -> SlopeFit:
    member = (group[:, None] == np.arange(n_groups)).astype(float)
    mask = np.isfinite(values)
    weight = mask.astype(float)
    n = member.T @ weight
    x, scale = _centred(np.where(mask, values, 0.0), weight, member, n)
    y, y_scale = _centred(outcome[:, None] * weight, weight, member, n)
    common = np.hstack([member, _orthonormal(covariates, member)])
    inverse, rank = _inverse_gram(common, weight)

    def swept(v: np.ndarray) -> np.ndarray:
        # twice: the second sweep takes away the rounding of the first
        for _ in range(2):
            right = np.einsum("fjk,kf->jf", inverse, common.T @ v)
            v = (v - common @ right) * weight
        return v

    y_left = swept(y)
    parts = [swept(x * member[:, [k]]) for k in range(n_groups)]
    gram = np.stack([[(a * b).sum(axis=0) for b in parts] for a in parts]).transpose(2, 0, 1)
    right = np.stack([(a * y_left).sum(axis=0) for a in parts], axis=1)
    scale = scale.T
    per = np.where(scale > 0, 1.0 / np.where(scale > 0, scale, 1.0), 0.0)
    root, vectors = np.linalg.eigh(gram * per[:, :, None] * per[:, None, :])
    keep = root > _LEFT
    reciprocal = np.where(keep, 1.0 / np.where(keep, root, 1.0), 0.0)
    unscaled = (vectors * reciprocal[:, None, :]) @ vectors.transpose(0, 2, 1)
    unscaled = unscaled * per[:, :, None] * per[:, None, :]
    slope = np.einsum("fjk,fk->fj", unscaled, right)
    # residuals outright, not by subtraction of sums: exact where the fit is close
    residual = y_left - sum(part * slope[:, k] for k, part in enumerate(parts))
    return SlopeFit(
        slope=slope,
        inverse=unscaled,
        basis=(vectors * keep[:, None, :]) @ vectors.transpose(0, 2, 1),
        scale=scale,
        rss=(residual**2).sum(axis=0),
        df=mask.sum(axis=0) - rank - keep.sum(axis=1),
        n=n.T.astype(np.int64),
        outcome_square=(y_scale**2).sum(axis=0),
        outcome_left=(y_left**2).sum(axis=0),
    )


def _centred(
    values: np.ndarray, weight: np.ndarray, member: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take each group's mean off; roots of the groups' squares (g x f), 0 where constant."""
    mean = (member.T @ values) / np.maximum(n, 1.0)
    centred = (values - member @ mean) * weight
    size = np.abs(values).max(axis=0, initial=0.0)
    square = member.T @ centred**2
    return centred, np.sqrt(np.where(square > n * (_SPREAD * size) ** 2, square, 0.0))


def _orthonormal(covariates: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Span of the covariates within groups, columns of mean square 1: sums stay exact."""
    if not covariates.size:
        return np.empty((len(covariates), 0))
    count = np.maximum(member.sum(axis=0), 1.0)[:, None]
    size = np.abs(covariates).max(axis=0)
    rest = covariates
    for _ in range(2):
        rest = rest - member @ ((member.T @ rest) / count)
    spread = np.sqrt((rest**2).mean(axis=0))
    varies = spread > _SPREAD * size
    left, root, _ = np.linalg.svd(rest[:, varies] / spread[varies], full_matrices=False)
    keep = root > _RANK_TOLERANCE * root.max(initial=0.0)
    return left[:, keep] * np.sqrt(len(covariates))


def _inverse_gram(common: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moore-Penrose inverse of X'X on each feature's rows (f x k x k), and its rank (f)."""
    k = common.shape[1]
    first, second = np.triu_indices(k)
    sums = (common[:, first] * common[:, second]).T @ weight
    gram = np.empty((weight.shape[1], k, k))
    gram[:, first, second] = gram[:, second, first] = sums.T
    root, vectors = np.linalg.eigh(gram)
    keep = root > _RANK_TOLERANCE * np.maximum(root[:, -1:], 1.0)
    scaled = np.where(keep, 1.0 / np.where(keep, root, 1.0), 0.0)
    return (vectors * scaled[:, None, :]) @ vectors.transpose(0, 2, 1), keep.sum(axis=1)


def contrast_slopes(
    fit: SlopeFit, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate, unscaled SE and estimability (f each) of a combination of the groups' slopes."""
    estimate = fit.slope @ weights
    unscaled = np.sqrt(np.einsum("j,fjk,k->f", weights, fit.inverse, weights))
    positive = fit.scale > 0
    scaled = np.where(positive, weights / np.where(positive, fit.scale, 1.0), 0.0)
    distance = np.abs(np.einsum("fjk,fk->fj", fit.basis, scaled) - scaled).max(axis=1)
    estimable = distance <= 1e-6 * np.abs(scaled).max(axis=1)
    return estimate, unscaled, estimable & (positive | (weights == 0)).all(axis=1)


def reversed_variance(fit: SlopeFit) -> np.ndarray:
    """Residual variance of ``feature ~ outcome + covariates`` (f), from a fit of one group.

    The t of the feature in one regression is the t of the outcome in the other, for both are
    r sqrt(df / (1 - r^2)) of the same partial correlation; the residual squares are
    (1 - r^2) x the feature's swept squares, and 1 - r^2 = rss / outcome's swept squares.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return fit.rss / fit.outcome_left / fit.inverse[:, 0, 0] / fit.df


def moderation(fit: SlopeFit, usable: np.ndarray, legacy: bool) -> tuple[np.ndarray, np.ndarray]:
    """Factor on the SE and df of the moderated t (f each), from a fit of one group.

    The reversed residual variances of the ``usable`` features are squeezed towards their prior,
    which with ``legacy`` is the equal-df one also where df differ.
    """
    variance = np.where(usable, reversed_variance(fit), np.nan)
    df = np.where(np.isfinite(variance), fit.df, 0.0)
    prior = _ebayes.fit_prior(variance, df, legacy=legacy)
    if not prior.known:
        return np.ones_like(variance), df
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.sqrt(_ebayes.squeeze(variance, df, prior) / variance)
    return factor, _ebayes.total_df(df, prior)


@dataclass(frozen=True)
class SlopeTest:
    """One combination of slopes over f features; ``status`` says why a number is missing."""

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    n: np.ndarray
    status: np.ndarray


def slope_tests(
    values: np.ndarray,
    outcome: np.ndarray,
    covariates: np.ndarray,
    group: np.ndarray,
    contrasts: np.ndarray,
    *,
    pooled: bool = False,
    moderate: bool = False,
    legacy: bool = False,
) -> list[SlopeTest]:
    """Test combinations of the groups' slopes.

    Parameters
    ----------
    values, outcome, covariates, group
        As in `fit_slopes`.
    contrasts
        A row a test, a column a group.
    pooled
        One regression of all groups, with one residual variance and the covariates' slopes in
        common; else each group by itself, combined with Welch-Satterthwaite's df.
    moderate, legacy
        Squeeze the reversed residual variances of each group (not with ``pooled``).
    """
    if pooled:
        fit = fit_slopes(values, outcome, covariates, group, contrasts.shape[1])
        return [_test(fit, weights, moderate, legacy) for weights in contrasts]
    own = []
    for k in range(contrasts.shape[1]):
        rows = group == k
        alone = np.zeros(int(rows.sum()), dtype=int)
        fit = fit_slopes(values[rows], outcome[rows], covariates[rows], alone, 1)
        own.append(_test(fit, np.ones(1), moderate, legacy))
    return [_combined(own, weights) for weights in contrasts]


def _test(fit: SlopeFit, weights: np.ndarray, moderate: bool, legacy: bool) -> SlopeTest:
    mine = weights != 0
    estimate, unscaled, estimable = contrast_slopes(fit, weights)
    status = np.select(
        [
            (fit.n[:, mine] == 0).any(axis=1),
            fit.df <= 0,
            (fit.scale[:, mine] <= 0).any(axis=1),
            fit.outcome_square <= 0,
            ~estimable,
            fit.rss <= _ROUNDING * fit.outcome_square,
        ],
        [
            "not measured",
            "no residual df",
            "constant",
            "constant outcome",
            "not estimable",
            "no residual variance",
        ],
        default=OK,
    ).astype(object)
    with np.errstate(invalid="ignore", divide="ignore"):
        se, df = unscaled * np.sqrt(fit.rss / fit.df), fit.df.astype(float)
    if moderate:
        factor, df = moderation(fit, status == OK, legacy)
        se = se * factor
    return SlopeTest(estimate, se, df, fit.n[:, mine].sum(axis=1), status)


def _combined(own: list[SlopeTest], weights: np.ndarray) -> SlopeTest:
    """Weighted sum of independent slopes; the first group that has none says why."""
    mine = np.flatnonzero(weights)
    if len(mine) == 1 and weights[mine[0]] == 1:
        return own[mine[0]]
    parts, w = [own[k] for k in mine], weights[mine]
    with np.errstate(invalid="ignore", divide="ignore"):
        square = [(a * p.se) ** 2 for a, p in zip(w, parts, strict=True)]
        total = sum(square)
        df = total**2 / sum(v**2 / p.df for v, p in zip(square, parts, strict=True))
    status = parts[0].status
    for part in parts[1:]:
        status = np.where(status == OK, part.status, status)
    estimate = sum(a * p.estimate for a, p in zip(w, parts, strict=True))
    n = np.sum([p.n for p in parts], axis=0)
    return SlopeTest(estimate, np.sqrt(total), df, n, status)
