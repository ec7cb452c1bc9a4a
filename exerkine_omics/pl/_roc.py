"""ROC curves with their bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.pl._frames import counted, curve_titles, need, of_curve, pick_curves
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


_BANDS = 5


def roc(
    result: Any,
    *,
    ax: Axes | None = None,
    block: str | Sequence[str] | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw ROC curves with bands, and all that must stand beside an AUC.

    Use it after ``ml.evaluate``. The legend has each AUC with its interval; below the figure
    stand the permutation p and the AUC that noise in the outcome allows at best.

    Parameters
    ----------
    result
        Result of ``ml.evaluate``.
    ax
        Axes to draw on; a new figure by default.
    block
        Feature block or blocks to draw; all by default, of more than six curves those of the first
        model. Bands are drawn for up to five.
    return_data
        Also return the curves that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If a block is not in the result.

    Notes
    -----
    Missing values: an AUC or a band that is NaN is written as "not known" or not drawn.
    """
    need(
        result.roc, ("block", "model", "fpr", "tpr", "ci_low", "ci_high"), "roc", "exo.ml.evaluate"
    )
    data, curves = pick_curves(result.roc, block)
    titles = curve_titles(curves)
    hue = colours([f"{b}|{m}" for b, m in curves])
    with canvas(ax, (7.4, 4.8)) as axes:
        axes.plot([0, 1], [0, 1], color=GREY, lw=1.0, ls=(0, (4, 3)), label="chance: AUC 0.50")
        for name, model in curves:
            part = of_curve(data, (name, model)).sort_values("fpr", kind="stable")
            colour = hue[f"{name}|{model}"]
            title = titles[(name, model)]
            if len(curves) <= _BANDS:
                axes.fill_between(
                    part["fpr"], part["ci_low"], part["ci_high"], color=colour, alpha=0.18, lw=0
                )
            axes.plot(
                part["fpr"],
                part["tpr"],
                color=colour,
                lw=2.0,
                label=f"{title}:\n{_auc(result.metrics, name, model)}",
            )
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal", adjustable="box")
        axes.set_xlabel("false positive rate (1 − specificity)")
        axes.set_ylabel("true positive rate (sensitivity)")
        head(axes, "ROC of out-of-fold predictions", _people(result))
        caption(axes, *_beside(result))
        legend_right(axes)
    return handed(axes, data, return_data)


def _auc(metrics: pd.DataFrame, block: str, model: str) -> str:
    rows = metrics[
        (metrics["metric"].astype(str) == "auc")
        & (metrics["block"].astype(str) == block)
        & (metrics["model"].astype(str) == model)
    ]
    if rows.empty or not np.isfinite(rows["estimate"].iloc[0]):
        return "AUC not known"
    row = rows.iloc[0]
    if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
        return f"AUC {row['estimate']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    return f"AUC {row['estimate']:.2f} (no interval)"


def _people(result: Any) -> str:
    people = result.predictions.drop_duplicates(schema.SUBJECT)
    text = counted(len(people), "person", "people")
    if "label" in people:
        # the label may change between folds where its threshold is learnt there
        positive = pd.to_numeric(people["label"], errors="coerce")
        text += f", {int((positive > 0.5).sum()):,} of them positive"
    return text + "; band: interval over people"


def _beside(result: Any) -> list[str]:
    sentences = []
    for name, text in (
        ("permutation_p", "Permutation p of the AUC: {}."),
        ("ceiling", "Noise in the outcome allows an AUC of {} at best."),
    ):
        value = getattr(result, name, None)
        value = getattr(value, "auc", value)
        if isinstance(value, dict):
            value = value.get("auc")
        if value is not None and np.isfinite(value):
            sentences.append(text.format(f"{value:.2g}"))
        elif name == "ceiling":
            sentences.append("The attainable AUC is not known.")
        else:
            sentences.append("No permutation test was made.")
    return sentences
