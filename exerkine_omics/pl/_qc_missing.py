"""Missing values by sample and by feature at each time point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import dense
from exerkine_omics.pl._frames import counted, jitter
from exerkine_omics.pl._qc_tubes import absent, visits
from exerkine_omics.pl._rows import two_lines
from exerkine_omics.pl._style import (
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

_MANY = 500  # with more, an outline of their density tells more than dots


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw a dot (or, with more than 500, an outline of their density) a sample and a feature."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    placed, times, left_out = visits(adata)
    adata = adata[placed.index.to_numpy()]
    gone = absent(adata)
    time = placed[schema.TIMEPOINT].to_numpy()
    frames = []
    for name in times:
        at = time == name
        for kind, ids, share in (
            ("sample", adata.obs_names[at], gone[at].mean(axis=1)),
            ("feature", adata.var_names, gone[at].mean(axis=0)),
        ):
            frames.append(
                pd.DataFrame(
                    {
                        "kind": kind,
                        "id": np.asarray(ids, dtype=object),
                        schema.TIMEPOINT: name,
                        "missing": share,
                    }
                )
            )
    data = pd.concat(frames, ignore_index=True)
    hue = colours(["sample", "feature"])
    with canvas(ax, (float(np.clip(1.3 * len(times) + 3.4, 5.8, 12.0)), 4.4)) as axes:
        for number, kind in enumerate(("sample", "feature")):
            for position, name in enumerate(times):
                part = data[(data["kind"] == kind) & (data[schema.TIMEPOINT] == name)]
                x = position + (number - 0.5) * 0.42
                shape = _points if len(part) <= _MANY else _outline
                shape(axes, x, part["missing"].to_numpy(float), hue[kind])
                middle = part["missing"].median()
                axes.plot(
                    [x - 0.17, x + 0.17],
                    [middle, middle],
                    color="black",
                    lw=1.6,
                    zorder=4,
                )
        counts = {name: int((time == name).sum()) for name in times}
        axes.set_xticks(range(len(times)), [f"{two_lines(t, 14)}\nn={counts[t]}" for t in times])
        axes.set_xlim(-0.5, len(times) - 0.5)
        high = float(data["missing"].max()) if len(data) else 0.0
        axes.set_ylim(0, min(max(high * 1.08, 0.05), 1.0))
        axes.yaxis.set_major_formatter(percent)
        axes.set_ylabel("share of values missing")
        head(
            axes,
            "Missing values",
            f"{counted(adata.n_obs, 'sample')}, {counted(adata.n_vars, 'feature')}; "
            f"{percent(gone.mean())} of values missing",
        )
        samples = data[data["kind"] == "sample"].nlargest(3, "missing")
        worst = [
            f"{sample} {share:.0%}"
            for sample, share in zip(samples["id"], samples["missing"], strict=True)
            if share > 0.2
        ]
        caption(
            axes,
            f"Samples with most missing: {', '.join(worst)}." if worst else "",
            left_out,
            _filled(adata),
            _below_lod(adata),
        )
        handles: list[Any] = [Patch(color=hue[k], label=f"by {k}") for k in ("sample", "feature")]
        legend_right(axes, [*handles, Line2D([], [], color="black", lw=1.6, label="median")])
    return handed(axes, data, return_data)


def _points(axes: Axes, x: float, share: np.ndarray, colour: Any) -> None:
    axes.scatter(
        x + jitter(len(share), 0.28),
        share,
        s=16,
        color=colour,
        alpha=0.6,
        linewidths=0,
        clip_on=False,
    )


def _outline(axes: Axes, x: float, share: np.ndarray, colour: Any) -> None:
    if np.ptp(share) == 0:
        _points(axes, x, share[:1], colour)
        return
    drawn = axes.violinplot([share], positions=[x], widths=0.36, showextrema=False)
    bodies: Any = drawn["bodies"]
    for body in bodies:
        body.set(facecolor=colour, alpha=0.6, linewidth=0)


def percent(value: float, _position: float | None = None) -> str:
    """Write a share as a percentage, three digits."""
    return f"{100 * value:.3g}%"


def _filled(adata: AnnData) -> str:
    if schema.IMPUTED not in adata.layers:
        return ""
    n = int((dense(adata, schema.IMPUTED) > 0.5).sum())
    return f"{counted(n, 'value')} filled since count as missing." if n else ""


def _below_lod(adata: AnnData) -> str:
    if schema.BELOW_LOD not in adata.layers:
        return ""
    return f"{dense(adata, schema.BELOW_LOD).mean():.1%} of values are below the LOD."
