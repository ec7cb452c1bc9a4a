"""A run from config to report: whole on success, nothing on failure."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import yaml

import exerkine_omics as exo
from exerkine_omics import schema, workflow
from exerkine_omics.errors import CohortsFailedError, InputError

FILES = {
    "checked.h5ad",
    "scores.parquet",
    "score_change.parquet",
    "score_test.parquet",
    "enrichment.parquet",
    "differential.parquet",
    "figures",
}


@pytest.fixture
def tables(tmp_path: Path, trial: ad.AnnData) -> Path:
    frame = trial.to_df()
    frame.columns = ["IL6", "IL1RN", "IL10", "TNFRSF1A", "TNF", *frame.columns[5:]]
    frame.to_csv(tmp_path / "matrix.csv")
    trial.obs.to_csv(tmp_path / "samples.csv")
    return tmp_path


def cohort(name: str, **changes: object) -> dict[str, object]:
    table = {
        "matrix": "matrix.csv",
        "samples": "samples.csv",
        "subject": "subject_id",
        "timepoint": "timepoint",
        "timepoint_order": ["pre", "post", "late"],
        "baseline": "pre",
        "arm": "arm",
        "units": "NPX",
        "modality": "proteomics",
        "matrix_type": "plasma_edta",
        **changes,
    }
    return {"name": name, "input": {"table": table}, "differential": {"control": "CON"}}


def config(folder: Path, *cohorts: dict[str, object]) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"title": "T", "seed": 3, "cohorts": list(cohorts)}))
    return path


def test_one_cohort_gives_all_files(tables: Path) -> None:
    events: list[workflow.Event] = []
    out = tables / "out"
    path = workflow.run_config(config(tables, cohort("one")), out, log=events.append)
    assert path == out / "report.html"
    assert {p.name for p in (out / "one").iterdir()} == FILES
    top = {p.name for p in out.iterdir()}
    assert top == {
        "report.html",
        "status.tsv",
        "provenance.json",
        "summary.json",
        "config.resolved.yaml",
        ".exerkine",
        "one",
    }
    assert not list(tables.rglob("*.partial*"))
    stages = ["check", "score", "enrich", "differential"]
    assert [str(e) for e in events if e.status == "started"] == [
        *(f"one: {stage}" for stage in stages),
        "report",
    ]
    assert [e.stage for e in events if e.status == "done"] == stages
    frame = pd.read_parquet(out / "one" / "differential.parquet")
    assert list(frame.columns) == list(schema.RESULT_COLUMNS)
    adata = exo.io.read(out / "one" / "checked.h5ad")
    again = exo.tl.differential(adata, control="CON")
    np.testing.assert_allclose(again["estimate"], frame["estimate"])
    page = path.read_text()
    assert "14" in page and "EE - CON: post - pre" in page
    assert "default-src &#39;none&#39;" in page
    written = re.sub("(?s)<script>.*?</script>", "", page)  # a library's licence names its address
    assert "http://" not in written.replace("http://www.w3.org", "")
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["seed"] == 3 and len(provenance["inputs"]["one"]) == 2
    resolved = yaml.safe_load((out / "config.resolved.yaml").read_text())
    assert resolved["cohorts"][0]["score"]["min_coverage"] == 0.5


def test_equal_runs_give_equal_tables(tables: Path) -> None:
    path = config(tables, cohort("one"))
    for name, jobs in (("a", 1), ("b", 2)):
        workflow.run_config(path, tables / name, n_jobs=jobs)
    for table in ("scores", "score_change", "differential"):
        one, two = (pd.read_parquet(tables / n / "one" / f"{table}.parquet") for n in "ab")
        pd.testing.assert_frame_equal(one, two)


def test_a_failed_run_leaves_nothing(tables: Path) -> None:
    with pytest.raises(InputError, match="nowhere.csv"):
        workflow.run_config(config(tables, cohort("one", matrix="nowhere.csv")), tables / "out")
    assert not (tables / "out").exists()
    with pytest.raises(InputError, match="baseline"):
        workflow.run_config(config(tables, cohort("one", baseline="before")), tables / "out")
    assert not (tables / "out").exists()


def test_a_failed_run_keeps_what_was_there(tables: Path) -> None:
    out = tables / "out"
    workflow.run_config(config(tables, cohort("one")), out)
    before = (out / "report.html").read_text()
    # the reader takes it, the stage cannot: the failure comes after the writing began
    bad = cohort("one")
    bad["differential"] = {"control": "XXX"}
    with pytest.raises(exo.errors.ConfigError, match="XXX"):
        workflow.run_config(config(tables, bad), out)
    assert (out / "report.html").read_text() == before
    assert not list(tables.rglob("*.partial*"))


def test_one_cohort_s_failure_does_not_stop_the_others(tables: Path) -> None:
    out = tables / "out"
    bad = cohort("bad", matrix="nowhere.csv")
    with pytest.raises(CohortsFailedError, match="1 of 2") as caught:
        workflow.run_config(config(tables, bad, cohort("good")), out)
    assert caught.value.exit_code == 6
    status = pd.read_csv(out / "status.tsv", sep="\t").set_index(["cohort", "stage"])
    assert status.loc[("bad", "run"), "status"] == "failed"
    assert status.loc[("good", "differential"), "status"] == "done"
    assert (out / "good" / "differential.parquet").exists()
    assert "nowhere.csv" in (out / "report.html").read_text()


def test_keep_timepoints(tables: Path) -> None:
    section = {**cohort("one"), "keep_timepoints": ["pre", "post"]}
    workflow.run_config(config(tables, section), tables / "out")
    frame = pd.read_parquet(tables / "out" / "one" / "differential.parquet")
    assert set(frame["contrast"]) == {"CON: post - pre", "EE: post - pre", "EE - CON: post - pre"}
    section["keep_timepoints"] = ["pre", "pst"]
    with pytest.raises(InputError, match="pst"):
        workflow.run_config(config(tables, section), tables / "out2")


def test_output_that_cannot_be(tables: Path) -> None:
    (tables / "file").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        workflow.run_config(config(tables, cohort("one")), tables / "file")


@pytest.mark.real_data
def test_ultramarathon(data_dir: Path, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "ultramarathon.yaml"
    path = workflow.run_config(example, tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out" / "ultramarathon" / "differential.parquet")
    row = frame[(frame["feature"] == "IL6") & (frame["contrast"] == "finish_50km - pre")].iloc[0]
    assert row["estimate"] == pytest.approx(5.0, abs=0.1)
    assert row["n_pairs"] == 7 and row["p_value"] < 1e-4
    page = path.read_text()
    assert "change over time, not attributable to exercise" in page
    assert "below 0.5: no score" in page


@pytest.mark.real_data
@pytest.mark.slow
def test_rat_training(data_dir: Path, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "rat_training.yaml"
    path = workflow.run_config(example, tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["cohorts"][0]
    arms = {r["label"]: r for r in summary["responders"]}
    assert set(arms) == {"4W", "8W"}
    assert {r["verdict"] for r in arms.values()} == {"cannot be known"}
    assert arms["8W"]["sd_ir"]["estimate"] < 0
    prediction = {p["label"]: p for p in summary["prediction"]}
    assert prediction["4W"]["kind"] == "association"
    assert "association, not prediction" in prediction["4W"]["verdict"]
    assert prediction["4W"]["control"]["n"] > 20
    assert prediction["8W"]["verdict"].startswith("not possible")
    assert "association, not prediction" in path.read_text()


def test_nothing_of_the_user_s_is_overwritten(tables: Path) -> None:
    """A folder that is no earlier run's stays as it is, whatever its content is called."""
    path = config(tables, cohort("one"))
    before = sorted(p.name for p in tables.iterdir())
    with pytest.raises(InputError, match="not that of an earlier run"):
        workflow.run_config(path, tables)
    assert sorted(p.name for p in tables.iterdir()) == before
    out = tables / "out"
    workflow.run_config(path, out)
    (out / "two").mkdir()
    (out / "two" / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="no earlier run"):
        workflow.run_config(config(tables, cohort("two")), out)
    assert (out / "two" / "precious.txt").read_text() == "mine"
    assert (out / "one" / "checked.h5ad").exists()


