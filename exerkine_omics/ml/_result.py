"""PredictionResult: every number that belongs beside an AUC, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import plain
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._performance import Estimate, SampleSize

PREDICTION, ASSOCIATION = "prediction", "association"
ALPHA = 0.05


@dataclass(frozen=True)
class Gate:
    """Riley's sample size for this study: all candidate features, and ten."""

    n: int
    n_parameters: int
    prevalence: float
    auc: float
    required: SampleSize
    required_ten: SampleSize

    @property
    def passed(self) -> bool:
        """Are there as many people as all candidate features ask for."""
        return self.n >= self.required.n


@dataclass(frozen=True)
class SignatureBlocks:
    """What belongs beside the AUC of the blocks of signatures.

    ``permutation_p`` and ``increment_p`` are as those of the omics; ``selected``: signature, and
    the share of training folds in which it was chosen.
    """

    method: str
    names: list[str]
    permutation_p: float
    increment_p: float
    selected: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class PredictionResult:
    """Cross-validated performance with the numbers without which it cannot be read.

    Parameters
    ----------
    metrics
        metric, block, model, estimate, ci_low, ci_high; block is ``clinical``, ``omics``,
        ``clinical+omics``, and where asked for ``signatures`` or ``clinical+signatures``.
    predictions
        subject_id, block, model, repeat, fold, label, probability: out of fold only.
    roc
        block, model, fpr, tpr, ci_low, ci_high: vertical average over repeats, bootstrap band.
    permutation_p
        p of the omics AUC, whole pipeline on permuted outcomes; NaN where none were run.
    increment_p
        p of the gain over clinical, omics rows permuted; NaN without a clinical block.
    ceiling
        AUC of the best predictor that does not see the measurement error; NaN where unknown.
    control
        The same pipeline among people who did not train: metric, estimate, ci_low, ci_high, n,
        n_responders, how, blocks; None where there is no control arm.
    stability
        Nogueira's stability of the features chosen, with its interval.
    kind
        ``prediction`` or ``association`` (features not drawn before the landmark).
    verdict
        What this allows to say, in words.
    notes
        What the reader must know.
    gate
        Riley's sample size.
    counts
        People used and left out.
    settings
        Seed, folds, repeats, permutations and so on.
    selected
        feature, share of the training folds in which the omics block uses it.
    signatures
        method, names, permutation_p, increment_p, selected of the blocks of signatures; None
        where none were asked for.
    """

    metrics: pd.DataFrame
    predictions: pd.DataFrame
    roc: pd.DataFrame
    permutation_p: float
    increment_p: float
    ceiling: float
    control: dict[str, Any] | None
    stability: Estimate
    kind: str
    verdict: str
    notes: list[str]
    gate: Gate
    counts: dict[str, int]
    settings: dict[str, Any]
    selected: pd.DataFrame = field(repr=False)
    signatures: SignatureBlocks | None = None

    def to_dict(self) -> dict[str, Any]:
        """Summary for reports, JSON-able; None where a number is unknown."""
        found: dict[str, Any] = {}
        if self.signatures is not None:
            found = {"signatures": dict(vars(self.signatures))}
            found["signatures"] |= {"selected": self.signatures.selected.to_dict("records")}
        return plain(
            {
                "kind": self.kind,
                "verdict": self.verdict,
                "metrics": self.metrics.astype({"metric": str, "block": str, "model": str}).to_dict(
                    "records"
                ),
                "permutation_p": self.permutation_p,
                "increment_p": self.increment_p,
                "ceiling": self.ceiling,
                "control": self.control,
                "stability": {
                    "estimate": self.stability.estimate,
                    "ci_low": self.stability.ci_low,
                    "ci_high": self.stability.ci_high,
                },
                "sample_size": {
                    "n": self.gate.n,
                    "n_parameters": self.gate.n_parameters,
                    "prevalence": self.gate.prevalence,
                    "auc": self.gate.auc,
                    "required": self.gate.required.n,
                    "required_ten_parameters": self.gate.required_ten.n,
                    "passed": self.gate.passed,
                },
                "counts": self.counts,
                "settings": self.settings,
                "selected": self.selected.head(20).astype({"feature": str}).to_dict("records"),
                "notes": list(self.notes),
                **found,
            }
        )

    def _lines(self) -> list[str]:
        lines = []
        for row in self.metrics.itertuples(index=False):
            if row.metric in ("auc", "auc_increment"):
                name = "AUC" if row.metric == "auc" else "gain in AUC"
                lines.append(
                    f"{name}, {row.block}: {row.estimate:.2f} "
                    f"({row.ci_low:.2f} to {row.ci_high:.2f})"
                )
        lines.append(f"permutation p: {self.permutation_p:.3g}, of the gain {self.increment_p:.3g}")
        if self.signatures is not None:
            p, gain = self.signatures.permutation_p, self.signatures.increment_p
            lines.append(f"permutation p of signatures: {p:.3g}, of the gain {gain:.3g}")
        return lines

    def __repr__(self) -> str:
        lines = [f"PredictionResult: {self.verdict}", *(f"  {line}" for line in self._lines())]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in self._lines())
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p><b>{escape(self.verdict)}</b></p><ul>{lines}</ul><ul>{notes}</ul>"


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
    signatures: SignatureBlocks | None = None,
) -> str:
    """Put the numbers into one honest sentence or two."""
    wide = metrics[metrics["metric"] == "auc"].set_index("block")
    row = wide.loc["omics"]
    area = f"AUC {row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    parts = []
    if kind == ASSOCIATION:
        parts.append(f"association, not prediction: {why}")
    word = "prediction" if kind == PREDICTION else "association"
    if not np.isfinite(permutation_p):
        parts.append(f"not tested: omics {area}, no permutations were run")
    elif permutation_p > ALPHA or row["estimate"] <= 0.5:
        parts.append(f"no evidence of {word}: omics {area}, permutation p = {permutation_p:.2g}")
    else:
        verb = "predict" if kind == PREDICTION else "go with"
        parts.append(f"omics {verb} response in this sample: {area}, p = {permutation_p:.2g}")
        if "clinical" in wide.index and np.isfinite(increment_p) and increment_p > ALPHA:
            parts.append(f"no evidence of a gain over clinical data (p = {increment_p:.2g})")
    if signatures is not None:
        parts.append(_signature_words(wide.loc["signatures"], signatures.permutation_p))
    if "clinical" not in wide.index:
        parts.append("no clinical reference was possible")
    if control is not None and np.isfinite(control["ci_low"]):
        none = 0.5 if control["metric"] == "auc" else 0.0
        if control["ci_low"] > none:
            parts.append(
                "the same pipeline also works among people who did not train "
                f"({control['metric']} {control['estimate']:.2f}): not a response to training"
            )
    if np.isfinite(ceiling) and row["estimate"] > ceiling + 0.005:
        parts.append(
            f"above the attainable AUC of {ceiling:.2f}: chance, or features that share the "
            "measurement error of the outcome"
        )
    parts.append(gate_words(gate))
    return "; ".join(parts) + "."


def _signature_words(row: pd.Series, p: float) -> str:
    """Say what the scores of the signatures reach."""
    area = f"AUC {row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    if not np.isfinite(p):
        return f"signatures {area}, not tested"
    if p > ALPHA or row["estimate"] <= 0.5:
        return f"no evidence for signatures: {area}, permutation p = {p:.2g}"
    return f"signatures reach {area}, p = {p:.2g}"


def gate_words(gate: Gate) -> str:
    """Riley's rule in words."""
    rule = f"Riley's rule at AUC {gate.auc:.2f}, {gate.prevalence:.0%} responders"
    every = f"all {gate.n_parameters} candidate features"
    if gate.passed:
        return f"n = {gate.n} meets the {gate.required.n} of {rule} with {every}; not yet external"
    if gate.n < gate.required_ten.n < gate.required.n:
        more = f", with {every} {gate.required.n}"
        return f"discovery only: n = {gate.n} < {gate.required_ten.n} ({rule}, 10 features{more})"
    return f"discovery only: n = {gate.n} < {gate.required.n} ({rule} with {every})"
