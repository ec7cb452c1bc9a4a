"""Curves beside the numbers: calibration, decision, learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import AnalysisError
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels._calibration_curve import calibration_curve, calibration_index
from exerkine_omics.ml._blocks import CLINICAL, OMICS, Block, Material, joined
from exerkine_omics.ml._checkpoint import Checkpoint
from exerkine_omics.ml._cross import Pair, Plan, Repeat, one_repeat
from exerkine_omics.ml._lead import lead
from exerkine_omics.ml._measure import as_categories, interval, over_repeats

ALL, NONE = "all", "none"
THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.05), 2)
FRACTIONS = (0.4, 0.6, 0.8, 1.0)
_POINTS = 41
_DRAWS = 200
_FEWEST_FOR_ICI = 200


def decision_frame(
    repeats: Sequence[Repeat], pairs: Sequence[Pair], weights: np.ndarray, level: float
) -> pd.DataFrame:
    """Net benefit over thresholds: of each block and model, of treating all, and none (0)."""
    frames = []
    for pair in [*pairs, (ALL, ""), (NONE, "")]:
        rows = []
        for threshold in THRESHOLDS:
            draws = []
            for repeat in repeats:
                known = ~np.isnan(repeat.label)
                label, w = repeat.label[known], weights[:, known]
                if pair[0] in (ALL, NONE):
                    p = np.full(len(label), float(pair[0] == ALL))
                else:
                    p = repeat.probability(pair)[known]
                draws.append(performance.net_benefit(label, p, w, float(threshold)))
            found = interval(over_repeats(draws), level)
            rows.append((*pair, float(threshold), found.estimate, found.ci_low, found.ci_high))
        frames += rows
    columns = ["block", "model", "threshold", "net_benefit", "ci_low", "ci_high"]
    return as_categories(pd.DataFrame(frames, columns=columns), [*pairs, (ALL, ""), (NONE, "")])


def calibration_frame(
    repeats: Sequence[Repeat], pairs: Sequence[Pair], weights: np.ndarray, level: float
) -> pd.DataFrame:
    """Smoothed share of responders over the prediction, each person's mean over repeats.

    Loess (span 0.75, degree 2) on a grid over the middle 95% of predictions; the band is that of a
    bootstrap of people. A curve cannot be drawn where predictions hardly differ.
    """
    rows = []
    for pair in pairs:
        label, p, own = _mean_prediction(repeats, pair)
        if len(p) < 10 or np.ptp(p) < 0.02:
            continue
        low_end, high_end = np.quantile(p, [0.025, 0.975])
        grid = np.linspace(low_end, high_end, _POINTS)
        curve = calibration_curve(label, p, grid)
        draws = []
        for w in weights[1 : 1 + _DRAWS, own]:
            take = np.repeat(np.arange(len(p)), w.astype(int))
            if len(np.unique(p[take])) >= 4:
                draws.append(calibration_curve(label[take], p[take], grid))
        tail = [(1 - level) / 2, (1 + level) / 2]
        band = np.full((2, len(grid)), np.nan)
        if draws:
            known = np.isfinite(draws).any(axis=0)
            band[:, known] = np.nanquantile(np.array(draws)[:, known], tail, axis=0)
        low, high = np.clip(band, 0, 1)
        for values in zip(grid, np.clip(curve, 0, 1), low, high, strict=True):
            rows.append((*pair, *map(float, values)))
    columns = ["block", "model", "probability", "observed", "ci_low", "ci_high"]
    return as_categories(pd.DataFrame(rows, columns=columns), pairs)


def calibration_errors(repeats: Sequence[Repeat], pairs: Sequence[Pair]) -> pd.DataFrame | None:
    """ICI, E50, E90 and largest distance; None under 200 people, of whom a smoother says little."""
    if (~np.isnan(repeats[0].label)).sum() < _FEWEST_FOR_ICI:
        return None
    rows = []
    for pair in pairs:
        label, p, _ = _mean_prediction(repeats, pair)
        found = calibration_index(label, p)
        rows.append((*pair, found.ici, found.e50, found.e90, found.emax))
    return pd.DataFrame(rows, columns=["block", "model", "ici", "e50", "e90", "e_max"])


def _mean_prediction(
    repeats: Sequence[Repeat], pair: Pair
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label and mean probability of those whose label all repeats know, and their rows."""
    labels = np.array([r.label for r in repeats])
    rows = np.flatnonzero(~np.isnan(labels).any(axis=0) & (np.ptp(labels, axis=0) == 0))
    p = np.mean([r.probability(pair)[rows] for r in repeats], axis=0)
    return labels[0, rows], p, rows


