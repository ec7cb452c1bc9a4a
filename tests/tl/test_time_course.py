"""Time courses against lmerTest with splines::ns, and their properties."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics import schema
from exerkine_omics.errors import InputError, UnitsError, UsageError

REFERENCE = Path(__file__).parents[1] / "reference" / "course"
TIMES = ["pre", "p0", "p10", "p30", "p60", "p180"]


@pytest.fixture
def bout() -> ad.AnnData:
    """14 people, two arms, six times, own minutes, 12 features; visits and cells missing."""
    matrix = pd.read_csv(REFERENCE / "matrix.csv", index_col=0)
    obs = pd.read_csv(REFERENCE / "samples.csv").set_index("sample").loc[matrix.index]
    obs = obs.rename(columns={"subject": "subject_id"})
    obs["timepoint"] = pd.Categorical(obs.pop("time"), TIMES, ordered=True)
    obs["arm"] = pd.Categorical(obs["arm"], ["CON", "EE"])
    adata = ad.AnnData(matrix.to_numpy(float), obs=obs, var=pd.DataFrame(index=matrix.columns))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


def planned_minutes(adata: ad.AnnData) -> np.ndarray:
    plan = dict(zip(TIMES, [-15.0, 0, 10, 30, 60, 180], strict=True))
    return adata.obs["timepoint"].astype(str).map(plan).to_numpy(float)


def indexed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"contrast": str, "feature": str}).set_index(["contrast", "feature"])


@pytest.mark.quick
@pytest.mark.parametrize(("df", "covariate"), [(3, False), (3, True), (5, False), (1, False)])
def test_equals_lmertest_with_ns(df: int, covariate: bool, bout: ad.AnnData) -> None:
    theirs = pd.read_csv(REFERENCE / "course.csv.gz")
    theirs = theirs[(theirs["df_spline"] == df) & (theirs["covariate"] == covariate)]
    nominal = np.loadtxt(REFERENCE / "nominal.txt")
    theirs = theirs[theirs["number"] > 0]
    arm = theirs["arm"].str.replace("-", " - ")
    label = [f"{a}: {nominal[k]:g} min - pre" for a, k in zip(arm, theirs["number"], strict=True)]
    ours = exo.tl.time_course(
        bout,
        minutes="minutes",
        control="CON",
        df=df,
        covariates=["hours"] if covariate else [],
    )
    ours = indexed(ours).loc[list(zip(label, theirs["feature"], strict=True))]
    assert (ours["status"] == "ok").all() and len(ours) == 180
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], atol=1e-7)
    np.testing.assert_allclose(ours["se"], theirs["se"], rtol=1e-6)
    np.testing.assert_allclose(ours["df"], theirs["df"], rtol=1e-5)
    np.testing.assert_allclose(np.log10(ours["p_value"]), np.log10(theirs["p_value"]), atol=1e-5)


@pytest.mark.parametrize("df", [1, 3, 5])
def test_any_change_equals_pbkrtest(df: int, bout: ad.AnnData) -> None:
    theirs = pd.read_csv(REFERENCE / "course.csv.gz")
    theirs = theirs[(theirs["df_spline"] == df) & ~theirs["covariate"] & (theirs["number"] == 0)]
    arm = theirs["arm"].str.replace("-", " - ")
    rows = list(zip(arm + ": any change", theirs["feature"], strict=True))
    ours = indexed(exo.tl.time_course(bout, minutes="minutes", control="CON", df=df)).loc[rows]
    assert ours["estimate"].isna().all() and (ours["status"] == "ok").all()
    for column in ("statistic", "df"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-5)
    np.testing.assert_allclose(np.log10(ours["p_value"]), np.log10(theirs["p_value"]), atol=1e-5)


def test_as_many_df_as_times_is_the_model_of_differential(bout: ad.AnnData) -> None:
    bout.obs["minutes"] = (
        bout.obs["timepoint"]
        .map(dict(zip(TIMES, [-15, 0, 10, 30, 60, 1440], strict=True)))
        .astype(float)
    )
    names = dict(zip(["0", "10", "30", "60", "1440"], TIMES[1:], strict=True))
    ours = exo.tl.time_course(bout, minutes="minutes", control="CON", df=5)
    ours = ours[~ours["contrast"].astype(str).str.endswith("any change")].copy()
    words = ours["contrast"].astype(str).str.extract(r"(.*: )(\d+) min( - pre)")
    ours["contrast"] = words[0] + words[1].map(names) + words[2]
    cells = exo.tl.differential(bout, control="CON")
    one, two = indexed(ours), indexed(cells)
    assert set(one.index) == set(two.index)
    two = two.loc[one.index]
    for column in ("estimate", "se", "df", "p_value", "effect_size", "n_pairs", "n_obs"):
        np.testing.assert_allclose(one[column], two[column], rtol=1e-6, atol=1e-9, err_msg=column)
    np.testing.assert_array_equal(one["status"].astype(str), two["status"].astype(str))


def test_frames_and_storage(bout: ad.AnnData, round_trip) -> None:
    frame = exo.tl.time_course(bout, minutes="minutes")
    assert list(frame.columns) == list(schema.RESULT_COLUMNS)
    changes = [f"{a}: {t} min - pre" for a in ("CON", "EE") for t in (0, 9.6, 30.2, 59.5, 179.3)]
    joint = ["CON: any change", "EE: any change"]
    assert frame["contrast"].cat.categories.to_list() == [*changes, *joint]
    back = round_trip(bout).uns
    pd.testing.assert_frame_equal(back["time_course"], frame, check_names=False)
    shape = back["time_course_shape"]
    assert list(shape.columns) == [
        "feature", "arm", "peak_minutes", "peak_minutes_low", "peak_minutes_high", "peak_change",
        "peak_change_low", "peak_change_high", "recovery_ratio", "units", "status",
    ]  # fmt: skip
    assert len(shape) == 24 and (shape["status"] == "ok").all()
    pooled = bout.copy()
    exo.tl.time_course(pooled, minutes="minutes", arm=None)
    assert (round_trip(pooled).uns["time_course_shape"]["arm"] == "").all()


def test_shape_is_that_of_the_curve(bout: ad.AnnData) -> None:
    frame = indexed(exo.tl.time_course(bout, minutes="minutes"))
    shape = bout.uns["time_course_shape"]
    ee = shape[shape["arm"] == "EE"].set_index("feature")
    for name in ("F12", "F11", "F10"):
        row = ee.loc[name]
        changes = frame.loc[[(f"EE: {t} min - pre", name) for t in ("0", "9.6", "30.2", "59.5")]]
        # never below the largest of the changes at the planned times, nor far above it
        assert changes["estimate"].max() <= row["peak_change"] < 1.3 * changes["estimate"].max()
        assert 0 < row["peak_minutes"] < 60
        assert row["peak_minutes_low"] <= row["peak_minutes"] <= row["peak_minutes_high"]
        assert row["peak_change_low"] < row["peak_change"] < row["peak_change_high"]
        last = frame.loc[("EE: 179.3 min - pre", name), "estimate"]
        assert row["recovery_ratio"] == pytest.approx(last / row["peak_change"])
    assert ee["peak_change"].iloc[-1] > 1


def test_order_shift_sign_and_seed(bout: ad.AnnData) -> None:
    def run(adata: ad.AnnData, **options) -> tuple[pd.DataFrame, pd.DataFrame]:
        frame = indexed(exo.tl.time_course(adata, minutes="minutes", control="CON", **options))
        shape = adata.uns["time_course_shape"].astype({"feature": str, "arm": str})
        return frame, shape.set_index(["feature", "arm"])

    frame, shape = run(bout, seed=3)
    rng = np.random.default_rng(1)
    shuffled = bout[rng.permutation(bout.n_obs), rng.permutation(bout.n_vars)].copy()
    moved, flipped = bout.copy(), bout.copy()
    moved.X, flipped.X = moved.X + 1e5, -flipped.X
    for other, sign, tolerance in ((shuffled, 1, 1e-7), (moved, 1, 1e-4), (flipped, -1, 1e-7)):
        one, two = run(other, seed=3)
        for column, factor in (("estimate", sign), ("se", 1), ("df", 1)):
            np.testing.assert_allclose(
                one.loc[frame.index, column], factor * frame[column], rtol=tolerance, atol=1e-8
            )
        two = two.loc[shape.index]
        np.testing.assert_allclose(two["peak_change"], sign * shape["peak_change"], rtol=tolerance)
        np.testing.assert_allclose(two["peak_minutes"], shape["peak_minutes"], atol=1e-2)
        if sign > 0:
            for column in ("peak_change_low", "peak_change_high"):
                np.testing.assert_allclose(two[column], shape[column], atol=1e-5)
    other = run(bout, seed=4)[1]
    assert (other["peak_change_low"] != shape["peak_change_low"]).all()
    np.testing.assert_array_equal(other["peak_change"], shape["peak_change"])
    exo.settings.seed, before = 3, exo.settings.seed
    try:
        pd.testing.assert_frame_equal(run(bout)[1], shape)
    finally:
        exo.settings.seed = before


def test_a_nan_cell_is_an_absent_row(bout: ad.AnnData) -> None:
    bout.obs["minutes"] = planned_minutes(bout)
    whole = indexed(exo.tl.time_course(bout, minutes="minutes", control="CON"))
    assert np.isnan(bout.X[:, 4]).sum() > 3
    alone = bout[np.isfinite(bout.X[:, 4]), [4]].copy()
    part = indexed(exo.tl.time_course(alone, minutes="minutes", control="CON"))
    for column in ("estimate", "se", "df", "n_pairs", "n_obs"):
        np.testing.assert_allclose(part[column], whole.loc[part.index, column], rtol=1e-7)


def test_baseline_stands_at_one_minute(bout: ad.AnnData) -> None:
    reference = indexed(exo.tl.time_course(bout, minutes="minutes"))
    scattered, without = bout.copy(), bout.copy()
    start = (bout.obs["timepoint"] == "pre").to_numpy()
    scattered.obs.loc[start, "minutes"] = -15.0 + np.arange(start.sum()) - start.sum() // 2
    assert scattered.obs.loc[start, "minutes"].median() == -15
    without.obs.loc[start, "minutes"] = np.nan
    for other, options in ((scattered, {}), (without, {"baseline_minutes": -15})):
        frame = indexed(exo.tl.time_course(other, minutes="minutes", **options))
        np.testing.assert_allclose(frame["estimate"], reference["estimate"], rtol=1e-9)
    # where no baseline has a minute it stands at 0, and the first sample may not
    with pytest.raises(InputError, match="not later than the baseline.*baseline_minutes=-45"):
        exo.tl.time_course(without, minutes="minutes")
    later = without[(without.obs["timepoint"] != "p0").to_numpy()].copy()
    assert (exo.tl.time_course(later, minutes="minutes")["status"] == "ok").all()


def test_each_missing_number_has_a_reason(bout: ad.AnnData) -> None:
    obs = bout.obs
    time, ee = obs["timepoint"].astype(str), (obs["arm"] == "EE").to_numpy()
    bout.X[:, 0] = np.nan
    bout.X[:, 1] = 5.0
    bout.X[ee & ~time.isin(["pre", "p0", "p10"]).to_numpy(), 2] = np.nan
    bout.X[ee & (time == "p180").to_numpy(), 3] = np.nan
    bout.X[ee & (time == "p30").to_numpy(), 4] = np.nan
    bout.X[ee, 5] = np.nan
    first = ~obs["subject_id"].duplicated().to_numpy()
    bout.X[~first, 6] = np.nan
    frame = indexed(exo.tl.time_course(bout, minutes="minutes", control="CON"))
    shape = bout.uns["time_course_shape"].set_index(["feature", "arm"])

    def status(name: str, contrast: str) -> str:
        return str(frame.loc[(contrast, name), "status"])

    assert status("F01", "EE: 0 min - pre") == "not measured"
    assert status("F02", "EE: 0 min - pre") == "constant"
    # own minutes differ a little: three time points could carry four columns, but barely
    assert status("F03", "EE: 0 min - pre") == "fewer than 4 times"
    assert status("F03", "CON: 0 min - pre") == "ok"
    assert status("F04", "EE: 179.3 min - pre") == "no pairs"
    assert status("F04", "EE: 59.5 min - pre") == "ok"
    assert shape.loc[("F04", "EE"), "status"] == "no values at 179.3 min"
    assert status("F05", "EE: 30.2 min - pre") == "no pairs"
    assert shape.loc[("F05", "EE"), "status"] == "ok"
    assert status("F06", "EE: 0 min - pre") == "fewer than 4 times"
    assert status("F06", "EE - CON: 0 min - pre") == "fewer than 4 times"
    assert status("F06", "CON: 0 min - pre") == "ok"
    assert shape.loc[("F06", "EE"), "status"] == "fewer than 4 times"
    assert shape.loc[("F06", "CON"), "status"] == "ok"
    assert status("F07", "CON: 0 min - pre") != "ok"
    for table in (frame, shape):
        number = table.select_dtypes(float)
        lost = number[table["status"] != "ok"]
        assert lost.isna().all().all() and len(lost)
        kept = number[(table["status"] == "ok")]
        wanted = kept if table is shape else kept[["statistic", "df", "p_value"]]
        assert wanted.notna().all().all()


def test_one_arm_without_curve_leaves_the_other(bout: ad.AnnData) -> None:
    """With planned minutes, an arm with too few times drops out as a whole; the other is as alone.

    (Alone but for the pooled variance: compare with that arm's rows made NaN.)
    """
    bout.obs["minutes"] = planned_minutes(bout)
    ee = (bout.obs["arm"] == "EE").to_numpy()
    few, none = bout.copy(), bout.copy()
    few.X[ee & ~bout.obs["timepoint"].isin(["pre", "p0", "p10"]).to_numpy()] = np.nan
    none.X[ee] = np.nan
    one, two = (indexed(exo.tl.time_course(a, minutes="minutes")) for a in (few, none))
    assert (one.loc["EE: 0 min - pre", "status"] == "fewer than 4 times").all()
    one, two = one.loc["CON: 10 min - pre"], two.loc["CON: 10 min - pre"]
    assert (one["status"] == "ok").all()
    for column in ("estimate", "se", "df"):
        np.testing.assert_allclose(one[column], two[column], rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "options", "error", "text"),
    [
        ({}, {"minutes": "nothing"}, InputError, "No column 'nothing'"),
        ({"minutes": "30 min"}, {}, InputError, "not minutes"),
        ({"minutes": True}, {}, InputError, "not minutes"),
        ({"minutes": np.nan}, {}, InputError, "after baseline have no minute"),
        ({"minutes": np.inf}, {}, InputError, "endless"),
        ({"minutes": 5.0}, {}, InputError, "not later than the baseline"),
        ({"minutes": 5.0}, {"baseline_minutes": 0}, InputError, "both stand at 5 min"),
        ({}, {"baseline_minutes": np.nan}, UsageError, "no minute"),
        ({}, {"df": 6}, UsageError, "df=5 or fewer"),
        ({}, {"df": 0}, UsageError, "from 1 up"),
        ({}, {"df": 2.5}, UsageError, "from 1 up"),
        ({}, {"df": True}, UsageError, "from 1 up"),
        ({}, {"control": "HIIT"}, UsageError, "none of the arms"),
        ({}, {"covariates": ["weight"]}, InputError, "No column"),
        ({"arm": None}, {}, InputError, "have no value"),
        ({"subject_id": "P01"}, {"arm": None}, InputError, "More than one sample"),
        ({}, {"layer": "raw"}, UnitsError, "raw"),
        ({}, {"seed": -1}, UsageError, "below 0"),
        ({}, {"seed": 0.5}, UsageError, "whole number"),
        ({}, {"key_added": "A"}, UsageError, "slug"),
    ],
)
def test_bad_input(change: dict, options: dict, error: type, text: str, bout: ad.AnnData) -> None:
    for column, value in change.items():
        bout.obs[column] = value
    with pytest.raises(error, match=text):
        exo.tl.time_course(bout, **{"minutes": "minutes", **options})


def test_linear_values_are_refused(bout: ad.AnnData) -> None:
    bout.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="log scale"):
        exo.tl.time_course(bout, minutes="minutes")


@pytest.mark.real_data
def test_lactate_rises_and_recovers(data_dir: Path) -> None:
    """15 men, 7 times around cycling. The source gives no minutes: these are invented."""
    folder = data_dir / "humet_exercise"
    table = pd.read_csv(folder / "plasma_exercise_T33-39_matrix.csv.gz", index_col="sample_id")
    obs = pd.DataFrame({"subject_id": "S" + table["subject"].astype(str)})
    times = sorted(table["time"].unique())
    obs["timepoint"] = pd.Categorical(
        "T" + table["time"].astype(str), [f"T{t}" for t in times], ordered=True
    )
    invented = dict(zip(times, [-45.0, -15, 0, 15, 30, 60, 120], strict=True))
    obs["minutes_post"] = table["time"].map(invented).astype(float)
    names = ["Lactate [P, chem.]", "lactate [P, nt-ms]"]
    values = np.log2(table[names].to_numpy(float))
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=["chem", "nt"]))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "T33"}
    frame = exo.tl.time_course(adata, df=4)
    assert (frame["status"] == "ok").all()
    at_end = frame[frame["contrast"] == "0 min - T33"]
    assert (at_end["estimate"] > 0.5).all() and (at_end["p_value"] < 1e-6).all()
    shape = adata.uns["time_course_shape"]
    # both platforms see one peak, around the end of exercise, and recovery
    assert (shape["peak_minutes_low"] > -45).all() and (shape["peak_minutes_high"] < 30).all()
    assert (shape["recovery_ratio"] < 0.5).all()
    assert (shape["peak_change_low"] > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_coverage_of_the_peak(amount: float) -> None:
    """The intervals hold time and size of the true peak in 95%; without a peak they hold 0."""
    rng = np.random.default_rng(6)
    n, f = 14, 700
    plan = np.array([-10.0, 0, 10, 30, 60, 120, 240])
    labels = [f"t{i}" for i in range(len(plan))]
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i:02d}" for i in range(n)], len(plan)),
            "timepoint": pd.Categorical(labels * n, labels, ordered=True),
            "minutes_post": np.tile(plan, n),
        },
        index=[f"s{i}" for i in range(n * len(plan))],
    )
    # a truth that a natural spline of 3 df can be
    from exerkine_omics.kernels._natural_spline import natural_spline

    knots, edge = np.quantile(plan, [1 / 3, 2 / 3]), (plan[0], plan[-1])
    weights = amount * np.array([0.9, 0.6, 0.1])
    grid = np.linspace(*edge, 20001)
    curve = natural_spline(grid, knots, edge) @ weights
    truth = natural_spline(obs["minutes_post"].to_numpy(), knots, edge) @ weights
    level = np.repeat(rng.normal(0, 1, (n, f)), len(plan), axis=0)
    values = truth[:, None] + level + rng.normal(0, 0.5, (len(obs), f))
    values[rng.random(values.shape) < 0.05] = np.nan
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=[f"F{i}" for i in range(f)]))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "t0"}
    exo.tl.time_course(adata)
    shape = adata.uns["time_course_shape"]
    assert (shape["status"] == "ok").all()

    def share(name: str, value: float) -> float:
        inside = (shape[f"{name}_low"] <= value) & (value <= shape[f"{name}_high"])
        return float(inside.mean())

    error = 4 * np.sqrt(0.05 * 0.95 / f)
    assert abs(share("peak_change", curve.max()) - 0.95) < error
    if amount:
        assert share("peak_minutes", grid[np.argmax(curve)]) > 0.95 - error
        assert (shape["peak_minutes_high"] - shape["peak_minutes_low"]).median() < 60
