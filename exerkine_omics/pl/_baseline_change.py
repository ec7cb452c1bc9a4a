"""Change against baseline, with the line that noise alone draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.pl._frames import counted, need, need_result
from exerkine_omics.pl._style import (
    GREY,
    INK,
    Drawn,
    canvas,
    caption,
    colours,
    dot_size,
    handed,
    head,
    legend_right,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = (schema.SUBJECT, schema.PRE, "change", "category")


def baseline_change(
    result: Any,
    *,
    unit: str = "",
    title: str = "Change against baseline",
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    r"""Draw each person's change against the baseline, with the line that noise alone draws.

    Use it after ``tl.responders``, before saying that the least fit gain most: who was measured
    too low before training seems to gain, whatever the training did.

    The line goes through the arm's means with the slope :math:`-TE^2 / SD_{pre}^2` of
    ``result.baseline_lines``. The control arm, where there is one, shows the slope without
    training.

    Parameters
    ----------
    result
        Result of ``tl.responders``.
    unit
        Unit of the outcome, for the axes.
    title
        Title of the figure.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points, with their role (treated or control).

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Notes
    -----
    Missing values: a person without pre or post is not drawn and is counted below the figure. Who
    trained less than the dose stated is hollow and bends no line.
    """
    need_result(
        result,
        ("frame", "control_frame", "cut"),
        "baseline_change",
        "exo.tl.responders",
    )
    need(result.frame, _COLUMNS, "baseline_change", "exo.tl.responders")
    frames = {"treated": result.frame}
    if result.control_frame is not None:
        frames["control"] = result.control_frame
    lines = result.baseline_lines
    hue = dict(zip(frames, (colours(["a"])["a"], GREY), strict=False))
    parts: list[pd.DataFrame] = []
    said: list[str] = []
    lost = idle = 0
    with canvas(ax, (7.4, 4.8)) as axes:
        # the control arm below the treated one
        for role, line in reversed(list(zip(frames, lines.itertuples(), strict=True))):
            frame = frames[role]
            part = frame[np.isfinite(frame["change"].astype(float))].assign(role=role)
            lost += len(frame) - len(part)
            out = part["category"].astype(str) == "not_trained"
            idle += int(out.sum())
            name = shortened(str(line.arm) or "all people", 20)
            for rows, face, words in ((~out, hue[role], f"{name}, n={line.n}"), (out, "none", "")):
                axes.scatter(
                    part.loc[rows, schema.PRE],
                    part.loc[rows, "change"],
                    s=dot_size(20 * len(part)) + 8,
                    facecolors=[face],
                    edgecolors=[hue[role]],
                    zorder=3 if role == "treated" else 2,
                    label=words or None,
                    gid=role if words else f"{role}_not_trained",
                )
            if np.isfinite(line.rtm_slope) and line.n > 1:
                _noise_line(axes, part.loc[~out, schema.PRE], line, role, name)
            said.insert(0, _slopes(name, line, result.sd_ir.level))
            parts.insert(0, part)
        axes.axhline(0, color=INK, lw=0.8, zorder=0)
        if np.isfinite(result.cut) and result.cut:
            axes.axhline(
                result.cut, color="black", lw=1.0, ls=(0, (5, 3)), zorder=1,
                label=f"threshold {result.cut:.3g}",
            )  # fmt: skip
        of = f", {unit}" if unit else ""
        axes.set_xlabel(f"baseline{of}")
        axes.set_ylabel(f"change{of}")
        head(axes, title, "line: what noise alone makes of equal responses")
        caption(
            axes,
            *said,
            f"Not drawn: {counted(lost, 'person', 'people')} without a change." if lost else "",
            "Hollow: trained less than the dose stated." if idle else "",
        )
        # drawn from the back to the front, listed the other way round
        handles = axes.get_legend_handles_labels()[0]
        dots = [h for h in handles if _is_dot(h)]
        legend_right(axes, [*dots[::-1], *(h for h in handles[::-1] if h not in dots)])
    data = pd.concat(parts)
    return handed(axes, data, return_data)


def _is_dot(handle: Any) -> bool:
    return hasattr(handle, "get_sizes")


def _noise_line(axes: Axes, pre: pd.Series, line: Any, role: str, name: str) -> None:
    ends = np.array([pre.min(), pre.max()], dtype=float)
    axes.plot(
        ends,
        line.mean_change + line.rtm_slope * (ends - line.mean_pre),
        color=INK if role == "treated" else GREY,
        lw=1.6,
        ls="-" if role == "treated" else (0, (2, 2)),
        zorder=4,
        label=f"noise alone, {name}",
        gid=f"rtm_{role}",
    )


def _slopes(name: str, line: Any, level: float) -> str:
    """One sentence on an arm: the slope seen, and that of noise."""
    if not np.isfinite(line.slope):
        return f"{name}: too few people for a slope." if line.n else f"{name}: nobody measured."
    text = f"{name}: slope {line.slope:.2g} ({level:.0%}: {line.ci_low:.2g} to {line.ci_high:.2g})"
    if not np.isfinite(line.rtm_slope):
        return f"{text}; the baseline varies no more than the noise."
    return f"{text}, by noise alone {line.rtm_slope:.2g}."
