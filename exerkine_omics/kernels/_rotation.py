r"""Roast: whether the members of a set moved at all, by random rotations (Wu 2010).

The self-contained test of a set. When nothing moved, a feature's effects
:math:`(e_0, \ldots, e_d)` have no direction: turned by any random rotation, the same in all
features, they are as likely as they were. So u uniform on the unit sphere of 1 + d dimensions
gives the contrast's effect of a rotation, :math:`e_0^* = e'u`, and what is left of
:math:`\sum e_i^2` its residual variance; correlations between features are kept.

A set's weights enter as they are: their sign turns a member over, their size weighs it.

References
----------
Langsrud O (2005) Rotation tests. Statistics and Computing 15:53-60.
Wu D, Lim E, Vaillant F, Asselin-Labat ML, Visvader JE, Smyth GK (2010) ROAST: rotation gene set
tests for complex microarray experiments. Bioinformatics 26:2176-2182.
doi:10.1093/bioinformatics/btq401
Phipson B, Smyth GK (2010) Permutation P-values should never be zero. Stat Appl Genet Mol Biol 9,
article 39.
Bailey BJR (1980) Accurate normalizing transformations of a Student's t variate. Applied
Statistics 29:304-306.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from exerkine_omics.kernels._equal_df import chosen_prior, squeezed
from exerkine_omics.kernels._gene_effects import GeneEffects, moderated
from exerkine_omics.kernels._gene_sets import GeneSet, sizes
from exerkine_omics.kernels._set_statistic import SET_STATISTICS

_BLOCK = 1 << 20  # rotations x members held at once
_ACTIVE = np.sqrt(2.0)  # |z| above which a member moved
_LARGE_DF = 1e4  # beyond it Bailey's formula loses digits


@dataclass(frozen=True)
class RoastTest:
    """A rotation test of each set.

    Attributes
    ----------
    n
        Members.
    statistic
        The larger of the set statistics up and down, its sign the direction along the weights.
    p_value
        Two-sided p of a move in one direction.
    p_mixed
        p of moves in any direction.
    prop_up, prop_down
        Share of members whose z lies beyond sqrt(2) along, and against, their weight.
    n_rotations
        Rotations drawn.
    """

    n: np.ndarray
    statistic: np.ndarray
    p_value: np.ndarray
    p_mixed: np.ndarray
    prop_up: np.ndarray
    prop_down: np.ndarray
    n_rotations: int


def roast(
    effects: GeneEffects,
    sets: Sequence[GeneSet],
    n_rotations: int,
    rng: np.random.Generator,
    set_statistic: str = "mean",
    *,
    approx_zscore: bool = True,
) -> RoastTest:
    r"""Test sets by random rotations: limma's ``mroast``.

    Parameters
    ----------
    effects
        Effects of the contrast.
    sets
        Columns of the members and their signed weights.
    n_rotations
        Number of rotations, the same for all sets.
    rng
        Random generator; the draws depend on d alone.
    set_statistic
        Of the members' z: ``mean``, ``floormean`` (for mixed p no \|z\| below its median),
        ``mean50`` (the half that is furthest along) or ``msq`` (squares).
    approx_zscore
        z by Bailey's (1980) formula; exact, and slower, without.

    Returns
    -------
    RoastTest
        p = (b + 1) / (n_rotations + 1), b the rotations that reach the observed statistic. NaN
        for empty sets, and for all where the contrast has no residual df.

    Notes
    -----
    limma (3.54) draws rotations anew for each set. It also lets the sign of a weight into the
    mixed statistic of ``floormean``, loses it in the rotations of ``msq``, where it takes the root
    of the weights again every 1000 rotations, and does not count ties (all members at the floor):
    there the results differ on purpose.
    """
    statistic = SET_STATISTICS[set_statistic]
    size = sizes(sets)
    result = np.full((5, len(sets)), np.nan)
    filled = [i for i in range(len(sets)) if size[i] > 0]
    if effects.df < 1 or not filled:
        return _result(size, result, n_rotations)
    used = np.unique(np.concatenate([sets[i][0] for i in filled]))
    place = {i: np.searchsorted(used, sets[i][0]) for i in filled}
    e = effects.effects[:, used]
    prior = chosen_prior(effects.prior, used)
    df = np.broadcast_to(effects.df + (prior.df if prior.known else 0.0), used.shape)
    square = np.einsum("ij,ij->j", e, e)

    def scores(effect: np.ndarray) -> np.ndarray:
        rest = np.maximum(square - effect**2, 0.0) / effects.df
        t = moderated(effect, squeezed(rest, effects.df, prior))
        return _bailey(t, np.minimum(df, _LARGE_DF)) if approx_zscore else _exact(t, df)

    observed = scores(e[:1])
    seen = {i: [float(s[0]) for s in statistic(observed[:, place[i]], sets[i][1])] for i in filled}
    count = np.zeros((2, len(sets)), dtype=np.int64)
    for u in _directions(n_rotations, len(e), max(1, _BLOCK // len(used)), rng):
        z = scores(u @ e)
        for i in filled:
            up, down, mixed = statistic(z[:, place[i]], sets[i][1])
            count[0, i] += np.count_nonzero(np.maximum(up, down) >= max(seen[i][:2]))
            count[1, i] += np.count_nonzero(mixed >= seen[i][2])
    p = (count + 1) / (n_rotations + 1)
    for i in filled:
        plus, minus, either = seen[i]
        if not np.isfinite(either):  # nothing reaches a NaN, and p would be the smallest
            continue
        along = observed[0, place[i]] * np.sign(sets[i][1])
        active = (along > _ACTIVE).mean(), (along < -_ACTIVE).mean()
        result[:, i] = plus if plus >= minus else -minus, *p[:, i], *active
    return _result(size, result, n_rotations)


def _result(size: np.ndarray, numbers: np.ndarray, n_rotations: int) -> RoastTest:
    statistic, p, mixed, up, down = numbers
    return RoastTest(size, statistic, p, mixed, up, down, n_rotations)


def adjusted(p_value: np.ndarray, n_rotations: int, *, midp: bool = True) -> np.ndarray:
    """Benjamini-Hochberg's p of rotation tests (sets); NaN is no test.

    With ``midp`` half a rotation is taken off each p before, and no result is below its p: with
    few rotations and many sets the smallest possible p, 1 / (n_rotations + 1), is no bar then.
    """
    known = np.isfinite(p_value)
    result = np.full(len(p_value), np.nan)
    p = p_value[known]
    if len(p):
        moved = p - 0.5 / (n_rotations + 1) if midp else p
        result[known] = np.maximum(stats.false_discovery_control(moved), p)
    return result


def _directions(
    n: int, dimensions: int, at_once: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Random unit vectors as rows, in blocks whose size does not change them."""
    for start in range(0, n, at_once):
        u = rng.standard_normal((min(at_once, n - start), dimensions))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        yield u


def _bailey(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Take the normal score of t by Bailey's (1980) transformation."""
    root = np.sqrt((df + 19 / 12) * np.log1p(t / (df + 1 / 12) * t))
    return (df + 0.125) / (df + 1.125) * np.copysign(root, t)


def _exact(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Take the normal score of t through its tail."""
    size = np.abs(t)
    tail = np.where(np.isposinf(df), special.ndtr(-size), special.stdtr(df, -size))
    return np.copysign(special.ndtri(tail), t)
