"""Which members carry the change of one signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._forest import known_ones
from exerkine_omics.pl._frames import counted, need, span
from exerkine_omics.pl._rows import beside, legend_beyond, row_height, settle, two_lines, widest
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
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HAIR = 4.0  # sums of so many times the largest member would leave hairs of the members
_SUM = "sum: change of the score"
_LISTED = 8  # members named for one reason


def contributions(
    frame: pd.DataFrame,
    signature: str | None = None,
    contrasts: Sequence[str] | None = None,
    *,
    names: Names = None,
    title: str | None = None,
    max_members: int = 25,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw each member's part of a signature's mean change, and the sum of the parts.

    Use it to see whether a change is the whole signature's or one member's.

    Parameters
    ----------
    frame
        Frame of ``tl.change_contributions``: signature, contrast, member, weight, contribution,
        ci_low, ci_high, n_people, status.
    signature
        The signature to draw; needed where the frame has several.
    contrasts
        Contrasts to draw, one colour each; all by default.
    names
        Labels of the members: an AnnData (``gene_symbol``, else ``name``), or a mapping.
    title
        Title of the figure; the signature by default.
    max_members
        With more, those of the largest part in any contrast are drawn and the others summed in
        one bar.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the bars from top to bottom: member, contrast, contribution, ci_low, ci_high,
        and the kind (``member``, ``others`` or ``sum``).

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes. Members stand by their mean contribution over the contrasts, largest rise first;
        ties by id. A member of negative weight is marked (−): its fall raises the score.

    Raises
    ------
    UsageError
        If the signature or a contrast is not in the frame, several signatures are there and none
        is named, or a member has two rows.

    Notes
    -----
    Missing values: members without a contribution are not drawn and are named, with their status,
    below the figure. The sum is over the members drawn and the others, without interval.
    """
    need(
        frame,
        ("signature", "contrast", "member", "weight", "contribution", "ci_low", "ci_high"),
        "contributions",
        "exo.tl.change_contributions",
    )
    own = _one(levels(frame["signature"]), signature)
    rows = frame[frame["signature"].astype(str) == own]
    chosen = known_ones(contrasts, levels(rows["contrast"]), "contrast")
    rows = rows[rows["contrast"].astype(str).isin(chosen)]
    rows = rows.assign(member=rows["member"].astype(str), contrast=rows["contrast"].astype(str))
    twice = rows.loc[rows.duplicated(["member", "contrast"]), "member"]
    if len(twice):
        raise UsageError(
            f"{shown(twice.unique())} have two rows in one contrast",
            where="frame",
            fix="Give the frame of exo.tl.change_contributions for one cohort and one method.",
        )
    # sorted first: the order of rows decides neither sums nor ties
    known = rows[np.isfinite(rows["contribution"].astype(float))]
    known = known.sort_values(["member", "contrast"])
    part = known.groupby("member")["contribution"]
    largest = part.agg(lambda c: c.abs().max()).sort_values(ascending=False, kind="stable")
    mean = part.mean().round(12).sort_values(ascending=False, kind="stable")
    kept = set(largest.index[: max(max_members, 1)])
    picked = [m for m in mean.index if m in kept]
    data = _bars(known, picked, chosen)
    labels = labels_of(list(dict.fromkeys(rows["member"])), names)
    negative = set(rows.loc[rows["weight"].astype(float) < 0, "member"])
    n_others = len(mean) - len(picked)
    places = [*picked, *(["others"] if n_others else []), "sum"]
    ticks = [two_lines(labels[m] + (" (−)" if m in negative else "")) for m in picked]
    ticks += [counted(n_others, "other member")] if n_others else []
    ticks += [_SUM]
    thick = max(1.0, 0.45 * len(chosen))
    size = (
        5.6 + 0.07 * widest(ticks) + (2.2 if len(chosen) > 1 else 0.4),
        float(np.clip(1.9 + row_height(ticks) * thick * len(places), 2.8, 15.0)),
    )
    with canvas(ax, size) as axes:
        _draw(axes, data, places, chosen)
        beyond = _zoom(axes, data, places, ticks)
        axes.set_yticks(range(len(places)), ticks)
        for text, place in zip(axes.get_yticklabels(), places, strict=True):
            text.set_fontweight("bold" if place == "sum" else "normal")
        axes.set_ylim(len(places) - 0.4, -0.6)
        axes.set_xlabel("part of the mean change of the score")
        people = span(known["n_people"]) if "n_people" in known and len(known) else ""
        drawn = data["kind"] == "member"
        settle(axes)
        head(
            axes,
            title or own,
            (f"{chosen[0]}; " if len(chosen) == 1 else "")
            + "bar: a member's part, with its interval; diamond: the sum"
            + ("; right: share of the sum" if len(chosen) == 1 else "")
            + (f"; people per member: {people}" if people else ""),
        )
        width = 0.0
        if len(chosen) == 1:
            width = beside(axes, range(len(places)), _shares(data), "share")
        caption(
            axes,
            "(−): negative weight, a fall raises the score." if negative & kept else "",
            beyond,
            *_absent(rows, labels, chosen),
            "" if drawn.any() else "No member has a contribution.",
        )
        if len(chosen) > 1:
            _legend(axes, chosen, rows, width)
    data["member"] = data["member"].where(data["kind"] == "member", data["kind"])
    return handed(axes, data, return_data)


