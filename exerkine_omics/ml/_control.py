"""The same pipeline among people who did not train: what it finds there is not training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.ml._blocks import OMICS, Material, blocks_of
from exerkine_omics.ml._checkpoint import Checkpoint
from exerkine_omics.ml._cross import Plan, one_repeat
from exerkine_omics.ml._fold import GAUSSIAN
from exerkine_omics.ml._fold_scores import signature_columns
from exerkine_omics.ml._measure import measure, person_weights
from exerkine_omics.ml._outcome import Outcome, read_outcome, treated
from exerkine_omics.ml._people import People, read_people
from exerkine_omics.ml._permute import pair_names
from exerkine_omics.ml._study import join_people, make_material

_FEWEST = 5
_FEWEST_PEOPLE = 10


def run_control(
    material: Material,
    plan: Plan,
    *,
    repeats: int,
    draws: int,
    level: float,
    n_jobs: int | None,
    checkpoint: Checkpoint,
) -> tuple[dict[str, Any] | None, list[str]]:
    """AUC of the first model in the control arm; R² of the change where a class has under five.

    Returns
    -------
    tuple
        The summary (metric, block, estimate, ci_low, ci_high, n, n_responders, how, blocks) or
        None, and notes. Sites that are left out are here too, as far as the arm's allow it.
    """
    value = material.outcome.value
    n = len(value)
    known = value[~np.isnan(value)]
    labelled = not material.outcome.continuous
    cases = int((known == 1).sum()) if labelled else 0
    few = labelled and min(cases, len(known) - cases) < _FEWEST
    if n < _FEWEST_PEOPLE:
        return None, [f"The control arm has {n} people: too few for the same pipeline."]
    how = "by responder label"
    recipe = plan.recipe
    if few or not labelled:
        if material.outcome.change is None:
            text = f"The control arm has {cases} responders and {len(known) - cases} others: too "
            return None, [text + "few, and no continuous change is known (change=)."]
        rows = np.flatnonzero(np.isfinite(material.outcome.change))
        material = replace(
            material,
            x=material.x[rows],
            clinical=material.clinical[rows],
            groups=material.groups[rows],
            sites=None if material.sites is None else material.sites[rows],
            outcome=material.outcome.take(rows).as_change(),
        )
        recipe = replace(recipe, family=GAUSSIAN)
        how = "by continuous change" + (
            f": {cases} responders and {len(known) - cases} others" if few else ""
        )
    smallest = n if recipe.family == GAUSSIAN else min(cases, len(known) - cases)
    if plan.models[0][1] is not None and recipe.family != plan.recipe.family:
        return None, ["The control arm's change needs a model of numbers: the first is of classes."]
    notes = []
    if material.sites is not None and not _by_site(material):
        material = replace(material, sites=None)
        notes.append("The control arm's sites cannot be left out: its folds are random.")
    folds = max(2, min(plan.folds, len(np.unique(material.groups)), smallest))
    plan = replace(plan.alone(), recipe=recipe, folds=folds)
    pairs = plan.pairs(blocks_of(material))
    checkpoint = checkpoint.within(material, [pair[0] for pair in pairs], plan)
    call = partial(one_repeat, material, pairs, plan)
    try:
        done = checkpoint.run(
            "control",
            call,
            [(f"control_{k}",) for k in range(repeats)],
            n_jobs=n_jobs,
            progress="control arm",
        )
    except AnalysisError as error:
        return None, [f"The control run was not possible: {error.what}."]
    rng = parallel.stream(plan.seed, "ml_control_bootstrap")
    continuous = recipe.family == GAUSSIAN
    strata = np.zeros(len(material.groups)) if continuous else material.outcome.value
    weights = person_weights(strata, material.groups, draws, rng, material.sites)
    frame = measure(
        done, pair_names(pairs), weights, material.groups,
        threshold=0.5, level=level, continuous=continuous,
    )  # fmt: skip
    metric = "r2" if continuous else "auc"
    names = ("estimate", "ci_low", "ci_high")
    own = frame[frame["metric"] == metric].set_index("block")[list(names)]
    blocks = {str(b): {k: float(v) for k, v in row.items()} for b, row in own.iterrows()}
    summary: dict[str, Any] = {"metric": metric, "block": OMICS, **blocks[OMICS]}
    summary |= {"n": len(material.groups), "n_responders": cases if labelled else None, "how": how}
    return summary | {"blocks": blocks}, notes


def _by_site(material: Material) -> bool:
    """Do the people of all sites but one always hold two of each class, and a site both."""
    value, sites = material.outcome.value, np.asarray(material.sites)
    names = np.unique(sites)
    if len(names) < 2 or material.outcome.continuous:
        return len(names) > 1
    count = np.array([[((value == k) & (sites == s)).sum() for k in (0, 1)] for s in names])
    return bool((count.sum(axis=0) - count >= 2).all() and count.min(axis=1).any())


def control_arm(
    control: Any,
    has_clinical: bool,
    people: People,
    answer: Outcome,
    outside: np.ndarray,
    groups: str,
    clinical: str | Sequence[str] | None,
    signatures: Any,
    target: str,
    plan: Plan,
    leave_out: str | None,
    **options: Any,
) -> tuple[dict[str, Any] | None, list[str]]:
    """Find the people who did not train, and run the same pipeline on them (`run_control`)."""
    if isinstance(control, tuple):
        other = read_people(control[0], groups)
        theirs = read_outcome(control[1], None, number=True)
        theirs = theirs.aim(target) if theirs.spec is not None else theirs
        others, theirs, _ = join_people(other, theirs)
        if theirs.spec is not None:
            keep = np.flatnonzero(~treated(theirs.spec, theirs.frame))
            keep = keep if len(keep) else np.arange(len(others.subjects))
            others, theirs = others.take(keep), theirs.take(keep)
    elif len(outside):
        others, theirs = people.take(outside), answer.take(outside)
    else:
        return None, ["No control arm: what the same pipeline finds without training is unknown."]
    columns, _ = signature_columns(others, signatures)
    sheet = others.obs if leave_out in others.obs else theirs.frame
    known = leave_out in sheet and not sheet[leave_out].isna().any()
    reference, _, _ = make_material(
        others, theirs, clinical, columns, leave_out=leave_out if known else None
    )
    notes = []
    if leave_out is not None and not known:
        notes.append(f"The {leave_out} of the control arm is not known: its folds are random.")
    if reference.clinical.shape[1] == 0 and has_clinical:
        notes.append("The control run has no clinical columns.")
    found, more = run_control(reference, plan, **options)
    return found, notes + more
