"""Change of each signature's score in each person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import counted, jitter, mean_interval, need, not_ok
from exerkine_omics.pl._rows import widest
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
    legend_right,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VALUES = {"change": "change in score", "std_change": "standardised change in score"}


def score_change(
    frame: pd.DataFrame,
    *,
    value: str = "change",
    names: Names = None,
    max_signatures: int = 25,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw each person's change of score, with the mean and its interval.

    Use it after ``tl.score_change`` to see how large, how general and how certain a change is.

    Parameters
    ----------
    frame
        Frame of ``tl.score_change``: subject_id, signature, timepoint, change, std_change,
        coverage, n_members, status, and arm where there are arms.
    value
        ``"change"`` (in units of the score) or ``"std_change"``.
    names
        Mapping from signature to the title to show.
    max_signatures
        With more, those of the largest mean change are drawn and the others counted.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes; the mean's 95% interval is a t interval over people. An arm has its colour, paler
        at later times.

    Raises
    ------
    UsageError
        If ``value`` is no such column, or the frame lacks a column.

    Notes
    -----
    Missing values: a row without a value is not drawn and is counted, with its status, below
    the figure.
    """
    if value not in _VALUES:
        raise UsageError(
            f"value={value!r} is none of {', '.join(_VALUES)}", where="value=", fix="Name one."
        )
    need(
        frame,
        (schema.SUBJECT, "signature", schema.TIMEPOINT, value),
        "score_change",
        "exo.tl.score_change",
    )
    data = frame[np.isfinite(frame[value].astype(float))].copy()
    mean = data.groupby(data["signature"].astype(str))[value].mean().abs()
    known = levels(frame["signature"])
    order = known
    if len(known) > max_signatures:
        order = list(mean.sort_values(ascending=False, kind="stable").index[:max_signatures])
    data = data[data["signature"].astype(str).isin(order)]
    group, groups = _groups(frame, data)
    hue = _hues(frame, groups)
    width = 0.8 / max(len(groups), 1)
    rows = len(order) * max(1.0, 0.4 * len(groups))
    ticks = _ticks(frame, data, order, labels_of(order, names))
    size = (
        5.4 + 0.07 * widest(ticks) + (0.07 * widest(groups) + 1.2 if groups != [""] else 0.0),
        float(np.clip(1.8 + 0.45 * rows, 2.6, 18.0)),
    )
    # where many groups share a row their diamonds must not touch
    pitch = (size[1] - 1.2) * 72 * width / max(len(order), 1)
    diamond = float(np.clip(0.75 * pitch, 2.5, 5.5))
    with canvas(ax, size) as axes:
        for number, name in enumerate(groups):
            nudge = (number - (len(groups) - 1) / 2) * width
            part = data[group == name]
            for row, signature in enumerate(order):
                values = part.loc[part["signature"].astype(str) == signature, value].to_numpy(float)
                if not len(values):
                    continue
                y = row + nudge
                axes.scatter(
                    values,
                    y + jitter(len(values), width * 0.6),
                    s=11,
                    color=hue[name],
                    alpha=0.45,
                    linewidths=0,
                )
                centre, low, high, _ = mean_interval(values)
                axes.plot([low, high], [y, y], color=hue[name], lw=0.44 * diamond, zorder=4)
                axes.plot(
                    centre, y, "D", ms=diamond, color=hue[name], mec="black", mew=0.8, zorder=5
                )
        axes.axvline(0, color=GREY, lw=0.9, zorder=0)
        axes.set_yticks(range(len(order)), ticks)
        axes.set_ylim(max(len(order), 1) - 0.45, -0.55)
        axes.set_xlabel(_VALUES[value])
        head(
            axes,
            "Change of signature scores",
            "dot: a person; diamond: mean with 95% interval; left of 0: lower than at baseline",
        )
        hidden = len(known) - len(order)
        caption(
            axes,
            not_ok(frame, "row"),
            f"Not drawn: {counted(hidden, 'signature')} of smaller mean change." if hidden else "",
        )
        if groups != [""]:
            _legend(axes, groups, hue, data, group)
    return handed(axes, data, return_data)


def _groups(frame: pd.DataFrame, data: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Group of each row drawn (arm and time point where there are several), and their order."""
    times = levels(frame[schema.TIMEPOINT])
    arms = levels(frame[schema.ARM]) if schema.ARM in frame else [""]
    arms = [a for a in arms if a] or [""]

    def name(arm: str, time: str) -> str:
        return ", ".join(([arm] if len(arms) > 1 else []) + ([time] if len(times) > 1 else []))

    time = data[schema.TIMEPOINT].astype(str)
    arm = data[schema.ARM].astype(str) if len(arms) > 1 else pd.Series("", index=data.index)
    group = np.array([name(a, t) for a, t in zip(arm, time, strict=True)], dtype=object)
    present = set(group)
    order = dict.fromkeys(name(a, t) for a in arms for t in times)
    return group, [g for g in order if g in present]


def _hues(frame: pd.DataFrame, groups: list[str]) -> dict:
    """Colour of each group: the arm's, paler at later times, where both arms and times differ."""
    times = levels(frame[schema.TIMEPOINT])
    arms = [a for a in levels(frame[schema.ARM]) if a] if schema.ARM in frame else []
    if len(arms) < 2 or len(times) < 2:
        return colours(groups)
    hue = {}
    for arm, colour in colours(arms).items():
        for number, time in enumerate(times):
            white = 0.65 * number / (len(times) - 1)
            pale = tuple((1 - white) * channel + white for channel in colour[:3])
            hue[f"{arm}, {time}"] = pale
    return hue


def _ticks(
    frame: pd.DataFrame, data: pd.DataFrame, order: list[str], labels: dict[str, str]
) -> list[str]:
    """Signature, and below it the share of its weight measured, or why nothing is drawn."""
    import textwrap

    texts = []
    for signature in order:
        part = data[data["signature"].astype(str) == signature]
        lines = textwrap.wrap(labels[signature].replace("_", " "), 28) or [signature]
        if "coverage" in part and len(part):
            low, high = part["coverage"].min(), part["coverage"].max()
            share = f"{low:.0%}" if round(low, 2) == round(high, 2) else f"{low:.0%} to {high:.0%}"
            lines.append(f"coverage {share}")
        elif not len(part) and "status" in frame:
            why = frame.loc[frame["signature"].astype(str) == signature, "status"].astype(str)
            lines += textwrap.wrap(f"none: {why.mode().iloc[0]}", 28)
        texts.append("\n".join(lines))
    return texts


def _legend(
    axes: Axes, groups: list[str], hue: dict, data: pd.DataFrame, group: np.ndarray
) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for name in groups:
        people = data.loc[group == name, schema.SUBJECT].nunique()
        handles.append(
            Line2D(
                [],
                [],
                color=hue[name],
                marker="D",
                mec="black",
                lw=2.4,
                label=f"{name}, n={people}",
            )
        )
    legend_right(axes, handles)
