"""Imputation of a cohort: values, what is left, and that nothing depends on order."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UnitsError, UsageError
from exerkine_omics.kernels import _impute as kernel

METHODS = ("half_min", "left_censored", "knn")


def fill(adata: ad.AnnData, method: str, **options: object) -> ad.AnnData:
    return exo.pp.impute(adata, method, fitted_on=adata.obs_names, copy=True, **options)


@pytest.mark.quick
@pytest.mark.parametrize("method", METHODS)
def test_fills_and_marks(trial, method, round_trip):
    gaps = np.isnan(trial.X)
    full = round_trip(fill(trial, method))
    assert np.isfinite(full.X).all()
    np.testing.assert_array_equal(full.layers["imputed"], gaps)
    np.testing.assert_array_equal(full.X[~gaps], trial.X[~gaps])
    low = np.nanmin(trial.X, axis=0)
    if method == "half_min":
        np.testing.assert_array_equal(full.X[gaps], np.broadcast_to(low - 1, gaps.shape)[gaps])
    if method == "left_censored":
        assert (full.X < low)[gaps].all()
    with pytest.warns(ExerkineWarning, match="exo.ml.Imputer"):
        assert exo.pp.impute(trial, method) is None
    np.testing.assert_array_equal(trial.X, full.X)


@pytest.mark.parametrize("method", METHODS)
def test_order_and_level_change_nothing(trial, method):
    full = fill(trial, method)
    rng = np.random.default_rng(1)
    rows, columns = rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)
    moved = fill(trial[rows][:, columns].copy(), method)
    np.testing.assert_allclose(moved.X, full.X[rows][:, columns], rtol=1e-12)
    far = trial.copy()
    far.X = far.X + 1e5
    np.testing.assert_allclose(fill(far, method).X - 1e5, full.X, atol=1e-8)


def test_units(trial):
    half = fill(trial, "half_min").X
    linear = trial.copy()
    linear.X, linear.uns["exerkine"]["units"] = 2.0**trial.X, "RFU"
    np.testing.assert_allclose(np.log2(fill(linear, "half_min").X), half, atol=1e-12)
    cycles = trial.copy()
    cycles.X, cycles.uns["exerkine"]["units"] = -trial.X, "Cq"
    np.testing.assert_array_equal(-fill(cycles, "half_min").X, half)
    drawn = fill(trial, "left_censored").X
    np.testing.assert_array_equal(-fill(cycles, "left_censored").X, drawn)
    with pytest.raises(UnitsError, match=r"pp\.log2"):
        fill(linear, "left_censored")
    trial.uns["exerkine"]["units"] = "zscore"
    with pytest.raises(UnitsError, match="half"):
        fill(trial, "half_min")


def test_neighbours_are_other_people_at_that_time(trial):
    """A person's own other sample, though nearest, lends nothing."""
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    trial.X[0, 4] = np.nan
    person, time = trial.obs["subject_id"].iloc[0], trial.obs["timepoint"].iloc[0]
    own = (trial.obs["subject_id"] == person).to_numpy()
    trial.X[own, 5:] = np.random.default_rng(0).normal(50, 0.01, trial[own, 5:].shape)
    others = (~own & (trial.obs["timepoint"] == time)).to_numpy()
    full = fill(trial, "knn", n_neighbors=50)
    assert full.X[0, 4] == pytest.approx(trial.X[others, 4].mean())


def test_learns_from_the_named_samples_only(trial):
    train = trial.obs_names[:25]
    for method in METHODS:
        one = exo.pp.impute(trial, method, fitted_on=train, copy=True)
        mask = np.arange(trial.n_obs) < 25
        again = exo.pp.impute(trial, method, fitted_on=mask, copy=True)
        np.testing.assert_array_equal(one.X, again.X)
        other = trial.copy()
        gaps = np.isnan(trial.X)
        other.X[25:] = np.where(gaps[25:], np.nan, 99.0)
        changed = exo.pp.impute(other, method, fitted_on=train, copy=True)
        np.testing.assert_array_equal(changed.X[:25], one.X[:25])


def test_what_is_left(trial):
    trial.X[:, 3] = np.nan
    trial.X[:, 4] = np.where(np.arange(trial.n_obs) < 2, trial.X[:, 0], np.nan)
    trial.X[5] = np.nan
    for method, left in (("half_min", ("A03",)), ("left_censored", ("A03", "A04"))):
        full = fill(trial, method)
        found = {f.id: f for f in exo.pp.check(full).findings}
        assert found["not_imputed"].rows == left
        assert found["samples_not_imputed"].rows == (trial.obs_names[5],)
        assert np.isnan(full.X[5]).all() and not full.layers["imputed"][5].any()
        assert not full.layers["imputed"][:, 3].any()


