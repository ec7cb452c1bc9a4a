"""Venn-Abers: the two calibrated probabilities between which a new person's must lie."""

from __future__ import annotations

import numpy as np
from scipy import optimize


def venn_abers(
    score: np.ndarray, label: np.ndarray, new: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probability of response if the new person were a non-case (p0), or a case (p1), (m,) each.

    Isotonic regression of the label on the score of held-out people (n,) together with the new
    person, once with each label, read at the new person's score. The width p1 - p0 says how
    little is known; ``p1 / (1 - p0 + p1)`` is the one probability between them. Missing values:
    not allowed.

    References
    ----------
    Vovk V, Petej I (2014) Venn-Abers predictors, UAI.
    """
    order = np.argsort(score, kind="stable")
    held, own = score[order], label[order].astype(float)
    values, place = np.unique(new, return_inverse=True)
    found = np.empty((len(values), 2))
    knots, start = np.unique(held, return_index=True)
    total, count = np.add.reduceat(own, start), np.diff(np.r_[start, len(held)]).astype(float)
    for k, value in enumerate(values):
        at = int(np.searchsorted(knots, value))
        same = at < len(knots) and knots[at] == value
        for case in (0, 1):
            if same:
                sums, weight = total.copy(), count.copy()
                sums[at] += case
                weight[at] += 1
            else:
                sums, weight = np.insert(total, at, case), np.insert(count, at, 1.0)
            fit = optimize.isotonic_regression(sums / weight, weights=weight)
            found[k, case] = fit.x[at]
    return found[place, 0], found[place, 1]
