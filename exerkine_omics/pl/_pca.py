"""Samples on two principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import levels, meta, persons_tubes, require_columns
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._qc_tubes import tubes
from exerkine_omics.pl._rows import two_lines
from exerkine_omics.pl._style import (
    GREY,
    INK,
    SMALL,
    Drawn,
    canvas,
    caption,
    colours,
    dot_size,
    handed,
    head,
    legend_right,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVELS = 18  # with more the legend names the first and counts the others
_OUTLIERS = 8  # samples named
_UNKNOWN = "not known"


def pca(
    adata: AnnData,
    *,
    color: str | None = schema.TIMEPOINT,
    components: Sequence[int] = (1, 2),
    key: str = schema.PCA,
    join: bool = False,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the samples on two principal components, coloured by what is known of them.

    Use it to see what the largest differences between samples go with: the person, the bout, or
    the plate. Coloured by plate with ``key="X_pca_before"`` and ``key="X_pca"``, it shows what a
    correction did. Which samples are out of line is judged by `exo.pp.outliers`, within their time
    point; those it flagged have a ring.

    Parameters
    ----------
    adata
        Samples x features with the components that `exo.pp.pca` made.
    color
        Column of ``obs``: text and categories by level, numbers along a scale; None for one
        colour.
    components
        Two numbers, from 1.
    key
        Key of ``obsm``: ``X_pca``, or that of a second analysis, such as ``X_pca_before``.
    join
        Join each person's samples in the order of time by thin lines.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points: sample_id, subject_id, timepoint, sample_type, the two
        components, color, outlier.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. Tubes that are no person's are crosses: they took no part in finding the
        components.

    Raises
    ------
    InputError
        If the components or the column of ``color`` are not there.
    UsageError
        If a component is not among those that were made.

    Notes
    -----
    Missing values: a sample without scores (it has no value) is counted below the figure; one
    whose colour is not known is grey.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.pp.pca(adata)
    >>> ax = exo.pl.pca(adata, color="arm", join=True)
    """
    meta(adata)
    first, second, words = _chosen(adata, components, key)
    data = tubes(adata)[[schema.SAMPLE_ID, schema.SUBJECT, schema.TIMEPOINT, schema.SAMPLE_TYPE]]
    names = [f"PC{c}" for c in components]
    data = data.assign(**dict(zip(names, (first, second), strict=True)))
    data["color"] = _values(adata, color)
    data["outlier"] = (
        adata.obs[schema.OUTLIER].astype(object).eq(True).to_numpy()
        if schema.OUTLIER in adata.obs
        else False
    )
    data["person"] = persons_tubes(adata)
    known = np.isfinite(data[names]).all(axis=1)
    lost = int((~known).sum())
    data = data[known]
    with canvas(ax, (6.8, 4.8)) as axes:
        if join:
            _lines(axes, adata, data, names)
        handles = _points(axes, adata, data, names, color)
        ring = data[data["outlier"]]
        axes.scatter(
            ring[names[0]], ring[names[1]], s=2.6 * dot_size(len(data)) + 20, facecolors="none",
            edgecolors=INK, lw=1.0, zorder=4,
        )  # fmt: skip
        axes.set_xlabel(words[0])
        axes.set_ylabel(words[1])
        axes.margins(0.06)
        stored = adata.uns.get(key.removeprefix("X_"), {})
        n = dict(stored.get("params", {})).get("n_features", adata.n_vars)
        corrected = " before the correction" if key == schema.PCA_BEFORE else ""
        head(
            axes,
            f"Principal components{corrected}",
            f"{counted(len(data), 'sample')}, {counted(int(n), 'feature')}"
            + (f"; colour: {color}" if color else ""),
        )
        flagged = ", ".join(shortened(s, 24) for s in ring[schema.SAMPLE_ID][:_OUTLIERS])
        more = f" and {len(ring) - _OUTLIERS} more" if len(ring) > _OUTLIERS else ""
        caption(
            axes,
            f"Ringed, flagged by exo.pp.outliers: {flagged}{more}." if len(ring) else "",
            f"Not drawn: {counted(lost, 'sample')} without values." if lost else "",
        )
        legend_right(axes, handles)
    return handed(axes, data.drop(columns="person"), return_data)


