"""pp.normalize: what it stores, what it says, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.cohort import sample_scaling
from exerkine_omics.errors import (
    AnalysisError,
    ExerkineWarning,
    InputError,
    UnitsError,
    UsageError,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "normalize"


@pytest.fixture
def baseline(trial):
    """One time point, no warning about several."""
    adata = trial[trial.obs["timepoint"] == "pre"].copy()
    adata.obs["timepoint"] = adata.obs["timepoint"].cat.remove_unused_categories()
    return adata


@pytest.fixture
def run():
    """Two plates of 24 with 8 QC tubes each, a drift, one blank without person."""
    samples = pd.read_csv(REFERENCE / "drift_samples.csv")
    values = pd.read_csv(REFERENCE / "drift.csv").to_numpy(float)
    obs = pd.DataFrame(index=[f"S{i:02d}" for i in range(48)])
    qc = samples["qc"].to_numpy() == 1
    obs["subject_id"] = [None if q else f"P{i:02d}" for i, q in enumerate(qc)]
    obs["timepoint"] = pd.Categorical([None if q else "pre" for q in qc], ["pre"], ordered=True)
    obs["sample_type"] = np.where(qc, "qc", "sample")
    obs["plate_id"] = samples["batch"].to_numpy()
    obs["run_order"] = samples["order"].to_numpy()
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=[f"M{j}" for j in range(6)]))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre", "modality": "metabolomics"}
    return adata


@pytest.mark.quick
@pytest.mark.parametrize("method", ["median", "pqn", "quantile"])
def test_stores(baseline, method, round_trip):
    before = baseline.X.copy()
    new = exo.pp.normalize(baseline, method, copy=True)
    np.testing.assert_array_equal(baseline.X, before)
    assert exo.pp.normalize(baseline, method) is None
    for made in (new, baseline, round_trip(baseline)):
        np.testing.assert_array_equal(made.layers["raw"], before)
        assert np.array_equal(np.isnan(made.X), np.isnan(before))
        assert sample_scaling(made) == method
        step = made.uns["exerkine"]["steps"].iloc[-1]
        assert step["step"] == "pp.normalize"
        assert json.loads(step["parameters"])["method"] == method
    assert not np.allclose(np.nan_to_num(baseline.X), np.nan_to_num(before))
    assert baseline.uns["exerkine"]["units"] == "NPX"


@pytest.mark.quick
def test_several_time_points_are_said(trial):
    with pytest.warns(ExerkineWarning, match="sets all samples to one level.*differ by .* log2"):
        exo.pp.normalize(trial, "median", copy=True)
    trial.obs["minutes_post"] = 0
    with pytest.warns(ExerkineWarning, match="loss of plasma water and any true change"):
        exo.pp.normalize(trial, "pqn")


def test_haemoconcentration_is_lost_and_told(trial):
    """Post is truly 10% more concentrated: after the median nothing is left, and it is said."""
    rng = np.random.default_rng(0)
    post = (trial.obs["timepoint"] == "post").to_numpy()
    trial.X = rng.normal(6, 1, 30) + rng.normal(0, 0.05, trial.shape)
    trial.X[post] += np.log2(1.1)
    with pytest.warns(ExerkineWarning, match=r"differ by 0\.1[2-5] log2"):
        exo.pp.normalize(trial, "median")
    assert abs(trial.X[post].mean() - trial.X[~post].mean()) < 0.02


@pytest.mark.quick
def test_spike_in_is_no_rescaling(trial):
    trial.X[:, 3] = np.random.default_rng(0).normal(9, 0.2, trial.n_obs)
    level = trial.X[:, 3].mean()
    exo.pp.normalize(trial, "spike_in", reference=["A03"])  # no warning
    assert sample_scaling(trial) == ""
    np.testing.assert_allclose(trial.X[:, 3], level)


@pytest.mark.quick
def test_twice_and_on_top(baseline):
    exo.pp.normalize(baseline, "median")
    with pytest.raises(UsageError, match=r"method='median'\) was done already: it is step 1"):
        exo.pp.normalize(baseline, "median")
    with pytest.warns(ExerkineWarning, match="rescaled already, by median; 'pqn' comes on top"):
        exo.pp.normalize(baseline, "pqn")
    assert sample_scaling(baseline) == "median | pqn"
    baseline.uns["exerkine"]["sample_scaling"] = "ANML"
    with pytest.warns(ExerkineWarning, match="by ANML"):
        exo.pp.normalize(baseline, "quantile")


def test_dieterle_is_total_then_pqn(baseline):
    baseline.X = 2**baseline.X
    baseline.uns["exerkine"]["units"] = "intensity"
    exo.pp.normalize(baseline, "total")
    exo.pp.normalize(baseline, "pqn")  # no warning
    assert sample_scaling(baseline) == "total | pqn"


@pytest.mark.quick
def test_controls_are_changed_but_not_learnt_from(baseline):
    baseline.obs["sample_type"] = ["sample"] * 12 + ["qc", "blank"]
    alone = baseline[:12].copy()
    exo.pp.normalize(alone, "pqn")
    exo.pp.normalize(baseline, "pqn")
    np.testing.assert_array_equal(baseline.X[:12], alone.X)
    fresh = baseline.copy()
    fresh.X, fresh.uns["exerkine"]["steps"] = fresh.layers["raw"].copy(), None
    del fresh.uns["exerkine"]["steps"]
    del fresh.uns["exerkine"]["sample_scaling"]
    by_name = exo.pp.normalize(fresh, "pqn", fitted_on=list(fresh.obs_names[:12]), copy=True)
    by_mask = exo.pp.normalize(fresh, "pqn", fitted_on=np.arange(14) < 12, copy=True)
    np.testing.assert_array_equal(by_name.X, baseline.X)
    np.testing.assert_array_equal(by_mask.X, baseline.X)
    by_qc = exo.pp.normalize(fresh, "pqn", fitted_on="qc", copy=True)
    np.testing.assert_allclose(by_qc.X[12], fresh.X[12])  # the QC tube is its own reference


@pytest.mark.quick
def test_limits_of_detection_move_along(baseline):
    baseline.layers["lod"] = np.full(baseline.shape, 3.0)
    baseline.layers["lod_plate"] = np.full(baseline.shape, 2.0)
    before = baseline.X.copy()
    exo.pp.normalize(baseline, "median")
    moved = np.nanmean(baseline.X - before, axis=1)
    np.testing.assert_allclose(baseline.layers["lod"], 3 + np.tile(moved[:, None], 30))
    np.testing.assert_allclose(baseline.layers["lod_plate"], 2 + np.tile(moved[:, None], 30))


def test_delta_cq_has_the_sign_of_its_unit(baseline):
    baseline.X[:, :2] = 25 + np.random.default_rng(0).normal(0, 1, (14, 2))
    cq = baseline.copy()
    cq.uns["exerkine"]["units"] = "Cq"
    turned = exo.pp.log2(cq, copy=True)
    for adata in (cq, turned):
        exo.pp.normalize(adata, "reference_mirna", reference=["A00", "A01"])
    assert cq.uns["exerkine"]["units"] == "Cq" and turned.uns["exerkine"]["units"] == "log2"
    np.testing.assert_allclose(exo.pp.log2(cq, copy=True).X, turned.X)
    cq.X[3, 0] = np.nan


def test_a_sample_without_reference_is_told(baseline):
    baseline.X[3, 0] = np.nan
    baseline.X[:3, 0], baseline.X[4:, 0] = 5.0, 5.0
    with pytest.warns(ExerkineWarning, match="1 samples have no level for 'spike_in'.*P03_pre"):
        exo.pp.normalize(baseline, "spike_in", reference=["A00"])
    assert np.isnan(baseline.X[3]).all()


def test_expressed_is_not_below_lod(baseline):
    baseline.X = np.random.default_rng(0).normal(8, 1, baseline.shape)
    below = baseline.X < 7
    baseline.layers["below_lod"] = below
    before = baseline.X.copy()
    exo.pp.normalize(baseline, "global_mean")
    level = np.where(below, np.nan, before)
    np.testing.assert_allclose(baseline.X, before - np.nanmean(level, axis=1)[:, None])


@pytest.mark.quick
def test_tmm_makes_edgers_log_cpm(round_trip):
    counts = pd.read_csv(REFERENCE / "counts.csv").to_numpy(float)
    obs = pd.DataFrame({"subject_id": [f"P{i}" for i in range(12)]}, index=list("abcdefghijkl"))
    obs["timepoint"] = pd.Categorical(["pre"] * 12, ordered=True)
    adata = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"m{j}" for j in range(60)]))
    adata.uns["exerkine"] = {"units": "counts", "baseline": "pre", "modality": "mirna"}
    exo.pp.normalize(adata, "tmm")
    np.testing.assert_array_equal(adata.X, counts)
    expected = pd.read_csv(REFERENCE / "tmm.csv")["factor"]
    np.testing.assert_allclose(adata.obs["norm_factors"], expected, rtol=1e-9)
    exo.pp.log2(adata)
    answer = pd.read_csv(REFERENCE / "log_cpm.csv").to_numpy(float)
    np.testing.assert_allclose(round_trip(adata).X, answer, rtol=1e-9)
    adata.obs.loc["c", "norm_factors"] = np.nan
    adata.X, adata.uns["exerkine"]["units"] = counts, "counts"
    with pytest.raises(InputError, match="'c' have no positive factor"):
        exo.pp.log2(adata)


@pytest.mark.quick
def test_drift_equals_r(run, round_trip):
    exo.pp.normalize(run, "qc_loess")
    answer = pd.read_csv(REFERENCE / "drift_log.csv").to_numpy(float)
    np.testing.assert_allclose(run.X, answer, rtol=1e-9)
    frame = round_trip(run).uns["exerkine"]["drift"]
    assert list(frame) == ["feature", "batch", "n_qc", "sd_before", "sd_after", "status"]
    assert len(frame) == 12 and (frame["status"] == "ok").all()
    assert frame.query("feature == 'M1' and batch == 'a'")["n_qc"].item() == 7
    assert (frame["sd_after"] < frame["sd_before"]).mean() > 0.7
    assert sample_scaling(run) == "", "it is no rescaling of samples"
    mixed = run.copy()
    del mixed.uns["exerkine"]["steps"]
    mixed.X = mixed.layers["raw"].copy()
    mixed = mixed[np.random.default_rng(0).permutation(48)].copy()
    exo.pp.normalize(mixed, "qc_loess")
    np.testing.assert_allclose(mixed[run.obs_names].X, run.X, rtol=1e-12)


def test_drift_keeps_what_it_cannot_correct(run):
    qc_of_b = (run.obs["sample_type"] == "qc") & (run.obs["plate_id"] == "b")
    run.X[np.flatnonzero(qc_of_b)[:4], 2] = np.nan
    with pytest.warns(ExerkineWarning, match="1 features keep their drift in some batch: 'M2'"):
        exo.pp.normalize(run, "qc_loess")
    frame = run.uns["exerkine"]["drift"]
    assert list(frame[frame["status"] != "ok"]["status"]) == ["too few QC samples"]
    b = (run.obs["plate_id"] == "b").to_numpy()
    np.testing.assert_array_equal(run.X[b, 2], run.layers["raw"][b, 2])
    assert "normalize_drift" in set(exo.pp.check(run).to_frame()["id"])


def test_drift_outside_of_the_qc_samples_is_said(run):
    run.obs.loc["S00", "sample_type"] = "sample"
    with pytest.warns(ExerkineWarning, match="3 samples were run before the first"):
        exo.pp.normalize(run, "qc_loess")


def test_one_batch(run):
    run.obs["run_order"] = np.arange(48)
    exo.pp.normalize(run, "qc_loess", batch=None)
    assert set(run.uns["exerkine"]["drift"]["batch"]) == {"all"}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({}, {"method": "mean"}, UsageError, "'mean' is none of median"),
        ({}, {"method": "median", "span": 0.5}, UsageError, "'span' is no option of 'median'"),
        ({}, {"method": "quantile", "features": ["A01"]}, UsageError, "It has no options"),
        ({}, {"method": "spike_in"}, UsageError, "needs reference="),
        ({}, {"method": "spike_in", "reference": ["A1"]}, UsageError, "'A1' are no features"),
        ({}, {"method": "median", "features": []}, UsageError, "No feature is named"),
        ({}, {"method": "median", "fitted_on": ["x"]}, UsageError, "'x' are no samples"),
        ({}, {"method": "median", "fitted_on": np.ones(3, bool)}, UsageError, "3 entries"),
        ({}, {"method": "median", "fitted_on": "qc"}, InputError, "sample_type"),
        ({}, {"method": "total"}, UnitsError, "does not take NPX"),
        ({}, {"method": "tmm"}, UnitsError, "does not take NPX"),
        ({"units": "counts"}, {"method": "median"}, UnitsError, "method='tmm'"),
        ({"units": "zscore"}, {"method": "median"}, UnitsError, "does not take values in"),
        ({"units": "unknown"}, {"method": "median"}, UnitsError, "'unknown'"),
        ({"units": "mixed"}, {"method": "median"}, UnitsError, "several"),
        ({"units": "RFU"}, {"method": "global_mean"}, UnitsError, "Call exo.pp.log2"),
        ({"values": -1.0, "units": "RFU"}, {"method": "median"}, InputError, "negative"),
        ({"values": np.inf}, {"method": "median"}, InputError, "infinite"),
        (
            {"values": np.nan, "units": "counts"},
            {"method": "tmm"},
            InputError,
            "counts are missing",
        ),
        ({}, {"method": "qc_loess"}, InputError, "run_order|sample_type"),
    ],
)
def test_refused(baseline, change, options, error, match):
    if "values" in change:
        baseline.X = np.abs(baseline.X)
        baseline.X[0, 0] = change["values"]
    baseline.uns["exerkine"]["units"] = change.get("units", "NPX")
    before = baseline.X.copy()
    with pytest.raises(error, match=match):
        exo.pp.normalize(baseline, **options)
    np.testing.assert_array_equal(baseline.X, before)
    assert "steps" not in baseline.uns["exerkine"]


@pytest.mark.quick
def test_nothing_to_normalise(baseline):
    with pytest.raises(UsageError, match="This is a DataFrame"):
        exo.pp.normalize(baseline.to_df())
    with pytest.raises(InputError, match="There are no features"):
        exo.pp.normalize(baseline[:, :0].copy())
    baseline.uns["exerkine"]["units"], baseline.X = "counts", np.zeros(baseline.shape)
    with pytest.raises(InputError, match="There is no count at all"):
        exo.pp.normalize(baseline, "tmm")


@pytest.mark.parametrize(
    ("column", "value", "error", "match"),
    [
        ("run_order", np.nan, InputError, "'S01' have no run order"),
        ("run_order", 1, InputError, "share a place in the run"),
        ("plate_id", None, InputError, "'S01' have no batch"),
        ("plate_id", "c", AnalysisError, "5 QC samples a batch; there are 'c: 0'"),
    ],
)
def test_run_refused(run, column, value, error, match):
    run.obs.loc["S01", column] = value
    with pytest.raises(error, match=match):
        exo.pp.normalize(run, "qc_loess")
    with pytest.raises(UsageError, match="span"):
        exo.pp.normalize(run, "qc_loess", span=1.5)


def test_limits_go_the_way_of_their_samples_quantiles(trial):
    baseline = trial[trial.obs["timepoint"] == "pre"].copy()
    rng = np.random.default_rng(2)
    baseline.layers["lod"] = baseline.X + rng.normal(0, 1, baseline.shape)
    baseline.layers["lod"][0, :3] = np.nanmin(baseline.X[0]) - [0.5, 1.0, 2.0]
    baseline.layers["lod"][1, :2] = np.nanmax(baseline.X[1]) + [0.5, 1.0]
    below = baseline.X < baseline.layers["lod"]
    exo.pp.normalize(baseline, "quantile")
    assert below.any() and not below.all()
    np.testing.assert_array_equal(baseline.X < baseline.layers["lod"], below)
