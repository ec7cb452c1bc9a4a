"""`tl.score` and `tl.score_change`: by hand, under NaN, and their properties."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics import schema

SETS = {"up": ["A00", "A01", "A02", "A03", "A04"], "signed": {"A00": 2.0, "A07": -1.0, "Z99": 1.0}}


@pytest.mark.quick
def test_by_hand(trial: ad.AnnData) -> None:
    exo.tl.score(trial, SETS)
    scores, coverage = trial.obsm["score_baseline_z"], trial.obsm["coverage_baseline_z"]
    assert list(scores.columns) == list(coverage.columns) == ["up", "signed"]
    assert (scores.index == trial.obs_names).all()
    wide = pd.DataFrame(trial.X, index=trial.obs_names, columns=trial.var_names)
    start = wide[(trial.obs["timepoint"] == "pre").to_numpy()]
    z = (wide - start.mean()) / start.std()
    for sample in trial.obs_names[:12]:
        row = z.loc[sample, SETS["up"]]
        assert scores.loc[sample, "up"] == pytest.approx(row.mean(), nan_ok=True)
        assert coverage.loc[sample, "up"] == pytest.approx(row.notna().mean())
        a, b = z.loc[sample, "A00"], z.loc[sample, "A07"]
        if np.isfinite(a) and np.isfinite(b):
            assert scores.loc[sample, "signed"] == pytest.approx((2 * a - b) / 3)
            assert coverage.loc[sample, "signed"] == pytest.approx(3 / 4)


def test_nan_is_the_member_left_out(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    full = trial.copy()
    exo.tl.score(full, {"four": ["A00", "A01", "A02", "A03"]}, min_coverage=0)
    row = trial.obs_names.get_loc("P00_post")
    trial.X[row, 4] = np.nan
    exo.tl.score(trial, {"five": SETS["up"]}, min_coverage=0)
    one, two = trial.obsm["score_baseline_z"]["five"], full.obsm["score_baseline_z"]["four"]
    assert one["P00_post"] == pytest.approx(two["P00_post"])
    assert trial.obsm["coverage_baseline_z"].loc["P00_post", "five"] == pytest.approx(0.8)


def test_flip_shift_and_order(trial: ad.AnnData) -> None:
    exo.tl.score(trial, SETS)
    reference = trial.obsm["score_baseline_z"]
    flipped = trial.copy()
    exo.tl.score(flipped, {"up": dict.fromkeys(SETS["up"], -1), "signed": SETS["signed"]})
    np.testing.assert_allclose(flipped.obsm["score_baseline_z"]["up"], -reference["up"])
    moved = trial.copy()
    moved.X = moved.X + 1e5
    exo.tl.score(moved, SETS)
    np.testing.assert_allclose(moved.obsm["score_baseline_z"], reference, atol=1e-6)
    rng = np.random.default_rng(0)
    order = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    exo.tl.score(order, SETS)
    pd.testing.assert_frame_equal(order.obsm["score_baseline_z"].loc[reference.index], reference)


def test_low_coverage_is_nan_with_the_coverage_beside(trial: ad.AnnData) -> None:
    exo.tl.score(trial, {"thin": ["A00", "Z1", "Z2"]}, min_coverage=0.5)
    assert trial.obsm["score_baseline_z"]["thin"].isna().all()
    assert trial.obsm["coverage_baseline_z"]["thin"].max() == pytest.approx(1 / 3)


def test_tiny_sd_is_floored(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    start = (trial.obs["timepoint"] == "pre").to_numpy()
    trial.X[start, 9] = 5.0
    trial.X[~start, 9] = 5.5
    exo.tl.score(trial, {"flat": ["A09"]})
    others = np.median(np.delete(trial.X[start].std(axis=0, ddof=1), 9))
    score = trial.obsm["score_baseline_z"]["flat"][~start]
    np.testing.assert_allclose(score, 0.5 / (0.1 * others), rtol=0.05)


def test_change_is_within_people_on_shared_members(trial: ad.AnnData) -> None:
    frame = exo.tl.score_change(trial, SETS, min_coverage=0.2)
    wide = pd.DataFrame(trial.X, index=trial.obs_names, columns=trial.var_names)
    sd = wide[(trial.obs["timepoint"] == "pre").to_numpy()].std()
    row = frame[
        (frame["subject_id"] == "P02")
        & (frame["signature"] == "up")
        & (frame["timepoint"] == "post")
    ].iloc[0]
    delta = ((wide.loc["P02_post"] - wide.loc["P02_pre"]) / sd)[SETS["up"]]
    assert row["change"] == pytest.approx(delta.mean())
    assert row["n_members"] == delta.notna().sum()
    assert row["coverage"] == pytest.approx(delta.notna().mean())
    absent = frame[(frame["subject_id"] == "P03") & (frame["timepoint"] == "late")]
    assert absent["change"].isna().all() and set(absent["status"]) == {"no late sample"}
    up = frame[(frame["signature"] == "up") & (frame["timepoint"] == "post")]
    means = up.groupby(up["arm"].astype(str))["change"].mean()
    assert means["EE"] > 1.0 > abs(means["CON"]) + 0.5


def test_change_does_not_depend_on_what_one_time_lacks(trial: ad.AnnData) -> None:
    """A member measured after exercise only must not enter the change."""
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    trial.X[trial.obs_names.get_loc("P01_pre"), 0] = np.nan
    one = exo.tl.score_change(trial, SETS, min_coverage=0)
    trial.X[trial.obs_names.get_loc("P01_post"), 0] = 99.0
    two = exo.tl.score_change(trial, SETS, min_coverage=0)
    post = (one["subject_id"] == "P01") & (one["timepoint"] == "post") & (one["signature"] == "up")
    assert one.loc[post, "change"].item() == pytest.approx(two.loc[post, "change"].item())


def test_storage(trial: ad.AnnData, round_trip) -> None:
    exo.tl.score(trial, SETS)
    frame = exo.tl.score_change(trial, SETS)
    back = round_trip(trial)
    pd.testing.assert_frame_equal(
        back.obsm["score_baseline_z"], trial.obsm["score_baseline_z"], check_names=False
    )
    np.testing.assert_allclose(back.uns["score_change"]["change"], frame["change"])
    assert exo.get.coverage(back).shape == (trial.n_obs, 2)
    with pytest.raises(exo.errors.InputError, match="members='common'"):
        exo.tl.differential(exo.get.scores(back, as_anndata=True), control="CON")
    exo.tl.score(back, SETS, members="common")
    scores = exo.get.scores(back, as_anndata=True)
    tested = exo.tl.differential(scores, control="CON")
    assert set(tested["units"]) == {"zscore"}
    assert set(scores.layers) - {None} == {"coverage", "se"}


@pytest.mark.parametrize(
    ("signatures", "options", "error", "words"),
    [
        ({"x": "A00"}, {}, "UsageError", "string"),
        ({"x": []}, {}, "UsageError", "no members"),
        ({"x": {"A00": 0.0}}, {}, "UsageError", "zero"),
        ({"x": ["A00", "A00"]}, {}, "UsageError", "twice"),
        (["A00"], {}, "UsageError", "mapping"),
        (SETS, {"min_coverage": 2}, "UsageError", "between 0 and 1"),
        (SETS, {"method": "ssgsea9"}, "UsageError", "Known"),
    ],
)
def test_bad_calls(trial: ad.AnnData, signatures, options, error: str, words: str) -> None:
    with pytest.raises(getattr(exo.errors, error), match=words):
        exo.tl.score(trial, signatures, **options)


def test_one_member_on_two_assays_is_never_averaged(trial: ad.AnnData) -> None:
    trial.var["gene_symbol"] = ["IL6", "IL6"] + [f"G{i}" for i in range(28)]
    with pytest.raises(exo.errors.InputError, match="several='first'"):
        exo.tl.score(trial)
    exo.tl.score(trial, min_coverage=0, several="first")
    assert trial.obsm["coverage_baseline_z"]["il6_anti_inflammatory_cascade"].max() <= 1 / 7 + 1e-12


def test_score_test_is_the_t_test_of_the_changes(trial: ad.AnnData) -> None:
    frame = exo.tl.score_change(trial, SETS, min_coverage=0.2)
    tested = exo.tl.score_test(frame, control="CON").set_index(["contrast", "feature"])
    assert list(tested.columns) == [
        c for c in schema.RESULT_COLUMNS if c not in ("contrast", "feature")
    ]
    part = frame[(frame["signature"] == "up") & (frame["timepoint"] == "post")].dropna(
        subset="change"
    )
    ee, con = (part.loc[part["arm"] == a, "change"] for a in ("EE", "CON"))
    one = stats.ttest_1samp(ee, 0)
    row = tested.loc[("EE: post - pre", "up")]
    assert row["statistic"] == pytest.approx(one.statistic)
    assert row["p_value"] == pytest.approx(one.pvalue)
    assert row["n_pairs"] == len(ee)
    two = stats.ttest_ind(ee, con, equal_var=False)
    row = tested.loc[("EE - CON: post - pre", "up")]
    assert row["statistic"] == pytest.approx(two.statistic) and row["df"] == pytest.approx(two.df)
    with pytest.raises(exo.errors.UsageError, match="none of the arms"):
        exo.tl.score_test(frame, control="XX")
    with pytest.raises(exo.errors.InputError, match="score_change"):
        exo.tl.score_test(frame.drop(columns="change"))