def _chosen(
    adata: AnnData, components: Sequence[int], key: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores on two components, and the labels of the axes."""
    if key not in adata.obsm:
        raise InputError(
            f"There are no components {key!r}",
            where=f"obsm[{key!r}]",
            fix=f"Call exo.pp.pca(adata, key_added={key!r}) first.",
        )
    scores = np.asarray(adata.obsm[key], dtype=float)
    whole = all(isinstance(c, (int, np.integer)) and not isinstance(c, bool) for c in components)
    if len(components) != 2 or not whole or not all(1 <= c <= scores.shape[1] for c in components):
        raise UsageError(
            f"components={tuple(components)!r} are no two of 1 to {scores.shape[1]}",
            where="components=",
            fix="Ask exo.pp.pca for more with n_comps=, or name two that are there.",
        )
    ratio = dict(adata.uns.get(key.removeprefix("X_"), {})).get("variance_ratio")
    words = [
        f"PC{c}" + (f", {float(ratio[c - 1]):.1%} of the variance" if ratio is not None else "")
        for c in components
    ]
    return scores[:, components[0] - 1], scores[:, components[1] - 1], words


def _values(adata: AnnData, color: str | None) -> Any:
    if color is None:
        return ""
    require_columns(adata, color)
    column = adata.obs[color]
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(float)
    return column.astype(object).where(column.notna(), _UNKNOWN).map(str).to_numpy()


def _points(
    axes: Axes, adata: AnnData, data: pd.DataFrame, names: list[str], color: str | None
) -> list[Any]:
    """Draw the samples; return the handles of the legend."""
    from matplotlib.lines import Line2D

    size = dot_size(len(data))
    mine, controls = data[data["person"]], data[~data["person"]]
    handles: list[Any] = []
    if pd.api.types.is_numeric_dtype(data["color"]):
        _scale(axes, mine, names, size, str(color))
    else:
        order = [v for v in levels(adata.obs[color]) if v in set(mine["color"])] if color else [""]
        hue = colours(order)
        words = two_lines if len(order) < 8 else shortened
        if (mine["color"] == _UNKNOWN).any():
            hue[_UNKNOWN] = GREY
        for level, colour in hue.items():
            part = mine[mine["color"] == level]
            axes.scatter(part[names[0]], part[names[1]], s=size, color=colour, lw=0, alpha=0.85,
                         zorder=3)  # fmt: skip
            if level:
                handles.append(
                    Line2D([], [], color=colour, marker="o", ls="",
                           label=f"{words(level, 26)}, n={len(part)}")
                )  # fmt: skip
        if len(handles) > _LEVELS:
            rest = f"and {len(handles) - _LEVELS} more"
            handles = [*handles[:_LEVELS], Line2D([], [], ls="", label=rest)]
    for kind, part in controls.groupby(schema.SAMPLE_TYPE, sort=True):
        marker = {"qc": "x", "bridge": "+"}.get(str(kind), "1")
        axes.scatter(part[names[0]], part[names[1]], s=size + 8, color=INK, marker=marker, lw=1.0,
                     zorder=3)  # fmt: skip
        handles.append(
            Line2D([], [], color=INK, marker=marker, ls="", label=f"{kind}, n={len(part)}")
        )
    return handles


def _scale(axes: Axes, data: pd.DataFrame, names: list[str], size: float, label: str) -> None:
    figure: Any = axes.get_figure()
    known = data[np.isfinite(data["color"])]
    unknown = data[~np.isfinite(data["color"])]
    axes.scatter(unknown[names[0]], unknown[names[1]], s=size, color=GREY, lw=0, zorder=2)
    drawn = axes.scatter(known[names[0]], known[names[1]], s=size, c=known["color"],
                         cmap="viridis", lw=0, alpha=0.9, zorder=3)  # fmt: skip
    if len(known):
        bar = figure.colorbar(drawn, ax=axes, fraction=0.05, pad=0.03)
        bar.set_label(shortened(label), fontsize=SMALL + 1)
        bar.ax.tick_params(labelsize=SMALL)
        bar.outline.set_visible(False)


def _lines(axes: Axes, adata: AnnData, data: pd.DataFrame, names: list[str]) -> None:
    require_columns(adata, schema.SUBJECT, schema.TIMEPOINT)
    order = {t: i for i, t in enumerate(levels(adata.obs[schema.TIMEPOINT]))}
    mine = data[data["person"] & data[schema.TIMEPOINT].isin(order) & (data[schema.SUBJECT] != "")]
    for _, part in mine.groupby(schema.SUBJECT):
        part = part.iloc[np.argsort(part[schema.TIMEPOINT].map(order).to_numpy(), kind="stable")]
        axes.plot(part[names[0]], part[names[1]], color=GREY, lw=0.6, alpha=0.6, zorder=1)
