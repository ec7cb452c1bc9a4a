"""The wheel, alone in an empty environment, runs the demo from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done


@pytest.mark.slow
def test_wheel_runs_the_demo(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "-o", tmp_path / "dist", ROOT)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert "exerkine_omics/signatures/glycolysis_lactate.yaml" in names
    assert "exerkine_omics/signatures/exerkines/evidence.tsv" in names
    assert "exerkine_omics/py.typed" in names
    page = {
        *(f"vendor/{n}" for n in ("plotly-basic.min.js", "tabulator.min.js", "README.md")),
        *("vendor/tabulator_simple.min.css", "vendor/plotly-basic.LICENSE"),
        *("vendor/tabulator.LICENSE", "js/tables.js", "js/plots.js", "js/explore.js"),
    }
    assert {f"exerkine_omics/report/{n}" for n in page} <= set(names)
    assert not [n for n in names if n.startswith(("tests/", "examples/"))]
    with tarfile.open(next((tmp_path / "dist").glob("*.tar.gz"))) as sdist:
        inside = {n.split("/", 1)[-1] for n in sdist.getnames()}
    assert {"signatures/glycolysis_lactate.yaml", "Makefile", "tests/conftest.py"} <= inside
    assert {f"exerkine_omics/report/{n}" for n in page} <= inside
    environment = tmp_path / "env"
    run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "EXERKINE_DATA_DIR")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = run(environment / "bin" / "exerkine", "demo", "-o", "out", cwd=elsewhere, env=clean)
    assert done.stdout.strip() == str(Path("out") / "report.html")
    assert (elsewhere / "out" / "report.html").stat().st_size > 100_000
    where = run(
        python, "-c", "import exerkine_omics; print(exerkine_omics.__file__)", cwd=elsewhere
    )
    assert str(environment) in where.stdout
