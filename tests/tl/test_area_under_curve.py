"""Each person's area under the curve against scipy's trapezoid."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UnitsError, UsageError

TIMES = ["pre", "t0", "t30", "t90"]
PLAN = np.array([-20.0, 0, 30, 90])


@pytest.fixture
def course() -> ad.AnnData:
    """Five people, two arms, four times at own minutes, 20 features."""
    rng = np.random.default_rng(2)
    people = [f"P{i}" for i in range(5)]
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat(people, 4),
            "timepoint": pd.Categorical(TIMES * 5, TIMES, ordered=True),
            "arm": pd.Categorical(np.repeat(["EE", "CON", "EE", "CON", "EE"], 4)),
            "minutes_post": np.tile(PLAN, 5) + np.tile([0, 0.0, 1, 1], 5) * rng.normal(0, 3, 20),
        },
        index=[f"{p}_{t}" for p in people for t in TIMES],
    )
    adata = ad.AnnData(rng.normal(6, 1, (20, 20)), obs=obs)
    adata.var_names = [f"F{i:02d}" for i in range(20)]
    adata.uns["exerkine"] = {"units": "NPX", "baseline": "pre"}
    return adata


def table(adata: ad.AnnData, **options) -> pd.DataFrame:
    frame = exo.tl.area_under_curve(adata, **options).astype({"subject_id": str, "feature": str})
    return frame.set_index(["subject_id", "feature"])


@pytest.mark.quick
@pytest.mark.parametrize("incremental", [True, False])
def test_equals_scipys_trapezoid(incremental: bool, course: ad.AnnData) -> None:
    frame = table(course, incremental=incremental)
    assert (frame["status"] == "ok").all() and len(frame) == 100
    for i in range(5):
        rows = slice(4 * i, 4 * i + 4)
        x, y = course.obs["minutes_post"].to_numpy()[rows], course.X[rows]
        change = y - y[0]
        own = frame.loc[f"P{i}"]
        np.testing.assert_allclose(
            own["auc"], trapezoid(change if incremental else y, x, axis=0), rtol=1e-12
        )
        np.testing.assert_allclose(own["duration"], x[-1] - x[0])
        at = np.argmax(np.abs(change), axis=0)
        np.testing.assert_allclose(own["peak"], change[at, range(20)])
        np.testing.assert_allclose(own["peak_minutes"], x[at])
        np.testing.assert_allclose(own["recovery_ratio"], change[-1] / change[at, range(20)])
        assert (own["n_points"] == 4).all()


def test_total_less_incremental_is_baseline_times_duration(course: ad.AnnData) -> None:
    one, two = table(course), table(course, incremental=False)
    start = course.X[course.obs["timepoint"] == "pre"].ravel()
    np.testing.assert_allclose(two["auc"] - one["auc"], start * one["duration"], rtol=1e-9)


def test_a_missing_time_is_said_or_bridged(course: ad.AnnData) -> None:
    course.X[2, 0] = np.nan  # P0 at t30
    course.X[4, 1] = np.nan  # P1 at baseline
    course.X[11, 2] = np.nan  # P2 at the last time
    course.X[13:15, 3] = np.nan  # P3 at t0 and t30
    course.X[16:, 4] = np.nan
    frame = table(course)
    lost = {
        ("P0", "F00"): "missing t30",
        ("P1", "F01"): "missing pre",
        ("P2", "F02"): "missing t90",
        ("P3", "F03"): "missing t0, t30",
        ("P4", "F04"): "missing pre, t0, t30, t90",
    }
    assert frame["status"][frame["status"] != "ok"].astype(str).to_dict() == lost
    numbers = ["auc", "duration", "peak", "peak_minutes", "recovery_ratio"]
    assert frame.loc[list(lost), numbers].isna().all().all()
    assert frame.loc[list(lost), "n_points"].to_list() == [3, 3, 3, 2, 0]
    assert frame.drop(list(lost))[numbers].notna().all().all()
    bridged = table(course, interpolate=True)
    assert (bridged["status"] == "ok").sum() == 97
    x, y = course.obs["minutes_post"].to_numpy()[:4], course.X[:4, 0]
    keep = [0, 1, 3]
    expected = trapezoid(y[keep] - y[0], x[keep])
    assert bridged.loc[("P0", "F00"), "auc"] == pytest.approx(expected)
    assert bridged.loc[("P0", "F00"), "n_points"] == 3
    assert bridged.loc[("P1", "F01"), "status"] == "missing pre"
    assert bridged.loc[("P2", "F02"), "status"] == "missing t90"


def test_an_absent_sample_is_a_nan_cell(course: ad.AnnData) -> None:
    for row in (0, 2, 3):
        gone = course[np.arange(20) != row].copy()
        course_nan = course.copy()
        course_nan.X[row] = np.nan
        for interpolate in (False, True):
            one = table(gone, interpolate=interpolate)
            two = table(course_nan, interpolate=interpolate)
            # the planned times order the samples and nothing else
            pd.testing.assert_frame_equal(one, two)


def test_the_arm_says_which_times_are_expected(course: ad.AnnData) -> None:
    cut = course[~((course.obs["arm"] == "CON") & (course.obs["timepoint"] == "t90"))].copy()
    frame = table(cut)
    assert (frame["status"] == "ok").all()
    assert frame.loc["P1", "duration"].max() < 60 < frame.loc["P0", "duration"].min()
    pooled = table(cut, arm=None)
    assert (pooled.loc["P1", "status"] == "missing t90").all()
    assert (pooled["arm"] == "").all()


def test_permuting_and_shifting_change_nothing(course: ad.AnnData, round_trip) -> None:
    reference = table(course)
    rng = np.random.default_rng(0)
    shuffled = course[rng.permutation(20), rng.permutation(20)].copy()
    moved = course.copy()
    moved.X = moved.X + 1e5
    pd.testing.assert_frame_equal(table(shuffled).loc[reference.index], reference)
    np.testing.assert_allclose(table(moved)["auc"], reference["auc"], atol=1e-7)
    back = round_trip(course).uns["area_under_curve"]
    np.testing.assert_array_equal(back["auc"], reference["auc"])
    assert set(reference["units"]) == {"NPX x min"}


def test_no_change_has_no_peak_time(course: ad.AnnData) -> None:
    course.X[:4, 0] = 6.0
    row = table(course).loc[("P0", "F00")]
    assert row["status"] == "no change" and row["auc"] == 0 and row["peak"] == 0
    assert np.isnan(row["peak_minutes"]) and np.isnan(row["recovery_ratio"])


@pytest.mark.parametrize(
    ("change", "options", "error", "text"),
    [
        ({"minutes_post": np.nan}, {}, InputError, "have no minute"),
        ({"minutes_post": 3.0}, {}, InputError, "not later than the baseline"),
        ({"subject_id": "P0"}, {"arm": None}, InputError, "More than one sample"),
        ({}, {"minutes": "time"}, InputError, "No column 'time'"),
        ({}, {"interpolate": "yes"}, UsageError, "interpolate='yes'"),
        ({}, {"incremental": 1}, UsageError, "incremental=1"),
        ({}, {"baseline_minutes": "early"}, UsageError, "no minute"),
        ({}, {"key_added": "a b"}, UsageError, "slug"),
    ],
)
def test_bad_input(change: dict, options: dict, error: type, text: str, course: ad.AnnData) -> None:
    for column, value in change.items():
        course.obs[column] = value
    with pytest.raises(error, match=text):
        exo.tl.area_under_curve(course, **options)


def test_units(course: ad.AnnData) -> None:
    course.uns["exerkine"]["units"] = "concentration"
    assert set(table(course)["units"]) == {"concentration x min"}
    course.uns["exerkine"]["units"] = "Cq"
    with pytest.raises(UnitsError, match="log2"):
        exo.tl.area_under_curve(course)


@pytest.mark.real_data
def test_interleukin_6_over_an_ultramarathon(data_dir: Path) -> None:
    """11 runners; the source gives no minutes: these are invented, the last is 24 h after."""
    data = pd.read_csv(data_dir / "ultramarathon_50km_cytokines" / "samples_by_analyte.csv")
    invented = {"pre": -330.0, "lap1_10km": -240.0, "finish_50km": 0.0, "post_24h": 1440.0}
    data = data[data["timepoint"].isin(list(invented))].reset_index(drop=True)
    data.index = data.index.astype(str)
    obs = pd.DataFrame({"subject_id": data["subject"]})
    obs["timepoint"] = pd.Categorical(data["timepoint"], list(invented), ordered=True)
    obs["minutes_post"] = data["timepoint"].map(invented)
    adata = ad.AnnData(
        data[["IL6_pg_ml", "TNFa_pg_ml"]].to_numpy(float),
        obs=obs,
        var=pd.DataFrame(index=["IL6", "TNFa"]),
    )
    adata.uns["exerkine"] = {"units": "concentration", "baseline": "pre"}
    frame = exo.tl.area_under_curve(adata, interpolate=True)
    il6 = frame[(frame["feature"] == "IL6") & (frame["status"] == "ok")]
    wide = data.pivot(index="subject", columns="timepoint", values="IL6_pg_ml")[list(invented)]
    complete = wide.dropna()
    assert set(complete.index) <= set(il6["subject_id"]) and len(il6) < 11
    minutes = np.array(list(invented.values()))
    expected = trapezoid(complete.sub(complete["pre"], axis=0).to_numpy(), minutes, axis=1)
    own = il6.astype({"subject_id": str}).set_index("subject_id")["auc"]
    np.testing.assert_allclose(own.loc[complete.index], expected, rtol=1e-12)
    # during the race it rises in most runners, most at the finish, and is back a day later
    assert (il6["auc"] > 0).mean() > 0.7
    assert (il6["peak_minutes"] == 0).mean() > 0.5 and il6["recovery_ratio"].median() < 0.2