def test_a_second_run_replaces_the_first(tables: Path) -> None:
    out = tables / "out"
    workflow.run_config(config(tables, cohort("one")), out)
    workflow.run_config(config(tables, cohort("other")), out)
    assert {p.name for p in out.iterdir() if p.is_dir()} == {".exerkine", "other"}


def test_one_cohort_s_bug_does_not_cost_the_others(tables: Path, monkeypatch) -> None:
    real = workflow._stages.differential

    def broken(chosen, folder, figures):
        if chosen.config.name == "bad":
            raise ZeroDivisionError("by design")
        return real(chosen, folder, figures)

    monkeypatch.setitem(workflow._cohort._CALLS, "differential", ("differential", broken))
    with pytest.raises(CohortsFailedError, match="1 of 2"):
        workflow.run_config(config(tables, cohort("bad"), cohort("good")), tables / "out")
    status = (tables / "out" / "status.tsv").read_text()
    assert "bug of exerkine_omics: ZeroDivisionError" in status
    assert (tables / "out" / "good" / "differential.parquet").exists()


def test_responders_with_a_dose_and_an_interval_of_choice(tables: Path) -> None:
    """Who trained too little is shown, counts nowhere, and is in no model."""
    rng = np.random.default_rng(2)
    n = 60
    arm = np.repeat(["EE", "CON"], n // 2)
    pre = rng.normal(45, 6, n)
    people = pd.DataFrame(
        {
            "subject_id": [f"S{i + 1:03d}" for i in range(n)],
            "arm": arm,
            "pre": pre,
            "post": pre + np.where(arm == "EE", 4, 0) + rng.normal(0, 2, n),
            "sessions": np.where(np.arange(n) < 5, 0.2, 0.9),
        }
    )
    people.to_csv(tables / "outcomes.csv", index=False)
    part = {
        "name": "one",
        "input": {"simulate": {"options": {"n_subjects": n, "n_proteins": 20}}},
        "score": None,
        "enrich": None,
        "differential": None,
        "responders": {
            "outcomes": "outcomes.csv",
            "outcome": "VO2max",
            "unit": "mL/kg/min",
            "pre": "pre",
            "post": "post",
            "threshold": 4.0,
            "reliability": "control",
            "arm": "arm",
            "control": "CON",
            "adherence": "sessions",
            "min_adherence": 0.5,
            "sd_ir_method": "mover",
        },
        "prediction": {
            "feature_time": 0,
            "outcome_time": 12,
            "outer": [3, 1],
            "inner": 3,
            "n_permutations": 2,
        },
    }
    out = tables / "out"
    workflow.run_config(config(tables, part), out)
    (summary,) = json.loads((out / "summary.json").read_text())["cohorts"]
    (found,) = summary["responders"]
    assert found["counts"]["not_trained"] == 5 and found["sd_ir_method"] == "mover"
    assert sum(found["control_counts"].values()) == n // 2
    alone = exo.tl.responders(
        people[5:], pre="pre", post="post", threshold=4.0, reliability="control", arm="arm",
        control="CON", sd_ir_method="mover",
    )  # fmt: skip
    assert found["sd_ir"]["ci_low"] == pytest.approx(alone.sd_ir.ci_low)
    assert 0 <= found["proportion_ci"][0] <= found["proportion"] <= found["proportion_ci"][1]
    frame = pd.read_parquet(out / "one" / "responders.parquet")
    assert (frame["category"] == "not_trained").sum() == 5
    files = {f"{k}_1.png" for k in ("responders", "baseline_change", "arm_variances")}
    assert files <= {p.name for p in (out / "one" / "figures").iterdir()}
    page = (out / "report.html").read_text()
    assert "5 not trained" in page and "(MOVER)" in page
    assert "People with sessions below 0.5 count as not trained" in page
    (model,) = summary["prediction"]
    assert any("5 people trained less than the dose" in note for note in model["notes"])
    assert model["n_people"] == 25
