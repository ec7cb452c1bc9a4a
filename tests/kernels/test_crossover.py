"""Least squares on few columns, each feature on the people it has."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels._crossover import least_squares, period_columns


@pytest.mark.quick
def test_equals_lstsq_feature_by_feature() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(15), rng.integers(-1, 2, (15, 2))]).astype(float)
    y = rng.normal(3, 1, (15, 30))
    y[rng.random(y.shape) < 0.2] = np.nan
    fit = least_squares(y, x)
    for k in range(30):
        rows = np.isfinite(y[:, k])
        beta, square, rank, _ = np.linalg.lstsq(x[rows], y[rows, k], rcond=None)
        assert rank == 3 and fit.full_rank[k]
        variance = square[0] / (rows.sum() - 3) * np.diag(np.linalg.inv(x[rows].T @ x[rows]))
        np.testing.assert_allclose(fit.estimate[k], beta, rtol=1e-10)
        np.testing.assert_allclose(fit.se[k], np.sqrt(variance), rtol=1e-10)
        assert fit.n[k] == rows.sum() and fit.df[k] == rows.sum() - 3


def test_what_people_cannot_tell_is_nan() -> None:
    x = np.array([[1, 1.0], [1, 1], [1, -1], [1, -1]])
    y = np.full((4, 4), np.nan)
    y[:, 0], y[:2, 1], y[[0, 2], 2] = (1, 2, 4, 6), (1, 2), (1, 5)
    fit = least_squares(y, x)
    np.testing.assert_array_equal(fit.full_rank, [True, False, True, False])
    assert np.isnan(fit.estimate[[1, 3]]).all() and np.isnan(fit.se[1:]).all()
    np.testing.assert_allclose(fit.estimate[[0, 2]], [[3.25, -1.75], [3, -2]])
    none = least_squares(np.empty((0, 3)), np.empty((0, 2)))
    assert not none.full_rank.any() and (none.n == 0).all()


def test_rounding_is_no_variance() -> None:
    y = 0.1 + np.arange(4)[:, None] * 0.0 + np.array([0.0, 1e5])
    y[1] += 1e-14
    assert (least_squares(y, np.ones((4, 1))).se == 0).all()


def test_period_columns() -> None:
    two = period_columns(np.array([1, 0, 1]), np.array([0, 1, 0]), 2)
    np.testing.assert_array_equal(two, [[1, 1], [1, -1], [1, 1]])
    three = period_columns(np.array([1, 2]), np.array([0, 1]), 3)
    np.testing.assert_array_equal(three, [[1, 1, 0], [1, -1, 1]])
