"""Responders: who changed by more than the noise of the outcome."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics import pl, schema, tl
from exerkine_omics.cohort import Reliability, ResponderResult
from exerkine_omics.errors import ConfigError, shown
from exerkine_omics.workflow._config import RespondersConfig
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import records, write_parquet
from exerkine_omics.workflow._inputs import Cohort


def responders(cohort: Cohort, folder: Path, figures: Figures) -> list[dict[str, Any]]:
    """Responders of each treated arm, never pooled over doses; writes responders.parquet."""
    section = cohort.config.responders
    if section is None:
        return []
    table = outcome_table(cohort)
    rule = response_rule(section)
    results: dict[str, ResponderResult] = {}
    for arm in treated_arms(cohort, table):
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


def treated_arms(cohort: Cohort, table: pd.DataFrame) -> list[str]:
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


def _noise_source(section: RespondersConfig) -> str:
    if section.reliability == "control":
        within = f" within {' and '.join(section.strata)}" if section.strata else ""
        return f"change of the control arm {section.control}{within}"
    return str(section.reliability.source)


def response_rule(section: RespondersConfig) -> dict[str, Any]:
    """Collect what makes a responder, in words tl.responders and ResponseSpec share."""
    shared = {"pre", "post", "threshold", "arm", "control", "direction", "level"}
    given = section.reliability
    reliability: Any = given
    if given != "control":
        reliability = Reliability.from_typical_error(given.typical_error, df=given.df)
    rule = section.model_dump(include=shared)
    return {**rule, "strata": tuple(section.strata), "reliability": reliability}
