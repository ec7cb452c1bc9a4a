r"""Several contrasts of a random-intercept model tested together, all features at once.

For rows L of rank r, :math:`M = L \Phi L'` and :math:`T = M^{-1} L \Phi P_1 \Phi L'` carry all that
Kenward and Roger's F approximation needs, since the derivatives of the two variances add up to
the covariance itself (so that :math:`T_2 = -I - \theta T`).
"""

from __future__ import annotations

import numpy as np

from exerkine_omics.kernels import _lmm
from exerkine_omics.kernels._lmm_sums import Sums

_RANK = 1e-9


def full_rows(rows: np.ndarray) -> np.ndarray:
    """Rows themselves where none follows from the others, else a basis of what they span."""
    _, size, basis = np.linalg.svd(rows)
    rank = int((size > _RANK * size.max(initial=0.0)).sum())
    return rows if rank == len(rows) else basis[:rank]


def _inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Inner products over p of p x r x F arrays: r x r x F."""
    return np.stack([(left[:, [i]] * right).sum(axis=0) for i in range(left.shape[1])])


def _turn(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Matrix p x p x F times p x r x F."""
    result = matrix[:, 0, None] * vectors[0]
    for k in range(1, len(vectors)):
        result += matrix[:, k, None] * vectors[k]
    return result


def _directions(fit: _lmm.Fit, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phi L' (p x r x F) and M (r x r x F)."""
    direction = np.stack([_lmm.combine(fit.phi, row) for row in rows], axis=1)
    return direction, np.tensordot(rows, direction, 1)


def _wald(estimate: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    inverse, _, _ = _lmm.invert(covariance)
    return (estimate * (inverse * estimate[:, None]).sum(axis=0)).sum(axis=0)


def kenward_roger(
    sums: Sums, fit: _lmm.Fit, w: _lmm.Precision, rows: np.ndarray, estimate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scaled F and its denominator df (Kenward and Roger 1997; pbkrtest's) of r x p rows.

    ``estimate`` (r x F) holds the contrasts; the numerator's df is r.
    """
    r, theta = len(rows), fit.theta
    with np.errstate(invalid="ignore", divide="ignore"):
        direction, m = _directions(fit, rows)
        turned = _turn(fit.c1, direction)
        slope = _inner(direction, turned)  # - L phi P1 phi L'
        excess = -_inner(direction, _turn(fit.c2, direction)) / 2
        excess -= _inner(turned, _turn(fit.phi, turned))
        inverse, _, _ = _lmm.invert(m)
        t = -np.stack([(inverse[:, [i]] * slope).sum(axis=0) for i in range(r)])
        t1 = t.trace()
        t11 = (t * t.transpose(1, 0, 2)).sum(axis=(0, 1))
        t2 = -r - theta * t1
        a1 = w.w11 * t1**2 + 2 * w.w12 * t1 * t2 + w.w22 * t2**2
        a2 = w.w11 * t11 - 2 * w.w12 * (t1 + theta * t11)
        a2 += w.w22 * (r + 2 * theta * t1 + theta**2 * t11)
        b = (a1 + 6 * a2) / (2 * r)
        g = ((r + 1) * a1 - (r + 4) * a2) / ((r + 2) * a2)
        bottom = 3 * r + 2 * (1 - g)
        v0, v1 = 1 + g / bottom * b, 1 - (r - g) / bottom * b
        v2 = 1 - (r + 2 - g) / bottom * b
        shrunk = 1 - a2 / r
        ratio = (shrunk / v1) ** 2 * v0 / v2 / r
        ddf = 4 + (r + 2) / (r * ratio - 1)
        scaling = ddf * shrunk / (ddf - 2)
        adjusted = m + 2 * excess * (w.w11 - 2 * theta * w.w12 + theta**2 * w.w22)
        return scaling * _wald(estimate, adjusted) / fit.sigma2 / r, ddf


def satterthwaite(
    sums: Sums, fit: _lmm.Fit, w: _lmm.Precision, rows: np.ndarray, estimate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """F and its denominator df by lmerTest's rule: t tests along the eigenvectors of L V L'."""
    r = len(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        direction, m = _directions(fit, rows)
        slope = _inner(direction, _turn(fit.c1, direction))
        root, vector = np.linalg.eigh(np.nan_to_num(m).transpose(2, 0, 1))
        along = np.einsum("fab,fbc,fac->cf", slope.transpose(2, 0, 1), vector, vector)
        df = np.stack([_lmm.satterthwaite_df(fit, root[:, i], along[i]) for i in range(r)])
        excess = (df / (df - 2)).sum(axis=0)
        ddf = np.where((df > 2).all(axis=0), 2 * excess / (excess - r), 2.0)
        ddf = np.where(np.ptp(df, axis=0) < 1e-8, df.mean(axis=0), ddf)
        return _wald(estimate, m) / fit.sigma2 / r, ddf


def residual(
    sums: Sums, fit: _lmm.Fit, w: _lmm.Precision, rows: np.ndarray, estimate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """F with the residual df n - p."""
    with np.errstate(invalid="ignore", divide="ignore"):
        _, m = _directions(fit, rows)
        return _wald(estimate, m) / fit.sigma2 / len(rows), fit.df.astype(float)
