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

from exerkine_omics.kernels._lmm import unpack
from exerkine_omics.kernels._lmm_sums import grouped_sums
from exerkine_omics.kernels._normal import (
    LinearFit,
    Solved,
    close,
    identified,
    inner,
    product,
    solve,
)

_TRIM = 0.15
_LARGEST = 0.99
_MARGIN = 0.01  # distance kept from the least correlation of the largest person
_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_ROUNDS = 60
_TOLERANCE = 1e-7  # of a step; what is left after it is of the order of its square
_ROUNDING = 1e-13  # share of y'y below which a difference of sums is rounding


@dataclass(frozen=True)
class Gathered:
    """Sums of f features in the coordinates of ``basis`` (p x q), features last.

    xx (q x q x f), xy (q x f), yy (f); of person totals by number of rows (k): txx (k x q x q x
    f), txy (k x q x f), tyy (k x f); size (k x 1), people (k x f).
    """

    basis: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    txx: np.ndarray
    txy: np.ndarray
    tyy: np.ndarray
    size: np.ndarray
    people: np.ndarray
    n_obs: np.ndarray
    centre: np.ndarray

    def take(self, rows: np.ndarray) -> Gathered:
        """Keep these features only."""
        return Gathered(
            self.basis,
            self.xx[..., rows],
            self.xy[..., rows],
            self.yy[rows],
            self.txx[..., rows],
            self.txy[..., rows],
            self.tyy[..., rows],
            self.size,
            self.people[..., rows],
            self.n_obs[rows],
            self.centre[rows],
        )


def gather(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    weight: np.ndarray | None = None,
) -> Gathered:
    """Gather a block of features; arguments as in ``fit_within``, the design spans a constant."""
    basis = identified(design)
    scale = None
    if weight is not None:
        scale = np.sqrt(weight).reshape(len(values), -1)
    sums = grouped_sums(values, design @ basis, subject, scale)
    # here an absent column is a zero one: the rank is found when the system is solved
    xx = unpack(sums.xx)
    column, feature = np.nonzero(sums.absent)
    xx[column, column, feature] = 0.0
    return Gathered(
        basis,
        xx,
        sums.xy,
        sums.yy,
        np.array([unpack(t) for t in sums.txx]).reshape(len(sums.txx), *xx.shape),
        sums.txy,
        sums.tyy,
        sums.size[:, None],
        sums.people,
        sums.n_obs,
        sums.centre,
    )


def join(parts: Sequence[Gathered]) -> Gathered:
    """Blocks of features side by side; a number of rows that a block lacks is nobody's there."""
    size = np.unique(np.concatenate([p.size for p in parts]))

    def side_by_side(name: str) -> np.ndarray:
        columns = []
        for part in parts:
            own = getattr(part, name)
            full = np.zeros((len(size), *own.shape[1:]))
            full[np.searchsorted(size, part.size[:, 0])] = own
            columns.append(full)
        return np.concatenate(columns, axis=-1)

    def whole(name: str) -> np.ndarray:
        return np.concatenate([getattr(p, name) for p in parts], axis=-1)

    return Gathered(
        parts[0].basis,
        xx=whole("xx"),
        xy=whole("xy"),
        yy=whole("yy"),
        txx=side_by_side("txx"),
        txy=side_by_side("txy"),
        tyy=side_by_side("tyy"),
        size=size[:, None],
        people=side_by_side("people"),
        n_obs=whole("n_obs"),
        centre=whole("centre"),
    )


def least_correlation(subject: np.ndarray) -> float:
    """Least correlation tried: a hundredth above the bound of the person with most rows."""
    most = int(np.bincount(subject).max())
    return 1.0 / (1 - most) + _MARGIN if most > 1 else 0.0


@dataclass(frozen=True)
class _At:
    """D, its derivatives in theta and the solution there."""

    deviance: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    rss: np.ndarray
    solved: Solved


