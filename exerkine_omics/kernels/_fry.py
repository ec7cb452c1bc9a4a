r"""Fry: whether the members of a set moved at all, as roast but without draws.

The self-contained test of a set by rotation (see `_rotation`), its tails taken by formula. A
set's weights enter as they are: their sign turns a member over, their size weighs it.

References
----------
Wu D, Lim E, Vaillant F, Asselin-Labat ML, Visvader JE, Smyth GK (2010) ROAST: rotation gene set
tests for complex microarray experiments. Bioinformatics 26:2176-2182.
doi:10.1093/bioinformatics/btq401
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from exerkine_omics.kernels._equal_df import equal_df_prior, squeezed
from exerkine_omics.kernels._gene_effects import GeneEffects, moderated
from exerkine_omics.kernels._gene_sets import GeneSet, sizes

_ROBUST_DF = 0.92  # df of a variance without its largest effect, as a share of d
_NODES, _MASSES = np.polynomial.legendre.leggauss(128)


@dataclass(frozen=True)
class FryTest:
    """A test of each set: members, t along the weights and its df, two-sided p, mixed p."""

    n: np.ndarray
    statistic: np.ndarray
    df: int
    p_value: np.ndarray
    p_mixed: np.ndarray


def fry(
    effects: GeneEffects,
    sets: Sequence[GeneSet],
    *,
    standardize: str = "posterior.sd",
    limma_mixed: bool = False,
) -> FryTest:
    r"""Test sets as roast would with endless rotations and weighted means of effects.

    The members' standardised effects are averaged with their weights, and the mean effect is
    tested against the d residual ones,

    .. math:: t = \bar e_0 \Big/ \sqrt{\tfrac1d \sum_{i=1}^d \bar e_i^2}

    The mixed p takes the share of :math:`\sum_{i,j} e_{ij}^2` that lies in the contrast; under
    rotation it is :math:`\sum_k a_k b_k`, a the squared singular values of the members' effects,
    b the squared coordinates of a random direction, and a beta distribution of the same range,
    mean and variance gives its tail.

    Parameters
    ----------
    effects
        Effects of the contrast.
    sets
        Columns of the members and their signed weights.
    standardize
        What each feature's effects are divided by. ``posterior.sd``: the SD of all its effects
        but the largest, squeezed to the prior of its residual variance; ``residual.sd``: not
        squeezed; ``p2``: squeezed to a prior of its own; ``none``: 1.
    limma_mixed
        limma's mixed p, which counts as many directions as there are singular values.

    Returns
    -------
    FryTest
        With one member the mixed p is the other one. NaN for empty sets, and for all sets where
        the contrast has no residual df.

    Notes
    -----
    p equals limma's ``fry`` (3.54) on rows in the order of `gene_effects`: the largest effect
    depends on the basis of the residual space, so limma's own p changes with the order of the
    samples. limma's mixed p is near 1 whatever the data for sets smaller than 1 + d (in
    simulations without any change its mean is 0.997 for 12 members on d = 38): it draws the
    direction in as many dimensions as there are members. Here it has all 1 + d; for larger sets
    the two are the same.
    """
    size = sizes(sets)
    result = np.full((3, len(sets)), np.nan)
    if effects.df < 1:
        return FryTest(size, result[0], effects.df, result[1], result[2])
    e = moderated(effects.effects, _scale(effects, standardize))
    for i, (members, weights) in enumerate(sets):
        if not len(members):
            continue
        mine = e[:, members] * weights
        average = mine.mean(axis=1)
        t = float(moderated(average[:1], np.mean(average[1:] ** 2))[0])
        p = float(2 * special.stdtr(effects.df, -abs(t)))
        result[:, i] = t, p, _mixed(mine, limma_mixed) if size[i] > 1 else p
    return FryTest(size, result[0], effects.df, result[1], result[2])


def _scale(effects: GeneEffects, standardize: str) -> np.ndarray:
    """Variance that a feature's effects are brought to."""
    if standardize == "none":
        return np.ones(effects.effects.shape[1])
    if standardize not in ("posterior.sd", "residual.sd", "p2"):
        raise ValueError(f"standardize={standardize!r}")
    d = effects.df
    square = effects.effects**2
    # expected largest of 1 + d squared normals: its quantile function, over the uniform's maximum
    node = (_NODES + 1) / 2
    largest = float(_MASSES / 2 @ ((d + 1) * node**d * special.chdtri(1, 1 - node)))
    variance = (square.sum(axis=0) - square.max(axis=0)) / (d + 1 - largest)
    if standardize == "residual.sd":
        return variance
    prior = effects.prior
    if standardize == "p2":
        covariate = effects.level if effects.trend else None
        prior = equal_df_prior(variance, _ROBUST_DF * d, covariate, effects.robust)
    return squeezed(variance, _ROBUST_DF * d, prior)


def _mixed(effects: np.ndarray, as_limma: bool) -> float:
    """Tail of the contrast's share of all squared effects ((1 + d) x members) under rotation."""
    if not np.isfinite(effects).all():
        return np.nan
    size = np.linalg.svd(effects, compute_uv=False) ** 2
    if not as_limma:
        size = np.concatenate([size, np.zeros(len(effects) - len(size))])
    n = len(size)
    low, width = size[-1], size[0] - size[-1]
    if not width > 0:  # nothing varies, or the same in all directions: no rotation matters
        return 1.0
    share = (size - low) / width
    observed = (float(effects[0] @ effects[0]) - low) / width
    mean = float(share.mean())
    # coordinates squared of a uniform direction: variance of each 2 (n - 1) / (n^2 (n + 2))
    variance = 2 * float(((share - mean) ** 2).mean()) / (n + 2)
    total = mean * (1 - mean) / variance - 1
    a, b = total * mean, total * (1 - mean)
    return float(special.betaincc(a, b, np.clip(observed, 0.0, 1.0)))
