"""What is to be known of a Biocrates file beside its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import shown
from exerkine_omics.io._biocrates_cells import NOT_STATED, Grid, words
from exerkine_omics.io._biocrates_samples import of_persons, word_for


def cell_findings(
    grid: Grid,
    values: np.ndarray,
    status: np.ndarray,
    stated: bool,
    derived: np.ndarray,
    obs: pd.DataFrame,
) -> list[Finding]:
    """Return what is to be known of the cells and of the file as a whole."""
    found = []
    ids = obs.index
    empty = np.isnan(values) & (status == NOT_STATED)
    rows = tuple(ids[(empty & ~derived).any(axis=1)])
    if rows:
        text = f"{int(empty.sum())} cells hold neither a value nor a status, in {shown(rows)}."
        found.append(Finding("incomplete_samples", "warning", text, rows))
    if grid.missing_rows:
        text = f"Other sections hold more of the tubes {shown(grid.missing_rows)}."
        fix = "Is the Concentration section cut? Export the file again."
        found.append(Finding("incomplete_samples", "warning", text, grid.missing_rows, fix))
    if not stated:
        text = "The file states no status of the values; only limits say what is below detection."
        found.append(Finding("status_missing", "warning", text))
    elif (np.isfinite(values) & (status == NOT_STATED)).any():
        bare = np.isfinite(values) & (status == NOT_STATED)
        text = f"{int(bare.sum())} values have no status."
        found.append(Finding("values_without_status", "warning", text))
    foreign = sorted(set(status.ravel()) - {NOT_STATED, *words()["statuses"]})
    if foreign:
        text = f"Statuses {shown(foreign)} are not known; they are kept in status_codes."
        found.append(Finding("status_unknown", "warning", text, tuple(foreign)))
    unfilled = np.array([c is None or c == "" for c in grid.values.ravel()]).reshape(status.shape)
    blank = unfilled & (status == "Valid")
    if blank.any():
        text = f"{int(blank.sum())} cells are empty and Valid: a formula that was never computed?"
        found.append(Finding("valid_without_value", "warning", text, tuple(ids[blank.any(axis=1)])))
    endless = np.isin(grid.values.astype(str), words()["endless"])
    if endless.any():
        text = f"{int(endless.sum())} values are infinite: a calibration gave no number. Now NaN."
        found.append(Finding("values_without_number", "note", text))
    if derived.any():
        names: Sequence[str] = np.array(grid.analytes)[derived].tolist()
        text = (
            f"{len(names)} columns are sums and ratios that the software derived: {shown(names)}."
        )
        fix = "They are no concentrations of a metabolite; var['Class'] tells them."
        found.append(Finding("metabolism_indicators", "note", text, tuple(names), fix))
    if scaling(grid):
        text = f"The file says {scaling(grid)!r}: whole samples were rescaled."
        found.append(Finding("samples_rescaled", "note", text))
    return found


def scaling(grid: Grid) -> str:
    """Return what the notes of the file say of rescaled samples."""
    return "; ".join(n for n in grid.notes if n.casefold().startswith("normali"))


def biology(
    grid: Grid, species: str | None, matrix_type: str | None
) -> tuple[tuple[str | None, str | None], list[Finding]]:
    """Species and matrix: what the call says, else what the file says of people's tubes."""
    found = []
    result: list[str | None] = []
    for column, section, given in (
        ("species", "species", species),
        ("material", "materials", matrix_type),
    ):
        texts = of_persons(grid, column)
        ours = {word_for(t, section) for t in texts}
        own = ours.pop() if len(ours) == 1 else None
        if given and own and given != own:
            text = f"The file says {shown(texts)} and the call {given!r}; the call holds."
            found.append(Finding(f"{column}_differs", "warning", text))
        elif not given and not own and texts:
            option = "species" if column == "species" else "matrix_type"
            text = f"{column.capitalize()} of the samples: {shown(texts)}."
            found.append(Finding(f"{column}_not_known", "note", text, fix=f"State {option}=."))
        result.append(given or own)
    return (result[0], result[1]), found
