"""Limits of detection: policies, detection by time, and McNemar's test in differential."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UnitsError, UsageError


@pytest.fixture
def rising(trial: ad.AnnData) -> ad.AnnData:
    """The trial with limits; A00 is below its limit at pre in all of EE and never after."""
    trial.X[np.isnan(trial.X)] = 5.0
    limit = np.full(trial.n_vars, -50.0)
    limit[0] = 0.0
    ee, pre = trial.obs["arm"] == "EE", trial.obs["timepoint"] == "pre"
    trial.X[:, 0] = np.where(ee & pre, -2.0, 2.0)
    trial.var["lod"] = limit
    return trial


@pytest.mark.quick
def test_policies(rising, round_trip):
    before = rising.X.copy()
    kept = exo.pp.lod(rising, copy=True)
    assert "below_lod" not in rising.layers
    below = before < rising.var["lod"].to_numpy()
    np.testing.assert_array_equal(kept.layers["below_lod"], below)
    np.testing.assert_array_equal(kept.X, before)
    assert "raw" not in kept.layers and "imputed" not in kept.layers
    with pytest.warns(ExerkineWarning, match=r"'A00'.*mcnemar"):
        half = exo.pp.lod(rising, "half", copy=True)
    np.testing.assert_array_equal(half.X, np.where(below, -1.0, before))
    np.testing.assert_array_equal(half.layers["imputed"], below)
    np.testing.assert_array_equal(half.layers["raw"], before)
    with pytest.warns(ExerkineWarning, match="mcnemar"):
        assert exo.pp.lod(rising, "mask") is None
    np.testing.assert_array_equal(np.isnan(rising.X), below)
    np.testing.assert_array_equal(rising.layers["raw"], before)
    # a masked cell stays below, and can be halved afterwards
    with pytest.warns(ExerkineWarning, match="mcnemar"):
        exo.pp.lod(rising, "half")
    np.testing.assert_array_equal(rising.X, half.X)
    back = round_trip(rising)
    assert back.layers["below_lod"].dtype == bool
    assert list(back.uns["exerkine"]["steps"]["step"]) == ["pp.lod", "pp.lod"]


def test_no_warning_where_detection_stays(rising):
    rising.X[:, 0] = -2.0
    exo.pp.lod(rising, "mask")
    assert np.isnan(rising.X[:, 0]).all() and not np.isnan(rising.X[:, 1:]).any()


def test_without_time_points_it_says_so(rising):
    del rising.obs["subject_id"]
    with pytest.warns(ExerkineWarning, match="cannot be told"):
        exo.pp.lod(rising, "mask")


@pytest.mark.parametrize(("unit", "half"), [("RFU", 8.0), ("Cq", 17.0), ("NPX", 15.0)])
def test_half_of_each_unit(trial, unit, half):
    trial.X = np.where(np.isnan(trial.X), 20.0, 20.0 + np.abs(trial.X))
    trial.uns["exerkine"]["units"] = unit
    low = 40.0 if unit == "Cq" else 3.0  # of a Cq the high values are the low ones
    trial.X[:, 4] = low
    limits = dict.fromkeys(trial.var_names, 1e6 if unit == "Cq" else -1e6) | {"A04": 16.0}
    exo.pp.lod(trial, "half", lod=limits)
    assert (trial.X[:, 4] == half).all() and trial.layers["below_lod"][:, 4].all()
    assert not trial.layers["below_lod"][:, :4].any()


def test_by_plate(trial):
    trial.obs["plate_id"] = np.where(np.arange(trial.n_obs) % 2, "P1", "P2")
    limits = pd.DataFrame(-99.0, index=["P2", "P1"], columns=reversed(trial.var_names))
    limits.loc["P1", "A02"] = 99.0
    exo.pp.lod(trial, lod=limits)
    expected = np.isfinite(trial.X[:, 2]) & (trial.obs["plate_id"] == "P1").to_numpy()
    np.testing.assert_array_equal(trial.layers["below_lod"][:, 2], expected)
    assert trial.layers["below_lod"].sum() == expected.sum()
    assert trial.layers["lod"][0, 2] == (99.0 if trial.obs["plate_id"].iloc[0] == "P1" else -99.0)


def test_unknown_limits_are_told(trial, round_trip):
    limits = pd.Series(-99.0, index=trial.var_names)
    limits["A07"] = np.nan
    with pytest.warns(ExerkineWarning, match="'A07'"):
        exo.pp.lod(trial, lod=limits)
    assert not trial.layers["below_lod"].any()
    found = {f.id: f for f in exo.pp.check(round_trip(trial)).findings}
    assert found["lod_unknown"].rows == ("A07",)
    exo.pp.lod(trial, lod=-99.0)
    assert "lod_unknown" not in {f.id for f in exo.pp.check(trial).findings}


def test_the_readers_mask_stands(rising):
    """Limits follow a logarithm; after a change by hand the mask is kept, half is refused."""
    rising.X = 2.0 ** (rising.X + 8)
    rising.uns["exerkine"]["units"] = "RFU"
    rising.layers["lod"] = np.tile(2.0 ** (rising.var["lod"].to_numpy() + 8), (rising.n_obs, 1))
    rising.layers["below_lod"] = rising.X < rising.layers["lod"]
    exo.pp.log2(rising)
    below = rising.layers["below_lod"].copy()
    np.testing.assert_array_equal(rising.X < rising.layers["lod"], below)
    rising.X = rising.X - 9
    exo.pp.lod(rising)
    np.testing.assert_array_equal(rising.layers["below_lod"], below)
    with pytest.raises(UnitsError, match="before exo.pp.log2"):
        exo.pp.lod(rising, "half")
    with pytest.warns(ExerkineWarning, match="mcnemar"):
        exo.pp.lod(rising, "mask")
    np.testing.assert_array_equal(np.isnan(rising.X), below)


def test_undetermined_cq(trial):
    trial.uns["exerkine"]["units"] = "Cq"
    trial.layers["below_lod"] = np.isnan(trial.X)
    exo.pp.lod(trial)  # nothing to ask for: what is undetermined is below
    with pytest.raises(InputError, match="not known"):
        exo.pp.lod(trial, "half")
    exo.pp.lod(trial, "half", lod=35.0)
    assert (trial.X[trial.layers["imputed"]] == 36.0).all()


def test_detection(rising):
    rising.obs["sample_type"] = "sample"
    exo.pp.lod(rising)
    rising.X[0, 5] = np.nan
    table = exo.pp.detection(rising)
    assert list(table.columns[:6]) == ["feature", "arm", "timepoint", "n", "n_detected",
                                       "share_detected"]  # fmt: skip
    rows = table[table["feature"] == "A00"].set_index(["arm", "timepoint"])
    assert rows.loc[("EE", "pre"), "share_detected"] == 0
    assert rows.loc[("EE", "post"), "gained"] == 8 and rows.loc[("EE", "post"), "lost"] == 0
    assert rows.loc[("EE", "post"), "p_value"] == pytest.approx(2 / 2**8)
    assert rows.loc[("EE", "late"), "n_pairs"] == 7
    assert rows.loc[("CON", "post"), "status"] == "no change in any pair"
    assert rows.loc[("EE", "pre"), "status"] == "baseline"
    other = table[table["feature"] == "A05"].set_index(["arm", "timepoint"])
    assert other.loc[("EE", "pre"), "n"] == 7 and other.loc[("EE", "post"), "n_pairs"] == 7
    # controls, the order of samples and of features play no part
    control = rising[:4].copy()
    control.obs_names = [f"C{i}" for i in range(4)]
    control.obs["sample_type"] = "control"
    control.obs[["subject_id", "timepoint", "arm"]] = np.nan
    more = ad.concat([rising, control], uns_merge="first")
    for column in ("timepoint", "arm"):
        kinds = rising.obs[column].cat.categories
        more.obs[column] = pd.Categorical(more.obs[column], kinds, ordered=column == "timepoint")
    pd.testing.assert_frame_equal(exo.pp.detection(more), table)
    order = np.random.default_rng(0).permutation(rising.n_obs)
    pd.testing.assert_frame_equal(exo.pp.detection(rising[order].copy()), table)
    del rising.obs["arm"]
    assert set(exo.pp.detection(rising)["arm"]) == {""}


def test_imputed_cells_are_not_detected(rising):
    exo.pp.lod(rising)
    rising.X[3, 6] = np.nan
    with pytest.warns(ExerkineWarning):
        exo.pp.impute(rising, "half_min")
    table = exo.pp.detection(rising)
    assert table.loc[table["feature"] == "A06", "n"].sum() == rising.n_obs - 1


def test_mcnemar_in_differential(rising, round_trip):
    exo.pp.lod(rising)
    frame = exo.tl.differential(rising, method="mcnemar", layer="below_lod", control="CON")
    table = frame.set_index(["contrast", "feature"])
    row = table.loc[("EE: post - pre", "A00")]
    assert row["estimate"] == 1 and row["p_value"] == pytest.approx(2 / 2**8)
    assert 0 < row["ci_low"] < 1 and row["statistic"] == 8 and row["n_pairs"] == 8
    assert row["units"] == "detected" and np.isnan(row["effect_size"])
    assert table.loc[("CON: post - pre", "A00"), "status"] == "no change in any pair"
    assert table.loc[("EE: post - pre", "A01"), "status"] == "constant"
    between = table.loc["EE - CON: post - pre", "status"]
    assert set(between) == {"not a change between 2 cells of an arm"}
    told = exo.pp.detection(rising).set_index(["arm", "timepoint", "feature"])
    assert (
        told.loc[("EE", "late", "A00"), "p_value"]
        == table.loc[("EE: late - pre", "A00"), "p_value"]
    )
    back = round_trip(rising).uns["differential"]
    assert list(back.columns) == list(frame.columns)
    # the sign turns with the contrast; masked X says the same
    turned = exo.tl.differential(
        rising, method="mcnemar", layer="below_lod", contrasts={"down": "EE.pre - EE.post"}
    )
    first = turned.iloc[0]
    assert first["estimate"] == -1 and first["ci_high"] == pytest.approx(-row["ci_low"])
    with pytest.warns(ExerkineWarning, match="mcnemar"):
        exo.pp.lod(rising, "mask")
    again = exo.tl.differential(rising, method="mcnemar", layer="below_lod", control="CON")
    pd.testing.assert_frame_equal(again, frame)


def test_mcnemar_asks_for_the_mask(rising):
    exo.pp.lod(rising)
    with pytest.raises(UsageError, match="below_lod"):
        exo.tl.differential(rising, method="mcnemar")
    with pytest.raises(UnitsError, match="mcnemar"):
        exo.tl.differential(rising, layer="below_lod")
    with pytest.raises(UsageError, match="covariates"):
        exo.tl.differential(rising, method="mcnemar", layer="below_lod", covariates=["x"])
    del rising.layers["below_lod"]
    with pytest.raises(InputError, match="pp.lod"):
        exo.tl.differential(rising, method="mcnemar", layer="below_lod")
    # on a linear scale too: only the mask is looked at
    rising.uns["exerkine"]["units"] = "RFU"
    exo.pp.lod(rising)
    assert len(exo.tl.differential(rising, method="mcnemar", layer="below_lod"))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"policy": "drop"}, UsageError, "keep, half, mask"),
        ({"lod": None}, InputError, "No limit"),
        ({"lod": "3"}, UsageError, "str"),
        ({"lod": True}, UsageError, "bool"),
        ({"lod": np.inf}, UsageError, "no limit"),
        ({"lod": {"B1": 3.0}}, UsageError, "none of the features"),
        ({"lod": {"A00": "low"}}, UsageError, "no numbers"),
        ({"lod": {"A00": np.inf}}, UsageError, "infinite"),
        ({"lod": pd.Series([1.0, 2.0], index=["A00", "A00"])}, UsageError, "more than once"),
        ({"lod": pd.DataFrame({"A00": [1.0]}, index=["P1"])}, InputError, "plate_id"),
    ],
)
def test_bad_input(trial, options, error, words):
    with pytest.raises(error, match=words):
        exo.pp.lod(trial, **options)
    assert "below_lod" not in trial.layers and "steps" not in trial.uns["exerkine"]


def test_half_needs_a_unit(trial):
    trial.uns["exerkine"]["units"] = "zscore"
    with pytest.raises(UnitsError, match="half"):
        exo.pp.lod(trial, "half", lod=0.0)
    assert "lod" not in trial.layers


def test_limits_of_features_hold_for_values_as_they_were_read(trial):
    trial.X[:] = 2.0**trial.X
    trial.uns["exerkine"]["units"] = "RFU"
    trial.var["lod"] = np.nanmin(trial.X, axis=0)
    early = exo.pp.lod(trial, copy=True)
    exo.pp.log2(trial)
    with pytest.raises(UnitsError, match="pp.log2.* since"):  # all of it would lie below
        exo.pp.lod(trial)
    exo.pp.log2(early)
    exo.pp.lod(early)
    assert not early.layers["below_lod"].any()
    np.testing.assert_allclose(early.layers["lod"][0], np.log2(trial.var["lod"]))
