"""pair, delta and concat."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError


@pytest.mark.quick
def test_delta(trial, round_trip):
    trial.obs["sex"] = ["f" if s < "P05" else "m" for s in trial.obs["subject_id"]]
    trial.obs["age"] = [
        30.0 + int(s[1:]) if s != "P02" else np.nan for s in trial.obs["subject_id"]
    ]
    trial.obs["hours"] = np.arange(trial.n_obs, dtype=float)
    change = round_trip(exo.pp.delta(trial, timepoint="late"))
    people = [f"P{i:02d}" for i in range(14) if i != 3]
    assert list(change.obs_names) == people
    wide = trial.to_df().set_axis([trial.obs["subject_id"], trial.obs["timepoint"]], axis=0)
    expected = np.array([wide.loc[(p, "late")] - wide.loc[(p, "pre")] for p in people])
    np.testing.assert_array_equal(change.X, expected)
    np.testing.assert_array_equal(change.layers["delta"], expected)
    np.testing.assert_array_equal(
        change.layers["post"], np.array([wide.loc[(p, "late")] for p in people])
    )
    assert set(change.obs) == {"subject_id", "arm", "sex", "age"}
    assert list(change.obs["subject_id"]) == people
    assert change.uns["exerkine"]["steps"]["step"].iloc[-1] == "pp.delta"
    assert "pre" in trial.uns["exerkine"]["baseline"] and "steps" not in trial.uns["exerkine"]


def test_other_baseline(trial):
    forth = exo.pp.delta(trial, baseline="post", timepoint="late")
    back = exo.pp.delta(trial, baseline="late", timepoint="post")
    np.testing.assert_array_equal(forth.X, -back.X)
    assert forth.uns["exerkine"]["baseline"] == "post"


def test_which_time_point(trial):
    with pytest.raises(UsageError, match="2 time points.*'post', 'late'"):
        exo.pp.delta(trial)
    two = trial[trial.obs["timepoint"] != "late"].copy()
    np.testing.assert_array_equal(exo.pp.delta(two).X, exo.pp.delta(trial, timepoint="post").X)
    with pytest.raises(InputError, match="'week 6' is not among"):
        exo.pp.delta(trial, timepoint="week 6")
    with pytest.raises(UsageError, match="Both time points"):
        exo.pp.delta(trial, timepoint="pre")
    with pytest.raises(InputError, match="baseline 'pre'"):
        exo.pp.delta(trial[trial.obs["timepoint"] != "pre"].copy(), timepoint="late")


def test_refusals(trial):
    linear = trial.copy()
    linear.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="exo.pp.log2"):
        exo.pp.delta(linear, timepoint="post")
    twice = trial.copy()
    twice.obs["subject_id"] = ["P00" if s == "P01" else s for s in twice.obs["subject_id"]]
    with pytest.raises(InputError, match="'P00' have more than one sample"):
        exo.pp.delta(twice, timepoint="post")
    apart = trial[(trial.obs["timepoint"] == "pre") == (trial.obs["subject_id"] < "P05")].copy()
    with pytest.raises(AnalysisError, match="No subject"):
        exo.pp.delta(apart, timepoint="post")


def test_an_empty_sample_is_no_pair(trial):
    trial.X[trial.obs_names.get_loc("P01_post")] = np.nan
    assert "P01" not in exo.pp.delta(trial, timepoint="post").obs_names
    dropped = exo.pp.pair(trial).dropped
    assert set(dropped["reason"]) == {"P01_post has no values", "no late sample"}


def test_pairs_are_stored(trial, round_trip):
    table = exo.pp.pair(trial)
    back = round_trip(trial).uns["exerkine"]["pairs"]
    assert list(back.columns) == list(table.frame.columns)
    assert back["paired"].sum() == table.frame["paired"].sum() == 27
    assert list(back["sample"].astype(str)) == list(table.frame["sample"])


def test_concat_is_that_of_cohort(trial):
    one, two = trial[:20].copy(), trial[20:].copy()
    assert exo.pp.concat([one, two]).uns["exerkine"]["units"] == "NPX"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_order_changes_nothing(trial, data):
    rows = data.draw(st.permutations(range(trial.n_obs)))
    columns = data.draw(st.permutations(range(trial.n_vars)))
    expected = exo.pp.delta(trial, timepoint="post")
    shuffled = exo.pp.delta(trial[rows][:, columns].copy(), timepoint="post")
    np.testing.assert_array_equal(shuffled[:, expected.var_names].X, expected.X)
    pd.testing.assert_frame_equal(shuffled.obs, expected.obs)
    frame, other = exo.pp.pair(trial).frame, exo.pp.pair(trial[rows].copy()).frame
    pd.testing.assert_frame_equal(frame, other)
