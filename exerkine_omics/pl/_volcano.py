"""Volcano plot of one contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import counted, need, not_ok, pick_contrast, span
from exerkine_omics.pl._labels import label_points
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    Names,
    canvas,
    caption,
    colours,
    dot_size,
    handed,
    head,
    labels_of,
    legend_right,
    shortened,
    value_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def volcano(
    frame: pd.DataFrame,
    *,
    contrast: str | None = None,
    alpha: float = 0.05,
    n_labels: int = 10,
    names: Names = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw effect against evidence, one point a feature.

    Use it to look over all features of one contrast at once; `forest` shows a few of them with
    their intervals.

    Parameters
    ----------
    frame
        Result frame of ``tl.differential``.
    contrast
        The contrast to draw; needed where the frame has several.
    alpha
        Features with ``p_adj`` below it are coloured by direction.
    n_labels
        How many features are labelled, smallest p first.
    names
        Labels: an AnnData (``gene_symbol``, else ``name``), or a mapping from feature to label.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the frame that was drawn, with ``label`` and ``minus_log10_p``.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If the frame has several contrasts and none is named, or it lacks a column.

    Notes
    -----
    Missing values: rows whose ``status`` is not ``ok`` are not drawn and are counted, with the
    reasons, below the figure. A p of exactly 0 is drawn as a triangle at the upper edge.

    Examples
    --------
    >>> ax = exo.pl.volcano(frame, contrast="post - pre", names=adata)  # doctest: +SKIP
    """
    need(
        frame,
        ("feature", "contrast", "estimate", "p_value", "p_adj", "n_pairs", "units"),
        "volcano",
        "exo.tl.differential",
    )
    chosen = pick_contrast(frame, contrast)
    rows = frame[frame["contrast"].astype(str) == chosen]
    data = rows[np.isfinite(rows["estimate"]) & np.isfinite(rows["p_value"])].copy()
    if not len(data) and np.isfinite(rows["p_value"]).any():
        raise UsageError(
            f"{chosen!r} has p values and no effects: a joint test has none to draw",
            where="contrast=",
            fix="Draw one of its contrasts.",
        )
    with np.errstate(divide="ignore"):
        height = -np.log10(data["p_value"].to_numpy(float))
    finite = height[np.isfinite(height)]
    top = max(finite.max() if len(finite) else 1.0, 1.0)
    beyond = ~np.isfinite(height)
    data["minus_log10_p"] = np.where(beyond, top * 1.08, height)
    data["label"] = (
        data["feature"]
        .astype(str)
        .map(labels_of(list(dict.fromkeys(data["feature"].astype(str))), names))
    )
    significant = data["p_adj"].to_numpy(float) < alpha
    rising = data["estimate"].to_numpy(float) > 0
    hue = colours(["down", "up", "third", "fourth"])
    groups = [
        (f"p_adj ≥ {alpha:g}", ~significant, GREY, 0.5),
        (f"lower, p_adj < {alpha:g}", significant & ~rising, hue["down"], 0.9),
        (f"higher, p_adj < {alpha:g}", significant & rising, hue["fourth"], 0.9),
    ]
    with canvas(ax, (7.2, 5.0)) as axes:
        x, y = data["estimate"].to_numpy(float), data["minus_log10_p"].to_numpy(float)
        for text, mask, colour, opacity in groups:
            for marker, at in (("o", mask & ~beyond), ("^", mask & beyond)):
                if marker == "^" and not at.any():
                    continue
                axes.scatter(
                    x[at],
                    y[at],
                    s=dot_size(len(data)),
                    color=colour,
                    alpha=opacity,
                    linewidths=0,
                    marker=marker,
                    rasterized=len(data) > 2000,
                    label=f"{text}: {int(mask.sum()):,}" if marker == "o" else None,
                )
        reach = float(np.abs(x).max()) * 1.12 if len(x) else 1.0
        axes.set_xlim(-reach or -1.0, reach or 1.0)
        axes.set_ylim(-0.02 * top, top * 1.18)
        axes.axvline(0, color=GREY, lw=0.8, zorder=0)
        units = levels(rows["units"])
        words = " or ".join(dict.fromkeys(value_label(u) for u in units)) or "difference"
        axes.set_xlabel(words)
        axes.set_ylabel("−log10 p")
        head(
            axes,
            chosen,
            f"{counted(len(data), 'feature')} tested, pairs per feature: {span(data['n_pairs'])}",
        )
        caption(
            axes,
            not_ok(rows, "feature"),
            f"At the upper edge: {counted(int(beyond.sum()), 'feature')} with a p that is 0 in "
            "double precision."
            if beyond.any()
            else "",
        )
        legend_right(axes)
        order = np.lexsort((-np.abs(x), data["p_value"].to_numpy(float)))[: max(n_labels, 0)]
        label_points(
            axes,
            x[order],
            y[order],
            [shortened(t, 24) for t in data["label"].to_numpy()[order]],
            np.column_stack([x, y]),
        )
    columns = [c for c in schema.RESULT_COLUMNS if c in data] + ["label", "minus_log10_p"]
    return handed(axes, data[columns], return_data)
