"""Rows of a figure: titles on two lines, text at their right, a legend beyond that text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from exerkine_omics.pl._style import SMALL, legend_right, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE_LINE, TWO_LINES = 0.28, 0.37  # inches a row


def two_lines(text: str, most: int = 38) -> str:
    """Break a long title near its middle; what two lines do not hold loses its middle."""
    text = " ".join(shortened(word, most) for word in text.split())
    if len(text) <= most:
        return text
    for width in range(len(text) // 2, most + 1):
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
        if len(lines) == 2 and max(map(len, lines)) <= most:
            return "\n".join(lines)
    first, *rest = textwrap.wrap(text, most)
    return f"{first}\n{shortened(' '.join(rest), most)}"


def row_height(labels: Iterable[str]) -> float:
    """Inches that a row needs for these labels."""
    return TWO_LINES if any("\n" in label for label in labels) else ONE_LINE


def widest(labels: Iterable[str]) -> int:
    """Characters of the longest line of these labels."""
    return max((len(line) for label in labels for line in label.split("\n")), default=0)


def beside(axes: Axes, y: Sequence[float], texts: Sequence[str], gid: str = "n") -> float:
    """Write a text to the right of each row; return the width of the widest, points."""
    width = 0.0
    for at, text in zip(y, texts, strict=True):
        if not text:
            continue
        drawn = axes.annotate(
            text,
            xy=(1, at),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL - 1,
            color="#555555",
            gid=gid,
            annotation_clip=False,
        )
        figure = axes.get_figure(root=True)
        if figure is not None:
            width = max(width, drawn.get_window_extent().width * 72 / figure.dpi)
    return width + 4 if width else 0.0


def legend_beyond(
    axes: Axes, points: float, handles: Sequence[Any] | None = None, title: str | None = None
) -> None:
    """Legend to the right of the axes and of a column of text ``points`` wide."""
    from matplotlib.transforms import ScaledTranslation

    legend_right(axes, handles, title)
    legend = axes.get_legend()
    figure = axes.get_figure(root=True)
    if legend is None or figure is None:
        return
    move = ScaledTranslation((points + 8) / 72, 0, figure.dpi_scale_trans)
    legend.set_bbox_to_anchor((1.0, 1.0), transform=axes.transAxes + move)


def settle(axes: Axes) -> None:
    """Run the layout beside long labels, so that texts below know how wide the axes became."""
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.draw_without_rendering()
