"""Arrange the changes of scores for a heat map: who, which signatures, in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown
from exerkine_omics.pl._frames import counted

_NO_ARM = "no arm"


def pick_time(frame: pd.DataFrame, timepoint: str | None) -> str:
    known = levels(frame[schema.TIMEPOINT])
    if timepoint is None and len(known) == 1:
        return known[0]
    if timepoint is not None and str(timepoint) in known:
        return str(timepoint)
    said = "has" if timepoint is None else f"has no time point {timepoint!r}; it has"
    raise UsageError(
        f"The frame {said} {counted(len(known), 'time point')}: {shown(known)}",
        where="timepoint=",
        fix=f"Name one, such as timepoint={known[0]!r}." if known else "Give a frame with rows.",
    )


def against(rows: pd.DataFrame) -> str:
    """Say the baseline where the frame names one."""
    start = levels(rows["baseline"]) if "baseline" in rows else []
    return f" against {start[0]}" if len(start) == 1 else ""


def arms_of(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Arm of each row and the arms in their order; people without one come last."""
    if schema.ARM not in rows:
        return pd.Series("", index=rows.index), [""]
    text = rows[schema.ARM].astype(object)
    text = text.where(text.notna() & (text.astype(str) != ""), _NO_ARM).astype(str)
    arms = [a for a in levels(rows[schema.ARM]) if a and a in set(text)]
    if _NO_ARM in set(text) and _NO_ARM not in arms:
        arms.append(_NO_ARM)
    return (text, arms) if arms != [_NO_ARM] else (pd.Series("", index=rows.index), [""])


def by_person(rows: pd.DataFrame, arm: pd.Series, value: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values and statuses, people (arm, id) x signatures, both sorted."""
    if not pd.api.types.is_numeric_dtype(rows[value]):
        raise UsageError(
            f"The column {value!r} holds no numbers",
            where="frame",
            fix="Give the frame that exo.tl.score_change returns.",
        )
    long = pd.DataFrame(
        {
            "_arm": arm,
            schema.SUBJECT: rows[schema.SUBJECT].astype(str),
            "signature": rows["signature"].astype(str),
            "value": rows[value].replace([np.inf, -np.inf], np.nan).astype(float),
            "status": rows["status"].astype(str) if "status" in rows else schema.OK,
        }
    )
    keys = ["_arm", schema.SUBJECT, "signature"]
    twice = long[long.duplicated(keys)]
    if len(twice):
        pairs = [f"{p}: {s}" for p, s in zip(twice[keys[1]], twice[keys[2]], strict=True)]
        raise UsageError(
            f"There is more than one row for {shown(pairs)}",
            where="frame",
            fix="Give the frame of exo.tl.score_change for one cohort and one method.",
        )
    wide = long.pivot(index=keys[:2], columns="signature", values="value")
    status = long.pivot(index=keys[:2], columns="signature", values="status").fillna("no row")
    known = wide.notna() | (status != schema.OK)
    return wide, status.where(known, f"no {value}")


def order_of(values: np.ndarray, order: str) -> np.ndarray:
    """Order of the columns: alike beside alike, or by mean; the larger mean first."""
    with np.errstate(invalid="ignore"):
        mean = np.asarray(np.nanmean(values, axis=0) if values.size else np.zeros(0)).round(12)
    if order == "mean" or values.shape[1] < 3:
        return np.argsort(-mean, kind="stable")
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    present = np.isfinite(values).astype(float)
    filled = np.where(present > 0, values, 0.0)
    squares = (filled**2).T @ present
    shared = present.T @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.sqrt(
            np.maximum(squares + squares.T - 2 * filled.T @ filled, 0) / shared
        ).round(12)
    # two signatures that no person has both of are as far apart as any
    far = np.nanmax(distance)
    distance = np.where(shared > 0, distance, far)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    leaves = leaves_list(tree)
    half = len(leaves) // 2
    return leaves if mean[leaves[:half]].mean() >= mean[leaves[-half:]].mean() else leaves[::-1]


def people_of(
    wide: pd.DataFrame, arms: list[str], most: int
) -> tuple[dict[str, list[tuple[str, str]]], int]:
    """People of each arm in the order drawn, and how many there are without thinning."""
    mean = wide.mean(axis=1).round(12)
    blocks = {}
    for arm in arms:
        # the index is sorted, so a stable sort breaks ties by id
        own = mean[mean.index.get_level_values(0) == arm]
        people = list(own.sort_values(ascending=False, kind="stable", na_position="last").index)
        if len(wide) > most and people:
            share = max(round(len(people) * most / len(wide)), 1)
            at = np.unique(np.linspace(0, len(people) - 1, share).round().astype(int))
            people = [people[i] for i in at]
        blocks[arm] = people
    return {a: p for a, p in blocks.items() if p}, len(wide)


def grey_cells(drawn: pd.DataFrame, status: pd.DataFrame, value: str) -> str:
    """Sentence with the number of grey cells and why they are grey."""
    reasons = status.loc[drawn.index, drawn.columns].to_numpy()[drawn.isna().to_numpy(dtype=bool)]
    if not len(reasons):
        return ""
    counts = pd.Series(reasons).value_counts()
    text = "; ".join(f"{reason}: {n:,}" for reason, n in counts.head(3).items())
    more = f"; {len(counts) - 3} other reasons" if len(counts) > 3 else ""
    return f"Grey: {counted(len(reasons), 'cell')} ({text}{more})."
