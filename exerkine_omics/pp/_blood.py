"""What a sample sheet says of the blood: columns by their usual spellings, numbers, findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    require_columns,
)
from exerkine_omics.errors import InputError, UsageError, shown

HAEMOGLOBIN = ("haemoglobin", "hemoglobin", "hb", "hgb")
HAEMATOCRIT = ("haematocrit", "hematocrit", "hct", "ht", "pcv")
ABSORBANCE = ("a414", "abs414", "absorbance414", "od414")
# what a laboratory counts in whole blood: no plasma holds it
BLOOD_COUNTS = (
    *HAEMOGLOBIN,
    *HAEMATOCRIT,
    *("rbc", "wbc", "plt", "platelets", "erythrocytes", "leukocytes", "leucocytes"),
    *("lymphocytes", "neutrophils", "monocytes", "eosinophils", "basophils"),
)
_PERCENT = 1.5  # a haematocrit above this is in percent
_ONE_UNIT = 4.0  # no two people differ by more; g/dl beside g/l do
_UNIT = re.compile(
    r"[\s_.\-(\[]*(g[\s_/]*dl|g[\s_/]*l|mmol[\s_/]*l|l[\s_/]*l|pct|percent|%)[)\]]?$"
)


def bare(name: object) -> str:
    """Give a column's name in small letters, without its unit: ``Hb (g/dl)`` is ``hb``."""
    return re.sub(r"[\s_.\-]", "", _UNIT.sub("", str(name).strip().lower()))


def find_column(adata: AnnData, name: str, spellings: Sequence[str]) -> str:
    """Return the column of that name, or the one that is another spelling of it."""
    if not isinstance(name, str):
        raise UsageError(f"{name!r} is no name of a column of obs")
    if name in adata.obs.columns:
        return name
    if bare(name) in spellings:
        found = [str(c) for c in adata.obs.columns if bare(c) in spellings]
        if len(found) > 1:
            raise UsageError(
                f"{shown(found)} may each be {name!r}", where="obs", fix="Name the one to use."
            )
        if found:
            return found[0]
    require_columns(adata, name)
    return name


def numbers(adata: AnnData, column: str, *, positive: bool = True) -> np.ndarray:
    """Return a column of obs as numbers, above zero if so asked; NaN where it has none."""
    values = adata.obs[column]
    if isinstance(values, pd.DataFrame):
        raise InputError(f"There are several columns {column!r}", where="obs", fix="Keep one.")
    if pd.api.types.is_bool_dtype(values.dtype):
        raise InputError("The column holds true and false", where=f"obs[{column!r}]")
    result = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=float)
    text = values.notna().to_numpy() & np.isnan(result)
    where = f"obs[{column!r}]"
    if text.any():
        raise InputError(f"{shown(values[text].unique())} are no numbers", where=where)
    bad = np.isinf(result) | (positive & (result <= 0))
    if bad.any():
        raise InputError(
            f"{shown(result[bad])} of samples {shown(adata.obs_names[bad])} cannot be",
            where=where,
            fix="Leave what was not measured empty.",
        )
    return result


def haematocrit_share(adata: AnnData, column: str, tubes: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the haematocrit as a share, and whether it was in percent."""
    values = np.where(tubes, numbers(adata, column), np.nan)
    percent = values > _PERCENT
    known = np.isfinite(values)
    where = f"obs[{column!r}]"
    if percent.any() and (known & ~percent).any():
        few = percent if percent.sum() <= (known & ~percent).sum() else known & ~percent
        raise InputError(
            f"Some values are in percent and some are shares: {shown(values[few])} of samples "
            f"{shown(adata.obs_names[few])} are the fewer",
            where=where,
            fix="Bring all to one of the two.",
        )
    shares = values / 100 if percent.any() else values
    if (shares >= 1).any():
        raise InputError(
            f"Samples {shown(adata.obs_names[shares >= 1])} hold nothing but red cells: "
            f"{shown(values[shares >= 1])}",
            where=where,
        )
    return shares, bool(percent.any())


def haemoglobin_values(adata: AnnData, column: str, tubes: np.ndarray) -> np.ndarray:
    """Return haemoglobin in its one unit; two units are an error."""
    values = np.where(tubes, numbers(adata, column), np.nan)
    known = values[np.isfinite(values)]
    if len(known) and known.max() / known.min() > _ONE_UNIT:
        raise InputError(
            f"The values reach from {known.min():g} to {known.max():g}: two units, or mistyped",
            where=f"obs[{column!r}]",
            fix="Bring all to one unit, for example g/dl.",
        )
    return values


def baseline_rows(
    adata: AnnData, level: str, tubes: np.ndarray, measured: np.ndarray, blood: np.ndarray
) -> np.ndarray:
    """Row of each sample's own baseline, -1 where it has none; tubes of one draw may be several."""
    obs = adata.obs
    own = [schema.SUBJECT] + ([schema.BOUT] if schema.BOUT in obs else [])
    there = tubes & obs[own].notna().all(axis=1).to_numpy()
    keys = list(zip(*(obs[c].astype(str) for c in own), strict=True))
    at = there & (obs[schema.TIMEPOINT].astype(str) == level).to_numpy()
    first: dict[tuple[str, ...], int] = {}
    twice: set[str] = set()
    # measured ones first: an aliquot without blood count does not stand for the draw
    for row in sorted(np.flatnonzero(at), key=lambda r: (not measured[r], obs.index[r])):
        kept = first.setdefault(keys[row], int(row))
        if measured[row] and blood[row] != blood[kept]:
            twice.add(keys[row][0])
    if twice:
        raise InputError(
            f"Subjects {shown(sorted(twice))} have several baselines that differ in Hb or Hct",
            where=f"obs[{schema.SUBJECT!r}] and obs[{schema.TIMEPOINT!r}]",
            fix=f"Keep one, or tell the visits apart in obs[{schema.BOUT!r}].",
        )
    rows = [first.get(k, -1) if t else -1 for k, t in zip(keys, there, strict=True)]
    return np.array(rows, dtype=int)
