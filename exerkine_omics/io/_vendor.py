"""A vendor's file as read, and the AnnData it becomes; all vendor readers end here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, add_step, findings_frame, matrix_unknown
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._features import feature_table, unit_of_columns
from exerkine_omics.io._labels import unique_labels
from exerkine_omics.io._matrix import require_no_infinity
from exerkine_omics.io._samples import storable
from exerkine_omics.io._source import Source


@dataclass
class VendorTable:
    """What a vendor reader hands over.

    Parameters
    ----------
    values
        Samples x analytes; NaN is missing.
    obs
        One row a sample, index = sample ids; our names where the column map knows the column,
        else the vendor's own. ``sample_type`` holds one of ``schema.SAMPLE_TYPES``.
    var
        One row an analyte, index = assay ids, likewise.
    units
        A unit of ``schema.UNIT_TABLE``, or ``{analyte: unit}``; None where the file does not say.
    layers
        Samples x analytes by name.
    sample_scaling
        What the vendor rescaled whole samples by; empty where nothing did.
    more
        Further entries of ``uns["exerkine"]``.
    """

    values: np.ndarray
    obs: pd.DataFrame
    var: pd.DataFrame
    units: str | Mapping[str, str] | None
    modality: str
    platform: str
    format: str
    layers: dict[str, np.ndarray] = field(default_factory=dict)
    species: str | None = None
    matrix_type: str | None = None
    experimental: bool = False
    sample_scaling: str = ""
    findings: list[Finding] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


def to_anndata(table: VendorTable, source: Source) -> AnnData:
    """Make the AnnData of a vendor's file: no subject and no time point yet.

    Ids must be there and differ; columns that h5ad cannot hold are renamed, which is a finding.
    """
    where = source.where
    values = np.require(table.values, np.float64, "W")
    if 0 in values.shape:
        raise InputError(
            f"The file holds {values.shape[0]} samples and {values.shape[1]} analytes",
            where=where,
            fix="Is it whole? Export it again with its results.",
        )
    ids = unique_labels(table.obs.index, "sample id", where)
    analytes = unique_labels(table.var.index, "analyte id", where)
    require_no_infinity(values, analytes, where)
    findings = list(table.findings)
    obs, more = _safe_names(table.obs.set_axis(ids, axis=0))
    findings += more
    obs, more = storable(obs)
    findings += more
    obs.index.name = schema.SAMPLE_ID
    annotation, more = _safe_names(table.var.set_axis(analytes, axis=0))
    findings += more
    var, more = feature_table(analytes, annotation)
    findings += more
    unit, each, more = unit_of_columns(analytes, table.units)
    findings += more
    if each is not None:
        var[schema.UNIT_COLUMN] = each
    if table.matrix_type is None:
        findings.append(matrix_unknown())
    if table.experimental:
        findings.append(
            Finding(
                "experimental_format",
                "warning",
                f"The reader of {table.format} was never tried on a file its vendor made.",
                fix="Compare a few values with the file before you rely on them.",
            )
        )
    adata = AnnData(values, obs=obs, var=var)
    for name, layer in table.layers.items():
        adata.layers[name] = layer
    adata.uns[schema.UNS] = {
        schema.SCHEMA_VERSION: schema.VERSION,
        schema.PLATFORM: table.platform or schema.UNKNOWN,
        schema.MODALITY: table.modality,
        schema.UNITS: unit,
        schema.SPECIES: table.species or schema.UNKNOWN,
        schema.MATRIX: table.matrix_type or schema.UNKNOWN,
        schema.FORMAT: table.format,
        schema.EXPERIMENTAL: bool(table.experimental),
        schema.SAMPLE_SCALING: table.sample_scaling,
        schema.FINDINGS: findings_frame(findings),
        **table.more,
    }
    add_step(adata, "io.read", file=source.path.name, format=table.format, units=unit)
    return adata


def _safe_names(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Columns under names that h5ad takes and that stand once."""
    taken: dict[str, int] = {}
    names, changed = [], []
    for column in frame.columns:
        plain = str(column).strip().replace("/", "_") or "unnamed"
        plain = "index_" if plain == "_index" else plain
        taken[plain] = taken.get(plain, 0) + 1
        name = plain if taken[plain] == 1 else f"{plain}_{taken[plain]}"
        names.append(name)
        if name != str(column):
            changed.append(f"{column} -> {name}")
    result = frame.set_axis(pd.Index(names, dtype=object), axis=1)
    if not changed:
        return result, []
    message = f"{len(changed)} columns were renamed: {shown(changed)}."
    return result, [Finding("column_renamed", "note", message, tuple(changed))]
