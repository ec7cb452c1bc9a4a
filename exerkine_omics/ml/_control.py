"""The same pipeline among people who did not train: what it finds there is not training."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.ml._cross import Material, blocks_of, one_repeat
from exerkine_omics.ml._fold import Recipe
from exerkine_omics.ml._measure import (
    explained,
    measure,
    person_weights,
)

_FEWEST = 5
_FEWEST_PEOPLE = 10


def run_control(
    material: Material,
    recipe: Recipe,
    *,
    folds: int,
    repeats: int,
    draws: int,
    level: float,
    seed: int,
    n_jobs: int | None,
) -> tuple[dict[str, Any] | None, list[str]]:
    """AUC of the pipeline in the control arm; R² of the change where a class has under five.

    Returns
    -------
    tuple
        The summary (metric, block, estimate, ci_low, ci_high, n, n_responders, how, blocks) or
        None, and notes.
    """
    value = material.outcome.value
    n = len(value)
    known = value[~np.isnan(value)]
    cases = int((known == 1).sum())
    labelled = not material.outcome.continuous
    few = labelled and min(cases, len(known) - cases) < _FEWEST
    if n < _FEWEST_PEOPLE:
        return None, [f"The control arm has {n} people: too few for the same pipeline."]
    how = "by responder label"
    if few or not labelled:
        if material.outcome.change is None:
            text = f"The control arm has {cases} responders and {len(known) - cases} others: too "
            return None, [text + "few, and no continuous change is known (change=)."]
        rows = np.flatnonzero(np.isfinite(material.outcome.change))
        outcome = material.outcome.take(rows).as_change()
        material = Material(
            material.x[rows],
            material.clinical[rows],
            material.groups[rows],
            outcome,
            material.signatures,
        )
        recipe = Recipe("gaussian", recipe.l1_ratios, recipe.n_penalties, recipe.inner)
        how = "by continuous change" + (
            f": {cases} responders and {len(known) - cases} others" if few else ""
        )
    blocks = blocks_of(material)
    folds = min(folds, len(np.unique(material.groups)))
    call = partial(one_repeat, material, blocks, recipe, folds, seed)
    try:
        done = parallel.run(call, [(f"control_{k}",) for k in range(repeats)], n_jobs=n_jobs)
    except AnalysisError as error:
        return None, [f"The control run was not possible: {error.what}."]
    rng = parallel.stream(seed, "ml_control_bootstrap")
    gaussian = recipe.family == "gaussian"
    strata = np.zeros(len(material.groups)) if gaussian else material.outcome.value
    weights = person_weights(strata, material.groups, draws, rng)
    if gaussian:
        found = {b: explained(done, b, weights, level) for b in blocks}
        values = {b: (e.estimate, e.ci_low, e.ci_high) for b, e in found.items()}
    else:
        frame = measure(done, blocks, weights, model="elastic_net", threshold=0.5, level=level)
        areas = frame[frame["metric"] == "auc"].set_index("block")
        values = {b: tuple(areas.loc[b, ["estimate", "ci_low", "ci_high"]]) for b in blocks}
    names = ("estimate", "ci_low", "ci_high")
    summary: dict[str, Any] = {"metric": "r2" if gaussian else "auc", "block": "omics"}
    summary |= dict(zip(names, map(float, values["omics"]), strict=True))
    summary |= {"n": len(material.groups), "n_responders": cases if labelled else None, "how": how}
    summary["blocks"] = {b: dict(zip(names, map(float, v), strict=True)) for b, v in values.items()}
    return summary, []
