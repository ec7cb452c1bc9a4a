"""Concatenate cohorts and keep what `anndata.concat` drops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._meta import add_step, meta
from exerkine_omics.cohort._result import frame_for_storage
from exerkine_omics.errors import InputError, shown, warn

_MUST_AGREE = {
    schema.UNITS: schema.UNKNOWN,
    schema.MODALITY: schema.UNKNOWN,
    schema.SPECIES: schema.UNKNOWN,
    schema.BASELINE: schema.UNKNOWN,
    schema.MATRIX: schema.UNKNOWN,
    schema.SAMPLE_SCALING: "",
}
_MASKS = {schema.BELOW_LOD, schema.IMPUTED, schema.QC_WARNING, schema.ASSAY_WARNING}
# tables that speak of an object's own samples or batches: all are kept, one below the other
_TABLES = (
    schema.STEPS,
    schema.FINDINGS,
    schema.DRIFT,
    schema.COMBAT,
    schema.BRIDGING,
    schema.BLOOD_VOLUMES,
)


def concat(
    adatas: Mapping[str, AnnData] | Sequence[AnnData], *, label: str | None = None
) -> AnnData:
    """Stack the samples of several AnnData of one platform.

    `anndata.concat` drops ``uns``, ``var`` columns and the order of time points; here the
    metadata must agree and is kept, ``var`` columns are joined by feature (what the first object
    says goes before), and the order of time points is that of the first object, later ones
    appended. Limits of detection ``var["lod"]`` that differ become the layer ``lod``; a layer
    ``below_lod`` that only some objects have is left out, with a warning.

    Parameters
    ----------
    adatas
        Objects to stack, or ``{name: object}``; features are joined by id, a feature that one
        object lacks is NaN there.
    label
        Name of an ``obs`` column that receives the names of a mapping.

    Returns
    -------
    AnnData
        Sum of samples x union of features.

    Raises
    ------
    InputError
        If units (also of a single feature), modality, species, matrix, baseline or sample scaling
        differ, or a sample id stands twice.
    """
    named = dict(adatas) if isinstance(adatas, Mapping) else dict(enumerate(adatas))
    objects = list(named.values())
    if not objects:
        raise InputError("There is nothing to concatenate", fix="Give at least one AnnData.")
    for key, default in _MUST_AGREE.items():
        values = list(dict.fromkeys(str(meta(a).get(key, default)) for a in objects))
        if len(values) > 1:
            raise InputError(
                f"The objects differ in {key}: {shown(values)}",
                where=f"uns['{schema.UNS}']['{key}']",
                fix="Bring them to one scale and one matrix first; they are never mixed.",
            )
    names = pd.Index([n for a in objects for n in a.obs_names])
    if names.has_duplicates:
        raise InputError(
            f"Sample ids {shown(names[names.duplicated()].unique())} stand twice",
            where="obs_names",
            fix="Prefix them with the cohort's name.",
        )
    keys = [str(k) for k in named] if label else None
    # of sparse matrices anndata would make what is absent 0
    result = anndata.concat(
        objects, join="outer", merge="first", label=label, keys=keys, fill_value=np.nan
    )
    result.var = _features(objects, result.var_names)
    _detection(result, objects)
    _limits(result, objects)
    for column in [c for c in result.obs if result.obs[c].dtype == object]:
        parts = [a.obs[column] for a in objects if column in a.obs]
        if all(map(pd.api.types.is_bool_dtype, parts)):  # not asked of all samples
            result.obs[column] = result.obs[column].astype("boolean")
    for layer in [n for n in result.layers if n is not None]:  # anndata 0.13 counts X among them
        values = result.layers[layer]
        if layer in _MASKS or values.dtype == object:  # a feature that was absent is not masked
            result.layers[layer] = values == 1
    for column in (schema.TIMEPOINT, schema.ARM):
        if column in result.obs:
            levels = list(dict.fromkeys(c for a in objects for c in _categories(a, column)))
            ordered = column == schema.TIMEPOINT
            given = result.obs[column].astype(object)
            text = given.map(str).where(given.notna())  # levels are text, as everywhere
            result.obs[column] = pd.Categorical(text, categories=levels, ordered=ordered)
    result.uns[schema.UNS] = {
        k: v for k, v in meta(objects[0]).items() if k not in (*_TABLES, schema.PAIRS)
    }
    _codes(result, objects)
    for key in _TABLES:
        frames = [meta(a)[key] for a in objects if key in meta(a) and len(meta(a)[key])]
        if frames:
            table = pd.concat(frames, ignore_index=True)
            result.uns[schema.UNS][key] = frame_for_storage(table)
    add_step(result, "concat", n_objects=len(objects), label=label or "")
    return result


def _features(objects: Sequence[AnnData], names: pd.Index) -> pd.DataFrame:
    """Columns of ``var`` by feature: the first object's word, later ones where it has none."""
    if schema.UNIT_COLUMN in objects[0].var:
        own = objects[0].var[schema.UNIT_COLUMN].astype(object)
        for adata in objects[1:]:
            if schema.UNIT_COLUMN not in adata.var:
                continue
            other = adata.var[schema.UNIT_COLUMN].astype(object).reindex(own.index)
            apart = own.index[other.notna() & own.notna() & (other != own)]
            if len(apart):
                raise InputError(
                    f"The objects differ in the unit of {len(apart)} features: {shown(apart)}",
                    where=f"var[{schema.UNIT_COLUMN!r}]",
                    fix="Bring them to one scale first; they are never mixed.",
                )
    joined = pd.DataFrame(index=names)
    for column in dict.fromkeys(c for a in objects for c in a.var.columns):
        parts = [a.var[column] for a in objects if column in a.var]
        if len(parts) < 2 and len(parts[0]) == len(names):
            joined[column] = parts[0].reindex(names)
            continue
        whole = pd.concat([p.astype(object) for p in parts])
        whole = whole[whole.notna()]
        whole = whole[~whole.index.duplicated()].reindex(names)
        if any(isinstance(p.dtype, pd.CategoricalDtype) for p in parts):
            joined[column] = pd.Categorical(whole)
        elif all(map(pd.api.types.is_bool_dtype, parts)) and whole.hasnans:
            joined[column] = whole.astype("boolean")
        else:
            joined[column] = whole.infer_objects()
    return joined


