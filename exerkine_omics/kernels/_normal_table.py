"""The normal distribution looked up in a table, as GSVA does it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

LAST = 10_000
"""Last entry: from 10 SDs on the distribution is 1."""
STEP = 1_000.0
"""Entries an SD; a value takes the entry at or below it."""


@lru_cache(maxsize=1)
def normal_table() -> np.ndarray:
    """Give the normal distribution function at 0, 0.001, ..., 10."""
    table = special.ndtr(np.arange(LAST + 1) / STEP)
    table[LAST] = 1.0
    table.flags.writeable = False
    return table
