"""`tl.differential` against limma, against hand computation, and its properties."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

import exerkine_omics as exo
from exerkine_omics import schema

LIMMA = Path(__file__).parents[1] / "reference" / "limma"
CASES = ("balanced", "missing", "arms", "covariate", "tiny")


@pytest.mark.quick
@pytest.mark.parametrize("case", CASES)
def test_moderated_equals_limma(case: str, reference_cohort) -> None:
    adata, expected = reference_cohort(case), pd.read_csv(LIMMA / f"{case}_limma.csv")
    frame = exo.tl.differential(
        adata,
        control="CON" if case == "arms" else None,
        covariates=["hours"] if case == "covariate" else [],
        method="moderated",
        legacy=True,
    )
    ours = frame.set_index(["contrast", "feature"])
    limma = expected.set_index(["contrast", "feature"])
    assert set(ours.index) == set(limma.index)
    ours = ours.loc[limma.index]
    tested = ours["status"] == "ok"
    assert tested.mean() > 0.9
    for column in ("estimate", "se", "df", "statistic"):
        np.testing.assert_allclose(
            ours.loc[tested, column], limma.loc[tested, column], rtol=1e-8, atol=1e-10
        )
    np.testing.assert_allclose(
        np.log10(ours.loc[tested, "p_value"]), np.log10(limma.loc[tested, "p_value"]), atol=1e-7
    )


def test_paired_t_is_scipy_s(trial: ad.AnnData) -> None:
    frame = exo.tl.differential(trial, method="paired_t", arm=None)
    frame = frame[frame["contrast"] == "post - pre"].set_index("feature")
    wide = pd.DataFrame(trial.X, index=trial.obs_names, columns=trial.var_names)
    people = sorted(set(trial.obs["subject_id"]))
    pre = wide.loc[[f"{p}_pre" for p in people]].to_numpy()
    post = wide.loc[[f"{p}_post" for p in people]].to_numpy()
    expected = stats.ttest_rel(post, pre, axis=0, nan_policy="omit")
    np.testing.assert_allclose(frame["statistic"], expected.statistic, rtol=1e-10)
    np.testing.assert_allclose(frame["p_value"], expected.pvalue, rtol=1e-9)
    pairs = np.isfinite(post - pre).sum(axis=0)
    assert (frame["n_pairs"] == pairs).all()
    assert (frame["n_obs"] == 2 * pairs).all()
    np.testing.assert_allclose(frame["estimate"], np.nanmean(post - pre, axis=0), rtol=1e-10)


def test_arms_of_paired_t_are_welch(trial: ad.AnnData) -> None:
    frame = exo.tl.differential(trial, method="paired_t", control="CON")
    row = frame[(frame["contrast"] == "EE - CON: post - pre") & (frame["feature"] == "A07")].iloc[0]
    wide = pd.Series(trial[:, "A07"].X[:, 0], index=trial.obs_names)
    change = {}
    for arm in ("EE", "CON"):
        people = trial.obs.loc[trial.obs["arm"] == arm, "subject_id"].unique()
        values = np.array([wide[f"{p}_post"] - wide[f"{p}_pre"] for p in people])
        change[arm] = values[np.isfinite(values)]
    expected = stats.ttest_ind(change["EE"], change["CON"], equal_var=False)
    assert row["statistic"] == pytest.approx(expected.statistic, rel=1e-10)
    assert row["df"] == pytest.approx(expected.df, rel=1e-10)


@pytest.mark.parametrize("method", ["moderated", "paired_t"])
def test_nan_cell_is_absent_row(trial: ad.AnnData, method: str) -> None:
    row = trial.obs_names.get_loc("P05_post")
    blank = trial.copy()
    blank.X[row] = np.nan
    absent = trial[trial.obs_names != "P05_post"].copy()
    one = exo.tl.differential(blank, method=method, control="CON")
    two = exo.tl.differential(absent, method=method, control="CON")
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


@pytest.mark.parametrize("method", ["moderated", "paired_t"])
def test_order_sign_and_shift(trial: ad.AnnData, method: str) -> None:
    reference = exo.tl.differential(trial, method=method).set_index(["contrast", "feature"])
    rng = np.random.default_rng(0)
    shuffled = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    moved = trial.copy()
    moved.X = moved.X + 1e5
    flipped = trial.copy()
    flipped.X = -flipped.X
    for other, sign, tolerance in ((shuffled, 1, 1e-10), (moved, 1, 1e-5), (flipped, -1, 1e-10)):
        frame = exo.tl.differential(other, method=method).set_index(["contrast", "feature"])
        frame = frame.loc[reference.index]
        for column, factor in (("estimate", sign), ("statistic", sign), ("p_value", 1)):
            np.testing.assert_allclose(
                frame[column], factor * reference[column], rtol=tolerance, atol=1e-12
            )


def test_all_missing_baseline_is_not_estimable(trial: ad.AnnData) -> None:
    """Limma drops the column and turns `post` into post minus late without a word."""
    trial.X[(trial.obs["timepoint"] == "pre").to_numpy(), 4] = np.nan
    for method, reason in (("moderated", "not estimable"), ("paired_t", "no pairs")):
        frame = exo.tl.differential(trial, method=method, arm=None)
        row = frame[(frame["feature"] == "A04") & (frame["contrast"] == "post - pre")].iloc[0]
        assert row["status"] == reason
        assert np.isnan(row["estimate"]) and np.isnan(row["p_value"]) and row["n_pairs"] == 0


def test_levels_between_people_are_refused_by_status(trial: ad.AnnData) -> None:
    contrasts = {"level": "EE.post - CON.post"}
    frame = exo.tl.differential(trial, method="moderated", contrasts=contrasts)
    assert set(frame["status"]) == {"not a within-person contrast"}
    assert frame["p_value"].isna().all()


def test_constant_feature_has_a_status(trial: ad.AnnData) -> None:
    trial.X[:, 2] = 3.0
    for method in ("moderated", "paired_t"):
        frame = exo.tl.differential(trial, method=method)
        assert set(frame.loc[frame["feature"] == "A02", "status"]) == {"constant"}


def test_effect_size_by_hand(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    frame = exo.tl.differential(trial, arm=None)
    row = frame[(frame["contrast"] == "post - pre") & (frame["feature"] == "A00")].iloc[0]
    sd = np.std(trial[trial.obs["timepoint"] == "pre", "A00"].X, ddof=1)
    hedges = 1 - 3 / (4 * 13 - 1)
    assert row["effect_size"] == pytest.approx(row["estimate"] / sd * hedges, rel=1e-3)


def test_frame_and_storage(trial: ad.AnnData, round_trip) -> None:
    frame = exo.tl.differential(trial, control="CON", key_added="change")
    assert list(frame.columns) == list(schema.RESULT_COLUMNS)
    back = round_trip(trial)
    pd.testing.assert_frame_equal(
        back.uns["change"].astype({"feature": str}),
        frame.astype({"feature": str}),
        check_categorical=False,
    )
    assert back.uns["exerkine"]["steps"]["step"].to_list() == ["tl.differential"]
    assert len(frame) == 6 * trial.n_vars


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ({"contrasts": {"x": "EE.post - EE.prae"}}, exo.errors.UsageError, "EE.pre"),
        ({"contrasts": {"x": "EE.post * EE.pre"}}, exo.errors.UsageError, "numbers only"),
        ({"contrasts": {"x": "EE.post - "}}, exo.errors.UsageError, "expected"),
        ({"control": "KON"}, exo.errors.UsageError, "none of the arms"),
        ({"method": "anova"}, exo.errors.UsageError, "Known"),
        ({"method": "paired_t", "legacy": True}, exo.errors.UsageError, "no option"),
        ({"covariates": ["age"]}, exo.errors.InputError, "age"),
        ({"subject": "person"}, exo.errors.InputError, "person"),
        ({"layer": "other"}, exo.errors.UsageError, "layer"),
        ({"layer": "raw"}, exo.errors.UnitsError, "scale of X"),
        ({"method": "paired_t", "covariates": ["arm"]}, exo.errors.UsageError, "no covariates"),
        ({"ddf": "kenward"}, exo.errors.UsageError, "kenward-roger"),
        ({"key_added": "a/b"}, exo.errors.UsageError, "slug"),
    ],
)
def test_bad_calls_say_what_to_do(trial: ad.AnnData, call, error, words: str) -> None:
    with pytest.raises(error, match=words):
        exo.tl.differential(trial, **call)


def test_bad_data_say_what_to_do(trial: ad.AnnData) -> None:
    linear = trial.copy()
    linear.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(exo.errors.UnitsError, match=r"exo\.pp\.log2"):
        exo.tl.differential(linear)
    no_baseline = trial[trial.obs["timepoint"] != "pre"].copy()
    with pytest.raises(exo.errors.InputError, match="baseline 'pre'"):
        exo.tl.differential(no_baseline)
    double = trial.copy()
    double.obs["subject_id"] = double.obs["subject_id"].replace({"P01": "P00"})
    with pytest.raises(exo.errors.InputError, match="More than one sample"):
        exo.tl.differential(double, arm=None)
    covariate = trial.copy()
    covariate.obs["age"] = np.where(covariate.obs["subject_id"] == "P02", np.nan, 40.0)
    with pytest.raises(exo.errors.InputError, match="no value"):
        exo.tl.differential(covariate, covariates=["age"])


def test_sparse_and_float32_give_the_same(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    reference = exo.tl.differential(trial)
    thin = trial.copy()
    thin.X = sparse.csr_matrix(trial.X)
    pd.testing.assert_frame_equal(exo.tl.differential(thin), reference)
    exo.tl.score(thin, {"s": ["A00", "A01"]})
    exo.tl.score_change(thin, {"s": ["A00", "A01"]})
    assert len(exo.pp.check(thin).errors) == 0
    small = trial.copy()
    small.X = trial.X.astype(np.float32)
    frame = exo.tl.differential(small)
    np.testing.assert_allclose(frame["estimate"], reference["estimate"], atol=1e-5)


def test_no_feature_is_said(trial: ad.AnnData) -> None:
    with pytest.raises(exo.errors.InputError, match="no feature"):
        exo.tl.differential(trial[:, :0].copy())
