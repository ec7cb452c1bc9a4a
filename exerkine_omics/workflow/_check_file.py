"""Check one file from the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from exerkine_omics import io, pp


def check_file(
    file: Path,
    samples: Path | None,
    *,
    subject: str,
    timepoint: str,
    baseline: str,
    arm: str | None,
    units: str | None,
    modality: str,
    orientation: str,
) -> pd.DataFrame:
    """Read a file as `exo.io` does and return the findings of `exo.pp.check`."""
    if file.suffix in (".h5ad", ".zarr"):
        return pp.check(io.read(file)).to_frame()
    adata = io.read_table(
        file,
        samples,
        orientation=orientation,
        subject=subject,
        timepoint=timepoint,
        baseline=baseline,
        arm=arm,
        units=units,
        modality=modality,
    )
    return pp.check(adata).to_frame()
