"""The moderated family against limma 3.54.1, and its properties."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.cohort import build_design
from exerkine_omics.errors import InputError
from exerkine_omics.tl._methods import METHODS
from exerkine_omics.tl._moderated import consensus_correlation, scaled

REFERENCE = Path(__file__).parents[1] / "reference" / "limma_more"
ANSWERS = pd.read_csv(REFERENCE / "answers.csv")
LINEAR = ANSWERS[ANSWERS["cohort"] != "voom"]
CASES = list(LINEAR[["cohort", "setting"]].drop_duplicates().itertuples(index=False, name=None))


def cohort(name: str) -> tuple[ad.AnnData, np.ndarray]:
    """Read matrix, sample sheet and weights of one fixture."""
    matrix = pd.read_csv(REFERENCE / f"{name}_matrix.csv", index_col=0)
    sheet = pd.read_csv(REFERENCE / f"{name}_samples.csv").set_index("sample").loc[matrix.index]
    times = [t for t in ("pre", "post", "late") if t in set(sheet["time"])]
    obs = pd.DataFrame({"subject_id": sheet["subject"], "arm": pd.Categorical(sheet["arm"])})
    obs["timepoint"] = pd.Categorical(sheet["time"], times, ordered=True)
    adata = ad.AnnData(matrix.to_numpy(float), obs=obs, var=pd.DataFrame(index=matrix.columns))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata, sheet["weight"].to_numpy(float)


def contrasts(name: str) -> dict[str, str | list[str]]:
    """Write the fixture's contrasts over cells."""
    later = ["post"] if name == "large" else ["post", "late"]
    chosen: dict[str, str | list[str]] = {f"own_{t}": f"EE.{t} - EE.pre" for t in later}
    if name not in ("tiny", "complete"):
        for t in later:
            chosen[f"versus_{t}"] = f"EE.{t} - EE.pre - CON.{t} + CON.pre"
        chosen["level"] = "EE.post - CON.post"
    for kind in ("own", "versus"):
        rows = [chosen[k] for k in chosen if k.startswith(kind)]
        if len(rows) > 1:
            chosen[f"any_{kind}"] = [str(row) for row in rows]
    return chosen


def options(setting: str, weight: np.ndarray | None = None) -> dict[str, object]:
    """Read a fixture's setting as options of the method, limma 3.54's prior."""
    block, *flags = setting.split(".")
    return {
        "block": block,
        "trend": "trend" in flags,
        "robust": "robust" in flags,
        "legacy": True,
        "weights": weight if "weights" in flags else None,
    }


def answers(adata: ad.AnnData, how: dict[str, object], method: str = "moderated", **design):
    """Test directly; one row a contrast and feature."""
    made = build_design(adata, **design)
    frames = []
    results = METHODS[method].run(np.asarray(adata.X), made, how)
    for contrast, result in zip(made.contrasts, results, strict=True):
        frame = pd.DataFrame(
            {"contrast": contrast.name, "feature": adata.var_names, "estimate": result.estimate}
        )
        frame["se"], frame["df"], frame["status"] = result.se, result.df, result.status
        frame["n_pairs"], frame["n_obs"], frame["rank"] = (
            result.n_pairs,
            result.n_obs,
            result.rank,
        )
        with np.errstate(invalid="ignore"):
            own = result.estimate / result.se
        frame["statistic"] = own if result.statistic is None else result.statistic
        p = 2 * stats.t.sf(np.abs(own), result.df)
        frame["p_value"] = p if result.p_value is None else result.p_value
        frames.append(frame)
    return pd.concat(frames).set_index(["contrast", "feature"])


def assert_equal(ours: pd.DataFrame, limma: pd.DataFrame, tolerance: float) -> None:
    limma = limma.set_index(["contrast", "feature"])
    ours = ours.loc[limma.index]
    assert (ours["status"] == "ok").all()
    assert (ours["rank"] == limma["rank"]).all()
    single = limma["estimate"].notna()
    np.testing.assert_allclose(
        ours.loc[single, "estimate"], limma.loc[single, "estimate"], atol=1e-9
    )
    np.testing.assert_allclose(ours.loc[single, "se"], limma.loc[single, "se"], rtol=tolerance)
    np.testing.assert_allclose(ours["df"], limma["df"], rtol=10 * tolerance)
    np.testing.assert_allclose(
        np.log10(ours["p_value"]), np.log10(limma["p_value"]), atol=100 * tolerance
    )
    joint = ~single
    assert ours.loc[joint, ["estimate", "se"]].isna().all(axis=None)
    np.testing.assert_allclose(
        ours.loc[joint, "statistic"], limma.loc[joint, "statistic"], rtol=10 * tolerance
    )


