"""What is known of the analytes: annotation columns and the unit of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, UnitsError, shown
from exerkine_omics.io._labels import near, text_of, unique_labels
from exerkine_omics.io._samples import refuse_names

Units: TypeAlias = str | Mapping[str, str] | pd.Series | None

_STATE_UNIT = f"State it with units=, one of {', '.join(schema.UNIT_TABLE)}."
# what people write for a unit of the table
_HINTS = {"ct": "Cq", "cp": "Cq", "log2cpm": "log_cpm", "z": "zscore", "linear": "intensity"}


def feature_table(
    analytes: pd.Index, features: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return var: joined by analyte id; unknown text is empty, an unknown number NaN."""
    var = pd.DataFrame(index=analytes)
    if features is None:
        var[schema.NAME] = analytes.astype(str).to_numpy()
        return var, []
    if not isinstance(features, pd.DataFrame):
        raise InputError(
            f"The features are a {type(features).__name__}, not a DataFrame",
            where="features",
            fix="Give one row an analyte, the index being its id.",
        )
    table = features.set_axis([str(c) for c in features.columns], axis=1)
    refuse_names(table.columns, "features")
    table.index = unique_labels(table.index, "analyte id", "index of the features")
    absent = analytes.difference(table.index)
    unused = table.index.difference(analytes)
    if len(absent) == len(analytes):
        raise InputError(
            f"No analyte of the matrix ({shown(analytes)}) is in the features "
            f"({shown(table.index)})",
            where="index of the features",
            fix="The index must hold the ids that are the columns of the matrix.",
        )
    findings = []
    if len(absent):
        findings.append(
            Finding(
                "feature_without_annotation",
                "note",
                f"{len(absent)} analytes have no row in the features: {shown(absent)}.",
                tuple(absent),
            )
        )
    if len(unused):
        findings.append(
            Finding(
                "feature_not_in_matrix",
                "note",
                f"{len(unused)} rows of the features are not in the matrix: {shown(unused)}.",
                tuple(unused),
            )
        )
    table = table.reindex(analytes)
    for name, column in table.items():
        dtype = column.dtype
        if pd.api.types.is_bool_dtype(dtype) and not column.isna().any():
            var[name] = column.astype(bool)
        elif pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
            var[name] = column.astype("float64")
        else:
            cells = column.astype(object).tolist()
            plain = all(type(v) is str for v in cells)  # thousands of accessions, as a rule
            texts = cells if plain else ["" if pd.isna(v) else text_of(v) for v in cells]
            var[name] = pd.Series(texts, index=analytes)
    given = var[schema.NAME].astype(str) if schema.NAME in var else pd.Series("", index=analytes)
    var[schema.NAME] = [n if n else str(i) for i, n in given.items()]
    return var, findings


def unit_of_columns(
    analytes: pd.Index, units: Units
) -> tuple[str, list[str] | None, list[Finding]]:
    """Return the unit of X, the unit of each column where they were given one by one, findings."""
    if units is None or (isinstance(units, str) and units == schema.UNKNOWN):
        return schema.UNKNOWN, None, [_unknown("The unit of the values is not known.", ())]
    if isinstance(units, str):
        return check_unit(units), None, []
    if not isinstance(units, (Mapping, pd.Series)):
        raise UnitsError(
            f"units= is a {type(units).__name__}",
            where="units=",
            fix="One unit, or {column: unit}.",
        )
    given = {text_of(k): v for k, v in units.items()}
    foreign = [k for k in given if k not in analytes]
    if foreign:
        raise UnitsError(
            f"Units are given for {shown(foreign)}, which the matrix does not have",
            where="units=",
            fix=near(foreign[0], analytes),
        )
    each = [check_unit(given[a]) if a in given else schema.UNKNOWN for a in analytes]
    absent = tuple(a for a, u in zip(analytes, each, strict=True) if u == schema.UNKNOWN)
    findings = [_unknown(f"{shown(absent)} have no unit.", absent)] if absent else []
    common = each[0] if len(set(each)) == 1 else schema.MIXED
    return common, each, findings


def check_unit(unit: object) -> str:
    """Return a unit of the table, or say which there are."""
    if isinstance(unit, str) and unit in (*schema.UNIT_TABLE, schema.UNKNOWN):
        return unit
    text = str(unit)
    folded = {u.casefold(): u for u in schema.UNIT_TABLE}
    hint = _HINTS.get(text.casefold()) or folded.get(text.casefold())
    if hint is None and "/" in text:
        hint = "concentration"
    advice = f"Say {hint!r}." if hint else f"One of {', '.join(schema.UNIT_TABLE)}."
    raise UnitsError(f"{text!r} is no unit of this package", where="units=", fix=advice)


def _unknown(message: str, rows: tuple[str, ...]) -> Finding:
    return Finding("units_unknown", "warning", message, rows, _STATE_UNIT)
