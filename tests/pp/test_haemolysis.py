"""Haemolysis: spoilt tubes are found by either platform, and nothing is guessed or removed."""

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


@pytest.fixture(scope="module")
def simulated():
    return exo.datasets.simulate(80, seed=2, haemolysed=0.12, missing=0, below_lod="keep")


@pytest.fixture
def proteins(simulated):
    return simulated.mdata.mod["proteomics"].copy()


@pytest.fixture
def mirnas(simulated):
    return simulated.mdata.mod["mirna"].copy()


@pytest.fixture
def spoilt(simulated, proteins):
    return proteins.obs_names.isin(simulated.truth.haemolysed["sample_id"])


def findings(adata):
    frame = adata.uns["exerkine"]["findings"]
    return frame.set_index(frame["id"].astype(str))


def index_of(adata, **options):
    made = exo.pp.haemolysis(adata, copy=True, **options)
    return made.obs["haemolysis"]


@pytest.mark.quick
def test_proteins_find_the_spoilt_tubes(proteins, spoilt, round_trip):
    before = proteins.X.copy()
    new = exo.pp.haemolysis(proteins, copy=True)
    assert "haemolysed" not in proteins.obs
    assert exo.pp.haemolysis(proteins) is None
    for made in (new, proteins, round_trip(proteins)):
        flags = made.obs["haemolysed"]
        assert list(flags.cat.categories) == ["no", "possible", "yes", "unknown"]
        assert (flags[spoilt] == "yes").mean() > 0.9 and (flags[~spoilt] == "no").mean() > 0.97
        assert not (flags[~spoilt] == "yes").any()
        np.testing.assert_array_equal(made.X, before)
        assert list(made.uns["exerkine"]["steps"]["step"])[-1] == "pp.haemolysis"
    found = findings(proteins).loc["haemolysis_flagged"]
    assert found["severity"] == "warning"
    assert set(found["rows"].split(" | ")) == set(proteins.obs_names[flags == "yes"])
    assert "none was removed" in found["fix"] and "pre " in found["message"]
    panel = findings(proteins).loc["haemolysis_panel", "rows"].split(" | ")
    assert {"HBA1", "HBB", "CA1", "CA2"} <= set(panel) and "HP" not in panel


def test_microrna_ratio(mirnas, spoilt):
    exo.pp.haemolysis(mirnas)
    x = mirnas.to_df()
    expected = x["hsa-miR-451a"] - x["hsa-miR-23a-3p"]
    np.testing.assert_allclose(mirnas.obs["haemolysis"], expected)
    flags = mirnas.obs["haemolysed"].astype(str).to_numpy()
    by_hand = np.where(expected > 7, "yes", np.where(expected < 5, "no", "possible"))
    np.testing.assert_array_equal(flags, by_hand)
    assert np.isin(flags[spoilt], ["possible", "yes"]).mean() > 0.8
    assert np.isin(flags[~spoilt], ["possible", "yes"]).mean() < 0.2
    assert findings(mirnas).loc["haemolysis_limits", "severity"] == "note"


def test_both_platforms_agree(proteins, mirnas, spoilt):
    both = [index_of(a) for a in (proteins, mirnas)]
    assert np.corrcoef(both[0], both[1])[0, 1] > 0.5
    # clean tubes share no cause, spoilt ones do
    assert min(b[spoilt].mean() - b[~spoilt].mean() for b in both) > 3


def test_cycles_and_their_turned_values_are_one(mirnas):
    logs = index_of(mirnas)
    mirnas.X = 40 - mirnas.X
    mirnas.uns["exerkine"]["units"] = "Cq"
    made = exo.pp.haemolysis(mirnas, copy=True)
    np.testing.assert_allclose(made.obs["haemolysis"], logs, atol=1e-9)
    assert "haemolysis_limits" not in findings(made).index
    exo.pp.log2(mirnas)
    exo.pp.haemolysis(mirnas)
    np.testing.assert_allclose(mirnas.obs["haemolysis"], logs, atol=1e-9)
    np.testing.assert_array_equal(mirnas.obs["haemolysed"], made.obs["haemolysed"])
    # the steps know that these were cycles
    assert "haemolysis_limits" not in findings(mirnas).index


def test_what_rescales_a_sample_cancels(mirnas):
    before = index_of(mirnas)
    mirnas.X = mirnas.X + np.random.default_rng(0).normal(0, 3, (mirnas.n_obs, 1)) + 1e5
    np.testing.assert_allclose(index_of(mirnas), before, atol=1e-8)


def test_sequencing_has_no_limits(mirnas):
    mirnas.X = np.round(2 ** (mirnas.X - 10))
    mirnas.uns["exerkine"]["units"] = "counts"
    with pytest.raises(UnitsError, match="pp.log2"):
        exo.pp.haemolysis(mirnas)
    exo.pp.log2(mirnas)
    exo.pp.haemolysis(mirnas)
    assert (mirnas.obs["haemolysed"] == "unknown").all()
    assert np.isfinite(mirnas.obs["haemolysis"]).all()
    assert (
        "No limits are known for a ratio of counts"
        in findings(mirnas).loc["haemolysis_limits", "message"]
    )
    exo.pp.haemolysis(mirnas, limits=(5, 7))
    assert (mirnas.obs["haemolysed"] != "unknown").all()
    assert "haemolysis_limits" not in findings(mirnas).index