def _weighted(weight: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Sum over the numbers of rows: weight (k x f) with sums (k x ... x f)."""
    total = np.zeros(sums.shape[1:])
    for k in range(len(sums)):
        total += weight[k] * sums[k]
    return total


def _trace(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Trace of the product of two symmetric matrices (q x q x f)."""
    return (one * two).sum(axis=(0, 1))


def _evaluate(sums: Gathered, theta: np.ndarray, slopes: bool) -> _At:
    size = sums.size
    grown = 1.0 + size * theta
    w = theta / grown
    right = sums.xy - _weighted(w, sums.txy)
    solved = solve(sums.xx - _weighted(w, sums.txx), right)
    beta = solved.coefficient
    rss = sums.yy - _weighted(w, sums.tyy) - inner(right, beta)
    df = sums.n_obs - solved.rank
    deviance = df * np.log(rss) + solved.log_det + (sums.people * np.log(grown)).sum(axis=0)
    if not slopes:
        return _At(deviance, deviance, deviance, rss, solved)
    w1 = 1.0 / grown**2
    w2 = -2.0 * size * w1 / grown
    # squared person totals of the residuals, by number of rows
    fitted = np.stack([product(t, beta) for t in sums.txx])
    u = sums.tyy + np.stack([inner(f - 2 * t, beta) for f, t in zip(fitted, sums.txy, strict=True)])
    g = _weighted(w1, fitted - sums.txy)
    slope_s = -(w1 * u).sum(axis=0)
    curve_s = -(w2 * u).sum(axis=0) - 2 * inner(g, product(solved.inverse, g))
    c1, c2 = -_weighted(w1, sums.txx), -_weighted(w2, sums.txx)
    # inverse x c1, then tr((inverse x c1)^2)
    step = np.stack([product(solved.inverse, c1[:, j]) for j in range(len(beta))], axis=1)
    slope_log = _trace(solved.inverse, c1)
    curve_log = _trace(solved.inverse, c2) - (step * step.transpose(1, 0, 2)).sum(axis=(0, 1))
    people = sums.people * size / grown
    ratio = slope_s / rss
    return _At(
        deviance,
        df * ratio + slope_log + people.sum(axis=0),
        df * (curve_s / rss - ratio**2) + curve_log - (people * size / grown).sum(axis=0),
        rss,
        solved,
    )


def fit_correlation(sums: Gathered, least: float) -> np.ndarray:
    """REML correlation within subjects of each feature (f), between ``least`` and 0.99.

    NaN where a feature says nothing: with no more than q + 2 rows, with one person, with one
    person at most who has two rows, or with residuals that are rounding.
    """
    n_people = sums.people.sum(axis=0)
    informs = (sums.n_obs > len(sums.xx) + 2) & (n_people > 1) & (n_people < sums.n_obs - 1)
    result = np.full(len(sums.n_obs), np.nan)
    rows = np.flatnonzero(informs)
    if len(rows) == 0 or least >= 0:
        return result
    part = sums.take(rows)
    grid = least + (_LARGEST - least) * np.array(_GRID)
    with np.errstate(invalid="ignore", divide="ignore"):
        fits = [_evaluate(part, np.full(len(rows), g / (1 - g)), False) for g in grid]
        heights = np.array([fit.deviance for fit in fits])
        known = np.isfinite(heights).all(axis=0) & (fits[0].rss > _ROUNDING * part.yy)
        lowest = np.where(known, heights, 0.0).argmin(axis=0)
        low, high = grid[np.maximum(lowest - 1, 0)], grid[np.minimum(lowest + 1, len(grid) - 1)]
        rho = grid[lowest]
        # at an end of the range the slope says whether the minimum is the end itself
        active = np.flatnonzero(known)
        for _ in range(_ROUNDS):
            if len(active) == 0:
                break
            here = rho[active]
            theta = here / (1 - here)
            at = _evaluate(part.take(active), theta, True)
            slope = at.gradient * (1 + theta) ** 2
            curve = at.hessian * (1 + theta) ** 4 + 2 * slope * (1 + theta)
            low[active] = np.where(slope < 0, here, low[active])
            high[active] = np.where(slope > 0, here, high[active])
            step = here - slope / curve
            inside = (curve > 0) & (step >= low[active]) & (step <= high[active])
            new = np.where(inside, step, (low[active] + high[active]) / 2)
            rho[active] = new
            active = active[np.abs(new - here) > _TOLERANCE]
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
    sums: Gathered,
    rho: float,
    weight: np.ndarray | None = None,
) -> LinearFit:
    """Fit each feature at a given correlation; ``sums`` are those of the same arguments.

    Returns
    -------
    LinearFit
        rss is of whitened residuals, whose variance is that of one value; df = rows - rank.
    """
    theta = rho / (1 - rho)
    with np.errstate(invalid="ignore", divide="ignore"):
        at = _evaluate(sums, np.full(len(sums.n_obs), theta), False)
    rss = at.rss
    again = close(rss, sums.yy)
    if len(again):
        rss = rss.copy()
        rss[again] = _outright(values, design, subject, sums, theta, weight, at, again)
    df = sums.n_obs - at.solved.rank
    # ones at the cells: rounded, so that a high level cancels wholly in a change
    ones = np.linalg.lstsq(design, np.ones(len(design)), rcond=None)[0]
    level = np.asarray(np.round(ones, 9))
    # K is the inverse of V / (1 - rho)
    return LinearFit(
        sums.basis,
        at.solved,
        rss / (1 - rho),
        df,
        sums.n_obs,
        sums.yy,
        sums.centre,
        level,
        1 - rho,
    )


def _outright(
    values: np.ndarray,
    design: np.ndarray,
    subject: np.ndarray,
    sums: Gathered,
    theta: float,
    weight: np.ndarray | None,
    at: _At,
    rows: np.ndarray,
) -> np.ndarray:
    """Sum of squares of the residuals themselves, exact where the fit is close."""
    y = values[:, rows] - sums.centre[rows]
    present = np.isfinite(y)
    rest = np.where(present, y - design @ (sums.basis @ at.solved.coefficient[:, rows]), 0.0)
    if weight is not None:
        own = weight.reshape(len(values), -1)
        rest = rest * np.sqrt(own if own.shape[1] == 1 else own[:, rows])
    total = np.zeros((int(subject.max()) + 1, len(rows)))
    count = np.zeros_like(total)
    np.add.at(total, subject, rest)
    np.add.at(count, subject, present.astype(float))
    return (rest**2).sum(axis=0) - (theta / (1 + count * theta) * total**2).sum(axis=0)
