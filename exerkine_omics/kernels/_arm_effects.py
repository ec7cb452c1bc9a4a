r"""Who gains more under which arm: T- and DR-learner with linear bases.

An arm's advantage for a person is its expected outcome less the mean over the arms,
:math:`\tau_a(x) = \mu_a(x) - \bar\mu(x)`, so that no arm is the reference and renaming arms
changes nothing; with two arms it is half their difference.

* T-learner: one ridge an arm on its own people, then the differences.
* DR-learner: ridge of :math:`\Gamma_{ia} - \bar\Gamma_i` on the features, all arms with one
  penalty. :math:`\hat\mu` in a person's own arm is the prediction without that person's group,
  and in the other arms that person was not seen: the scores are cross-fitted.

References
----------
Künzel et al., PNAS 2019 (T-learner). Kennedy, Electronic Journal of Statistics 2023 (DR-learner).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._policy import dr_scores
from exerkine_omics.kernels._ridge import fit_ridge

LEARNERS = ("dr", "t")


@dataclass(frozen=True)
class Linear:
    """Intercepts (k) and weights (p x k) of k linear functions of p features."""

    intercept: np.ndarray
    weights: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Values for people (m x p), m x k."""
        return self.intercept + x @ self.weights

    def centred(self) -> Linear:
        """Each function less the mean of all."""
        return Linear(
            self.intercept - self.intercept.mean(),
            self.weights - self.weights.mean(axis=1, keepdims=True),
        )


@dataclass(frozen=True)
class ArmEffects:
    """What training people teach of k arms.

    ``expected``: outcome under each arm (None where everybody had every arm). ``advantage``: by
    learner, the arms' advantages. ``values`` (k): mean score of each arm; ``best``: the single
    arm with the highest.
    """

    expected: Linear | None
    advantage: dict[str, Linear]
    values: np.ndarray
    best: int


def fit_arms(
    x: np.ndarray,
    outcome: np.ndarray,
    arm: np.ndarray,
    n_arms: int,
    propensity: np.ndarray,
    groups: np.ndarray | None = None,
) -> ArmEffects:
    """Learn from people who each had one arm.

    Parameters
    ----------
    x
        People x features, finite, scaled.
    outcome, arm
        Outcome, more is better, and arm 0..k-1 of each person; every arm has two people or more.
    n_arms
        k.
    propensity
        Probability of each arm, k or n x k.
    groups
        People who are left out together.
    """
    columns, left_out = [], np.empty((len(x), n_arms))
    for a in range(n_arms):
        own = arm == a
        fit = fit_ridge(x[own], outcome[own, None], None if groups is None else groups[own])
        left_out[:, a] = fit.predict(x)[:, 0]
        left_out[own, a] = fit.left_out[:, 0]
        columns.append((fit.intercept, fit.weights))
    expected = Linear(np.concatenate([c[0] for c in columns]), np.hstack([c[1] for c in columns]))
    scores = dr_scores(outcome, arm, left_out, propensity)
    return _learnt(x, scores, groups, expected)


def fit_all_arms(
    x: np.ndarray, outcomes: np.ndarray, groups: np.ndarray | None = None
) -> ArmEffects:
    """Learn from people who had every arm (``outcomes`` n x k): both learners are one."""
    return _learnt(x, outcomes, groups, None)


def _learnt(
    x: np.ndarray, scores: np.ndarray, groups: np.ndarray | None, expected: Linear | None
) -> ArmEffects:
    fit = fit_ridge(x, scores - scores.mean(axis=1, keepdims=True), groups)
    dr = Linear(fit.intercept, fit.weights)
    values = scores.mean(axis=0)
    advantage = {"dr": dr, "t": dr if expected is None else expected.centred()}
    return ArmEffects(expected, advantage, values, int(np.argmax(values)))
