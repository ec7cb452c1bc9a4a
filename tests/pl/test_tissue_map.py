"""Flow from tissue to tissue: nodes, lines, colours, labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from exerkine_omics import pl
from exerkine_omics.errors import UsageError
from exerkine_omics.pl._flow import arrange, edges_of

SMALL = pd.DataFrame(
    {
        "exerkine_id": ["il6", "fgf21", "x"],
        "gene_symbol": ["IL6", "FGF21", ""],
        "name": ["Interleukin-6", "Fibroblast growth factor 21", "Unknown one"],
        "origin_tissues": ["skeletal muscle; liver", "liver", ""],
        "target_tissues": ["liver", "", "brain"],
        "level": ["A", "B", "C"],
    }
)


def links(ax) -> list:
    return [p for p in ax.patches if p.get_gid() == "link"]


def texts(ax, gid: str) -> list[str]:
    return [t.get_text() for t in ax.texts if t.get_gid() == gid]


def said(ax) -> str:
    figure = ax.get_figure()
    return " ".join(
        t.get_text() for a in figure.axes for t in a.texts if t.get_gid() == "caption"
    ).replace("\n", " ")


@pytest.mark.quick
def test_lines_join_what_the_frame_says():
    ax, data = pl.tissue_map({"il6": 2.0, "fgf21": -1.0, "x": 0.0}, SMALL, return_data=True)
    assert set(data[["exerkine_id", "side", "tissue"]].itertuples(index=False, name=None)) == {
        ("il6", "origin", "skeletal muscle"),
        ("il6", "origin", "liver"),
        ("il6", "target", "liver"),
        ("fgf21", "origin", "liver"),
        ("fgf21", "target", "not known"),
        ("x", "origin", "not known"),
        ("x", "target", "brain"),
    }
    assert len(links(ax)) == len(data)
    assert set(texts(ax, "origin")) == {"skeletal muscle", "liver", "not known"}
    assert set(texts(ax, "target")) == {"brain", "liver", "not known"}
    assert set(texts(ax, "exerkine")) == {"IL6", "FGF21", "Unknown one"}
    assert "Tissue of origin not known: 1 molecule." in said(ax)
    assert "Tissue of target not known: 1 molecule." in said(ax)
    # each line ends at the heights of its tissue and its molecule
    height = {
        (t.get_gid(), t.get_text()): (t.xy[1] if t.get_gid() != "exerkine" else t.get_position()[1])
        for t in ax.texts
        if t.get_gid() in ("origin", "target", "exerkine")
    }
    ends = sorted((p.get_path().vertices[0, 1], p.get_path().vertices[-1, 1]) for p in links(ax))
    wanted = sorted(
        (height[side, tissue], height["exerkine", label])
        for side, tissue, label in data[["side", "tissue", "label"]].itertuples(index=False)
    )
    np.testing.assert_allclose(ends, wanted)


def test_colour_is_centred_at_zero_and_signed():
    ax = pl.tissue_map({"il6": 2.0, "fgf21": -2.0, "x": 0.0}, SMALL)
    face = {
        t.get_text(): t.get_bbox_patch().get_facecolor() for t in ax.texts if t.get_bbox_patch()
    }
    red, blue, middle = face["IL6"], face["FGF21"], face["Unknown one"]
    assert red[0] > red[2] and blue[2] > blue[0]
    assert min(middle[:3]) > 0.93
    bar = ax.get_figure().axes[-1]
    low, high = bar.get_xlim()
    assert low == -high
    assert {to_rgba(p.get_edgecolor()) for p in links(ax)} == {red, blue, middle}


def test_width_follows_the_level():
    ax = pl.tissue_map({"il6": 2.0, "fgf21": -1.0, "x": 0.5}, SMALL, width="level")
    widths = sorted({p.get_linewidth() for p in links(ax)})
    assert len(widths) == 3
    assert "A > B > L > C" in said(ax)
    same = pl.tissue_map({"il6": 2.0, "fgf21": -1.0, "x": 0.5}, SMALL)
    assert len({p.get_linewidth() for p in links(same)}) == 1


@pytest.mark.parametrize("n", [5, 12, 30])
def test_labels_never_overlap(make, n):
    molecules = make.molecules(n)
    values = dict(zip(molecules["exerkine_id"], np.linspace(-2, 2, n), strict=True))
    ax = pl.tissue_map(values, molecules)
    assert_apart(ax)


def test_labels_never_overlap_on_axes_of_the_caller(make):
    import matplotlib.pyplot as plt

    molecules = make.molecules(20)
    values = dict(zip(molecules["exerkine_id"], np.linspace(-2, 2, 20), strict=True))
    figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
    assert pl.tissue_map(values, molecules, ax=axes[1]) is axes[1]
    assert_apart(axes[1])
    _, low = plt.subplots(figsize=(6, 1.6), layout="constrained")
    with pytest.raises(UsageError, match="labels do not fit axes"):
        pl.tissue_map(values, molecules, ax=low)


def assert_apart(ax) -> None:
    figure = ax.get_figure()
    figure.canvas.draw()
    boxes = []
    for t in ax.texts:
        if t.get_text() and t.get_gid() != "caption":
            patch = t.get_bbox_patch()
            boxes.append((patch or t).get_window_extent())
    boxes.append(ax.title.get_window_extent())
    boxes.append(ax._left_title.get_window_extent())
    drawn = [b for b in boxes if b.width > 1]
    for i, one in enumerate(drawn):
        for two in drawn[:i]:
            apart = (
                one.x1 <= two.x0 + 0.5
                or two.x1 <= one.x0 + 0.5
                or one.y1 <= two.y0 + 0.5
                or two.y1 <= one.y0 + 0.5
            )
            assert apart, (one, two)


def test_result_frame_is_matched_by_symbol_and_by_annotation(make):
    frame = make.result_frame(4)
    features = {"OID00000": "il6", "OID00001": "fgf21"}
    ax, data = pl.tissue_map(frame, SMALL, features=features, return_data=True)
    value = frame.set_index("feature")["estimate"]
    drawn = data.drop_duplicates("exerkine_id").set_index("exerkine_id")["value"]
    assert drawn.to_dict() == {"il6": value["OID00000"], "fgf21": value["OID00001"]}
    assert ax.get_figure().axes[-1].get_xlabel() == "log2 fold change"
    adata = make.cohort(4)
    adata.var["exerkine_id"] = ["il6", "fgf21", "", ""]
    _, again = pl.tissue_map(frame, SMALL, features=adata, return_data=True)
    pd.testing.assert_frame_equal(again, data)
    symbols = frame.assign(feature=["IL6", "FGF21", "FOO", "BAR"])
    _, third = pl.tissue_map(symbols, SMALL, return_data=True)
    pd.testing.assert_frame_equal(third, data)


def test_two_features_of_one_molecule_are_refused(make):
    frame = make.result_frame(4)
    with pytest.raises(UsageError, match="several features"):
        pl.tissue_map(frame, SMALL, features={"OID00000": "il6", "OID00001": "il6"})


def test_contrast_must_be_named_where_there_are_several(make):
    frame = make.result_frame(4, ("post - pre", "late - pre"))
    features = {"OID00000": "il6"}
    with pytest.raises(UsageError, match="2 contrasts"):
        pl.tissue_map(frame, SMALL, features=features)
    _, data = pl.tissue_map(
        frame, SMALL, features=features, contrast="late - pre", return_data=True
    )
    wanted = frame[(frame["contrast"] == "late - pre") & (frame["feature"] == "OID00000")]
    assert data["value"].unique().tolist() == wanted["estimate"].tolist()


def test_missing_values_are_white_and_said():
    ax = pl.tissue_map({"il6": 2.0, "fgf21": np.nan}, SMALL, exerkines=["il6", "fgf21"])
    face = {
        t.get_text(): t.get_bbox_patch().get_facecolor() for t in ax.texts if t.get_bbox_patch()
    }
    assert face["FGF21"] == (1.0, 1.0, 1.0, 1.0)
    assert "No value: 1 molecule (white)." in said(ax)
    left_out = pl.tissue_map({"il6": 2.0, "fgf21": np.nan}, SMALL)
    assert texts(left_out, "exerkine") == ["IL6"]


def test_the_largest_are_drawn_and_the_rest_counted(make):
    molecules = make.molecules(40)
    values = dict(zip(molecules["exerkine_id"], np.arange(40.0) - 5, strict=True))
    ax, data = pl.tissue_map(values, molecules, n_top=10, return_data=True)
    assert set(data["exerkine_id"]) == {f"mol_{i}" for i in range(30, 40)}
    assert "Not drawn: 30 molecules with smaller values." in said(ax)


def test_rare_tissues_stand_together_and_are_named():
    table = pd.DataFrame(
        {
            "origin_tissues": [f"tissue {i};liver" for i in range(9)],
            "target_tissues": "liver",
            "label": [f"m{i}" for i in range(9)],
            "value": 1.0,
            "level": "",
        },
        index=[f"m{i}" for i in range(9)],
    )
    edges, rare = edges_of(table, 4)
    origins = set(edges.loc[edges["side"] == "origin", "tissue"])
    assert len(origins) == 4 and {"liver", "other tissues"} <= origins
    assert len(rare.split(", ")) == 7


def test_arranged_without_crossings_where_there_is_such_an_order():
    table = pd.DataFrame(
        {
            "origin_tissues": ["c", "a", "b"],
            "target_tissues": ["z", "x", ""],
            "label": ["m0", "m1", "m2"],
            "value": 1.0,
            "level": "",
        },
        index=["m0", "m1", "m2"],
    )
    edges, _ = edges_of(table, 10)
    place = arrange(edges, list(table.index))
    for side in ("origin", "target"):
        part = edges[edges["side"] == side]
        pairs = sorted(
            (place["exerkine"][i], place[side][t])
            for i, t in zip(part["exerkine_id"], part["tissue"], strict=True)
        )
        heights = [t for _, t in pairs]
        assert heights == sorted(heights)
    assert min(place["target"], key=place["target"].get) == "not known"


def test_input_errors():
    with pytest.raises(UsageError, match="No value belongs"):
        pl.tissue_map({"nobody": 1.0}, SMALL)
    with pytest.raises(UsageError, match="no molecules 'nobody'"):
        pl.tissue_map({"il6": 1.0}, SMALL, exerkines=["nobody"])
    with pytest.raises(UsageError, match="stand twice"):
        pl.tissue_map({"il6": 1.0}, pd.concat([SMALL, SMALL]))
    with pytest.raises(UsageError, match="target_tissues"):
        pl.tissue_map({"il6": 1.0}, SMALL.drop(columns="target_tissues"))
    with pytest.raises(UsageError, match="no finite value"):
        pl.tissue_map({"il6": np.nan}, SMALL)
    ax = pl.tissue_map({"il6": 1.0, "nobody": 2.0}, SMALL)
    assert "Not in the knowledge base: 'nobody'." in said(ax)
