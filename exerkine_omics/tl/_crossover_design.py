"""Who was measured when under which condition: the sample sheet of a crossover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import baseline, levels, require_values, timepoints
from exerkine_omics.cohort._pairs import PAIRED
from exerkine_omics.errors import InputError, UsageError, shown

_SEPARATORS = ("", "-", "/", ",", ", ", " ", ">", "->", "_", "|", "+", ".")


@dataclass(frozen=True)
class Crossover:
    """Samples of a crossover.

    ``sample`` (people x conditions x times) is the row of each sample, -1 for none; ``period``
    (people x conditions) the number of the period, -1 where the person has not the condition, or
    None. The first condition is the reference, the first time the baseline.
    """

    subjects: tuple[str, ...]
    conditions: tuple[str, ...]
    times: tuple[str, ...]
    sample: np.ndarray
    period: np.ndarray | None
    periods: tuple[str, ...]

    def people(self, condition: int, time: int, empty: np.ndarray, names: pd.Index) -> pd.DataFrame:
        """Say who has both changes, and of the others why not; ``empty`` samples have no value."""
        records = []
        label = f"{self.conditions[condition]} - {self.conditions[0]}"
        for i, subject in enumerate(self.subjects):
            has = [(self.sample[i, c] >= 0).any() for c in (condition, 0)]
            reason = PAIRED
            for c, there in zip((condition, 0), has, strict=True):
                for t in (time, 0):
                    row = self.sample[i, c, t]
                    if row < 0:
                        reason = f"no {self.conditions[c]} {self.times[t]} sample"
                    elif empty[row]:
                        reason = f"{names[row]} has no values"
                if not there:
                    reason = f"not measured under {self.conditions[c]}"
                if reason != PAIRED:
                    break
            order = "" if self.period is None or not all(has) else self._order(i, condition)
            records.append((subject, label, self.times[time], order, reason == PAIRED, reason))
        columns = [schema.SUBJECT, "comparison", schema.TIMEPOINT, "sequence", "paired", "reason"]
        return pd.DataFrame(records, columns=columns)

    def _order(self, person: int, condition: int) -> str:
        """Sequence of the two conditions in words."""
        own = self.period[person]  # type: ignore[index]
        pair = sorted((0, condition), key=lambda c: own[c])
        return ", ".join(self.conditions[c] for c in pair)


def build_crossover(
    adata: AnnData,
    condition: str,
    period: str | None,
    sequence: str | None,
    timepoint: str,
    subject: str,
    reference: str | None,
) -> Crossover:
    """Read the sample sheet; every problem is an error that names its rows."""
    needed = [subject, condition, timepoint, *(c for c in (period, sequence) if c is not None)]
    twins = [c for i, c in enumerate(needed) if c in needed[:i]]
    if twins:
        raise UsageError(f"The column {twins[0]!r} is named twice", fix="Each has its own column.")
    require_values(adata, *needed)
    obs = adata.obs
    start = baseline(adata, timepoint)
    times = (start, *(t for t in timepoints(adata, timepoint) if t != start))
    if len(times) < 2:
        raise UsageError(
            f"There is no time point beside the baseline {start!r}", where=f"obs[{timepoint!r}]"
        )
    conditions = _conditions(obs[condition], condition, reference)
    person = obs[subject].astype(str).to_numpy()
    which = pd.Index(conditions).get_indexer(_words(obs[condition]))
    when = pd.Index(times).get_indexer(obs[timepoint].astype(str))
    subjects = sorted(set(person))
    who = np.searchsorted(subjects, person)
    sheet = pd.DataFrame({"who": who, "which": which, "when": when})
    twice = sheet[sheet.duplicated(keep=False)].drop_duplicates()
    if len(twice):
        cells = [f"{subjects[i]} under {conditions[c]} at {times[t]}" for i, c, t in twice.values]
        raise InputError(
            f"More than one sample for {shown(cells)}",
            where=f"obs[{subject!r}], obs[{condition!r}] and obs[{timepoint!r}]",
            fix="Keep one sample a person, condition and time.",
        )
    sample = np.full((len(subjects), len(conditions), len(times)), -1)
    sample[who, which, when] = np.arange(adata.n_obs)
    number: np.ndarray | None = None
    names: tuple[str, ...] = ()
    if period is not None:
        number, names = _periods(obs[period], who, which, subjects, conditions, period)
    if sequence is not None:
        number, names = _sequence(
            obs[sequence], who, subjects, conditions, sequence, number, names, sample
        )
    return Crossover(tuple(subjects), conditions, times, sample, number, names)


def _words(values: pd.Series) -> list[str]:
    """Levels as they are named: 1.0 is ``1``."""
    return [f"{v:g}" if isinstance(v, (float, np.floating)) else str(v) for v in values]


def _ordered(values: pd.Series) -> list[str]:
    """Levels that occur: categories in their order, numbers by size, text by the alphabet."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        known = set(_words(values))
        return [w for w in _words(pd.Series(values.cat.categories)) if w in known]
    if pd.api.types.is_numeric_dtype(values):
        return _words(pd.Series(np.sort(values.unique())))
    return sorted(levels(values))


