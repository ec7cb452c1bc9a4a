"""Conformal prediction: classes and intervals whose error rate holds for any model.

Scores, labels and residuals come from people whom the model that gave them did not see (held out,
or out of fold); a NaN among them counts as an absent row.

References
----------
Vovk V, Gammerman A, Shafer G (2005) Algorithmic learning in a random world. Springer.

Vovk V (2015) Cross-conformal predictors. Ann Math Artif Intell 74:9-28.
"""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-9  # of a p-value k/(n + 1) against alpha


def conformal_rank(n: int, alpha: float) -> int | None:
    """Rank of the conformal quantile, ``ceil((n + 1)(1 - alpha))``; None where n is too small."""
    rank = int(np.ceil(round((n + 1) * (1 - alpha), 9)))
    return rank if rank <= n else None


def class_p_values(
    score_cal: np.ndarray,
    label_cal: np.ndarray,
    score_new: np.ndarray,
    groups_cal: np.ndarray | None = None,
) -> np.ndarray:
    r"""P-value of each class for each new person, against calibration people of that class.

    With s the nonconformity :math:`1 - P(c)` and :math:`n_c` calibration people of class c,

    .. math:: p_c = \frac{1 + \#\{i: y_i = c,\ s_i \ge s_{new}\}}{n_c + 1}

    If the new person is of class c and exchangeable with those of the calibration set,
    :math:`P(p_c \le \alpha) \le \alpha`, in each class by itself (label-conditional, "Mondrian").
    Scores of several folds' models keep this about, not exactly.

    Parameters
    ----------
    score_cal, label_cal
        Predicted probability of class 1 (any increasing function of it serves as well) and class,
        0 or 1, of n calibration rows.
    score_new
        The same score of m new people.
    groups_cal
        Person or family of each calibration row. Rows of one group are not exchangeable with
        those of others, groups are: a group counts once in a class, by its row of that class that
        conforms worst. The new row is at most as bad as the worst of its own group, so the
        p-value stays valid, for every row of the new group at once; it is cautious.

    Returns
    -------
    ndarray
        m x 2, columns class 0 and class 1; 1 where a class has no calibration people, NaN where
        the new score is NaN.
    """
    columns = []
    for c, sign in enumerate((1.0, -1.0)):
        # against class 0 speaks a high probability of class 1, against class 1 a low one
        worst = np.sort(_worst(sign * score_cal, label_cal == c, groups_cal))
        at_least = len(worst) - np.searchsorted(worst, sign * score_new, side="left")
        columns.append((1.0 + at_least) / (len(worst) + 1.0))
    return np.where(np.isnan(score_new)[:, None], np.nan, np.column_stack(columns))


def class_sizes(
    score_cal: np.ndarray, label_cal: np.ndarray, groups_cal: np.ndarray | None = None
) -> np.ndarray:
    """Calibration people of class 0 and of class 1; with groups, the groups that have one."""
    return np.array([len(_worst(score_cal, label_cal == c, groups_cal)) for c in (0, 1)])


def prediction_sets(
    p_values: np.ndarray, alpha: float, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Classes that are not refuted, ``p_c > alpha``.

    A class of fewer than ``ceil(1/alpha) - 1`` calibration people can never be refuted, and a
    set of that class alone would look sure of what was never tried: both classes then stay in
    every set. A set of both says "do not know"; an empty one, that the person is like neither.

    Parameters
    ----------
    p_values
        m x 2, of `class_p_values`; a NaN refutes nothing.
    alpha
        Error rate in each class.
    sizes
        Calibration people of each class, of `class_sizes`.

    Returns
    -------
    sets : ndarray
        m x 2, bool.
    judged : ndarray
        2, bool: has the class people enough.
    """
    judged = np.array([conformal_rank(int(n), alpha) is not None for n in sizes])
    sets = ~(p_values <= alpha + _ROUNDING)
    return (sets if judged.all() else np.ones_like(sets)), judged


def interval_half_width(
    residuals: np.ndarray, alpha: float, groups: np.ndarray | None = None
) -> float:
    """Half width h of the interval ``prediction ± h`` that holds 1 - alpha of new outcomes.

    The absolute residual of rank ``ceil((n + 1)(1 - alpha))`` of n; of groups the largest counts,
    as in `class_p_values`. Infinite where n is too small for alpha.
    """
    size = np.sort(_worst(np.abs(residuals), np.ones(len(residuals), dtype=bool), groups))
    rank = conformal_rank(len(size), alpha)
    if rank is None:
        return float("inf")
    return float(size[rank - 1]) if rank > 0 else 0.0  # alpha of 1: nothing need be held


def _worst(badness: np.ndarray, rows: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Badness of the rows that are known; of a group's rows the largest."""
    rows = rows & ~np.isnan(badness)
    if groups is None:
        return badness[rows]
    names, member = np.unique(np.asarray(groups)[rows], return_inverse=True)
    worst = np.full(len(names), -np.inf)
    np.maximum.at(worst, member, badness[rows])
    return worst
