"""The mixed model against lmerTest and pbkrtest, and its properties."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.cohort import build_design
from exerkine_omics.kernels import _lmm, _lmm_sums

REFERENCE = Path(__file__).parents[1] / "reference"
CASES = ("balanced", "missing", "arms", "covariate", "tiny", "singular")
# lmerTest's Hessian is numeric: near a zero variance its df carry five digits
DF_TOLERANCE = {"tiny": 1e-5}


def lmer(case: str) -> pd.DataFrame:
    """What lmerTest and pbkrtest answered."""
    frame = pd.read_csv(REFERENCE / "lmertest" / f"{case}_lmer.csv")
    return frame.set_index(["contrast", "feature"])


@pytest.mark.quick
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("ddf", "suffix"), [("satterthwaite", ""), ("kenward-roger", "_kr")])
def test_equals_lmertest_and_pbkrtest(case: str, ddf: str, suffix: str, reference_cohort) -> None:
    adata, expected = reference_cohort(case), lmer(case)
    options = {"covariates": ["hours"]} if case == "covariate" else {}
    frames = [
        exo.tl.differential(
            adata, method="lmm", ddf=ddf, control="CON" if case == "arms" else None, **options
        )
    ]
    if case == "arms":
        frames.append(
            exo.tl.differential(adata, ddf=ddf, contrasts={"level": "EE.post - CON.post"})
        )
    ours = pd.concat(frames).astype({"contrast": str, "feature": str})
    ours = ours.set_index(["contrast", "feature"]).loc[expected.index]
    assert (ours["status"] == "ok").all()
    np.testing.assert_allclose(ours["estimate"], expected["estimate"], atol=1e-7)
    np.testing.assert_allclose(ours["se"], expected["se" + suffix], rtol=1e-6)
    np.testing.assert_allclose(
        ours["df"], expected["df" + suffix], rtol=DF_TOLERANCE.get(case, 1e-5)
    )
    name = "p_kr" if suffix else "p_value"
    np.testing.assert_allclose(np.log10(ours["p_value"]), np.log10(expected[name]), atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_singular_fits_are_the_same(case: str, reference_cohort) -> None:
    adata, expected = reference_cohort(case), lmer(case)
    theta = expected.groupby("feature", sort=False)["theta"].first().loc[adata.var_names]
    design = build_design(adata, covariates=["hours"] if case == "covariate" else [])
    fit = _lmm.fit_reml(_lmm_sums.grouped_sums(adata.X, design.matrix, design.subject))
    np.testing.assert_array_equal(fit.singular, theta < 1e-8)


def test_complete_pairs_give_the_paired_t(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    pair = trial[trial.obs["timepoint"] != "late"].copy()
    pair.obs["timepoint"] = pair.obs["timepoint"].cat.remove_unused_categories()
    one = exo.tl.differential(pair, arm=None)
    two = exo.tl.differential(pair, arm=None, method="paired_t")
    # where pre and post agree between people (no singular fit) the two are one test
    pre, post = (pair[(pair.obs["timepoint"] == t).to_numpy()].X for t in ("pre", "post"))
    sd = pd.Series(((pre - pre.mean(axis=0)) * (post - post.mean(axis=0))).sum(axis=0) > 0)
    assert sd.mean() > 0.9
    np.testing.assert_allclose(one["estimate"], two["estimate"], rtol=1e-9)
    np.testing.assert_allclose(one["se"][sd], two["se"][sd], rtol=1e-6)
    np.testing.assert_allclose(one["df"][sd], two["df"][sd], rtol=1e-6)


def test_variance_contrast_uses_its_own_cells(trial: ad.AnnData) -> None:
    """With complete rows, fitting a contrast on its cells is the paired t of those cells."""
    late = (trial.obs["timepoint"] == "late").to_numpy()
    trial.X[late] += np.random.default_rng(2).normal(0, 5, trial.X[late].shape)
    own = exo.tl.differential(trial, arm=None, variance="contrast")
    with pytest.warns(exo.errors.ExerkineWarning, match="variance='contrast'"):
        pooled = exo.tl.differential(trial, arm=None)
    notes = trial.uns["differential_variances"]
    assert set(notes["timepoint"]) == {"late"} and (notes["sd_ratio"] > 1.5).all()
    paired = exo.tl.differential(trial, arm=None, method="paired_t")
    post = [f[f["contrast"] == "post - pre"]["se"].median() for f in (own, pooled, paired)]
    assert post[1] > 2 * post[0]
    assert post[0] == pytest.approx(post[2], rel=0.1)


def test_order_sign_shift_and_person_level(trial: ad.AnnData) -> None:
    reference = exo.tl.differential(trial).set_index(["contrast", "feature"])
    rng = np.random.default_rng(0)
    shuffled = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    moved, flipped = trial.copy(), trial.copy()
    moved.X = moved.X + 1e5
    flipped.X = -flipped.X
    for other, sign, tolerance in ((shuffled, 1, 1e-8), (moved, 1, 1e-4), (flipped, -1, 1e-8)):
        frame = exo.tl.differential(other).set_index(["contrast", "feature"]).loc[reference.index]
        for column, factor in (("estimate", sign), ("statistic", sign), ("df", 1)):
            np.testing.assert_allclose(
                frame[column], factor * reference[column], rtol=tolerance, atol=1e-8
            )


@pytest.mark.parametrize("method", ["lmm", "moderated"])
def test_the_unit_of_a_covariate_is_free(trial: ad.AnnData, method: str) -> None:
    rng = np.random.default_rng(4)
    trial.obs["hours"] = rng.normal(0, 1, trial.n_obs)
    reference = exo.tl.differential(trial, method=method, covariates=["hours"])
    without = exo.tl.differential(trial, method=method)
    assert np.abs(reference["estimate"] - without["estimate"]).max() > 1e-3
    for scale, shift in ((1e6, 0), (1e-6, 0), (1, 1e8), (5e4, 2.5e5)):
        other = trial.copy()
        other.obs["hours"] = trial.obs["hours"] * scale + shift
        frame = exo.tl.differential(other, method=method, covariates=["hours"])
        assert (frame["status"] == "ok").all()
        np.testing.assert_allclose(frame["estimate"], reference["estimate"], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(frame["df"], reference["df"], rtol=1e-3)
    trial.obs["hours"] = np.inf
    with pytest.raises(exo.errors.InputError, match="infinite"):
        exo.tl.differential(trial, method=method, covariates=["hours"])


@pytest.mark.parametrize("method", ["lmm", "moderated", "paired_t"])
def test_a_control_arm_without_the_time_is_said(trial: ad.AnnData, method: str) -> None:
    gone = (trial.obs["arm"] == "CON") & (trial.obs["timepoint"] == "late")
    frame = exo.tl.differential(trial[~gone.to_numpy()].copy(), method=method, control="CON")
    rows = frame[frame["contrast"] == "EE - CON: late - pre"]
    assert len(rows) == trial.n_vars and (rows["status"] != "ok").all()
    assert rows["estimate"].isna().all()
    assert (frame[frame["contrast"] == "EE: late - pre"]["status"] == "ok").all()


@pytest.mark.parametrize("method", ["moderated", "paired_t"])
def test_rounding_is_no_evidence(trial: ad.AnnData, method: str) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    start = {s: i for i, s in enumerate(trial.obs_names) if s.endswith("_pre")}
    for i, (person, time) in enumerate(
        zip(trial.obs["subject_id"], trial.obs["timepoint"], strict=True)
    ):
        step = {"pre": 0.0, "post": 0.1, "late": 0.2}[str(time)]
        trial.X[i] = trial.X[start[f"{person}_pre"]] + step
    frame = exo.tl.differential(trial, method=method, arm=None)
    assert (frame["status"] != "ok").all(), frame["p_value"].min()


def test_a_covariate_that_says_nothing_on_a_feature_s_rows_is_no_obstacle(
    trial: ad.AnnData,
) -> None:
    """A feature measured on one plate only: the plate drops out, as in lmer."""
    plate = trial.obs["subject_id"].isin([f"P{i:02d}" for i in range(0, 14, 2)])
    trial.obs["plate"] = np.where(plate, "A", "B")
    trial.X[plate.to_numpy(), 3] = np.nan  # on plate B alone: the second level is always 1
    frame = exo.tl.differential(trial, covariates=["plate"], control="CON")
    own = frame[frame["feature"] == "A03"]
    assert (own["status"] == "ok").all()
    without = exo.tl.differential(trial[:, "A03"].copy(), control="CON")
    for column in ("estimate", "se", "df"):
        np.testing.assert_allclose(own[column], without[column], rtol=1e-7)


def test_a_covariate_that_is_the_time_takes_the_contrast_away(trial: ad.AnnData) -> None:
    rng = np.random.default_rng(5)
    hours = np.where(trial.obs["timepoint"] == "post", 8.0, 2.0)
    odd = trial.obs_names == "P00_post"
    trial.obs["hours"] = hours + odd * rng.normal(3, 1)
    trial.X[odd, 4], trial.X[odd, 5] = np.nan, 5.0  # on the rows of A04 hours is the visit
    frame = exo.tl.differential(trial, covariates=["hours"], arm=None)
    status = frame.astype({"contrast": str}).set_index(["feature", "contrast"])["status"]
    assert status["A04", "post - pre"] == "not estimable"
    assert status["A04", "late - pre"] == "ok"
    assert status["A05", "post - pre"] == "ok"


def test_workers_change_no_bit(reference_cohort) -> None:
    rng = np.random.default_rng(6)
    small = reference_cohort("arms")
    many = ad.AnnData(
        np.tile(small.X, (1, 20)) + rng.normal(0, 0.1, (small.n_obs, 20 * small.n_vars)),
        obs=small.obs.copy(),
    )
    many.uns["exerkine"] = dict(small.uns["exerkine"])
    alone = exo.tl.differential(many, control="CON")
    with exo.settings.override(n_jobs=2):
        pd.testing.assert_frame_equal(exo.tl.differential(many, control="CON"), alone)
