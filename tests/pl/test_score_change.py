"""Score change: points, means, groups."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def test_points_means_and_groups(make):
    frame = make.change(3)
    ax, data = pl.score_change(frame, return_data=True)
    assert sum(len(c.get_offsets()) for c in ax.collections) == len(data) == 70
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["CON, post, n=6", "CON, rest, n=6", "EE, post, n=6", "EE, rest, n=6"]
    means = sorted(line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D")
    wanted = data.groupby(["signature", "arm", "timepoint"], observed=True)["change"].mean()
    np.testing.assert_allclose(means, sorted(wanted))
    assert ax.get_xlabel() == "change in score"
    caption = next(t.get_text() for t in ax.texts if t.get_gid() == "caption")
    assert caption == "Not drawn: 2 rows (coverage below 0.5: 2)."
    assert "coverage 60% to 70%" in ax.get_yticklabels()[0].get_text()


def test_one_group_needs_no_legend(make):
    ax = pl.score_change(make.change(2, times=("post",), arms=False), value="std_change")
    assert ax.get_legend() is None
    assert ax.get_xlabel() == "standardised change in score"


def test_many_signatures_show_the_largest(make):
    frame = make.change(60, times=("post",))
    ax = pl.score_change(frame, max_signatures=10)
    largest = frame.groupby("signature")["change"].mean().abs().nlargest(10).index
    shown = [t.get_text().split("\n")[0].replace(" ", "_") for t in ax.get_yticklabels()]
    assert shown == list(largest)
    assert "50 signatures" in next(t.get_text() for t in ax.texts if t.get_gid() == "caption")


def test_unknown_value_is_refused(make):
    with pytest.raises(UsageError, match="value='percent'"):
        pl.score_change(make.change(1), value="percent")


def test_arms_have_the_colour_and_times_its_tint(make):
    ax = pl.score_change(make.change(3))
    colours = np.array([h.get_color() for h in ax.get_legend().get_lines()])
    for dark, pale in ((0, 1), (2, 3)):
        np.testing.assert_allclose(colours[pale], 0.35 * colours[dark] + 0.65)
    one_arm = pl.score_change(make.change(3, arms=False))
    first, second = (h.get_color() for h in one_arm.get_legend().get_lines())
    assert not np.allclose(second, 0.35 * np.array(first) + 0.65)


def test_long_titles_do_not_push_the_caption_off_the_page(make):
    frame = make.change(30, times=("post", "h1", "rest"))
    names = {s: f"MoTrPAC: plasma proteins up during a bout {s}" for s in set(frame["signature"])}
    figure = pl.score_change(frame, names=names).figure
    figure.draw_without_rendering()
    assert figure.get_tightbbox().x1 <= figure.bbox_inches.x1 + 0.05


def test_a_row_without_a_score_says_why(make):
    frame = make.change(3, times=("post",))
    gone = frame["signature"].astype(str) == str(frame["signature"].iloc[0])
    frame.loc[gone, ["change", "std_change"]] = np.nan
    frame["status"] = np.where(gone, "coverage below 0.5", "ok")
    ax = pl.score_change(frame)
    rows = [t.get_text() for t in ax.get_yticklabels()]
    assert rows[0].endswith("none: coverage below 0.5") and "none:" not in rows[1]
