"""Heat map of change: signatures by people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import counted, need
from exerkine_omics.pl._heatmap_order import (
    against,
    arms_of,
    by_person,
    grey_cells,
    order_of,
    people_of,
    pick_time,
)
from exerkine_omics.pl._rows import row_height, two_lines, widest
from exerkine_omics.pl._score_change import _VALUES
from exerkine_omics.pl._style import (
    SMALL,
    Drawn,
    Names,
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
    from matplotlib.colors import Normalize

_ORDERS = ("similarity", "mean")
_NAMED = 40  # with more people their names are left out
_EDGES = 60  # with more people lines between the cells hide the cells
_QUANTILE = 0.98
_UNKNOWN = "#b4b4b4"


def heatmap(
    frame: pd.DataFrame,
    *,
    value: str = "change",
    timepoint: str | None = None,
    order: str = "similarity",
    names: Names = None,
    max_signatures: int = 40,
    max_people: int = 200,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw every person's change of every signature as a coloured cell.

    Use it to see which signatures move together, in whom, and in which arm; `score_change` shows
    how large and how certain the changes are.

    Parameters
    ----------
    frame
        Frame of ``tl.score_change``: subject_id, signature, timepoint, change, std_change,
        status, and arm where there are arms.
    value
        ``"change"`` (in units of the score) or ``"std_change"``.
    timepoint
        The later time point to draw; needed where the frame has several.
    order
        Signatures from top to bottom: ``"similarity"`` (average linkage over the root mean square
        difference of two signatures in the people who have both, larger mean change on top) or
        ``"mean"`` (by mean change).
    names
        Mapping from signature to the title to show.
    max_signatures
        With more, those of the largest mean absolute change are drawn and the others counted.
    max_people
        With more, each arm is thinned evenly along its order, and the figure says so.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the cells in the order drawn: signature, arm (where there are arms),
        subject_id, timepoint, the value, status.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. People stand within their arm by mean change over the signatures drawn, largest
        first; ties by id. The colours are symmetric around 0 and end at the 0.98 quantile of the
        absolute values.

    Raises
    ------
    UsageError
        If an argument names nothing, the frame has several time points and none is named, or it
        has two rows of one person and signature.

    Notes
    -----
    Missing values: a person without a value has a grey cell; grey cells are counted, with their
    status, below the figure. A signature without any value is not drawn and is counted.
    """
    for given, known, word in ((value, _VALUES, "value"), (order, _ORDERS, "order")):
        if given not in known:
            raise UsageError(
                f"{word}={given!r} is none of {', '.join(known)}", where=f"{word}=", fix="Name one."
            )
    need(
        frame,
        (schema.SUBJECT, "signature", schema.TIMEPOINT, value),
        "heatmap",
        "exo.tl.score_change",
    )
    time = pick_time(frame, timepoint)
    rows = frame[frame[schema.TIMEPOINT].astype(str) == time]
    arm, arms = arms_of(rows)
    wide, status = by_person(rows, arm, value)
    silent = int(wide.isna().all().sum())
    wide = wide.loc[:, wide.notna().any()]
    largest = wide.abs().mean().sort_values(ascending=False, kind="stable").index
    largest = largest[: max(max_signatures, 1)]
    hidden = wide.shape[1] - len(largest)
    wide = wide[sorted(largest)]
    wide = wide.iloc[:, order_of(wide.to_numpy(float), order)]
    blocks, n_people = people_of(wide, arms, max_people)
    drawn = wide.loc[[person for block in blocks.values() for person in block]]
    labels = labels_of(list(wide.columns), names)
    ticks = [two_lines(labels[s]) for s in wide.columns]
    cells = drawn.to_numpy(float)
    n_known = int(np.isfinite(cells).any(axis=1).sum())
    size = (
        float(np.clip(2.6 + 0.07 * widest(ticks) + 0.17 * len(drawn), 6.4, 13.0)),
        float(np.clip(2.4 + (row_height(ticks) - 0.04) * len(ticks), 3.0, 16.0)),
    )
    with canvas(ax, size) as axes:
        norm, beyond = _norm(cells)
        mesh = _cells(axes, drawn, blocks, norm, _strip(axes, ticks, arms))
        axes.set_yticks(range(len(ticks)), ticks)
        axes.tick_params(axis="y", length=0)
        words = f"people, by mean change{' within arm' if len(arms) > 1 else ''}"
        axes.set_xlabel(words)
        head(
            axes,
            "Change of signature scores by person",
            f"{time}{against(rows)}; {counted(len(ticks), 'signature')}, "
            f"{counted(len(drawn), 'person', 'people')}"
            + (f", {n_known:,} with a change" if n_known < len(drawn) else ""),
        )
        _legend(axes, arms, blocks, bool(np.isnan(cells).any()))
        bar = _colour_bar(axes, mesh, _VALUES[value], beyond)
        least = "all" if not beyond else f"the {_QUANTILE:g} quantile of the absolute values"
        caption(
            bar,
            f"Colours end at ±{norm.vmax:.2g}"
            + (f", {least}: {counted(beyond, 'cell')} beyond." if beyond else "."),
            grey_cells(drawn, status, value),
            f"Not drawn: {counted(silent, 'signature')} without any value." if silent else "",
            f"Not drawn: {counted(hidden, 'signature')} of smaller change." if hidden else "",
            f"Drawn: {len(drawn):,} of {n_people:,} people, evenly along the order."
            if n_people > len(drawn)
            else "",
        )
    data = drawn.T.stack(["_arm", schema.SUBJECT], future_stack=True).rename(value).reset_index()
    data[schema.TIMEPOINT] = time
    data["status"] = [
        status.at[(a, p), s]
        for a, p, s in zip(data["_arm"], data[schema.SUBJECT], data["signature"], strict=True)
    ]
    data = data.rename(columns={"_arm": schema.ARM})
    kept = ["signature", *([schema.ARM] if arms != [""] else []), schema.SUBJECT]
    return handed(axes, data[[*kept, schema.TIMEPOINT, value, "status"]], return_data)


