"""Logistic fits against R's anova and statsmodels; the bootstrap of rms from their parts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels._logistic import likelihood_ratio, logistic

STORED = json.loads((Path(__file__).parent / "performance_vectors.json").read_text())
VECTORS = {v["id"]: v for v in STORED["vectors"]}
CLF = {name: np.array(values, dtype=float) for name, values in STORED["data"]["clf60"].items()}
ZW = np.column_stack([CLF["z"], CLF["w"]])
ONE = np.ones((1, 60))


@pytest.mark.quick
def test_likelihood_ratio_equals_r():
    expected, tol = VECTORS["nested_lrt"]["expected"], VECTORS["nested_lrt"]["tol"]
    for added in (CLF["w"], ZW):  # the added column, or the larger model's
        found = likelihood_ratio(CLF["y"], CLF["z"], added)
        assert found.converged and found.df == expected["df"] and found.n == 60
        assert found.chi2 == pytest.approx(expected["chi2"], abs=tol)
        assert found.p_value == pytest.approx(expected["p"], abs=tol)
        assert found.r2_coxsnell == pytest.approx(expected["R2_coxsnell_m1"], abs=tol)
        assert found.r2_nagelkerke == pytest.approx(expected["R2_nagelkerke_m1"], abs=tol)


@pytest.mark.parametrize("seed", range(4))
def test_equals_statsmodels(seed):
    rng = np.random.default_rng(seed)
    n, p = 80, 1 + seed
    x = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-3, 4, p) + rng.normal(size=p)
    y = (rng.random(n) < 0.4 + 0.3 * np.tanh(x[:, 0] / x[:, 0].std())).astype(float)
    weights = rng.integers(0, 4, n).astype(float)
    for w in (np.ones(n), weights):
        oracle = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=w).fit(
            tol=1e-13, maxiter=100
        )
        found = logistic(y, x, w)
        assert found.converged and found.rank == p + 1 and found.n == w.sum()
        assert found.log_likelihood == pytest.approx(oracle.llf, rel=1e-11)
        np.testing.assert_allclose([found.intercept, *found.slopes], oracle.params, rtol=1e-7)
    repeated = np.repeat(np.arange(n), weights.astype(int))
    again = logistic(y[repeated], x[repeated])
    np.testing.assert_allclose(again.slopes, found.slopes, rtol=1e-8)
    nested = likelihood_ratio(y, np.empty((n, 0)), x)
    llf = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial()).fit()
    assert nested.chi2 == pytest.approx(2 * (llf.llf - llf.llnull), rel=1e-8)
    assert nested.df == p


def test_shares_as_outcome():
    """People with shares 0.2 and 0.8 are as five people each."""
    x = np.array([-1.0, 0.5, 2.0, 0.1])
    share = np.array([0.2, 0.4, 0.8, 0.6])
    cases = (np.arange(5) < (share * 5).round()[:, None]).astype(float).ravel()
    whole = logistic(cases, np.repeat(x, 5))
    assert logistic(share, x).slopes == pytest.approx(whole.slopes, rel=1e-9)


def test_separated_classes_have_no_maximum():
    x = np.arange(12.0)
    y = (x > 5).astype(float)
    found = logistic(y, x)
    assert not found.converged and np.isnan(found.slopes[0])
    assert found.log_likelihood == pytest.approx(0, abs=1e-8)
    quasi = logistic(np.r_[y, 0, 1], np.r_[x, 5.5, 5.5])
    assert not quasi.converged
    assert quasi.log_likelihood == pytest.approx(2 * np.log(0.5), abs=1e-8)
    test = likelihood_ratio(y, np.empty((12, 0)), x)
    assert not test.converged and test.chi2 == pytest.approx(24 * np.log(2), abs=1e-6)
    # one person's label turned: a maximum, far out
    assert logistic(np.r_[y, 1], np.r_[x, 4.5]).converged


def test_what_cannot_be_estimated():
    y, z = CLF["y"], CLF["z"]
    aliased = logistic(y, np.column_stack([z, 3 - 2 * z, np.ones(60), CLF["w"]]))
    assert np.isnan(aliased.slopes).tolist() == [False, True, True, False]
    np.testing.assert_allclose(aliased.slopes[[0, 3]], logistic(y, ZW).slopes, rtol=1e-9)
    nothing_added = likelihood_ratio(y, ZW, ZW[:, ::-1] * 2 + 1)
    assert nothing_added.df == 0 and np.isnan(nothing_added.p_value)
    assert nothing_added.chi2 == pytest.approx(0, abs=1e-9)
    one_class = likelihood_ratio(np.ones(60), np.empty((60, 0)), z)
    assert np.isnan([one_class.p_value, one_class.r2_nagelkerke]).all()
    assert not one_class.converged
    nobody = logistic(np.full(60, np.nan), ZW)
    assert nobody.n == 0 and np.isnan([nobody.intercept, *nobody.slopes]).all()
    assert np.isnan(likelihood_ratio(np.full(60, np.nan), z, CLF["w"]).chi2)
    assert logistic(np.empty(0), np.empty((0, 2))).rank == 0


def test_order_shift_and_gaps():
    y = CLF["y"]
    whole = likelihood_ratio(y, CLF["z"], CLF["w"])
    order = np.random.default_rng(0).permutation(60)
    shuffled = likelihood_ratio(y[order], CLF["z"][order], CLF["w"][order])
    far = likelihood_ratio(y, CLF["z"] + 1e5, CLF["w"] * 1e-6 + 1e5 * 1e-6)
    for other in (shuffled, far):
        assert other.chi2 == pytest.approx(whole.chi2, abs=1e-7)
        assert other.r2_nagelkerke == pytest.approx(whole.r2_nagelkerke, abs=1e-9)
    gappy = np.where(np.arange(60) % 9 == 0, np.nan, CLF["w"])
    known = np.isfinite(gappy)
    assert likelihood_ratio(y, CLF["z"], gappy) == likelihood_ratio(
        y[known], CLF["z"][known], gappy[known]
    )
    assert logistic(y, gappy).log_likelihood == logistic(y[known], gappy[known]).log_likelihood


def test_bootstrap_of_the_optimism_equals_rms():
    """Apparent minus optimism of Dxy, slope and Brier score, 400 resamples, `rms::validate`."""
    vector = VECTORS["optimism_boot"]
    y, rng = CLF["y"], np.random.default_rng(1)

    def measures(fit, rows):
        p = 1 / (1 + np.exp(-(fit.intercept + ZW[rows] @ fit.slopes)))
        one = np.ones((1, len(rows)))
        slope = performance.calibration(y[rows], p, one)[1][0]
        dxy = 2 * performance.auc(y[rows], p)[0] - 1
        return np.array([dxy, slope, performance.brier(y[rows], p, one)[0]])

    everyone = np.arange(60)
    apparent = measures(logistic(y, ZW), everyone)
    optimism = []
    for _ in range(400):
        rows = rng.integers(0, 60, 60)
        fit = logistic(y[rows], ZW[rows])
        optimism.append(measures(fit, rows) - measures(fit, everyone))
    mean = np.mean(optimism, axis=0)
    corrected = apparent - mean
    expected, tol = vector["expected"], vector["tol"]
    assert apparent[0] == pytest.approx(expected["Dxy_apparent"], abs=1e-9)
    assert mean[0] == pytest.approx(expected["optimism"], abs=tol)
    assert corrected[0] == pytest.approx(expected["corrected_Dxy"], abs=tol)
    assert 0.5 + corrected[0] / 2 == pytest.approx(expected["corrected_AUC"], abs=tol)
    assert corrected[1] == pytest.approx(expected["slope_corrected"], abs=tol)
    assert corrected[2] == pytest.approx(expected["brier_corrected"], abs=tol)


@pytest.mark.slow
def test_likelihood_ratio_holds_its_level():
    """A useless marker beside three: 5% as in the vector on the NRI, and p uniform."""
    level = VECTORS["nri_false_positive"]["expected"]["LRT"]
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(2500):
        x = rng.normal(size=(VECTORS["nri_false_positive"]["inputs"]["train_n"], 4))
        y = (rng.random(len(x)) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
        p_values.append(likelihood_ratio(y, x[:, :1], x[:, 1:]).p_value)
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(level, abs=0.014)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
