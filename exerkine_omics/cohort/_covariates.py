"""Columns of ``obs`` as numbers: covariates, moderators, weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics.cohort._meta import require_columns
from exerkine_omics.cohort._plain import levels
from exerkine_omics.errors import InputError, shown


def ordered_levels(values: pd.Series) -> list[str]:
    """Levels in an order that does not depend on the rows'."""
    found = levels(values)
    return found if isinstance(values.dtype, pd.CategoricalDtype) else sorted(found)


def numeric_columns(
    obs: pd.DataFrame, names: Sequence[str], person: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, np.ndarray]:
    """Columns of ``obs`` in SDs about their mean (over samples, or people), names, means, SDs.

    Text and booleans become one 0/1 column a level after the first, ``sex[M]``; without
    ``person`` these keep their zero, so that a level without rows is a column of zeros.
    """
    columns: list[np.ndarray] = []
    labels: list[str] = []
    level_columns: list[int] = []
    for name in names:
        values = obs[name]
        missing = obs.index[values.isna()]
        if len(missing):
            raise InputError(
                f"Covariate {name!r} has no value for samples {shown(missing)}",
                where=f"obs[{name!r}]",
                fix="Drop these samples or fill the covariate; rows are never dropped silently.",
            )
        values = _numbers_or_levels(values, name)
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            columns.append(values.to_numpy(dtype=float))
            labels.append(name)
            continue
        for level in ordered_levels(values)[1:]:
            level_columns.append(len(columns))
            columns.append((values.astype(str) == level).to_numpy(dtype=float))
            labels.append(f"{name}[{level}]")
    matrix = np.column_stack(columns) if columns else np.empty((len(obs), 0))
    endless = [label for label, v in zip(labels, matrix.T, strict=True) if not np.isfinite(v).all()]
    if endless:
        raise InputError(f"Covariates {shown(endless)} hold infinite values", where="obs")
    if len(matrix) == 0:
        return matrix, tuple(labels), np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
    # the unit of a covariate is free, and this one keeps the sums exact
    centre = matrix.mean(axis=0)
    if person is None:
        centre[level_columns] = 0.0
    else:
        each = np.zeros((person.max() + 1, matrix.shape[1]))
        np.add.at(each, person, matrix - centre)
        centre = centre + (each / np.bincount(person)[:, None]).mean(axis=0)
    matrix = matrix - centre
    spread = matrix.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return matrix / spread, tuple(labels), centre, spread


def _numbers_or_levels(values: pd.Series, name: str) -> pd.Series:
    """Numbers that stand as objects are numbers; dates and complex numbers are neither."""
    if pd.api.types.is_datetime64_any_dtype(values) or values.dtype.kind in "mc":
        raise InputError(
            f"{name!r} holds {values.dtype}, neither numbers nor levels",
            where=f"obs[{name!r}]",
            fix="Turn dates into numbers, such as days since the start.",
        )
    if values.dtype == object and not values.map(type).isin((str, bool, np.bool_)).any():
        return pd.to_numeric(values, errors="coerce").where(lambda v: v.notna(), values)
    return values


def numeric_weights(adata: AnnData, column: str) -> np.ndarray:
    """Precision weights of the samples: positive and finite numbers."""
    require_columns(adata, column)
    own = _numbers_or_levels(adata.obs[column], column)
    values = pd.to_numeric(own, errors="coerce").to_numpy(dtype=float)
    wrong = adata.obs_names[~(np.isfinite(values) & (values > 0))]
    if len(wrong):
        raise InputError(
            f"Samples {shown(wrong)} have no positive weight",
            where=f"obs[{column!r}]",
            fix="A sample that should not count is dropped, not given the weight 0.",
        )
    return values
