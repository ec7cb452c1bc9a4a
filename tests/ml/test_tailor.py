"""Which training suits whom: the interaction against R, invariances, refusals, designs."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError

REFERENCE = Path(__file__).parents[1] / "reference" / "tailor"
FAST = {"repeats": 5, "seed": 1, "n_jobs": 1}


def cohort(x, obs):
    people = [f"P{i:03d}" for i in range(len(x))] if "subject_id" not in obs else None
    obs = obs.copy()
    if people is not None:
        obs["subject_id"] = people
    obs.index = [f"{s}_pre" for s in obs["subject_id"]]
    obs["timepoint"] = pd.Categorical(["pre"] * len(obs), ["pre", "post"], ordered=True)
    adata = ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"A{j:03d}" for j in range(x.shape[1])]))
    adata.uns["exerkine"] = {"schema_version": "1", "units": "NPX", "baseline": "pre"}
    return adata


def make_trial(n=80, p=12, slope=0.0, main=0.0, arms=("END", "RES"), seed=0, noise=1.0):
    """The k-th arm gains ``k (main + 2 slope score)`` more; the score is the first feature."""
    rng = np.random.default_rng(seed)
    x, code = rng.normal(6, 1, (n, p)), rng.permutation(np.arange(n) % len(arms))
    score = x[:, 0] - 6
    change = 3 + (x[:, 1] - 6) + code * (main + 2 * slope * score) + rng.normal(0, noise, n)
    holes = rng.random(x.shape) < 0.03
    holes[:, :2] = False
    x[holes] = np.nan
    obs = pd.DataFrame({"arm": np.array(arms)[code], "marker": score})
    obs["age"], obs["sex"] = rng.normal(45, 8, n), rng.choice(["F", "M"], n)
    adata = cohort(x, obs)
    return adata, pd.Series(change, index=adata.obs["subject_id"].to_numpy(), name="change")


@pytest.fixture(scope="module")
def strong():
    adata, change = make_trial(240, slope=0.8)
    options = {"score": "marker", "randomised": True, "smallest_gain": 0.2, **FAST}
    return adata, change, options, exo.ml.tailor(adata, change, "arm", **options)


@pytest.mark.parametrize("case", ["two", "three"])
def test_interaction_equals_r(case):
    people = pd.read_csv(REFERENCE / "people.csv")
    people = people if case == "three" else people[people["arm"] != "HIIT"]
    x = np.random.default_rng(0).normal(size=(len(people), 3))
    adata = cohort(x, people.reset_index(drop=True))
    change = people.set_index("subject_id")["change"]
    found = exo.ml.tailor(
        adata, change, "arm", score="score", clinical=["age", "sex"], randomised=True, **FAST
    ).interaction.set_index("contrast")
    expected = pd.read_csv(REFERENCE / "expected.csv").query("case == @case")
    expected = expected.drop(columns="case").set_index("contrast")
    assert set(found.index) == set(expected.index)
    got = found.loc[expected.index, expected.columns].astype(float)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert (found["status"] == "ok").all() and (found["n"] == len(people)).all()


def test_interaction_p_is_that_of_statsmodels_for_families():
    import statsmodels.formula.api as smf

    adata, change = make_trial(80, slope=0.2)
    adata.obs["family_id"] = np.repeat([f"F{i}" for i in range(40)], 2)
    found = exo.ml.tailor(
        adata, change, "arm", score="marker", clinical=None, randomised=True, groups="family_id",
        **FAST,
    )  # fmt: skip
    frame = adata.obs.assign(y=change.to_numpy(), z=adata.obs["marker"] / adata.obs["marker"].std())
    fit = smf.ols("y ~ arm * z", frame).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(frame["family_id"])[0]}, use_t=True
    )
    row = found.interaction.iloc[0]
    assert row["estimate"] == pytest.approx(fit.params["arm[T.RES]:z"])
    assert row["se"] == pytest.approx(fit.bse["arm[T.RES]:z"])
    assert row["p_value"] == pytest.approx(fit.pvalues["arm[T.RES]:z"])
    assert (found.policy_value["n_groups"] == 40).all()


def test_a_strong_modifier_gives_a_rule(strong):
    adata, change, options, found = strong
    assert found.verdict == "assign by this rule" and found.rule.proven
    value = found.policy_value.set_index(["policy", "learner"])["estimate"]
    assert value["gain", "dr"] == pytest.approx(
        value["rule", "dr"] - value["best single arm", ""], abs=1e-9
    )
    for arm in ("END", "RES"):
        assert value[f"gain over all {arm}", "dr"] == pytest.approx(
            value["rule", "dr"] - value[f"all {arm}", ""], abs=1e-9
        )
    over = found.policy_value[found.policy_value["policy"].str.startswith("gain")]
    assert (over.loc[over["learner"] == "dr", "ci_low"] > 0.2).all()
    sure = found.people[~found.people["abstain"]]
    marker = adata.obs.set_index("subject_id")["marker"].reindex(sure["subject_id"]).to_numpy()
    assert len(sure) > 80
    assert ((marker > 0) == (sure["recommended"] == "RES")).mean() > 0.97
    assert found.people.loc[found.people["abstain"], "advantage"].mean() < sure["advantage"].mean()
    text = json.dumps(found.to_dict())
    assert "NaN" not in text and found.to_dict()["verdict"] == found.verdict
    assert "assign by this rule" in repr(found) and "<ul>" in found._repr_html_()


def test_rule_on_new_people(strong):
    adata, change, options, found = strong
    new, _ = make_trial(50, slope=0.8, seed=9)
    told = found.rule.assign(new)
    marker = new.obs.set_index("subject_id")["marker"].reindex(told["subject_id"]).to_numpy()
    ok = (told["status"] == "ok").to_numpy()
    assert ok.sum() > 15 and (told["abstain"].to_numpy() == ~ok).all()
    assert ((marker > 0) == (told["arm"] == "RES"))[ok].mean() > 0.97
    moved = new[::-1, ::-1].copy()
    pd.testing.assert_frame_equal(found.rule.assign(moved), told)
    # the printed weights are the rule
    rule, base = found.rule, found.rule.to_frame().set_index("feature")
    first = new.to_df().iloc[0].rename(lambda f: f)
    values = pd.concat([first, new.obs.iloc[0][["age", "marker"]].astype(float)])
    values["sex[M]"] = float(new.obs["sex"].iloc[0] == "M")
    values = values.reindex(base.index).to_numpy(dtype=float)
    values = np.where(np.isnan(values), rule.medians, values)
    level = dict(zip(rule.arms, rule.intercepts + values @ base.to_numpy(), strict=True))
    assert abs(level["RES"] - level["END"]) == pytest.approx(told["advantage"].iloc[0])
    bare = new.copy()
    del bare.obs["marker"]
    assert (rule.assign(bare)["status"] == "no score").all()
    sheet = new.obs[["subject_id", "marker"]]
    pd.testing.assert_frame_equal(rule.assign(bare, sheet), told)
    few = rule.assign(new[:, :2].copy())
    assert (few["status"] == "features missing").all() and few["abstain"].all()


def test_nothing_to_find_is_not_the_same_for_all_by_itself():
    adata, change = make_trial(60)
    found = exo.ml.tailor(adata, change, "arm", score="marker", randomised=True, **FAST)
    assert found.verdict == "cannot be said with n = 60"
    assert found.people.shape[0] == 60 and found.rule.assign(adata)["abstain"].all()
    wide = exo.ml.tailor(
        adata, change, "arm", score="marker", randomised=True, smallest_gain=5.0, **FAST
    )
    assert wide.verdict == "same training for all"
    assert max(wide.attainable_gain.values()) < 5


def test_without_a_score_a_small_trial_cannot_assign():
    adata, change = make_trial(100, slope=1.5)
    bare = exo.ml.tailor(adata, change, "arm", randomised=True, **FAST)
    gain = bare.policy_value.query("policy == 'gain' and learner == 'dr'").iloc[0]
    assert gain["ci_low"] > 0
    assert bare.verdict == "cannot be said with n = 100" and "prespecified" in bare.reason
    assert bare.interaction["status"].tolist() == ["no score was named"]
    named = exo.ml.tailor(adata, change, "arm", score="marker", randomised=True, **FAST)
    assert named.verdict == "assign by this rule"


def numbers(found):
    frame = found.policy_value[found.policy_value["policy"].isin(["best single arm", "gain"])]
    return frame[["estimate", "se"]].to_numpy()


def test_order_shift_and_workers_change_nothing(strong):
    adata, change, options, base = strong
    rng = np.random.default_rng(3)
    moved = adata[rng.permutation(adata.n_obs), rng.permutation(adata.n_vars)].copy()
    other = exo.ml.tailor(moved, change[::-1], "arm", **(options | {"n_jobs": 2}))
    pd.testing.assert_frame_equal(other.policy_value, base.policy_value)
    pd.testing.assert_frame_equal(other.people, base.people)
    pd.testing.assert_frame_equal(other.interaction, base.interaction)
    shifted = exo.ml.tailor(adata, change + 1e5, "arm", **options)
    np.testing.assert_allclose(numbers(shifted)[1:], numbers(base)[1:], atol=1e-6)
    assert numbers(shifted)[0, 0] - 1e5 == pytest.approx(numbers(base)[0, 0], abs=1e-6)


def test_arms_by_another_name_and_a_turned_outcome(strong):
    adata, change, options, base = strong
    renamed = adata.obs.set_index("subject_id")["arm"].map({"END": "Z", "RES": "A"})
    swapped = exo.ml.tailor(adata, change, renamed, **options)
    np.testing.assert_allclose(numbers(swapped), numbers(base), atol=1e-9)
    row = swapped.interaction.iloc[0]
    assert row["estimate"] == pytest.approx(-base.interaction["estimate"].iloc[0])
    turned = exo.ml.tailor(adata, -change, "arm", better="lower", **options)
    np.testing.assert_allclose(numbers(turned)[1:], numbers(base)[1:], atol=1e-9)
    np.testing.assert_allclose(numbers(turned)[0], numbers(base)[0] * [-1, 1], atol=1e-9)


def test_response_spec_gives_change_and_direction(strong):
    adata, change, options, base = strong
    reliability = exo.Reliability.from_typical_error(1.0, df=20)
    frame = pd.DataFrame({"subject_id": change.index, "before": 10.0, "after": 10 - change})
    frame["group"] = adata.obs.set_index("subject_id")["arm"].reindex(change.index).to_numpy()
    spec = exo.ResponseSpec(
        pre="before", post="after", threshold=1.0, reliability=reliability, direction="down"
    )
    found = exo.ml.tailor(adata, (spec, frame), "group", **options)
    np.testing.assert_allclose(numbers(found)[1:], numbers(base)[1:], atol=1e-9)
    with pytest.raises(UsageError, match="direction='down'"):
        exo.ml.tailor(adata, (spec, frame), "group", better="higher", **options)
    with pytest.raises(UsageError, match="arm or the outcome"):
        exo.ml.tailor(adata, (spec, frame), "group", clinical=["after"], **options)


def test_costs_are_taken_off_and_controls_left_out():
    adata, change = make_trial(120, arms=("CON", "END", "RES"), main=1.0)
    found = exo.ml.tailor(adata, change, "arm", control="CON", randomised=True, **FAST)
    assert found.counts["control_arm"] == 40 and found.settings["arms"] == ["END", "RES"]
    value = found.policy_value.set_index("policy")["estimate"]
    dear = exo.ml.tailor(
        adata, change, "arm", control="CON", cost={"RES": 10}, randomised=True, **FAST
    )
    net = dear.policy_value.set_index("policy")["estimate"]
    assert net["all RES"] == pytest.approx(value["all RES"] - 10, abs=1e-9)
    assert dear.rule.best == "END" and found.rule.best == "RES"
    with pytest.raises(UsageError, match="no arm 'CON'"):
        exo.ml.tailor(adata, change, "arm", control="CON", cost={"CON": 1}, randomised=True, **FAST)


def test_three_arms():
    adata, change = make_trial(330, arms=("A", "B", "C"), slope=0.8)
    found = exo.ml.tailor(adata, change, "arm", score="marker", randomised=True, **FAST)
    assert found.interaction["contrast"].tolist() == ["B - A", "C - A", "C - B", "all arms"]
    assert found.interaction["p_value"].iloc[-1] < 1e-6
    assert found.verdict == "assign by this rule"
    marker = adata.obs.set_index("subject_id")["marker"].reindex(found.people["subject_id"])
    far = np.abs(marker.to_numpy()) > 1
    expected = np.where(marker > 0, "C", "A")[far]
    assert (found.people["recommended"].to_numpy()[far] == expected).mean() > 0.95


def test_signatures_are_features_and_scores():
    adata, change = make_trial(220, slope=0.8)
    sets = {"one": ["A000"], "other": ["A003", "A004", "A005"]}
    found = exo.ml.tailor(
        adata, change, "arm", score="one", signatures=sets, randomised=True, **FAST
    )
    assert found.rule.features == ("age", "sex[M]", "one", "one", "other")
    assert found.verdict == "assign by this rule"
    told = found.rule.assign(adata).set_index("subject_id")
    same = told["arm"] == found.people.set_index("subject_id")["recommended"]
    assert same.mean() > 0.95
    # one prespecified number: a signature's interaction is that of the feature it is made of
    marker = exo.ml.tailor(adata, change, "arm", score="marker", randomised=True, **FAST)
    assert found.interaction["estimate"].iloc[0] == pytest.approx(
        marker.interaction["estimate"].iloc[0]
    )


def crossover(n=60, slope=0.0, period=0.0, seed=0):
    adata, change = make_trial(n, seed=seed)
    rng = np.random.default_rng(seed + 100)
    marker, first = adata.obs["marker"].to_numpy(), rng.permutation(np.arange(n) % 2)
    rows = []
    for i, person in enumerate(change.index):
        for k, name in enumerate(["END", "RES"]):
            when = 1 + int(k != first[i])
            y = change.iloc[i] + k * 2 * slope * marker[i] + period * (when == 2)
            rows.append((person, name, when, y + rng.normal(0, 0.5)))
    return adata, pd.DataFrame(rows, columns=["subject_id", "arm", "period", "change"])


def test_crossover_takes_the_period_out():
    options = {"score": "marker", "randomised": True, "period": "period", **FAST}
    adata, table = crossover(slope=0.6)
    _, later = crossover(slope=0.6, period=7.0)
    one = exo.ml.tailor(adata, table, "arm", **options)
    two = exo.ml.tailor(adata, later.sample(frac=1, random_state=0), "arm", **options)
    np.testing.assert_allclose(numbers(two)[1:], numbers(one)[1:], atol=1e-9)
    pd.testing.assert_frame_equal(two.interaction, one.interaction)
    assert one.verdict == "assign by this rule" and one.settings["crossover"]
    assert any("carry-over" in note for note in one.notes)
    # the difference's own regression, by hand
    wide = table.pivot(index="subject_id", columns="arm", values="change")
    when = table.pivot(index="subject_id", columns="arm", values="period")
    z = adata.obs.set_index("subject_id")["marker"].reindex(wide.index)
    people = adata.obs.set_index("subject_id").reindex(wide.index)
    design = np.column_stack(
        [np.ones(60), z / z.std(), when["RES"] == 2, people["age"], people["sex"] == "M"]
    ).astype(float)
    slope = np.linalg.lstsq(design, (wide["RES"] - wide["END"]).to_numpy(), rcond=None)[0][1]
    assert one.interaction["estimate"].iloc[0] == pytest.approx(slope)


def test_crossover_refusals():
    adata, table = crossover()
    options = {"randomised": True, "period": "period", **FAST}
    half = table[~((table["subject_id"] == "P000") & (table["arm"] == "END"))]
    assert exo.ml.tailor(adata, half, "arm", **options).counts["one_arm_only"] == 1
    with pytest.raises(InputError, match="two outcomes of one arm"):
        exo.ml.tailor(adata, pd.concat([table, table.iloc[:1]]), "arm", **options)
    with pytest.raises(UsageError, match="two arms and two periods"):
        exo.ml.tailor(adata, table[table["arm"] == "END"], "arm", **options)
    fixed = table.assign(period=np.where(table["arm"] == "END", 1, 2))
    with pytest.raises(AnalysisError, match="in one of the orders"):
        exo.ml.tailor(adata, fixed, "arm", **options)
    with pytest.raises(UsageError, match="period="):
        exo.ml.tailor(adata, table, "arm", randomised=True)
    with pytest.raises(InputError, match="columns"):
        exo.ml.tailor(adata, table.drop(columns="change"), "arm", **options)


def test_not_randomised_needs_overlap():
    adata, change = make_trial(200, slope=0.5)
    with pytest.raises(UsageError, match="not stated"):
        exo.ml.tailor(adata, change, "arm")
    fine = exo.ml.tailor(adata, change, "arm", randomised=False, **FAST)
    assert fine.overlap["passes"].all() and (fine.overlap["n_effective"] > 80).all()
    assert any("Nobody randomised" in note for note in fine.notes)
    chosen = np.where(adata.obs["age"] > 45, "END", "RES")
    adata.obs["picked"] = chosen
    with pytest.raises(AnalysisError, match="too unlike to compare"):
        exo.ml.tailor(adata, change, "picked", randomised=False, **FAST)
    with pytest.raises(AnalysisError, match="no clinical column"):
        exo.ml.tailor(adata, change, "arm", clinical=None, randomised=False, **FAST)


def test_confounding_by_a_known_column_is_taken_out():
    rng = np.random.default_rng(5)
    n = 500
    age = rng.normal(size=n)
    arm = np.where(rng.random(n) < 1 / (1 + np.exp(-0.8 * age)), "RES", "END")
    adata = cohort(rng.normal(size=(n, 3)), pd.DataFrame({"arm": arm, "age": age}))
    change = pd.Series(2 * age + rng.normal(0, 0.5, n), index=adata.obs["subject_id"].to_numpy())
    naive = change[arm == "RES"].mean() - change[arm == "END"].mean()
    found = exo.ml.tailor(adata, change, "arm", randomised=False, **FAST)
    value = found.policy_value.set_index("policy")["estimate"]
    assert naive > 0.8 and abs(value["all RES"] - value["all END"]) < 0.2


def test_known_probabilities(strong):
    adata, change, options, base = strong
    half = exo.ml.tailor(adata, change, "arm", propensity={"END": 0.5, "RES": 0.5}, **options)
    np.testing.assert_allclose(numbers(half), numbers(base), atol=0.02)
    frame = pd.DataFrame({"END": 0.5, "RES": 0.5}, index=change.index[::-1])
    same = exo.ml.tailor(adata, change, "arm", propensity=frame, **options)
    pd.testing.assert_frame_equal(same.policy_value, half.policy_value)
    for wrong in ({"END": 0.5}, {"END": 0.5, "RES": 0.6}, {"END": 0.0, "RES": 1.0}, frame[:9], 0.5):
        with pytest.raises(UsageError):
            exo.ml.tailor(adata, change, "arm", propensity=wrong, **options)


def test_a_label_is_a_share():
    adata, change = make_trial(80)
    label = (change > change.median()).astype(float)
    found = exo.ml.tailor(adata, label, "arm", randomised=True, **FAST)
    assert any("0 or 1" in note for note in found.notes)
    assert found.policy_value["estimate"].iloc[:2].between(0.2, 0.8).all()


def test_people_left_out_are_counted():
    adata, change = make_trial(80)
    change.iloc[:3] = np.nan
    adata.obs["arm"] = adata.obs["arm"].astype(object)
    adata.obs.iloc[5:7, adata.obs.columns.get_loc("arm")] = None
    adata.obs.iloc[10, adata.obs.columns.get_loc("marker")] = np.nan
    adata.X[20] = np.nan
    found = exo.ml.tailor(adata, change, "arm", score="marker", randomised=True, **FAST)
    counts = found.counts
    assert (counts["outcome_missing"], counts["arm_missing"], counts["score_missing"]) == (3, 2, 1)
    assert counts["without_values"] == 1 and counts["used"] == 80 - 7
    assert found.verdict == "cannot be said with n = 73"


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        ({}, {"randomised": "yes"}, "randomised"),
        ({}, {"folds": 1}, "folds=1"),
        ({}, {"folds": 500}, "fewer groups"),
        ({}, {"repeats": 0}, "repeats=0"),
        ({}, {"better": "more"}, "better='more'"),
        ({}, {"learner": "forest"}, "learner='forest'"),
        ({}, {"smallest_gain": -1}, "smallest_gain=-1"),
        ({}, {"smallest_gain": np.nan}, "smallest_gain=nan"),
        ({}, {"level": 95}, "level=95"),
        ({}, {"score": "nothing"}, "no column 'nothing'"),
        ({}, {"score": "sex"}, "is no number"),
        ({}, {"score": 3}, "score is a int"),
        ({}, {"control": "NONE"}, "no arm 'NONE'"),
        ({}, {"cost": {"END": -1}}, "cost="),
        ({}, {"clinical": ["arm"]}, "arm or the outcome"),
        ({"arm": "nowhere"}, {}, "no column 'nowhere'"),
        ({"arm": 3}, {}, "arm is a int"),
        ({"arm": "one"}, {}, "one arm to choose"),
        ({"arm": "rare"}, {}, "9 of 80 people"),
        ({"change": "text"}, {}, "holds text"),
        ({"change": "infinite"}, {}, "infinite"),
        ({"change": "constant"}, {}, "same for everybody"),
        ({"change": "strangers"}, {}, "No person has omics"),
        ({"change": "twice"}, {}, "more than once"),
        ({}, {"feature_time": 30.0, "outcome_time": 20.0}, "not before the outcome"),
    ],
)
def test_refusals(change, options, error):
    adata, y = make_trial(80)
    adata.obs["one"] = "END"
    adata.obs["rare"] = ["RES"] * 9 + ["END"] * 71
    y = {
        "text": y.astype(object).where(y.index != "P000", "high"),
        "infinite": y.where(y.index != "P000", np.inf),
        "constant": y * 0 + 3,
        "strangers": y.set_axis([f"X{i}" for i in range(80)]),
        "twice": pd.concat([y, y[:1]]),
    }.get(change.get("change"), y)
    given = {"randomised": True, **FAST} | options
    with pytest.raises(exo.errors.ExerkineError, match=error):
        exo.ml.tailor(adata, y, change.get("arm", "arm"), **given)
