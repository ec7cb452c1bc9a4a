"""Outcomes by subject: fixed labels, a number, or a rule that labels inside each fold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import ResponseSpec
from exerkine_omics.cohort._outcomes import text_column
from exerkine_omics.errors import InputError, UsageError, shown

NAN = float("nan")
LABEL, SOFT, CHANGE = "label", "soft", "change"
TARGETS = (LABEL, SOFT, CHANGE)


@dataclass(frozen=True)
class Outcome:
    """Outcome of people sorted by subject id.

    ``value`` (people) holds 0, 1, NaN, or a number if ``continuous``. With ``spec`` the labels are
    learnt on the training rows of ``frame``, and ``value`` (labels by the whole frame) serves
    only to spread the classes over the folds. ``change`` (people) is the continuous outcome
    where one is known. ``target`` says what is learnt: ``label``, ``soft`` (the probability that
    the true change exceeds the threshold; performance is still that for the label) or ``change``.
    """

    subjects: np.ndarray
    value: np.ndarray
    frame: pd.DataFrame
    spec: ResponseSpec | None = None
    change: np.ndarray | None = None
    target: str = LABEL

    @property
    def continuous(self) -> bool:
        """Is a change to be predicted, not a class."""
        return self.target == CHANGE

    def labels(self, train: np.ndarray) -> np.ndarray:
        """Label (or change) of everybody, by what the training people teach."""
        if self.spec is None:
            return self.value
        if self.continuous:
            return self.spec.adjusted_change(self.frame.iloc[train], self.frame)
        found = self.spec.label(self.frame.iloc[train], self.frame)
        return found.to_numpy(dtype=float)

    def targets(self, train: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Give what a model learns of everybody: the labels, or how probable they are."""
        if self.target != SOFT or self.spec is None:
            return labels
        return self.spec.probability(self.frame.iloc[train], self.frame)

    def take(self, rows: np.ndarray) -> Outcome:
        """Take these people only (or in this order: who has whose outcome)."""
        return replace(
            self,
            subjects=self.subjects[rows],
            value=self.value[rows],
            frame=self.frame.iloc[rows],
            change=None if self.change is None else self.change[rows],
        )

    def as_change(self) -> Outcome:
        """Take the continuous change as the outcome."""
        if self.change is None:
            raise UsageError(
                "There is no continuous change",
                where="target='change'",
                fix="Give a Series of changes, or outcome=(spec, frame).",
            )
        return replace(self, value=self.change, target=CHANGE)

    def settle(self, everyone: pd.DataFrame) -> Outcome:
        """Fix a typical error that comes from the control arm, whose people are never tested."""
        spec = self.spec
        if spec is None:
            return self
        if isinstance(spec.reliability, str):
            spec = replace(spec, reliability=spec.noise(everyone))
        found = replace(self, spec=spec)
        return replace(found, value=found.labels(np.arange(len(self.value))))

    def aim(self, target: str) -> Outcome:
        """Say what is to be predicted; `UsageError` where the outcome cannot tell it."""
        if target == CHANGE:
            return self.as_change()
        if target == SOFT:
            spec = self.spec
            if spec is None or spec.label_rule != "change":
                raise UsageError(
                    "Probabilities of response need a ResponseSpec with label_rule='change'",
                    where="target='soft'",
                    fix="Give outcome=(spec, frame).",
                )
            return replace(self, target=SOFT)
        return self


