"""Measures of performance against pROC, rms, pmsampsize and other reference software.

performance_vectors.json holds the values with their source and their own tolerance.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from exerkine_omics.kernels import _performance as performance

STORED = json.loads((Path(__file__).parent / "performance_vectors.json").read_text())
VECTORS = {v["id"]: v for v in STORED["vectors"]}
CLF = {name: np.array(values, dtype=float) for name, values in STORED["data"]["clf60"].items()}
ONE = np.ones((1, 60))


def ids(start: str) -> list[str]:
    return [name for name in VECTORS if name.startswith(start)]


@pytest.mark.quick
def test_delong_equals_proc():
    vector = VECTORS["delong"]
    expected, tol = vector["expected"], vector["tol"]
    area, covariance = performance.delong(CLF["y"], np.array([CLF["p_clin"], CLF["p_omics"]]))
    assert area == pytest.approx([expected["auc_a"], expected["auc_b"]], abs=tol)
    assert covariance[0, 0] == pytest.approx(expected["var_a"], abs=tol)
    assert covariance[1, 1] == pytest.approx(expected["var_b"], abs=tol)
    assert covariance[0, 1] == pytest.approx(expected["cov"], abs=tol)
    half = 1.959963984540054 * np.sqrt(covariance[0, 0])
    assert [area[0] - half, area[0] + half] == pytest.approx(expected["ci_a"], abs=tol)
    se = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    z = (area[1] - area[0]) / se
    assert z == pytest.approx(expected["Z_b_minus_a"], abs=1e-5)  # printed with six digits
    assert 2 * stats.norm.sf(z) == pytest.approx(expected["p"], abs=tol)


@pytest.mark.parametrize("name", ["p_clin", "p_omics"])
def test_calibration_equals_r(name):
    vector = VECTORS["calibration"]
    expected, tol = vector["expected"][name], vector["tol"]
    intercept, slope = performance.calibration(CLF["y"], CLF[name], ONE)
    assert slope[0] == pytest.approx(expected["slope"], abs=tol)
    assert intercept[0] == pytest.approx(expected["intercept_with_slope"], abs=tol)
    large = performance.calibration_in_the_large(CLF["y"], CLF[name])
    assert large == pytest.approx(expected["CITL"], abs=tol)
    assert performance.brier(CLF["y"], CLF[name], ONE)[0] == pytest.approx(
        expected["brier"], abs=tol
    )


@pytest.mark.parametrize("name", ["p_clin", "p_omics"])
def test_net_benefit(name):
    vector = VECTORS["net_benefit_clf60"]
    for threshold, expected in vector["expected"][name].items():
        found = performance.net_benefit(CLF["y"], CLF[name], ONE, float(threshold))
        assert found[0] == pytest.approx(expected, abs=vector["tol"])
    for threshold, expected in vector["expected"]["all"].items():
        found = performance.net_benefit(CLF["y"], np.ones(60), ONE, float(threshold))
        assert found[0] == pytest.approx(expected, abs=vector["tol"])


def test_net_benefit_of_the_tutorial():
    """People rebuilt from their counts: as many at or above each threshold as in the data."""
    vector = VECTORS["net_benefit_tutorial"]
    counts = pd.read_csv(Path(__file__).parents[1] / "reference" / "net_benefit" / "counts.csv")
    assert len(counts) == 14
    label, one = (np.arange(750) < 105).astype(float), np.ones((1, 750))
    for model, rows in counts.groupby("model"):
        probability = np.zeros(750)
        for row in rows.sort_values("threshold").itertuples():
            probability[: row.tp] = probability[105 : 105 + row.fp] = row.threshold
        for row in rows.itertuples():
            found = performance.net_benefit(label, probability, one, row.threshold)[0]
            expected = vector["expected"][model][str(row.threshold)]
            assert found == pytest.approx(expected, abs=vector["tol"])
            assert found == pytest.approx(row.net_benefit, abs=1e-12)
    for threshold, expected in vector["expected"]["all"].items():
        found = performance.net_benefit(label, np.ones(750), one, float(threshold))[0]
        assert found == pytest.approx(expected, abs=vector["tol"])


@pytest.mark.quick
def test_corrected_resampled_t():
    vector = VECTORS["corrected_t"]
    inputs, expected = vector["inputs"], vector["expected"]
    t, df, p = performance.corrected_resampled_t(
        np.array(inputs["diffs"]), inputs["n_train"], inputs["n_test"]
    )
    assert (t, df, p) == pytest.approx(
        (expected["t"], expected["df"], expected["p"]), abs=vector["tol"]
    )


def test_permutation_p():
    vector = VECTORS["perm_p"]
    for b, row in zip(vector["inputs"]["b"], vector["expected"]["p"], strict=True):
        for m, expected in zip(vector["inputs"]["m"], row, strict=True):
            null = np.r_[np.full(b, 1.0), np.zeros(m - b)]
            assert performance.permutation_p(0.5, null) == pytest.approx(
                expected, abs=vector["tol"]
            )
    assert np.isnan(performance.permutation_p(0.5, np.array([])))


@pytest.mark.parametrize("name", ids("nogueira"))
def test_nogueira_stability(name):
    vector = VECTORS[name]
    expected, tol = vector["expected"], vector["tol"]
    found, variance = performance.nogueira_stability(np.array(vector["inputs"]["Z"]))
    assert found.estimate == pytest.approx(expected["stability"], abs=tol)
    if "variance" in expected:
        assert variance == pytest.approx(expected["variance"], abs=tol)
        assert [found.ci_low, found.ci_high] == pytest.approx(expected["ci95"], abs=tol)


def test_stability_of_no_selection_is_not_known():
    found, _ = performance.nogueira_stability(np.zeros((5, 10)))
    assert np.isnan(found.estimate)


@pytest.mark.parametrize("name", ids("pmss_bin"))
def test_riley_binary_equals_pmsampsize(name):
    inputs, expected = VECTORS[name]["inputs"], VECTORS[name]["expected"]
    size = performance.riley_binary(
        inputs["csrsquared"], inputs["parameters"], inputs["prevalence"], inputs["shrinkage"]
    )
    assert size.criteria == (expected["n1"], expected["n2"], expected["n3"])
    assert size.n == expected["n"]
    assert round(size.max_r2, 3) == expected["max_R2cs"]
    assert round(size.events_per_parameter, 2) == expected["EPP"]


@pytest.mark.parametrize("name", ids("pmss_cont"))
def test_riley_continuous_equals_pmsampsize(name):
    inputs, expected = VECTORS[name]["inputs"], VECTORS[name]["expected"]
    size = performance.riley_continuous(
        inputs["rsquared"], inputs["parameters"], inputs["intercept"], inputs["sd"]
    )
    assert size.criteria == tuple(expected[f"n{i}"] for i in (1, 2, 3, 4))
    assert size.n == expected["n"]


def test_r2_from_auc_equals_the_simulation():
    vector = VECTORS["pmss_cstat"]
    inputs = vector["inputs"]
    for c, prevalence, expected in zip(
        inputs["c"], inputs["prevalence"], vector["expected"]["R2_coxsnell"], strict=True
    ):
        found = performance.r2_from_auc(c, prevalence)
        assert found == pytest.approx(expected, abs=vector["tol"])


@pytest.mark.quick
def test_weighted_measures_equal_scikit_learn():
    rng = np.random.default_rng(0)
    label = (rng.random(50) < 0.4).astype(float)
    score = np.round(rng.random(50) * 0.9 + 0.05, 1)  # rounded: many ties
    weights = rng.multinomial(50, np.full(50, 0.02), size=7).astype(float)
    found = {
        metrics.roc_auc_score: performance.auc(label, score, weights),
        metrics.average_precision_score: performance.average_precision(label, score, weights),
        metrics.brier_score_loss: performance.brier(label, score, weights),
        metrics.log_loss: performance.log_loss(label, score, weights),
    }
    for oracle, values in found.items():
        expected = [oracle(label, score, sample_weight=w) for w in weights]
        assert values == pytest.approx(expected, abs=1e-10)


def test_calibration_of_many_draws_equals_one_by_one():
    rng = np.random.default_rng(1)
    probability = rng.random(80)
    label = (rng.random(80) < probability).astype(float)
    weights = rng.multinomial(80, np.full(80, 1 / 80), size=5).astype(float)
    intercept, slope = performance.calibration(label, probability, weights)
    for draw, w in enumerate(weights):
        rows = np.repeat(np.arange(80), w.astype(int))
        one = performance.calibration(label[rows], probability[rows], np.ones((1, 80)))
        assert (intercept[draw], slope[draw]) == pytest.approx((one[0][0], one[1][0]), abs=1e-7)


def test_calibration_without_a_finite_slope_is_nan():
    label = np.array([0.0, 0, 1, 1])
    assert np.isnan(performance.calibration(label, np.array([0.1, 0.2, 0.8, 0.9]), np.ones(4))[1])
    assert np.isnan(performance.calibration(label, np.full(4, 0.5), np.ones(4))[1])


def test_roc_on_grid_has_the_area():
    grid = np.linspace(0, 1, 20001)
    curve = performance.roc_on_grid(CLF["y"], CLF["p_omics"], ONE, grid)[0]
    assert np.trapezoid(curve, grid) == pytest.approx(0.785, abs=1e-3)
    assert np.all(np.diff(curve) >= 0)


def test_wilson_interval():
    # scipy.stats.binomtest(7, 20).proportion_ci(method="wilson")
    expected = stats.binomtest(7, 20).proportion_ci(method="wilson")
    assert performance.wilson(0.35, 20) == pytest.approx((expected.low, expected.high), abs=1e-10)


@pytest.mark.slow
def test_features_selected_outside_the_folds_leak():
    """Noise alone: AUC near 1 where the filter saw the test people, 0.5 where it did not."""
    from sklearn.feature_selection import SelectKBest, f_classif
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    vector = VECTORS["leak_demo"]
    n, p, k, repeats = (vector["inputs"][name] for name in ("n", "p", "k", "reps"))
    rng = np.random.default_rng(0)
    label = np.arange(n) % 2
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    whole = make_pipeline(SelectKBest(f_classif, k=k), model)
    outside, pooled, fold_mean = [], [], []
    for repeat in range(repeats):
        x = rng.normal(size=(n, p))
        folds = StratifiedKFold(5, shuffle=True, random_state=repeat)
        chosen = SelectKBest(f_classif, k=k).fit_transform(x, label)
        how = {"cv": folds, "method": "predict_proba"}
        leaky = cross_val_predict(model, chosen, label, **how)[:, 1]
        honest = cross_val_predict(whole, x, label, **how)[:, 1]
        outside.append(performance.auc(label, leaky)[0])
        pooled.append(performance.auc(label, honest)[0])
        tests = [test for _, test in folds.split(x, label)]
        fold_mean.append(np.mean([performance.auc(label[t], honest[t])[0] for t in tests]))
    expected, tol = vector["expected"], vector["tol"]
    # the honest ones: means of 60 runs, SD 0.12, here and there
    assert np.mean(outside) == pytest.approx(expected["AUC_filter_outside"], abs=tol)
    assert np.mean(pooled) == pytest.approx(expected["AUC_inside_pooled"], abs=tol + 0.02)
    assert np.mean(fold_mean) == pytest.approx(expected["AUC_inside_foldmean"], abs=tol + 0.02)
    # honest, and still anything between 0.26 and 0.76 in one run of 40 people
    low, high = np.quantile(fold_mean, [0.025, 0.975])
    assert [low, high] == pytest.approx(expected["foldmean_95range"], abs=0.1)
