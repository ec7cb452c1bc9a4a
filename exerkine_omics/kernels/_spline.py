"""Natural cubic splines by truncated powers: linear beyond the outer knots."""

from __future__ import annotations

import numpy as np


def fit_knots(x: np.ndarray, df: int) -> np.ndarray:
    """Knots of a natural spline with ``df`` coefficients (intercept included, 2 or more).

    The outer two are the range, the df - 2 inner ones equally spaced quantiles; knots closer
    than 1e-9 of the range are one.
    """
    first, *inner, last = np.quantile(x, np.linspace(0.0, 1.0, df))
    kept = [first]
    for knot in inner:
        if min(knot - kept[-1], last - knot) > 1e-9 * (last - first):
            kept.append(knot)
    return np.array([*kept, last])


def natural_basis(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    r"""Basis of the natural spline at ``x``, len(x) x len(knots).

    On u = (x - first) / (last - first), with knots k_1 = 0, ..., k_K = 1, the columns are 1, u and

    .. math:: d_j(u) - d_{K-1}(u), \quad d_j(u) = ((u - k_j)_+^3 - (u - 1)_+^3) / (1 - k_j)

    for j = 1, ..., K - 2 (Hastie, Tibshirani & Friedman 2009, equations 5.4 and 5.5).
    """
    span = knots[-1] - knots[0]
    u = (x - knots[0]) / span
    inner = (knots[:-1] - knots[0]) / span
    beyond = np.maximum(u - 1.0, 0.0) ** 3
    cubes = [(np.maximum(u - k, 0.0) ** 3 - beyond) / (1.0 - k) for k in inner]
    return np.column_stack([np.ones_like(u), u, *(c - cubes[-1] for c in cubes[:-1])])
