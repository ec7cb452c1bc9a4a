"""Plasma volume: the paper's own example, invariances, and what must be refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import (
    AnalysisError,
    ExerkineWarning,
    InputError,
    UnitsError,
    UsageError,
)
from exerkine_omics.kernels import _plasma_volume as kernel


@pytest.fixture
def cohort(trial):
    """The trial with blood counts: people lose a tenth of their plasma at `post`."""
    rng = np.random.default_rng(4)
    people = trial.obs["subject_id"].astype(str)
    hb0 = people.map(dict(zip(people.unique(), rng.normal(15, 1, 14), strict=True)))
    hct0 = people.map(dict(zip(people.unique(), rng.normal(0.44, 0.02, 14), strict=True)))
    loss = np.where(trial.obs["timepoint"] == "post", 0.1 * (1 - hct0), 0.0)  # of the blood
    trial.obs["haemoglobin"] = (hb0 / (1 - loss)).to_numpy(float)
    trial.obs["haematocrit"] = (hct0 / (1 - loss)).to_numpy(float)
    return trial


def test_the_example_of_dill_and_costill():
    """Hb 15.1 to 16.7, Hct after 0.453: 90.4 ml of blood and 41.0 ml of cells are left of 100."""
    blood, cells, plasma = kernel.dill_costill(15.1, 16.7, 0.433, 0.453)
    assert blood == pytest.approx(-9.6, abs=0.05)
    assert 43.3 * (1 + cells / 100) == pytest.approx(41.0, abs=0.05)
    assert 56.7 * (1 + plasma / 100) == pytest.approx(90.4 - 41.0, abs=0.06)
    # water that leaves plasma alone: both methods agree
    hb, hct = 15 / 0.94, 0.45 / 0.94
    exact = 100 * (0.94 - 0.45) / 0.55 - 100
    assert kernel.dill_costill(15.0, hb, 0.45, hct)[2] == pytest.approx(exact)
    assert kernel.van_beaumont(0.45, hct) == pytest.approx(exact)


def test_corrected_and_uncorrected_side_by_side(cohort):
    before = cohort.X.copy()
    exo.pp.plasma_volume(cohort)
    change = cohort.obs["plasma_volume_change"]
    post = cohort.obs["timepoint"] == "post"
    np.testing.assert_allclose(change[post], -10, atol=1e-9)
    np.testing.assert_allclose(change[cohort.obs["timepoint"] != "post"], 0, atol=1e-9)
    np.testing.assert_array_equal(cohort.X, before)
    corrected = cohort.layers["plasma_volume_corrected"]
    np.testing.assert_allclose((corrected - before)[post], np.log2(0.9) + 0 * before[post])
    both = [
        exo.tl.differential(cohort, layer=layer, arm=None, method=method).set_index(
            ["feature", "contrast"]
        )["estimate"]
        for method in ("paired_t", "lmm", "moderated")
        for layer in (None, "plasma_volume_corrected")
    ]
    for raw, mended in zip(both[::2], both[1::2], strict=True):
        shift = (mended - raw).unstack()["post - pre"]
        np.testing.assert_allclose(shift, np.log2(0.9), atol=0.02)
    table = cohort.uns["exerkine"]["plasma_volumes"]
    assert list(table.columns) == [
        "sample_id", "blood_volume_change", "red_cell_volume_change", "plasma_volume_change",
    ]  # fmt: skip
    np.testing.assert_allclose(table["red_cell_volume_change"], 0, atol=1e-9)


def test_units_and_spellings_do_not_matter(cohort):
    exo.pp.plasma_volume(cohort)
    wanted = cohort.obs["plasma_volume_change"]
    other = cohort.copy()
    other.obs["Hb_g_l"] = 10 * other.obs.pop("haemoglobin")
    other.obs["Hct"] = 100 * other.obs.pop("haematocrit")
    exo.pp.plasma_volume(other)
    np.testing.assert_allclose(other.obs["plasma_volume_change"], wanted, atol=1e-9)
    shuffled = cohort[np.random.default_rng(1).permutation(cohort.n_obs)].copy()
    exo.pp.plasma_volume(shuffled)
    np.testing.assert_allclose(
        shuffled.obs.loc[cohort.obs_names, "plasma_volume_change"], wanted, atol=1e-12
    )


@pytest.mark.parametrize(("unit", "sign"), [("concentration", 0), ("Cq", -1), ("log2", 1)])
def test_each_scale(cohort, unit, sign):
    cohort.uns["exerkine"]["units"] = unit
    if unit == "concentration":
        cohort.X = 2.0**cohort.X
    exo.pp.plasma_volume(cohort, analytes=["A03"])
    post = (cohort.obs["timepoint"] == "post").to_numpy() & np.isfinite(cohort.X[:, 3])
    corrected, x = cohort.layers["plasma_volume_corrected"][:, 3], cohort.X[:, 3]
    if sign:
        np.testing.assert_allclose((corrected - x)[post], sign * np.log2(0.9))
    else:
        np.testing.assert_allclose((corrected / x)[post], 0.9)
    others = np.delete(cohort.layers["plasma_volume_corrected"], 3, axis=1)
    np.testing.assert_array_equal(others, np.delete(cohort.X, 3, axis=1))


def test_what_is_missing_is_never_the_uncorrected(cohort, round_trip):
    cohort.obs.loc["P00_pre", "haemoglobin"] = np.nan
    cohort.obs.loc["P01_post", "haematocrit"] = np.nan
    exo.pp.plasma_volume(cohort)
    lost = ["P00_pre", "P00_post", "P00_late", "P01_post"]
    assert cohort.obs.index[cohort.obs["plasma_volume_change"].isna()].tolist() == lost
    rows = cohort.obs_names.isin(lost)
    assert np.isnan(cohort.layers["plasma_volume_corrected"][rows]).all()
    back = round_trip(cohort)
    finding = {f.id: f for f in exo.pp.check(back).findings}["plasma_volume_unknown"]
    assert finding.rows == tuple(lost) and finding.call
    cohort.obs.loc["P05_post", "haemoglobin"] *= 2
    exo.pp.plasma_volume(cohort)
    assert {f.id: f for f in exo.pp.check(cohort).findings}["plasma_volume_large"].rows == (
        "P05_post",
    )


def test_after_any_scaling_of_samples_it_is_refused(cohort):
    scaled = cohort.copy()
    with pytest.warns(ExerkineWarning):
        exo.pp.normalize(scaled, method="median")
    with pytest.raises(AnalysisError, match="median.*before exo.pp.normalize"):
        exo.pp.plasma_volume(scaled)
    vendor = cohort.copy()
    vendor.uns["exerkine"]["sample_scaling"] = "ANML"
    with pytest.raises(AnalysisError, match="ANML"):
        exo.pp.plasma_volume(vendor)


def _set(column, value):
    def spoil(adata):
        adata.obs[column] = value
        return {}

    return spoil


def _unit(unit):
    def spoil(adata):
        adata.uns["exerkine"]["units"] = unit
        return {}

    return spoil


BAD = {
    "no column": (lambda a: {"haemoglobin": "Hbx"}, InputError, "No column 'Hbx'"),
    "none found": (lambda a: a.obs.drop(columns="haemoglobin", inplace=True) or {}, InputError,
                   "obs has no haemoglobin"),
    "two found": (lambda a: a.obs.insert(0, "Hb", a.obs.pop("haemoglobin")) or
                  a.obs.insert(0, "hgb", 1.0) or {}, InputError, "2 columns could be"),
    "text": (_set("haematocrit", "45%"), InputError, "holds text"),
    "zero": (_set("haemoglobin", 0.0), InputError, "not above 0"),
    "whole blood": (_set("haematocrit", 100.0), InputError, "reaches 100%"),
    "counts": (_unit("counts"), AnalysisError, "Counts are shares"),
    "z scores": (_unit("zscore"), UnitsError, "'zscore'"),
    "unknown unit": (_unit("unknown"), UnitsError, "'unknown'"),
    "method": (lambda a: {"method": "guess"}, UsageError, "method='guess'"),
    "analyte": (lambda a: {"analytes": ["IL6"]}, InputError, "'IL6' are no analytes"),
    "baseline": (lambda a: {"baseline": "before"}, InputError, "'before' is no time point"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input(cohort, name):
    spoil, error, match = BAD[name]
    options = spoil(cohort) or {}
    with pytest.raises(error, match=match):
        exo.pp.plasma_volume(cohort, **options)
    assert "plasma_volume_change" not in cohort.obs


def test_mixed_fractions_and_two_baselines(cohort):
    mixed = cohort.copy()
    mixed.obs.loc["P00_pre", "haematocrit"] = 44.0
    with pytest.raises(InputError, match="fractions and percent"):
        exo.pp.plasma_volume(mixed)
    twice = cohort.copy()
    twice.obs.loc["P01_pre", "subject_id"] = "P00"
    with pytest.raises(InputError, match="'P00' have more than one sample at 'pre'"):
        exo.pp.plasma_volume(twice)
    with pytest.warns(ExerkineWarning, match="red cells' volume as constant"):
        exo.pp.plasma_volume(cohort, method="hct")
    post = cohort.obs["timepoint"] == "post"
    np.testing.assert_allclose(cohort.obs.loc[post, "plasma_volume_change"], -10, atol=1e-9)


@pytest.mark.real_data
def test_runners_lose_plasma_and_il6_rises_all_the_same(data_dir):
    adata = exo.io.read(
        data_dir / "ultramarathon_50km_cytokines" / "samples_by_analyte.csv",
        subject="subject", timepoint="timepoint", baseline="pre", units="concentration",
        modality="proteomics", analytes=["IL6_pg_ml", "IL8_pg_ml", "TNFa_pg_ml"],
        timepoint_order=["visit1_rest", "pre", "lap1_10km", "finish_50km", "post_24h"],
    )  # fmt: skip
    exo.pp.plasma_volume(adata)
    change = adata.obs.groupby("timepoint", observed=True)["plasma_volume_change"].median()
    assert change["pre"] == 0 and -15 < change["finish_50km"] < 15
    exo.pp.log2(adata)
    raw, mended = (
        exo.tl.differential(adata, method="paired_t", layer=layer).set_index(
            ["feature", "contrast"]
        )["estimate"]["IL6_pg_ml", "finish_50km - pre"]
        for layer in (None, "plasma_volume_corrected")
    )
    assert raw == pytest.approx(5.0, abs=0.2)
    assert 0 < abs(raw - mended) < 0.3  # hydration is not why it rises
    assert isinstance(adata.uns["exerkine"]["plasma_volumes"], pd.DataFrame)


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@pytest.mark.parametrize("step", ["combat", "spike_in", "mask", "half"])
def test_corrected_values_go_where_x_goes(trial, step):
    trial.X[:, 0] = 8.0 + np.arange(trial.n_obs) % 5
    trial.obs["hb"] = 14.0 + np.arange(trial.n_obs) % 3 / 10
    trial.obs["hct"] = 0.42
    trial.obs["plate_id"] = ["a" if i % 3 else "b" for i in range(trial.n_obs)]
    exo.pp.plasma_volume(trial)
    corrected = trial.layers["plasma_volume_corrected"]
    apart = corrected - trial.X
    {
        "combat": lambda: exo.pp.combat(trial, mean_only=True),
        "spike_in": lambda: exo.pp.normalize(trial, "spike_in", reference=["A00"]),
        "mask": lambda: exo.pp.lod(trial, "mask", lod=float(np.nanmedian(trial.X))),
        "half": lambda: exo.pp.lod(trial, "half", lod=float(np.nanmedian(trial.X))),
    }[step]()
    after = trial.layers["plasma_volume_corrected"]
    assert not np.array_equal(after, corrected, equal_nan=True)
    known = np.isfinite(trial.X) & np.isfinite(apart)
    np.testing.assert_allclose((after - trial.X)[known], apart[known], atol=1e-12)
    assert np.isnan(after[np.isnan(trial.X)]).all()
