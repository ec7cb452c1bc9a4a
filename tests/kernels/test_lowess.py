"""Lowess against statsmodels where nothing is interpolated, and its properties."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels._lowess import lowess


@pytest.mark.parametrize("span", [0.3, 0.5, 0.9])
def test_equals_statsmodels(span: float) -> None:
    from statsmodels.nonparametric.smoothers_lowess import lowess as theirs

    rng = np.random.default_rng(4)
    # further apart than a hundredth of the range: a line at every point
    x = np.cumsum(rng.uniform(1, 2, 60))
    y = np.sin(x / 8) + rng.normal(0, 0.3, 60)
    y[7] = 30
    expected = theirs(y, x, frac=span, it=3, delta=0.0, return_sorted=False)
    np.testing.assert_allclose(lowess(y, x, span), expected, atol=1e-10)


def test_lines_pass_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=400), 1)
    np.testing.assert_allclose(lowess(3 - 2 * x, x, 0.4), 3 - 2 * x, atol=1e-9)
    y = rng.normal(size=400)
    order = rng.permutation(400)
    np.testing.assert_array_equal(lowess(y, x, 0.4)[order], lowess(y[order], x[order], 0.4))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_points(n: int) -> None:
    y = np.arange(n, dtype=float)
    np.testing.assert_allclose(lowess(y, y + 5, 0.5), y)
    assert np.isfinite(lowess(y, np.zeros(n), 0.5)).all()
