"""The best single column, chosen in each training fold: what a whole profile must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exerkine_omics.kernels._univariate import univariate_linear, univariate_logistic
from exerkine_omics.ml._fold import (
    BINOMIAL,
    CLINICAL_RIDGE,
    Derived,
    LinearModel,
    Recipe,
    Training,
    as_prediction,
    learn_fill,
    weigh,
)


def fit_single(training: Training, recipe: Recipe) -> LinearModel:
    """Fit the column with the largest weighted correlation with the outcome, alone."""
    fill = learn_fill(training.table, training.holes)
    x = fill(training.table)
    y, weight = weigh(training.target, recipe.family, training.prior)
    coefficients = np.zeros(x.shape[1])
    intercept = float(weight @ y) if recipe.family != BINOMIAL else 0.0
    if x.shape[1]:
        place = int(np.argmax(correlation(x, y, weight)))
        found, slope = _lines(x[:, [place]], y, weight, recipe.family)
        intercept, coefficients[place] = float(found[0]), slope[0]
    return LinearModel(
        recipe.family, training.n_free, None, fill, intercept, coefficients, x.std(axis=0)
    )


def correlation(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Size of the weighted correlation of each column (p,) with y; 0 where a column is flat."""
    w = weight / weight.sum()
    centred = x - w @ x
    spread = np.sqrt(w @ centred**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.abs((w * (y - w @ y)) @ centred) / spread
    return np.nan_to_num(size)


def each_signature(
    train: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    test: np.ndarray,
    family: str,
    derived: Derived,
    members: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predict the people of ``test`` by each score alone, and by its best member alone.

    Parameters
    ----------
    train
        Features of the training people (people x features).
    y, weight
        Their outcome and weight, of `weigh`.
    test
        Features of the people to predict (people x features).
    derived
        Scores as the training people taught them.
    members
        Measured members of each signature, places in the table.

    Returns
    -------
    tuple
        Predictions by score and by best member (people x signatures each), the members chosen.
    """
    scores, other = derived.score(train), derived.score(test)
    fill = learn_fill(scores)
    kept = np.flatnonzero(fill.keep)
    flat = as_prediction(np.array([0.0 if family == BINOMIAL else float(weight @ y)]), family)[0]
    by_score, by_member = np.full((2, *other.shape), flat)
    if len(kept):
        intercept, slope = _lines(fill(scores), y, weight, family)
        by_score[:, kept] = as_prediction(intercept + fill(other) * slope, family)
    used = np.unique(np.concatenate(members))
    fill = learn_fill(train[:, used])
    place = {column: k for k, column in enumerate(used[fill.keep])}
    x, ask = fill(train[:, used]), fill(test[:, used])
    size = correlation(x, y, weight)
    best = np.full(len(members), -1)
    for number, columns in enumerate(members):
        there = [place[c] for c in columns if c in place]
        if there:
            best[number] = there[int(np.argmax(size[there]))]
    some = np.flatnonzero(best >= 0)
    if len(some):
        intercept, slope = _lines(x[:, best[some]], y, weight, family)
        by_member[:, some] = as_prediction(intercept + ask[:, best[some]] * slope, family)
    chosen = np.full(len(members), -1)
    chosen[some] = used[fill.keep][best[some]]
    return by_score, by_member, chosen


def _lines(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, family: str
) -> tuple[np.ndarray, np.ndarray]:
    fit = univariate_logistic if family == BINOMIAL else univariate_linear
    return fit(x, y, weight, CLINICAL_RIDGE)
