"""Arms of a responder result: how far changes spread, and how they lean on the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort._result import frame_for_storage
from exerkine_omics.kernels import _response as kernel

if TYPE_CHECKING:
    from exerkine_omics.cohort._responder_result import ResponderResult

LOST = ("missing", "not_trained")
_NAN = float("nan")
_MIN = 3


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    """People who count: measured twice and, where a dose was stated, trained."""
    return frame.loc[~frame["category"].astype(str).isin(LOST)]


def arm_sds(result: ResponderResult) -> pd.DataFrame:
    """SD of change of each arm with its chi-square interval; see `ResponderResult.arm_sds`."""
    ir = result.sd_ir
    found = {True: (ir.sd_treated, ir.df_treated), False: (ir.sd_control, ir.df_control)}
    rows = []
    for treated, name, frame in _arms(result):
        sd, df = found[treated]
        rows.append((name, len(measured(frame)), sd, df, *kernel.sd_interval(sd, df, ir.level)))
    columns = [schema.ARM, "n", "sd", "df", "ci_low", "ci_high"]
    return frame_for_storage(pd.DataFrame(rows, columns=columns))


def baseline_lines(result: ResponderResult) -> pd.DataFrame:
    """Change on baseline in each arm; see `ResponderResult.baseline_lines`."""
    rows = []
    for _, name, frame in _arms(result):
        people = measured(frame)
        pre, change = (people[c].to_numpy(float) for c in (schema.PRE, "change"))
        slope = _slope(pre, change, result.sd_ir.level)
        means = [float(v.mean()) if len(v) else _NAN for v in (pre, change)]
        rows.append((name, len(people), *means, *slope, _rtm_slope(pre, result.typical_error)))
    columns = [
        schema.ARM, "n", "mean_pre", "mean_change", "slope", "ci_low", "ci_high", "rtm_slope",
    ]  # fmt: skip
    return frame_for_storage(pd.DataFrame(rows, columns=columns))


def _arms(result: ResponderResult) -> Iterator[tuple[bool, str, pd.DataFrame]]:
    for treated, frame in ((True, result.frame), (False, result.control_frame)):
        if frame is not None:
            name = str(frame[schema.ARM].iloc[0]) if schema.ARM in frame and len(frame) else ""
            yield treated, name, frame


def _rtm_slope(pre: np.ndarray, typical_error: float) -> float:
    """-TE^2 / SDpre^2: pre holds the error that change = post - pre subtracts."""
    sd = float(pre.std(ddof=1)) if len(pre) > 1 else _NAN
    return -((typical_error / sd) ** 2) if sd > typical_error else _NAN


def _slope(x: np.ndarray, y: np.ndarray, level: float) -> tuple[float, float, float]:
    """Least-squares slope with its t interval."""
    if len(x) < _MIN or np.ptp(x) == 0:
        return _NAN, _NAN, _NAN
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    df = len(x) - 2
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / df / (x @ x)))
    low, high = kernel.interval(np.array(slope), error, df, level)
    return slope, float(low), float(high)
