"""Spread of the arms: SDs, SDir by each method, and the one of the verdict."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.kernels import _response as kernel


def note(ax) -> str:
    return next(t.get_text() for t in ax.texts if t.get_gid() == "caption").replace("\n", " ")


@pytest.mark.quick
def test_rows_are_the_numbers_of_the_result(make):
    result = make.trial(30, sd_ir_method="mover")
    ax, data = pl.arm_variances(result, unit="W", return_data=True)
    assert data["row"].tolist() == [
        "SD, EE", "SD, CON",
        "SDir, normal theory", "SDir, MOVER", "SDir, mixed model", "SDir, bootstrap",
    ]  # fmt: skip
    change = [f["change"].to_numpy() for f in (result.frame, result.control_frame)]
    for i, values in enumerate(change):
        sd = values.std(ddof=1)
        want = [sd, *kernel.sd_interval(sd, 29, 0.95)]
        np.testing.assert_allclose(
            data.loc[i, ["estimate", "ci_low", "ci_high"]].astype(float), want
        )
    table = result.sd_ir_table[["estimate", "ci_low", "ci_high"]].to_numpy()
    np.testing.assert_allclose(data.loc[2:, ["estimate", "ci_low", "ci_high"]], table)
    (bars,) = [c for c in ax.collections if c.get_gid() == "intervals"]
    segments = np.array([s[:, 0] for s in bars.get_segments()])
    np.testing.assert_allclose(segments, data[["ci_low", "ci_high"]])
    points = [c for c in ax.collections if c.get_gid() == "estimate"]
    filled = [bool((c.get_facecolors()[0][:3] != 1).any()) for c in points]
    assert filled == [True, True, False, True, False, False]  # SDs, and the verdict's method
    strips = [c for c in ax.collections if c.get_gid() == "changes"]
    for strip, values in zip(strips, change, strict=True):
        np.testing.assert_allclose(strip.get_offsets()[:, 0], values - values.mean(), atol=1e-9)
    assert ax.get_xlabel().endswith("SD, W")
    assert f"Verdict: {result.verdict}." in note(ax)


def test_without_a_control_arm_the_reason_stands_below(make):
    ax, data = pl.arm_variances(make.trial(12, control=False), return_data=True)
    assert data["row"].tolist() == ["SD, all people"]
    assert "Without a control arm" in note(ax) and "Filled" not in note(ax)
    assert not [p for p in ax.patches if p.get_gid() == "smallest"]


def test_who_did_not_train_is_in_no_spread(make):
    result = make.trial(20, idle=6)
    ax = pl.arm_variances(result)
    strips = [c for c in ax.collections if c.get_gid() == "changes"]
    assert [len(s.get_offsets()) for s in strips] == [14, 20]
    assert result.arm_sds["n"].tolist() == [14, 20]
    assert "Not drawn: 6 people" in note(ax)
