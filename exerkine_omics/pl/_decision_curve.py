"""Net benefit of acting on a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import curve_titles, need, need_result, of_curve, pick_curves
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    canvas,
    caption,
    colours,
    handed,
    head,
    legend_right,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REFERENCES = {"all": ("as if all responded", "-"), "none": ("as if none did", ":")}


def decision_curve(
    result: Any,
    *,
    block: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the net benefit of acting on a prediction over the threshold at which one would act.

    Use it after ``ml.evaluate``: a model is of use only where its curve lies above both grey lines,
    acting for everybody and for nobody.

    Parameters
    ----------
    result
        Result of ``ml.evaluate`` for a class.
    block
        Feature block or blocks to draw; all by default, of more than six curves those of the first
        model. The band is drawn for a single one.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If a block is not in the result, or the result is that of a change.

    Notes
    -----
    Missing values: a point that is NaN is not drawn. Net benefit at threshold t is
    ``TP/n - FP/n t/(1-t)``.
    """
    need_result(result, ("decision",), "decision_curve", "exo.ml.evaluate")
    if not len(result.decision):
        raise UsageError("There is no decision curve: a change is predicted", where="result")
    columns = ("block", "model", "threshold", "net_benefit", "ci_low", "ci_high")
    need(result.decision, columns, "decision_curve", "exo.ml.evaluate")
    data, curves = pick_curves(result.decision, block, tuple(_REFERENCES))
    titles = curve_titles(curves)
    hue = colours([titles[c] for c in curves])
    everyone = result.decision
    with canvas(ax, (7.4, 4.4)) as axes:
        for name, (words, line) in _REFERENCES.items():
            part = everyone[everyone["block"].astype(str) == name].sort_values("threshold")
            axes.plot(
                part["threshold"], part["net_benefit"], color=GREY, lw=1.4, ls=line, label=words
            )
        for curve in curves:
            part = of_curve(data, curve).sort_values("threshold", kind="stable")
            colour = hue[titles[curve]]
            if len(curves) == 1:
                axes.fill_between(
                    part["threshold"], part["ci_low"], part["ci_high"], color=colour, alpha=0.15,
                    lw=0,
                )  # fmt: skip
            axes.plot(
                part["threshold"], part["net_benefit"], color=colour, lw=2.0, label=titles[curve]
            )
        top = float(np.nanmax(everyone["net_benefit"]))
        axes.set_ylim(-0.12 * max(top, 0.1), top * 1.1 + 0.01)
        axes.set_xlim(0, 1)
        axes.set_xlabel("threshold probability at which one would act")
        axes.set_ylabel("net benefit")
        words = "band: interval over people" if len(curves) == 1 else ""
        head(axes, "Decision curve of out-of-fold predictions", words)
        caption(axes, "Of use only where a curve lies above both grey ones.")
        legend_right(axes)
    return handed(axes, data, return_data)
