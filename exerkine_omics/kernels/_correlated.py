r"""Generalised least squares with one correlation within subjects, common to all features.

Two rows of a person are correlated by :math:`\rho`, negative values allowed. With
:math:`\theta = \rho / (1 - \rho)` and :math:`w_m = \theta / (1 + m\theta)` for a person of m
rows, and the cross-products A of person totals,

.. math:: C = X'X - \sum_m w_m A_m, \quad S = \min_\beta (y - X\beta)'K(y - X\beta), \quad
          D = (n - p) \log S + \log|C| + \sum_s \log(1 + m_s\theta)

is the REML deviance of a feature. Its minimum over :math:`\rho` is the feature's correlation; the
trimmed mean on the atanh scale is the consensus, at which all features are fitted. A weight w of
a row divides its variance: y and X are scaled by the root of w, and the scaled rows have the
correlation. (A row whose weight tends to 0 is then not the same as an absent row.)

References
----------
Smyth GK, Michaud J, Scott HS (2005) Use of within-array replicate spots for assessing
differential expression in microarray experiments. Bioinformatics 21:2067-2075.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from exerkine_omics.kernels import _lmm, _lmm_sums
from exerkine_omics.kernels._lmm_alias import without_aliased
from exerkine_omics.kernels._lmm_sums import Sums
from exerkine_omics.kernels._normal import LinearFit, Solved, close, identified, inner, solve
from exerkine_omics.kernels._packed import unpack

_TRIM = 0.15
_LARGEST = 0.99
_MARGIN = 0.01  # distance kept from the least correlation of the largest person
_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_ROUNDING = 1e-13  # share of y'y below which a difference of sums is rounding


@dataclass(frozen=True)
class Gathered:
    """Sums of F features in the coordinates of ``basis`` (p x q)."""

    basis: np.ndarray
    sums: Sums


def gather(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    weight: np.ndarray | None = None,
) -> Gathered:
    """Gather a block of features; arguments as in ``fit_within``, the design spans a constant."""
    basis = identified(design)
    scale = None if weight is None else np.sqrt(weight).reshape(len(values), -1)
    return Gathered(basis, _lmm_sums.grouped_sums(values, design @ basis, subject, scale))


def join(parts: Sequence[Gathered]) -> Gathered:
    """Blocks of features side by side."""
    return Gathered(parts[0].basis, _lmm_sums.join(part.sums for part in parts))


def least_correlation(subject: np.ndarray) -> float:
    """Least correlation tried: a hundredth above the bound of the person with most rows."""
    most = int(np.bincount(subject).max())
    return 1.0 / (1 - most) + _MARGIN if most > 1 else 0.0


def fit_correlation(gathered: Gathered, least: float) -> np.ndarray:
    """REML correlation within subjects of each feature (F), between ``least`` and 0.99.

    NaN where a feature says nothing: with no more than q + 2 rows, with one person, with one
    person at most who has two rows, or with residuals that are rounding.
    """
    sums = gathered.sums
    informs = (sums.n_obs > len(sums.absent) + 2) & (sums.n_people > 1)
    informs &= sums.n_people < sums.n_obs - 1
    result = np.full(len(sums.n_obs), np.nan)
    rows = np.flatnonzero(informs)
    if len(rows) == 0 or least >= 0:
        return result
    part, _ = without_aliased(_lmm_sums.take(sums, rows))
    grid = least + (_LARGEST - least) * np.array(_GRID)
    with np.errstate(invalid="ignore", divide="ignore"):
        fits = [_lmm.fit_at(part, np.full(len(rows), g / (1 - g))) for g in grid]
        heights = np.array([fit.deviance for fit in fits])
        known = np.isfinite(heights).all(axis=0)
        known &= fits[0].sigma2 * fits[0].df > _ROUNDING * part.yy
        lowest = np.where(known, heights, 0.0).argmin(axis=0)
        rho = grid[lowest]
        active = np.flatnonzero(known)
        # at an end of the range the slope says whether the minimum is the end itself
        low = grid[np.maximum(lowest - 1, 0)][active]
        high = grid[np.minimum(lowest + 1, len(grid) - 1)][active]
        _lmm.newton(part, rho, active, low, high)
    result[rows] = np.where(known, rho, np.nan)
    return result


def consensus(rho: np.ndarray) -> float:
    """Consensus correlation: tanh of the trimmed mean of atanh (15% off each end)."""
    known = rho[np.isfinite(rho)]
    return float(np.tanh(stats.trim_mean(np.arctanh(known), _TRIM))) if len(known) else np.nan


def fit_correlated(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    gathered: Gathered,
    rho: float,
    weight: np.ndarray | None = None,
) -> LinearFit:
    """Fit each feature at a given correlation; ``gathered`` is of the same arguments.

    Returns
    -------
    LinearFit
        rss is of whitened residuals, whose variance is that of one value; df = rows - rank.
    """
    theta, sums = rho / (1 - rho), gathered.sums
    w = theta / (1 + sums.size * theta)
    gram = unpack(sums.xx - np.tensordot(w, sums.txx, 1))
    # here an absent column is a zero one: the rank is found when the system is solved
    column, feature = np.nonzero(sums.absent)
    gram[column, column, feature] = 0.0
    right = sums.xy - np.tensordot(w, sums.txy, 1)
    solved = solve(gram, right)
    rss = sums.yy - w @ sums.tyy - inner(right, solved.coefficient)
    again = close(rss, sums.yy)
    if len(again):
        rss[again] = _outright(values, design, subject, gathered, theta, weight, solved, again)
    # ones at the cells: rounded, so that a high level cancels wholly in a change
    ones = np.linalg.lstsq(design, np.ones(len(design)), rcond=None)[0]
    # K is the inverse of V / (1 - rho)
    return LinearFit(
        gathered.basis,
        solved,
        rss / (1 - rho),
        sums.n_obs - solved.rank,
        sums.n_obs,
        sums.yy,
        sums.centre,
        np.asarray(np.round(ones, 9)),
        1 - rho,
    )


def _outright(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    gathered: Gathered,
    theta: float,
    weight: np.ndarray | None,
    solved: Solved,
    rows: np.ndarray,
) -> np.ndarray:
    """Sum of squares of the residuals themselves, exact where the fit is close."""
    y = values[:, rows] - gathered.sums.centre[rows]
    present = np.isfinite(y)
    rest = np.where(present, y - design @ (gathered.basis @ solved.coefficient[:, rows]), 0.0)
    if weight is not None:
        own = weight.reshape(len(values), -1)
        rest = rest * np.sqrt(own if own.shape[1] == 1 else own[:, rows])
    total = np.zeros((int(subject.max()) + 1, len(rows)))
    count = np.zeros_like(total)
    np.add.at(total, subject, rest)
    np.add.at(count, subject, present.astype(float))
    return (rest**2).sum(axis=0) - (theta / (1 + count * theta) * total**2).sum(axis=0)