def read_outcome(outcome: Any, change: pd.Series | None = None, number: bool = False) -> Outcome:
    """Read a Series by subject, or (ResponseSpec, frame); everybody in it, sorted by subject."""
    if isinstance(outcome, tuple) and len(outcome) == 2 and isinstance(outcome[0], ResponseSpec):
        return _from_spec(*outcome)
    if isinstance(outcome, ResponseSpec):
        raise UsageError("A ResponseSpec needs its table", fix="Give outcome=(spec, frame).")
    if not isinstance(outcome, pd.Series):
        raise UsageError(
            f"outcome is a {type(outcome).__name__}",
            fix="Give a Series of 0 and 1 whose index is the subject, or (ResponseSpec, frame).",
        )
    series = _by_subject(outcome, "outcome")
    values = _numbers(series)
    finite = values[~np.isnan(values)]
    binary = bool(np.isin(finite, (0.0, 1.0)).all())
    if not binary and not number:
        raise InputError(
            f"The outcome holds {shown(pd.unique(finite))}, not 0 and 1",
            where="outcome",
            fix="Say who responded: give (ResponseSpec, frame), or a Series of 0 and 1.",
        )
    extra = None
    if change is not None:
        extra = _numbers(_by_subject(change, "change").reindex(series.index))
    elif not binary:
        extra = values
    frame = pd.DataFrame({schema.SUBJECT: series.index.to_numpy()}, index=series.index)
    subjects = series.index.to_numpy(dtype=object)
    target = LABEL if binary else CHANGE
    return Outcome(subjects, values, frame, None, extra, target)


def _from_spec(spec: ResponseSpec, frame: pd.DataFrame) -> Outcome:
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"The table of the ResponseSpec is a {type(frame).__name__}")
    if schema.SUBJECT in frame.columns:
        ids = frame[schema.SUBJECT]
    elif frame.index.name == schema.SUBJECT:
        ids = frame.index.to_series()
    else:
        raise InputError(
            f"The outcome table has no column {schema.SUBJECT!r}; it has {shown(frame.columns)}",
            fix=f"Rename the column of the person to {schema.SUBJECT!r}.",
        )
    table = frame.copy()
    table.index = _by_subject(pd.Series(0.0, index=pd.Index(ids)), "outcome", sort=False).index
    table = table.sort_index(kind="stable")
    if spec.arm is not None:
        arms = text_column(table, spec.arm, "Every person needs an arm.")
        trained = sorted({str(a) for a in arms} - {str(spec.control)})
        if len(trained) > 1:
            raise UsageError(
                f"Several arms trained: {shown(trained)}; they are never pooled",
                where=f"outcome[1][{spec.arm!r}]",
                fix="Give the rows of one of them, with those of the control arm if there is one.",
            )
    change = spec.change(table)
    value = np.full(len(table), NAN)
    own = treated(spec, table)
    for rows in (own, ~own):
        if rows.any():
            teach = table if isinstance(spec.reliability, str) else table.loc[rows]
            value[rows] = spec.label(teach, table.loc[rows]).to_numpy(dtype=float)
    return Outcome(table.index.to_numpy(dtype=object), value, table, spec, change)


def treated(spec: ResponseSpec, frame: pd.DataFrame) -> np.ndarray:
    """People of the arms that trained (mask); all where no control arm is named."""
    if spec.arm is None or spec.control is None:
        return np.ones(len(frame), dtype=bool)
    return np.asarray(frame[spec.arm].astype(str) != str(spec.control))


def _by_subject(series: pd.Series, what: str, sort: bool = True) -> pd.Series:
    missing = np.asarray(series.index.isna())
    if missing.any():
        raise InputError(f"{int(missing.sum())} rows of {what} have no subject", where=what)
    series = series.copy()
    series.index = pd.Index(series.index.astype(str).to_numpy(dtype=object))
    twice = series.index[series.index.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{shown(twice)} stand more than once", where=what, fix="Give one row a person."
        )
    return series.sort_index(kind="stable") if sort else series


def _numbers(series: pd.Series) -> np.ndarray:
    try:
        values = series.to_numpy(dtype=object, na_value=np.nan)
        return np.array([float(v) for v in values], dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"The outcome holds text: {shown(pd.unique(series))}",
            where="outcome",
            fix="Give 0 and 1 (or False and True), NaN where unknown.",
        ) from None
