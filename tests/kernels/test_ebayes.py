"""The variance prior against pylimma (unequal df) and by its defining properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from exerkine_omics.kernels import _ebayes

PYLIMMA = Path(__file__).parents[1] / "reference" / "pylimma"


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
