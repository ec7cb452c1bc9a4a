"""Metrics of repeated cross-validation, averaged over repeats, with person-bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels import _within_site as within
from exerkine_omics.kernels._performance import Estimate
from exerkine_omics.ml._blocks import CLINICAL
from exerkine_omics.ml._cross import Pair, Repeat
from exerkine_omics.ml._lead import auc_of, r2_of, site_interval

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
CHANGE_METRICS = (
    "r2",
    "rmse",
    "correlation",
    "calibration_slope",
    "calibration_intercept",
    "r2_increment",
)
GRID = np.linspace(0, 1, 101)
_ROC_DRAWS = 400
_AHEAD = f"{CLINICAL}+"


def person_weights(
    label: np.ndarray,
    groups: np.ndarray,
    draws: int,
    rng: np.random.Generator,
    sites: np.ndarray | None = None,
) -> np.ndarray:
    """Ones, then how often each draw of the bootstrap holds each person: (1 + draws) x people.

    People are drawn within their class (and site, where these are left out); where groups hold
    several people, whole groups are drawn.
    """
    n = len(label)
    weights = np.zeros((draws, n))
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < n:
        count = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
        weights = count[:, number].astype(float)
    else:
        stratum = np.where(np.isnan(label), 2, label)
        if sites is not None:
            stratum = np.unique([stratum, np.unique(sites, return_inverse=True)[1]], axis=1,
                                return_inverse=True)[1].ravel()  # fmt: skip
        for value in np.unique(stratum):
            rows = np.flatnonzero(stratum == value)
            share = np.full(len(rows), 1 / len(rows))
            weights[:, rows] = rng.multinomial(len(rows), share, size=draws)
    return np.vstack([np.ones((1, n)), weights])


def measure(
    repeats: Sequence[Repeat],
    pairs: Sequence[Pair],
    weights: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float,
    level: float,
    continuous: bool = False,
) -> pd.DataFrame:
    """One row a metric, block and model; taken within a repeat over all people at once.

    Where sites were left out, what ranks people (AUC and its gain, average precision, R² and
    correlation) is taken within sites.
    """
    by_site = repeats[0].sites is not None and not continuous
    names = CHANGE_METRICS if continuous else METRICS
    first = names[0]
    rows, leads = [], {}
    for pair in pairs:
        values = [
            _of_change(r, pair, weights) if continuous else _of_label(r, pair, weights, threshold)
            for r in repeats
        ]
        for metric in names[:-1]:
            draws = over_repeats([v[metric] for v in values])
            found = interval(draws, level)
            if metric == first:
                leads[pair] = draws
                if by_site:
                    found = site_interval(repeats, pair, None, groups, level)
                elif first == "auc":
                    found = auc_interval(draws, repeats[0].label, level)
            rows.append((metric, *pair, found.estimate, found.ci_low, found.ci_high))
    for block, model in pairs:
        if block.startswith(_AHEAD):
            base = (CLINICAL, model)
            found = interval(leads[(block, model)] - leads[base], level)
            if by_site:
                found = site_interval(repeats, (block, model), base, groups, level)
            rows.append((names[-1], block, model, found.estimate, found.ci_low, found.ci_high))
    frame = pd.DataFrame(
        rows, columns=["metric", "block", "model", "estimate", "ci_low", "ci_high"]
    )
    return as_categories(frame, pairs, metric=names)


def as_categories(
    frame: pd.DataFrame, pairs: Sequence[Pair], **more: Sequence[str]
) -> pd.DataFrame:
    """Block and model (and what else is named) as text of a known order."""
    blocks, models = (list(dict.fromkeys(pair[k] for pair in pairs)) for k in (0, 1))
    for column, order in {"block": blocks, "model": models, **more}.items():
        frame[column] = pd.Categorical(frame[column], categories=list(order))
    return frame


def increments(
    repeats: Sequence[Repeat],
    pairs: Sequence[Pair],
    weights: np.ndarray,
    groups: np.ndarray,
    *,
    level: float,
    continuous: bool = False,
) -> pd.DataFrame:
    """Gain of each block with clinical data over these alone, the better way positive.

    The bootstrap interval is that of the paired difference over all people; of an AUC within sites
    it is that of the paired DeLong variances. ``corrected_*`` take the difference in each test
    fold, each fold counting alike: mean and interval of Nadeau & Bengio's corrected resampled t,
    whose variance ``var(d) (1/J + n_test/n_train)`` counts that training folds overlap. The ratio
    is the mean over the J folds that were run and have a difference: 1/(k - 1) with k equal folds,
    more where sites of unequal size are left out.
    """
    measures: dict[str, Callable[[Repeat, Pair, np.ndarray, np.ndarray], np.ndarray]]
    measures = {"r2": r2_of} if continuous else {"auc": auc_of, "log_loss": _loss, "brier": _square}
    rows = []
    for block, model in pairs:
        if not block.startswith(_AHEAD):
            continue
        pair, base = (block, model), (CLINICAL, model)
        for metric, function in measures.items():
            draws, folds, ratios = [], [], []
            for repeat in repeats:
                known = ~np.isnan(repeat.label)
                w = weights[:, known]
                draws.append(function(repeat, pair, known, w) - function(repeat, base, known, w))
                for k in np.unique(repeat.fold[known]):
                    own = known & (repeat.fold == k)
                    one = np.ones((1, int(own.sum())))
                    gain = function(repeat, pair, own, one) - function(repeat, base, own, one)
                    folds.append(float(gain[0]))
                    ratios.append(int(own.sum()) / int(repeat.n_train[k]))
            found = interval(over_repeats(draws), level)
            if metric == "auc" and repeats[0].sites is not None:
                found = site_interval(repeats, pair, base, groups, level)
            row = (metric, *pair, found.estimate, found.ci_low, found.ci_high)
            rows.append((*row, *corrected(np.array(folds), np.array(ratios), level)))
    columns = ["metric", "block", "model", "estimate", "ci_low", "ci_high"]
    columns += ["corrected_estimate", "corrected_low", "corrected_high", "corrected_p"]
    return as_categories(pd.DataFrame(rows, columns=columns), pairs, metric=list(measures))


def corrected(
    differences: np.ndarray, ratios: np.ndarray, level: float
) -> tuple[float, float, float, float]:
    """Mean, interval and p of fold differences; ``ratios`` are test over training people."""
    known = np.isfinite(differences)
    d = differences[known]
    if len(d) < 2:
        return (float("nan"),) * 4
    ratio = float(ratios[known].mean())
    mean, se = float(d.mean()), float(np.sqrt(d.var(ddof=1) * (1 / len(d) + ratio)))
    if se == 0:
        return mean, mean, mean, 1.0 if mean == 0 else 0.0
    half = float(stats.t.ppf(0.5 + level / 2, len(d) - 1)) * se
    p = float(2 * stats.t.sf(abs(mean / se), len(d) - 1))
    return mean, mean - half, mean + half, p


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
    repeats: Sequence[Repeat], pairs: Sequence[Pair], weights: np.ndarray, level: float
) -> pd.DataFrame:
    """Vertical average of the repeats' ROC curves on a fixed grid, with its bootstrap band.

    Of sites left out it is the average of the sites' curves, weighted by their pairs.
    """
    frames = []
    few = weights[: 1 + _ROC_DRAWS]
    for block, model in pairs:
        curves = []
        for repeat in repeats:
            known = ~np.isnan(repeat.label)
            score, label = repeat.prediction[(block, model)][known], repeat.label[known]
            if repeat.sites is None:
                curves.append(performance.roc_on_grid(label, score, few[:, known], GRID))
            else:
                site = repeat.sites[known]
                curves.append(within.roc_on_grid(label, score, site, few[:, known], GRID))
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
    return as_categories(pd.concat(frames, ignore_index=True), pairs)


def prediction_frame(
    repeats: Sequence[Repeat], pairs: Sequence[Pair], subjects: np.ndarray, continuous: bool
) -> pd.DataFrame:
    """One row a person, block, model and repeat; people whose label the fold's rule leaves drop.

    ``probability`` is at the odds of the fold's training people, ``ranking`` at even odds: AUC and
    average precision rank all people of a repeat by it. For a change: ``change``, ``predicted``.
    """
    frames = []
    for block, model in pairs:
        for number, repeat in enumerate(repeats):
            known = ~np.isnan(repeat.label)
            columns = {
                schema.SUBJECT: subjects[known].astype(str),
                "block": block,
                "model": model,
                "repeat": np.int64(number),
                "fold": repeat.fold[known].astype("int64"),
            }
            found = repeat.prediction[(block, model)][known]
            if continuous:
                columns |= {"change": repeat.label[known], "predicted": found}
            else:
                columns |= {
                    "label": repeat.label[known].astype("int64"),
                    "probability": repeat.probability((block, model))[known],
                    "ranking": found,
                }
            frames.append(pd.DataFrame(columns))
    frame = pd.concat(frames, ignore_index=True)
    frame[schema.SUBJECT] = frame[schema.SUBJECT].astype("category")
    return as_categories(frame, pairs)


def _of_label(
    repeat: Repeat, pair: Pair, weights: np.ndarray, threshold: float
) -> dict[str, np.ndarray]:
    known = ~np.isnan(repeat.label)
    label, w = repeat.label[known], weights[:, known]
    rank, p = repeat.prediction[pair][known], repeat.probability(pair)[known]
    intercept, slope = performance.calibration(label, p, w)
    if repeat.sites is None:
        precision = performance.average_precision(label, rank, w)
    else:
        precision = within.average_precision(label, rank, repeat.sites[known], w)
    return {
        "auc": auc_of(repeat, pair, known, w),
        "average_precision": precision,
        "brier": performance.brier(label, p, w),
        "log_loss": performance.log_loss(label, p, w),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "net_benefit": performance.net_benefit(label, p, w, threshold),
    }


def _of_change(repeat: Repeat, pair: Pair, weights: np.ndarray) -> dict[str, np.ndarray]:
    """R² against the training mean, error, and the line of the change on its prediction."""
    known = ~np.isnan(repeat.label)
    y, w = repeat.label[known], weights[:, known]
    found = repeat.prediction[pair][known]
    total = w.sum(axis=1)
    centre_y, centre_f = (w @ y) / total, (w @ found) / total
    with np.errstate(invalid="ignore", divide="ignore"):
        cross = (w @ (y * found)) / total - centre_y * centre_f
        var_f = (w @ found**2) / total - centre_f**2
        var_y = (w @ y**2) / total - centre_y**2
        flat = var_f <= 1e-12 * np.maximum(var_y, 1e-300)
        slope = np.where(flat, np.nan, cross / var_f)
        correlation = np.where(flat, np.nan, cross / np.sqrt(var_f * var_y))
    if repeat.sites is not None:
        correlation = within.r2_and_correlation(y, found, repeat.sites[known], w)[1]
    return {
        "r2": r2_of(repeat, pair, known, w),
        "rmse": np.sqrt((w @ (y - found) ** 2) / total),
        "correlation": correlation,
        "calibration_slope": slope,
        "calibration_intercept": centre_y - slope * centre_f,
    }


def _loss(repeat: Repeat, pair: Pair, rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    return -performance.log_loss(repeat.label[rows], repeat.probability(pair)[rows], w)


def _square(repeat: Repeat, pair: Pair, rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    return -performance.brier(repeat.label[rows], repeat.probability(pair)[rows], w)


def over_repeats(draws: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over the repeats that have a value; NaN where under half have one."""
    values = np.array(draws)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    enough = count * 2 >= len(values)
    return np.where(enough, total / np.maximum(count, 1), np.nan)
