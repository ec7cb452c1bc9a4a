"""Each person's course over the time points."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import arm_column, dense, levels, require_columns, timepoints, units
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.pl._frames import counted, mean_interval
from exerkine_omics.pl._rows import two_lines
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
    legend_right,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def trajectory(
    adata: AnnData,
    feature: str,
    *,
    score: str | None = None,
    arm: str | None = schema.ARM,
    level: float = 0.95,
    names: Names = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw each person's line over the time points, with the mean and its interval.

    Use it to see whether a mean change is everybody's or a few people's.

    Parameters
    ----------
    adata
        Samples x features, ``obs`` with subject_id, timepoint and optionally arm.
    feature
        A name of ``var_names``, or with ``score=`` the name of a signature.
    score
        Method of a score in ``obsm``, such as ``"baseline_z"``.
    arm
        Column of ``obs`` that colours people and splits the mean; None pools.
    level
        Confidence level of the mean's interval (t distribution over the people present).
    names
        Mapping from feature or signature to the title to show; a feature's own by default.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the points: subject_id, timepoint, arm (where there is one), value.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If the feature or the score is not there.
    InputError
        If a person has two samples at one time point.

    Notes
    -----
    Missing values: a visit without a value is bridged by a dashed line and not counted in the n
    written at the time point. Each mean is over the people present at that time, so two means
    may rest on different people; tests pair each person with themselves.
    """
    column = arm_column(adata, arm)
    require_columns(adata, schema.SUBJECT)
    times = timepoints(adata)
    values, label, axis = _values(adata, feature, score, names)
    data = pd.DataFrame(
        {
            schema.SUBJECT: adata.obs[schema.SUBJECT].astype(str).to_numpy(),
            schema.TIMEPOINT: adata.obs[schema.TIMEPOINT].astype(str).to_numpy(),
            schema.ARM: adata.obs[column].astype(str).to_numpy() if column else "",
            "value": values,
        }
    )
    arms = levels(adata.obs[column]) if column else [""]
    unplaced = ~data[schema.TIMEPOINT].isin(times) | ~data[schema.ARM].isin(arms)
    absent = int((~unplaced & ~np.isfinite(data["value"])).sum())
    data = data[~unplaced & np.isfinite(data["value"])]
    twice = data[data.duplicated([schema.SUBJECT, schema.TIMEPOINT])]
    if len(twice):
        pairs = [
            f"{s} at {t}"
            for s, t in zip(twice[schema.SUBJECT], twice[schema.TIMEPOINT], strict=True)
        ]
        raise InputError(
            f"More than one sample for {shown(pairs)}",
            where=f"obs[{schema.SUBJECT!r}] and obs[{schema.TIMEPOINT!r}]",
            fix="Keep one sample a person and time; exo.pp.check(adata) lists all of them.",
        )
    data = data.assign(x=data[schema.TIMEPOINT].map(times.index).astype(float))
    hue = colours(arms)
    counts: dict[str, list[int]] = {}
    # the counts below the ticks need room for the longest arm, and the legend for its name
    aside = 1.6 + 0.07 * max(min(len(a), 28) for a in arms)
    most = int(np.clip((16.0 - aside) / len(times) / 0.085 - 6, 5, 24))
    longest = max(len(f"{shortened(a, most)} n=000") for a in [*arms, *times])
    width = max(1.25, 0.085 * longest) * len(times) + aside
    with canvas(ax, (min(max(5.0, width), 16.0), 4.4)) as axes:
        gaps = 0
        for number, name in enumerate(arms):
            part = data[data[schema.ARM] == name]
            gaps += _lines(axes, part, hue[name] if column else GREY)
            nudge = (number - (len(arms) - 1) / 2) * 0.06
            summary = [
                mean_interval(part.loc[part[schema.TIMEPOINT] == t, "value"].to_numpy(), level)
                for t in times
            ]
            counts[name] = [s[3] for s in summary]
            _mean(
                axes,
                np.array([s[:3] for s in summary]),
                nudge,
                hue[name],
                f"{two_lines(name, 28)}, mean" if name else "mean",
            )
        axes.set_xticks(range(len(times)), _ticks(times, arms, counts, most))
        axes.set_xlim(-0.3, len(times) - 0.7)
        axes.set_ylabel(axis)
        people = data[schema.SUBJECT].nunique()
        head(
            axes,
            label,
            f"{counted(people, 'person', 'people')}; thick: mean and {100 * level:g}% interval "
            "of those present" + _coverage(adata, feature, score),
        )
        caption(
            axes,
            f"Dashed: {counted(gaps, 'gap')} over a missing visit." if gaps else "",
            f"Without a value: {counted(absent, 'sample')}." if absent else "",
            f"Not drawn: {counted(int(unplaced.sum()), 'sample')} without time point or arm."
            if unplaced.any()
            else "",
        )
        legend_right(axes)
    kept = [schema.SUBJECT, schema.TIMEPOINT, *([schema.ARM] if column else []), "value"]
    return handed(axes, data[kept], return_data)


