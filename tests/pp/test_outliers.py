"""Planted outliers are found, clean cohorts are left alone, and exercise flags nobody."""

from __future__ import annotations

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError


def clean(n: int, seed: int, **options):
    options = {"haemolysed": 0, "n_metabolites": 0, "n_mirna": 0} | options
    return exo.datasets.simulate(n, seed=seed, **options).adata


@pytest.mark.quick
def test_planted(round_trip):
    adata = clean(30, 2)
    rng = np.random.default_rng(0)
    names = adata.obs_names[[3, 11, 20, 40]]
    adata.X[3] -= 1.0  # diluted
    adata.X[11] += rng.normal(0, 1.2, adata.n_vars)  # noisy
    adata.X[20, rng.random(adata.n_vars) < 0.3] = np.nan
    adata.X[40] = np.nan
    assert exo.pp.outliers(adata) is None
    back = round_trip(adata)
    table = back.uns["outliers"].set_index("sample_id")
    assert back.obs["outlier"].dtype == bool and back.obs.loc[names, "outlier"].all()
    assert "median" in table.loc[names[0], "reason"] and "distance" in table.loc[names[1], "reason"]
    assert table.loc[names[2], "reason"] == "missing"
    assert table.loc[names[3], "status"] == "no values"
    assert back.obs["outlier"].sum() <= 6
    assert (table["outlier"] == (table["reason"].astype(str) != "")).all()


def test_exercise_flags_nobody():
    """Even where the bout is the first component: its shift is the cell's, not the sample's."""
    adata = clean(40, 5)
    post = ((adata.obs["timepoint"] == "post") & (adata.obs["arm"] == "EE")).to_numpy()
    moved = adata.copy()
    moved.X[post] += np.linspace(-4, 6, adata.n_vars)
    exo.pp.pca(moved)
    first = moved.obsm["X_pca"][:, 0]
    assert abs(first[post].mean() - first[~post].mean()) > 5 * first[~post].std()
    exo.pp.outliers(adata)
    exo.pp.outliers(moved)
    numbers = ["pca", "distance", "median", "iqr", "missing", "own"]
    np.testing.assert_allclose(
        moved.uns["outliers"][numbers], adata.uns["outliers"][numbers], atol=1e-6
    )


def test_order_and_level_change_nothing():
    adata = clean(20, 1)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(adata.n_obs), rng.permutation(adata.n_vars)
    moved = adata[rows][:, columns].copy()
    moved.X = moved.X + 1e5
    exo.pp.outliers(adata)
    exo.pp.outliers(moved)
    one, two = (a.uns["outliers"].set_index("sample_id") for a in (adata, moved))
    two = two.loc[one.index]
    np.testing.assert_allclose(two["distance"], one["distance"], atol=1e-5)
    np.testing.assert_allclose(two["pca"], one["pca"], atol=1e-5)
    assert (one["reason"].astype(str) == two["reason"].astype(str)).all()


def test_the_one_out_of_place_is_blamed():
    adata = clean(30, 4, missed_visits=0)
    adata.X[10] += np.random.default_rng(1).normal(0, 1.5, adata.n_vars)
    person = adata.obs["subject_id"].iloc[10]
    exo.pp.outliers(adata)
    own = adata.uns["outliers"].set_index("subject_id").loc[person]
    assert list(own["own"] > 4) == [i == adata.obs_names[10] for i in own["sample_id"]]


def test_few_in_a_cell_and_controls(trial):
    trial.obs["sample_type"] = np.where(trial.obs["subject_id"] == "P00", "qc", "sample")
    few = trial[~(trial.obs["subject_id"].isin(["P08", "P09", "P10"]))].copy()
    exo.pp.outliers(few)
    table = few.uns["outliers"]
    assert "P00" not in set(table["subject_id"])
    alone = table["status"] == "fewer than 4 samples in its cell"
    assert set(table.loc[alone, "arm"]) == {"CON"}
    assert not table.loc[alone, "outlier"].any()
    assert table.loc[alone, ["pca", "distance", "iqr"]].isna().all(axis=None)


def test_bad_input(trial):
    for limit in (0, -1, np.nan, True, "4"):
        with pytest.raises(UsageError, match="limit"):
            exo.pp.outliers(trial, limit=limit)
    with pytest.raises(AnalysisError, match="values enough"):
        exo.pp.outliers(trial[:3].copy())
    missing = trial.copy()
    missing.obs["subject_id"] = missing.obs["subject_id"].where(missing.obs_names != "P00_pre")
    with pytest.raises(InputError, match="P00_pre"):
        exo.pp.outliers(missing)
    trial.uns["exerkine"]["units"] = "counts"
    with pytest.raises(UnitsError, match="log2"):
        exo.pp.outliers(trial)
    assert "outlier" not in trial.obs


@pytest.mark.slow
def test_clean_cohorts():
    """About one clean sample in a hundred is flagged, after exercise no more than before."""
    n, flagged, post, later = 0, 0, 0, 0
    for seed in range(25):
        adata = clean((20, 40, 60)[seed % 3], seed)
        exo.pp.outliers(adata)
        after = (adata.obs["timepoint"] == "post").to_numpy()
        n += adata.n_obs
        flagged += int(adata.obs["outlier"].sum())
        post += int(adata.obs["outlier"].to_numpy()[after].sum())
        later += int(after.sum())
    assert flagged / n < 0.02
    assert post / later < 0.02
