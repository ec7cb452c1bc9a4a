"""When each sample stands: its own minute, the baseline's common one, the planned times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics.cohort import Design, require_columns
from exerkine_omics.errors import InputError, UsageError, shown


@dataclass(frozen=True)
class Schedule:
    """Samples in time.

    ``minutes`` (n) has every baseline sample at ``anchor``; ``timepoints`` are the later ones in
    the order of their planned times ``nominal`` (the median minute of each).
    """

    minutes: np.ndarray
    anchor: float
    timepoints: tuple[str, ...]
    nominal: np.ndarray

    @property
    def labels(self) -> list[str]:
        """Planned times as they are named in a contrast."""
        return [f"{t:g} min" for t in self.nominal]


def schedule(
    adata: AnnData, design: Design, minutes: str, baseline_minutes: float | None
) -> Schedule:
    """Place the samples in time; every sample after baseline needs a minute of its own."""
    require_columns(adata, minutes)
    where = f"obs[{minutes!r}]"
    column = adata.obs[minutes]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise InputError(
            f"The column holds {column.dtype}, not minutes",
            where=where,
            fix="Give numbers: minutes after the end of the bout, negative during it.",
        )
    own = column.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(own).any():
        raise InputError(
            f"Samples {shown(adata.obs_names[np.isinf(own)])} are endless", where=where
        )
    time = np.array([c.timepoint for c in design.cells])[design.cell]
    start = time == design.baseline
    without = adata.obs_names[~start & np.isnan(own)]
    if len(without):
        raise InputError(
            f"Samples {shown(without)} after baseline have no minute",
            where=where,
            fix="Fill it in or drop these samples; only a baseline sample may lack it.",
        )
    anchor = _anchor(own[start], baseline_minutes)
    early = adata.obs_names[~start & (np.nan_to_num(own) <= anchor)]
    if len(early):
        raise InputError(
            f"Samples {shown(early)} are not later than the baseline, which stands at "
            f"{anchor:g} min",
            where=where,
            fix="Say when the baseline was taken: baseline_minutes=-45, or fill in its minutes.",
        )
    later = [t for t in design.timepoints if t != design.baseline]
    nominal = np.array([np.median(own[time == t]) for t in later])
    order = np.argsort(nominal, kind="stable")
    result = Schedule(
        np.where(start, anchor, own),
        anchor,
        tuple(later[i] for i in order),
        nominal[order],
    )
    labels = result.labels
    for first, second, left, right in zip(
        labels, labels[1:], result.timepoints, result.timepoints[1:], strict=False
    ):
        if first == second:
            raise InputError(
                f"Time points {left!r} and {right!r} both stand at {first} (median)",
                where=where,
                fix="Merge the two levels, or correct their minutes.",
            )
    return result


def _anchor(own: np.ndarray, given: float | None) -> float:
    """Minute of the baseline: the one given, else the median of its own, else 0."""
    if given is not None:
        number = isinstance(given, (int, float, np.integer, np.floating))
        if isinstance(given, bool) or not number or not np.isfinite(given):
            raise UsageError(
                f"baseline_minutes={given!r} is no minute",
                fix="Give a number, as in baseline_minutes=-45.",
            )
        return float(given)
    known = own[np.isfinite(own)]
    return float(np.median(known)) if len(known) else 0.0
