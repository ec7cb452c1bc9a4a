"""FDP+ and the threshold that minimises it, against the formula of the authors' code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from exerkine_omics.kernels._stabl import choose, fdp

STORED = json.loads((Path(__file__).parent / "performance_vectors.json").read_text())
VECTOR = {v["id"]: v for v in STORED["vectors"]}["stabl_fdp"]
REAL, ARTIFICIAL = np.array(VECTOR["inputs"]["real"]), np.array(VECTOR["inputs"]["artificial"])
T = np.array(VECTOR["inputs"]["t"])


@pytest.mark.quick
def test_equals_the_vector():
    found = fdp(REAL, ARTIFICIAL, T, VECTOR["inputs"]["artificial_proportion"])
    assert found == pytest.approx(VECTOR["expected"]["FDP"], abs=VECTOR["tol"])
    choice = choose(REAL, ARTIFICIAL, T)
    assert choice.threshold == 0.5 and choice.fdp == pytest.approx(1 / 3)
    assert choice.selected.tolist() == [True] * 3 + [False] * 3


def test_counts_one_by_one():
    rng = np.random.default_rng(0)
    real, artificial = rng.integers(0, 21, 200) / 20, rng.integers(0, 15, 100) / 20
    grid = np.arange(21) / 20
    found = fdp(real, artificial, grid, 0.5)
    for t, value in zip(grid, found, strict=True):
        false = sum(a > t for a in artificial) / 0.5
        assert value == pytest.approx((1 + false) / max(1, sum(r > t for r in real)))
    # half as many artificial features count twice
    doubled = fdp(real, np.repeat(artificial, 2), grid, 1.0)
    np.testing.assert_allclose(found, doubled)


def test_nothing_is_selected_where_noise_wins():
    none = choose(ARTIFICIAL, REAL, T)
    assert np.isnan(none.threshold) and none.fdp > 1 and not none.selected.any()
    assert none.fdp == fdp(ARTIFICIAL, REAL, T).min()
    # above the largest share FDP+ is 1: the choice stands, and is empty
    empty = choose(ARTIFICIAL, REAL, np.array([0.95]))
    assert empty.threshold == 0.95 and empty.fdp == 1 and not empty.selected.any()
    for thresholds in ([], [np.nan]):
        nowhere = choose(REAL, ARTIFICIAL, np.array(thresholds))
        assert np.isnan([nowhere.threshold, nowhere.fdp]).all() and not nowhere.selected.any()


def test_lowest_of_equal_thresholds_and_order():
    grid = np.array([0.7, 0.45, 0.55, 0.5, 0.1])
    choice = choose(REAL, ARTIFICIAL, grid)
    assert choice.threshold == 0.45
    order = np.random.default_rng(1).permutation(6)
    again = choose(REAL[order], ARTIFICIAL[order], np.sort(grid))
    assert again.threshold == 0.45 and again.fdp == choice.fdp
    np.testing.assert_array_equal(again.selected, choice.selected[order])


def test_gaps():
    """A feature never tried is never selected, and changes nothing for the others."""
    real, artificial = np.r_[np.nan, REAL], np.r_[ARTIFICIAL, np.nan]
    np.testing.assert_array_equal(fdp(real, artificial, T), fdp(REAL, ARTIFICIAL, T))
    np.testing.assert_array_equal(
        choose(real, artificial, T).selected, np.r_[False, choose(REAL, ARTIFICIAL, T).selected]
    )
    assert np.isnan(fdp(REAL, ARTIFICIAL, np.array([0.1, np.nan]))).tolist() == [False, True]
    with_gap = choose(REAL, ARTIFICIAL, np.r_[np.nan, T])
    assert with_gap.threshold == 0.5
    assert fdp(np.array([]), np.array([]), T).tolist() == [1.0] * 4


@pytest.mark.slow
def test_share_of_false_discoveries():
    """At a fixed threshold FDP+ is above the false share on average; its minimum need not be."""
    rng = np.random.default_rng(2)
    grid = np.arange(30, 100) / 100
    fixed, stated = [], []
    for _ in range(2000):
        noise = rng.beta(2, 5, 180)
        real = np.r_[rng.beta(8, 3, 20), noise[:80]]
        estimate = fdp(real, noise[80:], np.array([0.5]), 100 / 80)
        false, found = (noise[:80] > 0.5).sum(), (real > 0.5).sum()
        fixed.append((false / max(1, found), estimate[0]))
        choice = choose(real, noise[80:], grid, 100 / 80)
        wrong = choice.selected[20:].sum() / max(1, choice.selected.sum())
        stated.append((wrong, choice.fdp))
    false, estimate = np.mean(fixed, axis=0)
    assert false < estimate < false + 0.12
    wrong, least = np.mean(stated, axis=0)
    assert wrong < least + 0.02, (wrong, least)
    assert least < 0.2
