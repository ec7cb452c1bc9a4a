"""responders: people, SDir, verdicts, on constructed, simulated and real outcomes."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError

REL = exo.Reliability.from_typical_error(1.0, df=30)


def trial(n=30, *, sd_ir=0.0, te=2.0, effect=4.0, seed=1, sd=8.0):
    """n people an arm; drift and noise alike in both, the effect N(effect, sd_ir^2) in EE."""
    rng = np.random.default_rng(seed)
    level = rng.normal(45, sd, 2 * n)
    arm = np.repeat(["EE", "CON"], n)
    true = np.where(arm == "EE", effect + sd_ir * rng.normal(size=2 * n), 0.0)
    return pd.DataFrame(
        {
            "subject_id": [f"S{i:03d}" for i in range(2 * n)],
            "arm": arm,
            "sex": rng.choice(["F", "M"], 2 * n),
            "vo2_pre": level + rng.normal(0, te, 2 * n),
            "vo2_post": level + true + rng.normal(0, te, 2 * n),
        }
    )


def run(frame, **changes):
    base = {
        "pre": "vo2_pre",
        "post": "vo2_post",
        "arm": "arm",
        "control": "CON",
        "reliability": "control",
        "threshold": 1.0,
    }
    return exo.tl.responders(frame, **{**base, **changes})


def changes(*values):
    return pd.DataFrame(
        {
            "subject_id": [f"P{i}" for i in range(len(values))],
            "vo2_pre": 10.0,
            "vo2_post": 10.0 + np.array(values),
        }
    )


@pytest.mark.quick
def test_the_four_categories_and_missing():
    rel = exo.Reliability.from_typical_error(1.0)  # half width 1.645 sqrt(2) = 2.326
    res = run(
        changes(3.4, 3.3, -1.4, -3.4, -1.2, np.nan),
        arm=None,
        control=None,
        reliability=rel,
        threshold=1.0,
    )
    frame = res.frame
    want = ["responder", "uncertain", "non", "adverse", "uncertain", "missing"]
    assert frame["category"].tolist() == want
    assert res.half_width == pytest.approx(1.644854 * np.sqrt(2), rel=1e-6)
    np.testing.assert_allclose(frame["ci_high"] - frame["change"], [res.half_width] * 5 + [np.nan])
    assert frame["p_response"][0] > 0.95 and np.isnan(frame["p_response"][5])
    assert frame["p_response_shrunk"].isna().all()
    assert res.counts == {
        "adverse": 1,
        "non": 1,
        "uncertain": 2,
        "responder": 1,
        "missing": 1,
        "not_trained": 0,
    }
    assert any("1 of 6 people" in note for note in res.notes)


@pytest.mark.quick
def test_direction_down_is_the_mirror_image_in_its_own_signs():
    frame = trial(seed=4)
    mirror = frame.assign(vo2_pre=-frame["vo2_pre"], vo2_post=-frame["vo2_post"])
    up, down = run(frame), run(mirror, direction="down")
    assert up.frame["category"].tolist() == down.frame["category"].tolist()
    np.testing.assert_allclose(down.frame["change"], -up.frame["change"])
    np.testing.assert_allclose(down.frame["ci_low"], -up.frame["ci_high"])
    for column in ("p_response", "p_response_shrunk"):
        np.testing.assert_allclose(down.frame[column], up.frame[column])
    assert down.ceiling == up.ceiling
    assert (up.cut, down.cut) == (1.0, -1.0) and down.threshold == 1.0
    assert down.proportion == pytest.approx(up.proportion)
    assert down.mean_change == pytest.approx(-up.mean_change)


def test_one_arm_cannot_be_known_and_says_why():
    res = run(changes(1.0, 2, 3, 4, 9), arm=None, control=None, reliability=REL)
    assert res.verdict == "cannot be known"
    assert "control arm" in res.verdict_reason
    assert np.isnan([res.sd_ir.estimate, res.sd_ir.ci_low, res.ceiling.r2, res.ceiling.auc]).all()
    assert any("not attributable to exercise" in note for note in res.notes)
    assert res.control_frame is None and res.control_counts is None


def test_a_control_arm_gives_noise_sdir_and_its_own_rate():
    frame = trial(sd_ir=6.0, te=1.0, n=60)
    res = run(frame)
    split = {a: (g["vo2_post"] - g["vo2_pre"]) for a, g in frame.groupby("arm")}
    assert res.typical_error == pytest.approx(split["CON"].std() / np.sqrt(2))
    want = np.sqrt(split["EE"].var() - split["CON"].var())
    assert res.sd_ir.estimate == pytest.approx(want)
    assert res.verdict == "differs" and res.sd_ir.ci_low > 0
    assert res.ceiling.r2 == pytest.approx(want**2 / split["EE"].var())
    assert 0.5 < res.ceiling.auc < 1
    assert set(res.frame["arm"]) == {"EE"} and set(res.control_frame["arm"]) == {"CON"}
    hits = res.control_counts["responder"]
    assert any(f"calls {hits} of 60 control people" in note for note in res.notes)
    shrunk = res.frame["p_response_shrunk"]
    assert shrunk.between(0, 1).all() and shrunk.nunique() > 10


def test_without_response_variation_all_have_the_same_shrunk_probability():
    res = run(trial(seed=11))
    assert res.sd_ir.estimate < 0
    assert set(res.frame["p_response_shrunk"]) == {1.0}
    assert res.ceiling.r2 == 0 and res.ceiling.auc == 0.5
    assert 0.5 < res.ceiling.coupling_auc < res.ceiling.coupling_auc_true_level < 1


@pytest.mark.quick
def test_verdicts():
    assert run(trial(100, sd_ir=8.0), smallest_sd_ir=1.0).verdict == "differs"
    small = run(trial(100, sd_ir=0.0), smallest_sd_ir=5.0)
    assert small.verdict == "negligible" and small.sd_ir.ci_high < 5.0
    assert "as given" in small.verdict_reason
    vague = run(trial(15, sd_ir=2.0, seed=3))
    assert vague.verdict == "cannot be known" and vague.sd_ir.ci_low < 0 < vague.sd_ir.ci_high
    assert "0.1 SD of the baseline" in vague.verdict_reason
    # differing, but by less than matters
    assert run(trial(100, sd_ir=8.0), smallest_sd_ir=30.0).verdict == "negligible"


def test_controls_that_vary_more_than_the_trained_are_no_measure_of_their_noise():
    frame = trial(60)
    rows = frame["arm"] == "CON"
    frame.loc[rows, "vo2_post"] += np.random.default_rng(9).normal(0, 12, rows.sum())
    res = run(frame)
    assert res.sd_ir.ci_high < 0
    assert res.verdict == "cannot be known"
    assert "control arm varies more" in res.verdict_reason


def sampled_auc(score, label):
    rank = stats.rankdata(score)
    n1 = label.sum()
    return (rank[label].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(label) - n1))


@pytest.mark.parametrize(("sd_ir", "threshold"), [(0.0, 0.5), (2.0, 6.5)])
def test_ceiling_and_coupling_are_what_large_samples_reach(sd_ir, threshold):
    """At the label's own cut, away from the mean of 4."""
    rng = np.random.default_rng(12)
    n, error = 60_000, 2.0
    level, effect = rng.normal(45, 5, 2 * n), rng.normal(4, sd_ir, 2 * n)
    arm = np.repeat(["EE", "CON"], n)
    pre, noise = level + rng.normal(0, error, 2 * n), rng.normal(0, error, 2 * n)
    post = level + noise + effect * (arm == "EE")
    ids = np.char.zfill(np.arange(2 * n).astype(str), 6)
    frame = pd.DataFrame({"subject_id": ids, "arm": arm, "vo2_pre": pre, "vo2_post": post})
    ceiling = run(frame, threshold=threshold).ceiling
    label = ((post - pre) > threshold)[:n]
    if sd_ir:
        assert ceiling.auc == pytest.approx(sampled_auc(effect[:n], label), abs=0.012)
    else:
        assert ceiling.coupling_auc == pytest.approx(sampled_auc(-pre[:n], label), abs=0.012)
        known = sampled_auc((level - pre)[:n], label)
        assert ceiling.coupling_auc_true_level == pytest.approx(known, abs=0.012)


