"""Null scores: sets of random features that are measured, high and variable as the members are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from exerkine_omics.kernels._scorer import Fitted, Prepared
from exerkine_omics.kernels._sets import Sets

POOL = 50
"""Features from which a member's stand-in is drawn: those most like it, itself among them."""
# stand-ins drawn at once: random sets x features held
_DRAWN = 1 << 18
_TRIES = 50
_ROUNDING = 64 * np.finfo(float).eps


@dataclass(frozen=True)
class NullScores:
    """Mean, SD and two-sided p of one signature's scores against random sets (samples).

    The SD is NaN where all random sets score the same.
    """

    mean: np.ndarray
    sd: np.ndarray
    p_value: np.ndarray


def likeness(n: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Count, mean and SD as ranks from 0 to 1, features x 3; NaN for a feature without values."""
    known = np.column_stack([n, np.nan_to_num(mean), np.nan_to_num(sd)])
    ranks = stats.rankdata(known, axis=0) / max(len(known), 1)
    ranks[n == 0] = np.nan
    return np.asarray(ranks)


def pools(like: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Stand-ins of each member (k x up to 50), the most alike first."""
    usable = np.flatnonzero(np.isfinite(like[:, 0]))
    apart = np.zeros((len(columns), len(usable)))
    for j in range(like.shape[1]):
        apart += (like[columns, j][:, None] - like[usable, j][None]) ** 2
    size = min(POOL, len(usable))
    nearest = np.argpartition(apart, size - 1, axis=1)[:, :size]
    # in the order of the features: the draw depends on who is alike only
    return usable[np.sort(nearest, axis=1)]


def random_sets(
    pool: np.ndarray, weights: np.ndarray, n_draws: int, n_features: int, rng: np.random.Generator
) -> Sets | None:
    """Draw sets (draws x k), a feature at most once in a set; None if the panel is too small."""
    k, size = pool.shape
    drawn = pool[np.arange(k), rng.integers(size, size=(n_draws, k))]
    for _ in range(_TRIES):
        ordered = np.sort(drawn, axis=1)
        twice = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if not len(twice):
            break
        drawn[twice] = pool[np.arange(k), rng.integers(size, size=(len(twice), k))]
    else:
        return None
    start = np.arange(n_draws + 1, dtype=np.int64) * k
    matrix = sparse.csr_array(
        (np.tile(weights, n_draws), drawn.ravel().astype(np.int64), start),
        shape=(n_draws, n_features),
    )
    return Sets(matrix, np.full(n_draws, np.abs(weights).sum()))


def null_scores(
    fitted: Fitted,
    prepared: Prepared,
    pool: np.ndarray,
    weights: np.ndarray,
    n_draws: int,
    n_features: int,
    rng: np.random.Generator,
    score: np.ndarray,
) -> NullScores | None:
    r"""Place one signature's scores (samples) among those of random sets.

    ``pool`` (k x up to 50) holds the stand-ins of each member, ``weights`` (k) go with them.

    .. math:: p = \frac{1 + \#\{|s_b - \bar s| \ge |s - \bar s|\}}{1 + B}

    over the B random sets of the sample, :math:`\bar s` their mean. None where no distinct
    stand-ins are to be had.
    """
    drawn = random_sets(pool, weights, n_draws, n_features, rng)
    if drawn is None:
        return None
    n_samples = len(prepared.n)
    scores = np.empty((n_draws, n_samples))
    step = max(_DRAWN // max(n_samples, 1), 1)
    for start in range(0, n_draws, step):
        rows = np.arange(start, min(start + step, n_draws))
        scores[rows] = fitted.any_score(prepared, drawn.take(rows))
    finite = np.isfinite(scores)
    count = finite.sum(axis=0)
    complete = bool(finite.all())
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (scores if complete else np.where(finite, scores, 0.0)).sum(axis=0) / count
        # sets that differ in the order of their sums only: what is left is rounding
        rounding = _ROUNDING * np.maximum(np.abs(mean), np.abs(score))
        scores -= mean
        if not complete:
            scores[~finite] = 0.0
        sd = np.sqrt(np.einsum("ij,ij->j", scores, scores) / (count - 1))
        sd = np.where(sd > rounding, sd, np.nan)
        far = np.abs(score - mean) - rounding
        np.abs(scores, out=scores)
        if not complete:
            scores[~finite] = -1.0
        beyond = (scores >= far * (1 - 1e-12)).sum(axis=0)
    p_value = np.where(np.isfinite(score) & (count > 1), (1.0 + beyond) / (1.0 + count), np.nan)
    return NullScores(mean, sd, p_value)
