"""Metrics of repeated cross-validation, averaged over repeats, with person-bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels._performance import Estimate
from exerkine_omics.ml._cross import Repeat

METRICS = (
    "auc",
    "average_precision",
    "brier",
    "log_loss",
    "calibration_slope",
    "calibration_intercept",
    "net_benefit",
    "auc_increment",
)
GRID = np.linspace(0, 1, 101)
_ROC_DRAWS = 400


def person_weights(
    label: np.ndarray, groups: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Ones, then how often each draw of the bootstrap holds each person: (1 + draws) x people.

    People are drawn within their class; where groups hold several people, whole groups are
    drawn.
    """
    n = len(label)
    weights = np.zeros((draws, n))
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < n:
        count = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
        weights = count[:, number].astype(float)
    else:
        stratum = np.where(np.isnan(label), 2, label)
        for value in np.unique(stratum):
            rows = np.flatnonzero(stratum == value)
            share = np.full(len(rows), 1 / len(rows))
            weights[:, rows] = rng.multinomial(len(rows), share, size=draws)
    return np.vstack([np.ones((1, n)), weights])


def measure(
    repeats: Sequence[Repeat],
    blocks: Sequence[str],
    weights: np.ndarray,
    *,
    model: str,
    threshold: float,
    level: float,
) -> pd.DataFrame:
    """One row a metric and block; each metric is taken within a repeat over all people at once."""
    rows, areas = [], {}
    for block in blocks:
        values = [_one(r, block, weights, threshold) for r in repeats]
        for metric in METRICS[:-1]:
            draws = _over_repeats([v[metric] for v in values])
            if metric == "auc":
                areas[block] = draws
                found = auc_interval(draws, repeats[0].label, level)
            else:
                found = interval(draws, level)
            rows.append((metric, block, model, found.estimate, found.ci_low, found.ci_high))
    for block in (b for b in blocks if b.startswith("clinical+")):
        found = interval(areas[block] - areas["clinical"], level)
        gain = ("auc_increment", block, model)
        rows.append((*gain, found.estimate, found.ci_low, found.ci_high))
    columns = ["metric", "block", "model", "estimate", "ci_low", "ci_high"]
    frame = pd.DataFrame(rows, columns=columns)
    for column, order in (("metric", METRICS), ("block", blocks), ("model", (model,))):
        frame[column] = pd.Categorical(frame[column], categories=list(order))
    return frame


def interval(draws: np.ndarray, level: float) -> Estimate:
    """First entry as the estimate, percentiles of the others; NaN where under half are known."""
    boot = draws[1:][np.isfinite(draws[1:])]
    if not np.isfinite(draws[0]) or len(boot) < max(2, len(draws) / 2):
        return Estimate(float(draws[0]), np.nan, np.nan)
    low, high = np.quantile(boot, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(draws[0]), float(low), float(high))


def auc_interval(draws: np.ndarray, label: np.ndarray, level: float) -> Estimate:
    """Percentile interval of an AUC.

    Where every draw gives the same AUC (no ranking at all, or a perfect one) the bootstrap sees
    no error; then the interval is Wilson's for a share seen in the smaller class.
    """
    found = interval(draws, level)
    if np.isfinite(found.estimate) and np.ptp(draws[np.isfinite(draws)]) < 1e-12:
        smaller = int(min((label == 1).sum(), (label == 0).sum()))
        return Estimate(found.estimate, *performance.wilson(found.estimate, smaller, level))
    return found


def roc_frame(
    repeats: Sequence[Repeat], blocks: Sequence[str], weights: np.ndarray, model: str, level: float
) -> pd.DataFrame:
    """Vertical average of the repeats' ROC curves on a fixed grid, with its bootstrap band."""
    frames = []
    few = weights[: 1 + _ROC_DRAWS]
    for block in blocks:
        curves = []
        for repeat in repeats:
            known = ~np.isnan(repeat.label)
            score, label = repeat.prediction[block][known], repeat.label[known]
            curves.append(performance.roc_on_grid(label, score, few[:, known], GRID))
        mean = np.mean(curves, axis=0)
        tail = [(1 - level) / 2, (1 + level) / 2]
        low, high = np.nanquantile(mean[1:], tail, axis=0) if len(mean) > 1 else mean[[0, 0]]
        # the curve starts in the corner; the first grid point already holds the first step
        frame = pd.DataFrame(
            {
                "fpr": np.r_[0.0, GRID],
                "tpr": np.r_[0.0, mean[0]],
                "ci_low": np.r_[0.0, low],
                "ci_high": np.r_[0.0, high],
            }
        )
        frame.insert(0, "block", block)
        frame.insert(1, "model", model)
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True)
    frame["block"] = pd.Categorical(frame["block"], categories=list(blocks))
    frame["model"] = frame["model"].astype("category")
    return frame


def prediction_frame(
    repeats: Sequence[Repeat], blocks: Sequence[str], subjects: np.ndarray, model: str
) -> pd.DataFrame:
    """One row a person, block and repeat; people whose label the fold's rule leaves open drop.

    ``probability`` is at the odds of the fold's training people, ``ranking`` at even odds: AUC and
    average precision rank all people of a repeat by it.
    """
    frames = []
    for block in blocks:
        for number, repeat in enumerate(repeats):
            known = ~np.isnan(repeat.label)
            frames.append(
                pd.DataFrame(
                    {
                        schema.SUBJECT: subjects[known].astype(str),
                        "block": block,
                        "model": model,
                        "repeat": np.int64(number),
                        "fold": repeat.fold[known].astype("int64"),
                        "label": repeat.label[known].astype("int64"),
                        "probability": repeat.probability(block)[known],
                        "ranking": repeat.prediction[block][known],
                    }
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    frame[schema.SUBJECT] = frame[schema.SUBJECT].astype("category")
    frame["block"] = pd.Categorical(frame["block"], categories=list(blocks))
    frame["model"] = frame["model"].astype("category")
    return frame


def explained(repeats: Sequence[Repeat], block: str, weights: np.ndarray, level: float) -> Estimate:
    """Cross-validated R²: ``1 - sum (y - fit)^2 / sum (y - training mean)^2``, may be negative."""
    draws = []
    for repeat in repeats:
        known = ~np.isnan(repeat.label)
        w, y = weights[:, known], repeat.label[known]
        rest = w @ (y - repeat.prediction[block][known]) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            draws.append(1 - rest / (w @ (y - repeat.base[known]) ** 2))
    return interval(_over_repeats(draws), level)


def _one(
    repeat: Repeat, block: str, weights: np.ndarray, threshold: float
) -> dict[str, np.ndarray]:
    known = ~np.isnan(repeat.label)
    label, w = repeat.label[known], weights[:, known]
    rank, p = repeat.prediction[block][known], repeat.probability(block)[known]
    intercept, slope = performance.calibration(label, p, w)
    return {
        "auc": performance.auc(label, rank, w),
        "average_precision": performance.average_precision(label, rank, w),
        "brier": performance.brier(label, p, w),
        "log_loss": performance.log_loss(label, p, w),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "net_benefit": performance.net_benefit(label, p, w, threshold),
    }


def _over_repeats(draws: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over the repeats that have a value; NaN where under half have one."""
    values = np.array(draws)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    enough = count * 2 >= len(values)
    return np.where(enough, total / np.maximum(count, 1), np.nan)
