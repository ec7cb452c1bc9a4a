"""Predicted probability against what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import (
    counted,
    curve_titles,
    need,
    need_result,
    of_curve,
    pick_curves,
)
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

_RUG = 0.025
_BANDS = 4


def calibration(
    result: Any,
    *,
    block: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the share that responded against the probability that was predicted for them.

    Use it after ``ml.evaluate``, before anyone reads a probability. On the dashed line predictions
    hold; a curve flatter than it says that they are too extreme. The legend has the slope of the
    logistic recalibration with its interval. Below, the predictions themselves, one tick a person.

    Parameters
    ----------
    result
        Result of ``ml.evaluate`` for a class.
    block
        Feature block or blocks to draw; all by default, of more than six curves those of the first
        model. Bands are drawn for up to four.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the curves that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If a block is not there, or predictions hardly differ and there is no curve.

    Notes
    -----
    Missing values: a point of a curve or a band that is NaN is not drawn. The curve is loess over
    people; with a few dozen it is a picture, and no measurement.
    """
    need_result(result, ("calibration", "metrics", "predictions"), "calibration", "exo.ml.evaluate")
    if not len(result.calibration):
        raise UsageError(
            "There is no calibration curve: a change is predicted, or predictions hardly differ",
            where="result",
        )
    columns = ("block", "model", "probability", "observed", "ci_low", "ci_high")
    need(result.calibration, columns, "calibration", "exo.ml.evaluate")
    data, curves = pick_curves(result.calibration, block)
    titles = curve_titles(curves)
    hue = colours([titles[c] for c in curves])
    with canvas(ax, (7.4, max(4.8, 1.2 + 0.36 * len(curves)))) as axes:
        axes.plot([0, 1], [0, 1], color=GREY, lw=1.0, ls=(0, (4, 3)), label="predictions hold")
        for number, curve in enumerate(curves):
            part = of_curve(data, curve).sort_values("probability", kind="stable")
            colour = hue[titles[curve]]
            x = part["probability"]
            if len(curves) <= _BANDS:
                axes.fill_between(
                    x, part["ci_low"], part["ci_high"], color=colour, alpha=0.15, lw=0
                )
            label = f"{titles[curve]}:\n{_slope(result.metrics, curve)}"
            axes.plot(x, part["observed"], color=colour, lw=2.0, label=label)
            own = of_curve(result.predictions, curve)
            mean = own.groupby("subject_id", observed=True)["probability"].mean()
            top = -0.02 - number * (_RUG + 0.01)
            axes.vlines(mean, top - _RUG, top, color=colour, lw=0.6, alpha=0.6, gid="rug")
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.04 - len(curves) * (_RUG + 0.01), 1.01)
        axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes.set_xlabel("predicted probability of response")
        axes.set_ylabel("share that responded")
        people = result.predictions["subject_id"].nunique()
        head(
            axes,
            "Calibration of out-of-fold predictions",
            f"{counted(people, 'person', 'people')}; band: interval over people",
        )
        caption(axes, "Loess over people, span 0.75. A slope under 1: predictions too extreme.")
        legend_right(axes)
    return handed(axes, data, return_data)


def _slope(metrics: pd.DataFrame, curve: tuple[str, str]) -> str:
    rows = of_curve(metrics, curve)
    rows = rows[rows["metric"].astype(str) == "calibration_slope"]
    if rows.empty or not np.isfinite(rows["estimate"].iloc[0]):
        return "slope not known"
    row = rows.iloc[0]
    if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
        return f"slope {row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    return f"slope {row['estimate']:.2f} (no interval)"
