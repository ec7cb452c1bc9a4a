"""How much of each signature was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics.pl._frames import counted, need
from exerkine_omics.pl._rows import row_height, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
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


def coverage(
    frame: pd.DataFrame,
    *,
    min_coverage: float | None = 0.5,
    names: Names = None,
    max_signatures: int = 40,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the share of each signature that a platform measured.

    Use it before scores are read: a score of a tenth of a signature is another thing than the
    signature.

    Parameters
    ----------
    frame
        One row a signature: signature, coverage (0 to 1, by absolute weight), n_measured,
        n_members.
    min_coverage
        Least coverage at which a score is given; a line is drawn there. None draws none.
    names
        Mapping from signature to the title to show.
    max_signatures
        With more, those of the highest coverage are drawn and the others counted.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows in the order drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Notes
    -----
    Missing values: a coverage that is NaN is drawn as no bar, with "not known" beside it.
    """
    need(
        frame,
        ("signature", "coverage", "n_measured", "n_members"),
        "coverage",
        "exo.sig.load().coverage(adata)",
    )
    data = frame.sort_values("coverage", ascending=False, kind="stable").head(max_signatures)
    share = data["coverage"].to_numpy(float)
    least = -np.inf if min_coverage is None else min_coverage
    hue = colours(["scored"])
    place = np.arange(len(data))
    signatures = data["signature"].astype(str).tolist()
    labels = labels_of(signatures, names)
    ticks = [two_lines(labels[s]) for s in signatures]
    height = 1.7 + (row_height(ticks) + 0.02) * len(data)
    with canvas(ax, (6.6 + 0.07 * widest(ticks), float(np.clip(height, 2.4, 17.0)))) as axes:
        scored = share >= least
        for mask, colour, text in (
            (scored, hue["scored"], "scored"),
            (~scored, GREY, "below the least coverage"),
        ):
            if mask.any():
                axes.barh(
                    place[mask],
                    np.nan_to_num(share[mask]),
                    color=colour,
                    height=0.7,
                    label=f"{text} ({int(mask.sum())})",
                )
        for y, (value, measured, members) in enumerate(
            zip(share, data["n_measured"], data["n_members"], strict=True)
        ):
            known = np.isfinite(value)
            axes.annotate(
                f"{int(measured)} of {int(members)}" if known else "not known",
                xy=(value if known else 0.0, y),
                xytext=(4, 0),
                va="center",
                textcoords="offset points",
                fontsize=SMALL,
                gid="n",
                # the line of the least coverage would strike it through
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )
        if min_coverage is not None:
            axes.axvline(
                min_coverage,
                color="black",
                lw=1.0,
                ls=(0, (5, 3)),
                label=f"least coverage {min_coverage:.0%}",
            )
        axes.set_yticks(place, ticks)
        axes.set_ylim(max(len(data), 1) - 0.4, -0.6)
        axes.set_xlim(0, 1.15)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlabel("coverage (share of absolute weight measured)")
        head(axes, "Coverage of the signatures", "beside the bars: members measured")
        rest = len(frame) - len(data)
        caption(axes, f"Not drawn: {counted(rest, 'signature')} of lower coverage." if rest else "")
        legend_right(axes)
    return handed(axes, data, return_data)
