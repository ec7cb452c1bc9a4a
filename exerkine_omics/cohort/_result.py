"""The result frame: one row a feature and contrast, the same columns for every test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from exerkine_omics import schema

Rows = Mapping[str, Any]


def result_rows(
    features: Sequence[str] | pd.Index,
    contrast: str | np.ndarray,
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
    ci_low: np.ndarray | None = None,
    ci_high: np.ndarray | None = None,
    p_adj: np.ndarray | None = None,
    level: float = 0.95,
) -> Rows:
    """One contrast's rows for `collect`; a number is NaN wherever ``status`` is not ``ok``.

    ``statistic``, ``p_value`` and the interval default to the t statistic, its two-sided p and
    the interval on ``df`` (normal where it is infinite); ``p_adj`` to Benjamini-Hochberg's within
    the contrast.
    """
    estimate, se, df = (np.asarray(v, dtype=float) for v in (estimate, se, df))
    with np.errstate(invalid="ignore", divide="ignore"):
        t_value = estimate / se if statistic is None else statistic
        p = t_tail(t_value, df) if p_value is None else p_value
        half = t_quantile(df, 0.5 + level / 2) * se
    numbers = {
        "estimate": estimate,
        "se": se,
        "df": df,
        "statistic": t_value,
        "p_value": p,
        "p_adj": np.full(len(features), np.nan) if p_adj is None else p_adj,
        "ci_low": estimate - half if ci_low is None else ci_low,
        "ci_high": estimate + half if ci_high is None else ci_high,
        "effect_size": effect_size,
    }
    status = np.asarray(status, dtype=object)
    missing = status != schema.OK
    if missing.any():
        numbers = {k: np.where(missing, np.nan, v) for k, v in numbers.items()}
    return {
        "feature": features,
        "adjusted": p_adj is not None,
        "contrast": contrast,
        **numbers,
        "n_pairs": n_pairs,
        "n_obs": n_obs,
        "method": method,
        "units": units,
        "family": contrast,
        "status": status if missing.any() else schema.OK,
    }


def t_tail(statistic: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Two-sided p of a t statistic; infinite df are the normal's."""
    tail = special.stdtr(df, -np.abs(statistic))
    return 2 * np.where(np.isposinf(df), special.ndtr(-np.abs(statistic)), tail)


def t_quantile(df: np.ndarray, share: float) -> np.ndarray:
    """Quantile of t; infinite df are the normal's."""
    return np.where(np.isposinf(df), special.ndtri(share), special.stdtrit(df, share))


def collect(rows: Sequence[Rows]) -> pd.DataFrame:
    """Stack contrasts, adjust p within family, and give the columns their dtypes.

    The categories stand in order of appearance: the user's order of contrasts and features.
    """
    sizes = [len(part["estimate"]) for part in rows]
    columns: dict[str, Any] = {}
    for column, dtype in schema.RESULT_COLUMNS.items():
        parts = [part[column] for part in rows]
        if dtype == "category":
            columns[column] = _stack(parts, sizes)
        else:
            columns[column] = np.concatenate(parts).astype(dtype, copy=False)
    own = adjust(columns["p_value"], columns["family"].codes)
    given = np.repeat([bool(part["adjusted"]) for part in rows], sizes)
    columns["p_adj"] = np.where(given, columns["p_adj"], own)
    return pd.DataFrame(columns, copy=False)


def _stack(parts: Sequence[Any], sizes: Sequence[int]) -> pd.Categorical:
    """Concatenate texts as one categorical; a part is one text for all its rows, or one a row."""
    first = parts[0]
    whole = isinstance(first, pd.Index) and first.is_unique and first.dtype == object
    if whole and all(part is first for part in parts):
        codes = np.tile(np.arange(len(parts[0])), len(parts))
        return pd.Categorical.from_codes(codes, categories=parts[0], validate=False)
    known: dict[str, int] = {}
    stacked = []
    for part, n in zip(parts, sizes, strict=True):
        if isinstance(part, str):
            stacked.append(np.full(n, known.setdefault(part, len(known))))
        else:
            own, levels = pd.factorize(np.asarray(part, dtype=object))
            place = [known.setdefault(str(v), len(known)) for v in levels]
            stacked.append(np.array(place, dtype=int)[own])
    codes = np.concatenate(stacked)
    return pd.Categorical.from_codes(codes, categories=list(known), validate=False)


def adjust(p_value: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg within each family; NaN stays NaN and does not count as a test."""
    adjusted = np.full(len(p_value), np.nan)
    finite = np.isfinite(p_value)
    for name in pd.unique(family):
        rows = finite & (family == name)
        if rows.any():
            p = p_value[rows]
            order = np.argsort(p)[::-1]
            steps = np.minimum.accumulate(p[order] * (len(p) / np.arange(len(p), 0, -1)))
            own = np.empty(len(p))
            own[order] = np.minimum(steps, 1.0)
            adjusted[rows] = own
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
