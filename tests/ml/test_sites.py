"""exo.ml.evaluate(leave_out=): what leads is taken within sites."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError
from exerkine_omics.kernels import _within_site as within
from exerkine_omics.kernels._performance import corrected_resampled_t
from exerkine_omics.kernels._response import attainable_auc
from exerkine_omics.ml import _permute
from exerkine_omics.ml._ceiling import auc_ceiling
from exerkine_omics.ml._lead import lead
from exerkine_omics.ml._measure import corrected, person_weights
from exerkine_omics.ml._outcome import read_outcome

FAST = {"n_permutations": 0, "inner": 3, "n_bootstrap": 60, "seed": 1, "n_jobs": 1}
SIZES = (34, 22, 14)


def value(result, metric="auc", block="omics", column="estimate"):
    return result.metrics.set_index(["metric", "block"]).loc[(metric, block), column]


@pytest.fixture(scope="module")
def at_sites(make_cohort):
    """Sites of unequal size and share; half of the features are shifted at each, not the first."""

    def make(effect=3.0, shares=(0.25, 0.5, 0.8), seed=0, sizes=SIZES):
        n = sum(sizes)
        adata, _ = make_cohort(n=n, p=8, seed=seed, missing=0.0)
        site = np.repeat(np.arange(len(sizes)), sizes)
        rng = np.random.default_rng(seed + 50)
        number = effect * (adata.X[:, 0] - 6) + rng.logistic(size=n)
        label = np.zeros(n)
        for s, share in enumerate(shares):
            own = site == s
            label[own] = number[own] > np.quantile(number[own], 1 - share) - (share == 1)
        adata.X[:, 4:] += rng.normal(0, 1.5, (3, 4))[site]
        adata.obs["site"] = np.array(["a", "b", "c"])[site]
        people = adata.obs["subject_id"].to_numpy()
        return adata, pd.Series(label, index=people), pd.Series(number, index=people)

    return make


@pytest.fixture(scope="module")
def left_out(at_sites):
    adata, label, _ = at_sites()
    options = FAST | {"n_permutations": 9}
    return adata, label, exo.ml.evaluate(adata, label, leave_out="site", **options)


@pytest.mark.quick
def test_a_planted_predictor_is_found_though_sites_are_shifted(left_out):
    adata, label, result = left_out
    site = adata.obs.set_index("subject_id")["site"]
    rows = result.predictions.query("block == 'omics'")
    own = np.unique(site[rows["subject_id"].astype(str)], return_inverse=True)[1]
    y, score = rows["label"].to_numpy(float), rows["ranking"].to_numpy()
    area, covariance = within.delong(y, score, own)
    assert value(result) == pytest.approx(area[0]) and value(result) > 0.75
    half = 1.959963984540054 * np.sqrt(covariance[0, 0])
    assert value(result, column="ci_low") == pytest.approx(area[0] - half)
    assert value(result, column="ci_high") == pytest.approx(min(1.0, area[0] + half))
    assert result.permutation_p == 0.1 and "within site" in result.verdict
    # the sites' own values, by pairs
    sites = result.sites.query("block == 'omics'")["estimate"].to_numpy()
    pairs = within.pairs_of_sites(y, own)
    assert pairs @ sites == pytest.approx(area[0])
    assert pairs[0] == pytest.approx(8 * 26 / (8 * 26 + 11 * 11 + 11 * 3), abs=0.02)


def test_all_that_stands_beside_the_area_follows_it(left_out):
    _, _, result = left_out
    repeat = result.study.repeats[0]
    pair = ("omics", "elastic_net")
    assert value(result) == pytest.approx(lead(repeat, pair, False)[0])
    curve = result.roc.query("block == 'omics'")
    area = np.trapezoid(curve["tpr"], curve["fpr"])
    assert area == pytest.approx(value(result), abs=0.02)
    gain = value(result, "auc_increment", "clinical+omics")
    assert gain == pytest.approx(
        value(result, block="clinical+omics") - value(result, block="clinical")
    )
    row = result.increment.set_index(["metric", "block"]).loc[("auc", "clinical+omics")]
    assert row["estimate"] == pytest.approx(gain)
    for column in ("ci_low", "ci_high"):
        assert row[column] == value(result, "auc_increment", "clinical+omics", column)
    known = ~np.isnan(repeat.label)
    names = [(b, "elastic_net") for b in ("clinical+omics", "clinical")]
    scores = np.array([repeat.prediction[p][known] for p in names])
    cov = within.delong(repeat.label[known], scores, repeat.sites[known])[1]
    se = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert row["ci_high"] - gain == pytest.approx(1.959963984540054 * se)
    whole = result.importance.query("block == 'omics' and level == 'block'").iloc[0]
    assert whole["estimate"] > 0.15


def test_permutations_are_within_sites_also_with_strata(at_sites):
    adata, label, _ = at_sites()
    result = exo.ml.evaluate(adata, label, leave_out="site", strata=["sex"], **FAST)
    assert result.settings["strata"] == ["sex", "site"]
    material = result.study.material
    order = _permute.permute_between_groups(
        material.groups, np.random.default_rng(0), material.strata
    )
    assert (material.sites[order] == material.sites).all() and (order != np.arange(70)).any()


def test_sites_of_one_class_are_named_and_hold_no_pair(at_sites):
    adata, label, _ = at_sites(shares=(0.3, 0.5, 1.0))
    result = exo.ml.evaluate(adata, label, leave_out="site", **FAST)
    assert any("at 'c': not in the AUC" in note for note in result.notes)
    assert np.isnan(result.sites.set_index(["site", "block"]).loc[("c", "omics"), "estimate"])
    assert 0.7 < value(result) <= 1 and np.isfinite(value(result, column="ci_low"))
    assert result.predictions["subject_id"].nunique() == 70  # the others still learn from them
    for column in ("estimate", "ci_low", "ci_high"):
        assert np.isfinite(value(result, "log_loss", column=column))
    none = pd.Series((adata.obs["site"] == "a").to_numpy(float), index=label.index)
    with pytest.raises(AnalysisError, match="No site has responders and others"):
        exo.ml.evaluate(adata, none, leave_out="site", **FAST)


def test_families_at_a_site_count_as_one(at_sites):
    adata, label, _ = at_sites()
    adata.obs["family_id"] = [f"F{i // 2}" for i in range(70)]
    alone = exo.ml.evaluate(adata, label, leave_out="site", **FAST)
    result = exo.ml.evaluate(adata, label, leave_out="site", groups="family_id", **FAST)
    repeat = result.study.repeats[0]
    pair = ("omics", "elastic_net")
    scores = repeat.prediction[pair][None]
    area, cov = within.delong(repeat.label, scores, repeat.sites, result.study.material.groups)
    assert value(result, column="ci_low") == pytest.approx(
        area[0] - 1.96 * cov[0, 0] ** 0.5, abs=1e-4
    )
    assert value(result, column="ci_low") != value(alone, column="ci_low")


def test_a_change_is_explained_within_sites(at_sites):
    adata, _, number = at_sites()
    first, moved = (
        exo.ml.evaluate(adata, number + shift, leave_out="site", target="change", **FAST)
        for shift in (0.0, np.array([40.0, 0.0, -40.0])[np.repeat([0, 1, 2], SIZES)])
    )
    assert value(first, "r2") > 0.4 and value(first, "correlation") > 0.7
    repeat = moved.study.repeats[0]
    r2, r = within.r2_and_correlation(
        repeat.label, repeat.prediction[("omics", "elastic_net")], repeat.sites
    )
    assert value(moved, "r2") == pytest.approx(r2[0])
    assert value(moved, "correlation") == pytest.approx(r[0])
    gain = value(moved, "r2_increment", "clinical+omics")
    assert gain == pytest.approx(
        value(moved, "r2", "clinical+omics") - value(moved, "r2", "clinical")
    )
    # over people the level of a site counts: it is 40 off, and is not predicted
    assert value(moved, "rmse") > 15


def test_the_control_arm_is_left_out_by_site_too(trial_with_control):
    adata, frame = trial_with_control(n=60, n_control=40)
    adata.obs["site"] = np.tile(["a", "b"], 50)
    rule = exo.ResponseSpec("pre", "post", 3.0, exo.Reliability.from_typical_error(1.0),
                            arm="group", control="CON")  # fmt: skip
    # among controls so that both classes are there
    control = frame["group"] == "CON"
    frame.loc[control, "post"] += 3
    by_site = exo.ml.evaluate(adata, (rule, frame), leave_out="site", **FAST)
    again = exo.ml.evaluate(adata, (rule, frame), leave_out="site", **(FAST | {"outer": (3, 4)}))
    assert by_site.control == again.control  # sites, not outer=, make the folds
    frame = frame.assign(place=np.where(control, "x", np.tile(["a", "b"], 50)))
    one = exo.ml.evaluate(adata, (rule, frame), leave_out="place", **FAST)
    assert any("sites cannot be left out: its folds are random" in note for note in one.notes)
    assert np.isfinite(one.control["estimate"])
    frame["place"] = frame["place"].where(~control, None)
    none = exo.ml.evaluate(adata, (rule, frame), leave_out="place", **FAST)
    assert any("place of the control arm is not known" in note for note in none.notes)
    assert none.control == one.control


def test_the_ceiling_is_that_within_sites():
    rng = np.random.default_rng(3)
    site = np.repeat(["a", "b", "c"], 4000)
    mean = np.repeat([-4.0, 0.0, 4.0], 4000)
    response = mean + rng.normal(0, 2, 12000)
    frame = pd.DataFrame(
        {"subject_id": [f"P{i}" for i in range(12000)], "pre": rng.normal(size=12000)}
    )
    frame["post"] = frame["pre"] + response + rng.normal(0, 2, 12000)
    noise = exo.Reliability.from_typical_error(np.sqrt(2))  # 2 of a change
    rule = exo.ResponseSpec("pre", "post", 0.0, noise)
    answer = read_outcome((rule, frame)).settle(frame)
    place = pd.Series(site, index=frame["subject_id"]).loc[answer.subjects].to_numpy(dtype=str)
    area, r2, text = auc_ceiling(answer, frame, place)
    pooled = auc_ceiling(answer, frame)
    assert r2 == pytest.approx(0.5, abs=0.02) and pooled[1] > 0.7
    # the true response, compared within sites
    true = pd.Series(response, index=frame["subject_id"]).loc[answer.subjects].to_numpy()
    number = np.unique(place, return_inverse=True)[1]
    assert area == pytest.approx(within.auc(answer.value, true, number)[0], abs=0.02)
    assert pooled[0] > area + 0.05 and "within sites" in text
    # controls of other mean changes at each site: their spread within sites is the noise
    control = frame.assign(post=frame["pre"] + mean + rng.normal(0, 2, 12000), group="CON")
    control["subject_id"] = "C" + control["subject_id"]
    both = pd.concat([frame.assign(group="EX"), control]).assign(centre=np.tile(site, 2))
    trial = exo.ResponseSpec("pre", "post", 0.0, noise, arm="group", control="CON")
    mine = read_outcome((trial, both[both["group"] == "EX"])).settle(both)
    found = [auc_ceiling(mine, both, place, name)[1] for name in ("centre", None)]
    assert found[0] == pytest.approx(0.5, abs=0.03) and found[1] < 0.1
    one = np.full(12000, "a")
    assert auc_ceiling(answer, frame, one)[:2] == pytest.approx(pooled[:2])
    assert attainable_auc(np.sqrt(0.5)) == pytest.approx(5 / 6, abs=1e-3)


@pytest.mark.quick
def test_the_corrected_t_takes_the_folds_that_were_run():
    d = np.array([0.1, 0.03, -0.02, 0.07])
    equal = corrected(d, np.full(4, 1 / 3), 0.95)
    assert equal[3] == pytest.approx(corrected_resampled_t(d, 3, 1)[2])
    ratios = np.array([40 / 30, 10 / 60, 10 / 60, 10 / 60])
    unequal = corrected(d, ratios, 0.95)
    assert unequal[0] == equal[0] and unequal[3] > equal[3]
    half = (unequal[2] - unequal[1]) / (equal[2] - equal[1])
    assert half == pytest.approx(np.sqrt((0.25 + ratios.mean()) / (0.25 + 1 / 3)))
    # a fold without a difference does not count
    holes = corrected(np.r_[d, np.nan], np.r_[ratios, 9.0], 0.95)
    assert holes == pytest.approx(unequal)


def test_each_fold_knows_who_taught_it(left_out):
    _, _, result = left_out
    assert list(result.study.repeats[0].n_train) == [70 - n for n in SIZES]


@pytest.mark.quick
def test_the_bootstrap_keeps_sites_and_classes():
    site = np.repeat(["a", "b"], [10, 6])
    label = np.r_[np.zeros(7), np.ones(3), np.zeros(2), np.ones(4)]
    groups = np.arange(16).astype(str)
    weights = person_weights(label, groups, 30, np.random.default_rng(0), site)
    for s in "ab":
        for k in (0, 1):
            rows = (site == s) & (label == k)
            assert (weights[:, rows].sum(axis=1) == rows.sum()).all()


def test_a_checkpoint_keeps_the_sites(at_sites, tmp_path):
    adata, label, _ = at_sites()
    first, again = (
        exo.ml.evaluate(adata, label, leave_out="site", checkpoint=tmp_path, **FAST)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.metrics, again.metrics)
    pd.testing.assert_frame_equal(first.increment, again.increment)


def test_a_score_is_tested_beside_the_sites(at_sites):
    import statsmodels.api as sm
    from scipy import stats

    adata, label, _ = at_sites(effect=1.0, shares=(0.3, 0.5, 1.0))
    result = exo.ml.evaluate(
        adata, label, leave_out="site", signatures={"one": ["A0000"]}, clinical=None, **FAST
    )
    own = (adata.obs["site"] != "c").to_numpy()  # all of one class: they tell nothing
    site = (adata.obs["site"] == "b").to_numpy(float)[own]
    y, x = label.to_numpy()[own], np.asarray(adata.X[own, 0])
    free, full = (
        sm.Logit(y, sm.add_constant(np.column_stack(z))).fit(disp=0) for z in ([site], [site, x])
    )
    p = stats.chi2.sf(2 * (full.llf - free.llf), 1)
    each = result.signatures.each.iloc[0]
    assert each["nested_p"] == pytest.approx(p, rel=1e-5)
    repeat = result.study.repeats[0]
    area = within.auc(repeat.label, repeat.each[0][:, 0], repeat.sites)[0]
    assert each["estimate"] == pytest.approx(area)


@pytest.mark.parametrize(
    ("site", "leave_out", "error", "message"),
    [
        ("a", "site", AnalysisError, "one site only"),
        (None, "site", InputError, "1 people have no site .in leave_out="),
        ("a", ["site"], UsageError, "no name of a column"),
        ("a", 3, UsageError, "leave_out=3"),
        ("a", "subject_id", AnalysisError, "No site has responders and others"),
    ],
)
def test_sites_that_are_none(at_sites, site, leave_out, error, message):
    adata, label, _ = at_sites()
    adata.obs["site"] = [site, *["a"] * 69]
    with pytest.raises(error, match=message):
        exo.ml.evaluate(adata, label, leave_out=leave_out, **FAST)
