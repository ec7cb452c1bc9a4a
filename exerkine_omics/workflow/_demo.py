"""The demo: the main job on the embedded simulated cohort, three platforms of one trial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exerkine_omics.workflow._config import parse_config
from exerkine_omics.workflow._run import run

_TITLES = {"proteomics": "proteins", "metabolomics": "metabolites", "mirna": "microRNA"}


def run_demo(
    out: str | Path,
    *,
    seed: int | None = None,
    n_jobs: int | None = None,
    log: Callable[[str], object] | None = None,
) -> Path:
    """Run the demo and return the path of its report."""
    config = parse_config(
        {"title": "Demo: a simulated training trial", "seed": 1, "cohorts": _cohorts()}, "demo"
    )
    return run(config, out, config_path="demo", seed=seed, n_jobs=n_jobs, log=log)


def _cohorts() -> list[dict[str, object]]:
    cohorts: list[dict[str, object]] = []
    for modality, words in _TITLES.items():
        cohorts.append(
            {
                "name": words.lower(),
                "title": f"Simulated trial: {words}",
                "description": "Invented people; effects, noise and missing values follow real "
                "cohorts (see docs/simulation.md).",
                "input": {"simulate": {"modality": modality}},
                "differential": {"control": "CON"},
            }
        )
    cohorts[0] |= {
        "responders": {
            "outcome": "VO2max",
            "unit": "mL/kg/min",
            "pre": "vo2max_pre",
            "post": "vo2max_post",
            "threshold": 1.0,
            "reliability": "control",
            "arm": "arm",
            "control": "CON",
        },
        "prediction": {
            "feature_time": 0,
            "outcome_time": 12,
            "outer": [5, 1],
            "n_permutations": 20,
            "signatures": True,
        },
    }
    return cohorts
