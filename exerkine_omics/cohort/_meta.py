"""What ``uns["exerkine"]`` knows of a cohort: units, baseline, steps."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown

_RESCALE = ("pp.log2", "pp.normalize", "pp.combat", "pp.bridge")
_MAKE = "Make the AnnData with exo.io.from_frames or exo.io.read_table."


def meta(adata: AnnData) -> dict[str, Any]:
    """Return ``uns["exerkine"]`` or say that this AnnData is not one of ours."""
    if not isinstance(adata, AnnData):
        raise UsageError(f"This is a {type(adata).__name__}, not an AnnData", fix=_MAKE)
    if schema.UNS not in adata.uns:
        raise InputError(f"This AnnData has no uns[{schema.UNS!r}]", fix=_MAKE)
    return adata.uns[schema.UNS]


def editable(adata: AnnData, copy: bool = False, *, values: bool = True) -> AnnData:
    """Return what a step may write into: a copy in memory, or the object itself.

    A selection (``adata[rows]``) first becomes an object of its own, for what is written into one
    would else reach X and ``uns`` of the object that it was selected from. A matrix that stays in
    its file is not rewritten there: an error where the step changes ``values``.
    """
    if copy:
        return adata.to_memory() if adata.isbacked else adata.copy()
    if adata.isbacked and (values or adata.is_view):
        raise UsageError(
            "X stays in its file, and this step would rewrite it there",
            where="adata.X",
            fix="Call .to_memory() first, or say copy=True.",
        )
    if adata.is_view:
        adata._init_as_actual(adata.copy())
    return adata


def units(adata: AnnData) -> str:
    """Return the unit of X, or ``unknown``."""
    return str(meta(adata).get(schema.UNITS, schema.UNKNOWN))


def require_units(adata: AnnData) -> str:
    """Return the unit of X; raise `InputError` where names of samples or features repeat."""
    for axis, names in (("obs_names", adata.obs_names), ("var_names", adata.var_names)):
        if not names.is_unique:
            raise InputError(
                f"{shown(names[names.duplicated()].unique())} stand more than once",
                where=axis,
                fix=f"Give each its own name; adata.{axis}_make_unique() adds numbers.",
            )
    return units(adata)


def require_log(adata: AnnData, caller: str) -> str:
    """Return the unit if it is a log scale (or z scores); raise `UnitsError` if not."""
    unit = require_units(adata)
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


def dense(adata: AnnData, layer: str | None = None, *, infinite: bool = False) -> np.ndarray:
    """Return X or a layer as a dense float64 array, samples x features.

    Infinite values are an error unless ``infinite`` allows them: only NaN means missing.
    """
    if layer is not None and layer not in adata.layers:
        raise UsageError(f"There is no layer {layer!r}", fix=f"Layers: {shown(adata.layers)}.")
    values = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise InputError("X is empty", where="adata.X")
    if hasattr(values, "toarray"):
        values = values.toarray()
    values = np.asarray(values, dtype=np.float64)
    if not infinite:
        require_finite(values, "adata.X" if layer is None else f"layers[{layer!r}]")
    return values


def require_finite(values: np.ndarray, where: str) -> None:
    """Raise `InputError` where values are infinite; NaN is a missing value and may be there."""
    endless = int(np.isinf(values).sum())
    if endless:
        raise InputError(
            f"{endless} values are infinite",
            where=where,
            fix="Make them NaN if they are missing; exo.pp.check(adata) names them.",
        )


def timepoints(adata: AnnData, column: str = schema.TIMEPOINT) -> list[str]:
    """Time points in their order, those without samples left out."""
    require_columns(adata, column)
    values = adata.obs[column]
    if not isinstance(values.dtype, pd.CategoricalDtype) or not values.cat.ordered:
        raise InputError(
            f"obs[{column!r}] has no order: it is no ordered categorical",
            where=f"obs[{column!r}]",
            fix="Make it an ordered categorical, or use exo.io.set_samples.",
        )
    present = set(np.unique(values.cat.codes))
    return [str(level) for i, level in enumerate(values.cat.categories) if i in present]


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


def persons_tubes(adata: AnnData) -> np.ndarray:
    """Say which samples are a person's: all whose ``sample_type`` is ``sample`` or not stated."""
    if schema.SAMPLE_TYPE not in adata.obs:
        return np.ones(adata.n_obs, dtype=bool)
    kind = adata.obs[schema.SAMPLE_TYPE]
    return (kind.isna() | (kind.astype(object) == schema.SAMPLE)).to_numpy()


