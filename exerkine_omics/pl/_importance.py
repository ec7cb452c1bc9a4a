"""What a model leans on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import need, need_result, of_curve
from exerkine_omics.pl._rows import row_height, settle
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
    legend_right,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVELS = {"block": "all columns of a block", "feature": "one column"}
_METRICS = {"auc": "AUC", "r2": "R²"}


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
        Result of ``ml.evaluate``.
    block
        Feature block; ``clinical+omics`` by default, or the first that there is.
    model
        Model; the first by default.
    n_top
        Most single columns to draw.
    names
        Names to write instead of ids, as in `volcano`.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, most important on top; platforms above single columns.

    Raises
    ------
    UsageError
        If block or model is not there, or the model leaned on no column.

    Notes
    -----
    Missing values: an interval that is NaN is not drawn. Columns that go together share their
    importance: each alone may look small.
    """
    need_result(result, ("importance",), "importance", "exo.ml.evaluate")
    frame = result.importance
    columns = ("block", "model", "level", "name", "metric", "estimate", "ci_low", "ci_high")
    need(frame, columns, "importance", "exo.ml.evaluate")
    if isinstance(n_top, bool) or not isinstance(n_top, (int, np.integer)) or n_top < 1:
        raise UsageError(f"n_top={n_top!r} is no number of rows", fix="Give 1 or more.")
    known = [b for b in levels(frame["block"]) if (frame["block"].astype(str) == b).any()]
    if not known:
        raise UsageError("The models lean on no column: there is nothing to draw", where="result")
    wanted = block or ("clinical+omics" if "clinical+omics" in known else known[0])
    if wanted not in known:
        raise UsageError(
            f"There is no block {wanted!r} that leans on anything; there are {shown(known)}",
            where="block=",
        )
    own = frame[frame["block"].astype(str) == wanted]
    models = list(dict.fromkeys(own["model"].astype(str)))
    chosen = model or models[0]
    if chosen not in models:
        raise UsageError(f"There is no model {chosen!r}; there are {shown(models)}")
    rows = of_curve(own, (wanted, chosen)).sort_values("estimate", ascending=False, kind="stable")
    parts = [rows[rows["level"] == "block"], rows[rows["level"] == "feature"].head(n_top)]
    data = pd.concat(parts)
    texts = labels_of(data["name"].astype(str).tolist(), names)
    labels = [shortened(texts[name]) for name in data["name"].astype(str)]
    metric = _METRICS[str(data["metric"].iloc[0])]
    hue = colours(list(_LEVELS))
    y = -np.arange(len(data), dtype=float)
    with canvas(ax, (7.6, 1.6 + row_height(labels) * len(labels))) as axes:
        axes.axvline(0, color=GREY, lw=0.9, ls=(0, (4, 3)), zorder=0)
        for level, words in _LEVELS.items():
            mine = (data["level"] == level).to_numpy()
            if not mine.any():
                continue
            part = data[mine]
            axes.hlines(y[mine], part["ci_low"], part["ci_high"], color=hue[level], lw=1.6)
            axes.plot(
                part["estimate"], y[mine], "o", color=hue[level], ms=5, label=words, gid=level
            )
        axes.set_yticks(y, labels)
        axes.set_ylim(y[-1] - 0.7, 0.7)
        axes.set_xlabel(f"loss of {metric} when exchanged among held-out people")
        legend_right(axes)
        settle(axes)
        head(axes, f"What {wanted} leans on", f"{chosen}; line: interval over people")
        caption(axes, "Columns that go together share their importance.")
    return handed(axes, data, return_data)
