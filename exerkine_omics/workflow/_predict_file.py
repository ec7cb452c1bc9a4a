"""Predict new people from a model file and a file of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics import io, ml
from exerkine_omics.cohort import write_text
from exerkine_omics.errors import InputError


def predict_file(
    model: Path,
    data: Path,
    *,
    sha256: str | None = None,
    clinical: Path | None = None,
    out: Path | None = None,
    samples: Path | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """Load a model, read the data as `exo.io.read` does, predict; write a csv where asked."""
    fitted = ml.load(model, sha256)
    given = {k: v for k, v in reading.items() if v is not None}
    if samples is not None:
        given["samples"] = samples
    adata = io.read(data, **given)
    table = None if clinical is None else io.read_outcomes(clinical)
    found = fitted.predict(adata, clinical=table)
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_text(out, found.to_csv(index=False))
        except OSError as error:
            raise InputError(f"Cannot write here: {error.strerror}", where=str(out)) from error
    return found
