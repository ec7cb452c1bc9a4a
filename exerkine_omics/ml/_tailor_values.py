"""Out-of-fold scores to frames: value of each policy, the gain, and each person's advantage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.kernels._arm_effects import LEARNERS
from exerkine_omics.kernels._policy import chosen_scores, explained_limit, mean_se, over_repeats
from exerkine_omics.ml._tailor_features import FoldRule
from exerkine_omics.ml._tailor_fold import Repeat
from exerkine_omics.ml._tailor_trial import Trial

AGREE = 0.9
# E max(0, Z) of a standard normal: what the best rule gains per SD of the arms' difference
GAIN_PER_SD = float(1 / np.sqrt(2 * np.pi))


def value_frame(trial: Trial, repeats: Sequence[Repeat], level: float) -> pd.DataFrame:
    """policy, learner, estimate, se, ci_low, ci_high, n, n_groups, status.

    Policies: each single arm, ``best single arm`` (chosen in the training folds), ``rule`` and
    ``gain`` (rule less best single arm; above 0 is better) by learner, and the gain over each
    arm. But for the gains, in the outcome's own direction, costs off.

    Where arms are about equal, the one that was best in training is by that very fact worse among
    the people left out: the gain is right on average over trials and can be too large in one. A
    rule beats the best arm only if it beats each.
    """
    groups, k = trial.people.groups, len(trial.arms)
    everyone = np.arange(len(groups))
    best = [r.scores[everyone, r.best] for r in repeats]
    parts: list[tuple[str, str, float, list[np.ndarray]]] = [
        (f"all {trial.arms[a]}", "", trial.sign, [r.scores[:, a] for r in repeats])
        for a in range(k)
    ]
    parts.append(("best single arm", "", trial.sign, best))
    for learner in LEARNERS:
        ruled = [chosen_scores(r.scores, r.advantage[learner].argmax(axis=1)) for r in repeats]
        parts.append(("rule", learner, trial.sign, ruled))
        gain = [a - b for a, b in zip(ruled, best, strict=True)]
        parts.append(("gain", learner, 1.0, gain))
        for a in range(k):
            over = [s - r.scores[:, a] for s, r in zip(ruled, repeats, strict=True)]
            parts.append((f"gain over all {trial.arms[a]}", learner, 1.0, over))
    rows = []
    for policy, learner, sign, scores in parts:
        found = [mean_se(sign * s, groups) for s in scores]
        estimate, se = over_repeats(*np.array([f[:2] for f in found]).T)
        count = found[0][2]
        half = float(stats.t.ppf((1 + level) / 2, count - 1)) * se if count > 1 else np.nan
        status = schema.OK if se > 0 else "the rule gives everybody that arm"
        if not np.isfinite(se):
            status = "one group only"
        rows.append(
            (policy, learner, estimate, se, estimate - half, estimate + half,
             len(groups), count, status)
        )  # fmt: skip
    columns = ["policy", "learner", "estimate", "se", "ci_low", "ci_high", "n", "n_groups"]
    return pd.DataFrame(rows, columns=[*columns, "status"])


def linear_bound(
    trial: Trial, repeats: Sequence[Repeat], design: np.ndarray, level: float
) -> float:
    r"""Upper limit of what any linear rule of these features can gain (``design``: n x columns).

    The difference of two arms' scores is regressed on all features; if differences between
    people are normal and the arms equal on average, the best rule gains :math:`\varphi(0)` = 0.40
    times their SD, else less. Whether a learner found them plays no part: a rule that moves
    nobody has a gain of 0 with an SE of 0. Arms beyond two: the largest pair times k - 1.
    Families count as one person.
    """
    scores = np.mean([r.scores for r in repeats], axis=0)
    k, largest = len(trial.arms), 0.0
    for a in range(k):
        for b in range(a + 1, k):
            largest = max(largest, explained_limit(design, scores[:, b] - scores[:, a], level))
    groups = trial.people.groups
    return GAIN_PER_SD * largest * (k - 1) * float(np.sqrt(len(groups) / len(np.unique(groups))))


def advantage_table(
    told: np.ndarray, votes: np.ndarray | None, models: np.ndarray, folds: int, level: float,
    smallest: float,
) -> tuple[np.ndarray, pd.DataFrame]:  # fmt: skip
    r"""Arm with the highest predicted outcome, how far ahead of the next it is, and how surely.

    Parameters
    ----------
    told
        Advantages by which the arm is chosen, m x k.
    votes
        Advantages of each repeat, r x m x k; None takes those of the models.
    models
        Advantages by the rules of all folds of all repeats, s x m x k. Each left out 1/folds of
        the people: the delete-d jackknife gives
        :math:`SE^2 = (folds - 1) \frac1s \sum_s (\tau_s - \bar\tau)^2`.

    Notes
    -----
    ``abstain`` where the interval reaches 0, the advantage is below ``smallest``, or less than
    90% of the votes are for that arm. Ridge shrinks: the interval is of the prediction.

    References
    ----------
    Shao & Wu, Annals of Statistics 1989 (delete-d jackknife).
    """
    rows = np.arange(len(told))
    order = np.argsort(-told, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    ahead = told[rows, first] - told[rows, second]
    each = models[:, rows, first] - models[:, rows, second]
    se = np.sqrt((folds - 1) * each.var(axis=0))
    half = stats.norm.ppf((1 + level) / 2) * se
    cast = models if votes is None else votes
    agreement = (cast.argmax(axis=2) == first).mean(axis=0)
    unsure = (ahead - half <= 0) | (ahead < smallest) | (agreement < AGREE)
    table = pd.DataFrame(
        {
            "advantage": ahead,
            "ci_low": ahead - half,
            "ci_high": ahead + half,
            "agreement": agreement,
            "abstain": unsure,
        }
    )
    return first, table


def people_frame(
    trial: Trial, repeats: Sequence[Repeat], rules: Sequence[FoldRule], learner: str,
    folds: int, level: float, smallest: float, x: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """subject_id, arm, recommended (out of fold), advantage, interval, agreement, abstain."""
    votes = np.stack([r.advantage[learner] for r in repeats])
    models = np.stack([rule(trial.base, x) for rule in rules])
    first, table = advantage_table(votes.mean(axis=0), votes, models, folds, level, smallest)
    names = np.array(trial.arms, dtype=object)
    own = names[trial.arm] if trial.second is None else np.full(len(first), "both", dtype=object)
    table.insert(0, "recommended", names[first])
    table.insert(0, schema.ARM, own)
    table.insert(0, schema.SUBJECT, trial.people.subjects)
    return table
