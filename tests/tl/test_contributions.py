"""`tl.contributions` and `tl.change_contributions`: parts that add up, and what is left out."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo

SETS = {"up": ["A00", "A01", "A02", "A03", "A04"], "signed": {"A00": 2.0, "A07": -1.0, "Z99": 1.0}}


@pytest.mark.parametrize("method", ["baseline_z", "weighted_mean"])
def test_parts_of_a_mean_add_up_to_the_score(trial: ad.AnnData, method: str) -> None:
    exo.tl.score(trial, SETS, method=method)
    frame = exo.tl.contributions(trial, SETS, method=method)
    total = frame.pivot_table(
        index="sample_id", columns="signature", values="contribution", aggfunc="sum", observed=True
    )
    scores = exo.get.scores(trial, method)
    known = scores.notna()
    np.testing.assert_allclose(
        total.loc[scores.index, scores.columns].to_numpy()[known], scores.to_numpy()[known]
    )
    missing = frame["status"] == "not measured"
    assert missing.any() and frame.loc[missing, "contribution"].isna().all()
    assert np.isfinite(frame.loc[frame["status"] == "ok", "contribution"]).all()


@pytest.mark.parametrize("method", ["baseline_z", "weighted_mean"])
def test_parts_of_the_change_add_up_to_its_mean(trial: ad.AnnData, method: str) -> None:
    frame = exo.tl.change_contributions(trial, SETS, method=method, control="CON")
    changes = exo.tl.score_change(trial, SETS, method=method)
    tested = exo.tl.score_test(changes, control="CON")
    total = frame.groupby(["signature", "contrast"], observed=True)["contribution"].sum()
    own = tested.set_index(["feature", "contrast"])["estimate"]
    assert len(total) == len(own) > 4
    for key, value in total.items():
        assert value == pytest.approx(own[key], abs=1e-12), key
    shares = frame.groupby(["signature", "contrast"], observed=True)["share"].sum()
    np.testing.assert_allclose(shares, 1.0)
    assert (frame["ci_low"] < frame["contribution"]).all()


@pytest.mark.filterwarnings("ignore:.*compares the members:exerkine_omics.errors.ExerkineWarning")
def test_a_part_of_another_scorer_is_what_its_absence_costs(trial: ad.AnnData) -> None:
    frame = exo.tl.contributions(trial, {"up": SETS["up"]}, method="singscore")
    exo.tl.score(trial, {"up": SETS["up"], "less": SETS["up"][1:]}, method="singscore")
    scores = exo.get.scores(trial, "singscore")
    row = frame[(frame["member"] == "A00") & (frame["status"] == "ok")].set_index("sample_id")
    expected = (scores["up"] - scores["less"]).loc[row.index.astype(str)]
    np.testing.assert_allclose(row["contribution"], expected, atol=1e-12)


def test_order_and_storage(trial: ad.AnnData, round_trip) -> None:
    frame = exo.tl.change_contributions(trial, SETS, control="CON")
    rng = np.random.default_rng(0)
    other = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    again = exo.tl.change_contributions(other, SETS, control="CON")
    keys = ["signature", "contrast", "member"]
    both = frame.astype(dict.fromkeys(keys, str)).merge(
        again.astype(dict.fromkeys(keys, str)), on=keys
    )
    assert len(both) == len(frame)
    np.testing.assert_allclose(both["contribution_x"], both["contribution_y"])
    back = round_trip(trial).uns["change_contributions"]
    pd.testing.assert_frame_equal(
        back.astype(dict.fromkeys(keys, str)), frame.astype(dict.fromkeys(keys, str)),
        check_index_type=False, check_categorical=False, check_dtype=False,
    )  # fmt: skip


def test_bad_input(trial: ad.AnnData) -> None:
    with pytest.raises(exo.errors.UsageError, match="none of the arms"):
        exo.tl.change_contributions(trial, SETS, control="XX")
    with pytest.raises(exo.errors.UsageError, match="no option"):
        exo.tl.contributions(trial, SETS, tau=1.0)
    with pytest.raises(exo.errors.UsageError, match="no scorer"):
        exo.tl.contributions(trial, SETS, method="mean")
    with pytest.raises(exo.errors.UsageError, match="slug"):
        exo.tl.change_contributions(trial, SETS, key_added="a/b")
