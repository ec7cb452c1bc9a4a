"""Responders and prediction: the analyses that need a table of outcomes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics import ml, pl, schema, tl
from exerkine_omics.cohort import Reliability, ResponderResult, ResponseSpec
from exerkine_omics.cohort._outcomes import number_column
from exerkine_omics.errors import AnalysisError, ConfigError, shown
from exerkine_omics.workflow._config import RespondersConfig
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import records, write_json, write_parquet
from exerkine_omics.workflow._inputs import Cohort

NOT_POSSIBLE = "not possible"


def responders(cohort: Cohort, folder: Path, figures: Figures) -> list[dict[str, Any]]:
    """Responders of each treated arm, never pooled over doses; writes responders.parquet."""
    section = cohort.config.responders
    if section is None:
        return []
    table = outcome_table(cohort)
    rule = _rule(section)
    results: dict[str, ResponderResult] = {}
    for arm in _treated(cohort, table):
        results[arm or cohort.config.name] = tl.responders(
            table,
            subject=section.subject,
            treated=arm or None,
            smallest_sd_ir=section.smallest_sd_ir,
            adherence=section.adherence,
            min_adherence=section.min_adherence,
            sd_ir_method=section.sd_ir_method,
            **rule,
        )
    frames = [r.frame.assign(analysis=label) for label, r in results.items()]
    write_parquet(folder / "responders.parquet", pd.concat(frames, ignore_index=True))
    parts = []
    for number, (label, result) in enumerate(results.items()):
        summary = result.to_dict()
        parts.append(
            {
                "label": label,
                "outcome": section.outcome,
                "unit": section.unit,
                "threshold": summary["threshold"],
                "typical_error": summary["typical_error"],
                "noise_source": _noise_source(section),
                "counts": summary["counts"],
                "control_counts": summary["control_counts"],
                "sd_ir": {k: summary["sd_ir"][k] for k in ("estimate", "ci_low", "ci_high")},
                "sd_ir_method": summary["sd_ir"]["method"],
                "smallest_sd_ir": summary["sd_ir"]["smallest"],
                "proportion": summary["proportion"],
                "proportion_ci": summary["proportion_ci"],
                "ceiling": {k: summary["ceiling"][k] for k in ("r2", "auc")},
                "verdict": result.verdict,
                "verdict_reason": result.verdict_reason,
                "level": result.level,
                "people": records(result.frame.drop(columns=schema.ARM, errors="ignore")),
                "notes": list(result.notes),
            }
        )
        figures.add(
            "responders",
            f"responders_{number + 1}",
            partial(pl.responders, result, unit=section.unit, title=label),
            caption=f"{label}: change of {section.outcome} of each person; grey: what noise "
            f"alone makes ({section.level:.0%} interval).",
            alt=f"Waterfall of individual changes, {label}",
        )
        figures.add(
            "responders",
            f"baseline_change_{number + 1}",
            partial(pl.baseline_change, result, unit=section.unit, title=label),
            caption=f"{label}: change of {section.outcome} against baseline; the line is what "
            "noise alone draws (regression to the mean).",
            alt=f"Change against baseline, {label}",
        )
        figures.add(
            "responders",
            f"arm_variances_{number + 1}",
            partial(pl.arm_variances, result, unit=section.unit, title=label),
            caption=f"{label}: spread of changes in each arm, and the SD of individual response "
            "by each method.",
            alt=f"Spread of changes by arm, {label}",
        )
    return parts


def outcome_table(cohort: Cohort) -> pd.DataFrame:
    """Outcomes of the cohort, one row a person."""
    if cohort.outcomes is None:
        raise ConfigError(
            "There is no table of outcomes",
            where=f"{cohort.config.name}: responders.outcomes",
            fix="Name a file with one row a person.",
        )
    return cohort.outcomes


def _treated(cohort: Cohort, table: pd.DataFrame) -> list[str]:
    section = cohort.config.responders
    if section is None or section.arm is None:
        return [""]
    if section.arm not in table:
        return [""]  # tl.responders says which columns there are
    present = [
        a for a in dict.fromkeys(table[section.arm].dropna().astype(str)) if a != section.control
    ]
    chosen = section.treated or sorted(present)
    unknown = [a for a in chosen if a not in present]
    if unknown:
        raise ConfigError(
            f"{shown(unknown)} is none of the treated arms {shown(present)}",
            where=f"{cohort.config.name}: responders.treated",
        )
    return chosen


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


def _noise_source(section: RespondersConfig) -> str:
    if section.reliability == "control":
        within = f" within {' and '.join(section.strata)}" if section.strata else ""
        return f"change of the control arm {section.control}{within}"
    return str(section.reliability.source)


def predict(cohort: Cohort, folder: Path, figures: Figures) -> list[dict[str, Any]]:
    """Cross-validate the prediction of response in each treated arm; writes prediction.json.

    An arm in which it cannot be done is reported with the reason.
    """
    section, outcome = cohort.config.prediction, cohort.config.responders
    if section is None or outcome is None:
        return []
    table, idle = _trained(outcome_table(cohort), outcome)
    table = table.rename(columns={outcome.subject: schema.SUBJECT})
    spec = ResponseSpec(**_rule(outcome))
    parts: list[dict[str, Any]] = []
    arms = _treated(cohort, table)
    for number, arm in enumerate(arms):
        label = arm or cohort.config.name
        people = table
        if arm and outcome.arm:
            people = table[table[outcome.arm].astype(str).isin([arm, str(outcome.control)])]
        try:
            # the keys of this section are the words of ml.evaluate
            result = ml.evaluate(cohort.adata, (spec, people), **section.model_dump())
        except AnalysisError as error:
            parts.append(_not_run(cohort, label, str(error)))
            continue
        summary = result.to_dict()
        wanted = (
            "kind", "metrics", "permutation_p", "increment_p", "ceiling", "control", "stability",
            "verdict", "notes", "selected", "sample_size",
        )  # fmt: skip
        people_used, features = summary["counts"]["used"], summary["settings"]["n_features"]
        part: dict[str, Any] = {
            "label": label, "n_people": people_used, "n_features": features,
            "rule_sha256": spec.sha256,
        }  # fmt: skip
        part |= {k: summary[k] for k in wanted}
        # the blocks of signature scores, where the config asks for them
        parts.append(part | {k: summary[k] for k in ("signatures",) if k in summary})
        if n_idle := idle.get(arm, 0):
            text = f"{n_idle} people trained less than the dose stated and are left out."
            parts[-1]["notes"] = [*part["notes"], text]
        figures.add(
            "prediction",
            f"roc_{number + 1}",
            partial(pl.roc, result),
            caption=f"{label}: receiver operating characteristic, people out of the training fold.",
            alt=f"ROC curve, {label}",
        )
    write_json(folder / "prediction.json", parts)
    return parts


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


def _rule(section: RespondersConfig) -> dict[str, Any]:
    """Collect what makes a responder, in words tl.responders and ResponseSpec share."""
    shared = {"pre", "post", "threshold", "arm", "control", "direction", "level"}
    given = section.reliability
    reliability: Any = given
    if given != "control":
        reliability = Reliability.from_typical_error(given.typical_error, df=given.df)
    rule = section.model_dump(include=shared)
    return {**rule, "strata": tuple(section.strata), "reliability": reliability}
