"""Smoothed calibration curve by loess, and how far it lies from the predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SPAN = 0.75
_FEWEST = 10


@dataclass(frozen=True)
class CalibrationError:
    """Distance of smoothed outcome and prediction: mean (ICI), median, 90th percentile, largest."""

    ici: float
    e50: float
    e90: float
    e_max: float


def loess(x: np.ndarray, y: np.ndarray, at: np.ndarray, span: float = _SPAN) -> np.ndarray:
    """Local quadratic regression of y on x (n,), evaluated at ``at`` (m,).

    Tricube weights ``(1 - (d / h)^3)^3`` with h the distance to the ``floor(n span)``-th nearest
    point (times ``span`` where it exceeds 1), each fit exact: R's
    ``loess(surface="direct", degree=2)``. NaN with fewer than 10 points, or where the nearest ones
    hold fewer than three different x. Missing values: not allowed.

    References
    ----------
    Cleveland WS, Devlin SJ (1988) J Am Stat Assoc 83:596-610.
    """
    n = len(x)
    found = np.full(len(at), np.nan)
    if n < _FEWEST:
        return found
    near = min(n, int(np.floor(n * span + 1e-5)))
    for k, place in enumerate(at):
        moved = x - place
        distance = np.abs(moved)
        h = np.partition(distance, near - 1)[near - 1] * max(1.0, span)
        if h <= 0:
            continue
        root = np.sqrt(np.clip(1 - (distance / h) ** 3, 0, None) ** 3)
        used = root > 0
        if len(np.unique(x[used])) < 3:
            continue
        z = moved[used] / h
        design = np.column_stack([np.ones(len(z)), z, z * z]) * root[used, None]
        found[k] = np.linalg.lstsq(design, y[used] * root[used], rcond=None)[0][0]
    return found


def calibration_error(label: np.ndarray, probability: np.ndarray) -> CalibrationError:
    """Integrated calibration index and its kin, by `loess` with span 0.75, not clipped.

    The value depends on the smoother: it belongs beside the number.

    References
    ----------
    Austin PC, Steyerberg EW (2019) Stat Med, doi 10.1002/sim.8281.
    """
    gap = np.abs(loess(probability, label, probability) - probability)
    if not np.isfinite(gap).all():
        return CalibrationError(*(float("nan"),) * 4)
    e50, e90 = np.quantile(gap, [0.5, 0.9])
    return CalibrationError(float(gap.mean()), float(e50), float(e90), float(gap.max()))
