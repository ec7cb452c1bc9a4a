"""Enrichment: signed evidence, sizes, leading members."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def texts(ax, gid: str) -> list[str]:
    return [t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid]


def dots(ax) -> pd.DataFrame:
    rows = [
        (*point, area, tuple(c.get_facecolor()[0][:3]))
        for c in ax.collections
        if hasattr(c, "get_sizes")
        for point, area in zip(c.get_offsets(), c.get_sizes(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["x", "y", "area", "colour"]).sort_values("y")


def test_signed_evidence_sorted_from_up_to_down(make):
    frame = make.enrichment(12)
    ax, data = pl.enrichment(frame, return_data=True)
    sign = np.where(data["direction"] == "up", 1, -1)
    np.testing.assert_allclose(data["signed"], -np.log10(data["p_value"]) * sign)
    assert (np.diff(data["signed"]) <= 0).all() and {1, -1} == set(sign)
    drawn = dots(ax)
    np.testing.assert_allclose(drawn["x"], data["signed"])
    assert [t.get_text() for t in ax.get_yticklabels()] == data["signature"].tolist()
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert texts(ax, "caption") == ["Not drawn: 1 signature (coverage below 0.5: 1)."]
    assert texts(ax, "subtitle")[0].startswith("camera;")
    ax.figure.draw_without_rendering()
    assert not any("-" in t.get_text() or "−" in t.get_text() for t in ax.get_xticklabels())


def test_colour_is_direction_of_the_significant_and_area_the_members(make):
    ax, data = pl.enrichment(make.enrichment(12), alpha=0.2, return_data=True)
    drawn = dots(ax).reset_index(drop=True)
    group = np.where(data["p_adj"] >= 0.2, "no", data["direction"])
    assert len(set(group)) == 3
    assert drawn.groupby(group)["colour"].nunique().tolist() == [1, 1, 1]
    assert drawn["colour"].nunique() == 3
    assert (drawn["area"].rank() == data["n_measured"].rank()).all()
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend[:3] == [
        f"up, p_adj < 0.2 ({(group == 'up').sum()})",
        f"down, p_adj < 0.2 ({(group == 'down').sum()})",
        f"p_adj ≥ 0.2 ({(group == 'no').sum()})",
    ]
    assert legend[-1] == f"{data['n_measured'].max()} measured"


def test_leading_members_stand_at_the_right_and_the_legend_beyond(make):
    frame = make.enrichment(7)
    ax, data = pl.enrichment(frame, members=make.names(7), return_data=True)
    notes = dict(zip(data["signature"], texts(ax, "leading"), strict=True))
    row = frame.set_index("signature").loc["signature_2"]
    assert notes["signature_2"] == f"{row['n_measured']} of {row['n_members']}: IL6, FGF21"
    assert notes["signature_0"] == f"{frame['n_measured'][0]} of {frame['n_members'][0]}"
    assert notes["signature_5"].endswith("IL6, FGF21, GDF15, BDNF …")
    ax.figure.draw_without_rendering()
    edge = max(t.get_window_extent().x1 for t in ax.texts if t.get_gid() == "leading")
    assert ax.get_legend().get_window_extent().x0 > edge


def test_only_the_best_are_drawn(make):
    frame = make.enrichment(50)
    ax, data = pl.enrichment(frame, n_top=10, return_data=True)
    assert set(data["signature"]) == set(frame.nsmallest(10, "p_value")["signature"])
    assert "39 more signatures tested" in texts(ax, "caption")[0]


def test_p_of_zero_and_unknown_direction(make):
    frame = make.enrichment(6)
    frame.loc[0, ["p_value", "p_adj"]] = 0.0
    frame.loc[1, "direction"] = ""
    frame["direction"] = frame["direction"].str.title()
    ax, data = pl.enrichment(frame, return_data=True)
    assert np.isfinite(dots(ax)["x"]).all() and "signature_1" not in set(data["signature"])
    zero = data.loc[data["signature"] == "signature_0", "signed"].abs().item()
    assert zero == data["signed"].abs().max() < ax.get_xlim()[1]
    assert "1 signature without a direction" in texts(ax, "caption")[0]
    assert "Triangle: 1 signature" in texts(ax, "caption")[0]


def test_order_of_rows_changes_nothing(make):
    frame = make.enrichment(20)
    frame["p_value"] = frame["p_value"].round(1)  # ties
    _, data = pl.enrichment(frame, n_top=8, return_data=True)
    _, again = pl.enrichment(frame[::-1], n_top=8, return_data=True)
    pd.testing.assert_frame_equal(data, again)


def test_nothing_tested_is_an_empty_picture_that_says_so(make):
    frame = make.enrichment(3).assign(p_value=np.nan, p_adj=np.nan, status="not measured")
    ax, data = pl.enrichment(frame, return_data=True)
    assert not len(data) and "Not drawn: 3 signatures" in texts(ax, "caption")[0]


def test_what_is_refused(make):
    frame = make.enrichment(3, ("a", "b"))
    with pytest.raises(UsageError, match="2 contrasts"):
        pl.enrichment(frame)
    with pytest.raises(UsageError, match="no contrast 'nil'"):
        pl.enrichment(frame, contrast="nil")
    with pytest.raises(UsageError, match="two rows"):
        pl.enrichment(pd.concat([frame, frame]), contrast="a")
    with pytest.raises(UsageError, match="exo.tl.enrich"):
        pl.enrichment(frame.drop(columns="direction"))