def learning_curve(
    material: Material,
    blocks: Sequence[Block],
    plan: Plan,
    repeats: int,
    weights: np.ndarray,
    level: float,
    n_jobs: int | None,
    checkpoint: Checkpoint,
) -> pd.DataFrame:
    """AUC (or R²) of clinical data, omics and both when fewer people train.

    A flat curve says that more people of this kind would not help; a rising one that they would.
    Where fewer people leave a training fold with one class, ``status`` says so and the point is
    NaN.
    """
    wanted = (CLINICAL, OMICS, joined(OMICS))
    first = plan.models[0][0]
    pairs = tuple((block, first) for block in blocks if block.name in wanted)
    plan = plan.alone()
    continuous = material.outcome.continuous
    metric = "r2" if continuous else "auc"
    points: list[tuple[float, list[Repeat], str]] = []
    for fraction in FRACTIONS:
        call = partial(one_repeat, material, pairs, replace(plan, fraction=fraction))
        try:
            done = checkpoint.run(
                f"learning_{fraction:g}",
                call,
                [(f"repeat_{k}",) for k in range(repeats)],
                n_jobs=n_jobs,
                progress=f"learning curve, {fraction:.0%} of the people",
            )
        except AnalysisError as error:
            points.append((fraction, [], str(error.what)))
        else:
            points.append((fraction, done, schema.OK))
    # folds do not depend on the fraction
    folds = next((done for _, done, _ in reversed(points) if done), [])
    size = np.mean([(r.fold != k).sum() for r in folds for k in set(r.fold)]) if folds else np.nan
    rows = []
    for fraction, done, status in points:
        n = int(round(fraction * size)) if folds else 0
        for block, model in pairs:
            value = (np.nan, np.nan, np.nan)
            if done:
                draws = [lead(r, (block.name, model), continuous, weights) for r in done]
                found = interval(over_repeats(draws), level)
                value = (found.estimate, found.ci_low, found.ci_high)
            rows.append((block.name, model, metric, n, *value, status))
    columns = ["block", "model", "metric", "n_train", "estimate", "ci_low", "ci_high", "status"]
    frame = pd.DataFrame(rows, columns=columns)
    return as_categories(frame, [(b.name, m) for b, m in pairs], metric=["r2", "auc"])


def importance_frame(
    repeats: Sequence[Repeat],
    pairs: Sequence[Pair],
    names: dict[str, np.ndarray],
    weights: np.ndarray,
    level: float,
    continuous: bool,
) -> pd.DataFrame:
    """Loss of AUC (or R²) when columns are exchanged among the people of a test fold."""
    few = weights[: 1 + _DRAWS]
    rows = []
    for pair in pairs:
        found: dict[tuple[str, object], list[np.ndarray]] = {}
        whole = [lead(r, pair, continuous, few) for r in repeats]
        for number, repeat in enumerate(repeats):
            importance = repeat.importance.get(pair)
            if importance is None:
                continue
            for key, predictions in zip(importance.keys, importance.predictions, strict=True):
                lost = [
                    whole[number]
                    - lead(replace(repeat, prediction={pair: p}), pair, continuous, few)
                    for p in predictions
                ]
                found.setdefault(key, []).append(np.mean(lost, axis=0))
        for key, draws in found.items():
            if key[0] == "feature" and 2 * len(draws) < len(repeats):
                continue
            # a column that no fold of a repeat leans on loses nothing there
            none = np.zeros_like(draws[0])
            draws = [*draws, *[none] * (len(repeats) - len(draws))]
            value = interval(over_repeats(draws), level)
            name = names[pair[0]][int(str(key[1]))] if key[0] == "feature" else key[1]
            estimate = (value.estimate, value.ci_low, value.ci_high)
            rows.append((*pair, key[0], str(name), "r2" if continuous else "auc", *estimate))
    columns = ["block", "model", "level", "name", "metric", "estimate", "ci_low", "ci_high"]
    frame = pd.DataFrame(rows, columns=columns).sort_values(
        ["block", "model", "level", "estimate", "name"],
        ascending=[True, True, True, False, True],
        kind="stable",
    )
    return as_categories(frame.reset_index(drop=True), pairs)
