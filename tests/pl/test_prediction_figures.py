"""Calibration, decision curve, importance: what is drawn, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def legend(ax) -> str:
    return " | ".join(t.get_text().replace("\n", " ") for t in ax.get_legend().get_texts())


def test_decision_curve_stands_between_all_and_none(make):
    result = make.prediction()
    ax = pl.decision_curve(result)
    assert "as if all responded | as if none did | clinical" in legend(ax)
    assert not ax.collections
    one, data = pl.decision_curve(result, block="clinical", return_data=True)
    assert len(one.collections) == 1 and len(one.lines) == 3
    assert set(data["block"]) == {"clinical"}
    assert one.get_ylim()[1] > result.decision["net_benefit"].max()


def test_importance_puts_platforms_first_and_cuts_the_rest(make):
    ax, data = pl.importance(
        make.prediction(), block="clinical", n_top=4, names={"F0": "IL6"}, return_data=True
    )
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == ["clinical + omics", "IL6", "F1", "F2", "F3"]
    assert data["level"].tolist() == ["block", *["feature"] * 4]
    points = {line.get_gid(): line.get_xdata() for line in ax.lines if line.get_gid()}
    assert points["feature"].tolist() == data["estimate"].tolist()[1:]
    assert "loss of AUC" in ax.get_xlabel()


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


@pytest.mark.parametrize(
    ("draw", "options", "message"),
    [
        (pl.calibration, {"block": "genes"}, "no block 'genes'"),
        (pl.decision_curve, {"block": "all"}, "no block 'all'"),
        (pl.importance, {"block": "genes"}, "no block 'genes'"),
        (pl.importance, {"model": "svm"}, "no model 'svm'"),
        (pl.importance, {"n_top": 0}, "n_top=0"),
    ],
)
def test_what_is_not_there(make, draw, options, message):
    with pytest.raises(UsageError, match=message):
        draw(make.prediction(), **options)


@pytest.mark.parametrize("draw", [pl.calibration, pl.decision_curve, pl.importance])
def test_other_results_and_changes(make, draw):
    with pytest.raises(UsageError, match="which has no"):
        draw(pd.DataFrame({"a": [1]}))
    result = make.prediction()
    for name in ("calibration", "decision", "importance"):
        setattr(result, name, getattr(result, name).head(0))
    with pytest.raises(UsageError, match="no calibration|no decision|no column"):
        draw(result)
