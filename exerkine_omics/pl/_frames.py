"""Arrange result frames for drawing: rows that cannot be drawn, levels, means with interval."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics import schema
from exerkine_omics.cohort import levels
from exerkine_omics.errors import UsageError, shown


def need(frame: pd.DataFrame, columns: Iterable[str], caller: str, source: str) -> None:
    """Raise `UsageError` where a frame lacks a column."""
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise UsageError(
            f"{caller} needs the columns {shown(missing)} and the frame has {shown(frame.columns)}",
            where="frame",
            fix=f"Give the frame that {source} returns.",
        )


def need_result(result: object, attributes: Iterable[str], caller: str, source: str) -> None:
    """Raise `UsageError` where something else than the result was given."""
    missing = [a for a in attributes if not hasattr(result, a)]
    if missing:
        raise UsageError(
            f"{caller} was given a {type(result).__name__}, which has no {shown(missing)}",
            where="result",
            fix=f"Give what {source} returns, whole.",
        )


def pick_contrast(frame: pd.DataFrame, contrast: str | None) -> str:
    """Return the one contrast of a frame, or the one named; several must be named."""
    known = levels(frame["contrast"])
    if contrast is not None:
        if contrast not in known:
            raise UsageError(
                f"There is no contrast {contrast!r}; the frame has {shown(known)}",
                where="contrast=",
                fix="Name one of them.",
            )
        return contrast
    if len(known) != 1:
        raise UsageError(
            f"The frame has {len(known)} contrasts: {shown(known)}",
            where="contrast=",
            fix=f"Name one of them, such as contrast={known[0]!r}."
            if known
            else "Give a frame with rows.",
        )
    return known[0]


def not_ok(frame: pd.DataFrame, noun: str) -> str:
    """Sentence with the number of rows left out and why; empty if there are none."""
    if "status" not in frame.columns:
        return ""
    status = frame["status"].astype(str)
    bad = status[status != schema.OK]
    if bad.empty:
        return ""
    counts = bad.value_counts()
    reasons = "; ".join(f"{reason}: {n:,}" for reason, n in counts.head(3).items())
    more = f"; {len(counts) - 3} other reasons" if len(counts) > 3 else ""
    return f"Not drawn: {counted(len(bad), noun)} ({reasons}{more})."


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float, int]:
    """Mean of the finite values, its t interval, and how many there are.

    One value has a mean and no interval (NaN); none has neither.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    n = len(finite)
    if n == 0:
        return np.nan, np.nan, np.nan, 0
    mean = float(finite.mean())
    if n == 1:
        return mean, np.nan, np.nan, 1
    half = stats.t.ppf(0.5 + level / 2, n - 1) * finite.std(ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half, n


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun: ``1 person``, ``2,000 people``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def span(values: pd.Series) -> str:
    """Write a range of whole numbers: ``7`` or ``7 to 11``."""
    finite = values.dropna()
    if finite.empty:
        return "none"
    low, high = int(finite.min()), int(finite.max())
    return str(low) if low == high else f"{low} to {high}"


def jitter(n: int, width: float) -> np.ndarray:
    """Offsets that spread points evenly and are the same on every call."""
    golden = 0.6180339887498949
    return ((np.arange(1, n + 1) * golden) % 1.0 - 0.5) * width
