"""What went wrong elsewhere, each a test: published pipelines, other packages' issue threads."""

from __future__ import annotations

import itertools

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.tl._methods import METHODS

# tests of values; that of a mask (mcnemar) has its own file
NAMES = [name for name, method in METHODS.items() if not method.counts and not method.masks]
MODELS = ["lmm", "moderated"]


def run(adata: ad.AnnData, **options: object) -> pd.DataFrame:
    frame = exo.tl.differential(adata.copy(), **options)
    text = frame.astype({"contrast": str, "feature": str, "status": str})
    return text.set_index(["contrast", "feature"])


@pytest.fixture
def one_arm(trial: ad.AnnData) -> ad.AnnData:
    """14 people, pre, post and late, 30 proteins, 8% missing; nobody's arm is known."""
    del trial.obs["arm"]
    return trial


def wide_of(adata: ad.AnnData, feature: str) -> pd.DataFrame:
    """People x times."""
    values = pd.Series(np.asarray(adata[:, feature].X).ravel(), adata.obs_names)
    by = [adata.obs["subject_id"].astype(str), adata.obs["timepoint"].astype(str)]
    return values.groupby(by).first().unstack()


# ---- 5: listwise deletion (13 missing cells cost 10 of 24 people in a mixed ANOVA) -------------


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")  # 3 people are left
@pytest.mark.parametrize("method", MODELS)
def test_a_missing_visit_costs_no_person(one_arm: ad.AnnData, method: str) -> None:
    one_arm.X = np.nan_to_num(one_arm.X, nan=5.0)
    late = np.flatnonzero(one_arm.obs["timepoint"] == "late")
    one_arm.X[late[:10]] = np.nan
    kept = run(one_arm, method=method).loc["post - pre"]
    assert (kept["n_pairs"] == 14).all() and (kept["n_obs"] == one_arm.n_obs - 10).all()
    listwise = wide_of(one_arm, "A00").dropna().index
    assert len(listwise) == len(late) - 10
    few = one_arm[one_arm.obs["subject_id"].isin(listwise)].copy()
    lost = run(few, method=method).loc["post - pre"]
    assert lost["se"].mean() > 1.5 * kept["se"].mean() and (lost["df"] < kept["df"]).all()


# ---- 6: four faults of one consortium's pipeline -----------------------------------------------