def _one(known: list[str], signature: str | None) -> str:
    if signature is None and len(known) == 1:
        return known[0]
    if signature is not None and str(signature) in known:
        return str(signature)
    said = "has" if signature is None else f"has no signature {signature!r}; it has"
    raise UsageError(
        f"The frame {said} {counted(len(known), 'signature')}: {shown(known)}",
        where="signature=",
        fix=f"Name one, such as signature={known[0]!r}." if known else "Give a frame with rows.",
    )


def _bars(known: pd.DataFrame, picked: list[str], chosen: list[str]) -> pd.DataFrame:
    """Members from top to bottom, then the sum of the others, then the sum of all."""
    columns = ["member", "contrast", "contribution", "ci_low", "ci_high"]
    members = known.loc[known["member"].isin(picked), columns].assign(kind="member")
    rank = {m: i for i, m in enumerate(picked)}
    nth = {c: i for i, c in enumerate(chosen)}
    members = members.assign(_m=members["member"].map(rank), _c=members["contrast"].map(nth))
    members = members.sort_values(["_m", "_c"]).drop(columns=["_m", "_c"])
    rest = known[~known["member"].isin(picked)]
    blocks = [members]
    for kind, rows in (("others", rest), ("sum", known)):
        sums = rows.groupby("contrast")["contribution"].sum()
        lines = [
            {"member": kind, "contrast": c, "contribution": float(sums[c]), "kind": kind}
            for c in chosen
            if c in sums.index
        ]
        if lines:
            blocks.append(pd.DataFrame(lines).assign(ci_low=np.nan, ci_high=np.nan))
    return pd.concat(blocks, ignore_index=True)[[*columns, "kind"]]


def _draw(axes: Axes, data: pd.DataFrame, places: list[str], chosen: list[str]) -> None:
    hue = colours(chosen)
    width = 0.76 / max(len(chosen), 1)
    key = data["member"].where(data["kind"] == "member", data["kind"])
    for number, name in enumerate(chosen):
        part = data[data["contrast"] == name]
        nudge = (number - (len(chosen) - 1) / 2) * width
        y = np.array([places.index(k) for k in key[part.index]], dtype=float) + nudge
        x = part["contribution"].to_numpy(float)
        whole = (part["kind"] == "sum").to_numpy()
        others = (part["kind"] == "others").to_numpy()
        for at, alpha in ((~whole & ~others, 0.8), (others, 0.4)):
            if at.any():
                axes.barh(y[at], x[at], height=width * 0.9, color=hue[name], alpha=alpha, lw=0)
        low, high = part[["ci_low", "ci_high"]].to_numpy(float).T
        sure = np.isfinite(low) & np.isfinite(high)
        axes.hlines(
            y[sure], low[sure], high[sure], color="#222222", lw=1.0, zorder=3, gid="interval"
        )
        axes.plot(x[whole], y[whole], "D", ms=7, color=hue[name], mec="black", mew=0.8, gid="sum")
    axes.axvline(0, color=GREY, lw=0.9, zorder=0)
    axes.axhline(len(places) - 1.5, color=GREY, lw=0.6, ls=":", zorder=0)


