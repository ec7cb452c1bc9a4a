"""Trajectories: lines, gaps, counts, means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exerkine_omics import pl
from exerkine_omics.errors import InputError, UsageError


def segments(ax, gid: str) -> int:
    return sum(len(c.get_segments()) for c in ax.collections if c.get_gid() == gid)


@pytest.fixture
def five(make):
    """Three people at three times; P01 misses the middle, P02 has no value at the end."""
    adata = make.cohort(4, n_people=5, n_times=3)
    keep = adata.obs["subject_id"].isin(["P00", "P01", "P02"])
    adata = adata[keep].copy()
    adata.X = np.arange(adata.X.size, dtype=float).reshape(adata.shape) ** 1.5
    adata.X[adata.obs_names.get_loc("P02_finish"), 0] = np.nan
    return adata


@pytest.mark.quick
def test_lines_gaps_and_counts(five):
    ax, data = pl.trajectory(five, "OID00000", return_data=True)
    assert len(data) == 7
    assert segments(ax, "visits") == 3  # P00 twice, P02 once
    assert segments(ax, "gaps") == 1  # P01 over km25
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert ticks == ["pre\nn=3", "km25\nn=2", "finish\nn=2"]
    assert ax.get_ylabel() == "IL6, NPX"
    assert ax.get_title(loc="left") == "IL6 (OID00000)"
    caption = next(t.get_text() for t in ax.texts if t.get_gid() == "caption")
    assert "1 gap over a missing visit" in caption and "Without a value: 1 sample" in caption


def test_mean_and_interval(five):
    ax, data = pl.trajectory(five, "OID00000", level=0.9, return_data=True)
    values = data.loc[data["timepoint"] == "pre", "value"].to_numpy()
    line, _, (bars,) = ax.containers[0]
    assert line.get_ydata()[0] == pytest.approx(values.mean())
    low, high = stats.t.interval(0.9, 2, values.mean(), stats.sem(values))
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [low, high])


def test_row_order_changes_nothing(five):
    _, data = pl.trajectory(five, "OID00001", return_data=True)
    ax, again = pl.trajectory(five[::-1].copy(), "OID00001", return_data=True)
    key = ["subject_id", "timepoint"]
    assert data.sort_values(key).values.tolist() == again.sort_values(key).values.tolist()
    assert segments(ax, "visits") == 4


def test_arms_split_means_and_counts(make):
    adata = make.cohort(5, 10, 3, ("control", "run"))
    ax = pl.trajectory(adata, "acute_myokine_response", score="baseline_z")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["control, mean", "run, mean"]
    assert ax.get_xticklabels()[1].get_text() == "km25\ncontrol n=4\nrun n=4"
    assert ax.get_ylabel() == "score, baseline SD"
    pooled = pl.trajectory(adata, "acute_myokine_response", score="baseline_z", arm=None)
    assert pooled.get_xticklabels()[1].get_text() == "km25\nn=8"


def test_unknown_names_say_what_is_near(make):
    adata = make.cohort(5)
    with pytest.raises(UsageError, match="Did you mean 'OID0000"):
        pl.trajectory(adata, "OID0000")
    with pytest.raises(UsageError, match="exo.tl.score"):
        pl.trajectory(adata, "acute", score="ssgsea")
    with pytest.raises(UsageError, match="no signature 'acute'"):
        pl.trajectory(adata, "acute", score="baseline_z")


def test_two_samples_of_one_visit_are_refused(five):
    five.obs["subject_id"] = "P00"
    with pytest.raises(InputError, match="More than one sample for 'P00 at"):
        pl.trajectory(five, "OID00001")


def test_titles_and_coverage_of_a_score(make):
    adata = make.cohort(5, 10, 3, ("control", "run"))
    name = "acute_myokine_response"
    adata.obsm["coverage_baseline_z"] = adata.obsm["score_baseline_z"] * 0 + 0.8
    adata.obsm["coverage_baseline_z"].iloc[0] = 0.65
    adata.obsm["coverage_baseline_z"].iloc[1] = 0.2
    adata.obsm["score_baseline_z"].iloc[1] = np.nan  # too thin: no score, no coverage to tell
    ax = pl.trajectory(adata, name, score="baseline_z", names={name: "Acute response"})
    assert ax.get_title(loc="left") == "Acute response"
    subtitle = next(t.get_text() for t in ax.texts if t.get_gid() == "subtitle")
    assert subtitle.replace("\n", " ").endswith("coverage 65% to 80%")
    assert pl.trajectory(adata, "OID00000", names={"OID00000": "X"}).get_ylabel() == "X, NPX"


def test_long_arms_do_not_meet_below_the_ticks(make):
    arms = ("High-intensity interval training, supervised", "Moderate continuous training")
    ax = pl.trajectory(make.cohort(5, 10, 5, arms), "OID00001")
    ax.figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in ax.get_xticklabels()]
    assert all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:], strict=False))
