"""Conformal prediction: p of each class, width of an interval, from held-out people."""

from __future__ import annotations

import numpy as np


def conformal_rank(n: int, alpha: float) -> int | None:
    """Rank of the conformal quantile, ``ceil((n + 1)(1 - alpha))``; None where n is too small."""
    rank = int(np.ceil(round((n + 1) * (1 - alpha), 9)))
    return rank if rank <= n else None


def class_p_values(
    score: np.ndarray, label: np.ndarray, new: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """Label-conditional conformal p of both classes for new people (m x 2).

    Nonconformity of class 1 is ``-score``, of class 0 ``score`` (any rising function of the
    probability gives the same ranks); ``p_c = (1 + #{i of class c: s_i >= s_new}) / (n_c + 1)``.
    A class stays in the set where p > alpha; with fewer than ``1 / alpha - 1`` people of it that
    is always so.

    Parameters
    ----------
    score, label
        Held-out people (n,): higher means more likely class 1; 0 or 1.
    new
        Scores of new people (m,).
    groups
        People who belong together (n,) count once a class, by their largest nonconformity: of
        exchangeable groups that is the cautious member.

    References
    ----------
    Vovk V, Gammerman A, Shafer G (2005) Algorithmic Learning in a Random World.
    """
    found = np.empty((len(new), 2))
    for c, sign in ((0, 1.0), (1, -1.0)):
        own = label == c
        held = np.sort(_worst(sign * score[own], None if groups is None else groups[own]))
        above = len(held) - np.searchsorted(held, sign * new, side="left")
        found[:, c] = (1 + above) / (len(held) + 1)
    return found


def half_width(residual: np.ndarray, alpha: float, groups: np.ndarray | None = None) -> float:
    """Half width of an interval: the conformal quantile of absolute residuals (n,).

    Infinite where there are fewer than ``1 / alpha - 1`` people (or groups).
    """
    held = np.sort(_worst(np.abs(residual), groups))
    rank = conformal_rank(len(held), alpha)
    return float("inf") if rank is None else float(held[rank - 1])


def _worst(values: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    if groups is None or len(np.unique(groups)) == len(groups):
        return values
    _, number = np.unique(groups, return_inverse=True)
    found = np.full(number.max() + 1, -np.inf)
    np.maximum.at(found, number, values)
    return found
