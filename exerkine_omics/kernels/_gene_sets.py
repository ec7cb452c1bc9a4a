"""Signed sets of features, as the tests of sets take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GeneSet = tuple[np.ndarray, np.ndarray]
"""Columns of the members, each once, and their signed weights, none of them 0."""


def sizes(sets: Sequence[GeneSet]) -> np.ndarray:
    """Count the members of each set."""
    return np.array([len(members) for members, _ in sets], dtype=np.int64)
