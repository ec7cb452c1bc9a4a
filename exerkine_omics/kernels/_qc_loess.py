"""Drift along the run, feature by feature, by local lines through the QC samples of a batch.

References
----------
Dunn WB et al. (2011) Procedures for large-scale metabolic profiling of serum and plasma using gas
chromatography and liquid chromatography coupled to mass spectrometry. Nat Protoc 6:1060-1083.
Cleveland WS (1979) Robust locally weighted regression and smoothing scatterplots. J Am Stat Assoc
74:829-836.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exerkine_omics.kernels._lowess import _DELTA, _ROUNDS, _anchors, _windows
from exerkine_omics.kernels._normalizer import Normalizer, Tubes, medians

# measured QC samples of a batch, below which a feature has no curve; and of one local line, for
# the farthest has no weight there and a line through 2 points takes their noise for drift
MIN_QC = 5


@dataclass(frozen=True)
class Drift:
    """Curves of the QC samples.

    ``order`` holds each batch's run order of QC samples (k), ``curve`` its curves at them (k x
    features, NaN where a feature has none), ``n`` (batches x features) counts the measured QC
    samples, ``target`` (features) is the level all are brought to: the median of all QC samples.
    """

    order: tuple[np.ndarray, ...]
    curve: tuple[np.ndarray, ...]
    n: np.ndarray
    target: np.ndarray


def fit_drift(tubes: Tubes) -> Drift:
    """Learn the curves from QC samples; run orders within a batch are distinct.

    A QC sample in which a feature is NaN is no point of its curve, which is then interpolated.
    """
    n_batches = int(tubes.batch.max()) + 1
    orders, curves, counts = [], [], []
    for number in range(n_batches):
        rows = np.flatnonzero(tubes.batch == number)
        rows = rows[np.argsort(tubes.order[rows])]
        x, y = tubes.order[rows].astype(float), tubes.values[rows]
        orders.append(x)
        curves.append(_curves(y, x, tubes.span))
        counts.append(np.isfinite(y).sum(axis=0))
    target = medians(tubes.values, 0)
    if not tubes.additive:
        curves = [np.where(c > 0, c, np.nan) for c in curves]
        target = np.where(target > 0, target, np.nan)
    return Drift(tuple(orders), tuple(curves), np.array(counts), target)


def drift_change(tubes: Tubes, drift: Drift) -> np.ndarray:
    """Target over curve at each sample's place in the run (minus on a log scale).

    Between QC samples the curve is interpolated linearly; before the first and after the last it
    keeps their level. 0 (or 1) where a feature has no curve in the batch.
    """
    result = np.full(tubes.values.shape, 0.0 if tubes.additive else 1.0)
    for number, (x, curve) in enumerate(zip(drift.order, drift.curve, strict=True)):
        rows = np.flatnonzero(tubes.batch == number)
        at = np.clip(tubes.order[rows].astype(float), x[0], x[-1]) if len(x) else x
        if not len(rows) or not len(x):
            continue
        level = _between(at, x, curve)
        change = drift.target - level if tubes.additive else drift.target / level
        known = np.isfinite(change)
        result[rows] = np.where(known, change, result[rows])
    return result


def _between(at: np.ndarray, x: np.ndarray, curve: np.ndarray) -> np.ndarray:
    right = np.clip(np.searchsorted(x, at), min(1, len(x) - 1), len(x) - 1)
    left = np.maximum(right - 1, 0)
    width = np.where(x[right] > x[left], x[right] - x[left], 1.0)
    share = ((at - x[left]) / width)[:, None]
    return (1 - share) * curve[left] + share * curve[right]


def _curves(y: np.ndarray, x: np.ndarray, span: float) -> np.ndarray:
    """Lowess of each column of y at x; features that miss the same samples share the weights."""
    curve = np.full(y.shape, np.nan)
    there = np.isfinite(y)
    patterns, member = np.unique(there, axis=1, return_inverse=True)
    member = member.ravel()
    for k in range(patterns.shape[1]):
        rows, columns = np.flatnonzero(patterns[:, k]), np.flatnonzero(member == k)
        if len(rows) >= MIN_QC:
            wide = max(span, MIN_QC / len(rows))
            own = lowess_columns(y[np.ix_(rows, columns)], x[rows], wide)
            curve[:, columns] = _between(np.clip(x, x[rows[0]], x[rows[-1]]), x[rows], own)
    return curve


def lowess_columns(y: np.ndarray, x: np.ndarray, span: float) -> np.ndarray:
    """Robust lowess of each column of y (n x features) at x, which rises: `lowess` for all at once.

    The weights of distance are common, those of the robust rounds each feature's own.
    """
    n = len(x)
    size = max(2, min(n, int(span * n + 1e-7)))
    anchors = _anchors(x, _DELTA * (x[-1] - x[0]))
    lefts = _windows(x, anchors, size)
    robust = np.ones(y.shape)
    done = np.zeros(y.shape[1], dtype=bool)
    rounding = 1e-12 * np.abs(y).max(axis=0)
    fitted = np.empty(y.shape)
    for left in range(_ROUNDS + 1):
        run = np.flatnonzero(~done)
        heights = np.array(
            [
                _lines(x, y[:, run], robust[:, run], i, start, size)
                for i, start in zip(anchors, lefts, strict=True)
            ]
        )
        fitted[:, run] = _between(x, x[anchors], heights)
        rest = np.abs(y[:, run] - fitted[:, run])
        width = 6 * np.median(rest, axis=0)
        # residuals that are rounding only would be weighted at random
        still = (width > 1e-7 * rest.mean(axis=0)) & (width > rounding[run])
        done[run[~still]] = True
        if left == _ROUNDS or done.all():
            break
        share = rest[:, still] / width[still]
        weight = np.where(share <= 0.999, (1 - share**2) ** 2, 0.0)
        weight[share <= 0.001] = 1.0
        robust[:, run[still]] = weight
    return fitted


def _lines(
    x: np.ndarray, y: np.ndarray, robust: np.ndarray, i: int, left: int, size: int
) -> np.ndarray:
    """Heights at x[i] of the local lines of all columns."""
    here = x[i]
    reach = max(here - x[left], x[left + size - 1] - here)
    right = int(np.searchsorted(x, here + 0.999 * reach, side="right"))
    xs, ys = x[left:right], y[left:right]
    distance = np.abs(xs - here)
    near = np.where(distance <= 0.999 * reach, 1.0, 0.0)
    if reach > 0:
        near *= np.where(distance > 0.001 * reach, (1 - (distance / reach) ** 3) ** 3, 1.0)
    weight = near[:, None] * robust[left:right]
    total = weight.sum(axis=0)
    lost = total <= 0
    weight = weight / np.where(lost, 1.0, total)
    centre = xs @ weight
    away = xs[:, None] - centre
    spread = (weight * away**2).sum(axis=0)
    sloped = np.sqrt(spread) > 0.001 * (x[-1] - x[0])
    tilt = np.where(sloped, (here - centre) / np.where(sloped, spread, 1.0), 0.0)
    height = (weight * (1 + tilt * away) * ys).sum(axis=0)
    return np.where(lost, y[i], height)


QC_LOESS = Normalizer(
    name="qc_loess",
    description="take off the drift of the QC samples along the run, within each batch",
    scales=("log", "Cq", "linear"),
    levels_samples=False,
    nan="a QC sample without the feature is no point of its curve",
    meaningless="where QC samples are few or not spread over the run, or are not the same material",
    fit=fit_drift,
    change=drift_change,
    takes=("order", "batch", "span"),
    source="Dunn WB et al. (2011) Nat Protoc 6:1060-1083",
)
