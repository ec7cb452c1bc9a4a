"""Doubly robust scores and the value of a rule, against the published formula worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exerkine_omics.kernels._policy import (
    chosen_scores,
    dr_scores,
    explained_limit,
    mean_se,
    over_repeats,
    weighted_values,
)

Y = np.array([3.0, 1, 4, 2, 5, 0, 2, 3])
ARM = np.array([1, 0, 1, 0, 0, 1, 1, 0])
MU = np.array([[2, 1.5, 2.5, 2, 4, 0.5, 1.5, 2.5], [2.5, 2, 3.5, 1.5, 3, 1, 2.5, 2]]).T
HALF = np.array([0.5, 0.5])


def test_scores_and_value_by_hand():
    scores = dr_scores(Y, ARM, MU, HALF)
    np.testing.assert_allclose(scores[:, 1], [3.5, 2, 4.5, 1.5, 3, -1, 1.5, 2], atol=1e-12)
    np.testing.assert_allclose(scores[:, 0], [2, 0.5, 2.5, 2, 6, 0.5, 1.5, 3.5], atol=1e-12)
    choice = MU.argmax(axis=1)
    value, se, n = mean_se(chosen_scores(scores, choice))
    assert (value, se, n) == (pytest.approx(2.75), pytest.approx(0.75), 8)
    ipw, normalised = weighted_values(Y, ARM, choice, HALF)
    assert ipw == pytest.approx(4.75) and normalised == pytest.approx(2.7142857142857144)
    assert scores.mean(axis=0) == pytest.approx([2.3125, 2.125])


def test_own_probability_of_each_person_and_nothing_is_written_back():
    own = np.tile([0.2, 0.8], (8, 1))
    own[0] = [0.5, 0.5]
    before = MU.copy()
    scores = dr_scores(Y, ARM, MU, own)
    assert scores[0, 1] == pytest.approx(2.5 + 0.5 / 0.5)
    assert scores[1, 0] == pytest.approx(1.5 - 0.5 / 0.2)
    np.testing.assert_array_equal(MU, before)


def test_right_where_the_outcome_model_is_wrong():
    # known probabilities: any mu gives the same expectation; here over all assignments of 4 people
    truth = np.array([[1.0, 2], [0, 3], [2, 2], [5, 1]])
    wrong = np.array([[7.0, -3], [1, 1], [0, 9], [2, 2]])
    e, total = np.array([0.3, 0.7]), np.zeros((4, 2))
    for code in range(16):
        arm = (code >> np.arange(4)) & 1
        chance = np.prod(e[arm])
        total += chance * dr_scores(truth[np.arange(4), arm], arm, wrong, e)
    np.testing.assert_allclose(total, truth, atol=1e-12)


def test_groups_count_once():
    scores = np.array([1.0, 4, 2, 7, 3, 3.5])
    twice, pairs = np.repeat(scores, 2), np.repeat(np.arange(6), 2)
    alone = mean_se(scores)
    assert mean_se(twice, pairs) == pytest.approx(alone)
    assert mean_se(twice)[1] < alone[1]
    assert np.isnan(mean_se(scores, np.zeros(6))[1])
    assert mean_se(scores + 1e5)[1] == pytest.approx(alone[1], rel=1e-9)


def test_repeats_are_averaged_and_not_divided():
    assert over_repeats(np.full(10, 0.3), np.full(10, 0.2)) == pytest.approx((0.3, 0.2))
    mean, se = over_repeats(np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    assert (mean, se) == pytest.approx((1.0, np.sqrt(2.0)))


@pytest.mark.parametrize(("p", "sd"), [(5, 0.0), (20, 0.3), (60, 0.3)])
def test_limit_of_what_is_explained_covers(p, sd):
    rng, inside = np.random.default_rng(p), []
    for _ in range(200):
        x = rng.normal(size=(120, p))
        y = sd * x.sum(axis=1) / np.sqrt(p) + rng.normal(size=120)
        inside.append(explained_limit(x, y, 0.95) >= sd)
    assert np.mean(inside) > 0.975 - 3 * np.sqrt(0.975 * 0.025 / 200)


def test_limit_solves_the_noncentral_f():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(90, 7))
    y = 0.4 * x[:, 0] + rng.normal(size=90)
    design = np.column_stack([np.ones(90), x])
    rss = np.linalg.lstsq(design, y, rcond=None)[1][0]
    f = (((y - y.mean()) ** 2).sum() - rss) / 7 / (rss / 82)
    noncentrality = 90 * explained_limit(x, y, 0.9) ** 2 / (rss / 82)
    assert stats.ncf.cdf(f, 7, 82, noncentrality) == pytest.approx(0.05, abs=1e-9)


def test_limit_grows_with_the_features_and_ends_at_infinity():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(60, 70)), rng.normal(size=60)
    limits = [explained_limit(x[:, :p], y, 0.95) for p in (2, 30, 57)]
    assert 0 < limits[0] < limits[1] < limits[2] < np.inf
    assert explained_limit(x, y, 0.95) == np.inf
    assert explained_limit(x[:, :0], y, 0.95) == 0
    doubled = np.hstack([x[:, :5], x[:, :5]])
    assert explained_limit(doubled, y, 0.95) == pytest.approx(explained_limit(x[:, :5], y, 0.95))
    assert explained_limit(x[:, :5] * 9 + 1e5, y + 1e5, 0.95) == pytest.approx(
        explained_limit(x[:, :5], y, 0.95), rel=1e-6
    )
