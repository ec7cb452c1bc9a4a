"""Ridge with an exact leave-one-group-out, against refitting and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from exerkine_omics.kernels._ridge import fit_ridge


def data(n=24, p=6, k=2, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 1, (n, p))
    return x, x[:, :k] + rng.normal(size=(n, k))


@pytest.mark.parametrize("p", [5, 60])
def test_equals_scikit_learn(p):
    x, y = data(p=p)
    fit = fit_ridge(x, y, penalty=3.0)
    other = Ridge(alpha=3.0).fit(x, y)
    np.testing.assert_allclose(fit.weights, other.coef_.T, atol=1e-9)
    np.testing.assert_allclose(fit.predict(x), other.predict(x), atol=1e-9)


@pytest.mark.parametrize("p", [5, 60])
def test_left_out_is_what_refitting_gives(p):
    x, y = data(p=p)
    groups = np.r_[np.repeat(np.arange(4), 3), np.arange(4, 16)]
    fit = fit_ridge(x, y, groups, penalty=2.0)
    for g in np.unique(groups):
        out = groups == g
        again = fit_ridge(x[~out], y[~out], penalty=2.0).predict(x[out])
        np.testing.assert_allclose(fit.left_out[out], again, atol=1e-8)


def test_penalty_is_infinite_where_nothing_is_to_be_learnt():
    x, _ = data(seed=3)
    y = np.random.default_rng(9).normal(size=(24, 1))
    y -= x @ np.linalg.lstsq(x, y, rcond=None)[0]
    fit = fit_ridge(x, y)
    assert np.isinf(fit.penalty)
    np.testing.assert_array_equal(fit.weights, 0)
    np.testing.assert_allclose(fit.predict(x), np.broadcast_to(y.mean(axis=0), y.shape))
    signal = fit_ridge(x, x[:, :1] * 5)
    assert signal.penalty < 1
    none = fit_ridge(np.empty((24, 0)), y)
    np.testing.assert_allclose(none.predict(np.empty((2, 0))), y.mean(axis=0)[None].repeat(2, 0))


def test_order_shift_and_rotation():
    x, y = data(p=40)
    base = fit_ridge(x, y)
    rows, columns = np.random.default_rng(0).permutation(24), np.arange(40)[::-1]
    moved = fit_ridge(x[rows][:, columns] + 1e5, y[rows] - 1e5)
    np.testing.assert_allclose(moved.weights[columns], base.weights, atol=1e-7)
    np.testing.assert_allclose(moved.left_out + 1e5, base.left_out[rows], atol=1e-6)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(fit_ridge(x, y @ turn).weights, base.weights @ turn, atol=1e-9)
