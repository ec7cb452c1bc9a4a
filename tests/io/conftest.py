"""A small cohort as frames."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def frames() -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Four people, two visits, three proteins; the sheet stands in another order."""
    rng = np.random.default_rng(1)
    people = ["P01", "P02", "P03", "P04"]
    rows = [(f"{p}_{v}", p, v, 30.5 + i) for i, p in enumerate(people) for v in ("post", "pre")]
    sheet = pd.DataFrame(rows, columns=["tube", "who", "visit", "age"]).set_index("tube")
    matrix = pd.DataFrame(
        rng.normal(5, 1, (8, 3)), index=sheet.index, columns=["IL6", "12,13-DiHOME", "MSTN"]
    )
    matrix.iloc[1, 2] = np.nan
    how = {
        "subject": "who",
        "timepoint": "visit",
        "baseline": "pre",
        "units": "NPX",
        "modality": "proteomics",
        "matrix_type": "plasma_edta",
    }
    return matrix, sheet.iloc[::-1], how


@pytest.fixture(scope="session")
def vendor_files() -> dict[str, bytes]:
    """Small whole files of every vendor format, in our own words: ``{name.ext: content}``.

    Each ``make_<vendor>.py`` beside this file makes its own as ``files()``.
    """
    made: dict[str, bytes] = {}
    for path in sorted(Path(__file__).parent.glob("make_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made |= module.files()
    return made
