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
# processor seconds of each, workers counted; those of more than 12 run with the slow tests
SECONDS = {
    "01_first_look": 11,
    "02_olink_endurance": 14,
    "03_metabolomics_time_course": 5,
    "04_mirna_haemolysis": 6,
    "05_three_times_two_arms": 6,
    "06_which_scorer": 27,
    "07_responders": 4,
    "08_tailored_training": 3,
    "09_batch_and_dask": 33,
    "10_your_own_signature": 4,
    "11_heritage": 9,
}
RUN = [
    pytest.param(p, id=p.stem, marks=[pytest.mark.slow] if SECONDS[p.stem] > 12 else [])
    for p in NOTEBOOKS
]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples and the fixtures they read, elsewhere: what a notebook writes stays there."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "examples", root / "examples")
    shutil.copytree(ROOT / "tests" / "reference", root / "tests" / "reference")
    return root / "examples"


def cells(text: str) -> list[str]:
    """Code cells of a percent notebook."""
    parts = re.split(r"^(?=# %%)", text, flags=re.M)
    return [p for p in parts if p.startswith("# %%") and not p.startswith("# %% [markdown]")]


def test_the_notebooks_are_numbered_through_and_known() -> None:
    assert [p.stem for p in NOTEBOOKS] == list(SECONDS)
    assert [int(p.stem[:2]) for p in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))
    assert max(SECONDS.values()) < 60 and sum(SECONDS.values()) < 240


def test_the_first_look_takes_ten_cells_and_names_the_others() -> None:
    text = NOTEBOOKS[0].read_text(encoding="utf-8")
    assert len(cells(text)) == 10
    assert set(re.findall(r"^# \| (\d\d) \|", text, re.M)) == {p.stem[:2] for p in NOTEBOOKS[1:]}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_calls_only_what_is_public(notebook: Path) -> None:
    """``exo.room.name`` is in the room's ``__all__``; nothing else of the package is imported."""
    import exerkine_omics as exo

    tree = ast.parse(notebook.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            inner = [n for n in names if n.startswith("exerkine_omics.")]
            assert not inner, inner
        called = re.fullmatch(r"exo\.(\w+)(?:\.(\w+))?", ast.unparse(node)) if isinstance(
            node, ast.Attribute
        ) else None  # fmt: skip
        if called:
            room, name = called.groups()
            assert room in exo.__all__, room
            if name and room not in ("settings", "Reliability", "ResponseSpec"):
                assert name in dir(getattr(exo, room)), (room, name)


@pytest.mark.parametrize("notebook", RUN)
def test_notebook_runs(notebook: Path, copied: Path) -> None:
    # the child imports the package that is tested here, wherever it is installed from
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-W", "default", notebook.name],
        cwd=copied,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
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
