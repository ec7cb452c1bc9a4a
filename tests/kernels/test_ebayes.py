"""The variance prior against pylimma (unequal df) and by its defining properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from exerkine_omics.kernels import _ebayes, _f_tail, _natural_spline, _robust_prior

PYLIMMA = Path(__file__).parents[1] / "reference" / "pylimma"
LIMMA = Path(__file__).parents[1] / "reference" / "limma_more"


@pytest.mark.quick
@pytest.mark.parametrize("case", range(4))
def test_unequal_df_prior_is_the_newer_limma_s(case: int) -> None:
    """To the tolerance of its optimiser, which stops at 1e-4 of prior df / (1 + prior df)."""
    data = pd.read_csv(PYLIMMA / "variances.csv").query("case == @case")
    expected = pd.read_csv(PYLIMMA / "prior.csv").query("case == @case").iloc[0]
    prior = _ebayes.fit_prior_likelihood(data["variance"].to_numpy(), data["df"].to_numpy())
    assert prior.df == pytest.approx(expected["df_prior"], rel=2e-3)
    assert prior.variance == pytest.approx(expected["var_prior"], rel=1e-3)


def test_trigamma_inverse() -> None:
    for value in (1e-8, 1e-3, 0.5, 1.0, 20.0, 1e8):
        y = _ebayes.trigamma_inverse(value)
        assert special.polygamma(1, y) == pytest.approx(value, rel=1e-5)
    assert np.isnan(_ebayes.trigamma_inverse(0.0))


def test_prior_is_recovered() -> None:
    rng = np.random.default_rng(5)
    df = rng.integers(4, 12, 20000).astype(float)
    variance = 0.5 * 8 / rng.chisquare(8, 20000) * rng.chisquare(df) / df
    for fit in (_ebayes.fit_prior_moments, _ebayes.fit_prior_likelihood):
        prior = fit(variance, df)
        assert prior.df == pytest.approx(8, rel=0.1)
        assert prior.variance == pytest.approx(0.5, rel=0.03)


def test_features_without_df_do_not_count() -> None:
    rng = np.random.default_rng(6)
    variance, df = rng.chisquare(5, 50), np.full(50, 5.0)
    more = np.append(variance, [np.nan, 0.0]), np.append(df, [0.0, 0.0])
    assert _ebayes.fit_prior_moments(*more) == _ebayes.fit_prior_moments(variance, df)


def test_equal_variances_pool_wholly() -> None:
    df = np.full(30, 6.0)
    prior = _ebayes.fit_prior_moments(np.full(30, 2.0), df)
    assert prior.df == np.inf and prior.variance == pytest.approx(2.0)
    np.testing.assert_allclose(_ebayes.squeeze(np.full(30, 3.0), df, prior), 2.0)
    np.testing.assert_allclose(_ebayes.total_df(df, prior), 180.0)


def given(case: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = pd.read_csv(LIMMA / "prior_variances.csv").query("case == @case")
    return data["variance"].to_numpy(), data["df"].to_numpy(float), data["level"].to_numpy()


@pytest.mark.quick
@pytest.mark.parametrize("case", range(1, 6))
@pytest.mark.parametrize("trend", [False, True])
@pytest.mark.parametrize("robust", [False, True])
def test_legacy_priors_are_limma_s(case: int, trend: bool, robust: bool) -> None:
    """Outliers, unequal df, a feature without df, no spread beyond chance, four features."""
    variance, df, level = given(case)
    expected = pd.read_csv(LIMMA / "prior_answers.csv")
    expected = expected.query("case == @case and trend == @trend and robust == @robust")
    covariate = level if trend else None
    prior = (
        _robust_prior.fit_prior_robust(variance, df, covariate)
        if robust
        else _ebayes.fit_prior_moments(variance, df, covariate)
    )
    for name, ours in (("var_prior", prior.variance), ("df_prior", prior.df)):
        ours = np.broadcast_to(ours, len(df))
        np.testing.assert_allclose(ours, expected[name], rtol=1e-6 if robust else 1e-9)


@pytest.mark.parametrize("case", [2, 3])
def test_newer_robust_prior_is_pylimma_s(case: int) -> None:
    """To the tolerance of its optimiser."""
    variance, df, _ = given(case)
    ok = np.isfinite(variance) & (df > 0)
    expected = pd.read_csv(LIMMA / "newer.csv").query("case == @case")
    prior = _robust_prior.fit_prior_robust_likelihood(variance, df)
    np.testing.assert_allclose(
        np.broadcast_to(prior.df, len(df))[ok], expected["df_prior"], rtol=3e-3
    )
    np.testing.assert_allclose(prior.variance, expected["var_prior"].iloc[0], rtol=1e-3)


def test_likelihood_peaks_where_its_slope_is_zero() -> None:
    """Permuting features changes no digit that matters: a search alone stops at 8."""
    variance, df, level = given(2)
    ok = np.isfinite(variance) & (df > 0)
    variance, df, level = variance[ok], df[ok], level[ok]
    order = np.random.default_rng(0).permutation(len(df))
    for covariate in (None, level):
        one = _ebayes.fit_prior_likelihood(variance, df, covariate)
        two = _ebayes.fit_prior_likelihood(
            variance[order], df[order], None if covariate is None else covariate[order]
        )
        assert one.df == pytest.approx(two.df, rel=1e-11)


@pytest.mark.parametrize("fit", [_ebayes.fit_prior_moments, _ebayes.fit_prior_likelihood])
def test_trend_is_recovered(fit) -> None:
    rng = np.random.default_rng(8)
    level = rng.uniform(4, 12, 20000)
    df = rng.integers(4, 12, 20000).astype(float)
    scale = np.exp(1 - 0.3 * level)
    variance = scale * 8 / rng.chisquare(8, 20000) * rng.chisquare(df) / df
    prior = fit(variance, df, level)
    assert prior.df == pytest.approx(8, rel=0.1)
    np.testing.assert_allclose(prior.variance, scale, rtol=0.1)
    flat = fit(variance, df)
    assert flat.df < 6
    shifted = fit(variance, df, level + 1e5)
    np.testing.assert_allclose(shifted.variance, prior.variance, rtol=1e-6)


@pytest.mark.parametrize("newer", [False, True])
def test_outliers_lose_prior_df_and_the_others_gain(newer: bool) -> None:
    rng = np.random.default_rng(9)
    df = rng.integers(6, 10, 400).astype(float)
    variance = 10 / rng.chisquare(10, 400) * rng.chisquare(df) / df
    variance[:5] *= 1e3
    plain = _ebayes.fit_prior_moments(variance, df)
    prior = (
        _robust_prior.fit_prior_robust_likelihood(variance, df)
        if newer
        else _robust_prior.fit_prior_robust(variance, df)
    )
    assert (prior.df[:5] < 1).all()
    assert np.median(prior.df) > plain.df
    squeezed = _ebayes.squeeze(variance, df, prior)
    assert (squeezed[:5] > 0.5 * variance[:5]).all()
    np.testing.assert_array_equal(_ebayes.total_df(df, prior), df + prior.df)


def test_squeeze_takes_numbers_and_arrays() -> None:
    variance, df = np.array([1.0, 2.0, np.nan, 4.0]), np.array([4.0, 4.0, 0.0, 4.0])
    array = _ebayes.VariancePrior(np.full(4, 3.0), np.array([2.0, 2.0, 2.0, np.inf]))
    number = _ebayes.VariancePrior(3.0, 2.0)
    mixed, plain = _ebayes.squeeze(variance, df, array), _ebayes.squeeze(variance, df, number)
    np.testing.assert_allclose(plain, [10 / 6, 14 / 6, 3.0, 22 / 6])
    np.testing.assert_allclose(mixed, [10 / 6, 14 / 6, 3.0, 3.0])
    np.testing.assert_allclose(_ebayes.total_df(df, array), [6, 6, 2, 12])


def test_far_tails_keep_their_digits() -> None:
    """The series takes over where the tail underflows; both agree with the closed form at df 2."""
    f = np.array([0.5, 10.0, 1e5, 1e40])
    ours = _f_tail.log_upper_tail(f, 2.0, 20.0)
    np.testing.assert_allclose(ours, -10 * np.log1p(2 * f / 20), rtol=1e-12)


def test_natural_spline_is_linear_beyond_its_knots_and_smooth_inside() -> None:
    x = np.random.default_rng(0).normal(10, 3, 200)
    knots = _natural_spline.fit_knots(x, 4)
    assert len(knots) == 4 and knots[0] == x.min() and knots[-1] == x.max()
    beyond = _natural_spline.natural_basis(knots[-1] + np.array([0.0, 1.0, 2.0, 3.0]), knots)
    np.testing.assert_allclose(np.diff(beyond, 2, axis=0), 0.0, atol=1e-9)
    before = _natural_spline.natural_basis(knots[0] - np.array([0.0, 1.0, 2.0, 3.0]), knots)
    np.testing.assert_allclose(np.diff(before, 2, axis=0), 0.0, atol=1e-9)
    assert np.linalg.matrix_rank(_natural_spline.natural_basis(x, knots)) == 4
    tied = _natural_spline.fit_knots(np.r_[np.zeros(90), 1.0, 2.0], 4)
    assert len(np.unique(tied)) == len(tied)


@pytest.mark.parametrize("case", [2, 3])
@pytest.mark.parametrize("robust", [False, True])
def test_newer_trended_prior_is_pylimma_s(case: int, robust: bool) -> None:
    """To the tolerance of its optimiser."""
    variance, df, level = given(case)
    ok = np.isfinite(variance) & (df > 0)
    expected = pd.read_csv(LIMMA / "newer_trend.csv").query("case == @case and robust == @robust")
    fit = _robust_prior.fit_prior_robust_likelihood if robust else _ebayes.fit_prior_likelihood
    prior = fit(variance, df, level)
    np.testing.assert_allclose(
        np.broadcast_to(prior.df, len(df))[ok], expected["df_prior"], rtol=3e-3
    )
    np.testing.assert_allclose(np.asarray(prior.variance)[ok], expected["var_prior"], rtol=1e-3)
