"""A table of outcomes, one row a person."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._files import named_frame, read_cells, typed
from exerkine_omics.io._labels import require


def read_outcomes(path: str | Path, *, subject: str = schema.SUBJECT) -> pd.DataFrame:
    """Read outcomes before and after training, one row a person.

    Use it for the table that `exo.tl.responders` takes: VO2max, strength, weight.

    Parameters
    ----------
    path
        csv, tsv, xlsx or parquet; delimiter, decimal comma and encoding are detected.
    subject
        Column with the person; it is read as text, so that ``007`` stays ``007``.

    Returns
    -------
    DataFrame
        The file's columns; the row order is the file's.

    Raises
    ------
    InputError
        If the file cannot be read, the column is missing, or a person has two rows.

    Notes
    -----
    Missing values: empty cells and NA are NaN; a person without an id is an error.
    """
    path = Path(path)
    frame = typed(named_frame(read_cells(path, text=(subject,)), path), (subject,))
    require(frame, [subject], path.name)
    people = frame[subject]
    if people.isna().any():
        raise InputError(f"{int(people.isna().sum())} rows have no {subject!r}", where=str(path))
    twice = people[people.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{shown(twice)} stand in more than one row",
            where=f"{path}, column {subject!r}",
            fix="Keep one row a person, with the outcome before and after in two columns.",
        )
    return frame
