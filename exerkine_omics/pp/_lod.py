"""What becomes of values below the limit of detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    dense,
    editable,
    meta,
    require_units,
    rescaled_since,
)
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.pp._detection import detection, differing
from exerkine_omics.pp._masks import imputed, keep_findings
from exerkine_omics.pp._units import column_units

Limits: TypeAlias = float | pd.Series | pd.DataFrame | Mapping[str, float]
_POLICIES = ("keep", "half", "mask")
# share of the cells below of which limit or mask alone may say so: the vendor rounds
_DISAGREE = 0.01


def lod(
    adata: AnnData, policy: str = "keep", *, lod: Limits | None = None, copy: bool = False
) -> AnnData | None:
    """Mark values below the limit of detection, and keep them, halve the limit, or take them away.

    Use it once, before `exo.pp.log2` where the limits came with the file. ``keep`` is right for NPX
    and whenever the vendor gives values below the limit: they are noisy but carry the ranks, and
    nothing is made up. ``half`` puts half the limit there (log2 units: limit - 1; Cq: limit + 1),
    which understates the noise.
    ``mask`` makes them NaN, which biases a change wherever detection itself changes: both warn
    where it does (`exo.pp.detection`), and ``exo.tl.differential(adata, method="mcnemar",
    layer="below_lod")`` tests it.

    Parameters
    ----------
    adata
        Samples x features, on any scale.
    policy
        ``keep``, ``half`` or ``mask``.
    lod
        Limits in the unit of X: one number, a Series (or dict) by feature, or a frame plates x
        features whose index holds ``obs["plate_id"]``. None takes the layer ``lod``, else
        ``var["lod"]``; a layer ``below_lod`` that the reader made then stands as it is.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. Layers: ``below_lod`` (bool), ``lod``; with
        ``half`` and ``mask`` also ``raw`` (X as it was, unless a raw layer is there already), with
        ``half`` ``imputed``.

    Raises
    ------
    InputError
        If no limit and no mask is known, or (``half``) a value is below a limit that is not.
    UnitsError
        If ``var["lod"]`` is asked after a logarithm, normalisation, bridging or batch correction;
        or (``half``) the unit is not known or has no half, or the limits are on another scale
        than X.
    UsageError
        If the policy does not exist, or the limits name none of the features or plates.

    Notes
    -----
    Missing values: a NaN of X that is marked ``below_lod`` (an undetermined Cq) stays marked; any
    other NaN was not measured. A limit that is NaN is not known: nothing is marked there, a
    finding (``lod_unknown``) and a warning name the features.

    A policy is not undone by another; the values before are in ``layers["raw"]``.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> exo.pp.lod(adata, lod=1.0)
    >>> bool((adata.X[adata.layers["below_lod"]] < 1).all())  # kept, and marked
    True
    """
    if policy not in _POLICIES:
        raise UsageError(f"policy={policy!r} is not known", fix=f"Known: {', '.join(_POLICIES)}.")
    meta(adata)
    require_units(adata)
    each = column_units(adata)
    values = dense(adata, infinite=True)
    limit, source = _limits(adata, lod)
    old = dense(adata, schema.BELOW_LOD) > 0.5 if schema.BELOW_LOD in adata.layers else None
    turned = each == "Cq"
    fresh = np.where(turned, values > limit, values < limit)
    there, known = np.isfinite(values), np.isfinite(limit)
    if old is None:
        below, on_scale = fresh & known, True
    elif source != "given":
        below, on_scale = old, _on_scale(adata, old, fresh, there & known)
    else:
        below, on_scale = np.where(known & there, fresh, old), True
    target = editable(adata, copy, values=policy != "keep")
    filled = _filled(values, below, limit, each, on_scale, target) if policy == "half" else None
    target.layers[schema.BELOW_LOD] = below
    if source in ("given", "var"):
        target.layers[schema.LOD] = limit
    if policy != "keep":
        if schema.RAW not in target.layers:
            target.layers[schema.RAW] = values.copy()
        if filled is None:
            target.X = np.where(below, np.nan, values)
        else:
            target.X = filled
            target.layers[schema.IMPUTED] = below | imputed(target)
        if schema.CORRECTED in target.layers:
            _correct(target, values, below, each)
    add_step(target, "pp.lod", policy=policy, lod=source, n_below=int(below.sum()))
    if source != "none":
        _say_unknown(target, ~known & there & ~below)
    if policy != "keep" and below.any():
        _say_differing(target, policy)
    return target if copy else None


def _limits(adata: AnnData, given: Limits | None) -> tuple[np.ndarray, str]:
    """Give samples x features of limits, and where they came from."""
    shape = adata.shape
    if given is None:
        if schema.LOD in adata.layers:
            return dense(adata, schema.LOD), "layer"
        if schema.LOD in adata.var:
            since = rescaled_since(adata)
            if since:
                raise UnitsError(
                    f"The limits are in the unit of the file, and {shown(since)} changed X since",
                    where=f"var[{schema.LOD!r}]",
                    fix="Call exo.pp.lod before, or give lod= in the unit of X.",
                )
            row = pd.to_numeric(adata.var[schema.LOD], errors="coerce").to_numpy(dtype=float)
            return np.tile(row, (shape[0], 1)), "var"
        if schema.BELOW_LOD in adata.layers:
            return np.full(shape, np.nan), "none"
        raise InputError(
            "No limit of detection is known",
            where=f"layers[{schema.LOD!r}] and var[{schema.LOD!r}]",
            fix="Give lod=: a number, a Series by feature, or a frame plates x features.",
        )
    if isinstance(given, pd.DataFrame):
        return _by_plate(adata, given), "given"
    if isinstance(given, (Mapping, pd.Series)):
        row = _numbers(pd.Series(given, dtype=object).to_frame("lod")).iloc[:, 0]
        _require_named(row.index, adata.var_names, "features", "var_names")
        return np.tile(row.reindex(adata.var_names).to_numpy(float), (shape[0], 1)), "given"
    if isinstance(given, bool) or not isinstance(given, (int, float, np.number)):
        raise UsageError(
            f"lod is a {type(given).__name__}",
            where="lod=",
            fix="Give a number, a Series by feature, or a frame plates x features.",
        )
    if not np.isfinite(given):
        raise UsageError(f"lod={given!r} is no limit", where="lod=")
    return np.full(shape, float(given)), "given"


def _by_plate(adata: AnnData, given: pd.DataFrame) -> np.ndarray:
    """Limits of each sample's own plate."""
    if schema.PLATE_ID not in adata.obs:
        raise InputError(
            "lod has a row a plate, and no column says on which plate a sample was",
            where=f"obs[{schema.PLATE_ID!r}]",
            fix="Add the column, or give a Series by feature.",
        )
    table = _numbers(given)
    _require_named(table.columns, adata.var_names, "features", "var_names")
    plate = adata.obs[schema.PLATE_ID].astype(object)
    name = np.where(plate.isna(), "", plate.astype(str))
    _require_named(table.index, pd.Index(np.unique(name)), "plates", f"obs[{schema.PLATE_ID!r}]")
    return table.reindex(index=name, columns=adata.var_names).to_numpy(float)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Limits as finite floats or NaN, rows and columns named by text, each once."""
    table = table.set_axis(table.index.astype(str), axis=0)
    table = table.set_axis(table.columns.astype(str), axis=1)
    for names in (table.index, table.columns):
        if names.has_duplicates:
            twice = names[names.duplicated()].unique()
            raise UsageError(f"{shown(twice)} stand more than once", where="lod=")
    try:
        numbers = table.astype(float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"Some limits are no numbers: {error}", where="lod=") from None
    if np.isinf(numbers.to_numpy()).any():
        raise UsageError("Some limits are infinite", where="lod=", fix="NaN means not known.")
    return numbers


def _require_named(given: pd.Index, own: pd.Index, what: str, where: str) -> None:
    if not given.isin(own).any():
        raise UsageError(
            f"lod names none of the {what} {shown(own)}; it has {shown(given)}",
            where="lod=",
            fix=f"Name them as {where} does.",
        )


def _on_scale(adata: AnnData, old: np.ndarray, fresh: np.ndarray, judged: np.ndarray) -> bool:
    """Say whether limits and mask agree; a logarithm or a normalisation since parts them."""
    judged = judged & ~imputed(adata)
    apart, either = (old != fresh)[judged].sum(), (old | fresh)[judged].sum()
    return bool(apart <= max(1.0, _DISAGREE * either))


def _filled(
    values: np.ndarray,
    below: np.ndarray,
    limit: np.ndarray,
    each: np.ndarray,
    on_scale: bool,
    adata: AnnData,
) -> np.ndarray:
    """X with half the limit where it is below."""
    bases = {u: schema.UNIT_TABLE[u].base for u in set(each) if u in schema.UNIT_TABLE}
    odd = sorted({u for u in each if bases.get(u) not in ("log2", "linear")})
    if odd:
        raise UnitsError(
            f"policy='half' needs a unit that has a half, and X holds {shown(odd)}",
            where=f"uns[{schema.UNS!r}][{schema.UNITS!r}]",
            fix="State the unit when reading, or use policy='mask'.",
        )
    if not on_scale:
        raise UnitsError(
            "The limits are not on the scale of X: X was transformed since they were read",
            where=f"layers[{schema.LOD!r}]",
            fix="Call exo.pp.lod before exo.pp.log2 or exo.pp.normalize, or give lod= in the "
            "unit of X.",
        )
    blind = (below & ~np.isfinite(limit)).any(axis=0)
    if blind.any():
        raise InputError(
            f"Values of {shown(adata.var_names[blind])} are marked below a limit that is not known",
            where=f"layers[{schema.LOD!r}]",
            fix="Give lod=, use policy='mask', or fill them with exo.pp.impute.",
        )
    linear = np.array([bases[u] == "linear" for u in each], dtype=bool)
    half = np.where(linear, limit / 2, np.where(each == "Cq", limit + 1, limit - 1))
    return np.where(below, half, values)


def _correct(adata: AnnData, before: np.ndarray, below: np.ndarray, each: np.ndarray) -> None:
    """Take values corrected for plasma volume along: the correction is what it was."""
    corrected, now = dense(adata, schema.CORRECTED), dense(adata, infinite=True)
    bases = {u: schema.UNIT_TABLE[u].base for u in set(each) if u in schema.UNIT_TABLE}
    linear = np.array([bases.get(u) == "linear" for u in each], dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.where(linear, corrected * (now / before), corrected + (now - before))
    adata.layers[schema.CORRECTED] = np.where(below, moved, corrected)


def _say_unknown(adata: AnnData, unknown: np.ndarray) -> None:
    """Store and tell the features whose limit is not known where they have a value."""
    names = tuple(adata.var_names[unknown.any(axis=0)].astype(str))
    message = f"The limit of detection of {len(names)} features is not known: {shown(names)}."
    fix = "Nothing is marked there; give exo.pp.lod(adata, lod=...) a limit if you have one."
    keep_findings(adata, Finding("lod_unknown", "note", message, names, fix))
    if names:
        warn(f"{message} {fix}")


def _say_differing(adata: AnnData, policy: str) -> None:
    """Warn where detection differs between time points: there a policy makes or hides change."""
    try:
        names = differing(detection(adata))
    except InputError as error:
        warn(f"Whether detection differs between time points cannot be told: {error}")
        return
    if names:
        warn(
            f"{len(names)} features are not detected equally often at all time points: "
            f"{shown(names)}. policy={policy!r} biases their change; test it with "
            f'exo.tl.differential(adata, method="mcnemar", layer="{schema.BELOW_LOD}").'
        )
