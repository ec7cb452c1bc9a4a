"""Planted exchanges are found and named; clean cohorts are left alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, UnitsError, UsageError


def clean(n: int, seed: int, **options):
    options = {"haemolysed": 0, "n_metabolites": 0, "n_mirna": 0} | options
    return exo.datasets.simulate(n, seed=seed, **options).adata


def exchange(adata, one: str, two: str):
    i, j = adata.obs_names.get_indexer([one, two])
    adata.X[[i, j]] = adata.X[[j, i]]
    return adata


@pytest.mark.quick
def test_an_exchange_between_arms(round_trip):
    adata = exchange(clean(30, 3, missed_visits=0), "S005|post", "S012|post")
    assert adata.obs.loc["S005|post", "arm"] != adata.obs.loc["S012|post", "arm"]
    frame = exo.pp.swaps(adata)
    told = frame.set_index("sample_id")
    # which of the two times was exchanged, nobody can tell
    four = ["S005|pre", "S005|post", "S012|pre", "S012|post"]
    assert sorted(told.index[told["suspect"]]) == sorted(four)
    assert told.loc["S005|post", "swapped_with"] == "S012|post"
    assert told.loc["S012|pre", "swapped_with"] == "S005|pre"
    assert told.loc["S005|post", "nearest_subject"] == "S012"
    assert told.loc["S005|post", "nearest_distance"] < told.loc["S005|post", "own_distance"]
    assert (told["p_own"] + told["p_nearest"]).max() <= 1 + 1e-12
    stored = round_trip(adata).uns["swaps"]
    assert list(stored.columns) == list(frame.columns)


def test_with_three_times_the_tube_is_named():
    adata = clean(20, 1, timepoints=["pre", "post", "late"], missed_visits=0)
    exchange(adata, "S002|late", "S009|late")
    told = exo.pp.swaps(adata).set_index("sample_id")
    assert set(told.index[told["suspect"]]) == {"S002|late", "S009|late"}
    assert told.loc["S002|late", "swapped_with"] == "S009|late"


def test_one_way():
    """A tube labelled with another's name: it is told, and nobody is named in return."""
    adata = clean(30, 6, timepoints=["pre", "post", "late"], missed_visits=0)
    exchange(adata, "S004|post", "S010|late")
    adata = adata[adata.obs_names != "S010|late"].copy()
    told = exo.pp.swaps(adata).set_index("sample_id")
    assert list(told.index[told["suspect"]]) == ["S004|post"]
    assert told.loc["S004|post", "nearest_subject"] == "S010"
    assert told.loc["S004|post", "swapped_with"] == ""


def test_order_and_level_change_nothing():
    adata = exchange(clean(16, 2), "S003|post", "S006|post")
    rng = np.random.default_rng(0)
    moved = adata[rng.permutation(adata.n_obs)][:, rng.permutation(adata.n_vars)].copy()
    moved.X = moved.X + 1e5
    one, two = (exo.pp.swaps(a).set_index("sample_id") for a in (adata, moved))
    two = two.loc[one.index]
    for column in ("own_distance", "nearest_distance", "p_own", "p_nearest"):
        np.testing.assert_allclose(two[column], one[column], atol=1e-5)
    assert (one["suspect"] == two["suspect"]).all()


def test_statuses():
    adata = clean(20, 1, missed_visits=0)
    adata.X[4] = np.nan
    lone = adata.obs_names[4].split("|")[0]
    told = exo.pp.swaps(adata).set_index("sample_id")
    assert told.loc[adata.obs_names[4], "status"] == "no values"
    other = next(s for s in told.index if s.startswith(lone) and s != adata.obs_names[4])
    assert told.loc[other, "status"] == "no other sample of the person"
    assert np.isnan(told.loc[other, "own_distance"]) and not told.loc[other, "suspect"]
    # noise: nobody is told apart, and nobody is accused
    noise = adata.copy()
    noise.X = np.random.default_rng(0).normal(size=adata.shape)
    told = exo.pp.swaps(noise)
    assert set(told["status"]) == {"people are not told apart"}
    assert not told["suspect"].any() and told["p_own"].isna().all()


def test_bad_input(trial):
    for prior in (0.0, 0.5, 1, "0.1", np.nan):
        with pytest.raises(UsageError, match="prior"):
            exo.pp.swaps(trial, prior=prior)
    with pytest.raises(UsageError, match="slug"):
        exo.pp.swaps(trial, key_added="a/b")
    with pytest.raises(AnalysisError, match="nobody apart"):
        exo.pp.swaps(trial[:, :8].copy())
    with pytest.raises(AnalysisError, match="nobody apart"):
        exo.pp.swaps(trial[trial.obs["timepoint"] == "pre"].copy())
    trial.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="log2"):
        exo.pp.swaps(trial)


@pytest.mark.slow
def test_clean_and_exchanged_cohorts():
    """Of clean samples fewer than 1 in 500 are suspect; of exchanges 9 in 10 are named."""
    n, wrong, planted, found = 0, 0, 0, 0
    for seed in range(20):
        adata = clean((20, 40, 60)[seed % 3], seed)
        frame = exo.pp.swaps(adata)
        n, wrong = n + len(frame), wrong + int(frame["suspect"].sum())
        subjects = adata.obs["subject_id"].astype(str)
        both = adata.obs_names[
            (adata.obs["timepoint"] == "post") & subjects.map(subjects.value_counts() == 2)
        ]
        one, two = np.random.default_rng(seed).choice(both, 2, replace=False)
        told = exo.pp.swaps(exchange(adata, one, two)).set_index("sample_id")
        planted += 2
        found += int(told.loc[one, "swapped_with"] == two)
        found += int(told.loc[two, "swapped_with"] == one)
    assert wrong / n < 0.002
    assert found / planted > 0.9


@pytest.mark.real_data
def test_seven_times_and_an_almost_empty_sample(data_dir):
    """Fifteen men, one bout, a sample with 3 values: nobody is accused; exchanges are named."""
    path = Path(__file__).parents[1] / "benchmarks" / "humet_lmertest.py"
    spec = importlib.util.spec_from_file_location("humet_lmertest", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["humet_lmertest"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    adata = module.read_cohort(data_dir)
    frame = exo.pp.swaps(adata)
    assert not frame["suspect"].any()
    few = frame[frame["status"] != "ok"]
    assert set(few["status"]) <= {"fewer than 10 values to compare"} and len(few) == 1
    rng = np.random.default_rng(0)
    for _ in range(5):
        time = rng.choice(adata.obs["timepoint"].cat.categories)
        full = np.isfinite(adata.X).mean(axis=1) > 0.5
        at = adata.obs_names[(adata.obs["timepoint"] == time) & full]
        one, two = rng.choice(at, 2, replace=False)
        told = exo.pp.swaps(exchange(adata.copy(), one, two)).set_index("sample_id")
        assert set(told.index[told["suspect"]]) == {one, two}
        assert told.loc[one, "swapped_with"] == two
