"""The meta-analysis kernel against metafor and statsmodels, its properties and error rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels import _meta, _meta_tau2

METAFOR = Path(__file__).parents[1] / "reference" / "metafor"
METHODS = {"reml": "REML", "paule_mandel": "PM", "dersimonian_laird": "DL", "fixed": "EE"}
INTERVALS = {"hartung-knapp": "knha", "hartung-knapp-adhoc": "adhoc", "wald": "z"}


@pytest.fixture(scope="module")
def effects() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimates and SE, features x cohorts, as metafor was given them; NaN is absent."""
    long = pd.read_csv(METAFOR / "effects.csv")
    wide = long.pivot(index="feature", columns="cohort")
    return wide["estimate"], wide["se"]


def draw(n: int, k: int, tau2: float, variance: np.ndarray, seed: int = 0, mean: float = 0.0):
    """Estimates of n features from k cohorts with these sampling variances, and the SE."""
    rng = np.random.default_rng([seed, k])
    v = np.broadcast_to(variance, (n, k))
    return rng.normal(mean, np.sqrt(v + tau2)), np.sqrt(v)


@pytest.mark.quick
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("interval", INTERVALS)
def test_equals_metafor(method: str, interval: str, effects) -> None:
    estimate, se = effects
    pooled = _meta.pool(estimate.to_numpy(), se.to_numpy(), method=method, interval=interval)
    tests = pd.read_csv(METAFOR / "tests.csv", index_col="feature")
    tests = tests[(tests["method"] == METHODS[method]) & (tests["test"] == INTERVALS[interval])]
    tests = tests.loc[estimate.index]
    assert len(tests) == 48
    for column in tests.columns.drop(["method", "test"]):
        np.testing.assert_allclose(
            getattr(pooled, column), tests[column], rtol=1e-8, atol=1e-9, err_msg=column
        )
    own = pd.read_csv(METAFOR / "heterogeneity.csv", index_col="feature")
    own = own[own["method"] == METHODS[method]].loc[estimate.index]
    for column in ("tau2", "i2", "h2", "q", "q_p", "k"):
        np.testing.assert_allclose(
            getattr(pooled, column), own[column], rtol=1e-8, atol=1e-8, err_msg=column
        )
    if method != "fixed":
        assert 0.2 < (own["tau2"] > 0).mean() < 1  # both sides of the boundary are seen


@pytest.mark.parametrize(
    ("method", "theirs"), [("paule_mandel", "pm"), ("dersimonian_laird", "dl")]
)
def test_equals_statsmodels(method: str, theirs: str, effects) -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    estimate, se = (e.to_numpy() for e in effects)
    ours = _meta.pool(estimate, se, method=method)
    wald = _meta.pool(estimate, se, method=method, interval="wald")
    for row in range(len(estimate)):
        have = np.isfinite(estimate[row])
        # its default atol: a tighter one lets rounding end its Paule-Mandel steps at tau2 = 0
        with np.errstate(invalid="ignore"):
            their = combine_effects(estimate[row, have], se[row, have] ** 2, method_re=theirs)
        tau2 = max(their.tau2, 0.0)  # it keeps a moment estimate below 0
        assert ours.tau2[row] == pytest.approx(tau2, rel=2e-5, abs=2e-6)
        if their.tau2 >= 0:
            assert ours.estimate[row] == pytest.approx(their.mean_effect_re, rel=1e-5, abs=1e-6)
            assert ours.se[row] == pytest.approx(their.sd_eff_w_re_hksj, rel=1e-4)
            assert wald.se[row] == pytest.approx(their.sd_eff_w_re, rel=1e-5)


def test_two_cohorts_have_one_tau2(effects) -> None:
    """With k = 2 all estimators are max(0, (difference^2 - v1 - v2) / 2)."""
    y, se = draw(200, 2, 0.3, np.array([0.1, 0.4]))
    expected = np.maximum((np.diff(y)[:, 0] ** 2 - 0.5) / 2, 0.0)
    for method in ("reml", "paule_mandel", "dersimonian_laird"):
        tau2 = _meta.pool(y, se, method=method).tau2
        np.testing.assert_allclose(tau2, expected, rtol=1e-9, atol=1e-12)


