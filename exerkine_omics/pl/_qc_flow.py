"""From tubes to people to pairs, and who was lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import baseline, dense, levels, make_pairs, meta, timepoints
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._qc_tubes import tubes
from exerkine_omics.pl._rows import legend_beyond, row_height, two_lines, widest
from exerkine_omics.pl._style import (
    GREY,
    SMALL,
    Drawn,
    canvas,
    caption,
    colours,
    handed,
    head,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TUBES, _PEOPLE = "tubes", "people"


def draw(adata: AnnData, ax: Axes | None, return_data: bool) -> Drawn:
    """Draw a bar a stage: tubes in grey, people in the colours of their arms."""
    data = _stages(adata)
    stages = data.drop_duplicates("stage")[["stage", "unit"]]
    arms = [a for a in dict.fromkeys(data["arm"]) if a]
    hue = {**colours(arms), "": GREY if arms else colours(["all"])["all"]}
    labels = [two_lines(s, 36) for s in stages["stage"]]
    # a blank row parts tubes from people: their numbers are not comparable
    rows = np.arange(len(stages)) + (stages["unit"] == _PEOPLE).to_numpy() * 0.7
    at = dict(zip(stages["stage"], rows, strict=True))
    size = (
        float(np.clip(5.2 + 0.07 * widest(labels), 6.6, 10.0)),
        float(np.clip(1.5 + row_height(labels) * (len(rows) + 1), 2.8, 12.0)),
    )
    total = data.groupby("stage", sort=False)["n"].sum()
    with canvas(ax, size) as axes:
        scale = {u: max(int(total[part["stage"]].max()), 1) for u, part in data.groupby("unit")}
        drawn: set[str] = set()
        for stage, part in data.groupby("stage", sort=False):
            left = 0.0
            for row in part.itertuples():
                width = row.n / scale[row.unit]
                colour = GREY if row.unit == _TUBES else hue[row.arm]
                label = "_" if row.arm in drawn or not row.arm else two_lines(row.arm, 24)
                drawn.add(row.arm)
                axes.barh(at[stage], width, left=left, height=0.72, color=colour, label=label)
                left += width
            each = ", ".join(f"{r.n:,}" for r in part.itertuples()) if len(part) > 1 else ""
            axes.text(
                left + 0.012, at[stage], f"{total[stage]:,}" + (f" ({each})" if each else ""),
                va="center", fontsize=SMALL, gid="n",
            )  # fmt: skip
        axes.set_yticks(rows, labels)
        axes.set_ylim(rows[-1] + 0.6, -0.6)
        axes.set_xlim(0, 1.0 + 0.03 * max(len(arms), 1) + 0.08)
        axes.set_xticks([])
        axes.spines[:].set_visible(False)
        axes.tick_params(axis="y", length=0)
        first = int(total.iloc[0])
        n_people = int(total[stages.loc[stages["unit"] == _PEOPLE, "stage"].iloc[0]])
        head(
            axes,
            "From tubes to pairs",
            f"{first:,} tubes; {counted(n_people, 'person', 'people')}; a pair is one person's "
            "two samples",
        )
        caption(axes, _reasons(data))
        if drawn - {""}:
            legend_beyond(axes, 4.0)
    return handed(axes, data.drop(columns="lost"), return_data)


def _stages(adata: AnnData) -> pd.DataFrame:
    """Row a stage and arm: stage, unit, arm, n, and in words why people make no pair."""
    frame = tubes(adata)
    times = timepoints(adata)
    steps = meta(adata).get(schema.STEPS)
    read = int(steps["n_obs"].iloc[0]) if steps is not None and len(steps) else adata.n_obs
    rows: list[tuple[str, str, str, int, str]] = []
    if read > adata.n_obs:
        rows.append(("tubes read", _TUBES, "", read, ""))
    rows.append(("tubes in the data", _TUBES, "", adata.n_obs, ""))
    if not frame["person"].all():
        rows.append(("tubes of people", _TUBES, "", int(frame["person"].sum()), ""))
    there = np.isfinite(dense(adata, infinite=True)).any(axis=1)
    placed = (
        frame["person"] & frame[schema.TIMEPOINT].isin(times) & (frame[schema.SUBJECT] != "")
    ).to_numpy()
    useful = int((placed & there).sum())
    if useful < frame["person"].sum():
        rows.append(("with person, time and values", _TUBES, "", useful, ""))
    mine = frame[placed]
    arms = levels(adata.obs[schema.ARM].iloc[mine.index]) if schema.ARM in adata.obs else [""]
    start = baseline(adata)

    def by_arm(stage: str, part: pd.DataFrame, lost: str = "") -> None:
        n = part.groupby(schema.ARM)[schema.SUBJECT].nunique()
        rows.extend((stage, _PEOPLE, arm, int(n.get(arm, 0)), lost) for arm in arms)

    by_arm("people", mine)
    by_arm(f"with a sample at {start}", mine[(mine[schema.TIMEPOINT] == start) & there[placed]])
    if len(times) > 1:
        # no copy of all the values where nobody is left out
        pairs = make_pairs(adata if placed.all() else adata[placed].copy()).frame
        for time, part in pairs.groupby(schema.TIMEPOINT, observed=True, sort=False):
            reasons = part.loc[~part["paired"], "reason"].astype(str).value_counts()
            why = "; ".join(f"{reason}: {n}" for reason, n in reasons.head(3).items() if n)
            good = part[part["paired"]].astype({schema.SUBJECT: str})
            if schema.ARM not in good:
                good = good.assign(**{schema.ARM: ""})
            by_arm(f"paired at {time}", good.astype({schema.ARM: str}), why)
    return pd.DataFrame(rows, columns=["stage", "unit", "arm", "n", "lost"])


def _reasons(data: pd.DataFrame) -> str:
    lost = data[data["lost"] != ""].drop_duplicates("stage")
    texts = [f"{row.stage}: {row.lost}" for row in lost.head(4).itertuples()]
    return f"Without a pair, {'. '.join(texts)}." if texts else ""
