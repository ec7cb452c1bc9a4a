"""What the numbers together allow to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._performance import SampleSize
from exerkine_omics.ml._blocks import OMICS, joined

PREDICTION, ASSOCIATION = "prediction", "association"
ALPHA = 0.05


@dataclass(frozen=True)
class Gate:
    """Riley's sample size for this study: all candidate features, and ten.

    For a change ``r2`` is what is anticipated, for a class ``auc`` and ``prevalence``.
    """

    n: int
    n_parameters: int
    prevalence: float
    auc: float
    required: SampleSize
    required_ten: SampleSize
    r2: float = float("nan")

    @property
    def passed(self) -> bool:
        """Are there as many people as all candidate features ask for."""
        return self.n >= self.required.n

    @property
    def stamp(self) -> str:
        """``discovery`` where there are fewer, else ``development``."""
        return "development" if self.passed else "discovery"


def study_kind(
    drawn: str, feature_time: float | str | None, outcome_time: float | str | None,
    landmark: float | None,
) -> tuple[str, str]:  # fmt: skip
    """Prediction only where ``feature_time < landmark <= outcome_time``; else association, and why.

    Times are days from the start of training, or ``baseline`` (before it) and ``terminal`` (its
    end). Without a landmark it is the time of the outcome.
    """
    if drawn == schema.DELTA and feature_time == "baseline":
        raise UsageError(
            "The features are changes and feature_time says 'baseline'",
            where="feature_time=",
            fix="A change is known at its later sample: give that time.",
        )
    places = {"baseline": -np.inf, "terminal": np.inf}
    if feature_time is None:
        if drawn == schema.DELTA:
            return ASSOCIATION, "the features are changes that span the training itself"
        if drawn != "baseline":
            return ASSOCIATION, "when the features were drawn is not stated (feature_time=)"
        feature_time = "baseline"
    outcome_time = "terminal" if outcome_time is None else outcome_time
    first = places[feature_time] if isinstance(feature_time, str) else float(feature_time)
    last = places[outcome_time] if isinstance(outcome_time, str) else float(outcome_time)
    mark = last if landmark is None else float(landmark)
    if first < mark <= last:
        return PREDICTION, ""
    return ASSOCIATION, (
        f"the features were drawn at {feature_time}, not before "
        f"{'the outcome' if landmark is None else f'the landmark {landmark:g}'} "
        f"(outcome at {outcome_time})"
    )


def judge(
    kind: str,
    why: str,
    metrics: pd.DataFrame,
    permutation_p: float,
    increment_p: float,
    ceiling: float,
    control: Mapping[str, Any] | None,
    gate: Gate,
    signature_p: float | None = None,
    leave_out: str | None = None,
) -> str:
    """Put the numbers into one honest sentence or two.

    ``signature_p`` is the permutation p of the signatures' block, None where there is none;
    ``leave_out`` the column of sites within which people were compared, if so.
    """
    name = metrics["metric"].cat.categories[0]
    first = metrics["model"].cat.categories[0]
    own = metrics[(metrics["metric"] == name) & (metrics["model"] == first)]
    wide, none = own.set_index("block"), 0.5 if name == "auc" else 0.0
    row = wide.loc[OMICS]
    area = _words(row, name) + ("" if leave_out is None else f" within {leave_out}")
    parts = []
    if kind == ASSOCIATION:
        parts.append(f"association, not prediction: {why}")
    word = "prediction" if kind == PREDICTION else "association"
    if not np.isfinite(permutation_p):
        parts.append(f"not tested: omics {area}, no permutations were run")
    elif permutation_p > ALPHA or row["estimate"] <= none:
        parts.append(f"no evidence of {word}: omics {area}, permutation p = {permutation_p:.2g}")
    else:
        verb = "predict" if kind == PREDICTION else "go with"
        parts.append(f"omics {verb} response in this sample: {area}, p = {permutation_p:.2g}")
        if "clinical" in wide.index and np.isfinite(increment_p) and increment_p > ALPHA:
            parts.append(f"no evidence of a gain over clinical data (p = {increment_p:.2g})")
    if signature_p is not None:
        parts.append(_signature_words(wide.loc["signatures"], name, signature_p))
    if "clinical" not in wide.index:
        parts.append("no clinical reference was possible")
    if control is not None:
        parts += _control_words(control, wide["estimate"])
    if np.isfinite(ceiling) and row["estimate"] > ceiling + 0.005:
        parts.append(
            f"above the attainable {_LONG[name]} of {ceiling:.2f}: chance, or features that share "
            "the measurement error of the outcome"
        )
    parts.append(gate_words(gate))
    return "; ".join(parts) + "."


def _control_words(control: Mapping[str, Any], trained: pd.Series) -> list[str]:
    """Say where the same pipeline finds as much among people who did not train.

    Omics always; with clinical data where these lead omics among the trained.
    """
    metric = str(control["metric"])
    useless = 0.5 if metric == "auc" else 0.0
    parts = []
    if control["ci_low"] > useless:
        parts.append(
            "the same pipeline also works among people who did not train "
            f"({_LONG[metric]} {control['estimate']:.2f}): not a response to training"
        )
    both = joined(OMICS)
    own = control.get("blocks", {}).get(both)
    leads = both in trained.index and trained[both] > trained[OMICS]
    if own is not None and leads and own["ci_low"] > useless:
        parts.append(
            f"{both}, which leads omics, reaches {_LONG[metric]} {own['estimate']:.2f} among "
            "people who did not train: a baseline that shares the error of the change does so too"
        )
    return parts


_LONG = {"auc": "AUC", "r2": "R2"}


def _words(row: pd.Series, name: str) -> str:
    return f"{_LONG[name]} {row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"


def _signature_words(row: pd.Series, name: str, p: float) -> str:
    """Say what the scores of the signatures reach."""
    area = _words(row, name)
    if not np.isfinite(p):
        return f"signatures {area}, not tested"
    if p > ALPHA or row["estimate"] <= (0.5 if name == "auc" else 0.0):
        return f"no evidence for signatures: {area}, permutation p = {p:.2g}"
    return f"signatures reach {area}, p = {p:.2g}"


def gate_words(gate: Gate) -> str:
    """Riley's rule in words."""
    if np.isfinite(gate.r2):
        rule = f"Riley's rule at R2 {gate.r2:.2f}"
    else:
        rule = f"Riley's rule at AUC {gate.auc:.2f}, {gate.prevalence:.0%} responders"
    every = f"all {gate.n_parameters} candidate features"
    if gate.passed:
        return f"n = {gate.n} meets the {gate.required.n} of {rule} with {every}; not yet external"
    if gate.n < gate.required_ten.n < gate.required.n:
        more = f", with {every} {gate.required.n}"
        return f"discovery only: n = {gate.n} < {gate.required_ten.n} ({rule}, 10 features{more})"
    return f"discovery only: n = {gate.n} < {gate.required.n} ({rule} with {every})"
