"""A made-up summary of two cohorts, and one that failed."""

from __future__ import annotations

import base64
import copy

import pytest

# one white pixel
_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII="
)
SCRIPT = "<script>alert(1)</script>"
NAN = float("nan")


def _runners() -> dict:
    contrasts = ["finish - pre", "h2 - pre"]
    top = [
        {
            "feature": f"OID{i:03d}",
            "name": "IL6" if i == 0 else (SCRIPT if i == 1 else f"G{i}"),
            "contrast": contrasts[i % 2],
            "estimate": 5.0612 - i * 0.4,
            "ci_low": 4.2 - i * 0.4,
            "ci_high": 5.9 - i * 0.4,
            "p_value": 10.0 ** (i - 18),
            "p_adj": 10.0 ** (i - 17),
            "effect_size": 3.21 - i * 0.2,
            "n_pairs": 7,
            "units": "log2",
            "status": "ok",
        }
        for i in range(12)
    ]
    lost = dict.fromkeys(("estimate", "ci_low", "ci_high", "p_value", "p_adj", "effect_size"), NAN)
    top.append({**top[0], **lost, "name": "IL9", "n_pairs": 1, "status": "fewer than 3 pairs"})
    return {
        "name": "runners",
        "title": "Ultramarathon, 50 km",
        "description": "Eleven runners, five time points.",
        "status": "done",
        "platform": "multiplex",
        "modality": "proteomics",
        "units": "log2",
        "species": "human",
        "matrix": "plasma_edta",
        "baseline": "pre",
        "n_samples": 49,
        "n_people": 11,
        "n_features": 13,
        "n_pairs_max": 9,
        "pairs": [
            {"timepoint": "finish", "n_pairs": 7, "n_subjects": 11},
            {"timepoint": "h2", "n_pairs": 9, "n_subjects": 11},
        ],
        "dropped": [{"subject_id": "R04", "timepoint": "finish", "reason": "no finish sample"}],
        "findings": [
            {
                "severity": "warning",
                "message": "4 people lack the sample at finish.",
                "n_rows": 4,
                "rows": "R04 | R05 | R08 | R10",
                "fix": "Keep them: pairs are made per time point.",
            },
            {"severity": "note", "message": "The matrix is plasma.", "n_rows": 0, "rows": ""},
        ],
        "scores": {
            "method": "baseline_z",
            "min_coverage": 0.5,
            "coverage": [
                {
                    "signature": "acute",
                    "title": "Acute response",
                    "n_members": 12,
                    "n_measured": 7,
                    "coverage": 0.61,
                    "missing": "BDNF, FGF21",
                    "status": "ok",
                },
                {
                    "signature": "trained",
                    "title": "Trained state",
                    "n_members": 20,
                    "n_measured": 3,
                    "coverage": 0.14,
                    "missing": "LEP, ADIPOQ",
                    "status": "coverage below 0.5",
                },
            ],
            "change": [
                {
                    "signature": "acute",
                    "arm": "",
                    "timepoint": "finish",
                    "n_pairs": 7,
                    "mean_change": 2.5123,
                    "ci_low": 1.7,
                    "ci_high": 3.3,
                    "p_value": 0.000212,
                }
            ],
            "notes": ["The signature was made from plasma; so is this cohort."],
        },
        "differential": {
            "method": "paired_t",
            "notes": ["Change over time, not attributable to exercise: there is no control arm."],
            "contrasts": [
                {
                    "contrast": c,
                    "n_tested": 12,
                    "n_not_tested": 1,
                    "n_pairs_min": 7,
                    "n_pairs_max": 9,
                    "n_significant": 5,
                }
                for c in contrasts
            ],
            "top": top,
        },
        "responders": [],
        "prediction": [],
        "figures": [],
        "methods": ["Each feature was tested by a paired t test."],
        "references": ["Student (1908) Biometrika 6, 1."],
    }


def _rats() -> dict:
    people = [
        {
            "subject_id": f"rat{i:02d}",
            "pre": 60.0 + i,
            "post": 66.0 + 1.3 * i,
            "change": 6 + 0.3 * i,
            "ci_low": 1 + 0.3 * i,
            "ci_high": 11 + 0.3 * i,
            "p_response": 0.5 + 0.03 * i,
            "category": "uncertain" if i < 8 else "responder",
        }
        for i in range(12)
    ]
    people[3] = {**people[3], "post": None, "change": None, "ci_low": None, "ci_high": None}
    people[3]["p_response"] = None
    base = _runners()
    return {
        **base,
        "name": "rats",
        "title": "Rats, eight weeks",
        "description": "",
        "species": "rat",
        "scores": None,
        "differential": None,
        "findings": [],
        "dropped": [],
        "pairs": [{"arm": "8w", "timepoint": "post", "n_pairs": 12, "n_subjects": 13}],
        "responders": [
            {
                "label": "8 weeks",
                "outcome": "VO2max",
                "unit": "ml/kg/min",
                "threshold": 3.0,
                "typical_error": 2.31,
                "noise_source": "the control arm",
                "counts": {"adverse": 0, "non": 0, "uncertain": 8, "responder": 4},
                "sd_ir": {"estimate": 1.2, "ci_low": -2.0, "ci_high": 2.9},
                "smallest_sd_ir": 1.5,
                "ceiling": {"r2": 0.2, "auc": NAN},
                "verdict": "cannot be known",
                "verdict_reason": "The interval of SDir includes 0 and 1.5.",
                "people": people,
                "notes": ["Noise is that of the control arm within age and sex."],
            }
        ],
        "prediction": [
            {
                "label": "responders of 8 weeks",
                "kind": "association",
                "n_people": 40,
                "n_features": 812,
                "metrics": [
                    {
                        "metric": "auc",
                        "block": "clinical + omics",
                        "model": "elastic_net",
                        "estimate": 0.634,
                        "ci_low": 0.44,
                        "ci_high": 0.81,
                    },
                    {
                        "metric": "calibration_slope",
                        "block": "clinical",
                        "model": "elastic_net",
                        "estimate": NAN,
                        "ci_low": NAN,
                        "ci_high": NAN,
                    },
                ],
                "permutation_p": 0.21,
                "increment_p": None,
                "ceiling": None,
                "control": {"auc": 0.61, "n_people": 20},
                "stability": {"top_features": ["LEP", "GDF15"], "share": 0.412},
                "sample_size": {"n": 40, "required": 435, "passed": False},
                "verdict": "discovery only",
                "notes": ["40 people; 435 are asked for."],
            }
        ],
    }


@pytest.fixture
def summary(tmp_path) -> dict:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "volcano.png").write_bytes(_PNG)
    runners = _runners()
    runners["figures"] = [
        {
            "section": "differential",
            "path": "figures/volcano.png",
            "caption": "All features.",
            "alt": "Volcano plot",
        }
    ]
    return copy.deepcopy(
        {
            "title": "Two cohorts",
            "package_version": "0.1.0",
            "seed": 7,
            "config_path": "examples/two.yaml",
            "versions": {"numpy": "2.0.0", "pandas": "2.3.0"},
            "duration_seconds": 81.2,
            "cohorts": [
                runners,
                _rats(),
                {"name": "lost", "status": "failed", "error": "No file lost.csv."},
            ],
        }
    )
