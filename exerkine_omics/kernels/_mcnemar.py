"""McNemar's exact test of paired yes/no values, with an interval for the difference in shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class McNemar:
    """Counts, estimate, interval and p, each over features.

    ``gained`` and ``lost`` count people with a yes after only, or before only; ``estimate`` is
    (gained - lost) / n. ``p_value`` is NaN where nobody changed.
    """

    n: np.ndarray
    gained: np.ndarray
    lost: np.ndarray
    estimate: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    p_value: np.ndarray


def mcnemar(pre: np.ndarray, post: np.ndarray, level: float = 0.95) -> McNemar:
    r"""Test whether a yes is as often gained as lost.

    Given m = gained + lost people who changed, gained is binomial(m, 1/2) under the null:

    .. math:: p = \min(1,\ 2 P(B \le \min(gained, lost))), \quad B \sim Bin(m, 1/2)

    The interval of the difference is Newcombe's method 10: the Wilson score intervals
    :math:`(l_k, u_k)` of both shares joined with their correlation :math:`\hat\phi`, whose
    numerator is drawn towards 0 by n/2 where it is positive,

    .. math:: d - \sqrt{(p_2 - l_2)^2 - 2 \hat\phi (p_2 - l_2)(u_1 - p_1) + (u_1 - p_1)^2}

    and the same with :math:`u_2, l_1` above. It need not agree with p near the limit.

    Parameters
    ----------
    pre, post
        People x features: 1 yes, 0 no, NaN unknown; a person counts where both are known.
    level
        Level of the interval.

    Returns
    -------
    McNemar
        One number a feature; NaN without people.

    References
    ----------
    McNemar Q (1947) Note on the sampling error of the difference between correlated proportions
    or percentages. Psychometrika 12:153-157.

    Newcombe RG (1998) Improved confidence intervals for the difference between binomial
    proportions based on paired data. Stat Med 17:2635-2650.
    """
    known = np.isfinite(pre) & np.isfinite(post)
    before, after = known & (pre > 0.5), known & (post > 0.5)
    n = known.sum(axis=0)
    both = (before & after).sum(axis=0)
    gained = (after & ~before).sum(axis=0)
    lost = (before & ~after).sum(axis=0)
    changed = gained + lost
    # the doubled tail passes 1 where gained equals lost
    tail = special.bdtr(np.minimum(gained, lost), np.maximum(changed, 1), 0.5)
    p_value = np.where(changed > 0, np.minimum(1.0, 2.0 * tail), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = (gained - lost) / n
        low, high = _newcombe(both, gained, lost, n, level)
    return McNemar(n, gained, lost, estimate, low, high, p_value)


def _newcombe(
    both: np.ndarray, gained: np.ndarray, lost: np.ndarray, n: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of share after minus share before."""
    neither = n - both - gained - lost
    first, second = both + lost, both + gained
    p1, l1, u1 = _wilson(first, n, level)
    p2, l2, u2 = _wilson(second, n, level)
    numerator = (both * neither - gained * lost).astype(float)
    numerator = np.where(numerator > 0, np.maximum(numerator - n / 2, 0.0), numerator)
    margins = first * (n - first) * (second * (n - second)).astype(float)
    phi = np.where(margins > 0, numerator / np.sqrt(np.where(margins > 0, margins, 1.0)), 0.0)
    d = p2 - p1
    down = (p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2
    up = (u2 - p2) ** 2 - 2 * phi * (u2 - p2) * (p1 - l1) + (p1 - l1) ** 2
    # the squares are sums of squares but for rounding
    return d - np.sqrt(np.maximum(down, 0.0)), d + np.sqrt(np.maximum(up, 0.0))


def _wilson(count: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Share and its score interval."""
    z = float(special.ndtri(0.5 + level / 2))
    share = count / n
    middle = (count + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(count * (n - count) / n + z * z / 4)
    # at 0 and n one limit is the share itself
    return share, np.where(count > 0, middle - half, 0.0), np.where(count < n, middle + half, 1.0)
