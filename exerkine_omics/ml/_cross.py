"""Repeated, grouped, nested cross-validation of all blocks on the same folds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.ml._blocks import (
    BEST_SINGLE,
    CLINICAL,
    UNIVARIATE,
    Block,
    Material,
)
from exerkine_omics.ml._estimator import EstimatorModel, fit_estimator
from exerkine_omics.ml._explain import Importance, Permuter
from exerkine_omics.ml._fold import (
    BINOMIAL,
    Derive,
    LinearModel,
    Recipe,
    Training,
    at_odds,
    fit_linear,
    weigh,
)
from exerkine_omics.ml._fold_scores import Remembering, SignatureColumns
from exerkine_omics.ml._fuse import fit_fused
from exerkine_omics.ml._single import each_signature, fit_single
from exerkine_omics.ml._splits import assign_folds, strata_for_folds

# classes weigh the same in every fold: with each fold's own share, pooled predictions of a useless
# model would rank people in reverse of their labels
EVEN = 0.5
ELASTIC_NET = "elastic_net"
Pair = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """How a cross-validation is run.

    ``models``: names and estimators (None is the elastic net); ``late``: platforms are fused by
    their predictions; ``explain``: permutations a fold for importance; ``each``: predict by each
    signature alone, too; ``fraction`` of the training people that is used.
    """

    recipe: Recipe
    folds: int
    seed: int
    models: tuple[tuple[str, Any], ...] = ((ELASTIC_NET, None),)
    late: bool = False
    explain: int = 0
    each: bool = False
    fraction: float = 1.0

    def alone(self) -> Plan:
        """Give the plan of the first model's predictions and nothing beside them."""
        return replace(self, explain=0, each=False, models=self.models[:1])

    def pairs(self, blocks: tuple[Block, ...]) -> tuple[tuple[Block, str], ...]:
        """Blocks with the models that are run on them."""
        return tuple(
            (block, model)
            for block in blocks
            for model in ([UNIVARIATE] if block.name == BEST_SINGLE else dict(self.models))
        )


@dataclass(frozen=True)
class Repeat:
    """One repeat: label and fold of each person, and per block and model what was predicted.

    A person whose label is not known by the fold's rule is NaN; ``base`` is the mean outcome of
    the training people. ``prediction`` of a class is at even odds, for ranking; `probability`
    is at the odds of the training people. ``coefficients`` (folds x columns) are per SD, NaN for
    models that have none. ``importance``: predictions with columns exchanged. ``each``:
    predictions by score and by best member (people x signatures), the members chosen (folds x
    signatures). ``n_train``: people who taught each fold. ``sites``: number of each person's site
    where sites were left out one by one, else None.
    """

    label: np.ndarray
    fold: np.ndarray
    base: np.ndarray
    prediction: dict[Pair, np.ndarray]
    coefficients: dict[Pair, np.ndarray] = field(default_factory=dict)
    importance: dict[Pair, Importance] = field(default_factory=dict)
    each: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    n_train: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    sites: np.ndarray | None = None

    def probability(self, pair: Pair) -> np.ndarray:
        """Probability of response: the even-odds prediction at the training people's odds."""
        return at_odds(self.prediction[pair], self.base)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold linear algebra to one thread.

    The systems are so small that threads wait for each other up to a hundred times longer than
    they compute; and one thread here, as in a worker process, gives the same last digit for any
    ``n_jobs``.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def one_repeat(
    material: Material, pairs: tuple[tuple[Block, str], ...], plan: Plan, key: str
) -> Repeat:
    """Predict each person once, by models that have not seen the person's group."""
    with one_thread():
        return _one_repeat(material, pairs, plan, key)


def fit_block(
    material: Material,
    plan: Plan,
    block: Block,
    model: str,
    made: tuple[np.ndarray, int],
    rows: np.ndarray,
    target: np.ndarray,
    *,
    rng: np.random.Generator,
    derive: Derive | None,
    ask: np.ndarray | None = None,
) -> Any:
    """Fit a model of the plan to the columns of a block; it has ``predict`` and ``eta``.

    ``made`` is the block's `make_table`, ``rows`` are the training people, ``target`` (all people)
    what they teach; ``ask``: the table of those to be predicted, None where they are not known yet.
    """
    table, n_free = made
    source = block.source
    if block.name == CLINICAL:
        source = np.zeros(table.shape[1], dtype=int)
    training = Training(
        table=table[rows],
        n_free=n_free,
        source=source,
        target=target[rows],
        groups=material.groups[rows],
        prior=EVEN,
        rng=rng,
        derive=derive if block.scores else None,
        holes=None if ask is None else np.isnan(ask).any(axis=0),
    )
    if model == UNIVARIATE:
        return fit_single(training, plan.recipe)
    estimator = dict(plan.models)[model]

    def fit(own: Training) -> tuple[Any, np.ndarray | None]:
        if estimator is None:
            found = fit_linear(own, plan.recipe)
            return found.model, found.inner
        return fit_estimator(own, plan.recipe, estimator), None

    fuse = plan.late and not block.scores and len(block.sources) + block.clinical > 1
    return fit_fused(training, plan.recipe, fit) if fuse else fit(training)[0]


def make_table(material: Material, block: Block) -> tuple[np.ndarray, int]:
    """Columns of a block (people x columns), and how many clinical ones stand first, unpenalised.

    The clinical block itself is penalised, like any other.
    """
    if block.name == CLINICAL:
        return material.clinical, 0
    if not block.clinical:
        return material.x[:, block.columns], 0
    both = np.hstack([material.clinical, material.x[:, block.columns]])
    return both, material.clinical.shape[1]


