"""Typical errors of published reliability studies."""

from __future__ import annotations

from importlib.resources import files
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.errors import UsageError


def typical_errors() -> pd.DataFrame:
    """Return the table that ships beside this file."""
    text = files("exerkine_omics.cohort").joinpath("typical_errors.tsv").read_text("utf-8")
    return pd.read_csv(StringIO(text), sep="\t")


def published(name: str) -> dict[str, Any]:
    """Words of ``Reliability.from_typical_error`` for a published value."""
    table = typical_errors().set_index("name")
    if name not in table.index:
        raise UsageError(
            f"There is no published typical error {name!r}",
            fix=f"There are {', '.join(table.index)}.",
        )
    row = table.loc[name]
    return {
        "typical_error": float(row["typical_error"]),
        "df": None if np.isnan(row["df"]) else float(row["df"]),
        "mean": float(row["mean"]),
        "source": str(row["citation"]),
    }
