"""pp.bridge: several objects and one, who is paired, what is stored."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.cohort import persons_tubes
from exerkine_omics.errors import (
    AnalysisError,
    ExerkineWarning,
    InputError,
    UnitsError,
    UsageError,
)

SHIFT = np.linspace(-1, 1, 12)


def batch(people, rng, shift=0.0, level=None, assays=12):
    names = [f"P{i:02d}" for i in people]
    obs = pd.DataFrame({"subject_id": np.repeat(names, 2)})
    obs["timepoint"] = pd.Categorical(["pre", "post"] * len(names), ["pre", "post"], ordered=True)
    obs.index = obs["subject_id"] + "_" + obs["timepoint"].astype(str)
    values = level[np.repeat(people, 2)] + rng.normal(0, 0.1, (2 * len(names), 12)) - shift
    adata = ad.AnnData(values, obs=obs, var=pd.DataFrame(index=[f"A{j:02d}" for j in range(12)]))
    adata = adata[:, :assays].copy()
    adata.uns["exerkine"] = {"units": "NPX", "baseline": "pre", "species": "human"}
    return adata


@pytest.fixture
def two():
    """People 0 to 11 in the first, 6 to 17 in the second: 12 tubes in both."""
    rng = np.random.default_rng(0)
    level = rng.normal(5, 1, (18, 12))
    return {
        "first": batch(range(12), rng, level=level),
        "second": batch(range(6, 18), rng, SHIFT, level),
    }


@pytest.mark.quick
def test_two_batches(two, round_trip):
    before = two["second"].X.copy()
    made = exo.pp.bridge(two, reference="first")
    np.testing.assert_array_equal(two["second"].X, before)
    made = round_trip(made)
    frame = made.uns["exerkine"]["bridging"]
    assert (frame["n_bridges"] == 12).all() and frame["adjusted"].all()
    np.testing.assert_allclose(frame["shift"], SHIFT, atol=0.15)
    second = (made.obs["batch"] == "second").to_numpy()
    np.testing.assert_allclose(made.X[second], before + frame["shift"].to_numpy())
    np.testing.assert_array_equal(made.X[~second], two["first"].X)
    np.testing.assert_array_equal(made.layers["raw"][second], before)
    # nobody is there twice
    persons = persons_tubes(made)
    assert persons.sum() == 36 and made.n_obs == 48
    again = made.obs[~persons]
    assert (again["sample_type"] == "bridge").all() and again["subject_id"].isna().all()
    assert again.index[0] == "P06_pre_second" and again["bridge_of"].iloc[0] == "P06_pre"
    assert made.obs["timepoint"].cat.ordered
    assert list(made.obs["timepoint"].cat.categories) == ["pre", "post"]
    assert len(exo.pp.pair(made[persons].copy()).frame) == 18
    assert "duplicate_pairs" not in set(exo.pp.check(made).to_frame()["id"])
    assert list(made.uns["exerkine"]["steps"]["step"])[-1] == "pp.bridge"


@pytest.mark.quick
def test_changes_within_people_are_untouched(two):
    before = exo.pp.delta(two["second"]).X
    made = exo.pp.bridge(two, reference="first")
    own = made[(made.obs["batch"] == "second").to_numpy() & persons_tubes(made)].copy()
    np.testing.assert_allclose(exo.pp.delta(own).X, before[6:], atol=1e-12)


@pytest.mark.quick
def test_one_object_and_a_column(two):
    made = exo.pp.bridge(two, reference="first")
    joined = exo.pp.concat(
        {"first": two["first"], "second": two["second"][12:].copy()}, label="project"
    )
    repeats = two["second"][:12].copy()
    repeats.obs_names = [f"again {n}" for n in repeats.obs_names]
    repeats.obs["project"] = "second"
    whole = exo.pp.concat([joined, repeats])
    for material in (None, "tube"):
        whole.obs["tube"] = [
            f"{p} {t}" for p, t in zip(whole.obs["subject_id"], whole.obs["timepoint"], strict=True)
        ]
        own = exo.pp.bridge(whole, reference="first", batch="project", bridge=material)
        np.testing.assert_allclose(
            own.uns["exerkine"]["bridging"]["shift"], made.uns["exerkine"]["bridging"]["shift"]
        )
        assert list(own.obs_names) == list(whole.obs_names)
        assert (own.obs["sample_type"] == "bridge").sum() == 12
    with pytest.raises(UsageError, match="done already"):
        exo.pp.bridge(own, reference="first", batch="project", bridge="tube")


def test_three_batches_and_another_panel(two):
    rng = np.random.default_rng(5)
    level = rng.normal(5, 1, (30, 12))
    three = {
        "c": batch(range(5, 12), rng, 2 * SHIFT, level, assays=10),
        "a": batch(range(12), rng, level=level),
        "b": batch(range(4, 16), rng, SHIFT, level),
    }
    made = exo.pp.bridge(three, reference="a")
    frame = made.uns["exerkine"]["bridging"]
    assert list(frame.groupby("batch", observed=True)["adjusted"].sum()) == [12, 10]
    assert set(frame.loc[~frame["adjusted"], "status"]) == {"not measured in both"}
    c = frame[(frame["batch"] == "c") & frame["adjusted"]]
    np.testing.assert_allclose(c["shift"], 2 * SHIFT[:10], atol=0.2)
    findings = exo.pp.check(made).to_frame().set_index("id")
    assert findings.loc["bridge_apart", "severity"] == "note"
    # the order of the batches changes nothing
    again = exo.pp.bridge(dict(sorted(three.items())), reference="a")
    np.testing.assert_allclose(again[made.obs_names].X, made.X)


def test_masks_and_limits(two):
    for name, adata in two.items():
        adata.layers["below_lod"] = adata.X < 4
        adata.layers["qc_warning"] = np.zeros(adata.shape, bool)
        adata.layers["lod"] = np.full(adata.shape, 2.0)
        adata.layers["count"] = np.full(adata.shape, 300.0)
        if name == "second":
            two[name] = adata[:, :9].copy()
    made = exo.pp.bridge(two, reference="first")
    assert made.layers["qc_warning"].dtype == bool
    second = (made.obs["batch"] == "second").to_numpy()
    shift = made.uns["exerkine"]["bridging"]["shift"].to_numpy()[:9]
    np.testing.assert_allclose(made.layers["lod"][second][:, :9], 2 + np.tile(shift, (24, 1)))
    assert (made.uns["exerkine"]["bridging"]["count"][:9] == 300).all()


def test_only_bridgeable(two):
    two["second"].X[:, 0] = 3 + np.random.default_rng(0).normal(0, 0.1, 24)
    two["second"].X[:, 1] *= 4
    two["second"].X[:, 2] = np.nan
    with pytest.warns(ExerkineWarning, match="2 assays keep the level of their batch: 'A00', 'A01"):
        made = exo.pp.bridge(two, reference="first", only_bridgeable=True)
    frame = made.uns["exerkine"]["bridging"].set_index("feature")
    assert frame.loc["A00", "status"] == "not bridgeable"
    assert frame.loc["A01", "status"].startswith("distributions differ")
    assert frame.loc["A02", "status"] == "not measured in both"
    second = (made.obs["batch"] == "second").to_numpy()
    np.testing.assert_array_equal(made.X[second, 0], two["second"].X[:, 0])
    assert set(exo.pp.check(made).to_frame()["id"]) >= {"bridge_left", "bridge_apart"}


@pytest.mark.quick
def test_bridgeability_changes_nothing(two):
    before = two["second"].copy()
    frame = exo.pp.bridgeability(two, reference="first")
    assert list(frame)[:6] == [
        "feature", "batch", "n_bridges", "shift", "sd_difference", "shift_se",
    ]  # fmt: skip
    np.testing.assert_array_equal(two["second"].X, before.X)
    assert "raw" not in two["second"].layers and list(two["second"].obs) == list(before.obs)
    turned = exo.pp.bridgeability(two, reference="second")
    np.testing.assert_allclose(turned["shift"], -frame["shift"])


def test_few_bridges_are_said(two):
    two["second"] = two["second"][8:].copy()
    with pytest.warns(ExerkineWarning, match="4 samples bridge 'second' to 'first'"):
        exo.pp.bridge(two, reference="first")


def test_two_pairs_are_too_few(two):
    two["second"].X[2:12, 4] = np.nan
    with pytest.warns(ExerkineWarning, match="'A04' \\('fewer than 3 pairs'\\)"):
        made = exo.pp.bridge(two, reference="first")
    assert made.uns["exerkine"]["bridging"]["adjusted"].sum() == 11


def test_controls_of_one_name_are_no_bridge(two):
    for adata in two.values():
        adata.obs["sample_type"] = "sample"
        adata.obs.loc["P08_pre", "sample_type"] = "control"
    made = exo.pp.bridge(two, reference="first")
    assert (made.uns["exerkine"]["bridging"]["n_bridges"] == 11).all()
    assert "P08_pre_second" in made.obs_names


@pytest.mark.quick
def test_refused(two):
    with pytest.raises(UsageError, match="'third' is no batch"):
        exo.pp.bridge(two, reference="third")
    with pytest.raises(UsageError, match="nothing to bridge"):
        exo.pp.bridge({}, reference="a")
    with pytest.raises(UsageError, match="This is a list"):
        exo.pp.bridge(list(two.values()), reference="a")
    other = two["second"].copy()
    other.var_names = [f"B{j}" for j in range(12)]
    with pytest.raises(AnalysisError, match="No assay has a value in both"):
        exo.pp.bridge({"first": two["first"], "second": other}, reference="first")
    with pytest.raises(AnalysisError, match="There is one batch"):
        exo.pp.bridge({"first": two["first"]}, reference="first")
    with pytest.raises(AnalysisError, match="shares no sample"):
        exo.pp.bridge({**two, "second": two["second"][12:].copy()}, reference="first")
    with pytest.raises(InputError, match="No column 'pool'"):
        exo.pp.bridge(two, reference="first", bridge="pool")
    for name, adata in two.items():
        adata.obs["pool"] = ["X"] * 2 + [""] * 22
        adata.obs_names = [f"{name} {n}" for n in adata.obs_names]
    with pytest.raises(InputError, match="stands twice in their batch"):
        exo.pp.bridge(two, reference="first", bridge="pool")
    with pytest.raises(UsageError, match="has a column 'pool' already"):
        exo.pp.bridge(two, reference="first", batch="pool")
    with pytest.raises(InputError, match="batch"):
        exo.pp.bridge(two["first"], reference="first")
    two["second"].uns["exerkine"]["units"] = "log2"
    with pytest.raises(InputError, match="differ in units"):
        exo.pp.bridge(two, reference="first")
    two["second"].uns["exerkine"]["units"] = "RFU"
    with pytest.raises(UnitsError):
        exo.pp.bridge(two, reference="first")
