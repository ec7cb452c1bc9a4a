"""The elastic-net path: its optimality conditions, scikit-learn and glmnet as oracles."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression
from threadpoolctl import threadpool_limits

from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._elastic_net import ElasticNetProblem, elastic_net_path

GLMNET = Path(__file__).parents[1] / "reference" / "glmnet"


def data(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * np.exp(rng.normal(size=p)) + rng.normal(size=p) * 5
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    y = (z[:, : min(p, 3)].sum(axis=1) + rng.logistic(size=n) > 0).astype(float)
    y[:2] = [0, 1]
    return x, y


def violation(problem: ElasticNetProblem, state) -> float:
    """Largest violation of the optimality conditions, relative to the null gradient."""
    a, penalty = problem.l1_ratio, state.penalty * problem.factors
    eta = state.free @ problem.free_rows + state.beta @ problem.rows
    fit = 1 / (1 + np.exp(-eta)) if problem.logistic else eta
    residual = problem.w * (fit - problem.y)
    slope = problem.rows @ residual + penalty * (1 - a) * state.beta
    active = np.abs(slope + penalty * a * np.sign(state.beta))
    idle = np.maximum(np.abs(slope) - penalty * a, 0)
    worst = np.where(state.beta != 0, active, idle).max(initial=0)
    free = np.abs(problem.free_rows @ residual + problem.free_ridge * state.free).max()
    return max(worst, free) / problem.size


@pytest.mark.quick
@pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 1.0])
# scikit-learn 1.8 takes the penalty from l1_ratio alone and warns where it is named as before
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_logistic_equals_saga(l1_ratio):
    x, y = data(60, 40)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    path = elastic_net_path(x, y, l1_ratio=l1_ratio, n_penalties=10)
    for k in (2, 5):
        oracle = LogisticRegression(
            **{"penalty": "elasticnet", "solver": "saga", "l1_ratio": l1_ratio},
            C=1 / (60 * path.penalties[k]),
            tol=1e-12,
            max_iter=100_000,
        )
        oracle.fit(z, y)
        assert path.coefficients[k] * x.std(axis=0) == pytest.approx(oracle.coef_[0], abs=1e-6)
        centred = path.intercepts[k] + path.coefficients[k] @ x.mean(axis=0)
        assert centred == pytest.approx(oracle.intercept_[0], abs=1e-6)
        assert (path.coefficients[k] != 0).any()


def test_gaussian_equals_scikit_learn():
    x, _ = data(50, 120, seed=2)
    y = x[:, 0] + np.random.default_rng(1).normal(size=50)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    path = elastic_net_path(x, y, family="gaussian", l1_ratio=0.5, n_penalties=8)
    for k in (1, 4, 7):
        oracle = ElasticNet(alpha=path.penalties[k], l1_ratio=0.5, tol=1e-12, max_iter=100_000)
        oracle.fit(z, y)
        assert path.coefficients[k] * x.std(axis=0) == pytest.approx(oracle.coef_, abs=1e-6)


@pytest.mark.parametrize("family", ["binomial", "gaussian"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_optimality_conditions(family, l1_ratio):
    rng = np.random.default_rng(4)
    for n, p in ((12, 300), (80, 5), (40, 40), (25, 1)):
        x, y = data(n, p, seed=n)
        if p > 3:
            x[:, 1] = x[:, 0]  # identical features
        if family == "gaussian":
            y = x[:, 0] + rng.normal(size=n)
        free = np.zeros(p, dtype=bool)
        free[p - 1] = p > 3
        weights = rng.random(n) + 0.1
        for factors in (None, np.exp(rng.normal(size=p))):
            problem = ElasticNetProblem(
                x,
                y,
                family=family,
                l1_ratio=l1_ratio,
                weights=weights,
                unpenalized=free,
                free_ridge=0.01,
                penalty_factors=factors,
            )
            state = None
            for penalty in problem.penalties(12):
                state = problem.solve(penalty, state)
                assert state.converged
                assert violation(problem, state) < 1e-7


@pytest.mark.quick
def test_lambda_max_is_where_the_first_feature_enters():
    x, y = data(40, 200)
    problem = ElasticNetProblem(x, y, l1_ratio=0.5)
    top = problem.penalty_max
    assert (problem.solve(top * 1.000001).beta == 0).all()
    assert (problem.solve(top * 0.999).beta != 0).sum() == 1


def test_weights_are_counts():
    x, y = data(30, 20)
    count = np.random.default_rng(0).integers(1, 4, size=30)
    penalties = np.array([0.1, 0.05])
    weighted = elastic_net_path(x, y, penalties=penalties, weights=count.astype(float))
    repeated = elastic_net_path(
        np.repeat(x, count, axis=0), np.repeat(y, count), penalties=penalties
    )
    assert weighted.coefficients == pytest.approx(repeated.coefficients, abs=1e-7)


def test_scale_shift_and_constant_features():
    x, y = data(40, 30)
    plain = elastic_net_path(x, y, penalties=np.array([0.1, 0.03]))
    moved = elastic_net_path(x * 3 + 1e5, y, penalties=np.array([0.1, 0.03]))
    assert moved.coefficients * 3 == pytest.approx(plain.coefficients, abs=1e-6)
    wide = np.column_stack([np.full(40, 0.1), x])
    constant = elastic_net_path(wide, y, penalties=np.array([0.1, 0.03]))
    assert (constant.coefficients[:, 0] == 0).all()
    assert constant.coefficients[:, 1:] == pytest.approx(plain.coefficients, abs=1e-9)


def test_warm_start_does_not_change_the_solution():
    x, y = data(50, 300)
    problem = ElasticNetProblem(x, y, l1_ratio=0.5)
    warm = None
    for penalty in problem.penalties(10):
        warm = problem.solve(penalty, warm)
    cold = problem.solve(warm.penalty)
    assert cold.beta == pytest.approx(warm.beta, abs=1e-7)
    assert problem.objective(cold) == pytest.approx(problem.objective(warm), abs=1e-12)


def test_path_is_fast_enough():
    # 0.02 s on the machine of the reference table (glmnet 0.012); the limit is wide
    # because other work may share the cores
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3000))
    y = (x[:, :5].sum(axis=1) + rng.logistic(size=80) > 0).astype(float)
    taken = []
    with threadpool_limits(limits=1):
        for _ in range(3):
            start = time.perf_counter()
            path = elastic_net_path(x, y, n_penalties=20)
            taken.append(time.perf_counter() - start)
    assert path.converged.all()
    assert min(taken) < 0.5


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_path_equals_glmnet(l1_ratio):
    table = np.genfromtxt(GLMNET / "data.csv", delimiter=",", skip_header=1)
    stored = np.genfromtxt(GLMNET / f"path_{l1_ratio:g}.csv", delimiter=",", skip_header=1)
    path = elastic_net_path(table[:, 1:], table[:, 0], l1_ratio=l1_ratio, penalties=stored[:, 0])
    assert path.intercepts == pytest.approx(stored[:, 1], rel=1e-5)  # up to 27 in size
    assert path.coefficients == pytest.approx(stored[:, 2:], abs=1e-5)
    problem = ElasticNetProblem(table[:, 1:], table[:, 0], l1_ratio=l1_ratio)
    assert problem.penalty_max == pytest.approx(stored[0, 0], rel=1e-6)


@pytest.mark.parametrize("shape", ["wide", "tall"])
@pytest.mark.parametrize("family", ["binomial", "gaussian"])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_penalty_factors_equal_glmnet(shape, family, l1_ratio):
    table = np.genfromtxt(GLMNET / f"factors_{shape}.csv", delimiter=",", skip_header=1)
    factors = np.genfromtxt(GLMNET / f"factors_{shape}_f.csv", skip_header=1)
    stored = np.genfromtxt(
        GLMNET / f"factors_{shape}_path.csv", delimiter=",", skip_header=1, dtype=str
    )
    stored = stored[stored[:, 0] == family][:, 1:].astype(float)
    stored = stored[stored[:, 0] == l1_ratio][:, 1:]
    x, y = table[:, 2:], table[:, 0 if family == "binomial" else 1]
    options = {"family": family, "l1_ratio": l1_ratio, "penalty_factors": factors}
    path = elastic_net_path(x, y, penalties=stored[:, 0], tol=1e-12, **options)
    assert len(stored) == 8
    assert path.intercepts == pytest.approx(stored[:, 1], rel=1e-6, abs=1e-6)
    assert path.coefficients == pytest.approx(stored[:, 2:], rel=1e-6, abs=1e-6)
    assert ((path.coefficients != 0) == (stored[:, 2:] != 0)).all()
    problem = ElasticNetProblem(x, y, **options)
    assert problem.penalty_max == pytest.approx(stored[0, 0], rel=1e-6)


@pytest.mark.quick
@pytest.mark.parametrize("family", ["binomial", "gaussian"])
def test_equal_factors_are_a_multiple_of_the_penalty(family):
    x, y = data(40, 90)
    plain = elastic_net_path(x, y, family=family, n_penalties=8)
    for factor in (1.0, 2.5):
        path = elastic_net_path(
            x, y, family=family, n_penalties=8, penalty_factors=np.full(90, factor)
        )
        assert path.penalties * factor == pytest.approx(plain.penalties)
        assert path.coefficients == pytest.approx(plain.coefficients, abs=1e-7)


def test_a_factor_is_the_scale_of_a_lasso_feature():
    # without a ridge, f |b| is the plain penalty of b f on x / f: here f rescales the gradient
    x, y = data(50, 120)
    factors = np.exp(np.random.default_rng(1).normal(size=120))
    problem = ElasticNetProblem(x, y, l1_ratio=1.0, penalty_factors=factors)
    plain = ElasticNetProblem(x, y, l1_ratio=1.0)
    assert problem.penalty_max == pytest.approx(np.abs(plain.null.gradient / factors).max())
    state = problem.solve(problem.penalty_max * 1.000001)
    assert (state.beta == 0).all()
    state = problem.solve(problem.penalty_max * 0.3)
    eta = state.free @ problem.free_rows + state.beta @ problem.rows
    loss = problem.w @ (np.logaddexp(0, eta) - y * eta)
    value = loss + state.penalty * (factors * np.abs(state.beta)).sum()
    assert problem.objective(state) == pytest.approx(value, rel=1e-12)
    assert (state.beta != 0).any()
    moved = state.beta * 1.001
    assert problem.objective(state) < problem.objective(replace(state, beta=moved))


def test_a_large_factor_keeps_a_feature_out_and_a_small_one_lets_it_in():
    x, y = data(60, 100)
    factors = np.ones(100)
    factors[0], factors[50] = 1e6, 1e-6  # the true first feature; one of noise
    path = elastic_net_path(x, y, penalties=np.array([0.2, 0.1, 0.05]), penalty_factors=factors)
    plain = elastic_net_path(x, y, penalties=np.array([0.2, 0.1, 0.05]))
    assert path.converged.all()
    assert (plain.coefficients[:, 0] != 0).all() and (plain.coefficients[0, 50] == 0)
    assert (path.coefficients[:, 0] == 0).all() and (path.coefficients[:, 50] != 0).all()


def test_factors_follow_their_features_and_unpenalised_entries_are_not_used():
    rng = np.random.default_rng(3)
    x, y = data(40, 80)
    factors, free = np.exp(rng.normal(size=80)), np.zeros(80, dtype=bool)
    free[[4, 9]] = True
    options = {"penalties": np.array([0.1, 0.04]), "free_ridge": 0.01, "tol": 1e-11}
    path = elastic_net_path(x, y, unpenalized=free, penalty_factors=factors, **options)
    order = rng.permutation(80)
    factors[free] = np.nan
    mixed = elastic_net_path(
        x[:, order], y, unpenalized=free[order], penalty_factors=factors[order], **options
    )
    assert mixed.coefficients == pytest.approx(path.coefficients[:, order], abs=1e-8)


@pytest.mark.parametrize("factors", [None, "drawn"])
def test_fractional_labels_are_weighted_rows(factors):
    rng = np.random.default_rng(5)
    for n, p in ((30, 20), (25, 100)):
        x, _ = data(n, p)
        y = rng.random(n)
        y[:2] = [0, 1]
        weights = rng.random(n) + 0.1
        given = None if factors is None else np.exp(rng.normal(size=p))
        options = {"penalty_factors": given, "tol": 1e-11}
        penalties = ElasticNetProblem(x, y, weights=weights, penalty_factors=given).penalties(6)
        soft = elastic_net_path(x, y, weights=weights, penalties=penalties, **options)
        hard = elastic_net_path(
            np.vstack([x, x]),
            np.repeat([1.0, 0.0], n),
            weights=np.r_[weights * y, weights * (1 - y)],
            penalties=penalties,
            **options,
        )
        assert soft.converged.all() and (soft.coefficients != 0).any()
        assert soft.coefficients == pytest.approx(hard.coefficients, abs=1e-8)
        assert soft.intercepts == pytest.approx(hard.intercepts, abs=1e-7)


@pytest.mark.quick
@pytest.mark.parametrize(
    "factors",
    [np.ones(3), np.ones((4, 1)), 1.0, np.r_[0.0, 1, 1, 1], np.r_[1.0, -1, 1, 1],
     np.r_[1.0, np.nan, 1, 1], np.r_[1.0, np.inf, 1, 1]],
)  # fmt: skip
def test_factors_that_are_none(factors):
    x, y = data(20, 4)
    with pytest.raises(UsageError, match="penalty_factors"):
        ElasticNetProblem(x, y, penalty_factors=factors)
