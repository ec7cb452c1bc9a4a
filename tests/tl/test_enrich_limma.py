"""`tl.enrich` against limma 3.54 (camera, fry, mroast, cameraPR) through the public call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo

FOLDER = Path(__file__).parents[1] / "reference" / "enrich"


@pytest.fixture(scope="module")
def limma() -> Any:
    """Return a reader of tests/reference/enrich: cohort, signatures, answers by test and set."""
    listed = pd.read_csv(FOLDER / "sets.csv")
    names = [f"F{i:03d}" for i in listed["feature"]]
    sets: dict[str, dict[str, float]] = {}
    for name, feature, weight in zip(listed["set"], names, listed["weight"], strict=True):
        sets.setdefault(name, {})[feature] = weight
    answers = pd.read_csv(FOLDER / "answers.csv")
    answers = answers.set_index(["case", "test", "set"]).sort_index()

    def read(case: str) -> tuple[ad.AnnData, dict[str, dict[str, float]], pd.DataFrame]:
        matrix = pd.read_csv(FOLDER / f"{case}_matrix.csv", index_col=0).T
        samples = pd.read_csv(FOLDER / f"{case}_samples.csv").set_index("sample").loc[matrix.index]
        times = [t for t in ("pre", "post", "rec") if t in set(samples["time"])]
        obs = pd.DataFrame({"subject_id": samples["subject"], "lactate": samples["lactate"]})
        obs["timepoint"] = pd.Categorical(samples["time"], times, ordered=True)
        if samples["arm"].nunique() > 1:
            obs["arm"] = pd.Categorical(samples["arm"])
        adata = ad.AnnData(matrix.to_numpy(float), obs=obs, var=pd.DataFrame(index=matrix.columns))
        adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
        return adata, sets, answers.loc[case]

    return read


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "paired": ("post - pre", {}),
    "arms": ("train - ctrl: post - pre", {"control": "ctrl"}),
    "covariate": ("post - pre", {"covariates": ["lactate"]}),
    "tiny": ("post - pre", {}),
}
EXACT: dict[str, tuple[str, dict[str, Any]]] = {
    "camera": ("camera", {}),
    "camera_0.05": ("camera", {"inter_gene_cor": 0.05}),
    "camera_estimated": ("camera", {"inter_gene_cor": "estimate"}),
    "camera_ranks": ("camera", {"use_ranks": True}),
    "camera_ranks_estimated": ("camera", {"inter_gene_cor": "estimate", "use_ranks": True}),
    "fry_posterior.sd": ("fry", {}),
    "camera_trend": ("camera", {"trend": True}),
    "fry_trend": ("fry", {"trend": True}),
    "fry_robust": ("fry", {"robust": True}),
}


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("test", list(EXACT))
def test_limma(limma: Any, case: str, test: str) -> None:
    adata, sets, answers = limma(case)
    contrast, design = CASES[case]
    method, options = EXACT[test]
    frame = exo.tl.enrich(adata, sets, method=method, **design, **options)
    got = frame[frame["contrast"] == contrast].set_index("signature").loc[list(sets)]
    want = answers.loc[test].loc[list(sets)]
    if test == "camera_trend":  # the fixture has it without turned rows
        plain = [name for name, w in sets.items() if min(w.values()) > 0]
        got, want = got.loc[plain], want.loc[plain]
        if case == "arms":  # the trend's levels have the person with one sample
            np.testing.assert_allclose(got["p_value"], want["p"], atol=2e-3)
            return
    if method == "fry" and case == "arms":
        # limma keeps the person with one sample. The largest effect that fry leaves out depends on
        # the basis of the residual space, and so limma's own p on how the model is written
        usual = answers.loc["fry_usual"].loc[list(sets)]
        free = np.abs(np.log(usual["p"] / answers.loc["fry_posterior.sd"].loc[list(sets)]["p"]))
        assert 0.1 < free.max() < 0.3
        assert np.abs(np.log(got["p_value"].to_numpy() / want["p"].to_numpy())).max() < 0.3
        return
    tolerance = 2e-7 if test == "fry_robust" else 1e-8
    np.testing.assert_allclose(got["p_value"], want["p"], rtol=tolerance, atol=1e-11)
    assert list(got["direction"].astype(str)) == list(want["direction"].str.lower())
    assert (got["n_measured"] == want["n"]).all()
    if method == "fry":  # smaller sets: limma's mixed p is near 1 whatever the data
        large = [name for name, w in sets.items() if len(w) > 24]
        assert len(large) == 4
        np.testing.assert_allclose(
            got.loc[large, "p_value_mixed"], want.loc[large, "mixed"], rtol=tolerance, atol=1e-11
        )
    if "estimated" in test:
        np.testing.assert_allclose(got["inter_gene_cor"], want["correlation"], atol=1e-9)


@pytest.mark.parametrize("statistic", ["mean", "floormean", "mean50", "msq"])
def test_limma_roast(limma: Any, statistic: str) -> None:
    adata, sets, answers = limma("paired")
    frame = exo.tl.enrich(adata, sets, method="roast", set_statistic=statistic).set_index(
        "signature"
    )
    want = answers.loc[f"roast_{statistic}"].loc[list(sets)]
    signs = [name for name, w in sets.items() if min(w.values()) > 0]
    rows = signs if statistic in ("floormean", "msq") else list(sets)
    if statistic == "floormean":
        # both members are under the floor: all rotations tie. We count ties, limma does not
        rows = [name for name in signs if name != "two"]
        assert frame.loc["two", "p_value_mixed"] == 1.0
    got, want = frame.loc[rows], want.loc[rows]
    n = 999 if statistic == "msq" else 9999
    for ours, theirs in (("p_value", "p"), ("p_value_mixed", "mixed")):
        p = want[theirs]
        noise = np.sqrt(np.maximum(p * (1 - p), 1 / n) * (1 / n + 1 / 9999))
        assert (np.abs(got[ours] - p) < 5 * noise + 1 / n).all(), (ours, got[ours] - p)
    plain = [name for name in rows if name in signs]
    for column in ("prop_up", "prop_down"):
        np.testing.assert_allclose(got.loc[plain, column], want.loc[plain, column])


@pytest.mark.parametrize("test", ["pr", "pr_ranks", "pr_0.1"])
def test_limma_camera_pr(limma: Any, test: str) -> None:
    _, sets, answers = limma("paired")
    table = pd.read_csv(FOLDER / "paired_t.csv").rename(columns={"t": "statistic"})
    options: dict[str, Any] = {
        "pr_ranks": {"use_ranks": True},
        "pr_0.1": {"inter_gene_cor": 0.1},
    }
    got = exo.tl.enrich(table, sets, method="camera_pr", **options.get(test, {}))
    want = answers.loc[test].loc[list(sets)]
    np.testing.assert_allclose(got["p_value"], want["p"], rtol=1e-8, atol=1e-12)
    assert list(got["direction"].astype(str)) == list(want["direction"].str.lower())
