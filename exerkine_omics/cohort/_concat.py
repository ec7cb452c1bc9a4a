"""Concatenate cohorts and keep what `anndata.concat` drops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anndata
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._meta import add_step, meta
from exerkine_omics.errors import InputError, shown

_MUST_AGREE = {
    schema.UNITS: schema.UNKNOWN,
    schema.MODALITY: schema.UNKNOWN,
    schema.SPECIES: schema.UNKNOWN,
    schema.BASELINE: schema.UNKNOWN,
    schema.MATRIX: schema.UNKNOWN,
    schema.SAMPLE_SCALING: "",
}
_MASKS = {schema.BELOW_LOD, schema.IMPUTED, schema.QC_WARNING, schema.ASSAY_WARNING}


def concat(
    adatas: Mapping[str, AnnData] | Sequence[AnnData], *, label: str | None = None
) -> AnnData:
    """Stack the samples of several AnnData of one platform.

    `anndata.concat` drops ``uns``, ``var`` columns and the order of time points; here the
    metadata must agree and is kept, ``var`` columns are merged where they agree, and the order of
    time points is that of the first object, later ones appended.

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
        If units, modality, species, matrix, baseline or sample scaling differ, or a sample id
        stands twice.
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
    result = anndata.concat(objects, join="outer", merge="first", label=label, keys=keys)
    for layer in _MASKS & set(result.layers):
        result.layers[layer] = result.layers[layer] == 1  # a feature that was absent is not masked
    for column in (schema.TIMEPOINT, schema.ARM):
        if column in result.obs:
            levels = list(dict.fromkeys(c for a in objects for c in _categories(a, column)))
            ordered = column == schema.TIMEPOINT
            result.obs[column] = pd.Categorical(
                result.obs[column].astype(object), categories=levels, ordered=ordered
            )
    result.uns[schema.UNS] = {
        k: v
        for k, v in meta(objects[0]).items()
        if k not in (schema.STEPS, schema.FINDINGS, schema.PAIRS)
    }
    for key in (schema.STEPS, schema.FINDINGS):
        frames = [meta(a)[key] for a in objects if key in meta(a) and len(meta(a)[key])]
        if frames:
            result.uns[schema.UNS][key] = pd.concat(frames, ignore_index=True)
    add_step(result, "concat", n_objects=len(objects), label=label or "")
    return result


def _categories(adata: AnnData, column: str) -> list[str]:
    values = adata.obs[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [str(c) for c in values.cat.categories]
    return list(dict.fromkeys(values.astype(str)))
