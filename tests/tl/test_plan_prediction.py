"""exo.tl.plan_prediction: Riley's rule by pmsampsize, the variance of an AUC, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import exerkine_omics as exo
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels import _performance as performance
from exerkine_omics.kernels._plan import auc_sd

STORED = json.loads(
    (Path(__file__).parents[1] / "kernels" / "performance_vectors.json").read_text()
)
VECTORS = {v["id"]: v for v in STORED["vectors"]}


@pytest.mark.quick
@pytest.mark.parametrize(("area", "n1", "n0"), [(0.5, 20, 30), (0.75, 12, 40), (0.9, 30, 8)])
def test_the_variance_is_that_of_normal_scores(area, n1, n0):
    h = stats.norm.ppf(area)
    both = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([h, h])
    expected = area * (1 - area) + (n1 + n0 - 2) * (both - area**2)
    assert auc_sd(area, n1, n0) == pytest.approx(np.sqrt(expected / (n1 * n0)), rel=1e-4)
    rng = np.random.default_rng(1)
    label = np.r_[np.ones(n1), np.zeros(n0)]
    draws = rng.normal(size=(4000, n1 + n0)) + label * h * np.sqrt(2)
    areas = [performance.auc(label, score)[0] for score in draws]
    assert np.std(areas) == pytest.approx(auc_sd(area, n1, n0), rel=0.05)
    if area == 0.5:  # Mann-Whitney's
        assert auc_sd(area, n1, n0) == pytest.approx(np.sqrt((n1 + n0 + 1) / (12 * n1 * n0)))


BINARY = [name for name in VECTORS if name.startswith("pmss_bin")]
NUMBER = [name for name in VECTORS if name.startswith("pmss_cont")]


@pytest.mark.quick
@pytest.mark.parametrize("name", BINARY)
def test_a_class_equals_pmsampsize(name):
    """It was asked by R²; the AUC that gives this R² is found by its root."""
    given, n = VECTORS[name]["inputs"], VECTORS[name]["expected"]["n"]
    share, r2 = given["prevalence"], given["csrsquared"]
    area = optimize.brentq(lambda a: performance.r2_from_auc(a, share) - r2, 0.501, 0.9999)
    plan = exo.tl.plan_prediction(
        given["parameters"], prevalence=share, auc=area, n_people=[n - 1, n]
    )
    assert plan["n_required"].tolist() == [n, n]
    assert plan["stamp"].tolist() == ["discovery", "development"]


@pytest.mark.parametrize("name", NUMBER)
def test_a_change_equals_pmsampsize(name):
    """In these the criterion of the mean, which a change cannot meet, does not bind."""
    given, n = VECTORS[name]["inputs"], VECTORS[name]["expected"]["n"]
    plan = exo.tl.plan_prediction(given["parameters"], r2=given["rsquared"])
    assert (plan["n_required"] == n).all()


def test_ten_candidates_at_half():
    plan = exo.tl.plan_prediction([10, 500], prevalence=0.5, n_people=[434, 435])
    assert plan["n_required"].tolist()[:2] == [435, 435] and plan["n_required"].iloc[2] > 10_000
    assert plan["stamp"].tolist() == ["discovery", "development", "discovery", "discovery"]
    assert (plan["ci_low"] < 0.75).all() and (plan["ci_high"] > 0.75).all()
    wide = exo.tl.plan_prediction(10, prevalence=0.5)
    assert wide["ci_low"].is_monotonic_increasing and wide["ci_high"].is_monotonic_decreasing
    rare = exo.tl.plan_prediction(10, prevalence=0.05, n_people=100)
    assert rare["ci_low"].iloc[0] < wide.set_index("n_people").loc[100, "ci_low"]


def test_a_change():
    plan = exo.tl.plan_prediction(10, r2=0.2, n_people=[60])
    assert plan["metric"].iloc[0] == "r2"
    assert plan["n_required"].iloc[0] == performance.riley_continuous(0.2, 10, 1e3, 1.0).n
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 60))
    y = 0.5 * x + rng.normal(size=x.shape)  # R² 0.2
    found = [np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(x, y, strict=True)]
    low, high = np.quantile(found, [0.025, 0.975])
    assert plan["ci_low"].iloc[0] == pytest.approx(low, abs=0.02)
    assert plan["ci_high"].iloc[0] == pytest.approx(high, abs=0.02)


def test_it_is_the_gate_of_evaluate():
    cohort = exo.datasets.simulate(
        60, design="training", arms=("EE",), n_proteins=12, n_metabolites=0, n_mirna=0, seed=1
    )
    table = cohort.outcomes.set_index("subject_id")
    change = table["vo2max_post"] - table["vo2max_pre"]
    options = {"clinical": None, "outer": (3, 1), "n_permutations": 0, "n_bootstrap": 10, "seed": 1}
    adata = cohort.adata if cohort.mdata is None else cohort.mdata.mod["proteomics"]
    label = (change > change.quantile(0.6)).astype(float)
    gate = exo.ml.evaluate(adata, label, **options).gate
    plan = exo.tl.plan_prediction([12, 10], prevalence=label.mean(), n_people=60)
    assert plan["n_required"].tolist() == [gate.required.n, gate.required_ten.n]
    assert plan["stamp"].iloc[0] == gate.stamp
    gate = exo.ml.evaluate(adata, change, target="change", **options).gate
    plan = exo.tl.plan_prediction([12, 10], r2=0.2, n_people=60)
    assert plan["n_required"].tolist() == [gate.required.n, gate.required_ten.n]


def test_a_class_of_one():
    plan = exo.tl.plan_prediction(5, prevalence=0.05, n_people=[20, 100])
    assert plan["status"].tolist() == ["under two people in a class", "ok"]
    assert plan[["ci_low", "ci_high"]].isna().all(axis=1).tolist() == [True, False]
    assert isinstance(plan.index, pd.RangeIndex)


@pytest.mark.parametrize(
    ("candidates", "options", "message"),
    [
        (10, {}, "either prevalence= or r2="),
        (10, {"prevalence": 0.5, "r2": 0.2}, "either prevalence= or r2="),
        (10, {"prevalence": 1.0}, "prevalence=1.0"),
        (10, {"prevalence": True}, "prevalence=True"),
        (10, {"prevalence": 0.5, "auc": 0.5}, "auc=0.5"),
        (10, {"prevalence": 0.5, "auc": "high"}, "auc='high'"),
        (10, {"r2": 0.0}, "r2=0.0"),
        (2, {"r2": 0.2}, "candidates holds '2'"),
        (0, {"prevalence": 0.5}, "candidates holds '0'"),
        (2.5, {"prevalence": 0.5}, "candidates holds '2.5'"),
        ([], {"prevalence": 0.5}, "candidates is empty"),
        (10, {"prevalence": 0.5, "n_people": [100, 3]}, "n_people holds '3'"),
        (10, {"prevalence": 0.5, "n_people": np.nan}, "n_people holds 'nan'"),
        (10, {"prevalence": 0.5, "level": 95}, "level=95"),
        ("ten", {"prevalence": 0.5}, "candidates holds"),
    ],
)
def test_what_is_refused(candidates, options, message):
    with pytest.raises(UsageError, match=message):
        exo.tl.plan_prediction(candidates, **options)
