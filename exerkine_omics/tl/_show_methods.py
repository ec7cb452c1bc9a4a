"""The scorers and the tests of signatures, and what to know before one is chosen."""

from __future__ import annotations

import pandas as pd

from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._scorers import SCORERS
from exerkine_omics.tl._enrich_methods import SET_METHODS

_CANDIDATES = "panels made of candidates: the features compared with respond as well"


def show_methods(kind: str = "score") -> pd.DataFrame:
    """List the scorers of `score` or the tests of `enrich`, and what to know before one is chosen.

    Parameters
    ----------
    kind
        ``score`` or ``enrich``.

    Returns
    -------
    DataFrame
        For ``score`` one row a scorer: method, description, units, depends_on (which other
        samples), nan (what a missing value does), meaningless (panels on which the score says
        nothing), competitive (whether members are compared with the panel's other features),
        options (with their defaults), source. For ``enrich`` one row a test: method, description,
        null (``competitive`` or ``self-contained``), nan, meaningless, options.

    Raises
    ------
    UsageError
        If ``kind`` is neither.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> exo.tl.show_methods()["method"].to_list()
    ['baseline_z', 'weighted_mean', 'ulm', 'singscore', 'ssgsea', 'gsva']
    """
    if kind == "enrich":
        return pd.DataFrame(
            [
                {
                    "method": m.name,
                    "description": m.description,
                    "null": "competitive" if m.competitive else "self-contained",
                    "nan": m.missing,
                    "meaningless": _CANDIDATES if m.competitive else "none",
                    "options": ", ".join(f"{k}={v[0]!r}" for k, v in m.options.items()),
                }
                for m in SET_METHODS.values()
            ]
        )
    if kind != "score":
        raise UsageError(f"kind={kind!r} is neither 'score' nor 'enrich'")
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
