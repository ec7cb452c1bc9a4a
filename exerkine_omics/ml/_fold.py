"""One training fold of the elastic net: fill, filter, choose the penalties by inner folds, fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import special

from exerkine_omics.kernels._elastic_net import ElasticNetProblem, ElasticNetState
from exerkine_omics.ml._splits import assign_folds

BINOMIAL, GAUSSIAN = "binomial", "gaussian"
CLINICAL_RIDGE = 0.01
_TOL = 1e-6
_TOL_INNER = 1e-4  # enough to compare the losses of penalties
_PATIENCE = 4  # penalties without a lower inner loss, after which a path is left


class Derived(Protocol):
    """Columns that were learnt on training people (scores of signatures)."""

    def score(self, values: np.ndarray) -> np.ndarray:
        """Columns of these people."""


class Derive(Protocol):
    """Learns from training people (people x features) how columns are made of features."""

    def fit(self, train: np.ndarray) -> Derived:
        """Learn from these people."""


@dataclass(frozen=True)
class Recipe:
    """What one fold does: ``family``, mixing values, penalties a path, inner folds.

    ``favours``: with features of several sources, how many times dearer the others may be than
    one of them; each is tried beside equal penalties.
    """

    family: str = BINOMIAL
    l1_ratios: tuple[float, ...] = (0.5,)
    n_penalties: int = 20
    inner: int = 5
    favours: tuple[float, ...] = (2.0, 4.0)


@dataclass(frozen=True)
class Training:
    """Training people as one block sees them.

    ``table`` (people x columns, NaN allowed) has ``n_free`` columns outside the penalty first;
    ``source`` numbers the platform of each of the others. ``target`` is 0/1, a probability of
    response, or a number. ``prior`` is the share of cases to which the classes are weighted:
    folds differ in their share against their own test people, and unweighted the pooled
    predictions of a useless model would rank these in reverse. ``holes`` marks the columns that
    other people lack (None: any may be); ``derive`` makes the penalised columns anew.
    """

    table: np.ndarray
    n_free: int
    source: np.ndarray
    target: np.ndarray
    groups: np.ndarray
    prior: float
    rng: np.random.Generator
    derive: Derive | None = None
    holes: np.ndarray | None = None


@dataclass(frozen=True)
class Fill:
    """Training medians of the columns (p), and those that are seen and vary (mask, p).

    A column that needed no median when it was learnt has NaN for it.
    """

    keep: np.ndarray
    median: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Kept columns, a missing value by the training median."""
        values = values[:, self.keep]
        holes = np.isnan(values)
        return np.where(holes, self.median[self.keep], values) if holes.any() else values