@pytest.mark.quick
@pytest.mark.parametrize(("name", "setting"), CASES)
def test_equals_limma(name: str, setting: str) -> None:
    adata, weight = cohort(name)
    expected = LINEAR.query("cohort == @name and setting == @setting")
    arm = "arm" if name in ("arms", "large") else None
    chosen = contrasts(name)
    if arm is None:
        chosen = {
            k: [x.replace("EE.", "") for x in v] if isinstance(v, list) else v.replace("EE.", "")
            for k, v in chosen.items()
        }
    ours = answers(adata, options(setting, weight), arm=arm, contrasts=chosen)
    # robust and correlation rest on a root that R's side takes to 1e-8
    tolerance = 1e-7 if "robust" in setting or "correlation" in setting else 1e-9
    assert_equal(ours, expected, tolerance)


@pytest.mark.parametrize("setting", ["correlation", "correlation.weights"])
def test_consensus_correlation(setting: str) -> None:
    """REML to convergence; limma's own stops short by 2e-5 at most here."""
    table = pd.read_csv(REFERENCE / "consensus.csv").query("setting == @setting")
    for row in table[table["cohort"] != "voom"].itertuples():
        adata, weight = cohort(row.cohort)
        weight = weight if "weights" in setting else None
        design = build_design(adata, arm="arm" if row.cohort != "tiny" else None)
        rho, _ = consensus_correlation(np.asarray(adata.X), design, scaled(weight))
        assert rho == pytest.approx(row.converged, abs=1e-8)
        assert rho == pytest.approx(row.limma, abs=5e-5)


OPTIONS = [
    {"block": block, "trend": trend, "robust": robust, "legacy": False}
    for block in ("fixed", "correlation")
    for trend, robust in ((False, False), (True, False), (False, True), (True, True))
]
COLUMNS = ["estimate", "se", "df", "statistic", "p_value"]
JOINT = {
    "post": "EE.post - EE.pre",
    "any": ["EE.post - EE.pre", "EE.late - EE.pre"],
    "arm x time": [
        "EE.post - EE.pre - CON.post + CON.pre",
        "EE.late - EE.pre - CON.late + CON.pre",
    ],
}


@pytest.mark.parametrize("how", OPTIONS)
def test_invariances(trial: ad.AnnData, how: dict[str, object]) -> None:
    """Order, level, sign and the weights' unit change nothing; a NaN cell is an absent row."""
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.5, 2, trial.n_obs)
    how = how | {"weights": weight}
    reference = answers(trial, how, contrasts=JOINT)
    assert (reference["status"] == "ok").all()
    rows, columns = rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)
    mixed = answers(
        trial[rows, columns].copy(), how | {"weights": weight[rows]}, contrasts=JOINT
    ).loc[reference.index]
    np.testing.assert_allclose(mixed[COLUMNS], reference[COLUMNS], rtol=1e-7)
    moved, flipped = trial.copy(), trial.copy()
    moved.X = moved.X + 1e5
    flipped.X = -flipped.X
    same = answers(moved, how | {"weights": 1e6 * weight}, contrasts=JOINT)
    np.testing.assert_allclose(same[COLUMNS], reference[COLUMNS], rtol=1e-4)
    if not how["trend"]:
        opposite = answers(flipped, how, contrasts=JOINT)
        sign = np.where(reference["rank"] == 1, -1, 1)
        np.testing.assert_allclose(opposite["statistic"], sign * reference["statistic"], rtol=1e-8)
    gone = np.isin(trial.obs_names, ["P05_post", "P09_pre", "P09_post", "P09_late"])
    blank = trial.copy()
    blank.X[gone] = np.nan
    one = answers(blank, how, contrasts=JOINT)
    two = answers(trial[~gone].copy(), how | {"weights": weight[~gone]}, contrasts=JOINT)
    pd.testing.assert_frame_equal(one, two, rtol=1e-7)


@pytest.mark.parametrize("block", ["fixed", "correlation"])
def test_equal_weights_are_none(trial: ad.AnnData, block: str) -> None:
    how = {"block": block, "trend": False, "robust": False, "legacy": False}
    none = answers(trial, how)
    equal = answers(trial, how | {"weights": np.full(trial.n_obs, 3.0)})
    np.testing.assert_allclose(equal[COLUMNS], none[COLUMNS], rtol=1e-9)


def test_weights_are_precisions(trial: ad.AnnData) -> None:
    """A sample of weight near zero is as good as absent (with the subject as fixed block)."""
    how = {"block": "fixed", "trend": False, "robust": False, "legacy": False}
    lost = trial.obs_names == "P05_post"
    contrast = {"ee": "EE.post - EE.pre"}
    faint = answers(trial, how | {"weights": np.where(lost, 1e-9, 1.0)}, contrasts=contrast)
    absent = answers(trial[~lost].copy(), how, contrasts=contrast)
    np.testing.assert_allclose(faint["estimate"], absent["estimate"], atol=1e-6)
    full = answers(trial, how, contrasts=contrast)
    assert np.abs(full["estimate"] - absent["estimate"]).max() > 0.05


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_bad_weights_are_refused(trial: ad.AnnData, bad: float) -> None:
    weight = np.ones(trial.n_obs)
    weight[3] = bad
    with pytest.raises(InputError, match="no positive numbers"):
        answers(trial, OPTIONS[0] | {"weights": weight})


