"""What is concentrated because water left the vessels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    add_step,
    dense,
    editable,
    frame_for_storage,
    meta,
    persons_tubes,
    require_columns,
    sample_scaling,
    timepoints,
)
from exerkine_omics.cohort import baseline as cohort_baseline
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.kernels import _plasma_volume as kernel
from exerkine_omics.pp._masks import keep_findings
from exerkine_omics.pp._units import column_units

_SPELLINGS = {
    "haemoglobin": ("haemoglobin", "hemoglobin", "hb", "hgb"),
    "haematocrit": ("haematocrit", "hematocrit", "hct", "pcv"),
}
_PERCENT = 1.5  # a haematocrit above this is no fraction
_LARGE = 30.0  # percent; more is a wrong tube or unit before it is physiology
_LINEAR = ("RFU", "intensity", "concentration")
_RELATIVE = ("counts", "log_cpm")


def plasma_volume(
    adata: AnnData,
    *,
    haemoglobin: str = "haemoglobin",
    haematocrit: str = "haematocrit",
    method: str = "dill_costill",
    baseline: str | None = None,
    analytes: Sequence[str] | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Estimate each sample's plasma volume change, and correct values for it, side by side.

    Use it on acute designs: an hour of exercise takes 5 to 15% of the plasma water away, and
    everything that cannot follow is that much more concentrated without having been released. X
    stays as it is; the corrected values are the layer ``plasma_volume_corrected``, to be tested
    with ``layer=`` beside the uncorrected.

    Against the person's own baseline sample (1), for a later sample (2),

    .. math:: \Delta PV = 100 \left( \frac{Hb_1}{Hb_2} \frac{1 - Hct_2}{1 - Hct_1} - 1 \right),
        \qquad c^* = c \, (1 + \Delta PV / 100)

    on a linear scale; on log2 scales :math:`\log_2(1 + \Delta PV / 100)` is added (Cq: taken off).

    Parameters
    ----------
    adata
        Samples x analytes on a concentration-like scale, linear or log2, with ``subject_id`` and
        ``timepoint``.
    haemoglobin
        Column of ``obs``, any one unit. The spellings hemoglobin, Hb and Hgb are found too.
    haematocrit
        Column of ``obs``, as a fraction or in percent; hematocrit and Hct are found too.
    method
        ``dill_costill``, or ``hct`` (Van Beaumont 1972: haematocrit alone; wrong where red cells
        shrink or swell).
    baseline
        The time point to compare with; the cohort's own unless told.
    analytes
        Those to correct; all unless told. Leave out what is inside cells.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. ``obs["plasma_volume_change"]`` in percent
        (0 at baseline), the layer, and in ``uns["exerkine"]["plasma_volumes"]`` a row a sample
        with the changes of blood, red cells and plasma.

    Raises
    ------
    AnalysisError
        If whole samples were rescaled before (median, PQN, ANML, ...): that took the
        concentration away already; and for counts, which are relative.
    UnitsError
        If the unit is not known, or z scores.
    InputError
        If a column is missing, holds text or values that cannot be, percent and fractions are
        mixed, or a person has two baseline samples.

    Notes
    -----
    Missing values: a sample without haemoglobin or haematocrit, or whose person has no baseline
    with both, has change NaN and corrected values NaN, never the uncorrected; a finding names it.

    Haemoglobin that leaves the vessels, blood drawn in another posture, and a change of the
    ratio of whole-body to venous haematocrit all bias the estimate; large molecules leave the
    vessels less than water, small ones equilibrate, so that the correction fits proteins best.

    References
    ----------
    Dill & Costill 1974, J Appl Physiol 37:247. Van Beaumont 1972, J Appl Physiol 32:712.
    """
    if method not in ("dill_costill", "hct"):
        raise UsageError(f"method={method!r}", fix="Say 'dill_costill' or 'hct'.")
    each = column_units(adata)
    _refuse(adata, each)
    chosen = _chosen(adata, analytes)
    require_columns(adata, schema.SUBJECT, schema.TIMEPOINT)
    start = cohort_baseline(adata) if baseline is None else str(baseline)
    if start not in timepoints(adata):
        raise InputError(f"{start!r} is no time point", where="baseline=", fix="Name one.")
    hct_name = _column(adata, "haematocrit", haematocrit)
    hct = _fractions(_positive(adata, hct_name), hct_name)
    names = {"haematocrit": hct_name}
    if method == "dill_costill":
        names["haemoglobin"] = _column(adata, "haemoglobin", haemoglobin)
        hb = _positive(adata, names["haemoglobin"])
    else:
        hb = np.ones(adata.n_obs)
        warn(
            "method='hct' takes the red cells' volume as constant; with haemoglobin too "
            "'dill_costill' does not need that"
        )
    before = _baseline_rows(adata, start)
    known = before >= 0
    with np.errstate(invalid="ignore", divide="ignore"):
        first_hb, first_hct = (np.where(known, v[before], np.nan) for v in (hb, hct))
        if method == "dill_costill":
            blood, cells, plasma = kernel.dill_costill(first_hb, hb, first_hct, hct)
        else:
            plasma = kernel.van_beaumont(first_hct, hct)
            blood = cells = np.full(adata.n_obs, np.nan)
    values = dense(adata)
    factor = (1 + plasma / 100)[:, None]
    linear = np.isin(each, _LINEAR)
    sign = np.where(each == "Cq", -1.0, 1.0)
    corrected = np.where(linear, values * factor, values + sign * np.log2(factor))
    target = editable(adata, copy, values=False)
    target.obs[schema.PLASMA_VOLUME] = plasma
    target.layers[schema.CORRECTED] = np.where(chosen, corrected, values)
    meta(target)[schema.PLASMA_VOLUMES] = frame_for_storage(
        pd.DataFrame(
            {
                schema.SAMPLE_ID: adata.obs_names.astype(str),
                "blood_volume_change": blood,
                "red_cell_volume_change": cells,
                "plasma_volume_change": plasma,
            }
        )
    )
    _say(target, plasma)
    add_step(
        target, "pp.plasma_volume", method=method, baseline=start,
        n_corrected=int(chosen.sum()), **names,
    )  # fmt: skip
    return target if copy else None


