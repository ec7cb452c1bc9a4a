"""The sample sheet: who, when, which arm; cleaned so that h5ad takes every column."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._labels import (
    is_missing,
    natural_sort,
    near,
    require,
    text_of,
    unique_labels,
)

SHEET = "sample sheet"


def index_samples(samples: pd.DataFrame, known: pd.Index) -> tuple[pd.DataFrame, list[Finding]]:
    """Give the sheet its ids: those of its index, or of a ``sample_id`` column.

    The column is taken where it names more samples of the matrix than the index does; a default
    row number is never preferred to it.
    """
    if not isinstance(samples, pd.DataFrame):
        raise InputError(
            f"The samples are a {type(samples).__name__}, not a DataFrame",
            where=SHEET,
            fix="Give one row a sample, or read files with exo.io.read_table.",
        )
    if not len(samples):
        raise InputError("The sample sheet has no rows", where=SHEET, fix="One row a sample.")
    frame = samples.copy()
    findings = []
    if schema.SAMPLE_ID in frame.columns:
        column = frame.pop(schema.SAMPLE_ID)
        by_column = pd.Index([text_of(v) for v in column], dtype=str).isin(known).sum()
        by_index = pd.Index([text_of(v) for v in frame.index], dtype=str).isin(known).sum()
        numbered = isinstance(frame.index, pd.RangeIndex)
        if by_column > by_index or (by_column == by_index and numbered):
            frame.index = pd.Index(column)
        elif [text_of(v) for v in column] != [text_of(v) for v in frame.index]:
            findings.append(
                Finding(
                    "sample_id_column_dropped",
                    "warning" if by_column else "note",
                    "The column 'sample_id' differs from the index of the sample sheet and was "
                    "dropped; the index is the id.",
                    fix="Make the column the index if it is the id.",
                )
            )
    where = f"index of the {SHEET}"
    frame.index = unique_labels(frame.index, "sample id", where)
    frame.index.name = schema.SAMPLE_ID
    return frame, findings


def assign_roles(
    frame: pd.DataFrame, *, subject: str, timepoint: str, arm: str | None
) -> pd.DataFrame:
    """Rename the user's columns to ours; another column of that name is an error."""
    roles = {subject: schema.SUBJECT, timepoint: schema.TIMEPOINT}
    if arm is not None:
        roles[arm] = schema.ARM
    if len(roles) < 2 + (arm is not None):
        raise UsageError(
            f"One column cannot be two things: subject={subject!r}, timepoint={timepoint!r}, "
            f"arm={arm!r}",
            fix="Name a column for each.",
        )
    names = pd.Index([str(c) for c in frame.columns], dtype=str)
    if names.has_duplicates:
        raise InputError(
            f"Columns {shown(names[names.duplicated()].unique())} stand more than once",
            where=SHEET,
            fix="Rename or drop one of each.",
        )
    frame = frame.set_axis(names, axis=1)
    require(frame, list(roles), SHEET)
    for theirs, ours in roles.items():
        if theirs != ours and ours in frame.columns and ours not in roles:
            raise InputError(
                f"{theirs!r} is to become {ours!r}, and there is another column {ours!r}",
                where=SHEET,
                fix=f"Rename or drop that column, or name {ours!r} in the call.",
            )
    frame = frame.rename(columns=roles)
    refuse_names(frame.columns, "obs")
    return frame


def refuse_names(names: pd.Index, where: str) -> None:
    """Refuse column names that an h5ad file cannot hold."""
    slashed = [c for c in names if "/" in str(c)]
    if slashed:
        better = {str(c): str(c).replace("/", "_") for c in slashed[:5]}
        raise InputError(
            f"Column names {shown(slashed)} hold a '/', which h5ad reads as a folder",
            where=where,
            fix=f"Rename them: .rename(columns={better}).",
        )
    reserved = [c for c in names if str(c) in ("_index", "")]
    if reserved:
        raise InputError(
            f"The column name {shown(reserved)} cannot be stored", where=where, fix="Rename it."
        )


def require_roles(frame: pd.DataFrame) -> None:
    """Raise where a sample has no subject or no time point, naming the rows."""
    for column in (schema.SUBJECT, schema.TIMEPOINT):
        absent = [i for i, v in zip(frame.index, frame[column], strict=True) if is_missing(v)]
        if absent:
            raise InputError(
                f"Samples {shown(absent)} have no {column}",
                where=f"{SHEET}, column {column!r}",
                fix="Fill it in, or take these samples out of the sheet.",
            )


