"""Responders by outcome and arm: shares, the control arm's mark, rows without a result."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def note(ax) -> str:
    found = [t.get_text() for t in ax.texts if t.get_gid() == "caption"]
    return found[0].replace("\n", " ") if found else ""


@pytest.mark.quick
def test_bars_are_shares_and_the_mark_is_the_control_arm(make):
    profile = make.profile(3)
    ax, data = pl.responder_profile(profile, return_data=True)
    bars = {c.get_label(): [b.get_width() for b in c] for c in ax.containers}
    assert list(bars) == ["responder", "uncertain", "non", "adverse"]
    first = profile.summary.iloc[0]
    for name, widths in bars.items():
        assert widths[0] == pytest.approx(first[f"n_{name}"] / 30)
    total = np.sum(list(bars.values()), axis=0)
    np.testing.assert_allclose(total, [1, 1, 1, 1, 1, 0])
    (marks,) = [c for c in ax.collections if c.get_gid() == "control"]
    at = [s[0, 0] for s in marks.get_segments()]
    np.testing.assert_allclose(at, profile.summary["control_responder"].iloc[:5])
    texts = [t.get_text() for t in ax.texts if t.get_gid() == "n"]
    assert texts == ["n=30, cannot be known"] * 5 + ["no result"]
    assert "outcome 2, high: Nobody of high" in note(ax)
    assert data["share_responder"].isna().tolist() == [False] * 5 + [True]


def test_the_summary_alone_and_no_control_arm(make):
    summary = make.profile(2).summary.assign(control_responder=np.nan, arm="")
    ax = pl.responder_profile(summary)
    assert not [c for c in ax.collections if c.get_gid() == "control"]
    assert "what the rule finds in noise is unknown" in note(ax)
    assert [t.get_text() for t in ax.get_yticklabels()][0] == "outcome 0"


def test_another_frame_is_refused(make):
    with pytest.raises(UsageError, match="responder_profile needs the columns"):
        pl.responder_profile(make.plan())
