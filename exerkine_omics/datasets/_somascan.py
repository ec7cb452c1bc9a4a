"""Read the example of SomaDataIO: plasma of healthy donors at rest, one tube a person."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from anndata import AnnData

from exerkine_omics import io, schema
from exerkine_omics.cohort import meta

REST = "rest"


def read(files: dict[str, Path]) -> AnnData:
    """Return the donors: RFU, one time point, the calibrator beside them."""
    adata = io.read_adat(files["example_data10.adat"])
    people = (adata.obs[schema.SAMPLE_TYPE] == "sample").to_numpy()
    sheet = adata.obs.copy()
    sheet[schema.TIMEPOINT] = pd.Series(REST, index=sheet.index).where(people)
    sheet[schema.SUBJECT] = adata.obs_names.to_series().where(people)
    io.set_samples(adata, sheet, subject=schema.SUBJECT, timepoint=schema.TIMEPOINT, baseline=REST)
    meta(adata)[schema.SPECIES] = (
        "human"  # the file's !StudyOrganism is blank, its donors are people
    )
    return adata
