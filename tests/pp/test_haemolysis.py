"""Haemolysis: planted samples are found, clean ones are not, exercise's own is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, ExerkineWarning, UnitsError, UsageError
from exerkine_omics.kernels import _haemolysis as kernel


@pytest.fixture(scope="module")
def spoiled():
    return exo.datasets.simulate(seed=1, haemolysed=0.2)


@pytest.mark.parametrize("modality", ["mirna", "proteomics"])
def test_planted_samples_are_found(spoiled, modality, round_trip):
    adata = spoiled.mdata[modality].copy()
    exo.pp.haemolysis(adata)
    planted = adata.obs_names.isin(spoiled.truth.haemolysed["sample_id"])
    flag = adata.obs["haemolysed"].astype(str)
    assert (flag[planted] == "no").sum() == 0 and (flag[planted] == "yes").mean() > 0.8
    assert (flag[~planted] == "yes").sum() == 0 and (flag[~planted] == "no").mean() > 0.95
    back = round_trip(adata)
    found = {f.id: f for f in exo.pp.check(back).findings}["haemolysed_samples"]
    assert set(found.rows) == set(adata.obs_names[flag == "yes"]) and found.call
    assert adata.n_obs == spoiled.mdata[modality].n_obs  # nothing is removed


def test_cq_and_its_log2_say_the_same(spoiled):
    turned = spoiled.mdata["mirna"].copy()
    cycles = turned.copy()
    cycles.X = -cycles.X
    cycles.uns["exerkine"]["units"] = "Cq"
    for adata in (turned, cycles):
        exo.pp.haemolysis(adata)
    np.testing.assert_allclose(turned.obs["haemolysis"], cycles.obs["haemolysis"])
    delta = cycles[:, "hsa-miR-23a-3p"].X - cycles[:, "hsa-miR-451a"].X
    np.testing.assert_allclose(cycles.obs["haemolysis"], delta[:, 0])
    # whole samples rescaled: the ratio stands
    moved = cycles.copy()
    moved.X = moved.X + np.arange(moved.n_obs)[:, None]
    exo.pp.haemolysis(moved)
    assert (moved.obs["haemolysed"] == cycles.obs["haemolysed"]).all()
    exo.pp.log2(cycles)
    cycles.uns["exerkine"]["platform"] = "unknown"  # the steps still say that it was Cq
    exo.pp.haemolysis(cycles)
    assert (cycles.obs["haemolysed"] == turned.obs["haemolysed"]).all()


def test_limits_are_settable_and_never_borrowed(spoiled):
    adata = spoiled.mdata["mirna"].copy()
    exo.pp.haemolysis(adata, limits=(100, 200))
    assert (adata.obs["haemolysed"] == "no").all()
    counts = spoiled.mdata["mirna"].copy()
    counts.uns["exerkine"] |= {"units": "log_cpm", "platform": "sequencing"}
    with pytest.warns(ExerkineWarning, match="No limits of haemolysis are validated"):
        exo.pp.haemolysis(counts)
    assert (counts.obs["haemolysed"] == "unknown").all() and counts.obs["haemolysis"].notna().all()
    exo.pp.haemolysis(counts, limits=(5, 7))
    assert (counts.obs["haemolysed"] == "yes").any()


def test_flags_and_missing():
    index = np.array([4.9, 5.0, 5.1, 7.0, 7.1, np.nan])
    assert kernel.flags(index, 5, 7).tolist() == [
        "no", "no", "possible", "possible", "yes", "unknown",
    ]  # fmt: skip
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (60, 5)) + rng.normal(0, 1, (60, 1))
    reference = np.arange(60) < 40
    index = kernel.panel_index(values, reference)
    assert np.median(index[reference]) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(kernel.panel_index(values + 1e5, reference), index, atol=1e-6)
    values[3] = np.nan
    values[4, 0] = np.nan
    index = kernel.panel_index(values, reference)
    assert np.isnan(index[3]) and np.isfinite(index[4])
    constant = np.ones((10, 3))
    assert np.isnan(kernel.panel_index(constant, np.ones(10, bool))).all()


def test_exercise_that_bursts_red_cells_is_said(spoiled):
    adata = exo.datasets.simulate(seed=2, haemolysed=0.0).mdata["mirna"].copy()
    post = (adata.obs["timepoint"].astype(str) != "pre").to_numpy()
    at = adata.var_names.get_loc("hsa-miR-451a")
    adata.X[post, at] += 1.5
    with pytest.warns(ExerkineWarning, match="index moves with exercise"):
        exo.pp.haemolysis(adata)


def test_what_haemolysis_does_to_a_signature_is_asked_of_score_confounders(spoiled):
    adata = spoiled.adata.copy()
    changes = exo.tl.score_change(adata)
    table = exo.tl.score_confounders(changes, confounders="haemolysis")
    assert set(table["confounder"].astype(str)) == {"haemolysis"}


def test_bad_calls(spoiled):
    adata = spoiled.mdata["mirna"]
    for options, error, match in (
        ({"method": "eye"}, UsageError, "method='eye'"),
        ({"limits": (7, 5)}, UsageError, "do not rise"),
        ({"limits": 5}, UsageError, "no two numbers"),
        ({"limits": (np.nan, 7)}, UsageError, "do not rise"),
        ({"assays": ("a", "b")}, UsageError, "no two assays"),
        ({"method": "proteins", "assays": ("a", "b")}, UsageError, "belongs to"),
        ({"method": "proteins"}, AnalysisError, "0 red-cell proteins"),
    ):
        with pytest.raises(error, match=match):
            exo.pp.haemolysis(adata.copy(), **options)
    without = adata[:, adata.var_names != "hsa-miR-23a-3p"].copy()
    with pytest.raises(AnalysisError, match="miR-23a-3p is not measured"):
        exo.pp.haemolysis(without)
    twice = adata.copy()
    other = next(n for n in twice.var_names if n not in ("hsa-miR-23a-3p", "hsa-miR-451a"))
    twice.var.loc[other, ["name", "mirbase", "mimat"]] = twice.var.loc[
        "hsa-miR-451a", ["name", "mirbase", "mimat"]
    ].to_numpy()
    twice.var_names = [n if n != other else "miR-451a_second" for n in twice.var_names]
    with pytest.raises(AnalysisError, match="miR-451a stands more than once"):
        exo.pp.haemolysis(twice)
    exo.pp.haemolysis(twice, assays=("hsa-miR-451a", "hsa-miR-23a-3p"))
    linear = spoiled.mdata["proteomics"].copy()
    linear.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="log scale"):
        exo.pp.haemolysis(linear)
    fats = spoiled.mdata["metabolomics"].copy()
    with pytest.raises(AnalysisError, match="No haemolysis index is known for metabolomics"):
        exo.pp.haemolysis(fats)


def test_vendor_names_of_the_two_mirnas(spoiled):
    adata = spoiled.mdata["mirna"].copy()
    names = {"hsa-miR-451a": "hsa-miR-451_001141", "hsa-miR-23a-3p": "hsa-miR-23a_000399"}
    adata.var_names = [names.get(n, n) for n in adata.var_names]
    adata.var = pd.DataFrame(index=adata.var_names)
    exo.pp.haemolysis(adata)
    assert (adata.obs["haemolysed"] == "yes").any()
