"""Heat map of change: cells, order, arms, what is grey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def meshes(ax):
    return [c for c in ax.collections if c.get_gid() == "cells"]


def words(ax) -> str:
    """The caption hangs on the colour bar."""
    found = [t for a in ax.figure.axes for t in a.texts if t.get_gid() == "caption"]
    return found[0].get_text().replace("\n", " ")


@pytest.fixture
def frame(make):
    return make.change(5, 12, ("post",))


def test_cells_are_the_values_in_the_order_returned(frame):
    ax, data = pl.heatmap(frame, return_data=True)
    assert list(data) == ["signature", "arm", "subject_id", "timepoint", "change", "status"]
    drawn = np.hstack([np.ma.filled(m.get_array(), np.nan).reshape(5, -1) for m in meshes(ax)])
    np.testing.assert_array_equal(drawn, data["change"].to_numpy().reshape(5, 12))
    key = ["signature", "subject_id"]
    both = data.merge(frame, on=key, suffixes=("", "_given"), validate="1:1")
    assert len(both) == 60
    np.testing.assert_array_equal(both["change"], both["change_given"])
    assert (both["arm"] == both["arm_given"]).all()


def test_people_stand_in_their_arm_by_mean_change(frame):
    ax, data = pl.heatmap(frame, return_data=True)
    assert [len(m.get_array().ravel()) // 5 for m in meshes(ax)] == [6, 6]
    mean = frame.groupby("subject_id")["change"].mean()
    order = data["subject_id"][:12].tolist()
    for arm, part in (("CON", order[:6]), ("EE", order[6:])):
        assert set(part) == set(frame.loc[frame["arm"] == arm, "subject_id"])
        assert (np.diff(mean[part]) <= 0).all()
    assert [t.get_text() for t in ax.get_xticklabels()] == order
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["CON, n=6", "EE, n=6", "not known"]
    assert len([p for p in ax.patches if p.get_gid() == "arm"]) == 2


def test_one_arm_or_none_has_no_strip(make):
    ax, data = pl.heatmap(make.change(3, 6, ("post",), arms=False), return_data=True)
    assert not ax.patches and "arm" not in data
    assert ax.get_xlabel() == "people, by mean change"


def test_alike_signatures_stand_together_and_rising_ones_on_top():
    rng = np.random.default_rng(3)
    people = [f"P{i}" for i in range(8)]
    base = {"a": rng.normal(2, 1, 8), "b": rng.normal(-2, 1, 8)}
    rows = [
        {"subject_id": p, "signature": s, "timepoint": "post", "change": x}
        for s, values in {
            "up_1": base["a"],
            "down_1": base["b"],
            "up_2": base["a"] + 0.01,
            "down_2": base["b"] - 0.01,
        }.items()
        for p, x in zip(people, values, strict=True)
    ]
    frame = pd.DataFrame(rows)
    ax = pl.heatmap(frame)
    order = [t.get_text() for t in ax.get_yticklabels()]
    assert {*order[:2]} == {"up_1", "up_2"} and {*order[2:]} == {"down_1", "down_2"}
    by_mean = [t.get_text() for t in pl.heatmap(frame, order="mean").get_yticklabels()]
    assert by_mean == ["up_2", "up_1", "down_1", "down_2"]


def test_order_of_rows_changes_nothing(frame):
    frame["arm"] = pd.Categorical(frame["arm"], ["EE", "CON"])
    _, data = pl.heatmap(frame, return_data=True)
    assert data["arm"][0] == "EE"
    _, again = pl.heatmap(frame.sample(frac=1, random_state=1), return_data=True)
    pd.testing.assert_frame_equal(data, again)


def test_colours_are_symmetric_and_say_where_they_end(frame):
    ax, data = pl.heatmap(frame, return_data=True)
    size = data["change"].abs().dropna()
    limit = np.quantile(size, 0.98, method="higher")
    assert [meshes(ax)[0].norm.vmin, meshes(ax)[0].norm.vmax] == [-limit, limit]
    beyond = int((size > limit).sum())
    assert f"Colours end at ±{limit:.2g}" in words(ax)
    assert beyond and f"{beyond} cell" in words(ax)
    assert ax.figure.axes[1].get_xlabel() == "change in score"


def test_grey_cells_are_counted_by_reason(frame):
    spread = frame.assign(std_change=frame["std_change"].where(frame["subject_id"] != "P03"))
    absent = spread.index[
        (spread["subject_id"] == "P05") & (spread["signature"] == "acute_response_2")
    ]
    ax, data = pl.heatmap(spread.drop(absent), value="std_change", return_data=True)
    assert "Grey: 7 cells (no std_change: 5; coverage below 0.5: 1; no row: 1)." in words(ax)
    assert np.isnan(data["std_change"]).sum() == 7
    last = data.loc[data["arm"] == "EE", "subject_id"].drop_duplicates().iloc[-1]
    assert last == "P03"  # nothing known: at the end of the arm
    assert "11 with a change" in next(t.get_text() for t in ax.texts if t.get_gid() == "subtitle")


def test_signatures_without_values_and_beyond_the_most(frame):
    frame.loc[frame["signature"] == "acute_response_4", "change"] = np.nan
    ax = pl.heatmap(frame, max_signatures=2)
    largest = frame.groupby("signature")["change"].agg(lambda c: c.abs().mean()).nlargest(2).index
    assert {t.get_text() for t in ax.get_yticklabels()} == set(largest)
    assert "1 signature without any value" in words(ax)
    assert "2 signatures of smaller change" in words(ax)


def test_many_people_are_thinned_evenly_and_lose_their_names(make):
    frame = make.change(3, 300, ("post",))
    ax, data = pl.heatmap(frame, max_people=100, return_data=True)
    assert len(data) == 300 and not ax.get_xticklabels()
    assert "Drawn: 100 of 300 people" in words(ax)
    _, whole = pl.heatmap(frame, max_people=300, return_data=True)
    for arm in ("CON", "EE"):
        people = whole.loc[whole["arm"] == arm, "subject_id"].drop_duplicates().tolist()
        kept = data.loc[data["arm"] == arm, "subject_id"].drop_duplicates().tolist()
        at = [people.index(k) for k in kept]
        assert len(at) == 50 and at[0] == 0 and at[-1] == 149
        assert set(np.diff(at)) == {3} | ({4} & set(np.diff(at)))


def test_people_without_an_arm_are_kept(frame):
    frame["arm"] = frame["arm"].where(frame["subject_id"] != "P02", "")
    ax = pl.heatmap(frame)
    assert [t.get_text() for t in ax.get_legend().get_texts()][:3] == [
        "CON, n=5",
        "EE, n=6",
        "no arm, n=1",
    ]


def test_nothing_known_is_an_empty_picture_that_says_so(frame):
    ax, data = pl.heatmap(frame.assign(change=np.nan), return_data=True)
    assert not len(data) and "5 signatures without any value" in words(ax)


def test_what_is_refused(make, frame):
    several = make.change(3)
    with pytest.raises(UsageError, match="2 time points: 'post', 'rest'"):
        pl.heatmap(several)
    with pytest.raises(UsageError, match="no time point 'late'"):
        pl.heatmap(several, timepoint="late")
    with pytest.raises(UsageError, match="value='percent'"):
        pl.heatmap(frame, value="percent")
    with pytest.raises(UsageError, match="order='best'"):
        pl.heatmap(frame, order="best")
    with pytest.raises(UsageError, match="more than one row"):
        pl.heatmap(pd.concat([frame, frame[:1]]))
    with pytest.raises(UsageError, match="exo.tl.score_change"):
        pl.heatmap(frame.drop(columns="signature"))
    with pytest.raises(UsageError, match="no numbers"):
        pl.heatmap(frame.assign(change="high"))
