"""The design of a cohort as arrays: cells, subjects, covariates, contrasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._contrasts import (
    Cell,
    Contrast,
    default_contrasts,
    parse_contrasts,
)
from exerkine_omics.cohort._meta import baseline, require_columns, timepoints
from exerkine_omics.cohort._plain import levels
from exerkine_omics.errors import InputError, UsageError, shown


@dataclass(frozen=True)
class Design:
    """``0 + arm:timepoint + covariates`` with the subject as block.

    ``cell`` (n) and ``subject`` (n) index into ``cells`` and ``subjects``; ``covariates`` is
    n x k with the names beside it.
    """

    cells: tuple[Cell, ...]
    cell: np.ndarray
    subjects: tuple[str, ...]
    subject: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    baseline: str
    timepoints: tuple[str, ...]
    contrasts: tuple[Contrast, ...]

    @property
    def matrix(self) -> np.ndarray:
        """Design matrix, n x (cells + covariates)."""
        return np.hstack([np.eye(len(self.cells))[self.cell], self.covariates])

    @property
    def columns(self) -> list[str]:
        """Names of the design matrix' columns."""
        return [c.name for c in self.cells] + list(self.covariate_names)

    def weights(self, contrast: Contrast) -> np.ndarray:
        """Contrast over all columns: covariates have weight zero."""
        return np.concatenate([contrast.weights, np.zeros(self.covariates.shape[1])])

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in their order; one empty name where arms are absent or pooled."""
        return tuple(dict.fromkeys(c.arm for c in self.cells))

    def subject_arm(self) -> np.ndarray:
        """Index into ``arms`` for each subject."""
        arm_of_cell = np.array([self.arms.index(c.arm) for c in self.cells])
        result = np.zeros(len(self.subjects), dtype=int)
        result[self.subject] = arm_of_cell[self.cell]
        return result


def arm_column(adata: AnnData, arm: str | None) -> str | None:
    """Resolve ``arm=``: the default is used when it is there, another name must be there."""
    if arm is None or (arm == schema.ARM and arm not in adata.obs.columns):
        return None
    require_columns(adata, arm)
    return arm


def build_design(
    adata: AnnData,
    *,
    timepoint: str = schema.TIMEPOINT,
    subject: str = schema.SUBJECT,
    arm: str | None = schema.ARM,
    control: str | None = None,
    covariates: Sequence[str] = (),
    contrasts: Mapping[str, str] | Sequence[str] | str | None = None,
) -> Design:
    """Make the design; every problem of the sample sheet is an error that names its rows."""
    if isinstance(covariates, str):
        covariates = (covariates,)
    column = arm_column(adata, arm)
    require_columns(adata, subject, timepoint, *covariates)
    obs = adata.obs
    needed = [subject, timepoint] + ([column] if column else [])
    for name in needed:
        missing = obs.index[obs[name].isna()]
        if len(missing):
            raise InputError(
                f"Samples {shown(missing)} have no value", where=f"obs[{name!r}]", fix="Drop them."
            )
    start = baseline(adata, timepoint)
    order = timepoints(adata, timepoint)
    arms = _levels(obs[column]) if column else [""]
    sample_arm = obs[column].astype(str).to_numpy() if column else np.full(adata.n_obs, "")
    sample_time = obs[timepoint].astype(str).to_numpy()
    sample_subject = obs[subject].astype(str).to_numpy()
    subjects = sorted(set(sample_subject))
    _one_arm_each(sample_subject, sample_arm, column)
    # every arm has every cell: one without samples makes its contrasts inestimable, and seen
    cells = tuple(Cell(a, t) for a in arms for t in order)
    lookup = {(c.arm, c.timepoint): i for i, c in enumerate(cells)}
    cell = np.array([lookup[k] for k in zip(sample_arm, sample_time, strict=True)], dtype=int)
    rows = pd.DataFrame({"subject": sample_subject, "time": sample_time})
    twice = rows[rows.duplicated(keep=False)].drop_duplicates()
    if len(twice):
        pairs = [f"{s} at {t}" for s, t in twice.itertuples(index=False)]
        raise InputError(
            f"More than one sample for {shown(pairs)}",
            where=f"obs[{subject!r}] and obs[{timepoint!r}]",
            fix="Keep one sample a person and time; exo.pp.check(adata) lists all of them.",
        )
    matrix, names = _covariates(obs, covariates)
    chosen = (
        default_contrasts(cells, set(cell.tolist()), start, order, control)
        if contrasts is None
        else parse_contrasts(contrasts, cells)
    )
    if contrasts is not None and not chosen:
        raise UsageError("contrasts= is empty", fix="Leave it out, or name a contrast.")
    if not chosen:
        raise UsageError(
            f"There is no time point beside the baseline {start!r}",
            where=f"obs[{timepoint!r}]",
            fix="Samples of a second time point are needed, or contrasts= of other cells.",
        )
    return Design(
        cells=cells,
        cell=cell,
        subjects=tuple(subjects),
        subject=np.searchsorted(subjects, sample_subject),
        covariates=matrix,
        covariate_names=names,
        baseline=start,
        timepoints=tuple(order),
        contrasts=tuple(chosen),
    )


def _levels(values: pd.Series) -> list[str]:
    """Levels in an order that does not depend on the rows'."""
    found = levels(values)
    return found if isinstance(values.dtype, pd.CategoricalDtype) else sorted(found)


def _one_arm_each(subject: np.ndarray, arm: np.ndarray, column: str | None) -> None:
    if column is None:
        return
    arms = pd.DataFrame({"subject": subject, "arm": arm}).drop_duplicates()
    twice = sorted(arms.loc[arms["subject"].duplicated(), "subject"])
    if twice:
        raise InputError(
            f"Subjects {shown(twice)} are in more than one arm",
            where=f"obs[{column!r}]",
            fix="A crossover is analysed with arm=None and the condition in the time point.",
        )


def _covariates(obs: pd.DataFrame, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    columns: list[np.ndarray] = []
    labels: list[str] = []
    for name in names:
        values = obs[name]
        missing = obs.index[values.isna()]
        if len(missing):
            raise InputError(
                f"Covariate {name!r} has no value for samples {shown(missing)}",
                where=f"obs[{name!r}]",
                fix="Drop these samples or fill the covariate; rows are never dropped silently.",
            )
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            columns.append(values.to_numpy(dtype=float))
            labels.append(name)
            continue
        for level in _levels(values)[1:]:
            columns.append((values.astype(str) == level).to_numpy(dtype=float))
            labels.append(f"{name}[{level}]")
    matrix = np.column_stack(columns) if columns else np.empty((len(obs), 0))
    endless = [label for label, v in zip(labels, matrix.T, strict=True) if not np.isfinite(v).all()]
    if endless:
        raise InputError(f"Covariates {shown(endless)} hold infinite values", where="obs")
    # contrasts give covariates no weight: their unit is free, and this one keeps the sums exact
    matrix = matrix - matrix.mean(axis=0) if len(matrix) else matrix
    spread = matrix.std(axis=0) if len(matrix) else np.ones(0)
    return matrix / np.where(spread > 0, spread, 1.0), tuple(labels)
