"""Voom against edgeR and limma::voom, bad counts, and type I error."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics.cohort import build_design
from exerkine_omics.errors import InputError
from exerkine_omics.tl._methods import METHODS
from exerkine_omics.tl._voom import log_cpm

REFERENCE = Path(__file__).parents[1] / "reference" / "limma_more"
CONTRASTS = {
    "versus_post": "EE.post - EE.pre - CON.post + CON.pre",
    "level": "EE.post - CON.post",
}


@pytest.fixture
def counted() -> ad.AnnData:
    """Counts of 10 people, two arms, three times; the last feature has none."""
    matrix = pd.read_csv(REFERENCE / "voom_matrix.csv", index_col=0)
    sheet = pd.read_csv(REFERENCE / "voom_samples.csv").set_index("sample").loc[matrix.index]
    obs = pd.DataFrame({"subject_id": sheet["subject"], "arm": pd.Categorical(sheet["arm"])})
    obs["timepoint"] = pd.Categorical(sheet["time"], ["pre", "post", "late"], ordered=True)
    adata = ad.AnnData(matrix.to_numpy(float), obs=obs, var=pd.DataFrame(index=matrix.columns))
    adata.uns["exerkine"] = {"units": "counts", "baseline": "pre"}
    return adata


def run(adata: ad.AnnData, contrasts=CONTRASTS, **options) -> pd.DataFrame:
    design = build_design(adata, contrasts=contrasts)
    how = {"block": "fixed", "robust": False, "legacy": False} | options
    frames = []
    for contrast, result in zip(
        design.contrasts, METHODS["voom"].run(np.asarray(adata.X), design, how), strict=True
    ):
        frame = pd.DataFrame({"contrast": contrast.name, "feature": adata.var_names})
        for name in ("estimate", "se", "df", "n_obs", "n_pairs", "status"):
            frame[name] = getattr(result, name)
        with np.errstate(invalid="ignore"):
            frame["p_value"] = 2 * stats.t.sf(np.abs(result.estimate / result.se), result.df)
        frames.append(frame)
    return pd.concat(frames).set_index(["contrast", "feature"])


@pytest.mark.quick
@pytest.mark.parametrize("setting", ["fixed", "fixed.robust", "correlation"])
def test_equals_limma(setting: str, counted: ad.AnnData) -> None:
    expected = pd.read_csv(REFERENCE / "answers.csv").query("cohort == 'voom'")
    expected = expected[expected["setting"] == setting].set_index(["contrast", "feature"])
    ours = run(counted, block=setting.split(".")[0], robust="robust" in setting)
    ours = ours.loc[expected.index]
    assert (ours["status"] == "ok").all()
    # the lowess trend and the root of the correlation agree to 8 digits
    np.testing.assert_allclose(ours["estimate"], expected["estimate"], atol=1e-7)
    np.testing.assert_allclose(ours["se"], expected["se"], rtol=1e-6)
    np.testing.assert_allclose(ours["df"], expected["df"], rtol=1e-5)
    np.testing.assert_allclose(np.log10(ours["p_value"]), np.log10(expected["p_value"]), atol=1e-5)


def test_log_cpm_is_voom_s(counted: ad.AnnData) -> None:
    expected = pd.read_csv(REFERENCE / "voom_first.csv").set_index("feature")
    columns = [c for c in expected.columns if not c.startswith("w.")]
    ours = log_cpm(np.asarray(counted.X))[:3, counted.var_names.get_indexer(expected.index)]
    np.testing.assert_allclose(ours.T, expected[columns], atol=1e-10)


def test_features_without_counts_are_told_and_change_nothing(counted: ad.AnnData) -> None:
    ours = run(counted)
    empty = counted.var_names[-1]
    assert (ours.xs(empty, level="feature")["status"] == "no counts").all()
    assert (ours.xs(empty, level="feature")["n_obs"] == 0).all()
    without = run(counted[:, :-1].copy())
    pd.testing.assert_frame_equal(ours.loc[without.index], without)


@pytest.mark.parametrize("block", ["fixed", "correlation"])
def test_order_changes_nothing(counted: ad.AnnData, block: str) -> None:
    reference = run(counted, block=block)
    rng = np.random.default_rng(1)
    mixed = counted[rng.permutation(counted.n_obs), rng.permutation(counted.n_vars)].copy()
    ours = run(mixed, block=block).loc[reference.index]
    ok = reference["status"] == "ok"
    columns = ["estimate", "se", "df"]
    np.testing.assert_allclose(ours.loc[ok, columns], reference.loc[ok, columns], rtol=1e-8)


def test_levels_between_people_need_the_correlation(counted: ad.AnnData) -> None:
    fixed, random = run(counted), run(counted, block="correlation")
    seen = (counted.X > 0).any(axis=0)
    assert (fixed.loc["level", "status"][seen] == "not a within-person contrast").all()
    assert (random.loc["level", "status"][seen] == "ok").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.__setitem__((0, 0), np.nan), "missing or infinite"),
        (lambda x: x.__setitem__((0, 0), np.inf), "missing or infinite"),
        (lambda x: x.__setitem__((3, 2), -1), "negative"),
        (lambda x: x.__setitem__((3, 2), 0.5), "not whole"),
        (lambda x: x.__setitem__(4, 0), "no counts at all"),
    ],
)
def test_bad_counts_are_refused(counted: ad.AnnData, change, message: str) -> None:
    change(counted.X)
    with pytest.raises(InputError, match=message):
        run(counted)
    with pytest.raises(InputError, match=message):
        log_cpm(np.asarray(counted.X))


@pytest.mark.parametrize("block", ["fixed", "correlation"])
def test_tiny_designs_have_a_status(counted: ad.AnnData, block: str) -> None:
    """Two people, two times: nothing to estimate an arm's variance from; never a crash."""
    two = counted[counted.obs["subject_id"].isin(["P001", "P002"])].copy()
    two = two[two.obs["timepoint"] != "late"].copy()
    ours = run(two, block=block, contrasts={"versus": CONTRASTS["versus_post"]})
    assert (ours["status"] != "ok").all()


@pytest.mark.slow
@pytest.mark.parametrize("block", ["fixed", "correlation"])
def test_type_one_error(block: str) -> None:
    """Voom holds 5% on overdispersed counts without a change, 10 people."""
    rng = np.random.default_rng(7)
    n, p = 10, 3000
    mean = rng.gamma(2.0, 60.0, p) * np.exp(rng.normal(0, 0.3, (n, p))).repeat(2, axis=0)
    mean *= rng.uniform(0.7, 1.4, (2 * n, 1))
    counts = rng.negative_binomial(10, 10 / (10 + mean)).astype(float)
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i}" for i in range(n)], 2),
            "timepoint": pd.Categorical(["pre", "post"] * n, ["pre", "post"], ordered=True),
        },
        index=[f"s{i}" for i in range(2 * n)],
    )
    adata = ad.AnnData(counts, obs=obs)
    adata.uns["exerkine"] = {"units": "counts", "baseline": "pre"}
    p_value = run(adata, contrasts=None, block=block)["p_value"]
    assert 0.04 < (p_value < 0.05).mean() < 0.06
    assert 0.005 < (p_value < 0.01).mean() < 0.016