def _one_repeat(
    material: Material, pairs: tuple[tuple[Block, str], ...], plan: Plan, key: str
) -> Repeat:
    outcome, groups = material.outcome, material.groups
    n, found = len(groups), {(b.name, m): np.full(len(groups), np.nan) for b, m in pairs}
    fold = _folds(material, plan, key)
    label, base = np.full(n, np.nan), np.full(n, np.nan)
    slopes: dict[Pair, list[np.ndarray]] = {pair: [] for pair in found}
    permuters = {
        (b.name, m): Permuter(
            material, b, plan.explain, parallel.stream(plan.seed, "ml_explain", key)
        )
        for b, m in pairs
        if plan.explain
    }
    tables = {block.name: make_table(material, block) for block, _ in pairs}
    signatures = material.signatures
    each = _EachSignature(signatures, n) if plan.each and signatures is not None else None
    n_train = np.zeros(int(fold.max()) + 1, dtype=int)
    for k in np.unique(fold):
        test = np.flatnonzero(fold == k)
        # a family may live at two sites: its people at the others do not teach
        train = np.flatnonzero((fold != k) & ~np.isin(groups, groups[test]))
        train = _thinned(material, train, plan, key, int(k))
        y = outcome.labels(train)
        target = outcome.targets(train, y)
        train = train[~np.isnan(target[train])]
        label[test], base[test], n_train[k] = y[test], target[train].mean(), len(train)
        if plan.recipe.family == BINOMIAL:
            _two_classes(target[train], int(k))
        scores = None if signatures is None else Remembering(signatures)
        for block, model in pairs:
            pair = (block.name, model)
            table = tables[block.name][0]
            ask = table[test]
            # the same inner folds for all blocks
            rng = parallel.stream(plan.seed, "ml_inner", key, int(k))
            fitted = fit_block(
                material, plan, block, model, tables[block.name], train, target,
                rng=rng, derive=scores, ask=ask,
            )  # fmt: skip
            if isinstance(fitted, EstimatorModel):
                # in every fold, and with the training people: where a sparse model uses no column,
                # or few people are asked of a coarse one, peeking does not show
                fitted.refuse_peeking(table[np.r_[test, train]])
            found[pair][test] = fitted.predict(ask)
            if isinstance(fitted, LinearModel):
                slopes[pair].append(fitted.standardized)
            if plan.explain:
                permuters[pair].add(fitted, ask, test)
        if each is not None and scores is not None:
            each.add(material.x, train, test, target[train], plan, scores)
    return Repeat(
        label,
        fold,
        base,
        found,
        {pair: np.array(rows) for pair, rows in slopes.items() if rows},
        {pair: permuter.done() for pair, permuter in permuters.items()},
        None if each is None else each.done(),
        n_train,
        None if material.sites is None else fold,
    )


def _folds(material: Material, plan: Plan, key: str) -> np.ndarray:
    """Fold of each person: the sites one after the other, or dealt at random."""
    if material.sites is not None:
        return np.unique(material.sites, return_inverse=True)[1]
    binary = plan.recipe.family == BINOMIAL
    strata = strata_for_folds(material.outcome.value, plan.folds) if binary else None
    rng = parallel.stream(plan.seed, "ml_folds", key)
    return assign_folds(material.groups, plan.folds, rng, strata)


def _thinned(material: Material, train: np.ndarray, plan: Plan, key: str, fold: int) -> np.ndarray:
    """Part of the training groups, classes kept in proportion: a point of the learning curve."""
    if plan.fraction >= 1:
        return train
    rng = parallel.stream(plan.seed, "ml_thin", key, fold)
    groups, value = material.groups[train], material.outcome.value[train]
    parts = max(2, int(round(1 / min(plan.fraction, 1 - plan.fraction))))
    parts = min(parts * 10, len(np.unique(groups)))
    binary = plan.recipe.family == BINOMIAL
    label = strata_for_folds(value, 2) if binary else None
    part = assign_folds(groups, min(parts, _smallest(label, len(groups))), rng, label)
    keep = part < max(1, round(plan.fraction * (part.max() + 1)))
    return train[keep]


def _smallest(label: np.ndarray | None, n: int) -> int:
    return n if label is None else max(2, int(np.bincount(label)[np.bincount(label) > 0].min()))


class _EachSignature:
    """Predictions by each signature alone, gathered over the folds."""

    def __init__(self, signatures: SignatureColumns, n: int) -> None:
        self.members = signatures.members()
        self.score = np.full((n, len(self.members)), np.nan)
        self.member = np.full((n, len(self.members)), np.nan)
        self.chosen: list[np.ndarray] = []

    def add(
        self,
        x: np.ndarray,
        train: np.ndarray,
        test: np.ndarray,
        target: np.ndarray,
        plan: Plan,
        scores: Remembering,
    ) -> None:
        table = x[train]
        y, weight = weigh(target, plan.recipe.family, EVEN)
        self.score[test], self.member[test], chosen = each_signature(
            table, y, weight, x[test], plan.recipe.family, scores.fit(table), self.members
        )
        self.chosen.append(chosen)

    def done(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.score, self.member, np.array(self.chosen)


def _two_classes(target: np.ndarray, fold: int) -> None:
    cases, others = int((target > 0.5).sum()), int((target <= 0.5).sum())
    if min(cases, others) < 2:
        raise AnalysisError(
            f"The training people of fold {fold + 1} are {cases} responders and {others} others",
            where="ml.evaluate",
            fix="Use fewer folds (outer=), or more people; large families can cause this too, and "
            "with leave_out= a site that holds nearly all of a class.",
        )
