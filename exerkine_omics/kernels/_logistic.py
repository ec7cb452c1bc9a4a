"""Logistic regression by maximum likelihood, and the test of what columns add to a model.

References
----------
Albert A, Anderson JA (1984) On the existence of maximum likelihood estimates in logistic
regression models. Biometrika 71:1-10.

Nagelkerke NJD (1991) A note on a general definition of the coefficient of determination.
Biometrika 78:691-692.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

_ROUNDS = 60
_STILL = 1e-9  # largest change of a linear predictor in the last round
_NOTHING = 1e-12  # gain of log-likelihood in a round
_HALVINGS = 30
_ALIASED = 1e-9  # of a standardised column's length left beside the others


@dataclass(frozen=True)
class LogisticFit:
    """Maximum likelihood fit of one model.

    ``slopes`` has one number a column, NaN for one that the others before it explain;
    ``converged`` is False where no finite maximum exists (the columns separate the classes, or a
    class is absent): the log-likelihood is then its supremum, the coefficients are NaN.
    """

    intercept: float
    slopes: np.ndarray
    log_likelihood: float
    rank: int
    n: float
    converged: bool


@dataclass(frozen=True)
class LikelihoodRatio:
    """Test of added columns; the R² are the larger model's against the intercept alone.

    ``p_value`` is NaN where nothing is added. ``converged`` is False where one of the models has
    no finite maximum: the test is then that of the suprema, and its chi-square law a worse guess.
    """

    chi2: float
    df: int
    p_value: float
    r2_coxsnell: float
    r2_nagelkerke: float
    n: float
    converged: bool


def logistic(y: np.ndarray, x: np.ndarray, weights: np.ndarray | None = None) -> LogisticFit:
    r"""Fit ``logit P(y = 1) = a + x b`` by Newton's method.

    .. math:: \ell = \sum_i w_i [y_i \eta_i - \log(1 + e^{\eta_i})], \quad \eta_i = a + x_i^T b

    Parameters
    ----------
    y
        Outcome of n people, 0 or 1; fractions in [0, 1] are taken as shares.
    x
        n x p, without an intercept; columns are standardised inside, so units do not matter.
    weights
        Not negative: how often each row counts.

    Returns
    -------
    LogisticFit
        Of the rows without a NaN and with a positive weight.
    """
    y, x, weights = _known(y, x, weights)
    n = float(weights.sum())
    nowhere = np.full(x.shape[1], np.nan)
    if not len(y):
        return LogisticFit(np.nan, nowhere, np.nan, 0, 0.0, False)
    mean = weights @ x / n
    sd = np.sqrt(weights @ (x - mean) ** 2 / n)
    varies = sd > 1e-12 * np.abs(x).max(axis=0, initial=0.0)
    z = (x - mean) / np.where(varies, sd, 1.0)
    columns = _independent(z * np.sqrt(weights / n)[:, None], varies)
    design = np.column_stack([np.ones(len(y)), z[:, columns]])
    theta, value, converged = _maximise(y, design, weights)
    slopes = nowhere.copy()
    if not converged:
        return LogisticFit(np.nan, slopes, value, len(theta), n, False)
    slopes[columns] = theta[1:] / sd[columns]
    intercept = float(theta[0] - slopes[columns] @ mean[columns])
    return LogisticFit(intercept, slopes, value, len(theta), n, True)


def likelihood_ratio(y: np.ndarray, x0: np.ndarray, x1: np.ndarray) -> LikelihoodRatio:
    """Test whether columns ``x1`` add to the columns ``x0`` of a logistic model.

    ``chi2 = 2 (l1 - l0)`` of the models of ``x0`` and of ``x0`` with ``x1``, on as many degrees
    of freedom as independent columns are added (whether ``x1`` repeats those of ``x0`` makes no
    difference). Cox-Snell's ``R2 = 1 - exp(2 (l_null - l1)/n)``; Nagelkerke's divides it by its
    maximum ``1 - exp(2 l_null/n)``. It holds for columns chosen beforehand, in the data that they
    were not chosen from.

    Parameters
    ----------
    y
        Outcome of n people, 0 or 1.
    x0, x1
        n x p0 (p0 may be 0) and n x p1, without an intercept.

    Returns
    -------
    LikelihoodRatio
        Of the rows without a NaN in any column; NaN without people of both classes.
    """
    both = np.column_stack([x0, x1])
    known = np.isfinite(both).all(axis=1) & np.isfinite(y)
    y, both = y[known], both[known]
    p0 = 1 if np.ndim(x0) == 1 else np.shape(x0)[1]
    null, small, large = (logistic(y, both[:, :p]) for p in (0, p0, both.shape[1]))
    chi2 = max(0.0, 2 * (large.log_likelihood - small.log_likelihood))
    df = large.rank - small.rank
    n = large.n
    if not null.converged:  # nobody, or one class
        return LikelihoodRatio(np.nan, df, np.nan, np.nan, np.nan, n, False)
    r2 = -np.expm1(2 * (null.log_likelihood - large.log_likelihood) / n)
    most = -np.expm1(2 * null.log_likelihood / n)
    return LikelihoodRatio(
        chi2,
        df,
        float(stats.chi2.sf(chi2, df)) if df else np.nan,
        float(r2),
        float(r2 / most),
        n,
        small.converged and large.converged,
    )


def _known(
    y: np.ndarray, x: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows without a NaN and with a positive weight, as floats."""
    y, x = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    rows = np.isfinite(y) & np.isfinite(x).all(axis=1) & (weights > 0)
    return y[rows], x[rows], weights[rows]


def _independent(z: np.ndarray, varies: np.ndarray) -> np.ndarray:
    """List the columns that those before them do not explain (centred, of length 1)."""
    kept: list[int] = []
    base = np.empty((len(z), 0))
    for j in np.flatnonzero(varies):
        rest = z[:, j]
        for _ in range(2):  # twice: one pass leaves what rounding left of the others
            rest = rest - base @ (base.T @ rest)
        length = np.sqrt(rest @ rest)
        if length > _ALIASED:
            kept.append(int(j))
            base = np.column_stack([base, rest / length])
    return np.array(kept, dtype=int)


def _maximise(
    y: np.ndarray, design: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, float, bool]:
    """Newton's method with halved steps: coefficients, log-likelihood, has it a maximum."""
    theta = np.zeros(design.shape[1])
    value = _log_likelihood(y, design @ theta, weights)
    for _ in range(_ROUNDS):
        fitted = special.expit(design @ theta)
        gradient = design.T @ (weights * (y - fitted))
        curvature = (design * (weights * fitted * (1 - fitted))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            return theta, value, False
        change = float(np.abs(design @ step).max())
        for _ in range(_HALVINGS):
            proposal = _log_likelihood(y, design @ (theta + step), weights)
            if proposal >= value - 1e-13 * abs(value):
                break
            step = step / 2
        theta, value = theta + step, proposal
        if change < _STILL:
            return theta, value, True
        if gradient @ step < _NOTHING and change > 0.1:
            return theta, value, False  # separated: steps of about 1 without end, for no gain
    return theta, value, False


def _log_likelihood(y: np.ndarray, eta: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ (y * eta - np.logaddexp(0, eta)))
