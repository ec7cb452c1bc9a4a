"""Change against baseline: the line of noise, the arms, who is left out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def note(ax) -> str:
    return next(t.get_text() for t in ax.texts if t.get_gid() == "caption").replace("\n", " ")


def drawn(ax, gid):
    return next(c for c in [*ax.collections, *ax.lines] if c.get_gid() == gid)


@pytest.mark.quick
def test_the_line_has_the_slope_of_noise_through_the_means(make):
    result = make.trial(40)
    ax, data = pl.baseline_change(result, unit="mL/kg/min", return_data=True)
    people = result.frame
    slope = -((result.typical_error / people["pre"].std(ddof=1)) ** 2)
    x, y = drawn(ax, "rtm_treated").get_data()
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(slope)
    at_mean = y[0] + slope * (people["pre"].mean() - x[0])
    assert at_mean == pytest.approx(people["change"].mean())
    assert (x[0], x[1]) == (people["pre"].min(), people["pre"].max())
    assert result.rtm_slope == pytest.approx(slope)
    np.testing.assert_allclose(drawn(ax, "treated").get_offsets(), people[["pre", "change"]])
    assert data["role"].tolist() == ["treated"] * 40 + ["control"] * 40
    assert ax.get_xlabel() == "baseline, mL/kg/min"
    line = result.baseline_lines.iloc[0]
    words = f"slope {line['slope']:.2g} (95%: {line['ci_low']:.2g} to {line['ci_high']:.2g})"
    assert words in note(ax) and f"by noise alone {slope:.2g}" in note(ax)


def test_who_did_not_train_bends_no_line(make):
    result = make.trial(20, idle=5)
    ax = pl.baseline_change(result)
    hollow = drawn(ax, "treated_not_trained")
    assert len(hollow.get_offsets()) == 5 and (hollow.get_facecolors()[:, 3:] == 0).all()
    rest = result.frame[result.frame["category"].astype(str) != "not_trained"]
    assert result.baseline_lines["mean_change"].iloc[0] == pytest.approx(rest["change"].mean())
    assert "Hollow" in note(ax) and "EE, n=15" in ax.get_legend().get_texts()[0].get_text()


def test_one_arm_and_a_baseline_that_varies_less_than_the_noise(make):
    alone = make.trial(20, control=False)
    ax = pl.baseline_change(alone)
    assert not [c for c in ax.collections if c.get_gid() == "control"]
    flat = dataclasses.replace(alone, frame=alone.frame.assign(pre=45.0))
    ax = pl.baseline_change(flat)
    assert not [line for line in ax.lines if line.get_gid() == "rtm_treated"]
    assert "too few people for a slope" in note(ax) and np.isnan(flat.rtm_slope)


def test_nobody_measured_is_said(make):
    result = make.trial(5, control=False)
    empty = result.frame.assign(category="missing", change=np.nan, post=np.nan)
    result = dataclasses.replace(result, frame=empty)
    ax = pl.baseline_change(result)
    assert "nobody measured" in note(ax) and "Not drawn: 5 people" in note(ax)
    assert pl.responders(result) is not None and pl.arm_variances(result) is not None


def test_another_frame_is_refused(make):
    result = make.trial(5)
    with pytest.raises(UsageError, match="baseline_change needs the columns 'pre'"):
        pl.baseline_change(dataclasses.replace(result, frame=result.frame.drop(columns="pre")))


def test_a_frame_is_no_result(make):
    with pytest.raises(UsageError, match="given a DataFrame, which has no 'frame'"):
        pl.baseline_change(make.trial(5).frame)
