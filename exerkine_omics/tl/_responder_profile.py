"""Responders in several outcomes and several arms."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import ResponseSpec, frame_for_storage
from exerkine_omics.cohort._outcomes import text_column
from exerkine_omics.cohort._responder_profile import ResponderProfile
from exerkine_omics.cohort._responder_result import ResponderResult
from exerkine_omics.errors import AnalysisError, UsageError
from exerkine_omics.tl._responders import responders

_SHOWN = ("responder", "non", "adverse", "uncertain")
_APART = ("missing", "not_trained")


def responder_profile(
    outcomes: pd.DataFrame,
    specs: Mapping[str, ResponseSpec],
    *,
    subject: str = schema.SUBJECT,
    adherence: str | None = None,
    min_adherence: float | None = None,
    sd_ir_method: str = "closed",
    seed: int | None = None,
) -> ResponderProfile:
    """Say who responded in which outcome, in each arm that trained.

    Use it where several outcomes or doses were studied. Nobody is a responder as such: in large
    trials hardly anyone is high, or low, in all traits; and doses are never pooled.

    Parameters
    ----------
    outcomes
        One row a person, with the columns that the specs name.
    specs
        ``{outcome: ResponseSpec}``: each outcome has its own columns, threshold, noise and good
        direction. Labels are not made here; the spec's ``adjust`` and ``label_rule`` play no part.
    subject
        Column of the person's id.
    adherence, min_adherence, sd_ir_method, seed
        As in `responders`; a spec's own dose comes first.

    Returns
    -------
    ResponderProfile
        ``.summary`` (a row an outcome and arm), ``.frame`` (a row a person and outcome),
        ``.agreement`` (pairs of outcomes), and each result as ``profile[outcome, arm]``.

    Raises
    ------
    UsageError
        If there is no spec, or one is none.
    InputError, AnalysisError
        As in `responders`.

    Notes
    -----
    Missing values: a person without an outcome is ``missing`` in that outcome only; an arm in
    which nobody was measured twice has a row whose ``status`` says so, and no result. Intervals and
    verdicts are those of each outcome alone; with many outcomes some verdicts are chance.

    References
    ----------
    Barber et al. 2021 (HERITAGE: 1 of 564 people uniformly high or low over seven traits).
    """
    if not isinstance(specs, Mapping) or not specs:
        raise UsageError("There is no outcome", where="specs=", fix="Give {name: ResponseSpec}.")
    results: dict[tuple[str, str], ResponderResult] = {}
    failed: dict[tuple[str, str], AnalysisError] = {}
    for name, spec in specs.items():
        if not isinstance(spec, ResponseSpec):
            raise UsageError(
                f"specs[{name!r}] is a {type(spec).__name__}", fix="Give ResponseSpec."
            )
        for treated in _arms(outcomes, spec):
            key = (str(name), treated or "")
            try:
                results[key] = responders(
                    outcomes,
                    pre=spec.pre,
                    post=spec.post,
                    subject=subject,
                    reliability=spec.reliability,
                    threshold=spec.threshold,
                    arm=spec.arm,
                    control=spec.control,
                    treated=treated,
                    strata=spec.strata,
                    adherence=adherence if spec.adherence is None else spec.adherence,
                    min_adherence=min_adherence if spec.adherence is None else spec.min_adherence,
                    smallest_sd_ir=spec.smallest_sd_ir,
                    direction=spec.direction,
                    level=spec.level,
                    sd_ir_method=sd_ir_method,
                    seed=seed,
                )
            except AnalysisError as error:  # an arm that was not measured twice keeps its row
                failed[key] = error
    if not results:
        raise next(iter(failed.values()))
    return ResponderProfile(results, _summary(results, failed), _long(results), _agreement(results))


def _arms(outcomes: pd.DataFrame, spec: ResponseSpec) -> list[str | None]:
    """Arms that trained; None where there are no arms."""
    if spec.arm is None:
        return [None]
    arms = np.unique(text_column(outcomes, spec.arm, "Every person needs an arm."))
    return [str(a) for a in arms if spec.control is None or str(a) != str(spec.control)]


def _summary(
    results: Mapping[tuple[str, str], ResponderResult],
    failed: Mapping[tuple[str, str], AnalysisError],
) -> pd.DataFrame:
    rows = []
    for (outcome, arm), result in results.items():
        theirs = result.control_counts
        known = sum(n for k, n in theirs.items() if k != "missing") if theirs else 0
        rows.append(
            {
                "outcome": outcome,
                "arm": arm,
                "n": sum(result.counts[k] for k in _SHOWN),
                **{f"n_{k}": result.counts[k] for k in (*_SHOWN, *_APART)},
                "control_responder": theirs["responder"] / known if theirs and known else np.nan,
                "mean_change": result.mean_change,
                "sd_ir": result.sd_ir.estimate,
                "ci_low": result.sd_ir.ci_low,
                "ci_high": result.sd_ir.ci_high,
                "auc_ceiling": result.ceiling.auc,
                "verdict": result.verdict,
                "status": schema.OK,
            }
        )
    frame = pd.DataFrame(rows)
    lost = [{"outcome": o, "arm": a, "status": e.what} for (o, a), e in failed.items()]
    if lost:
        frame = pd.concat([frame, pd.DataFrame(lost)], ignore_index=True)
        counts = [c for c in frame.columns if c == "n" or c.startswith("n_")]
        frame[counts] = frame[counts].fillna(0).astype("int64")
        frame["verdict"] = frame["verdict"].fillna("cannot be known")
    return frame_for_storage(frame)


def _long(results: Mapping[tuple[str, str], ResponderResult]) -> pd.DataFrame:
    columns = [schema.SUBJECT, "change", "ci_low", "ci_high", "p_response", "category"]
    parts = []
    for (outcome, arm), result in results.items():
        part = result.frame[columns].copy()
        part["category"] = part["category"].astype(str)
        part.insert(0, schema.ARM, arm)
        part.insert(0, "outcome", outcome)
        parts.append(part)
    return frame_for_storage(pd.concat(parts, ignore_index=True))


def _agreement(results: Mapping[tuple[str, str], ResponderResult]) -> pd.DataFrame:
    rows = []
    for (first, arm), (second, other) in combinations(results, 2):
        if arm != other or first == second:
            continue
        one, two = results[first, arm], results[second, arm]
        pair = one.frame.merge(two.frame, on=schema.SUBJECT, suffixes=("_1", "_2"))
        pair = pair[
            ~pair["category_1"].isin(["missing", "not_trained"])
            & ~pair["category_2"].isin(["missing", "not_trained"])
        ]
        hit = [(pair[f"category_{i}"] == "responder").to_numpy() for i in (1, 2)]
        change = [pair[f"change_{i}"].to_numpy(float) for i in (1, 2)]
        varies = len(pair) > 2 and all(np.ptp(c) > 0 for c in change)
        rows.append(
            {
                "outcome": first,
                "other": second,
                "arm": arm,
                "n": len(pair),
                "n_both": int((hit[0] & hit[1]).sum()),
                "expected_both": float(hit[0].mean() * hit[1].sum()) if len(pair) else np.nan,
                "r_change": float(np.corrcoef(change)[0, 1]) if varies else np.nan,
            }
        )
    columns = ["outcome", "other", "arm", "n", "n_both", "expected_both", "r_change"]
    return frame_for_storage(pd.DataFrame(rows, columns=columns))
