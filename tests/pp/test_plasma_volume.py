"""Plasma volume: spellings, units, who has none, what is refused, and real runners."""

from __future__ import annotations

import warnings

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

LAYER = "plasma_volume_corrected"
METHODS = ("lmm", "moderated", "paired_t", "wilcoxon", "signflip")


@pytest.fixture
def blood(trial):
    """`trial` with blood counts: each person loses plasma at `post`, none at `late`."""
    rng = np.random.default_rng(8)
    people = sorted(set(trial.obs["subject_id"]))
    start = {p: (rng.uniform(13, 16), rng.uniform(0.38, 0.48)) for p in people}
    left = {p: rng.uniform(0.82, 0.95) for p in people}
    hb, hct, truth = [], [], []
    for person, time in zip(trial.obs["subject_id"], trial.obs["timepoint"], strict=True):
        h, c = start[person]
        plasma = (1 - c) * (left[person] if time == "post" else 1.0)
        truth.append(100 * (plasma / (1 - c) - 1))
        hb.append(h / (plasma + c))
        hct.append(c / (plasma + c))
    trial.obs["haemoglobin"], trial.obs["haematocrit"] = hb, hct
    return trial, np.array(truth)


def findings(adata):
    frame = adata.uns["exerkine"]["findings"]
    return frame.set_index(frame["id"].astype(str))


@pytest.mark.quick
def test_change_and_layer(blood, round_trip):
    adata, truth = blood
    before = adata.X.copy()
    new = exo.pp.plasma_volume(adata, copy=True)
    assert "plasma_volume_change" not in adata.obs and LAYER not in adata.layers
    assert exo.pp.plasma_volume(adata) is None
    for made in (new, adata, round_trip(adata)):
        np.testing.assert_allclose(made.obs["plasma_volume_change"], truth, atol=1e-9)
        shift = np.log2(1 + truth / 100)[:, None]
        np.testing.assert_allclose(made.layers[LAYER], before + shift, rtol=1e-12)
        np.testing.assert_array_equal(made.X, before)
        frame = made.uns["exerkine"]["blood_volumes"]
        assert list(frame.columns) == [
            "sample_id", "subject_id", "timepoint", "plasma_volume_change",
            "blood_volume_change", "red_cell_volume_change", "status",
        ]  # fmt: skip
        np.testing.assert_allclose(frame["red_cell_volume_change"], 0, atol=1e-9)
        assert set(frame["status"].astype(str)) == {"ok"}
        assert list(made.uns["exerkine"]["steps"]["step"]) == ["pp.plasma_volume"]
        assert not len(findings(made))


@pytest.mark.parametrize("method", METHODS)
def test_every_test_takes_the_layer(blood, method):
    """A change of volume alone is found in X, and is gone from the layer."""
    adata, truth = blood
    adata.X = adata.X - np.log2(1 + truth / 100)[:, None]
    exo.pp.plasma_volume(adata)
    options = {"n_permutations": 999} if method == "signflip" else {}
    contrast = {"post - pre": "post - pre"}
    both = [
        exo.tl.differential(
            adata, method=method, arm=None, contrasts=contrast, layer=layer, **options
        )
        for layer in (None, LAYER)
    ]
    raw, corrected = (f.set_index("feature")["estimate"].iloc[5:] for f in both)
    expected = -np.log2(1 + truth[adata.obs["timepoint"] == "post"] / 100).mean()
    assert raw.mean() - corrected.mean() == pytest.approx(expected, abs=0.03)
    assert abs(corrected.mean()) < abs(raw.mean())


@pytest.mark.parametrize(("hb", "hct"), [(10.0, 1.0), (1 / 1.611, 100.0), (1.0, 100.0)])
def test_units_of_blood_counts_do_not_matter(blood, hb, hct):
    adata, truth = blood
    adata.obs["haemoglobin"] *= hb
    adata.obs["haematocrit"] *= hct
    exo.pp.plasma_volume(adata)
    np.testing.assert_allclose(adata.obs["plasma_volume_change"], truth, atol=1e-9)
    assert ("plasma_volume_percent" in findings(adata).index) == (hct == 100)


