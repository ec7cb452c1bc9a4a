"""The features of the simulated cohort and the measured parameters behind it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

from exerkine_omics.errors import UsageError


def _table(name: str) -> pd.DataFrame:
    with (files("exerkine_omics.datasets") / name).open(encoding="utf-8") as handle:
        return pd.read_csv(handle, sep="\t", keep_default_na=False)


@cache
def _panel() -> pd.DataFrame:
    return _table("panel.tsv")


@cache
def _parameters() -> dict[tuple[str, str], float]:
    table = _table("parameters.tsv")
    return dict(zip(zip(table["scope"], table["parameter"], strict=True), table["value"],
                    strict=True))  # fmt: skip


def panel(modality: str, n: int) -> pd.DataFrame:
    """Return the first ``n`` features of a modality, index = feature.

    Parameters
    ----------
    modality
        proteomics, metabolomics or mirna.
    n
        How many; the order is fixed, so more features leave the first ones as they are.
    """
    known = _panel()
    known = known[known["modality"] == modality]
    if not 0 <= n <= len(known):
        raise UsageError(
            f"The panel has {len(known)} features of {modality}, not {n}",
            fix=f"Ask for 0 to {len(known)}.",
        )
    return known.head(n).set_index("feature", drop=False).rename_axis(None)


def parameter(scope: str, name: str) -> float:
    """Return one measured parameter of parameters.tsv."""
    return float(_parameters()[scope, name])


def parameters() -> pd.DataFrame:
    """List the parameters of the simulated cohort: scope, parameter, value, source, derived.

    Use it to see where each number of `simulate` was measured, and how.

    Returns
    -------
    pandas.DataFrame
        One row a parameter; ``source`` is ``assumed`` where nothing was measured.

    Notes
    -----
    Missing values: none.
    """
    return _table("parameters.tsv")
