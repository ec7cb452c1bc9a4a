"""The matrix as numbers: text is refused by name, missing words become NaN."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics.errors import InputError, brief, shown
from exerkine_omics.io._labels import unique_labels

MISSING_WORDS = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-nan", "NULL", "null"]
)
# "None" is a word in a sample sheet (an arm without training), never a concentration
_MISSING_NUMBERS = MISSING_WORDS | {"None"}


def numeric_matrix(matrix: pd.DataFrame, where: str = "matrix") -> pd.DataFrame:
    """Return samples x analytes as float64 with text ids; NaN stays, infinity is an error."""
    if not isinstance(matrix, pd.DataFrame):
        raise InputError(
            f"The matrix is a {type(matrix).__name__}, not a DataFrame of samples x analytes",
            where=where,
            fix="Read a file with exo.io.read_table, or give pd.DataFrame(values, index=ids).",
        )
    if matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise InputError(
            f"The matrix is empty: {matrix.shape[0]} samples x {matrix.shape[1]} analytes",
            where=where,
            fix="It needs samples as rows and analytes as columns.",
        )
    index = unique_labels(matrix.index, "sample id", f"index of the {where}")
    columns = unique_labels(matrix.columns, "analyte id", f"columns of the {where}")
    values = np.empty(matrix.shape, dtype=np.float64)
    wrong: list[tuple[str, str, str]] = []
    for number, name in enumerate(columns):
        numbers, text = to_numbers(matrix.iloc[:, number])
        values[:, number] = numbers
        wrong += [(name, index[row], cell) for row, cell in text]
    if wrong:
        raise _text_error(wrong, len(index), where)
    require_no_infinity(values, columns, where)
    return pd.DataFrame(values, index=index, columns=columns)


def require_no_infinity(values: np.ndarray, columns: pd.Index, where: str) -> None:
    """Raise `InputError` where values are infinite, naming their columns."""
    infinite = np.isinf(values)
    if infinite.any():
        named = columns[np.flatnonzero(infinite.any(axis=0))]
        raise InputError(
            f"{int(infinite.sum())} values are infinite, in {shown(named)}",
            where=where,
            fix="A logarithm of zero? Give the values before the logarithm, or NaN.",
        )


def to_numbers(column: pd.Series) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Return numbers with NaN, and the cells (row, text) that are none."""
    dtype = column.dtype
    is_number = pd.api.types.is_numeric_dtype(dtype) and not (
        pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_complex_dtype(dtype)
    )
    if is_number:
        return column.to_numpy(dtype=np.float64, na_value=np.nan), []
    items = column.astype(object).to_numpy()
    numbers = np.full(len(items), np.nan)
    wrong = []
    for row, item in enumerate(items):
        if isinstance(item, str):
            item = item.strip()
            if item in _MISSING_NUMBERS:
                continue
        elif item is None or (pd.api.types.is_scalar(item) and pd.isna(item)):
            continue
        number = _number(item)
        if number is None:
            wrong.append((row, brief(item)))
        else:
            numbers[row] = number
    return numbers, wrong


def _number(item: object) -> float | None:
    if isinstance(item, str):
        # Python reads 1_000 and nan(...) too; a lab file means neither
        if "_" in item:
            return None
        try:
            return float(item)
        except ValueError:
            return None
    if isinstance(item, (bool, np.bool_)) or not isinstance(
        item, (int, float, np.integer, np.floating)
    ):
        return None
    return float(item)  # type: ignore[arg-type]


def _text_error(wrong: list[tuple[str, str, str]], n_samples: int, where: str) -> InputError:
    counts = pd.Series([name for name, _, _ in wrong]).value_counts(sort=False)
    whole = [name for name, n in counts.items() if n == n_samples]
    cells = [cell for _, _, cell in wrong]
    examples = "; ".join(
        f"column {name!r}, sample {sample!r}: {cell!r}" for name, sample, cell in wrong[:5]
    )
    more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    fix = "Make them numbers or leave them empty."
    if any(c.lstrip().startswith(("<", ">")) for c in cells):
        fix = (
            "Values beyond a limit of detection: give the number that was measured, or leave "
            "the cell empty; they are never replaced silently."
        )
    elif any("," in c and c.replace(",", "", 1).replace("-", "", 1).isdigit() for c in cells):
        fix = 'Is it a decimal comma? exo.io.read_table(..., decimal=",") reads it.'
    elif whole:
        fix = f"Columns {shown(whole)} hold only text: do they belong in the sample sheet?"
    return InputError(f"The matrix holds text ({examples}{more})", where=where, fix=fix)
