"""How good are predicted probabilities, how sure is that, and how many people would it take.

Functions that take ``weights`` accept many weightings at once (draws x people, the counts of a
bootstrap) and return one number a draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import integrate, optimize, special, stats

_CLIP = 1e-12


@dataclass(frozen=True)
class SampleSize:
    """Riley's minimum sample size: each criterion, the largest, and what it implies."""

    n: int
    criteria: tuple[int, ...]
    events_per_parameter: float
    max_r2: float


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    estimate: float
    ci_low: float
    ci_high: float


def placements(label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Each case against each non-case: 1 ranked above, 0.5 tied, 0 below (cases x non-cases)."""
    case, other = score[label == 1], score[label == 0]
    above = case[:, None] - other[None, :]
    return np.asarray((above > 0) + 0.5 * (above == 0))


def auc(label: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Area under the ROC curve: P(case ranks above non-case), ties one half."""
    rank = placements(label, score)
    weights = np.ones((1, len(label))) if weights is None else np.atleast_2d(weights)
    case, other = weights[:, label == 1], weights[:, label == 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        area = ((case @ rank) * other).sum(axis=1) / (case.sum(axis=1) * other.sum(axis=1))
    return np.asarray(area)


def delong(label: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUC of each score (k x people) and their covariance (k x k) by DeLong 1988.

    ``cov = S10 / n_cases + S01 / n_noncases``, the covariances of the structural components:
    each case's mean placement over the non-cases, and the reverse. It holds for scores fixed
    before the labels were seen; for cross-validated scores it leaves out the model fitting.
    """
    ranks = np.array([placements(label, score) for score in np.atleast_2d(scores)])
    case, other = ranks.mean(axis=2), ranks.mean(axis=1)
    within = np.atleast_2d(np.cov(case)) / case.shape[1]
    covariance = within + np.atleast_2d(np.cov(other)) / other.shape[1]
    return ranks.mean(axis=(1, 2)), covariance


def operating_points(
    label: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted counts of cases and non-cases at or above each distinct score (draws x points)."""
    order = np.argsort(-score, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    sorted_weights = np.atleast_2d(weights)[:, order]
    case = np.cumsum(sorted_weights * (label[order] == 1), axis=1)[:, ends]
    other = np.cumsum(sorted_weights * (label[order] == 0), axis=1)[:, ends]
    return case, other


def average_precision(label: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision: sum of (recall step) x precision over the distinct scores."""
    case, other = operating_points(label, score, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(case + other > 0, case / (case + other), 0.0)
        step = np.diff(case, axis=1, prepend=0.0) / case[:, -1:]
    return np.asarray((step * precision).sum(axis=1))


def roc_on_grid(
    label: np.ndarray, score: np.ndarray, weights: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """Interpolate the true positive rate at given false positive rates, draws x grid."""
    case, other = operating_points(label, score, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        tpr = np.hstack([np.zeros((len(case), 1)), case / case[:, -1:]])
        fpr = np.hstack([np.zeros((len(case), 1)), other / other[:, -1:]])
    return np.array([np.interp(grid, f, t) for f, t in zip(fpr, tpr, strict=True)])


def brier(label: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Brier score: mean squared difference of probability and outcome."""
    return _mean((probability - label) ** 2, weights)


def log_loss(label: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of ``-y log p - (1 - y) log(1 - p)``, p kept within 1e-12 of 0 and 1."""
    p = np.clip(probability, _CLIP, 1 - _CLIP)
    return _mean(-(label * np.log(p) + (1 - label) * np.log1p(-p)), weights)


def net_benefit(
    label: np.ndarray, probability: np.ndarray, weights: np.ndarray, threshold: float
) -> np.ndarray:
    """Net benefit at a threshold t: ``TP/n - FP/n * t/(1 - t)``, positive where ``p >= t``."""
    worth = np.where(label == 1, 1.0, -threshold / (1 - threshold))
    return _mean(worth * (probability >= threshold), weights)


def calibration(
    label: np.ndarray, probability: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of the logistic recalibration ``logit P(y) = a + b logit p``.

    A slope below 1 means predictions too extreme. NaN where all predictions are equal, a class
    is absent, or the predictions separate the classes (no finite slope exists).
    """
    p = np.clip(probability, _CLIP, 1 - _CLIP)
    x = np.log(p / (1 - p))
    weights = np.atleast_2d(np.asarray(weights, dtype=float))
    a, b = np.zeros(len(weights)), np.zeros(len(weights))
    spread = x.max(initial=-np.inf) - x.min(initial=np.inf)
    if spread < 1e-9 or len(np.unique(label)) < 2:
        return a + np.nan, b + np.nan
    centre = x.mean()
    z = (x - centre) / spread
    change, lost = np.full(len(weights), np.inf), np.zeros(len(weights), dtype=bool)
    for _ in range(60):
        fitted = special.expit(a[:, None] + b[:, None] * z)
        rest = weights * (label - fitted)
        curve = weights * fitted * (1 - fitted)
        g0, g1 = rest.sum(axis=1), rest @ z
        h00, h01, h11 = curve.sum(axis=1), curve @ z, curve @ (z * z)
        with np.errstate(invalid="ignore", divide="ignore"):
            det = h00 * h11 - h01 * h01
            da, db = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        change = np.maximum(np.abs(da), np.abs(db))
        lost |= ~np.isfinite(change)  # a draw without curvature left: separated, or one class
        damp = np.where(lost, 0.0, np.minimum(1.0, 5.0 / np.maximum(change, 1e-300)))
        a, b = a + damp * np.where(lost, 0.0, da), b + damp * np.where(lost, 0.0, db)
        # a draw that diverges (separation) must not keep the others waiting
        if not np.any((change > 1e-9) & (np.abs(b) < 1e3) & ~lost):
            break
    good = (change <= 1e-6) & (np.abs(b) < 1e3) & ~lost
    slope = b / spread
    return np.where(good, a - slope * centre, np.nan), np.where(good, slope, np.nan)


def calibration_in_the_large(label: np.ndarray, probability: np.ndarray) -> float:
    """Intercept a of ``logit P(y) = a + logit p``: are predictions too low on average (a > 0)."""
    p = np.clip(probability, _CLIP, 1 - _CLIP)
    x = np.log(p / (1 - p))
    if label.min() == label.max():
        return float("nan")
    root = optimize.brentq(lambda a: float((label - special.expit(a + x)).sum()), -60, 60)
    return float(root)


def wilson(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a share seen in n trials."""
    z = stats.norm.ppf(0.5 + level / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def corrected_resampled_t(
    differences: np.ndarray, n_train: int, n_test: int
) -> tuple[float, int, float]:
    """Nadeau and Bengio's t of J resampled differences, its df J - 1, and the two-sided p.

    ``t = mean(d) / sqrt(var(d) (1/J + n_test/n_train))``: training sets overlap, so the folds'
    differences vary less than independent ones would.
    """
    d = np.asarray(differences, dtype=float)
    se = np.sqrt(d.var(ddof=1) * (1 / len(d) + n_test / n_train))
    t = float(d.mean() / se) if se > 0 else float("nan")
    return t, len(d) - 1, float(2 * stats.t.sf(abs(t), len(d) - 1))


def permutation_p(observed: float, null: np.ndarray) -> float:
    """(b + 1)/(m + 1), b of the m permuted statistics at least as large as the observed one."""
    finite = null[np.isfinite(null)]
    if not len(finite) or not np.isfinite(observed):
        return float("nan")
    return float(((finite >= observed - 1e-12).sum() + 1) / (len(finite) + 1))


def nogueira_stability(selected: np.ndarray, level: float = 0.95) -> tuple[Estimate, float]:
    """Stability of M selections among d features (M x d of 0/1), its interval and variance.

    ``Phi = 1 - mean_f [M/(M-1) p_f (1 - p_f)] / [(k/d)(1 - k/d)]``, with p_f how often feature f
    was selected and k the mean number selected (Nogueira, Sechidis & Brown, JMLR 2018); NaN
    where nothing or everything is always selected.
    """
    z = np.asarray(selected, dtype=float)
    m, d = z.shape
    share = z.mean(axis=0)
    k = float(share.sum())
    if m < 2 or k == 0 or k == d:
        return Estimate(np.nan, np.nan, np.nan), float("nan")
    chance = (k / d) * (1 - k / d)
    phi = 1 - (m / (m - 1) * share * (1 - share)).mean() / chance
    size = z.sum(axis=1)
    part = (z @ share) / d - size * k / d**2
    part += phi / 2 * (2 * k * size / d**2 - size / d - k / d + 1)
    part /= chance
    variance = float(4 / m**2 * ((part - part.mean()) ** 2).sum())
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance)
    return Estimate(float(phi), float(phi - half), float(phi + half)), variance


def r2_from_auc(area: float, prevalence: float) -> float:
    """Cox-Snell R² of a logistic model with a given AUC.

    The linear predictor is taken as normal with equal variance in both classes, their means
    ``sqrt(2) Phi^-1(AUC)`` apart: ``R2 = 1 - exp(-2 (mutual information))``, by quadrature.
    """
    shift = np.sqrt(2) * stats.norm.ppf(area)
    offset = special.logit(prevalence) - shift**2 / 2

    def gain(x: float) -> float:
        case, other = stats.norm.pdf(x, shift), stats.norm.pdf(x)
        eta = offset + shift * x
        full = prevalence * case * -np.logaddexp(0, -eta)
        return float(full + (1 - prevalence) * other * -np.logaddexp(0, eta))

    full = integrate.quad(gain, -10, 10 + shift, limit=200)[0]
    null = special.xlogy(prevalence, prevalence) + special.xlogy(1 - prevalence, 1 - prevalence)
    return float(1 - np.exp(-2 * (full - null)))


def riley_binary(
    r2: float, parameters: int, prevalence: float, shrinkage: float = 0.9
) -> SampleSize:
    """Minimum people for a model of a binary outcome (Riley et al., Stat Med 2019; BMJ 2020).

    n1 keeps the expected shrinkage at 0.9, ``p / ((S - 1) ln(1 - R2/S))``; n2 the optimism of
    Nagelkerke's R² below 0.05; n3 the overall risk within 0.05. It is too small, by half or
    more, for AUC above 0.85.
    """
    null = special.xlogy(prevalence, prevalence) + special.xlogy(1 - prevalence, 1 - prevalence)
    max_r2 = float(1 - np.exp(2 * null))
    n1 = parameters / ((shrinkage - 1) * np.log(1 - r2 / shrinkage))
    second = r2 / (r2 + 0.05 * max_r2)
    n2 = parameters / ((second - 1) * np.log(1 - r2 / second))
    n3 = (stats.norm.ppf(0.975).round(2) / 0.05) ** 2 * prevalence * (1 - prevalence)
    criteria = tuple(int(np.ceil(round(n, 8))) for n in (n1, n2, n3))
    n = max(criteria)
    return SampleSize(n, criteria, float(n * prevalence / parameters), max_r2)


def riley_continuous(
    r2: float, parameters: int, intercept: float, sd: float, shrinkage: float = 0.9
) -> SampleSize:
    """Minimum people for a model of a continuous outcome (Riley et al., Stat Med 2019).

    n1: shrinkage; n2: optimism of R² below 0.05; n3: residual SD within 10% (234 + p); n4: the
    mean outcome within 10% of ``intercept``, on n - p - 1 degrees of freedom.
    """
    n1 = int(np.ceil(round(_n_for_shrinkage(r2, parameters, shrinkage), 6)))
    n2 = int(np.ceil(round(1 + parameters * (1 - r2) / 0.05, 6)))
    n3 = 234 + parameters
    n4 = max(n1, n2, n3)
    residual = sd * np.sqrt(1 - r2)

    def inexact(n: int) -> bool:
        half = stats.t.ppf(0.975, n - parameters - 1) * residual / np.sqrt(n)
        return bool((intercept + half) / intercept > 1.1)

    while inexact(n4):
        n4 += 1
    n = max(n1, n2, n3, n4)
    return SampleSize(n, (n1, n2, n3, n4), float(n / parameters), 1.0)


def _n_for_shrinkage(r2: float, parameters: int, shrinkage: float) -> float:
    """Solve Copas' ``S = 1 + (p - 2) / (n ln(1 - R2app))`` with R2app from the adjusted R²."""

    def gap(n: float) -> float:
        apparent = (r2 * (n - parameters - 1) + parameters) / (n - 1)
        return 1 + (parameters - 2) / (n * np.log(1 - apparent)) - shrinkage

    return float(optimize.brentq(gap, parameters + 2.0, 1e9))


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weights = np.atleast_2d(weights)
    return np.asarray(weights @ values / weights.sum(axis=1))
