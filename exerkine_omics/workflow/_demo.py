"""The demo: the main job on the embedded simulated cohort, three platforms of one trial."""

from __future__ import annotations

from exerkine_omics.workflow._config import RunConfig, parse_config

_TITLES = {"proteomics": "proteins", "metabolomics": "metabolites", "mirna": "microRNA"}


def demo_config() -> RunConfig:
    """Return the config of the demo."""
    return parse_config(
        {"title": "Demo: a simulated training trial", "seed": 1, "cohorts": _cohorts()}, "demo"
    )


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
