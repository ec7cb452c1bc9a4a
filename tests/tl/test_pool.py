"""Sites pooled from their summaries equal the fit of all people together."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo


def site(number: int, n: int = 24, missing: float = 0.06) -> ad.AnnData:
    """Two arms, three times, 20 proteins; level, age and hours differ between sites."""
    rng = np.random.default_rng(100 + number)
    times = ["pre", "post", "late"]
    values = np.repeat(rng.normal(5 + number, 1, (n, 20)), 3, axis=0)
    values += rng.normal(0, 0.5 + 0.1 * number, (3 * n, 20))
    values[np.arange(3 * n) % 3 == 1, :4] += 0.8
    values[rng.random(values.shape) < missing] = np.nan
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"S{number}P{i:02d}" for i in range(n)], 3),
            "timepoint": pd.Categorical(times * n, times, ordered=True),
            "arm": pd.Categorical(np.repeat(np.where(np.arange(n) % 2, "EE", "CON"), 3)),
            "site": f"site{number}",
            "age": np.repeat(rng.integers(20, 60, n) + 8.0 * number, 3),
            "hours": rng.normal(4 + number, 1 + number, 3 * n),
        },
        index=[f"S{number}_{i}" for i in range(3 * n)],
    )
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=[f"A{i:02d}" for i in range(20)]))
    adata.uns["exerkine"] = {
        "units": "NPX",
        "baseline": "pre",
        "species": "human",
        "matrix": "plasma_edta",
        "platform": "olink",
        "modality": "proteomics",
    }
    return adata


def together(sites: list[ad.AnnData]) -> ad.AnnData:
    joint = ad.concat(sites)
    joint.obs["timepoint"] = pd.Categorical(
        joint.obs["timepoint"], ["pre", "post", "late"], ordered=True
    )
    joint.obs["arm"] = pd.Categorical(joint.obs["arm"])
    joint.uns["exerkine"] = dict(sites[0].uns["exerkine"])
    return joint


def assert_same(ours: pd.DataFrame, joint: pd.DataFrame) -> None:
    assert list(ours.columns) == list(joint.columns)
    for column in joint.columns:
        if joint[column].dtype.kind == "f":
            np.testing.assert_allclose(ours[column], joint[column], rtol=1e-9, atol=1e-9)
        else:
            assert (ours[column].astype(str) == joint[column].astype(str)).all(), column


@pytest.fixture(scope="module")
def sites() -> list[ad.AnnData]:
    return [site(k) for k in range(3)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ddf": "satterthwaite"},
        {"joint": True},
        {"moderate": True},
        {"baseline": "constrained"},
        {"contrasts": {"arc": "EE.pre - 2 * EE.post + EE.late", "level": "EE.post - CON.post"}},
    ],
    ids=lambda o: next(iter(o), "default"),
)
@pytest.mark.parametrize(
    "columns",
    [{}, {"covariates": ["hours"]}, {"moderators": ["age"]}],
    ids=lambda c: next(iter(c), "plain"),
)
def test_three_sites_equal_the_joint_fit(sites, options, columns) -> None:
    control = {} if "contrasts" in options else {"control": "CON"}
    joint = exo.tl.differential(
        together(sites),
        covariates=["site", *columns.get("covariates", [])],
        moderators=columns.get("moderators", []),
        **control,
        **options,
    )
    summaries = [exo.tl.summarize(s, min_people=1, **columns) for s in sites]
    pooled = exo.tl.pool(summaries, **control, **options)
    assert (joint["status"] == "ok").all()
    assert_same(pooled, joint)


def test_one_level_for_all_sites(sites) -> None:
    joint = exo.tl.differential(together(sites), control="CON")
    summaries = [exo.tl.summarize(s, min_people=1) for s in sites]
    assert_same(exo.tl.pool(summaries, control="CON", site=False), joint)


def test_the_disclosure_rule_leaves_out_rare_patterns(sites) -> None:
    """What is left is the joint fit of the people who were kept, and what went is told."""
    kept = []
    for own in sites:
        own = own.copy()
        block = np.isfinite(own.X).reshape(-1, 3, own.n_vars)
        arm = own.obs["arm"].to_numpy()[::3]
        lost = np.zeros(own.n_vars, dtype=int)
        for feature in range(own.n_vars):
            names = pd.Series([f"{a}{p}" for a, p in zip(arm, block[:, :, feature], strict=True)])
            rare = (names.map(names.value_counts()) < 5).to_numpy()
            own.X[np.repeat(rare, 3), feature] = np.nan
            lost[feature] = rare.sum()
        kept.append(own)
        summary = exo.tl.summarize(sites[len(kept) - 1])
        np.testing.assert_array_equal(summary.dropped, lost)
        assert summary.left_out["people"].sum() == lost.sum() > 0
        # no sum rests on fewer than five people
        counts = summary.pattern_people
        assert counts[counts > 0].min() >= 5
        assert summary.moments.n[summary.moments.n > 0].min() >= 5
        assert summary.sums.people[summary.sums.people > 0].min() >= 5
    pooled = exo.tl.pool([exo.tl.summarize(s) for s in sites], control="CON")
    joint = exo.tl.differential(together(kept), covariates=["site"], control="CON")
    assert_same(pooled, joint)


def test_order_of_sites_features_and_samples_is_free(sites) -> None:
    rng = np.random.default_rng(0)
    mixed = [s[rng.permutation(s.n_obs), rng.permutation(s.n_vars)].copy() for s in sites[::-1]]
    first = exo.tl.pool([exo.tl.summarize(s, min_people=1) for s in sites], control="CON")
    other = exo.tl.pool([exo.tl.summarize(s, min_people=1) for s in mixed], control="CON")
    key = ["contrast", "feature"]
    first, other = (f.astype(dict.fromkeys(key, str)).set_index(key) for f in (first, other))
    columns = ["estimate", "se", "df", "p_value", "n_pairs"]
    pd.testing.assert_frame_equal(other.loc[first.index, columns], first[columns], rtol=1e-9)


def test_a_saved_summary_is_the_summary(sites, tmp_path: Path) -> None:
    summaries = [exo.tl.summarize(s) for s in sites]
    paths = [s.save(tmp_path / f"{i}.npz") for i, s in enumerate(summaries)]
    pd.testing.assert_frame_equal(exo.tl.pool(paths), exo.tl.pool(summaries))
    assert "24 people" in repr(summaries[0])
    # no array is as long as there are samples or people
    with np.load(paths[0], allow_pickle=False) as stored:
        shapes = {name: stored[name].shape for name in stored.files}
    assert not any({72, 24} & set(shape) for name, shape in shapes.items() if name != "head")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("units", "units: NPX and log2"),
        ("matrix", "matrix: plasma_edta and serum"),
        ("platform", "platform: olink and somascan"),
        ("cells", "cells"),
        ("covariates", "covariates"),
        ("features", "common=True"),
    ],
)
def test_sites_that_differ_are_refused(sites, what: str, words: str) -> None:
    other = sites[1].copy()
    options = {}
    if what in ("units", "matrix", "platform"):
        value = {"units": "log2", "matrix": "serum", "platform": "somascan"}[what]
        other.uns["exerkine"][what] = value
    elif what == "cells":
        other = other[other.obs["timepoint"] != "late"].copy()
    elif what == "covariates":
        options = {"covariates": ["hours"]}
    else:
        other = other[:, 1:].copy()
    summaries = [exo.tl.summarize(sites[0]), exo.tl.summarize(other, **options)]
    with pytest.raises(exo.errors.InputError, match=words):
        exo.tl.pool(summaries)
    if what == "features":
        assert exo.tl.pool(summaries, common=True)["feature"].nunique() == 19


def test_bad_calls_say_what_to_do(sites, tmp_path: Path) -> None:
    with pytest.raises(exo.errors.UsageError, match="no summary"):
        exo.tl.pool([])
    with pytest.raises(exo.errors.UsageError, match="min_people"):
        exo.tl.summarize(sites[0], min_people=0)
    with pytest.raises(exo.errors.InputError, match="npz"):
        exo.tl.summarize(sites[0]).save(tmp_path / "a.json")
    with pytest.raises(exo.errors.InputError, match="no such file"):
        exo.tl.pool([tmp_path / "none.npz"])
    (tmp_path / "bad.npz").write_bytes(b"PK no zip")
    with pytest.raises(exo.errors.InputError, match="no summary"):
        exo.tl.pool([tmp_path / "bad.npz"])
    with pytest.raises(exo.errors.UsageError, match="none of the arms"):
        exo.tl.pool([exo.tl.summarize(sites[0])], control="KON")
    linear = sites[0].copy()
    linear.uns["exerkine"]["units"] = "RFU"
    with pytest.raises(exo.errors.UnitsError, match="log2"):
        exo.tl.summarize(linear)


def test_a_site_without_a_feature_is_no_obstacle(sites) -> None:
    other = [s.copy() for s in sites]
    other[2].X[:, 5] = np.nan
    joint = exo.tl.differential(together(other), covariates=["site"], control="CON")
    summaries = [exo.tl.summarize(s, min_people=1) for s in other]
    assert_same(exo.tl.pool(summaries, control="CON"), joint)


def test_a_rare_level_leaves_with_nobody(sites) -> None:
    """One woman among the men: her values would follow from the moderator's sums."""
    own = sites[0].copy()
    own.obs["sex"] = np.where(own.obs["subject_id"] == "S0P03", "F", "M")
    own.X = np.nan_to_num(own.X, nan=5.0)
    summary = exo.tl.summarize(own, arm=None, moderators=["sex"])
    assert (summary.dropped == 1).all() and summary.context["n_people"] == 23
    assert not any("sex" in name for name in summary.context["moderators"])
    assert summary.moments.n.sum(axis=0).max() == own.n_obs - 3
    assert exo.tl.summarize(own, arm=None, moderators=["sex"], min_people=1).dropped.sum() == 0


def test_covariates_that_single_features_would_tell_are_refused(sites) -> None:
    """X'X of a feature that everyone has, minus X'X of one that a person lacks, is that person."""
    own = sites[0].copy()
    own.X = np.nan_to_num(own.X, nan=5.0)
    exo.tl.summarize(own, covariates=["age"])
    own.X[own.obs["subject_id"] == "S0P03", 2] = np.nan
    with pytest.raises(exo.errors.AnalysisError, match="'age' would tell"):
        exo.tl.summarize(own, covariates=["age"])
    shared = exo.tl.summarize(own, covariates=["age"], share_covariates=True)
    assert shared.dropped.sum() == 0
    own.X[own.obs["subject_id"].isin([f"S0P{i:02d}" for i in range(6)]), 2] = np.nan
    exo.tl.summarize(own, covariates=["age"])


@pytest.mark.parametrize("given", ["path", "adata"])
def test_what_is_no_list_of_summaries_is_told(sites, given: str, tmp_path: Path) -> None:
    wrong = str(tmp_path / "north.npz") if given == "path" else [sites[0]]
    with pytest.raises(exo.errors.UsageError, match="list of summaries|no summaries"):
        exo.tl.pool(wrong)
