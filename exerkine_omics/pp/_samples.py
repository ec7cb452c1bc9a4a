"""Which samples a normaliser or a batch correction learns from, and what was done to them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    meta,
    persons_tubes,
    require_columns,
)
from exerkine_omics.errors import InputError, UsageError, shown


def fit_rows(adata: AnnData, fitted_on: str | Sequence[str] | np.ndarray | None) -> np.ndarray:
    """Read ``fitted_on``: None (persons' tubes), a sample type, a mask, or names of samples."""
    if fitted_on is None:
        rows = persons_tubes(adata)
        if not rows.any():
            raise InputError("No sample is a person's", where=f"obs[{schema.SAMPLE_TYPE!r}]")
        return rows
    if isinstance(fitted_on, str):
        require_columns(adata, schema.SAMPLE_TYPE)
        kind = adata.obs[schema.SAMPLE_TYPE].astype(object)
        if fitted_on == schema.SAMPLE:
            return fit_rows(adata, None)
        rows = (kind == fitted_on).to_numpy(dtype=bool)
        if not rows.any():
            raise InputError(
                f"No sample is of type {fitted_on!r}",
                where=f"obs[{schema.SAMPLE_TYPE!r}]",
                fix=f"Types here: {shown(kind.dropna().unique())}.",
            )
        return rows
    given = np.asarray(fitted_on)
    if given.dtype == bool:
        if given.shape != (adata.n_obs,):
            raise UsageError(
                f"The mask has {given.size} entries and there are {adata.n_obs} samples",
                where="fitted_on=",
            )
        rows = given
    else:
        names = pd.Index([str(name) for name in given])
        absent = names[~names.isin(adata.obs_names)]
        if len(absent):
            raise UsageError(f"{shown(absent)} are no samples", where="fitted_on=")
        rows = adata.obs_names.isin(names)
    if not rows.any():
        raise UsageError("No sample is named", where="fitted_on=")
    return np.asarray(rows)


def feature_mask(adata: AnnData, names: Sequence[str] | None, where: str) -> np.ndarray:
    """Features named (mask); all where None."""
    if names is None:
        return np.ones(adata.n_vars, dtype=bool)
    if isinstance(names, str):
        names = [names]
    wanted = pd.Index([str(name) for name in names])
    absent = wanted[~wanted.isin(adata.var_names)]
    if len(absent) or not len(wanted):
        raise UsageError(
            f"{shown(absent)} are no features" if len(absent) else "No feature is named",
            where=where,
            fix="Give names of adata.var_names.",
        )
    return np.asarray(adata.var_names.isin(wanted))


def refuse_again(adata: AnnData, step: str, **same: object) -> None:
    """Raise `UsageError` where the same step was done before, with the same parameters named."""
    steps = meta(adata).get(schema.STEPS)
    if steps is None:
        return
    for number, (name, text) in enumerate(zip(steps["step"], steps["parameters"], strict=True), 1):
        known = json.loads(str(text))
        if str(name) == step and all(known.get(k) == v for k, v in same.items()):
            told = ", ".join(f"{k}={v!r}" for k, v in same.items())
            raise UsageError(
                f"{step}({told}) was done already: it is step {number} of this object",
                where=f"uns[{schema.UNS!r}][{schema.STEPS!r}]",
                fix="Start again from the object as it was read.",
            )


def lod_layers(adata: AnnData) -> list[str]:
    """Layers that hold limits of detection, on the scale of X."""
    names = [n for n in adata.layers if n is not None]  # anndata 0.13 counts X among the layers
    return [n for n in names if n == schema.LOD or n.startswith(schema.LOD + "_")]


def layers_along(adata: AnnData) -> list[str]:
    """Layers on the scale of X that go where X goes: limits, values corrected for plasma volume."""
    return [*lod_layers(adata), *({schema.CORRECTED} & set(adata.layers))]


def keep_raw(adata: AnnData, values: np.ndarray) -> None:
    """Keep the values before in the layer ``raw``, unless it is there."""
    if schema.RAW not in adata.layers:
        adata.layers[schema.RAW] = values.copy()
