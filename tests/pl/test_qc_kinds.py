"""The figures of quality beside missing values: what is counted, and what is refused."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import InputError, UsageError

KINDS = ("missing", "plate", "lod", "pca", "drift", "haemolysis", "plasma_volume", "flow")


def captions(ax) -> str:
    return " ".join(t.get_text() for t in ax.texts if t.get_gid() == "caption").replace("\n", " ")


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_samples_and_features_changes_nothing(make, kind):
    adata = make.lab(6)
    rng = np.random.default_rng(1)
    mixed = adata[rng.permutation(adata.n_obs), rng.permutation(adata.n_vars)].copy()
    one, two = (pl.qc(a, kind, return_data=True)[1] for a in (adata, mixed))
    keys = [c for c in one.columns if not pd.api.types.is_numeric_dtype(one[c])]
    for frame in (one, two):
        frame.sort_values(keys, inplace=True, ignore_index=True)
    pd.testing.assert_frame_equal(one, two)


def test_plates_and_controls(make):
    adata = make.lab(8, 12, n_plates=2)
    _, data = pl.qc(adata, "plate", return_data=True)
    assert data["n_samples"].sum() == adata.n_obs
    at = ((adata.obs["plate_id"] == "Plate 2") & (adata.obs["timepoint"] == "km25")).to_numpy()
    cell = data[(data["plate_id"] == "Plate 2") & (data["timepoint"] == "km25")].iloc[0]
    assert cell["missing"] == pytest.approx(np.isnan(adata.X[at]).mean())
    assert cell["n_samples"] == at.sum()
    assert set(data["timepoint"]) == {"pre", "km25", "finish", "controls"}


def test_a_plate_without_a_time_point_is_white(make):
    adata = make.lab(8, 12, n_plates=2)
    keep = ~((adata.obs["plate_id"] == "Plate 1") & (adata.obs["timepoint"] == "pre")).to_numpy()
    ax, data = pl.qc(adata[keep].copy(), "plate", return_data=True)
    cell = data[(data["plate_id"] == "Plate 1") & (data["timepoint"] == "pre")].iloc[0]
    assert cell["n_samples"] == 0 and np.isnan(cell["missing"])
    assert "White: no such tube" in captions(ax)


def test_share_below_lod_counts_people_only(make):
    adata = make.lab(8)
    ax, data = pl.qc(adata, "lod", return_data=True)
    at = (adata.obs["timepoint"] == "finish").to_numpy()
    below, there = adata.layers["below_lod"][at], np.isfinite(adata.X[at])
    part = data[data["timepoint"] == "finish"].set_index("feature").loc[adata.var_names]
    expected = below.sum(axis=0) / (below | there).sum(axis=0)
    np.testing.assert_allclose(part["below"], expected)
    spread = data.groupby("feature")["below"].agg(lambda s: s.max() - s.min())
    first = ax.get_yticklabels()[0].get_text()
    assert adata.var.index[adata.var["gene_symbol"] == first][0] == spread.idxmax()


def test_nothing_below_lod(make):
    adata = make.lab(8)
    adata.layers["below_lod"][:] = False
    ax, data = pl.qc(adata, "lod", return_data=True)
    assert (data["below"] == 0).all() and not ax.get_yticklabels()


def test_drift_is_on_the_log_scale_and_survives_gaps(make):
    adata = make.lab(200, 20, n_plates=2)
    adata.obs["run_order"] = np.arange(adata.n_obs)
    slope = 0.01 * np.arange(adata.n_obs)
    flat = np.full(adata.shape, 5.0) + np.linspace(-3, 3, 200)
    adata.X = np.where(np.isnan(adata.X), np.nan, flat + slope[:, None])
    _, data = pl.qc(adata, "drift", return_data=True)
    assert "blank" not in set(data["sample_type"])
    place = data["run_order"].to_numpy()
    np.testing.assert_allclose(np.polyfit(place, data["level"], 1)[0], 0.01, rtol=0.02)
    adata.X = 2.0**adata.X
    adata.uns["exerkine"]["units"] = "RFU"
    linear = pl.qc(adata, "drift", return_data=True)[1]
    np.testing.assert_allclose(linear["level"], data["level"], atol=1e-9)
    adata.X *= 1e5
    moved = pl.qc(adata, "drift", return_data=True)[1]
    np.testing.assert_allclose(moved["level"], data["level"], atol=1e-9)


def test_drift_by_plate_where_there_is_no_run_order(make):
    adata = make.lab(8)
    del adata.obs["run_order"]
    ax = pl.qc(adata, "drift")
    assert ax.get_xlabel() == "plate"
    del adata.obs["plate_id"]
    with pytest.raises(InputError, match="neither"):
        pl.qc(adata, "drift")


def test_haemolysis_names_the_flagged(make):
    adata = make.lab(8)
    adata.obs["haemolysis"] = 0.0
    adata.obs["haemolysed"] = "no"
    adata.obs.loc["P03_pre", ["haemolysis", "haemolysed"]] = [4.0, "yes"]
    ax, data = pl.qc(adata, "haemolysis", return_data=True)
    assert "Haemolysed: P03_pre." in captions(ax)
    assert sorted({line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"}) == [
        2,
        3,
    ]
    assert len(data) == (adata.obs["sample_type"] == "sample").sum()


def test_plasma_volume_is_what_the_column_holds(make):
    adata = make.lab(8)
    _, data = pl.qc(adata, "plasma_volume", return_data=True)
    own = adata.obs[adata.obs["subject_id"].notna()]
    wide = data.set_index(["subject_id", "timepoint"])["plasma_volume_change"]
    keys = list(zip(own["subject_id"], own["timepoint"].astype(str), strict=True))
    np.testing.assert_allclose(wide.loc[keys], own["plasma_volume_change"])


def test_flow_counts_tubes_people_and_pairs(make):
    adata = make.lab(8, 11, n_times=3)
    adata.X[adata.obs_names.get_loc("P05_pre")] = np.nan
    adata = adata[adata.obs_names != "P06_finish"].copy()
    ax, data = pl.qc(adata, "flow", return_data=True)
    n = data.groupby("stage", sort=False)["n"].sum()
    mine = int((adata.obs["sample_type"] == "sample").sum())
    assert n["tubes in the data"] == adata.n_obs and n["tubes of people"] == mine
    assert n["with person, time and values"] == mine - 1
    assert n["people"] == 11 and n["with a sample at pre"] == 10
    # P01 and P04 have no km25 sample, P05 no values at pre, P06 no finish sample
    assert n["paired at km25"] == 8 and n["paired at finish"] == 9
    assert "no km25 sample: 2" in captions(ax)
    assert set(data["arm"]) == {"", "CON", "EE"}


def test_what_was_read_comes_first(make):
    adata = make.lab(8)
    adata.uns["exerkine"]["steps"] = pd.DataFrame({"step": ["read"], "n_obs": [adata.n_obs + 7]})
    _, data = pl.qc(adata, "flow", return_data=True)
    assert data.iloc[0].tolist()[:2] == ["tubes read", "tubes"]
    assert data.iloc[0]["n"] == adata.n_obs + 7


@pytest.mark.parametrize(
    ("kind", "column", "call"),
    [
        ("plate", "plate_id", "set_samples"),
        ("haemolysis", "haemolysis", "exo.pp.haemolysis"),
        ("plasma_volume", "plasma_volume_change", "exo.pp.plasma_volume"),
    ],
)
def test_what_is_not_there_names_the_call(make, kind, column, call):
    adata = make.lab(5)
    del adata.obs[column]
    with pytest.raises(InputError, match=call):
        pl.qc(adata, kind)


def test_other_wrong_input(make):
    adata = make.lab(5)
    with pytest.raises(UsageError, match="plasma_volume"):
        pl.qc(adata, "plasma")
    with pytest.raises(UsageError, match="before= is no option"):
        pl.qc(adata, "plate", before=True)
    with pytest.raises(UsageError, match="color= is no option"):
        pl.qc(adata, "lod", color="arm")
    with pytest.raises(UsageError, match="not an AnnData"):
        pl.qc(adata.to_df())
    del adata.layers["below_lod"]
    with pytest.raises(InputError, match=r"exo.pp.lod"):
        pl.qc(adata, "lod")
    only = adata[adata.obs["sample_type"] == "qc"].copy()
    with pytest.raises(InputError, match="No tube of a person"):
        pl.qc(only, "missing")


def test_nothing_to_draw_is_said(make):
    adata = make.lab(5)
    adata.obs["plate_id"] = np.nan
    with pytest.raises(InputError, match="both a plate and a time point"):
        pl.qc(adata, "plate")
    adata.X[:] = np.nan
    with pytest.raises(InputError, match="a value and a place"):
        pl.qc(adata, "drift")


def test_names_are_no_formulas(make):
    adata = make.lab(5)
    adata.obs["timepoint"] = adata.obs["timepoint"].cat.rename_categories({"km25": "$5_{x$"})
    for kind in KINDS:
        pl.qc(adata, kind).figure.draw_without_rendering()
    _, ax = plt.subplots()
    ax.figure.draw_without_rendering()
    pl.qc(adata, "haemolysis", ax=ax).figure.draw_without_rendering()


def test_filled_values_count_as_missing(make):
    adata = make.lab(6)
    gone = np.isnan(adata.X)
    before = pl.qc(adata, "plate", return_data=True)[1]
    adata.X[gone] = 3.0
    adata.layers["imputed"] = gone
    pd.testing.assert_frame_equal(pl.qc(adata, "plate", return_data=True)[1], before)
    assert "filled since count as missing" in captions(pl.qc(adata))
