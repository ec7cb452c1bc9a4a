"""Estimates with intervals for chosen features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import counted, need, not_ok
from exerkine_omics.pl._rows import beside, legend_beyond, row_height, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    Names,
    canvas,
    caption,
    colours,
    handed,
    head,
    labels_of,
    value_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_MOST_WITH_N = 3  # contrasts beside which numbers of pairs can be read


def forest(
    frame: pd.DataFrame,
    features: Sequence[str] | None = None,
    contrasts: Sequence[str] | None = None,
    *,
    n_top: int = 20,
    alpha: float = 0.05,
    names: Names = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw estimates with their intervals, one row a feature and one colour a contrast.

    Use it to compare a few features between contrasts, or to show how wide the intervals are.

    Parameters
    ----------
    frame
        Result frame of ``tl.differential``.
    features
        Features in the order to draw them, top first; by default the ``n_top`` with the
        smallest p in any of the contrasts.
    contrasts
        Contrasts to draw; all by default.
    n_top
        How many features where none are named.
    alpha
        A filled dot has ``p_adj`` below it, an open one has not.
    names
        Labels: an AnnData (``gene_symbol``, else ``name``), or a mapping from feature to label.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If a feature or contrast named is not in the frame.

    Notes
    -----
    Missing values: rows whose ``status`` is not ``ok`` are not drawn and are counted, with the
    reasons, below the figure. With up to three contrasts the
    number of pairs stands to the right of each row. Joint tests have no effect to draw.
    """
    need(
        frame,
        (
            "feature",
            "contrast",
            "estimate",
            "ci_low",
            "ci_high",
            "p_value",
            "p_adj",
            "n_pairs",
            "units",
        ),
        "forest",
        "exo.tl.differential",
    )
    known = levels(frame["contrast"])
    chosen = known_ones(contrasts, known, "contrast")
    # a joint F test has a p and no effect: nothing to draw
    effects = set(frame.loc[frame["estimate"].notna(), "contrast"].astype(str))
    tested = set(frame.loc[frame["p_value"].notna(), "contrast"].astype(str))
    joint = [c for c in chosen if c in tested - effects]
    if contrasts is not None and joint:
        raise UsageError(
            f"{shown(joint)} have p values and no effects: a joint test has none to draw",
            where="contrasts=",
            fix="Draw the contrasts that it joins.",
        )
    chosen = [c for c in chosen if c not in joint]
    crowded = len(chosen) > _MOST_WITH_N
    rows = frame[frame["contrast"].astype(str).isin(chosen)]
    text = rows["feature"].astype(str)
    if features is None:
        best = rows.groupby(text, sort=False)["p_value"].min().sort_values(kind="stable").dropna()
        picked = list(best.index[:n_top])
        rest = len(best) - len(picked)
    else:
        picked, rest = known_ones(features, set(text), "feature"), 0
    rows = rows[text.isin(picked)]
    data = rows[np.isfinite(rows["estimate"])].copy()
    labels = labels_of(picked, names)
    data["label"] = data["feature"].astype(str).map(labels)
    hue = colours(chosen)
    width = 0.7 / max(len(chosen), 1)
    data["y"] = [
        picked.index(f) + (chosen.index(c) - (len(chosen) - 1) / 2) * width
        for f, c in zip(data["feature"].astype(str), data["contrast"].astype(str), strict=True)
    ]
    ticks = [two_lines(labels[f], 36) for f in picked]
    row = max(row_height(ticks), 0.14 * len(chosen))
    size = (
        6.4 + 0.06 * widest(ticks) + (2.0 if len(chosen) > 1 else 0.0),
        min(1.8 + row * max(len(picked), 3), 16.0),
    )
    with canvas(ax, size) as axes:
        for name in chosen:
            part = data[data["contrast"].astype(str) == name]
            filled = part["p_adj"].to_numpy(float) < alpha
            axes.hlines(part["y"], part["ci_low"], part["ci_high"], color=hue[name], lw=1.5)
            face = [hue[name] if full else "white" for full in filled]
            axes.scatter(
                part["estimate"],
                part["y"],
                s=28,
                facecolors=face,
                edgecolors=[hue[name]],
                zorder=3,
                label=name,
            )
        aside = 0.0 if crowded else beside(axes, data["y"], [f"n={n:.0f}" for n in data["n_pairs"]])
        axes.axvline(0, color=GREY, lw=0.8, zorder=0)
        axes.set_yticks(range(len(picked)), ticks)
        axes.set_ylim(max(len(picked), 1) - 0.4, -0.6)
        units = dict.fromkeys(value_label(u) for u in levels(rows["units"]))
        axes.set_xlabel(" or ".join(units) or "difference")
        head(
            axes,
            chosen[0] if len(chosen) == 1 else "Estimates by contrast",
            f"bars: the interval of the estimate; filled: p_adj < {alpha:g}"
            + ("" if crowded else "; n: pairs"),
        )
        caption(
            axes,
            not_ok(rows, "row"),
            f"Not shown: {counted(rest, 'more feature')} tested." if rest else "",
        )
        if len(chosen) > 1:
            _legend(axes, chosen, hue, aside)
    return handed(axes, data.drop(columns="y"), return_data)


def _legend(axes: Axes, chosen: Sequence[str], hue: dict, aside: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=hue[c], marker="o", lw=1.5, label=two_lines(c, 30)) for c in chosen
    ]
    legend_beyond(axes, aside, handles, "contrast")


def known_ones(
    asked: Sequence[str] | None, known: Sequence[str] | set[str], noun: str
) -> list[str]:
    if asked is None:
        return list(known)
    asked = [asked] if isinstance(asked, str) else [str(a) for a in asked]
    missing = [a for a in asked if a not in known]
    if missing:
        raise UsageError(
            f"The frame has no {noun} {shown(missing)}; it has {shown(sorted(known))}",
            where=f"{noun}s=",
            fix="Name them as in the frame.",
        )
    return list(dict.fromkeys(asked))
