r"""Did any member of a set change, in any direction: permutation of whole persons.

The statistic of a set is the weighted mean of its members' squared standardised sums,

.. math:: M = \sum_j |w_j| z_j^2 \Big/ \sum_j |w_j|

each :math:`z_j^2` with mean 1 over all draws. A draw flips (or relabels) the same people in all
members, so that their correlation stays what it is; see `_signflip` for the draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from exerkine_omics.kernels import _signflip

# draws that reach the observed value up to rounding are tied with it
_TIE = 1e-10


def flip_members(
    changes: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    n_draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    r"""Mixed p of sets of changes under sign flips of whole persons.

    .. math:: z_j = \sum_i s_i d_{ij} \Big/ \sqrt{\sum_i d_{ij}^2}

    Parameters
    ----------
    changes
        People x members for each set; NaN is a person whose flip does not matter to this member.
        The people of all sets are the same rows.
    weights
        Weights of each set's members, of which the size counts and the sign does not.
    n_draws
        Number of random flips where there are more than 16 384 (and more than ``n_draws``) of
        them; below that all are taken.
    rng
        Random generator; draws depend on the number of rows only.

    Returns
    -------
    ndarray
        p of each set: with all flips the share whose M is at least the observed, with random ones
        (b + 1) / (m + 1). A member whose changes are all zero adds nothing to M.
    """
    change, size, start = _side_by_side(changes, weights)
    there = np.isfinite(change).any(axis=1)
    change = change[there]
    people = len(change)
    rows = _signflip.to_unit(np.where(np.isfinite(change), change, 0.0)).T

    def score(signs: np.ndarray) -> np.ndarray:
        z = rows @ signs.T
        z *= z
        z *= size
        return np.add.reduceat(z, start, axis=0)

    exact = people < 60 and 1 << people <= max(_signflip.ALL, n_draws)
    draws = _signflip.all_flips(people) if exact else _signflip.random_flips(there, n_draws, rng)
    count = 1 << (people - 1) if exact else n_draws
    return _count(score, np.ones((1, people)), draws, count, exact, len(rows))


def permute_members(
    changes: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    first: np.ndarray,
    n_draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    r"""Mixed p of sets under exchange of the people's arms; see `flip_members`.

    .. math:: z_j^2 = \frac{n_j (n_j - 1)}{n_{1j} n_{2j}} T_j^2 \Big/ \sum_i (d_{ij} - \bar d_j)^2

    with :math:`T_j` the sum of the centred changes over the first arm.

    Parameters
    ----------
    changes, weights, n_draws, rng
        As in `flip_members`; a change has the same sign in both arms.
    first
        Whether a person is of the first arm (people).

    Returns
    -------
    ndarray
        p of each set. In a labelling that leaves a member nobody in an arm, that member adds
        nothing to M.
    """
    change, size, start = _side_by_side(changes, weights)
    finite = np.isfinite(change)
    there = finite.any(axis=1)
    change, finite, first = change[there], finite[there], first[there]
    people, n_first = len(change), int(first.sum())
    n = finite.sum(axis=0)[:, None].astype(float)
    mean = np.where(finite, change, 0.0).sum(axis=0) / np.maximum(n[:, 0], 1.0)
    rows = _signflip.to_unit(np.where(finite, change - mean, 0.0)).T
    present = finite.T.astype(float)
    complete = bool(finite.all())

    def score(label: np.ndarray) -> np.ndarray:
        one = float(n_first) if complete else present @ label.T
        product = one * (n - one)
        z = rows @ label.T
        z *= z
        with np.errstate(invalid="ignore", divide="ignore"):
            z *= np.where(product > 0, n * (n - 1) / product, 0.0)
        z *= size
        return np.add.reduceat(z, start, axis=0)

    labellings = math.comb(people, n_first)
    exact = labellings <= max(_signflip.ALL, n_draws)
    draws = (
        _signflip.all_labels(people, n_first)
        if exact
        else _signflip.random_labels(there, n_first, n_draws, rng)
    )
    own = first.astype(float)[None]
    return _count(score, own, draws, labellings if exact else n_draws, exact, len(rows))


def _side_by_side(
    changes: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All sets' members in one matrix, their shares of weight, the first column of each set."""
    share = [np.abs(w) / np.abs(w).sum() for w in weights]
    start = np.cumsum([0, *(len(w) for w in weights)])[:-1]
    return np.hstack(changes), np.concatenate(share)[:, None], start


def _count(
    score: Callable[[np.ndarray], np.ndarray],
    own: np.ndarray,
    draws: _signflip.Draws,
    count: int,
    exact: bool,
    n_members: int,
) -> np.ndarray:
    observed = score(own)
    limit = observed * (1.0 - _TIE)
    reached = np.zeros(len(observed), dtype=np.int64)
    for block in draws(max(_signflip.BLOCK // n_members, 1)):
        reached += (score(block) >= limit).sum(axis=1)
    extra = 0 if exact else 1
    return np.asarray((reached + extra) / (count + extra))
