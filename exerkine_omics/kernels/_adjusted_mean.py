"""Mean change at no change of confounders, in one arm or between two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from exerkine_omics import schema

# a sum of squares below this share of the squares themselves is rounding
_ROUNDING = 1e-18
_COLLINEAR = 1e-8


@dataclass(frozen=True)
class Adjusted:
    """Mean change (difference of arms) without and with the confounders held at no change.

    ``estimate``, ``se``, ``df`` without, ``adjusted``, ``adjusted_se``, ``adjusted_df`` with;
    ``slope`` (of one confounder), ``slope_p`` (F test of all), ``r`` (partial, multiple of
    several), ``step`` (mean change of one confounder), ``extrapolated``: no change is outside of
    the confounders' range (between arms: the ranges do not meet). NaN where ``status`` says why.
    """

    n: int
    status: str = schema.OK
    estimate: float = np.nan
    se: float = np.nan
    df: float = np.nan
    adjusted: float = np.nan
    adjusted_se: float = np.nan
    adjusted_df: float = np.nan
    slope: float = np.nan
    slope_p: float = np.nan
    r: float = np.nan
    step: float = np.nan
    extrapolated: bool = False


def adjust_mean(
    y: np.ndarray, x: np.ndarray, group: np.ndarray, sign: np.ndarray, pooled: bool
) -> Adjusted:
    r"""Regress y on x within groups; the intercepts' signed sum is the adjusted mean.

    With y and x about their groups' means and ``left`` an orthonormal basis of x, the adjusted
    mean is :math:`\sum_i a_i y_i`, :math:`a_i = c_{g(i)} / n_{g(i)} - (left \cdot reach)_i`, and
    its variance :math:`\sum_g s_g^2 \sum_{i \in g} a_i^2` with each group's own residual variance
    (Welch and Satterthwaite's df), or the common one.

    Parameters
    ----------
    y, x
        Change of the signature (n) and of the confounders (n x k); people with NaN are left out.
    group
        Group (arm) of each person, 0..G-1.
    sign
        Sign :math:`c_g` of each group (G).
    pooled
        Whether all groups share one residual variance.
    """
    k, n_groups = x.shape[1], len(sign)
    measured = np.isfinite(y).any(), np.isfinite(x).any(axis=0).all()
    there = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x, group = y[there], x[there], group[there]
    member = np.arange(n_groups)[:, None] == group
    size = member.sum(axis=1)
    n = int(size.sum())
    between = n_groups > 1
    if not measured[0]:
        return Adjusted(n, "the signature is not measured")
    if not measured[1]:
        return Adjusted(n, "a confounder is not measured")
    if (size < 2).any():
        return Adjusted(n, "fewer than 2 people" + (" in an arm" if between else ""))
    share = member / size[:, None]
    y_mean, x_mean = share @ y, share @ x
    y_rest, x_rest = y - y_mean[group], x - x_mean[group]
    y_square, step = float(y_rest @ y_rest), sign @ x_mean
    moved = float(step[0]) if k == 1 else np.nan
    if y_square <= _ROUNDING * float(y @ y):
        return Adjusted(n, "the signature does not vary", step=moved)
    mean = float(sign @ y_mean)
    plain = _spread(member @ y_rest**2, size - 1.0, 1 / size, pooled)
    # residual df 2 or more
    needed = n_groups - 1 + k + 3
    spread = np.sqrt((x_rest**2).sum(axis=0))
    varies = (spread**2 > _ROUNDING * (x**2).sum(axis=0)).all()

    def without(status: str) -> Adjusted:
        return Adjusted(n, status, mean, *plain, step=moved)

    if n < needed:
        return without(f"fewer than {needed} people")
    if not varies:
        return without("a confounder does not vary" + (" within arms" if between else ""))
    left, root, right = np.linalg.svd(x_rest / spread, full_matrices=False)
    if root[-1] < _COLLINEAR * root[0]:
        return without("the confounders are collinear")
    fitted = left.T @ y_rest
    rest = y_rest - left @ fitted
    square, explained = float(rest @ rest), float(fitted @ fitted)
    if square <= _ROUNDING**0.5 * y_square:
        return without("no residual variance")
    own_df = size - 1.0 - member @ (left**2).sum(axis=1)
    if between and not pooled and own_df.min() < 1:
        return without("too few people in an arm")
    reach = (right @ (step / spread)) / root
    weight = 1 / size + member @ (left @ reach) ** 2
    slope = (right.T @ (fitted / root)) / spread
    se, df = _spread(member @ rest**2, own_df, weight, pooled)
    residual_df = n - n_groups - k
    f_value = explained / k / (square / residual_df)
    r = float(np.sqrt(explained / (explained + square)))
    low = np.array([x[own].min(axis=0) for own in member])
    high = np.array([x[own].max(axis=0) for own in member])
    if not between:
        low, high = np.vstack([low, 0 * low]), np.vstack([high, 0 * high])
    return Adjusted(
        n,
        schema.OK,
        mean,
        *plain,
        adjusted=mean - float(slope @ step),
        adjusted_se=se,
        adjusted_df=df,
        slope=float(slope[0]) if k == 1 else np.nan,
        slope_p=float(special.fdtrc(k, residual_df, f_value)),
        r=r * float(np.sign(slope[0])) if k == 1 else r,
        step=moved,
        extrapolated=bool((low.max(axis=0) > high.min(axis=0)).any()),
    )


def _spread(
    square: np.ndarray, df: np.ndarray, weight: np.ndarray, pooled: bool
) -> tuple[float, float]:
    """SE and df from each group's residual squares, their df and squared weights."""
    if pooled or len(square) == 1:
        total_df = float(df.sum())
        return float(np.sqrt(square.sum() / total_df * weight.sum())), total_df
    part = square / df * weight
    return float(np.sqrt(part.sum())), float(part.sum() ** 2 / (part**2 / df).sum())