def require_people(adata: AnnData) -> None:
    """Raise `InputError` where tubes that are no person's are still there: no test counts them."""
    tubes = persons_tubes(adata)
    if not tubes.all():
        raise InputError(
            f"Tubes {shown(adata.obs_names[~tubes])} are no person's",
            where=f"obs[{schema.SAMPLE_TYPE!r}]",
            fix="Call exo.pp.clean(adata) first.",
        )


def sample_scaling(adata: AnnData) -> str:
    """Name what rescaled whole samples (a vendor's ANML, `exo.pp.normalize`); "" where nothing."""
    return str(meta(adata).get(schema.SAMPLE_SCALING, ""))


def require_slug(key: str) -> None:
    """Raise `UsageError` where a key of ours is no slug: h5ad would read ``a/b`` as a folder."""
    if not isinstance(key, str) or not re.fullmatch(r"[a-z0-9_]+", key):
        raise UsageError(f"key_added={key!r} is no slug", fix="Use a-z, 0-9 and _.")


def require_columns(adata: AnnData, *columns: str) -> None:
    """Raise `InputError` where an ``obs`` column is not there."""
    missing = [c for c in columns if c not in adata.obs.columns]
    if missing:
        known = {str(c).lower(): str(c) for c in adata.obs.columns}
        near = [known[n] for n in get_close_matches(missing[0].lower(), known, n=1, cutoff=0.7)]
        raise InputError(
            f"No column {shown(missing)} in obs; it has {shown(adata.obs.columns)}",
            where="obs",
            fix=(f"Did you mean {near[0]!r}? " if near else "")
            + "Name the columns in the call, or add them with exo.io.set_samples.",
        )


def require_values(adata: AnnData, *columns: str) -> None:
    """Raise `InputError` where an ``obs`` column is not there or a sample has no value in it."""
    require_columns(adata, *columns)
    for name in columns:
        missing = adata.obs_names[adata.obs[name].isna()]
        if len(missing):
            raise InputError(
                f"Samples {shown(missing)} have no value", where=f"obs[{name!r}]", fix="Drop them."
            )


def rescaled_since(adata: AnnData) -> list[str]:
    """Name the steps that brought X to another scale or level since it was read."""
    steps = meta(adata).get(schema.STEPS)
    done = [] if steps is None else [str(s) for s in steps["step"]]
    return [s for s in dict.fromkeys(done) if s in _RESCALE]


def add_step(adata: AnnData, step: str, **parameters: object) -> None:
    """Append one row to the provenance table ``uns["exerkine"]["steps"]``."""
    from exerkine_omics import __version__

    row: dict[str, Any] = {
        "step": step,
        "parameters": json.dumps(parameters, default=str, sort_keys=True),
        "version": __version__,
        "n_obs": adata.n_obs,
        "n_vars": adata.n_vars,
    }
    before = meta(adata).get(schema.STEPS)
    table: dict[str, Any] = {}
    for column, value in row.items():
        earlier = [] if before is None or not len(before) else before[column].tolist()
        values = [*earlier, value]
        # texts as categorical and numbers as int64: what write_h5ad takes
        table[column] = pd.Categorical(values) if isinstance(value, str) else np.array(values, int)
    meta(adata)[schema.STEPS] = pd.DataFrame(table)
