"""Who is in which cell (arm and time point): the persons' tubes, controls left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import levels, meta, persons_tubes, require_columns, timepoints
from exerkine_omics.errors import InputError, shown


@dataclass(frozen=True)
class Cells:
    """The persons' tubes of a cohort.

    ``rows`` are their places in ``obs``; ``arm``, ``time`` and ``subject`` (one a row) number
    ``arms``, ``times`` and ``subjects``; ``baseline`` numbers a time, -1 where it is not there.
    """

    rows: np.ndarray
    arms: tuple[str, ...]
    times: tuple[str, ...]
    subjects: tuple[str, ...]
    arm: np.ndarray
    time: np.ndarray
    subject: np.ndarray
    baseline: int

    @property
    def cell(self) -> np.ndarray:
        """Number of each row's cell, arms first."""
        return self.arm * len(self.times) + self.time

    def pairs(self, arm: int, time: int) -> tuple[np.ndarray, np.ndarray]:
        """Places (in ``rows``) of an arm's people at baseline and at a later time."""
        sides = []
        for moment in (self.baseline, time):
            at = np.flatnonzero((self.arm == arm) & (self.time == moment))
            order = np.argsort(self.subject[at], kind="stable")
            sides.append(at[order])
        _, first, second = np.intersect1d(
            self.subject[sides[0]], self.subject[sides[1]], return_indices=True
        )
        return sides[0][first], sides[1][second]


def cells_of(adata: AnnData, *, once: bool = True) -> Cells:
    """Give each person's tube its arm, time and subject; one empty arm where there are none.

    With ``once`` a person with two samples of one cell is an error, for nobody says which of them
    makes the pair.
    """
    require_columns(adata, schema.SUBJECT, schema.TIMEPOINT)
    rows = np.flatnonzero(persons_tubes(adata))
    if not len(rows):
        raise InputError(
            f"None of {adata.n_obs} samples is a person's",
            where=f"obs[{schema.SAMPLE_TYPE!r}]",
        )
    obs = adata.obs.iloc[rows]
    columns = [schema.SUBJECT, schema.TIMEPOINT]
    columns += [schema.ARM] if schema.ARM in obs else []
    for name in columns:
        nameless = obs.index[obs[name].isna()]
        if len(nameless):
            raise InputError(
                f"Samples {shown(nameless)} have no value",
                where=f"obs[{name!r}]",
                fix="Fill it in with exo.io.set_samples, or drop them.",
            )
    own = set(obs[schema.TIMEPOINT].astype(str))
    times = [t for t in timepoints(adata) if t in own]
    arms = [""]
    if schema.ARM in obs:
        given = obs[schema.ARM]
        arms = levels(given) if hasattr(given, "cat") else sorted(set(given.astype(str)))
    subjects, subject = np.unique(obs[schema.SUBJECT].astype(str), return_inverse=True)
    arm = np.zeros(len(rows), dtype=int)
    if schema.ARM in obs:
        arm = np.array([arms.index(a) for a in obs[schema.ARM].astype(str)], dtype=int)
    time = np.array([times.index(t) for t in obs[schema.TIMEPOINT].astype(str)], dtype=int)
    if once:
        pair, count = np.unique(np.stack([subject, time]), axis=1, return_counts=True)
        if (count > 1).any():
            twice = [f"{subjects[s]} at {times[t]}" for s, t in pair[:, count > 1].T]
            raise InputError(
                f"More than one sample for {shown(twice)}",
                where=f"obs[{schema.SUBJECT!r}] and obs[{schema.TIMEPOINT!r}]",
                fix="Keep one sample a person and time; exo.pp.check(adata) lists all of them.",
            )
    level = str(meta(adata).get(schema.BASELINE, ""))
    return Cells(
        rows=rows,
        arms=tuple(arms),
        times=tuple(times),
        subjects=tuple(str(s) for s in subjects),
        arm=arm,
        time=time,
        subject=subject,
        baseline=times.index(level) if level in times else -1,
    )
