"""Contributions: bars that add up, order, what is not drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def texts(ax, gid: str) -> list[str]:
    return [t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid]


def test_bars_intervals_and_sum(make):
    frame = make.contributions(6)
    ax, data = pl.contributions(frame, names=make.names(6), return_data=True)
    members = data[data["kind"] == "member"]
    given = frame.dropna(subset="contribution").sort_values("contribution", ascending=False)
    assert members["member"].tolist() == given["member"].tolist()
    bars = [p.get_width() for p in sorted(ax.patches, key=lambda p: p.get_y())]
    np.testing.assert_allclose(bars, given["contribution"])
    lines = [c for c in ax.collections if c.get_gid() == "interval"][0].get_segments()
    drawn = {tuple(np.round(s[:, 0], 9)) for s in lines}
    assert drawn == {tuple(r) for r in np.round(given[["ci_low", "ci_high"]], 9).to_numpy()}
    diamond = next(line for line in ax.lines if line.get_gid() == "sum")
    np.testing.assert_allclose(diamond.get_xdata(), given["contribution"].sum())
    assert ax.get_yticklabels()[-1].get_text() == "sum: change of the score"
    assert diamond.get_ydata() == [5.0]
    assert ax.get_title(loc="left") == "acute_a"
    assert texts(ax, "subtitle")[0].startswith("post - pre; bar:")
    assert "people per member: 9 to 11" in texts(ax, "subtitle")[0]


def test_negative_weights_are_marked_and_absent_members_named(make):
    ax = pl.contributions(make.contributions(6), names=make.names(6))
    labels = {t.get_text() for t in ax.get_yticklabels()}
    assert {"FGF21 (−)", "IL10 (−)", "IL6", "GDF15", "BDNF"} < labels
    words = texts(ax, "caption")[0]
    assert words.startswith("(−): negative weight")
    assert "Not drawn, not measured: CXCL8." in words


def test_shares_only_where_parts_do_not_cancel(make):
    frame = make.contributions(4)
    frame["contribution"] = [0.3, 0.1, -0.1, np.nan]
    assert texts(pl.contributions(frame), "share") == ["100%", "33%", "−33%"]
    frame["contribution"] = [0.3, -0.1, -0.19, np.nan]
    assert not texts(pl.contributions(frame), "share")


def test_rest_is_one_bar_and_the_sum_stays(make):
    frame = make.contributions(40)
    ax, data = pl.contributions(frame, max_members=10, return_data=True)
    assert data["kind"].value_counts().to_dict() == {"member": 10, "others": 1, "sum": 1}
    kept = set(data.loc[data["kind"] == "member", "member"])
    largest = frame.assign(size=frame["contribution"].abs()).nlargest(10, "size")["member"]
    assert kept == set(largest)
    parts = data.loc[data["kind"] != "sum", "contribution"].sum()
    assert parts == pytest.approx(frame["contribution"].sum())
    assert data["contribution"].iloc[-1] == pytest.approx(parts)
    assert ax.get_yticklabels()[-2].get_text() == "29 other members"


def test_contrasts_have_colours_and_a_legend(make):
    frame = make.contributions(5, ("CON: post - pre", "EE: post - pre"))
    frame.loc[0, "contribution"] = np.nan
    frame.loc[0, "status"] = "fewer than 2 people"
    ax, data = pl.contributions(frame, title="Acute A", return_data=True)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "CON: post - pre",
        "EE: post - pre",
    ]
    assert len(ax.patches) == 7
    assert "fewer than 2 people: OID00000 (CON: post - pre)." in texts(ax, "caption")[0]
    means = data[data["kind"] == "member"].groupby("member", sort=False)["contribution"].mean()
    assert (np.diff(means) <= 0).all()
    _, one = pl.contributions(frame, contrasts=["EE: post - pre"], return_data=True)
    assert set(one["contrast"]) == {"EE: post - pre"}


def test_order_of_rows_changes_nothing(make):
    frame = make.contributions(30, ("a", "b")).assign(contrast=lambda f: f["contrast"])
    _, data = pl.contributions(frame, contrasts=["a", "b"], return_data=True)
    mixed = frame.sample(frac=1, random_state=2)
    _, again = pl.contributions(mixed, contrasts=["a", "b"], return_data=True)
    pd.testing.assert_frame_equal(data, again)


def test_nothing_measured_is_an_empty_picture_that_says_so(make):
    frame = make.contributions(3).assign(contribution=np.nan, status="not measured")
    ax = pl.contributions(frame)
    assert "No member has a contribution." in texts(ax, "caption")[0]
    assert not ax.patches


def test_what_is_refused(make):
    frame = make.contributions(4)
    other = pd.concat([frame, make.contributions(4, signature="acute_b")])
    with pytest.raises(UsageError, match="2 signatures: 'acute_a', 'acute_b'"):
        pl.contributions(other)
    assert pl.contributions(other, "acute_b").get_title(loc="left") == "acute_b"
    with pytest.raises(UsageError, match="no signature 'nil'"):
        pl.contributions(frame, "nil")
    with pytest.raises(UsageError, match="no contrast 'nil'"):
        pl.contributions(frame, contrasts=["nil"])
    with pytest.raises(UsageError, match="two rows"):
        pl.contributions(pd.concat([frame, frame[:1]]))
    with pytest.raises(UsageError, match="change_contributions"):
        pl.contributions(frame.drop(columns="ci_low"))


def test_sums_far_beyond_the_members_do_not_make_hairs_of_them(make):
    frame = make.contributions(300)
    ax, data = pl.contributions(frame, return_data=True)
    members = data[data["kind"] == "member"]
    far = data.loc[data["kind"] == "sum", "contribution"].iloc[0]
    low, high = ax.get_xlim()
    assert high < far / 4 and high >= members["contribution"].max()
    assert sum(line.get_gid() == "beyond" for line in ax.lines) == 2
    assert "Beyond the axis: 274 other members" in texts(ax, "caption")[0]
    near = pl.contributions(make.contributions(6))
    assert not any(line.get_gid() == "beyond" for line in near.lines)
