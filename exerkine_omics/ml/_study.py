"""Who takes part: people with omics and outcome, their arms, their clinical columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import ResponseSpec
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown
from exerkine_omics.ml._cross import Material
from exerkine_omics.ml._fold_scores import SignatureColumns
from exerkine_omics.ml._outcome import Outcome, treated
from exerkine_omics.ml._people import People, clinical_matrix

_FEWEST = 5


def join_people(people: People, answer: Outcome) -> tuple[People, Outcome, dict[str, int]]:
    """People with omics and an outcome, by subject id."""
    # a rule may leave a label open in one fold and not in another; who was measured stays
    value = answer.change if answer.spec is not None else answer.value
    known = set(answer.subjects[~np.isnan(np.asarray(value, dtype=float))])
    common = np.array(sorted(known & set(people.subjects)), dtype=object)
    counts = dict(people.counts)
    counts["outcome_missing"] = len(answer.subjects) - len(known)
    counts["without_omics"] = len(known - set(people.subjects))
    counts["without_outcome"] = len(people.subjects) - len(common)
    if not len(common):
        raise InputError(
            f"No person has both omics and outcome: data has {shown(people.subjects)}, "
            f"the outcome {shown(answer.subjects)}",
            fix="The outcome's index (or its column subject_id) must hold obs['subject_id'].",
        )
    left = pd.Index(people.subjects).get_indexer(common)
    right = pd.Index(answer.subjects).get_indexer(common)
    return people.take(left), answer.take(right), counts


def split_arms(people: People, answer: Outcome, control: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the people who trained, and of those who did not."""
    rows = np.arange(len(people.subjects))
    spec = answer.spec
    if control is None or isinstance(control, tuple):
        if spec is None:
            return rows, rows[:0]
        trained = treated(spec, answer.frame)
    else:
        if spec is not None and spec.arm is not None:
            arm = answer.frame[spec.arm].astype(str).to_numpy()
        elif schema.ARM in people.obs:
            arm = people.obs[schema.ARM].astype(str).to_numpy()
        else:
            raise UsageError(
                f"control={control!r}, and there is no obs[{schema.ARM!r}]", where="control="
            )
        if str(control) not in set(arm):
            raise UsageError(
                f"There is no arm {control!r} among {shown(sorted(set(arm)))}", where="control="
            )
        trained = arm != str(control)
    return rows[trained], rows[~trained]


def make_material(
    people: People,
    answer: Outcome,
    clinical: str | Sequence[str] | None,
    signatures: SignatureColumns | None = None,
) -> tuple[Material, list[str], list[str]]:
    """Matrices for the cross-validation, names of the clinical columns, notes."""
    spec: ResponseSpec | None = answer.spec
    named = [clinical] if isinstance(clinical, str) else list(clinical or ())
    if spec is not None and spec.post in named:
        raise UsageError(
            f"{spec.post!r} is the outcome after training", where="clinical=", fix="Leave it out."
        )
    before = None if spec is None else spec.pre
    matrix, names, notes = clinical_matrix(people, clinical, answer.frame, before)
    if before in names:
        notes.append(
            f"The clinical block holds the baseline {before!r}, whose error is part of the "
            "change: some of its AUC is regression to the mean, not biology."
        )
    return Material(people.x, matrix, people.groups, answer, signatures), names, notes


def require_enough(material: Material, folds: int) -> None:
    """Raise `AnalysisError` where a class or the number of groups is too small."""
    value = material.outcome.value
    cases, others = int((value == 1).sum()), int((value == 0).sum())
    people = len(np.unique(material.groups))
    text = f"There are {cases} responders and {others} others with omics and outcome"
    if min(cases, others) < _FEWEST:
        raise AnalysisError(
            text,
            where="ml.evaluate",
            fix=f"A class needs {_FEWEST} people or more; fewer say nothing about prediction.",
        )
    if min(cases, others) < folds or people < folds:
        raise AnalysisError(
            f"{text}, in {people} groups: too few for {folds} folds",
            where="ml.evaluate",
            fix="Use fewer folds, outer=(folds, repeats).",
        )
