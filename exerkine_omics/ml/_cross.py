"""Repeated, grouped, nested cross-validation of all blocks on the same folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.ml._fold import Recipe, fit_predict
from exerkine_omics.ml._fold_scores import SignatureColumns, remembering
from exerkine_omics.ml._outcome import Outcome
from exerkine_omics.ml._splits import assign_folds, permute_between_groups, strata_for_folds

# classes weigh the same in every fold: with each fold's own share, pooled predictions of a useless
# model would rank people in reverse of their labels
_EVEN = 0.5
CLINICAL, OMICS, SIGNATURES = "clinical", "omics", "signatures"
BLOCKS = (CLINICAL, OMICS, f"{CLINICAL}+{OMICS}", SIGNATURES, f"{CLINICAL}+{SIGNATURES}")


@dataclass(frozen=True)
class Material:
    """What a cross-validation works on: ``x``, ``clinical`` (people x columns), ``groups``.

    ``signatures`` are made from ``x`` inside each fold; None where none were asked for.
    """

    x: np.ndarray
    clinical: np.ndarray
    groups: np.ndarray
    outcome: Outcome
    signatures: SignatureColumns | None = None


@dataclass(frozen=True)
class Repeat:
    """One repeat: label and fold of each person, and per block predictions and selections.

    A person whose label is not known by the fold's rule is NaN; ``base`` is the mean outcome of
    the training people. ``prediction`` of a class is at even odds, for ranking; `probability`
    is at the odds of the training people.
    """

    label: np.ndarray
    fold: np.ndarray
    base: np.ndarray
    prediction: dict[str, np.ndarray]
    selected: dict[str, np.ndarray]

    def probability(self, block: str) -> np.ndarray:
        """Probability of response: the even-odds prediction at the training people's odds."""
        even, base = (np.clip(v, 1e-12, 1 - 1e-12) for v in (self.prediction[block], self.base))
        odds = even / (1 - even) * base / (1 - base)
        return odds / (1 + odds)


def blocks_of(material: Material) -> tuple[str, ...]:
    """Blocks that can be fitted: none with clinical columns or signatures where there are none."""
    lacking = [] if material.clinical.shape[1] else [CLINICAL]
    lacking += [SIGNATURES] if material.signatures is None else []
    return tuple(block for block in BLOCKS if not any(part in block for part in lacking))


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
    material: Material,
    blocks: tuple[str, ...],
    recipe: Recipe,
    folds: int,
    seed: int,
    key: str,
) -> Repeat:
    """Predict each person once, by models that have not seen the person's group."""
    with one_thread():
        return _one_repeat(material, blocks, recipe, folds, seed, key)


def _one_repeat(
    material: Material,
    blocks: tuple[str, ...],
    recipe: Recipe,
    folds: int,
    seed: int,
    key: str,
) -> Repeat:
    outcome, groups = material.outcome, material.groups
    binary = recipe.family == "binomial"
    strata = strata_for_folds(outcome.value, folds) if binary else None
    fold = assign_folds(groups, folds, parallel.stream(seed, "ml_folds", key), strata)
    n = len(groups)
    label, base = np.full(n, np.nan), np.full(n, np.nan)
    prediction = {block: np.full(n, np.nan) for block in blocks}
    chosen: dict[str, list[np.ndarray]] = {block: [] for block in blocks}
    for k in range(folds):
        test, train = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        if not len(test):
            continue
        y = outcome.labels(train)
        train = train[~np.isnan(y[train])]
        label[test], base[test] = y[test], y[train].mean()
        if binary:
            _two_classes(y[train], k)
        scores = remembering(material.signatures)
        for block in blocks:
            penalized, free = _columns(material, block)
            derive = scores if SIGNATURES in block else None
            rng = parallel.stream(seed, "ml_inner", key, k)  # the same inner folds for all blocks
            fit = fit_predict(penalized, free, y, train, test, groups, recipe, rng, _EVEN, derive)
            prediction[block][test] = fit.prediction
            chosen[block].append(fit.selected)
    selected = {block: np.array(masks) for block, masks in chosen.items()}
    return Repeat(label, fold, base, prediction, selected)


def permuted_auc(
    material: Material, recipe: Recipe, folds: int, seed: int, blocks: tuple[str, ...], number: int
) -> list[float]:
    """AUC of blocks with the outcomes exchanged between groups: the whole pipeline once."""
    order = permute_between_groups(material.groups, parallel.stream(seed, "ml_permute", number))
    exchanged = replace(material, outcome=material.outcome.take(order))
    found = one_repeat(exchanged, blocks, recipe, folds, seed, f"permuted_{number}")
    return [_auc(found, block) for block in blocks]


def permuted_increment(
    material: Material, recipe: Recipe, folds: int, seed: int, blocks: tuple[str, ...], number: int
) -> list[float]:
    """Gain of blocks over clinical with the omics rows exchanged; the rest stays together."""
    order = permute_between_groups(material.groups, parallel.stream(seed, "ml_increment", number))
    exchanged = replace(material, x=material.x[order])
    key = f"increment_{number}"
    found = one_repeat(exchanged, (CLINICAL, *blocks), recipe, folds, seed, key)
    return [_auc(found, block) - _auc(found, CLINICAL) for block in blocks]


def permutation_tests(
    material: Material,
    blocks: Sequence[str],
    metrics: pd.DataFrame,
    recipe: Recipe,
    folds: int,
    seed: int,
    n_permutations: int,
    n_jobs: int | None,
) -> dict[str, float]:
    """P of the AUC of each block of features, and of its gain over clinical data (else NaN)."""
    area = metrics[metrics["metric"] == "auc"].set_index("block")["estimate"]
    features = tuple(block for block in blocks if CLINICAL not in block)
    joint = tuple(f"{CLINICAL}+{block}" for block in features)
    tasks = [(k,) for k in range(n_permutations)]
    ask = (material, recipe, folds, seed)
    null = parallel.run(
        partial(permuted_auc, *ask, features), tasks, n_jobs=n_jobs, progress="permutations"
    )
    found = dict.fromkeys((f"{CLINICAL}+{b}" for b in (OMICS, SIGNATURES)), float("nan"))
    for place, block in enumerate(features):
        draws = np.array([row[place] for row in null], dtype=float)
        found[block] = performance.permutation_p(float(area[block]), draws)
    if CLINICAL in blocks:
        null = parallel.run(
            partial(permuted_increment, *ask, joint),
            tasks,
            n_jobs=n_jobs,
            progress="permutations of the gain",
        )
        for place, block in enumerate(joint):
            draws = np.array([row[place] for row in null], dtype=float)
            gain = float(area[block] - area[CLINICAL])
            found[block] = performance.permutation_p(gain, draws)
    return found


def _auc(repeat: Repeat, block: str) -> float:
    known = ~np.isnan(repeat.label)
    return float(performance.auc(repeat.label[known], repeat.prediction[block][known])[0])


def _columns(material: Material, block: str) -> tuple[np.ndarray, np.ndarray]:
    none = np.empty((len(material.groups), 0))
    if block == CLINICAL:
        return material.clinical, none
    return material.x, material.clinical if CLINICAL in block else none


def _two_classes(label: np.ndarray, fold: int) -> None:
    cases, others = int((label == 1).sum()), int((label == 0).sum())
    if min(cases, others) < 2:
        raise AnalysisError(
            f"The training people of fold {fold + 1} are {cases} responders and {others} others",
            where="ml.evaluate",
            fix="Use fewer folds (outer=), or more people; large families can cause this too.",
        )
