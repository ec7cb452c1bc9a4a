"""ROC curves with their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._prediction import (
    METRIC_COLUMNS,
    Several,
    bands,
    beside,
    curves,
    height,
    metric_row,
    number,
    table,
    with_interval,
    within_site,
)
from exerkine_omics.pl._rows import settle
from exerkine_omics.pl._style import GREY, Drawn, canvas, caption, handed, head, legend_right

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def roc(
    result: Any,
    *,
    block: Several = None,
    model: Several = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw ROC curves with bands, and all that must stand beside an AUC.

    Use it after ``ml.evaluate``. The legend has each AUC with its interval; below the figure
    stand the permutation p and the AUC that noise in the outcome allows at best.

    Parameters
    ----------
    result
        Result of ``ml.evaluate``, or its frame ``roc`` alone.
    block
        Feature block or blocks to draw; all by default.
    model
        Model or models to draw; all by default, of more than twelve curves the first. A block has
        one colour, a model one dash.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the curves that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. Bands are drawn for up to three curves.

    Raises
    ------
    UsageError
        If a block or model is not in the result, or there are no curves.

    Notes
    -----
    Missing values: an AUC or a band that is NaN is written as "not known" or not drawn.
    """
    frame = table(result, "roc", ("block", "model", "fpr", "tpr", "ci_low", "ci_high"), "roc")
    found, left = curves(frame, block, model)
    metrics = beside(result, "metrics", METRIC_COLUMNS)
    banded, hint = bands(len(found))
    with canvas(ax, (7.4, height(len(found), 2, 4.8))) as axes:
        axes.plot([0, 1], [0, 1], color=GREY, lw=1.0, ls=(0, (4, 3)), label="chance: AUC 0.50")
        for curve in found:
            rows = curve.rows.sort_values("fpr", kind="stable")
            if banded:
                axes.fill_between(
                    rows["fpr"], rows["ci_low"], rows["ci_high"],
                    color=curve.colour, alpha=0.18, lw=0,
                )  # fmt: skip
            row = metric_row(metrics, "auc", curve.block, curve.model)
            auc = "AUC not known" if row is None else f"AUC {with_interval(row)}"
            axes.plot(
                rows["fpr"], rows["tpr"], color=curve.colour, ls=curve.dashes, lw=2.0,
                label=f"{curve.title}:\n{auc}", gid="curve",
            )  # fmt: skip
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal", adjustable="box")
        axes.set_xlabel("false positive rate (1 − specificity)")
        axes.set_ylabel("true positive rate (sensitivity)")
        legend_right(axes)
        settle(axes)
        head(axes, "ROC of out-of-fold predictions", _people(result, banded))
        caption(axes, *_beside(result), hint, left)
    return handed(axes, pd.concat([c.rows for c in found]), return_data)


def _people(result: Any, banded: bool) -> str:
    frame = beside(result, "predictions", (schema.SUBJECT,))
    told = ["band: interval over people"] if banded else []
    if frame is not None:
        people = frame.drop_duplicates(schema.SUBJECT)
        text = counted(len(people), "person", "people")
        if "label" in people:
            # the label may change between folds where its threshold is learnt there
            positive = pd.to_numeric(people["label"], errors="coerce")
            text += f", {int((positive > 0.5).sum()):,} of them positive"
        told.insert(0, text)
    return "; ".join([*told, *within_site(result, "auc")])


def _beside(result: Any) -> list[str]:
    if isinstance(result, pd.DataFrame):
        return []
    sentences = []
    for name, text, unknown in (
        ("permutation_p", "Permutation p of the AUC: {}.", "No permutation test was made."),
        (
            "ceiling",
            "Noise in the outcome allows an AUC of {} at best.",
            "The attainable AUC is not known.",
        ),
    ):
        value = number(result, name)
        sentences.append(unknown if value is None else text.format(f"{value:.2g}"))
    return sentences
