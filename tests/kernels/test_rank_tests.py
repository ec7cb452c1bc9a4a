"""Rank tests against R (stats, exactRankTests, coin), scipy, and all signs written out."""

from __future__ import annotations

import math
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics.kernels import _hodges_lehmann, _rank_tests

REFERENCE = Path(__file__).parents[1] / "reference" / "rank_tests"
DATA = pd.read_csv(REFERENCE / "data.csv")
ANSWERS = pd.read_csv(REFERENCE / "results.csv")


def arms(case: str) -> list[np.ndarray]:
    data = DATA[DATA["case"] == case]
    return [
        np.column_stack([f["value"] for _, f in part.groupby("feature")])
        for _, part in data.groupby("arm")
    ]


def run(case: str) -> _rank_tests.RankTest:
    test = _rank_tests.signed_rank if case.startswith("one") else _rank_tests.rank_sum
    return test(*arms(case))


@pytest.mark.quick
@pytest.mark.parametrize("case", list(dict.fromkeys(ANSWERS["case"])))
def test_equals_r(case: str) -> None:
    """P of wilcox.test without ties, of wilcox.exact and coin with them; intervals untied."""
    expected, ours = ANSWERS[ANSWERS["case"] == case], run(case)
    normal, tied = "normal" in case, "tied" in case
    assert (ours.exact == (not normal)).all()
    np.testing.assert_array_equal(ours.statistic, expected["statistic"])
    np.testing.assert_allclose(np.log10(ours.p_value), np.log10(expected["p_value"]), atol=1e-11)
    if tied and not normal:
        np.testing.assert_allclose(np.log10(ours.p_value), np.log10(expected["p_coin"]), atol=1e-11)
    # R drops zeros from the estimate and searches a root for the normal one; middle is the median
    np.testing.assert_allclose(ours.estimate, expected["middle"], atol=1e-12)
    if tied:
        return
    if case in ("one_4", "one_5", "two_3_3"):
        # R gives the whole range there and warns that it has not the level asked for
        assert np.isneginf(ours.ci_low).all() and np.isposinf(ours.ci_high).all()
        return
    for bound in ("ci_low", "ci_high"):
        tolerance = 2e-4 if normal else 1e-12
        np.testing.assert_allclose(getattr(ours, bound), expected[bound], atol=tolerance)


def signs_written_out(change: np.ndarray) -> float:
    change = change[change != 0]
    rank = stats.rankdata(np.abs(change))
    sums = np.array(list(product([0, 1], repeat=len(change)))) @ rank
    mean, own = rank.sum() / 2, rank[change > 0].sum()
    return (np.abs(sums - mean) >= abs(own - mean) - 1e-9).mean()


def choices_written_out(first: np.ndarray, second: np.ndarray) -> float:
    rank = stats.rankdata(np.concatenate([first, second]))
    sums = np.array([rank[list(c)].sum() for c in combinations(range(len(rank)), len(first))])
    mean = rank.mean() * len(first)
    own = rank[: len(first)].sum()
    return (np.abs(sums - mean) >= abs(own - mean) - 1e-9).mean()


def test_ties_zeros_and_missing_people_by_enumeration() -> None:
    rng = np.random.default_rng(1)
    change = rng.integers(-3, 5, (10, 80)).astype(float)
    change[rng.random(change.shape) < 0.2] = np.nan
    ours = _rank_tests.signed_rank(change)
    for j in range(change.shape[1]):
        own = change[np.isfinite(change[:, j]), j]
        assert ours.p_value[j] == pytest.approx(signs_written_out(own), rel=1e-13)
    first, second = change[:6], change[6:] - 1
    ours = _rank_tests.rank_sum(first, second)
    for j in range(change.shape[1]):
        x, y = (v[np.isfinite(v[:, j]), j] for v in (first, second))
        if not len(y):
            assert np.isnan(ours.p_value[j]) and np.isnan(ours.estimate[j])
            continue
        assert ours.p_value[j] == pytest.approx(choices_written_out(x, y), rel=1e-12)
        assert ours.estimate[j] == np.median(np.subtract.outer(x, y))
        # W of one arm and of the other make n1 n2
        other = _rank_tests.rank_sum(second[:, [j]], first[:, [j]])
        assert ours.statistic[j] + other.statistic[0] == len(x) * len(y)
        assert ours.p_value[j] == pytest.approx(other.p_value[0], rel=1e-12)
        assert (-other.ci_high[0], -other.ci_low[0]) == (ours.ci_low[j], ours.ci_high[j])


def test_scipy_agrees() -> None:
    rng = np.random.default_rng(2)
    change = rng.normal(0.3, 1, (50, 12))
    ours = _rank_tests.signed_rank(change)
    expected = stats.wilcoxon(change, method="exact", axis=0).pvalue
    np.testing.assert_allclose(ours.p_value, expected, rtol=1e-11)
    tied = np.round(rng.normal(0.2, 1, (80, 12)), 1)
    expected = stats.wilcoxon(tied, method="approx", correction=True, axis=0).pvalue
    np.testing.assert_allclose(_rank_tests.signed_rank(tied).p_value, expected, rtol=1e-11)
    other = rng.normal(0, 1, (50, 12))
    expected = stats.mannwhitneyu(change, other, method="exact", axis=0).pvalue
    np.testing.assert_allclose(_rank_tests.rank_sum(change, other).p_value, expected, rtol=1e-9)
    expected = stats.mannwhitneyu(tied, np.round(other, 1), method="asymptotic", axis=0).pvalue
    ours = _rank_tests.rank_sum(tied, np.round(other, 1))
    np.testing.assert_allclose(ours.p_value, expected, rtol=1e-11)