def _refuse(adata: AnnData, each: np.ndarray) -> None:
    scaled = sample_scaling(adata)
    if scaled:
        raise AnalysisError(
            f"Whole samples were rescaled ({scaled}): that takes a change of plasma volume away "
            "with everything else that moves all analytes alike, and it cannot be corrected twice",
            where=f"uns[{schema.UNS!r}][{schema.SAMPLE_SCALING!r}]",
            fix="Call exo.pp.plasma_volume before exo.pp.normalize, or ask the vendor for data "
            "without that step.",
        )
    if np.isin(each, _RELATIVE).any():
        raise AnalysisError(
            "Counts are shares of a library: a change of plasma volume does not show in them",
            fix="Correct concentrations, intensities or Cq.",
        )
    known = {u for u, unit in schema.UNIT_TABLE.items() if unit.base in ("linear", "log2")}
    odd = sorted({str(u) for u in each} - known)
    if odd:
        raise UnitsError(
            f"pp.plasma_volume needs concentrations, linear or log2, and X holds {shown(odd)}",
            where=f"uns[{schema.UNS!r}][{schema.UNITS!r}]",
            fix="State the unit when reading.",
        )


def _chosen(adata: AnnData, analytes: Sequence[str] | None) -> np.ndarray:
    if analytes is None:
        return np.ones(adata.n_vars, dtype=bool)
    if isinstance(analytes, str):
        analytes = [analytes]
    absent = [a for a in analytes if a not in adata.var_names]
    if absent:
        raise InputError(
            f"{shown(absent)} are no analytes", where="analytes=", fix="Name var_names."
        )
    return adata.var_names.isin(list(analytes))


def _column(adata: AnnData, role: str, named: str) -> str:
    """Return the column named, or for the default name the one spelling of it that is there."""
    if named in adata.obs or named != role:
        require_columns(adata, named)
        return named
    words = _SPELLINGS[role]
    hits = [
        str(c)
        for c in adata.obs.columns
        if str(c).casefold() in words or str(c).casefold().startswith(tuple(f"{w}_" for w in words))
    ]
    if len(hits) != 1:
        what = (
            f"{len(hits)} columns could be the {role}: {shown(hits)}"
            if hits
            else f"obs has no {role}"
        )
        raise InputError(what, where="obs", fix=f"Name the column: {role}='...'.")
    return hits[0]


def _positive(adata: AnnData, name: str) -> np.ndarray:
    column = adata.obs[name]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise InputError(f"{name!r} holds text", where=f"obs[{name!r}]", fix="Give numbers.")
    values = column.to_numpy(dtype=float)
    wrong = adata.obs_names[~(values > 0) & ~np.isnan(values) | np.isinf(values)]
    if len(wrong):
        raise InputError(
            f"{name!r} is not above 0 in {shown(wrong)}", where=f"obs[{name!r}]", fix="Mend it."
        )
    return values


def _fractions(values: np.ndarray, name: str) -> np.ndarray:
    known = values[np.isfinite(values)]
    percent = known > _PERCENT
    if percent.any() and not percent.all():
        raise InputError(
            f"{name!r} holds fractions and percent ({shown(known[percent][:2])} and "
            f"{shown(known[~percent][:2])})",
            where=f"obs[{name!r}]",
            fix="Write all of it alike.",
        )
    result = values / 100 if percent.any() else values
    if (result[np.isfinite(result)] >= 1).any():
        raise InputError(f"{name!r} reaches 100%", where=f"obs[{name!r}]", fix="Mend it.")
    return result


def _baseline_rows(adata: AnnData, start: str) -> np.ndarray:
    """Row of the person's baseline sample for each sample; -1 without one."""
    subject = adata.obs[schema.SUBJECT].astype(object)
    person = np.where(subject.isna(), "", subject.astype(str))
    at = (adata.obs[schema.TIMEPOINT].astype(str) == start).to_numpy() & (person != "")
    at &= persons_tubes(adata)
    rows = np.flatnonzero(at)
    names, count = np.unique(person[rows], return_counts=True)
    twice = names[count > 1]
    if len(twice):
        raise InputError(
            f"Subjects {shown(twice)} have more than one sample at {start!r}",
            where="obs",
            fix="Keep one sample a person and time.",
        )
    row = dict(zip(person[rows].tolist(), rows.tolist(), strict=True))
    return np.array([row.get(p, -1) for p in person], dtype=int)


def _say(adata: AnnData, plasma: np.ndarray) -> None:
    tubes = persons_tubes(adata)
    unknown = tuple(adata.obs_names[np.isnan(plasma) & tubes])
    large = tuple(adata.obs_names[np.abs(plasma) > _LARGE])
    keep_findings(
        adata,
        Finding(
            "plasma_volume_unknown",
            "warning",
            f"The plasma volume change of {len(unknown)} samples is not known: {shown(unknown)}.",
            unknown,
            "Their corrected values are NaN; fill haemoglobin and haematocrit in if they exist.",
        ),
        Finding(
            "plasma_volume_large",
            "warning",
            f"The plasma volume of {len(large)} samples changes by more than {_LARGE:g}%: "
            f"{shown(large)}.",
            large,
            "Look for exchanged tubes, or another unit.",
        ),
    )
