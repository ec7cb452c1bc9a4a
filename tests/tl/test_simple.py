"""`paired_t`, `wilcoxon` and `signflip` on a design: statuses, options, arms, order."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics import errors, settings
from exerkine_omics.cohort import build_design
from exerkine_omics.tl._methods import METHODS

NAMES = ("paired_t", "wilcoxon", "signflip")
FIELDS = ("estimate", "statistic", "p_value", "p_adj", "ci_low", "ci_high", "n_pairs", "n_obs")


def run(adata: ad.AnnData, method: str, n_permutations: Any = 999, **design: Any):
    """One `Tested` a contrast, by the contrast's name."""
    made = build_design(adata, **design)
    options = {"n_permutations": n_permutations} if method == "signflip" else {}
    tested = METHODS[method].run(adata.X, made, options)
    return dict(zip([c.name for c in made.contrasts], tested, strict=True))


def numbers(test: Any) -> pd.DataFrame:
    """Fields of a result as columns; those that the method leaves out are NaN."""
    n = len(test.status)
    frame = {k: np.full(n, np.nan) if (v := getattr(test, k)) is None else v for k in FIELDS}
    return pd.DataFrame({**frame, "status": test.status})


def change_of(adata: ad.AnnData, arm: str, later: str = "post") -> np.ndarray:
    """Changes of an arm's people (people x features), by subject."""
    obs = adata.obs
    people = sorted(obs.loc[obs["arm"] == arm, "subject_id"].unique())
    rows = {t: obs.index.get_indexer([f"{p}_{t}" for p in people]) for t in ("pre", later)}
    return adata.X[rows[later]] - adata.X[rows["pre"]]


def test_wilcoxon_is_scipy_s(trial: ad.AnnData) -> None:
    results = run(trial, "wilcoxon", control="CON")
    first, second = change_of(trial, "EE"), change_of(trial, "CON")
    one, two = results["EE: post - pre"], results["EE - CON: post - pre"]
    assert (one.status == "ok").all() and (two.status == "ok").all()
    assert one.n_pairs.min() < one.n_pairs.max()
    for j in range(trial.n_vars):
        x, y = (v[np.isfinite(v[:, j]), j] for v in (first, second))
        expected = stats.wilcoxon(x, method="exact")
        assert one.p_value[j] == pytest.approx(expected.pvalue, rel=1e-12)
        assert min(one.statistic[j], len(x) * (len(x) + 1) / 2 - one.statistic[j]) == (
            expected.statistic
        )
        walsh = np.add.outer(x, x)[np.triu_indices(len(x))] / 2
        assert one.estimate[j] == pytest.approx(np.median(walsh), rel=1e-12)
        expected = stats.mannwhitneyu(x, y, method="exact")
        assert two.p_value[j] == pytest.approx(expected.pvalue, rel=1e-12)
        assert two.statistic[j] == expected.statistic
        # the sign of the contrast: EE minus CON
        assert two.estimate[j] == pytest.approx(np.median(np.subtract.outer(x, y)), rel=1e-12)
        assert two.n_pairs[j] == len(x) + len(y) and two.n_obs[j] == 2 * two.n_pairs[j]
    assert np.isnan(one.se).all() and np.isnan(one.df).all()
    # fewer than 6 pairs: a test and an estimate, but no bounded interval
    few = run(trial[trial.obs["subject_id"].isin([f"P0{i}" for i in range(5)])].copy(), "wilcoxon")
    few = few["EE: post - pre"]
    assert (few.status == "ok").any() and np.isinf(few.ci_low).all()
    assert few.p_value.min() == 2 / 2**5


def test_signflip_is_the_paired_t_with_its_own_p(trial: ad.AnnData) -> None:
    ours, paired = (run(trial, m, control="CON") for m in ("signflip", "paired_t"))
    for name, test in ours.items():
        np.testing.assert_array_equal(test.estimate, paired[name].estimate)
        np.testing.assert_array_equal(test.se, paired[name].se)
        np.testing.assert_allclose(test.statistic, test.estimate / test.se)
    test, change = ours["EE: post - pre"], change_of(trial, "EE")
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    sums = np.abs(signs @ np.nan_to_num(change))
    expected = (sums >= sums[0] - 1e-9).mean(axis=0)
    np.testing.assert_allclose(test.p_value, expected, rtol=1e-12)
    assert (test.p_adj >= test.p_value).all()
    # five proteins were raised; whole persons are flipped, so their p_adj can reach 2 / 2^8
    assert (test.p_adj[:5] < 0.05).sum() >= 3 > (test.p_adj[5:] < 0.05).sum()
    between = ours["EE - CON: post - pre"]
    assert np.argsort(between.p_adj)[0] < 5 and between.p_value.min() >= 1 / 3003


