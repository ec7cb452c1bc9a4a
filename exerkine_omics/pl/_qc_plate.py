"""Missing values by plate and time point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import levels, timepoints
from exerkine_omics.errors import InputError
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._qc_missing import percent
from exerkine_omics.pl._qc_tubes import absent, require, tubes
from exerkine_omics.pl._rows import two_lines, widest
from exerkine_omics.pl._style import SMALL, Drawn, canvas, caption, handed, head, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONTROLS = "controls"
_NAMED = 45  # with more plates only some are named
_ROW = 0.3  # inches


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw a cell a plate and time point; the controls are a column of their own."""
    require(adata, schema.PLATE_ID, "plate", "exo.io.set_samples, with a column plate_id,")
    frame = tubes(adata)
    frame["missing"] = absent(adata).mean(axis=1)
    frame.loc[~frame["person"], schema.TIMEPOINT] = _CONTROLS
    times = timepoints(adata) if schema.TIMEPOINT in adata.obs else []
    columns = [t for t in [*times, _CONTROLS] if t in set(frame[schema.TIMEPOINT])]
    plates = levels(adata.obs[schema.PLATE_ID])
    placed = frame[schema.TIMEPOINT].isin(columns) & frame[schema.PLATE_ID].isin(plates)
    if not placed.any():
        raise InputError(
            "No tube has both a plate and a time point",
            where=f"obs[{schema.PLATE_ID!r}]",
            fix="Give the sample sheet with exo.io.set_samples.",
        )
    cells = frame[placed].groupby([schema.PLATE_ID, schema.TIMEPOINT])["missing"]
    grid = pd.MultiIndex.from_product([plates, columns], names=[schema.PLATE_ID, schema.TIMEPOINT])
    data = cells.agg(n_samples="size", missing="mean").reindex(grid).reset_index()
    data["n_samples"] = data["n_samples"].fillna(0).astype("int64")
    shape = (len(plates), len(columns))
    share = data["missing"].to_numpy().reshape(shape)
    number = data["n_samples"].to_numpy().reshape(shape)
    named = [shortened(p, 24) for p in plates]
    size = (
        float(np.clip(2.4 + 0.07 * widest(named) + 0.85 * len(columns), 5.6, 13.0)),
        float(np.clip(1.7 + _ROW * len(plates), 2.8, 15.0)),
    )
    with canvas(ax, size) as axes:
        mesh = _cells(axes, share, number)
        axes.set_xticks(np.arange(len(columns)), [two_lines(c, 12) for c in columns])
        step = int(np.ceil(len(plates) / _NAMED))
        axes.set_yticks(np.arange(len(plates))[::step], named[::step])
        axes.tick_params(length=0)
        axes.set_ylabel("plate")
        head(
            axes,
            "Missing values by plate and time point",
            f"{counted(len(plates), 'plate')}, {counted(int(placed.sum()), 'tube')}; "
            f"{percent(float(frame.loc[placed, 'missing'].mean()))} of values missing",
        )
        _bar(axes, mesh)
        lost = int((~placed).sum())
        own = number[:, [c != _CONTROLS for c in columns]] > 0
        alone = int((own.sum(axis=1) == 1).sum()) if own.shape[1] > 1 else 0
        caption(
            axes,
            "White: no such tube on this plate." if (number == 0).any() else "",
            f"One time point only: {counted(alone, 'plate')}." if alone else "",
            f"Not drawn: {counted(lost, 'tube')} without plate or time point." if lost else "",
        )
    return handed(axes, data, return_data)


def _cells(axes: Axes, share: np.ndarray, number: np.ndarray) -> Any:
    most = max(float(np.nanmax(share)) if np.isfinite(share).any() else 0.0, 0.01)
    n, k = share.shape
    mesh = axes.pcolormesh(
        np.arange(k + 1) - 0.5,
        np.arange(n + 1) - 0.5,
        np.ma.masked_invalid(share),
        cmap=_palette(),
        vmin=0,
        vmax=most,
        edgecolors="white",
        linewidth=0.8,
    )
    axes.set_xlim(-0.5, k - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    axes.spines[:].set_visible(False)
    if n <= _NAMED and k <= 12:
        for i, j in zip(*np.nonzero(number), strict=True):
            axes.text(
                j,
                i,
                f"{percent(round(float(share[i, j]), 3))}, n={number[i, j]}",
                ha="center",
                va="center",
                fontsize=SMALL - 1,
                color="white" if share[i, j] > 0.55 * most else "black",
                gid="n",
            )
    return mesh


def _palette() -> Any:
    """Blues without their palest: nothing missing is told from no tube, which is white."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.12, 1, 256))).with_extremes(
        bad="white"
    )


def _bar(axes: Axes, mesh: Any) -> None:
    figure: Any = axes.get_figure()
    bar = figure.colorbar(mesh, ax=axes, fraction=0.05, pad=0.03, format=percent)
    bar.set_label("share of values missing", fontsize=SMALL + 1)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