def _values(
    adata: AnnData, feature: str, score: str | None, names: Names
) -> tuple[np.ndarray, str, str]:
    """Values by sample, the label of the feature, the text of the y axis."""
    if score is not None:
        key = schema.score_key(score)
        if key not in adata.obsm:
            raise UsageError(
                f"There is no score {score!r}",
                where=f"adata.obsm[{key!r}]",
                fix=f"Call exo.tl.score(adata, method={score!r}) first.",
            )
        scores = adata.obsm[key]
        _found(feature, scores.columns, "signature", f"obsm[{key!r}]")
        words = "score, baseline SD" if score == "baseline_z" else f"score ({score})"
        return scores[feature].to_numpy(float), labels_of([feature], names)[feature], words
    _found(feature, adata.var_names, "feature", "var_names")
    column = dense(adata[:, [feature]], infinite=True).ravel()
    label = labels_of([feature], adata if names is None else names)[feature]
    title = label if label.casefold() == feature.casefold() else f"{label} ({feature})"
    return column, title, f"{label}, {units(adata)}"


def _coverage(adata: AnnData, feature: str, score: str | None) -> str:
    """Say how much of the signature stands behind the scores drawn."""
    key = schema.coverage_key(score) if score is not None else ""
    if key not in adata.obsm or feature not in adata.obsm[key]:
        return ""
    scored = np.isfinite(adata.obsm[schema.score_key(str(score))][feature].to_numpy(float))
    share = adata.obsm[key].loc[scored, feature]
    if share.empty:
        return ""
    low, high = f"{share.min():.0%}", f"{share.max():.0%}"
    return f"; coverage {low}" + (f" to {high}" if high != low else "")


def _found(name: str, known: pd.Index, noun: str, where: str) -> None:
    if name in known:
        return
    near = get_close_matches(str(name), [str(k) for k in known], n=3)
    raise UsageError(
        f"There is no {noun} {name!r}",
        where=where,
        fix=f"Did you mean {shown(near)}?" if near else f"It has {shown(known)}.",
    )


def _lines(axes: Axes, part: pd.DataFrame, colour: object) -> int:
    """Draw the people's lines; return how many gaps were bridged."""
    from matplotlib.collections import LineCollection

    whole: list[list[np.ndarray]] = []
    bridged: list[list[np.ndarray]] = []
    for _, person in part.sort_values("x").groupby(schema.SUBJECT, sort=False):
        points = person[["x", "value"]].to_numpy(float)
        for first, second in zip(points[:-1], points[1:], strict=True):
            (whole if second[0] - first[0] == 1 else bridged).append([first, second])
    opacity = float(np.clip(12 / max(part[schema.SUBJECT].nunique(), 1), 0.12, 0.6))
    for segments, style, gid in ((whole, "-", "visits"), (bridged, (0, (4, 3)), "gaps")):
        if segments:
            axes.add_collection(
                LineCollection(
                    segments,
                    colors=[colour],
                    linewidths=0.8,
                    linestyles=[style],
                    alpha=opacity,
                    gid=gid,
                )
            )
    axes.scatter(part["x"], part["value"], s=7, color=colour, alpha=opacity, linewidths=0)
    return len(bridged)


def _mean(axes: Axes, summary: np.ndarray, nudge: float, colour: object, label: str) -> None:
    present = np.isfinite(summary[:, 0])
    x = np.arange(len(summary))[present] + nudge
    mean, low, high = summary[present].T
    axes.errorbar(
        x,
        mean,
        yerr=np.vstack([mean - low, high - mean]),
        color=colour,
        lw=2.6,
        elinewidth=1.8,
        capsize=3,
        marker="o",
        ms=5,
        label=label,
        zorder=4,
    )


def _ticks(times: list[str], arms: list[str], counts: dict[str, list[int]], most: int) -> list[str]:
    return [
        "\n".join([t, *(f"{shortened(a, most)} n={counts[a][i]}".strip() for a in arms)])
        for i, t in enumerate(times)
    ]