def test_smallest_sdir_and_threshold_rule_use_the_baseline_within_shared_strata():
    frame = trial(40)
    frame["age"] = np.where(frame["arm"].eq("CON") & (np.arange(80) % 2 == 0), "old", "young")
    frame.loc[frame["age"] == "old", "vo2_pre"] += 100
    frame.loc[frame["age"] == "old", "vo2_post"] += 100
    res = run(frame, strata="age", threshold="0.2_sd")
    sd = frame.loc[frame["age"] == "young", "vo2_pre"].std()
    assert res.sd_ir.smallest == pytest.approx(0.1 * sd)
    assert res.threshold == pytest.approx(0.2 * sd)
    assert res.sd_ir.standardized == pytest.approx(res.sd_ir.estimate / sd)
    assert run(frame, smallest_sd_ir=0.7).sd_ir.smallest == 0.7


def test_strata_take_their_mean_changes_out_of_the_noise():
    frame = trial(40)
    frame.loc[frame["sex"] == "M", "vo2_post"] += 20
    plain, within = run(frame), run(frame, strata="sex")
    assert plain.typical_error > 2 * within.typical_error
    assert within.reliability.df == 38
    assert (within.sd_ir.df_treated, within.sd_ir.df_control) == (38, 38)


def test_controls_of_strata_where_nobody_trained_are_left_out():
    frame = trial(40)
    old = frame["arm"].eq("CON") & (np.arange(80) % 2 == 0)
    frame["age"] = np.where(old, "old", "young")
    frame.loc[old, "vo2_post"] += np.random.default_rng(1).normal(0, 30, old.sum())
    res = run(frame, strata=["age"])
    assert res.reliability.n == 20 and res.typical_error < 5
    assert any("'old'" in note and "left out" in note for note in res.notes)
    assert len(res.control_frame) == 40


