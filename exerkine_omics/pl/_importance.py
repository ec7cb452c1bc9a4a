"""What a model leans on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._prediction import (
    beside,
    chosen,
    metric_words,
    of_pair,
    one_of,
    table,
)
from exerkine_omics.pl._rows import beside as text_beside
from exerkine_omics.pl._rows import legend_beyond, row_height, settle, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    Names,
    canvas,
    caption,
    colours,
    handed,
    head,
    labels_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = ("block", "model", "level", "name", "metric", "estimate", "ci_low", "ci_high")
_LEVELS = {"block": "all columns of a block", "feature": "one column"}
_MARKERS = {"block": "D", "feature": "o"}
_FIRST = ("clinical+omics", "omics")


def importance(
    result: Any,
    *,
    block: str | None = None,
    model: str | None = None,
    n_top: int = 15,
    names: Names = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw how much of the AUC (or R²) is lost when columns are exchanged among held-out people.

    Use it after ``ml.evaluate``, where the verdict says that there is anything to explain: what a
    model without evidence leans on is noise.

    Parameters
    ----------
    result
        Result of ``ml.evaluate``, or its frame ``importance`` alone.
    block
        Feature block; ``clinical+omics`` by default, then ``omics``, or the first that there is.
    model
        Model; the first by default.
    n_top
        Most single columns to draw.
    names
        Labels: an AnnData (``gene_symbol``, else ``name``), or a mapping from feature to label.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, most important on top; whole blocks above single columns. Filled: the interval
        is above 0. To the right, where the result has coefficients, the sign of the column's and
        the share of training folds that chose it.

    Raises
    ------
    UsageError
        If block or model is not there, or the model leaned on no column.

    Notes
    -----
    Missing values: a row that is NaN is not drawn and counted below the figure; an interval that
    is NaN is not drawn. Columns that go together share their importance: each alone may look
    small.
    """
    frame = table(result, "importance", _COLUMNS, "importance")
    if isinstance(n_top, bool) or not isinstance(n_top, (int, np.integer)) or n_top < 1:
        raise UsageError(
            f"n_top={n_top!r} is no number of rows", where="n_top=", fix="Give 1 or more."
        )
    own = chosen(frame, "block", wanted := one_of(frame, "block", block, _FIRST))
    rows = chosen(own, "model", which := one_of(own, "model", model))
    known = rows[np.isfinite(rows["estimate"].to_numpy(float))]
    known = known.sort_values("estimate", ascending=False, kind="stable")
    level = known["level"].astype(str)
    single = known[level == "feature"]
    data = pd.concat([known[level == "block"], single.head(n_top)])
    if data.empty:
        raise UsageError(
            f"importance has nothing to draw: {wanted}, {which} leans on no column",
            where="result.importance",
            fix="Name another block= or model=.",
        )
    texts = labels_of(data["name"].astype(str).tolist(), names)
    ticks = [two_lines(texts[name], 36) for name in data["name"].astype(str)]
    kinds = data["level"].astype(str).to_numpy()
    # single columns stand apart from whole blocks
    y = np.arange(len(data)) + 0.4 * ((kinds == "feature") & bool((kinds == "block").any()))
    hue = colours(list(_LEVELS))
    aside = _chosen_in(result, data, wanted, which)
    size = (8.2 + 0.07 * widest(ticks), min(2.0 + row_height(ticks) * max(len(ticks), 3), 60.0))
    with canvas(ax, size) as axes:
        axes.axvline(0, color=GREY, lw=0.9, ls=(0, (4, 3)), zorder=0)
        for name, words in _LEVELS.items():
            mine = kinds == name
            if mine.any():
                part = data[mine]
                sure = part["ci_low"].to_numpy(float) > 0
                axes.hlines(y[mine], part["ci_low"], part["ci_high"], color=[hue[name]], lw=1.6)
                axes.scatter(
                    part["estimate"], y[mine], s=32, marker=_MARKERS[name], zorder=3,
                    facecolors=[hue[name] if s else "white" for s in sure],
                    edgecolors=[hue[name]], label=words, gid=name,
                )  # fmt: skip
        axes.set_yticks(y, ticks)
        axes.set_ylim(float(y[-1]) + 0.7, -0.7)
        metric = " or ".join(dict.fromkeys(metric_words(str(m)) for m in data["metric"]))
        axes.set_xlabel(f"loss of {metric} when exchanged among held-out people")
        width = text_beside(axes, y.tolist(), aside)
        legend_beyond(axes, width, _handles(kinds, hue))
        settle(axes)
        head(
            axes,
            f"What {wanted} leans on",
            f"{which}; bars: interval over people; filled: above 0",
        )
        rest, lost = len(single) - n_top, len(rows) - len(known)
        caption(
            axes,
            "Columns that go together share their importance.",
            "At the right: sign of the coefficient, share of folds that chose it."
            if any(aside)
            else "",
            f"Not shown: {counted(rest, 'more column')}." if rest > 0 else "",
            f"Not known: {counted(lost, 'row')}." if lost else "",
        )
    return handed(axes, data, return_data)


def _chosen_in(result: Any, data: pd.DataFrame, block: str, model: str) -> list[str]:
    """Sign and share of folds of each row; empty for blocks and where no fold chose it."""
    frame = beside(result, "coefficients", ("block", "model", "feature", "coefficient", "share"))
    if frame is None:
        return [""] * len(data)
    own = of_pair(frame, block, model).drop_duplicates("feature")
    known = own.set_index(own["feature"].astype(str))[["coefficient", "share"]].astype(float)
    texts = []
    for name, level in zip(data["name"].astype(str), data["level"].astype(str), strict=True):
        if level != "feature" or name not in known.index:
            texts.append("")
            continue
        value, share = known.loc[name]
        sign = "+" if value > 0 else "−" if value < 0 else "0"
        texts.append(f"{sign} {share:.0%}")
    return texts


def _handles(kinds: np.ndarray, hue: dict[str, Any]) -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=hue[name], marker=_MARKERS[name], lw=1.6, label=words)
        for name, words in _LEVELS.items()
        if (kinds == name).any()
    ]
