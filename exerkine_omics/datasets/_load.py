"""Public cohorts by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import add_step, meta
from exerkine_omics.datasets import _heritage, _rats, _somascan, _ultramarathon
from exerkine_omics.datasets._heritage import HeritageTraining
from exerkine_omics.datasets._rats import RatTraining
from exerkine_omics.datasets._registry import fetch, registry
from exerkine_omics.errors import InputError, shown

READERS: dict[str, Callable[[dict[str, Path]], Any]] = {
    "ultramarathon": _ultramarathon.read,
    "rats": _rats.read,
    "heritage": _heritage.read,
    "somascan": _somascan.read,
}


def load(name: str) -> AnnData | RatTraining | HeritageTraining:
    """Load a public cohort: from EXERKINE_DATA_DIR where it is there, else by download.

    Use it to try an analysis on real data. A repository's files are of a pinned commit; all are
    checked by sha256 where that is known; `available` lists names, licences and citations.

    Parameters
    ----------
    name
        ``ultramarathon_50km`` or ``somascan_example`` (an AnnData; the second is cross-sectional),
        ``rat_training`` (a `RatTraining` with ``.adata`` and ``.outcomes``) or
        ``heritage_somascan`` (a `HeritageTraining` with the same two; not yet run on the real
        file).

    Returns
    -------
    AnnData, RatTraining or HeritageTraining
        As the registry says for this name. ``uns["exerkine"]["provenance"]`` holds source,
        commit, licence and citation.

    Raises
    ------
    InputError
        For an unknown name, or files that are neither there nor can be downloaded.

    Notes
    -----
    Missing values: as in the source, NaN; visits without any measurement have no row.
    """
    if name not in registry():
        near = get_close_matches(str(name), list(registry()), n=3, cutoff=0.4)
        raise InputError(
            f"There is no cohort {name!r}",
            where="exo.datasets.load",
            fix=f"Near: {shown(near)}." if near else f"Known: {shown(registry())}.",
        )
    dataset = registry()[name]
    loaded = READERS[dataset["reader"]](fetch(dataset))
    adata = loaded if isinstance(loaded, AnnData) else loaded.adata
    keys = ("repository", "commit", "source", "licence", "citation", "description")
    stated = {k: str(dataset.entry[k]) for k in keys if dataset.entry.get(k)}
    meta(adata)[schema.PROVENANCE] = {"name": name, **stated}
    meta(adata)[schema.PROVENANCE]["notes"] = json.dumps(dataset["notes"])
    add_step(adata, "datasets.load", name=name, commit=dataset["commit"] or "")
    return loaded
