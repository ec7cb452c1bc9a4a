"""McNemar's exact test and its interval against R, and against all outcomes written out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels._mcnemar import mcnemar

ANSWERS = pd.read_csv(Path(__file__).parents[1] / "reference" / "mcnemar" / "results.csv")


def people(both: int, gained: int, lost: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    pre = np.repeat([1.0, 0.0, 1.0, 0.0], [both, gained, lost, neither])
    post = np.repeat([1.0, 1.0, 0.0, 0.0], [both, gained, lost, neither])
    return pre[:, None], post[:, None]


@pytest.mark.quick
def test_equals_r() -> None:
    """P of binom.test and of coin's exact marginal homogeneity test; Newcombe's method 10."""
    counts = ANSWERS[["both", "gained", "lost", "neither"]].to_numpy()
    assert len(counts) > 35
    for row, answer in zip(counts, ANSWERS.itertuples(), strict=True):
        ours = mcnemar(*people(*row))
        assert ours.n[0] == row.sum() and ours.gained[0] == row[1] and ours.lost[0] == row[2]
        assert ours.estimate[0] == pytest.approx((row[1] - row[2]) / row.sum(), abs=1e-15)
        assert ours.p_value[0] == pytest.approx(answer.p_value, rel=1e-11)
        assert ours.p_value[0] == pytest.approx(answer.p_coin, rel=1e-11)
        assert ours.ci_low[0] == pytest.approx(answer.ci_low, abs=1e-12)
        assert ours.ci_high[0] == pytest.approx(answer.ci_high, abs=1e-12)


def test_all_outcomes_written_out() -> None:
    """Given who changed, each of the 2^m directions is as likely: no p is below its share."""
    for m in range(1, 9):
        share = [math.comb(m, k) / 2**m for k in range(m + 1)]
        for gained in range(m + 1):
            extreme = sum(s for k, s in enumerate(share) if abs(2 * k - m) >= abs(2 * gained - m))
            ours = mcnemar(*people(2, gained, m - gained, 3)).p_value[0]
            assert ours == pytest.approx(min(extreme, 1.0), rel=1e-12)


def test_symmetry_and_gaps() -> None:
    rng = np.random.default_rng(0)
    pre, post = rng.integers(0, 2, (2, 20, 50)).astype(float)
    pre[rng.random(pre.shape) < 0.2] = np.nan
    post[rng.random(pre.shape) < 0.2] = np.nan
    forth, back = mcnemar(pre, post), mcnemar(post, pre)
    np.testing.assert_array_equal(forth.p_value, back.p_value)
    np.testing.assert_array_equal(forth.estimate, -back.estimate)
    np.testing.assert_allclose(forth.ci_low, -back.ci_high, atol=1e-14)
    # a NaN is an absent person
    for j in range(5):
        known = np.isfinite(pre[:, j]) & np.isfinite(post[:, j])
        alone = mcnemar(pre[known][:, [j]], post[known][:, [j]])
        assert alone.p_value[0] == forth.p_value[j] and alone.ci_low[0] == forth.ci_low[j]
    order = rng.permutation(20)
    np.testing.assert_array_equal(mcnemar(pre[order], post[order]).ci_low, forth.ci_low)


def test_nobody_and_nobody_changed() -> None:
    nothing = mcnemar(np.full((4, 1), np.nan), np.ones((4, 1)))
    assert nothing.n[0] == 0 and np.isnan(nothing.p_value[0]) and np.isnan(nothing.estimate[0])
    still = mcnemar(np.ones((9, 1)), np.ones((9, 1)))
    assert np.isnan(still.p_value[0]) and still.estimate[0] == 0
    assert still.ci_low[0] < 0 < still.ci_high[0]


@pytest.mark.slow
def test_level_and_coverage() -> None:
    """The test holds its level (it is discrete: below it); the interval covers about 95%."""
    rng = np.random.default_rng(7)
    for n, cells in ((12, (0.3, 0.2, 0.2, 0.3)), (30, (0.4, 0.1, 0.1, 0.4))):
        draw = rng.multinomial(1, cells, (n, 20000)).argmax(axis=2)
        null = mcnemar(np.isin(draw, (0, 2)) * 1.0, np.isin(draw, (0, 1)) * 1.0)
        rejected = (null.p_value <= 0.05).mean()
        assert 0.001 < rejected < 0.05
    shifts = {12: (0.3, 0.3, 0.05, 0.35), 30: (0.4, 0.25, 0.1, 0.25), 60: (0.8, 0.15, 0.01, 0.04)}
    for n, cells in shifts.items():
        draw = rng.multinomial(1, cells, (n, 20000)).argmax(axis=2)
        some = mcnemar(np.isin(draw, (0, 2)) * 1.0, np.isin(draw, (0, 1)) * 1.0)
        truth = cells[1] - cells[2]
        covered = ((some.ci_low <= truth) & (truth <= some.ci_high)).mean()
        assert 0.93 < covered < 0.985, (n, covered)