def test_smallest_p_and_when_an_interval_exists() -> None:
    for n in range(2, 12):
        test = _rank_tests.signed_rank(np.arange(1.0, n + 1)[:, None])
        assert test.p_value[0] == pytest.approx(2 / 2**n, rel=1e-14)
        assert np.isfinite(test.ci_low[0]) == (n >= 6) == (test.p_value[0] < 0.05)
    for n1, n2 in ((3, 3), (3, 4), (4, 4), (2, 7), (2, 8), (5, 3), (1, 38), (1, 39)):
        test = _rank_tests.rank_sum(np.arange(n1)[:, None] + 100.0, np.arange(n2)[:, None] * 1.5)
        assert test.p_value[0] == pytest.approx(2 / math.comb(n1 + n2, n1), rel=1e-12)
        assert np.isfinite(test.ci_low[0]) == (test.p_value[0] <= 0.05 + 1e-12)


def test_the_interval_inverts_the_test() -> None:
    """A shift just inside the interval is not rejected, one just outside is."""
    rng = np.random.default_rng(3)
    for n in (8, 20, 70):
        change = rng.normal(0, 1, (n, 20))
        test = _rank_tests.signed_rank(change)
        for bound, inward in ((test.ci_low, 1e-7), (test.ci_high, -1e-7)):
            assert (_rank_tests.signed_rank(change - bound - inward).p_value > 0.05).all()
            assert (_rank_tests.signed_rank(change - bound + inward).p_value <= 0.05).all()
        first, second = change[: n // 2], change[n // 2 :]
        test = _rank_tests.rank_sum(first, second)
        for bound, inward in ((test.ci_low, 1e-7), (test.ci_high, -1e-7)):
            assert (_rank_tests.rank_sum(first - bound - inward, second).p_value > 0.05).all()
            assert (_rank_tests.rank_sum(first - bound + inward, second).p_value <= 0.05).all()


def test_rounding_makes_no_ranks() -> None:
    """0.1 + 0.2 and 0.3 are tied, and what is left of 0.3 - 0.1 - 0.2 is a zero."""
    exact = np.array([3.0, 3.0, -3.0, 1.0, 2.0, -1.0, 0.0, 5.0])[:, None]
    noise = np.array([1, -1, 1, 1, -1, 0, 1, 1])[:, None] * 1e-11
    for test, apart in (
        (_rank_tests.signed_rank, lambda v: (v,)),
        (_rank_tests.rank_sum, lambda v: (v[:4], v[4:])),
    ):
        one, two = test(*apart(exact)), test(*apart(exact + noise))
        assert one.statistic == two.statistic and one.p_value == two.p_value
    assert _rank_tests.signed_rank(np.array([[0.3 - 0.1 - 0.2], [0.0], [1.0]])).p_value == 1.0


def test_degenerate_changes() -> None:
    same = _rank_tests.signed_rank(np.full((8, 1), 2.0))
    assert same.p_value == 2 / 2**8
    assert (same.estimate, same.ci_low, same.ci_high) == (2.0, 2.0, 2.0)
    none = _rank_tests.signed_rank(np.zeros((8, 1)))
    assert np.isnan(none.p_value) and none.estimate == 0
    for n in (4, 60):
        equal = _rank_tests.rank_sum(np.full((n, 1), 2.0), np.full((n, 1), 2.0))
        assert equal.p_value == 1.0 and equal.estimate == 0
    nobody = _rank_tests.signed_rank(np.full((5, 2), np.nan))
    assert np.isnan([nobody.p_value, nobody.estimate, nobody.ci_low]).all()


def test_order_of_people_and_features_is_free() -> None:
    rng = np.random.default_rng(4)
    change = np.round(rng.normal(0.3, 1, (24, 40)), 1)
    change[rng.random(change.shape) < 0.1] = np.nan
    person, feature = rng.permutation(24), rng.permutation(40)
    one, two = (
        _rank_tests.signed_rank(change),
        _rank_tests.signed_rank(change[person][:, feature]),
    )
    for field in ("estimate", "ci_low", "ci_high", "statistic", "p_value", "exact"):
        np.testing.assert_array_equal(getattr(one, field)[feature], getattr(two, field))


def test_many_people_are_searched_with_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    change = rng.normal(1e5, 1, (60, 8))
    change[:, :3] = np.round(change[:, :3])
    change[rng.random(change.shape) < 0.1] = np.nan
    calls = [(_rank_tests.signed_rank, (change,)), (_rank_tests.rank_sum, (change[:25], change))]
    sorted_ = [f(*a) for f, a in calls]
    monkeypatch.setattr(_hodges_lehmann, "_PAIRS", 10)
    for (function, values), expected in zip(calls, sorted_, strict=True):
        searched = function(*values)
        for field in ("estimate", "ci_low", "ci_high"):
            np.testing.assert_allclose(
                getattr(searched, field), getattr(expected, field), rtol=1e-14, atol=1e-10
            )


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("n", [8, 20, 60])
def test_level_and_coverage(n: int, decimals: int) -> None:
    """Rounded or not: P(p <= 0.05) <= 0.05 and the closed interval covers the truth."""
    rng = np.random.default_rng(n)
    change = np.round(rng.standard_t(4, (n, 20000)), decimals)
    error = 3 * np.sqrt(0.05 * 0.95 / 20000)
    tests = [
        _rank_tests.signed_rank(change),
        _rank_tests.rank_sum(change[: n // 2], change[n // 2 :]),
    ]
    for test in tests:
        assert np.nanmean(test.p_value <= 0.05) <= 0.05 + error
        assert ((test.ci_low <= 0) & (test.ci_high >= 0)).mean() >= 0.95 - error
