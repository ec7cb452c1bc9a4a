"""Read the example of SomaDataIO: plasma of healthy donors at rest, one tube a person."""

from __future__ import annotations

from pathlib import Path

from anndata import AnnData

from exerkine_omics import io, schema
from exerkine_omics.cohort import meta

REST = "rest"


def read(files: dict[str, Path]) -> AnnData:
    """Return the donors: RFU, one time point, the calibrator beside them."""
    adata = io.read_adat(files["example_data10.adat"])
    people = (adata.obs[schema.SAMPLE_TYPE] == "sample").to_numpy()
    sheet = adata.obs.copy()
    sheet[schema.TIMEPOINT] = [REST if is_person else None for is_person in people]
    sheet[schema.SUBJECT] = [
        name if is_person else None
        for name, is_person in zip(adata.obs["SampleId"].astype(str), people, strict=True)
    ]
    io.set_samples(adata, sheet, subject=schema.SUBJECT, timepoint=schema.TIMEPOINT, baseline=REST)
    meta(adata)[schema.SPECIES] = (
        "human"  # the file's !StudyOrganism is blank, its donors are people
    )
    return adata
