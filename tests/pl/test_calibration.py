"""Calibration: curves, bands, the line of what was predicted, the people below."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def legend_of(ax) -> list[str]:
    return [t.get_text().replace("\n", " ") for t in ax.get_legend().get_texts()]


def drawn(ax) -> list:
    return [line for line in ax.lines if line.get_gid() == "curve"]


@pytest.mark.quick
def test_one_curve_with_its_band_and_its_numbers(make):
    result = make.prediction(1)
    ax, data = pl.calibration(result, return_data=True)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), ax.lines[0].get_ydata())
    np.testing.assert_allclose(drawn(ax)[0].get_ydata(), data["observed"])
    (band,) = (c for c in ax.collections if c.get_gid() == "band")
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(data["ci_high"].max())
    assert legend_of(ax) == [
        "predictions hold",
        "clinical slope 0.80 (0.30 to 1.40) intercept −0.10 (−0.50 to 0.30)",
    ]
    assert "40 people; band: interval" in text_of(ax, "subtitle")


def test_people_of_one_curve_stand_in_two_histograms_on_one_scale(make):
    result = make.prediction(1)
    result.predictions.loc[result.predictions["subject_id"] == "P00", "probability"] = np.nan
    ax = pl.calibration(result)
    up, down = (
        np.array([b.get_height() for b in ax.patches if b.get_gid() == gid])
        for gid in ("responders", "others")
    )
    unit = np.abs(np.r_[up, down])[np.r_[up, down] != 0].min()
    # a person counts once, not once a repeat; who has no prediction does not count
    assert (round(up.sum() / unit), round(-down.sum() / unit)) == (20, 19)
    assert (up >= 0).all() and (down <= 0).all()
    assert max(b.get_y() + max(b.get_height(), 0) for b in ax.patches) < 0
    assert min(b.get_y() + min(b.get_height(), 0) for b in ax.patches) > ax.get_ylim()[0]


def test_people_of_several_curves_are_ticks_in_their_colours(make):
    ax = pl.calibration(make.prediction(3))
    rugs = [c for c in ax.collections if c.get_gid() == "rug"]
    assert [len(r.get_paths()) for r in rugs] == [40, 40, 40]
    assert all(r.get_segments()[0][:, 1].max() < 0 for r in rugs)
    for rug, line in zip(rugs, drawn(ax), strict=True):
        np.testing.assert_allclose(rug.get_color()[0][:3], line.get_color())
    lows = [r.get_segments()[0][:, 1].min() for r in rugs]
    assert lows == sorted(lows, reverse=True) and ax.get_ylim()[0] < lows[-1]


def test_many_curves_have_neither_bands_nor_people_and_look_different(make):
    ax = pl.calibration(make.prediction(12))
    assert len(drawn(ax)) == 12 and not ax.collections and not ax.patches
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn(ax)}) == 12
    assert "up to 3 curves" in text_of(ax, "caption") and ax.get_ylim()[0] > -0.02
    (one,) = drawn(pl.calibration(make.prediction(12), block="mirna"))
    assert one.get_color() == drawn(ax)[4].get_color()


def test_the_frame_alone_has_no_numbers_and_no_people(make):
    ax = pl.calibration(make.prediction(1).calibration)
    assert legend_of(ax) == ["predictions hold", "clinical"] and not ax.patches
    result = make.prediction(1)
    result.metrics = result.metrics[result.metrics["metric"] == "auc"]
    assert legend_of(pl.calibration(result))[1] == "clinical slope not known"


def test_what_is_missing(make):
    frame = make.prediction(1).calibration
    frame.loc[3, ["observed", "ci_low", "ci_high"]] = np.nan
    assert np.isnan(drawn(pl.calibration(frame))[0].get_ydata()[3])
    with pytest.raises(UsageError, match="needs the columns 'observed'"):
        pl.calibration(frame.drop(columns="observed"))
    with pytest.raises(UsageError, match="'calibration' has no rows"):
        pl.calibration(frame.head(0))
    for options in ({"block": "genes"}, {"model": "svm"}, {"block": ("clinical", "genes")}):
        with pytest.raises(UsageError, match="There is no"):
            pl.calibration(frame, **options)
    with pytest.raises(UsageError, match="was run with the model"):
        pl.calibration(
            pd.concat([frame, frame.assign(block="omics", model="forest")]),
            block="clinical",
            model="forest",
        )
