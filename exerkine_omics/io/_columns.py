"""Vendors' column names, kept as YAML in ``columns/``: a renamed column is a line there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml


@lru_cache
def column_map(vendor: str) -> Mapping[str, Any]:
    """Return the map of a vendor: sections (obs, var, layers, ...) of ``ours: [theirs, ...]``."""
    text = files("exerkine_omics.io").joinpath("columns", f"{vendor}.yaml").read_text("utf-8")
    return yaml.safe_load(text)


def plain(name: object) -> str:
    """Spell a column name without capitals, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def matched(header: Iterable[object], section: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return ``{ours: theirs}`` for the columns of a header that a section of the map knows.

    Where several spellings are there the map's earlier one wins; capitals, blanks and
    punctuation do not count.
    """
    there: dict[str, str] = {}
    for name in header:
        there.setdefault(plain(name), str(name))
    found = {}
    for ours, spellings in section.items():
        for spelling in spellings:
            if plain(spelling) in there:
                found[ours] = there[plain(spelling)]
                break
    return found