def order_timepoints(
    values: pd.Series, order: Sequence[object] | None, baseline: object
) -> tuple[pd.Series, str, list[Finding]]:
    """Ordered categorical with the baseline first, the baseline's name, and what was guessed."""
    labels = values.astype(object).map(text_of)
    first = text_of(baseline)
    present = natural_sort(set(labels))
    findings = []
    if first not in present:
        raise InputError(
            f"The baseline {first!r} is not among the time points",
            where=f"{SHEET}, column {schema.TIMEPOINT!r}",
            fix=near(first, present),
        )
    if order is not None:
        levels = [text_of(v) for v in order]
        absent = [v for v in present if v not in levels]
        if absent or len(set(levels)) < len(levels):
            what = f"lacks {shown(absent)}" if absent else "names a time point twice"
            raise InputError(
                f"timepoint_order {what}",
                where="timepoint_order=",
                fix=f"It must name each of {shown(present)} once.",
            )
    elif isinstance(values.dtype, pd.CategoricalDtype):
        levels = [v for v in (text_of(c) for c in values.cat.categories) if v in present]
    else:
        levels = present
        if len(present) > 2 and not pd.api.types.is_numeric_dtype(values.dtype):
            guessed = [first, *[v for v in present if v != first]]
            findings.append(
                Finding(
                    "timepoint_order_guessed",
                    "note",
                    f"The order of the time points is a guess: {', '.join(guessed)}.",
                    fix="Give timepoint_order= if another is meant.",
                )
            )
    if levels[0] != first and (order is not None):
        findings.append(
            Finding(
                "baseline_moved_first",
                "note",
                f"The baseline {first!r} was put before {levels[0]!r} in the order of time points.",
            )
        )
    levels = [first, *[v for v in levels if v != first]]
    ordered = pd.Categorical(labels, categories=levels, ordered=True)
    return pd.Series(ordered, index=values.index, name=schema.TIMEPOINT), first, findings


def storable(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Make each column one that h5ad takes: numbers, bool, or categorical text."""
    columns, dated, mixed = {}, [], []
    for name, column in frame.items():
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in ("datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"):
            columns[name] = _categories(column)
            dated.append(str(name))
        elif kind == "categorical":
            columns[name] = _categories(column, [text_of(c) for c in column.cat.categories])
        elif kind == "boolean" and not column.isna().any():
            columns[name] = column.astype(bool)
        elif kind in ("integer", "floating", "mixed-integer-float", "decimal") or (
            column.isna().all()
        ):
            whole = kind == "integer" and not column.isna().any()
            columns[name] = column.astype("float64" if not whole else "int64")
        else:
            columns[name] = _categories(column)
            if kind.startswith("mixed") or kind in ("bytes", "complex"):
                mixed.append(str(name))
    findings = []
    if dated:
        findings.append(
            Finding(
                "dates_as_text",
                "note",
                f"Dates in {shown(dated)} are kept as ISO text.",
                fix="Give minutes or days since baseline as a number to compute with them.",
            )
        )
    if mixed:
        findings.append(
            Finding(
                "mixed_column_as_text",
                "warning",
                f"Columns {shown(mixed)} hold text and numbers; they are kept as text.",
                fix="Give each column one kind of value.",
            )
        )
    return pd.DataFrame(columns, index=frame.index), findings


def as_levels(column: pd.Series) -> pd.Series:
    """Subjects or arms as categorical text, a given order of categories kept."""
    given = None
    if isinstance(column.dtype, pd.CategoricalDtype):
        given = [text_of(c) for c in column.cat.categories]
    return _categories(column, given)


def _categories(column: pd.Series, levels: list[str] | None = None) -> pd.Series:
    # by a list: a frame's map would turn integers beside NaN into floats
    labels = [None if is_missing(v) else text_of(v) for v in column.astype(object)]
    present = {v for v in labels if v is not None}
    known = natural_sort(present) if levels is None else [v for v in levels if v in present]
    ordered = levels is not None and bool(getattr(column.dtype, "ordered", False))
    values = pd.Categorical(labels, categories=list(dict.fromkeys(known)), ordered=ordered)
    return pd.Series(values, index=column.index, name=column.name)
