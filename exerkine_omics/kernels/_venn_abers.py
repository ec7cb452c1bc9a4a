"""Venn-Abers prediction: a calibrated probability as an interval.

References
----------
Vovk V, Petej I (2014) Venn-Abers predictors. Proc 30th Conf Uncertainty in Artificial Intelligence,
829-838.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize


def venn_abers(
    cal_p: np.ndarray, cal_y: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities of new people if their label were 0, and if it were 1.

    The new person joins the calibration people with each label in turn, and the probability is
    the isotonic regression of label on score at that person; one of the two is calibrated
    whatever the model. ``p1 - p0`` is wide where few people scored alike: it says "do not know".
    As one number, see `merged`.

    Parameters
    ----------
    cal_p, cal_y
        Score, larger for label 1 (only its order matters), and label, 0 or 1, of n people unseen
        by the model; a row with a NaN is absent.
    test
        Scores of m new people.

    Returns
    -------
    p0, p1 : ndarray
        m each, ``p0 < p1``; 0 and 1 without calibration people, NaN where ``test`` is NaN.
    """
    known = np.isfinite(cal_p) & np.isfinite(cal_y)
    score, inverse, count = np.unique(cal_p[known], return_inverse=True, return_counts=True)
    total = np.bincount(inverse, weights=cal_y[known], minlength=len(score))
    # new people matter by their place among the distinct scores: on one, or between two
    left = np.searchsorted(score, test, side="left")
    on = np.searchsorted(score, test, side="right") > left
    place, back = np.unique(2 * left + on, return_inverse=True)
    found = np.empty((2, len(place)))
    for k, spot in enumerate(place):
        i, tied = int(spot) // 2, bool(spot % 2)
        n, y = (count, total) if tied else (np.insert(count, i, 0), np.insert(total, i, 0.0))
        n = n.astype(float)
        n[i] += 1
        for label in (0, 1):
            mean = y.copy()
            mean[i] += label
            found[label, k] = optimize.isotonic_regression(mean / n, weights=n).x[i]
    p0, p1 = np.where(np.isnan(test), np.nan, found[:, back])
    return p0, p1


def merged(p0: np.ndarray, p1: np.ndarray) -> np.ndarray:
    """One probability of the two, ``p1 / (1 - p0 + p1)``: the minimax one under log loss."""
    return np.asarray(p1 / (1 - p0 + p1))
