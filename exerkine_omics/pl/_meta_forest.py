"""One feature over cohorts: each cohort's interval, the pooled effect, the prediction interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import need, pick_contrast
from exerkine_omics.pl._style import (
    GREY,
    INK,
    SMALL,
    Drawn,
    Names,
    canvas,
    caption,
    colours,
    handed,
    head,
    labels_of,
    shortened,
    value_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDED = ("feature", "contrast", "estimate", "se", "ci_low", "ci_high", "n_pairs", "status")
_POOLED = ("pi_low", "pi_high", "tau2", "i2", "units", "method", "n_cohorts")


def meta_forest(
    frames: Mapping[str, pd.DataFrame],
    meta: pd.DataFrame,
    feature: str,
    contrast: str | None = None,
    *,
    features: Mapping[str, pd.Series | Mapping[str, str]] | None = None,
    names: Names = None,
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw one feature's estimate in each cohort and what was pooled of them.

    Use it to see whether cohorts agree before a pooled p is believed.

    Parameters
    ----------
    frames
        The cohorts' result frames, as given to ``tl.meta``.
    meta
        What ``tl.meta`` returned for them, without ``leave_one_out``. Where it pooled baseline
        SDs, the cohorts' intervals are drawn in them too.
    feature
        Feature of ``meta``.
    contrast
        Contrast of ``meta``; may be left out where there is one.
    features
        Mapping to common ids, as given to ``tl.meta``; of several assays of one id the one with
        the smallest SE is drawn.
    names
        Labels: an AnnData (``gene_symbol``, else ``name``), or a mapping from feature to label.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows that were drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes.

    Raises
    ------
    UsageError
        If the feature or contrast is not in ``meta``, or it has no pooled estimate.

    Notes
    -----
    Missing values: cohorts without a result are named below the figure with the reason.
    """
    need(meta, (*_NEEDED, *_POOLED), "meta_forest", "exo.tl.meta")
    pooled = _pooled(meta, feature, pick_contrast(meta, contrast))
    contrast, unit = str(pooled["contrast"]), str(pooled["units"])
    maps = {} if features is None else {str(k): v for k, v in features.items()}
    rows, absent = [], []
    for name, frame in sorted((str(k), v) for k, v in frames.items()):
        need(frame, (*_NEEDED, "effect_size"), "meta_forest", "exo.tl.differential")
        row, reason = _own(frame, feature, contrast, maps.get(name), unit == "SD")
        if row is None:
            absent.append(f"{name} ({reason})")
        else:
            rows.append({"cohort": name, **row})
    last = {c: pooled[c] for c in ("estimate", "se", "ci_low", "ci_high", "n_pairs")}
    last |= {"cohort": "pooled", "pi_low": pooled["pi_low"], "pi_high": pooled["pi_high"]}
    data = pd.DataFrame([*rows, last])
    data["kind"] = np.where(np.arange(len(data)) < len(rows), "cohort", "pooled")
    data["n_pairs"] = data["n_pairs"].astype("int64")
    y = np.arange(len(data), dtype=float)
    y[-1] += 0.4
    with canvas(ax, (6.4, min(2.2 + 0.3 * len(data), 14.0))) as axes:
        _draw(axes, data, y)
        axes.axvline(0, color=GREY, lw=0.8, zorder=0)
        axes.set_yticks(y, [shortened(c) for c in data["cohort"]])
        axes.set_ylim(y[-1] + 0.7, -0.7)
        axes.set_xlabel(value_label(unit))
        label = labels_of([feature], names)[feature]
        head(
            axes,
            f"{label}: {contrast}",
            "bars: intervals, squares: 1/SE²; diamond: pooled 95% interval; n: pairs"
            + ("; thin line: prediction interval" if np.isfinite(pooled["pi_low"]) else ""),
        )
        told = f"{pooled['method']}, {int(pooled['n_cohorts'])} cohorts"
        if np.isfinite(pooled["tau2"]):
            told += f", tau² = {pooled['tau2']:.3g}, I² = {pooled['i2']:.0f}%"
        caption(axes, f"{told}.", f"Not drawn: {'; '.join(absent)}." if absent else "")
    return handed(axes, data, return_data)


