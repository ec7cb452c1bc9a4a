"""Peak, area and covariance of a course."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from exerkine_omics.kernels import _course, _lmm, _lmm_sums
from exerkine_omics.kernels._natural_spline import natural_spline


@pytest.fixture
def fitted() -> tuple[_lmm_sums.Sums, _lmm.Fit]:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])
    subject = np.repeat(np.arange(12), 5)
    y = rng.normal(size=(12, 8))[subject] + rng.normal(size=(60, 8))
    y[rng.random(y.shape) < 0.1] = np.nan
    sums = _lmm_sums.grouped_sums(y, x, subject)
    return sums, _lmm.fit_reml(sums)


@pytest.mark.quick
def test_the_covariance_gives_every_contrasts_se(fitted) -> None:
    sums, fit = fitted
    w = _lmm.precision(sums, fit)
    covariance, df = _course.joint_covariance(sums, fit, np.array([1, 2, 3]))
    for weights in np.random.default_rng(2).normal(size=(5, 3)):
        se, own = _lmm.kenward_roger(sums, fit, w, np.concatenate([[0.0], weights]))
        quadratic = np.einsum("i,fij,j->f", weights, covariance, weights)
        np.testing.assert_allclose(np.sqrt(quadratic), se, rtol=1e-9)
    np.testing.assert_allclose(covariance, covariance.transpose(0, 2, 1))
    assert (df > 3).all()


def test_peak_of_either_direction() -> None:
    grid = np.array([0.0, 10, 20, 60])
    change = np.array([[0, 1, 3, 1.5], [0, -4, 3, 2], [0, 1, 2, 5], [0, 0, 0, 0], [0, 2, -2, 1.0]])
    peak = _course.peak(change, grid)
    np.testing.assert_array_equal(peak.minutes[[0, 1, 2, 4]], [20, 10, 60, 10])
    np.testing.assert_array_equal(peak.change, [3, -4, 5, 0, 2])
    np.testing.assert_allclose(peak.recovery_ratio, [0.5, -0.5, 1, np.nan, 0.5])


@pytest.mark.parametrize("inner", [[], [10.0], [0.0, 30.0], [-5.0, 10.0, 30.0, 60.0]])
def test_spline_peak_is_that_of_a_fine_grid(inner: list[float]) -> None:
    rng = np.random.default_rng(6)
    boundary = (-15.0, 240.0)
    knots = np.array([boundary[0], *inner, boundary[1]])
    beta = rng.normal(size=(200, len(knots) - 1))
    beta[0] = 0.0
    grid = np.unique(np.concatenate([np.linspace(*boundary, 20001), knots]))
    curve = beta @ natural_spline(grid, np.array(inner), boundary).T
    coarse, exact = _course.peak(curve, grid), _course.spline_peak(beta, knots)
    assert (np.abs(exact.change) >= np.abs(coarse.change) * (1 - 1e-11)).all()
    np.testing.assert_allclose(exact.change, coarse.change, rtol=1e-5)
    np.testing.assert_allclose(exact.minutes, coarse.minutes, atol=0.02)
    np.testing.assert_allclose(exact.recovery_ratio, coarse.recovery_ratio, rtol=1e-5)
    flipped = _course.spline_peak(-beta, knots)
    np.testing.assert_allclose(flipped.change, -exact.change, rtol=1e-12)


def test_drawn_curves_have_the_covariance() -> None:
    rng = np.random.default_rng(3)
    beta, df = np.array([[2.0, -1.0], [0.0, 1.0]]), np.array([8.0, 30.0])
    root = rng.normal(size=(2, 2, 2))
    covariance = root @ root.transpose(0, 2, 1)
    draws = _course.drawn_curves(
        beta,
        covariance,
        df,
        rng.standard_normal((2, 200000, 2)),
        np.stack([rng.chisquare(d, 200000) for d in df]),
    )
    for k in range(2):
        np.testing.assert_allclose(draws[k].mean(axis=0), beta[k], atol=0.03)
        wanted = covariance[k] * df[k] / (df[k] - 2)
        np.testing.assert_allclose(np.cov(draws[k].T), wanted, atol=0.03 * wanted.max())
    # one coordinate is t: its quantiles, not only its variance
    half = stats.t.ppf(0.975, 8) * np.sqrt(covariance[0, 0, 0])
    inside = np.abs(draws[0, :, 0] - 2) < half
    assert inside.mean() == pytest.approx(0.95, abs=0.003)


def test_trapezoid_bridges_what_is_missing() -> None:
    rng = np.random.default_rng(4)
    x = np.array([-15.0, 0, 10, 30, 120])
    y = rng.normal(size=(5, 40))
    np.testing.assert_allclose(_course.trapezoid(y, x), trapezoid(y, x, axis=0), rtol=1e-12)
    y[rng.random(y.shape) < 0.3] = np.nan
    y[:, 0] = np.nan
    area = _course.trapezoid(y, x)
    for k in range(40):
        there = np.isfinite(y[:, k])
        assert area[k] == pytest.approx(trapezoid(y[there, k], x[there]))
