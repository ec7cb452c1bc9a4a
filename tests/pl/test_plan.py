"""Power against size: what is drawn, and which size reaches the target."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl, tl
from exerkine_omics.errors import UsageError


def note(ax) -> str:
    return next(t.get_text() for t in ax.texts if t.get_gid() == "caption").replace("\n", " ")


@pytest.mark.quick
def test_curves_are_the_columns_and_the_first_size_is_named(make):
    frame = make.plan(50)
    ax, data = pl.plan(frame, target=0.9, return_data=True)
    lines = {line.get_gid(): line for line in ax.lines if line.get_gid()}
    assert set(lines) == {"p_differs", "p_differs_if_constant", "p_negligible_if_constant"}
    for name, line in lines.items():
        np.testing.assert_allclose(line.get_xdata(), frame["n_per_arm"])
        np.testing.assert_allclose(line.get_ydata(), frame[name])
    first = frame.loc[frame["p_differs"] >= 0.9, "n_per_arm"].iloc[0]
    assert f"and they do: 90% from {first:,} an arm on." in note(ax)
    assert "'negligible', and all respond alike: 90% with none of these sizes" in note(ax)
    assert len(data) == 3 * len(frame) and ax.get_xscale() == "log"


def test_a_column_not_asked_for_and_frames_of_the_other_plans(make):
    frame = make.plan().assign(p_negligible_if_constant=np.nan)
    ax = pl.plan(frame[::-1])
    assert "p_negligible_if_constant" not in [line.get_gid() for line in ax.lines]
    change = tl.plan_change(1.0, 3.0, n_per_arm=[10])
    assert pl.plan(change, return_data=True)[1]["quantity"].tolist() == ["power"]


def test_what_is_no_plan_is_refused(make):
    with pytest.raises(UsageError, match="no column of power"):
        pl.plan(make.plan()[["n_per_arm"]])
    with pytest.raises(UsageError, match="plan needs the columns 'n_per_arm'"):
        pl.plan(make.profile().summary)
    for target in (0, 1.0, True, float("nan")):
        with pytest.raises(UsageError, match="is no share"):
            pl.plan(make.plan(), target=target)


@pytest.mark.parametrize(
    "draw", [pl.responders, pl.baseline_change, pl.arm_variances, pl.responder_profile, pl.plan]
)
@pytest.mark.parametrize("wrong", [None, 3.0, {"frame": 1}])
def test_something_else_is_refused_by_name(draw, wrong):
    with pytest.raises(UsageError, match=f"{draw.__name__} was given a {type(wrong).__name__}"):
        draw(wrong)
