"""One-column fits, many at once, against scikit-learn and statsmodels column by column."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize
from sklearn.linear_model import LogisticRegression, Ridge

from exerkine_omics.kernels._univariate import univariate_linear, univariate_logistic

FITS = [univariate_logistic, univariate_linear]


def simulate(seed: int, n: int = 50, m: int = 12) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(float)
    x = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-4, 5, m)
    x = x + x.std(axis=0) * np.linspace(0, 4, m) * y[:, None]  # the last ones separate
    return x + 3 * x.std(axis=0), y, rng.integers(0, 4, n).astype(float)


def standardised(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, float, float]:
    mean = np.average(x, weights=w)
    sd = np.sqrt(np.average((x - mean) ** 2, weights=w))
    return (x - mean) / sd, float(mean), float(sd)


@pytest.mark.quick
@pytest.mark.parametrize("ridge", [0.01, 0.3])
def test_logistic_equals_scikit_learn(ridge):
    x, y, weights = simulate(1)
    for w in (np.ones(50), weights):
        intercept, slope = univariate_logistic(x, y, w, ridge)
        for j in range(x.shape[1]):
            z, mean, sd = standardised(x[:, j], w)
            oracle = LogisticRegression(C=1 / (w.sum() * ridge), tol=1e-12, max_iter=10000)
            oracle.fit(z[:, None], y, sample_weight=w)
            assert slope[j] * sd == pytest.approx(oracle.coef_[0, 0], rel=2e-5)
            level = intercept[j] + slope[j] * mean
            assert level == pytest.approx(oracle.intercept_[0], rel=2e-5, abs=2e-5)


def test_without_ridge_equals_statsmodels():
    x, y, weights = simulate(2)
    x, binomial = x[:, :4], sm.families.Binomial()
    intercept, slope = univariate_logistic(x, y, weights, 0.0)
    lines = univariate_linear(x, y, weights, 0.0)
    for j in range(4):
        design = sm.add_constant(x[:, j])
        oracle = sm.GLM(y, design, family=binomial, freq_weights=weights).fit(tol=1e-13)
        np.testing.assert_allclose([intercept[j], slope[j]], oracle.params, rtol=1e-8)
        line = sm.WLS(y, design, weights=weights).fit().params
        np.testing.assert_allclose([lines[0][j], lines[1][j]], line, rtol=1e-9)


def test_linear_equals_ridge():
    x, _, weights = simulate(3)
    y = x[:, 2] / x[:, 2].std() * 7 + np.random.default_rng(0).normal(size=50)
    intercept, slope = univariate_linear(x, y, weights, 0.2)
    for j in range(x.shape[1]):
        z, mean, sd = standardised(x[:, j], weights)
        oracle = Ridge(alpha=0.2 * weights.sum()).fit(z[:, None], y, sample_weight=weights)
        assert slope[j] * sd == pytest.approx(oracle.coef_[0], rel=1e-9)
        assert intercept[j] + slope[j] * mean == pytest.approx(oracle.intercept_, rel=1e-9)


def test_soft_labels_reach_the_minimum():
    x, y, w = simulate(4)
    soft = np.clip(0.1 + 0.75 * y + 0.05 * np.sin(np.arange(50)), 0, 1)
    intercept, slope = univariate_logistic(x, soft, w)
    for j in (0, 5, 11):
        z, mean, sd = standardised(x[:, j], w)

        def loss(theta, z=z):
            eta = theta[0] + theta[1] * z
            fit = np.average(np.logaddexp(0, eta) - soft * eta, weights=w)
            return fit + 0.005 * theta[1] ** 2

        best = optimize.minimize(loss, [0, 0], method="BFGS", options={"gtol": 1e-9}).x
        found = intercept[j] + slope[j] * mean, slope[j] * sd
        np.testing.assert_allclose(found, best, rtol=1e-5, atol=1e-6)
    # shares are as rows of label 1 and 0 with these weights
    twice = univariate_logistic(
        np.vstack([x, x]), np.repeat([1.0, 0.0], 50), np.r_[w * soft, w * (1 - soft)]
    )
    np.testing.assert_allclose(twice, (intercept, slope), rtol=1e-8)


def test_separated_columns_stay_finite():
    x = np.column_stack([np.arange(20.0), np.arange(20.0) > 9, np.r_[np.zeros(19), 1e9]])
    y = (np.arange(20) > 9).astype(float)
    intercept, slope = univariate_logistic(x, y)
    assert np.isfinite([intercept, slope]).all() and (slope > 0).all()
    assert 2 < slope[0] * x[:, 0].std() < 8
    assert np.isnan(univariate_logistic(x, y, None, 0.0)[1]).tolist() == [True] * 3
    np.testing.assert_allclose(univariate_logistic(x, 1 - y)[1], -slope, rtol=1e-8)


@pytest.mark.parametrize("fit", FITS)
def test_order_shift_scale_and_gaps(fit):
    x, y, w = simulate(5, m=600)  # more than a block
    intercept, slope = fit(x, y, w)
    rng = np.random.default_rng(1)
    rows, columns = rng.permutation(50), rng.permutation(600)
    np.testing.assert_allclose(fit(x[rows], y[rows], w[rows])[1], slope, rtol=1e-8, atol=1e-13)
    np.testing.assert_allclose(fit(x[:, columns], y, w)[1], slope[columns], rtol=1e-9, atol=1e-13)
    sd = x.std(axis=0)
    far = fit(x / sd + 1e5, y, w)
    np.testing.assert_allclose(far[1] / sd, slope, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(
        far[0] + far[1] * (x[0] / sd + 1e5), intercept + slope * x[0], atol=1e-4
    )
    np.testing.assert_allclose(fit(x, y, w * 17)[1], slope, rtol=1e-8)
    # a NaN cell, label or weight and a weight of 0 are absent rows
    holes, missing, w = x.copy(), y.copy(), w.copy()
    w[5] = np.nan
    holes[rng.random(x.shape) < 0.15] = np.nan
    missing[:3] = np.nan
    found = fit(holes, missing, w)
    for j in range(0, 600, 40):
        known = np.isfinite(holes[:, j]) & np.isfinite(missing) & (w > 0)
        alone = fit(x[known][:, [j]], y[known], w[known])
        np.testing.assert_allclose([found[0][j], found[1][j]], np.ravel(alone), rtol=1e-7)


def test_columns_without_an_answer():
    y = np.array([0.0, 1, 0, 1, 1])
    flat, gone = np.full(5, 0.1), np.full(5, np.nan)
    one_class = np.array([np.nan, 1, np.nan, 2, 4])
    one_person = np.array([np.nan, 1, np.nan, np.nan, np.nan])
    x = np.column_stack([flat, gone, one_class, one_person])
    for ridge in (0.01, 0.0):
        intercept, slope = univariate_logistic(x, y, None, ridge)
        assert slope[0] == 0 and intercept[0] == pytest.approx(np.log(1.5))
        assert np.isnan(slope[1:]).all() and np.isnan(intercept[1:]).all()
        intercept, slope = univariate_linear(x, y, None, ridge)
        assert slope[0] == 0 and intercept[0] == pytest.approx(0.6)
        assert np.isnan(slope[1]) and np.isnan(intercept[1])
        assert slope[2] == 0 and (intercept[2], slope[3], intercept[3]) == (1, 0, 1)
    # shares of one label that do not sum to 1 in floating point
    ones = univariate_logistic(np.arange(7.0)[:, None], np.ones(7), np.full(7, 0.1))
    assert np.isnan(ones).all()
    for fit in FITS:
        assert fit(np.empty((5, 0)), y)[0].shape == (0,)
        assert np.isnan(fit(x, y, np.zeros(5))[1]).all()
        assert np.isnan(fit(np.empty((0, 2)), np.empty(0))[0]).all()
