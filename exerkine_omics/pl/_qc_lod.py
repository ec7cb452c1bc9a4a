"""How often each feature is below its limit of detection, by time point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import detected
from exerkine_omics.pl._frames import counted, jitter
from exerkine_omics.pl._qc_missing import percent
from exerkine_omics.pl._qc_tubes import visits
from exerkine_omics.pl._rows import row_height, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
    Drawn,
    canvas,
    caption,
    colours,
    handed,
    head,
    labels_of,
    legend_right,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 30  # features


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw a row a feature with a dot a time point: those whose shares differ most first."""
    placed, times, left_out = visits(adata)
    below = 1.0 - detected(adata)[placed.index.to_numpy()]
    time = placed[schema.TIMEPOINT].to_numpy()
    known = np.isfinite(below)
    share = np.full((adata.n_vars, len(times)), np.nan)
    n = np.zeros(share.shape, dtype=np.int64)
    for k, name in enumerate(times):
        rows = time == name
        n[:, k] = known[rows].sum(axis=0)
        with np.errstate(invalid="ignore"):
            share[:, k] = np.where(known[rows], below[rows], 0.0).sum(axis=0) / n[:, k]
    total = known.sum(axis=0)
    with np.errstate(invalid="ignore"):
        overall = np.where(known, below, 0.0).sum(axis=0) / total
    data = pd.DataFrame(
        {
            "feature": np.repeat(adata.var_names.astype(str), len(times)),
            schema.TIMEPOINT: np.tile(times, adata.n_vars),
            "n_samples": n.ravel(),
            "below": share.ravel(),
        }
    )
    chosen = _chosen(share, overall, adata.var_names)
    labels = labels_of(adata.var_names, adata)
    ticks = [two_lines(labels[str(adata.var_names[i])], 30) for i in chosen]
    size = (
        float(np.clip(4.6 + 0.07 * widest(ticks), 6.0, 10.0)),
        float(np.clip(1.7 + row_height(ticks) * len(ticks), 2.8, 13.0)),
    )
    hue = colours(times)
    with canvas(ax, size) as axes:
        rows_at = np.arange(len(chosen))
        nudge = jitter(len(times), 0.3) if len(times) > 1 else np.zeros(1)
        drawn = share[chosen]
        some = np.isfinite(drawn).any(axis=1)
        axes.hlines(
            rows_at[some],
            np.nanmin(drawn[some], axis=1),
            np.nanmax(drawn[some], axis=1),
            color=GREY,
            lw=1.0,
            zorder=1,
        )
        for k, name in enumerate(times):
            axes.scatter(
                drawn[:, k], rows_at + nudge[k], s=26, color=hue[name], lw=0, zorder=2,
                label=two_lines(name, 24), clip_on=False,
            )  # fmt: skip
        axes.set_yticks(rows_at, ticks)
        axes.set_ylim(max(len(chosen), 1) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(percent)
        axes.set_xlabel("share of samples below the limit of detection")
        often, ever = int((overall > 0.5).sum()), int((overall > 0).sum())
        head(
            axes,
            "Below the limit of detection",
            f"Of {counted(adata.n_vars, 'feature')}, {ever:,} are below it in some sample and "
            f"{often:,} in more than half",
        )
        hidden = ever - len(chosen)
        unknown = int((total == 0).sum())
        caption(
            axes,
            f"Drawn: those whose shares differ most between time points; {hidden:,} more differ "
            "less."
            if hidden > 0
            else "",
            f"Not drawn: {counted(unknown, 'feature')} never measured." if unknown else "",
            left_out,
        )
        legend_right(axes)
    return handed(axes, data, return_data)


def _chosen(share: np.ndarray, overall: np.ndarray, names: pd.Index) -> np.ndarray:
    """Features to draw, in the order of the rows."""
    some = np.flatnonzero(overall > 0)
    if not len(some):
        return some
    spread = np.nanmax(share[some], axis=1) - np.nanmin(share[some], axis=1)
    first = np.lexsort((np.asarray(names[some], dtype=str), -overall[some], -spread.round(9)))
    result: np.ndarray = some[first[:_MOST]]
    return result
