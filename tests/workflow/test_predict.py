"""A run writes a model and its card; the command line predicts new people from the file."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import exerkine_omics as exo
from exerkine_omics import report, workflow

FIGURES = ("performance", "learning_curve", "roc", "calibration", "decision_curve", "importance")


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    part = {
        "name": "one",
        "input": {"simulate": {"options": {"n_subjects": 80, "n_proteins": 20}}},
        "score": None,
        "enrich": None,
        "differential": None,
        "responders": {
            "outcome": "VO2max", "unit": "mL/kg/min", "pre": "vo2max_pre", "post": "vo2max_post",
            "threshold": 1.0, "reliability": "control", "arm": "arm", "control": "CON",
        },
        "prediction": {
            "feature_time": 0, "outcome_time": 12, "outer": [3, 2], "inner": 3,
            "n_permutations": 2, "learning_curve": True,
        },
    }  # fmt: skip
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"cohorts": [part], "seed": 1}))
    workflow.run_config(config, folder / "out")
    return folder / "out"


def exerkine(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exerkine_omics", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_model_and_card_stand_beside_the_numbers(done: Path):
    (part,) = json.loads((done / "one" / "prediction.json").read_text())
    model = done / "one" / "model.skops"
    assert part["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert part["model"]["block"] == "clinical+omics" and part["model"]["stamp"] == "discovery"
    page, text = ((done / "one" / f"model_card.{kind}").read_text() for kind in ("html", "md"))
    for words in ("TRIPOD+AI", "Analytical methods", "Internal validation only"):
        assert words in page and words in text
    whole = (done / "report.html").read_text()
    assert part["model"]["sha256"] in whole and "Gain over clinical data" in whole
    assert len(part["learning_curve"]) == 4 * 3
    figures = {p.name for p in (done / "one" / "figures").iterdir()}
    assert {f"{k}_1.png" for k in FIGURES} <= figures


def test_new_people_are_predicted_on_the_command_line(done: Path, tmp_path: Path):
    cohort = exo.datasets.simulate(30, n_proteins=20, n_metabolites=0, n_mirna=0, seed=9)
    new, people = tmp_path / "new.h5ad", tmp_path / "people.csv"
    exo.io.write(cohort.adata, new)
    cohort.outcomes.to_csv(people, index=False)
    model, out = done / "one" / "model.skops", tmp_path / "found" / "predictions.csv"
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    ran = exerkine("predict", model, new, "--clinical", people, "--sha256", sha256, "-o", out)
    assert ran.returncode == 0, ran.stderr
    table = pd.read_csv(io.StringIO(ran.stdout), sep="\t")
    assert table["subject_id"].nunique() == len(table) == 30
    pd.testing.assert_frame_equal(table, pd.read_csv(out))
    assert table["probability"].between(0, 1).all()
    again = exo.ml.load(model).predict(cohort.adata, clinical=cohort.outcomes)
    assert table["probability"].to_numpy() == pytest.approx(again["probability"].to_numpy())


@pytest.mark.parametrize(
    ("spoil", "message", "code"),
    [
        ("flip", "damaged", 4),
        ("sha256", "not the one of this sha256", 4),
        ("clinical", "'vo2max_pre' is not there", 4),
        ("model", "cannot be read", 4),
        ("data", "no such", 4),
    ],
)
def test_what_cannot_be_predicted_is_one_message(done, tmp_path, spoil, message, code):
    cohort = exo.datasets.simulate(30, n_proteins=20, n_metabolites=0, n_mirna=0, seed=9)
    new, people = tmp_path / "new.h5ad", tmp_path / "people.csv"
    exo.io.write(cohort.adata, new)
    drop = ["vo2max_pre"] if spoil == "clinical" else []
    cohort.outcomes.drop(columns=drop).to_csv(people, index=False)
    content = bytearray((done / "one" / "model.skops").read_bytes())
    if spoil == "flip":
        content[-50] ^= 1
    model = tmp_path / "m.skops"
    model.write_bytes(content)
    options = ["--clinical", people]
    if spoil == "sha256":
        options += ["--sha256", "0" * 64]
    if spoil == "model":
        model = tmp_path / "absent.skops"
    if spoil == "data":
        new = tmp_path / "absent.h5ad"
    ran = exerkine("predict", model, new, *options)
    assert ran.returncode == code and message in ran.stderr.lower() + ran.stderr
    assert "Traceback" not in ran.stderr and ran.stderr.startswith("Error: ")


def test_a_card_is_escaped():
    card = {
        "name": "<script>alert(1)</script>|x", "verdict": "a|b", "stamp": "discovery",
        "target": "label", "n_people": 1, "n_features": 1, "n_used": 0, "limits": ["*x*"],
        "performance": [{"metric": "auc", "estimate": 0.5, "ci_low": None, "ci_high": None}],
        "tripod_ai": [{"item": "1", "topic": "Title", "text": "<b>"}], "platforms": [],
        "clinical": [], "ceiling": None, "permutation_p": None, "increment_p": None, "notes": [],
    }  # fmt: skip
    page, text = report.render_card(card), report.card_markdown(card)
    assert "<script>alert" not in page and "<b>" not in page.split("</style>")[1].split("<h2>")[3]
    assert "\\<script>" in text and "a\\|b" in text and "\\*x\\*" in text