@pytest.mark.parametrize(
    ("hb", "hct"),
    [("Hb", "Hct"), ("hemoglobin", "hematocrit"), ("Hgb", "Hct (%)"),
     ("hemoglobin_g_dl", "hematocrit_pct"), ("Hb (g/dl)", "HCT"), ("haemoglobin.g/l", "PCV")],
)  # fmt: skip
def test_spellings(blood, hb, hct):
    adata, truth = blood
    adata.obs = adata.obs.rename(columns={"haemoglobin": hb, "haematocrit": hct})
    exo.pp.plasma_volume(adata)
    np.testing.assert_allclose(adata.obs["plasma_volume_change"], truth, atol=1e-9)


def test_two_columns_that_may_be_meant(blood):
    adata, _ = blood
    adata.obs = adata.obs.rename(columns={"haemoglobin": "Hb"}).assign(Hgb=1.0)
    with pytest.raises(UsageError, match="'Hb', 'Hgb' may each be"):
        exo.pp.plasma_volume(adata)
    exo.pp.plasma_volume(adata, haemoglobin="Hb")


@pytest.mark.parametrize("unit", ["RFU", "intensity", "concentration", "Cq", "log2", "mixed"])
def test_scales(blood, unit):
    adata, truth = blood
    values = 2**adata.X
    left = (1 + truth / 100)[:, None]
    adata.uns["exerkine"]["units"] = unit
    if unit == "mixed":
        adata.var["unit"] = ["concentration"] * 10 + ["Cq"] * 10 + ["NPX"] * 10
    else:
        adata.var["unit"] = unit
    each = adata.var["unit"].to_numpy()
    linear = np.isin(each, ["RFU", "intensity", "concentration"])
    adata.X = np.where(linear, values, adata.X)
    before = adata.X.copy()
    exo.pp.plasma_volume(adata)
    sign = np.where(each == "Cq", -1, 1)
    expected = np.where(linear, before * left, before + sign * np.log2(left))
    np.testing.assert_allclose(adata.layers[LAYER], expected, rtol=1e-12)


def test_log_and_correction_commute(blood):
    adata, _ = blood
    adata.X = 2**adata.X
    adata.uns["exerkine"]["units"] = "concentration"
    exo.pp.plasma_volume(adata)
    linear = adata.layers[LAYER].copy()
    exo.pp.log2(adata)
    exo.pp.plasma_volume(adata)
    np.testing.assert_allclose(adata.layers[LAYER], np.log2(linear), rtol=1e-12)


def test_missing_counts_are_never_uncorrected(blood):
    adata, truth = blood
    names = adata.obs_names
    adata.obs.loc["P00_post", "haemoglobin"] = np.nan
    adata.obs.loc["P01_pre", "haematocrit"] = np.nan
    adata = adata[names != "P02_pre"].copy()
    exo.pp.plasma_volume(adata)
    change = adata.obs["plasma_volume_change"]
    lost = {"P00_post": "no haemoglobin or haematocrit",
            "P01_pre": "no haemoglobin or haematocrit",
            "P01_post": "baseline has no haemoglobin or haematocrit",
            "P01_late": "baseline has no haemoglobin or haematocrit",
            "P02_post": "no baseline sample", "P02_late": "no baseline sample"}  # fmt: skip
    assert set(change.index[change.isna()]) == set(lost)
    frame = adata.uns["exerkine"]["blood_volumes"].set_index("sample_id")
    assert {k: str(frame.loc[k, "status"]) for k in lost} == lost
    assert np.isnan(adata[list(lost)].layers[LAYER]).all()
    found = findings(adata).loc["plasma_volume_missing"]
    assert found["n_rows"] == 6 and "2 no baseline sample" in found["message"]
    keep = names.isin(change.index[change.notna()])
    np.testing.assert_allclose(change.dropna(), truth[keep], atol=1e-9)
    again = exo.pp.check(adata)
    assert "plasma_volume_missing" in [f.id for f in again.warnings]
    exo.pp.plasma_volume(adata)
    assert (findings(adata).index == "plasma_volume_missing").sum() == 1


