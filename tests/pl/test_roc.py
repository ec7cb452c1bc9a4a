"""ROC: curves, and what must stand beside an AUC."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def words(ax) -> tuple[str, str]:
    captions = [t.get_text() for t in ax.texts if t.get_gid() == "caption"]
    legend = " | ".join(t.get_text().replace("\n", " ") for t in ax.get_legend().get_texts())
    return legend, captions[0] if captions else ""


@pytest.mark.quick
def test_curves_bands_and_what_stands_beside(make):
    result = make.prediction()
    ax = pl.roc(result)
    assert len(ax.lines) == 3 and len(ax.collections) == 2
    legend, caption = words(ax)
    assert "clinical: AUC 0.55 (0.41 to 0.68)" in legend
    assert "clinical + omics: AUC 0.63 (0.49 to 0.76)" in legend
    assert "chance" in legend
    assert "Permutation p of the AUC: 0.21." in caption
    assert "an AUC of 0.68 at best" in caption.replace("\n", " ")
    subtitle = next(t.get_text() for t in ax.texts if t.get_gid() == "subtitle")
    assert "40 people, 20 of them positive" in subtitle


def test_one_block(make):
    ax, data = pl.roc(make.prediction(), block="clinical", return_data=True)
    assert set(data["block"]) == {"clinical"} and len(ax.lines) == 2
    np.testing.assert_allclose(ax.lines[1].get_ydata(), data["tpr"])
    with pytest.raises(UsageError, match="no block 'genes'"):
        pl.roc(make.prediction(), block="genes")


def test_models_are_named_where_there_are_several(make):
    legend, _ = words(pl.roc(make.prediction(models=("elastic_net", "forest"))))
    assert "clinical, forest: AUC" in legend


def test_a_block_has_one_colour_and_a_model_one_dash(make):
    result = make.prediction(models=("elastic_net", "forest"))
    ax = pl.roc(result)
    lines = [line for line in ax.lines if line.get_gid() == "curve"]
    assert len(lines) == 4
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[0].get_linestyle() == lines[2].get_linestyle() != lines[1].get_linestyle()
    assert not ax.collections and "up to 3 curves" in words(ax)[1].replace("\n", " ")
    ax = pl.roc(result, block="clinical + omics", model="forest")
    (only,) = (line for line in ax.lines if line.get_gid() == "curve")
    assert only.get_color() == lines[3].get_color()
    # one of several models: it is named below
    assert words(ax)[1].endswith("Model: forest.")
    with pytest.raises(UsageError, match="no model 'tree'"):
        pl.roc(result, model="tree")


def test_twelve_blocks_look_different(make):
    lines = [line for line in pl.roc(make.prediction(12)).lines if line.get_gid() == "curve"]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12


def test_the_frame_alone(make):
    legend, caption = words(pl.roc(make.prediction().roc))
    assert "AUC not known" in legend and not caption


def test_nothing_to_draw(make):
    result = make.prediction()
    with pytest.raises(UsageError, match="nothing to draw: the frame 'roc' has no rows"):
        pl.roc(result.roc.head(0))
    with pytest.raises(UsageError, match="dict, which has no frame 'roc'"):
        pl.roc({})
    result.roc = None
    with pytest.raises(UsageError, match="roc was not asked for"):
        pl.roc(result)


def test_what_is_not_known_is_said(make):
    result = make.prediction()
    result.permutation_p, result.ceiling = None, np.nan
    result.metrics = result.metrics.assign(ci_low=np.nan, ci_high=np.nan)
    legend, caption = words(pl.roc(result))
    assert "AUC 0.55 (no interval)" in legend
    assert "No permutation test was made." in caption
    assert "The attainable AUC is not known." in caption
