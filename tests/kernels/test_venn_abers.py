"""Venn-Abers probabilities against venn-abers 1.5.4 and against isotonic fits one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from exerkine_omics.kernels._venn_abers import merged, venn_abers

STORED = json.loads((Path(__file__).parent / "performance_vectors.json").read_text())
VECTOR = {v["id"]: v for v in STORED["vectors"]}["venn_abers"]


@pytest.mark.quick
def test_equals_the_vector():
    p0, p1 = venn_abers(*(np.array(VECTOR["inputs"][k]) for k in ("cal_p", "cal_y", "test")))
    assert p0 == pytest.approx(VECTOR["expected"]["p0"], abs=VECTOR["tol"])
    assert p1 == pytest.approx(VECTOR["expected"]["p1"], abs=VECTOR["tol"])
    assert merged(p0, p1) == pytest.approx(VECTOR["expected"]["p"], abs=VECTOR["tol"])


@pytest.mark.parametrize("digits", [1, 2, 8])
def test_equals_isotonic_fits_one_by_one(digits):
    rng = np.random.default_rng(digits)
    score = np.round(rng.random(90), digits)  # one digit: many ties
    label = (rng.random(90) < score).astype(float)
    new = np.r_[np.round(rng.random(40), digits), -1.0, 2.0, score.min(), score.max()]
    found = venn_abers(score, label, new)
    for c in (0, 1):
        for value, ours in zip(new, found[c], strict=True):
            fit = IsotonicRegression().fit(np.r_[score, value], np.r_[label, c])
            assert ours == pytest.approx(fit.predict([value])[0], abs=1e-12)


def test_order_scale_and_gaps():
    rng = np.random.default_rng(4)
    score, new = np.round(rng.random(60), 2), np.round(rng.random(30), 2)
    label = (rng.random(60) < score).astype(float)
    p0, p1 = venn_abers(score, label, new)
    assert (p0 < p1).all()
    rising = np.argsort(new)
    assert (np.diff(p0[rising]) >= 0).all() and (np.diff(p1[rising]) >= 0).all()
    order = rng.permutation(60)
    again = venn_abers(score[order], label[order], new[rising])
    np.testing.assert_array_equal(again, (p0[rising], p1[rising]))
    np.testing.assert_array_equal(venn_abers(score + 1e5, label, new + 1e5)[0], p0)
    turned = venn_abers(-score, 1 - label, -new)
    np.testing.assert_allclose((1 - turned[1], 1 - turned[0]), (p0, p1), atol=1e-12)
    holes = np.where(np.arange(60) % 6 == 0, np.nan, score)
    known = np.isfinite(holes)
    np.testing.assert_array_equal(
        venn_abers(holes, label, new), venn_abers(score[known], label[known], new)
    )
    unknown = venn_abers(score, label, np.array([np.nan, 0.5]))
    assert np.isnan([unknown[0][0], unknown[1][0]]).all() and np.isfinite(unknown[0][1])


def test_few_people():
    p0, p1 = venn_abers(np.array([]), np.array([]), np.array([0.3, 0.8]))
    assert p0.tolist() == [0, 0] and p1.tolist() == [1, 1]
    assert merged(p0, p1).tolist() == [0.5, 0.5]
    # all of one class: as high as the calibration people allow
    p0, p1 = venn_abers(np.array([0.2, 0.4, 0.6]), np.ones(3), np.array([0.1, 0.5]))
    assert p0.tolist() == [0.0, 2 / 3] and p1.tolist() == [1, 1]
    assert venn_abers(np.array([0.5]), np.ones(1), np.array([]))[0].shape == (0,)


@pytest.mark.slow
def test_calibrated_where_the_model_is_not():
    """Predictions far too extreme: p0 and p1 enclose the observed share in each tenth."""
    rng = np.random.default_rng(8)
    low, high, seen = np.zeros(10), np.zeros(10), np.zeros(10)
    for _ in range(60):
        logit = rng.normal(0, 1, 400)
        label = (rng.random(400) < 1 / (1 + np.exp(-logit))).astype(float)
        extreme = 1 / (1 + np.exp(-3 * logit))
        p0, p1 = venn_abers(extreme[:200], label[:200], extreme[200:])
        tenths = np.array_split(np.argsort(logit[200:]), 10)
        low += [p0[t].mean() / 60 for t in tenths]
        high += [p1[t].mean() / 60 for t in tenths]
        seen += [label[200:][t].mean() / 60 for t in tenths]
    assert (seen > low - 0.03).all() and (seen < high + 0.03).all(), (low, seen, high)
    assert (high - low).max() < 0.2