def learn_fill(train: np.ndarray, holes: np.ndarray | None = None) -> Fill:
    """Medians where training people, or the others by ``holes``, lack a value; what varies."""
    missing = np.isnan(train)
    seen = ~missing.all(axis=0)
    wanted = np.ones(len(seen), dtype=bool) if holes is None else holes | missing.any(axis=0)
    columns = np.flatnonzero(wanted & seen)
    median = np.full(len(seen), np.nan)
    if len(columns):
        ordered = np.sort(train[:, columns], axis=0)  # NaN last
        count = len(train) - missing[:, columns].sum(axis=0)
        place = np.arange(len(columns))
        median[columns] = (ordered[(count - 1) // 2, place] + ordered[count // 2, place]) / 2
    filled = np.where(missing, median, train) if missing.any() else train
    with np.errstate(invalid="ignore"):
        varies = np.ptp(filled, axis=0) > 0
    return Fill(seen & varies, median)


@dataclass(frozen=True)
class LinearModel:
    """Fitted elastic net: what it takes to predict new people.

    ``coefficients`` and ``scale`` (SD in training) are of the kept columns, in their own units.
    """

    family: str
    n_free: int
    derived: Any
    fill: Fill
    intercept: float
    coefficients: np.ndarray
    scale: np.ndarray

    def columns(self, table: np.ndarray) -> np.ndarray:
        """Kept and filled columns of people as `Training.table` has them."""
        return self.fill(derived_columns(self.derived, table, self.n_free))

    def eta(self, table: np.ndarray) -> np.ndarray:
        """Linear predictor."""
        used = np.flatnonzero(self.coefficients)
        found: np.ndarray = self.intercept + self.columns(table)[:, used] @ self.coefficients[used]
        return found

    def predict(self, table: np.ndarray) -> np.ndarray:
        """Probability at even odds, or the change."""
        return as_prediction(self.eta(table), self.family)

    def shares(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns that count, and what each adds to the linear predictor (people x columns)."""
        used = np.flatnonzero(self.coefficients)
        part = self.columns(table)[:, used] * self.coefficients[used]
        return np.flatnonzero(self.fill.keep)[used], part

    @property
    def standardized(self) -> np.ndarray:
        """Coefficient of each column per SD in training; 0 where it is not used."""
        full = np.zeros(len(self.fill.keep))
        full[self.fill.keep] = self.coefficients * self.scale
        return full


@dataclass(frozen=True)
class LinearFit:
    """A `LinearModel`, and the linear predictors of its training people out of inner folds."""

    model: LinearModel
    inner: np.ndarray


def as_prediction(eta: np.ndarray, family: str) -> np.ndarray:
    """Linear predictor as the outcome has it.

    Twelve digits: models without any feature, equal but for rounding, must tie between folds.
    """
    return np.round(special.expit(eta), 12) if family == BINOMIAL else eta


def at_odds(even: np.ndarray, base: np.ndarray | float) -> np.ndarray:
    """Probability at the odds of ``base``, from one at even odds."""
    even, base = (np.clip(v, 1e-12, 1 - 1e-12) for v in (even, base))
    odds = even / (1 - even) * base / (1 - base)
    return np.asarray(odds / (1 + odds))


def weigh(target: np.ndarray, family: str, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Outcome and weight of each person at which cases make up ``prior``.

    A probability of response counts in both classes: ``w = t a + (1 - t) b``, outcome ``t a / w``,
    with a and b the weights of a case and of another.
    """
    if family != BINOMIAL:
        return target, np.full(len(target), 1.0 / len(target))
    case = target * (prior / target.sum())
    other = (1 - target) * ((1 - prior) / (1 - target).sum())
    weight = case + other
    return case / weight, weight


def fit_linear(training: Training, recipe: Recipe) -> LinearFit:
    """Choose mixing value, penalties and their size by the inner folds; fit on all."""
    derived, table = learn_columns(training.derive, training.table, training.n_free)
    n_free = training.n_free
    # whether a derived column of other people has holes is not known beforehand
    fill = learn_fill(table, training.holes if derived is None else None)
    learn, target = fill(table), training.target
    parts = inner_parts(training, recipe)
    y, weight = weigh(target, recipe.family, training.prior)
    source = training.source if training.derive is None else np.zeros(table.shape[1] - n_free, int)
    best: _Chosen | None = None
    for l1_ratio in recipe.l1_ratios:
        for factors in _factors(source, n_free, recipe.favours):
            options = _Options(recipe.family, n_free, l1_ratio, factors)
            problem = options.problem(learn, y, weight, fill.keep)
            grid = problem.penalties(recipe.n_penalties)
            loss, place, inner = _inner_loss(parts, options, grid, len(target))
            if best is None or loss < best.loss:
                best = _Chosen(loss, problem, grid[: place + 1], inner)
    if best is None:
        raise ValueError("Recipe.l1_ratios is empty")
    state = best.problem.null
    for penalty in best.grid:
        state = best.problem.solve(float(penalty), state, _TOL)
    intercept, slopes = best.problem.coefficients(state)
    model = LinearModel(recipe.family, n_free, derived, fill, intercept, slopes, best.problem.scale)
    return LinearFit(model, best.inner)


@dataclass(frozen=True)
class Part:
    """One inner fold: columns of its training and other people, ready for the model."""

    learn: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    ask: np.ndarray
    truth: np.ndarray
    rows: np.ndarray
    keep: np.ndarray


def inner_folds(training: Training, recipe: Recipe) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of the training and of the other people of each inner fold."""
    target = training.target
    binary = recipe.family == BINOMIAL
    label = (target > 0.5).astype(int) if binary else None
    smallest = int(min(label.sum(), len(label) - label.sum())) if label is not None else len(target)
    folds = min(recipe.inner, smallest, len(np.unique(training.groups)))
    if folds < 2:
        return []
    fold = assign_folds(training.groups, folds, training.rng, label)
    found = []
    for k in range(folds):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        if len(outside) and (label is None or len(np.unique(label[inside])) == 2):
            found.append((inside, outside))
    return found


def inner_parts(training: Training, recipe: Recipe) -> list[Part]:
    """Inner folds with all that is learnt learnt anew in each."""
    parts = []
    for inside, outside in inner_folds(training, recipe):
        derived, learn = learn_columns(training.derive, training.table[inside], training.n_free)
        ask = derived_columns(derived, training.table[outside], training.n_free)
        fill = learn_fill(learn, np.isnan(ask).any(axis=0))
        y, weight = weigh(training.target[inside], recipe.family, training.prior)
        truth = training.target[outside]
        parts.append(Part(fill(learn), y, weight, fill(ask), truth, outside, fill.keep))
    return parts


@dataclass(frozen=True)
class _Options:
    family: str
    n_free: int
    l1_ratio: float
    factors: np.ndarray | None

    def problem(
        self, x: np.ndarray, y: np.ndarray, weight: np.ndarray, keep: np.ndarray
    ) -> ElasticNetProblem:
        return ElasticNetProblem(
            x,
            y,
            family=self.family,
            l1_ratio=self.l1_ratio,
            weights=weight,
            unpenalized=(np.arange(len(keep)) < self.n_free)[keep],
            free_ridge=CLINICAL_RIDGE,
            penalty_factors=None if self.factors is None else self.factors[keep],
        )


@dataclass(frozen=True)
class _Chosen:
    loss: float
    problem: ElasticNetProblem
    grid: np.ndarray
    inner: np.ndarray


def derived_columns(derived: Derived | None, table: np.ndarray, n_free: int) -> np.ndarray:
    """Columns with the penalised ones made anew; as they are where nothing was learnt."""
    if derived is None:
        return table
    return np.hstack([table[:, :n_free], derived.score(table[:, n_free:])])


def learn_columns(
    derive: Derive | None, table: np.ndarray, n_free: int
) -> tuple[Derived | None, np.ndarray]:
    """Learn from training people how columns are made, and make theirs."""
    derived = None if derive is None else derive.fit(table[:, n_free:])
    return derived, derived_columns(derived, table, n_free)


def _factors(source: np.ndarray, n_free: int, favours: Sequence[float]) -> list[np.ndarray | None]:
    """Relative penalties to try: equal ones, and each source favoured over the others."""
    names = np.unique(source)
    found: list[np.ndarray | None] = [None]
    if len(names) > 1:
        free = np.ones(n_free)
        found += [
            np.r_[free, np.where(source == name, 1.0, dear)] for dear in favours for name in names
        ]
    return found


def _inner_loss(
    parts: Sequence[Part], options: _Options, grid: np.ndarray, n: int
) -> tuple[float, int, np.ndarray]:
    """Lowest mean loss over the inner folds and its place on the grid (the sparsest if tied).

    Also the linear predictors (n,) there, each person's out of the fold; NaN where in none.
    """
    problems = [options.problem(p.learn, p.target, p.weight, p.keep) for p in parts]
    states: list[ElasticNetState | None] = [None] * len(parts)
    best, place, inner = np.inf, 0, np.full(n, np.nan)
    total = max(1, sum(len(part.truth) for part in parts))
    for step, penalty in enumerate(grid):
        loss, found = 0.0, []
        for k, (part, problem) in enumerate(zip(parts, problems, strict=True)):
            state = problem.solve(float(penalty), states[k], _TOL_INNER)
            states[k] = state
            eta = problem.linear_predictor(state, part.ask)
            found.append(eta)
            if options.family == BINOMIAL:
                loss += float((np.logaddexp(0, eta) - part.truth * eta).sum())
            else:
                loss += float(((part.truth - eta) ** 2).sum())
        if loss / total < best - 1e-9:
            best, place = loss / total, step
            for part, eta in zip(parts, found, strict=True):
                inner[part.rows] = eta
        if step - place >= _PATIENCE:
            break
    return best, place, inner
