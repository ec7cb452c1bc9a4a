"""Mend what can be mended mechanically; say of each sample and feature what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    CheckReport,
    Finding,
    add_step,
    dense,
    editable,
    findings_frame,
    findings_from_frame,
    meta,
    persons_tubes,
)
from exerkine_omics.cohort._calls import CALLS
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown
from exerkine_omics.pp._check_qc import failed, warned_values

# what changes no result: tubes of nobody, and rows and columns of nothing
DEFAULT = ("control_samples", "all_nan_samples", "all_nan_features")
_CONTROL_ASSAY = ("control", "ext_ctrl", "inc_ctrl", "amp_ctrl", "det_ctrl", "spike_in")


def clean(
    adata: AnnData, report: CheckReport | None = None, *, fix: Sequence[str] | None = None
) -> AnnData:
    """Leave out, or blank, what findings of `check` name.

    Use it after `check`, and after controls have served normalisation and bridging. Unless told,
    only what can change no result goes: tubes that are no person's, samples and features without
    any value. All else is done on request, by the finding's id, and recorded.

    Parameters
    ----------
    adata
        Samples x analytes.
    report
        A report of `check`: of the default fixes only those that it found are done. None does
        them all.
    fix
        Ids of findings: ``control_samples``, ``all_nan_samples``, ``all_nan_features`` (these
        three by default), ``constant_features``, ``control_assays``, ``failed_qc_samples``
        (flagged by the vendor), ``failed_qc_values`` (under the vendor's warning: NaN),
        ``infinite_values`` (NaN).

    Returns
    -------
    AnnData
        A new object; ``uns["exerkine"]["steps"]`` has a row a fix with the ids it took out.

    Raises
    ------
    UsageError
        For an id that is none, or one that `clean` cannot mend; the message names the call that
        does.
    AnalysisError
        If no sample or no feature would be left.

    Notes
    -----
    Missing values: ``failed_qc_values`` and ``infinite_values`` make values NaN, elsewhere NaN
    stays NaN. A value taken away by the vendor's warning counts as not measured, also where it was
    below the limit of detection. Time points and arms without samples lose their category.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(seed=1).adata
    >>> adata.X[0] = float("nan")
    >>> exo.pp.clean(adata, exo.pp.check(adata)).n_obs == adata.n_obs - 1
    True
    """
    wanted = _wanted(report, fix)
    meta(adata)
    if 0 in adata.shape:
        raise InputError(f"There are {adata.n_obs} samples and {adata.n_vars} features to clean")
    result = editable(adata, copy=True)
    # values first: a sample may be empty once they are gone
    for name in sorted(wanted, key=lambda f: (f not in _VALUES, list(_FIXES).index(f))):
        result, ids = _FIXES[name](result)
        if 0 in result.shape:
            raise AnalysisError(
                f"{name!r} would leave {result.n_obs} samples and {result.n_vars} features",
                fix="Leave it out of fix=, and look at the report of exo.pp.check.",
            )
        _forget(result, name, ids)
        add_step(result, "pp.clean", fix=name, n=len(ids), ids=ids)
    for column in (schema.TIMEPOINT, schema.ARM, schema.SAMPLE_TYPE):
        if column in result.obs and isinstance(result.obs[column].dtype, pd.CategoricalDtype):
            result.obs[column] = result.obs[column].cat.remove_unused_categories()
    meta(result).pop(schema.PAIRS, None)  # of the samples before
    return result


def _wanted(report: CheckReport | None, fix: Sequence[str] | None) -> list[str]:
    """Ids of the fixes asked for; a request goes before what a report found."""
    if report is not None and not isinstance(report, CheckReport):
        raise UsageError(
            f"The report is a {type(report).__name__}, not a CheckReport",
            where="report=",
            fix="Give that of exo.pp.check(adata), or ids of findings as fix=[...].",
        )
    if fix is None:
        found = set(DEFAULT) if report is None else {f.id for f in report.findings}
        return [f for f in DEFAULT if f in found]
    if not isinstance(fix, Sequence):
        raise UsageError(
            f"fix={fix!r} is no list of ids", where="fix=", fix=f"Ids are {', '.join(_FIXES)}."
        )
    wanted = list(dict.fromkeys([fix] if isinstance(fix, str) else fix))
    _require_known(wanted)
    return wanted


def _forget(adata: AnnData, name: str, ids: list[str]) -> None:
    """Take what is gone out of the findings that the reader and others left behind."""
    stored = meta(adata).get(schema.FINDINGS)
    if stored is None or not ids or name in _VALUES:
        return
    gone, kept = set(ids), []
    for finding in findings_from_frame(stored):
        left = tuple(r for r in finding.rows if r not in gone)
        if finding.rows and not left:
            continue
        message = finding.message
        if lost := len(finding.rows) - len(left):
            message = f"{message} ({lost} of them left out since.)"
        kept.append(Finding(finding.id, finding.severity, message, left, finding.fix))
    meta(adata)[schema.FINDINGS] = findings_frame(kept)


def _require_known(wanted: Sequence[str]) -> None:
    unknown = [f for f in wanted if f not in _FIXES]
    if not unknown:
        return
    name = str(unknown[0])
    if CALLS.get(name):
        raise UsageError(
            f"{name!r} is not mended by pp.clean", where="fix=", fix=f"Call {CALLS[name]}."
        )
    near = get_close_matches(name, _FIXES, n=1)
    raise UsageError(
        f"{shown(unknown)} cannot be mended by pp.clean",
        where="fix=",
        fix=f"Did you mean {near[0]!r}?" if near else f"It mends {', '.join(_FIXES)}.",
    )


_Fixed = tuple[AnnData, list[str]]


def _keep_samples(adata: AnnData, keep: np.ndarray) -> _Fixed:
    return adata[keep].copy(), adata.obs_names[~keep].astype(str).tolist()


def _keep_features(adata: AnnData, keep: np.ndarray) -> _Fixed:
    return adata[:, keep].copy(), adata.var_names[~keep].astype(str).tolist()


def _control_samples(adata: AnnData) -> _Fixed:
    return _keep_samples(adata, persons_tubes(adata))


def _all_nan_samples(adata: AnnData) -> _Fixed:
    return _keep_samples(adata, np.isfinite(dense(adata, infinite=True)).any(axis=1))


def _all_nan_features(adata: AnnData) -> _Fixed:
    return _keep_features(adata, np.isfinite(dense(adata, infinite=True)).any(axis=0))


def _constant_features(adata: AnnData) -> _Fixed:
    values = dense(adata, infinite=True)
    there = np.isfinite(values)
    low = np.where(there, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, values, -np.inf).max(axis=0, initial=-np.inf)
    return _keep_features(adata, ~((there.sum(axis=0) > 1) & (low == high)))


def _control_assays(adata: AnnData) -> _Fixed:
    if schema.ASSAY_TYPE not in adata.var:
        return adata, []
    kind = adata.var[schema.ASSAY_TYPE].astype(str).str.casefold()
    return _keep_features(adata, ~kind.isin(_CONTROL_ASSAY).to_numpy())


def _failed_qc_samples(adata: AnnData) -> _Fixed:
    return _keep_samples(adata, ~failed(adata))


def _failed_qc_values(adata: AnnData) -> _Fixed:
    bad = np.zeros(adata.shape, dtype=bool)
    for layer in (schema.QC_WARNING, schema.ASSAY_WARNING):
        if layer in adata.layers:
            bad |= warned_values(adata, layer)
    # else a cell that nobody knows any more would count as not detected, or as filled
    for layer in {schema.BELOW_LOD, schema.IMPUTED} & set(adata.layers):
        adata.layers[layer] = (dense(adata, layer) > 0.5) & ~bad
    return _blank(adata, bad)


def _infinite_values(adata: AnnData) -> _Fixed:
    return _blank(adata, np.isinf(dense(adata, infinite=True)))


def _blank(adata: AnnData, bad: np.ndarray) -> _Fixed:
    if bad.any():
        adata.X = np.where(bad, np.nan, dense(adata, infinite=True))
        if schema.CORRECTED in adata.layers:
            corrected = dense(adata, schema.CORRECTED, infinite=True)
            adata.layers[schema.CORRECTED] = np.where(bad, np.nan, corrected)
    return adata, adata.var_names[bad.any(axis=0)].astype(str).tolist()


_FIXES: dict[str, Callable[[AnnData], _Fixed]] = {
    "control_samples": _control_samples,
    "failed_qc_samples": _failed_qc_samples,
    "control_assays": _control_assays,
    "failed_qc_values": _failed_qc_values,
    "infinite_values": _infinite_values,
    "constant_features": _constant_features,
    "all_nan_samples": _all_nan_samples,
    "all_nan_features": _all_nan_features,
}
_VALUES = ("failed_qc_values", "infinite_values")
