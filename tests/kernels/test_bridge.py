"""Bridges: shift, criteria, and what outliers and background do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exerkine_omics.kernels._bridge import bridge


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    truth = rng.normal(5, 1.2, (40, 6))
    reference = truth + rng.normal(0, 0.1, truth.shape)
    new = truth - np.array([0.5, 0.5, -1, 0, 2, 0]) + rng.normal(0, 0.1, truth.shape)
    new[:, 1] = 3 + rng.normal(0, 0.1, 40)  # background there
    new[:, 5] *= 3  # another slope
    return reference, new


@pytest.mark.quick
def test_by_hand(pairs):
    reference, new = pairs
    reference[3, 0] = np.nan
    found = bridge(reference, new)
    assert list(found.n) == [39, 40, 40, 40, 40, 40]
    keep = np.arange(40) != 3
    difference = reference[keep, 0] - new[keep, 0]
    assert found.shift[0] == pytest.approx(np.median(difference))
    assert found.sd[0] == pytest.approx(difference.std(ddof=1))
    assert found.se[0] == pytest.approx(1.2533141 * difference.std(ddof=1) / np.sqrt(39))
    assert found.r2[2] == pytest.approx(stats.pearsonr(reference[:, 2], new[:, 2])[0] ** 2)
    assert found.range_new[2] == pytest.approx(np.subtract(*np.quantile(new[:, 2], [0.9, 0.1])))
    ks = stats.ks_2samp(reference[:, 2], new[:, 2] + found.shift[2]).statistic
    assert found.ks[2] == pytest.approx(ks)
    np.testing.assert_allclose(found.shift[[0, 2, 3, 4]], [0.5, -1, 0, 2], atol=0.1)


@pytest.mark.quick
def test_signal_is_not_bridged_to_background(pairs):
    found = bridge(*pairs)
    assert list(found.bridgeable) == [True, False, True, True, True, True]
    assert found.ks[5] > 0.2, "r2 is high, but a shift is not enough"
    assert (found.ks[[0, 2, 3, 4]] < 0.2).all()
    assert np.isnan(found.count).all()


def test_reads(pairs):
    """Background with many reads counts as bridgeable, values on few reads are no evidence."""
    reference, new = pairs
    many = np.full(reference.shape, 500.0)
    assert bridge(reference, new, many, many).bridgeable[1]
    few = many.copy()
    few[:10] = 4
    found = bridge(reference, new, many, few)
    assert (found.n_outliers >= 10).all() and (found.n == 40).all()
    assert (found.count == 500).all()


def test_an_outlier_moves_neither_shift_nor_criteria(pairs):
    reference, new = pairs
    before = bridge(reference, new)
    new[0, 0] += 30
    after = bridge(reference, new)
    assert after.shift[0] == pytest.approx(before.shift[0], abs=0.05)
    assert after.n_outliers[0] == before.n_outliers[0] + 1
    assert after.r2[0] == pytest.approx(before.r2[0], abs=0.02)


@pytest.mark.quick
def test_order_constant_and_emptiness(pairs):
    reference, new = pairs
    reference[:, 3] = np.nan
    expected = bridge(reference, new)
    assert np.isnan(expected.shift[3]) and expected.n[3] == 0 and not expected.bridgeable[3]
    rows = np.random.default_rng(1).permutation(40)
    mixed = bridge(reference[rows] + 1e5, new[rows] + 1e5)
    for name in ("shift", "sd", "r2", "ks", "range_new"):
        np.testing.assert_allclose(getattr(mixed, name), getattr(expected, name), atol=1e-8)


def test_the_standard_error_is_true():
    """SD of the shift over 2000 draws."""
    rng = np.random.default_rng(2)
    found = bridge(rng.normal(0, 1, (16, 2000)), rng.normal(0, 1, (16, 2000)))
    assert found.shift.std() == pytest.approx(np.sqrt((found.se**2).mean()), rel=0.06)