@pytest.mark.parametrize(
    ("red", "spared"),
    [("MIMAT0001631", "MIMAT0000078"), ("hsa-miR-451", "hsa-miR-23a"), ("miR-451a", "miR-23a-3p"),
     ("mir-451a_001141", "hsa-miR-23a-3p_000399")],
)  # fmt: skip
def test_names_of_any_release(mirnas, red, spared):
    before = index_of(mirnas)
    new = {"hsa-miR-451a": red, "hsa-miR-23a-3p": spared}
    mirnas.var_names = [new.get(n, n) for n in mirnas.var_names]
    mirnas.var = mirnas.var[[]]
    np.testing.assert_array_equal(index_of(mirnas), before)


def test_other_species_by_the_mature_name(mirnas):
    before = index_of(mirnas)
    mirnas.uns["exerkine"]["species"] = "mouse"
    mirnas.var_names = [n.replace("hsa-", "mmu-") for n in mirnas.var_names]
    mirnas.var = mirnas.var[[]]
    np.testing.assert_array_equal(index_of(mirnas), before)


def test_absent_or_twice(mirnas):
    with pytest.raises(AnalysisError, match="hsa-miR-23a-3p is not measured"):
        exo.pp.haemolysis(mirnas[:, mirnas.var_names != "hsa-miR-23a-3p"].copy())
    names = list(mirnas.var_names)
    other = next(i for i, n in enumerate(names) if "451" not in n and "23a" not in n)
    names[other] = "miR-451a (pool B)"
    mirnas.var = pd.DataFrame({"mirbase": mirnas.var["mirbase"].tolist()}, index=names)
    mirnas.var.iloc[other, 0] = "hsa-miR-451a"
    with pytest.raises(InputError, match="is measured by"):
        exo.pp.haemolysis(mirnas)


def test_undetermined_is_unknown(mirnas):
    mirnas.X[3, mirnas.var_names.get_loc("hsa-miR-451a")] = np.nan
    mirnas.X[5, mirnas.var_names.get_loc("hsa-miR-23a-3p")] = np.nan
    exo.pp.haemolysis(mirnas)
    unknown = mirnas.obs["haemolysed"] == "unknown"
    assert np.flatnonzero(unknown).tolist() == [3, 5]
    assert mirnas.obs["haemolysis"].isna().equals(unknown)
    assert findings(mirnas).loc["haemolysis_unknown", "n_rows"] == 2


def test_proteins_missing(proteins):
    red = ["HBA1", "HBB", "HBD", "CA1", "CA2", "PRDX2", "CAT", "SLC4A1", "BLVRB", "SPTA1",
           "SPTB", "SOD1"]  # fmt: skip
    here = [p for p in red if p in proteins.var_names]
    proteins.X[0, proteins.var_names.get_indexer(here[1:])] = np.nan
    exo.pp.haemolysis(proteins)
    assert proteins.obs["haemolysed"].iloc[0] == "unknown"
    keep = ~proteins.var_names.isin(here[2:])
    with pytest.raises(
        AnalysisError, match="of the red-cell proteins are measured and 3 are needed"
    ):
        exo.pp.haemolysis(proteins[:, keep].copy())


def test_few_baseline_samples_flag_nobody(proteins):
    people = sorted(set(proteins.obs["subject_id"]))[:7]
    few = proteins[proteins.obs["subject_id"].isin(people)].copy()
    exo.pp.haemolysis(few)
    assert (few.obs["haemolysed"] == "unknown").all() and few.obs["haemolysis"].notna().any()
    assert "7 baseline samples are too few" in findings(few).loc["haemolysis_limits", "message"]


def test_haptoglobin_and_order_do_not_matter(proteins):
    before = index_of(proteins)
    order = np.random.default_rng(1).permutation(proteins.n_obs)
    turned = index_of(proteins[order, ::-1].copy())
    np.testing.assert_allclose(turned[before.index], before, atol=1e-10)
    proteins.X = proteins.X + 1e5
    np.testing.assert_allclose(index_of(proteins), before, atol=1e-7)
    names = ["HP" if n == "IL6" else n for n in proteins.var_names]
    proteins.var = pd.DataFrame(index=names)
    np.testing.assert_allclose(index_of(proteins), before, atol=1e-7)


def test_a_protein_measured_twice(proteins):
    proteins.var.loc["IL6", ["gene_symbol", "uniprot"]] = ["CA1", "P00915"]
    with pytest.raises(InputError, match="most_detected"):
        exo.pp.haemolysis(proteins)


