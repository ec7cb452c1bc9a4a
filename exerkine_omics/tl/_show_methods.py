"""The scorers and what to know before one is chosen."""

from __future__ import annotations

import pandas as pd

from exerkine_omics.kernels._scorers import SCORERS


def show_methods() -> pd.DataFrame:
    """List the scorers of `score`, and what to know before one is chosen.

    Returns
    -------
    DataFrame
        One row a scorer: method, description, units, depends_on (which other samples), nan (what a
        missing value does), meaningless (panels on which the score says nothing), competitive
        (whether members are compared with the panel's other features), options (with their
        defaults), source.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> exo.tl.show_methods()["method"].to_list()
    ['baseline_z', 'weighted_mean', 'ulm', 'singscore', 'ssgsea', 'gsva']
    """
    return pd.DataFrame(
        [
            {
                "method": s.name,
                "description": s.description,
                "units": s.units,
                "depends_on": s.depends_on,
                "nan": s.nan,
                "meaningless": s.meaningless,
                "competitive": s.competitive,
                "options": ", ".join(f"{k}={v!r}" for k, v in s.defaults().items()),
                "source": s.source,
            }
            for s in SCORERS.values()
        ]
    )
