"""`tl.score_change`: every scorer on shared features, and what counts as more than noise."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.kernels._scorers import SCORERS

SETS = {"up": ["A00", "A01", "A02", "A03", "A04"], "signed": {"A00": 2.0, "A07": -1.0, "Z99": 1.0}}
small_panel = pytest.mark.filterwarnings("ignore:.*compares the members")


@small_panel
@pytest.mark.parametrize("method", list(SCORERS))
def test_what_one_time_lacks_enters_nothing(trial: ad.AnnData, method: str) -> None:
    """A value that the other time lacks may be anything; of gsva's distribution it is a part."""
    trial.X = np.nan_to_num(trial.X, nan=5.0) + 1e-6 * np.arange(trial.n_vars)
    row, column = trial.obs_names.get_loc("P01_post"), trial.var_names.get_loc("A02")
    trial.X[trial.obs_names.get_loc("P01_pre"), column] = np.nan
    one = exo.tl.score_change(trial, SETS, method=method)
    trial.X[row, column] = np.nan
    two = exo.tl.score_change(trial, SETS, method=method)
    rows = ((one["subject_id"] == "P01") & (one["timepoint"] == "post")).to_numpy()
    tolerance = 0.2 if method in ("gsva", "ssgsea") else 1e-12
    np.testing.assert_allclose(one["change"][rows], two["change"][rows], rtol=tolerance)
    assert (one["n_members"][rows] == [4, 2]).all()


@small_panel
@pytest.mark.parametrize("method", list(SCORERS))
def test_complete_data_is_the_difference_of_the_scores(trial: ad.AnnData, method: str) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0) + 1e-6 * np.arange(trial.n_vars)
    frame = exo.tl.score_change(trial, SETS, method=method)
    exo.tl.score(trial, SETS, method=method)
    scores = exo.get.scores(trial, method)
    start = scores[(trial.obs["timepoint"] == "pre").to_numpy()].std()
    for _, row in frame[frame["status"] == "ok"].iterrows():
        name, person = str(row["signature"]), row["subject_id"]
        later = scores.loc[f"{person}_{row['timepoint']}", name]
        change = later - scores.loc[f"{person}_pre", name]
        assert row["change"] == pytest.approx(change, abs=1e-9)
        assert row["std_change"] == pytest.approx(change / start[name], abs=1e-9)


def test_typical_error_of_a_repeated_baseline(trial: ad.AnnData) -> None:
    frame = exo.tl.score_change(trial, SETS, repeat="late")
    up = frame[frame["signature"] == "up"]
    noise = up[(up["timepoint"] == "late") & up["change"].notna()]
    within = noise["change"] - noise.groupby(noise["arm"].astype(str))["change"].transform("mean")
    df = len(noise) - noise["arm"].nunique()
    sd = np.sqrt((within**2).sum() / df)
    rows = up[(up["timepoint"] == "post") & (up["status"] == "ok")]
    np.testing.assert_allclose(rows["typical_error"], sd / np.sqrt(2))
    half = stats.t.ppf(0.975, df) * sd
    np.testing.assert_allclose(rows["rci_low"], rows["change"] - half)
    np.testing.assert_allclose(rows["rci_high"], rows["change"] + half)


def test_typical_error_of_the_control_arm(trial: ad.AnnData) -> None:
    frame = exo.tl.score_change(trial, SETS, control="CON")
    for time in ("post", "late"):
        rows = frame[(frame["signature"] == "up") & (frame["timepoint"] == time)]
        noise = rows.loc[rows["arm"] == "CON", "change"].dropna()
        known = rows["status"] == "ok"
        np.testing.assert_allclose(rows.loc[known, "typical_error"], noise.std(ddof=1) / np.sqrt(2))
        assert rows.loc[~known, ["typical_error", "rci_low"]].isna().all().all()
    plain = exo.tl.score_change(trial, SETS)
    assert plain[["typical_error", "rci_low", "rci_high"]].isna().all().all()
    pd.testing.assert_series_equal(plain["change"], frame["change"])


def test_nothing_measured_is_told(trial: ad.AnnData) -> None:
    trial.X[trial.obs_names.get_loc("P01_pre"), :5] = np.nan
    frame = exo.tl.score_change(trial, SETS, min_coverage=0)
    rows = (frame["subject_id"] == "P01") & (frame["signature"] == "up")
    assert set(frame.loc[rows, "status"]) == {"not measured"}
    assert frame.loc[rows, "change"].isna().all()


def test_order_of_samples_and_arms(trial: ad.AnnData) -> None:
    frame = exo.tl.score_change(trial, SETS, control="CON")
    rng = np.random.default_rng(0)
    other = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    again = exo.tl.score_change(other, SETS, control="CON")
    keys = ["subject_id", "signature", "timepoint"]
    one, two = (f.astype(dict.fromkeys(keys, str)).set_index(keys).sort_index() for f in
                (frame, again))  # fmt: skip
    for column in ("change", "std_change", "typical_error", "coverage"):
        np.testing.assert_allclose(one[column], two[column], atol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"repeat": "pre"}, "none of the later time points"),
        ({"repeat": "never"}, "none of the later time points"),
        ({"control": "XX"}, "none of the arms"),
        ({"control": "CON", "repeat": "late"}, "both say what is noise"),
        ({"key_added": "a/b"}, "slug"),
        ({"method": "mean"}, "no scorer"),
        ({"mx_diff": True}, "no option"),
    ],
)
def test_bad_options(trial: ad.AnnData, options: dict, words: str) -> None:
    with pytest.raises(exo.errors.UsageError, match=words):
        exo.tl.score_change(trial, SETS, **options)


def test_planted_change_is_more_than_noise() -> None:
    cohort = exo.datasets.simulate(seed=3)
    frame = exo.tl.score_change(cohort.adata, control="CON", min_coverage=0.3)
    assert {"rci_low", "rci_high"} <= set(frame.columns)
    beyond = (frame["rci_low"] > 0) | (frame["rci_high"] < 0)
    control = frame["arm"].astype(str) == "CON"
    assert beyond[control].mean() < 0.15