def test_a_stratum_without_controls_counts_in_no_sdir():
    frame = trial(40)
    frame["site"] = "A"
    frame.loc[frame.index[:10], "site"] = "B"
    frame.loc[frame.index[:10], "vo2_post"] += np.linspace(-90, 90, 10)
    res = run(frame, strata="site")
    assert res.sd_ir.df_treated == 29 and res.sd_ir.sd_treated < 5
    assert any("have no controls" in note for note in res.notes)


def test_doses_are_never_pooled():
    frame = trial(20)
    frame.loc[frame.index[:10], "arm"] = "HIIT"
    with pytest.raises(UsageError, match="'EE', 'HIIT'.*treated="):
        run(frame)
    assert len(run(frame, treated="HIIT").frame) == 10
    with pytest.raises(UsageError, match="is also the control"):
        run(frame, treated="CON")


def test_the_order_of_rows_changes_no_digit():
    frame = trial(25, seed=6)
    frame["other"] = 1.0
    shuffled = frame.sample(frac=1, random_state=3).set_index("other")
    one, two = run(frame, strata="sex"), run(shuffled, strata="sex")
    pd.testing.assert_frame_equal(one.frame, two.frame, check_exact=True)
    assert one.to_dict() == two.to_dict()


def test_the_input_is_left_alone_and_may_hold_our_names():
    frame = trial(12).rename(columns={"vo2_pre": "post", "vo2_post": "pre"})
    frame["change"] = "text"
    before = frame.copy(deep=True)
    res = run(frame, pre="post", post="pre")
    pd.testing.assert_frame_equal(frame, before)
    assert (res.frame["change"] == res.frame["post"] - res.frame["pre"]).all()
    assert (res.frame["pre"].to_numpy() == frame["post"][:12].to_numpy()).all()


def test_the_subject_may_be_the_index():
    frame = trial(12)
    one = run(frame.set_index("subject_id"))
    pd.testing.assert_frame_equal(one.frame, run(frame).frame)


def test_columns_and_dtypes_are_the_contract(tmp_path):
    res = run(trial(12))
    assert list(res.frame.columns) == [
        "subject_id",
        "arm",
        "pre",
        "post",
        "change",
        "ci_low",
        "ci_high",
        "p_response",
        "p_response_shrunk",
        "category",
    ]
    assert "arm" not in run(changes(1, 2, 3), arm=None, control=None, reliability=REL).frame
    adata = ad.AnnData(np.zeros((2, 1)))
    adata.uns["responders"] = res.frame
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad").uns["responders"]
    assert back["category"].astype(str).tolist() == res.frame["category"].astype(str).tolist()
    np.testing.assert_array_equal(back["ci_low"], res.frame["ci_low"])


def test_summary_is_json_and_reprs_escape():
    frame = trial(12)
    frame["arm"] = frame["arm"].replace({"EE": "<b>EE</b>"})
    frame.loc[0, "vo2_post"] = np.nan
    res = run(frame)
    summary = json.loads(json.dumps(res.to_dict(), allow_nan=False))
    assert summary["verdict"] in {"differs", "negligible", "cannot be known"}
    assert summary["sd_ir"]["estimate"] == pytest.approx(res.sd_ir.estimate)
    one_arm = run(changes(1, 2, 3), arm=None, control=None, reliability=REL).to_dict()
    assert one_arm["sd_ir"]["estimate"] is None
    assert res.verdict_reason in repr(res)
    assert "<b>EE" not in res._repr_html_() and "&lt;b&gt;EE" in res._repr_html_()


