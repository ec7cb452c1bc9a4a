"""The comparison of the literature with a randomised trial, tests/benchmarks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = ROOT / "tests" / "benchmarks" / "literature_vs_motrpac.py"
    spec = importlib.util.spec_from_file_location("literature_vs_motrpac", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tables(data_dir: Path) -> Path:
    folder = data_dir.parent / "curation" / "motrpac"
    if not folder.is_dir():
        pytest.skip("real data: no curation/motrpac beside EXERKINE_DATA_DIR")
    return folder


@pytest.mark.parametrize(("agree", "n"), [(0, 5), (3, 16), (15, 16), (16, 16)])
def test_wilson_is_statsmodels(bench: ModuleType, agree: int, n: int) -> None:
    from statsmodels.stats.proportion import proportion_confint

    assert bench.wilson(agree, n) == pytest.approx(
        proportion_confint(agree, n, method="wilson"), abs=1e-12
    )


def test_agreement_counts_signs_and_hits(bench: ModuleType) -> None:
    trial = pd.DataFrame(
        {
            "molecule": ["a", "b", "c", "d"],
            "exercise_mode": "endurance",
            "time": "10 min after",
            "estimate": [1.0, -1.0, -1.0, 1.0],
            "q_value": [0.01, 0.01, 0.5, 0.01],
        }
    )
    said = pd.DataFrame({"molecule": ["a", "b", "c", "d"], "sign": [1, 1, -1, 0]})
    row = bench.agreement(trial, said).iloc[0]
    assert (row["n"], row["n_agree"], row["n_fdr"], row["n_fdr_against"]) == (3, 2, 1, 1)
    with pytest.raises(ValueError, match="two directions"):
        bench.agreement(trial, pd.concat([said, said]))


@pytest.mark.real_data
def test_each_molecule_counts_once(
    bench: ModuleType, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = bench.read_trial(tables)
    assert trial["molecule"].nunique() == 16
    assert "BAIBA" not in set(trial["molecule"])
    assert trial.groupby("molecule")["assay"].nunique().eq(1).all()
    monkeypatch.delitem(bench.ONE_ASSAY, "IL-6")
    with pytest.raises(ValueError, match="several assays"):
        bench.read_trial(tables)


@pytest.mark.real_data
def test_the_page_shows_what_the_script_finds(bench: ModuleType, tables: Path) -> None:
    page = bench.PAGE.read_text(encoding="utf-8")
    assert page == bench.fill(page, bench.tables(tables)), "run the script with --write"
