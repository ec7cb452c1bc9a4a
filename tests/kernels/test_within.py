"""Both least-squares kernels against one dense fit a feature."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels import _correlated, _within


def data(noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values, design (cells and a covariate), subject and weights; people have 1 to 4 rows."""
    rng = np.random.default_rng(11)
    subject = np.repeat(np.arange(12), [1, 2, 3, 4] * 3)
    subject = rng.permutation(subject)
    n = len(subject)
    visit = np.array([(subject[:i] == subject[i]).sum() for i in range(n)])
    design = np.column_stack([*(visit == k for k in range(4)), rng.normal(size=n)]).astype(float)
    values = rng.normal(size=(12, 40))[subject] + design @ rng.normal(size=(5, 40))
    values += noise * rng.normal(size=values.shape)
    values[rng.random(values.shape) < 0.15] = np.nan
    values[visit == 3, 3] = np.nan  # a cell without rows
    values[visit > 0, 4] = np.nan  # nobody twice
    values[:, 5] = np.nan
    return values, design, subject, rng.uniform(0.3, 3, values.shape)


def dense(
    y: np.ndarray, design: np.ndarray, extra: np.ndarray | None, root: np.ndarray, contrast
) -> tuple[float, float, float, float, bool]:
    """Estimate, unscaled SE, RSS, df and estimability by the pseudo-inverse; root' root = V^-1."""
    x = design if extra is None else np.hstack([design, extra])
    wide = np.r_[contrast, np.zeros(x.shape[1] - len(contrast))]
    xs, ys = root @ x, root @ y
    inverse = np.linalg.pinv(xs, rcond=1e-10)
    beta = inverse @ ys
    rank = np.linalg.matrix_rank(xs, tol=1e-8) if len(y) else 0
    seen = len(y) > 0 and np.allclose(wide @ inverse @ xs, wide, atol=1e-7)
    se = float(np.linalg.norm(wide @ inverse))
    return float(wide @ beta), se, float(((ys - xs @ beta) ** 2).sum()), len(y) - rank, seen


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["none", "samples", "values"])
@pytest.mark.parametrize("rho", [None, 0.4, -0.2])
@pytest.mark.parametrize("noise", [1.0, 1e-6])
def test_equals_dense_fits(kind: str, rho: float | None, noise: float) -> None:
    values, design, subject, weight = data(noise)
    own = {"none": None, "samples": weight[:, 0], "values": weight}[kind]
    if rho is None:
        fit = _within.fit_within(values, design, subject, own)
    else:
        sums = _correlated.gather(values, design, subject, own)
        fit = _correlated.fit_correlated(values, design, subject, sums, rho, own)
    contrasts = np.array([[-1.0, 1, 0, 0, 0], [-1, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 1, 0, 0, 0]])
    full = (
        np.ones_like(values)
        if own is None
        else np.broadcast_to(own.reshape(len(values), -1), values.shape)
    )
    compared = 0
    for weights in contrasts:
        estimate, se, estimable = fit.contrast(weights)
        for f in range(values.shape[1]):
            rows = np.isfinite(values[:, f])
            same = subject[rows][:, None] == subject[rows]
            root = np.diag(np.sqrt(full[rows, f]))
            extra = np.eye(12)[subject[rows]] if rho is None else None
            if rho is not None:
                v = np.where(same, rho, 0.0) + (1 - rho) * np.eye(rows.sum())
                root = np.linalg.cholesky(np.linalg.inv(v)).T @ root
            expected = dense(values[rows, f], design[rows], extra, root, weights)
            assert estimable[f] == expected[4]
            assert fit.df[f] == expected[3]
            if not expected[4]:
                continue
            compared += 1
            assert estimate[f] == pytest.approx(expected[0], abs=1e-9)
            assert se[f] == pytest.approx(expected[1], rel=1e-8)
            if expected[3] > 0:
                assert fit.rss[f] == pytest.approx(expected[2], rel=1e-6)
    assert compared > 100


def test_residuals_and_fit_add_up() -> None:
    values, design, subject, _ = data()
    values = np.where(np.isnan(values), 3.0, values)
    fit = _within.fit_within(values, design, subject)
    rest = _within.within_residuals(values, design, subject, fit)
    np.testing.assert_allclose((rest**2).sum(axis=0), fit.rss, rtol=1e-10)
    for person in range(12):
        np.testing.assert_allclose(rest[subject == person].sum(axis=0), 0.0, atol=1e-10)


def test_complete_people() -> None:
    present = np.array([[1, 1], [1, 0], [1, 1], [0, 1], [1, 1]], dtype=bool)
    subject = np.array([0, 0, 1, 1, 3])
    used = np.array([True, True, True, True, True])
    count = _within.complete_people(present, subject, used, np.array([2, 2, 2, 1]))
    np.testing.assert_array_equal(count, [2, 2])
    # people who need no row do not count
    count = _within.complete_people(present, subject, used, np.array([2, 0, 0, 0]))
    np.testing.assert_array_equal(count, [1, 0])


def test_correlations_of_every_sign_are_found() -> None:
    """Simulated at -0.3, 0 and 0.7 with three rows a person; the bound is -0.49."""
    rng = np.random.default_rng(12)
    subject = np.repeat(np.arange(40), 3)
    design = np.tile(np.eye(3), (40, 1))
    for rho in (-0.3, 0.0, 0.7):
        root = np.linalg.cholesky(np.where(np.eye(3) > 0, 1.0, rho))
        values = np.einsum("ij,sjf->sif", root, rng.normal(size=(40, 3, 400))).reshape(120, 400)
        values[rng.random(values.shape) < 0.1] = np.nan
        sums = _correlated.gather(values, design, subject)
        found = _correlated.fit_correlation(sums, _correlated.least_correlation(subject))
        assert _correlated.consensus(found) == pytest.approx(rho, abs=0.03)
        assert (found >= -0.49).all() and (found <= 0.99).all()