def _detection(result: AnnData, objects: Sequence[AnnData]) -> None:
    """Leave the mask out where some objects have none: all would count as detected there."""
    having = sum(schema.BELOW_LOD in a.layers for a in objects)
    if 0 < having < len(objects):
        del result.layers[schema.BELOW_LOD]
        warn(
            f"The layer {schema.BELOW_LOD!r} is left out: {having} of {len(objects)} objects have "
            "it. Call exo.pp.lod on each object first."
        )


def _limits(result: AnnData, objects: Sequence[AnnData]) -> None:
    """Make limits of features that differ between objects limits of their samples."""
    rows = [
        pd.to_numeric(a.var[schema.LOD], errors="coerce").reindex(result.var_names)
        if schema.LOD in a.var
        else pd.Series(np.nan, index=result.var_names)
        for a in objects
    ]
    table = np.array([r.to_numpy(dtype=float) for r in rows])
    there = np.array([result.var_names.isin(a.var_names) for a in objects])
    first = np.where(np.isnan(table), np.inf, table).min(axis=0)
    if not ((table != first) & there & np.isfinite(first)).any():
        return
    start = 0
    known = result.layers.get(schema.LOD, np.full(result.shape, np.nan))
    for adata, row in zip(objects, table, strict=True):
        if schema.LOD not in adata.layers:
            known[start : start + adata.n_obs] = row
        start += adata.n_obs
    result.layers[schema.LOD] = known
    del result.var[schema.LOD]


def _codes(result: AnnData, objects: Sequence[AnnData]) -> None:
    """Give the states of all objects one table of codes; 0, where nothing is stated, stays."""
    if schema.STATUS_CODE not in result.layers:
        return
    stated = np.nan_to_num(result.layers[schema.STATUS_CODE]).astype(int)
    words: list[str] = []
    start = 0
    for adata in objects:
        own = slice(start, start + adata.n_obs)
        start += adata.n_obs
        if schema.STATUS_CODES not in meta(adata):
            continue
        frame = meta(adata)[schema.STATUS_CODES]
        status = frame["status"].astype(str)
        words += [w for w in status if w not in words]
        code = frame["code"].to_numpy(dtype=int)
        new = np.arange(max(code.max(initial=0), stated[own].max(initial=0)) + 1)
        new[code] = [words.index(w) for w in status]
        stated[own] = new[stated[own]]
    result.layers[schema.STATUS_CODE] = stated
    if words:
        result.uns[schema.UNS][schema.STATUS_CODES] = pd.DataFrame(
            {"code": np.arange(len(words)), "status": pd.Categorical(words)}
        )


def _categories(adata: AnnData, column: str) -> list[str]:
    if column not in adata.obs:
        return []
    values = adata.obs[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [str(c) for c in values.cat.categories]
    return list(dict.fromkeys(values.dropna().astype(str)))