def test_joint_of_one_is_t_squared_and_of_doubles_is_of_its_rank(trial: ad.AnnData) -> None:
    rows = ["EE.post - EE.pre", "EE.late - EE.pre"]
    chosen = {
        "one": rows[0],
        "alone": [rows[0], "EE.pre - EE.post"],
        "two": rows,
        "again": [*rows, "EE.post - EE.late"],
        "turned": ["EE.post - EE.late", "0.5*EE.post + 0.5*EE.late - EE.pre"],
    }
    for how in OPTIONS[:1] + OPTIONS[4:5]:
        frame = answers(trial, how, contrasts=chosen)
        assert (frame.loc["alone", "rank"] == 1).all() and (frame.loc["again", "rank"] == 2).all()
        np.testing.assert_allclose(
            frame.loc["alone", "statistic"], frame.loc["one", "statistic"] ** 2, rtol=1e-8
        )
        np.testing.assert_allclose(
            frame.loc["alone", "p_value"], frame.loc["one", "p_value"], rtol=1e-7
        )
        for other in ("again", "turned"):
            np.testing.assert_allclose(
                frame.loc[other, ["statistic", "p_value"]],
                frame.loc["two", ["statistic", "p_value"]],
                rtol=1e-7,
            )


def test_statuses_of_levels_joints_and_moderators(trial: ad.AnnData) -> None:
    rng = np.random.default_rng(1)
    people = trial.obs["subject_id"].unique()
    age = dict(zip(people, rng.normal(30, 8, len(people)), strict=True))
    trial.obs["age"] = [age[p] for p in trial.obs["subject_id"]]
    trial.X[((trial.obs["arm"] == "EE") & (trial.obs["timepoint"] == "late")).to_numpy(), 2] = (
        np.nan
    )
    trial.X[(trial.obs["timepoint"] == "pre").to_numpy(), 3] = np.nan
    trial.X[:, 4] = np.nan
    trial.X[:, 5] = 7.0
    chosen = JOINT | {"level": "EE.post - CON.post", "mean": "EE.post"}
    for block in ("fixed", "correlation"):
        how = {"block": block, "trend": True, "robust": True, "legacy": False}
        frame = answers(trial, how, contrasts=chosen, moderators=["age"])
        status = frame["status"]
        assert status["post", "A02"] == "ok" and status["any", "A02"] == "not estimable"
        assert status["post", "A03"] == "not estimable"
        assert status["arm x time", "A03"] == "not estimable"
        assert status["post", "A04"] == "not measured" and status["any", "A05"] == "constant"
        usual = "ok" if block == "correlation" else "not a within-person contrast"
        for level in ("level", "mean", "level x age", "mean x age"):
            assert status[level, "A00"] == usual, level
        for change in ("post x age", "any x age", "arm x time x age"):
            assert status[change, "A00"] == "ok" and status[change, "A04"] == "not measured"
        assert frame.loc[("any x age", "A00"), "rank"] == 2
        assert frame.loc[("post", "A04"), ["n_obs", "n_pairs"]].eq(0).all()
    # the slope of the change on age, by hand: people complete in the EE arm
    ee = trial[(trial.obs["arm"] == "EE").to_numpy()]
    wide = pd.Series(ee[:, "A10"].X[:, 0], index=[ee.obs["subject_id"], ee.obs["timepoint"]])
    wide = wide.unstack()
    change = (wide["post"] - wide["pre"]).dropna()
    frame = answers(
        trial[(trial.obs["timepoint"] != "late").to_numpy()].copy(),
        {"block": "fixed", "trend": False, "robust": False, "legacy": False},
        contrasts={"post": "EE.post - EE.pre"},
        moderators=["age"],
    )
    slope = np.polyfit([age[p] for p in change.index], change, 1)[0]
    assert frame.loc[("post x age", "A10"), "estimate"] == pytest.approx(slope, rel=1e-9)


def test_a_moderator_that_varies_within_people_has_slopes_of_its_own(trial: ad.AnnData) -> None:
    trial.obs["hours"] = np.random.default_rng(2).normal(8, 2, trial.n_obs)
    how = {"block": "fixed", "trend": False, "robust": False, "legacy": False}
    frame = answers(trial, how, contrasts={"level": "EE.post"}, moderators=["hours"])
    assert (frame.loc["level", "status"] == "not a within-person contrast").all()
    assert (frame.loc["level x hours", "status"] == "ok").all()


