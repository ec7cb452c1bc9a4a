"""`tl.associate`: against lm and limma, by hand, its properties, people, and planted markers."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics import schema
from exerkine_omics.errors import (
    AnalysisError,
    ExerkineWarning,
    InputError,
    UnitsError,
    UsageError,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "associate"
ADJUST = ["vo2_pre", "age", "sex"]
NUMBERS = ["estimate", "se", "df", "statistic", "p_value", "effect_size"]


def reference(case: str) -> ad.AnnData:
    matrix = pd.read_csv(REFERENCE / f"{case}_matrix.csv", index_col=0)
    obs = pd.read_csv(REFERENCE / f"{case}_people.csv").set_index("subject").loc[matrix.index]
    return one_visit(matrix.to_numpy(float), obs, list(matrix.columns))


def one_visit(values: np.ndarray, obs: pd.DataFrame, features: list[str]) -> ad.AnnData:
    obs = obs.assign(subject_id=obs.index.astype(str))
    obs["timepoint"] = pd.Categorical(["pre"] * len(obs), ["pre"], ordered=True)
    obs.index = obs["subject_id"] + "_pre"
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=features))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


def gains(trial: ad.AnnData, seed: int = 4) -> pd.Series:
    people = sorted(set(trial.obs["subject_id"]))
    rng = np.random.default_rng(seed)
    return pd.Series(rng.normal(3, 2, len(people)), index=people, name="gain")


RUNS = {
    "one": {"adjust": [*ADJUST, "arm"]},
    "arm": {"adjust": ADJUST, "arm": "arm", "control": "CON"},
    "pooled": {"adjust": ADJUST, "arm": "arm", "control": "CON", "variance": "pooled"},
    "moderated": {"adjust": [*ADJUST, "arm"], "method": "moderated", "legacy": True},
    "moderated arms": {"adjust": ADJUST, "arm": "arm", "method": "moderated", "legacy": True},
}


@pytest.mark.quick
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("case", ["complete", "missing", "small"])
def test_equals_lm_and_limma(case: str, run: str) -> None:
    frame = exo.tl.associate(reference(case), "change", **RUNS[run])
    expected = pd.read_csv(REFERENCE / f"{case}_answers.csv")
    expected = expected[expected["model"] == run.split()[0]]
    if run.startswith("moderated"):
        expected = expected[(expected["contrast"] != "all") == run.endswith("arms")]
    names = frame["contrast"].astype(str).str.replace(": change ~ pre", "")
    ours = frame.set_index([names.replace("change ~ pre", "all"), frame["feature"].astype(str)])
    theirs = expected.set_index(["contrast", "feature"])
    assert len(ours) == len(theirs) and set(ours.index) == set(theirs.index)
    ours = ours.loc[theirs.index]
    assert (ours["status"] == "ok").all()
    columns = ["df", "statistic"] + ([] if run.startswith("moderated") else ["estimate", "se"])
    for column in columns:
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-9, err_msg=column)
    np.testing.assert_allclose(np.log10(ours["p_value"]), np.log10(theirs["p_value"]), atol=1e-9)


@pytest.mark.parametrize("case", ["complete", "missing"])
def test_moderated_keeps_the_slope_and_agrees_with_itself(case: str) -> None:
    adata = reference(case)
    plain = exo.tl.associate(adata, "change", adjust=ADJUST)
    moderated = exo.tl.associate(adata, "change", adjust=ADJUST, method="moderated")
    legacy = exo.tl.associate(adata, "change", adjust=ADJUST, method="moderated", legacy=True)
    np.testing.assert_array_equal(plain["estimate"], moderated["estimate"])
    np.testing.assert_allclose(
        moderated["se"], moderated["estimate"] / moderated["statistic"], rtol=1e-12
    )
    assert (moderated["df"] > plain["df"]).all()
    # the priors differ where residual df do, that is, under NaN
    assert np.allclose(legacy["df"], moderated["df"]) == (case == "complete")


def test_statsmodels_agrees() -> None:
    import statsmodels.api as sm

    adata = reference("missing")
    frame = exo.tl.associate(adata, "change", adjust=ADJUST).set_index("feature")
    for feature in ("F02", "F17"):
        x = adata.X[:, adata.var_names.get_loc(feature)]
        people = adata.obs[np.isfinite(x)]
        design = people[["vo2_pre", "age"]].assign(x=x[np.isfinite(x)], m=people["sex"] == "M")
        fit = sm.OLS(people["change"], sm.add_constant(design.astype(float))).fit()
        row = frame.loc[feature]
        low, high = fit.conf_int().loc["x"]
        size = fit.params["x"] * design["x"].std() / people["change"].std()
        for found, expected in (
            (row["estimate"], fit.params["x"]),
            (row["p_value"], fit.pvalues["x"]),
            (row["ci_low"], low),
            (row["ci_high"], high),
            (row["n_pairs"], fit.nobs),
            (row["effect_size"], size),
        ):
            assert found == pytest.approx(expected, rel=1e-9)


def test_arms_by_hand(trial: ad.AnnData) -> None:
    gain = gains(trial)
    frame = exo.tl.associate(trial, gain, arm="arm", control="CON")
    assert levels(frame) == [
        "CON: gain ~ pre",
        "EE: gain ~ pre",
        "EE - CON: gain ~ pre",
    ]
    row = frame[frame["feature"] == "A04"].set_index("contrast")
    lines, spread = {}, []
    for arm in ("EE", "CON"):
        part = trial[(trial.obs["arm"] == arm) & (trial.obs["timepoint"] == "pre"), "A04"]
        x = pd.Series(part.X[:, 0], index=part.obs["subject_id"].astype(str)).dropna()
        lines[arm] = stats.linregress(x, gain[x.index])
        assert row.loc[f"{arm}: gain ~ pre", "p_value"] == pytest.approx(lines[arm].pvalue)
        assert row.loc[f"{arm}: gain ~ pre", "n_pairs"] == len(x)
        spread.append((x.var(), gain[x.index].var(), len(x) - 1))
    difference = row.loc["EE - CON: gain ~ pre"]
    assert difference["estimate"] == pytest.approx(lines["EE"].slope - lines["CON"].slope)
    assert difference["se"] == pytest.approx(np.hypot(lines["EE"].stderr, lines["CON"].stderr))
    var_x, var_y, df = np.array(spread).T
    scale = np.sqrt((var_x @ df) / (var_y @ df))
    assert difference["effect_size"] == pytest.approx(difference["estimate"] * scale)


def levels(frame: pd.DataFrame) -> list[str]:
    return list(pd.unique(frame["contrast"].astype(str)))


def test_change_is_each_person_s_own(trial: ad.AnnData) -> None:
    gain = gains(trial)
    frame = exo.tl.associate(trial, gain, at="change", adjust="arm")
    assert levels(frame) == ["gain ~ post - pre", "gain ~ late - pre"]
    frame = exo.tl.associate(trial[trial.obs["arm"] == "EE"].copy(), gain[:8], at="change")
    wide = pd.Series(trial[:, "A11"].X[:, 0], index=trial.obs_names)
    people = [f"P{i:02d}" for i in range(8) if i != 3]
    change = pd.Series({p: wide[f"{p}_late"] - wide[f"{p}_pre"] for p in people}).dropna()
    row = frame[(frame["contrast"] == "gain ~ late - pre") & (frame["feature"] == "A11")].iloc[0]
    line = stats.linregress(change, gain[change.index])
    assert row["statistic"] == pytest.approx(line.slope / line.stderr)
    assert row["effect_size"] == pytest.approx(line.rvalue)
    assert row["n_pairs"] == len(change) and row["n_obs"] == 2 * len(change)
    assert row["units"] == "gain per NPX"


def test_people_are_matched_by_id_and_listed(trial: ad.AnnData, round_trip) -> None:
    gain = gains(trial)
    reference = exo.tl.associate(trial, gain)
    shuffled = gain.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(exo.tl.associate(trial, shuffled), reference)
    trial.X[trial.obs_names.get_loc("P05_late")] = np.nan
    gain = gain.drop("P02")
    gain["P07"] = np.nan
    frame = exo.tl.associate(trial, gain, at="late", adjust="arm")
    listed = trial.uns["associate_people"].set_index("subject_id")
    assert listed.loc[~listed["used"], "reason"].to_dict() == {
        "P02": "no outcome",
        "P03": "no late sample",
        "P05": "P05_late has no values",
        "P07": "outcome missing",
    }
    assert frame["n_pairs"].max() == listed["used"].sum() == 10
    gain["Z1"] = 3.0
    with pytest.warns(ExerkineWarning, match=r"1 of 14 outcomes belong to nobody.*'Z1'"):
        again = exo.tl.associate(trial, gain, at="late", adjust="arm")
    pd.testing.assert_frame_equal(again, frame)
    back = round_trip(trial)
    pd.testing.assert_frame_equal(back.uns["associate"], again)
    reasons = back.uns["associate_people"].set_index("subject_id")["reason"]
    assert reasons["Z1"] == "no sample" and len(reasons) == 15
    steps = trial.uns["exerkine"][schema.STEPS]
    assert list(steps["step"]) == ["tl.associate"] * 4
    assert list(frame.columns) == list(schema.RESULT_COLUMNS)
    assert {c: str(t) for c, t in frame.dtypes.items()} == schema.RESULT_COLUMNS


def test_columns_of_people_and_of_obs_are_the_same(trial: ad.AnnData) -> None:
    ids = trial.obs["subject_id"].astype(str)
    people = pd.DataFrame({"gain": gains(trial)})
    rng = np.random.default_rng(2)
    people["age"] = rng.integers(20, 60, len(people))
    people["sex"] = np.where(rng.random(len(people)) < 0.5, "F", "M")
    one = exo.tl.associate(trial, "gain", adjust=["age", "sex"], people=people)
    column = people.rename_axis("subject_id").reset_index()
    two = exo.tl.associate(trial, people["gain"], adjust=["age", "sex"], people=column)
    for name in people:
        trial.obs[name] = people[name].reindex(ids).to_numpy()
    three = exo.tl.associate(trial, "gain", adjust=["age", "sex"])
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(one, three)


@pytest.mark.parametrize("method", ["ols", "moderated"])
def test_order_sign_shift_and_absent_rows(trial: ad.AnnData, method: str) -> None:
    gain = gains(trial)

    def run(adata: ad.AnnData, outcome: pd.Series = gain) -> pd.DataFrame:
        frame = exo.tl.associate(
            adata, outcome, at="change", arm="arm", control="CON", method=method
        )
        frame["contrast"], frame["feature"] = (
            frame[c].astype(str) for c in ("contrast", "feature")
        )
        return frame.set_index(["contrast", "feature"])

    first = run(trial)
    rng = np.random.default_rng(0)
    shuffled = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    pd.testing.assert_frame_equal(run(shuffled).loc[first.index][NUMBERS], first[NUMBERS])
    moved, turned, blank = trial.copy(), trial.copy(), trial.copy()
    moved.X = moved.X + 1e5
    np.testing.assert_allclose(run(moved)[NUMBERS], first[NUMBERS], rtol=1e-6)
    np.testing.assert_allclose(run(trial, gain + 1e5)[NUMBERS], first[NUMBERS], rtol=1e-6)
    turned.X = -turned.X
    for frame in (run(turned), run(trial, -gain)):
        np.testing.assert_allclose(frame["statistic"], -first["statistic"], rtol=1e-9)
        np.testing.assert_allclose(frame["ci_low"], -first["ci_high"], rtol=1e-8)
    blank.X[blank.obs_names.get_loc("P05_post")] = np.nan
    absent = trial[trial.obs_names != "P05_post"].copy()
    pd.testing.assert_frame_equal(run(blank), run(absent))


def test_scores_are_features(trial: ad.AnnData) -> None:
    exo.tl.score(trial, {"up": ["A00", "A01", "A02"]})
    scores = exo.get.scores(trial, as_anndata=True)
    frame = exo.tl.associate(scores, gains(trial))
    start = scores[scores.obs["timepoint"] == "pre"]
    values = pd.Series(start.X[:, 0], index=start.obs["subject_id"].astype(str))
    line = stats.linregress(values, gains(trial)[values.index])
    assert frame["p_value"].iloc[0] == pytest.approx(line.pvalue)
    assert frame["units"].iloc[0] == "gain per zscore"


def test_arms_together_are_told(trial: ad.AnnData) -> None:
    with pytest.warns(ExerkineWarning, match="arms are taken together at 'change'"):
        exo.tl.associate(trial, gains(trial), at="change")


def test_a_feature_s_own_status(trial: ad.AnnData) -> None:
    trial.X[:, 0] = np.nan
    trial.X[:, 1] = 2.0
    trial.X[~trial.obs_names.isin(["P00_pre", "P01_pre"]), 2] = np.nan
    frame = exo.tl.associate(trial, gains(trial), method="moderated")
    assert list(frame["status"][:4]) == ["not measured", "constant", "no residual df", "ok"]
    assert frame.loc[:2, NUMBERS].isna().all().all() and list(frame["n_pairs"][:3]) == [0, 14, 2]


def bad_calls() -> dict[str, tuple[type[Exception], str, dict]]:
    return {
        "row numbers": (InputError, "matched by id", {"outcome": pd.Series([1.0, 2, 3])}),
        "frame": (UsageError, "a DataFrame", {"outcome": pd.DataFrame({"a": [1]})}),
        "other ids": (AnalysisError, "Nobody has", {"outcome": pd.Series([1.0], index=["Q"])}),
        "no column": (InputError, "no column 'vo2'", {"outcome": "vo2"}),
        "varies": (InputError, "differs between the samples", {"outcome": "timepoint"}),
        "text": (InputError, "not numbers", {"outcome": "arm"}),
        "at": (UsageError, "at='noon'", {"at": "noon"}),
        "method": (UsageError, "no method", {"method": "lm"}),
        "variance": (UsageError, "not known", {"variance": "each", "arm": "arm"}),
        "no arm": (UsageError, "need arm=", {"control": "CON"}),
        "control": (UsageError, "none of the arms", {"arm": "arm", "control": "XX"}),
        "legacy": (UsageError, "legacy", {"legacy": False}),
        "pooled": (
            UsageError,
            "not moderated",
            {"arm": "arm", "variance": "pooled", "method": "moderated"},
        ),
        "adjust twice": (InputError, r"'arm\[EE\]'", {"adjust": "arm", "arm": "arm"}),
        "constant": (InputError, "'one'", {"adjust": ["one"]}),
        "adjust gap": (InputError, "'P04' have outcome", {"adjust": ["age"]}),
        "itself": (AnalysisError, "Nothing is left", {"adjust": ["gain"]}),
        "too many": (AnalysisError, "too few", {"adjust": ["subject_id"]}),
        "mask": (UnitsError, "scale of X", {"layer": "raw"}),
        "key": (UsageError, "slug", {"key_added": "a/b"}),
        "two levels": (
            InputError,
            "matched by id",
            {"outcome": pd.Series([1.0], index=pd.MultiIndex.from_tuples([("P00", "pre")]))},
        ),
        "two columns": (
            InputError,
            "two columns 'age'",
            {"adjust": "age", "people": pd.DataFrame([[1, 2]], index=["P00"], columns=["age"] * 2)},
        ),
        "people": (UsageError, "not a DataFrame", {"people": [1]}),
    }


@pytest.mark.parametrize("case", bad_calls())
def test_bad_calls(trial: ad.AnnData, case: str) -> None:
    error, text, arguments = bad_calls()[case]
    gain = gains(trial)
    trial.obs["one"] = 1.0
    trial.obs["gain"] = gain.reindex(trial.obs["subject_id"].astype(str)).to_numpy()
    trial.obs["age"] = np.where(trial.obs["subject_id"] == "P04", np.nan, 30.0)
    with pytest.raises(error, match=text):
        exo.tl.associate(trial, **({"outcome": gain} | arguments))
    assert "associate" not in trial.uns


def test_bad_samples(trial: ad.AnnData) -> None:
    gain = gains(trial)
    twice = trial.copy()
    twice.obs.loc["P00_late", "timepoint"] = "pre"
    with pytest.raises(InputError, match="More than one sample for 'P00 at pre'"):
        exo.tl.associate(twice, gain)
    assert len(exo.tl.associate(twice, gain, at="post", adjust="arm"))
    with pytest.raises(InputError, match="'P00' stand more than once"):
        exo.tl.associate(trial, pd.concat([gain, gain[:1]]))
    with pytest.raises(UsageError, match="changes"):
        exo.tl.associate(exo.pp.delta(trial, timepoint="post"), gain)
    later = trial[trial.obs["timepoint"] != "pre"].copy()
    with pytest.raises(InputError, match="baseline 'pre'"):
        exo.tl.associate(later, gain)
    assert levels(exo.tl.associate(later, gain, at="late", arm="arm")) == [
        "CON: gain ~ late",
        "EE: gain ~ late",
    ]
    trial.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="log scale"):
        exo.tl.associate(trial, gain)


def test_planted_markers_are_found_in_the_trained_arm() -> None:
    cohort = exo.datasets.simulate(
        600, design="training", n_metabolites=0, n_mirna=0, sd_ir=6.0, predictor_r2=0.8, seed=5
    )
    people = cohort.outcomes.set_index("subject_id")
    change = (people["vo2max_post"] - people["vo2max_pre"]).rename("vo2max_change")
    frame = exo.tl.associate(
        cohort.adata,
        change,
        adjust=["vo2max_pre", "age", "sex"],
        people=people,
        arm="arm",
        control="CON",
    )
    planted = cohort.truth.predictors.set_index("feature")["weight"]
    for contrast in ("EE: vo2max_change ~ pre", "EE - CON: vo2max_change ~ pre"):
        rows = frame[frame["contrast"] == contrast].set_index("feature").loc[planted.index]
        assert (rows["p_adj"] < 0.05).sum() >= 5
        assert (rows["estimate"] * planted > 0).sum() >= 7
    control = frame[frame["contrast"] == "CON: vo2max_change ~ pre"]
    assert (control["p_adj"] < 0.05).sum() == 0


@pytest.mark.slow
def test_type_one_error_with_unequal_arms() -> None:
    """Features without any relation, arms that differ in size and in their variance."""
    rng = np.random.default_rng(11)
    rounds, f = 200, 40
    arm = np.repeat(["EE", "CON"], [12, 30])
    sd = np.where(arm == "EE", 4.0, 1.0)
    hits = dict.fromkeys(("EE", "CON", "EE - CON", "moderated", "pooled"), 0.0)
    for _ in range(rounds):
        obs = pd.DataFrame({"arm": arm}, index=[f"P{i:02d}" for i in range(len(arm))])
        obs["age"] = rng.normal(45, 10, len(arm))
        x = rng.normal(0, 1, (len(arm), f)) + 0.05 * obs["age"].to_numpy()[:, None]
        x[rng.random(x.shape) < 0.05] = np.nan
        adata = one_visit(x, obs, [f"F{i}" for i in range(f)])
        y = pd.Series(0.2 * obs["age"] + sd * rng.normal(size=len(arm)), name="gain")
        call = {"adjust": "age", "arm": "arm", "control": "CON"}
        frame = exo.tl.associate(adata, y, **call)
        for name in ("EE", "CON", "EE - CON"):
            rows = frame["contrast"].astype(str) == f"{name}: gain ~ pre"
            hits[name] += (frame.loc[rows, "p_value"] < 0.05).mean() / rounds
        pooled = exo.tl.associate(adata, y, variance="pooled", **call)
        hits["pooled"] += (pooled["p_value"][-f:] < 0.05).mean() / rounds
        moderated = exo.tl.associate(adata, y, method="moderated", **call)
        hits["moderated"] += (moderated["p_value"] < 0.05).mean() / rounds
    for name in ("EE", "CON", "EE - CON", "moderated"):
        assert hits[name] == pytest.approx(0.05, abs=0.01), hits
    # the small arm varies more: one variance for both is too small for it
    assert hits["pooled"] > 0.15, hits


@pytest.mark.slow
def test_p_is_uniform_and_intervals_cover() -> None:
    rng = np.random.default_rng(12)
    people = [f"P{i:02d}" for i in range(16)]
    covered, p_values = [], []
    for _ in range(300):
        x = rng.normal(0, 1, (16, 20))
        adata = one_visit(x, pd.DataFrame(index=people), [f"F{i}" for i in range(20)])
        gain = pd.Series(1.5 * x[:, 0] + rng.normal(0, 2, 16), index=people, name="gain")
        rows = exo.tl.associate(adata, gain)
        covered.append(rows["ci_low"][0] < 1.5 < rows["ci_high"][0])
        p_values.append(rows["p_value"][1])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.038)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


@pytest.mark.real_data
def test_rats_leptin_is_the_arms_doing(data_dir: Path) -> None:
    """Terminal analytes against the gain of VO2max: association after training, no prediction.

    Taken together, leptin (low after training) seems to go with the gain at r = -0.69; between
    rats of one arm at most a quarter of that is left, and no analyte is clear of chance.
    """
    rats = exo.datasets.load("rat_training")
    exo.pp.log2(rats.adata)
    people = rats.outcomes.set_index("subject_id")
    gain = (people["vo2max_post"] - people["vo2max_pre"]).rename("gain")
    call = {"at": "terminal", "people": people}
    clinical = ["vo2max_pre", "age", "sex"]
    with pytest.warns(ExerkineWarning) as told:
        together = exo.tl.associate(rats.adata, gain, adjust=clinical, **call)
    assert [str(w.message).split(" ")[0] for w in told] == ["37", "The"]
    gain = gain.loc[gain.index.isin(rats.adata.obs["subject_id"].astype(str))]
    within = exo.tl.associate(rats.adata, gain, adjust=[*clinical, "arm"], **call)
    arms = exo.tl.associate(rats.adata, gain, adjust=clinical, arm="arm", control="SED", **call)
    together, within = (f.set_index("feature") for f in (together, within))
    assert together["n_pairs"].max() == within["n_pairs"].max() == 104
    assert together.loc["leptin", "effect_size"] == pytest.approx(-0.69, abs=0.005)
    assert together.loc["leptin", "p_adj"] < 1e-6
    assert within.loc["leptin", "effect_size"] == pytest.approx(-0.175, abs=0.005)
    assert (within["p_adj"] > 0.05).all()
    assert levels(arms)[-1] == "8W - SED: gain ~ terminal"
    assert (arms["status"] == "ok").all() and (arms["p_adj"] > 0.05).all()


@pytest.mark.real_data
def test_bariatric_metabolites_and_weight_loss(data_dir: Path) -> None:
    """39 people: no baseline metabolite goes with the later loss of weight; drop-out is listed."""
    visits = pd.read_csv(data_dir / "metabotyping_bariatric" / "by_visit_all_variables.csv")
    visits["subject_id"] = "B" + visits["SUBJECTS"].astype(str)
    visits.index = visits["subject_id"] + "|" + visits["time"]
    first = list(visits.columns).index("Ile")
    values = visits.iloc[:, first:-1].apply(pd.to_numeric, errors="coerce")
    adata = exo.io.from_frames(
        values.where(values > 0),
        visits[["subject_id", "time"]],
        subject="subject_id",
        timepoint="time",
        baseline="T0",
        units="concentration",
        modality="metabolomics",
    )
    exo.pp.log2(adata)
    weight = visits.pivot(index="subject_id", columns="time", values="PESO")
    weight = weight.where(weight > 0)
    loss = (100 * (weight["T4"] / weight["T0"] - 1)).rename("weight_change")
    people = visits.groupby("subject_id")[["AGE", "GENDER"]].first().join(weight[["T0"]])
    frame = exo.tl.associate(adata, loss, adjust=["T0", "AGE", "GENDER"], people=people)
    assert frame["n_pairs"].max() == 38 and frame["p_adj"].min() > 0.5
    change = exo.tl.associate(
        adata, loss, adjust=["T0", "AGE", "GENDER"], people=people, at="change"
    )
    assert levels(change) == [f"weight_change ~ T{i} - T0" for i in (2, 4, 5)]
    listed = adata.uns["associate_people"]
    used = listed.groupby("at", observed=True)["used"].sum()
    largest = change.groupby("contrast", observed=True)["n_pairs"].max()
    assert list(largest) == [used[f"T{i} - T0"] for i in (2, 4, 5)]
    assert listed["reason"].astype(str).str.contains("has no values").sum() >= 10
