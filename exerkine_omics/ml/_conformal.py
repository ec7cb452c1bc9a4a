"""Prediction sets that abstain: conformal, by person, within each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.kernels._conformal import (
    class_p_values,
    class_sizes,
    interval_half_width,
    prediction_sets,
)
from exerkine_omics.ml._cross import Pair, Repeat
from exerkine_omics.ml._measure import as_categories


def conformal_frame(
    repeats: Sequence[Repeat],
    pairs: Sequence[Pair],
    subjects: np.ndarray,
    groups: np.ndarray,
    alpha: float,
    continuous: bool,
) -> pd.DataFrame:
    """Set (or interval) of each person from the other folds' out-of-fold predictions.

    Averaged over repeats: the p of each class (or the ends of the interval). A person abstains
    where not just one class is left.
    """
    make = _intervals if continuous else _sets
    frames = []
    for pair in pairs:
        frame = make(repeats, pair, groups, alpha)
        frame.insert(0, schema.SUBJECT, subjects.astype(str))
        frame.insert(1, "block", pair[0])
        frame.insert(2, "model", pair[1])
        frames.append(frame[frame[["label", "change"][continuous]].notna()])
    frame = pd.concat(frames, ignore_index=True)
    frame[schema.SUBJECT] = frame[schema.SUBJECT].astype("category")
    if not continuous:
        frame["label"] = frame["label"].astype("int64")
    return as_categories(frame, pairs)


def conformal_summary(frame: pd.DataFrame, continuous: bool) -> pd.DataFrame:
    """Coverage, by class too, and how often it abstains, by block and model."""
    rows = []
    for (block, model), part in frame.groupby(["block", "model"], observed=True):
        if continuous:
            inside = part["change"].between(part["ci_low"], part["ci_high"])
            width = float((part["ci_high"] - part["ci_low"]).mean())
            row = {"n": len(part), "coverage": float(inside.mean()), "width": width}
        else:
            label = part["label"].to_numpy()
            inside = np.where(label == 1, part["in_set_1"], part["in_set_0"]).astype(bool)
            sure = ~part["abstain"].to_numpy(bool)
            row = {
                "n": len(part),
                "coverage": float(inside.mean()),
                "coverage_1": float(inside[label == 1].mean()),
                "coverage_0": float(inside[label == 0].mean()),
                "abstained": float(1 - sure.mean()),
                "right_when_sure": float(inside[sure].mean()) if sure.any() else np.nan,
            }
        rows.append({"block": block, "model": model, **row})
    return pd.DataFrame(rows)


def _sets(repeats: Sequence[Repeat], pair: Pair, groups: np.ndarray, alpha: float) -> pd.DataFrame:
    p_values, sizes = [], []
    for repeat in repeats:
        score, known = repeat.prediction[pair], ~np.isnan(repeat.label)
        found = np.full((len(score), 2), np.nan)
        for k in np.unique(repeat.fold):
            test, other = repeat.fold == k, known & (repeat.fold != k)
            held = (score[other], repeat.label[other])
            found[test] = class_p_values(*held, score[test], groups[other])
            sizes.append(class_sizes(*held, groups[other]))
        p_values.append(np.where(known[:, None], found, np.nan))
    known = np.asarray(np.isfinite(p_values).any(axis=0))
    p = np.nansum(p_values, axis=0) / np.maximum(np.isfinite(p_values).sum(axis=0), 1)
    p = np.where(known, p, np.nan)
    labels = np.array([r.label for r in repeats])
    label = np.where(known[:, 0], np.nanmax(np.where(np.isnan(labels), -1, labels), axis=0), np.nan)
    inside, _ = prediction_sets(p, alpha, np.min(sizes, axis=0))
    inside &= known
    return pd.DataFrame(
        {
            "label": label,
            "p_0": p[:, 0],
            "p_1": p[:, 1],
            "in_set_0": inside[:, 0],
            "in_set_1": inside[:, 1],
            "abstain": inside.sum(axis=1) != 1,
        }
    )


def _intervals(
    repeats: Sequence[Repeat], pair: Pair, groups: np.ndarray, alpha: float
) -> pd.DataFrame:
    ends = []
    for repeat in repeats:
        residual = np.abs(repeat.label - repeat.prediction[pair])
        half = np.full(len(residual), np.nan)
        for k in np.unique(repeat.fold):
            other = ~np.isnan(residual) & (repeat.fold != k)
            half[repeat.fold == k] = interval_half_width(residual[other], alpha, groups[other])
        found = repeat.prediction[pair]
        ends.append(np.column_stack([repeat.label, found, found - half, found + half]))
    mean = np.mean(ends, axis=0)
    return pd.DataFrame(
        {
            "change": mean[:, 0],
            "predicted": mean[:, 1],
            "ci_low": mean[:, 2],
            "ci_high": mean[:, 3],
            "abstain": ~np.isfinite(mean[:, 2]),
        }
    )
