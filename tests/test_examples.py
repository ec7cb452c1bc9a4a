"""Every notebook of examples/ runs to its end as a plain script; what it claims it asserts."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("[0-9]*.py"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples and the fixtures they read, elsewhere: what a notebook writes stays there."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "examples", root / "examples")
    shutil.copytree(ROOT / "tests" / "reference", root / "tests" / "reference")
    return root / "examples"


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(notebook: Path, copied: Path) -> None:
    # the child imports the package that is tested here, wherever it is installed from
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-W", "default", notebook.name],
        cwd=copied,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    # a warning at one of its own lines would stand in front of the reader unexplained
    told = re.findall(rf"^.*{re.escape(notebook.name)}:\d+: \w*Warning.*$", done.stderr, re.M)
    assert not told, told


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_checks_itself_and_opens_in_jupytext(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))
    assert "format_name: percent" in text.split("# %%")[0]
    assert text.count("\n# %%") > text.count("\n# %% [markdown]") > 0


def test_the_r_script_asks_what_the_notebook_answers() -> None:
    """Same data, same contrasts: neither of the two is changed alone."""
    script = (ROOT / "examples" / "05_three_times_two_arms.R").read_text(encoding="utf-8")
    notebook = (ROOT / "examples" / "05_three_times_two_arms.py").read_text(encoding="utf-8")
    for file in ("trial_matrix.csv", "trial_samples.csv", "trial_lmer.csv"):
        assert file in script and file in notebook
        assert (ROOT / "tests" / "reference" / "trial" / file).is_file()
    stored = (ROOT / "tests" / "reference" / "trial" / "trial_lmer.csv").read_text(encoding="utf-8")
    asked = {line.split(",")[1] for line in stored.splitlines()[1:]}
    assert len(asked) == 7 and all(f'"{name}"' in script for name in asked)
