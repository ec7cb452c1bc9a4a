"""Who takes part: people with omics and outcome, their arms, their clinical columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import ResponseSpec
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown
from exerkine_omics.ml._blocks import EARLY, RESERVED, Block, Material
from exerkine_omics.ml._cross import Plan, Repeat
from exerkine_omics.ml._fold_scores import SignatureColumns
from exerkine_omics.ml._outcome import Outcome, treated
from exerkine_omics.ml._people import ClinicalColumn, People, clinical_matrix, read_people
from exerkine_omics.ml._verdict import study_kind

_FEWEST = 5
_FEWEST_EQUAL = 5  # measured values that must agree before two rows are one person's


@dataclass(frozen=True)
class Study:
    """All that a fit to all people needs, as the evaluation used it."""

    material: Material
    pairs: tuple[tuple[Block, str], ...]
    plan: Plan
    people: People
    clinical: tuple[ClinicalColumn, ...]
    repeats: tuple[Repeat, ...]
    alpha: float
    before: str | None = None


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
    """Rows of the people who trained, and of those who did not.

    With a control arm named, people whose arm is missing are in neither.
    """
    rows = np.arange(len(people.subjects))
    spec = answer.spec
    if control is None or isinstance(control, tuple):
        if spec is None:
            return rows, rows[:0]
        trained = treated(spec, answer.frame)
    else:
        if spec is not None and spec.arm is not None:
            arms = answer.frame[spec.arm]
        elif schema.ARM in people.obs:
            arms = people.obs[schema.ARM]
        else:
            raise UsageError(
                f"control={control!r}, and there is no obs[{schema.ARM!r}]", where="control="
            )
        known = arms.notna().to_numpy(dtype=bool)
        arm = arms.astype(str).to_numpy(dtype=object)
        if str(control) not in set(arm[known]):
            raise UsageError(
                f"There is no arm {control!r} among {shown(sorted(set(arm[known])))}",
                where="control=",
            )
        trained = arm != str(control)
        return rows[known & trained], rows[known & ~trained]
    return rows[trained], rows[~trained]


def with_early(people: People, early: Any, groups: str) -> People:
    """Add the changes up to an early visit as features of their own; who has none has NaN."""
    changes = read_people(early, groups)
    if changes.at == "baseline":
        raise UsageError(
            "early= holds baseline samples, not changes",
            where="early=",
            fix="Give exo.pp.delta(adata, baseline=..., timepoint=...) of the early visit.",
        )
    place = pd.Index(changes.subjects).get_indexer(pd.Index(people.subjects))
    known = place >= 0
    if not known.any():
        raise InputError("No person of data has an early change", where="early=")
    x = np.where(known[:, None], changes.x[np.where(known, place, 0)], np.nan)
    names = np.array([f"{EARLY}:{name}" for name in changes.features])
    counts = people.counts | {"without_early_change": int((~known).sum())}
    return replace(
        people,
        x=np.hstack([people.x, x]),
        features=np.concatenate([people.features, names]),
        counts=counts,
    )


def make_material(
    people: People,
    answer: Outcome,
    clinical: str | Sequence[str] | None,
    signatures: SignatureColumns | None = None,
    *,
    strata: Sequence[str] = (),
    leave_out: str | None = None,
) -> tuple[Material, list[ClinicalColumn], list[str]]:
    """Matrices for the cross-validation, the clinical columns, notes."""
    taken = [name for name in people.sources if name in RESERVED or "+" in name]
    if taken:
        raise UsageError(
            f"Platforms are named {shown(taken)}, as blocks are",
            where="data.mod",
            fix="Give them other names in the MuData.",
        )
    spec: ResponseSpec | None = answer.spec
    named = [clinical] if isinstance(clinical, str) else list(clinical or ())
    if spec is not None and spec.post in named:
        raise UsageError(
            f"{spec.post!r} is the outcome after training", where="clinical=", fix="Leave it out."
        )
    before = None if spec is None else spec.pre
    matrix, columns, notes = clinical_matrix(people, clinical, answer.frame, before)
    if before in [column.name for column in columns]:
        notes.append(
            f"The clinical block holds the baseline {before!r}, whose error is part of the "
            "change: some of its AUC is regression to the mean, not biology."
        )
    groups, more = _one_group_a_copy(people)
    sources = dict(people.sources)
    early = np.flatnonzero(np.char.startswith(people.features.astype(str), f"{EARLY}:"))
    if len(early) and people.x.shape[1] > sum(len(p.columns) for p in people.panels):
        own = np.setdiff1d(np.arange(people.x.shape[1]), early)
        sources = sources or {"omics": own}
        sources[EARLY] = early
    sites = None
    if leave_out is not None:
        if not isinstance(leave_out, str):
            raise UsageError(
                f"leave_out={leave_out!r} is no name of a column",
                where="leave_out=",
                fix="Give one column of obs or of the outcome's frame.",
            )
        sites = _levels(people, answer, (leave_out,), "leave_out=")
    material = Material(
        people.x,
        matrix,
        groups,
        answer,
        signatures,
        sources,
        _levels(people, answer, strata, "strata="),
        sites,
    )
    return material, columns, notes + more


def _levels(people: People, answer: Outcome, names: Sequence[str], where: str) -> np.ndarray | None:
    """One text a person of the columns named, in obs or in the outcome's frame."""
    if not len(names):
        return None
    found = []
    for name in names:
        sheet = people.obs if name in people.obs else answer.frame
        if name not in sheet:
            raise UsageError(f"There is no column {name!r} in obs or the outcomes", where=where)
        if sheet[name].isna().any():
            raise InputError(f"{int(sheet[name].isna().sum())} people have no {name}", where=where)
        found.append(sheet[name].astype(str).to_numpy(dtype=str))
    return np.array(["\x1f".join(row) for row in zip(*found, strict=True)])


