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
    editable,
    frame_for_storage,
    meta,
    replace_findings,
    require_columns,
    require_log,
)
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown, warn
from exerkine_omics.kernels._combat import OK, Combat, apply_combat, fit_combat
from exerkine_omics.pp._confounded import (
    covariate_columns,
    covariate_design,
    refuse_confounded,
    refuse_joint,
    say_uneven,
)
from exerkine_omics.pp._samples import fit_rows, keep_raw, layers_along, refuse_again

_FEWEST = 3  # features, of which a prior is made


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
    meta(adata)  # or it is no AnnData of ours
    require_log(adata, "pp.combat")
    refuse_again(adata, "pp.combat", batch=batch)
    values = dense(adata)
    rows = fit_rows(adata, fitted_on)
    names, number = _batches(adata, batch, rows, reference, mean_only)
    kept = covariate_columns(adata, covariates)
    refuse_confounded(adata, batch, number, rows, kept)
    design = covariate_design(adata, kept, rows)
    refuse_joint(number[rows], design[rows], batch, kept)
    say_uneven(adata, names, number, rows)
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
    target = editable(adata, copy)
    # numbers of a covariate count from their mean in the fit, where a control tube stands
    away = np.where(np.isnan(design), 0.0, design - design[rows].mean(axis=0))
    keep_raw(target, values)
    target.X = apply_combat(values, number, away, fitted)
    for layer in layers_along(target):
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
    replace_findings(adata, "combat_", findings)
