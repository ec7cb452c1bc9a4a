"""What to say of the wells of a qPCR run and of its technical replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import shown

_APART = 0.5  # Cq: replicates of a pipetted pair differ by less


def said(rows: pd.DataFrame, id: str, severity: str, what: str, fix: str = "") -> list[Finding]:
    """Return the finding that these wells are so; none where there is no such well."""
    if not len(rows):
        return []
    names = tuple(
        dict.fromkeys(
            " ".join(filter(None, (w.well or f"line {w.line}", w.sample, w.assay)))
            for w in rows.itertuples()
        )
    )
    text = f"{len(rows)} wells {what}: {shown(names)}."
    return [Finding(id, severity, text, names, fix)]


def replicate_findings(
    names: np.ndarray,
    wells_of: np.ndarray,
    n: np.ndarray,
    without: np.ndarray,
    spread: np.ndarray,
    persons: np.ndarray,
) -> list[Finding]:
    """Say which values are means, where replicates disagree, and what was not measured.

    Arrays are samples x assays: wells, determined wells, is one undetermined, largest difference;
    ``persons`` says which samples are a person's.
    """
    findings = []
    several = wells_of > 1
    if several.any():
        low, high = wells_of[several].min(), wells_of[several].max()
        text = (
            f"{int(several.sum())} of {int((wells_of > 0).sum())} values are means of "
            f"{low if low == high else f'{low} to {high}'} technical replicates, "
            "undetermined ones left out."
        )
        fix = 'replicates="keep" keeps them apart; the layers n_replicates, replicate_sd tell more.'
        findings.append(Finding("technical_replicates", "note", text, fix=fix))

    def of_samples(cells: np.ndarray, id: str, severity: str, what: str, fix: str) -> None:
        rows = tuple(names[cells.any(axis=1)])
        if rows:
            text = f"{int(cells.sum())} values {what}, in {len(rows)} samples: {shown(rows)}."
            findings.append(Finding(id, severity, text, rows, fix))

    apart = f"come of replicates that differ by more than {_APART} Cq"
    of_samples(spread > _APART, "replicates_differ", "warning", apart, "Look at them.")
    of_samples(without & (n > 0), "partly_undetermined", "warning",
               "come of replicates of which some were undetermined",
               "The mean of the others is too low a Cq where the amount is small.")  # fmt: skip
    ours = wells_of[persons]
    if len(ours) > 1:
        usual = np.array([np.bincount(column[column > 0]).argmax() if column.any() else 0
                          for column in ours.T])  # fmt: skip
        fewer = persons[:, None] & (wells_of > 0) & (wells_of < usual)
        what = "come of fewer wells than is usual for their assay"
        of_samples(fewer, "uneven_replicates", "note", what, "Were wells lost?")
        missing = persons[:, None] & (wells_of == 0) & (wells_of[persons].max(axis=0) > 0)
        rows = tuple(names[missing.any(axis=1)])
        if rows:
            first = int(missing.any(axis=1).argmax())
            text = (
                f"{len(rows)} samples were not measured with all assays: {shown(rows)}. "
                f"{rows[0]} lacks {int(missing[first].sum())} of {wells_of.shape[1]}."
            )
            findings.append(Finding("incomplete_samples", "warning", text, rows))
    return findings
