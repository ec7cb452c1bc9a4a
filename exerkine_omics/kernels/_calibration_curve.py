"""A smooth calibration curve, and how far it lies from the predictions.

References
----------
Austin PC, Steyerberg EW (2019) The integrated calibration index (ICI) and related metrics for
quantifying the calibration of logistic regression models. Stat Med 38:4051-4065.

Cleveland WS, Devlin SJ (1988) Locally weighted regression: an approach to regression analysis by
local fitting. J Am Stat Assoc 83:596-610.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FEWEST = 10  # people for a curve
_POINT = 1e-12  # half width of a window that is rounding, relative to the predictions
_FLAT = 1e-16  # variance of a polynomial, in squared half windows, of too few distinct points
_BLOCK = 256  # points of the curve at a time: bounds the memory


@dataclass(frozen=True)
class CalibrationIndex:
    """Absolute distance of curve and prediction: mean, median, 90th percentile and largest."""

    ici: float
    e50: float
    e90: float
    emax: float


def calibration_curve(
    label: np.ndarray, probability: np.ndarray, at: np.ndarray, span: float = 0.75
) -> np.ndarray:
    r"""Observed risk as a smooth function of the predicted one: loess of degree 2.

    At each point x a parabola is fitted by least squares to the :math:`q = \lfloor span\, n
    \rfloor` nearest people, with the weight

    .. math:: w_i = (1 - (|p_i - x| / h)^3)^3, \quad |p_i - x| < h

    where h is the distance of the q-th; its height at x is the curve. It is that of R's ``loess``
    with ``surface = "direct"``; R's default interpolates it between a few points, which moves the
    ICI of 60 people by 0.004. A curve of a few dozen people is a picture, no measurement, and it
    may leave 0 to 1.

    Parameters
    ----------
    label, probability
        Outcome, 0 or 1, and predicted probability of n people; a row with a NaN is absent.
    at
        Predicted probabilities at which the curve is wanted, m.
    span
        Share of the people in each window, above 0, at most 1.

    Returns
    -------
    ndarray
        m heights. NaN with fewer than 10 people, where a window has fewer than three distinct
        predictions within it (no parabola is determined), outside the predictions (the curve is
        not extended), and where ``at`` is NaN.
    """
    known = np.isfinite(label) & np.isfinite(probability)
    order = np.lexsort((label[known], probability[known]))  # the order of people changes nothing
    y, p = label[known][order].astype(float), probability[known][order].astype(float)
    at = np.asarray(at, dtype=float)
    if len(p) < _FEWEST:
        return np.full(len(at), np.nan)
    return np.concatenate(
        [np.empty(0)]
        + [_heights(y, p, at[i : i + _BLOCK], span) for i in range(0, len(at), _BLOCK)]
    )


def calibration_index(
    label: np.ndarray, probability: np.ndarray, span: float = 0.75
) -> CalibrationIndex:
    """ICI, E50, E90 and Emax: `calibration_curve` against the prediction, over the people.

    The numbers depend on the smoother and are above 0 for a perfectly calibrated model too, the
    more the fewer the people. NaN where the curve is NaN at a prediction.
    """
    known = np.isfinite(label) & np.isfinite(probability)
    p = probability[known]
    gap = np.abs(calibration_curve(label[known], p, p, span) - p)
    if not len(gap) or np.isnan(gap).any():
        return CalibrationIndex(np.nan, np.nan, np.nan, np.nan)
    e50, e90 = np.quantile(gap, [0.5, 0.9])
    return CalibrationIndex(float(np.sort(gap).mean()), float(e50), float(e90), float(gap.max()))


def _heights(y: np.ndarray, p: np.ndarray, at: np.ndarray, span: float) -> np.ndarray:
    """Heights at a block of points; p ascending."""
    inside = (at >= p[0]) & (at <= p[-1])
    x = np.where(inside, at, p[0])
    distance = np.abs(p - x[:, None])
    size = min(len(p), int(span * len(p) + 1e-5))
    if size < 1:
        return np.full(len(at), np.nan)
    reach = np.partition(distance, size - 1, axis=1)[:, size - 1 : size]
    scale = np.where(reach > 0, reach, 1.0)
    weight = np.maximum(1 - (distance / scale) ** 3, 0.0) ** 3
    # 1, u, u² made orthogonal under the weights: no normal equations to lose digits in
    total = weight.sum(axis=1, keepdims=True)
    u = (p - x[:, None]) / scale
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weight * u).sum(axis=1, keepdims=True) / total
        line = u - mean
        spread = (weight * line**2).sum(axis=1, keepdims=True)
        tilt = (weight * line**3).sum(axis=1, keepdims=True) / spread
        bend = line**2 - spread / total - tilt * line
        curvature = (weight * bend**2).sum(axis=1)
        height = (weight * y).sum(axis=1) / total[:, 0]
        slope = (weight * line * y).sum(axis=1) / spread[:, 0]
        second = (weight * bend * y).sum(axis=1) / curvature
        # the three polynomials at u = 0
        bend_at = mean[:, 0] ** 2 - spread[:, 0] / total[:, 0] + tilt[:, 0] * mean[:, 0]
        height = height - slope * mean[:, 0] + second * bend_at
        narrowest = np.minimum(spread[:, 0], curvature) / total[:, 0]
    wide = reach[:, 0] > _POINT * max(abs(p[0]), abs(p[-1]))
    return np.where(inside & wide & (narrowest > _FLAT), height, np.nan)