def _norm(cells: np.ndarray) -> tuple[Normalize, int]:
    """Symmetric limits of the colours, and how many cells lie beyond them."""
    from matplotlib.colors import Normalize

    finite = np.abs(cells[np.isfinite(cells)])
    most = float(np.quantile(finite, _QUANTILE, method="higher")) if finite.size else 1.0
    most = most or (float(finite.max()) if finite.size else 0.0) or 1.0
    return Normalize(-most, most), int((finite > most).sum())


def _strip(axes: Axes, ticks: list[str], arms: list[str]) -> float:
    """Height in rows of the strip that shows the arms."""
    if len(arms) < 2:
        return 0.0
    figure = axes.get_figure(root=True)
    inches = axes.get_position().height * (figure.get_figheight() if figure else 4.0)
    return 0.13 * max(len(ticks), 1) / max(inches - 0.8, 1.0)


def _cells(
    axes: Axes,
    drawn: pd.DataFrame,
    blocks: dict[str, list[tuple[str, str]]],
    norm: Normalize,
    strip: float,
) -> Any:
    """Draw the cells arm by arm; return what the colour bar explains."""
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable
    from matplotlib.patches import Rectangle

    # red and blue differ in every common kind of colour blindness
    scale = ScalarMappable(norm, mpl.colormaps["RdBu_r"].with_extremes(bad=_UNKNOWN))
    hue = colours(list(blocks))
    n, k = drawn.shape
    gap = max(0.3, 0.012 * n) if len(blocks) > 1 else 0.0
    start, places = 0.0, []
    for arm, people in blocks.items():
        edges = start + np.arange(len(people) + 1)
        if k:
            axes.pcolormesh(
                edges,
                np.arange(k + 1) - 0.5,
                np.ma.masked_invalid(drawn.loc[people].to_numpy(float).T),
                cmap=scale.cmap,
                norm=norm,
                edgecolors="white" if n <= _EDGES else "none",
                linewidth=0.4 if n <= _EDGES else 0.0,
                rasterized=n * k > 2000,
                gid="cells",
            )
        if strip:
            axes.add_patch(
                Rectangle(
                    (start, -0.5 - 1.5 * strip), len(people), strip, color=hue[arm], lw=0, gid="arm"
                )
            )
        places.append(edges[:-1] + 0.5)
        start = edges[-1] + gap
    axes.set_xlim(0, max(start - gap, 1.0))
    axes.set_ylim(max(k, 1) - 0.5, -0.5 - 1.6 * strip)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    if 0 < n <= _NAMED:
        ids = [person for _, person in drawn.index]
        axes.set_xticks(np.concatenate(places), ids, rotation=90, fontsize=SMALL - 1)
        axes.tick_params(axis="x", length=0)
    else:
        axes.set_xticks([])
    return scale


def _legend(
    axes: Axes, arms: list[str], blocks: dict[str, list[tuple[str, str]]], grey: bool
) -> None:
    from matplotlib.patches import Patch

    hue = colours(list(blocks))
    handles = []
    if len(arms) > 1:
        handles = [
            Patch(color=hue[a], lw=0, label=f"{two_lines(a, 28)}, n={len(p)}")
            for a, p in blocks.items()
        ]
    if grey:
        handles.append(Patch(color=_UNKNOWN, lw=0, label="not known"))
    legend_right(axes, handles)


def _colour_bar(axes: Axes, scale: Any, label: str, beyond: int) -> Axes:
    figure: Any = axes.get_figure()
    width = axes.get_position().width * axes.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    bar = figure.colorbar(
        scale,
        ax=axes,
        location="bottom",
        fraction=0.05,
        pad=0.02,
        aspect=width / 0.14,
        extend="both" if beyond else "neither",
    )
    bar.set_label(label, fontsize=SMALL + 1)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    # the caption is wrapped to the width that the titles of the signatures leave
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    return bar.ax
