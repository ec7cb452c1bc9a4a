"""Responders of each outcome and arm, with what the same rule finds in the untrained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.pl._frames import need, need_result
from exerkine_omics.pl._rows import beside, legend_beyond, row_height, settle, two_lines, widest
from exerkine_omics.pl._style import Drawn, canvas, caption, category_colours, handed, head

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = ("responder", "uncertain", "non", "adverse")


def responder_profile(
    profile: Any,
    *,
    title: str = "Responders of each outcome",
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the share of responders of each outcome and arm, beside that of the control arm.

    Use it after ``tl.responder_profile``. The black mark is the share that the same rule calls
    responders among people who did not train.

    Parameters
    ----------
    profile
        Result of ``tl.responder_profile``, or its ``summary``.
    title
        Title of the figure.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the summary with the shares drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. To the right: people, and the verdict whether true responses differ.

    Notes
    -----
    Missing values: people who were not measured twice, or did not train, are in no share. An
    outcome without a result keeps its row, and its reason stands below the figure. Without a
    control arm there is no mark.
    """
    summary = getattr(profile, "summary", profile)
    need_result(summary, ("columns",), "responder_profile", "exo.tl.responder_profile")
    counts = [f"n_{c}" for c in _SHOWN]
    need(
        summary,
        ("outcome", "arm", "n", *counts, "control_responder", "verdict", "status"),
        "responder_profile",
        "exo.tl.responder_profile",
    )
    data = summary.copy()
    n = data["n"].to_numpy(float)
    for name, column in zip(_SHOWN, counts, strict=True):
        data[f"share_{name}"] = np.divide(
            data[column].to_numpy(float), n, out=np.full(len(n), np.nan), where=n > 0
        )
    labels = [
        two_lines(f"{row.outcome}: {row.arm}" if str(row.arm) else str(row.outcome))
        for row in data.itertuples()
    ]
    y = np.arange(len(data))
    palette = category_colours()
    height = max(row_height(labels), 0.34)
    size = (7.6 + 0.06 * widest(labels), min(1.9 + height * max(len(data), 3), 16.0))
    with canvas(ax, size) as axes:
        left = np.zeros(len(data))
        for name in _SHOWN:
            share = data[f"share_{name}"].fillna(0.0).to_numpy()
            axes.barh(y, share, left=left, height=0.66, color=palette[name], lw=0, label=name)
            left = left + share
        theirs = data["control_responder"].to_numpy(float)
        known = np.isfinite(theirs)
        if known.any():
            axes.vlines(
                theirs[known], y[known] - 0.42, y[known] + 0.42, color="black", lw=2.4, zorder=4,
                label="responders among\nthe untrained", gid="control",
            )  # fmt: skip
        ok = data["status"].astype(str) == schema.OK
        aside = beside(
            axes,
            [float(v) for v in y],
            [
                f"n={row.n}, {row.verdict}" if fine else "no result"
                for row, fine in zip(data.itertuples(), ok, strict=True)
            ],
        )
        axes.set_xlim(-0.012, 1)  # a mark at 0 is a mark
        axes.set_yticks(y, labels)
        axes.set_ylim(max(len(data), 3) - 0.4, -0.6)
        axes.set_xlabel("share of people")
        legend_beyond(axes, aside)
        settle(axes)
        head(axes, title, "right: people measured; do true responses differ?")
        reasons = [
            f"{row.outcome}{f', {row.arm}' if str(row.arm) else ''}: {row.status}."
            for row in data[~ok].head(3).itertuples()
        ]
        more = int((~ok).sum()) - len(reasons)
        caption(
            axes,
            "" if known.any() else "No control arm: what the rule finds in noise is unknown.",
            *reasons,
            f"{more} more without a result." if more > 0 else "",
        )
    return handed(axes, data, return_data)
