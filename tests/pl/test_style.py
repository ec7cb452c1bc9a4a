"""Manners of all figures: imports, return values, legends outside, nothing clipped."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes

from exerkine_omics import pl, tl

FIGURES = {
    "volcano": lambda make, n, **k: pl.volcano(make.result_frame(n), names=make.names(n), **k),
    "forest": lambda make, n, **k: pl.forest(make.result_frame(n), **k),
    "trajectory": lambda make, n, **k: pl.trajectory(make.cohort(n), "OID00001", **k),
    "score_change": lambda make, n, **k: pl.score_change(make.change(min(n, 60)), **k),
    "responders": lambda make, n, **k: pl.responders(make.responders(min(n, 400)), **k),
    "baseline_change": lambda make, n, **k: pl.baseline_change(make.trial(min(n, 400)), **k),
    "arm_variances": lambda make, n, **k: pl.arm_variances(make.trial(min(n, 400)), **k),
    "responder_profile": lambda make, n, **k: pl.responder_profile(make.profile(min(n, 20)), **k),
    "plan": lambda make, n, **k: pl.plan(make.plan(n), **k),
    "roc": lambda make, n, **k: pl.roc(make.prediction(), **k),
    "calibration": lambda make, n, **k: pl.calibration(predicted(make, n), **k),
    "conformal": lambda make, n, **k: pl.conformal(predicted(make, n), **k),
    "decision_curve": lambda make, n, **k: pl.decision_curve(predicted(make, n), **k),
    "importance": lambda make, n, **k: pl.importance(predicted(make, n), **k),
    "performance": lambda make, n, **k: pl.performance(predicted(make, n), **k),
    "learning_curve": lambda make, n, **k: pl.learning_curve(predicted(make, n), **k),
    "policy_value": lambda make, n, **k: pl.policy_value(
        make.policy([f"training number {i}" for i in range(2 if n == 5 else 12)]), **k
    ),
    "coverage": lambda make, n, **k: pl.coverage(make.coverage(n), **k),
    "tissue_map": lambda make, n, **k: pl.tissue_map(
        {f"mol_{i}": i - 2.5 for i in range(min(n, 60))}, make.molecules(min(n, 60)), **k
    ),
    "qc": lambda make, n, **k: pl.qc(make.cohort(n), **k),
    "pca": lambda make, n, **k: pl.pca(make.lab(n), color="run_order", join=True, **k),
    "qc:plate": lambda make, n, **k: pl.qc(make.lab(n, long=n > 5), "plate", **k),
    "qc:lod": lambda make, n, **k: pl.qc(make.lab(n), "lod", **k),
    "qc:pca": lambda make, n, **k: pl.qc(
        make.lab(n, 60, n_plates=30, long=True), "pca", color="plate_id", before=True, **k
    ),
    "qc:drift": lambda make, n, **k: pl.qc(make.lab(n, 60, n_plates=n % 4 + 12), "drift", **k),
    "qc:haemolysis": lambda make, n, **k: pl.qc(make.lab(n), "haemolysis", **k),
    "qc:plasma_volume": lambda make, n, **k: pl.qc(make.lab(n), "plasma_volume", **k),
    "qc:flow": lambda make, n, **k: pl.qc(make.lab(n), "flow", **k),
    "heatmap": lambda make, n, **k: pl.heatmap(
        make.change(min(n, 60), min(2 * n, 300), ("post",)), **k
    ),
    "contributions": lambda make, n, **k: pl.contributions(make.contributions(min(n, 300)), **k),
    "enrichment": lambda make, n, **k: pl.enrichment(make.enrichment(min(n, 300)), **k),
    "meta_forest": lambda make, n, **k: meta_forest(make, n, **k),
}


def predicted(make, n):
    """Two blocks, or twelve of long names."""
    blocks = ("clinical", "omics") if n == 5 else tuple(f"clinical+platform_{i}" for i in range(12))
    return make.prediction(blocks=blocks)


def meta_forest(make, n, **k):
    """As many cohorts as features, thirty at most."""
    frames = {f"C{i}": make.result_frame(5, seed=i) for i in range(min(n, 30))}
    return pl.meta_forest(frames, tl.meta(frames), "OID00001", names=make.names(5), **k)


def test_every_figure_is_here():
    assert {name.split(":")[0] for name in FIGURES} == set(pl.__all__) == set(dir(pl))


@pytest.mark.quick
def test_the_gallery_shows_every_figure():
    page = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```python\n(.*?)^```", page, re.S | re.M))
    assert set(re.findall(r"exo\.pl\.(\w+)\(", blocks)) == set(pl.__all__)


@pytest.mark.parametrize("n", [5, 5000])
@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_clipped_and_the_legend_stands_outside(make, name, n):
    ax = FIGURES[name](make, n)
    figure = ax.figure
    figure.draw_without_rendering()
    legend = ax.get_legend()
    if legend is not None:
        assert legend.get_window_extent().x0 >= ax.get_window_extent().x1
    box, page = figure.get_tightbbox(), figure.bbox_inches
    for low, high in ((page.x0, box.x0), (page.y0, box.y0), (box.x1, page.x1), (box.y1, page.y1)):
        assert low <= high + 0.05


@pytest.mark.parametrize("name", FIGURES)
def test_axes_given_are_used_and_data_is_returned_on_request(make, name):
    _, ax = plt.subplots()
    assert FIGURES[name](make, 5, ax=ax) is ax
    pair = FIGURES[name](make, 5, return_data=True)
    assert isinstance(pair[0], Axes) and len(pair[1])
    assert list(pair[1].index) == list(range(len(pair[1])))


def test_the_callers_style_is_kept(make):
    with matplotlib.rc_context({"font.size": 17.0, "axes.spines.top": True}):
        pl.volcano(make.result_frame(5))
        assert matplotlib.rcParams["font.size"] == 17.0


@pytest.mark.quick
def test_import_loads_no_plotting_library():
    code = (
        "import sys, exerkine_omics.pl, exerkine_omics.report;"
        "bad = {'matplotlib.pyplot', 'seaborn', 'sklearn', 'statsmodels'} & set(sys.modules);"
        "sys.exit(f'{bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
