"""The unit of each column of X."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import units


def column_units(adata: AnnData) -> np.ndarray:
    """Return the unit of each column: var's where they are mixed, else that of X."""
    whole = units(adata)
    if whole == schema.MIXED and schema.UNIT_COLUMN in adata.var:
        return adata.var[schema.UNIT_COLUMN].astype(str).to_numpy(dtype=object)
    return np.full(adata.n_vars, whole, dtype=object)


def scaled_to_one(values: np.ndarray) -> bool:
    """Say whether columns are ratios to their median, as some vendors give: small, and linear."""
    known = np.isfinite(values).any(axis=0)
    if not known.any():
        return False
    return around_one(np.nanmedian(np.where(np.isfinite(values), values, np.nan)[:, known], axis=0))


def around_one(middle: np.ndarray) -> bool:
    """Say whether nearly all columns have a median about one."""
    return len(middle) > 0 and bool(((middle > 0.5) & (middle < 2)).mean() > 0.9)