@pytest.mark.parametrize("method", ["lmm", "moderated", "paired_t"])
def test_an_interval_has_its_own_contrast_s_df(one_arm: ad.AnnData, method: str) -> None:
    frame = run(one_arm, method=method).query("status == 'ok'")
    half = stats.t.ppf(0.975, frame["df"]) * frame["se"]
    np.testing.assert_allclose(frame["ci_low"], frame["estimate"] - half, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(frame["ci_high"], frame["estimate"] + half, rtol=1e-9, atol=1e-12)
    outside = (frame["ci_low"] > 0) | (frame["ci_high"] < 0)
    assert (outside == (frame["p_value"] < 0.05)).all()
    if method != "moderated":  # there all contrasts of a feature have one df
        dfs = frame["df"].unstack("contrast")
        assert (np.abs(dfs["post - pre"] - dfs["late - pre"]) > 0.01).any()


@pytest.mark.parametrize("method", NAMES)
def test_tables_are_joined_by_name(one_arm: ad.AnnData, method: str) -> None:
    rng = np.random.default_rng(2)
    shuffled = one_arm[rng.permutation(one_arm.n_obs), rng.permutation(one_arm.n_vars)].copy()
    order = ["late - pre", "post - pre"]
    one = run(one_arm, method=method)
    two = run(shuffled, method=method, contrasts=dict(zip(order, order, strict=True)))
    assert list(one.index) != list(two.index)
    columns = ["estimate", "statistic", "p_value", "p_adj", "effect_size", "n_pairs", "n_obs"]
    np.testing.assert_allclose(
        two.loc[one.index, columns].astype(float), one[columns].astype(float), rtol=1e-8, atol=1e-12
    )
    assert (two.loc[one.index, "status"] == one["status"]).all()


@pytest.mark.parametrize("method", NAMES)
def test_an_empty_paired_cell_has_no_p(one_arm: ad.AnnData, method: str) -> None:
    """Many values in each cell, but of different people: a filter on cell counts lets it pass."""
    people = sorted(set(one_arm.obs["subject_id"]))
    time, person = one_arm.obs["timepoint"], one_arm.obs["subject_id"]
    first = person.isin(people[:7])
    gone = ((time == "pre") & first) | ((time == "post") & ~first)
    one_arm.X[gone.to_numpy(), 0] = np.nan
    assert (wide_of(one_arm, "A00").notna().sum() >= 5).all()
    row = run(one_arm, method=method).loc[("post - pre", "A00")]
    assert row["n_pairs"] == 0 and row["status"] != "ok"
    assert row[["estimate", "p_value", "p_adj", "ci_low"]].isna().all()


@pytest.mark.parametrize("method", NAMES)
def test_no_feature_is_dropped(one_arm: ad.AnnData, method: str) -> None:
    one_arm.X[:, 3] = np.nan
    one_arm.X[1:, 4] = np.nan
    frame = run(one_arm, method=method)
    pairs = itertools.product(["post - pre", "late - pre"], one_arm.var_names)
    assert sorted(frame.index) == sorted(pairs)
    assert np.isnan(one_arm.X).any(axis=0).sum() > 20
    assert (frame["status"] == "ok").sum() == 2 * (one_arm.n_vars - 2)
    with exo.settings.override(n_jobs=2):
        pd.testing.assert_frame_equal(run(one_arm, method=method), frame)


# ---- 7: pairing by row order; semi-paired visits refused ---------------------------------------


@pytest.mark.parametrize("method", NAMES)
def test_pairs_go_by_person_whoever_is_missing(one_arm: ad.AnnData, method: str) -> None:
    lost = ["P01_pre", "P02_post", "P07_pre", "P12_post"]
    some = one_arm[~one_arm.obs_names.isin(lost)]
    some = some[np.random.default_rng(4).permutation(some.n_obs)].copy()
    frame = run(some, method=method).loc["post - pre"]
    for feature in some.var_names:
        wide = wide_of(some, feature)
        change = (wide["post"] - wide["pre"]).dropna()
        assert frame.loc[feature, "n_pairs"] == len(change) < 14
        if method in ("paired_t", "signflip"):
            assert frame.loc[feature, "estimate"] == pytest.approx(change.mean(), rel=1e-9)
        elif method == "wilcoxon":
            walsh = np.add.outer(change.to_numpy(), change.to_numpy()) / 2
            middle = np.median(walsh[np.triu_indices(len(change))])
            assert frame.loc[feature, "estimate"] == pytest.approx(middle, rel=1e-9)
        else:  # the others' visits add a little, and never change who belongs to whom
            assert frame.loc[feature, "estimate"] == pytest.approx(change.mean(), abs=0.4)


# ---- 8: which fold change? ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["lmm", "moderated", "paired_t", "signflip"])
def test_the_fold_change_is_the_mean_of_paired_log2_differences(
    one_arm: ad.AnnData, method: str
) -> None:
    complete = one_arm[one_arm.obs["timepoint"] != "late"].copy()
    complete.obs["timepoint"] = complete.obs["timepoint"].cat.remove_unused_categories()
    complete.X = np.nan_to_num(complete.X, nan=4.0)
    frame = run(complete, method=method).loc["post - pre"]
    log = wide_of(complete, "A00")
    linear = 2**log
    expected = (log["post"] - log["pre"]).mean()
    assert frame.loc["A00", "estimate"] == pytest.approx(expected, rel=1e-10)
    # neither of the others
    assert abs(expected - np.log2((linear["post"] / linear["pre"]).mean())) > 0.05
    assert abs(expected - np.log2(linear["post"].mean() / linear["pre"].mean())) > 0.01


# ---- 11: NaN p without a reason; A - B and B - A that disagree ---------------------------------


@pytest.mark.parametrize("method", NAMES)
def test_each_missing_p_has_a_reason(trial: ad.AnnData, method: str) -> None:
    time, arm = trial.obs["timepoint"], trial.obs["arm"]
    trial.X[:, 0] = np.nan
    trial.X[:, 1] = 3.0
    trial.X[(time == "pre").to_numpy(), 2] = np.nan
    trial.X[((time == "post") & (arm == "CON")).to_numpy(), 3] = np.nan
    trial.X[4:, 4] = np.nan
    frame = run(trial, method=method, control="CON")
    ok = frame["status"] == "ok"
    numbers = frame[["statistic", "p_value", "p_adj"]]
    assert np.isfinite(numbers[ok]).all(axis=None) and numbers[~ok].isna().all(axis=None)
    assert frame.loc[~ok, "status"].str.len().gt(3).all() and (~ok).sum() >= 4 * 3
    assert not ok.unstack("contrast")[["EE: post - pre"]].loc[["A00", "A01", "A02"]].any(axis=None)


@pytest.mark.parametrize("method", NAMES)
def test_opposite_contrasts_mirror_each_other(trial: ad.AnnData, method: str) -> None:
    text = "({0} - EE.pre) - (CON.post - CON.pre)"
    contrasts = {
        "ab": text.format("EE.post"),
        "ba": "(CON.post - CON.pre) - (EE.post - EE.pre)",
        "within": "EE.late - EE.post",
        "niht": "EE.post - EE.late",
    }
    frame = run(trial, method=method, contrasts=contrasts)
    for one, other in (("ab", "ba"), ("within", "niht")):
        a, b = frame.loc[one], frame.loc[other]
        np.testing.assert_allclose(a["estimate"], -b["estimate"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(a["ci_low"], -b["ci_high"], rtol=1e-9, atol=1e-12)
        for column in ("p_value", "p_adj", "n_pairs", "n_obs"):
            np.testing.assert_allclose(a[column], b[column], rtol=1e-8)
        assert (a["status"] == b["status"]).all()


# ---- limma and lmerTest: what equals what ------------------------------------------------------


@pytest.mark.parametrize("method", MODELS)
def test_a_contrast_does_not_depend_on_the_baseline_chosen(
    one_arm: ad.AnnData, method: str
) -> None:
    """Under NaN, limma's contrasts.fit gives another t than that contrast fitted directly."""
    direct = one_arm.copy()
    direct.uns["exerkine"]["baseline"] = "post"
    one = run(one_arm, method=method, contrasts={"late - post": "late - post"})
    two = run(direct, method=method).loc[["late - post"]]
    assert (one["n_obs"] < one_arm.n_obs).sum() > 20
    for column in ("estimate", "se", "df", "statistic", "p_value"):
        np.testing.assert_allclose(one[column], two.loc[one.index, column], rtol=1e-7)


@pytest.mark.parametrize("method", MODELS)
def test_an_empty_baseline_does_not_hand_its_role_on(one_arm: ad.AnnData, method: str) -> None:
    """Limma drops the column, and `post` turns into post minus late without a word."""
    one_arm.X[(one_arm.obs["timepoint"] == "pre").to_numpy(), 7] = np.nan
    frame = run(one_arm, method=method, contrasts=["post - pre", "late - pre", "late - post"])
    assert list(frame.xs("A07", level="feature")["status"]) == ["not estimable"] * 2 + ["ok"]
    assert frame.loc[("post - pre", "A07"), ["estimate", "se", "p_value"]].isna().all()


def test_df_at_a_singular_fit() -> None:
    """Satterthwaite's jump to n - p where people do not differ: the default is Kenward-Roger."""
    rng = np.random.default_rng(6)
    people, times = 22, ["pre", "post"]
    obs = pd.DataFrame(
        itertools.product([f"P{i:02d}" for i in range(people)], times),
        columns=["subject_id", "timepoint"],
    )
    obs["timepoint"] = pd.Categorical(obs["timepoint"], times, ordered=True)
    obs.index = obs.index.astype(str)
    noise = rng.normal(size=(people, 1, 20)) * np.array([[[1.0], [-1.0]]])  # opposite: no variance
    noise = (noise + 0.3 * rng.normal(size=(people, 2, 20))).reshape(-1, 20)
    adata = ad.AnnData(noise, obs=obs, var=pd.DataFrame(index=[f"F{i}" for i in range(20)]))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    satterthwaite = run(adata, ddf="satterthwaite")
    np.testing.assert_allclose(satterthwaite["df"], 2 * people - 2)
    default, named = run(adata), run(adata, ddf="kenward-roger")
    pd.testing.assert_frame_equal(default, named)
    assert (default["df"] < people).all()


def test_the_variance_prior_of_limma_before_and_since_3_62(one_arm: ad.AnnData) -> None:
    """One where all df are equal, two where missing values make them differ."""
    complete = one_arm[one_arm.obs["subject_id"] != "P03"].copy()
    complete.X = np.nan_to_num(complete.X, nan=5.0)
    old, new = (run(complete, method="moderated", legacy=v) for v in (True, False))
    pd.testing.assert_frame_equal(old, new)
    old, new = (run(one_arm, method="moderated", legacy=v) for v in (True, False))
    assert (np.abs(old["df"] - new["df"]) > 0.01).all()
    np.testing.assert_allclose(old["estimate"], new["estimate"], rtol=1e-12)
    pd.testing.assert_frame_equal(run(one_arm, method="moderated"), new)


def test_p_values_are_t_s_not_z_s(one_arm: ad.AnnData) -> None:
    """Statsmodels' mixed model refers estimate / SE to the normal: p a quarter too small."""
    frame = run(one_arm)
    z = 2 * stats.norm.sf(np.abs(frame["statistic"]))
    t = 2 * stats.t.sf(np.abs(frame["statistic"]), frame["df"])
    np.testing.assert_allclose(frame["p_value"], t, rtol=1e-9)
    assert (frame["p_value"] > z).all() and np.isfinite(frame["df"]).all()
