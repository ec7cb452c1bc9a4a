"""Reliability and ResponseSpec: noise, and a rule that learns from training people only."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics import Reliability, ResponseSpec
from exerkine_omics.errors import AnalysisError, InputError, UsageError

REL = Reliability.from_typical_error(2.0, df=19)


def spec(**changes):
    base = {"pre": "pre", "post": "post", "threshold": 1.0, "reliability": REL}
    return ResponseSpec(**{**base, **changes})


def people(n=40, seed=2):
    rng = np.random.default_rng(seed)
    pre = rng.normal(40, 6, n)
    return pd.DataFrame(
        {
            "subject_id": [f"P{i:02d}" for i in range(n)],
            "pre": pre,
            "post": pre + rng.normal(2, 3, n),
            "age": rng.integers(20, 70, n),
            "sex": rng.choice(["F", "M"], n),
            "arm": np.where(np.arange(n) % 2, "EE", "CON"),
        }
    )


def test_test_retest():
    rel = Reliability.from_test_retest([1.0, 2, 3, 4, np.nan], [2.0, 2, 4, 6, 1])
    assert (rel.n, rel.df) == (4, 3)
    assert rel.typical_error == pytest.approx(np.std([1, 0, 1, 2], ddof=1) / np.sqrt(2))
    assert rel.learning == 1.0
    assert rel.learning_p == pytest.approx(stats.ttest_1samp([1, 0, 1, 2], 0).pvalue)
    assert rel.mean == pytest.approx(3.0)
    assert rel.sd_change == pytest.approx(np.sqrt(2) * rel.typical_error)
    assert rel.mdc == pytest.approx(1.959964 * rel.sd_change, rel=1e-6)
    assert rel.ci_low < rel.typical_error < rel.ci_high


def test_series_are_joined_by_index_never_by_order():
    test = pd.Series([1.0, 2, 3, 4], index=list("abcd"))
    retest = pd.Series([4.5, 3, 2.5, 1, 9], index=list("dcbae"))
    want = Reliability.from_test_retest([1.0, 2, 3, 4], [1, 2.5, 3, 4.5])
    assert Reliability.from_test_retest(test, retest) == want
    with pytest.raises(InputError, match="'a' stand twice"):
        Reliability.from_test_retest(test.set_axis(list("aabc")), retest)


def test_control_pools_within_strata():
    pre = np.zeros(6)
    post = np.array([1.0, 2, 3, 11, 12, 13])
    rel = Reliability.from_control(pre, post, strata=list("aaabbb"))
    assert (rel.typical_error, rel.df) == pytest.approx((1 / np.sqrt(2), 4))
    assert "2 strata" in rel.source
    assert Reliability.from_control(pre, post).df == 5
    with pytest.raises(AnalysisError, match="no degrees of freedom"):
        Reliability.from_control(pre, post, strata=list("abcdef"))
    with pytest.raises(InputError, match="6 people|labels"):
        Reliability.from_control(pre, post, strata=list("ab"))


def test_a_literature_value_without_df_is_taken_as_exact_and_says_so():
    rel = Reliability.from_typical_error(2.5)
    assert rel.df == float("inf")
    assert np.isnan(rel.ci_low) and np.isnan(rel.ci_high)
    assert "degrees of freedom unknown" in rel.source
    assert rel.half_width(0.95) == pytest.approx(1.959964 * np.sqrt(2) * 2.5, rel=1e-6)
    assert json.loads(json.dumps(rel.to_dict(), allow_nan=False))["df"] is None


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "2.5", True, None])
def test_typical_error_must_be_positive(value):
    with pytest.raises(UsageError, match="typical error"):
        Reliability.from_typical_error(value)


@pytest.mark.parametrize("df", [0, -3, float("nan"), "9", True])
def test_df_must_be_positive(df):
    with pytest.raises(UsageError, match="degrees of freedom"):
        Reliability.from_typical_error(1.0, df=df)


def test_bad_pairs():
    with pytest.raises(InputError, match="shape"):
        Reliability.from_test_retest([1.0, 2, 3], [1.0, 2])
    with pytest.raises(InputError, match="2 people have both"):
        Reliability.from_test_retest([1.0, 2, np.nan], [1.0, 2.5, 3])
    with pytest.raises(InputError, match="text"):
        Reliability.from_test_retest([1.0, 2, "x"], [1.0, 2.5, 3])
    with pytest.raises(InputError, match="infinite"):
        Reliability.from_test_retest([1.0, 2, np.inf], [1.0, 2.5, 3])
    with pytest.raises(AnalysisError, match="typical error is 0"):
        Reliability.from_test_retest([1.1, 2.3, 3.7], [2.1, 3.3, 4.7])


@pytest.mark.slow
def test_chi_square_interval_covers():
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(2000):
        pair = rng.normal(50, 2.0, (2, 15))
        rel = Reliability.from_test_retest(pair[0], pair[1])
        hits += rel.ci_low < 2.0 < rel.ci_high
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.quick
def test_spec_is_frozen_and_hashed():
    one = spec(adjust=["pre", "age"], strata="sex")
    assert one.adjust == ("pre", "age") and one.strata == ("sex",)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.threshold = 2.0
    assert one.sha256 == spec(adjust=("pre", "age"), strata=("sex",)).sha256
    assert len(one.sha256) == 64
    others = [
        spec(),
        spec(threshold=1.5),
        spec(threshold="1_te"),
        spec(direction="down"),
        spec(reliability=Reliability.from_typical_error(2.0, df=18)),
        spec(label_rule="category"),
        spec(level=0.95),
    ]
    others += [
        spec(adherence="dose", min_adherence=np.float32(0.5)),
        spec(adherence="dose", min_adherence=0.75),
        spec(smallest_sd_ir=np.int64(2)),
    ]
    assert len({s.sha256 for s in [one, *others]}) == 11
    assert spec(threshold=1).sha256 == spec(threshold=1.0).sha256


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": -1.0},
        {"threshold": float("nan")},
        {"threshold": float("inf")},
        {"threshold": "two sd"},
        {"threshold": None},
        {"threshold": True},
        {"direction": "sideways"},
        {"level": 90},
        {"label_rule": "best"},
        {"smallest_sd_ir": 0.0},
        {"smallest_sd_ir": float("nan")},
        {"reliability": 2.5},
        {"reliability": "control"},
        {"control": "CON"},
        {"smallest_sd_ir": "2"},
        {"smallest_sd_ir": True},
        {"quantile": "half"},
        {"adherence": "dose"},
        {"min_adherence": 0.5},
        {"adherence": "dose", "min_adherence": "half"},
    ],
)
def test_a_rule_that_is_none(changes):
    with pytest.raises(UsageError):
        spec(**changes)


def test_label_by_change():
    frame = people()
    frame.loc[3, "post"] = np.nan
    label = spec().label(frame, frame)
    change = frame["post"] - frame["pre"]
    assert label.index.equals(frame.index) and label.dtype == np.float64
    assert np.isnan(label[3])
    assert (label.drop(3) == (change.drop(3) > 1.0)).all()
    down = spec(direction="down").label(frame, frame)
    assert (down.drop(3) == (-change.drop(3) > 1.0)).all()


def test_label_by_category_leaves_the_uncertain_out():
    frame = pd.DataFrame({"pre": [0.0] * 5, "post": [20.0, 2, -20, -4.3, np.nan]})
    rel = Reliability.from_typical_error(1.0)  # half width 2.33
    label = spec(reliability=rel, label_rule="category").label(frame, frame)
    np.testing.assert_array_equal(label, [1, np.nan, 0, 0, np.nan])


@pytest.mark.quick
def test_nothing_is_learnt_from_the_people_labelled():
    rule = spec(threshold="0.2_sd", adjust=("pre", "sex"), strata=("sex",))
    frame = people(60)
    train, test = frame.iloc[:40], frame.iloc[40:]
    whole = rule.label(train, test)
    changed = test.copy()
    changed.loc[changed.index[1:], ["pre", "post"]] += 500.0
    assert rule.label(train, changed).iloc[0] == whole.iloc[0]
    alone = pd.concat([rule.label(train, test.iloc[[i]]) for i in range(len(test))])
    pd.testing.assert_series_equal(alone, whole)
    assert rule.threshold_in(train) != rule.threshold_in(frame)


def test_adjusting_is_the_ancova_residual():
    frame = people(200)
    change = (frame["post"] - frame["pre"]).to_numpy()
    male = (frame["sex"] == "M").to_numpy(float)
    design = np.column_stack([np.ones(200), frame["pre"], male])
    slope = np.linalg.lstsq(design, change, rcond=None)[0]
    residual = change - design @ slope + change.mean()
    label = spec(adjust=("pre", "sex")).label(frame, frame)
    np.testing.assert_array_equal(label, (residual > 1.0).astype(float))


def test_an_unseen_level_or_a_missing_covariate_has_no_label():
    frame = people()
    frame["sex"] = frame["sex"].astype(object)
    train, test = frame.iloc[:30], frame.iloc[30:].copy()
    test.iloc[0, test.columns.get_loc("sex")] = "other"
    test.iloc[1, test.columns.get_loc("sex")] = None
    label = spec(adjust="sex").label(train, test)
    assert label.isna().tolist() == [True, True] + [False] * 8


def test_too_few_people_to_adjust():
    with pytest.raises(AnalysisError, match="too few to adjust"):
        spec(adjust=("pre", "age")).label(people(3), people())


def test_noise_of_the_control_arm_in_the_training_people():
    frame = people()
    rule = spec(reliability="control", arm="arm", control="CON", threshold="1_te")
    con = frame[frame["arm"] == "CON"]
    want = (con["post"] - con["pre"]).std(ddof=1) / np.sqrt(2)
    assert rule.threshold_in(frame) == pytest.approx(want)
    with pytest.raises(AnalysisError, match="nobody is of the control arm"):
        rule.label(frame[frame["arm"] == "EE"], frame)
    # trained women only: the men's noise is not theirs; alone, the controls' own strata count
    part = frame[(frame["arm"] == "CON") | (frame["sex"] == "F")]
    within = dataclasses.replace(rule, strata=("sex",))
    women = con[con["sex"] == "F"]
    want = (women["post"] - women["pre"]).std(ddof=1) / np.sqrt(2)
    assert within.noise(part).typical_error == pytest.approx(want)
    assert within.noise(con).df == len(con) - 2
    with pytest.raises(AnalysisError, match="in a stratum of those who trained"):
        within.noise(frame[(frame["arm"] == "CON") != (frame["sex"] == "M")])


def test_columns_are_checked():
    with pytest.raises(InputError, match="Did you mean 'post'"):
        spec(post="pots").label(people(), people())
    bad = people()
    bad["post"] = bad["post"].astype(object)
    bad.loc[2, "post"] = "high"
    with pytest.raises(InputError, match="'high'"):
        spec().label(people(), bad)


def rank_auc(score, label):
    rank = stats.rankdata(score)
    n1 = label.sum()
    return (rank[label == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(label) - n1))


@pytest.mark.slow
def test_what_each_label_couples_to_when_all_respond_alike():
    """Vector coupling_null: SD 10, TE 5, true change -5 in everybody."""
    rng = np.random.default_rng(8)
    n = 200_000
    true = rng.normal(80, 10, n)
    frame = pd.DataFrame(
        {"pre": true + rng.normal(0, 5, n), "post": true - 5 + rng.normal(0, 5, n)}
    )
    marker = 0.6 * (true - 80) / 10 + 0.8 * rng.normal(size=n)
    raw = spec(threshold=5.0, direction="down")
    ancova = dataclasses.replace(raw, adjust=("pre",))
    raw_label, ancova_label = (s.label(frame, frame).to_numpy() for s in (raw, ancova))
    assert rank_auc(frame["pre"], raw_label) == pytest.approx(0.645, abs=0.006)
    assert rank_auc(frame["pre"], ancova_label) == pytest.approx(0.501, abs=0.006)
    assert rank_auc(marker, raw_label) == pytest.approx(0.5025, abs=0.006)
    assert rank_auc(marker, ancova_label) == pytest.approx(0.421, abs=0.006)


def test_who_did_not_train_has_no_label_and_teaches_nothing():
    rng = np.random.default_rng(8)
    n = 40
    frame = pd.DataFrame({"arm": np.repeat(["EE", "CON"], n), "pre": rng.normal(40, 5, 2 * n)})
    frame["post"] = frame["pre"] + rng.normal(3, 2, 2 * n)
    frame["dose"] = np.where(frame["arm"] == "CON", 0.0, 1.0)
    idle = frame.index[:8]
    frame.loc[idle, "dose"] = 0.3
    frame.loc[idle, ["pre", "post"]] *= [3.0, -2.0]
    how = {"reliability": "control", "arm": "arm", "control": "CON", "threshold": "0.2_sd",
           "adjust": "pre", "pre": "pre", "post": "post"}  # fmt: skip
    rule = ResponseSpec(**how, adherence="dose", min_adherence=0.5)
    label = rule.label(frame, frame)
    assert label[idle].isna().all() and label.drop(idle).notna().all()
    without = ResponseSpec(**how).label(frame.drop(idle), frame.drop(idle))
    pd.testing.assert_series_equal(label.drop(idle), without)
    assert rule.threshold_in(frame) == ResponseSpec(**how).threshold_in(frame.drop(idle))
