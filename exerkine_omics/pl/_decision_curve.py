"""Net benefit of acting on a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._prediction import Curve, Several, curves, height, table
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

_COLUMNS = ("block", "model", "threshold", "net_benefit", "ci_low", "ci_high")
_REFERENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "all": ("as if all responded", {"color": INK, "ls": (0, (4, 3))}),
    "none": ("as if none did", {"color": GREY, "ls": "-"}),
}
_BELOW = 0.3  # of the height above 0, shown below it


def decision_curve(
    result: Any,
    *,
    block: Several = None,
    model: Several = None,
    band: str | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the net benefit of acting on a prediction over the threshold at which one would act.

    Use it after ``ml.evaluate``: a model is of use only where its curve lies above both
    references, acting for everybody and for nobody, at thresholds chosen before looking.

    Parameters
    ----------
    result
        Result of ``ml.evaluate`` for a class, or its frame ``decision`` alone.
    block, model
        Blocks and models to draw; all by default, of more than twelve curves those of the first
        model. A block has one colour, a model one dash. The references are always drawn.
    band
        Block whose interval is drawn: one at most, as bands overlap. By default that of the only
        curve.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points that were drawn, without the references.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, cut off a little below 0: acting for all costs much at high thresholds.

    Raises
    ------
    UsageError
        If a block or model is not in the result, or the result is that of a change.

    Notes
    -----
    Missing values: a point that is NaN is not drawn. Net benefit at threshold t is
    ``TP/n - FP/n t/(1-t)``: responders found per person, less the others acted for, at the rate
    of exchange that the threshold states.
    """
    frame = table(result, "decision", _COLUMNS, "decision_curve")
    ours = ~frame["block"].astype(str).isin(_REFERENCES)
    if not (ours & np.isfinite(frame["net_benefit"].to_numpy(float))).any():
        raise UsageError(
            "decision_curve has nothing to draw: no block has a net benefit",
            where="result.decision",
            fix="See the notes of what exo.ml.evaluate returns for the reason.",
        )
    found, left = curves(frame[ours], block, model)
    shaded = _shaded(found, band)
    missing = []
    with canvas(ax, (8.2, height(len(found) + 2, 1, 4.4))) as axes:
        for name, (words, look) in _REFERENCES.items():
            rows = frame[frame["block"].astype(str) == name].sort_values("threshold")
            if rows.empty:
                missing.append(name)
                continue
            axes.plot(rows["threshold"], rows["net_benefit"], lw=1.3, label=words, gid=name, **look)
        for curve in found:
            rows = curve.rows.sort_values("threshold", kind="stable")
            if curve is shaded:
                axes.fill_between(
                    rows["threshold"], rows["ci_low"], rows["ci_high"],
                    color=curve.colour, alpha=0.15, lw=0,
                )  # fmt: skip
            axes.plot(
                rows["threshold"], rows["net_benefit"], color=curve.colour, ls=curve.dashes,
                lw=2.0, label=curve.title, gid="curve",
            )  # fmt: skip
        everything = frame[~ours]
        _limits(axes, pd.concat([everything, *(c.rows for c in found)]), shaded)
        axes.set_xlabel("threshold probability at which one would act")
        axes.set_ylabel("net benefit")
        legend_right(axes)
        settle(axes)
        words = "" if shaded is None else f"band: interval of {shaded.title} over people"
        head(axes, "Decision curve of out-of-fold predictions", words)
        caption(
            axes,
            "Of use only where a curve lies above both references.",
            f"The frame has no reference {shown(missing)}." if missing else "",
            "Draw one interval with band=." if shaded is None else "",
            left,
        )
    return handed(axes, pd.concat([c.rows for c in found]), return_data)


def _shaded(found: list[Curve], band: str | None) -> Curve | None:
    """Return the one curve whose interval is drawn."""
    if band is None:
        return found[0] if len(found) == 1 else None
    own = [c for c in found if c.block == band]
    if len(own) != 1:
        raise UsageError(
            f"band={band!r} is {len(own)} of the curves drawn; their blocks are "
            f"{shown(dict.fromkeys(c.block for c in found))}",
            where="band=",
            fix="Name one of them, and one model= where there are several.",
        )
    return own[0]


def _limits(axes: Axes, data: pd.DataFrame, shaded: Curve | None) -> None:
    """All above 0, and as much below it as leaves the curves legible."""
    values = [data["net_benefit"]]
    if shaded is not None:
        values += [shaded.rows["ci_low"], shaded.rows["ci_high"]]
    every = np.concatenate([v.to_numpy(float) for v in values])
    every = every[np.isfinite(every)]
    top = max(float(every.max()), 0.01)
    bottom = min(float(every.min()), 0.0)
    axes.set_ylim(max(bottom, -_BELOW * top) - 0.04 * top, 1.06 * top)
    axes.set_xlim(0, 1)
