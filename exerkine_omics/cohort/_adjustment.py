"""Columns of a table as numbers, with the levels that the training people have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics.cohort._outcomes import number_column, require_outcome_columns


def training_levels(train: pd.DataFrame, column: str) -> list[str] | None:
    """Levels of a text column in the training people; None for a number."""
    require_outcome_columns(train, column)
    if pd.api.types.is_numeric_dtype(train[column]) and not pd.api.types.is_bool_dtype(
        train[column]
    ):
        return None
    return sorted(train[column].dropna().astype(str).unique())


def design_columns(frame: pd.DataFrame, levels: dict[str, list[str] | None]) -> np.ndarray:
    """Numbers as they are, text as indicators less the first level; an unseen level is NaN."""
    parts = []
    for column, names in levels.items():
        if names is None:
            parts.append(number_column(frame, column)[:, None])
            continue
        require_outcome_columns(frame, column)
        text = frame[column].astype(object).where(frame[column].notna(), None)
        block = np.array([[float(str(t) == name) for name in names[1:]] for t in text])
        block = block.reshape(len(frame), max(len(names) - 1, 0))
        block[[t is None or str(t) not in names for t in text]] = np.nan
        parts.append(block)
    return np.hstack(parts)
