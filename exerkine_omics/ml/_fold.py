"""One training fold: impute, filter, scale, choose the penalty, fit, predict the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from exerkine_omics.kernels._elastic_net import ElasticNetProblem, ElasticNetState
from exerkine_omics.ml._splits import assign_folds

_TOL = 1e-6
_TOL_INNER = 1e-4  # enough to compare the losses of penalties
_PATIENCE = 4  # penalties without a lower inner loss, after which a path is left
CLINICAL_RIDGE = 0.01
# values of training and of other people to columns made of them, by what the first teach
Derive = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Recipe:
    """What one fold does: ``family``, mixing values, penalties a path, inner folds."""

    family: str = "binomial"
    l1_ratios: tuple[float, ...] = (0.5,)
    n_penalties: int = 20
    inner: int = 5


@dataclass(frozen=True)
class FoldFit:
    """Predictions of the test people and the features the model uses (mask)."""

    prediction: np.ndarray
    selected: np.ndarray


def prepare(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Impute with the training medians; keep features that are seen and vary in training.

    Missing values: a NaN becomes the median of the training people.
    """
    holes = np.isnan(train)
    any_hole = holes.any(axis=0) | np.isnan(test).any(axis=0)
    seen = ~holes.all(axis=0)
    columns = np.flatnonzero(any_hole & seen)
    if len(columns):
        train, test = train.copy(), test.copy()
        ordered = np.sort(train[:, columns], axis=0)  # NaN last
        count = len(train) - holes[:, columns].sum(axis=0)
        place = np.arange(len(columns))
        median = (ordered[(count - 1) // 2, place] + ordered[count // 2, place]) / 2
        train[:, columns] = np.where(np.isnan(train[:, columns]), median, train[:, columns])
        test[:, columns] = np.where(np.isnan(test[:, columns]), median, test[:, columns])
    with np.errstate(invalid="ignore"):
        keep = seen & (np.ptp(train, axis=0) > 0)
    return train[:, keep], test[:, keep], keep


def fit_predict(
    x: np.ndarray,
    free: np.ndarray,
    y: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    groups: np.ndarray,
    recipe: Recipe,
    rng: np.random.Generator,
    prior: float,
    derive: Derive | None = None,
) -> FoldFit:
    """Learn on ``train`` only and predict ``test``.

    Parameters
    ----------
    x
        Penalised features, people x features.
    free
        Features outside the penalty, people x k; they carry a small ridge (0.01 on the
        standardised scale) so that a separating covariate cannot run away.
    y
        Outcome; the values of test people are not used.
    prior
        Share of cases to which the training classes are weighted. Folds differ in that share
        by rounding only, but against their own test people: unweighted, the pooled predictions
        of an uninformative model would rank these people in reverse.
    derive
        Makes the penalised columns from ``x``, anew in the fold and in each inner fold; None
        takes ``x`` itself.
    """
    label, group = y[train], groups[train]
    both, k = np.hstack([free, x]), free.shape[1]
    table, other = both[train], both[test]
    learn, ask, keep = _ready(table, other, k, derive)
    is_free = np.arange(len(keep)) < k
    weights = _weights(label, recipe, prior)
    parts = _inner_parts(table, k, label, group, recipe, rng, prior, derive)
    best: tuple[float, ElasticNetProblem, np.ndarray, int] | None = None
    for l1_ratio in recipe.l1_ratios:
        problem = ElasticNetProblem(
            learn,
            label,
            family=recipe.family,
            l1_ratio=l1_ratio,
            weights=weights,
            unpenalized=is_free[keep],
            free_ridge=CLINICAL_RIDGE,
        )
        grid = problem.penalties(recipe.n_penalties)
        loss, place = _inner_loss(parts, is_free, l1_ratio, grid, recipe)
        if best is None or loss < best[0]:
            best = (loss, problem, grid, place)
    if best is None:
        raise ValueError("Recipe.l1_ratios is empty")
    _, problem, grid, place = best
    state: ElasticNetState | None = None
    for penalty in grid[: place + 1]:
        state = problem.solve(float(penalty), state, _TOL)
    if state is None:
        state = problem.null
    eta = problem.linear_predictor(state, ask)
    chosen = np.zeros(len(keep), dtype=bool)
    chosen[keep] = problem.coefficients(state)[1] != 0
    # twelve digits: models without any feature, equal but for rounding, must tie between folds
    prediction = np.round(special.expit(eta), 12) if recipe.family == "binomial" else eta
    return FoldFit(prediction, chosen[k:])


def _ready(
    train: np.ndarray, test: np.ndarray, n_free: int, derive: Derive | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of training and other people, ready for the model; the first ``n_free`` as is."""
    if derive is not None:
        made = derive(train[:, n_free:], test[:, n_free:])
        train, test = (
            np.hstack([values[:, :n_free], columns])
            for values, columns in zip((train, test), made, strict=True)
        )
    return prepare(train, test)


@dataclass(frozen=True)
class _Part:
    learn: np.ndarray
    label: np.ndarray
    ask: np.ndarray
    truth: np.ndarray
    keep: np.ndarray
    weights: np.ndarray


def _inner_parts(
    both: np.ndarray,
    n_free: int,
    label: np.ndarray,
    group: np.ndarray,
    recipe: Recipe,
    rng: np.random.Generator,
    prior: float,
    derive: Derive | None,
) -> list[_Part]:
    binary = recipe.family == "binomial"
    smallest = int(min((label == 1).sum(), (label == 0).sum())) if binary else len(label)
    folds = min(recipe.inner, smallest, len(np.unique(group)))
    if folds < 2:
        return []
    fold = assign_folds(group, folds, rng, label.astype(int) if binary else None)
    parts = []
    for k in range(folds):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        if not len(outside) or (binary and len(np.unique(label[inside])) < 2):
            continue
        learn, ask, keep = _ready(both[inside], both[outside], n_free, derive)
        weights = _weights(label[inside], recipe, prior)
        parts.append(_Part(learn, label[inside], ask, label[outside], keep, weights))
    return parts


def _inner_loss(
    parts: Sequence[_Part],
    is_free: np.ndarray,
    l1_ratio: float,
    grid: np.ndarray,
    recipe: Recipe,
) -> tuple[float, int]:
    """Lowest mean loss over the inner folds and its place on the grid (the sparsest if tied)."""
    problems = [
        ElasticNetProblem(
            part.learn,
            part.label,
            family=recipe.family,
            l1_ratio=l1_ratio,
            weights=part.weights,
            unpenalized=is_free[part.keep],
            free_ridge=CLINICAL_RIDGE,
        )
        for part in parts
    ]
    states: list[ElasticNetState | None] = [None] * len(parts)
    best, place = np.inf, 0
    total = max(1, sum(len(part.truth) for part in parts))
    for step, penalty in enumerate(grid):
        loss = 0.0
        for k, (part, problem) in enumerate(zip(parts, problems, strict=True)):
            state = problem.solve(float(penalty), states[k], _TOL_INNER)
            states[k] = state
            eta = problem.linear_predictor(state, part.ask)
            if recipe.family == "binomial":
                loss += float((np.logaddexp(0, eta) - part.truth * eta).sum())
            else:
                loss += float(((part.truth - eta) ** 2).sum())
        if loss / total < best - 1e-9:
            best, place = loss / total, step
        if step - place >= _PATIENCE:
            break
    return best, place


def _weights(label: np.ndarray, recipe: Recipe, prior: float) -> np.ndarray:
    if recipe.family != "binomial":
        return np.full(len(label), 1.0 / len(label))
    cases = (label == 1).sum()
    return np.where(label == 1, prior / cases, (1 - prior) / (len(label) - cases))
