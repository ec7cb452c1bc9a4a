"""Sets that may abstain: how many are left one class, and do they hold the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._prediction import Several, chosen, table
from exerkine_omics.pl._rows import beside as text_beside
from exerkine_omics.pl._rows import legend_beyond, settle, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
    INK,
    Drawn,
    canvas,
    caption,
    category_colours,
    handed,
    head,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SETS = ("block", "model", "n", "nominal", "only_1", "both", "none", "only_0",
         "coverage_1", "coverage_1_low", "coverage_1_high",
         "coverage_0", "coverage_0_low", "coverage_0_high")  # fmt: skip
_WIDTHS = ("block", "model", "n", "nominal", "width", "width_5", "width_95",
           "coverage", "coverage_low", "coverage_high")  # fmt: skip
_WORDS = {
    "only_1": "responder only",
    "both": "both: abstains",
    "none": "none: abstains",
    "only_0": "non-responder only",
}
_CLASSES = {"1": ("responders", "D"), "0": ("non-responders", "o")}
_STEP = 0.3  # between the lines of a row


def conformal(
    result: Any,
    *,
    block: Several = None,
    model: Several = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw how often a prediction set leaves one class, and whether it holds the true one.

    Use it after ``ml.evaluate``: a set that holds the truth as often as promised by leaving both
    classes in says nothing of a person. For a change: how wide the intervals are.

    Parameters
    ----------
    result
        Result of ``ml.evaluate``, or its frame ``conformal_summary`` alone.
    block, model
        Blocks and models to draw; all by default.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. For classes a bar of the shares of people by set, below it the share of each
        class whose set holds it, with its interval; dashed: nominal. For a change the mean width
        of the intervals and the range of 90% of the people; at the right how many hold the change.

    Raises
    ------
    UsageError
        If a block or model is not there.

    Notes
    -----
    Missing values: a class without people has no coverage, which is said at its line; an interval
    without end is not drawn and named below.
    """
    known = result if isinstance(result, pd.DataFrame) else getattr(result, "conformal_summary", {})
    by_class = "width" not in known
    columns = _SETS if by_class else _WIDTHS
    frame = table(result, "conformal_summary", columns, "conformal")
    rows = chosen(chosen(frame, "block", block), "model", model)
    if rows.empty:
        raise UsageError(
            "None of these blocks was run with this model",
            where="model=",
            fix="Name a block and a model that stand together in the frame.",
        )
    data = rows.reset_index(drop=True)
    several = data["model"].nunique() > 1
    names = [
        two_lines(f"{b}, {m}" if several else str(b), 36)
        for b, m in zip(data["block"].astype(str), data["model"].astype(str), strict=True)
    ]
    nominal = " or ".join(f"{v:.0%}" for v in dict.fromkeys(data["nominal"].astype(float)))
    each = 0.95 if by_class else 0.4
    size = (7.0 + 0.07 * widest(names), min(2.0 + each * max(len(data), 2), 40.0))
    with canvas(ax, size) as axes:
        y = np.arange(len(data), dtype=float)
        told = _sets(axes, data, y) if by_class else _widths(axes, data, y)
        axes.set_yticks(y + (_STEP if by_class else 0.0), names)
        axes.set_ylim(float(y[-1]) + (1.0 if by_class else 0.6), -0.5)
        settle(axes)
        n = counted(int(data["n"].max()), "person", "people")
        if by_class:
            head(axes, "What prediction sets leave open", f"{n}; dashed: {nominal} promised")
        else:
            head(axes, "How wide the intervals are", f"{n}; bars: 90% of the people")
        caption(axes, *told)
    return handed(axes, data, return_data)


def _sets(axes: Axes, data: pd.DataFrame, y: np.ndarray) -> list[str]:
    hue = _colours()
    left = np.zeros(len(data))
    for name in _WORDS:
        share = data[name].to_numpy(float)
        axes.barh(y, share, left=left, height=0.34, color=hue[name], lw=0, gid=name)
        left += share
    for v in dict.fromkeys(data["nominal"].astype(float)):
        axes.axvline(v, color=GREY, lw=1.0, ls=(0, (4, 3)), zorder=0, gid="nominal")
    at, texts = list(y), [f"one class for {a + b:.0%}" for a, b in
                          data[["only_1", "only_0"]].to_numpy(float)]  # fmt: skip
    for place, (label, (who, marker)) in enumerate(_CLASSES.items(), start=1):
        line = y + _STEP * place
        names = [f"coverage_{label}{end}" for end in ("", "_low", "_high")]
        value, low, high = data[names].to_numpy(float).T
        colour = hue[f"only_{label}"]
        axes.hlines(line, low, high, color=[colour], lw=1.6)
        axes.scatter(value, line, s=26, marker=marker, color=[colour], zorder=3, gid=who)
        at += list(line)
        texts += [
            f"{v:.2f} ({a:.2f} to {b:.2f})" if np.isfinite(v) else f"no {who}"
            for v, a, b in zip(value, low, high, strict=True)
        ]
    axes.set_xlim(-0.01, 1.01)
    axes.set_xlabel("share of people")
    legend_beyond(axes, text_beside(axes, at, texts), _handles(hue))
    return ["Bars: what is left of the two classes. Points: share of the class whose set holds it."]


def _widths(axes: Axes, data: pd.DataFrame, y: np.ndarray) -> list[str]:
    value, low, high = data[["width", "width_5", "width_95"]].to_numpy(float).T
    drawn = np.isfinite(value)
    high = np.where(np.isfinite(high), high, value)
    axes.hlines(y[drawn], low[drawn], high[drawn], color=INK, lw=1.6)
    axes.scatter(value[drawn], y[drawn], s=30, color=INK, zorder=3, gid="width")
    texts = [
        f"holds {v:.2f} ({a:.2f} to {b:.2f}) of {n:.2f}"
        for v, a, b, n in data[["coverage", "coverage_low", "coverage_high", "nominal"]]
        .to_numpy(float)
    ]  # fmt: skip
    if drawn.any():
        axes.set_xlim(0, 1.05 * float(np.max(high[drawn])))
    axes.set_xlabel("width of the interval, units of the change")
    text_beside(axes, y.tolist(), texts)
    lost = [str(b) for b in data["block"][~drawn]]
    return [
        "At the right: share of people whose interval holds their change, of what was promised.",
        f"Without end for some: {', '.join(lost)}." if lost else "",
    ]


def _colours() -> dict[str, Any]:
    own = category_colours()
    return {
        "only_1": own["responder"],
        "both": own["uncertain"],
        "none": INK,
        "only_0": own["non"],
    }


def _handles(hue: dict[str, Any]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        *(Patch(color=hue[name], label=words) for name, words in _WORDS.items()),
        *(
            Line2D([], [], color=hue[f"only_{k}"], marker=marker, lw=1.6, label=f"{who} held")
            for k, (who, marker) in _CLASSES.items()
        ),
    ]
