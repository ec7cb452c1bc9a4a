"""Importance: blocks above columns, intervals, what stands at the right."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def points(ax, gid: str):
    return next(c for c in ax.collections if c.get_gid() == gid)


@pytest.mark.quick
def test_blocks_first_then_the_top_columns(make):
    ax, data = pl.importance(
        make.prediction(), block="clinical", n_top=4, names={"F0": "IL6"}, return_data=True
    )
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == ["clinical + omics", "IL6", "F1", "F2", "F3"]
    assert data["level"].tolist() == ["block", *["feature"] * 4]
    np.testing.assert_allclose(points(ax, "feature").get_offsets()[:, 0], data["estimate"][1:])
    assert "loss of AUC" in ax.get_xlabel()
    assert "26 more columns" in text_of(ax, "caption")
    # top to bottom, whole blocks apart
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert points(ax, "feature").get_offsets()[0, 1] == pytest.approx(1.4)


def test_intervals_above_0_are_filled(make):
    ax, data = pl.importance(make.prediction(), n_top=4, return_data=True)
    filled = [not np.allclose(f[:3], 1) for f in points(ax, "feature").get_facecolor()]
    assert filled == [True, False, False, False]
    assert filled == (data["ci_low"] > 0).tolist()[1:]
    bars = [c for c in ax.collections if c.get_gid() is None][1].get_segments()
    np.testing.assert_allclose([b[:, 0] for b in bars], data[["ci_low", "ci_high"]].iloc[1:])


def test_sign_and_share_of_folds_at_the_right(make):
    result = make.prediction(n=4)
    ax = pl.importance(result)
    assert [t.get_text() for t in ax.texts if t.get_gid() == "n"] == ["+ 100%", "− 50%", "+ 33%"]
    assert "share of folds" in text_of(ax, "caption")
    del result.coefficients
    ax = pl.importance(result)
    assert not text_of(ax, "n") and "share of folds" not in text_of(ax, "caption")


def test_block_and_model_by_default_and_by_name(make):
    result = make.prediction(12, models=("elastic_net", "forest"))
    ax = pl.importance(result)
    assert ax.get_title(loc="left") == "What clinical+omics leans on"
    assert text_of(ax, "subtitle").startswith("elastic_net")
    ax, data = pl.importance(result, block="mirna", model="forest", return_data=True)
    assert ax.get_title(loc="left") == "What mirna leans on"
    assert set(data["model"]) == {"forest"}
    first = make.prediction(1).importance
    assert pl.importance(first).get_title(loc="left") == "What clinical leans on"


def test_rows_in_any_order_and_without_blocks(make):
    frame = make.prediction(1, n=8).importance
    frame = frame[frame["level"] == "feature"].sample(frac=1, random_state=1)
    ax = pl.importance(frame)
    assert [t.get_text() for t in ax.get_yticklabels()] == [f"F{k}" for k in range(8)]
    assert points(ax, "feature").get_offsets()[0, 1] == 0
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["one column"]


def test_what_is_missing(make):
    frame = make.prediction(1, n=8).importance
    frame.loc[3, ["estimate", "ci_low", "ci_high"]] = np.nan
    frame.loc[4, ["ci_low", "ci_high"]] = np.nan
    ax, data = pl.importance(frame, return_data=True)
    assert "F2" not in set(data["name"]) and "F3" in set(data["name"])
    assert "Not known: 1 row." in text_of(ax, "caption")
    frame["estimate"] = np.nan
    with pytest.raises(UsageError, match="leans on no column"):
        pl.importance(frame)
    with pytest.raises(UsageError, match="needs the columns 'level'"):
        pl.importance(make.prediction(1).importance.drop(columns="level"))
    for n_top in (0, -1, 2.5, True, "5"):
        with pytest.raises(UsageError, match="is no number of rows"):
            pl.importance(make.prediction(), n_top=n_top)
