"""Performance within sites: against pROC, a count of all pairs, and what must not change it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels import _within_site as within

FOLDER = Path(__file__).parents[1] / "reference" / "site_auc"
PEOPLE = pd.read_csv(FOLDER / "people.csv")
EXPECTED = pd.read_csv(FOLDER / "expected.csv").set_index("site")
SITE = np.unique(PEOPLE["site"], return_inverse=True)[1]
LABEL = PEOPLE["label"].to_numpy(float)
SCORES = PEOPLE[["first", "second"]].to_numpy(float).T


def brute(label, score, site, weight=None):
    """Count of all pairs of one site, one by one."""
    weight = np.ones(len(label)) if weight is None else weight
    hit = pairs = 0.0
    for i, j in product(range(len(label)), repeat=2):
        if label[i] == 1 and label[j] == 0 and site[i] == site[j]:
            w = weight[i] * weight[j]
            pairs += w
            hit += w * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    return hit / pairs


@pytest.mark.quick
def test_areas_and_variances_equal_proc():
    area, covariance = within.delong(LABEL, SCORES, SITE)
    row = EXPECTED.loc["within"]
    assert area == pytest.approx(row[["auc_first", "auc_second"]].to_numpy(float), abs=1e-12)
    assert np.diag(covariance) == pytest.approx(
        row[["var_first", "var_second"]].to_numpy(float), abs=1e-12
    )
    assert covariance[0, 1] == pytest.approx(row["cov"], abs=1e-12)
    for number, name in enumerate("abc"):  # and of each site alone
        own = number == SITE
        alone, one = within.delong(LABEL[own], SCORES[:, own], np.zeros(own.sum(), dtype=int))
        assert alone[0] == pytest.approx(EXPECTED.loc[name, "auc_first"], abs=1e-12)
        assert one[0, 1] == pytest.approx(EXPECTED.loc[name, "cov"], abs=1e-12)


@pytest.mark.quick
def test_the_area_is_a_count_of_pairs():
    rng = np.random.default_rng(0)
    weights = np.vstack([np.ones(len(LABEL)), rng.integers(0, 3, (4, len(LABEL)))]).astype(float)
    for score in SCORES:
        expected = [brute(LABEL, score, SITE, w) for w in weights]
        assert within.auc(LABEL, score, SITE, weights) == pytest.approx(expected, abs=1e-12)
    assert within.delong(LABEL, SCORES, SITE)[0][0] == pytest.approx(
        brute(LABEL, SCORES[0], SITE), abs=1e-12
    )
    assert within.pairs_of_sites(LABEL, SITE)[3] == 0  # one class


def test_one_site_is_the_plain_measure():
    one = np.zeros(len(LABEL), dtype=int)
    weights = np.random.default_rng(1).multinomial(len(LABEL), np.full(71, 1 / 71), 3).astype(float)
    grid = np.linspace(0, 1, 11)
    for name, more in (("auc", ()), ("average_precision", ()), ("roc_on_grid", (grid,))):
        found = getattr(within, name)(LABEL, SCORES[0], one, weights, *more)
        plain = getattr(performance, name)(LABEL, SCORES[0], weights, *more)
        np.testing.assert_allclose(found, plain, atol=1e-12)
    area, covariance = performance.delong(LABEL, SCORES)
    found = within.delong(LABEL, SCORES, one)
    np.testing.assert_allclose(found[0], area, atol=1e-12)
    np.testing.assert_allclose(found[1], covariance, atol=1e-12)


def test_a_shift_of_a_site_changes_nothing():
    """Nor does the order of people, the numbering of sites, or a monotone scale at each."""
    moved = SCORES + np.array([0.0, 1e5, -40.0, 7.0])[SITE]
    order = np.random.default_rng(2).permutation(len(LABEL))
    first = within.delong(LABEL, SCORES, SITE)
    for other in (
        within.delong(LABEL, np.round(moved, 1), SITE),
        within.delong(LABEL[order], SCORES[:, order], (3 - SITE)[order]),
    ):
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)
    assert abs(performance.auc(LABEL, moved[0])[0] - performance.auc(LABEL, SCORES[0])[0]) > 0.05


def test_the_area_under_the_mean_curve_is_the_area():
    grid = np.linspace(0, 1, 20001)
    curve = within.roc_on_grid(LABEL, SCORES[0], SITE, np.ones((1, len(LABEL))), grid)[0]
    area = np.trapezoid(curve, grid) if hasattr(np, "trapezoid") else np.trapz(curve, grid)
    assert area == pytest.approx(within.auc(LABEL, SCORES[0], SITE)[0], abs=1e-3)


def test_a_class_of_one_person_and_none():
    site = np.repeat([0, 1, 2], 6)
    label = np.tile([1, 0, 0, 0, 0, 0], 3)  # one case a site: as in matched sets
    score = np.random.default_rng(3).normal(size=18)
    area, covariance = within.delong(label, score, site)
    placed = [performance.placements(label[site == s], score[site == s]) for s in range(3)]
    case = np.array([p.mean() for p in placed])
    expected = sum((case - area[0]) ** 2) / 9
    expected += sum(p[0].var(ddof=1) / 5 / 9 for p in placed)
    assert covariance[0, 0] == pytest.approx(expected, abs=1e-12)
    area, covariance = within.delong(np.zeros(18), score, site)
    assert np.isnan(area).all() and np.isnan(covariance).all()
    assert np.isnan(within.auc(np.zeros(18), score, site)).all()


def test_people_of_a_cluster_count_as_one():
    """Everybody twice: the same area, and the variance of half as many people, not of all."""
    twice = np.repeat(np.arange(len(LABEL)), 2)
    own = within.delong(LABEL, SCORES, SITE)
    doubled = within.delong(LABEL[twice], SCORES[:, twice], SITE[twice], twice)
    np.testing.assert_allclose(doubled[0], own[0], atol=1e-12)
    np.testing.assert_allclose(doubled[1], own[1], rtol=0.2)
    naive = within.delong(LABEL[twice], SCORES[:, twice], SITE[twice])
    assert (np.diag(naive[1]) < 0.6 * np.diag(own[1])).all()


def test_the_normal_interval_holds_the_truth():
    """Binormal scores, sites of other sizes, shares and shifts."""
    rng = np.random.default_rng(5)
    site = np.repeat([0, 1, 2], [40, 25, 15])
    truth, hits = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(400):
        label = (rng.random(80) < np.array([0.2, 0.5, 0.8])[site]).astype(float)
        score = rng.normal(size=80) + label + np.array([3.0, 0.0, -3.0])[site]
        area, covariance = within.delong(label, score, site)
        hits += abs(area[0] - truth) <= 1.96 * np.sqrt(covariance[0, 0])
    assert stats.binom.ppf(0.0005, 400, 0.93) <= hits <= 400  # 0.95 nominal


@pytest.mark.quick
def test_a_number_within_sites():
    import statsmodels.api as sm

    rng = np.random.default_rng(6)
    site = np.repeat([0, 1, 2, 3], [12, 9, 6, 1])
    y = rng.normal(size=28) + np.array([5.0, 0.0, -5.0, 9.0])[site]
    fitted = 0.5 * y + rng.normal(size=28) + np.array([-9.0, 0.0, 9.0, 0.0])[site]
    dummies = (site[:, None] == np.arange(4)).astype(float)
    rest = [sm.OLS(v, dummies).fit() for v in (y, fitted, y - fitted)]
    r2, r = within.r2_and_correlation(y, fitted, site)
    assert r2[0] == pytest.approx(1 - rest[2].ssr / rest[0].ssr, abs=1e-12)
    assert r[0] == pytest.approx(np.corrcoef(rest[0].resid, rest[1].resid)[0, 1], abs=1e-12)
    far = within.r2_and_correlation(y + 1e5, fitted + 1e5, site)
    assert [far[0][0], far[1][0]] == pytest.approx([r2[0], r[0]], abs=1e-9)
    weights = rng.integers(0, 3, (2, 28)).astype(float)
    rows = np.repeat(np.arange(28), weights[1].astype(int))
    drawn = within.r2_and_correlation(y[rows], fitted[rows], site[rows])
    got = within.r2_and_correlation(y, fitted, site, weights)
    assert [got[0][1], got[1][1]] == pytest.approx([drawn[0][0], drawn[1][0]], abs=1e-10)
    flat = within.r2_and_correlation(y, np.zeros(28), site)
    assert flat[0][0] == pytest.approx(0) and np.isnan(flat[1][0])
    assert np.isnan(within.r2_and_correlation(y[-1:], fitted[-1:], site[-1:])[0][0])
