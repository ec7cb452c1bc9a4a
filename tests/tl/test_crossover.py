"""Crossover trials against R, and their properties."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics import schema
from exerkine_omics.errors import ExerkineWarning, InputError, UnitsError, UsageError

REFERENCE = Path(__file__).parents[1] / "reference" / "crossover"
TIMES = ["pre", "post", "late"]


def cohort(values: np.ndarray, samples: pd.DataFrame, features: list[str]) -> ad.AnnData:
    obs = samples.set_index("sample").rename(columns={"subject": "subject_id"})
    times = [t for t in TIMES if t in set(obs["time"])]
    obs["timepoint"] = pd.Categorical(obs.pop("time"), times, ordered=True)
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=features))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


@pytest.fixture
def trial2x2() -> ad.AnnData:
    """13 people (8 ecc first), con and ecc, three times, 10 features, NaN in the first six."""
    matrix = pd.read_csv(REFERENCE / "matrix.csv", index_col=0)
    samples = pd.read_csv(REFERENCE / "samples.csv")
    return cohort(matrix.to_numpy(float), samples, list(matrix.columns))


def indexed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"contrast": str, "feature": str}).set_index(["contrast", "feature"])


def agree(ours: pd.DataFrame, theirs: pd.DataFrame, tolerance: float) -> None:
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], atol=tolerance)
    for column in ("se", "df", "statistic", "p_value"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=tolerance, err_msg=column)
    np.testing.assert_array_equal(ours["n_pairs"], theirs["n"])


@pytest.mark.quick
@pytest.mark.parametrize("analysis", ["paired", "period", "lmer", "lmer_change"])
def test_equals_r(analysis: str, trial2x2: ad.AnnData) -> None:
    theirs = pd.read_csv(REFERENCE / "crossover.csv")
    theirs = theirs[theirs["analysis"] == analysis]
    theirs["contrast"] = theirs["contrast"] + ": " + theirs["time"] + " - pre"
    period = None if analysis == "paired" else "period"
    ours = indexed(exo.tl.crossover(trial2x2, condition="condition", period=period))
    ours = ours.loc[list(zip(theirs["contrast"], theirs["feature"], strict=True))]
    assert (ours["status"] == "ok").all() and len(ours) >= 8
    # lmer iterates, over three variances on all samples and over one on the changes
    agree(ours, theirs, {"lmer": 1e-4, "lmer_change": 1e-5}.get(analysis, 1e-10))


def test_three_conditions_in_three_periods() -> None:
    samples = pd.read_csv(REFERENCE / "williams.csv")
    adata = cohort(samples[["y"]].to_numpy(), samples, ["F"])
    with pytest.warns(ExerkineWarning, match="1 of 12 people"):
        frame = exo.tl.crossover(adata, condition="condition", period="period")
    theirs = pd.read_csv(REFERENCE / "williams_lm.csv")
    assert frame["contrast"].cat.categories.to_list() == theirs["contrast"].to_list()
    agree(frame, theirs, 1e-10)


def test_sequence_alone_gives_the_order(trial2x2: ad.AnnData) -> None:
    by_period = exo.tl.crossover(trial2x2, condition="condition", period="period")
    both = exo.tl.crossover(trial2x2, condition="condition", period="period", sequence="sequence")
    alone = exo.tl.crossover(trial2x2, condition="condition", sequence="sequence")
    pd.testing.assert_frame_equal(by_period, both)
    pd.testing.assert_frame_equal(by_period, alone)
    trial2x2.obs["sequence"] = trial2x2.obs["sequence"].replace("ecc-con", "BA")
    with pytest.raises(UsageError, match="'BA'.*period="):
        exo.tl.crossover(trial2x2, condition="condition", sequence="sequence")
    trial2x2.obs["sequence"] = "all"
    with pytest.raises(InputError, match="different orders"):
        exo.tl.crossover(trial2x2, condition="condition", period="period", sequence="sequence")


def test_contrasts_order_and_storage(trial2x2: ad.AnnData, round_trip) -> None:
    frame = exo.tl.crossover(trial2x2, condition="condition", period="period")
    assert frame["contrast"].cat.categories.to_list() == [
        f"{name}: {time} - pre"
        for time in ("post", "late")
        for name in ("ecc - con", "period 2 - 1", "carry-over")
    ]
    assert list(frame.columns) == list(schema.RESULT_COLUMNS)
    back = round_trip(trial2x2).uns
    pd.testing.assert_frame_equal(back["crossover"], frame, check_names=False)
    people = back["crossover_people"]
    assert list(people) == [
        "subject_id", "comparison", "timepoint", "sequence", "paired", "reason",
    ]  # fmt: skip
    assert people["paired"].all() and set(people["sequence"]) == {"ecc, con", "con, ecc"}
    other = exo.tl.crossover(trial2x2, condition="condition", period="period", reference="ecc")
    assert other["contrast"].cat.categories[0] == "con - ecc: post - pre"
    for name, sign in (("con - ecc", -1), ("period 2 - 1", 1), ("carry-over", -1)):
        mine = other[other["contrast"] == f"{name}: post - pre"]
        theirs = name.replace("con - ecc", "ecc - con")
        first = frame[frame["contrast"] == f"{theirs}: post - pre"]
        np.testing.assert_allclose(mine["estimate"], sign * first["estimate"].to_numpy())


def test_permuting_and_shifting_change_nothing(trial2x2: ad.AnnData) -> None:
    reference = indexed(exo.tl.crossover(trial2x2, condition="condition", period="period"))
    rng = np.random.default_rng(0)
    shuffled = trial2x2[rng.permutation(trial2x2.n_obs), rng.permutation(trial2x2.n_vars)].copy()
    moved = trial2x2.copy()
    moved.X = moved.X + 1e5
    absent = trial2x2[:, ["F01"]].copy()
    absent = absent[np.isfinite(absent.X[:, 0])].copy()
    for other in (shuffled, moved):
        frame = indexed(exo.tl.crossover(other, condition="condition", period="period"))
        for column in ("estimate", "se", "df", "p_value", "effect_size"):
            np.testing.assert_allclose(
                frame.loc[reference.index, column], reference[column], rtol=1e-7, atol=1e-9
            )
    with pytest.warns(ExerkineWarning):
        alone = indexed(exo.tl.crossover(absent, condition="condition", period="period"))
    for column in ("estimate", "se", "df", "p_value", "n_pairs", "n_obs", "effect_size"):
        np.testing.assert_allclose(alone[column], reference.loc[alone.index, column], rtol=1e-9)


def test_effect_size_is_on_the_baseline_sd(trial2x2: ad.AnnData) -> None:
    frame = exo.tl.crossover(trial2x2, condition="condition")
    start = trial2x2[trial2x2.obs["timepoint"] == "pre", "F10"]
    groups = [start.X[(start.obs["condition"] == c).to_numpy(), 0] for c in ("con", "ecc")]
    sd = np.sqrt(np.mean([np.var(g, ddof=1) for g in groups]))
    row = frame[(frame["feature"] == "F10") & (frame["contrast"] == "ecc - con: post - pre")]
    assert row["effect_size"].item() == pytest.approx(row["estimate"].item() / sd, rel=0.04)
    assert abs(row["effect_size"].item()) < abs(row["estimate"].item() / sd)


def test_who_is_left_out_and_why(trial2x2: ad.AnnData) -> None:
    obs = trial2x2.obs
    gone = (obs["subject_id"] == "P01") & (obs["condition"] == "ecc")
    gone |= trial2x2.obs_names == "P03_con_post"
    cut = trial2x2[~gone.to_numpy()].copy()
    cut.X[cut.obs_names == "P04_ecc_late"] = np.nan
    with pytest.warns(ExerkineWarning, match="3 of 13 people lack a sample"):
        frame = exo.tl.crossover(cut, condition="condition", period="period")
    people = cut.uns["crossover_people"].astype(str).set_index(["subject_id", "timepoint"])
    assert people.loc[("P01", "post"), "reason"] == "not measured under ecc"
    assert people.loc[("P03", "post"), "reason"] == "no con post sample"
    assert people.loc[("P03", "late"), "reason"] == "paired"
    assert people.loc[("P04", "late"), "reason"] == "P04_ecc_late has no values"
    n = frame[frame["feature"] == "F10"].set_index("contrast")["n_pairs"]
    assert n["ecc - con: post - pre"] == 11 and n["ecc - con: late - pre"] == 11


def test_each_missing_number_has_a_reason(trial2x2: ad.AnnData) -> None:
    obs = trial2x2.obs
    trial2x2.X[:, 0] = np.nan
    trial2x2.X[:, 1] = 4.0
    trial2x2.X[(obs["sequence"] == "con-ecc").to_numpy(), 2] = np.nan
    trial2x2.X[~obs["subject_id"].isin(["P01", "P13"]).to_numpy(), 3] = np.nan
    step = (obs["condition"] == "ecc") & (obs["timepoint"] == "post")
    person = obs["subject_id"].astype("category").cat.codes.to_numpy()
    trial2x2.X[:, 4] = person + 0.1 * step
    trial2x2.X[(obs["condition"] == "ecc").to_numpy(), 5] = np.nan
    frame = indexed(exo.tl.crossover(trial2x2, condition="condition", period="period"))
    status = frame.loc["ecc - con: post - pre", "status"].to_list()
    assert status == [
        "not measured", "constant", "one sequence only", "no residual df",
        "no variance between pairs", "no pairs", *["ok"] * 4,
    ]  # fmt: skip
    numbers = frame.select_dtypes(float)
    assert numbers[frame["status"] != "ok"].isna().all().all()
    assert numbers[frame["status"] == "ok"].notna().all().all()
    # without the period one order is enough
    paired = indexed(exo.tl.crossover(trial2x2, condition="condition"))
    assert paired.loc[("ecc - con: post - pre", "F03"), "status"] == "ok"


def test_a_repeated_bout(trial2x2: ad.AnnData) -> None:
    trial2x2.obs["bout"] = np.where(trial2x2.obs["condition"] == "con", 1.0, 2.0)
    frame = exo.tl.crossover(trial2x2, condition="bout")
    same = exo.tl.crossover(trial2x2, condition="condition")
    assert frame["contrast"].cat.categories[0] == "2 - 1: post - pre"
    np.testing.assert_array_equal(frame["estimate"], same["estimate"])


@pytest.mark.parametrize(
    ("change", "options", "error", "text"),
    [
        ({}, {"condition": "arm"}, InputError, "No column 'arm'"),
        ({}, {"reference": "control"}, UsageError, "none of the conditions"),
        ({"condition": "con"}, {}, UsageError, "one condition"),
        ({"condition": None}, {}, InputError, "have no value"),
        ({"period": 1}, {"period": "period"}, UsageError, "one period"),
        ({"period": np.nan}, {"period": "period"}, InputError, "have no value"),
        ({"subject_id": "P01"}, {}, InputError, "More than one sample for 'P01 under"),
        ({}, {"period": "condition"}, UsageError, "named twice"),
        ({}, {"period": "sample_time"}, InputError, "more than one period"),
        ({}, {"period": "timepoint"}, UsageError, "named twice"),
        ({}, {"sequence": "condition", "period": "period"}, UsageError, "named twice"),
        ({}, {"sequence": "sample_group"}, InputError, "No column"),
        ({}, {"layer": "raw"}, UnitsError, "raw"),
        ({}, {"layer": "nothing"}, UsageError, "no layer"),
        ({}, {"key_added": "a/b"}, UsageError, "slug"),
    ],
)
def test_bad_input(
    change: dict, options: dict, error: type, text: str, trial2x2: ad.AnnData
) -> None:
    trial2x2.obs["sample_time"] = trial2x2.obs["timepoint"].astype(str)
    for column, value in change.items():
        trial2x2.obs[column] = value
    with pytest.raises(error, match=text):
        exo.tl.crossover(trial2x2, **{"condition": "condition", **options})


def test_two_conditions_in_one_period(trial2x2: ad.AnnData) -> None:
    trial2x2.obs.loc[trial2x2.obs["subject_id"] == "P02", "period"] = 1
    with pytest.raises(InputError, match="'P02' have two conditions in one period"):
        exo.tl.crossover(trial2x2, condition="condition", period="period")


@pytest.mark.real_data
def test_creatine_kinase_after_eccentric_exercise(data_dir: Path) -> None:
    """20 people, control and eccentric exercise two days before: CK at rest is the damage."""
    table = pd.read_csv(data_dir / "erythrocyte_eccentric_crossover" / "blood_markers_wide.csv")
    table = table[table["timepoint"].isin(["rest", "pre", "post"])]
    analytes = list(table.columns[3:])
    values = table[analytes].drop(columns=["pH", "lac"])
    table.index = [f"s{i}" for i in range(len(table))]
    obs = table[["subject", "condition"]].rename(columns={"subject": "subject_id"})
    obs["timepoint"] = pd.Categorical(table["timepoint"], ["rest", "pre", "post"], ordered=True)
    adata = ad.AnnData(
        np.log2(values.to_numpy(float)), obs=obs, var=pd.DataFrame(index=values.columns)
    )
    adata.uns["exerkine"] = {"units": "log2", "baseline": "rest"}
    frame = exo.tl.crossover(adata, condition="condition")
    row = frame[(frame["feature"] == "ckinase") & (frame["contrast"] == "ecc - con: pre - rest")]
    wide = table.pivot(index="subject", columns=["condition", "timepoint"], values="ckinase")
    d = np.log2(wide["ecc"]["pre"] / wide["ecc"]["rest"])
    d -= np.log2(wide["con"]["pre"] / wide["con"]["rest"])
    expected = stats.ttest_1samp(d, 0)
    assert row["n_pairs"].item() == 20
    assert row["statistic"].item() == pytest.approx(expected.statistic, rel=1e-9)
    # rises at least threefold, the largest effect of all markers
    assert row["estimate"].item() > 1.5 and row["p_value"].item() < 1e-6
    pre = frame[frame["contrast"] == "ecc - con: pre - rest"]
    assert pre.loc[pre["statistic"].abs().idxmax(), "feature"] == "ckinase"


@pytest.mark.slow
def test_type_one_error_with_a_period_effect() -> None:
    """A planted period effect leaves the adjusted test at 5% and is itself seen.

    Unequally frequent orders: unadjusted, the period effect is taken for the treatment's.
    """
    rng = np.random.default_rng(8)
    n, f = 14, 8000
    people = [f"P{i:02d}" for i in range(n)]
    samples = pd.DataFrame(
        [(p, k, t) for p in people for k in (1, 2) for t in ("pre", "post")],
        columns=["subject", "period", "time"],
    )
    early = samples["subject"].isin(people[:3]).to_numpy()
    samples["condition"] = np.where((samples["period"] == 1) == early, "ecc", "con")
    samples["sample"] = [f"s{i}" for i in range(len(samples))]
    person = np.repeat(np.arange(n), 4)
    later = (samples["time"] == "post").to_numpy()[:, None]
    second = (samples["period"] == 2).to_numpy()[:, None]
    values = rng.normal(0, 1, (n, f))[person] + rng.normal(0, 0.5, (n, f))[person] * later
    values = values + 0.8 * second * later + rng.normal(0, 0.5, (len(samples), f))
    values[rng.random(values.shape) < 0.03] = np.nan
    adata = cohort(values, samples, [f"F{i}" for i in range(f)])
    frame = exo.tl.crossover(adata, condition="condition", period="period")
    frame = frame[frame["status"] == "ok"]
    rate = (frame["p_value"] < 0.05).groupby(frame["contrast"], observed=True).mean()
    error = 4 * np.sqrt(0.05 * 0.95 / f)
    assert abs(rate["ecc - con: post - pre"] - 0.05) < error
    assert abs(rate["carry-over: post - pre"] - 0.05) < error
    assert rate["period 2 - 1: post - pre"] > 0.5
    naive = exo.tl.crossover(adata, condition="condition")
    assert (naive["p_value"] < 0.05).mean() > 0.2
