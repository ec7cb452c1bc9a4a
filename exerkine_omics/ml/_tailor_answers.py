"""Outcome and arm of each person of `tailor`, in parallel arms or in a crossover."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import ResponseSpec
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.ml._outcome import _by_subject, read_outcome
from exerkine_omics.ml._people import People

_CHANGE = "change"


@dataclass(frozen=True)
class Answers:
    """Outcomes by subject, sorted: ``table`` (index subject) holds ``_y`` and ``_arm``.

    In a crossover ``_y`` is absent; ``_y0`` and ``_y1`` are the outcomes under the two arms and
    ``_second`` 1 where the second arm came second, -1 where first. ``frame`` has the user's own
    columns.
    """

    table: pd.DataFrame
    frame: pd.DataFrame
    spec: ResponseSpec | None
    arms: tuple[str, ...]
    crossover: bool
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_answers(
    outcome: Any, arm: Any, people: People, control: str | None, period: str | None
) -> Answers:
    """Outcome and arm of each person, the control arm left out."""
    if period is not None:
        return _crossover(outcome, arm, period, control)
    if isinstance(outcome, pd.DataFrame):
        raise UsageError(
            "outcome is a table and there is no period=",
            where="outcome",
            fix="Give a Series by subject, (ResponseSpec, frame), or name the column of the "
            "period of a crossover.",
        )
    spec = None
    if isinstance(outcome, tuple) and len(outcome) == 2 and isinstance(outcome[0], ResponseSpec):
        spec, frame = outcome
        frame = _table_by_subject(frame)
        values = spec.change(frame)
    else:
        found = read_outcome(outcome, number=True)
        frame, values = found.frame, found.value
    if np.isinf(values).any():
        raise InputError(f"The outcome is infinite {int(np.isinf(values).sum())} times")
    given = _arm_series(arm, frame, people).reindex(frame.index)
    table = pd.DataFrame({"_y": values, "_arm": given.astype(object)}, index=frame.index)
    here = table.index.isin(people.subjects)
    counts = {
        "outcome_missing": int(table["_y"].isna().sum()),
        "arm_missing": int((table["_arm"].isna() & here).sum()),
    }
    table = table.dropna()
    table["_arm"] = table["_arm"].astype(str)
    if control is None and spec is not None and spec.control in set(table["_arm"]):
        control = spec.control
    table, more, notes = _without_control(table, control)
    names = tuple(sorted(table["_arm"].unique()))
    finite = table["_y"].to_numpy(dtype=float)
    if np.isin(finite, (0.0, 1.0)).all():
        notes.append("The outcome is 0 or 1: values are shares, by a linear probability model.")
    return Answers(table, frame, spec, names, False, counts | more, notes)


def _table_by_subject(frame: Any) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"The table of the outcome is a {type(frame).__name__}")
    if frame.index.name != schema.SUBJECT and schema.SUBJECT not in frame.columns:
        raise InputError(
            f"The outcome table has no column {schema.SUBJECT!r}; it has {shown(frame.columns)}",
            fix=f"Rename the column of the person to {schema.SUBJECT!r}.",
        )
    ids = frame[schema.SUBJECT] if schema.SUBJECT in frame.columns else frame.index
    table = frame.copy()
    table.index = _by_subject(pd.Series(0.0, index=pd.Index(ids)), "outcome", sort=False).index
    return table.sort_index(kind="stable")


def _arm_series(arm: Any, frame: pd.DataFrame, people: People) -> pd.Series:
    if isinstance(arm, pd.Series):
        return _by_subject(arm, "arm")
    if not isinstance(arm, str):
        raise UsageError(
            f"arm is a {type(arm).__name__}",
            where="arm",
            fix="Give a Series by subject, or the name of a column.",
        )
    for table in (frame, people.obs):
        if arm in table.columns:
            return table[arm]
    raise UsageError(
        f"There is no column {arm!r} in the outcome's table nor in obs", where="arm",
        fix=f"There are {shown([*frame.columns, *people.obs.columns])}.",
    )  # fmt: skip


def _without_control(
    table: pd.DataFrame, control: str | None
) -> tuple[pd.DataFrame, dict[str, int], list[str]]:
    if control is None:
        return table, {}, []
    out = (table["_arm"] == str(control)).to_numpy()
    if not out.any():
        raise UsageError(
            f"There is no arm {control!r} among {shown(sorted(table['_arm'].unique()))}",
            where="control=",
        )
    note = f"{control!r} is no training to choose: its {int(out.sum())} people are left out."
    return table[~out], {"control_arm": int(out.sum())}, [note]


def _crossover(outcome: Any, arm: Any, period: str, control: str | None) -> Answers:
    """One row a person and arm to one row a person."""
    spec = None
    if isinstance(outcome, tuple) and len(outcome) == 2 and isinstance(outcome[0], ResponseSpec):
        spec, frame = outcome
    else:
        frame = outcome
    arm_column = arm if isinstance(arm, str) else schema.ARM
    needed = [schema.SUBJECT, arm_column, period, *([] if spec is not None else [_CHANGE])]
    if not isinstance(frame, pd.DataFrame) or not set(needed) <= set(frame.columns):
        has = shown(frame.columns) if isinstance(frame, pd.DataFrame) else type(frame).__name__
        raise InputError(
            f"A crossover's outcome is a table with the columns {shown(needed)}; there is {has}",
            where="outcome",
        )
    long = pd.DataFrame(
        {
            "who": frame[schema.SUBJECT].to_numpy(),
            "_arm": frame[arm_column].astype(object).to_numpy(),
            "when": frame[period].to_numpy(),
            "_y": spec.change(frame) if spec is not None else frame[_CHANGE].to_numpy(dtype=float),
        }
    )
    counts = {"outcome_missing": int(long["_y"].isna().sum())}
    long = long.dropna()
    long["who"], long["_arm"] = long["who"].astype(str), long["_arm"].astype(str)
    long, more, notes = _without_control(long, control)
    for column, what in (("_arm", "one arm"), ("when", "one period")):
        twice = long[long.duplicated(["who", column])]["who"].unique()
        if len(twice):
            raise InputError(f"{shown(twice)} have two outcomes of {what}", where="outcome")
    names, times = tuple(sorted(long["_arm"].unique())), sorted(long["when"].unique())
    if len(names) != 2 or len(times) != 2:
        raise UsageError(
            f"A crossover here has two arms and two periods; there are {shown(names)} in "
            f"{shown(times)}",
            fix="Give the rows of two arms.",
        )
    wide = long.pivot(index="who", columns="_arm", values="_y").sort_index()
    when = long.pivot(index="who", columns="_arm", values="when").reindex(wide.index)
    both = wide.notna().all(axis=1)
    counts["one_arm_only"] = int((~both).sum())
    table = pd.DataFrame(
        {
            "_y0": wide[names[0]],
            "_y1": wide[names[1]],
            "_second": np.where(when[names[1]] == times[1], 1.0, -1.0),
        }
    )[both]
    table.index = pd.Index(table.index.to_numpy(dtype=object))
    notes += [
        "Crossover: the period effect is taken out; carry-over is taken to be nil, a matter of "
        "the wash-out (exo.tl.crossover tests it, with little power).",
        "One course of each training: a person's difference holds the error of both.",
    ]
    empty = pd.DataFrame(index=table.index)
    return Answers(table, empty, spec, names, True, counts | more, notes)
