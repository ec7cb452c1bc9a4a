"""Performance against the number of people that trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError
from exerkine_omics.pl._prediction import (
    LEAD,
    Several,
    bands,
    chosen,
    compared_to,
    curves,
    height,
    metric_words,
    one_of,
    table,
)
from exerkine_omics.pl._rows import settle
from exerkine_omics.pl._style import (
    Drawn,
    canvas,
    caption,
    handed,
    head,
    legend_right,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = ("block", "model", "metric", "n_train", "estimate", "ci_low", "ci_high")
_SOURCE = "exo.ml.evaluate(..., learning_curve=True)"


def learning_curve(
    result: Any,
    *,
    block: Several = None,
    model: Several = None,
    metric: str | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw what is reached when fewer people train.

    Use it after ``ml.evaluate(..., learning_curve=True)``: a curve that still rises at its end
    says that more people of this kind would help, a flat one that they would not.

    Parameters
    ----------
    result
        Result of ``ml.evaluate``, or its frame ``learning_curve`` alone.
    block, model
        Blocks and models to draw; all by default.
    metric
        Metric of the frame; by default ``auc``, or ``r2`` of a change.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, from no people at the left. Bands are drawn for up to three curves.

    Raises
    ------
    UsageError
        If no learning curve was asked for, or a block, model or metric is not in it.

    Notes
    -----
    Missing values: a point that is NaN is not drawn and interrupts its curve.
    """
    frame = table(result, "learning_curve", _COLUMNS, "learning_curve", _SOURCE)
    which = one_of(frame, "metric", metric, LEAD)
    found, left = curves(chosen(frame, "metric", which), block, model)
    data = pd.concat([c.rows for c in found])
    if not np.isfinite(data["estimate"].to_numpy(float)).any():
        raise UsageError(
            f"learning_curve has nothing to draw: no {which} of these blocks is known",
            where="result.learning_curve",
            fix="Name another block=, or evaluate more people.",
        )
    words = metric_words(which)
    banded, hint = bands(len(found))
    with canvas(ax, (7.8, height(len(found), 1, 4.2))) as axes:
        lines = compared_to(axes.axhline, result, which)
        for curve in found:
            rows = curve.rows.sort_values("n_train", kind="stable")
            if banded:
                axes.fill_between(
                    rows["n_train"], rows["ci_low"], rows["ci_high"],
                    color=curve.colour, alpha=0.14, lw=0,
                )  # fmt: skip
            axes.plot(
                rows["n_train"], rows["estimate"], color=curve.colour, ls=curve.dashes, lw=1.8,
                marker="o", ms=4.5, label=curve.title, gid="curve",
            )  # fmt: skip
        sizes = np.unique(data["n_train"].to_numpy(float))
        axes.set_xticks(sizes, [f"{n:,.0f}" for n in sizes])
        gap = 0.05 * float(sizes[-1])
        axes.set_xlim(max(0.0, float(sizes[0]) - gap), float(sizes[-1]) + gap)
        axes.set_xlabel("people in training")
        axes.set_ylabel(f"{words}, people out of the training fold")
        legend_right(axes)
        settle(axes)
        head(
            axes,
            "Would more people help?",
            "; ".join([*(["band: interval over people"] if banded else []), *lines]),
        )
        one = len(sizes) == 1
        caption(
            axes,
            f"One size only, {sizes[0]:,.0f} people: nothing is said of others." if one else "",
            hint,
            left,
        )
    return handed(axes, data, return_data)