def _conditions(values: pd.Series, column: str, reference: str | None) -> tuple[str, ...]:
    found = _ordered(values)
    if len(found) < 2:
        raise UsageError(
            f"There is one condition, {shown(found)}; a crossover has two or more",
            where=f"obs[{column!r}]",
        )
    first = found[0] if reference is None else _words(pd.Series([reference]))[0]
    if first not in found:
        raise UsageError(
            f"reference={reference!r} is none of the conditions {shown(found)}", where="reference="
        )
    return (first, *(c for c in found if c != first))


def _periods(
    values: pd.Series,
    who: np.ndarray,
    which: np.ndarray,
    subjects: Sequence[str],
    conditions: Sequence[str],
    column: str,
) -> tuple[np.ndarray, tuple[str, ...]]:
    where = f"obs[{column!r}]"
    names = _ordered(values)
    if len(names) < 2:
        raise UsageError(f"There is one period, {shown(names)}", where=where, fix="Leave it out.")
    own = pd.DataFrame(
        {"who": who, "which": which, "period": pd.Index(names).get_indexer(_words(values))}
    ).drop_duplicates()
    for keys, words in (
        (["who", "which"], "more than one period under one condition"),
        (["who", "period"], "two conditions in one period"),
    ):
        bad = own[own.duplicated(keys)]
        if len(bad):
            people = [subjects[i] for i in dict.fromkeys(bad["who"])]
            raise InputError(f"Subjects {shown(people)} have {words}", where=where)
    number = np.full((len(subjects), len(conditions)), -1)
    number[own["who"], own["which"]] = own["period"]
    return number, tuple(names)


def _sequence(
    values: pd.Series,
    who: np.ndarray,
    subjects: Sequence[str],
    conditions: Sequence[str],
    column: str,
    number: np.ndarray | None,
    names: tuple[str, ...],
    sample: np.ndarray,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Check the sequences against the periods, or read the periods from sequences such as AB."""
    where = f"obs[{column!r}]"
    own = pd.DataFrame({"who": who, "label": values.astype(str).to_numpy()}).drop_duplicates()
    bad = own[own["who"].duplicated()]
    if len(bad):
        raise InputError(
            f"Subjects {shown(subjects[i] for i in bad['who'])} have more than one sequence",
            where=where,
        )
    label = own.set_index("who")["label"].sort_index()
    if number is not None:
        whole = (number >= 0).all(axis=1)
        orders = pd.DataFrame(number[whole]).apply(tuple, axis=1)
        mixed = orders.groupby(label.to_numpy()[whole]).nunique()
        if (mixed > 1).any():
            raise InputError(
                f"Sequences {shown(mixed.index[mixed > 1])} hold people who had the conditions in "
                "different orders",
                where=where,
                fix="Correct the sequence or the period.",
            )
        return number, names
    read: dict[str, list[tuple[str, ...]]] = {text: [] for text in sorted(set(label))}
    for order in permutations(conditions):
        for text in {separator.join(order) for separator in _SEPARATORS} & set(read):
            read[text].append(order)
    unread = [text for text, found in read.items() if len(found) != 1]
    if unread:
        raise UsageError(
            f"The order of {shown(conditions)} cannot be read from the sequences {shown(unread)}",
            where=where,
            fix="Give period=, or write them as "
            f"{'-'.join(conditions)!r} and {'-'.join(reversed(conditions))!r}.",
        )
    number = np.array([[read[text][0].index(c) for c in conditions] for text in label])
    number[(sample < 0).all(axis=2)] = -1
    return number, tuple(str(k + 1) for k in range(len(conditions)))
