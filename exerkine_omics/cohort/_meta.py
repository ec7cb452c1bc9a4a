"""What ``uns["exerkine"]`` knows of a cohort: units, baseline, steps."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown

_MAKE = "Make the AnnData with exo.io.from_frames or exo.io.read_table."


def meta(adata: AnnData) -> dict[str, Any]:
    """Return ``uns["exerkine"]`` or say that this AnnData is not one of ours."""
    if schema.UNS not in adata.uns:
        raise InputError(f"This AnnData has no uns[{schema.UNS!r}]", fix=_MAKE)
    return adata.uns[schema.UNS]


def units(adata: AnnData) -> str:
    """Return the unit of X, or ``unknown``."""
    return str(meta(adata).get(schema.UNITS, schema.UNKNOWN))


def require_log(adata: AnnData, caller: str) -> str:
    """Return the unit if it is a log scale (or z scores); raise `UnitsError` if not."""
    unit = units(adata)
    known = schema.UNIT_TABLE.get(unit)
    if unit == schema.MIXED:
        raise UnitsError(
            f"{caller} needs values on one log scale and the columns have several units",
            where=f"var['{schema.UNIT_COLUMN}']",
            fix="Call exo.pp.log2(adata) first; it converts column by column.",
        )
    if known is None:
        raise UnitsError(
            f"{caller} needs values on a log scale and the unit is {unit!r}",
            where=f"uns['{schema.UNS}']['{schema.UNITS}']",
            fix=f"State the unit when reading: one of {', '.join(schema.UNIT_TABLE)}.",
        )
    if not known.log:
        raise UnitsError(
            f"{caller} needs values on a log scale and X holds {unit}",
            where=f"uns['{schema.UNS}']['{schema.UNITS}']",
            fix=f"Call {known.convert} first.",
        )
    if unit == "Cq":
        raise UnitsError(
            f"{caller} needs values where up means more and X holds Cq",
            where=f"uns['{schema.UNS}']['{schema.UNITS}']",
            fix=f"Call {known.convert} first: it turns the sign.",
        )
    return unit


def dense(adata: AnnData, layer: str | None = None) -> np.ndarray:
    """Return X or a layer as a dense float64 array, samples x features."""
    if layer is not None and layer not in adata.layers:
        raise UsageError(f"There is no layer {layer!r}", fix=f"Layers: {shown(adata.layers)}.")
    values = adata.X if layer is None else adata.layers[layer]
    if hasattr(values, "toarray"):
        values = values.toarray()
    return np.asarray(values, dtype=np.float64)


def timepoints(adata: AnnData, column: str = schema.TIMEPOINT) -> list[str]:
    """Time points in their order, those without samples left out."""
    require_columns(adata, column)
    values = adata.obs[column]
    if not isinstance(values.dtype, pd.CategoricalDtype):
        raise InputError(
            f"obs[{column!r}] has no order: it is not categorical",
            where=f"obs[{column!r}]",
            fix="Make it an ordered categorical, or use exo.io.set_samples.",
        )
    present = set(values.dropna().astype(str))
    return [str(level) for level in values.cat.categories if str(level) in present]


def baseline(adata: AnnData, column: str = schema.TIMEPOINT) -> str:
    """Return the baseline level; an error if no sample of it is left.

    A baseline that was filtered out never hands its role to the next level.
    """
    level = str(meta(adata).get(schema.BASELINE, ""))
    present = timepoints(adata, column)
    if level not in present:
        raise InputError(
            f"The baseline {level!r} is not among the time points {shown(present)}",
            where=f"obs[{column!r}]",
            fix="Keep the baseline samples, or name another with exo.io.set_samples.",
        )
    return level


def require_columns(adata: AnnData, *columns: str) -> None:
    """Raise `InputError` where an ``obs`` column is not there."""
    missing = [c for c in columns if c not in adata.obs.columns]
    if missing:
        raise InputError(
            f"No column {shown(missing)} in obs; it has {shown(adata.obs.columns)}",
            where="obs",
            fix="Name the columns in the call, or add them with exo.io.set_samples.",
        )


def add_step(adata: AnnData, step: str, **parameters: object) -> None:
    """Append one row to the provenance table ``uns["exerkine"]["steps"]``."""
    from exerkine_omics import __version__

    row = pd.DataFrame(
        {
            "step": [step],
            "parameters": [json.dumps(parameters, default=str, sort_keys=True)],
            "version": [__version__],
            "n_obs": pd.Series([adata.n_obs], dtype="int64"),
            "n_vars": pd.Series([adata.n_vars], dtype="int64"),
        }
    )
    before = meta(adata).get(schema.STEPS)
    frames = [row] if before is None or not len(before) else [before, row]
    meta(adata)[schema.STEPS] = pd.concat(frames, ignore_index=True)
