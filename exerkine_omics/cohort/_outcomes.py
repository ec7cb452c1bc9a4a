"""Outcome table of a training study: one row a person, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UsageError, shown


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One column name or several as a tuple."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def require_outcome_columns(frame: pd.DataFrame, *columns: str) -> None:
    """Raise `InputError` with the nearest name where a column is not there."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"Outcomes are a {type(frame).__name__}, not a DataFrame",
            fix="Give one row a person with a column each for pre and post.",
        )
    for column in columns:
        if column not in frame.columns:
            near = get_close_matches(str(column), [str(c) for c in frame.columns], n=1)
            raise InputError(
                f"The outcome table has no column {column!r}; it has {shown(frame.columns)}",
                where="outcomes",
                fix=f"Did you mean {near[0]!r}?" if near else "Name one of its columns.",
            )
        if list(frame.columns).count(column) > 1:
            raise InputError(f"The outcome table has two columns {column!r}", where="outcomes")


def number_column(frame: pd.DataFrame, column: str) -> np.ndarray:
    """Values of a column as float64 (n,), NaN where missing; text and infinity are errors."""
    require_outcome_columns(frame, column)
    values = frame[column]
    number = pd.to_numeric(values, errors="coerce").astype("Float64")
    array = number.to_numpy(dtype=float, na_value=np.nan)
    text = np.isnan(array) & values.notna().to_numpy()
    if pd.api.types.is_bool_dtype(values) or text.any():
        raise InputError(
            f"Column {column!r} holds {shown(values[text] if text.any() else values[:1])}, "
            "not numbers",
            where=f"outcomes[{column!r}]",
            fix="Correct the cells, or leave them empty where nothing was measured.",
        )
    if np.isinf(array).any():
        raise InputError(
            f"Column {column!r} is infinite in {int(np.isinf(array).sum())} rows",
            where=f"outcomes[{column!r}]",
            fix="Leave the cells empty where nothing was measured.",
        )
    return array


def text_column(frame: pd.DataFrame, column: str, why: str) -> np.ndarray:
    """Values of a column as str (n,); a missing one is an error."""
    require_outcome_columns(frame, column)
    missing = frame[column].isna().to_numpy()
    if missing.any():
        raise InputError(
            f"Column {column!r} is empty in rows {shown(frame.index[missing])}",
            where=f"outcomes[{column!r}]",
            fix=why,
        )
    return frame[column].astype(str).to_numpy(dtype=object)


def check_dose(adherence: str | None, minimum: float | None) -> None:
    """Raise `UsageError` unless the column of the dose and the least dose are given together."""
    if (adherence is None) != (minimum is None):
        raise UsageError(
            "adherence= and min_adherence= go together",
            fix="Name the column, and the dose below which a person did not train.",
        )
    number = isinstance(minimum, (int, float, np.integer, np.floating))
    if minimum is not None and (
        not number or isinstance(minimum, bool) or not np.isfinite(minimum)
    ):
        raise UsageError(f"min_adherence={minimum!r} is no dose", fix="Give a number.")


def below_dose(
    dose: np.ndarray, minimum: float, arm: np.ndarray | None, control: str | None
) -> np.ndarray:
    """People who trained less than the least dose (mask); nobody of the control arm."""
    trains = np.ones(len(dose), dtype=bool) if arm is None else arm != str(control)
    return np.asarray(trains & (dose < minimum))


def stratum(frame: pd.DataFrame, strata: Sequence[str]) -> np.ndarray:
    """One label a person (n,): the values of all strata columns, or one label for all."""
    columns = [text_column(frame, c, "Every person needs a stratum.") for c in strata]
    # a slash inside a value is doubled, so that no two strata share a label
    rows = zip(*columns, strict=True) if columns else [()] * len(frame)
    return np.array(["/".join(v.replace("/", "//") for v in row) for row in rows], dtype=object)


def outcome_table(
    outcomes: pd.DataFrame, *, subject: str, pre: str, post: str, arm: str | None = None
) -> pd.DataFrame:
    """One row a person, sorted by person: our names for the columns named, and ``row``.

    Sorted, so that the order of the input's rows changes no digit of any sum; ``row`` is the
    position in ``outcomes``, where the other columns stay.
    """
    if isinstance(outcomes, pd.DataFrame) and subject == outcomes.index.name:
        outcomes = outcomes.reset_index(drop=subject in outcomes.columns)
    require_outcome_columns(outcomes, subject, pre, post, *as_names(arm))
    if not len(outcomes):
        raise InputError("The outcome table has no rows", where="outcomes")
    people = text_column(outcomes, subject, "Every row needs the id of its person.")
    ids = pd.Index(people)
    if ids.has_duplicates:
        raise InputError(
            f"{shown(ids[ids.duplicated()].unique())} stand in more than one row",
            where=f"outcomes[{subject!r}]",
            fix="Give one row a person, with pre and post in two columns.",
        )
    columns = {
        schema.SUBJECT: people,
        schema.PRE: number_column(outcomes, pre),
        schema.POST: number_column(outcomes, post),
    }
    if arm is not None:
        columns[schema.ARM] = text_column(outcomes, arm, "Every person needs an arm.")
    table = pd.DataFrame({**columns, "row": np.arange(len(people))})
    table["change"] = table[schema.POST] - table[schema.PRE]
    return table.sort_values(schema.SUBJECT, kind="stable").reset_index(drop=True)
