"""The result frame: one row a feature and contrast, the same columns for every test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from exerkine_omics import schema


def result_frame(
    features: Sequence[str],
    contrast: str,
    *,
    estimate: np.ndarray,
    se: np.ndarray,
    df: np.ndarray,
    effect_size: np.ndarray,
    n_pairs: np.ndarray,
    n_obs: np.ndarray,
    status: np.ndarray,
    method: str,
    units: str,
    statistic: np.ndarray | None = None,
    p_value: np.ndarray | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """One contrast's rows; a number is NaN wherever ``status`` is not ``ok``.

    ``statistic`` and ``p_value`` default to the t statistic and its two-sided p on ``df``.
    """
    ok = np.asarray(status, dtype=object) == schema.OK
    blank = np.where(ok, 1.0, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        t_value = estimate / se if statistic is None else statistic
        p = 2 * stats.t.sf(np.abs(t_value), df) if p_value is None else p_value
        half = stats.t.ppf(0.5 + level / 2, df) * se
    n = len(features)
    frame = pd.DataFrame(
        {
            "feature": np.asarray(features, dtype=object),
            "contrast": np.full(n, contrast, dtype=object),
            "estimate": estimate * blank,
            "se": se * blank,
            "df": df * blank,
            "statistic": t_value * blank,
            "p_value": p * blank,
            "p_adj": np.full(n, np.nan),
            "ci_low": (estimate - half) * blank,
            "ci_high": (estimate + half) * blank,
            "effect_size": effect_size * blank,
            "n_pairs": n_pairs,
            "n_obs": n_obs,
            "method": np.full(n, method, dtype=object),
            "units": np.full(n, units, dtype=object),
            "family": np.full(n, contrast, dtype=object),
            "status": np.asarray(status, dtype=object),
        }
    )
    return frame


def collect(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Stack contrasts, adjust p within family, and give the columns their dtypes."""
    frame = pd.concat(frames, ignore_index=True)
    frame["p_adj"] = adjust(frame["p_value"].to_numpy(float), frame["family"].to_numpy(object))
    frame = frame[list(schema.RESULT_COLUMNS)]
    for column, dtype in schema.RESULT_COLUMNS.items():
        if dtype == "category":
            # categories in order of appearance: the user's order of contrasts and features
            frame[column] = pd.Categorical(frame[column], categories=pd.unique(frame[column]))
        else:
            frame[column] = frame[column].astype(dtype)
    return frame


def adjust(p_value: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg within each family; NaN stays NaN and does not count as a test."""
    adjusted = np.full(len(p_value), np.nan)
    finite = np.isfinite(p_value)
    for name in pd.unique(family):
        rows = finite & (family == name)
        if rows.any():
            adjusted[rows] = stats.false_discovery_control(p_value[rows])
    return adjusted


def frame_for_storage(frame: pd.DataFrame) -> pd.DataFrame:
    """RangeIndex, text as categorical and never missing: what ``write_h5ad`` takes."""
    frame = frame.reset_index(drop=True)
    for column in frame.columns:
        if not (
            pd.api.types.is_numeric_dtype(frame[column])
            or isinstance(frame[column].dtype, pd.CategoricalDtype)
        ):
            frame[column] = frame[column].fillna("").astype(str).astype("category")
    return frame
