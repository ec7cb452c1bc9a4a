"""What theory says of the scorers: the null, the change's test, the error over members.

The first tests are fast; the simulations are slow. A share is compared within four standard errors.
"""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.kernels._scorers import SCORERS

EVERY = tuple(SCORERS)


def cohort(values: np.ndarray) -> ad.AnnData:
    """People x 2 times x features as a cohort on a log2 scale."""
    n, k, p = values.shape
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i:03d}" for i in range(n)], k),
            "timepoint": pd.Categorical(["pre", "post"] * n, ["pre", "post"], ordered=True),
        },
        index=[f"s{i}" for i in range(n * k)],
    )
    var = pd.DataFrame(index=[f"f{i:04d}" for i in range(p)])
    adata = ad.AnnData(values.reshape(n * k, p), obs=obs, var=var)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


# ---- the matched null


@pytest.mark.parametrize("method", EVERY)
def test_a_stand_in_takes_the_weight_of_its_member(method: str) -> None:
    """Features of very different levels, each alike to 49 others: random sets are no different.

    A set of signed weights whose stand-ins got one another's weights would lie far outside.
    """
    rng = np.random.default_rng(2)
    level = np.repeat([4.0, 7.0, 10.0, 13.0, 16.0, 19.0], 50)
    adata = cohort(level + rng.normal(0, 1, (10, 2, 300)))
    # from the highest to the lowest: not in the order of the features
    sets = {"a": {f"f{i:04d}": w for i, w in ((275, 1.0), (230, -1.0), (120, 0.5), (10, -2.0))}}
    exo.tl.score(adata, sets, method=method, n_permutations=199)
    z = adata.obsm[f"score_null_z_{method}"]["a"]
    assert abs(z.mean()) < 2 and z.abs().max() < 5


def test_two_members_on_one_feature() -> None:
    """Calprotectin is one measurement of two genes: it carries the weights of both, once."""
    adata = cohort(np.random.default_rng(0).normal(8, 1, (6, 2, 300)))
    adata.uns["exerkine"]["modality"] = "proteomics"
    accessions = {5: "P05109|P06702", 9: "P18510", 2: "P05164"}
    adata.var["uniprot"] = [accessions.get(i, "") for i in range(300)]
    immune = exo.sig.load().query(modality="proteomics")
    exo.tl.score(adata, immune, min_coverage=0.01, n_permutations=99)
    got = {k: adata.obsm[f"{k}_baseline_z"]["immune_origin"] for k in ("score", "score_null_p")}
    assert got["score_null_p"].between(0, 1).all()
    # half and half for S100A8 and S100A9, one for IL1RN, half for MPO
    exo.tl.score(adata, {"mine": {"f0005": 1.0, "f0009": 1.0, "f0002": 0.5}})
    np.testing.assert_allclose(got["score"], adata.obsm["score_baseline_z"]["mine"])


def test_the_null_does_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(3)
    adata = cohort(rng.normal(8, 2, 300) + rng.normal(size=(8, 2, 300)))
    sets = {"a": {"f0210": 1.0, "f0003": -1.0, "f0120": 0.5}}
    exo.tl.score(adata, sets, n_permutations=99)
    other = adata[rng.permutation(16), rng.permutation(300)].copy()
    exo.tl.score(other, {"a": dict(reversed(sets["a"].items()))}, n_permutations=99)
    for key in ("score_null_z_baseline_z", "score_null_p_baseline_z"):
        np.testing.assert_allclose(other.obsm[key].loc[adata.obs_names], adata.obsm[key])


# ---- the walk of GSVA


def test_gsva_of_a_member_in_the_very_middle() -> None:
    """Its step is |r - n / 2| = 0, and still the walk makes it: the score is about 0, not lost."""
    adata = cohort(np.random.default_rng(1).normal(8, 1, (10, 2, 40)))
    sets = {f"s{i}": {f"f{i:04d}": 1.0, f"f{i + 1:04d}": -1.0} for i in range(39)}
    sets |= {f"one{i}": {f"f{i:04d}": 1.0} for i in range(40)}
    with pytest.warns(exo.errors.ExerkineWarning, match="compares the members"):
        exo.tl.score(adata, sets, method="gsva", se=False)
    scores = exo.get.scores(adata, "gsva")
    assert scores.notna().all(axis=None)
    # by rank: from -1 to 1 without a hole at the middle
    one = np.sort(scores.loc["s0", [f"one{i}" for i in range(40)]])
    assert np.diff(one).max() < 3 / 39 and one[0] < -0.9 and one[-1] > 0.9
