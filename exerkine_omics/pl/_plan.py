"""Power of a planned study against its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import need, need_result
from exerkine_omics.pl._rows import settle
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    canvas,
    caption,
    colours,
    handed,
    head,
    legend_right,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORDS = {
    "power": "power",
    "p_differs": "says 'differs', and they do",
    "p_differs_if_constant": "says 'differs', and all respond alike",
    "p_negligible_if_constant": "says 'negligible', and all respond alike",
}
_ERRORS = ("p_differs_if_constant",)


def plan(
    frame: pd.DataFrame,
    *,
    target: float = 0.8,
    title: str = "How many people it takes",
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw how often a study of n people an arm would find what it looks for.

    Use it with the frame of ``tl.plan_response``, ``tl.plan_change`` or ``tl.plan_features``.

    Parameters
    ----------
    frame
        Frame with ``n_per_arm`` and one or more columns of power.
    target
        Power asked for: the first size listed that reaches it is marked.
    title
        Title of the figure.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points: quantity, n_per_arm, probability.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, n on a logarithmic scale.

    Raises
    ------
    UsageError
        If the frame is no plan, or the target no share.

    Notes
    -----
    Missing values: a column that is NaN throughout was not asked for and is not drawn.
    """
    need_result(frame, ("columns",), "plan", "exo.tl.plan_response")
    need(frame, ("n_per_arm",), "plan", "exo.tl.plan_response")
    if isinstance(target, bool) or not 0 < target < 1:
        raise UsageError(f"target={target!r} is no share", fix="Give 0.8 or 0.9.")
    columns = [c for c in _WORDS if c in frame and frame[c].notna().any()]
    if not columns:
        raise UsageError(
            f"The frame has no column of power; it has {shown(frame.columns)}",
            where="frame",
            fix="Give the frame of exo.tl.plan_response, plan_change or plan_features.",
        )
    data = frame.sort_values("n_per_arm", kind="stable")
    n = data["n_per_arm"].to_numpy(float)
    hue = colours(columns)
    reached = {}
    with canvas(ax, (8.8, 4.4)) as axes:
        axes.axhline(target, color=GREY, lw=0.9, ls=(0, (5, 3)), zorder=0)
        for name in columns:
            p = data[name].to_numpy(float)
            axes.plot(
                n, p, color=hue[name], marker="o", ms=4, lw=1.6, label=_WORDS[name],
                ls=":" if name in _ERRORS else "-", clip_on=False, gid=name,
            )  # fmt: skip
            hit = np.flatnonzero(p >= target)
            if name not in _ERRORS:
                reached[_WORDS[name]] = int(n[hit[0]]) if len(hit) else None
        axes.set_xscale("log")
        ticks = _ticks(n)
        axes.set_xticks(ticks, [f"{t:,.0f}" for t in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlim(n.min() * 0.93, n.max() * 1.07)
        axes.set_ylim(0, 1)
        axes.set_xlabel("people per arm")
        axes.set_ylabel("probability")
        legend_right(axes)
        settle(axes)
        head(axes, title, f"dashed: {target:.0%}")
        caption(
            axes,
            *(
                f"{words[0].upper()}{words[1:]}: {target:.0%} from {size:,} an arm on."
                if size
                else f"{words[0].upper()}{words[1:]}: {target:.0%} with none of these sizes."
                for words, size in reached.items()
            ),
        )
    parts = [
        pd.DataFrame({"quantity": c, "n_per_arm": data["n_per_arm"], "probability": data[c]})
        for c in columns
    ]
    return handed(axes, pd.concat(parts), return_data)


def _ticks(n: np.ndarray) -> list[float]:
    """Sizes to write: those listed, thinned to a factor of 1.6 between them."""
    kept: list[float] = []
    for value in np.unique(n):
        if not kept or value >= 1.6 * kept[-1]:
            kept.append(float(value))
    return kept