def _one_group_a_copy(people: People) -> tuple[np.ndarray, list[str]]:
    """Put people whose values are equal to the last digit into one group."""
    seen: dict[bytes, int] = {}
    groups, copies = people.groups.copy(), []
    for row, values in enumerate(people.x):
        known = values[np.isfinite(values)]
        if len(np.unique(known)) < _FEWEST_EQUAL:
            continue
        first = seen.setdefault(values.tobytes(), row)
        if first != row and groups[first] != groups[row]:
            copies.append(people.subjects[row])
            groups[groups == groups[row]] = groups[first]
    if not copies:
        return groups, []
    text = f"{shown(copies)} have the values of another person to the last digit: kept on one side."
    return groups, [text]


def require_early(
    early_time: float | None, outcome_time: float | str | None, landmark: float | None
) -> None:
    """Raise `UsageError` unless the early visit is before the landmark, and that not after the end.

    Without a landmark it is the time of the outcome.
    """
    if early_time is None:
        raise UsageError(
            "When the early changes were known is not stated",
            where="early_time=",
            fix="Give the day of the early visit, from the start of training.",
        )
    kind, why = study_kind(schema.DELTA, float(early_time), outcome_time, landmark)
    if why:
        raise UsageError(
            f"The early changes are no predictors ({kind}): {why}",
            where="early_time=",
            fix="It must be before the landmark, and the landmark not after the outcome.",
        )


def require_enough(material: Material, folds: int) -> None:
    """Raise `AnalysisError` where a class or the number of groups is too small."""
    value = material.outcome.value
    groups = len(np.unique(material.groups))
    if material.outcome.continuous:
        n = int((~np.isnan(value)).sum())
        if n < 2 * _FEWEST or groups < folds or not np.nanstd(value) > 0:
            raise AnalysisError(
                f"There are {n} people with omics and a change, in {groups} groups, SD of the "
                f"change {np.nanstd(value):.3g}",
                where="ml.evaluate",
                fix=f"It takes {2 * _FEWEST} people, as many groups as folds, and changes that "
                "differ.",
            )
        return
    cases, others = int((value == 1).sum()), int((value == 0).sum())
    text = f"There are {cases} responders and {others} others with omics and outcome"
    if min(cases, others) < _FEWEST:
        raise AnalysisError(
            text,
            where="ml.evaluate",
            fix=f"A class needs {_FEWEST} people or more; fewer say nothing about prediction.",
        )
    if material.sites is None and (min(cases, others) < folds or groups < folds):
        raise AnalysisError(
            f"{text}, in {groups} groups: too few for {folds} folds",
            where="ml.evaluate",
            fix="Use fewer folds, outer=(folds, repeats).",
        )
    if material.sites is not None and len(np.unique(material.sites)) < 2:
        raise AnalysisError("There is one site only", where="leave_out=")
    if material.sites is not None:
        classes = [set(value[(material.sites == s) & ~np.isnan(value)])
                   for s in np.unique(material.sites)]  # fmt: skip
        if not any(len(own) > 1 for own in classes):
            raise AnalysisError(
                "No site has responders and others: nobody can be compared within one",
                where="leave_out=",
                fix="Take folds at random, and strata= for the permutations.",
            )
