"""Three columns joined by curves: who is joined to whom, in which order, drawn how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics.pl._style import GREY, width_of_level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

NOT_KNOWN, OTHER = "not known", "other tissues"
SIDES = ("origin", "target")
_SWEEPS = 12


def edges_of(table: pd.DataFrame, most: int) -> tuple[pd.DataFrame, str]:
    """One row a line from a tissue to a molecule or back.

    Parameters
    ----------
    table
        Molecules by id: origin_tissues, target_tissues (joined by ";"), label, value, level.
    most
        With more tissues on a side, the rarest are drawn together.

    Returns
    -------
    DataFrame, str
        exerkine_id, label, side, tissue, value, level; and the names of the tissues that were
        put together.
    """
    rows = []
    for i, row in table.iterrows():
        for side in SIDES:
            tissues = [t.strip() for t in row[f"{side}_tissues"].split(";") if t.strip()]
            for tissue in dict.fromkeys(tissues or [NOT_KNOWN]):
                rows.append((str(i), row["label"], side, tissue, row["value"], row["level"]))
    edges = pd.DataFrame(rows, columns=["exerkine_id", "label", "side", "tissue", "value", "level"])
    together: list[str] = []
    for side in SIDES:
        mine = edges["side"] == side
        named = edges.loc[mine & (edges["tissue"] != NOT_KNOWN), "tissue"]
        counts = named.value_counts().rename_axis("tissue").reset_index(name="n")
        counts = counts.sort_values(["n", "tissue"], ascending=[False, True])["tissue"].tolist()
        rare = counts[most - 1 :] if len(counts) > most else []
        edges.loc[mine & edges["tissue"].isin(rare), "tissue"] = OTHER
        together += rare
    edges = edges.drop_duplicates(["exerkine_id", "side", "tissue"]).reset_index(drop=True)
    return edges, ", ".join(sorted(set(together)))


def arrange(edges: pd.DataFrame, molecules: list[str]) -> dict[str, dict[str, float]]:
    """Heights (0 to 1) of the nodes of each column, with few crossings.

    Each column is sorted by the mean height of its neighbours, to and fro (the barycentre
    method of Sugiyama et al. 1981); what is not known stands at the foot.
    """
    order: dict[str, list[str]] = {
        side: sorted(edges.loc[edges["side"] == side, "tissue"].unique()) for side in SIDES
    }
    order["exerkine"] = list(molecules)
    of = {side: edges[edges["side"] == side] for side in SIDES}
    best, fewest = order, np.inf
    for sweep in range(_SWEEPS):
        by = SIDES[sweep % 2]
        order["exerkine"] = _sorted(order["exerkine"], of[by], "exerkine_id", "tissue", order[by])
        for side in SIDES:
            order[side] = _sorted(order[side], of[side], "tissue", "exerkine_id", order["exerkine"])
        crossed = sum(_crossings(of[side], order[side], order["exerkine"]) for side in SIDES)
        if crossed < fewest:
            best, fewest = dict(order), crossed
    return {
        column: {name: 1 - (k + 0.5) / len(names) for k, name in enumerate(names)}
        for column, names in best.items()
    }


def _crossings(edges: pd.DataFrame, tissues: list[str], molecules: list[str]) -> int:
    one = edges["tissue"].map({t: k for k, t in enumerate(tissues)}).to_numpy()
    two = edges["exerkine_id"].map({m: k for k, m in enumerate(molecules)}).to_numpy()
    return int(((one[:, None] < one) & (two[:, None] > two)).sum())


def _sorted(
    names: list[str], edges: pd.DataFrame, own: str, other: str, beside: list[str]
) -> list[str]:
    height = {name: k / max(len(beside), 1) for k, name in enumerate(beside)}
    mean = edges[other].map(height).groupby(edges[own]).mean()
    last = {NOT_KNOWN: 2, OTHER: 1} if own == "tissue" else {}
    at = {name: k for k, name in enumerate(names)}
    return sorted(names, key=lambda n: (last.get(n, 0), round(float(mean[n]), 9), at[n]))


def draw_links(
    axes: Axes,
    edges: pd.DataFrame,
    place: dict[str, dict[str, float]],
    table: pd.DataFrame,
    scale: ScalarMappable,
    x: dict[str, float],
) -> None:
    """Draw a smooth line for each edge, the strongest value on top."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.patheffects import Normal, Stroke

    order = edges["value"].abs().fillna(-1).sort_values(kind="stable").index
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    for rank, k in enumerate(order):
        side, tissue, i = edges.loc[k, ["side", "tissue", "exerkine_id"]]
        y0, y1 = place[side][tissue], place["exerkine"][i]
        middle = (x[side] + x["exerkine"]) / 2
        value = float(edges.at[k, "value"])
        known = np.isfinite(value)
        lw = width_of_level(str(edges.at[k, "level"]))
        patch = PathPatch(
            Path([(x[side], y0), (middle, y0), (middle, y1), (x["exerkine"], y1)], codes),
            fill=False,
            edgecolor=scale.to_rgba(np.array([value]))[0] if known else GREY,
            linewidth=lw,
            linestyle="--" if tissue == NOT_KNOWN or not known else "-",
            capstyle="butt",
            zorder=1 + rank / (len(order) + 1),
            gid="link",
            clip_on=False,
        )
        # a rim keeps the pale colours near 0 visible on white
        patch.set_path_effects([Stroke(linewidth=lw + 0.6, foreground="#a8a8a8"), Normal()])
        axes.add_patch(patch)
