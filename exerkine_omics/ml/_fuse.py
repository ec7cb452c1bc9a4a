"""Late fusion: a model a platform, their predictions joined by weights learnt in inner folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exerkine_omics.kernels._elastic_net import ElasticNetProblem
from exerkine_omics.ml._fold import (
    BINOMIAL,
    Recipe,
    Training,
    as_prediction,
    inner_folds,
    learn_fill,
    weigh,
)

_RIDGE = 0.01
_CLIP = 6.0  # logits beyond 0.0025 and 0.9975 would let one person decide a weight


@dataclass(frozen=True)
class FusedModel:
    """Models of platforms and what each is worth.

    ``parts`` holds the columns of the table (p) of each and its model; ``base`` is what a model
    without knowledge says: a person without any value of a platform adds nothing to it.
    """

    family: str
    parts: tuple[tuple[np.ndarray, Any], ...]
    weights: np.ndarray
    intercept: float
    base: float

    def eta(self, table: np.ndarray) -> np.ndarray:
        """Linear predictor."""
        found = np.full(len(table), self.intercept + self.base)
        for weight, (columns, model) in zip(self.weights, self.parts, strict=True):
            if weight > 0:
                found += weight * _signal(model, table[:, columns], self.base)
        return found

    def predict(self, table: np.ndarray) -> np.ndarray:
        """Probability at even odds, or the change."""
        return as_prediction(self.eta(table), self.family)


def fit_fused(
    training: Training, recipe: Recipe, fit: Callable[[Training], tuple[Any, np.ndarray | None]]
) -> FusedModel:
    """Fit each platform (and the clinical columns) by itself; learn weights, none negative.

    ``fit`` gives a model and its out-of-fold linear predictors, None where it has none.
    """
    binary = recipe.family == BINOMIAL
    base = 0.0 if binary else float(training.target.mean())
    places = [
        training.n_free + np.flatnonzero(training.source == k) for k in np.unique(training.source)
    ]
    if training.n_free:
        places.insert(0, np.arange(training.n_free))
    parts, signals = [], []
    for columns in places:
        own = replace(
            training,
            table=training.table[:, columns],
            n_free=0,
            source=np.zeros(len(columns), dtype=int),
            holes=None if training.holes is None else training.holes[columns],
        )
        known = ~np.isnan(own.table).all(axis=1)
        own = replace(
            own, table=own.table[known], target=own.target[known], groups=own.groups[known]
        )
        if _tells_nothing(own, binary):
            parts.append((columns, None))
            signals.append(np.zeros(len(known)))
            continue
        model, inner = fit(own)
        if inner is None:
            inner = _out_of_fold(own, recipe, fit)
        signal = np.zeros(len(known))
        signal[known] = np.where(np.isnan(inner), 0.0, inner - base)
        parts.append((columns, model))
        signals.append(np.clip(signal, -_CLIP, _CLIP) if binary else signal)
    weights, intercept = _stack(np.column_stack(signals), training, recipe, base)
    return FusedModel(recipe.family, tuple(parts), weights, intercept, base)


def _tells_nothing(training: Training, binary: bool) -> bool:
    """Has a platform fewer than two people of a class, or nothing that varies among its people."""
    target = training.target
    classes = min((target > 0.5).sum(), (target <= 0.5).sum()) if binary else len(target)
    return bool(classes < 2) or not learn_fill(training.table).keep.any()


def _signal(model: Any, table: np.ndarray, base: float) -> np.ndarray:
    known = ~np.isnan(table).all(axis=1)
    found = np.zeros(len(table))
    if known.any():
        found[known] = model.eta(table[known]) - base
    return found


def _out_of_fold(
    training: Training,
    recipe: Recipe,
    fit: Callable[[Training], tuple[Any, np.ndarray | None]],
) -> np.ndarray:
    found = np.full(len(training.target), np.nan)
    for inside, outside in inner_folds(training, recipe):
        own = replace(
            training,
            table=training.table[inside],
            target=training.target[inside],
            groups=training.groups[inside],
            holes=None,
        )
        found[outside] = fit(own)[0].eta(training.table[outside])
    return found


def _stack(
    signals: np.ndarray, training: Training, recipe: Recipe, base: float
) -> tuple[np.ndarray, float]:
    """Weights from 0 up and intercept, by a regression with a small ridge."""
    y, weight = weigh(training.target, recipe.family, training.prior)
    use = np.ptp(signals, axis=0) > 1e-9
    full, intercept = np.zeros(signals.shape[1]), 0.0
    while use.any():
        problem = ElasticNetProblem(
            signals[:, use],
            y - (0.0 if recipe.family == BINOMIAL else base),
            family=recipe.family,
            weights=weight,
            unpenalized=np.ones(int(use.sum()), dtype=bool),
            free_ridge=_RIDGE,
        )
        found, slopes = problem.coefficients(problem.null)
        if (slopes >= 0).all():
            full[use], intercept = slopes, found
            break
        # the most negative leaves first: what it took away from the others is given back
        use[np.flatnonzero(use)[np.argmin(slopes * signals[:, use].std(axis=0))]] = False
    return full, intercept
