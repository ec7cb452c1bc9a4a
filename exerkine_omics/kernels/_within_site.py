"""Performance within sites: people are compared with those of their own site only.

Over all people at once the score of a model that was trained elsewhere also compares sites, of
which there are few: where their shares of cases differ, an AUC follows which site was shifted which
way, and people, who are many, do not see that error.

References
----------
DeLong ER, DeLong DM, Clarke-Pearson DL (1988) Biometrics 44:837-845. Obuchowski NA (1997)
Biometrics 53:567-578 (people of a cluster summed).
"""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels import _performance as performance


def pairs_of_sites(label: np.ndarray, site: np.ndarray) -> np.ndarray:
    """Share of each site (``0 .. max(site)``) in all pairs case, non-case of one site."""
    size = int(site.max(initial=-1)) + 1
    case = np.bincount(site[label == 1], minlength=size)
    other = np.bincount(site[label == 0], minlength=size)
    pairs = (case * other).astype(float)
    return pairs / pairs.sum() if pairs.sum() > 0 else np.full(size, np.nan)


def auc(
    label: np.ndarray, score: np.ndarray, site: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    r"""AUC over pairs of one site (draws,).

    .. math:: A_w = \frac{\sum_s n_{1s} n_{0s} A_s}{\sum_s n_{1s} n_{0s}}

    The weight is the number of pairs: each pair counts once, so that A_w is the probability that
    a case ranks above a non-case of its own site; the sites' sizes and shares fix it, no result
    does. ``weights`` (draws x people) weigh a pair by the product of its people's. A site of one
    class has no pair. NaN where no site has one.
    """
    weights = np.ones((1, len(label))) if weights is None else np.atleast_2d(weights)
    hit, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for s in np.unique(site):
        own = site == s
        y, w = label[own], weights[:, own]
        case, other = w[:, y == 1], w[:, y == 0]
        hit += ((case @ performance.placements(y, score[own])) * other).sum(axis=1)
        pairs += case.sum(axis=1) * other.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return hit / pairs


def delong(
    label: np.ndarray, scores: np.ndarray, site: np.ndarray, cluster: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Within-site AUC of each score (k x people), and their covariance (k x k).

    .. math:: Cov = \sum_s w_s^2 Cov_s, \qquad w_s = n_{1s} n_{0s} / \sum_t n_{1t} n_{0t}

    with Cov_s DeLong's of the site. Each person adds ``w_s (V_i - A_s) / n`` (V_i its mean
    placement, n the people of its class there, times sqrt(n / (n - 1))); people of a ``cluster``
    are summed before they are squared. A class of one person at its site has no spread of its own:
    its placement is taken about A_w. The error of fitting is left out.
    """
    scores = np.atleast_2d(scores)
    share = pairs_of_sites(label, site)
    k = len(scores)
    if not np.isfinite(share).any():
        return np.full(k, np.nan), np.full((k, k), np.nan)
    area = np.zeros(k)
    found = []
    for s in np.flatnonzero(share > 0):
        own = np.flatnonzero(site == s)
        ranks = np.array([performance.placements(label[own], score[own]) for score in scores])
        area += share[s] * ranks.mean(axis=(1, 2))
        found.append((s, own, ranks))
    added = np.zeros((k, len(label)))
    for s, own, ranks in found:
        for value, axis in ((1, 2), (0, 1)):
            rows = own[label[own] == value]
            placed, n = ranks.mean(axis=axis), len(rows)
            centre = ranks.mean(axis=(1, 2)) if n > 1 else area
            factor = np.sqrt(n / (n - 1)) if n > 1 else 1.0
            added[:, rows] = share[s] * factor * (placed - centre[:, None]) / n
    if cluster is not None:
        number = np.unique(cluster, return_inverse=True)[1]
        added = np.array([np.bincount(number, row) for row in added])
    return area, added @ added.T


def average_precision(
    label: np.ndarray, score: np.ndarray, site: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Average precision of each site, weighted by its cases (draws,): each case counts once.

    A site of one class is left out: its precision is its share of cases.
    """
    weights = np.atleast_2d(weights)
    total, cases = np.zeros(len(weights)), np.zeros(len(weights))
    for s in np.unique(site):
        own = site == s
        y, w = label[own], weights[:, own]
        both = (w[:, y == 1].sum(axis=1) > 0) & (w[:, y == 0].sum(axis=1) > 0)
        if both.any():
            count = np.where(both, w[:, y == 1].sum(axis=1), 0.0)
            one = performance.average_precision(y, score[own], w)
            total += np.where(both, count * one, 0.0)
            cases += count
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / cases


def roc_on_grid(
    label: np.ndarray, score: np.ndarray, site: np.ndarray, weights: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """Vertical mean of the sites' ROC curves (draws x grid), weighted as `auc` weighs them.

    The area under the mean is therefore A_w.
    """
    share = pairs_of_sites(label, site)
    found = np.zeros((len(np.atleast_2d(weights)), len(grid)))
    for s in np.flatnonzero(share > 0):
        own = site == s
        found += share[s] * performance.roc_on_grid(label[own], score[own], weights[:, own], grid)
    return found if (share > 0).any() else np.full_like(found, np.nan)


def r2_and_correlation(
    y: np.ndarray, fitted: np.ndarray, site: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""R² and correlation of a number within sites (draws,).

    .. math:: R^2_w = 1 - \frac{\sum_s\sum_{i \in s} ((y_i-\bar y_s)-(f_i-\bar f_s))^2}
                               {\sum_s\sum_{i \in s} (y_i-\bar y_s)^2}

    and the correlation of the same deviations: what is predicted of the differences between people
    of one site, whichever level the site has. A site of one person adds nothing.
    """
    weights = np.ones((1, len(y))) if weights is None else np.atleast_2d(weights)
    rest, total, spread, cross = (np.zeros(len(weights)) for _ in range(4))
    y, fitted = y - y.mean(), fitted - fitted.mean()  # sums of squares lose digits far from 0
    for s in np.unique(site):
        own = site == s
        w, a, b = weights[:, own], y[own], fitted[own]
        size = np.maximum(w.sum(axis=1), 1e-300)

        def moment(
            u: np.ndarray, v: np.ndarray, w: np.ndarray = w, size: np.ndarray = size
        ) -> np.ndarray:
            return np.asarray(w @ (u * v) - (w @ u) * (w @ v) / size)

        rest += moment(a - b, a - b)
        total += moment(a, a)
        spread += moment(b, b)
        cross += moment(a, b)
    with np.errstate(invalid="ignore", divide="ignore"):
        flat = spread <= 1e-12 * np.maximum(total, 1e-300)
        r2 = np.where(total > 0, 1 - rest / total, np.nan)
        return r2, np.where(flat, np.nan, cross / np.sqrt(spread * total))