def test_analytes(blood):
    adata, truth = blood
    adata.obs.loc["P00_post", "haemoglobin"] = np.nan
    exo.pp.plasma_volume(adata, analytes=["A03", "A07"])
    shift = adata.layers[LAYER] - adata.X
    others = ~adata.var_names.isin(["A03", "A07"])
    assert (np.nan_to_num(shift[:, others]) == 0).all()
    assert (
        np.isfinite(adata.layers[LAYER][:, others]).sum() == np.isfinite(adata.X[:, others]).sum()
    )
    row = adata.obs_names.get_loc("P00_post")
    assert np.isnan(adata.layers[LAYER][row, [3, 7]]).all()
    corrected = np.delete(shift[:, [3, 7]], row, axis=0)
    expected = np.delete(np.log2(1 + truth / 100), row)[:, None] * np.ones(2)
    measured = np.isfinite(np.delete(adata.X[:, [3, 7]], row, axis=0))
    assert np.array_equal(np.isfinite(corrected), measured) and measured.sum() > 60
    np.testing.assert_allclose(corrected[measured], expected[measured], atol=1e-9)
    for wrong in (["A03", "nothing"], [], "A03"):
        with pytest.raises(UsageError, match="analytes"):
            exo.pp.plasma_volume(adata, analytes=wrong)


def test_blood_counts_among_the_features_are_said(blood):
    adata, _ = blood
    adata.var_names = ["WBC", "Hb (g/dl)", *adata.var_names[2:]]
    exo.pp.plasma_volume(adata)
    assert findings(adata).loc["plasma_volume_blood_counts", "rows"] == "WBC | Hb (g/dl)"
    exo.pp.plasma_volume(adata, analytes=list(adata.var_names[2:]))
    assert "plasma_volume_blood_counts" not in findings(adata).index


def test_whole_blood_takes_the_blood_volume(blood):
    adata, _ = blood
    adata.uns["exerkine"]["matrix"] = "whole_blood"
    exo.pp.plasma_volume(adata)
    start = adata.obs.loc[[f"{p}_pre" for p in adata.obs["subject_id"]], "haemoglobin"].to_numpy()
    left = start / adata.obs["haemoglobin"].to_numpy()
    np.testing.assert_allclose(adata.layers[LAYER], adata.X + np.log2(left)[:, None], atol=1e-9)
    assert "plasma_volume_whole_blood" in findings(adata).index


def test_haematocrit_alone_warns(blood):
    adata, truth = blood
    with pytest.warns(ExerkineWarning, match="keep their volume"):
        exo.pp.plasma_volume(adata, method="haematocrit")
    # in this cohort they do
    np.testing.assert_allclose(adata.obs["plasma_volume_change"], truth, atol=1e-9)


def test_controls_and_order(blood):
    adata, truth = blood
    adata.obs["sample_type"] = "sample"
    adata.obs.loc["P05_late", ["sample_type", "subject_id", "timepoint"]] = ["qc", np.nan, np.nan]
    adata.obs.loc["P05_late", "haemoglobin"] = 700.0
    order = np.random.default_rng(0).permutation(adata.n_obs)
    mixed = adata[order, ::-1].copy()
    exo.pp.plasma_volume(adata)
    exo.pp.plasma_volume(mixed)
    tube = adata.obs_names == "P05_late"
    assert np.isnan(adata.layers[LAYER][tube]).all()
    assert "P05_late" not in set(adata.uns["exerkine"]["blood_volumes"]["sample_id"])
    assert "plasma_volume_missing" not in findings(adata).index
    np.testing.assert_allclose(adata.obs["plasma_volume_change"][~tube], truth[~tube], atol=1e-9)
    back = mixed[adata.obs_names, adata.var_names]
    np.testing.assert_array_equal(back.layers[LAYER], adata.layers[LAYER])


