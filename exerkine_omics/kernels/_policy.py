r"""Value of a rule that gives each person one of several arms, by doubly robust scores.

With :math:`\hat\mu_a(x)` a person's expected outcome under arm *a* and :math:`e_a(x)` the
probability of that arm,

.. math:: \Gamma_{ia} = \hat\mu_a(x_i) + \frac{1(A_i = a)}{e_a(x_i)} (Y_i - \hat\mu_a(x_i)),
          \qquad \hat V(\pi) = \frac1n \sum_i \Gamma_{i,\pi(x_i)}

which is right if either of the two is. Neither :math:`\hat\mu` nor :math:`\pi` may have seen the
person: both come from other folds.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

_RANK = 1e-10


def dr_scores(
    outcome: np.ndarray, arm: np.ndarray, expected: np.ndarray, propensity: np.ndarray
) -> np.ndarray:
    """Doubly robust scores of each person under each arm (people x arms).

    Parameters
    ----------
    outcome
        Outcome of each person (n), finite.
    arm
        Arm of each person, 0..k-1 (n).
    expected
        Expected outcome under each arm, n x k.
    propensity
        Probability of each arm, k or n x k, above 0.

    Notes
    -----
    Missing values: not allowed; a NaN makes that person's scores NaN.
    """
    everyone = np.arange(len(outcome))
    scores = np.array(expected, dtype=float)
    own = np.broadcast_to(propensity, scores.shape)[everyone, arm]
    scores[everyone, arm] += (outcome - scores[everyone, arm]) / own
    return scores


def chosen_scores(scores: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Score of each person under the arm chosen for that person (n)."""
    return np.take_along_axis(scores, np.asarray(choice)[:, None], axis=1)[:, 0]


def weighted_values(
    outcome: np.ndarray, arm: np.ndarray, choice: np.ndarray, propensity: np.ndarray
) -> tuple[float, float]:
    """Value of a rule from the people who had what it chooses, and the same self-normalised.

    ``mean(1(A = pi) Y / e_A)`` and this over ``mean(1(A = pi) / e_A)``. For comparison: the first
    moves when a constant is added to the outcome, both vary more than the doubly robust value.
    """
    own = np.broadcast_to(propensity, (len(outcome), np.shape(propensity)[-1]))
    weight = (arm == choice) / own[np.arange(len(outcome)), arm]
    total = float(weight.sum())
    value = float(weight @ outcome)
    return value / len(outcome), value / total if total > 0 else float("nan")


def mean_se(scores: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float, int]:
    r"""Mean of the people's scores (n), its SE and the number of groups G.

    .. math:: SE^2 = \frac{G}{G-1} \frac{1}{n^2} \sum_g \Big(\sum_{i \in g}
              (\psi_i - \bar\psi)\Big)^2

    With a person a group (``None``) that is the SD (divisor n - 1) over the root of n. NaN with
    fewer than two groups.
    """
    mean = float(scores.mean())
    centred = scores - mean
    if groups is not None:
        _, number = np.unique(groups, return_inverse=True)
        centred = np.asarray(np.bincount(number, weights=centred), dtype=float)
    count = len(centred)
    if count < 2:
        return mean, float("nan"), count
    square = count / (count - 1) * float(centred @ centred)
    return mean, float(np.sqrt(square)) / len(scores), count


def over_repeats(estimates: np.ndarray, ses: np.ndarray) -> tuple[float, float]:
    r"""One estimate and SE from repeated foldings of the same people.

    .. math:: SE^2 = \frac1R \sum_r \big(SE_r^2 + (\hat\theta_r - \bar\theta)^2\big)

    Repeats add no people: the variance is averaged, never divided by R, and what the folding
    adds is put on top.

    References
    ----------
    Chernozhukov et al., Econometrics Journal 2018 (double machine learning; with medians).
    """
    mean = float(np.mean(estimates))
    square = np.asarray(ses) ** 2 + (np.asarray(estimates) - mean) ** 2
    return mean, float(np.sqrt(square.mean()))


def explained_limit(x: np.ndarray, y: np.ndarray, level: float) -> float:
    r"""Upper limit of the SD of what any linear function of the features explains of y.

    With F the regression's statistic on r and n - r - 1 df, the limit of the non-centrality
    solves :math:`P(F_{r,\,n-r-1}(\lambda) \le F) = (1 - level)/2`, and the SD is at most
    :math:`\hat\sigma \sqrt{\lambda / n}`. A learner that finds nothing is no such limit: many
    small effects hide from it, and this grows with the features until, with as many as people,
    it is infinite.

    Parameters
    ----------
    x
        People x features, finite; collinear columns count once.
    y
        One number a person (n).
    level
        Level of the two-sided interval whose upper end this is.
    """
    n = len(y)
    xc, yc = x - x.mean(axis=0), y - y.mean()
    if not xc.size or not np.abs(xc).max() > 0:
        return 0.0
    u, root, _ = np.linalg.svd(xc, full_matrices=False)
    u = u[:, root > _RANK * root[0]]
    rank, df = u.shape[1], n - u.shape[1] - 1
    if df < 1:
        return float("inf")
    explained = float(((u.T @ yc) ** 2).sum())
    residual = max(float(yc @ yc) - explained, 0.0)
    if not residual > 0:
        return float("inf")
    f, tail = explained / rank / (residual / df), (1 - level) / 2
    if special.fdtr(rank, df, f) <= tail:
        return 0.0
    high = 1.0 + rank
    while special.ncfdtr(rank, df, high, f) > tail:
        high *= 2
    limit = optimize.brentq(lambda nc: special.ncfdtr(rank, df, nc, f) - tail, 0.0, high)
    return float(np.sqrt(limit / n * residual / df))
