"""The trial of `tailor`: people, outcome and arm, one score, clinical columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown
from exerkine_omics.ml._outcome import _by_subject
from exerkine_omics.ml._people import People, clinical_matrix
from exerkine_omics.ml._tailor_answers import Answers

FEWEST = 10


@dataclass(frozen=True)
class Trial:
    """People who take part, sorted by subject id.

    ``y`` is turned so that more is better, costs off: n, or in a crossover n x 2. ``arm`` codes
    the arms (n); ``second`` is given in a crossover. ``base`` holds the clinical columns and,
    last, the score if there is one.
    """

    people: People
    y: np.ndarray
    arm: np.ndarray
    arms: tuple[str, ...]
    base: np.ndarray
    base_names: tuple[str, ...]
    score: np.ndarray | None
    score_name: str
    second: np.ndarray | None
    sign: float
    counts: dict[str, int]
    notes: list[str]

    @property
    def clinical(self) -> np.ndarray:
        """Clinical columns without the score."""
        return self.base if self.score is None else self.base[:, :-1]


def make_trial(
    people: People,
    answers: Answers,
    *,
    score: Any,
    find_signature: Any,
    clinical: str | Sequence[str] | None,
    arm_name: Any,
    sign: float,
    cost: Mapping[str, float] | None,
) -> Trial:
    """Join people and outcomes, take costs off, and refuse what cannot be compared.

    ``find_signature(name, people)`` gives the scores of a signature (n), or None.
    """
    spec = answers.spec
    named = [clinical] if isinstance(clinical, str) else list(clinical or ())
    forbidden = {arm_name if isinstance(arm_name, str) else None, spec.post if spec else None}
    wrong = [c for c in named if c in forbidden]
    if wrong:
        raise UsageError(f"{shown(wrong)} is the arm or the outcome", where="clinical=")
    unknown = sorted(set(cost or {}) - set(answers.arms))
    if unknown:
        raise UsageError(f"There is no arm {shown(unknown)} to choose", where="cost=")
    common = np.array(sorted(set(answers.table.index) & set(people.subjects)), dtype=object)
    counts = dict(people.counts) | answers.counts
    counts["without_omics"] = len(set(answers.table.index) - set(people.subjects))
    counts["without_outcome"] = len(people.subjects) - len(common)
    if not len(common):
        raise InputError(
            f"No person has omics, an outcome and an arm: data has {shown(people.subjects)}, "
            f"the outcome {shown(answers.table.index)}",
            fix="The outcome's index (or its column subject_id) must hold obs['subject_id'].",
        )
    taken = people.take(pd.Index(people.subjects).get_indexer(common))
    frame = answers.frame.reindex(pd.Index(common))
    notes = [*people.notes, *answers.notes]
    values, label = _score(score, frame, taken, find_signature)
    if values is not None:
        known = np.isfinite(values)
        counts["score_missing"] = int((~known).sum())
        keep = np.flatnonzero(known)
        taken, frame, values = taken.take(keep), frame.iloc[keep], values[keep]
        if len(values) < 2 or not np.ptp(values) > 0:
            raise AnalysisError(f"The score {label!r} is the same for all, or missing")
    table = answers.table.loc[taken.subjects]
    before = spec.pre if spec is not None and spec.pre in frame.columns else None
    matrix, names, more = clinical_matrix(taken, clinical, frame, before)
    other = [j for j, name in enumerate(names) if name != label and name not in forbidden]
    matrix, names = matrix[:, other], [names[j] for j in other]
    price = np.array([float((cost or {}).get(a, 0.0)) for a in answers.arms])
    second = None
    if answers.crossover:
        y = sign * table[["_y0", "_y1"]].to_numpy(dtype=float) - price
        arm, second = np.zeros(len(y), dtype=int), table["_second"].to_numpy(dtype=float)
        fewest, what = min((second > 0).sum(), (second < 0).sum()), "in one of the orders"
        enough = len(y) >= FEWEST and fewest >= FEWEST // 2
    else:
        arm = pd.Index(answers.arms).get_indexer(table["_arm"])
        y = sign * table["_y"].to_numpy(dtype=float) - price[arm]
        size = np.bincount(arm, minlength=len(answers.arms))
        fewest, what = int(size.min()), "in the smallest arm"
        enough = fewest >= FEWEST
    if len(answers.arms) < 2:
        raise AnalysisError(
            f"There is one arm to choose from: {shown(answers.arms)}",
            fix="Which training suits whom needs people in two trainings or more.",
        )
    if not enough:
        raise AnalysisError(
            f"{fewest} of {len(y)} people are {what}",
            where="ml.tailor",
            fix=f"{FEWEST} people an arm ({FEWEST // 2} an order) is the least that is computed.",
        )
    if not np.ptp(y - (y.mean(axis=0) if answers.crossover else 0)) > 0:
        raise AnalysisError("The outcome is the same for everybody")
    base = matrix if values is None else np.column_stack([matrix, values])
    counts["used"] = len(y)
    return Trial(
        people=replace(taken, notes=[]), y=y, arm=arm, arms=answers.arms, base=base,
        base_names=(*(c.label for c in names), *([] if values is None else [label])), score=values,
        score_name=label, second=second, sign=sign, counts=counts, notes=[*notes, *more],
    )  # fmt: skip


def _score(
    score: Any, frame: pd.DataFrame, people: People, find_signature: Any
) -> tuple[np.ndarray | None, str]:
    if score is None:
        return None, ""
    if isinstance(score, pd.Series):
        found = pd.to_numeric(_by_subject(score, "score"), errors="coerce")
        return found.reindex(people.subjects).to_numpy(dtype=float), str(score.name or "score")
    if not isinstance(score, str):
        raise UsageError(
            f"score is a {type(score).__name__}", where="score=",
            fix="Name one column or one signature, or give a Series by subject.",
        )  # fmt: skip
    for table in (frame, people.obs):
        if score in table.columns:
            if not pd.api.types.is_numeric_dtype(table[score]):
                raise UsageError(f"{score!r} is no number", where="score=")
            return table[score].to_numpy(dtype=float, na_value=np.nan), score
    return find_signature(score, people), score