def test_notes_on_the_noise():
    frame = trial(40, te=4.0)
    res = run(frame, reliability=REL)
    assert any("reliability='control' is the truer noise" in note for note in res.notes)
    learnt = exo.Reliability.from_test_retest([1.0, 2, 3, 4, 5], [3.0, 4.1, 4.9, 6, 7.2])
    assert any("learning effect" in note for note in run(frame, reliability=learnt).notes)
    exact = exo.Reliability.from_typical_error(1.0)
    assert any("taken as exact" in note for note in run(frame, reliability=exact).notes)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"pre": "vo2pre"}, InputError, "Did you mean 'vo2_pre'"),
        ({"strata": "sexx"}, InputError, "Did you mean 'sex'"),
        ({"arm": "arms"}, InputError, "Did you mean 'arm'"),
        ({"subject": "person"}, InputError, "no column 'person'"),
        ({"post": "sex"}, InputError, "not numbers"),
        ({"threshold": -1.0}, UsageError, "threshold"),
        ({"threshold": float("nan")}, UsageError, "threshold"),
        ({"threshold": "big"}, UsageError, "0.2_sd"),
        ({"control": "con"}, UsageError, "none of the arms"),
        ({"treated": "EEE"}, UsageError, "Did you mean 'EE'"),
        ({"reliability": 2.0}, UsageError, "from_test_retest"),
        ({"arm": None}, UsageError, "needs arm="),
        ({"arm": None, "control": None}, UsageError, "needs a control arm"),
        ({"level": 1.0}, UsageError, "level"),
        ({"direction": "left"}, UsageError, "direction"),
        ({"smallest_sd_ir": -1.0}, UsageError, "smallest_sd_ir"),
        ({"strata": "subject_id"}, AnalysisError, "strata"),
    ],
)
def test_bad_calls(options, error, match):
    with pytest.raises(error, match=match):
        run(trial(12), **options)


def test_bad_tables():
    frame = trial(12)
    with pytest.raises(InputError, match="'S000' stand in more than one row"):
        run(pd.concat([frame, frame.iloc[:1]]))
    with pytest.raises(InputError, match="no rows"):
        run(frame.iloc[:0])
    with pytest.raises(InputError, match="not a DataFrame"):
        run(frame.to_dict())
    with pytest.raises(InputError, match="empty in rows"):
        run(frame.assign(arm=frame["arm"].where(frame.index > 0)))
    with pytest.raises(InputError, match="infinite"):
        run(frame.assign(vo2_pre=np.inf))
    few = frame[(frame["arm"] == "EE") | (frame.index >= 22)]
    with pytest.raises(AnalysisError, match="2 people of the control arm"):
        run(few, reliability=REL)
    with pytest.raises(AnalysisError, match="Nobody of EE"):
        run(frame.assign(vo2_post=frame["vo2_post"].where(frame["arm"] == "CON")))
    with pytest.raises(AnalysisError, match="All people are of the control arm"):
        run(frame[frame["arm"] == "CON"])


def test_two_treated_people_are_judged_but_sdir_is_unknown():
    frame = trial(12)
    res = run(frame[(frame["arm"] == "CON") | (frame.index < 2)])
    assert len(res.frame) == 2 and np.isfinite(res.frame["ci_low"]).all()
    assert res.verdict == "cannot be known" and "too few" in res.verdict_reason


def share(verdict, repeats, **options):
    return np.mean([run(trial(seed=s, **options)).verdict == verdict for s in range(repeats)])


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 100])
def test_a_constant_response_is_rarely_said_to_differ(n):
    repeats = 400
    limit = 0.05 + 2 * np.sqrt(0.05 * 0.95 / repeats)
    assert share("differs", repeats, n=n) <= limit