def _draw(axes: Axes, data: pd.DataFrame, y: np.ndarray) -> None:
    own = (data["kind"] == "cohort").to_numpy()
    hue = colours(["cohort"])["cohort"]
    part = data[own]
    axes.hlines(y[own], part["ci_low"], part["ci_high"], color=hue, lw=1.5)
    weight = 1 / part["se"].to_numpy(float) ** 2
    share = weight / weight.max() if len(weight) else weight
    axes.scatter(part["estimate"], y[own], s=14 + 66 * share, color=[hue], marker="s", zorder=3)
    pooled, height = data.iloc[-1], 0.22
    axes.hlines(y[-1], pooled["pi_low"], pooled["pi_high"], color=INK, lw=1.0)
    axes.fill(
        [pooled["ci_low"], pooled["estimate"], pooled["ci_high"], pooled["estimate"]],
        [y[-1], y[-1] - height, y[-1], y[-1] + height],
        color=INK,
        zorder=3,
    )
    axes.axvline(pooled["estimate"], color=INK, lw=0.6, ls=":", zorder=0)
    for at, n in zip(y, data["n_pairs"], strict=True):
        axes.annotate(
            f"n={int(n)}",
            xy=(1, at),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL - 1,
            color="#555555",
            gid="n",
        )


def _pooled(meta: pd.DataFrame, feature: str, contrast: str) -> pd.Series:
    """Return the one row of the pooled frame; refuse one without an estimate."""
    own = meta["feature"].astype(str) == str(feature)
    rows = meta[own & (meta["contrast"].astype(str) == contrast)]
    if rows.empty:
        known = shown(meta["feature"].astype(str).unique())
        raise UsageError(
            f"The pooled frame has no feature {feature!r} in {contrast!r}; it has {known}",
            where="feature=",
            fix="Name it as in the frame.",
        )
    if len(rows) > 1:
        raise UsageError(
            f"The pooled frame has {len(rows)} rows of {feature!r} in {contrast!r}",
            where="meta",
            fix="Give what exo.tl.meta returns without leave_one_out.",
        )
    row = rows.iloc[0]
    if not np.isfinite(row["estimate"]):
        reason = "only signs and p were pooled" if row["status"] == schema.OK else row["status"]
        raise UsageError(
            f"{feature!r} in {contrast!r} has no pooled estimate: {reason}", where="meta"
        )
    return row


def _own(
    frame: pd.DataFrame, feature: str, contrast: str, ids: Any, standardised: bool
) -> tuple[dict[str, float] | None, str]:
    """Estimate, SE and interval of a cohort on the pooled scale, or why there is none."""
    text = frame["feature"].astype(str)
    if ids is not None:
        known = pd.Series(ids, dtype=object)
        known.index = known.index.astype(str)
        text = text.map(known).map(lambda i: str(i).strip())
    rows = frame[(text == str(feature)) & (frame["contrast"].astype(str) == contrast)]
    if rows.empty:
        return None, "not there"
    numbers = rows[["estimate", "se", "ci_low", "ci_high", "n_pairs"]].astype(float)
    if standardised:
        scale = rows["effect_size"].astype(float) / numbers["estimate"]
        numbers = numbers.mul(scale, axis=0).assign(n_pairs=numbers["n_pairs"])
    status = rows["status"].astype(str)
    numbers = numbers[(status == schema.OK) & (numbers["se"] > 0) & numbers["estimate"].notna()]
    if numbers.empty:
        reason = status.iloc[0]
        return None, reason if reason != schema.OK else "no estimate with SE"
    return numbers.sort_values("se", kind="stable").iloc[0].to_dict(), ""
