"""Signatures of one contrast: direction, evidence, leading members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import counted, need, not_ok, pick_contrast
from exerkine_omics.pl._rows import beside, legend_beyond, row_height, two_lines, widest
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
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEADING = 4  # members named beside a row
_LEAST, _MOST = 22.0, 200.0  # area of a dot, points squared


def enrichment(
    frame: pd.DataFrame,
    *,
    contrast: str | None = None,
    alpha: float = 0.05,
    n_top: int = 30,
    names: Names = None,
    members: Names = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw direction and evidence of each signature, with the members that lead it.

    Use it after ``tl.enrich`` to see which signatures moved and through which members.

    Parameters
    ----------
    frame
        Frame of ``tl.enrich``: signature, contrast, direction, p_value, p_adj, n_members,
        n_measured, leading (joined by ";"), method, status.
    contrast
        The contrast to draw; needed where the frame has several.
    alpha
        Signatures with ``p_adj`` below it are coloured by direction.
    n_top
        With more signatures, those of the smallest p are drawn and the others counted.
    names
        Mapping from signature to the title to show.
    members
        Labels of the leading members: an AnnData (``gene_symbol``, else ``name``), or a mapping.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows drawn, top first, with ``signed`` (−log10 p, negative for down).

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. The strongest rise stands on top, the strongest fall at the foot; the area of a
        dot grows with the members measured.

    Raises
    ------
    UsageError
        If the frame has several contrasts and none is named, it lacks a column, or a signature has
        two rows in the contrast.

    Notes
    -----
    Missing values: rows without a p or a direction are not drawn and are counted, with the
    reasons, below the figure. A p of exactly 0 is drawn as a triangle beyond the others. The p of
    a change in either direction (``p_value_mixed``) is not drawn.
    """
    need(
        frame,
        ("signature", "contrast", "direction", "p_value", "p_adj", "n_members", "n_measured"),
        "enrichment",
        "exo.tl.enrich",
    )
    chosen = pick_contrast(frame, contrast)
    rows = frame[frame["contrast"].astype(str) == chosen]
    rows = rows.assign(signature=rows["signature"].astype(str)).sort_values("signature")
    twice = rows.loc[rows["signature"].duplicated(), "signature"]
    if len(twice):
        raise UsageError(
            f"{shown(twice.unique())} have two rows in {chosen!r}",
            where="frame",
            fix="Give the frame of one method.",
        )
    tested = rows[np.isfinite(rows["p_value"].astype(float))]
    tested = tested.assign(direction=tested["direction"].astype(str).str.lower())
    directed = tested["direction"].isin(["up", "down"])
    aimless, tested = int((~directed).sum()), tested[directed]
    data = tested.sort_values("p_value", kind="stable").head(max(n_top, 1)).copy()
    with np.errstate(divide="ignore"):
        height = -np.log10(data["p_value"].to_numpy(float)) + 0.0
    finite = height[np.isfinite(height)]
    top = max(finite.max() if len(finite) else 1.0, 1.0)
    beyond = ~np.isfinite(height)
    rising = data["direction"].to_numpy() == "up"
    data["signed"] = np.where(beyond, top * 1.1, height) * np.where(rising, 1.0, -1.0)
    data["beyond"] = beyond
    data = data.sort_values("signed", ascending=False, kind="stable")
    labels = labels_of(data["signature"].tolist(), names)
    ticks = [two_lines(labels[s]) for s in data["signature"]]
    notes = _notes(data, members)
    size = (
        6.6 + 0.07 * widest(ticks) + 0.06 * widest(notes),
        float(np.clip(1.9 + (row_height(ticks) + 0.02) * len(data), 3.0, 15.0)),
    )
    with canvas(ax, size) as axes:
        hue = _dots(axes, data, alpha)
        axes.axvline(0, color=GREY, lw=0.8, zorder=0)
        reach = float(np.abs(data["signed"]).max()) * 1.15 if len(data) else 1.0
        axes.set_xlim(-reach or -1.0, reach or 1.0)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.set_yticks(range(len(data)), ticks)
        axes.set_ylim(max(len(data), 1) - 0.4, -0.6)
        axes.grid(axis="y", color="#e6e6e6", lw=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("← down        −log10 p        up →")
        method = ", ".join(levels(rows["method"])) if "method" in rows else ""
        head(
            axes,
            chosen,
            (f"{method}; " if method else "")
            + "right: members measured"
            + (", leading members" if "leading" in rows else ""),
        )
        width = beside(axes, range(len(data)), notes, "leading")
        rest = len(tested) - len(data)
        caption(
            axes,
            not_ok(rows, "signature"),
            f"Not shown: {counted(rest, 'more signature')} tested." if rest else "",
            f"Not drawn: {counted(aimless, 'signature')} without a direction." if aimless else "",
            f"Triangle: {counted(int(beyond.sum()), 'signature')} with a p that is 0 in double "
            "precision."
            if beyond.any()
            else "",
        )
        _legend(axes, data, alpha, hue, width)
    return handed(axes, data.drop(columns="beyond"), return_data)


def _groups(data: pd.DataFrame, alpha: float) -> dict[str, np.ndarray]:
    hit = data["p_adj"].to_numpy(float) < alpha
    rising = data["signed"].to_numpy(float) > 0
    return {
        f"up, p_adj < {alpha:g}": hit & rising,
        f"down, p_adj < {alpha:g}": hit & ~rising,
        f"p_adj ≥ {alpha:g}": ~hit,
    }


def _area(n: Any, most: float) -> Any:
    """Area of a dot; square root of the area would hide small sets, so both ends are bounded."""
    return _LEAST + (_MOST - _LEAST) * np.asarray(n, dtype=float) / max(most, 1.0)


def _dots(axes: Axes, data: pd.DataFrame, alpha: float) -> list[Any]:
    palette = colours(["down", "up", "third", "fourth"])
    hue = [palette["fourth"], palette["down"], GREY]
    x, y = data["signed"].to_numpy(float), np.arange(len(data))
    most = float(data["n_measured"].max()) if len(data) else 1.0
    area = _area(data["n_measured"], most)
    axes.hlines(y, 0, x, color="#c8c8c8", lw=0.9, zorder=1)
    for colour, at in zip(hue, _groups(data, alpha).values(), strict=True):
        for marker, own in (("o", at & ~data["beyond"]), ("^", at & data["beyond"])):
            own = np.asarray(own, dtype=bool)
            if own.any():
                axes.scatter(
                    x[own], y[own], s=area[own], color=[colour], marker=marker, zorder=3, lw=0
                )
    return hue


def _notes(data: pd.DataFrame, members: Names) -> list[str]:
    """Members measured, and the first of the leading ones, for each row."""
    lead = data["leading"].astype(object) if "leading" in data else pd.Series("", index=data.index)
    split = [
        [m.strip() for m in str(text).split(";") if m.strip()] if isinstance(text, str) else []
        for text in lead
    ]
    labels = labels_of(list(dict.fromkeys(m for row in split for m in row)), members)
    notes = []
    for n, of, row in zip(data["n_measured"], data["n_members"], split, strict=True):
        named = ", ".join(shortened(labels[m], 18) for m in row[:_LEADING])
        more = " …" if len(row) > _LEADING else ""
        notes.append(f"{int(n)} of {int(of)}" + (f": {named}{more}" if named else ""))
    return notes


def _legend(axes: Axes, data: pd.DataFrame, alpha: float, hue: list[Any], width: float) -> None:
    from matplotlib.lines import Line2D

    def dot(colour: Any, area: float, label: str) -> Line2D:
        return Line2D([], [], color=colour, marker="o", ls="", ms=float(np.sqrt(area)), label=label)

    handles = [
        dot(colour, 50.0, f"{text} ({int(at.sum())})")
        for colour, (text, at) in zip(hue, _groups(data, alpha).items(), strict=True)
    ]
    if len(data):
        measured = data["n_measured"].astype(int)
        most = int(measured.max())
        for n in sorted({int(measured.min()), int(measured.median()), most}):
            handles.append(dot("#c8c8c8", float(_area(n, most)), f"{n} measured"))
    legend_beyond(axes, width, handles)
