"""`tl.enrich` on cohorts of known truth: planted signatures found, shuffled ones at their level."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.tl._enrich_methods import SET_METHODS

slow = pytest.mark.slow
CASCADE = "il6_anti_inflammatory_cascade"
FEW: dict[str, dict[str, Any]] = {
    "roast": {"n_rotations": 199},
    "signflip": {"n_permutations": 199},
}


@pytest.fixture(scope="module")
def cohort() -> ad.AnnData:
    return exo.datasets.simulate(40, seed=11, missing=0.0, below_lod="keep", n_metabolites=0).adata


def shuffled(adata: ad.AnnData, rng: np.random.Generator) -> ad.AnnData:
    """Exchange before and after in half of the people, and deal the arms anew."""
    obs = adata.obs.copy()
    person = obs["subject_id"].astype(str).to_numpy()
    names = np.unique(person)
    swap = np.isin(person, names[rng.random(len(names)) < 0.5])
    time = obs["timepoint"].astype(str).to_numpy()
    both = np.isin(person, [p for p in names if (person == p).sum() == 2])
    turned = np.where(time == "pre", "post", "pre")
    obs["timepoint"] = pd.Categorical(
        np.where(swap & both, turned, time), ["pre", "post"], ordered=True
    )
    dealt = dict(zip(names, rng.permutation(np.arange(len(names)) % 2), strict=True))
    obs["arm"] = pd.Categorical.from_codes([dealt[p] for p in person], ["CON", "EE"])
    other = ad.AnnData(adata.X.copy(), obs=obs, var=adata.var)
    other.uns["exerkine"] = dict(adata.uns["exerkine"])
    return other


@pytest.mark.parametrize("method", list(SET_METHODS))
def test_planted_signature_is_found(cohort: ad.AnnData, method: str) -> None:
    sigs = exo.sig.SignatureSet([exo.sig.load()[CASCADE]])
    frame = exo.tl.enrich(cohort, sigs, method=method, control="CON")
    frame = frame.set_index(frame["contrast"].astype(str))
    for contrast in ("EE: post - pre", "EE - CON: post - pre"):
        found = frame.loc[contrast]
        assert found["direction"] == "up" and found["p_adj"] < 1e-3, contrast
        assert found["n_measured"] == 7 and "IL6" in found["leading"].split("; ")
        # the panel's truth: the mean of the planted log2 effects, weights of 1
        assert 2.0 < found["estimate"] < 3.6
    assert frame.loc["CON: post - pre", "p_value"] > 0.01


@slow
@pytest.mark.parametrize("method", list(SET_METHODS))
def test_level_when_time_and_arm_are_shuffled(cohort: ad.AnnData, method: str) -> None:
    rng = np.random.default_rng(5)
    runs, p, mixed, family = 300, [], [], []
    for _ in range(runs):
        columns = rng.permutation(cohort.n_vars)[:60]
        sets = {f"s{i}": cohort.var_names[columns[6 * i : 6 * i + 6]].tolist() for i in range(10)}
        signed = {k: dict(zip(v, (1, -1, 2, 1, -2, 1), strict=True)) for k, v in sets.items()}
        frame = exo.tl.enrich(
            shuffled(cohort, rng), signed, method=method, control="CON", **FEW.get(method, {})
        )
        assert frame["status"].eq("ok").all()
        part = frame[frame["contrast"] == "EE - CON: post - pre"]
        p.append(part["p_value"])
        mixed.append(part["p_value_mixed"])
        family.append(part["p_adj"].min())
    # signatures of one shuffle depend on each other: the shuffles count, three times at most
    tolerance = 3 * np.sqrt(0.05 * 0.95 / (3 * runs))
    rates = (np.array(p) <= 0.05).mean(), (np.array(mixed) <= 0.05).mean()
    assert rates[0] == pytest.approx(0.05, abs=tolerance)
    if not SET_METHODS[method].competitive:
        assert rates[1] == pytest.approx(0.05, abs=tolerance)
    if method == "signflip":
        assert (np.array(family) <= 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
