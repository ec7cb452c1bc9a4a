"""What the figures of prediction have in common: models, names that are not there, no rows."""

from __future__ import annotations

import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


@pytest.mark.parametrize("draw", [pl.calibration, pl.decision_curve, pl.roc, pl.learning_curve])
def test_more_than_twelve_curves_are_those_of_the_first_model(make, draw):
    result = make.prediction(7, models=("elastic_net", "forest"))
    ax, data = draw(result, return_data=True)
    assert set(data["model"]) == {"elastic_net"}
    assert "Model: elastic_net. Not drawn: 'forest' (model=)." in text_of(ax, "caption")
    _, data = draw(result, block=["omics", "mirna"], return_data=True)
    assert set(data["model"]) == {"elastic_net", "forest"}
    _, data = draw(result, model="forest", return_data=True)
    assert set(data["model"]) == {"forest"}
    assert len(draw(make.prediction(12)).get_legend().get_texts()) >= 12


@pytest.mark.parametrize("draw", [pl.calibration, pl.decision_curve, pl.roc])
def test_a_block_with_a_model_of_its_own_is_drawn_and_named(make, draw):
    for n in (3, 7):
        result = make.prediction(n, models=("elastic_net", "forest") if n > 3 else ("elastic_net",))
        for frame in (result.roc, result.calibration, result.decision):
            frame.drop(frame[(frame["block"] == "omics") & (frame["model"] == "forest")].index,
                       inplace=True)  # fmt: skip
            frame.loc[frame["block"] == "omics", "model"] = "univariate"
        ax, data = draw(result, return_data=True)
        assert set(zip(data["block"], data["model"], strict=True)) >= {("omics", "univariate")}
        assert set(data["model"]) == {"elastic_net", "univariate"}
        assert "Model: elastic_net; univariate of omics." in text_of(ax, "caption")
        assert ("'forest' (model=)" in text_of(ax, "caption")) == (n == 7)
        assert not any("univariate" in t.get_text() for t in ax.get_legend().get_texts())


@pytest.mark.parametrize(
    ("draw", "options", "message"),
    [
        (pl.calibration, {"block": "genes"}, "no block 'genes'"),
        (pl.decision_curve, {"block": "all"}, "no block 'all'"),
        (pl.importance, {"block": "genes"}, "no block 'genes'"),
        (pl.importance, {"model": "svm"}, "no model 'svm'"),
        (pl.importance, {"n_top": 0}, "n_top=0"),
        (pl.conformal, {"block": "genes"}, "no block 'genes'"),
    ],
)
def test_what_is_not_there(make, draw, options, message):
    with pytest.raises(UsageError, match=message):
        draw(make.prediction(), **options)


@pytest.mark.parametrize(
    "draw",
    [
        pl.roc,
        pl.calibration,
        pl.conformal,
        pl.decision_curve,
        pl.importance,
        pl.learning_curve,
        pl.performance,
    ],
)
def test_other_results_and_changes(make, draw):
    with pytest.raises(UsageError, match="needs the columns"):
        draw(pd.DataFrame({"a": [1]}))
    result = make.prediction()
    for name in ("calibration", "decision", "importance", "roc", "learning_curve", "metrics",
                 "conformal_summary"):  # fmt: skip
        setattr(result, name, getattr(result, name).head(0))
    with pytest.raises(UsageError, match="has nothing to draw"):
        draw(result)


@pytest.mark.parametrize("draw", [pl.roc, pl.performance, pl.learning_curve])
def test_sites_left_out_are_said(make, draw):
    result = make.prediction()
    assert "within" not in text_of(draw(result), "subtitle")
    result.settings = {"leave_out": "centre"}
    assert "compared within centre" in text_of(draw(result), "subtitle")
    result.settings = {"leave_out": None}
    assert "within" not in text_of(draw(result), "subtitle")
