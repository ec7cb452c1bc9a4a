"""The scorers against plain loops, and what holds for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exerkine_omics.kernels import _score_null as null
from exerkine_omics.kernels._sample_ranks import sample_ranks
from exerkine_omics.kernels._scorer import (
    Fitted,
    Scorer,
    fit_scorer,
    jackknife,
    member_parts,
    members_measured,
)
from exerkine_omics.kernels._scorers import SCORERS
from exerkine_omics.kernels._scores import feature_moments
from exerkine_omics.kernels._sets import Sets, make_sets, without_each_member

N, P = 12, 60
NAMES = list(SCORERS)


def _data(holes: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(8, 2, (N, P)) * rng.uniform(0.5, 2, P)
    values[rng.random((N, P)) < holes] = np.nan
    return values


def _sets(seed: int = 1) -> Sets:
    rng = np.random.default_rng(seed)
    columns = [rng.choice(P, k, replace=False) for k in (2, 5, 8, 8, 20)]
    weights = [np.ones(2), np.ones(5), rng.choice([-1.0, 1.0], 8), rng.normal(size=8), -np.ones(20)]
    return make_sets(columns, weights, [np.abs(w).sum() for w in weights], P)


def _fitted(scorer: Scorer, values: np.ndarray, **options: object) -> Fitted:
    return fit_scorer(scorer, scorer.defaults() | options, 0.0, values)


def _scores(name: str, values: np.ndarray, sets: Sets, **options: object) -> np.ndarray:
    fitted = _fitted(SCORERS[name], values, **options)
    return fitted.score(fitted.prepare(values), sets)[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_turned_signs_turn_the_score(name: str, holes: float) -> None:
    values, sets = _data(holes), _sets()
    turned = Sets(-sets.weights, sets.total)
    scores = _scores(name, values, sets)
    # two members may both be missing
    assert np.isfinite(scores[1:]).all() and np.isfinite(scores[0]).sum() > 8
    np.testing.assert_allclose(_scores(name, values, turned), -scores, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_the_feature_that_is_not_there(name: str) -> None:
    """Members and others: the sample is scored as on a panel that lacks the feature."""
    values, sets = _data(), _sets()
    member = sets.weights.indices[3]
    holed = values.copy()
    holed[4, member] = np.nan
    fitted = _fitted(SCORERS[name], values)
    own = fitted.score(fitted.prepare(holed[4:5]), sets)[0][:, 0]
    kept = np.delete(np.arange(P), member)
    smaller = Sets(sets.weights[:, kept], sets.total)
    less = _fitted(SCORERS[name], values[:, kept])
    expected = less.score(less.prepare(values[4:5, kept]), smaller)[0][:, 0]
    np.testing.assert_allclose(own, expected, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_features_samples_and_sets(name: str) -> None:
    values, sets = _data(0.1), _sets()
    scores = _scores(name, values, sets)
    rng = np.random.default_rng(5)
    rows, columns, order = rng.permutation(N), rng.permutation(P), rng.permutation(len(sets))
    other = Sets(sets.weights[:, columns], sets.total).take(order)
    moved = _scores(name, values[np.ix_(rows, columns)], other)
    np.testing.assert_allclose(moved, scores[np.ix_(order, rows)], atol=1e-12)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "weighted_mean"])
def test_a_constant_added_to_all_changes_nothing(name: str) -> None:
    values, sets = _data(0.1), _sets()
    np.testing.assert_allclose(
        _scores(name, values + 1e5, sets), _scores(name, values, sets), atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_new_samples_are_scored_as_the_old_ones(name: str) -> None:
    """Fit on all, apply to a copy: the same numbers, one at a time or together."""
    values, sets = _data(0.1), _sets()
    fitted = _fitted(SCORERS[name], values)
    together = fitted.score(fitted.prepare(values), sets)[0]
    copied = values.copy()
    alone = [fitted.score(fitted.prepare(copied[i : i + 1]), sets)[0] for i in range(N)]
    np.testing.assert_allclose(np.hstack(alone), together, atol=1e-12)


def test_ulm_is_the_regression_on_the_weights() -> None:
    values, sets = _data(0.2), _sets()
    scores = _scores("ulm", values, sets)
    dense = sets.weights.toarray()
    for row in range(len(sets)):
        for sample in range(N):
            there = np.isfinite(values[sample])
            if not dense[row, there].any():
                assert np.isnan(scores[row, sample])
                continue
            fit = stats.linregress(dense[row, there], values[sample, there])
            assert scores[row, sample] == pytest.approx(fit.slope / fit.stderr, rel=1e-9)


def _walk(values: np.ndarray, columns: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Walk down the ranking feature by feature; values without NaN."""
    order = np.argsort(-values)
    weight = np.zeros(len(values))
    weight[columns] = step
    inside = np.isin(order, columns)
    climb = np.where(inside, weight[order], 0.0)
    fall = np.where(inside, 0.0, 1.0 / (len(values) - len(columns)))
    return np.cumsum(climb / climb.sum() - fall)


