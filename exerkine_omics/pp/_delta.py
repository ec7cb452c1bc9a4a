"""Each person's change between two time points."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    add_step,
    dense,
    meta,
    require_columns,
    require_log,
    require_people,
    require_same_members,
    timepoints,
)
from exerkine_omics.cohort import baseline as cohort_baseline
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown


def delta(adata: AnnData, baseline: str | None = None, timepoint: str | None = None) -> AnnData:
    r"""Make one row a person: the change from baseline to a later time point.

    Use it to feed changes, not samples, to an analysis, and for figures of individual change.

    .. math:: \Delta_{if} = x_{if}^{post} - x_{if}^{pre}

    with x the log-scale value of person i and analyte f; on log2 scale this is the person's log2
    fold change.

    Parameters
    ----------
    adata
        Samples x analytes on a log scale.
    baseline
        The earlier time point; the cohort's baseline unless told.
    timepoint
        The later one; needed where there is more than one.

    Returns
    -------
    AnnData
        Subjects with both samples x analytes, sorted by subject; layers ``pre``, ``post`` and
        ``delta``, X = delta. ``obs`` keeps the columns that are the same in both samples of each
        person.

    Raises
    ------
    UnitsError
        If X is not on a log scale.
    InputError
        If a time point is not there, or a person has two samples at one.
    UsageError
        If it is not clear which later time point is meant.
    AnalysisError
        If nobody has both samples.

    Notes
    -----
    Missing values: a change is NaN where either value is; a sample of nothing but NaN counts as
    absent.
    """
    require_log(adata, "pp.delta")
    require_same_members(adata)
    require_columns(adata, schema.SUBJECT)
    require_people(adata)
    present = timepoints(adata)
    first = cohort_baseline(adata) if baseline is None else str(baseline)
    later = [t for t in present if t != first]
    if timepoint is None:
        if len(later) != 1:
            raise UsageError(
                f"There are {len(later)} time points beside {first!r}: {shown(later)}",
                where="timepoint=",
                fix="Say which one is the later.",
            )
        timepoint = later[0]
    second = str(timepoint)
    for level, name in ((first, "baseline="), (second, "timepoint=")):
        if level not in present:
            raise InputError(
                f"{level!r} is not among the time points {shown(present)}",
                where=name,
                fix=f"Name one of obs[{schema.TIMEPOINT!r}].",
            )
    if first == second:
        raise UsageError(f"Both time points are {first!r}", where="timepoint=", fix="Name a later.")
    pre_rows, post_rows = _samples_of(adata, first), _samples_of(adata, second)
    people = sorted(set(pre_rows) & set(post_rows))
    if not people:
        raise AnalysisError(
            f"No subject has a sample with values at both {first!r} and {second!r}",
            fix="exo.pp.pair(adata).dropped says why for each.",
        )
    values = dense(adata)
    before = [pre_rows[p] for p in people]
    after = [post_rows[p] for p in people]
    pre, post = values[before], values[after]
    result = AnnData(post - pre, obs=_constant(adata.obs, people, before, after), var=adata.var)
    result.layers[schema.PRE] = pre
    result.layers[schema.POST] = post
    result.layers[schema.DELTA] = post - pre
    kept = {k: v for k, v in meta(adata).items() if k != schema.PAIRS}
    result.uns[schema.UNS] = {
        k: v.copy() if isinstance(v, pd.DataFrame) else v for k, v in kept.items()
    }
    result.uns[schema.UNS][schema.BASELINE] = first
    add_step(result, "pp.delta", baseline=first, timepoint=second)
    return result


def _samples_of(adata: AnnData, level: str) -> dict[str, int]:
    """Row of each subject's sample at a time point; two of them are an error."""
    at = (adata.obs[schema.TIMEPOINT].astype(str) == level).to_numpy()
    filled = np.isfinite(dense(adata, infinite=True)).sum(axis=1) > 0
    nobody = adata.obs[schema.SUBJECT].isna().to_numpy()
    if (at & nobody).any():
        raise InputError(
            f"Samples {shown(adata.obs_names[np.flatnonzero(at & nobody)])} have no subject",
            where=f"obs[{schema.SUBJECT!r}]",
            fix="Fill it in with exo.io.set_samples, or drop them.",
        )
    rows = np.flatnonzero(at)
    people = adata.obs[schema.SUBJECT].astype(str).to_numpy()[rows]
    names, n_samples = np.unique(people, return_counts=True)
    twice = sorted(names[np.flatnonzero(n_samples > 1)])
    if twice:
        raise InputError(
            f"Subjects {shown(twice)} have more than one sample at {level!r}",
            where=f"obs[{schema.SUBJECT!r}] and obs[{schema.TIMEPOINT!r}]",
            fix="Keep one sample a person and time; exo.pp.check(adata) lists all of them.",
        )
    return {str(p): int(r) for p, r in zip(people, rows, strict=True) if filled[r]}


def _constant(
    obs: pd.DataFrame, people: list[str], before: list[int], after: list[int]
) -> pd.DataFrame:
    """Columns that say the same of both samples of every person; NaN equals NaN."""
    first, second = obs.iloc[before], obs.iloc[after]
    kept = {}
    for name in obs.columns:
        a, b = first[name].astype(object).to_numpy(), second[name].astype(object).to_numpy()
        same = (a == b) | (first[name].isna().to_numpy() & second[name].isna().to_numpy())
        if np.all(same) and name != schema.TIMEPOINT:
            kept[name] = first[name].set_axis(people, axis=0)
    frame = pd.DataFrame(kept, index=pd.Index(people, dtype=str))
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].cat.remove_unused_categories()
    return frame
