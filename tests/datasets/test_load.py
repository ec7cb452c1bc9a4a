"""Public cohorts by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.datasets._registry import registry
from exerkine_omics.errors import ExerkineWarning, InputError

COLUMNS = {"IL6": "IL6_pg_ml", "IL8": "IL8_pg_ml", "TNFa": "TNFa_pg_ml", "IL1b": "IL1b_pg_ml",
           "calprotectin": "calprotectin_ng_ml", "CK": "CK_U_L"}  # fmt: skip


@pytest.fixture
def race(data_dir: Path) -> ad.AnnData:
    with exo.settings.override(data_dir=data_dir):
        return exo.datasets.load("ultramarathon_50km")


@pytest.mark.quick
def test_available_and_unknown_names():
    table = exo.datasets.available()
    assert list(table["name"]) == [
        "ultramarathon_50km", "rat_training", "somascan_example", "heritage_somascan"
    ]  # fmt: skip
    assert table["licence"].ne("").all() and table["citation"].ne("").all()
    assert list(table["download"]) == [True, False, True, True]
    with pytest.raises(InputError, match="ultramarathon_50km"):
        exo.datasets.load("ultramaraton")


def test_urls_are_pinned():
    pinned = [d for d in registry().values() if d["repository"]]
    assert len(pinned) == len(registry()) - 1
    for dataset in pinned:
        assert len(dataset["commit"]) == 40
        for file in dataset["files"]:
            if file["path"]:
                url = dataset.url(file["path"])
                assert dataset["commit"] in url and " " not in url
                assert len(file["sha256"]) == 64


def test_no_network_names_url_folder_and_variable(monkeypatch, tmp_path: Path):
    import pooch

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with exo.settings.override(data_dir=tmp_path):
        with pytest.raises(InputError) as caught:
            exo.datasets.load("ultramarathon_50km")
    text = str(caught.value)
    assert "raw.githubusercontent.com" in text and "EXERKINE_DATA_DIR" in text
    assert "ultramarathon_50km_cytokines" in text and "no route" in text


def test_download_path_is_used_when_there_is_no_folder(monkeypatch, tmp_path: Path):
    import pooch

    asked = []

    def fetch(url, known_hash, fname, path):
        asked.append((url, known_hash))
        target = tmp_path / fname
        target.write_bytes(b"not a workbook")
        return str(target)

    monkeypatch.setattr(pooch, "retrieve", fetch)
    with exo.settings.override(data_dir=None), pytest.raises(InputError, match="readable sheet"):
        exo.datasets.load("ultramarathon_50km")
    assert len(asked) == 3 and all(h.startswith("sha256:") for _, h in asked)


def test_rats_without_folder_say_what_is_needed():
    with exo.settings.override(data_dir=None), pytest.raises(InputError) as caught:
        exo.datasets.load("rat_training")
    assert "pheno_analytes.csv" in str(caught.value) and "bc04d14d" in str(caught.value)


@pytest.mark.real_data
def test_race_equals_the_derived_table(race: ad.AnnData, data_dir: Path):
    folder = data_dir / "ultramarathon_50km_cytokines"
    derived = pd.read_csv(folder / "samples_by_analyte.csv")
    derived.index = derived["subject"] + "|" + derived["timepoint"]
    measured = derived[list(COLUMNS.values())].notna().any(axis=1)
    counts = ["hematocrit_pct", "hemoglobin_g_dl", "rbc_million_ul", "wbc"]
    assert set(race.obs_names) == set(derived.index[measured | derived[counts].notna().any(axis=1)])
    want = derived.loc[race.obs_names]
    np.testing.assert_allclose(race[:, list(COLUMNS)].X, want[list(COLUMNS.values())], rtol=1e-9)
    np.testing.assert_allclose(race.obs[counts].astype(float), want[counts], rtol=1e-9)


@pytest.mark.real_data
def test_race_levels_units_and_the_rise_of_il6(race: ad.AnnData, round_trip):
    assert list(race.obs["timepoint"].cat.categories) == [
        "visit1_rest", "pre", "lap1_10km", "finish_50km", "post_24h"
    ]  # fmt: skip
    assert race.n_obs == registry()["ultramarathon_50km"]["n_samples"]
    meta = race.uns["exerkine"]
    assert (meta["units"], meta["baseline"], meta["matrix"]) == ("concentration", "pre", "unknown")
    assert meta["provenance"]["commit"].startswith("b0a15a72")
    assert race.obs["sex"].value_counts()["F"] > 0 and "VO2_ml_kg_min" in race.obs
    log = pd.Series(np.log2(np.asarray(race[:, "IL6"].X).ravel()), race.obs_names)
    by = log.groupby([race.obs["subject_id"].astype(str), race.obs["timepoint"].astype(str)])
    wide = by.first().unstack()
    change = (wide["finish_50km"] - wide["pre"]).dropna()
    assert len(change) == 7 and change.mean() == pytest.approx(5.0, abs=0.05)
    back = round_trip(race)
    np.testing.assert_array_equal(back.X, race.X)
    assert back.uns["exerkine"]["provenance"]["name"] == "ultramarathon_50km"


@pytest.mark.real_data
def test_a_changed_file_is_said(data_dir: Path, tmp_path: Path):
    source = data_dir / "ultramarathon_50km_cytokines" / "original"
    target = tmp_path / "ultramarathon_50km_cytokines"
    target.mkdir()
    for file in source.glob("*.xlsx"):
        (target / file.name).write_bytes(file.read_bytes())
    known = registry()["ultramarathon_50km"]["files"][0]["sha256"]
    first = target / "Inflammatory_factors.xlsx"
    assert hashlib.sha256(first.read_bytes()).hexdigest() == known
    # a comment behind the archive: other bytes, same numbers
    first.write_bytes(first.read_bytes() + b"\0")
    with exo.settings.override(data_dir=tmp_path), pytest.warns(ExerkineWarning, match="byte"):
        adata = exo.datasets.load("ultramarathon_50km")
    assert "VO2_ml_kg_min" not in adata.obs and "age" in adata.obs


@pytest.mark.real_data
def test_rats(data_dir: Path, round_trip):
    with exo.settings.override(data_dir=data_dir):
        rats = exo.datasets.load("rat_training")
    adata, outcomes = rats.adata, rats.outcomes
    assert adata.obs["subject_id"].is_unique and list(adata.obs["timepoint"].unique()) == [
        "terminal"
    ]
    assert adata.uns["exerkine"]["species"] == "rat"
    # drawn after training: nothing may take them for baseline values
    assert adata.uns["exerkine"]["baseline"] == "pre"
    both = outcomes.dropna(subset=["vo2max_pre", "vo2max_post"])
    assert len(both) == 141
    glucose = adata.obs["subject_id"].astype(str)[
        ~np.isnan(np.asarray(adata[:, "glucose"].X)).ravel()
    ]
    assert len(set(glucose) & set(both["subject_id"])) == 100
    young = both[both["age"] == "6M"]
    change = (young["vo2max_post"] - young["vo2max_pre"]).groupby(young["arm"]).mean()
    assert change["SED"] == pytest.approx(-5.3, abs=0.1)
    assert adata.n_obs == registry()["rat_training"]["n_samples"]
    assert round_trip(adata).shape == adata.shape


@pytest.mark.real_data
def test_the_somascan_example_is_cross_sectional(data_dir: Path):
    with exo.settings.override(data_dir=data_dir):
        donors = exo.datasets.load("somascan_example")
    assert donors.shape == (10, 5284)
    assert list(donors.obs["timepoint"].cat.categories) == ["rest"]
    assert donors.obs["subject_id"].nunique() == 9
    assert (donors.obs["sample_type"] == "calibrator").sum() == 1