def test_below_lod_only(trial):
    trial.layers["below_lod"] = np.isnan(trial.X) & (np.arange(30) < 10)
    below = trial.layers["below_lod"]
    with pytest.warns(ExerkineWarning, match="not marked below"):
        fill(trial, "half_min")
    full = fill(trial, "left_censored", cells="below_lod")
    np.testing.assert_array_equal(full.layers["imputed"], below)
    np.testing.assert_array_equal(np.isnan(full.X), np.isnan(trial.X) & ~below)


def test_seed(trial):
    one, two = fill(trial, "left_censored", seed=1).X, fill(trial, "left_censored", seed=2).X
    np.testing.assert_array_equal(one, fill(trial, "left_censored", seed=1).X)
    assert not np.array_equal(one, two)


def test_order_statistics_without_gaps_are_the_normal_plot() -> None:
    """Without censoring the line is scipy's probability plot at Blom's positions."""
    x = np.random.default_rng(0).normal(7, 2, (40, 3))
    fit = kernel.fit_censored(x, np.zeros(x.shape, bool))
    q = stats.norm.ppf((np.arange(1, 41) - 0.375) / 40.25)
    for j in range(3):
        slope, intercept = np.polyfit(q, np.sort(x[:, j]), 1)
        assert fit.sd[j] == pytest.approx(slope) and fit.mean[j] == pytest.approx(intercept)


def test_draws_follow_the_truncated_normal() -> None:
    fit = kernel.Censored(np.array([3.0]), np.array([2.0]), np.array([1.0]))
    u = np.random.default_rng(0).random((20000, 1))
    drawn = kernel.draw_censored(fit, u)[:, 0]
    law = stats.truncnorm(-np.inf, -1.0, 3, 2)
    assert stats.kstest(drawn, law.cdf).pvalue > 0.01
    assert kernel.expected_censored(fit)[0] == pytest.approx(law.mean(), rel=1e-10)
    deep = kernel.Censored(np.array([0.0]), np.array([1.0]), np.array([-30.0]))
    assert -30.2 < kernel.draw_censored(deep, np.array([[0.5]]))[0, 0] < -30


def test_censored_values_come_back() -> None:
    """A third lost below the limit: mean and SD of the filled values are those of all."""
    rng = np.random.default_rng(3)
    x = rng.normal(5, 1, (200, 100))
    lost = x < 5 + stats.norm.ppf(1 / 3)
    seen = np.where(lost, np.nan, x)
    fit = kernel.fit_censored(seen, lost)
    assert fit.mean.mean() == pytest.approx(5, abs=0.02)
    assert fit.sd.mean() == pytest.approx(1, abs=0.03)
    drawn = np.where(lost, kernel.draw_censored(fit, rng.random(x.shape)), x)
    assert drawn.std(axis=0).mean() == pytest.approx(1, abs=0.03)
    half = np.where(lost, kernel.fit_half_min(seen, False), x)
    assert half.mean() < 4.9  # what the method is better than


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "mean"}, UsageError, "half_min"),
        ({"cells": "some"}, UsageError, "below_lod"),
        ({"cells": "below_lod"}, InputError, "below_lod"),
        ({"n_neighbors": 3}, UsageError, "knn"),
        ({"method": "knn", "n_neighbors": 0}, UsageError, "from 1"),
        ({"method": "knn", "n_neighbors": 2.5}, UsageError, "from 1"),
        ({"seed": 1}, UsageError, "left_censored"),
        ({"method": "left_censored", "seed": -1}, UsageError, "from 0"),
        ({"fitted_on": ["nobody"]}, UsageError, "nobody"),
        ({"fitted_on": "P00_pre"}, UsageError, "names"),
        ({"fitted_on": [True, False]}, UsageError, "2 values"),
        ({"fitted_on": []}, UsageError, "no sample"),
    ],
)
def test_bad_input(trial, options, error, words):
    before = trial.X.copy()
    with pytest.raises(error, match=words):
        exo.pp.impute(trial, **options)
    np.testing.assert_array_equal(trial.X, before)
    assert "imputed" not in trial.layers


def test_infinite_values(trial):
    trial.X[0, 0] = np.inf
    with pytest.raises(InputError, match="infinite"):
        exo.pp.impute(trial)


def test_gaps_of_controls_are_no_feature_without_values(trial):
    trial.obs["sample_type"] = pd.Categorical(["qc", *["sample"] * (trial.n_obs - 1)])
    trial.obs["timepoint"] = trial.obs["timepoint"].where(trial.obs["sample_type"] != "qc")
    trial.X[0, :5] = np.nan
    exo.pp.impute(trial, "knn", fitted_on=trial.obs_names[1:])
    assert np.isnan(trial.X[0, :5]).all()
    assert "findings" not in trial.uns["exerkine"]
