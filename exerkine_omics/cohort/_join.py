"""Several platforms of one cohort, joined by visit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._meta import (
    baseline,
    editable,
    persons_tubes,
    require_values,
    timepoints,
)
from exerkine_omics.errors import InputError, UsageError, shown

if TYPE_CHECKING:
    from mudata import MuData


def join(platforms: Mapping[str, AnnData], subjects: pd.DataFrame | None = None) -> MuData:
    """Join platforms of one cohort by visit (``subject|timepoint``).

    Use it where the same people were measured on several platforms and one analysis needs them
    all, as `exo.ml.evaluate` with blocks; single platforms are tested one by one.

    Parameters
    ----------
    platforms
        ``{name: AnnData}``, each samples x analytes with ``subject_id`` and ``timepoint``. The
        platforms' own sample ids are kept in ``obs["sample_id"]`` of each.
    subjects
        One row a person, with a column ``subject_id``: outcomes, covariates. Without it the table
        holds the people, their arm where it is known, and the visits on each platform.

    Returns
    -------
    MuData
        Visits x analytes of all platforms, a visit that one platform lacks kept for the others;
        ``obs`` has subject, time point (ordered) and arm, ``uns["exerkine"]["subjects"]`` the
        table of people.

    Raises
    ------
    InputError
        If a person has two samples at one time on a platform, a sample has no subject or time
        point, or the platforms differ in baseline or in a person's arm.
    UsageError
        If there is no platform.

    Notes
    -----
    Missing values: NaN stays; a visit that is missing on a platform has no row there.
    """
    if not isinstance(platforms, Mapping) or not platforms:
        raise UsageError("There is no platform to join", fix="Give {name: AnnData}.")
    data = {str(name): _by_visit(str(name), adata) for name, adata in platforms.items()}
    starts = list(dict.fromkeys(baseline(a) for a in data.values()))
    if len(starts) > 1:
        raise InputError(
            f"The platforms differ in the baseline: {shown(starts)}",
            where=f"uns[{schema.UNS!r}][{schema.BASELINE!r}]",
            fix="Name one with exo.io.set_samples.",
        )
    order = list(dict.fromkeys(t for a in data.values() for t in timepoints(a)))
    sheets = [
        a.obs.reindex(columns=[schema.SUBJECT, schema.TIMEPOINT, schema.ARM]).astype(object)
        for a in data.values()
    ]
    sheet = pd.concat(sheets)
    person = sheet.dropna(subset=schema.ARM).groupby(schema.SUBJECT, observed=True)[schema.ARM]
    torn = [str(s) for s, n in person.nunique().items() if n > 1]
    if torn:
        raise InputError(
            f"Subjects {shown(torn)} are in more than one arm",
            where=f"obs[{schema.ARM!r}]",
            fix="Give all platforms the arms of one sample sheet.",
        )
    arm = person.first()
    sheet = sheet[~sheet.index.duplicated()]
    if subjects is None:
        subjects = _people(data, arm)
    elif schema.SUBJECT not in subjects.columns:
        raise InputError(f"The table of people has no column {schema.SUBJECT!r}", where="subjects=")
    # mudata 0.3 copies all columns up unless told not to, 0.4 never does and has no such option
    import mudata

    option = getattr(mudata, "set_options", None)
    with option(pull_on_update=False) if option else nullcontext():
        joined = mudata.MuData(data)
    sheet = sheet.reindex(joined.obs_names)
    joined.obs[schema.SUBJECT] = pd.Categorical(sheet[schema.SUBJECT].astype(str))
    joined.obs[schema.TIMEPOINT] = pd.Categorical(
        sheet[schema.TIMEPOINT].astype(str), order, ordered=True
    )
    if len(arm):
        joined.obs[schema.ARM] = pd.Categorical(sheet[schema.SUBJECT].map(arm))
    joined.uns[schema.UNS] = {schema.SUBJECTS: subjects.copy()}
    return joined


def _by_visit(name: str, adata: AnnData) -> AnnData:
    """Give a platform's samples the names of their visits."""
    if not persons_tubes(adata).all():
        raise InputError(
            f"{name} holds tubes that are no person's",
            where=f"obs[{schema.SAMPLE_TYPE!r}]",
            fix="Call exo.pp.clean first.",
        )
    require_values(adata, schema.SUBJECT, schema.TIMEPOINT)
    visit = pd.Index(
        adata.obs[schema.SUBJECT].astype(str) + "|" + adata.obs[schema.TIMEPOINT].astype(str)
    )
    if visit.has_duplicates:
        raise InputError(
            f"{name} has more than one sample of {shown(visit[visit.duplicated()].unique())}",
            where="obs",
            fix="Keep one sample a person and time.",
        )
    result = editable(adata, copy=True)
    if schema.SAMPLE_ID not in result.obs and not visit.equals(pd.Index(result.obs_names)):
        result.obs[schema.SAMPLE_ID] = result.obs_names.astype(str)
    result.obs.index = visit.astype(object)
    result.obs.index.name = None
    return result


def _people(data: Mapping[str, AnnData], arm: pd.Series) -> pd.DataFrame:
    counts = pd.DataFrame(
        {f"n_visits_{n}": a.obs[schema.SUBJECT].astype(str).value_counts() for n, a in data.items()}
    )
    table = counts.fillna(0).astype("int64").sort_index()
    table.insert(0, schema.SUBJECT, table.index.astype(str))
    if len(arm):
        table.insert(1, schema.ARM, table[schema.SUBJECT].map(arm).astype(str))
    return table.reset_index(drop=True)