def test_bouts_have_their_own_baseline_and_aliquots_share_one(blood):
    adata, truth = blood
    other = adata.copy()
    other.obs_names = "B2_" + other.obs_names
    other.obs[["haemoglobin", "haematocrit"]] *= 0.95
    both = _stack(adata, other)
    with pytest.raises(InputError, match="several baselines that differ"):
        exo.pp.plasma_volume(both)
    both.obs["bout"] = ["1"] * adata.n_obs + ["2"] * adata.n_obs
    exo.pp.plasma_volume(both)
    np.testing.assert_allclose(both.obs["plasma_volume_change"][: adata.n_obs], truth, atol=1e-9)
    # two tubes of one draw agree, and one of them may lack the counts
    other.obs[["haemoglobin", "haematocrit"]] = adata.obs[["haemoglobin", "haematocrit"]].to_numpy()
    other.obs.loc["B2_P00_pre", "haemoglobin"] = np.nan
    twins = _stack(adata, other)
    exo.pp.plasma_volume(twins)
    change = twins.obs["plasma_volume_change"]
    assert np.isnan(change["B2_P00_pre"]) and change.isna().sum() == 1
    assert change["B2_P00_post"] == pytest.approx(change["P00_post"])


def _stack(one, two):
    import anndata as ad

    made = ad.concat([one, two])
    made.obs["timepoint"] = pd.Categorical(
        made.obs["timepoint"], ["pre", "post", "late"], ordered=True
    )
    made.uns["exerkine"] = dict(one.uns["exerkine"])
    return made


def test_late_and_implausible(blood):
    adata, _ = blood
    adata.obs["minutes_post"] = (
        adata.obs["timepoint"].astype(str).map({"pre": np.nan, "post": 0.0, "late": 8 * 24 * 60.0})
    )
    adata.obs.loc["P04_post", "haemoglobin"] *= 1.3
    exo.pp.plasma_volume(adata)
    found = findings(adata)
    assert found.loc["plasma_volume_late", "n_rows"] == 13
    assert found.loc["plasma_volume_implausible", "rows"] == "P04_post"


@pytest.mark.parametrize("unit", ["zscore", "score", "counts", "log_cpm"])
def test_scales_without_a_volume(blood, unit):
    adata, _ = blood
    adata.uns["exerkine"]["units"] = unit
    with pytest.raises(AnalysisError, match="volume"):
        exo.pp.plasma_volume(adata)


def test_rescaled_samples(blood):
    adata, _ = blood
    adata.uns["exerkine"]["sample_scaling"] = "ANML"
    with pytest.raises(AnalysisError, match="ANML"):
        exo.pp.plasma_volume(adata)
    adata.uns["exerkine"]["sample_scaling"] = ""
    exo.pp.plasma_volume(adata)


def _set(column, row, value):
    def change(adata):
        adata.obs[column] = adata.obs[column].astype(object)
        adata.obs.loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("spoil", "call", "error", "says"),
    [
        (_set("haematocrit", "P03_post", 46.0), {}, InputError, "'46.0' of samples 'P03_post'"),
        (_set("haematocrit", "P03_post", 1.2), {}, InputError, "nothing but red cells"),
        (_set("haematocrit", "P03_post", -0.4), {}, InputError, "cannot be"),
        (_set("haemoglobin", "P03_post", 0.0), {}, InputError, "cannot be"),
        (_set("haemoglobin", "P03_post", np.inf), {}, InputError, "cannot be"),
        (_set("haemoglobin", "P03_post", 150.0), {}, InputError, "two units"),
        (_set("haemoglobin", "P03_post", "n/a"), {}, InputError, "'n/a' are no numbers"),
        (lambda a: a.obs.drop(columns="haemoglobin", inplace=True), {}, InputError, "No column"),
        (None, {"haemoglobin": "Hbb"}, InputError, "No column 'Hbb'"),
        (None, {"haemoglobin": None}, UsageError, "no name of a column"),
        (None, {"baseline": "week0"}, InputError, "'week0' is not among"),
        (None, {"method": "strauss"}, UsageError, "strauss"),
        (lambda a: a.uns["exerkine"].update(units="unknown"), {}, UnitsError, "unknown"),
        (_set("haemoglobin", slice(None), np.nan), {}, AnalysisError, "No sample after"),
    ],
)  # fmt: skip
def test_bad_input(blood, spoil, call, error, says):
    adata, _ = blood
    if spoil:
        spoil(adata)
    before = adata.X.copy()
    with pytest.raises(error, match=says):
        exo.pp.plasma_volume(adata, **call)
    np.testing.assert_array_equal(adata.X, before)
    assert LAYER not in adata.layers and "plasma_volume_change" not in adata.obs


