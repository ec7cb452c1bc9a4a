"""Permutation tests: of the whole pipeline, and of the gain over clinical data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import parallel
from exerkine_omics.errors import AnalysisError
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.ml._blocks import CLINICAL, OMICS, Block, Material, joined
from exerkine_omics.ml._checkpoint import Checkpoint
from exerkine_omics.ml._cross import Pair, Plan, one_repeat
from exerkine_omics.ml._lead import lead
from exerkine_omics.ml._splits import permute_between_groups

Pairs = tuple[tuple[Block, str], ...]


def permuted_lead(material: Material, plan: Plan, pairs: Pairs, number: int) -> np.ndarray:
    """AUC (or R²) with the outcomes exchanged between groups: the whole pipeline once."""
    rng = parallel.stream(plan.seed, "ml_permute", number)
    order = permute_between_groups(material.groups, rng, material.strata)
    exchanged = replace(material, outcome=material.outcome.take(order))
    continuous = material.outcome.continuous
    try:
        found = one_repeat(exchanged, pairs, plan, f"permuted_{number}")
    except AnalysisError:  # this exchange left a fold with one class
        return np.full(len(pairs), np.nan)
    return np.array([lead(found, (b.name, m), continuous)[0] for b, m in pairs])


def permuted_increment(material: Material, plan: Plan, pairs: Pairs, number: int) -> np.ndarray:
    """Gain over clinical with the omics rows exchanged; clinical and outcome stay together."""
    rng = parallel.stream(plan.seed, "ml_increment", number)
    order = permute_between_groups(material.groups, rng, material.strata)
    exchanged = replace(material, x=material.x[order])
    found = one_repeat(exchanged, pairs, plan, f"increment_{number}")
    continuous = material.outcome.continuous
    value = {b.name: lead(found, (b.name, m), continuous)[0] for b, m in pairs}
    return np.array([value[b.name] - value[CLINICAL] for b, _ in pairs if b.name != CLINICAL])


def artificial_repeat(material: Material, plan: Plan, pairs: Pairs, number: int) -> np.ndarray:
    """Coefficients (folds x 2 columns) of omics and, beside them, of omics with exchanged rows.

    The exchanged features cannot tell anything; they keep their distributions and correlations.
    """
    ((block, model),) = pairs
    rng = parallel.stream(plan.seed, "ml_artificial", number)
    order = permute_between_groups(material.groups, rng, material.strata)
    both = replace(material, x=np.hstack([material.x, material.x[order]]), signatures=None)
    columns = np.concatenate([block.columns, block.columns + material.x.shape[1]])
    wider = replace(block, columns=columns, source=np.tile(block.source, 2))
    found = one_repeat(both, ((wider, model),), plan, f"artificial_{number}")
    return found.coefficients[(block.name, model)]


def artificial_shares(
    material: Material,
    pairs: Pairs,
    plan: Plan,
    repeats: int,
    n_jobs: int | None,
    checkpoint: Checkpoint,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Share of training folds in which each feature of the omics, and each exchanged one, is used.

    None where the first model does not choose features.
    """
    name, estimator = plan.models[0]
    if estimator is not None:
        return None
    own = tuple(pair for pair in pairs if pair[0].name == OMICS and pair[1] == name)
    plan = replace(plan.alone(), late=False)
    rows = checkpoint.run(
        "artificial",
        partial(artificial_repeat, material, plan, own),
        [(k,) for k in range(repeats)],
        n_jobs=n_jobs,
        progress="artificial features",
    )
    share = (np.vstack(rows) != 0).mean(axis=0)
    return share[: len(share) // 2], share[len(share) // 2 :]


def permutation_tests(
    material: Material,
    pairs: Pairs,
    metrics: pd.DataFrame,
    plan: Plan,
    n_permutations: int,
    n_jobs: int | None,
    checkpoint: Checkpoint,
) -> pd.DataFrame:
    """P of each block of features, and of its gain over clinical data, for the first model.

    Returns
    -------
    pandas.DataFrame
        block, model, permutation_p, increment_p (NaN where not run), n_permutations: those that
        left two classes in each training fold.
    """
    first = plan.models[0][0]
    plan = plan.alone()
    name = metrics["metric"].cat.categories[0]
    value = metrics[metrics["metric"] == name].set_index(["block", "model"])["estimate"]
    alone = tuple(p for p in pairs if not p[0].clinical and p[0].name != CLINICAL and _is(p, first))
    both = tuple(p for p in pairs if p[0].clinical and p[1] == first)
    base = tuple(p for p in pairs if p[0].name == CLINICAL and p[1] == first)
    null = _run(permuted_lead, material, plan, alone, n_permutations, n_jobs, checkpoint)
    gain: dict[str, float] = {}
    if both:
        drawn = _run(
            permuted_increment, material, plan, (*base, *both), n_permutations, n_jobs, checkpoint
        )
        for place, (block, model) in enumerate(both):
            observed = value[(block.name, model)] - value[(CLINICAL, model)]
            gain[block.name] = performance.permutation_p(float(observed), drawn[:, place])
    rows = []
    done = int(np.isfinite(null).all(axis=1).sum())
    for place, (block, model) in enumerate(alone):
        p = performance.permutation_p(float(value[(block.name, model)]), null[:, place])
        rows.append((block.name, model, p, gain.get(joined(block.name), float("nan")), done))
    columns = ["block", "model", "permutation_p", "increment_p", "n_permutations"]
    return pd.DataFrame(rows, columns=columns)


def _is(pair: tuple[Block, str], model: str) -> bool:
    return pair[1] == model or pair[0].name == "best_single"


def _run(
    function: Any,
    material: Material,
    plan: Plan,
    pairs: Pairs,
    n: int,
    n_jobs: int | None,
    checkpoint: Checkpoint,
) -> np.ndarray:
    """One row a permutation, one column a pair."""
    label = "permutations" if function is permuted_lead else "permutations of the gain"
    call = partial(function, material, plan, pairs)
    rows: Sequence[Any] = checkpoint.run(
        function.__name__, call, [(k,) for k in range(n)], n_jobs=n_jobs, progress=label
    )
    return np.array(rows, dtype=float).reshape(n, -1) if n else np.empty((0, len(pairs)))


def pair_names(pairs: Pairs) -> tuple[Pair, ...]:
    """Names of blocks and models."""
    return tuple((block.name, model) for block, model in pairs)