def test_controls_are_no_reference(proteins):
    before = index_of(proteins)
    adata = proteins.copy()
    adata.obs["sample_type"] = "sample"
    tube = adata.obs_names[0]
    adata.obs["subject_id"] = adata.obs["subject_id"].astype(object)
    adata.obs.loc[tube, ["sample_type", "subject_id", "timepoint"]] = ["qc", np.nan, np.nan]
    red = adata.var_names.isin(["HBA1", "HBB", "CA1", "CA2"])
    adata.X[0, red] += 50
    exo.pp.haemolysis(adata)
    assert adata.obs["haemolysis"].iloc[0] > 20
    assert tube not in findings(adata).loc["haemolysis_flagged", "rows"].split(" | ")
    others = proteins[1:].copy()
    exo.pp.haemolysis(others)
    np.testing.assert_allclose(adata.obs["haemolysis"].iloc[1:], others.obs["haemolysis"])
    assert not np.allclose(before.iloc[1:], others.obs["haemolysis"], atol=1e-12)


def test_flags_that_go_with_time_warn(trial):
    trial.obs["A414"] = np.where(trial.obs["timepoint"] == "post", 0.2, 0.03)
    with pytest.warns(ExerkineWarning, match="14 people are flagged at 'post' and not at 'pre', 0"):
        exo.pp.haemolysis(trial, method="absorbance")
    assert findings(trial).loc["haemolysis_by_timepoint", "severity"] == "warning"
    assert trial.n_obs == 41
    # five people in favour are no evidence yet (p = 0.0625)
    few = trial[trial.obs["subject_id"].isin([f"P{i:02d}" for i in range(5)])].copy()
    exo.pp.haemolysis(few, method="absorbance")
    assert "haemolysis_by_timepoint" not in findings(few).index


def test_absorbance(trial):
    values = np.full(trial.n_obs, 0.05)
    values[[0, 1, 2, 3]] = [0.072, 0.3, 0.31, np.nan]
    values[4] = -0.002
    trial.obs["OD414"] = values
    exo.pp.haemolysis(trial, method="absorbance")
    assert trial.obs["haemolysed"].iloc[:6].tolist() == [
        "possible", "possible", "yes", "unknown", "no", "no",
    ]  # fmt: skip
    trial.obs["free_hb"] = 10 * values
    exo.pp.haemolysis(trial, method="absorbance", absorbance="free_hb", limits=(2, 4))
    assert trial.obs["haemolysed"].iloc[:3].tolist() == ["no", "possible", "possible"]


def test_index_as_a_confounder(proteins):
    """The frame of score_change takes the index beside the signatures."""
    exo.pp.haemolysis(proteins)
    sets = {"red": ["HBA1", "HBB", "CA1"], "cytokines": ["IL6", "IL10", "IL1RN"]}
    changes = exo.tl.score_change(proteins, sets)
    obs = proteins.obs.pivot(index="subject_id", columns="timepoint", values="haemolysis")
    one = changes[changes["signature"] == changes["signature"].iloc[0]].copy()
    gain = obs["post"] - obs["pre"]
    one["change"] = gain.reindex(one["subject_id"].astype(str)).to_numpy()
    one["signature"] = "haemolysis_index"
    names = ["signature", "subject_id"]
    both = pd.concat([f.astype(dict.fromkeys(names, str)) for f in (changes, one)])
    frame = exo.tl.score_confounders(
        both.reset_index(drop=True),
        confounders=["haemolysis_index"],
        control="CON",
        signatures=sets,
    )
    r = frame.groupby("signature", observed=True)["r"].min()
    assert (frame["status"] == "ok").all() and r["red"] > 0.7 > abs(r["cytokines"])


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"method": "eye"}, UsageError, "eye"),
        ({"method": "mir_ratio"}, UsageError, "not for proteomics"),
        ({"method": "absorbance"}, InputError, "No column 'a414'"),
        ({"method": "absorbance", "absorbance": "sex"}, InputError, "are no numbers"),
        ({"limits": 5}, UsageError, "rising order"),
        ({"limits": (7, 5)}, UsageError, "rising order"),
        ({"limits": (5, np.nan)}, UsageError, "rising order"),
        ({"limits": (3, 4, 5)}, UsageError, "rising order"),
        ({"limits": "57"}, UsageError, "rising order"),
    ],
)
def test_bad_calls(proteins, options, error, says):
    with pytest.raises(error, match=says):
        exo.pp.haemolysis(proteins, **options)
    assert "haemolysed" not in proteins.obs


def test_bad_data(simulated, proteins):
    with pytest.raises(AnalysisError, match="no index of haemolysis for metabolomics"):
        exo.pp.haemolysis(simulated.mdata.mod["metabolomics"].copy())
    raw = proteins.copy()
    raw.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError, match="pp.log2"):
        exo.pp.haemolysis(raw)
    later = proteins[proteins.obs["timepoint"] == "post"].copy()
    with pytest.raises(InputError, match="baseline"):
        exo.pp.haemolysis(later)
    z = simulated.mdata.mod["mirna"].copy()
    z.uns["exerkine"]["units"] = "zscore"
    with pytest.raises(UnitsError, match="z scores"):
        exo.pp.haemolysis(z)