def test_no_cohort(blood):
    adata, _ = blood
    with pytest.raises(UsageError, match="not an AnnData"):
        exo.pp.plasma_volume(adata.to_df())
    adata.X[2, 3] = np.inf
    with pytest.raises(InputError, match="1 values are infinite"):
        exo.pp.plasma_volume(adata)


@pytest.mark.real_data
def test_ultramarathon(data_dir):
    """Fifty kilometres dilute the blood a little, the day after much; IL-6 rises either way."""
    adata = exo.datasets.load("ultramarathon_50km")
    exo.pp.log2(adata)
    exo.pp.plasma_volume(adata)
    frame = adata.uns["exerkine"]["blood_volumes"]
    median = frame.groupby("timepoint", observed=True)["plasma_volume_change"].median()
    assert median["pre"] == 0
    assert median["finish_50km"] == pytest.approx(6.2, abs=0.05)
    assert median["post_24h"] == pytest.approx(17.4, abs=0.05)
    assert frame["red_cell_volume_change"].abs().max() < 5
    il6 = [
        exo.tl.differential(adata, method="paired_t", layer=layer)
        .query("feature == 'IL6' and contrast == 'finish_50km - pre'")
        .iloc[0]
        for layer in (None, LAYER)
    ]
    assert [int(r["n_pairs"]) for r in il6] == [7, 7]
    assert il6[0]["estimate"] == pytest.approx(5.00, abs=0.01)
    assert il6[1]["estimate"] == pytest.approx(5.13, abs=0.01)


@pytest.mark.real_data
def test_a_table_with_blood_counts(data_dir, tmp_path):
    """The same runners by `read_table`: counts stand in the sample sheet."""
    table = pd.read_csv(data_dir / "ultramarathon_50km_cytokines" / "samples_by_analyte.csv")
    table.insert(0, "sample", table["subject"] + "|" + table["timepoint"])
    analytes = ["IL6_pg_ml", "IL8_pg_ml", "TNFa_pg_ml"]
    table = table[table[analytes].notna().any(axis=1)]
    table[["sample", *analytes]].to_csv(tmp_path / "matrix.csv", index=False)
    table.drop(columns=analytes).to_csv(tmp_path / "samples.csv", index=False)
    adata = exo.io.read_table(
        tmp_path / "matrix.csv", tmp_path / "samples.csv",
        subject="subject", timepoint="timepoint", baseline="pre",
        units="concentration", modality="proteomics", matrix_type="plasma_edta",
    )  # fmt: skip
    exo.pp.plasma_volume(adata)
    known = adata.obs["plasma_volume_change"]
    assert known.notna().sum() > 25 and known.abs().max() < 50
    left = (1 + known / 100).to_numpy()[:, None]
    np.testing.assert_allclose(adata.layers[LAYER], adata.X * left)
    assert "hematocrit_pct" in findings(adata).loc["plasma_volume_percent", "message"]


def test_corrected_values_do_not_outlive_the_x_they_were_made_from():
    """log2 takes them along; a step that makes another X takes them out, and says so."""
    adata = exo.datasets.simulate(seed=3).adata
    adata.obs["haemoglobin"], adata.obs["haematocrit"] = 15.0, 0.45
    for step in (
        lambda a: exo.pp.normalize(a, method="median"),
        lambda a: exo.pp.impute(a, "half_min"),
    ):
        one = adata.copy()
        exo.pp.plasma_volume(one)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            step(one)
        assert any("plasma_volume last" in str(w.message) for w in told)
        assert "plasma_volume_corrected" not in one.layers
    linear = adata.copy()
    linear.X = 2.0**linear.X
    linear.uns["exerkine"]["units"] = "RFU"
    linear.obs.loc[linear.obs["timepoint"].astype(str) != "pre", "haemoglobin"] = 16.0
    after = linear.copy()
    exo.pp.plasma_volume(linear)
    exo.pp.log2(linear)
    exo.pp.log2(after)
    exo.pp.plasma_volume(after)
    np.testing.assert_allclose(
        linear.layers["plasma_volume_corrected"], after.layers["plasma_volume_corrected"]
    )