@pytest.mark.slow
def test_strong_differences_are_found_and_weak_ones_cannot_be_known():
    assert share("differs", 100, n=100, sd_ir=6.0) >= 0.99
    # anchor: with SDir = TE and 20 an arm the interval holds 0 in 94% of trials
    assert share("cannot be known", 300, n=20, sd_ir=2.0) == pytest.approx(0.94, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("sd_ir", [0.0, 2.0, 5.0])
def test_interval_of_sdir_covers(sd_ir):
    hits = []
    for seed in range(400):
        ir = run(trial(50, sd_ir=sd_ir, seed=seed)).sd_ir
        hits.append(ir.ci_low <= sd_ir <= ir.ci_high)
    assert np.mean(hits) == pytest.approx(0.95, abs=0.035)


@pytest.mark.slow
def test_a_persons_interval_covers_the_true_change():
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(300):
        level, true = rng.normal(40, 6, 40), rng.normal(2, 3, 20)
        test = level + rng.normal(0, 2, (2, 40))
        rel = exo.Reliability.from_test_retest(test[0, 20:], test[1, 20:])
        frame = pd.DataFrame(
            {
                "subject_id": [f"P{i:02d}" for i in range(20)],
                "vo2_pre": test[0, :20],
                "vo2_post": level[:20] + true + rng.normal(0, 2, 20),
            }
        )
        got = run(frame, arm=None, control=None, reliability=rel).frame
        hits.append(((got["ci_low"] < true) & (true < got["ci_high"])).mean())
    assert np.mean(hits) == pytest.approx(0.90, abs=0.015)


@pytest.fixture
def rats(data_dir):
    path = data_dir / "motrpac_rat_pass1b" / "outcome_delta_vo2max.csv"
    return pd.read_csv(path, dtype={"pid": str})


RATS = {
    "pre": "pre_vo2max_ml_kg_min",
    "post": "post_vo2max_ml_kg_min",
    "subject": "pid",
    "arm": "group",
    "control": "SED",
    "strata": ("age", "sex"),
    "threshold": "0.2_sd",
}


@pytest.mark.real_data
def test_rats_8_weeks(rats):
    """The mean rises by 10 mL/kg/min, yet the trained vary no more than the sedentary."""
    res = run(rats, treated="8W", **RATS)
    assert len(res.frame) == 61 and res.mean_change == pytest.approx(9.8, abs=0.2)
    assert res.reliability.df == 42 - 4
    assert res.sd_ir.estimate == pytest.approx(-2.03, abs=0.01)
    assert res.sd_ir.ci_low < 0 < res.sd_ir.smallest < res.sd_ir.ci_high
    assert res.verdict == "cannot be known"
    assert res.counts["responder"] > 30 and res.control_counts["responder"] == 0
    assert res.ceiling.auc == 0.5


@pytest.mark.real_data
def test_rats_4_weeks(rats):
    """Sedentary rats of 6 months vary more than the trained: their noise is no measure."""
    res = run(rats, treated="4W", **RATS)
    assert res.counts["missing"] == 30 and res.reliability.df == 24 - 2
    assert res.sd_ir.estimate == pytest.approx(-4.84, abs=0.01)
    assert res.sd_ir.ci_high < 0
    assert res.verdict == "cannot be known"
    assert any("18M/Female" in note for note in res.notes)
    with pytest.raises(UsageError, match="never pooled"):
        run(rats, **RATS)


@pytest.mark.real_data
def test_skiers_in_the_heat(data_dir):
    frame = pd.read_csv(data_dir / "exscidata_training" / "heatxc.csv")
    wide = frame.pivot(index=["participant", "group"], columns="time", values="VO2max_kg")
    res = run(
        wide.reset_index(),
        pre="pre",
        post="post",
        subject="participant",
        arm="group",
        control="con",
        threshold="0.2_sd",
    )
    assert res.sd_ir.estimate == pytest.approx(-2.7, abs=0.05)
    assert res.sd_ir.ci_low == pytest.approx(-4.0, abs=0.05)
    assert res.sd_ir.ci_high == pytest.approx(1.1, abs=0.05)
    assert res.verdict == "cannot be known"
    assert res.counts["missing"] == 2


def test_strata_with_means_of_their_own():
    """The share's interval holds the share; the ceiling bounds who knows the stratum."""
    frame = trial(300, seed=2)
    late = (frame["sex"] == "M") & (frame["arm"] == "EE")
    frame.loc[late, "vo2_post"] += 12
    res = run(frame, strata="sex", threshold=9.0)
    assert res.sd_ir.estimate < 3
    low, high = res.proportion_ci
    assert low <= res.proportion <= high
    mine = frame[frame["arm"] == "EE"]
    label = (mine["vo2_post"] - mine["vo2_pre"] > 9.0).to_numpy()
    of_sex = sampled_auc((mine["sex"] == "M").to_numpy(float), label)
    assert of_sex > 0.9 and res.ceiling.auc > of_sex - 0.02
    # strata that differ by chance alone raise nothing much
    plain = trial(300, seed=2).assign(site=[str(i % 30) for i in range(600)])
    assert run(plain, strata="site").ceiling.auc < 0.65


@pytest.mark.parametrize("arm", ["EE", "CON"])
def test_an_arm_without_any_spread_is_no_evidence(arm):
    """A copied column is neither 'negligible' nor 'differs'."""
    frame = trial(12)
    frame.loc[frame["arm"] == arm, "vo2_post"] = frame["vo2_pre"] + 1.1
    res = run(frame, reliability=REL)
    assert res.verdict == "cannot be known" and "same amount" in res.verdict_reason
    assert np.isnan(res.sd_ir.estimate) and np.isnan(res.ceiling.auc)
