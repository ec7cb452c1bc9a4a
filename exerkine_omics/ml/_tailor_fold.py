"""One folding of the people: nuisances, learners and best arm in training, scores outside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.kernels._arm_effects import LEARNERS, ArmEffects, fit_all_arms, fit_arms
from exerkine_omics.kernels._crossover import least_squares
from exerkine_omics.kernels._policy import dr_scores
from exerkine_omics.ml._fold_scores import SignatureColumns
from exerkine_omics.ml._splits import assign_folds
from exerkine_omics.ml._tailor_features import FoldRule, Ready, make_ready
from exerkine_omics.ml._tailor_overlap import fit_propensity


@dataclass(frozen=True)
class Material:
    """What is folded. ``y`` is n, or n x 2 in a crossover (``second`` then given).

    ``propensity``: n x k known probabilities; None means the arms' shares among the training
    people, or with ``model_propensity`` a logistic model on ``clinical``.
    """

    x: np.ndarray
    base: np.ndarray
    clinical: np.ndarray
    y: np.ndarray
    arm: np.ndarray
    n_arms: int
    groups: np.ndarray
    second: np.ndarray | None = None
    propensity: np.ndarray | None = None
    model_propensity: bool = False
    columns: SignatureColumns | None = None


@dataclass(frozen=True)
class Repeat:
    """What one folding says of each person, out of fold.

    ``scores`` (n x k), ``best`` (n): the single arm that was best in training; by learner,
    ``advantage`` (n x k) and ``models``, the rules of the folds.
    """

    scores: np.ndarray
    best: np.ndarray
    advantage: dict[str, np.ndarray]
    models: dict[str, list[FoldRule]]


def one_repeat(material: Material, folds: int, seed: int, name: str) -> Repeat:
    """Deal the people into folds and learn from all but one, in turn."""
    m = material
    strata = m.arm if m.second is None else (m.second > 0).astype(int)
    # arms by first appearance: the splitter must not see how they are called
    _, first, code = np.unique(strata, return_index=True, return_inverse=True)
    label = np.argsort(np.argsort(first))[code]
    fold = assign_folds(m.groups, folds, parallel.stream(seed, "tailor", name), label)
    n = len(m.groups)
    scores, best = np.empty((n, m.n_arms)), np.empty(n, dtype=int)
    advantage = {learner: np.empty((n, m.n_arms)) for learner in LEARNERS}
    models: dict[str, list[FoldRule]] = {learner: [] for learner in LEARNERS}
    for k in range(folds):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        if not len(test):
            continue
        ready, effects, found = learn(m, train, test)
        design = ready(m.base[test], m.x[test])
        if effects.expected is None:
            scores[test] = found
        else:
            scores[test] = dr_scores(m.y[test], m.arm[test], effects.expected(design), found)
        best[test] = effects.best
        for learner in LEARNERS:
            rule = FoldRule(ready, effects.advantage[learner])
            advantage[learner][test] = rule.advantage(design)
            models[learner].append(rule)
    return Repeat(scores, best, advantage, models)


def learn(m: Material, train: np.ndarray, test: np.ndarray) -> tuple[Ready, ArmEffects, np.ndarray]:
    """Learn from training people.

    Returns
    -------
    tuple
        How features are made ready, what the arms do, and for the ``test`` people the
        probabilities of the arms (k or m x k) or, in a crossover, their outcomes without the
        period effect that the training people teach (m x 2).
    """
    if m.second is None and np.bincount(m.arm[train], minlength=m.n_arms).min() < 2:
        raise AnalysisError(
            "Without one of the folds an arm has fewer than two people",
            where="ml.tailor",
            fix="Use more folds: large families stand on one side.",
        )
    ready = make_ready(m.base[train], m.x[train], m.columns)
    design = ready(m.base[train], m.x[train])
    groups = m.groups[train]
    own = groups if len(np.unique(groups)) < len(groups) else None
    if m.second is not None:
        effect = period_effect(m.y[train], m.second[train])
        adjusted = without_period(m.y, m.second, effect)
        return ready, fit_all_arms(design, adjusted[train], own), adjusted[test]
    if m.propensity is not None:
        inside, outside = m.propensity[train], m.propensity[test]
    elif m.model_propensity:
        inside, outside = (
            fit_propensity(m.clinical, m.arm, m.n_arms, train, rows) for rows in (train, test)
        )
    else:
        inside = outside = np.bincount(m.arm[train], minlength=m.n_arms) / len(train)
    return ready, fit_arms(design, m.y[train], m.arm[train], m.n_arms, inside, own), outside


def period_effect(y: np.ndarray, second: np.ndarray) -> float:
    """Second period minus first, from people (n x 2) of both orders."""
    columns = np.column_stack([np.ones(len(y)), second])
    return float(least_squares((y[:, 1] - y[:, 0])[:, None], columns).estimate[0, 1])


def without_period(y: np.ndarray, second: np.ndarray, effect: float) -> np.ndarray:
    """Outcomes under both arms (n x 2) as they were at the mean of the periods."""
    return y - np.column_stack([-second, second]) * (effect / 2)
