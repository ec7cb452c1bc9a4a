"""PredictionResult: every number that belongs beside an AUC, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort import plain
from exerkine_omics.kernels._performance import Estimate
from exerkine_omics.ml._verdict import Gate

if TYPE_CHECKING:
    from exerkine_omics.ml._model import ResponseModel
    from exerkine_omics.ml._study import Study

_SHOWN = 20


@dataclass(frozen=True)
class SignatureBlocks:
    """What belongs beside the AUC of the blocks of signatures.

    ``permutation_p`` and ``increment_p`` are as those of the omics; ``selected``: signature, and
    the share of training folds in which it was chosen. ``each``: signature, estimate, ci_low,
    ci_high of the score alone; member (the one most often best in a training fold), member_share,
    member_estimate, member_low, member_high of the best member chosen in each fold; gain of the
    score over it, gain_low, gain_high; nested_p of the score beside the clinical columns, by the
    likelihood ratio in all people, whom it was not chosen from (not corrected for their number).
    """

    method: str
    names: list[str]
    permutation_p: float
    increment_p: float
    selected: pd.DataFrame = field(repr=False)
    each: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class PredictionResult:
    """Cross-validated performance with the numbers without which it cannot be read.

    Parameters
    ----------
    metrics
        metric, block, model, estimate, ci_low, ci_high, ranking within sites where sites were left
        out (`evaluate`); blocks are ``clinical``, ``omics``, each
        platform of several, ``signatures``, ``early``, each also with ``clinical+``, and
        ``best_single`` where signatures were asked for.
    predictions
        subject_id, block, model, repeat, fold, label, probability, ranking (or change,
        predicted): out of fold only.
    roc, calibration, decision
        Curves with bootstrap bands; empty for a change.
    increment
        metric, block, model, estimate, ci_low, ci_high of the gain over clinical data, and
        corrected_estimate, corrected_low, corrected_high, corrected_p over folds.
    p_values
        block, model, permutation_p, increment_p, n_permutations.
    permutation_p, increment_p
        Those of the omics.
    ceiling
        AUC (or R² of a change) of the best predictor that does not see the measurement error.
    control
        The same pipeline among people who did not train: metric, estimate, ci_low, ci_high, n,
        n_responders, how, blocks; None where there is no control arm.
    stability
        Nogueira's stability of the features chosen, with its interval.
    importance
        block, model, level (``block`` or ``feature``), name, metric, estimate, ci_low, ci_high:
        what is lost when columns are exchanged among held-out people.
    coefficients
        block, model, feature, coefficient, sd, share, same_sign over training folds.
    conformal, conformal_summary
        Sets or intervals of each person; and their coverage with its interval, by class too, the
        share of people by set (only_1, only_0, both, none), or the width of the intervals.
    learning_curve
        block, model, metric, n_train, estimate, ci_low, ci_high, status (``ok``, or why the point
        is NaN); None where not asked for.
    sites
        site, n, block, model, metric, estimate: each site predicted by the others (R² about the
        site's own means); else None.
    calibration_error
        block, model, ici, e50, e90, e_max from 200 people on; else None.
    kind
        ``prediction`` or ``association`` (features not drawn before the landmark).
    verdict
        What this allows to say, in words.
    notes, gate, counts, settings
        What the reader must know; Riley's sample size; people used and left out; how it was run.
    selected
        feature, share of the training folds in which the omics block uses it, reliable (chosen
        more often than features with exchanged rows that compete with it, by Stabl's FDP+).
    signatures
        See `SignatureBlocks`; None where none were asked for.
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
    p_values: pd.DataFrame = field(repr=False)
    increment: pd.DataFrame = field(repr=False)
    calibration: pd.DataFrame = field(repr=False)
    decision: pd.DataFrame = field(repr=False)
    importance: pd.DataFrame = field(repr=False)
    coefficients: pd.DataFrame = field(repr=False)
    conformal: pd.DataFrame = field(repr=False)
    conformal_summary: pd.DataFrame = field(repr=False)
    study: Study = field(repr=False, compare=False)
    learning_curve: pd.DataFrame | None = field(default=None, repr=False)
    sites: pd.DataFrame | None = field(default=None, repr=False)
    calibration_error: pd.DataFrame | None = field(default=None, repr=False)
    signatures: SignatureBlocks | None = None

    def fit(self, block: str | None = None, model: str | None = None) -> ResponseModel:
        """Fit one block and model to all people of the evaluation, as each fold was fitted.

        Parameters
        ----------
        block
            ``clinical+omics`` by default, ``omics`` without clinical data. Choose it before looking
            at the metrics: the best of several flatters itself.
        model
            The first one by default.

        Returns
        -------
        ResponseModel
            With ``predict``, ``save`` and ``card``.
        """
        from exerkine_omics.ml._model import fit_study

        return fit_study(self, block, model)

    def to_dict(self) -> dict[str, Any]:
        """Summary for reports, JSON-able; None where a number is unknown."""
        found: dict[str, Any] = {}
        if self.signatures is not None:
            found = {"signatures": dict(vars(self.signatures))}
            found["signatures"] |= {
                name: _records(getattr(self.signatures, name)) for name in ("selected", "each")
            }
        for name in ("learning_curve", "sites", "calibration_error"):
            frame = getattr(self, name)
            if frame is not None:
                found[name] = _records(frame)
        top = self.importance[self.importance["level"] == "feature"]
        top = top.groupby(["block", "model"], observed=True).head(_SHOWN)
        blocks = self.importance[self.importance["level"] == "block"]
        return plain(
            {
                "kind": self.kind,
                "verdict": self.verdict,
                "metrics": _records(self.metrics),
                "permutation_p": self.permutation_p,
                "increment_p": self.increment_p,
                "p_values": _records(self.p_values),
                "increment": _records(self.increment),
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
                    "r2": self.gate.r2,
                    "required": self.gate.required.n,
                    "required_ten_parameters": self.gate.required_ten.n,
                    "passed": self.gate.passed,
                    "stamp": self.gate.stamp,
                },
                "conformal": _records(self.conformal_summary),
                "importance": _records(pd.concat([blocks, top])),
                "coefficients": _records(
                    self.coefficients.groupby(["block", "model"], observed=True).head(_SHOWN)
                ),
                "counts": self.counts,
                "settings": self.settings,
                "selected": _records(self.selected.head(_SHOWN)),
                "notes": list(self.notes),
                **found,
            }
        )

    def _lines(self) -> list[str]:
        names = {"auc": "AUC", "auc_increment": "gain in AUC", "r2": "R2"}
        names["r2_increment"] = "gain in R2"
        several = len(self.metrics["model"].cat.categories) > 1
        lines = []
        for row in self.metrics.itertuples(index=False):
            if row.metric in names:
                who = f"{row.block}, {row.model}" if several else row.block
                lines.append(
                    f"{names[row.metric]}, {who}: {row.estimate:.2f} "
                    f"({row.ci_low:.2f} to {row.ci_high:.2f})"
                )
        lines.append(f"permutation p: {self.permutation_p:.3g}, of the gain {self.increment_p:.3g}")
        if self.signatures is not None:
            p, gain = self.signatures.permutation_p, self.signatures.increment_p
            lines.append(f"permutation p of signatures: {p:.3g}, of the gain {gain:.3g}")
        if np.isfinite(self.ceiling):
            lines.append(f"attainable: {self.ceiling:.2f}")
        return lines

    def __repr__(self) -> str:
        lines = [f"PredictionResult: {self.verdict}", *(f"  {line}" for line in self._lines())]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in self._lines())
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p><b>{escape(self.verdict)}</b></p><ul>{lines}</ul><ul>{notes}</ul>"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c])]
    return list(frame.astype(dict.fromkeys(text, str)).to_dict("records"))
