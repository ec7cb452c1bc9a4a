"""Words for species and sample matrix, as people and vendors write them."""

from __future__ import annotations

import re

_SPECIES = {
    "human": ("human", "humans", "homo sapiens", "h. sapiens", "9606"),
    "rat": ("rat", "rats", "rattus norvegicus", "r. norvegicus", "rattus", "10116"),
    "mouse": ("mouse", "mice", "mus musculus", "m. musculus", "10090"),
}
_ANTICOAGULANT = {
    "plasma_edta": r"edta",
    "plasma_heparin": r"heparin\w*",
    "plasma_citrate": r"citrat\w*",
}
_MATRIX = {
    **_ANTICOAGULANT,
    "serum": r"serum|sera",
    "whole_blood": r"whole[\s_-]*blood",
    "ev": r"exosomes?|extracellular[\s_-]*vesicles?",
}


def species_of(text: str) -> str | None:
    """Return ``human``, ``rat`` or ``mouse``, another species in the text's own words, or None."""
    words = " ".join(text.strip().strip('"').split())
    if not words or words in ("-", "NA", "N/A"):
        return None
    for name, spellings in _SPECIES.items():
        if words.casefold() in spellings:
            return name
    return words


def matrix_of(text: str) -> str | None:
    """Return the one matrix of `schema.MATRICES` that a text names; None where none or several.

    "Plasma" alone does not say which, so it is none.
    """
    words = text.casefold().replace("_", " ")
    found = [m for m, pattern in _MATRIX.items() if re.search(rf"\b(?:{pattern})\b", words)]
    if len(found) == 1 and not (found[0] == "serum" and "plasma" in words):
        return found[0]
    return None
