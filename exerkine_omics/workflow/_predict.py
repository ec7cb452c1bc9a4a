"""Prediction of response in each arm, and the model file of what is a prediction."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics import ml, pl, report, schema
from exerkine_omics.cohort import ResponseSpec, write_text
from exerkine_omics.cohort._outcomes import number_column
from exerkine_omics.errors import AnalysisError
from exerkine_omics.workflow._config import RespondersConfig
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import write_json
from exerkine_omics.workflow._inputs import Cohort
from exerkine_omics.workflow._response import outcome_table, response_rule, treated_arms

NOT_POSSIBLE = "not possible"
_WANTED = (
    "kind", "metrics", "permutation_p", "increment_p", "p_values", "increment", "ceiling",
    "control", "stability", "verdict", "notes", "selected", "sample_size", "conformal",
    "importance",
)  # fmt: skip
_WHERE_ASKED = ("signatures", "learning_curve", "sites", "calibration_error")


def predict(cohort: Cohort, folder: Path, figures: Figures) -> list[dict[str, Any]]:
    """Cross-validate the prediction of response in each treated arm; writes prediction.json.

    An arm in which it cannot be done is reported with the reason. A prediction (not an
    association) is fitted to all its people: model.skops and its card.
    """
    section, outcome = cohort.config.prediction, cohort.config.responders
    if section is None or outcome is None:
        return []
    table, idle = _trained(outcome_table(cohort), outcome)
    table = table.rename(columns={outcome.subject: schema.SUBJECT})
    spec = ResponseSpec(**response_rule(outcome))
    parts: list[dict[str, Any]] = []
    arms = treated_arms(cohort, table)
    # the other keys of this section are the words of ml.evaluate
    options = section.model_dump(exclude={"fit_block"})
    for number, arm in enumerate(arms):
        label = arm or cohort.config.name
        people = table
        if arm and outcome.arm:
            people = table[table[outcome.arm].astype(str).isin([arm, str(outcome.control)])]
        try:
            result = ml.evaluate(
                cohort.adata, (spec, people), checkpoint=cohort.checkpoint, **options
            )
        except AnalysisError as error:
            parts.append(_not_run(cohort, label, str(error)))
            continue
        summary = result.to_dict()
        part: dict[str, Any] = {
            "label": label,
            "n_people": summary["counts"]["used"],
            "n_features": summary["settings"]["n_features"],
            "rule_sha256": spec.sha256,
        }
        part |= {k: summary[k] for k in _WANTED}
        part |= {k: summary[k] for k in _WHERE_ASKED if k in summary}
        if n_idle := idle.get(arm, 0):
            text = f"{n_idle} people trained less than the dose stated and are left out."
            part["notes"] = [*part["notes"], text]
        if result.kind == "prediction":
            name = "model" if len(arms) == 1 else f"model_{number + 1}"
            part["model"] = _write_model(result, section.fit_block, folder, name)
        parts.append(part)
        _draw(figures, result, label, number + 1)
    write_json(folder / "prediction.json", parts)
    return parts


def _write_model(
    result: ml.PredictionResult, block: str | None, folder: Path, name: str
) -> dict[str, Any]:
    """Fit, save, and write the card; the name of the file, its sha256 and what it holds."""
    model = result.fit(block)
    sha256 = model.save(folder / f"{name}.skops")
    write_text(folder / f"{name}_card.html", report.render_card(model.card))
    write_text(folder / f"{name}_card.md", report.card_markdown(model.card))
    return {
        "file": f"{name}.skops",
        "sha256": sha256,
        "block": model.block,
        "model": model.model,
        "n_used": int(model.used.sum()),
        "stamp": model.card["stamp"],
        "limits": list(model.card["limits"]),
    }


def _draw(figures: Figures, result: ml.PredictionResult, label: str, number: int) -> None:
    text = f"{label}: every block and model out of fold, with what chance and noise allow."
    drawn: list[tuple[str, Any, str, str]] = [("performance", pl.performance, text, "Performance")]
    if result.learning_curve is not None:
        text = f"{label}: the same with fewer people to learn from."
        drawn.append(("learning_curve", pl.learning_curve, text, "Learning curve"))
    if len(result.roc):
        text = f"{label}: receiver operating characteristic, people out of the training fold."
        drawn.append(("roc", pl.roc, text, "ROC curve"))
        text = f"{label}: share of responders against what was predicted, out of fold."
        if len(result.calibration):
            drawn.append(("calibration", pl.calibration, text, "Calibration curve"))
        text = f"{label}: net benefit of acting on the prediction, against all and none."
        drawn.append(("decision_curve", pl.decision_curve, text, "Decision curve"))
    if len(result.conformal):
        text = f"{label}: what prediction sets leave open, and whether they hold what was promised."
        drawn.append(("conformal", pl.conformal, text, "Prediction sets"))
    if len(result.importance):
        text = f"{label}: what is lost when columns are exchanged among held-out people."
        drawn.append(("importance", pl.importance, text, "Permutation importance"))
    for name, draw, caption, alt in drawn:
        figures.add(
            "prediction",
            f"{name}_{number}",
            partial(draw, result),
            caption=caption,
            alt=f"{alt}, {label}",
        )


def _trained(table: pd.DataFrame, section: RespondersConfig) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop who trained less than the dose, as tl.responders does; how many of each arm."""
    if section.adherence is None:
        return table, {}
    none = [""] * len(table)
    arm = table[section.arm].astype(str) if section.arm in table else pd.Series(none, table.index)
    idle = (number_column(table, section.adherence) < section.min_adherence) & (
        arm != str(section.control)
    )
    return table[~idle], arm[idle].value_counts().to_dict()


def _not_run(cohort: Cohort, label: str, reason: str) -> dict[str, Any]:
    return {
        "label": label,
        "kind": "prediction",
        "n_people": 0,
        "n_features": cohort.adata.n_vars,
        "metrics": [],
        "permutation_p": None,
        "increment_p": None,
        "ceiling": None,
        "control": None,
        "stability": None,
        "verdict": f"{NOT_POSSIBLE}: {reason}",
        "notes": [],
    }
