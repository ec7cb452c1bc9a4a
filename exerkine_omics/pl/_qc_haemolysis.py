"""Haemolysis index of each sample by time point."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import meta
from exerkine_omics.pl._frames import counted, jitter
from exerkine_omics.pl._qc_tubes import require, visits
from exerkine_omics.pl._rows import two_lines
from exerkine_omics.pl._style import (
    GREY,
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

_FLAGS = ("no", "possible", "yes", "unknown")
_WORDS = {
    "mir_ratio": "log2 ratio of miR-451a to miR-23a-3p",
    "proteins": "red-cell proteins, robust SD",
    "absorbance": "absorbance",
}
_NAMED = 5


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw a dot a sample, coloured by its flag, and the limits of the flags."""
    require(adata, schema.HAEMOLYSIS, "haemolysis", "exo.pp.haemolysis(adata)")
    placed, times, left_out = visits(adata)
    data = placed[[schema.SAMPLE_ID, schema.SUBJECT, schema.TIMEPOINT]].copy()
    index = pd.to_numeric(adata.obs[schema.HAEMOLYSIS], errors="coerce").to_numpy(float)
    data["index"] = index[placed.index]
    flags = (
        adata.obs[schema.HAEMOLYSED].astype(object).to_numpy()[placed.index]
        if schema.HAEMOLYSED in adata.obs
        else np.full(len(data), "unknown", dtype=object)
    )
    data["flag"] = [f if f in _FLAGS else "unknown" for f in flags]
    known = np.isfinite(data["index"])
    method, limits = made_with(adata)
    hue = colours(_FLAGS)
    hue = {"no": GREY, "possible": hue["possible"], "yes": hue["unknown"], "unknown": hue["no"]}
    with canvas(ax, (float(np.clip(1.3 * len(times) + 3.0, 5.8, 12.0)), 4.2)) as axes:
        for k, name in enumerate(times):
            part = data[known & (data[schema.TIMEPOINT] == name)]
            x = k + jitter(len(part), 0.5)
            for flag in _FLAGS:
                rows = (part["flag"] == flag).to_numpy()
                axes.scatter(
                    x[rows], part["index"][rows], s=dot_size(len(data)), color=hue[flag], lw=0,
                    alpha=0.8, zorder=2,
                )  # fmt: skip
            if len(part):
                middle = float(part["index"].median())
                axes.plot([k - 0.3, k + 0.3], [middle, middle], color="black", lw=1.6, zorder=3)
        for word, limit in limits.items():
            axes.axhline(limit, color=hue[word], lw=1.0, ls="--", zorder=1)
        counts = data[known][schema.TIMEPOINT].value_counts()
        axes.set_xticks(
            range(len(times)), [f"{two_lines(t, 14)}\nn={counts.get(t, 0)}" for t in times]
        )
        axes.set_xlim(-0.5, len(times) - 0.5)
        axes.set_ylabel(f"haemolysis index\n{_WORDS.get(method, '')}".strip())
        hit = data[data["flag"] == "yes"].sort_values("index", ascending=False)
        doubtful = int((data["flag"] == "possible").sum())
        head(
            axes,
            "Haemolysis",
            f"{counted(len(data), 'sample')}: {len(hit)} haemolysed, {doubtful} possibly"
            + (f", {n:,} unknown" if (n := int((data["flag"] == "unknown").sum())) else ""),
        )
        more = f" and {len(hit) - _NAMED} more" if len(hit) > _NAMED else ""
        names = ", ".join(shortened(s, 24) for s in hit[schema.SAMPLE_ID][:_NAMED])
        caption(
            axes,
            f"Haemolysed: {names}{more}." if len(hit) else "",
            f"Not drawn: {counted(int((~known).sum()), 'sample')} without index."
            if not known.all()
            else "",
            left_out,
        )
        _legend(axes, [f for f in _FLAGS if (data["flag"][known] == f).any()], hue, limits)
    return handed(axes, data, return_data)


def made_with(adata: AnnData) -> tuple[str, dict[str, float]]:
    """Return the method of the index and the limits of its flags, as its step tells them."""
    steps = meta(adata).get(schema.STEPS)
    if steps is None or not len(steps):
        return "", {}
    mine = steps.loc[steps["step"].astype(str) == "pp.haemolysis", "parameters"]
    if mine.empty:
        return "", {}
    known = json.loads(str(mine.iloc[-1]))
    limits = dict(zip(("possible", "yes"), known.get("limits") or (), strict=False))
    return str(known.get("method", "")), {k: float(v) for k, v in limits.items()}


def _legend(axes: Axes, flags: list[str], hue: dict[str, Any], limits: dict[str, float]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=hue[f], marker="o", ls="", label=f"haemolysed: {f}") for f in flags
    ]
    for word, limit in limits.items():
        label = f"above {limit:g}: {word}"
        handles.append(Line2D([], [], color=hue[word], lw=1.0, ls="--", label=label))
    handles.append(Line2D([], [], color="black", lw=1.6, label="median"))
    legend_right(axes, handles)
