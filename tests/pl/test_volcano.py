"""Volcano plot: what is drawn, labelled, counted."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from exerkine_omics import pl
from exerkine_omics.errors import UsageError


def texts(ax, gid: str) -> list[str]:
    return [t.get_text().replace("\n", " ") for t in ax.texts if t.get_gid() == gid]


def offsets(ax) -> np.ndarray:
    return np.vstack([np.ma.filled(c.get_offsets(), np.nan) for c in ax.collections])


@pytest.mark.quick
def test_points_colours_and_words(make):
    frame = make.result_frame(40)
    ax, data = pl.volcano(frame, names=make.names(40), return_data=True)
    assert len(offsets(ax)) == len(data) == 39
    assert ax.get_xlabel() == "log2 fold change"
    assert ax.get_ylabel() == "−log10 p"
    assert ax.get_title(loc="left") == "post - pre"
    assert texts(ax, "subtitle") == ["39 features tested, pairs per feature: 7 to 11"]
    assert texts(ax, "caption") == ["Not drawn: 1 feature (fewer than 3 pairs: 1)."]
    np.testing.assert_allclose(data["minus_log10_p"], -np.log10(data["p_value"]))
    drawn = {tuple(row) for row in np.round(offsets(ax), 9)}
    assert drawn == {tuple(r) for r in np.round(data[["estimate", "minus_log10_p"]], 9).to_numpy()}


def test_colours_are_direction_of_the_significant(make):
    ax, data = pl.volcano(make.result_frame(40), alpha=0.1, return_data=True)
    counts = [int(t.get_text().rsplit(": ")[1]) for t in ax.get_legend().get_texts()]
    hit = data["p_adj"] < 0.1
    assert counts == [
        (~hit).sum(),
        (hit & (data["estimate"] < 0)).sum(),
        (hit & (data["estimate"] > 0)).sum(),
    ]
    assert [len(c.get_offsets()) for c in ax.collections] == counts
    assert hit.any() and not hit.all()


@pytest.mark.parametrize("n", [5, 5000])
def test_labels_are_the_smallest_p_and_do_not_overlap(make, n):
    frame = make.result_frame(n)
    ax = pl.volcano(frame, names=make.names(n), n_labels=10)
    labels = [t for t in ax.texts if t.get_gid() == "label"]
    best = frame.sort_values("p_value").head(10).dropna(subset="p_value")["feature"].astype(str)
    assert {t.get_text() for t in labels} <= {make.names(n)[f] for f in best}
    assert len(labels) == min(n - 1, 10)
    ax.figure.draw_without_rendering()
    edge = ax.get_window_extent()
    boxes = []
    for label in labels:
        # the text alone; with its leader line it is larger
        box = super(type(label), label).get_window_extent()
        assert edge.x0 - 1 <= box.x0 and box.x1 <= edge.x1 + 1
        assert not any(box.overlaps(other) for other in boxes)
        boxes.append(box)


def test_several_contrasts_must_be_named(make):
    frame = make.result_frame(8, ("post - pre", "late - pre"))
    with pytest.raises(UsageError, match="'late - pre'.*'post - pre'"):
        pl.volcano(frame)
    with pytest.raises(UsageError, match="no contrast 'nil'"):
        pl.volcano(frame, contrast="nil")
    _, data = pl.volcano(frame, contrast="late - pre", return_data=True)
    assert set(data["contrast"].astype(str)) == {"late - pre"}
    assert len(data) == 7


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ("NPX", "log2 fold change"),
        ("log_cpm", "log2 fold change"),
        ("zscore", "difference, SD"),
        ("mmol/l", "difference, mmol/l"),
    ],
)
def test_x_axis_carries_the_unit(make, units, words):
    ax = pl.volcano(make.result_frame(6).assign(units=units))
    assert ax.get_xlabel() == words


def test_p_of_zero_stays_in_the_picture(make):
    frame = make.result_frame(10)
    frame.loc[0, "p_value"] = 0.0
    ax, data = pl.volcano(frame, return_data=True)
    assert np.isfinite(offsets(ax)).all() and len(offsets(ax)) == 9
    assert data["minus_log10_p"].iloc[0] == data["minus_log10_p"].max() < ax.get_ylim()[1]
    assert "At the upper edge: 1 feature" in texts(ax, "caption")[0]


def test_nothing_tested_is_an_empty_picture_that_says_so(make):
    frame = make.result_frame(5)
    frame[["estimate", "p_value", "p_adj"]] = np.nan
    frame["status"] = "fewer than 3 pairs"
    ax = pl.volcano(frame)
    assert "Not drawn: 5 features" in texts(ax, "caption")[0]
    assert texts(ax, "subtitle") == ["0 features tested, pairs per feature: none"]


def test_shared_labels_keep_their_id(make):
    _, data = pl.volcano(
        make.result_frame(5), names=dict.fromkeys(make.names(5), "IL6"), return_data=True
    )
    assert data["label"].tolist()[:2] == ["IL6 (OID00000)", "IL6 (OID00001)"]


def test_names_from_an_anndata_prefer_the_gene_symbol(make):
    adata = make.cohort(5)
    adata.var["name"] = [f"protein {i}" for i in range(5)]
    adata.var["gene_symbol"] = ["IL6", None, "GDF15", "", "IL10"]
    _, data = pl.volcano(make.result_frame(6), names=adata, return_data=True)
    assert data["label"].tolist() == ["IL6", "protein 1", "GDF15", "protein 3", "IL10"]


def test_draws_on_the_axes_given_and_leaves_the_input(make):
    frame = make.result_frame(6)
    before = frame.copy()
    _, (left, right) = plt.subplots(1, 2)
    assert pl.volcano(frame, ax=right) is right
    assert not left.collections
    pd.testing.assert_frame_equal(frame, before)
    assert len(plt.get_fignums()) == 1


def test_a_frame_without_the_columns_is_refused():
    with pytest.raises(UsageError, match="exo.tl.differential"):
        pl.volcano(pd.DataFrame({"feature": ["a"]}))
