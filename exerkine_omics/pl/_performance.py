"""One metric of all blocks and models, with what it can be compared to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError
from exerkine_omics.pl._prediction import (
    LEAD,
    METRIC_COLUMNS,
    Several,
    beside,
    chosen,
    compared_to,
    metric_words,
    number,
    of_pair,
    one_of,
    table,
    with_interval,
)
from exerkine_omics.pl._rows import beside as text_beside
from exerkine_omics.pl._rows import legend_beyond, row_height, settle, two_lines, widest
from exerkine_omics.pl._style import (
    Drawn,
    canvas,
    caption,
    colours,
    handed,
    head,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^vPX*"


def performance(
    result: Any,
    *,
    metric: str | None = None,
    block: Several = None,
    model: Several = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw a metric of all blocks and models with its intervals, one row a block.

    Use it after ``ml.evaluate``, before any one block is looked at: a block is worth more than
    another only as far as their intervals say, and none goes far beyond the attainable line.

    Parameters
    ----------
    result
        Result of ``ml.evaluate``, or its frame ``metrics`` alone.
    metric
        Metric of the frame; by default ``auc``, or ``r2`` of a change.
    block, model
        Blocks and models to draw; all by default.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, blocks in the order of the result. To the right of each row the numbers, and p
        where it was permuted. Dotted: what measurement error allows at best.

    Raises
    ------
    UsageError
        If the metric, a block or a model is not in the result, or nothing is known of it.

    Notes
    -----
    Missing values: an estimate that is NaN is named below the figure; an interval that is NaN is
    not drawn. The best of many rows flatters itself: the block is chosen before looking.
    """
    frame = table(result, "metrics", METRIC_COLUMNS, "performance")
    which = one_of(frame, "metric", metric, LEAD)
    rows = chosen(chosen(chosen(frame, "metric", which), "block", block), "model", model)
    known = np.isfinite(rows["estimate"].to_numpy(float))
    data, lost = rows[known].copy(), rows[~known]
    if data.empty:
        raise UsageError(
            f"performance has nothing to draw: no {which} of these blocks is known",
            where="result.metrics",
            fix="Name another metric= or block=.",
        )
    blocks, models = levels(data["block"]), levels(data["model"])
    looks = dict(zip(levels(frame["model"]), _MARKERS * len(levels(frame["model"])), strict=False))
    hue = colours(list(looks))
    own = {b: levels(part["model"]) for b, part in data.groupby(data["block"].astype(str))}
    most = max(len(m) for m in own.values())
    data["y"] = [
        blocks.index(b) + (own[b].index(m) - (len(own[b]) - 1) / 2) * 0.76 / most
        for b, m in zip(data["block"].astype(str), data["model"].astype(str), strict=True)
    ]
    ticks = [two_lines(b, 36) for b in blocks]
    row = max(row_height(ticks), 0.17 * most)
    size = (
        6.6 + 0.07 * widest(ticks) + (1.5 if len(models) > 1 else 0.0),
        min(2.0 + row * max(len(blocks), 2), 20.0),
    )
    words = metric_words(which)
    with canvas(ax, size) as axes:
        lines = compared_to(axes.axvline, result, which)
        for name in models:
            part = data[data["model"].astype(str) == name]
            axes.hlines(part["y"], part["ci_low"], part["ci_high"], color=[hue[name]], lw=1.6)
            axes.scatter(
                part["estimate"], part["y"], s=30, color=[hue[name]], marker=looks[name], zorder=3,
                label=name, gid="estimate",
            )  # fmt: skip
        texts = [with_interval(r) + _p_value(result, which, r) for _, r in data.iterrows()]
        axes.set_yticks(range(len(blocks)), ticks)
        axes.set_ylim(len(blocks) - 0.4, -0.6)
        axes.set_xlabel(f"{words}, people out of the training fold")
        aside = text_beside(axes, data["y"].tolist(), texts)
        if len(models) > 1:
            legend_beyond(axes, aside, axes.get_legend_handles_labels()[0], "model")
        settle(axes)
        head(
            axes,
            words[0].upper()
            + words[1:]
            + (" by block and model" if len(models) > 1 else " by block"),
            "; ".join(["bars: interval over people", *lines]),
        )
        names = [f"{b}, {m}" for b, m in zip(lost["block"], lost["model"], strict=True)]
        caption(
            axes,
            *_around(result, which),
            f"Not known: {'; '.join(names)}." if names else "",
        )
    return handed(axes, data.drop(columns="y"), return_data)


def _p_value(result: Any, metric: str, row: pd.Series) -> str:
    """Permutation p of the row's block, or of its gain; empty where it was not permuted."""
    column = {"auc": "permutation_p", "r2": "permutation_p"}.get(metric, "")
    if metric.endswith("_increment"):
        column = "increment_p"
    frame = beside(result, "p_values", ("block", "model", column)) if column else None
    if frame is None:
        return ""
    own = of_pair(frame, str(row["block"]), str(row["model"]))[column].to_numpy(float)
    return f", p = {own[0]:.2g}" if len(own) and np.isfinite(own[0]) else ""


def _around(result: Any, metric: str) -> list[str]:
    """Say what must stand beside an AUC: the control arm, and whether a ceiling is known."""
    if isinstance(result, pd.DataFrame) or metric not in LEAD:
        return []
    told = []
    control = getattr(result, "control", None)
    if isinstance(control, dict) and "estimate" in control:
        other = str(control.get("metric", metric))
        told.append(
            f"The same pipeline among people who did not train: {metric_words(other)} "
            f"{with_interval({'ci_low': np.nan, 'ci_high': np.nan} | control)}."
        )
    if number(result, "ceiling", metric) is None:
        told.append(f"The attainable {metric_words(metric)} is not known.")
    return told
