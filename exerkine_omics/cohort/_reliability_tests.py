"""Repeated tests as arrays: joined by person, never by row order; text and infinity refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics.errors import InputError, shown
from exerkine_omics.kernels._reliability import intraclass

_MIN = 3


def paired_tests(
    first: Sequence[float] | np.ndarray | pd.Series,
    second: Sequence[float] | np.ndarray | pd.Series,
    first_name: str,
    second_name: str,
    strict: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays in the same order; Series are joined by index, never by row order."""
    if isinstance(first, pd.Series) and isinstance(second, pd.Series):
        if not first.index.equals(second.index):
            for series, name in ((first, first_name), (second, second_name)):
                if series.index.has_duplicates:
                    twice = series.index[series.index.duplicated()].unique()
                    raise InputError(
                        f"{shown(twice)} stand twice in the index of {name}",
                        fix="Give one value a person.",
                    )
            if strict and set(first.index) != set(second.index):
                raise InputError(
                    f"{first_name} and {second_name} have different people beside strata",
                    fix="Give all three in one order.",
                )
            people = first.index if strict else first.index.intersection(second.index)
            first, second = first.reindex(people), second.reindex(people)
    one, two = numbers(first, first_name), numbers(second, second_name)
    if one.shape != two.shape or one.ndim != 1:
        raise InputError(
            f"{first_name} has shape {one.shape} and {second_name} {two.shape}",
            fix="Give one value a person in each, in the same order.",
        )
    return one, two


def numbers(values: Sequence[float] | np.ndarray | pd.Series, name: str) -> np.ndarray:
    """Return values as float64; text and infinity are an `InputError`."""
    if isinstance(values, pd.Series):
        values = values.astype(object).where(values.notna(), np.nan).to_numpy()
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{name} holds text: {shown(values)}", fix="Give numbers.") from None
    if np.isinf(array).any():
        raise InputError(f"{name} is infinite in {int(np.isinf(array).sum())} places")
    return array


def repeated_tests(tests: pd.DataFrame | np.ndarray) -> np.ndarray:
    """People x tests of those with two tests or more."""
    frame = pd.DataFrame(tests)
    if frame.shape[1] < 2:
        raise InputError(
            f"There are {frame.shape[1]} columns", where="tests", fix="Give a column a test."
        )
    values = np.column_stack([numbers(frame[c], f"test {c!r}") for c in frame.columns])
    values = values[:, np.isfinite(values).any(axis=0)]
    values = values[np.isfinite(values).sum(axis=1) > 1]
    if len(values) < _MIN:
        raise InputError(
            f"{len(values)} people have two tests or more; a typical error needs {_MIN}",
            where="tests",
            fix="Add people, or use Reliability.from_typical_error(te, df=).",
        )
    return values


def is_real(value: object) -> bool:
    """Say whether a value is a number and not NaN."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not np.isnan(value)


def is_positive(value: object) -> bool:
    """Say whether a value is a finite number above 0."""
    real = is_real(value) and not isinstance(value, bool)
    return real and bool(np.isfinite(value) and value > 0)  # type: ignore[call-overload,operator]


def single_test_icc(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """ICC(3,1) with its interval; NaN where tests are missing."""
    if len(values) < _MIN or not np.isfinite(values).all():
        return (float("nan"),) * 3
    return intraclass(values, level)["consistency"]
