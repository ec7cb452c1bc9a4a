"""Index and flags of haemolysis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exerkine_omics.kernels._haemolysis import (
    MAD_TO_SD,
    flag,
    panel_index,
    robust_z,
    sign_test,
)


@pytest.fixture
def panel():
    rng = np.random.default_rng(4)
    common = rng.normal(0, 1, (60, 1))
    return 10 + 2 * (0.8 * common + 0.6 * rng.normal(0, 1, (60, 5)))


def test_robust_z_is_that_of_scipy(panel):
    at = np.arange(60) < 40
    z = robust_z(panel, at)
    spread = stats.median_abs_deviation(panel[at], axis=0, scale="normal")
    np.testing.assert_allclose(z, (panel - np.median(panel[at], axis=0)) / spread, rtol=1e-9)
    assert 1 / stats.norm.ppf(0.75) == pytest.approx(MAD_TO_SD, rel=1e-12)


@pytest.mark.quick
def test_index_is_in_robust_sds_of_the_reference(panel):
    at = np.arange(60) < 40
    index = panel_index(panel, at)
    assert np.median(index[at]) == pytest.approx(0, abs=1e-12)
    assert stats.median_abs_deviation(index[at], scale="normal") == pytest.approx(1, rel=1e-9)
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(panel_index(panel[order][:, ::-1], at[order]), index[order])
    np.testing.assert_allclose(panel_index(3 * panel + 1e5, at), index, atol=1e-8)


def test_missing_values(panel):
    at = np.arange(60) < 40
    full = panel_index(panel, at)
    panel[41, :3] = np.nan
    panel[42, :2] = np.nan
    panel[:, 4] = 7.0
    index = panel_index(panel, at)
    # four usable proteins: one of them left is too few, two are enough
    assert np.isnan(index[41]) and np.isfinite(index[42])
    assert np.isfinite(index[[0, 50]]).all() and not np.array_equal(index, full)
    assert np.isnan(panel_index(np.full((60, 3), 5.0), at)).all()
    assert np.isnan(panel_index(panel, np.arange(60) < 2)).all()


def test_flag_holds_its_limits():
    index = np.array([4.999, 5.0, 7.0, 7.001, np.nan, -3.0])
    assert flag(index, 5, 7).tolist() == [0, 1, 1, 2, 3, 0]


def test_sign_test_is_the_exact_binomial():
    for up in range(8):
        for down in range(8):
            expected = stats.binomtest(up, up + down).pvalue if up + down else 1.0
            assert sign_test(up, down) == pytest.approx(expected, rel=1e-12)
