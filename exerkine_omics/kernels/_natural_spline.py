r"""Natural cubic splines, written by their values at the knots.

With knots :math:`\kappa_0 < \dots < \kappa_K` a natural spline is fixed by its values
:math:`g_k` there. Its second derivatives :math:`\gamma` (zero at both ends) solve
:math:`R\gamma = Q'g`, and inside an interval of width *h* it is

.. math:: f(x) = a g_k + b g_{k+1}
          - \frac{(x - \kappa_k)(\kappa_{k+1} - x)}{6}
            \big[(1 + a)\gamma_k + (1 + b)\gamma_{k+1}\big]

with :math:`b = (x - \kappa_k) / h`, :math:`a = 1 - b`; outside it goes on as a line (Green PJ,
Silverman BW 1994, Nonparametric Regression and Generalized Linear Models, section 2.4).
"""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-13


def natural_spline(x: np.ndarray, knots: np.ndarray, boundary: tuple[float, float]) -> np.ndarray:
    """Basis of the natural cubic splines that are zero at the left boundary knot.

    Parameters
    ----------
    x
        Points (n), in any unit.
    knots
        Inner knots (K - 1), ascending, inside the boundary; none gives a straight line.
    boundary
        Left and right boundary knot; beyond them the splines are straight.

    Returns
    -------
    ndarray
        n x K. Column k is 1 at the (k + 1)-th knot and 0 at the others, so that a coefficient is
        the curve's rise from the left boundary knot to that knot. It spans what R's
        ``splines::ns`` without intercept spans.
    """
    at = np.concatenate([[boundary[0]], np.asarray(knots, dtype=float), [boundary[1]]])
    # the unit of x is free
    width = at[-1] - at[0]
    x = (np.asarray(x, dtype=float) - at[0]) / width
    at = (at - at[0]) / width
    h = np.diff(at)
    value = np.eye(len(at))
    second = second_derivatives(h)
    k = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(h) - 1)
    inside = np.clip(x, 0.0, 1.0)
    b = ((inside - at[k]) / h[k])[:, None]
    a = 1.0 - b
    product = ((inside - at[k]) * (at[k + 1] - inside))[:, None] / 6.0
    basis = a * value[k] + b * value[k + 1]
    basis -= product * ((1.0 + a) * second[k] + (1.0 + b) * second[k + 1])
    rise = np.diff(value, axis=0) / h[:, None]
    left = rise[0] - h[0] * second[1] / 6.0
    right = rise[-1] + h[-1] * second[-2] / 6.0
    basis += np.minimum(x, 0.0)[:, None] * left + np.maximum(x - 1.0, 0.0)[:, None] * right
    # a column is nothing at all where another knot's sample stands
    basis[np.abs(basis) < _ROUNDING] = 0.0
    return basis[:, 1:]


def second_derivatives(h: np.ndarray) -> np.ndarray:
    """Second derivatives at the knots (rows) of the splines that are 1 at one knot (columns)."""
    n = len(h) + 1
    second = np.zeros((n, n))
    if n < 3:
        return second
    inner = np.arange(n - 2)
    band = np.zeros((n - 2, n - 2))
    band[inner, inner] = (h[:-1] + h[1:]) / 3.0
    band[inner[1:], inner[:-1]] = band[inner[:-1], inner[1:]] = h[1:-1] / 6.0
    differences = np.zeros((n - 2, n))
    differences[inner, inner] = 1.0 / h[:-1]
    differences[inner, inner + 1] = -1.0 / h[:-1] - 1.0 / h[1:]
    differences[inner, inner + 2] = 1.0 / h[1:]
    second[1:-1] = np.linalg.solve(band, differences)
    return second


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
    """Basis with the constant, len(x) x len(knots): `natural_spline` between the outer knots."""
    spline = natural_spline(x, knots[1:-1], (knots[0], knots[-1]))
    return np.column_stack([np.ones(len(x)), spline])
