"""Forest plot: rows, intervals, pairs."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def test_rows_intervals_and_pairs(make):
    frame = make.result_frame(6, ("post - pre", "late - pre"))
    picked = ["OID00003", "OID00000", "OID00005"]
    ax, data = pl.forest(frame, picked, names=make.names(6), return_data=True)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["BDNF", "IL6", "CXCL8"]
    assert len(data) == 4  # OID00005 was not tested
    drawn = sorted(
        tuple(np.round(s[:, 0], 9)) for c in ax.collections if hasattr(c, "get_segments")
        for s in c.get_segments()
    )  # fmt: skip
    assert drawn == sorted(map(tuple, np.round(data[["ci_low", "ci_high"]], 9).to_numpy()))
    pairs = [t.get_text() for t in ax.texts if t.get_gid() == "n"]
    assert pairs == [f"n={n}" for n in data["n_pairs"]]
    caption = next(t.get_text() for t in ax.texts if t.get_gid() == "caption")
    assert "Not drawn: 2 rows" in caption
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first feature is at the top


def test_best_features_by_default(make):
    frame = make.result_frame(5000)
    ax, data = pl.forest(frame, n_top=7, return_data=True)
    assert set(data["feature"].astype(str)) == set(
        frame.nsmallest(7, "p_value")["feature"].astype(str)
    )
    caption = next(t.get_text() for t in ax.texts if t.get_gid() == "caption")
    assert "4,992 more features" in caption.replace("\n", " ")


def test_unknown_names_are_refused(make):
    with pytest.raises(UsageError, match="no feature 'XX'"):
        pl.forest(make.result_frame(5), ["XX"])
    with pytest.raises(UsageError, match="no contrast 'nil'"):
        pl.forest(make.result_frame(5), contrasts=["nil"])


def test_joint_tests_are_not_drawn(make):
    frame = make.result_frame(6, ("post - pre", "any change"))
    joint = frame["contrast"] == "any change"
    frame.loc[joint, ["estimate", "ci_low", "ci_high"]] = float("nan")
    _, data = pl.forest(frame, return_data=True)
    assert set(data["contrast"].astype(str)) == {"post - pre"}
    with pytest.raises(UsageError, match="none to draw"):
        pl.forest(frame, contrasts=["any change"])


def test_many_contrasts_leave_no_room_for_numbers(make):
    ax = pl.forest(make.result_frame(5, ("a", "b", "c", "d")))
    assert not [t for t in ax.texts if t.get_gid() == "n"]


def test_long_titles_take_two_lines_and_the_legend_clears_the_numbers(make):
    names = {"OID00000": "MoTrPAC: plasma proteins up after one resistance bout"}
    ax = pl.forest(make.result_frame(6, ("a", "b")), names=names)
    assert "MoTrPAC: plasma proteins up\nafter one resistance bout" in {
        t.get_text() for t in ax.get_yticklabels()
    }
    ax.figure.draw_without_rendering()
    edge = max(t.get_window_extent().x1 for t in ax.texts if t.get_gid() == "n")
    assert ax.get_legend().get_window_extent().x0 > edge
