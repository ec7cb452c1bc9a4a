"""One style for every figure: colours, texts around the axes, where legends stand."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Drawn: TypeAlias = "Axes | tuple[Axes, pd.DataFrame]"
Names: TypeAlias = "Mapping[str, str] | pd.Series | AnnData | None"

GREY, INK = "#949494", "#333333"
ZONE = "#f2d16b"  # sizes too small to matter
SMALL = 8.0
_WIDTHS = {"A": 3.2, "B": 2.2, "L": 1.4, "C": 0.8}
_RC: dict[str, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 11.0,
    "axes.labelsize": 10.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name with two dollar signs is a name
}


@contextmanager
def canvas(ax: Axes | None, size: tuple[float, float]) -> Iterator[Axes]:
    """Give the axes to draw on; the style holds inside the block only.

    Parameters
    ----------
    ax
        Axes of the caller, or None for a new figure.
    size
        Width and height of a new figure, inches.
    """
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=size, layout="constrained")
        for axis in (ax.xaxis, ax.yaxis):  # ticks that the caller's axes have already
            for label in axis.get_ticklabels():
                label.set_parse_math(False)
        yield ax


def colours(levels: Sequence[str]) -> dict[str, Any]:
    """Give one colour-blind safe colour to each level, in order.

    The palette has ten; a longer list takes evenly spaced ones of a uniform map.
    """
    import seaborn as sns

    named = "colorblind" if len(levels) <= 10 else "viridis"
    palette = sns.color_palette(named, max(len(levels), 1))
    if named == "colorblind":
        # its grey is kept for what is not significant, and moved to the end
        palette = [c for i, c in enumerate(sns.color_palette(named)) if i != 7] + [palette[-1]]
    return dict(zip(levels, palette, strict=False))


def category_colours() -> dict[str, Any]:
    """Colours of the categories of response, worst first; the same in every figure."""
    import seaborn as sns

    blind = sns.color_palette("colorblind")
    return {"adverse": blind[3], "non": blind[7], "uncertain": blind[8], "responder": blind[2]}


def labels_of(features: Sequence[str] | pd.Index, names: Names) -> dict[str, str]:
    """Label of each feature: gene symbol, else name, else the id itself.

    Two features that share a label keep their id beside it.
    """
    ids = [str(f) for f in features]
    known: dict[str, str] = {}
    if isinstance(names, AnnData):
        for column in (schema.NAME, schema.GENE_SYMBOL):
            if column in names.var.columns:
                known.update(_texts(names.var[column]))
    elif names is not None:
        known = _texts(pd.Series(names, dtype=object))
    labels = pd.Series([known.get(i, i) for i in ids], index=ids, dtype=object)
    shared = labels.duplicated(keep=False) & (labels != labels.index)
    return {
        i: f"{text} ({i})" if twice else text
        for i, text, twice in zip(ids, labels, shared, strict=True)
    }


def shortened(text: str, most: int = 36) -> str:
    """Cut the middle out of a long label; both ends tell lipids apart."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def _texts(values: pd.Series) -> dict[str, str]:
    present = values[values.notna()]
    return {str(k): str(v) for k, v in present.items() if str(v).strip()}


def head(ax: Axes, title: str, subtitle: str = "") -> None:
    """Title with a smaller line below it, both left-aligned with the axes."""
    width = _characters(ax, 9.0)
    lines = textwrap.wrap(subtitle, width) if subtitle else []
    ax.set_title(
        "\n".join(textwrap.wrap(title, int(width * 0.8))), loc="left", pad=6 + 11 * len(lines)
    )
    if lines:
        ax.annotate(
            "\n".join(lines),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            fontsize=SMALL,
            color="#555555",
            va="bottom",
            ha="left",
            gid="subtitle",
            annotation_clip=False,
        )


def caption(ax: Axes, *sentences: str) -> None:
    """Small text below the x label; empty sentences are left out."""
    text = " ".join(s for s in sentences if s)
    if not text:
        return
    ax.annotate(
        "\n".join(textwrap.wrap(text, _characters(ax, SMALL))),
        xy=(0, 0),
        xycoords=("axes fraction", ax.xaxis.label),
        xytext=(0, -6),
        textcoords="offset points",
        fontsize=SMALL,
        color="#555555",
        va="top",
        ha="left",
        gid="caption",
        annotation_clip=False,
    )


def _characters(ax: Axes, size: float) -> int:
    """How many characters of this size fit the axes' width."""
    figure = ax.get_figure(root=True)
    inches = ax.get_position().width * (figure.get_figwidth() if figure else 6.0)
    return max(int(inches * 72 / (0.55 * size)), 24)


def legend_right(ax: Axes, handles: Sequence[Any] | None = None, title: str | None = None) -> None:
    """Legend outside the axes, to the right of it."""
    from matplotlib.collections import PathCollection

    place: dict[str, Any] = {
        "loc": "upper left",
        "bbox_to_anchor": (1.01, 1.0),
        "title": title,
        "alignment": "left",
        "borderaxespad": 0.0,
    }
    if handles is not None and not len(handles):
        return
    legend = ax.legend(**place) if handles is None else ax.legend(handles=handles, **place)
    for handle in legend.legend_handles:
        # a dot of 5000 is too small to show its colour
        if isinstance(handle, PathCollection):
            handle.set_sizes([32.0])
            handle.set_alpha(1.0)


def dot_size(n: int) -> float:
    """Area of a dot, points squared: large at 5, small at 5000."""
    return float(np.clip(4000.0 / max(n, 1), 6.0, 40.0))


def width_of_level(level: str) -> float:
    """Width of a line by its evidence level, points; without a level all are alike."""
    return _WIDTHS.get(level, 1.6)


def levels_of_width() -> str:
    """Name the levels from the thickest line to the thinnest."""
    return " > ".join(_WIDTHS)


def value_label(units: str) -> str:
    """Words for a difference on this unit's scale."""
    scale = schema.UNIT_TABLE.get(units)
    if scale is not None and scale.base == "log2":
        return "log2 fold change"
    if scale is not None and scale.base == "sd":
        return "difference, SD"
    return f"difference, {units}" if units else "difference"


def handed(ax: Axes, data: pd.DataFrame, return_data: bool) -> Drawn:
    """Return the axes, with the frame that was drawn where the caller asked for it."""
    return (ax, data.reset_index(drop=True)) if return_data else ax