@pytest.mark.parametrize("tau", [0.0, 0.25, 1.0])
def test_ssgsea_is_the_sum_of_the_walk(tau: float) -> None:
    values, sets = _data(0.2), _sets()
    scores = _scores("ssgsea", values, sets, tau=tau)
    for row in (1, 4):
        columns, weights = sets.members(row)
        for sample in range(N):
            there = np.flatnonzero(np.isfinite(values[sample]))
            members = np.flatnonzero(np.isin(there, columns))
            own = values[sample, there]
            step = stats.rankdata(own)[members] ** tau
            expected = np.sign(weights[0]) * _walk(own, members, step).sum()
            assert scores[row, sample] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_gsva_is_the_sum_of_the_walk_s_extremes(tau: float) -> None:
    values, sets = _data(), _sets()
    scores = _scores("gsva", values, sets, tau=tau)
    larger = _scores("gsva", values, sets, tau=tau, mx_diff=False)
    absolute = _scores("gsva", values, sets, tau=tau, abs_ranking=True)
    bandwidth = values.std(axis=0, ddof=1) / 4
    # the smooth distribution: a table of 0.001 SD cannot reorder these few features
    cumulative = stats.norm.cdf((values[:, None] - values[None]) / bandwidth).mean(axis=1)
    for row in (0, 1):
        columns, _ = sets.members(row)
        for sample in range(N):
            own = cumulative[sample]
            step = np.abs(stats.rankdata(own)[columns] - P / 2) ** tau
            walk = _walk(own, columns, step)
            high, low = max(walk.max(), 0.0), min(walk.min(), 0.0)
            assert scores[row, sample] == pytest.approx(high + low, abs=1e-9)
            assert absolute[row, sample] == pytest.approx(high - low, abs=1e-9)
            assert larger[row, sample] == pytest.approx(high if high > -low else low, abs=1e-9)


