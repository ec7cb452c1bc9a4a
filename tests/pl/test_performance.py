"""Performance: every block and model, and what stands beside an AUC."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def text_of(ax, gid: str) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid)


def points(ax) -> np.ndarray:
    return np.vstack([c.get_offsets() for c in ax.collections if c.get_gid() == "estimate"])


@pytest.mark.quick
def test_a_row_a_block_with_its_interval_and_its_numbers(make):
    ax, data = pl.performance(make.prediction(3), return_data=True)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["clinical", "omics", "proteomics"]
    np.testing.assert_allclose(points(ax), [[0.55, 0], [0.63, 1], [0.71, 2]])
    (bars,) = (c for c in ax.collections if c.get_gid() is None)
    np.testing.assert_allclose(
        [s[:, 0] for s in bars.get_segments()], data[["ci_low", "ci_high"]].to_numpy()
    )
    texts = [t.get_text() for t in ax.texts if t.get_gid() == "n"]
    assert texts[0] == "0.55 (0.41 to 0.68), p = 0.21"
    assert ax.get_xlabel().startswith("AUC") and ax.get_legend() is None
    # top to bottom
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_chance_ceiling_and_control_arm_stand_beside(make):
    result = make.prediction()
    ax = pl.performance(result)
    lines = {line.get_gid(): line.get_xdata()[0] for line in ax.lines}
    assert lines == {"reference": 0.5, "ceiling": 0.68}
    assert "dashed: chance, 0.5; dotted: attainable at best, 0.68" in text_of(ax, "subtitle")
    assert "who did not train: AUC 0.52 (0.38 to 0.66)." in text_of(ax, "caption")
    result.ceiling, result.control = np.nan, None
    ax = pl.performance(result)
    assert [line.get_gid() for line in ax.lines] == ["reference"]
    assert text_of(ax, "caption") == "The attainable AUC is not known."


def test_models_have_colours_and_shapes_and_rows_keep_apart(make):
    result = make.prediction(2, models=("elastic_net", "forest"))
    ax = pl.performance(result)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["elastic_net", "forest"]
    assert len(np.unique(points(ax)[:, 1])) == 4
    first, second = (c for c in ax.collections if c.get_gid() == "estimate")
    assert not np.allclose(first.get_facecolor(), second.get_facecolor())
    assert len(first.get_paths()[0]) != len(second.get_paths()[0])
    one, data = pl.performance(result, block="omics", model="forest", return_data=True)
    assert len(data) == 1 and one.get_legend() is None
    # a model keeps its look when it is drawn alone
    (alone,) = (c for c in one.collections if c.get_gid() == "estimate")
    np.testing.assert_allclose(alone.get_facecolor(), second.get_facecolor())


def test_a_block_with_a_model_of_its_own_stands_at_its_tick(make):
    result = make.prediction(3)
    result.metrics.loc[result.metrics["block"] == "proteomics", "model"] = "univariate"
    np.testing.assert_allclose(points(pl.performance(result))[:, 1], [0, 1, 2])


def test_a_change_has_r2_against_the_mean(make):
    result = make.prediction()
    result.metrics = result.metrics.replace({"metric": {"auc": "r2"}})
    ax = pl.performance(result)
    assert ax.get_xlabel().startswith("R²") and ax.lines[0].get_xdata()[0] == 0
    assert "the mean predicts as well" in text_of(ax, "subtitle")


def test_other_metrics_have_neither_ceiling_nor_control(make):
    ax = pl.performance(make.prediction(), metric="calibration_slope")
    assert [line.get_xdata()[0] for line in ax.lines] == [1]
    assert not text_of(ax, "caption")
    assert [t.get_text() for t in ax.texts if t.get_gid() == "n"][0] == "0.80 (0.30 to 1.40)"


def test_what_is_not_known_is_named(make):
    result = make.prediction(3)
    result.metrics.loc[0, ["estimate", "ci_low", "ci_high"]] = np.nan
    result.metrics.loc[1, ["ci_low", "ci_high"]] = np.nan
    ax = pl.performance(result)
    assert "Not known: clinical, elastic_net." in text_of(ax, "caption")
    assert "0.63 (no interval), p = 0.21" in text_of(ax, "n")
    result.metrics["estimate"] = np.nan
    with pytest.raises(UsageError, match="no auc of these blocks is known"):
        pl.performance(result)


def test_the_frame_alone_and_what_is_no_frame(make):
    ax = pl.performance(make.prediction().metrics)
    assert len(points(ax)) == 2 and not text_of(ax, "caption")
    with pytest.raises(UsageError, match="list, which has no frame 'metrics'"):
        pl.performance([])
    with pytest.raises(UsageError, match="no rows"):
        pl.performance(make.prediction().metrics.head(0))
    with pytest.raises(UsageError, match="needs the columns 'metric'"):
        pl.performance(pd.DataFrame({"auc": [0.5]}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "accuracy"}, "no metric 'accuracy'"),
        ({"block": "genes"}, "no block 'genes'"),
        ({"block": []}, "no block"),
        ({"model": ["svm"]}, "no model 'svm'"),
    ],
)
def test_what_is_not_there(make, options, message):
    with pytest.raises(UsageError, match=message):
        pl.performance(make.prediction(), **options)
