"""Take batch effects off by empirical Bayes."""

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
    frame_for_storage,
    meta,
    require_columns,
    require_log,
)
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown, warn
from exerkine_omics.kernels._combat import OK, Combat, apply_combat, fit_combat
from exerkine_omics.pp._samples import fit_rows, keep_raw, lod_layers, refuse_again, store_finding

_FEWEST = 3  # features, of which a prior is made
# share of a time point's samples on a plate beyond that of all samples, from which it is said
_UNEVEN = 0.1
_RANK = 1e-8


def combat(
    adata: AnnData,
    batch: str = schema.PLATE_ID,
    *,
    covariates: Sequence[str] | None = None,
    mean_only: bool = False,
    parametric: bool = True,
    reference: str | None = None,
    fitted_on: str | Sequence[str] | np.ndarray | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Take shift and scale of batches off each feature, by empirical Bayes (ComBat).

    Use it to look at data (principal components, heat maps) or where a later step cannot take the
    plate as a covariate. **For a test, give the plate to the model instead:**
    ``exo.tl.differential(adata, covariates=["plate_id"])``. Data adjusted here look more certain
    than they are to any later test, which does not know that batch effects were estimated, and
    how far is measured in docs/batch.md (Nygaard 2016).

    .. math:: x_{ij} = \alpha_j + z_i \beta_j + \sigma_j (\gamma_{bj} + \delta_{bj} e_{ij})

    is fitted to each feature; shift :math:`\gamma` and scale :math:`\delta` of batch b are shrunk
    towards those of the batch's other features and taken off, the covariates z are kept.

    Parameters
    ----------
    adata
        Samples x analytes on a log scale. The values before are kept in ``layers["raw"]``, unless
        a raw layer is there already; limits of detection move with the values.
    batch
        Column of obs.
    covariates
        Columns of obs whose differences are kept: text and categories as groups, numbers as
        lines. None: ``timepoint`` and ``arm``, where they are there.
    mean_only
        Take off the shifts only.
    parametric
        False takes the other features' own estimates as prior, in place of a normal and an
        inverse gamma distribution.
    reference
        Batch that is left as it is.
    fitted_on
        Samples that are learnt from: a sample type, a mask, or names (a training set). None: the
        persons' tubes. All samples are adjusted; those that are no person's and lack a covariate
        are taken as average in it.
    copy
        Return a new object instead of changing this one.

    Returns
    -------
    AnnData or None
        The new object with ``copy=True``, else None. ``uns["exerkine"]["combat"]`` has a row a
        feature and batch: feature, batch, n, shift (in units of X), scale (of the SD), status.

    Raises
    ------
    UnitsError
        If the values are on no log scale.
    UsageError
        If the same correction was made before.
    InputError
        If a column is missing, or a sample has no value in it.
    AnalysisError
        If there is one batch, a batch has one sample (without ``mean_only``), or batch and a time
        point, arm or covariate cannot be told apart; the message has the table.

    Warns
    -----
    ExerkineWarning
        Where people's samples lie on several batches and the time points unevenly over them;
        where features cannot be adjusted: they stay as they are (status, and a finding).

    Notes
    -----
    Missing values: NaN stays NaN, and is an absent row of its feature. (sva, where one value is
    missing anywhere, divides the variances of all features by n - 1 in place of n.)

    References
    ----------
    Johnson WE, Li C, Rabinovic A (2007) Biostatistics 8:118-127. doi:10.1093/biostatistics/kxj037.
    Nygaard V, Rodland EA, Hovig E (2016) Biostatistics 17:29-39. doi:10.1093/biostatistics/kxv027.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> adata = exo.datasets.simulate(20, seed=1).adata
    >>> adata.obs["plate_id"] = [f"plate {i % 2}" for i in range(adata.n_obs)]
    >>> exo.pp.combat(adata, mean_only=True)
    """
    require_log(adata, "pp.combat")
    refuse_again(adata, "pp.combat", batch=batch)
    values = dense(adata)
    rows = fit_rows(adata, fitted_on)
    names, number = _batches(adata, batch, rows, reference, mean_only)
    kept = _covariates(adata, covariates)
    _refuse_confounded(adata, batch, number, rows, kept)
    design = _design(adata, kept, rows)
    _refuse_joint(number[rows], design[rows], batch, kept)
    _say_uneven(adata, names, number, rows)
    fitted = fit_combat(
        values[rows],
        number[rows],
        design[rows],
        mean_only=mean_only,
        parametric_prior=parametric,
        reference=None if reference is None else names.index(str(reference)),
    )
    n_ok = int((fitted.status == OK).sum())
    if n_ok < _FEWEST:
        raise AnalysisError(
            f"{n_ok} features can be adjusted, and the prior needs {_FEWEST}",
            fix=f"Others: {shown(sorted(set(fitted.status) - {OK}))}.",
        )
    target = adata.copy() if copy else adata
    # numbers of a covariate count from their mean in the fit, where a control tube stands
    away = np.where(np.isnan(design), 0.0, design - design[rows].mean(axis=0))
    keep_raw(target, values)
    target.X = apply_combat(values, number, away, fitted)
    for layer in lod_layers(target):
        limits = dense(target, layer, infinite=True)
        target.layers[layer] = apply_combat(limits, number, away, fitted)
    _store(target, fitted, names)
    add_step(
        target,
        "pp.combat",
        batch=batch,
        covariates=kept,
        mean_only=mean_only,
        parametric=parametric,
        reference=reference,
        n_fitted=int(rows.sum()),
    )
    return target if copy else None


def _batches(
    adata: AnnData, batch: str, rows: np.ndarray, reference: str | None, mean_only: bool
) -> tuple[list[str], np.ndarray]:
    """Names of the batches and each sample's number."""
    require_columns(adata, batch)
    text = adata.obs[batch].astype(object)
    if text.isna().any():
        lacking = adata.obs_names[text.isna().to_numpy()]
        raise InputError(
            f"Samples {shown(lacking)} have no batch", where=f"obs[{batch!r}]", fix="Drop them."
        )
    text = text.astype(str)
    names = sorted(set(text[rows]))
    unknown = sorted(set(text) - set(names))
    if unknown:
        raise AnalysisError(
            f"Nothing was learnt of the batches {shown(unknown)}: no sample of the fit is in them",
            where=f"obs[{batch!r}]",
            fix="Drop these samples, or let fitted_on name some of each batch.",
        )
    if len(names) < 2:
        raise AnalysisError(f"There is one batch, {names[0]!r}", where=f"obs[{batch!r}]")
    if reference is not None and str(reference) not in names:
        raise UsageError(f"reference={reference!r} is no batch", fix=f"Batches: {shown(names)}.")
    number = pd.Index(names).get_indexer(pd.Index(text))
    count = np.bincount(number[rows], minlength=len(names))
    single = [n for n, k in zip(names, count, strict=True) if k == 1]
    if single and not mean_only:
        raise AnalysisError(
            f"Batches {shown(single)} have one sample, which has no variance",
            where=f"obs[{batch!r}]",
            fix="Give mean_only=True, or drop them.",
        )
    return names, number


def _covariates(adata: AnnData, covariates: Sequence[str] | None) -> list[str]:
    if covariates is None:
        return [c for c in (schema.TIMEPOINT, schema.ARM) if c in adata.obs]
    named = [covariates] if isinstance(covariates, str) else [str(c) for c in covariates]
    require_columns(adata, *named)
    return named


def _design(adata: AnnData, covariates: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Columns of the covariates, samples x c; NaN where a sample that is not fitted lacks one."""
    columns = [np.empty((adata.n_obs, 0))]
    for name in covariates:
        given = adata.obs[name]
        missing = given.isna().to_numpy()
        if (missing & rows).any():
            lacking = adata.obs_names[missing & rows]
            raise InputError(f"Samples {shown(lacking)} have no value", where=f"obs[{name!r}]")
        if pd.api.types.is_numeric_dtype(given) and not pd.api.types.is_bool_dtype(given):
            columns.append(given.to_numpy(dtype=float, na_value=np.nan)[:, None])
            continue
        text = given.astype(object).astype(str).to_numpy()
        levels = sorted(set(text[rows]))
        unknown = sorted(set(text[~missing]) - set(levels))
        if unknown:
            raise AnalysisError(
                f"Nothing was learnt of {shown(unknown)}: no sample of the fit has it",
                where=f"obs[{name!r}]",
            )
        made = (text[:, None] == np.array(levels[1:], dtype=object)).astype(float)
        made[missing] = np.nan
        columns.append(made)
    return np.hstack(columns)


def _refuse_confounded(
    adata: AnnData, batch: str, number: np.ndarray, rows: np.ndarray, covariates: Sequence[str]
) -> None:
    """Raise where batch and one of the groups cannot be told apart, with the table of both."""
    for name in dict.fromkeys((schema.TIMEPOINT, schema.ARM, *covariates)):
        if name not in adata.obs:
            continue
        given = adata.obs[name].astype(object)[rows]
        if name not in covariates:
            given = given.dropna()
        there = rows.copy()
        there[rows] = adata.obs_names[rows].isin(given.index)
        if given.nunique() < 2:
            continue
        columns = _design(adata[there], [name], np.ones(int(there.sum()), dtype=bool))
        if _told_apart(number[there], columns):
            continue
        table = pd.crosstab(adata.obs[batch].astype(str)[there], given.astype(str))
        text = table.to_string() if table.shape[1] <= 12 else table.iloc[:, :12].to_string()
        raise AnalysisError(
            f"Batch and {name} cannot be told apart; samples of each:\n{text}\n",
            where=f"obs[{batch!r}] and obs[{name!r}]",
            fix="No method can part them. Changes of people whose samples lie on one plate need "
            "no correction: exo.tl.differential compares each person with itself.",
        )


def _refuse_joint(
    number: np.ndarray, design: np.ndarray, batch: str, covariates: Sequence[str]
) -> None:
    if not _told_apart(number, design):
        raise AnalysisError(
            f"Batch and the covariates {shown(covariates)} together cannot be told apart",
            where=f"obs[{batch!r}]",
            fix="Leave covariates out that say the same as the batch.",
        )


def _told_apart(number: np.ndarray, columns: np.ndarray) -> bool:
    """Whether the columns keep their rank beside the batches."""
    if not columns.shape[1]:
        return True
    member = (number[:, None] == np.unique(number)).astype(float)
    columns = columns - columns.mean(axis=0)
    size = np.linalg.norm(columns, axis=0)
    columns = columns[:, size > 0] / size[size > 0]
    alone = np.linalg.matrix_rank(columns, _RANK) if columns.size else 0
    member /= np.linalg.norm(member, axis=0)
    both = np.linalg.matrix_rank(np.hstack([member, columns]), _RANK)
    return bool(both == member.shape[1] + alone)


def _say_uneven(adata: AnnData, names: list[str], number: np.ndarray, rows: np.ndarray) -> None:
    """Warn where people's samples lie on several batches, time points unevenly over them."""
    if schema.SUBJECT not in adata.obs or schema.TIMEPOINT not in adata.obs:
        return
    frame = pd.DataFrame(
        {
            "person": adata.obs[schema.SUBJECT].astype(object)[rows].to_numpy(),
            "time": adata.obs[schema.TIMEPOINT].astype(object)[rows].to_numpy(),
            "batch": np.array(names)[number[rows]],
        }
    ).dropna()
    split = frame.groupby("person")["batch"].nunique() > 1
    if not split.any():
        return
    table = pd.crosstab(frame["time"], frame["batch"], normalize="index")
    whole = frame["batch"].value_counts(normalize=True)
    away = float((table - whole[table.columns]).abs().to_numpy().max())
    if away > _UNEVEN:
        warn(
            f"{int(split.sum())} of {len(split)} people have samples in several batches, and the "
            f"time points lie unevenly over them (by {away:.0%}): tests on the adjusted values "
            "find too much. Give the batch to exo.tl.differential as a covariate instead."
        )


def _store(adata: AnnData, fitted: Combat, names: list[str]) -> None:
    n_batches, n_features = fitted.n.shape
    adjusted = (fitted.status == OK) & (fitted.n > 0)
    frame = pd.DataFrame(
        {
            "feature": np.repeat(adata.var_names.astype(str), n_batches),
            "batch": np.tile(names, n_features),
            "n": fitted.n.T.ravel().astype("int64"),
            "shift": np.where(adjusted, fitted.shift * fitted.sd, np.nan).T.ravel(),
            "scale": np.where(adjusted, np.sqrt(fitted.scale), np.nan).T.ravel(),
            "status": np.where(fitted.n > 0, fitted.status, "not measured").T.ravel(),
        }
    )
    meta(adata)[schema.COMBAT] = frame_for_storage(frame)
    message = (
        "Batch effects were taken off before: later tests do not know that they are estimated."
    )
    findings = [Finding("combat_applied", "note", message)]
    left = tuple(adata.var_names[fitted.status != OK])
    if left:
        message = f"{len(left)} features keep their batch effects: {shown(left)}."
        fix = f"uns[{schema.UNS!r}][{schema.COMBAT!r}] says why."
        findings.append(Finding("combat_left", "warning", message, left, fix))
        warn(message)
    store_finding(adata, "combat_", findings)