def test_singscore_by_hand() -> None:
    """Ten features at ranks 1 to 10: bounds of two members are 1.5 and 9.5."""
    values = np.arange(1.0, 11.0)[None]
    up, top, both, other = (
        make_sets([np.array(c)], [np.array(w)], [np.abs(w).sum()], 10)
        for c, w in (
            ([9, 6], [1.0, 1.0]),
            ([9, 8], [1.0, 1.0]),
            ([9, 6, 0, 2], [1.0, 1.0, -1.0, -1.0]),
            ([9, 8], [2.0, 1.0]),
        )
    )
    score = {k: _scores("singscore", values, s)[0, 0] for k, s in
             {"up": up, "top": top, "both": both, "other": other}.items()}  # fmt: skip
    assert score["up"] == pytest.approx((8.5 - 1.5) / 8 - 0.5)
    assert score["top"] == pytest.approx(0.5)
    # down members at ranks 1 and 3 are at 10 and 8 from the top: mean 9
    assert score["both"] == pytest.approx((8.5 - 1.5) / 8 - 0.5 + (9 - 1.5) / 8 - 0.5)
    # the heavier member on top is the most that these weights can have
    assert score["other"] == pytest.approx(0.5)


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_singscore_bounds_hold_for_any_weights(holes: float) -> None:
    values = _data(holes)
    weight = np.array([3.0, 1.0, 2.0, 2.0])
    filled = np.isfinite(values).sum(axis=1)
    for sample in range(N):
        order = np.flatnonzero(np.isfinite(values[sample]))
        order = order[np.argsort(-values[sample, order])]
        # weights falling down the ranking, and rising up from its foot
        best = order[:4], np.sort(weight)[::-1], 0.5
        worst = order[-4:], np.sort(weight), -0.5
        for columns, weights, expected in (best, worst):
            sets = make_sets([columns], [weights], [weights.sum()], P)
            assert _scores("singscore", values, sets)[0, sample] == pytest.approx(expected)
    assert filled.min() >= 4


def test_ranks_are_midranks() -> None:
    values = np.round(_data(0.2), 0)
    values[3] = np.nan
    ranks, count = sample_ranks(values)
    expected = np.nan_to_num(stats.rankdata(values, axis=1, nan_policy="omit"))
    np.testing.assert_array_equal(ranks.T, expected)
    np.testing.assert_array_equal(count, np.isfinite(values).sum(axis=1))


