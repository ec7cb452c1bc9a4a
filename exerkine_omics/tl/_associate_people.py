"""Who counts in `associate`: people at a time, with an outcome, and what is known of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import cohort, schema
from exerkine_omics.cohort._outcomes import number_column, require_outcome_columns
from exerkine_omics.errors import InputError, UsageError, shown

_USED = "used"


@dataclass(frozen=True)
class View:
    """People x features at one time, or between two; ``absent`` says why others have no row."""

    label: str
    subjects: list[str]
    x: np.ndarray
    per_person: int
    absent: dict[str, str]


def views_of(
    adata: AnnData, values: np.ndarray, at: str, subject: str, timepoint: str
) -> list[View]:
    """Make one view of the people, or one a later time point."""
    if schema.DELTA in adata.layers:
        raise UsageError("These are changes", fix="Give the samples themselves and at='change'.")
    cohort.require_values(adata, subject, timepoint)
    keys = list(zip(*(adata.obs[c].astype(str) for c in (subject, timepoint)), strict=True))
    present = cohort.timepoints(adata, timepoint)
    start = cohort.baseline(adata, timepoint) if at in ("baseline", "change") else at
    if at in ("baseline", "change") and at in present and at != start:
        raise UsageError(f"at={at!r} means two things here", fix="Rename the time point.")
    pairs = [(t, start) for t in present if t != start] if at == "change" else [(start,)]
    if not pairs or start not in present:
        known = shown(["baseline", *present, *(["change"] if len(present) > 1 else [])])
        raise UsageError(f"at={at!r} is not possible here", fix=f"Known: {known}.")
    needed = {t for pair in pairs for t in pair}
    twice = [f"{s} at {t}" for (s, t), n in Counter(keys).items() if n > 1 and t in needed]
    if twice:
        raise InputError(
            f"More than one sample for {shown(sorted(twice))}",
            where=f"obs[{subject!r}] and obs[{timepoint!r}]",
            fix="Keep one sample a person and time; exo.pp.check(adata) lists all of them.",
        )
    row = {key: i for i, key in enumerate(keys)}
    empty = ~np.isfinite(values).any(axis=1)
    views = []
    for pair in pairs:
        rows: dict[str, list[int]] = {}
        absent: dict[str, str] = {}
        for person in sorted({s for s, _ in keys}):
            lacking = [t for t in pair if (person, t) not in row]
            found = [row[person, t] for t in pair if (person, t) in row]
            blank = [adata.obs_names[i] for i in found if empty[i]]
            if lacking:
                absent[person] = f"no {lacking[-1]} sample"
            elif blank:
                absent[person] = f"{blank[0]} has no values"
            else:
                rows[person] = found
        taken = np.array(list(rows.values()), dtype=int).reshape(-1, len(pair))
        x = values[taken[:, 0]] - (values[taken[:, 1]] if len(pair) == 2 else 0.0)
        views.append(View(" - ".join(pair), list(rows), x, len(pair), absent))
    return views


class Sheet:
    """What is known of each person: the columns of ``people``, then those of ``obs``."""

    def __init__(self, obs: pd.DataFrame, subject: str, people: pd.DataFrame | None) -> None:
        if not (people is None or isinstance(people, pd.DataFrame)):
            raise UsageError(f"people= is a {type(people).__name__}, not a DataFrame")
        self.obs, self.ids = obs, obs[subject].astype(str).to_numpy(dtype=object)
        self.people = pd.DataFrame()
        if people is not None:
            own = people.set_index(subject) if subject in people else people
            self.people = _by_id(own, "people")

    def column(self, name: str, used: Sequence[str] | None = None) -> pd.Series:
        """One value a person; of the people ``used`` a missing one is an error."""
        if name in self.people:
            require_outcome_columns(self.people, name)
            values = self.people[name]
        elif name in self.obs:
            grouped = self.obs[name].groupby(self.ids, observed=True)
            varied = (grouped.nunique() > 1).loc[lambda v: v].index
            if len(varied):
                raise InputError(
                    f"{name!r} differs between the samples of {shown(varied)}",
                    where=f"obs[{name!r}]",
                    fix="Give one value a person: people=frame with the subject as index.",
                )
            values = grouped.first()
        else:
            have = shown([*self.people, *self.obs])
            raise InputError(f"There is no column {name!r} in people= or obs", fix=f"Known: {have}")
        if used is None:
            return values
        values = values.reindex(used)
        gaps = values.index[values.isna()]
        if len(gaps):
            fix = "Fill it in, or make their outcome NaN: they are then listed as left out."
            raise InputError(f"{shown(gaps)} have outcome and sample but no {name!r}", fix=fix)
        return values

    def outcome(self, outcome: pd.Series | str) -> pd.Series:
        """Outcome of each person as numbers, sorted by id."""
        if not isinstance(outcome, (pd.Series, str)):
            fix = "Give a Series with the subject as index, or the name of a column."
            raise UsageError(f"outcome= is a {type(outcome).__name__}", fix=fix)
        named = isinstance(outcome, str)
        series = self.column(outcome).rename(outcome) if named else _by_id(outcome, "outcome")
        name = "outcome" if series.name is None else str(series.name)
        numbers = number_column(series.to_frame(name), name)
        return pd.Series(numbers, index=series.index, name=name).sort_index()


def _by_id(data: Any, what: str) -> Any:
    """Person's id as text in the index; row numbers, gaps and doubles are errors."""
    numbered = isinstance(data.index, pd.RangeIndex) and data.index.name is None and len(data)
    if numbered or data.index.nlevels > 1:
        fix = f"Make the subject the index: set_index({schema.SUBJECT!r})."
        raise InputError("People are matched by id", where=f"the rows of {what}", fix=fix)
    ids = pd.Index(data.index.astype(str).to_numpy(dtype=object))
    bad = ids[data.index.isna() | ids.duplicated()]
    if len(bad):
        text = f"{shown(pd.unique(bad))} stand more than once, or are no id"
        raise InputError(text, where=f"{what}.index", fix="Give one row a person.")
    return data.set_axis(ids, axis=0)


def listed(view: View, outcome: pd.Series) -> pd.DataFrame:
    """Each person, used or why not."""
    value = outcome.reindex(sorted({*view.subjects, *view.absent, *outcome.index}))
    reason = pd.Series("no sample", index=value.index, dtype=object)
    reason[view.subjects] = "no outcome"
    reason[reason.index.isin(outcome.index[outcome.isna()])] = "outcome missing"
    reason[[s for s in view.subjects if np.isfinite(value[s])]] = _USED
    reason[list(view.absent)] = list(view.absent.values())
    frame = pd.DataFrame({schema.SUBJECT: value.index, "at": view.label})
    return frame.assign(used=(reason == _USED).to_numpy(), reason=reason.to_numpy())
