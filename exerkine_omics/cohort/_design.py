"""The design of a cohort as arrays: cells, subjects, covariates, contrasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._contrasts import (
    Cell,
    Contrast,
    Contrasts,
    choose_contrasts,
    moderated_contrasts,
)
from exerkine_omics.cohort._covariates import numeric_columns, ordered_levels
from exerkine_omics.cohort._meta import (
    baseline,
    require_columns,
    require_people,
    require_values,
    timepoints,
)
from exerkine_omics.errors import InputError, UsageError, shown


@dataclass(frozen=True)
class Design:
    """``0 + arm:timepoint + covariates + moderators:arm:timepoint``, the subject as block.

    ``cell`` (n) and ``subject`` (n) index into ``cells`` and ``subjects``; ``cell_columns`` (cells
    x columns) is the identity unless arms share the baseline's column. ``covariates`` (n x k) and
    ``moderators`` (n x m, in SDs about the mean person) have their names beside them; a column is
    its own unit times ``scale`` plus ``centre`` (k + m, covariates first).
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
    cell_columns: np.ndarray
    cell_names: tuple[str, ...]
    moderators: np.ndarray
    moderator_names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """Design matrix, n x (cell columns + covariates + moderators x cell columns)."""
        cells = self.cell_columns[self.cell]
        slopes = [cells * self.moderators[:, [k]] for k in range(self.moderators.shape[1])]
        return np.hstack([cells, self.covariates, *slopes])

    @property
    def columns(self) -> list[str]:
        """Names of the design matrix' columns."""
        slopes = [f"{m} x {c}" for m in self.moderator_names for c in self.cell_names]
        return [*self.cell_names, *self.covariate_names, *slopes]

    def weights(self, contrast: Contrast) -> np.ndarray:
        """Contrast over all columns (or rows x columns); covariates have weight zero."""
        own = contrast.weights @ self.cell_columns
        width = self.cell_columns.shape[1]
        start = 0
        scale = 1.0
        if contrast.moderator:
            k = self.moderator_names.index(contrast.moderator)
            start = width * (k + 1) + self.covariates.shape[1]
            scale = float(self.scale[self.covariates.shape[1] + k])
        total = width * (1 + len(self.moderator_names)) + self.covariates.shape[1]
        result = np.zeros((*own.shape[:-1], total))
        result[..., start : start + width] = own / scale
        return result

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
    moderators: Sequence[str] = (),
    contrasts: Contrasts | None = None,
    joint: bool = False,
    constrained: bool = False,
) -> Design:
    """Make the design; every problem of the sample sheet is an error that names its rows."""
    covariates = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    moderators = (moderators,) if isinstance(moderators, str) else tuple(moderators)
    column = arm_column(adata, arm)
    require_columns(adata, subject, timepoint, *covariates, *moderators)
    require_people(adata)
    require_values(adata, subject, timepoint, *([column] if column else []))
    obs = adata.obs
    start = baseline(adata, timepoint)
    order = timepoints(adata, timepoint)
    arms = ordered_levels(obs[column]) if column else [""]
    sample_arm = obs[column].astype(str).to_numpy() if column else np.full(adata.n_obs, "")
    sample_time = obs[timepoint].astype(str).to_numpy()
    sample_subject = obs[subject].astype(str).to_numpy()
    found, person = np.unique(sample_subject.astype(str), return_inverse=True)
    subjects = found.tolist()
    _one_arm_each(sample_subject, sample_arm, column)
    # every arm has every cell: one without samples makes its contrasts inestimable, and seen
    cells = tuple(Cell(a, t) for a in arms for t in order)
    lookup = {(c.arm, c.timepoint): i for i, c in enumerate(cells)}
    cell = np.array([lookup[k] for k in zip(sample_arm, sample_time, strict=True)], dtype=int)
    _once_each(
        person, cell, sample_subject, sample_time, f"obs[{subject!r}] and obs[{timepoint!r}]"
    )
    chosen = choose_contrasts(cells, set(cell.tolist()), start, order, contrasts, control, joint)
    twins = [name for name in moderators if name in (subject, timepoint, column)]
    if twins:
        raise UsageError(f"{shown(twins)} cannot moderate: the design has it already")
    matrix, names, *own = numeric_columns(obs, [c for c in covariates if c not in moderators])
    slopes, slope_names, *theirs = numeric_columns(obs, moderators, person)
    centre, scale = (np.concatenate(pair) for pair in zip(own, theirs, strict=True))
    columns, column_names = cell_columns(cells, start, constrained)
    design = Design(
        cells=cells,
        cell=cell,
        subjects=tuple(subjects),
        subject=person,
        covariates=matrix,
        covariate_names=names,
        baseline=start,
        timepoints=tuple(order),
        contrasts=moderated_contrasts(chosen, slope_names),
        cell_columns=columns,
        cell_names=column_names,
        moderators=slopes,
        moderator_names=slope_names,
        centre=centre,
        scale=scale,
    )
    _require_rank(design)
    return design