def test_constant_features_have_no_distribution() -> None:
    values, sets = _data(), _sets()
    values[:, 7] = 3.3
    fitted = _fitted(SCORERS["gsva"], values)
    prepared = fitted.prepare(values)
    assert (prepared.n == P - 1).all() and (prepared.tables[0][7] == 0).all()
    kept = np.delete(np.arange(P), 7)
    less = _scores("gsva", values[:, kept], Sets(sets.weights[:, kept], sets.total))
    np.testing.assert_allclose(fitted.score(prepared, sets)[0], less, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_jackknife_is_the_loop_over_members(name: str, holes: float) -> None:
    values, sets = _data(holes), _sets()
    fitted = _fitted(SCORERS[name], values)
    prepared = fitted.prepare(values)
    se = jackknife(fitted, prepared, sets)
    for row in range(len(sets)):
        columns, weights = sets.members(row)
        for sample in range(0, N, 3):
            measured = [j for j in range(len(columns)) if np.isfinite(values[sample, columns[j]])]
            without = []
            for j in measured:
                keep = [m for m in measured if m != j]
                one = make_sets([columns[keep]], [weights[keep]], [1.0], P)
                without.append(fitted.any_score(prepared, one)[0, sample])
            k = len(measured)
            finite = np.array(without)[np.isfinite(without)]
            if len(finite) < 2:
                assert np.isnan(se[row, sample])
                continue
            k = len(finite)
            expected = np.sqrt((k - 1) / k * ((finite - finite.mean()) ** 2).sum())
            assert se[row, sample] == pytest.approx(expected, abs=1e-12)


def test_jackknife_of_a_plain_mean_is_its_standard_error() -> None:
    values, sets = _data(), _sets()
    fitted = _fitted(SCORERS["weighted_mean"], values)
    se = jackknife(fitted, fitted.prepare(values), sets)
    columns, _ = sets.members(1)
    expected = values[:, columns].std(axis=1, ddof=1) / np.sqrt(len(columns))
    np.testing.assert_allclose(se[1], expected)


def test_parts_add_up() -> None:
    values, sets = _data(0.2), _sets()
    fitted = _fitted(SCORERS["baseline_z"], values)
    prepared = fitted.prepare(values)
    parts = member_parts(fitted, prepared, sets)
    owner = np.repeat(np.arange(len(sets)), sets.sizes())
    total = np.vstack([parts[owner == k].sum(axis=0) for k in range(len(sets))])
    np.testing.assert_allclose(total, fitted.score(prepared, sets)[0], atol=1e-12)
    finite = np.isfinite(values)
    expected = [finite[:, sets.members(k)[0]].sum(axis=1) for k in range(len(sets))]
    np.testing.assert_array_equal(members_measured(prepared, sets), expected)


def test_without_each_member() -> None:
    sets = _sets()
    smaller, owner, lacking = without_each_member(sets)
    whole, less = sets.weights.toarray(), smaller.weights.toarray()
    assert len(smaller) == sets.sizes().sum()
    for row in range(len(smaller)):
        expected = whole[owner[row]].copy()
        assert expected[lacking[row]] != 0
        expected[lacking[row]] = 0.0
        np.testing.assert_array_equal(less[row], expected)


def _null(name: str, values: np.ndarray, sets: Sets, row: int, draws: int = 400):
    fitted = _fitted(SCORERS[name], values)
    prepared = fitted.prepare(values)
    columns, weights = sets.members(row)
    pool = null.pools(null.likeness(*feature_moments(values)), columns)
    score = fitted.score(prepared, sets)[0][row]
    rng = np.random.default_rng(3)
    p = values.shape[1]
    return null.null_scores(fitted, prepared, pool, weights, draws, p, rng, score), score


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_null_p_counts_the_random_sets_beyond(name: str, holes: float) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 200))
    values[rng.random(values.shape) < holes] = np.nan
    columns = rng.choice(200, 8, replace=False)
    weights = rng.choice([-1.0, 2.0], 8)
    sets = make_sets([columns], [weights], [np.abs(weights).sum()], 200)
    drawn, score = _null(name, values, sets, 0)
    fitted = _fitted(SCORERS[name], values)
    columns, weights = sets.members(0)
    pool = null.pools(null.likeness(*feature_moments(values)), columns)
    assert pool.shape == (8, null.POOL) and all(c in p for c, p in zip(columns, pool, strict=True))
    random = null.random_sets(pool, weights, 400, 200, np.random.default_rng(3))
    assert random is not None
    scores = fitted.any_score(fitted.prepare(values), random)
    # a random set of which one sample measures nothing does not count there
    mean, count = np.nanmean(scores, axis=0), np.isfinite(scores).sum(axis=0)
    np.testing.assert_allclose(drawn.mean, mean, atol=1e-12)
    np.testing.assert_allclose(drawn.sd, np.nanstd(scores, axis=0, ddof=1), atol=1e-12)
    far = np.abs(scores - mean) >= np.abs(score - mean) - 1e-12
    np.testing.assert_allclose(drawn.p_value, (1 + far.sum(axis=0)) / (1 + count))
    assert (np.diff(np.sort(random.weights.indices.reshape(400, 8), axis=1)) > 0).all()


def test_null_is_matched_on_level_and_spread() -> None:
    rng = np.random.default_rng(0)
    level, spread = rng.uniform(0, 20, 1000), rng.uniform(0.2, 3, 1000)
    values = level + spread * rng.normal(size=(40, 1000))
    high = np.argsort(level)[-30:][:10]
    pool = null.pools(null.likeness(*feature_moments(values)), high)
    assert level[pool].min() > np.quantile(level, 0.7)
    sets = make_sets([high], [np.ones(10)], [10.0], 1000)
    drawn, score = _null("weighted_mean", values, sets, 0)
    # among features of any level these would be beyond all others
    assert np.abs((score - drawn.mean) / drawn.sd).mean() < 3
    assert (score - values.mean(axis=1)).min() > 5


def test_null_on_a_panel_too_small_for_it() -> None:
    values = _data()[:, :5]
    sets = make_sets([np.arange(5)], [np.ones(5)], [5.0], 5)
    drawn, _ = _null("baseline_z", values, sets, 0)
    assert drawn is None or np.allclose(drawn.sd, 0)
