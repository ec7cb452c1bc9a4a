"""What labels, intervals and verdicts do when the truth is known: simulated trials."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.kernels import _response as kernel

pytestmark = pytest.mark.slow


def alike(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """n people an arm, all trained alike: SD 10, TE 5, true change -5, of controls 0."""
    true = rng.normal(80, 10, 2 * n)
    arm = np.repeat(["train", "con"], n)
    return pd.DataFrame(
        {
            "subject_id": [f"P{i:03d}" for i in range(2 * n)],
            "arm": arm,
            "pre": true + rng.normal(0, 5, 2 * n),
            "post": true - 5.0 * (arm == "train") + rng.normal(0, 5, 2 * n),
            "marker": 0.6 * (true - 80) / 10 + 0.8 * rng.normal(size=2 * n),
        }
    )


def auc(score: pd.Series, label: np.ndarray) -> float:
    """NaN where nobody, or everybody, is a responder."""
    n1 = label.sum()
    rank = stats.rankdata(score)
    if n1 in (0, len(label)):
        return np.nan
    return (rank[label == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(label) - n1))


@pytest.fixture(scope="module")
def label_aucs() -> pd.DataFrame:
    """AUC of the baseline and of a marker for two labels, by arm, over 400 trials of 100 an arm."""
    rng = np.random.default_rng(8)
    rel = exo.Reliability.from_typical_error(5.0)
    raw = exo.ResponseSpec(pre="pre", post="post", threshold=5.0, reliability=rel, direction="down")
    ancova = dataclasses.replace(raw, adjust=("pre",))
    rows = []
    for _ in range(400):
        trial = alike(100, rng)
        for arm, people in trial.groupby("arm"):
            for name, spec in (("raw", raw), ("ancova", ancova)):
                label = spec.label(people, people).to_numpy()
                for score in ("pre", "marker"):
                    rows.append((arm, name, score, auc(people[score], label)))
    frame = pd.DataFrame(rows, columns=["arm", "label", "score", "auc"])
    return frame.groupby(["arm", "label", "score"])["auc"].mean()


@pytest.mark.parametrize(
    ("label", "score", "want"),
    [
        ("raw", "pre", 0.645),
        ("raw", "marker", 0.5025),
        ("ancova", "pre", 0.501),
        ("ancova", "marker", 0.421),
    ],
)
def test_labels_are_predicted_though_all_respond_alike(label_aucs, label, score, want):
    """Vector coupling_null, in trials of the usual size."""
    assert label_aucs["train", label, score] == pytest.approx(want, abs=0.01)


def test_the_control_arm_shows_the_same_prediction(label_aucs):
    """Nothing was done to them; at their own cut, one SD of change off, the bias is as large."""
    rho = kernel.coupling_correlation(np.sqrt(125), 5.0)
    want = kernel.attainable_auc(rho, 5 / np.sqrt(50))
    assert label_aucs["con", "raw", "pre"] == pytest.approx(want, abs=0.012)
    assert want > 0.645
    assert label_aucs["con", "ancova", "marker"] < 0.43
    assert label_aucs["con", "raw", "marker"] == pytest.approx(0.5, abs=0.012)


def test_what_responders_prints_beside_an_auc_is_what_coupling_reaches(label_aucs):
    """The ceiling's coupling_auc, from one trial's own numbers, on average."""
    rng = np.random.default_rng(9)
    found = []
    for _ in range(200):
        result = exo.tl.responders(
            alike(100, rng), pre="pre", post="post", arm="arm", control="con", threshold=5.0,
            direction="down", reliability="control", n_draws=200,
        )  # fmt: skip
        found.append((result.ceiling.coupling_auc, result.rtm_slope))
    coupling, slope = np.mean(found, axis=0)
    assert coupling == pytest.approx(0.645, abs=0.01)
    assert slope == pytest.approx(-25 / 125, abs=0.01)


def test_the_line_of_noise_is_the_slope_seen_when_all_respond_alike():
    """In both arms, and it explains the whole slope: the least fit gained no more."""
    rng = np.random.default_rng(10)
    slopes, inside = [], 0
    for _ in range(400):
        trial = alike(30, rng)
        result = exo.tl.responders(
            trial, pre="pre", post="post", arm="arm", control="con", threshold=5.0,
            reliability=exo.Reliability.from_typical_error(5.0), n_draws=200,
        )  # fmt: skip
        lines = result.baseline_lines
        slopes.append(lines["slope"].to_numpy())
        inside += int(((lines["ci_low"] < -0.2) & (-0.2 < lines["ci_high"])).sum())
    np.testing.assert_allclose(np.mean(slopes, axis=0), [-0.2, -0.2], atol=0.015)
    assert inside / 800 == pytest.approx(0.95, abs=0.025)


def covered(reliabilities, te: float) -> float:
    return float(np.mean([r.ci_low <= te <= r.ci_high for r in reliabilities]))


@pytest.mark.parametrize("n", [6, 20])
def test_interval_of_the_typical_error_covers(n):
    rng = np.random.default_rng(n)
    rounds = 2000
    level = 50 + 5 * rng.normal(size=(rounds, n, 1))
    tests = level + rng.normal(0, 2, (rounds, n, 3)) + np.array([0.0, 1.0, 1.5])
    pairs = [exo.Reliability.from_test_retest(t[:, 0], t[:, 1]) for t in tests]
    assert covered(pairs, 2.0) == pytest.approx(0.95, abs=0.015)
    repeats = [exo.Reliability.from_repeats(t) for t in tests]
    assert covered(repeats, 2.0) == pytest.approx(0.95, abs=0.015)
    # a third test gives a narrower interval
    width = [np.mean([r.ci_high - r.ci_low for r in found]) for found in (pairs, repeats)]
    assert width[1] < 0.8 * width[0]


def test_interval_of_the_typical_error_covers_with_lost_tests():
    """df are then those of the table that is left, and the interval is nearly exact."""
    rng = np.random.default_rng(4)
    lossy = []
    for _ in range(1500):
        tests = rng.normal(50, 5, (15, 1)) + rng.normal(0, 2, (15, 3))
        tests[rng.random(tests.shape) < 0.2] = np.nan
        lossy.append(exo.Reliability.from_repeats(tests))
    assert covered(lossy, 2.0) == pytest.approx(0.95, abs=0.017)


def test_interval_of_the_typical_error_covers_within_strata():
    """Strata of their own mean change cost a df each, and no coverage."""
    rng = np.random.default_rng(5)
    group = np.repeat([0, 1], 8)
    strata = []
    for _ in range(4000):
        pre = rng.normal(50, 5, 16)
        post = pre + 6 * group + rng.normal(0, 2 * np.sqrt(2), 16)
        strata.append(exo.Reliability.from_control(pre, post, group.tolist()))
    assert covered(strata, 2.0) == pytest.approx(0.95, abs=0.0105)


def share_covered(n: int, sd_ir: float, rounds: int) -> float:
    """How often proportion_ci holds P(N(2, SDir^2) > 1); TE is 1."""
    rng = np.random.default_rng(n)
    truth = stats.norm.sf(1.0, 2.0, sd_ir) if sd_ir else 1.0
    hits = 0
    for seed in range(rounds):
        pre = rng.normal(45, 5, 2 * n)
        change = rng.normal(0, np.sqrt(2), 2 * n)
        change[:n] += rng.normal(2.0, sd_ir, n)
        people = pd.DataFrame(
            {
                "subject_id": np.arange(2 * n),
                "arm": np.repeat(["train", "con"], n),
                "pre": pre,
                "post": pre + change,
            }
        )
        low, high = exo.tl.responders(
            people, pre="pre", post="post", arm="arm", control="con", threshold=1.0,
            reliability="control", n_draws=400, seed=seed,
        ).proportion_ci  # fmt: skip
        hits += low - 1e-9 <= truth <= high + 1e-9
    return hits / rounds


@pytest.mark.parametrize(
    ("n", "sd_ir", "want"), [(20, 0.0, 0.965), (20, 2.0, 0.91), (100, 1.0, 0.93), (100, 4.0, 0.945)]
)
def test_interval_of_the_share_of_responders_covers(n, sd_ir, want):
    """As in docs/responders.md: a percentile bootstrap, short of 95% where people are few."""
    assert share_covered(n, sd_ir, 400) == pytest.approx(want, abs=0.045)


@pytest.mark.parametrize("method", ["mover", "mixed", "bootstrap"])
def test_a_constant_response_is_rarely_said_to_differ_by_any_interval(method):
    """The closed form's rate stands in test_responders."""
    rng = np.random.default_rng(11)
    rounds, says = 400, 0
    for seed in range(rounds):
        says += (
            exo.tl.responders(
                alike(30, rng), pre="pre", post="post", arm="arm", control="con", threshold=5.0,
                reliability="control", sd_ir_method=method, n_draws=400, seed=seed,
            ).verdict
            == "differs"
        )  # fmt: skip
    assert says / rounds <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / rounds)
