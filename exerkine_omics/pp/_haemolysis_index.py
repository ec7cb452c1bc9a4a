"""The index of haemolysis of each sample, from what the panel measures."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    baseline,
    dense,
    meta,
    persons_tubes,
    require_log,
    require_units,
)
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, shown
from exerkine_omics.kernels._haemolysis import panel_index
from exerkine_omics.sig import Signature, SignatureSet, identify, load, match
from exerkine_omics.sig._identify_text import mirna_key

RED_CELL, SPARED = "hsa-miR-451a", "hsa-miR-23a-3p"
_RATIO_LIMITS = (5.0, 7.0)
_PANEL_LIMITS = (3.0, 5.0)
_MIN_PROTEINS = 3
_MIN_REFERENCE = 8
_SIGNATURE = "haemolysis"
_MIMAT = {RED_CELL: "MIMAT0001631", SPARED: "MIMAT0000078"}


@dataclass(frozen=True)
class Index:
    """Index of each sample, the limits that are known for it, and what to say beside.

    ``used`` are features, ``missing`` members that are not measured; ``doubt`` says why the
    limits are not known, or what they take for granted.
    """

    values: np.ndarray
    limits: tuple[float, float] | None
    used: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    doubt: str = ""


def mir_ratio(adata: AnnData) -> Index:
    """Set miR-451a against miR-23a-3p."""
    unit = require_units(adata)
    if unit != "Cq":
        unit = require_log(adata, "pp.haemolysis")
    if unit in ("zscore", "score"):
        raise UnitsError(
            "The ratio of two microRNAs cannot be read from z scores",
            where=f"uns[{schema.UNS!r}][{schema.UNITS!r}]",
            fix="Give Cq, or log2 values.",
        )
    columns = [_mirna(adata, name) for name in (RED_CELL, SPARED)]
    x = dense(adata)[:, columns]
    values = (x[:, 1] - x[:, 0]) if unit == "Cq" else (x[:, 0] - x[:, 1])
    limits, doubt = _ratio_limits(adata, unit)
    return Index(values, limits, tuple(adata.var_names[columns].astype(str)), (), doubt)


def _ratio_limits(adata: AnnData, unit: str) -> tuple[tuple[float, float] | None, str]:
    """Limits hold for cycles of qPCR; the steps say what log2 values were."""
    if unit == "Cq":
        return _RATIO_LIMITS, ""
    before = _unit_before_log(adata)
    if unit == "log2" and before in ("Cq", ""):
        doubt = "" if before else "The values are taken as cycles of qPCR, turned."
        return _RATIO_LIMITS, doubt
    return None, f"No limits are known for a ratio of {before or unit}; 5 and 7 are cycles of qPCR."


def _unit_before_log(adata: AnnData) -> str:
    steps = meta(adata).get(schema.STEPS)
    if steps is None or not len(steps):
        return ""
    logs = steps.loc[steps["step"].astype(str) == "pp.log2", "parameters"].astype(str).tolist()
    return str(json.loads(logs[0]).get("units_before", "")) if logs else ""


def _mirna(adata: AnnData, name: str) -> int:
    """Return the one feature that is this microRNA."""
    ids = (schema.NAME, schema.MIRBASE, schema.MIMAT)
    given = {c: adata.var[c].astype(object) for c in ids if c in adata.var}
    features = [
        {"index": str(v), **{c: s.iloc[i].strip() for c, s in given.items() if _text(s.iloc[i])}}
        for i, v in enumerate(adata.var_names)
    ]
    species = str(meta(adata).get(schema.SPECIES, schema.UNKNOWN))
    if species not in ("human", schema.UNKNOWN, ""):
        # accessions are another species' own: the mature name is what is shared
        wanted = mirna_key(name)[1]
        names = [f.get(schema.MIRBASE) or f.get(schema.NAME) or f["index"] for f in features]
        hits = [i for i, n in enumerate(names) if mirna_key(n)[1] == wanted]
    else:
        found = identify(features, "mirna")
        hits = [i for i, f in enumerate(found) if f.values.get(schema.MIMAT) == _MIMAT[name]]
    if not hits:
        raise AnalysisError(
            f"{name} is not measured",
            where="var",
            fix="Both hsa-miR-451a and hsa-miR-23a-3p are needed; or use method='absorbance'.",
        )
    if len(hits) > 1:
        raise InputError(
            f"{name} is measured by {shown(adata.var_names[hits])}",
            where="var",
            fix="Keep one of them; they are never averaged silently.",
        )
    return hits[0]


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def red_cell_proteins() -> Signature:
    """Return the shipped signature without haptoglobin, which no lysed tube lowers."""
    shipped = load()[_SIGNATURE]
    return shipped.model_copy(update={"members": tuple(m for m in shipped.members if m.weight > 0)})


def protein_panel(adata: AnnData) -> Index:
    """Stand the mean of the red-cell proteins against the cohort's baseline samples."""
    require_log(adata, "pp.haemolysis")
    panel = red_cell_proteins()
    try:
        found = match(SignatureSet([panel]), adata.var, "proteomics")[0]
    except InputError as error:
        raise InputError(
            error.what,
            where=error.where,
            fix="Choose one with exo.pp.annotate(adata, several='most_detected').",
        ) from error
    names = tuple(adata.var_names[found.columns].astype(str))
    if len(names) < _MIN_PROTEINS:
        raise AnalysisError(
            f"{shown(names) or 'None'} of the red-cell proteins "
            f"{'is' if len(names) < 2 else 'are'} measured and {_MIN_PROTEINS} are needed",
            where="var",
            fix="Call exo.pp.annotate(adata) first if the names are not gene symbols; else use "
            "method='absorbance'.",
        )
    level = baseline(adata)
    at = (adata.obs[schema.TIMEPOINT].astype(str) == level).to_numpy() & persons_tubes(adata)
    x = dense(adata)[:, found.columns]
    values = panel_index(x, at)
    n = int((at & np.isfinite(values)).sum())
    if n < _MIN_REFERENCE:
        doubt = (
            f"{n} baseline samples are too few to say what is far from them "
            f"({_MIN_REFERENCE} are needed)."
        )
        return Index(values, None, names, found.missing, doubt)
    return Index(values, _PANEL_LIMITS, names, found.missing)
