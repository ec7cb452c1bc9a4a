"""Calibration, decision curve, importance: what is drawn, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def legend(ax) -> str:
    return " | ".join(t.get_text().replace("\n", " ") for t in ax.get_legend().get_texts())


@pytest.mark.quick
def test_calibration_has_a_curve_a_slope_and_the_people(make):
    ax, data = pl.calibration(make.prediction(), return_data=True)
    assert len(ax.lines) == 3  # the ideal line and two curves
    np.testing.assert_allclose(ax.lines[0].get_xdata(), ax.lines[0].get_ydata())
    assert "clinical: slope 0.80 (0.30 to 1.40)" in legend(ax)
    rugs = [c for c in ax.collections if c.get_gid() == "rug"]
    assert [len(r.get_paths()) for r in rugs] == [40, 40]  # one tick a person, not a repeat
    assert set(data["block"]) == {"clinical", "clinical + omics"}
    assert all(r.get_segments()[0][:, 1].max() < 0 for r in rugs)


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


def test_many_curves_are_those_of_the_first_model(make):
    result = make.prediction(blocks=tuple("abcd"), models=("elastic_net", "forest"))
    for draw in (pl.calibration, pl.decision_curve, pl.roc):
        _, data = draw(result, return_data=True)
        assert set(data["model"]) == {"elastic_net"}
        _, data = draw(result, block=["a", "b"], return_data=True)
        assert set(data["model"]) == {"elastic_net", "forest"}


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
