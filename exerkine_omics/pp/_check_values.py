"""Rules on the values: what cannot be, and what does not fit the unit declared."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from exerkine_omics.cohort import Finding, sample_scaling
from exerkine_omics.errors import shown
from exerkine_omics.pp._check_pass import LINEAR, Seen
from exerkine_omics.pp._units import around_one, column_units

_LOG2 = ("NPX", "log2", "log_cpm")
# 2**60 exceeds the range of every assay; 40 NPX would be a ratio of a million million
_LARGEST_LOG2 = 60.0
_WIDEST_LOG2 = 40.0
_LARGEST_CQ = 60.0
_LARGEST_Z = 100.0
# readings of a linear scanner are never all so small; log2 readings are
_SMALL_READING = 30.0
# decades between a column's median and that of the others, for one unit to be doubted
_DECADES = 5.0
# two samples can agree by chance in fewer values than this
_FEWEST_EQUAL = 3


def empty(adata: AnnData, seen: Seen) -> list[Finding]:
    """Name samples and features without any value, and features without any spread."""
    found = []
    features = tuple(adata.var_names[seen.count == 0])
    samples = tuple(adata.obs_names[~seen.filled])
    if features:
        message = f"{len(features)} features have no value at all: {shown(features)}."
        found.append(Finding("all_nan_features", "warning", message, features, "Drop them."))
    if samples:
        message = f"{len(samples)} samples have no value at all: {shown(samples)}."
        fix = "They make no pair; drop them, or look for the missing measurement."
        found.append(Finding("all_nan_samples", "warning", message, samples, fix))
    flat = (seen.count > 1) & (seen.low == seen.high)
    if flat.any():
        names = tuple(adata.var_names[flat])
        message = f"{len(names)} features have one value in all samples: {shown(names)}."
        fix = "Drop them: a test of a constant has no answer."
        found.append(Finding("constant_features", "warning", message, names, fix))
    if seen.infinite.any():
        names = tuple(adata.var_names[seen.infinite > 0])
        message = f"{int(seen.infinite.sum())} values are infinite, in {shown(names)}."
        found.append(Finding("infinite_values", "error", message, names, "Make them NaN."))
    return found


def fixed_in_people(adata: AnnData, seen: Seen) -> list[Finding]:
    """Name features that never change within a person: covariates read as analytes."""
    fixed = tuple(adata.var_names[seen.fixed])
    if not fixed:
        return []
    message = f"{len(fixed)} features never change within a person: {shown(fixed)}."
    fix = "Are they covariates (age, sex)? Name them in sample_columns= when reading."
    return [Finding("fixed_in_people", "warning", message, fixed, fix)]


def repeated_names(adata: AnnData, seen: Seen) -> list[Finding]:
    """Name samples and features that share an id."""
    found = []
    for axis, ids in (("obs_names", adata.obs_names), ("var_names", adata.var_names)):
        twice = tuple(dict.fromkeys(ids[ids.duplicated()].astype(str)))
        if twice:
            message = f"{axis} holds {shown(twice)} more than once."
            fix = f"adata.{axis}_make_unique() adds numbers."
            found.append(Finding("repeated_names", "error", message, twice, fix))
    return found


def copies(adata: AnnData, seen: Seen) -> list[Finding]:
    """Name samples whose every value is that of another."""
    groups: dict[bytes, list[str]] = {}
    for row in np.flatnonzero(seen.telling >= _FEWEST_EQUAL):
        groups.setdefault(seen.pattern[row], []).append(str(adata.obs_names[row]))
    same = sorted(sorted(g) for g in groups.values() if len(g) > 1)
    if not same:
        return []
    text = "; ".join(" = ".join(g) for g in same[:5])
    more = f"; and {len(same) - 5} more" if len(same) > 5 else ""
    message = f"{len(same)} groups of samples hold the same values throughout: {text}{more}."
    fix = "A sample entered twice? Keep one of each."
    return [
        Finding("duplicate_samples", "warning", message, tuple(s for g in same for s in g), fix)
    ]


def signs(adata: AnnData, seen: Seen) -> list[Finding]:
    """Negative values and zeros where the unit is a linear one; counts that are no counts."""
    each = column_units(adata)
    linear = np.isin(each, LINEAR)
    found = []
    below = linear & (seen.negative > 0)
    if below.any():
        names = tuple(adata.var_names[below])
        message = (
            f"{int(seen.negative[below].sum())} values are negative and their unit is "
            f"{shown(sorted(set(each[below])))}: {shown(names)}."
        )
        fix = "Are they logarithms? State units=; else make them NaN."
        found.append(Finding("negative_values", "error", message, names, fix))
    zero = (seen.zero > 0) & linear & (each != "counts")
    if zero.any():
        names = tuple(adata.var_names[zero])
        message = f"{int(seen.zero[zero].sum())} values are zero, in {shown(names)}."
        fix = "If zero means below detection make it NaN; pp.log2 refuses zeros without offset=."
        found.append(Finding("zero_values", "note", message, names, fix))
    broken = (seen.broken > 0) & (each == "counts")
    if broken.any():
        names = tuple(adata.var_names[broken])
        message = (
            f"{int(seen.broken[broken].sum())} counts are no whole numbers, in {shown(names)}."
        )
        fix = 'Normalised already? Then units="intensity" or "log_cpm" says so.'
        found.append(Finding("non_integer_counts", "warning", message, names, fix))
    return found


def scales(adata: AnnData, seen: Seen) -> list[Finding]:
    """Values that do not fit their unit, and columns that do not fit the others."""
    each, low, high, median = column_units(adata), seen.low, seen.high, seen.median
    largest, width = np.fmax(np.abs(low), np.abs(high)), high - low
    suspect = np.zeros(adata.n_vars, dtype=bool)
    log = np.isin(each, _LOG2)
    suspect |= log & ((largest > _LARGEST_LOG2) | (width > _WIDEST_LOG2))
    # a Cq less that of its references may be below 0
    delta_cq = bool(sample_scaling(adata))
    suspect |= (each == "Cq") & ((largest > _LARGEST_CQ) | ((low < 0) & (not delta_cq)))
    suspect |= (each == "zscore") & (largest > _LARGEST_Z)
    found = []
    for unit in sorted(set(each)):
        columns = (each == unit) & (seen.count > 0)
        hit = suspect & columns
        if hit.any() and 2 * hit.sum() <= columns.sum():
            found.append(_mixed(adata, hit, unit, "values far beyond the others'"))
        elif hit.any():
            names = tuple(adata.var_names[hit])
            message = (
                f"{int(hit.sum())} of {int(columns.sum())} features hold values that {unit} cannot "
                f"reach (up to {np.nanmax(largest[hit]):.4g}): {shown(names)}."
            )
            fix = "Are they on a linear scale? State the unit they have, then call exo.pp.log2."
            found.append(Finding("scale_suspect", "warning", message, names, fix))
        if unit in ("RFU", "intensity") and columns.any():
            small = np.nanmax(largest[columns]) < _SMALL_READING
            if small and not around_one(median[columns]):
                message = f"No {unit} value is above {_SMALL_READING:g}: logarithms already?"
                fix = 'If so state units="log2"; a second logarithm shrinks every effect.'
                found.append(Finding("scale_suspect", "warning", message, (), fix))
        if unit in ("RFU", "intensity", "concentration"):
            with np.errstate(all="ignore"):
                decade = np.where(columns & (median > 0), np.log10(median), np.nan)
            if np.isfinite(decade).sum() < 3:
                continue
            far = np.abs(decade - np.nanmedian(decade)) > _DECADES
            if far.any():
                what = f"medians over {_DECADES:g} powers of ten from the others'"
                found.append(_mixed(adata, far, unit, what))
    return found


def _mixed(adata: AnnData, hit: np.ndarray, unit: str, what: str) -> Finding:
    names = tuple(adata.var_names[hit])
    return Finding(
        "mixed_units_suspected",
        "warning",
        f"{len(names)} features declared {unit} have {what}: {shown(names)}.",
        names,
        "Give each column its unit: units={column: unit}.",
    )


VALUE_RULES = (empty, fixed_in_people, repeated_names, copies, signs, scales)
