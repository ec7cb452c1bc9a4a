"""Forest of one feature over cohorts: rows, scale, who is not drawn."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl, tl
from exerkine_omics.errors import UsageError


@pytest.fixture
def frames(make):
    base = make.result_frame(6, ("post - pre", "late - pre"))
    shifted = {}
    for number, name in enumerate("ABC"):
        frame = base.copy()
        frame[["estimate", "ci_low", "ci_high"]] += 0.2 * number
        frame["effect_size"] = frame["estimate"] / 0.8
        shifted[name] = frame
    return shifted


def texts(ax, gid):
    return [t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid]


def test_cohorts_and_pooled(frames, make):
    meta = tl.meta(frames)
    own = meta[(meta["feature"] == "OID00001") & (meta["contrast"] == "post - pre")].iloc[0]
    ax, data = pl.meta_forest(
        frames, meta, "OID00001", "post - pre", names=make.names(6), return_data=True
    )
    assert [t.get_text() for t in ax.get_yticklabels()] == ["A", "B", "C", "pooled"]
    assert list(data["kind"]) == ["cohort"] * 3 + ["pooled"]
    for name, row in zip("ABC", data.itertuples(), strict=False):
        frame = frames[name]
        mine = frame[(frame["feature"] == "OID00001") & (frame["contrast"] == "post - pre")].iloc[0]
        assert (row.estimate, row.ci_low, row.ci_high) == (
            mine["estimate"],
            mine["ci_low"],
            mine["ci_high"],
        )
    last = data.iloc[-1]
    for column in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high"):
        assert last[column] == own[column]
    diamond = ax.patches[0].get_xy()
    assert diamond[:, 0].min() == own["ci_low"] and diamond[:, 0].max() == own["ci_high"]
    lines = [tuple(s[:, 0]) for c in ax.collections if hasattr(c, "get_segments")
             for s in c.get_segments()]  # fmt: skip
    assert (own["pi_low"], own["pi_high"]) in lines
    assert ax.get_title(loc="left") == "FGF21: post - pre"
    assert ax.get_xlabel() == "log2 fold change"
    assert texts(ax, "n") == [f"n={n}" for n in data["n_pairs"]]
    assert "meta_reml_hk, 3 cohorts, tau² =" in texts(ax, "caption")[0]


def test_standardised_scale_and_common_ids(frames):
    ids = {"C": {f"OID{i:05d}": f"OID{i:05d}" for i in range(6)} | {"OID00003": "OID00002"}}
    frames["C"]["units"] = "log2"
    meta = tl.meta(frames, pool="standardised", features=ids, several="smallest_se")
    ax, data = pl.meta_forest(
        frames, meta, "OID00002", "post - pre", features=ids, return_data=True
    )
    assert ax.get_xlabel() == "difference, SD"
    own = meta[(meta["feature"] == "OID00002") & (meta["contrast"] == "post - pre")].iloc[0]
    weight = 1 / (data["se"][:3] ** 2 + own["tau2"])
    assert (weight * data["estimate"][:3]).sum() / weight.sum() == pytest.approx(own["estimate"])


def test_cohorts_without_a_result_are_named(frames):
    frames["B"] = frames["B"][frames["B"]["feature"] != "OID00001"]
    rows = (frames["A"]["feature"] == "OID00001") & (frames["A"]["contrast"] == "post - pre")
    frames["A"].loc[rows, ["estimate", "se"]] = np.nan
    frames["D"] = frames["C"].assign(estimate=frames["C"]["estimate"] + 0.1)
    meta = tl.meta(frames)
    ax, data = pl.meta_forest(frames, meta, "OID00001", "post - pre", return_data=True)
    assert list(data["cohort"]) == ["C", "D", "pooled"]
    caption = texts(ax, "caption")[0]
    assert "Not drawn: A (no estimate with SE); B (not there)." in caption


def test_what_cannot_be_drawn_is_refused(frames):
    meta = tl.meta(frames)
    with pytest.raises(UsageError, match="2 contrasts"):
        pl.meta_forest(frames, meta, "OID00001")
    with pytest.raises(UsageError, match="no feature 'XX'"):
        pl.meta_forest(frames, meta, "XX", "post - pre")
    with pytest.raises(UsageError, match="no pooled estimate: no cohort has a result"):
        pl.meta_forest(frames, meta, "OID00005", "post - pre")
    with pytest.raises(UsageError, match="only signs"):
        pl.meta_forest(frames, tl.meta(frames, pool="direction"), "OID00001", "post - pre")
    with pytest.raises(UsageError, match="without leave_one_out"):
        pl.meta_forest(frames, tl.meta(frames, leave_one_out=True), "OID00001", "post - pre")
    with pytest.raises(UsageError, match="tau2"):
        pl.meta_forest(frames, frames["A"], "OID00001", "post - pre")
