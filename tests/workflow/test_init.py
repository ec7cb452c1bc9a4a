"""A first config from a folder: what is recognised, what is left to the user, that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import pandas as pd
import pytest
import yaml

import exerkine_omics as exo
from exerkine_omics import workflow
from exerkine_omics.errors import InputError, UsageError


@pytest.fixture
def folder(tmp_path: Path, trial: ad.AnnData) -> Path:
    """Features in rows, a sheet with other names than ours, and a table of outcomes."""
    data = tmp_path / "my data"
    data.mkdir()
    trial.to_df().T.to_csv(data / "Proteins 2024.csv", index_label="protein")
    sheet = trial.obs.rename(columns={"subject_id": "Participant", "timepoint": "Visit"})
    sheet = sheet.rename(columns={"arm": "Group"})
    sheet[["Participant", "Visit", "Group"]].to_csv(data / "sheet.csv", index_label="SampleID")
    people = pd.DataFrame({"Participant": sheet["Participant"].unique()})
    people.assign(vo2_before=40.0, vo2_after=42.0).to_csv(data / "outcomes.csv", index=False)
    (data / "notes.txt").write_text("nothing of interest\n")
    return data


def test_what_is_written_runs_after_a_look(folder: Path) -> None:
    path, told = workflow.init_config(folder)
    assert path == folder / "exerkine.yaml"
    assert "sheet.csv: a sample sheet" in told and "outcomes.csv: a row a person" in told
    text = path.read_text()
    (cohort,) = yaml.safe_load(text)["cohorts"]
    table = cohort["input"]["table"]
    assert cohort["name"] == "proteins_2024"
    assert (table["matrix"], table["samples"]) == ("Proteins 2024.csv", "sheet.csv")
    assert (table["subject"], table["timepoint"], table["arm"]) == ("Participant", "Visit", "Group")
    assert table["orientation"] == "features" and table["baseline"] == "pre"
    assert table["timepoint_order"][0] == "pre"
    assert "CHECK" in text and "#   pre: vo2_before" in text and "control: CON" in text
    # the section on response is a comment that becomes a config when its marks are taken away
    kept = [t for t in text.splitlines() if "filter_features" not in t and "prepare" not in t]
    lines = [t.replace("    # ", "    ", 1) if "# " in t[:6] else t for t in kept]
    path.write_text("\n".join(lines))
    frame = workflow.plan_config(path, folder / "out")
    assert frame["stage"].tolist() == ["check", "score", "enrich", "differential", "responders"]
    workflow.run_config(path, folder / "out")
    assert (folder / "out" / "proteins_2024" / "differential.parquet").exists()


def test_a_vendor_file_finds_its_sheet_by_its_tubes(tmp_path: Path) -> None:
    rows = [
        f"{tube},{k},OID{k:05d},P{k:05d},GENE{k},Inflammation,0,plate1,Pass,1.0,{k + n / 10},PASS"
        for n, tube in enumerate(["t1", "t2", "t3", "t4"])
        for k in range(1, 9)
    ]
    head = "SampleID,Index,OlinkID,UniProt,Assay,Panel,MissingFreq,PlateID,QC_Warning,LOD,NPX,x"
    (tmp_path / "npx.csv").write_text("\n".join([head, *rows]))
    sheet = "SampleID,SubjectID,Visit\nt1,A,base\nt2,A,later\nt3,B,base\nt4,B,later\n"
    (tmp_path / "manifest.csv").write_text(sheet)
    (tmp_path / "other.csv").write_text(sheet.replace("t", "u"))
    path, told = workflow.init_config(tmp_path, tmp_path / "c.yaml")
    file = yaml.safe_load(path.read_text())["cohorts"][0]["input"]["file"]
    assert file["samples"] == "manifest.csv" and file["subject"] == "SubjectID"
    assert "npx.csv: Olink NPX" in told


def test_a_stored_cohort_and_a_name_that_yaml_would_misread(tmp_path: Path, trial) -> None:
    exo.io.write(trial, tmp_path / "no: 1e3 'x'.h5ad")
    path, _ = workflow.init_config(tmp_path)
    cohort = workflow.load_config(path).cohorts[0]
    assert cohort.input.file.path == tmp_path / "no: 1e3 'x'.h5ad"


def test_what_cannot_be(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        workflow.init_config(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="No file here"):
        workflow.init_config(empty)
    workflow.init_config(folder)
    with pytest.raises(UsageError, match="there already"):
        workflow.init_config(folder)


def test_the_schema_takes_the_examples_and_refuses_a_typo() -> None:
    schema = workflow.RunConfig.model_json_schema()
    assert json.loads(json.dumps(schema))["additionalProperties"] is False
    assert set(schema["properties"]) == {"title", "seed", "cohorts", "meta"}
    for example in (Path(__file__).parents[2] / "examples").glob("*.yaml"):
        workflow.load_config(example)
