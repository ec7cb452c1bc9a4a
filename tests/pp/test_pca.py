"""Components against scikit-learn, with gaps, controls and another key."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from sklearn.decomposition import PCA

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, UnitsError, UsageError
from exerkine_omics.kernels import _pca
from exerkine_omics.kernels._pca import fit_components, project


@pytest.mark.quick
@pytest.mark.parametrize("scale", [False, True])
def test_equals_scikit_learn(trial, scale, round_trip):
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    exo.pp.pca(trial, n_comps=4, scale=scale)
    x = (trial.X - trial.X.mean(0)) / (trial.X.std(0, ddof=1) if scale else 1)
    theirs = PCA(4, svd_solver="full").fit(x)
    back = round_trip(trial)
    sign = np.sign((theirs.components_.T * back.varm["PCs"]).sum(axis=0))
    np.testing.assert_allclose(back.obsm["X_pca"], theirs.transform(x) * sign, atol=1e-10)
    np.testing.assert_allclose(back.uns["pca"]["variance"], theirs.explained_variance_)
    np.testing.assert_allclose(
        back.uns["pca"]["variance_ratio"], theirs.explained_variance_ratio_, rtol=1e-10
    )
    largest = np.abs(back.varm["PCs"]).argmax(axis=0)
    assert (back.varm["PCs"][largest, range(4)] > 0).all()


def test_order_and_level_change_nothing(trial):
    exo.pp.pca(trial, n_comps=3)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)
    moved = trial[rows][:, columns].copy()
    moved.X = moved.X + 1e5
    exo.pp.pca(moved, n_comps=3)
    np.testing.assert_allclose(moved.obsm["X_pca"], trial.obsm["X_pca"][rows], atol=1e-7)
    np.testing.assert_allclose(moved.varm["PCs"], trial.varm["PCs"][columns], atol=1e-7)


def test_features_left_out_and_empty_samples(trial):
    trial.X[:30, 2] = np.nan
    trial.X[:, 3] = 1.0
    trial.X[7] = np.nan
    before = trial.X.copy()
    exo.pp.pca(trial, n_comps=3)
    np.testing.assert_array_equal(trial.X, before)
    assert np.isnan(trial.varm["PCs"][2:4]).all()
    assert np.isfinite(np.delete(trial.varm["PCs"], [2, 3], axis=0)).all()
    assert np.isnan(trial.obsm["X_pca"][7]).all()
    assert np.isfinite(np.delete(trial.obsm["X_pca"], 7, axis=0)).all()
    assert trial.uns["pca"]["params"]["n_features"] == 28


def test_controls_are_placed_but_do_not_steer(trial):
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    alone = exo.pp.pca(trial, n_comps=3, copy=True)
    trial.obs["sample_type"] = "sample"
    control = trial[:3].copy()
    control.obs_names, control.obs["sample_type"] = ["c0", "c1", "c2"], "control"
    control.X = control.X + 40.0
    more = ad.concat([trial, control], uns_merge="first")
    exo.pp.pca(more, n_comps=3)
    np.testing.assert_allclose(more.obsm["X_pca"][: trial.n_obs], alone.obsm["X_pca"])
    expected = (control.X - trial.X.mean(0)) @ more.varm["PCs"]
    np.testing.assert_allclose(more.obsm["X_pca"][trial.n_obs :], expected)


def test_second_key(trial):
    exo.pp.pca(trial, key_added="X_pca_before")
    assert {"X_pca_before"} == set(trial.obsm) and {"PCs_before"} == set(trial.varm)
    assert trial.obsm["X_pca_before"].shape[1] == 10 and "pca_before" in trial.uns


@pytest.mark.parametrize("shape", [(300, 60), (60, 300)])
@pytest.mark.parametrize("scale", [False, True])
def test_products_of_parts_are_the_decomposition(shape, scale, monkeypatch):
    rng = np.random.default_rng(0)
    x = 2 * rng.normal(size=(shape[0], 5)) @ rng.normal(size=(5, shape[1]))
    x += rng.normal(size=shape)
    x[rng.random(shape) < 0.05] = np.nan
    whole = fit_components(x, 6, scale=scale)
    monkeypatch.setattr(_pca, "_MANY", 0)
    monkeypatch.setattr(_pca, "_PART", 50)
    parts = fit_components(x, 6, scale=scale)
    for name in ("mean", "scale", "axes", "variance", "scores", "total"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-9)


def test_project_with_gaps():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 2)) @ rng.normal(size=(2, 15)) + rng.normal(size=15)
    fit = fit_components(x, 2)
    gaps = x.copy()
    gaps[:, ::3] = np.nan
    np.testing.assert_allclose(project(gaps, fit), fit.scores, atol=1e-10)
    gaps[0, 1:] = np.nan
    assert np.isnan(project(gaps, fit)[0]).all()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_comps": 0}, UsageError, "from 1"),
        ({"n_comps": 2.0}, UsageError, "from 1"),
        ({"max_missing": 1.0}, UsageError, "share"),
        ({"key_added": "pca"}, UsageError, "X_pca"),
        ({"key_added": "X_pca/b"}, UsageError, "X_pca"),
        ({"layer": "none"}, UsageError, "no layer"),
    ],
)
def test_bad_input(trial, options, error, words):
    with pytest.raises(error, match=words):
        exo.pp.pca(trial, **options)
    assert not len(trial.obsm)


def test_nothing_to_see(trial):
    with pytest.raises(AnalysisError, match="left for components"):
        exo.pp.pca(trial[:2].copy())
    trial.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="log2"):
        exo.pp.pca(trial)
