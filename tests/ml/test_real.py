"""Prediction on real and simulated cohorts: the verdicts that belong to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.settings import settings

FAST = {"outer": (3, 2), "inner": 3, "n_bootstrap": 100, "seed": 1}


def tissue(name: str, modality: str):
    """Log2 values of one tissue, drawn when the rats were killed."""
    folder = settings.data_dir / "motrpac_rat_pass1b"
    samples = pd.read_csv(folder / f"{name}_samples.csv", dtype=str).set_index("sample_id")
    matrix = pd.read_csv(folder / f"{name}_matrix.csv.gz", index_col=0)
    matrix.index = matrix.index.astype(str)
    sheet = pd.DataFrame({"subject_id": samples["pid"], "timepoint": "terminal"})
    adata = exo.io.from_frames(
        matrix, sheet, subject="subject_id", timepoint="timepoint", baseline="terminal",
        units="log2", modality=modality, species="rat", matrix_type="unknown",
    )  # fmt: skip
    adata.uns["exerkine"]["baseline"] = "pre"  # nothing here was drawn before training
    return adata


def rule(**changes):
    options = {"pre": "vo2max_pre", "post": "vo2max_post", "threshold": 1.0, "arm": "arm"}
    return exo.ResponseSpec(
        **(options | {"control": "SED", "reliability": "control", "strata": ("sex",)} | changes)
    )


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
def test_fat_of_trained_rats_is_an_association_and_no_more():
    """12 rats of 8 weeks: proteome and metabolome of fat, VO2max as a number, a control run."""
    from mudata import MuData

    rats = exo.datasets.load("rat_training")
    both = MuData(
        {"prot": tissue("wat_prot", "proteomics"), "metab": tissue("wat_metab", "metabolomics")}
    )
    people = rats.outcomes[rats.outcomes["arm"].isin(["SED", "8W"])]
    found = exo.ml.evaluate(
        both, (rule(), people), target="change", join="late", feature_time=56, outcome_time=56,
        n_permutations=9, **FAST,
    )  # fmt: skip
    assert found.kind == "association"
    assert found.verdict.startswith("association, not prediction")
    assert "discovery only" in found.verdict and "no evidence of association" in found.verdict
    assert set(found.p_values["block"]) == {"omics", "prot", "metab"}
    assert found.counts["used"] == 12 and found.settings["n_features"] > 10_000
    assert found.control["metric"] == "r2" and found.control["n"] == 12
    assert found.control["ci_low"] < 0


@pytest.mark.real_data
@pytest.mark.parametrize("arm", ["4W", "8W"])
def test_plasma_of_trained_rats(arm):
    rats = exo.datasets.load("rat_training")
    people = rats.outcomes[rats.outcomes["arm"].isin(["SED", arm])]
    plasma = exo.pp.log2(rats.adata, copy=True)
    found = exo.ml.evaluate(
        plasma, (rule(strata=("age", "sex")), people), target="change", feature_time=56,
        outcome_time=56, n_permutations=19, **FAST,
    )  # fmt: skip
    assert found.kind == "association" and "association" in found.verdict
    assert found.gate.stamp == "discovery" and found.counts["used"] > 20
    assert found.control["how"] == "by continuous change" and found.control["n"] > 20


@pytest.mark.slow
@pytest.mark.parametrize(("r2", "sd_ir"), [(0.7, 5.0), (None, 0.0)])
def test_simulated_trials_get_the_verdict_of_their_truth(r2, sd_ir):
    """Where baseline proteins tell the response they are found; where all respond alike nothing."""
    cohort = exo.datasets.simulate(
        400, design="training", n_metabolites=0, n_mirna=0, arms=("CON", "EE"), sd_ir=sd_ir,
        predictor_r2=r2, seed=3,
    )  # fmt: skip
    spec = exo.ResponseSpec(
        pre="vo2max_pre", post="vo2max_post", threshold=2.0, reliability="control", arm="arm",
        control="CON",
    )  # fmt: skip
    found = exo.ml.evaluate(
        cohort.adata, (spec, cohort.outcomes), outer=(5, 2), n_permutations=39, n_bootstrap=200,
        seed=1,
    )  # fmt: skip
    area = found.metrics.set_index(["metric", "block"]).loc[("auc", "omics"), "estimate"]
    if sd_ir:
        assert found.verdict.startswith("omics predict response in this sample")
        assert found.increment_p <= 0.05 and 0.6 < area < found.ceiling
        planted = set(cohort.truth.predictors["feature"])
        assert set(found.selected.head(3)["feature"]) & planted
    else:
        assert found.verdict.startswith("no evidence of prediction")
        assert found.increment_p > 0.05 and found.ceiling < 0.7
        assert np.isfinite(found.control["estimate"])
