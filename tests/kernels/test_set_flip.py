"""Mixed p of sets under flips and labellings, against all of them written out."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from exerkine_omics.kernels._set_flip import flip_members, permute_members

nan = np.nan


def stream() -> np.random.Generator:
    return np.random.default_rng(7)


def changes(n: int, k: int, missing: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.3, 1, (n, k)) + rng.normal(0, 1, (n, 1))
    values[rng.random(values.shape) < missing] = nan
    return values


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_all_flips_by_hand(missing: float) -> None:
    change, weight = changes(7, 4, missing), np.array([2.0, -1.0, 1.0, 0.5])
    filled = np.nan_to_num(change)
    draws = []
    for signs in product((1, -1), repeat=7):
        z2 = (np.array(signs) @ filled) ** 2 / (filled**2).sum(axis=0)
        draws.append(np.average(z2, weights=np.abs(weight)))
    observed = draws[0]  # all signs +1
    expected = (np.array(draws) >= observed * (1 - 1e-9)).mean()
    assert np.mean(draws) == pytest.approx(1.0)
    p = flip_members([change, change[:, :1]], [weight, weight[:1]], 99, stream())
    assert p[0] == pytest.approx(expected, rel=1e-12)
    assert 0 < p[0] < 1 and p[0] != p[1]


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_all_labellings_by_hand(missing: float) -> None:
    change, weight = changes(8, 3, missing, seed=3), np.array([1.0, 3.0, -1.0])
    finite = np.isfinite(change)
    centred = np.where(finite, change - np.nanmean(change, axis=0), 0.0)
    n = finite.sum(axis=0)

    def mixed(first: np.ndarray) -> float:
        z2 = np.zeros(3)
        for j in range(3):
            one = finite[first, j].sum()
            if 0 < one < n[j]:
                total = centred[first, j].sum()
                square = (centred[:, j] ** 2).sum()
                z2[j] = total**2 / square * n[j] * (n[j] - 1) / one / (n[j] - one)
        return float(np.average(z2, weights=np.abs(weight)))

    first = np.arange(8) < 3
    draws = [mixed(np.isin(np.arange(8), chosen)) for chosen in combinations(range(8), 3)]
    expected = (np.array(draws) >= mixed(first) * (1 - 1e-9)).mean()
    if not missing:
        assert np.mean(draws) == pytest.approx(1.0)
    p = permute_members([change], [weight], first, 99, stream())
    assert p[0] == pytest.approx(expected, rel=1e-12)
    assert permute_members([change], [weight], ~first, 99, stream())[0] == pytest.approx(
        expected if not missing else p[0], rel=1e-12
    )


def test_random_draws_are_near_all_of_them() -> None:
    change = changes(16, 5, 0.0, seed=5) - 0.1
    exact = flip_members([change], [np.ones(5)], 1 << 16, stream())
    drawn = flip_members([change], [np.ones(5)], 20_000, stream())
    assert drawn[0] != exact[0]
    assert drawn[0] == pytest.approx(exact[0], abs=4 * np.sqrt(0.25 / 20_000))


def test_direction_size_and_order_do_not_matter() -> None:
    change, weight = changes(9, 4, 0.1), np.array([1.0, 2.0, 3.0, 4.0])
    reference = flip_members([change], [weight], 99, stream())
    turned = flip_members([change * [1, -1, 5, -0.1]], [-7 * weight], 99, stream())
    np.testing.assert_array_equal(turned, reference)
    mixed = np.random.default_rng(0).permutation(9)
    np.testing.assert_array_equal(flip_members([change[mixed]], [weight], 99, stream()), reference)


def test_opposite_members_are_found_and_people_without_values_are_absent() -> None:
    rng = np.random.default_rng(1)
    change = rng.normal(0, 0.3, (10, 6)) + np.array([1, -1] * 3)
    assert flip_members([change], [np.ones(6)], 99, stream())[0] == 2 / 2**10
    more = np.vstack([change, np.full((2, 6), nan)])
    assert flip_members([more], [np.ones(6)], 99, stream())[0] == 2 / 2**10
    first = np.arange(10) < 5
    apart = np.where(first[:, None], change, rng.normal(0, 0.3, (10, 6)))
    assert permute_members([apart], [np.ones(6)], first, 99, stream())[0] <= 2 / 252


@pytest.mark.slow
def test_type_one_error_with_correlated_long_tailed_members() -> None:
    rng = np.random.default_rng(2)
    flips, labels = [], []
    for _ in range(2000):
        change = rng.standard_t(3, (8, 5)) + rng.normal(0, 2, (8, 1))
        change[rng.random(change.shape) < 0.1] = nan
        flips.append(flip_members([change], [np.ones(5)], 99, rng)[0])
        labels.append(permute_members([change], [np.ones(5)], np.arange(8) < 4, 99, rng)[0])
    # each draw has a mirror image: p is a multiple of 1 / 128, of 1 / 35
    for p, steps in ((np.array(flips), 128), (np.array(labels), 35)):
        for level in (0.05, 0.2, 0.5):
            rate = np.floor(level * steps) / steps
            assert (p <= level).mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / 2000))
