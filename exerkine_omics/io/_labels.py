"""Ids and names as text: what a cell of a sheet means, and in which order names stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from exerkine_omics.errors import InputError, shown

_DIGITS = re.compile(r"(\d+(?:\.\d+)?)")


def text_of(value: object) -> str:
    """Write a value as a label: 3.0 is ``3``, a date is ISO, text stays verbatim."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def is_missing(value: object) -> bool:
    """Say whether a label is absent: NaN, None, or nothing but blanks."""
    if isinstance(value, str):
        return not value.strip()
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]


def unique_labels(values: Iterable[object], what: str, where: str) -> pd.Index:
    """Return ids as text; missing and repeated ones are an error, they are never averaged."""
    if isinstance(values, pd.MultiIndex):
        raise InputError(f"The {what}s have several levels", where=where, fix="Use one id each.")
    items = list(values)
    absent = [i + 1 for i, v in enumerate(items) if is_missing(v)]
    if absent:
        raise InputError(
            f"There is no {what} at position {shown(absent)}", where=where, fix="Give it an id."
        )
    index = pd.Index([text_of(v) for v in items], dtype=str)
    if index.has_duplicates:
        raise InputError(
            f"The {what}s {shown(index[index.duplicated()].unique())} stand more than once",
            where=where,
            fix="Keep one of each or give them ids of their own; duplicates are never averaged.",
        )
    return index


def natural_key(label: str) -> tuple[tuple[int, float, str], ...]:
    """Sort key in which ``week 2`` stands before ``week 10``, and -10 before 0."""
    try:
        return ((0, float(label), ""),)
    except ValueError:
        pieces = [p for p in _DIGITS.split(label.casefold()) if p]
    return tuple((0, float(p), "") if p[0].isdecimal() else (1, 0.0, p) for p in pieces)


def natural_sort(labels: Iterable[str]) -> list[str]:
    """Sort names as a person would; ties are broken by the text itself."""
    return sorted(labels, key=lambda v: (natural_key(v), v))


def near(name: str, names: Iterable[object]) -> str:
    """Sentence with the nearest names, or all that there are."""
    known = [str(n) for n in names]
    folded = {n.casefold().strip(): n for n in known}
    close = [
        folded[n] for n in get_close_matches(name.casefold().strip(), list(folded), n=3, cutoff=0.6)
    ]
    if close:
        return f"Did you mean {shown(close)}?"
    return f"There are {shown(known)}."


def require(frame: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    """Raise `InputError` for the first column that is not there."""
    for column in columns:
        if column in frame.columns:
            continue
        if column == frame.index.name:
            fix = f"{column!r} is the index: call reset_index on the frame."
        else:
            fix = near(column, frame.columns)
        raise InputError(f"There is no column {column!r}", where=where, fix=fix)
