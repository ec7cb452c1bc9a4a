"""What a file did not say of itself."""

from __future__ import annotations

from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    editable,
    findings_frame,
    findings_from_frame,
    meta,
    rescaled_since,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError
from exerkine_omics.io._features import check_unit

_SETTLED = {
    schema.UNITS: ("units_unknown", "units_unknown_as_intensity", "units_assumed"),
    schema.MATRIX: ("matrix_unknown",),
    schema.SPECIES: ("species_unknown",),
}
_GUESSED = ("units_unknown_as_intensity", "units_assumed")


def state(
    adata: AnnData,
    *,
    units: str | None = None,
    species: str | None = None,
    matrix_type: str | None = None,
    platform: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Say what is known of a cohort and did not stand in its file.

    Use it after reading, where a finding says that unit, species or matrix are not known. What
    the file does say is not overwritten: a unit is changed by a conversion, not by a word.

    Parameters
    ----------
    adata
        Samples x analytes, made by this package.
    units
        One of ``schema.UNIT_TABLE``.
    species
        Of the samples, as ``human``.
    matrix_type
        One of ``schema.MATRICES``.
    platform
        Name of the assay.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None.

    Raises
    ------
    UsageError
        If nothing is stated.
    UnitsError
        For a unit that is none, or another than the one that is known.
    InputError
        For a matrix that is none, or species or matrix other than known.

    Notes
    -----
    Missing values: none are touched.
    """
    given = {
        schema.UNITS: units,
        schema.SPECIES: species,
        schema.MATRIX: matrix_type,
        schema.PLATFORM: platform,
    }
    given = {k: v for k, v in given.items() if v is not None}
    if not given:
        raise UsageError(
            "Nothing is stated", fix="Give units=, species=, matrix_type= or platform=."
        )
    known = meta(adata)
    if units is not None:
        check_unit(units)
    if matrix_type is not None and matrix_type not in schema.MATRICES:
        raise InputError(
            f"{matrix_type!r} is not known",
            where="matrix_type=",
            fix=f"One of {', '.join(schema.MATRICES)}.",
        )
    stored = known.get(schema.FINDINGS)
    findings = [] if stored is None else findings_from_frame(stored)
    guessed = any(f.id in _GUESSED for f in findings) and not rescaled_since(adata)
    for key, value in given.items():
        before = str(known.get(key, schema.UNKNOWN))
        open_to_change = before in (schema.UNKNOWN, "", value) or key == schema.PLATFORM
        if open_to_change or (key == schema.UNITS and guessed):
            continue
        error = UnitsError if key == schema.UNITS else InputError
        convert = schema.UNIT_TABLE[before].convert if before in schema.UNIT_TABLE else ""
        raise error(
            f"{key} is {before!r} already",
            where=f"uns[{schema.UNS!r}][{key!r}]",
            fix=f"Convert it: {convert}." if convert else "Read the file again if that is wrong.",
        )
    target = editable(adata, copy, values=False)
    changed = meta(target)
    for key, value in given.items():
        changed[key] = value
    if units is not None and schema.UNIT_COLUMN in target.var:
        target.var[schema.UNIT_COLUMN] = units
    settled = {i for key in given for i in _SETTLED.get(key, ())}
    if stored is not None:
        changed[schema.FINDINGS] = findings_frame([f for f in findings if f.id not in settled])
    add_step(target, "io.state", **given)
    return target if copy else None
