"""Waterfall: order, band, threshold, counts, verdict."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl


def note(ax) -> str:
    return next(t.get_text() for t in ax.texts if t.get_gid() == "caption").replace("\n", " ")


@pytest.mark.quick
def test_order_counts_band_and_threshold(make):
    result = make.responders(20)
    ax, data = pl.responders(result, unit="ml/kg/min", return_data=True)
    assert (np.diff(data["change"]) >= 0).all() and len(data) == 19
    bars = [bar for group in ax.containers for bar in group]
    heights = [b.get_height() for b in sorted(bars, key=lambda b: b.get_x())]
    np.testing.assert_allclose(heights, data["change"])
    legend = " | ".join(t.get_text().replace("\n", " ") for t in ax.get_legend().get_texts())
    for category, n in data["category"].value_counts().items():
        assert f"{category} ({n})" in legend
    assert "± 2.9 (95%), from typical error 1.05" in legend
    assert "threshold 1.5" in legend
    band = next(p for p in ax.patches if "noise" in str(p.get_label()))
    zone = next(p for p in ax.patches if "zone" in str(p.get_label()))
    assert zone.get_y() == -1.5 and zone.get_height() == 3.0
    assert band.get_y() == -2.9 and band.get_height() == 5.8
    assert [line.get_ydata()[0] for line in ax.lines] == [1.5, 0]
    assert ax.get_ylabel() == "change, ml/kg/min"
    assert len(ax.get_xticklabels()) == 19


def test_whiskers_are_the_intervals(make):
    ax, data = pl.responders(make.responders(12), return_data=True)
    (whiskers,) = [c for c in ax.collections if c.get_gid() == "whiskers"]
    drawn = np.array([s[:, 1] for s in whiskers.get_segments()])
    np.testing.assert_allclose(drawn, data[["ci_low", "ci_high"]])


def test_verdict_and_lost_people_are_said(make):
    text = note(pl.responders(make.responders(20)))
    assert text.startswith("Whether true responses differ cannot be known. The interval of SDir")
    assert "Not drawn: 1 person without a change." in text


def test_arms_stand_apart(make):
    ax, data = pl.responders(make.responders(90, arms=("control", "8w")), return_data=True)
    for _, part in data.groupby("arm", sort=False):
        assert (np.diff(part["change"]) >= 0).all()
    assert [t.get_text() for t in ax.texts if t.get_gid() == "arm"] == ["control, n=45", "8w, n=44"]
    assert not ax.get_xticklabels()  # no room for 89 names


def test_unknown_noise_draws_no_band(make):
    result = make.responders(10)
    result.half_width = result.threshold = result.cut = np.nan
    ax = pl.responders(result)
    assert not [p for p in ax.patches if str(p.get_label()).startswith(("noise", "zone"))]
    assert len(ax.lines) == 1


def test_people_who_did_not_train_stand_apart_and_hollow(make):
    result = make.trial(20, idle=4)
    ax, data = pl.responders(result, return_data=True)
    assert data["category"].astype(str).tolist()[-4:] == ["not_trained"] * 4
    trained = data["change"].iloc[:-4]
    assert (np.diff(trained) >= 0).all() and len(trained) == 16
    hollow = next(c for c in ax.containers if "not trained (4)" in str(c.get_label()))
    assert all(bar.get_facecolor()[3] == 0 and bar.get_hatch() for bar in hollow)
    # an empty place before them
    first = min(bar.get_x() for bar in hollow)
    others = [b.get_x() for c in ax.containers if c is not hollow for b in c]
    assert first - max(others) == pytest.approx(2.0)
    assert [t.get_text() for t in ax.texts if t.get_gid() == "arm"] == ["did not train, n=4"]
    assert "Hollow: trained less than the dose" in note(ax)
    assert "Hollow" not in note(pl.responders(make.trial(20)))


def test_less_is_better(make):
    result = make.trial(12, direction="down")
    ax = pl.responders(result)
    assert [line.get_ydata()[0] for line in ax.lines] == [-1.5, 0]
    zero = pl.responders(make.trial(12, threshold=0))
    assert not [p for p in zero.patches if "zone" in str(p.get_label())]