def test_pairs_of_joint_contrasts(trial: ad.AnnData) -> None:
    """Everyone with two times but nobody with three: a joint test has the fewest."""
    late = (trial.obs["timepoint"] == "late").to_numpy()
    half = trial.obs["subject_id"].isin(trial.obs["subject_id"].unique()[::2]).to_numpy()
    trial.X[late & half] = np.nan
    trial.X[(trial.obs["timepoint"] == "post").to_numpy() & ~half] = np.nan
    how = OPTIONS[0]
    chosen = {"any": ["post - pre", "late - pre"], "post": "post - pre", "late": "late - pre"}
    frame = answers(trial, how, arm=None, contrasts=chosen)
    assert (frame["status"] == "ok").all()
    n = frame["n_pairs"]
    assert (n["any"] == np.minimum(n["post"], n["late"])).all() and n["any"].min() > 0
    mixed = exo.tl.differential(trial, arm=None, contrasts=chosen)
    mixed = mixed.astype({"contrast": str, "feature": str}).set_index(["contrast", "feature"])
    assert (mixed["status"] == "ok").all()
    pd.testing.assert_series_equal(mixed["n_pairs"].loc[n.index], n, check_dtype=False)


@pytest.mark.parametrize("how", OPTIONS[:5])
def test_designs_that_say_nothing(trial: ad.AnnData, how: dict[str, object]) -> None:
    """One sample a person; one person; one feature: a status each, never a crash."""
    first = trial.obs.groupby("subject_id", observed=True).cumcount().to_numpy()
    half = trial.obs["subject_id"].isin(trial.obs["subject_id"].unique()[::2]).to_numpy()
    pick = np.where(half, first == 0, first == 1)
    once = answers(trial[pick].copy(), how, arm=None, contrasts={"post": "post - pre"})
    assert (once["status"] != "ok").all()
    one = trial[(trial.obs["subject_id"] == "P00").to_numpy()].copy()
    assert (answers(one, how, arm=None)["status"] != "ok").all()
    single = answers(trial[:, :1].copy(), how)
    assert (single["status"] == "ok").all() and np.isfinite(single["p_value"]).all()
    empty = trial[:, :3].copy()
    empty.X[:] = np.nan
    assert (answers(empty, how)["status"] != "ok").all()


def test_levels_between_people_at_known_correlation(trial: ad.AnnData) -> None:
    """With everyone complete the level difference of two arms is that of the means."""
    trial = trial[trial.obs["subject_id"] != "P03"].copy()
    trial.X = np.where(np.isnan(trial.X), 5.0, trial.X)
    how = {"block": "correlation", "trend": False, "robust": False, "legacy": False}
    frame = answers(trial, how, contrasts={"level": "EE.post - CON.post", "ee": "EE.post - EE.pre"})
    mean = {
        arm: trial.X[((trial.obs["arm"] == arm) & (trial.obs["timepoint"] == "post")).to_numpy()]
        for arm in ("EE", "CON")
    }
    expected = mean["EE"].mean(axis=0) - mean["CON"].mean(axis=0)
    np.testing.assert_allclose(frame.loc["level", "estimate"], expected, atol=1e-12)
    # people's levels vary: a difference between people is less certain than a change
    assert frame.loc["level", "se"].median() > frame.loc["ee", "se"].median()


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.0, 1.5])
@pytest.mark.parametrize("block", ["fixed", "correlation"])
def test_type_one_error(block: str, between: float) -> None:
    """Within and between people, 10% NaN, trend and robust: 5% holds at 12 people."""
    rng = np.random.default_rng(3)
    n, p = 12, 4000
    sigma = np.sqrt(6 / rng.chisquare(6, p))
    level = np.repeat(rng.normal(size=(n, p)) * between * sigma, 3, axis=0)
    values = level + sigma * rng.normal(size=(3 * n, p))
    values[rng.random(values.shape) < 0.1] = np.nan
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i}" for i in range(n)], 3),
            "arm": pd.Categorical(np.repeat(["EE", "CON"], 3 * n // 2)),
            "timepoint": pd.Categorical(
                ["pre", "post", "late"] * n, ["pre", "post", "late"], ordered=True
            ),
        },
        index=[f"s{i}" for i in range(3 * n)],
    )
    adata = ad.AnnData(values, obs=obs)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    chosen = dict(JOINT)
    if block == "correlation":
        chosen["level"] = "EE.post - CON.post"
    for robust in (False, True):
        how = {"block": block, "trend": robust, "robust": robust, "legacy": False}
        frame = answers(adata, how, contrasts=chosen)
        ok = frame["status"] == "ok"
        rate = (frame["p_value"] < 0.05)[ok].groupby(level="contrast").mean()
        assert ok.mean() > 0.99
        assert rate.between(0.038, 0.064).all(), (how, rate)
