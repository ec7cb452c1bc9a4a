"""Bring X to a log scale on which up means more."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import add_step, dense, editable, meta, units
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.pp._samples import layers_along
from exerkine_omics.pp._units import column_units, scaled_to_one

_LINEAR = ("RFU", "intensity", "concentration")
# no linear instrument reading of a whole matrix stays below this; log2 values do
_LOOKS_LOGGED = 30.0


def log2(
    adata: AnnData, *, offset: float | None = None, prior_count: float = 2.0, copy: bool = False
) -> AnnData | None:
    r"""Bring the values to a log2 scale.

    Use it once, on RFU, intensities, concentrations, counts or Cq; a matrix that is on a log
    scale already is refused, for a second logarithm shrinks every effect.

    RFU, intensity and concentration become :math:`\log_2(x + offset)`; Cq becomes :math:`-Cq`, so
    that up means more; counts become log2 counts per million as in edgeR,

    .. math:: \log_2 \frac{10^6 (y_{if} + p_i)}{L_i + 2 p_i}, \quad p_i = p L_i / \bar L

    with L the library size, times ``obs["norm_factors"]`` where `exo.pp.normalize` with
    ``method="tmm"`` has put them, and p the prior count.

    Parameters
    ----------
    adata
        Samples x analytes; the unit is read from ``uns["exerkine"]["units"]``, or column by
        column from ``var["unit"]``. The values before are kept in ``layers["raw"]``, unless a
        raw layer is there already. Limits of detection (layers ``lod``, ``lod_...``) and values
        corrected for plasma volume move along.
    offset
        Added to RFU, intensity or concentration before the logarithm, in their unit.
    prior_count
        Count added to each count, for an average library.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. The unit is ``log2`` (``log_cpm`` where all
        columns are counts).

    Raises
    ------
    UnitsError
        If the values are log already, or the unit is not known.
    InputError
        If values are zero or negative, and after the offset still so.

    Notes
    -----
    Missing values: NaN stays NaN and adds nothing to a library size.

    References
    ----------
    Robinson MD, McCarthy DJ, Smyth GK (2010) edgeR. Bioinformatics 26:139-140.
    """
    before = units(adata)
    each = column_units(adata)
    _refuse(each, before)
    values = dense(adata, infinite=True)
    result = values.copy()
    linear = np.isin(each, _LINEAR)
    if offset is not None and not linear.any():
        raise UsageError(
            f"offset={offset!r} belongs to {', '.join(_LINEAR)} and X holds {before}",
            where="offset=",
            fix="Leave it out; counts take prior_count=.",
        )
    if offset is not None and not (np.isfinite(offset) and offset > 0):
        raise UsageError(f"offset={offset!r} is not a positive number", where="offset=")
    if linear.any():
        part = values[:, linear] + (offset or 0.0)
        _refuse_below_zero(part, adata.var_names[np.flatnonzero(linear)], offset)
        readings = values[:, np.isin(each, ("RFU", "intensity"))]
        small = np.isfinite(readings).any() and np.nanmax(readings) < _LOOKS_LOGGED
        if small and not scaled_to_one(readings):
            warn(
                f"No {before} value is above {_LOOKS_LOGGED:g}: are these logarithms already? "
                'Then state units="log2" when reading.'
            )
        result[:, linear] = np.log2(part)
    counts = each == "counts"
    if counts.any():
        result[:, counts] = _log_cpm(values[:, counts], prior_count, adata)
    cycles = each == "Cq"
    result[:, cycles] = -values[:, cycles]
    target = editable(adata, copy)
    if schema.RAW not in target.layers:
        target.layers[schema.RAW] = values
    target.X = result
    for name in layers_along(target):
        target.layers[name] = _moved_along(dense(target, name), each, offset or 0.0)
    after = "log_cpm" if counts.all() else "log2"
    meta(target)[schema.UNITS] = after
    if schema.UNIT_COLUMN in target.var:
        target.var[schema.UNIT_COLUMN] = [
            "log_cpm" if u == "counts" else u if u in ("NPX", "log_cpm") else "log2" for u in each
        ]
    add_step(target, "pp.log2", units_before=before, offset=offset, prior_count=prior_count)
    return target if copy else None


def _moved_along(layer: np.ndarray, each: np.ndarray, offset: float) -> np.ndarray:
    """Limits, or corrected values, on the scale that X has now; NaN where they have none."""
    result = layer.copy()
    linear, counts = np.isin(each, _LINEAR), each == "counts"
    part = result[:, linear] + offset
    with np.errstate(invalid="ignore"):
        result[:, linear] = np.log2(np.where(part > 0, part, np.nan))
    result[:, counts] = np.nan
    result[:, each == "Cq"] *= -1
    return result


def _refuse(each: np.ndarray, before: str) -> None:
    where = f"uns[{schema.UNS!r}][{schema.UNITS!r}]"
    known = sorted(set(each))
    unknown = [u for u in known if u not in schema.UNIT_TABLE]
    if unknown:
        raise UnitsError(
            f"pp.log2 must know the unit of the values and it is {shown(unknown)}",
            where=where,
            fix=f"State it when reading: one of {', '.join(schema.UNIT_TABLE)}.",
        )
    if all(not schema.UNIT_TABLE[u].convert for u in known):
        # mixed log2 units only lack a common name; one log unit would be logged twice
        if len(known) > 1 and "zscore" not in known:
            return
        raise UnitsError(
            f"X holds {shown(known)}, which is on a log scale already"
            if "zscore" not in known
            else "X holds z scores, which have no logarithm",
            where=where,
            fix="Leave pp.log2 out: a second logarithm shrinks every effect.",
        )
    if "zscore" in known:
        raise UnitsError(
            f"{before} columns hold z scores beside other units", where=where, fix="Split them off."
        )


def _refuse_below_zero(part: np.ndarray, names: object, offset: float | None) -> None:
    zero, negative = part == 0, part < 0
    if not (zero.any() or negative.any()):
        return
    bad = (zero | negative).any(axis=0)
    named = [n for n, b in zip(names, bad, strict=True) if b]  # type: ignore[call-overload]
    after = f" after adding {offset:g}" if offset else ""
    raise InputError(
        f"{int(zero.sum())} values are zero and {int(negative.sum())} negative{after}, "
        f"in {shown(named)}",
        where="X",
        fix="Make those below detection NaN, or say offset= in the unit of the values.",
    )


def _log_cpm(counts: np.ndarray, prior_count: float, adata: AnnData) -> np.ndarray:
    if not (np.isfinite(prior_count) and prior_count > 0):
        raise UsageError(
            f"prior_count={prior_count!r} is not a positive number", where="prior_count="
        )
    if (counts < 0).any():
        raise InputError(f"{int((counts < 0).sum())} counts are negative", where="X")
    library = np.nansum(counts, axis=1)
    if schema.NORM_FACTORS in adata.obs:
        library = library * _factors(adata, library > 0)
    measured = np.isfinite(counts).any(axis=1)
    empty = measured & (library == 0)
    if empty.any():
        raise InputError(
            f"Samples {shown(adata.obs_names[np.flatnonzero(empty)])} have no count at all",
            where="X",
            fix="Drop them.",
        )
    prior = prior_count * library / library[measured].mean() if measured.any() else library
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log2((counts + prior[:, None]) / (library + 2 * prior)[:, None] * 1e6)


def _factors(adata: AnnData, counted: np.ndarray) -> np.ndarray:
    """Factors of library sizes; 1 where a sample has no count to be scaled."""
    factors = adata.obs[schema.NORM_FACTORS].to_numpy(dtype=float)
    bad = counted & ~(np.isfinite(factors) & (factors > 0))
    if bad.any():
        raise InputError(
            f"Samples {shown(adata.obs_names[bad])} have no positive factor",
            where=f"obs[{schema.NORM_FACTORS!r}]",
            fix='Call exo.pp.normalize(adata, "tmm") on these samples, or drop the column.',
        )
    return np.where(counted, factors, 1.0)