def test_labels_are_exchanged_between_changes_of_one_sign(trial: ad.AnnData) -> None:
    """Both arms change by 2: without the contrast's minus sign taken off, labels would differ."""
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    trial.X[(trial.obs["timepoint"] == "post").to_numpy()] += 2
    test = run(trial, "signflip", control="CON")["EE - CON: post - pre"]
    first, second = change_of(trial, "EE"), change_of(trial, "CON")
    change = np.vstack([first, second])
    t = []
    for chosen in combinations(range(14), 8):
        one = np.isin(np.arange(14), chosen)
        t.append(stats.ttest_ind(change[one], change[~one], equal_var=False).statistic)
    draws = np.abs(t)
    expected = (draws >= draws[0] - 1e-9).mean(axis=0)
    np.testing.assert_allclose(test.p_value, expected, rtol=1e-12)
    np.testing.assert_allclose(np.abs(test.statistic), draws[0], rtol=1e-9)
    highest = (draws.max(axis=1) >= draws[0].max() - 1e-9).mean()
    assert test.p_adj[draws[0].argmax()] == pytest.approx(highest, rel=1e-12)


def test_a_flip_is_the_same_for_all_features(trial: ad.AnnData) -> None:
    """Copies of one feature are one feature: max-T charges nothing for them."""
    trial.X[:] = np.nan_to_num(trial.X[:, [0]], nan=5.0)
    trial.X[:] += np.random.default_rng(0).normal(0, 1e-9, trial.shape)
    test = run(trial, "signflip", control="CON")["EE - CON: post - pre"]
    np.testing.assert_allclose(test.p_adj, test.p_value, atol=0.01)


@pytest.mark.parametrize("method", NAMES)
def test_order_of_samples_and_features_is_free(trial: ad.AnnData, method: str) -> None:
    rng = np.random.default_rng(0)
    feature = rng.permutation(trial.n_vars)
    other = trial[rng.permutation(trial.n_obs), feature].copy()
    # 14 people: all 3003 labellings, all flips
    for design in ({"control": "CON"}, {"arm": None}):
        one, two = run(trial, method, **design), run(other, method, **design)
        assert list(one) == list(two)
        for name in one:
            left, right = numbers(one[name]).iloc[feature], numbers(two[name])
            pd.testing.assert_frame_equal(left.reset_index(drop=True), right, rtol=1e-9)


@pytest.mark.parametrize("method", NAMES)
def test_level_sign_and_absent_rows(trial: ad.AnnData, method: str) -> None:
    trial.X = np.round(trial.X, 1)
    reference = run(trial, method, control="CON")
    moved, flipped, blank = trial.copy(), trial.copy(), trial.copy()
    moved.X = moved.X + 1e5
    flipped.X = -flipped.X
    row = trial.obs_names.get_loc("P05_post")
    blank.X[row] = np.nan
    absent = trial[trial.obs_names != "P05_post"].copy()
    for name, test in reference.items():
        one, two = numbers(test), numbers(run(moved, method, control="CON")[name])
        pd.testing.assert_frame_equal(one, two, rtol=1e-6, atol=1e-8)
        two = numbers(run(flipped, method, control="CON")[name])
        np.testing.assert_allclose(two["estimate"], -one["estimate"], atol=1e-12)
        np.testing.assert_allclose(two["p_value"], one["p_value"], rtol=1e-9)
        np.testing.assert_allclose(two["ci_low"], -one["ci_high"], atol=1e-12)
        one, two = (numbers(run(a, method, control="CON")[name]) for a in (blank, absent))
        pd.testing.assert_frame_equal(one, two, rtol=1e-12)


@pytest.mark.parametrize("method", NAMES)
def test_a_missing_number_has_a_status(trial: ad.AnnData, method: str) -> None:
    rows = {t: (trial.obs["timepoint"] == t).to_numpy() for t in ("pre", "post", "late")}
    first = (trial.obs["arm"] == "EE").to_numpy()
    keep = trial.obs["subject_id"].isin(["P01", "P09"]).to_numpy()
    trial.X[:, 1] = np.nan
    trial.X[:, 2] = 4.0
    trial.X[rows["post"], 3] = np.nan
    trial.X[~keep & rows["post"], 4] = np.nan
    trial.X[rows["post"], 5] = trial.X[rows["pre"], 5] = np.arange(14) / 10
    trial.X[rows["post"], 6] = np.where(first[rows["post"]], 3.0, 2.0)
    trial.X[rows["pre"], 6] = 1.0
    results = run(trial, method, control="CON")
    alone, between = (results[n] for n in ("EE: post - pre", "EE - CON: post - pre"))
    for test in (alone, between):
        assert test.status[1:5].tolist() == [
            "not measured",
            "constant",
            "no pairs",
            "fewer than 2 pairs in an arm",
        ]
        bare = np.isnan(test.statistic) if test.statistic is not None else ~(test.se > 0)
        assert (test.status != "ok")[bare].all()
    unchanged = "no change in any pair" if method == "wilcoxon" else "no variance between pairs"
    assert alone.status[5] == unchanged
    assert alone.status[6] == ("ok" if method == "wilcoxon" else "no variance between pairs")
    if method == "wilcoxon":
        assert alone.p_value[6] == 2 / 2**8 and alone.ci_low[6] == alone.ci_high[6] == 2.0
        assert between.status[5] == "ok" and between.p_value[5] == 1.0
    level = run(trial, method, contrasts="EE.post - CON.post")["EE.post - CON.post"]
    assert (level.status == "not a within-person contrast").all()