def test_reml_is_the_highest_of_several_maxima() -> None:
    rng = np.random.default_rng(4)
    se = np.exp(rng.uniform(np.log(0.01), np.log(3), (4000, 5)))
    y = rng.normal(0, se * 1.5)
    y -= y.mean(axis=1, keepdims=True)
    tau2 = _meta_tau2.TAU2["reml"](y, se**2, np.full(4000, 5))
    ours = _meta_tau2._restricted_likelihood(y, se**2, tau2)
    grid = np.concatenate([[0.0], np.geomspace(1e-8, 1e3, 2000)])
    values = np.array([_meta_tau2._restricted_likelihood(y, se**2, np.full(4000, t)) for t in grid])
    inner = (values[1:-1] > values[:-2]) & (values[1:-1] > values[2:])
    maxima = inner.sum(axis=0) + (values[0] > values[1])
    assert (maxima > 1).sum() > 20  # the case occurs
    assert (ours >= values.max(axis=0) - 1e-9).all()


@pytest.mark.quick
@pytest.mark.parametrize("method", METHODS)
def test_order_sign_shift_scale(method: str, effects) -> None:
    y, se = (e.to_numpy() for e in effects)
    base = _meta.pool(y, se, method=method)
    order = np.random.default_rng(1).permutation(y.shape[1])
    turned = _meta.pool(-y, se, method=method)
    for name in ("estimate", "se", "p_value", "tau2", "pi_high", "i2"):
        value = getattr(base, name)
        moved = getattr(_meta.pool(y[:, order], se[:, order], method=method), name)
        np.testing.assert_allclose(moved, value, rtol=1e-9, atol=1e-12)
        rows = getattr(_meta.pool(y[::-1], se[::-1], method=method), name)
        np.testing.assert_array_equal(rows[::-1], value)
    np.testing.assert_allclose(turned.estimate, -base.estimate, rtol=1e-12)
    np.testing.assert_allclose(turned.ci_low, -base.ci_high, rtol=1e-12)
    np.testing.assert_allclose(turned.tau2, base.tau2, rtol=1e-12)
    far = _meta.pool(y + 1e5, se, method=method)
    np.testing.assert_allclose(far.estimate - 1e5, base.estimate, atol=1e-9)
    np.testing.assert_allclose(far.tau2, base.tau2, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(far.se, base.se, rtol=1e-6)
    large = _meta.pool(y * 1e6, se * 1e6, method=method)
    np.testing.assert_allclose(large.tau2, base.tau2 * 1e12, rtol=1e-8)
    np.testing.assert_allclose(large.p_value, base.p_value, rtol=1e-8)


def test_identical_cohorts() -> None:
    """No heterogeneity; Hartung-Knapp then has no SE and says so, the others have Wald's."""
    y, se = np.full((1, 4), 0.7), np.array([[0.1, 0.2, 0.3, 0.4]])
    for method in METHODS:
        pooled = _meta.pool(y, se, method=method)
        assert pooled.tau2[0] == 0 and pooled.i2[0] == 0 and pooled.q[0] < 1e-25
        assert pooled.se[0] == 0 and np.isnan(pooled.p_value[0]) and np.isnan(pooled.ci_low[0])
        for interval in ("wald", "hartung-knapp-adhoc"):
            pooled = _meta.pool(y, se, method=method, interval=interval)
            assert pooled.se[0] == pytest.approx((1 / se**2).sum() ** -0.5)
            assert pooled.estimate[0] == pytest.approx(0.7)


def test_adhoc_is_never_narrower_than_wald(effects) -> None:
    y, se = (e.to_numpy() for e in effects)
    adhoc, wald, hk = (
        _meta.pool(y, se, interval=i) for i in ("hartung-knapp-adhoc", "wald", "hartung-knapp")
    )
    assert (adhoc.ci_high - adhoc.ci_low > wald.ci_high - wald.ci_low).all()
    assert (hk.ci_high - hk.ci_low < wald.ci_high - wald.ci_low).any()  # else it needs no guard


def test_absent_cells() -> None:
    y = np.array([[1.0, 2.0, np.nan, 9.0], [1.0, 2.0, 4.0, 9.0], [1.0, np.nan, np.nan, np.nan]])
    se = np.array([[0.5, 0.4, 0.3, np.nan], [0.5, 0.4, 0.0, -1.0], [0.5, 1, 1, 1]])
    pooled = _meta.pool(y, se)
    assert list(pooled.k) == [2, 2, 1]
    alone = _meta.pool(y[:1, :2], se[:1, :2])
    assert pooled.estimate[0] == pooled.estimate[1] == alone.estimate[0]
    assert pooled.p_value[0] == alone.p_value[0]
    assert np.isnan([pooled.estimate[2], pooled.tau2[2], pooled.q_p[2], pooled.df[2]]).all()
    empty = _meta.pool(np.empty((0, 3)), np.empty((0, 3)))
    assert len(empty.estimate) == 0
    assert np.isnan(_meta.pool(np.full((2, 3), np.nan), np.ones((2, 3))).estimate).all()


def test_direction_by_hand() -> None:
    from scipy import stats

    estimate = np.array([[1.0, -2.0, 0.0, np.nan], [3.0, 1.0, 2.0, 5.0]])
    p = np.array([[0.01, 0.2, 1.0, 0.5], [0.0, 0.04, np.nan, 0.3]])
    weight = np.sqrt(np.array([[9.0, 4.0, 16.0, 25.0]] * 2))
    result = _meta.direction(estimate, p, weight)
    assert list(result.n_up) == [1, 3] and list(result.n_down) == [1, 0]
    assert list(result.k) == [3, 3]
    z = stats.norm.isf(np.array([0.01, 0.2]) / 2)
    assert result.z[0] == pytest.approx((3 * z[0] - 2 * z[1]) / np.sqrt(29))
    assert result.p_value[0] == pytest.approx(2 * stats.norm.sf(abs(result.z[0])))
    assert np.isfinite(result.z).all()  # a p of 0 counts as 1e-300
    stouffer = stats.combine_pvalues([0.005, 0.1], "stouffer", weights=[3, 2])
    assert _meta.direction(estimate[:1, :2] * [1, -1], p[:1, :2], weight[:1, :2]).z[
        0
    ] == pytest.approx(stouffer.statistic)


@pytest.mark.slow
@pytest.mark.parametrize("k", [3, 5, 10])
def test_type_one_error(k: int) -> None:
    """With equal SE Hartung-Knapp is an exact t test; Wald's test is wrong under heterogeneity."""
    n, se4 = 40000, 4 * np.sqrt(0.05 * 0.95 / 40000)
    for tau2 in (0.0, 0.1, 0.5):
        y, se = draw(n, k, tau2, np.array([0.1]))
        rate = (_meta.pool(y, se).p_value < 0.05).mean()
        assert abs(rate - 0.05) < se4
        adhoc = (_meta.pool(y, se, interval="hartung-knapp-adhoc").p_value < 0.05).mean()
        assert adhoc < 0.05 + se4
        if tau2 == 0.5:
            assert (_meta.pool(y, se, interval="wald").p_value < 0.05).mean() > 0.07
            fixed = _meta.pool(y, se, method="fixed", interval="wald")
            assert (fixed.p_value < 0.05).mean() > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("k", [3, 5, 10])
def test_type_one_error_with_one_large_cohort(k: int) -> None:
    """One cohort ten times as large: at most twice the level (IntHout 2014), Wald's far more."""
    for tau2 in (0.0, 0.1, 0.5):
        y, se = draw(20000, k, tau2, np.where(np.arange(k) == 0, 0.01, 0.1))
        rate = {i: (_meta.pool(y, se, interval=i).p_value < 0.05).mean() for i in INTERVALS}
        assert 0.04 < rate["hartung-knapp"] < 0.115
        assert rate["hartung-knapp-adhoc"] < 0.075
        if tau2 == 0.5 and k < 10:
            assert rate["wald"] > 1.5 * rate["hartung-knapp"]


@pytest.mark.slow
def test_prediction_interval_covers_a_new_cohort() -> None:
    """Nominal where tau2 is well estimated or 0; below it between (documented)."""
    for k, tau2, low, high in ((10, 0.5, 0.92, 0.96), (30, 0.5, 0.935, 0.96), (5, 0.0, 0.94, 0.96)):
        y, se = draw(20000, k, tau2, np.array([0.1]), mean=0.4)
        new = np.random.default_rng(k).normal(0.4, np.sqrt(tau2), 20000)
        pooled = _meta.pool(y, se)
        cover = ((pooled.pi_low <= new) & (new <= pooled.pi_high)).mean()
        assert low < cover < high, (k, tau2, cover)
        if tau2:
            inside = ((pooled.ci_low <= new) & (new <= pooled.ci_high)).mean()
            assert inside < 0.7  # the confidence interval is none for a new cohort
