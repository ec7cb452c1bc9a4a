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
from exerkine_omics.kernels._performance import wilson
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


def conformal_summary(
    frame: pd.DataFrame, continuous: bool, alpha: float, level: float
) -> pd.DataFrame:
    """Coverage, by class too, and how often it abstains, by block and model.

    ``nominal`` is 1 - alpha. Intervals of coverage are Wilson's for people; sets learn from the
    other people, so these are somewhat too narrow. Of classes also the share of people by set:
    ``only_1``, ``only_0``, ``both``, ``none``; of a change the ``width`` (mean, 5% and 95% of
    people).
    """
    rows = []
    for (block, model), part in frame.groupby(["block", "model"], observed=True):
        row: dict[str, float] = {"n": len(part), "nominal": 1 - alpha}
        if continuous:
            inside = part["change"].between(part["ci_low"], part["ci_high"]).to_numpy()
            row |= _covered("coverage", inside, level)
            width = (part["ci_high"] - part["ci_low"]).dropna().to_numpy(float)
            row["width"] = float(width.mean()) if len(width) else np.nan
            for name, q, method in (("width_5", 0.05, "lower"), ("width_95", 0.95, "higher")):
                known = len(width) > 0  # an interval without end is not to be interpolated
                row[name] = float(np.quantile(width, q, method=method)) if known else np.nan  # type: ignore[call-overload]
        else:
            label = part["label"].to_numpy()
            sets = part[["in_set_0", "in_set_1"]].to_numpy(bool)
            inside = np.where(label == 1, sets[:, 1], sets[:, 0])
            sure = ~part["abstain"].to_numpy(bool)
            row |= _covered("coverage", inside, level)
            row |= _covered("coverage_1", inside[label == 1], level)
            row |= _covered("coverage_0", inside[label == 0], level)
            row["abstained"] = float(1 - sure.mean())
            row["right_when_sure"] = float(inside[sure].mean()) if sure.any() else np.nan
            zero, one = sets.T
            kinds = {"only_1": one & ~zero, "only_0": zero & ~one, "both": zero & one}
            kinds["none"] = ~zero & ~one
            row |= {name: float(share.mean()) for name, share in kinds.items()}
        rows.append({"block": block, "model": model, **row})
    return pd.DataFrame(rows)


def _covered(name: str, inside: np.ndarray, level: float) -> dict[str, float]:
    """Share of people in their set, with its interval."""
    if not len(inside):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    share = float(inside.mean())
    low, high = wilson(share, len(inside), level)
    return {name: share, f"{name}_low": low, f"{name}_high": high}


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
