"""Learning curve: points, bands, what they are compared to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def drawn(ax) -> list:
    return [line for line in ax.lines if line.get_gid() == "curve"]


@pytest.mark.quick
def test_points_bands_and_ticks_at_the_sizes(make):
    result = make.prediction(2)
    ax, data = pl.learning_curve(result, return_data=True)
    assert [line.get_label() for line in drawn(ax)] == ["clinical", "omics"]
    np.testing.assert_array_equal(drawn(ax)[0].get_xdata(), [24, 36, 48, 60])
    np.testing.assert_allclose(drawn(ax)[1].get_ydata(), data["estimate"][4:])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["24", "36", "48", "60"]
    assert len(ax.collections) == 2
    tops = [c.get_paths()[0].vertices[:, 1].max() for c in ax.collections]
    np.testing.assert_allclose(tops, data.groupby("block", sort=False)["ci_high"].max())
    assert "AUC" in ax.get_ylabel() and ax.get_xlabel() == "people in training"


def test_sizes_are_drawn_in_order(make):
    frame = make.prediction(1).learning_curve.iloc[::-1]
    assert list(drawn(pl.learning_curve(frame))[0].get_xdata()) == [24, 36, 48, 60]


def test_chance_and_ceiling(make):
    result = make.prediction(1)
    lines = {line.get_gid(): line.get_ydata()[0] for line in pl.learning_curve(result).lines}
    assert lines["reference"] == 0.5 and lines["ceiling"] == 0.68
    result.ceiling = np.nan
    result.learning_curve["metric"] = "r2"
    ax = pl.learning_curve(result)
    assert "ceiling" not in {line.get_gid() for line in ax.lines}
    assert ax.lines[0].get_ydata()[0] == 0 and ax.get_ylabel().startswith("R²")


def test_many_curves_have_no_bands_and_models_their_dashes(make):
    result = make.prediction(3, models=("elastic_net", "forest"))
    ax = pl.learning_curve(result)
    assert not ax.collections and "up to 3 curves" in text_of(ax, "caption")
    first, second = drawn(ax)[:2]
    assert first.get_color() == second.get_color()
    assert first.get_linestyle() != second.get_linestyle()
    assert [line.get_label() for line in drawn(ax)][1] == "clinical, forest"
    few = pl.learning_curve(result, block="omics", model="forest")
    assert len(drawn(few)) == len(few.collections) == 1
    assert drawn(few)[0].get_color() == drawn(ax)[2].get_color()


def test_a_missing_point_interrupts_and_one_size_is_said(make):
    frame = make.prediction(1).learning_curve
    frame.loc[1, ["estimate", "ci_low", "ci_high"]] = np.nan
    assert np.isnan(drawn(pl.learning_curve(frame))[0].get_ydata()[1])
    ax = pl.learning_curve(frame.head(1))
    assert "One size only, 24 people" in text_of(ax, "caption")
    frame["estimate"] = np.nan
    with pytest.raises(UsageError, match="no auc of these blocks is known"):
        pl.learning_curve(frame)


def test_not_asked_for_and_not_there(make):
    result = make.prediction()
    for options, message in (
        ({"block": "genes"}, "no block 'genes'"),
        ({"model": "svm"}, "no model 'svm'"),
        ({"metric": "r2"}, "no metric 'r2'"),
    ):
        with pytest.raises(UsageError, match=message):
            pl.learning_curve(result, **options)
    with pytest.raises(UsageError, match="needs the columns 'block'"):
        pl.learning_curve(pd.DataFrame({"n_train": [1]}))
    result.learning_curve = None
    with pytest.raises(UsageError, match="was not asked for") as error:
        pl.learning_curve(result)
    assert "learning_curve=True" in str(error.value)
