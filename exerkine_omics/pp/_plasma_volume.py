"""Plasma volume: how it changed, and concentrations as they were without that."""

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
    meta,
    persons_tubes,
    replace_findings,
    require_columns,
    require_units,
    sample_scaling,
    timepoints,
)
from exerkine_omics.cohort import baseline as cohort_baseline
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.kernels._plasma_volume import undo_volume_change, volume_change
from exerkine_omics.pp._blood import (
    HAEMATOCRIT,
    HAEMOGLOBIN,
    baseline_rows,
    find_column,
    haematocrit_share,
    haemoglobin_values,
)
from exerkine_omics.pp._plasma_volume_report import (
    PREFIX,
    volume_findings,
    volume_frame,
    volume_status,
    whole_blood_findings,
)
from exerkine_omics.pp._units import column_units

_METHODS = ("dill_costill", "haematocrit")
_SCALED = {
    "counts": "counts are shares of a library, from which the volume has gone",
    "log_cpm": "log_cpm are shares of a library, from which the volume has gone",
    "zscore": "z scores are no concentrations",
    "score": "scores are no concentrations; correct before scoring",
}


def plasma_volume(
    adata: AnnData,
    *,
    haemoglobin: str = "haemoglobin",
    haematocrit: str = "haematocrit",
    baseline: str | None = None,
    analytes: Sequence[str] | None = None,
    method: str = "dill_costill",
    copy: bool = False,
) -> AnnData | None:
    r"""Say how each person's plasma volume changed, and correct the concentrations for it.

    Use it on acute designs with blood counts in obs, after `exo.pp.log2` and before any test: a
    bout takes 5 to 15% of the plasma out of the vessels, and what stays in rises by as much. X
    stays as it was; ``layers["plasma_volume_corrected"]`` is tested beside it,
    ``exo.tl.differential(adata, layer="plasma_volume_corrected")``.

    .. math:: \Delta PV = 100 \left(\frac{Hb_0}{Hb_1} \cdot \frac{1 - Hct_1}{1 - Hct_0} - 1\right)

    against the person's own baseline 0, and

    .. math:: c' = c\,(1 + \Delta PV / 100), \qquad x' = x + \log_2(1 + \Delta PV / 100)

    on a linear and on a log2 scale (Cq: minus). Of whole blood, :math:`Hb_0 / Hb_1` takes the
    place of the factor.

    Parameters
    ----------
    adata
        Samples x analytes: NPX, log2, Cq, RFU, intensity or concentration, not rescaled by
        sample.
    haemoglobin, haematocrit
        Columns of obs, measured in whole blood. Haemoglobin in any one unit; haematocrit as a
        share, or in percent (seen by values above 1.5). Usual spellings are found: hemoglobin,
        Hb, Hgb, hematocrit, Hct, a unit behind them.
    baseline
        Time point to compare with; the cohort's baseline unless told. Where obs has ``bout``,
        each bout has its own.
    analytes
        Names of the features to correct; None means all. The others stand in the layer as in X:
        name them where the panel also holds what is counted in whole blood.
    method
        ``dill_costill``, or ``haematocrit`` (Van Beaumont) without haemoglobin, which takes the
        red cells to keep their volume and warns.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. ``obs["plasma_volume_change"]``, percent;
        ``layers["plasma_volume_corrected"]``; ``uns["exerkine"]["blood_volumes"]``, one row a
        person's sample: sample_id, subject_id, timepoint, plasma_volume_change,
        blood_volume_change, red_cell_volume_change (percent), status. Findings, which
        `exo.pp.check` lists: plasma_volume_missing, plasma_volume_percent,
        plasma_volume_implausible, plasma_volume_blood_counts, plasma_volume_late,
        plasma_volume_whole_blood.

    Raises
    ------
    AnalysisError
        If whole samples were rescaled, X holds z scores, scores or shares of a library, or no
        sample but the baseline has a plasma volume.
    UnitsError
        If the unit of the values is not known.
    InputError
        If a column is not there or holds what cannot be (a haematocrit in two units, haemoglobin
        in two), or a person has two baselines that differ.
    UsageError
        If an analyte is not there, or the method is none of the two.

    Notes
    -----
    Missing values: where Hb or Hct of a sample or of its baseline is missing, the change is NaN
    and so are the sample's corrected values, never uncorrected; ``status`` and a finding say so.
    Tubes that are no person's are NaN. NaN in X stays NaN.

    The circulating haemoglobin must be the same in both samples: hours, not weeks of training.
    Posture moves plasma as exercise does. See docs/plasma_volume.md for what else it cannot do.

    References
    ----------
    Dill DB, Costill DL (1974) Calculation of percentage changes in volumes of blood, plasma, and
    red cells in dehydration. J Appl Physiol 37:247-248.
    Matomaki P, Kainulainen H, Kyrolainen H (2018) Corrected whole blood biomarkers - the equation
    of Dill and Costill revisited. Physiol Rep 6. doi:10.14814/phy2.13749
    Van Beaumont W (1972) Evaluation of hemoconcentration from hematocrit measurements. J Appl
    Physiol 32:712-713.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> after = (adata.obs["timepoint"] == "post").to_numpy()
    >>> adata.obs["Hb"], adata.obs["Hct"] = 15.1 + 1.6 * after, 43.7 + 1.6 * after
    >>> exo.pp.plasma_volume(adata)
    >>> adata.obs["plasma_volume_change"].round(1).unique().tolist()
    [0.0, -12.2]
    """
    if method not in _METHODS:
        raise UsageError(f"method={method!r} is none of {', '.join(_METHODS)}")
    _require_unscaled(adata)
    corrected = _chosen(adata, analytes)
    require_columns(adata, schema.SUBJECT)
    level = cohort_baseline(adata) if baseline is None else str(baseline)
    if level not in timepoints(adata):
        raise InputError(
            f"{level!r} is not among the time points {shown(timepoints(adata))}",
            where="baseline=",
            fix=f"Name one of obs[{schema.TIMEPOINT!r}].",
        )
    tubes = persons_tubes(adata)
    hct_column = find_column(adata, haematocrit, HAEMATOCRIT)
    hct, percent = haematocrit_share(adata, hct_column, tubes)
    hb, hb_column = None, None
    if method == "dill_costill":
        hb_column = find_column(adata, haemoglobin, HAEMOGLOBIN)
        hb = haemoglobin_values(adata, hb_column, tubes)
    measured = np.isfinite(hct) & (np.isfinite(hb) if hb is not None else True)
    before = baseline_rows(adata, level, tubes, measured, hct if hb is None else hb + 1j * hct)
    change = volume_change(hb, hct, before)
    status = volume_status(adata, tubes, measured, before)
    later = (adata.obs[schema.TIMEPOINT].astype(str) != level).to_numpy()
    if not (np.isfinite(change.plasma) & later).any():
        raise AnalysisError(
            f"No sample after {level!r} has a change of plasma volume: "
            f"{shown(pd.Series(status[later & tubes]).unique())}",
            where=f"obs[{hct_column!r}]",
        )
    findings = volume_findings(adata, change, status, tubes, level)
    if percent:
        findings.append(
            Finding(PREFIX + "percent", "note", f"The haematocrit {hct_column!r} is in percent.")
        )
    whole = str(meta(adata).get(schema.MATRIX, "")) == "whole_blood"
    findings += whole_blood_findings(adata, whole, analytes)
    if method == "haematocrit":
        warn(
            "Plasma volume from the haematocrit alone takes the red cells to keep their volume; "
            "they shrink in hypertonic plasma. Give haemoglobin where it was measured."
        )
    target = editable(adata, copy, values=False)
    each = column_units(adata)
    log = np.array([schema.UNIT_TABLE[u].log for u in each], dtype=bool)
    sign = np.where(each == "Cq", -1.0, 1.0)
    # dense may hand over X itself
    values = dense(adata).copy()
    factor = change.blood if whole else change.plasma
    values[:, corrected] = undo_volume_change(
        values[:, corrected], factor, log[corrected], sign[corrected]
    )
    target.layers[schema.CORRECTED] = values
    target.obs[schema.PLASMA_VOLUME] = change.plasma
    meta(target)[schema.BLOOD_VOLUMES] = volume_frame(adata, change, status, tubes)
    replace_findings(target, PREFIX, findings)
    add_step(
        target,
        "pp.plasma_volume",
        haemoglobin=hb_column,
        haematocrit=hct_column,
        baseline=level,
        analytes=None if analytes is None else [str(a) for a in analytes],
        method=method,
    )
    return target if copy else None