def _zoom(axes: Axes, data: pd.DataFrame, places: list[str], ticks: list[str]) -> str:
    """End the axis where the members do, if sums would make hairs of them; say what lies beyond."""
    members = data[data["kind"] == "member"]
    ends = members[["contribution", "ci_low", "ci_high"]].to_numpy(dtype=float)
    reach = 1.15 * float(np.nanmax(np.abs(ends), initial=0.0))
    far = data[(data["kind"] != "member") & (data["contribution"].abs() > _HAIR * reach)]
    if far.empty or reach == 0.0:
        return ""
    low, high = float(np.nanmin(ends, initial=0.0)), float(np.nanmax(ends, initial=0.0))
    positive, negative = (far["contribution"] > 0).any(), (far["contribution"] < 0).any()
    axes.set_xlim(
        -reach if negative else min(1.15 * low, -0.05 * reach),
        reach if positive else max(1.15 * high, 0.05 * reach),
    )
    said = []
    for row in far.drop_duplicates("member").itertuples():
        y, end = places.index(str(row.member)), axes.get_xlim()[int(row.contribution > 0)]
        mark = ">" if row.contribution > 0 else "<"
        axes.plot(0.97 * end, y, mark, ms=6, color="#222222", clip_on=False, gid="beyond")
        values = far.loc[far["member"] == row.member, "contribution"]
        said.append(f"{ticks[y]} = {', '.join(f'{v:.3g}' for v in values)}".replace("-", "−"))
    return f"Beyond the axis: {'; '.join(said)}."


def _shares(data: pd.DataFrame) -> list[str]:
    """Share of each bar in the sum, where parts do not cancel out."""
    whole = data.loc[data["kind"] == "sum", "contribution"]
    total = float(whole.iloc[0]) if len(whole) else 0.0
    parts = data.loc[data["kind"] != "sum", "contribution"].to_numpy(float)
    # of a sum near 0 every part is a large and meaningless share
    if not len(parts) or abs(total) <= 0.2 * np.abs(parts).sum():
        return [""] * (len(parts) + 1)
    return [*(f"{share:.0%}".replace("-", "−") for share in parts / total), ""]


def _absent(rows: pd.DataFrame, labels: dict[str, str], chosen: list[str]) -> list[str]:
    """Sentences that name the members without a contribution, by status."""
    lost = rows[~np.isfinite(rows["contribution"].astype(float))]
    if lost.empty:
        return []
    status = lost["status"].astype(str) if "status" in lost else pd.Series("", index=lost.index)
    status = status.where(~status.isin(["", schema.OK]), "no contribution")
    sentences = []
    for reason, part in lost.groupby(status, sort=True):
        members = []
        for member, own in part.groupby("member", sort=True):
            where = "" if len(own) == len(chosen) else f" ({', '.join(own['contrast'])})"
            members.append(f"{labels[str(member)]}{where}")
        more = f" and {len(members) - _LISTED} more" if len(members) > _LISTED else ""
        sentences.append(f"Not drawn, {reason}: {', '.join(members[:_LISTED])}{more}.")
    return sentences


def _legend(axes: Axes, chosen: list[str], rows: pd.DataFrame, width: float) -> None:
    from matplotlib.patches import Patch

    hue = colours(chosen)
    handles = [Patch(color=hue[c], alpha=0.8, lw=0, label=two_lines(c, 30)) for c in chosen]
    legend_beyond(axes, width, handles, "contrast")