def cell_columns(
    cells: Sequence[Cell], baseline: str, constrained: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Column of each cell; constrained, all arms share the baseline's."""
    if not constrained:
        return np.eye(len(cells)), tuple(c.name for c in cells)
    if len({c.arm for c in cells}) < 2:
        raise UsageError(
            "baseline='constrained' is for the arms of a randomised trial; there are no arms here",
            fix="Leave it out.",
        )
    names = tuple(dict.fromkeys(c.timepoint if c.timepoint == baseline else c.name for c in cells))
    columns = np.zeros((len(cells), len(names)))
    for i, cell in enumerate(cells):
        name = cell.timepoint if cell.timepoint == baseline else cell.name
        columns[i, names.index(name)] = 1.0
    return columns, names


def _require_rank(design: Design) -> None:
    """Refuse covariates and moderators that are combinations of the columns before them."""
    matrix = design.matrix
    n_cells = design.cell_columns.shape[1]
    if matrix.shape[1] == n_cells:
        return
    rest = matrix.copy()
    basis: list[np.ndarray] = []
    dependent = []
    for k, name in enumerate(design.columns):
        size = float(np.linalg.norm(matrix[:, k]))
        for direction in basis * 2:  # twice: Gram-Schmidt loses digits once
            rest[:, k] -= direction * (direction @ rest[:, k])
        left = np.linalg.norm(rest[:, k])
        if left > 1e-7 * max(size, 1.0):
            basis.append(rest[:, k] / left)
        elif k >= n_cells:
            dependent.append(name)
    if dependent:
        raise InputError(
            f"The design is not of full rank: {shown(dependent)} follow from the other columns",
            where="covariates= and moderators=",
            fix="Leave them out.",
        )


def _once_each(
    person: np.ndarray, cell: np.ndarray, subject: np.ndarray, time: np.ndarray, where: str
) -> None:
    pair = person * (cell.max(initial=0) + 1) + cell
    count = np.bincount(pair)
    twice = np.flatnonzero(count[pair] > 1)
    if len(twice):
        pairs = dict.fromkeys(f"{subject[i]} at {time[i]}" for i in twice)
        raise InputError(
            f"More than one sample for {shown(pairs)}",
            where=where,
            fix="Keep one sample a person and time; exo.pp.check(adata) lists all of them. "
            "A crossover or repeated bouts go to exo.tl.crossover.",
        )


def _one_arm_each(subject: np.ndarray, arm: np.ndarray, column: str | None) -> None:
    if column is None:
        return
    arms = pd.DataFrame({"subject": subject, "arm": arm}).drop_duplicates()
    twice = sorted(arms.loc[arms["subject"].duplicated(), "subject"])
    if twice:
        raise InputError(
            f"Subjects {shown(twice)} are in more than one arm",
            where=f"obs[{column!r}]",
            fix="People under several conditions: exo.tl.crossover(adata, condition=...).",
        )
