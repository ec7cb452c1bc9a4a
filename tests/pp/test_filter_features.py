"""Which features stay, and that only presence is looked at."""

from __future__ import annotations

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError


@pytest.fixture
def gappy(trial):
    """A00 is there only after exercise, A01 in one person, A02 in no pair, A03 in half a cell."""
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    obs = trial.obs
    trial.X[~((obs["arm"] == "EE") & (obs["timepoint"] == "post")).to_numpy(), 0] = np.nan
    trial.X[(obs["subject_id"] != "P00").to_numpy(), 1] = np.nan
    early = obs["subject_id"].isin(["P00", "P01", "P02", "P03", "P08", "P09", "P10"])
    trial.X[(early == (obs["timepoint"] == "pre")).to_numpy(), 2] = np.nan
    trial.X[early.to_numpy(), 3] = np.nan
    return trial


@pytest.mark.quick
def test_any_cell_is_enough(gappy, round_trip):
    kept = exo.pp.filter_features(gappy, max_missing=0.4)
    assert set(gappy.var_names) - set(kept.var_names) == {"A01", "A02", "A03"}
    found = {f.id: f for f in exo.pp.check(round_trip(kept)).findings}
    assert set(found["filtered_missing"].rows) == {"A01", "A02", "A03"}
    assert gappy.n_vars == 30 and "findings" not in gappy.uns["exerkine"]
    # over all samples the one that exercise brings is lost
    assert "A00" not in exo.pp.filter_features(gappy, max_missing=0.4, by="all").var_names


def test_pairs(gappy):
    kept = exo.pp.filter_features(gappy, max_missing=None, min_pairs=1)
    assert set(gappy.var_names) - set(kept.var_names) == {"A00", "A02"}
    kept = exo.pp.filter_features(gappy, max_missing=None, min_pairs=4)
    assert set(gappy.var_names) - set(kept.var_names) == {"A00", "A01", "A02"}
    both = exo.pp.filter_features(gappy, max_missing=0.5, min_pairs=4)
    found = {f.id: f.rows for f in exo.pp.check(both).findings}
    assert found["filtered_missing"] == ("A01",) and found["filtered_pairs"] == ("A00", "A02")


def test_detected(gappy):
    gappy.layers["below_lod"] = np.zeros(gappy.shape, dtype=bool)
    gappy.layers["below_lod"][:, 7] = True
    gappy.layers["below_lod"][(gappy.obs["timepoint"] != "late").to_numpy(), 8] = True
    kept = exo.pp.filter_features(gappy, max_missing=None, min_detected=0.9)
    assert "A07" not in kept.var_names and {"A00", "A08"} <= set(kept.var_names)


def test_values_play_no_part(gappy):
    kept = exo.pp.filter_features(gappy, max_missing=0.4, min_pairs=3)
    other = gappy.copy()
    other.X = np.where(np.isnan(gappy.X), np.nan, np.random.default_rng(0).normal(size=gappy.shape))
    again = exo.pp.filter_features(other, max_missing=0.4, min_pairs=3)
    assert list(again.var_names) == list(kept.var_names)
    order = np.random.default_rng(0).permutation(gappy.n_obs)
    moved = exo.pp.filter_features(gappy[order].copy(), max_missing=0.4, min_pairs=3)
    assert list(moved.var_names) == list(kept.var_names)


def test_imputed_values_are_missing_and_controls_do_not_count(gappy):
    filled = exo.pp.impute(gappy, fitted_on=gappy.obs_names, copy=True)
    kept = exo.pp.filter_features(filled, max_missing=0.4)
    assert "A01" not in kept.var_names
    gappy.obs["sample_type"] = np.where(gappy.obs["arm"] == "EE", "qc", "sample")
    assert "A00" not in exo.pp.filter_features(gappy, max_missing=0.4).var_names


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"max_missing": 1.5}, UsageError, "share"),
        ({"max_missing": "half"}, UsageError, "share"),
        ({"min_detected": -0.1}, UsageError, "share"),
        ({"min_detected": 0.5}, InputError, "below_lod"),
        ({"min_pairs": 0}, UsageError, "whole"),
        ({"min_pairs": 1.5}, UsageError, "whole"),
        ({"by": "arm"}, UsageError, "cell"),
        ({"min_pairs": 99}, AnalysisError, "No feature"),
    ],
)
def test_bad_input(gappy, options, error, words):
    with pytest.raises(error, match=words):
        exo.pp.filter_features(gappy, **options)


def test_no_baseline(gappy):
    later = gappy[gappy.obs["timepoint"] != "pre"].copy()
    with pytest.raises(InputError, match="baseline"):
        exo.pp.filter_features(later, min_pairs=2)
    assert exo.pp.filter_features(later).n_vars == 29
    del later.obs["timepoint"]
    with pytest.raises(InputError, match="timepoint"):
        exo.pp.filter_features(later)
