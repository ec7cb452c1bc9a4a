"""The slopes kernel: against least squares row by row, at the edges, and its identities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exerkine_omics.kernels import _regression as kernel


def data(n: int = 30, f: int = 25, p: int = 3, missing: float = 0.15, seed: int = 0):
    rng = np.random.default_rng(seed)
    covariates = rng.normal(size=(n, p)) * [1.0, 50.0, 1e-3][:p] + 7
    values = rng.normal(5, 1, (n, f)) + covariates[:, [0]] * 0.3
    outcome = rng.normal(3, 2, n) + 0.5 * covariates[:, 0] + values[:, 0]
    values[rng.random((n, f)) < missing] = np.nan
    group = np.arange(n) % 2
    return values, outcome, covariates, group


def by_rows(x, y, z, group, n_groups, weights):
    """Estimate, SE and df from numpy's least squares on the feature's own rows."""
    rows = np.isfinite(x)
    member = (group[:, None] == np.arange(n_groups)).astype(float)
    design = np.hstack([member * x[:, None], member, z])[rows]
    beta, _, rank, _ = np.linalg.lstsq(design, y[rows], rcond=None)
    df = rows.sum() - rank
    s2 = ((y[rows] - design @ beta) ** 2).sum() / df
    full = np.zeros(design.shape[1])
    full[:n_groups] = weights
    se = np.sqrt(s2 * full @ np.linalg.pinv(design.T @ design) @ full)
    return beta[:n_groups] @ weights, se, df


@pytest.mark.quick
@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0), (0.0, 1.0)])
def test_equals_least_squares_of_own_rows(weights: tuple[float, ...]) -> None:
    values, outcome, covariates, group = data()
    covariates = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    n_groups = len(weights)
    group = group if n_groups == 2 else np.zeros_like(group)
    contrasts = np.array([weights])
    (test,) = kernel.slope_tests(values, outcome, covariates, group, contrasts, pooled=True)
    expected = [by_rows(x, outcome, covariates, group, n_groups, weights) for x in values.T]
    estimate, se, df = np.array(expected).T
    np.testing.assert_allclose(test.estimate, estimate, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(test.se, se, rtol=1e-9)
    np.testing.assert_array_equal(test.df, df)


def test_without_covariates_it_is_the_correlation() -> None:
    values, outcome, _, group = data(missing=0.2)
    none = np.empty((len(outcome), 0))
    (test,) = kernel.slope_tests(values, outcome, none, group * 0, np.eye(1))
    for k, x in enumerate(values.T):
        rows = np.isfinite(x)
        line = stats.linregress(x[rows], outcome[rows])
        assert test.estimate[k] == pytest.approx(line.slope, rel=1e-9)
        assert test.se[k] == pytest.approx(line.stderr, rel=1e-9)
        assert test.n[k] == rows.sum() and test.df[k] == rows.sum() - 2


def test_reversed_variance_is_that_of_the_reversed_regression() -> None:
    values, outcome, covariates, group = data()
    fit = kernel.fit_slopes(values, outcome, covariates, group * 0, 1)
    found = kernel.reversed_variance(fit)
    for k, x in enumerate(values.T):
        rows = np.isfinite(x)
        design = np.column_stack([np.ones(len(x)), outcome, covariates])[rows]
        residual = x[rows] - design @ np.linalg.lstsq(design, x[rows], rcond=None)[0]
        assert found[k] == pytest.approx((residual**2).sum() / (rows.sum() - 5), rel=1e-8)


def test_missing_cell_is_absent_person() -> None:
    values, outcome, covariates, group = data(missing=0.0)
    values[7] = np.nan
    keep = np.arange(len(outcome)) != 7
    two = np.array([[1.0, 0.0], [1.0, -1.0]])
    for pooled in (True, False):
        one = kernel.slope_tests(values, outcome, covariates, group, two, pooled=pooled)
        other = kernel.slope_tests(
            values[keep], outcome[keep], covariates[keep], group[keep], two, pooled=pooled
        )
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-9)
            np.testing.assert_allclose(a.se, b.se, rtol=1e-9)
            np.testing.assert_allclose(a.df, b.df, rtol=1e-12)


def test_levels_and_units_change_nothing() -> None:
    values, outcome, covariates, group = data()
    (reference,) = kernel.slope_tests(values, outcome, covariates, group, np.array([[1.0, -1.0]]))
    for x, y, z, factor in (
        (values + 1e5, outcome, covariates, 1),
        (values, outcome + 1e5, covariates, 1),
        (values, outcome, covariates + 1e5, 1),
        (-values, outcome, covariates * [1, 1e6, -3], -1),
    ):
        (moved,) = kernel.slope_tests(x, y, z, group, np.array([[1.0, -1.0]]))
        np.testing.assert_allclose(moved.estimate, factor * reference.estimate, rtol=2e-6)
        np.testing.assert_allclose(moved.se, reference.se, rtol=2e-6)
    (stretched,) = kernel.slope_tests(
        2 * values, 6 * outcome, covariates, group, np.array([[1.0, -1.0]])
    )
    np.testing.assert_allclose(stretched.estimate, 3 * reference.estimate, rtol=1e-10)


def test_statuses() -> None:
    rng = np.random.default_rng(2)
    n = 12
    z = rng.normal(size=(n, 2))
    y = rng.normal(size=n)
    x = rng.normal(size=(n, 8))
    x[:, 0] = np.nan
    x[:, 1] = 0.1 + 0.2  # no binary fraction
    x[4:, 2] = np.nan  # p + 1 people: intercept, two covariates, slope
    x[5:, 3] = np.nan  # one df
    x[:, 4] = 1e5 + 3 * z[:, 0]  # follows from the covariates
    x[:, 5] = 2 * y + z[:, 1]  # fits wholly
    x[3:, 6] = np.nan
    y_flat = np.where(np.isfinite(x[:, 3]), 1.0, y)
    for pooled in (True, False):
        (test,) = kernel.slope_tests(x, y, z, np.zeros(n, int), np.eye(1), pooled=pooled)
        assert list(test.status) == [
            "not measured",
            "constant",
            "no residual df",
            "ok",
            "not estimable",
            "no residual variance",
            "no residual df",
            "ok",
        ]
    (test,) = kernel.slope_tests(x, y_flat, z, np.zeros(n, int), np.eye(1))
    assert test.status[3] == "constant outcome"


def test_a_covariate_that_is_constant_here_takes_no_df() -> None:
    values, outcome, covariates, group = data(missing=0.0)
    sex = np.r_[np.zeros(15), np.ones(15)][:, None]
    values[15:, 0] = np.nan
    (test,) = kernel.slope_tests(values, outcome, sex, group * 0, np.eye(1))
    line = stats.linregress(values[:15, 0], outcome[:15])
    assert test.df[0] == 13
    assert test.estimate[0] == pytest.approx(line.slope, rel=1e-10)
    assert test.se[0] == pytest.approx(line.stderr, rel=1e-10)


def test_an_arm_without_values_leaves_the_other_its_slope() -> None:
    values, outcome, covariates, group = data(missing=0.0)
    values[group == 1, 3] = np.nan
    three = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    for pooled in (True, False):
        tests = kernel.slope_tests(values, outcome, covariates, group, three, pooled=pooled)
        assert [t.status[3] for t in tests] == ["ok", "not measured", "not measured"]
        assert np.isfinite(tests[0].se[3])
    own = group == 0
    (alone,) = kernel.slope_tests(
        values[own], outcome[own], covariates[own], group[own], np.eye(1), pooled=True
    )
    assert tests[0].se[3] == pytest.approx(alone.se[3], rel=1e-12)


def test_nobody() -> None:
    (test,) = kernel.slope_tests(
        np.empty((0, 3)), np.empty(0), np.empty((0, 1)), np.empty(0, int), np.eye(1)
    )
    assert list(test.status) == ["not measured"] * 3


def test_more_features_than_a_block_and_their_order() -> None:
    values, outcome, covariates, group = data(f=1100)
    (test,) = kernel.slope_tests(values, outcome, covariates, group * 0, np.eye(1), moderate=True)
    order = np.random.default_rng(1).permutation(1100)
    (other,) = kernel.slope_tests(
        values[:, order], outcome, covariates, group * 0, np.eye(1), moderate=True
    )
    np.testing.assert_allclose(other.estimate, test.estimate[order], rtol=1e-9)
    np.testing.assert_allclose(other.se, test.se[order], rtol=1e-7)


def test_moderation_changes_the_se_and_keeps_the_slope() -> None:
    values, outcome, covariates, group = data(f=60)
    values[:, 9] = 4.0  # constant features say nothing about the prior
    plain, moderated = (
        kernel.slope_tests(values, outcome, covariates, group * 0, np.eye(1), moderate=m)[0]
        for m in (False, True)
    )
    without = kernel.slope_tests(
        np.delete(values, 9, axis=1), outcome, covariates, group * 0, np.eye(1), moderate=True
    )[0]
    ok = plain.status == "ok"
    np.testing.assert_array_equal(plain.estimate[ok], moderated.estimate[ok])
    assert (moderated.df[ok] > plain.df[ok]).all()
    # towards the prior: high variances fall, low ones rise
    fit = kernel.fit_slopes(values, outcome, covariates, group * 0, 1)
    own = kernel.reversed_variance(fit)[ok]
    ratio = (moderated.se / plain.se)[ok]
    assert ratio[own.argmax()] < 1 < ratio[own.argmin()]
    np.testing.assert_allclose(np.delete(moderated.se, 9), without.se, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["outcome from feature", "feature from outcome"])
def test_power_of_moderation_depends_on_what_makes_what(direction: str) -> None:
    """12 people, r = 0.6, 50 features of one variance.

    A feature that makes the outcome keeps its variance, so its residual variance is below the
    others' and is drawn up: power is lost. A feature that the outcome's cause moves gains.
    """
    rng = np.random.default_rng(8)
    rounds, n, r = 1000, 12, 0.6
    found = {False: 0.0, True: 0.0}
    for _ in range(rounds):
        x, y = rng.normal(size=(n, 50)), rng.normal(size=n)
        if direction == "outcome from feature":
            y = r * x[:, 0] + np.sqrt(1 - r**2) * y
        else:
            x[:, 0] += r / np.sqrt(1 - r**2) * y
        for moderate in found:
            (test,) = kernel.slope_tests(
                x, y, np.empty((n, 0)), np.zeros(n, int), np.eye(1), moderate=moderate
            )
            p = 2 * stats.t.sf(np.abs(test.estimate / test.se), test.df)
            found[moderate] += (p[0] < 0.05) / rounds
            assert (p[1:] < 1e-9).sum() == 0
    assert 0.5 < found[False] < 0.7, found
    gain = found[True] - found[False]
    assert gain < -0.03 if direction == "outcome from feature" else gain > 0.01, found
