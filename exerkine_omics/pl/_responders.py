"""Waterfall of individual changes against the noise of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.pl._frames import counted, need, need_result
from exerkine_omics.pl._style import (
    GREY,
    INK,
    SMALL,
    ZONE,
    Drawn,
    canvas,
    caption,
    category_colours,
    handed,
    head,
    legend_right,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VERDICTS = {
    "differs": "True responses differ between people.",
    "negligible": "Differences between true responses are negligible.",
    "cannot be known": "Whether true responses differ cannot be known.",
}
_NAMED = 40  # with more people their names are left out
_IDLE, _APART = "not_trained", "did not train"


def responders(
    result: Any,
    *,
    unit: str = "",
    title: str = "Individual changes",
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw each person's change, sorted, against the noise that a change carries.

    Use it after ``tl.responders``: a bar inside the grey band cannot be told from noise,
    whatever its height; inside the yellow zone a change is too small to count.

    Parameters
    ----------
    result
        Result of ``tl.responders``.
    unit
        Unit of the outcome, for the y axis; that of the result where it has one.
    title
        Title of the figure.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the people in the order drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Notes
    -----
    Missing values: a person without a change is not drawn and is counted below the figure. Who
    trained less than the dose stated stands apart, with hollow bars.
    """
    need_result(result, ("frame", "cut", "half_width", "level"), "responders", "exo.tl.responders")
    frame = result.frame
    need(
        frame,
        (schema.SUBJECT, "change", "ci_low", "ci_high", "category"),
        "responders",
        "exo.tl.responders",
    )
    present = frame[np.isfinite(frame["change"].astype(float))]
    arms = [a for a in levels(frame[schema.ARM]) if a] if schema.ARM in frame else []
    groups = _groups(present, arms)
    data = pd.concat([part for _, part in groups])
    # one empty place between groups
    place = np.arange(len(data)) + np.repeat(np.arange(len(groups)), [len(p) for _, p in groups])
    unit = unit or str(getattr(result, "unit", "") or "")
    size = (float(np.clip(3.6 + 0.16 * len(data), 7.0, 13.0)), 4.8)
    with canvas(ax, size) as axes:
        level = f"{100 * result.level:g}%"
        if np.isfinite(result.half_width):
            axes.axhspan(
                -result.half_width,
                result.half_width,
                color=GREY,
                alpha=0.22,
                lw=0,
                zorder=0,
                label=f"noise of a change:\n± {_short(result.half_width)} ({level}), from\n"
                f"typical error {_short(result.typical_error)}",
            )
        if np.isfinite(result.threshold) and result.threshold > 0:
            axes.axhspan(
                -result.threshold,
                result.threshold,
                color=ZONE,
                alpha=0.3,
                lw=0,
                zorder=0.5,
                label="zone of the threshold:\ntoo small to count",
            )
        if np.isfinite(result.cut):
            axes.axhline(
                result.cut,
                color="black",
                lw=1.2,
                ls=(0, (5, 3)),
                label=f"threshold {_short(result.cut)}",
            )
        axes.axhline(0, color="black", lw=0.8)
        counts = _bars(axes, data, place)
        axes.set_ylabel("change" + (f", {unit}" if unit else ""))
        _people(axes, data, place, groups)
        head(
            axes,
            title,
            f"{counted(len(data), 'person', 'people')}{': ' if counts else ''}"
            + ", ".join(f"{n} {c.replace('_', ' ')}" for c, n in counts.items()),
        )
        lost = len(frame) - len(present)
        caption(
            axes,
            _VERDICTS.get(result.verdict, f"Do true responses differ: {result.verdict}."),
            f"{str(result.verdict_reason).strip().rstrip('.')}."
            if str(result.verdict_reason).strip()
            else "",
            f"Whiskers: {level} interval of a person's change.",
            f"Not drawn: {counted(lost, 'person', 'people')} without a change." if lost else "",
            "Hollow: trained less than the dose stated, counted nowhere."
            if counts.get(_IDLE)
            else "",
        )
        legend_right(axes)
    return handed(axes, data, return_data)


def _groups(present: pd.DataFrame, arms: list[str]) -> list[tuple[str, pd.DataFrame]]:
    """Title and people of each group, sorted by change: the arms, then who did not train."""
    idle = present["category"].astype(str) == _IDLE
    found = []
    for arm in arms or [""]:
        mine = present[schema.ARM].astype(str) == arm if arm else ~idle | idle
        found.append((arm if len(arms) > 1 else "", present[mine & ~idle]))
        if (mine & idle).any():
            found.append((_APART, present[mine & idle]))
    return [(title, part.sort_values("change", kind="stable")) for title, part in found]


def _bars(axes: Axes, data: pd.DataFrame, place: np.ndarray) -> dict[str, int]:
    """Bars with whiskers, one colour a category; returns the counts in a fixed order."""
    palette = category_colours()
    category = data["category"].astype(str).to_numpy()
    order = [*palette, *(c for c in dict.fromkeys(category) if c not in palette)]
    change = data["change"].to_numpy(float)
    counts: dict[str, int] = {}
    for name in order:
        at = category == name
        if not at.any():
            continue
        counts[name] = int(at.sum())
        fill: dict[str, Any] = {"color": palette.get(name, GREY), "alpha": 0.85, "linewidth": 0}
        if name == _IDLE:
            fill = {"facecolor": "none", "edgecolor": INK, "linewidth": 0.8, "hatch": "////"}
        words = name.replace("_", " ")
        axes.bar(place[at], change[at], width=0.85, label=f"{words} ({counts[name]})", **fill)
    axes.vlines(
        place,
        data["ci_low"],
        data["ci_high"],
        color="#222222",
        lw=float(np.clip(60 / max(len(data), 1), 0.25, 1.1)),
        gid="whiskers",
    )
    return counts


def _people(
    axes: Axes, data: pd.DataFrame, place: np.ndarray, groups: list[tuple[str, pd.DataFrame]]
) -> None:
    """Names at the ticks where there is room, and the group's title above its people."""
    if len(data) <= _NAMED:
        names = [shortened(str(s), 18) for s in data[schema.SUBJECT]]
        axes.set_xticks(place, names, rotation=90, fontsize=SMALL - 1)
    else:
        axes.set_xticks([])
    arms = sum(bool(title) and title != _APART for title, _ in groups)
    axes.set_xlabel("people, sorted by change" + (" within arm" if arms > 1 else ""))
    axes.set_xlim(-0.8, (place[-1] if len(place) else 0) + 0.8)
    if not any(title for title, _ in groups):
        return
    axes.margins(y=0.12)
    start = 0
    for title, part in groups:
        if title and len(part):
            last = start + len(part) == len(place) and title == _APART
            middle = place[start : start + len(part)].mean()
            axes.annotate(
                f"{shortened(title, 24)}, n={len(part)}",
                xy=(place[-1] + 0.8 if last else middle, 0.99),
                va="top",
                ha="right" if last else "center",  # a few people at the edge have little room
                xycoords=("data", "axes fraction"),
                fontsize=9,
                gid="arm",
            )
        start += len(part)


def _short(value: float) -> str:
    return f"{value:.3g}"
