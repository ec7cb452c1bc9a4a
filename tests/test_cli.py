"""The command line as a user meets it: output, exit codes, one message an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import yaml


def exerkine(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exerkine_omics", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def files(tmp_path: Path, trial: ad.AnnData) -> Path:
    trial.to_df().to_csv(tmp_path / "matrix.csv")
    trial.obs.to_csv(tmp_path / "samples.csv")
    table = {
        "matrix": "matrix.csv",
        "samples": "samples.csv",
        "subject": "subject_id",
        "timepoint": "timepoint",
        "baseline": "pre",
        "units": "NPX",
        "modality": "proteomics",
    }
    content = {"cohorts": [{"name": "one", "input": {"table": table}, "score": None}]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


@pytest.mark.quick
def test_run_prints_the_report_s_path(files: Path) -> None:
    done = exerkine("run", "config.yaml", "-o", "out", cwd=files)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path("out") / "report.html")
    assert "one: differential" in done.stderr
    assert (files / "out" / "report.html").stat().st_size > 10_000
    quiet = exerkine("run", "config.yaml", "-o", "out", "--quiet", cwd=files)
    assert quiet.stderr == ""


def test_every_line_of_a_json_log_is_json(files: Path) -> None:
    import json

    done = exerkine("run", "config.yaml", "-o", "out", "--log-json", cwd=files)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 0 and {"started", "done"} <= {e["status"] for e in events}
    done = exerkine(*spoil(files, "no control"), "--log-json")
    *_, last = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 3
    assert last["status"] == "failed" and "placebo" in last["message"]


@pytest.mark.parametrize("text", ["null", "5", '"x"', "[]", "[" * 5000, "{", '{"cohorts": []}'])
def test_a_damaged_summary_is_one_message(tmp_path: Path, text: str) -> None:
    from exerkine_omics.errors import InputError
    from exerkine_omics.workflow import write_report

    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(InputError):
        write_report(tmp_path)


def spoil(files: Path, what: str) -> list[object]:
    config = files / "config.yaml"
    content = yaml.safe_load(config.read_text())
    table = content["cohorts"][0]["input"]["table"]
    matrix = (files / "matrix.csv").read_text()
    samples = (files / "samples.csv").read_text()
    if what == "config is missing":
        config = files / "none.yaml"
    elif what == "config has a typo":
        table["basline"] = table.pop("baseline")
    elif what == "matrix is missing":
        table["matrix"] = "none.csv"
    elif what == "matrix is empty":
        matrix = ""
    elif what == "matrix is text":
        lines = matrix.splitlines()
        matrix = "\n".join(
            [lines[0], *(f"{r.split(',')[0]}," + ",".join(["abc"] * 30) for r in lines[1:])]
        )
    elif what == "matrix is binary":
        (files / "matrix.csv").write_bytes(np.random.default_rng(0).bytes(5000))
        matrix = ""
    elif what == "column is missing":
        table["subject"] = "person"
    elif what == "two baselines":
        samples = samples.replace("P00,post", "P00,pre")
    elif what == "no baseline":
        table["baseline"] = "before"
    elif what == "linear values":
        table["units"] = "furlong"
    elif what == "no control":
        content["cohorts"][0]["differential"] = {"control": "placebo"}
    elif what == "no prediction":
        content["cohorts"][0]["responders"] = {
            "outcomes": "outcomes.csv", "outcome": "x", "unit": "y", "pre": "a", "post": "b",
            "threshold": 1, "reliability": {"typical_error": 1, "source": "own"},
        }  # fmt: skip
        content["cohorts"][0]["prediction"] = {"feature_time": 0, "outcome_time": 1}
        people = sorted({line.split(",")[1] for line in samples.splitlines()[1:]})
        rows = [f"{p},{i},{i + 5}" for i, p in enumerate(people)]
        (files / "outcomes.csv").write_text("\n".join(["subject_id,a,b", *rows]))
    if what != "matrix is binary":
        (files / "matrix.csv").write_text(matrix)
    (files / "samples.csv").write_text(samples)
    if config.exists():
        config.write_text(yaml.safe_dump(content))
    return ["run", config, "-o", files / "out"]


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("config is missing", 3, "none.yaml"),
        ("config has a typo", 3, "Did you mean 'baseline'"),
        ("matrix is missing", 4, "none.csv"),
        ("matrix is empty", 4, "matrix.csv"),
        ("matrix is text", 4, "abc"),
        ("matrix is binary", 4, "matrix.csv"),
        ("column is missing", 4, "person"),
        ("two baselines", 4, "P00"),
        ("no baseline", 4, "before"),
        ("linear values", 4, "furlong"),
        ("no control", 3, "placebo"),
    ],
)
def test_bad_input_is_one_message(files: Path, what: str, code: int, words: str) -> None:
    done = exerkine(*spoil(files, what), "--quiet")
    assert done.returncode == code, (done.returncode, done.stderr)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Error") == 1 and done.stdout == ""
    # what was done before the error may be kept to go on with, and is no result
    assert not [p for p in files.glob("out/*") if p.name != ".exerkine"]


def test_an_impossible_prediction_keeps_the_rest(files: Path) -> None:
    done = exerkine(*spoil(files, "no prediction"), "--quiet")
    assert done.returncode == 5 and "14 responders" in done.stderr
    assert "report.html" in done.stderr and done.stderr.count("Error") == 1
    assert (files / "out" / "one" / "responders.parquet").exists()
    assert "not possible" in (files / "out" / "report.html").read_text()
    assert "impossible" in (files / "out" / "status.tsv").read_text()


def test_usage_errors_exit_with_2() -> None:
    assert exerkine("run").returncode == 2
    assert exerkine("fly").returncode == 2
    done = exerkine("signatures", "show", "nothing")
    assert done.returncode == 2 and "il6_anti_inflammatory_cascade" in done.stderr


def test_debug_shows_the_traceback(files: Path) -> None:
    done = exerkine("--debug", *spoil(files, "matrix is missing"))
    assert "Traceback" in done.stderr


def test_check_prints_findings(files: Path) -> None:
    options = ["--sample-sheet", files / "samples.csv", "--units", "NPX", "--arm", "arm"]
    done = exerkine("check", files / "matrix.csv", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("severity\tid\tmessage")
    spoil(files, "two baselines")
    done = exerkine("check", files / "matrix.csv", *options)
    assert done.returncode == 4 and "error" in done.stdout
    assert exerkine("check", files / "none.csv").returncode == 4


def test_check_reads_vendor_files_and_writes_pages(tmp_path: Path) -> None:
    import json

    rows = ["SampleID;OlinkID;UniProt;Assay;Panel;PlateID;QC_Warning;LOD;NPX"]
    for tube in ("T<1>", "T2", "CONTROL_SAMPLE_1"):
        for oid, assay in (("OID1", "IL6"), ("OID2", "<script>alert(1)</script>")):
            rows.append(f"{tube};{oid};P05231;{assay};CVD;P1;Pass;1.0;{len(rows)}.25")
    path = tmp_path / "npx.csv"
    path.write_text("\n".join(rows) + "\n")
    done = exerkine("check", path, "-o", tmp_path / "check.html")
    assert done.returncode == 0, done.stderr
    assert "format olink_long" in done.stderr and "control_samples" in done.stdout
    page = (tmp_path / "check.html").read_text()
    assert "<script>" not in page and "exo.pp.clean" in page
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("tube,subject_id,timepoint\nT<1>,A,pre\nT2,A,post\n")
    done = exerkine("check", path, "--sample-sheet", sheet, "-o", tmp_path / "check.json")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "check.json").read_text())
    assert told["n_errors"] == 0 and told["n_samples"] == 3 and told["format"] == "olink_long"
    assert "missing_columns" not in {f["id"] for f in told["findings"]}
    assert all(set(f) >= {"id", "severity", "rows", "call"} for f in told["findings"])
    done = exerkine("check", path, "-o", tmp_path / "check.txt")
    assert done.returncode == 2 and "no .html or .json" in done.stderr
    assert exerkine("check", path, "--format", "olinc").returncode == 2
    sheet.write_text("tube,subject_id,timepoint\nT<1>,A,pre\n")
    done = exerkine("check", path, "--sample-sheet", sheet)
    assert done.returncode == 4 and "'T2'" in done.stderr


def test_check_takes_only_options_of_the_file(files: Path, tmp_path: Path) -> None:
    import exerkine_omics as exo

    sheet = ["--sample-sheet", files / "samples.csv"]
    done = exerkine("check", files / "matrix.csv", *sheet)
    assert done.returncode == 4 and "--units (one of NPX" in done.stderr
    adata = exo.io.read_table(
        files / "matrix.csv", files / "samples.csv", subject="subject_id", timepoint="timepoint",
        baseline="pre", units="NPX", modality="proteomics",
    )  # fmt: skip
    stored = tmp_path / "cohort.h5ad"
    exo.io.write(adata, stored)
    page = tmp_path / "new" / "folder" / "CHECK.HTML"
    done = exerkine("check", stored, "--matrix-type", "serum", "-o", page)
    assert done.returncode == 0 and "matrix_unknown" not in done.stdout
    assert page.read_text().startswith("<!doctype html>")
    done = exerkine("check", stored, "--units", "RFU")
    assert done.returncode == 4 and "units is 'NPX' already" in done.stderr
    done = exerkine("check", stored, "--modality", "mirna")
    assert done.returncode == 2 and "--modality do not belong" in done.stderr
    done = exerkine("check", stored, "-o", page / "below.json")
    assert done.returncode == 4 and "Cannot write here" in done.stderr


def test_signatures_commands() -> None:
    listed = exerkine("signatures", "list")
    assert "glycolysis_lactate" in listed.stdout
    shown = exerkine("signatures", "show", "myomirs")
    assert "hsa-miR-1-3p" in shown.stdout and "Limits" in shown.stdout
    assert exerkine("signatures", "validate").returncode == 0
    assert exerkine("--version").stdout.strip()
