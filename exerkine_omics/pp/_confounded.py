"""Whether batches can be told apart from what must be kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import require_columns
from exerkine_omics.errors import AnalysisError, InputError, shown, warn

# share of a time point's samples on a plate beyond that of all samples, from which it is said
_UNEVEN = 0.1
_RANK = 1e-8


def covariate_columns(adata: AnnData, covariates: Sequence[str] | None) -> list[str]:
    """Names of the covariates; None is time point and arm, where they are there."""
    if covariates is None:
        return [c for c in (schema.TIMEPOINT, schema.ARM) if c in adata.obs]
    named = [covariates] if isinstance(covariates, str) else [str(c) for c in covariates]
    require_columns(adata, *named)
    return named


def covariate_design(adata: AnnData, covariates: Sequence[str], rows: np.ndarray) -> np.ndarray:
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


def refuse_confounded(
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
        columns = covariate_design(adata[there], [name], np.ones(int(there.sum()), dtype=bool))
        if told_apart(number[there], columns):
            continue
        table = pd.crosstab(adata.obs[batch].astype(str)[there], given.astype(str))
        text = table.to_string() if table.shape[1] <= 12 else table.iloc[:, :12].to_string()
        raise AnalysisError(
            f"Batch and {name} cannot be told apart; samples of each:\n{text}\n",
            where=f"obs[{batch!r}] and obs[{name!r}]",
            fix="No method can part them. Changes of people whose samples lie on one plate need "
            "no correction: exo.tl.differential compares each person with itself.",
        )


def refuse_joint(
    number: np.ndarray, design: np.ndarray, batch: str, covariates: Sequence[str]
) -> None:
    """Raise where batch and the covariates together cannot be told apart."""
    if not told_apart(number, design):
        raise AnalysisError(
            f"Batch and the covariates {shown(covariates)} together cannot be told apart",
            where=f"obs[{batch!r}]",
            fix="Leave covariates out that say the same as the batch.",
        )


def told_apart(number: np.ndarray, columns: np.ndarray) -> bool:
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


def say_uneven(adata: AnnData, names: list[str], number: np.ndarray, rows: np.ndarray) -> None:
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
