"""Permutation of whole persons against R, against loops, and against its own theory."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics.kernels import _signflip

REFERENCE = Path(__file__).parents[1] / "reference" / "rank_tests"


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.quick
def test_equals_r() -> None:
    """perm.test's flips, coin's labels (equal arms: Welch's t is monotone in the mean), max-T."""
    data = pd.read_csv(REFERENCE / "flip_data.csv")
    expected = pd.read_csv(REFERENCE / "flip_results.csv")
    change, first = data.drop(columns="arm").to_numpy(), (data["arm"] == 1).to_numpy()
    flips = _signflip.flip_signs(change, 99, rng())
    labels = _signflip.permute_arms(change, first, 99, rng())
    assert flips.exact and labels.exact and labels.n_draws == 924
    np.testing.assert_allclose(flips.p_value, expected["flip"], rtol=1e-12)
    np.testing.assert_allclose(labels.p_value, expected["label"], rtol=1e-12)
    # coin draws a million: its SE is below 0.0005
    np.testing.assert_allclose(labels.p_adj, expected["adjusted"], atol=0.002)


def t_of(change: np.ndarray) -> np.ndarray:
    """|t| of each feature on its own people, one loop a feature."""
    result = []
    for column in change.T:
        own = column[np.isfinite(column)]
        result.append(abs(stats.ttest_1samp(own, 0).statistic))
    return np.array(result)


def welch_of(change: np.ndarray, first: np.ndarray) -> np.ndarray:
    """|t| of each feature; NaN where an arm has fewer than 2 people."""
    result = []
    for column in change.T:
        x, y = (column[part & np.isfinite(column)] for part in (first, ~first))
        enough = min(len(x), len(y)) >= 2
        result.append(abs(stats.ttest_ind(x, y, equal_var=False).statistic) if enough else np.nan)
    return np.array(result)


def stepped(draws: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P and step-down max-T p as in Westfall and Young's algorithm 4.1, from all statistics."""
    single = np.nanmean(np.where(np.isnan(draws), np.nan, draws >= observed - 1e-9), axis=0)
    adjusted, least = np.empty(len(observed)), 0.0
    rest = list(np.argsort(-observed))
    while rest:
        top = np.nanmax(np.nan_to_num(draws[:, rest]), axis=1)
        least = max(least, (top >= observed[rest[0]] - 1e-9).mean())
        adjusted[rest.pop(0)] = least
    return single, np.maximum(adjusted, single)


@pytest.mark.parametrize("missing", [False, True])
def test_flips_by_enumeration(missing: bool) -> None:
    change = np.random.default_rng(1).normal(0.7, 1, (6, 7))
    if missing:
        change[[0, 1, 5], [2, 2, 4]] = np.nan
    signs = np.array(list(product([1, -1], repeat=6)))
    draws = np.array([t_of(change * s[:, None]) for s in signs])
    single, adjusted = stepped(draws, t_of(change))
    ours = _signflip.flip_signs(change, 9999, rng())
    np.testing.assert_allclose(ours.p_value, single, rtol=1e-12)
    np.testing.assert_allclose(ours.p_adj, adjusted, rtol=1e-12)
    assert ours.p_adj.min() < 0.4 < ours.p_adj.max()


@pytest.mark.parametrize("missing", [False, True])
def test_labels_by_enumeration(missing: bool) -> None:
    change = np.random.default_rng(2).normal(0, 1, (8, 7))
    first = np.array([1, 0, 1, 0, 0, 1, 0, 0], dtype=bool)
    change[first, :2] += 2
    if missing:
        change[[1, 3, 4], [0, 0, 5]] = np.nan
    chosen = [np.isin(np.arange(8), c) for c in combinations(range(8), 3)]
    draws = np.array([welch_of(change, c) for c in chosen])
    assert np.isnan(draws).any() == missing
    single, adjusted = stepped(draws, welch_of(change, first))
    ours = _signflip.permute_arms(change, first, 9999, rng())
    np.testing.assert_allclose(ours.p_value, single, rtol=1e-12)
    np.testing.assert_allclose(ours.p_adj, adjusted, rtol=1e-12)


def test_p_is_uniform_over_the_flips() -> None:
    """At n = 6 the 64 flips of one data set take each of the 32 values of p twice."""
    change = np.random.default_rng(3).normal(1, 1, (6, 1))
    p = [
        _signflip.flip_signs(change * np.array(s)[:, None], 9999, rng()).p_value[0]
        for s in product([1, -1], repeat=6)
    ]
    np.testing.assert_allclose(np.sort(p), np.repeat(np.arange(1, 33) / 32, 2), rtol=1e-12)


def test_ties_count_as_extreme() -> None:
    """Changes of 0.1, 0.2, 0.3 have equal sums that floating point tells apart."""
    change = np.array([0.1, 0.2, 0.3, -0.4, 0.6, 0.7])[:, None]
    signs = np.array(list(product([1, -1], repeat=6)))
    sums = np.abs(signs @ np.array([1, 2, 3, -4, 6, 7]))
    expected = (sums >= 15).mean()
    for values in (change, change * 1e8, change * 1e-8):
        assert _signflip.flip_signs(values, 9999, rng()).p_value[0] == pytest.approx(expected)
    mean_zero = np.array([1.0, -1.0, 0.1, -0.1, 0.7, -0.7])[:, None]
    assert _signflip.flip_signs(mean_zero, 9999, rng()).p_value[0] == 1.0


def test_draws_do_not_depend_on_blocks_or_features(monkeypatch: pytest.MonkeyPatch) -> None:
    change = np.random.default_rng(4).normal(0.3, 1, (40, 30))
    change[:, 5:][np.random.default_rng(5).random((40, 25)) < 0.1] = np.nan
    assert np.isnan(change[:, 7]).any()
    first = np.arange(40) < 18
    order = np.random.default_rng(6).permutation(30)
    tests = (
        # feature 7 lacks people, who draw all the same; labels are chosen among those there
        (7, lambda v: _signflip.flip_signs(v, 999, rng())),
        (2, lambda v: _signflip.permute_arms(v, first, 999, rng())),
    )
    for number, test in tests:
        one, alone, turned = test(change), test(change[:, [number]]), test(change[:, order])
        assert not one.exact and one.n_draws == 999
        assert one.p_value[number] == alone.p_value[0] == alone.p_adj[0]
        np.testing.assert_array_equal(one.p_value[order], turned.p_value)
        np.testing.assert_array_equal(one.p_adj[order], turned.p_adj)
        monkeypatch.setattr(_signflip, "BLOCK", 200)
        np.testing.assert_array_equal(test(change).p_adj, one.p_adj)
        monkeypatch.undo()
        assert (one.p_adj >= one.p_value).all()


def test_random_draws_come_near_all() -> None:
    change = np.random.default_rng(7).normal(0.3, 1, (16, 40))
    first = np.arange(16) < 6
    for test in (
        lambda m: _signflip.flip_signs(change, m, rng()),
        lambda m: _signflip.permute_arms(
            np.vstack([change, change[:2]]), np.append(first, [1, 0]) > 0, m, rng()
        ),
    ):
        every, drawn = test(2**16), test(9999)
        assert every.exact and not drawn.exact and drawn.n_draws == 9999
        assert drawn.p_value.min() >= 1 / 10000
        error = 4.5 * np.sqrt(every.p_value * (1 - every.p_value) / 9999) + 1e-4
        assert (np.abs(drawn.p_value - every.p_value) <= error).all()
        assert np.abs(drawn.p_adj - every.p_adj).max() < 4.5 * 0.005


def test_more_draws_than_flips_takes_all_flips() -> None:
    change = np.random.default_rng(8).normal(0.5, 1, (15, 3))
    assert not _signflip.flip_signs(change, 9999, rng()).exact
    assert _signflip.flip_signs(change, 2**15, rng()).exact


def null(n: int, generator: np.random.Generator, n_features: int = 200) -> np.ndarray:
    """Correlated changes with long tails, symmetric about zero."""
    scale = generator.uniform(0.2, 3, n_features)
    own = generator.standard_t(4, (n, n_features)) + 1.5 * generator.standard_t(4, (n, 1))
    return own * scale


@pytest.mark.slow
@pytest.mark.parametrize("n", [8, 20])
@pytest.mark.parametrize("arms", [1, 2])
def test_family_wise_error(n: int, arms: int) -> None:
    """5% within Monte Carlo error; complete and with missing people, arms of 3 to 5."""
    generator, hits, runs = np.random.default_rng(100 * n + arms), 0, 1000
    first = np.arange(n) < n * 3 // 8
    for number in range(runs):
        change = null(n, generator)
        if number % 2:
            change[generator.random(change.shape) < 0.1] = np.nan
            groups = [change] if arms == 1 else [change[first], change[~first]]
            least = np.min([np.isfinite(g).sum(axis=0) for g in groups], axis=0)
            change = change[:, least >= 2]
        test = (
            _signflip.flip_signs(change, 199, generator)
            if arms == 1
            else _signflip.permute_arms(change, first, 199, generator)
        )
        hits += test.p_adj.min() <= 0.05
    error = np.sqrt(0.05 * 0.95 / runs)
    assert hits / runs <= 0.05 + 3 * error
    # and it is not idle: n = 8 leaves few distinct p, arms of 3 and 5 56 labellings
    assert hits / runs >= 0.05 - 4 * error


@pytest.mark.slow
def test_correlation_is_used() -> None:
    """Features that are one feature cost nothing: max-T stays near the single p."""
    generator = np.random.default_rng(9)
    base = generator.normal(0.8, 1, (12, 1))
    copies = base + generator.normal(0, 1e-3, (12, 500))
    test = _signflip.flip_signs(copies, 9999, generator)
    assert test.p_adj.max() < 1.5 * test.p_value.max()
    assert test.p_adj.max() < 500 * test.p_value.min() / 10