@pytest.mark.parametrize("method", NAMES)
def test_joint_and_moderator_contrasts_are_told(trial: ad.AnnData, method: str) -> None:
    trial.obs["age"] = np.random.default_rng(1).normal(40, 9, 14)[
        trial.obs["subject_id"].astype("category").cat.codes
    ]
    for name, test in run(trial, method, joint=True).items():
        joint = "any change" in name or name == "arm x time"
        assert (test.status == f"no joint test in {method}").all() == joint
        if joint:
            assert np.isnan([test.estimate, test.se, test.p_value]).all()
    for name, test in run(trial, method, moderators="age").items():
        moderated = name.endswith(" x age")
        assert (test.status == f"no moderators in {method}").all() == moderated
        if moderated:
            assert np.isnan([test.estimate, test.se, test.p_value]).all()
            assert test.n_pairs.max() > 0


def test_exchange_needs_one_change_in_two_arms(trial: ad.AnnData) -> None:
    contrasts = {
        "mean": "post - pre",
        "two_times": "(EE.post - EE.pre) - (CON.late - CON.pre)",
        "scaled": "(EE.post - EE.pre) - 0.5 * (CON.post - CON.pre)",
        "doubled": "2 * (EE.post - EE.pre) - 2 * (CON.post - CON.pre)",
        "plain": "(EE.post - EE.pre) - (CON.post - CON.pre)",
        "turned": "(CON.post - CON.pre) - (EE.post - EE.pre)",
    }
    for method in ("wilcoxon", "signflip"):
        results = run(trial, method, contrasts=contrasts, n_permutations=9999)
        for name in ("mean", "two_times", "scaled"):
            assert (results[name].status == "not one change compared between 2 arms").all()
        plain = results["plain"]
        for name, factor in (("doubled", 2), ("turned", -1)):
            np.testing.assert_allclose(results[name].p_value, plain.p_value, rtol=1e-9)
            np.testing.assert_allclose(results[name].estimate, factor * plain.estimate)
    assert (run(trial, "paired_t", contrasts=contrasts)["mean"].status == "ok").all()
    trial.obs["arm"] = trial.obs["arm"].astype(str)
    trial.obs.loc[trial.obs["subject_id"].isin(["P00", "P01", "P02"]), "arm"] = "RE"
    text = "(EE.post - EE.pre) - 0.5 * (CON.post - CON.pre + RE.post - RE.pre)"
    for method in ("wilcoxon", "signflip"):
        test = run(trial, method, contrasts=text)[text]
        assert (test.status == f"more than 2 arms in {method}").all()
        alone = run(trial, method, control="CON")["RE - CON: post - pre"]
        assert (alone.status == "ok").any()


def test_the_seed_and_the_number_of_draws(trial: ad.AnnData) -> None:
    big = trial[:, :8].copy()
    more = trial[:, :8].copy()
    more.obs["subject_id"] = more.obs["subject_id"].astype(str) + "b"
    both = ad.concat([big, more], index_unique="-")
    both.uns = dict(trial.uns)
    both.obs["timepoint"] = pd.Categorical(both.obs["timepoint"], ["pre", "post", "late"])
    both.X = both.X + np.random.default_rng(2).normal(0, 0.3, both.shape)

    def p(n: int, seed: int) -> np.ndarray:
        with settings.override(seed=seed):
            return run(both, "signflip", n, arm=None)["late - pre"].p_value

    np.testing.assert_array_equal(p(999, 1), p(999, 1))
    # the draws are the seed's and the contrast's, whatever the other features
    alone = run(both[:, 3:5].copy(), "signflip", 999, arm=None)["late - pre"].p_value
    np.testing.assert_array_equal(alone, p(999, settings.seed)[3:5])
    assert (p(999, 1) != p(999, 2)).any()
    np.testing.assert_allclose(p(999, 1), p(9999, 2), atol=0.08)
    np.testing.assert_allclose(p(999, 1) * 1000, np.round(p(999, 1) * 1000), atol=1e-9)
    for bad in (0, -5, 10.5, True, "many"):
        with pytest.raises(errors.UsageError, match="n_permutations"):
            exo.tl.differential(both, method="signflip", n_permutations=bad)


def test_declarations() -> None:
    for name in NAMES:
        method = METHODS[name]
        assert not (method.covariates or method.weighted or method.counts)
    assert METHODS["signflip"].choose({}) == {"n_permutations": 9999}
    for name in ("wilcoxon", "paired_t"):
        with pytest.raises(errors.UsageError, match="no option"):
            METHODS[name].choose({"n_permutations": 99})


@pytest.mark.parametrize("method", NAMES)
def test_the_frame_is_written(trial: ad.AnnData, method: str, round_trip) -> None:
    frame = exo.tl.differential(trial, method=method, control="CON")
    pd.testing.assert_frame_equal(round_trip(trial).uns["differential"], frame)
    assert (frame["status"] == "ok").all() and frame["estimate"].notna().all()
    assert set(frame["method"]) == {method}
