"""Simulated truth: how often nothing is called a gain, and whether a true one is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.ml._people import People
from exerkine_omics.ml._tailor_fold import Material, learn, one_repeat
from exerkine_omics.ml._tailor_interaction import interaction
from exerkine_omics.ml._tailor_result import ASSIGN, SAME, judge, score_bound
from exerkine_omics.ml._tailor_trial import Trial
from exerkine_omics.ml._tailor_values import linear_bound, value_frame

pytestmark = pytest.mark.slow


def draw(rng, n, p, main=0.0, slope=0.0, hidden=0.0, crossover=False):
    """The second arm gains ``main + slope x0`` more; x1 is prognostic; the score is x0.

    ``hidden``: SD of a further difference, spread over all other features.
    """
    x, arm = rng.normal(size=(n, p)), rng.permutation(np.arange(n) % 2)
    second = None
    main = main + hidden * x[:, 1:].sum(axis=1) / np.sqrt(p - 1)
    y = x[:, 1] + arm * (main + slope * x[:, 0]) + rng.normal(size=n)
    if crossover:
        second = np.where(arm == 1, 1.0, -1.0)
        gain = (main + slope * x[:, 0])[:, None]
        y = x[:, [1]] + np.array([0, 1]) * gain + rng.normal(size=(n, 2))
        y[:, 1] += 0.5 * second
        arm = np.zeros(n, dtype=int)
    who = np.arange(n)
    base = x[:, [0]]
    people = People(who, x, np.arange(p).astype(str), pd.DataFrame(index=who), who, "baseline")
    trial = Trial(
        people, y, arm, ("a", "b"), base, ("score",), x[:, 0], "score", second, 1.0, {}, []
    )
    return trial, Material(x[:, 1:], base, base[:, :0], y, arm, 2, who, second)


def run(rng, n, p, repeats, smallest=0.0, **truth):
    trial, material = draw(rng, n, p, **truth)
    done = [one_repeat(material, 5, int(rng.integers(2**31)), f"{r}") for r in range(repeats)]
    values = value_frame(trial, done, 0.95)
    gains = values[values["policy"] == "gain"].set_index("learner")
    tested = interaction(trial, 0.95)
    design = trial.people.x
    bounds = {"score": score_bound(tested), "linear": linear_bound(trial, done, design, 0.95)}
    rows = values[values["policy"].str.startswith("gain") & (values["learner"] == "dr")]
    verdict, _ = judge(n, rows, tested, bounds, smallest, 0.05)
    return gains, tested["p_value"].iloc[-1], verdict, material


def most(rate, trials):
    """Rate plus three Monte Carlo errors."""
    return rate + 3 * np.sqrt(rate * (1 - rate) / trials)


@pytest.mark.parametrize(("n", "p", "main"), [(60, 40, 0.0), (200, 20, 0.0), (200, 20, 0.5)])
def test_no_heterogeneity_is_no_gain(n, p, main):
    rng, trials = np.random.default_rng(n + p), 400
    done = [run(rng, n, p, 3, main=main) for _ in range(trials)]
    for learner in ("dr", "t"):
        false = np.mean([g.loc[learner, "ci_low"] > 0 for g, *_ in done])
        assert false <= most(0.025, trials), (learner, false)
        assert np.mean([g.loc[learner, "estimate"] for g, *_ in done]) < 0.02
    assert np.mean([v == ASSIGN for _, _, v, _ in done]) <= most(0.025, trials)
    size = np.mean([p_value < 0.05 for _, p_value, *_ in done])
    assert 0.05 - 0.035 < size < most(0.05, trials)


def test_no_heterogeneity_in_a_crossover():
    rng, trials = np.random.default_rng(7), 400
    done = [run(rng, 60, 20, 3, crossover=True) for _ in range(trials)]
    assert np.mean([g.loc["dr", "ci_low"] > 0 for g, *_ in done]) <= most(0.025, trials)
    size = np.mean([p_value < 0.05 for _, p_value, *_ in done])
    assert 0.05 - 0.035 < size < most(0.05, trials)


def test_a_true_qualitative_interaction_is_found():
    # the arms are equal on average; the best rule gains E max(0, x0) = 0.399
    rng, trials = np.random.default_rng(11), 60
    fresh = rng.normal(size=(20_000, 20))
    true, covered, found = [], [], []
    for _ in range(trials):
        gains, p_value, verdict, material = run(rng, 400, 20, 3, slope=1.0)
        everyone = np.arange(400)
        ready, effects, _ = learn(material, everyone, everyone)
        told = effects.advantage["dr"](ready(fresh[:, :1], fresh[:, 1:]))
        # of the rule fitted on all; both arms alone are worth 0
        true.append((fresh[:, 0] * told.argmax(axis=1)).mean())
        covered.append(gains.loc["dr", "ci_low"] <= true[-1] <= gains.loc["dr", "ci_high"])
        found.append((p_value < 0.05) and verdict == ASSIGN)
    assert 0.37 < np.mean(true) <= 0.41
    assert np.mean(found) > 0.9
    assert np.mean(covered) > 0.85


def test_the_same_for_all_is_said_when_it_is_true_and_not_when_it_is_not():
    rng, trials = np.random.default_rng(13), 60
    nothing = [run(rng, 400, 10, 3, smallest=0.3)[2] for _ in range(trials)]
    assert np.mean([v == SAME for v in nothing]) > 0.6
    # the best rule gains 0.4, more than matters
    something = [run(rng, 400, 10, 3, smallest=0.3, slope=1.0)[2] for _ in range(trials)]
    assert np.mean([v == SAME for v in something]) <= most(0.025, trials)
    few = [run(rng, 60, 10, 3, smallest=0.3, slope=1.0)[2] for _ in range(trials)]
    assert np.mean([v == SAME for v in few]) <= most(0.025, trials)


@pytest.mark.parametrize(("n", "p"), [(400, 10), (400, 40), (200, 150), (100, 300)])
def test_what_hides_in_many_features_is_not_called_the_same(n, p):
    # no part of it is the score's, and the learners miss it; the best rule gains 0.31
    rng, trials = np.random.default_rng(n + p), 60
    verdicts = [run(rng, n, p, 2, smallest=0.3, hidden=0.78)[2] for _ in range(trials)]
    assert np.mean([v == SAME for v in verdicts]) <= most(0.025, trials)
