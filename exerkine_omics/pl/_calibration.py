"""Predicted probability against what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._prediction import (
    METRIC_COLUMNS,
    Curve,
    Several,
    bands,
    beside,
    curves,
    height,
    metric_row,
    of_pair,
    table,
    with_interval,
)
from exerkine_omics.pl._rows import settle
from exerkine_omics.pl._style import (
    GREY,
    INK,
    Drawn,
    canvas,
    caption,
    handed,
    head,
    legend_right,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = ("block", "model", "probability", "observed", "ci_low", "ci_high")
_PEOPLE = (schema.SUBJECT, "block", "model", "probability")
_WORDY = 6  # curves beside which the legend has room for the intercept
_BINS = 40
_STRIP = 0.16  # height of the strip of predictions, units of y


def calibration(
    result: Any,
    *,
    block: Several = None,
    model: Several = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the share that responded against the probability that was predicted for them.

    Use it after ``ml.evaluate``, before anyone reads a probability. On the dashed line predictions
    hold; a curve flatter than it says that they are too extreme. Below stand the predictions:
    with one curve, responders upwards and the others downwards; with up to three, one tick a
    person.

    Parameters
    ----------
    result
        Result of ``ml.evaluate`` for a class, or its frame ``calibration`` alone.
    block, model
        Blocks and models to draw; all by default, of more than twelve curves those of the first
        model. A block has one colour, a model one dash. Bands and predictions are drawn for up to
        three curves.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the curves that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. The legend has slope and intercept of the logistic recalibration,
        ``logit P(y) = a + b logit p``, with their intervals: 1 and 0 where predictions hold; of
        more than six curves the slope.

    Raises
    ------
    UsageError
        If a block or model is not there, or predictions hardly differ and there is no curve.

    Notes
    -----
    Missing values: a point of a curve or a band that is NaN is not drawn. The curve is loess over
    people; with a few dozen it is a picture, and no measurement.
    """
    frame = table(result, "calibration", _COLUMNS, "calibration")
    found, left = curves(frame, block, model)
    banded, hint = bands(len(found))
    metrics = beside(result, "metrics", METRIC_COLUMNS)
    people = beside(result, "predictions", _PEOPLE)
    lines = 3 if len(found) <= _WORDY else 2
    with canvas(ax, (7.6, height(len(found), lines, 5.4))) as axes:
        axes.plot([0, 1], [0, 1], color=GREY, lw=1.0, ls=(0, (4, 3)), label="predictions hold")
        for curve in found:
            rows = curve.rows.sort_values("probability", kind="stable")
            if banded:
                axes.fill_between(
                    rows["probability"], rows["ci_low"], rows["ci_high"],
                    color=curve.colour, alpha=0.15, lw=0, gid="band",
                )  # fmt: skip
            label = "\n".join([curve.title, *_recalibration(metrics, curve)][:lines])
            axes.plot(
                rows["probability"], rows["observed"], color=curve.colour, ls=curve.dashes, lw=2.0,
                label=label, gid="curve",
            )  # fmt: skip
        strip = people is not None and banded
        told = _below(axes, people, found) if strip and people is not None else ""
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-_STRIP - 0.05 if told else -0.01, 1.01)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.set_yticks(np.linspace(0, 1, 6))
        axes.set_aspect("equal", adjustable="box", anchor="W")
        axes.set_xlabel("predicted probability of response")
        axes.set_ylabel("share that responded")
        legend_right(axes)
        settle(axes)
        n = "" if people is None else counted(people[schema.SUBJECT].nunique(), "person", "people")
        words = [n, "band: interval over people" if banded else ""]
        head(axes, "Calibration of out-of-fold predictions", "; ".join(w for w in words if w))
        caption(axes, "Loess over people; a slope under 1: predictions too extreme.", told, hint,
                left)  # fmt: skip
    return handed(axes, pd.concat([c.rows for c in found]), return_data)


def _recalibration(metrics: pd.DataFrame | None, curve: Curve) -> list[str]:
    """Lines of the legend with slope and intercept, where they are known."""
    if metrics is None:
        return []
    slope = metric_row(metrics, "calibration_slope", curve.block, curve.model)
    start = metric_row(metrics, "calibration_intercept", curve.block, curve.model)
    told = ["slope not known" if slope is None else f"slope {with_interval(slope)}"]
    return told if start is None else [*told, f"intercept {with_interval(start)}"]


def _below(axes: Axes, people: pd.DataFrame, found: list[Curve]) -> str:
    """Draw each person's mean prediction under the curves; return what was drawn."""
    several = len(found) > 1
    for place, curve in enumerate(found):
        own = of_pair(people, curve.block, curve.model)
        numbers = own[["probability", *(["label"] if "label" in own else [])]].astype(float)
        mean = numbers.groupby(own[schema.SUBJECT].astype(str)).mean()
        mean = mean[np.isfinite(mean["probability"])]
        if several or "label" not in mean or mean.empty:
            step = _STRIP / len(found)
            top = -0.02 - place * step
            axes.vlines(
                mean["probability"], top - 0.8 * step, top, color=curve.colour, lw=0.6, alpha=0.6,
                gid="rug",
            )  # fmt: skip
            continue
        _histogram(axes, mean["probability"].to_numpy(), mean["label"].to_numpy() > 0.5, curve)
        return "Below: predictions of responders upwards, of the others downwards."
    return "Below: each person's mean prediction."


def _histogram(axes: Axes, p: np.ndarray, positive: np.ndarray, curve: Curve) -> None:
    edges = np.linspace(0, 1, _BINS + 1)
    counts = [np.histogram(p[at], edges)[0] for at in (positive, ~positive)]
    unit = _STRIP / 2 / max(int(np.max(counts)), 1)
    middle = -0.03 - _STRIP / 2
    for count, sign in zip(counts, (1, -1), strict=True):
        axes.bar(
            (edges[:-1] + edges[1:]) / 2, sign * unit * count, bottom=middle, width=0.7 / _BINS,
            color=curve.colour, alpha=0.9 if sign > 0 else 0.45, lw=0,
            gid="responders" if sign > 0 else "others",
        )  # fmt: skip
    axes.hlines([middle], [0], [1], color=INK, lw=0.5, gid="middle")
