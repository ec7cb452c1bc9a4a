"""T- and DR-learner: what they find, what they may not know, and the apparent gain of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from exerkine_omics.kernels._arm_effects import LEARNERS, fit_all_arms, fit_arms
from exerkine_omics.kernels._ridge import fit_ridge


def trial(n=300, k=2, seed=0):
    rng = np.random.default_rng(seed)
    x, arm = rng.normal(size=(n, 4)), rng.permutation(np.arange(n) % k)
    slope = np.linspace(-1, 1, k)[arm]
    return x, x[:, 1] + slope * x[:, 0] + rng.normal(0, 0.5, n), arm


@pytest.mark.parametrize("learner", LEARNERS)
def test_finds_the_modifier_and_not_the_prognostic_feature(learner):
    x, y, arm = trial()
    fit = fit_arms(x, y, arm, 2, np.array([0.5, 0.5]))
    weights = fit.advantage[learner].weights
    assert weights[0] == pytest.approx([-1, 1], abs=0.15)
    assert np.abs(weights[1:]).max() < 0.15
    np.testing.assert_allclose(fit.advantage[learner](x).sum(axis=1), 0, atol=1e-9)


@pytest.mark.parametrize("k", [2, 3])
def test_renaming_arms_renames_the_answer(k):
    x, y, arm = trial(120, k)
    name = np.arange(k)[::-1]
    one = fit_arms(x, y, arm, k, np.full(k, 1 / k))
    two = fit_arms(x, y, name[arm], k, np.full(k, 1 / k))
    assert two.best == name[one.best]
    for learner in LEARNERS:
        np.testing.assert_allclose(
            two.advantage[learner].weights[:, name], one.advantage[learner].weights, atol=1e-9
        )


def test_adding_a_constant_changes_no_advantage():
    x, y, arm = trial(80)
    one, two = (fit_arms(x, y + c, arm, 2, np.array([0.4, 0.6])) for c in (0.0, 1e5))
    for learner in LEARNERS:
        np.testing.assert_allclose(two.advantage[learner](x), one.advantage[learner](x), atol=1e-6)
    np.testing.assert_allclose(two.values - 1e5, one.values, atol=1e-6)


def test_everybody_under_every_arm_is_ridge_of_the_difference():
    x, y, _ = trial(60)
    both = np.column_stack([y, y + x[:, 2] + np.random.default_rng(1).normal(size=60)])
    fit = fit_all_arms(x, both)
    other = fit_ridge(x, both[:, [1]] - both[:, [0]])
    gain = fit.advantage["dr"](x)
    np.testing.assert_allclose(gain[:, 1] - gain[:, 0], other.predict(x)[:, 0], atol=1e-9)
    assert fit.expected is None and fit.best == int(both.mean(axis=0).argmax())


def test_apparent_gain_of_a_t_learner_where_nothing_is_to_be_gained():
    # 30 people an arm, 50 features, no difference between arms for anybody; outcome SD 1.41.
    # apparent: mean of those who happened to have what the rule says, less the best arm's mean
    rng = np.random.default_rng(0)
    apparent, honest = [], []
    for _ in range(100):
        x, arm = rng.normal(size=(60, 50)), np.arange(60) % 2
        y = x[:, 0] + rng.normal(size=60)
        fits = [fit_ridge(x[arm == a], y[arm == a, None], penalty=20.0) for a in (0, 1)]
        rule = np.hstack([f.predict(x) for f in fits]).argmax(axis=1)
        apparent.append(y[rule == arm].mean() - max(y[arm == a].mean() for a in (0, 1)))
        new, had = rng.normal(size=(500, 50)), rng.integers(0, 2, 500)
        result = new[:, 0] + rng.normal(size=500)
        rule = np.hstack([f.predict(new) for f in fits]).argmax(axis=1)
        honest.append(result[rule == had].mean() - result.mean())
    assert np.mean(apparent) == pytest.approx(0.655, abs=0.08)
    assert np.mean(honest) == pytest.approx(-0.004, abs=0.03)
