"""Probabilistic quotient normalisation: how diluted a sample is, by the median of its quotients.

References
----------
Dieterle F, Ross A, Schlotterbeck G, Senn H (2006) Probabilistic quotient normalization as robust
method to account for dilution of complex biological mixtures. Anal Chem 78:4281-4290.
"""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels._normalizer import Normalizer, Tubes, medians


def fit_pqn(tubes: Tubes) -> np.ndarray:
    """Learn the reference spectrum (features): medians, NaN where a feature takes no part."""
    spectrum = medians(tubes.values, 0)
    usable = tubes.level if tubes.additive else tubes.level & (spectrum > 0)
    return np.where(usable, spectrum, np.nan)


def pqn_change(tubes: Tubes, spectrum: np.ndarray) -> np.ndarray:
    r"""Inverse of each sample's dilution, samples x 1.

    The dilution is the median over features of :math:`x_{ij} / r_j`, with r the reference
    spectrum; on a log scale that of :math:`x_{ij} - r_j`.
    """
    if tubes.additive:
        return -medians(tubes.values - spectrum, 1)[:, None]
    dilution = medians(tubes.values / spectrum, 1)
    return 1.0 / np.where(dilution > 0, dilution, np.nan)[:, None]


PQN = Normalizer(
    name="pqn",
    description="divide by the median of the quotients to the median spectrum",
    scales=("log", "Cq", "linear"),
    levels_samples=True,
    nan="the feature has no quotient in that sample",
    meaningless="where more than half of the features truly change together",
    fit=fit_pqn,
    change=pqn_change,
    takes=("features",),
    source="Dieterle F et al. (2006) Anal Chem 78:4281-4290",
)
