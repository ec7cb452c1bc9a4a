"""The simulated cohort holds what its truth says."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.datasets._panel import parameter
from exerkine_omics.errors import UsageError


@pytest.fixture(scope="module")
def large() -> exo.datasets.SimulatedCohort:
    return exo.datasets.simulate(1200, seed=5, missed_visits=0, haemolysed=0, missing=0,
                                 below_lod="keep")  # fmt: skip


def _visits(cohort, modality: str, arm: str) -> np.ndarray:
    """People x two visits x features of one arm."""
    adata = cohort.mdata[modality]
    obs = adata.obs.reset_index()
    rows = [obs[(obs["arm"] == arm) & (obs["timepoint"] == t)].sort_values("subject_id").index
            for t in ("pre", "post")]  # fmt: skip
    return np.stack([np.asarray(adata.X)[r] for r in rows], axis=1)


@pytest.mark.quick
def test_shapes_annotation_and_names():
    cohort = exo.datasets.simulate(12, n_proteins=30, n_metabolites=10, n_mirna=8, seed=1)
    adata = cohort.adata
    assert adata.shape[1] == 30 and adata.X.dtype == np.float64
    assert list(adata.var_names[:7]) == [
        "IL6", "IL1RN", "IL10", "TNFRSF1A", "TNFRSF1B", "TNF", "IL1B"
    ]  # fmt: skip
    assert adata.var.loc["IL6", "uniprot"] == "P05231"
    assert cohort.mdata["metabolomics"].var.loc["lactate", "hmdb"] == "HMDB0000190"
    assert cohort.mdata["metabolomics"].var.loc["lactate", "refmet_name"] == "Lactic acid"
    assert cohort.mdata["mirna"].var.loc["hsa-miR-1-3p", "mimat"] == "MIMAT0000416"
    meta = adata.uns["exerkine"]
    assert (meta["units"], meta["matrix"], meta["baseline"]) == ("NPX", "plasma_edta", "pre")
    assert set(adata.obs_names) == set(adata.obs["subject_id"].astype(str) + "|"
                                       + adata.obs["timepoint"].astype(str))  # fmt: skip
    assert list(adata.obs["timepoint"].cat.categories) == ["pre", "post"]
    assert len(cohort.outcomes) == 12 and cohort.outcomes["arm"].value_counts().min() == 6
    for other in cohort.mdata.mod.values():
        assert list(other.obs_names) == list(adata.obs_names)


def test_platforms_are_joined_without_a_warning_and_without_copied_columns():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        cohort = exo.datasets.simulate(6, n_proteins=5, n_metabolites=3, n_mirna=3, seed=1)
    assert not [w for w in seen if "pull_on_update" in str(w.message)]
    assert list(cohort.mdata.obs.columns) == ["subject_id", "timepoint", "arm"]


@pytest.mark.parametrize("modality", ["proteomics", "metabolomics", "mirna"])
def test_planted_changes_are_recovered_and_null_features_are_null(large, modality):
    trained, control = _visits(large, modality, "EE"), _visits(large, modality, "CON")
    truth = large.truth.effects.query("modality == @modality and arm == 'EE'")
    known = large.truth.features.query("modality == @modality")
    size = truth["log2_effect"].to_numpy()
    cv = parameter("all", "effect_cv")
    n = len(trained)
    se = np.sqrt((2 * known["sd_within"].to_numpy() ** 2 + (cv * size) ** 2) / n)
    z = ((trained[:, 1] - trained[:, 0]).mean(axis=0) - size) / se
    flat = (control[:, 1] - control[:, 0]).mean(axis=0) / (
        known["sd_within"].to_numpy() * np.sqrt(2 / n)
    )
    # features move together, so the bound is that of the largest of many, not of a chi square
    assert np.abs(z).max() < 4.5 and np.abs(flat).max() < 4.5
    assert (size != 0).sum() >= 5
    assert (large.truth.effects.query("arm == 'CON'")["log2_effect"] == 0).all()


def test_within_person_correlation_and_sd_are_those_of_the_table(large):
    for modality in ("proteomics", "metabolomics", "mirna"):
        control = _visits(large, modality, "CON")
        known = large.truth.features.query("modality == @modality")
        r = np.array([np.corrcoef(control[:, 0, j], control[:, 1, j])[0, 1]
                      for j in range(len(known))])  # fmt: skip
        np.testing.assert_allclose(r, known["icc"], atol=0.15)
        assert abs(np.median(r) - parameter(modality, "icc_median")) < 0.08
        sd = control[:, 0].std(axis=0, ddof=1)
        assert abs(np.median(sd) / parameter(modality, "sd_median") - 1) < 0.2


def test_common_factors_carry_the_measured_share(large):
    control = _visits(large, "proteomics", "CON")[:, 0]
    share = np.linalg.eigvalsh(np.corrcoef(control.T))[::-1] / control.shape[1]
    assert abs(share[0] - parameter("all", "factor_share_1")) < 0.06
    assert share[0] > 2 * share[1] > 0


def test_share_below_lod_is_that_of_the_truth(large):
    for modality in ("metabolomics", "mirna"):
        adata = large.mdata[modality]
        rows = (adata.obs["timepoint"] == "pre").to_numpy()
        seen = adata.layers["below_lod"][rows].mean(axis=0)
        want = large.truth.features.query("modality == @modality")["lod_share"]
        np.testing.assert_allclose(seen, want, atol=0.07)
        expected = parameter(modality, "lod_features") * parameter(modality, "lod_share")
        # 60 and 40 features: the share over features is itself a draw
        assert abs(seen.mean() - expected) < 0.06


def test_missing_values_are_listed_with_their_reason():
    cohort = exo.datasets.simulate(80, seed=3, missing=0.05)
    listed = cohort.truth.missing
    for modality, adata in cohort.mdata.mod.items():
        gone = listed[(listed["modality"] == modality) & (listed["reason"] != "below_lod_kept")]
        holes = pd.DataFrame(np.isnan(adata.X), adata.obs_names, adata.var_names)
        cells = {(s, f) for s, f in holes.stack()[lambda h: h].index}
        assert cells == set(zip(gone["sample_id"], gone["feature"], strict=True))
        random = (gone["reason"] == "random").sum() / adata.X.size
        assert abs(random - 0.05) < 0.02
    assert set(listed["reason"]) == {"random", "below_lod", "below_lod_kept"}
    kept = exo.datasets.simulate(20, seed=2, missing=0, below_lod="keep")
    assert not np.isnan(kept.mdata["mirna"].X).any()
    assert kept.mdata["mirna"].layers["below_lod"].any()


def test_haemolysed_samples_show_it():
    cohort = exo.datasets.simulate(100, seed=4, haemolysed=0.2, below_lod="keep", missing=0)
    spoilt = cohort.truth.haemolysed["sample_id"]
    assert 20 <= len(spoilt) <= 60
    mirna = cohort.mdata["mirna"]
    hit = mirna.obs_names.isin(spoilt)
    # up means more, so Cq(23a) - Cq(451a) = value(451a) - value(23a)
    gap = (mirna[:, "hsa-miR-451a"].X - mirna[:, "hsa-miR-23a-3p"].X).ravel()
    assert gap[hit].mean() > 7 > 5 > gap[~hit].mean()
    haemoglobin = np.asarray(cohort.adata[:, "HBA1"].X).ravel()
    assert haemoglobin[hit].mean() - haemoglobin[~hit].mean() > 2
    il6 = np.asarray(cohort.adata[:, "CCL27"].X).ravel()
    assert abs(il6[hit].mean() - il6[~hit].mean()) < 0.6


@pytest.mark.quick
def test_seed_and_sizes():
    small = exo.datasets.simulate(20, n_proteins=20, n_metabolites=8, n_mirna=6, seed=9)
    again = exo.datasets.simulate(20, n_proteins=20, n_metabolites=8, n_mirna=6, seed=9)
    more = exo.datasets.simulate(20, n_proteins=50, n_metabolites=20, n_mirna=12, seed=9)
    other = exo.datasets.simulate(20, n_proteins=20, n_metabolites=8, n_mirna=6, seed=10)
    np.testing.assert_array_equal(small.adata.X, again.adata.X)
    for name in small.mdata.mod:
        one, two = small.mdata[name], more.mdata[name]
        np.testing.assert_array_equal(one.X, two[:, one.var_names].X)
    pd.testing.assert_frame_equal(small.outcomes, more.outcomes)
    assert not np.array_equal(small.outcomes["vo2max_pre"], other.outcomes["vo2max_pre"])
    with exo.settings.override(seed=9):
        default = exo.datasets.simulate(20, n_proteins=20, n_metabolites=8, n_mirna=6)
    np.testing.assert_array_equal(default.adata.X, small.adata.X)


def test_more_people_leave_the_first_as_they_are():
    few = exo.datasets.simulate(10, n_proteins=12, n_metabolites=4, n_mirna=4, seed=3)
    many = exo.datasets.simulate(30, n_proteins=12, n_metabolites=4, n_mirna=4, seed=3)
    np.testing.assert_array_equal(few.adata.X, many.adata[few.adata.obs_names].X)
    pd.testing.assert_frame_equal(few.outcomes, many.outcomes.head(10))


def test_response_is_as_planted():
    kw = {"n_metabolites": 0, "n_mirna": 0, "n_proteins": 20, "seed": 6}
    cohort = exo.datasets.simulate(4000, sd_ir=4, predictor_r2=0.6, training_effect=5,
                                   typical_error=2, **kw)  # fmt: skip
    truth = cohort.truth.subjects
    trained, control = truth[truth["arm"] == "EE"], truth[truth["arm"] == "CON"]
    assert (control["true_response"] == 0).all()
    assert abs(trained["true_response"].mean() - 5) < 0.3
    assert abs(trained["true_response"].std() - 4) < 0.25
    r = np.corrcoef(trained["true_response"], trained["predictor_score"])[0, 1]
    assert abs(r**2 - 0.6) < 0.05 and r > 0
    assert abs(truth["predictor_score"].std() - 1) < 0.06
    out = cohort.outcomes
    change = (out["vo2max_post"] - out["vo2max_pre"]).groupby(out["arm"]).std()
    assert abs(change["CON"] - 2 * np.sqrt(2)) < 0.15
    assert abs(np.sqrt(change["EE"] ** 2 - change["CON"] ** 2) - 4) < 0.3
    baseline = cohort.adata[cohort.adata.obs["timepoint"] == "pre"]
    levels = pd.DataFrame(baseline.X, baseline.obs["subject_id"].astype(str), baseline.var_names)
    weight = cohort.truth.predictors.set_index("feature")["weight"]
    z = levels[weight.index].sub(levels[weight.index].mean()) / levels[weight.index].std()
    seen = (z * weight).sum(axis=1).reindex(truth["subject_id"]).to_numpy()
    ok = (truth["arm"] == "EE").to_numpy() & np.isfinite(seen)
    assert np.corrcoef(seen[ok], truth["true_response"][ok])[0, 1] > 0.4


def test_without_responders_nobody_differs():
    cohort = exo.datasets.simulate(40, responders=False, sd_ir=3, seed=2)
    assert cohort.truth.sd_ir == 0
    trained = cohort.truth.subjects.query("arm == 'EE'")["true_response"]
    assert np.ptp(trained) == 0 and trained.iloc[0] == parameter("vo2max", "training_effect")


def test_default_sd_ir_gives_the_measured_reliability_of_change():
    truth = exo.datasets.simulate(4, seed=0).truth
    icc = truth.sd_ir**2 / (truth.sd_ir**2 + 2 * truth.typical_error**2)
    assert abs(icc - parameter("vo2max", "response_icc")) < 1e-12


def test_designs_times_and_given_effects():
    chronic = exo.datasets.simulate(8, design="training", seed=1)
    assert "minutes_post" not in chronic.adata.obs
    planted = chronic.truth.effects.query("arm == 'EE' and feature == 'IGFBP1'")
    assert planted["log2_effect"].iloc[0] == pytest.approx(np.log2(1.41), abs=1e-3)
    three = exo.datasets.simulate(8, timepoints=("pre", "post", "late"), seed=1,
                                  effects={"IL6": 2.0}, effect_scale=0.5)  # fmt: skip
    il6 = three.truth.effects.query("arm == 'EE' and feature == 'IL6'").set_index("timepoint")
    assert il6["log2_effect"].to_dict() == {"post": 1.0, "late": 0.5}
    assert (il6["source"] == "given in the call").all()
    alone = exo.datasets.simulate(6, arms=("EE",), seed=1)
    assert (alone.truth.subjects["true_response"] != 0).all()


def test_missed_visits_are_listed():
    cohort = exo.datasets.simulate(100, seed=8, missed_visits=0.3)
    gone = cohort.truth.missed_visits
    assert 15 <= len(gone) <= 45 and (gone["timepoint"] == "post").all()
    assert len(cohort.adata) + len(gone) == 200


@pytest.mark.parametrize(
    "wrong",
    [{"design": "cross"}, {"missing": 1.5}, {"n_subjects": 0}, {"arms": ("EE", "EE")},
     {"n_proteins": 10_000}, {"effects": {"IL66": 1.0}}, {"below_lod": "half"}, {"sd_ir": -1},
     {"timepoints": ("a|b", "c")}, {"timepoints": "pre"}],
)  # fmt: skip
def test_what_cannot_be_simulated_is_said(wrong):
    with pytest.raises(UsageError):
        exo.datasets.simulate(**{"n_subjects": 6, "seed": 1, **wrong})


# mudata 0.3 announces on reading what 0.4 does
@pytest.mark.filterwarnings("ignore:From 0.4:FutureWarning")
def test_survives_h5ad_and_h5mu(round_trip, tmp_path: Path):
    import mudata

    cohort = exo.datasets.simulate(10, n_proteins=20, n_metabolites=6, n_mirna=6, seed=1)
    back = round_trip(cohort.adata)
    np.testing.assert_array_equal(back.X, cohort.adata.X)
    np.testing.assert_array_equal(back.layers["below_lod"], cohort.adata.layers["below_lod"])
    cohort.mdata.write(tmp_path / "c.h5mu")
    joined = mudata.read_h5mu(tmp_path / "c.h5mu")
    pd.testing.assert_frame_equal(
        joined.uns["exerkine"]["subjects"], cohort.outcomes, check_dtype=False,
        check_categorical=False,
    )  # fmt: skip
    assert list(joined["mirna"].obs["timepoint"].cat.categories) == ["pre", "post"]
