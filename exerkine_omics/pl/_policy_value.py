"""What giving each person a chosen training would be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import UsageError
from exerkine_omics.pl._frames import counted
from exerkine_omics.pl._prediction import beside as other_frame
from exerkine_omics.pl._prediction import table, with_interval
from exerkine_omics.pl._rows import beside, row_height, settle, two_lines, widest
from exerkine_omics.pl._style import GREY, INK, Drawn, canvas, caption, colours, handed, head

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = ("policy", "estimate", "ci_low", "ci_high")
_RULE, _GAIN, _BEST = "rule", "gain", "best single arm"
_LEARNERS = {"dr": "DR-learner", "t": "T-learner"}
_MARKERS = {"arm": "o", _RULE: "D", _GAIN: "s"}


def policy_value(
    result: Any,
    *,
    unit: str = "",
    ax: Axes | None = None,
    return_data: bool = False,
) -> Drawn:
    """Draw the mean outcome of each policy: one training for all, or the rule's for each.

    Use it after ``ml.tailor``. What counts is the gain, below the line: intervals of two policies
    may overlap where their difference is sure, as both rest on the same people.

    Parameters
    ----------
    result
        Result of ``ml.tailor``, or its frame ``policy_value`` alone.
    unit
        Unit of the outcome, for the x axis.
    ax
        Axes to draw on; a new figure by default.
    return_data
        Also return the rows in the order drawn.

    Returns
    -------
    Axes or (Axes, DataFrame)
        The axes, arms on top, then the rule, then the gain; to the right the numbers.

    Raises
    ------
    UsageError
        If there are no policies, or none has a value.

    Notes
    -----
    Missing values: a row that is NaN keeps its place and is "not known"; an interval that is NaN is
    not drawn. Each status other than ``ok`` stands below the figure.
    """
    frame = table(result, "policy_value", _COLUMNS, "policy_value", "exo.ml.tailor")
    if not np.isfinite(frame["estimate"].to_numpy(float)).any():
        raise UsageError(
            "policy_value has nothing to draw: no policy has a value",
            where="result.policy_value",
            fix="See the notes of what exo.ml.tailor returns.",
        )
    kind = frame["policy"].astype(str).map(_kind)
    data = pd.concat([frame[kind == k] for k in _MARKERS])
    names = _names(data)
    kinds = data["policy"].astype(str).map(_kind)
    gains = (kinds == _GAIN).to_numpy()
    ticks = [two_lines(n, 34) for n in names]
    y = np.arange(len(data)) + 0.5 * gains
    size = (6.8 + 0.06 * widest(ticks), 2.0 + (row_height(ticks) + 0.04) * max(len(data) + 0.5, 3))
    hue = colours(list(_MARKERS))
    with canvas(ax, size) as axes:
        axes.axvline(0, color=GREY, lw=0.9, zorder=0)
        for at, kind_of, (_, row) in zip(y, kinds, data.iterrows(), strict=True):
            value, low, high = (float(row[c]) for c in _COLUMNS[1:])
            axes.hlines([at], [low], [high], color=[hue[kind_of]], lw=1.8)
            axes.scatter(
                [value], [at], s=36, color=[hue[kind_of]], marker=_MARKERS[kind_of], zorder=3,
                gid=kind_of,
            )  # fmt: skip
        if gains.any() and not gains.all():
            axes.axhline(y[gains][0] - 0.75, color=INK, lw=0.6, gid="apart")
        axes.set_yticks(y, ticks)
        axes.set_ylim(y[-1] + 0.6, -0.6)
        axes.set_xlabel(f"mean outcome, {unit}" if unit else "mean outcome")
        beside(axes, y.tolist(), [with_interval(row) for _, row in data.iterrows()])
        settle(axes)
        head(
            axes,
            "Value of choosing for each person",
            f"bars: interval over people{_better(result)}",
        )
        caption(
            axes,
            _verdict(result),
            "Gain: by how much the rule is better than a single arm." if gains.any() else "",
            _people(result),
            _not_plain(data, names),
        )
    return handed(axes, data, return_data)


def _kind(policy: str) -> str:
    """Arm, rule or gain; ``gain over all END`` is a gain, and no arm."""
    if policy == _GAIN or policy.startswith(f"{_GAIN} over "):
        return _GAIN
    return _RULE if policy == _RULE else "arm"


def _names(data: pd.DataFrame) -> list[str]:
    """Name of each row; the learner of a rule where there are several."""
    learner = data["learner"].astype(str) if "learner" in data else pd.Series("", data.index)
    several = learner[learner != ""].nunique() > 1
    words = {_GAIN: "gain over the best arm", _BEST: "best single arm, chosen in training"}
    return [
        words.get(p, p) + (f", {_LEARNERS.get(who, who)}" if who and several else "")
        for p, who in zip(data["policy"].astype(str), learner, strict=True)
    ]


def _better(result: Any) -> str:
    settings = getattr(result, "settings", None)
    lower = isinstance(settings, dict) and settings.get("better") == "lower"
    return "; lower is better" if lower else ""


def _verdict(result: Any) -> str:
    verdict = "" if isinstance(result, pd.DataFrame) else str(getattr(result, "verdict", ""))
    return f"Verdict: {verdict}." if verdict else ""


def _people(result: Any) -> str:
    """For how many people the rule does not choose."""
    people = other_frame(result, "people", ("abstain",))
    if people is None or people.empty:
        return ""
    left = int(people["abstain"].astype(bool).sum())
    return f"The rule abstains for {left:,} of {counted(len(people), 'person', 'people')}."


def _not_plain(data: pd.DataFrame, names: list[str]) -> str:
    """Rows whose numbers are missing or mean something else, and why."""
    known = np.isfinite(data[list(_COLUMNS[1:])].to_numpy(float)).all(axis=1)
    status = data["status"].astype(str).tolist() if "status" in data else [schema.OK] * len(data)
    told = [
        f"{name}: {reason if reason != schema.OK else 'not known, or no interval'}"
        for name, reason, good in zip(names, status, known, strict=True)
        if reason != schema.OK or not good
    ]
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}." if text else ""
