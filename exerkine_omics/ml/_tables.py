"""Frames of a result, made of the repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels._logistic import likelihood_ratio
from exerkine_omics.kernels._stabl import choose
from exerkine_omics.ml._blocks import SIGNATURES
from exerkine_omics.ml._conformal import conformal_frame, conformal_summary
from exerkine_omics.ml._cross import Pair, Repeat
from exerkine_omics.ml._curves import (
    calibration_errors,
    calibration_frame,
    decision_frame,
    importance_frame,
)
from exerkine_omics.ml._explain import coefficient_frame, column_names
from exerkine_omics.ml._fold import GAUSSIAN
from exerkine_omics.ml._fold_scores import SignatureColumns
from exerkine_omics.ml._lead import lead
from exerkine_omics.ml._measure import (
    as_categories,
    increments,
    interval,
    over_repeats,
    prediction_frame,
    roc_frame,
)
from exerkine_omics.ml._permute import pair_names
from exerkine_omics.ml._result import SignatureBlocks
from exerkine_omics.ml._study import Study


def result_frames(study: Study, weights: np.ndarray, level: float) -> dict[str, Any]:
    """Predictions, curves, importance, coefficients, sets and sites of a `PredictionResult`."""
    repeats, material = study.repeats, study.material
    pairs = pair_names(study.pairs)
    continuous = material.outcome.continuous
    names = names_of(study)
    rows = {
        pair: np.vstack([r.coefficients[pair] for r in repeats])
        for pair in pairs
        if pair in repeats[0].coefficients
    }
    options = {"level": level, "continuous": continuous}
    subjects = study.people.subjects
    found = {
        "predictions": prediction_frame(repeats, pairs, subjects, continuous),
        "increment": increments(repeats, pairs, weights, material.groups, **options),  # type: ignore[arg-type]
        "importance": importance_frame(repeats, pairs, names, weights, **options),  # type: ignore[arg-type]
        "coefficients": coefficient_frame(rows, names),
        "conformal": conformal_frame(
            repeats, pairs, subjects, material.groups, study.alpha, continuous
        ),
        "sites": _sites(study, pairs) if material.sites is not None else None,
    }
    found["conformal_summary"] = conformal_summary(
        found["conformal"], continuous, study.alpha, level
    )
    curves = {"roc": roc_frame, "calibration": calibration_frame, "decision": decision_frame}
    for name, make in curves.items():
        found[name] = pd.DataFrame() if continuous else make(repeats, pairs, weights, level)
    found["calibration_error"] = None if continuous else calibration_errors(repeats, pairs)
    return found


def names_of(study: Study) -> dict[str, np.ndarray]:
    """Names of the columns of each block."""
    signatures = study.material.signatures
    labels = [column.label for column in study.clinical]
    own = None if signatures is None else signatures.names
    return {
        block.name: column_names(block, labels, study.people.features, own)
        for block, _ in study.pairs
    }


def stability_of(
    repeats: Sequence[Repeat], pair: Pair, features: np.ndarray
) -> tuple[performance.Estimate, pd.DataFrame]:
    """Stability of a block's features over all training folds, and how often each was chosen.

    Limits are cut to [-1, 1]. Training folds overlap, so the interval is somewhat too narrow.
    """
    if pair not in repeats[0].coefficients:
        nan = float("nan")
        none = pd.DataFrame({"feature": np.empty(0, dtype=str), "share": np.empty(0)})
        return performance.Estimate(nan, nan, nan), none
    chosen = np.vstack([repeat.coefficients[pair] for repeat in repeats]) != 0
    found, _ = performance.nogueira_stability(chosen)
    found = replace(found, ci_low=max(-1.0, found.ci_low), ci_high=min(1.0, found.ci_high))
    share = chosen.mean(axis=0)
    order = np.argsort(-share, kind="stable")
    frame = pd.DataFrame(
        {"feature": features[: len(share)][order].astype(str), "share": share[order]}
    )
    return found, frame[frame["share"] > 0].reset_index(drop=True)


def reliable_features(
    frequency: pd.DataFrame, features: np.ndarray, shares: tuple[np.ndarray, np.ndarray] | None
) -> tuple[pd.DataFrame, list[str]]:
    """Mark the features above the threshold of the least FDP+ (Stabl).

    ``shares`` are those of features, and of the exchanged ones that competed with them.
    """
    if shares is None or frequency.empty:
        return frequency.assign(reliable=False), []
    found = choose(*shares, np.arange(0.0, 1.0, 0.02))
    chosen = set(features[: len(found.selected)][found.selected].astype(str))
    text = (
        f"{len(chosen)} features are chosen in more than {found.threshold:.0%} of the training "
        f"folds, beside exchanged ones that tell nothing (FDP+ {found.fdp:.2f})."
        if chosen
        else "No feature is chosen more often than exchanged ones that tell nothing."
    )
    return frequency.assign(reliable=frequency["feature"].isin(chosen)), [text]


def signature_blocks(
    study: Study,
    columns: SignatureColumns,
    p_values: pd.DataFrame,
    weights: np.ndarray,
    level: float,
) -> SignatureBlocks:
    """Collect what stands beside the blocks of signatures, and beside each its best member."""
    repeats, plan, features = study.repeats, study.plan, study.people.features
    continuous = plan.recipe.family == GAUSSIAN
    p_nested = _nested_tests(study, columns)
    _, chosen = stability_of(repeats, (SIGNATURES, plan.models[0][0]), columns.names)
    rows = []
    for number, name in enumerate(columns.names):
        own, other = (
            over_repeats([_alone(r, part, number, weights, continuous) for r in repeats])
            for part in (0, 1)
        )
        values = [interval(draws, level) for draws in (own, other, own - other)]
        best = np.concatenate([r.each[2][:, number] for r in repeats if r.each is not None])
        best = best[best >= 0]
        counts = np.bincount(best, minlength=1)
        member = features[counts.argmax()] if len(best) else ""
        share = counts.max() / len(best) if len(best) else np.nan
        three = [(v.estimate, v.ci_low, v.ci_high) for v in values]
        rows.append((name, *three[0], member, share, *three[1], *three[2], p_nested[number]))
    names = ["signature", "estimate", "ci_low", "ci_high", "member", "member_share"]
    names += ["member_estimate", "member_low", "member_high", "gain", "gain_low", "gain_high"]
    names += ["nested_p"]
    each = pd.DataFrame(rows, columns=names).sort_values(
        ["estimate", "signature"], ascending=[False, True], kind="stable"
    )
    return SignatureBlocks(
        method=columns.method,
        names=list(columns.names),
        permutation_p=float(p_values.loc[SIGNATURES, "permutation_p"]),
        increment_p=float(p_values.loc[SIGNATURES, "increment_p"]),
        selected=chosen.rename(columns={"feature": "signature"}),
        each=each.reset_index(drop=True),
    )


def _nested_tests(study: Study, columns: SignatureColumns) -> np.ndarray:
    """P of each score beside the clinical columns, by the likelihood ratio in all people.

    A score learns from features alone, so it may be tested where it was made. Where sites are left
    out each has its own intercept. NaN for a change.
    """
    material = study.material
    if material.outcome.continuous:
        return np.full(len(columns.names), np.nan)
    scores = columns.fit(material.x).score(material.x)
    label = material.outcome.labels(np.arange(len(material.groups)))
    beside = material.clinical
    if material.sites is not None:
        # people of a site of one class have a fitted probability of 0 or 1 whatever their score
        known = ~np.isnan(label)
        names = [
            s
            for s in np.unique(material.sites)
            if len(np.unique(label[known & (material.sites == s)])) > 1
        ]
        label = np.where(np.isin(material.sites, names), label, np.nan)
        own = (material.sites[:, None] == np.array(names)[None, 1:]).astype(float)
        beside = np.hstack([beside, own])
    return np.array(
        [likelihood_ratio(label, beside, scores[:, [k]]).p_value for k in
         range(scores.shape[1])]
    )  # fmt: skip


def _alone(
    repeat: Repeat, part: int, number: int, weights: np.ndarray, continuous: bool
) -> np.ndarray:
    if repeat.each is None:
        return np.full(len(weights), np.nan)
    pair = ("", "")
    own = replace(repeat, prediction={pair: repeat.each[part][:, number]})
    return lead(own, pair, continuous, weights)


def _sites(study: Study, pairs: Sequence[Pair]) -> pd.DataFrame:
    """Each site by what the others teach; NaN where a site has one class only.

    R² is about the site's own means; the R² that leads is their mean by sums of squares, and the
    AUC that leads theirs by pairs.
    """
    repeat, sites = study.repeats[0], np.asarray(study.material.sites)
    continuous = study.material.outcome.continuous
    rows = []
    for site in np.unique(sites):
        own = (sites == site) & ~np.isnan(repeat.label)
        part = replace(
            repeat,
            label=np.where(own, repeat.label, np.nan),
        )
        for pair in pairs:
            enough = own.sum() > 1 and len(np.unique(repeat.label[own])) > 1
            value = float(lead(part, pair, continuous)[0]) if enough else np.nan
            metric = "r2" if continuous else "auc"
            rows.append((str(site), int(own.sum()), *pair, metric, value))
    frame = pd.DataFrame(rows, columns=["site", "n", "block", "model", "metric", "estimate"])
    return as_categories(frame, pairs)
