"""Spread of changes by arm, and the SD of individual response that follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.pl._frames import counted, jitter, need, need_result
from exerkine_omics.pl._rows import beside, settle, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
    INK,
    ZONE,
    Drawn,
    canvas,
    caption,
    colours,
    dot_size,
    handed,
    head,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METHODS = {
    "closed": "normal theory",
    "mover": "MOVER",
    "mixed": "mixed model",
    "bootstrap": "bootstrap",
}
_LOST = ("missing", "not_trained")


def arm_variances(
    result: Any,
    *,
    unit: str = "",
    title: str = "Do changes spread more with training?",
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw how far changes spread in each arm, their SDs, and SDir by its four intervals.

    Use it after ``tl.responders``: true responses differ only as far as the trained spread more
    than the untrained, who hold the same noise.

    Parameters
    ----------
    result
        Result of ``tl.responders``.
    unit
        Unit of the outcome, for the x axis.
    title
        Title of the figure.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows of numbers: row, estimate, ci_low, ci_high.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. Top rows: each person's change less the arm's mean. Middle: SD of change with
        its chi-square interval. Bottom: SDir by each method; a filled diamond is the one that the
        verdict rests on. A negative SDir means that the control arm spreads more.

    Notes
    -----
    Missing values: people who are missing or did not train are not drawn. Without a control arm
    there is no SDir, and the reason stands below the figure.
    """
    need_result(result, ("frame", "sd_ir", "sd_ir_table"), "arm_variances", "exo.tl.responders")
    need(result.frame, (schema.SUBJECT, "change", "category"), "arm_variances", "exo.tl.responders")
    sds, ir = result.arm_sds, result.sd_ir
    frames = [f for f in (result.frame, result.control_frame) if f is not None]
    names = [shortened(str(a) or "all people", 24) for a in sds["arm"]]
    hue = [colours(["a"])["a"], GREY]
    table = result.sd_ir_table
    methods = [str(m) for m in table["method"]]
    data = pd.DataFrame(
        {
            "row": [f"SD, {n}" for n in names] + [f"SDir, {_METHODS.get(m, m)}" for m in methods],
            "estimate": [*sds["sd"], *table["estimate"]],
            "ci_low": [*sds["ci_low"], *table["ci_low"]],
            "ci_high": [*sds["ci_high"], *table["ci_high"]],
        }
    )
    k = len(names)
    ticks = [*(two_lines(f"changes, {n}") for n in names), *map(two_lines, data["row"])]
    # strips need more height than points; a gap after each kind of row
    y = np.cumsum([0.0, *[1.6] * (k - 1), *[1.5], *[1.0] * (k - 1), *([1.3] if methods else []),
                   *[0.8] * (len(methods) - 1)])  # fmt: skip
    size = (6.8 + 0.07 * widest(ticks), 1.9 + 0.34 * (float(y[-1]) + 1.5))
    with canvas(ax, size) as axes:
        if ir.smallest > 0 and methods:
            axes.axvspan(
                -ir.smallest, ir.smallest, color=ZONE, alpha=0.35, lw=0, zorder=0, gid="smallest"
            )
        axes.axvline(0, color=INK, lw=0.8, zorder=1)
        for at, frame, mean, colour in zip(
            y, frames, result.baseline_lines["mean_change"], hue, strict=False
        ):
            people = frame[~frame["category"].astype(str).isin(_LOST)]
            spread = people["change"].to_numpy(float) - mean
            axes.scatter(
                spread, at + jitter(len(spread), 0.9), s=dot_size(20 * len(spread)) + 4,
                color=[colour], alpha=0.7, lw=0, zorder=2, gid="changes",
            )  # fmt: skip
        _points(axes, y[k:], data, [*hue[:k], *[INK] * len(methods)], [False] * k
                + [m == ir.method for m in methods], k)  # fmt: skip
        counts = [f"n={n}" for n in sds["n"]]
        texts = [
            f"{r.estimate:.3g} ({r.ci_low:.3g} to {r.ci_high:.3g})"
            if np.isfinite(r.estimate)
            else "unknown"
            for r in data.itertuples()
        ]
        beside(axes, y.tolist(), [*counts, *texts])
        axes.set_yticks(y, ticks)
        axes.set_ylim(float(y[-1]) + 0.7, -0.8)
        of = f", {unit}" if unit else ""
        axes.set_xlabel(f"change less the arm's mean; SD{of}")
        settle(axes)
        head(axes, title, f"bars: {ir.level:.0%} intervals; SDir < 0: the controls spread more")
        strata = bool((sds["df"] > 0).any() and (sds["df"] < sds["n"] - 1).any())
        lost = sum(int(f["category"].astype(str).isin(_LOST).sum()) for f in frames)
        caption(
            axes,
            f"Verdict: {result.verdict}. {str(result.verdict_reason).strip()}",
            "Filled: the interval of the verdict." if methods else "",
            f"Yellow: SDir below {ir.smallest:.3g}, too small to matter."
            if ir.smallest > 0 and methods
            else "",
            "SDs are within strata." if strata else "",
            f"Not drawn: {counted(lost, 'person', 'people')} not measured or not trained."
            if lost
            else "",
        )
    return handed(axes, data, return_data)


def _points(
    axes: Axes, y: np.ndarray, data: pd.DataFrame, hue: list[Any], filled: list[bool], k: int
) -> None:
    """Estimates with their intervals: dots for SDs, diamonds for SDir."""
    axes.hlines(y, data["ci_low"], data["ci_high"], color=hue, lw=1.6, zorder=3, gid="intervals")
    for i, (at, value) in enumerate(zip(y, data["estimate"], strict=True)):
        axes.scatter(
            [value], [at], s=38, marker="o" if i < k else "D", zorder=4, edgecolors=[hue[i]],
            facecolors=[hue[i] if i < k or filled[i] else "white"], gid="estimate",
        )  # fmt: skip