def _require_unscaled(adata: AnnData) -> None:
    """Refuse values from which the volume is gone already, or that are no concentrations."""
    scaling = sample_scaling(adata)
    require_units(adata)
    if scaling:
        raise AnalysisError(
            f"Whole samples were rescaled ({scaling}), which took part of the volume change out: "
            "a correction would take it out twice",
            where=f"uns[{schema.UNS!r}][{schema.SAMPLE_SCALING!r}]",
            fix="Correct the values as they were before.",
        )
    where = f"uns[{schema.UNS!r}][{schema.UNITS!r}]"
    for unit in sorted(set(column_units(adata))):
        if unit in _SCALED:
            raise AnalysisError(f"A volume cannot be corrected here: {_SCALED[unit]}", where=where)
        if unit not in schema.UNIT_TABLE:
            raise UnitsError(
                f"pp.plasma_volume must know the unit of the values and it is {unit!r}",
                where=where,
                fix=f"State it when reading: one of {', '.join(schema.UNIT_TABLE)}.",
            )


def _chosen(adata: AnnData, analytes: Sequence[str] | None) -> np.ndarray:
    """Say which features are corrected."""
    if analytes is None:
        return np.ones(adata.n_vars, dtype=bool)
    if isinstance(analytes, str):
        raise UsageError(f"analytes={analytes!r} is a string", fix="Give a list of names.")
    names = [str(a) for a in analytes]
    absent = [a for a in names if a not in adata.var_names]
    if absent or not names:
        raise UsageError(
            f"{shown(absent)} are no features" if absent else "analytes= names no feature",
            where="analytes=",
            fix="Name features of var_names; leave it out to correct all.",
        )
    return np.asarray(adata.var_names.isin(names))
