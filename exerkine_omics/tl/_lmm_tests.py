"""Tests of the mixed model from its sums alone, and the moderation across features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from exerkine_omics import schema
from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.kernels import _ebayes, _lmm, _lmm_joint, _lmm_sums
from exerkine_omics.kernels._lmm_alias import without_aliased
from exerkine_omics.kernels._packed import unpack
from exerkine_omics.tl._method import Tested, status_of

Pairs = Callable[[Contrast], np.ndarray]


@dataclass(frozen=True)
class Raw:
    """Some features before moderation; each array over features, NaN where nothing is fitted.

    ``sigma2`` is the residual variance on ``residual_df``; ``numbers`` (contrasts x 3 x F) holds
    estimate, SE and df, or of a joint test F, F and the denominator's df.
    """

    sigma2: np.ndarray
    residual_df: np.ndarray
    numbers: np.ndarray
    n_pairs: list[np.ndarray]
    n_obs: np.ndarray
    status: list[np.ndarray]


def fit_and_test(
    sums: _lmm_sums.Sums, design: Design, contrasts: Sequence[Contrast], ddf: str, pairs: Pairs
) -> Raw:
    """Fit the features and test the contrasts.

    ``pairs`` counts the people of a contrast that has more cells than the sums count people in.
    """
    n = len(sums.n_obs)
    sums, alias = without_aliased(sums)
    repeated = (sums.people * (sums.size[:, None] > 1)).sum(axis=0) > 0
    common = status_of(
        n,
        (sums.n_obs == 0, "not measured"),
        (sums.constant, "constant"),
        (~repeated, "nobody has two samples"),
        (sums.n_obs <= sums.rank, "no residual df"),
        # with nothing left of people's own differences REML's residual variance runs to zero
        (_within_df(sums) <= 0, "variance not identified"),
    )
    fitted = np.flatnonzero(common == schema.OK)
    part = sums if len(fitted) == n else _lmm_sums.take(sums, fitted)
    fit = _lmm.fit_reml(part)
    w = _lmm.precision(part, fit)
    # where the variance within people runs to zero, nothing is known of noise
    bounded = ~fit.unbounded
    variances = np.full((2, n), np.nan)
    variances[:, fitted] = np.where(bounded, np.stack([fit.sigma2, w.residual_df]), np.nan)
    numbers = np.full((len(contrasts), 3, n), np.nan)
    n_pairs, statuses = [], []
    for k, contrast in enumerate(contrasts):
        numbers[k][:, fitted] = _test(part, fit, w, design, contrast, ddf)
        status = common.copy()
        _, size, df = numbers[k][:, fitted]
        known = bounded & np.isfinite(size) & (size >= 0) & np.isfinite(df) & (df > 0)
        status[fitted[~known]] = "variance not identified"
        weights = design.weights(contrast)
        lacking = sums.absent[np.atleast_2d(weights).any(axis=0)].any(axis=0)
        lacking |= alias.lost(weights, n)
        status[(common == schema.OK) & lacking] = "not estimable"
        n_pairs.append(_fewest_pairs(sums, design, contrast, pairs))
        # an estimate from other people's visits alone is no paired change
        status[(status == schema.OK) & (n_pairs[-1] == 0)] = "no pairs"
        statuses.append(status)
    return Raw(variances[0], variances[1], numbers, n_pairs, sums.n_obs, statuses)


def _within_df(sums: _lmm_sums.Sums) -> np.ndarray:
    """Rows less people less the rank of the design within people (F), where it may be none."""
    p = len(sums.absent)
    df = sums.n_obs - sums.n_people - p
    few = np.flatnonzero((df <= 0) & (sums.n_obs > 0))
    if len(few):
        part = _lmm_sums.take(sums, few)
        within = unpack(part.xx - np.tensordot(1 / part.size, part.txx, 1)).transpose(2, 0, 1)
        diagonal = np.arange(p)
        within[:, diagonal, diagonal] -= part.absent.T
        root = np.linalg.eigvalsh(within)
        df[few] += p - (root > 1e-9 * np.maximum(root[:, -1:], 1.0)).sum(axis=1)
    return df


def _test(
    sums: _lmm_sums.Sums,
    fit: _lmm.Fit,
    w: _lmm.Precision,
    design: Design,
    contrast: Contrast,
    ddf: str,
) -> np.ndarray:
    """Estimate, SE and df of the fitted features (joint: F, F and the denominator's df)."""
    weights = design.weights(contrast)
    with np.errstate(invalid="ignore", divide="ignore"):
        if not contrast.joint:
            # the data were centred: give the mean back where the weights do not cancel
            level = 0.0 if contrast.moderator else contrast.weights.sum()
            se, df = T_TESTS[ddf](sums, fit, w, weights)
            return np.stack([weights @ fit.beta + sums.centre * level, se, df])
        rows = _lmm_joint.full_rows(weights)
        level = rows[:, : design.cell_columns.shape[1]].sum(axis=1)
        estimate = rows @ fit.beta + np.multiply.outer(level, sums.centre)
        f, df = F_TESTS[ddf](sums, fit, w, rows, estimate)
        return np.stack([f, f, df])


def finish(raws: Sequence[Raw], contrasts: Sequence[Contrast], moderate: bool) -> list[Tested]:
    """Put the features side by side and, if asked, squeeze their residual variances.

    The residual variance s^2 has d = 2 / W22 df (the within-person df of a complete design); it
    is squeezed to (d0 s0^2 + d s^2) / (d0 + d), and every df gains d0.
    """
    sigma2, residual_df = (
        np.concatenate([getattr(raw, k) for raw in raws]) for k in ("sigma2", "residual_df")
    )
    factor, gained, most = (
        _moderation(sigma2, residual_df) if moderate else (np.ones(len(sigma2)), 0.0, np.inf)
    )
    nothing = np.full(len(sigma2), np.nan)
    n_obs = np.concatenate([raw.n_obs for raw in raws])
    tested = []
    for k, contrast in enumerate(contrasts):
        first, size, df = np.concatenate([raw.numbers[k] for raw in raws], axis=1)
        n_pairs = np.concatenate([raw.n_pairs[k] for raw in raws])
        status = np.concatenate([raw.status[k] for raw in raws])
        df = np.minimum(df + gained, most)
        if contrast.joint:
            rank = len(_lmm_joint.full_rows(contrast.weights))
            with np.errstate(invalid="ignore", divide="ignore"):
                f = first / factor
                p_value = special.fdtrc(rank, df, f)
            tested.append(Tested(nothing, nothing, df, n_pairs, n_obs, status, f, p_value, rank))
        else:
            se = size * np.sqrt(factor)
            tested.append(Tested(first, se, df, n_pairs, n_obs, status))
    return tested


def _moderation(sigma2: np.ndarray, df: np.ndarray) -> tuple[np.ndarray, Any, float]:
    """Factor of the variances, df gained, and the most df that a test may have."""
    known = np.isfinite(sigma2) & np.isfinite(df) & (sigma2 > 0)
    factor = np.ones(len(sigma2))
    variance, own = sigma2[known], df[known]
    prior = _ebayes.fit_prior(variance, own)
    if not prior.known:
        return factor, 0.0, np.inf
    factor[known] = _ebayes.squeeze(variance, own, prior) / variance
    return factor, prior.df, float(own.sum())


def _fewest_pairs(
    sums: _lmm_sums.Sums, design: Design, contrast: Contrast, pairs: Pairs
) -> np.ndarray:
    """People with all cells of a contrast; of a joint one, of its row with fewest people."""
    rows = [Contrast(contrast.name, row) for row in np.atleast_2d(contrast.weights)]
    found = [_pairs(sums, design, row) for row in rows]
    counted = [pairs(r) if n is None else n for r, n in zip(rows, found, strict=True)]
    return np.asarray(np.min(counted, axis=0))


def _pairs(sums: _lmm_sums.Sums, design: Design, contrast: Contrast) -> np.ndarray | None:
    """People with all cells of the contrast, where the sums know it: two cells an arm at most."""
    column = design.cell_columns.argmax(axis=1)
    total = np.zeros(len(sums.n_obs))
    for arm in design.arms:
        own = [int(column[i]) for i in np.flatnonzero(contrast.used) if design.cells[i].arm == arm]
        if len(own) > 2 or (len(own) == 1 and (column == own[0]).sum() > 1):
            return None
        if own:
            total += sums.both(own[0], own[-1])
    return np.rint(total).astype(np.int64)


T_TESTS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kenward-roger": _lmm.kenward_roger,
    "satterthwaite": _lmm.satterthwaite,
    "residual": _lmm.residual,
}
F_TESTS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kenward-roger": _lmm_joint.kenward_roger,
    "satterthwaite": _lmm_joint.satterthwaite,
    "residual": _lmm_joint.residual,
}
