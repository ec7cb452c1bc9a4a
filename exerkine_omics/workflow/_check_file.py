"""Check one file from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from exerkine_omics import io, pp


def check_file(file: Path, samples: Path | None, **reading: Any) -> pd.DataFrame:
    """Read a file with the options of `exo.io.read_table`; the findings of `exo.pp.check`."""
    if file.suffix in (".h5ad", ".zarr"):
        return pp.check(io.read(file)).to_frame()
    return pp.check(io.read_table(file, samples, **reading)).to_frame()
