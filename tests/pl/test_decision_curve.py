"""Decision curves: the curves, the two references, one band at most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def line(ax, gid: str):
    return next(found for found in ax.lines if found.get_gid() == gid)


@pytest.mark.quick
def test_curves_stand_between_all_and_none(make):
    result = make.prediction(2)
    ax, data = pl.decision_curve(result, return_data=True)
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["as if all responded", "as if none did", "clinical", "omics"]
    frame = result.decision
    for gid in ("all", "none"):
        want = frame.loc[frame["block"] == gid, "net_benefit"]
        np.testing.assert_allclose(line(ax, gid).get_ydata(), want)
    assert set(data["block"]) == {"clinical", "omics"}
    np.testing.assert_allclose(
        line(ax, "curve").get_ydata(), data.loc[data["block"] == "clinical", "net_benefit"]
    )
    assert not ax.collections and "band=" in text_of(ax, "caption")


def test_one_band_at_most(make):
    result = make.prediction(3, models=("elastic_net", "forest"))
    ax = pl.decision_curve(result, block="omics", model="forest")
    assert len(ax.collections) == 1 and "interval of omics" in text_of(ax, "subtitle")
    assert text_of(ax, "caption").endswith("Model: forest.")
    ax = pl.decision_curve(result, model="forest", band="proteomics")
    (band,) = ax.collections
    np.testing.assert_allclose(band.get_facecolor()[0][:3], ax.lines[-1].get_color())
    for wrong, count in (("omics", 2), ("genes", 0), ("all", 0)):
        with pytest.raises(UsageError, match=f"is {count} of the curves"):
            pl.decision_curve(result, band=wrong)


def test_what_costs_much_is_cut_off_and_what_is_worth_much_is_not(make):
    result = make.prediction(1)
    frame = result.decision
    low, high = pl.decision_curve(result).get_ylim()
    assert frame["net_benefit"].min() < -5 and -0.3 < low < 0
    assert high > frame.loc[frame["block"] == "clinical", "ci_high"].max()


def test_frames_in_any_order_or_without_references(make):
    frame = make.prediction(1).decision
    ax = pl.decision_curve(frame.iloc[::-1])
    assert (np.diff(line(ax, "curve").get_xdata()) > 0).all()
    assert (np.diff(line(ax, "all").get_xdata()) > 0).all()
    ax = pl.decision_curve(frame[frame["block"] == "clinical"])
    assert "no reference 'all', 'none'" in text_of(ax, "caption")


def test_what_is_missing(make):
    frame = make.prediction(1).decision
    frame.loc[2, ["net_benefit", "ci_low", "ci_high"]] = np.nan
    assert np.isnan(line(pl.decision_curve(frame), "curve").get_ydata()[2])
    for wrong, message in (
        (frame[frame["block"].isin(["all", "none"])], "no block has a net benefit"),
        (frame.assign(net_benefit=np.nan), "no block has a net benefit"),
        (frame.head(0), "'decision' has no rows"),
        (frame.drop(columns="threshold"), "needs the columns 'threshold'"),
        (pd.Series([1.0]), "Series, which has no frame 'decision'"),
    ):
        with pytest.raises(UsageError, match=message):
            pl.decision_curve(wrong)
    for options in ({"block": "all"}, {"block": "genes"}, {"model": "svm"}):
        with pytest.raises(UsageError, match="There is no"):
            pl.decision_curve(frame, **options)
