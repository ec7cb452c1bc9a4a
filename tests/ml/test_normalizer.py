"""ml.Normalizer: what scikit-learn asks, what pp.normalize gives, and that fit alone learns."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UsageError
from exerkine_omics.ml import Normalizer

METHODS = ("median", "pqn", "quantile", "global_mean")
MORE = (
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    values = rng.normal(rng.uniform(2, 12, 20), 1, (30, 20)) + rng.normal(0, 0.5, (30, 1))
    values[rng.random(values.shape) < 0.08] = np.nan
    values[:, :2] = rng.normal(8, 1, (30, 2))
    people = [f"P{i:02d}" for i in range(30)]
    return pd.DataFrame(values, index=people, columns=[f"A{j}" for j in range(20)])


@parametrize_with_checks([Normalizer(m) for m in METHODS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@pytest.mark.parametrize("name", MORE)
def test_scikit_learn_contract_of_transformers(name):
    getattr(estimator_checks, name)("Normalizer", Normalizer("pqn"))


@pytest.mark.quick
@pytest.mark.parametrize("method", [*METHODS, "reference_mirna", "spike_in"])
def test_equals_pp(table, method):
    options = {"reference": ["A0", "A1"]} if method in ("reference_mirna", "spike_in") else {}
    samples = pd.DataFrame({"person": table.index, "time": "pre"}, index=table.index)
    adata = exo.io.from_frames(
        table, samples, subject="person", timepoint="time", baseline="pre", units="log2",
        modality="mirna",
    )  # fmt: skip
    exo.pp.normalize(adata, method, **options)
    ours = Normalizer(method, **options).set_output(transform="pandas").fit_transform(table)
    np.testing.assert_allclose(ours.to_numpy(), adata[table.index, table.columns].X, rtol=1e-13)


@pytest.mark.quick
@pytest.mark.parametrize("method", METHODS)
def test_learns_in_fit_only(table, method):
    train, test = table.iloc[:20], table.iloc[20:]
    fitted = Normalizer(method).fit(train)
    together = fitted.transform(test)
    alone = np.vstack([fitted.transform(test.iloc[[i]]) for i in range(10)])
    np.testing.assert_allclose(together, alone, rtol=1e-13)
    np.testing.assert_allclose(
        fitted.transform(table)[:20], Normalizer(method).fit_transform(train)
    )


def test_columns_go_by_name(table):
    fitted = Normalizer("pqn").fit(table)
    expected = fitted.transform(table)
    mixed = table[table.columns[::-1]].assign(extra=1.0)
    np.testing.assert_array_equal(fitted.transform(mixed), expected)
    less = fitted.transform(table.drop(columns="A5"))
    assert np.isnan(less[:, 5]).all() and less.shape == expected.shape
    with pytest.warns(ExerkineWarning, match="no feature names"):
        np.testing.assert_array_equal(fitted.transform(table.to_numpy()), expected)


@pytest.mark.quick
def test_linear_scales(table):
    linear = 2**table
    made = Normalizer("median", log=False).fit_transform(linear)
    np.testing.assert_allclose(np.nanmedian(made, axis=1), np.nanmedian(made, axis=1)[0])
    total = Normalizer("total").fit_transform(linear)
    np.testing.assert_allclose(np.nansum(total, axis=1), np.nansum(total, axis=1)[0])
    counts = np.random.default_rng(0).poisson(40, (8, 50)).astype(float)
    counts[3] *= 4
    scaled = Normalizer("tmm").fit_transform(counts)
    assert np.ptp(scaled.sum(axis=1)) < 0.2 * scaled.sum(axis=1).mean()


def test_pipeline_clone_pickle_grid(table):
    label = np.tile([0, 1], 15)
    steps = (Normalizer("pqn"), SimpleImputer(), LogisticRegression(max_iter=2000))
    pipe = make_pipeline(*steps)
    assert cross_val_predict(pipe, table, label, cv=3).shape == (30,)
    grid = GridSearchCV(pipe, {"normalizer__method": ["median", "pqn"]}, cv=3).fit(table, label)
    assert grid.best_params_["normalizer__method"] in ("median", "pqn")
    fitted = Normalizer("quantile").fit(table)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))
    assert clone(fitted).get_params() == fitted.get_params()


def test_the_users_table_is_not_touched(table):
    before = table.copy()
    Normalizer("median").fit_transform(table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "mean"}, UsageError, "'mean' is none of median, pqn"),
        ({"method": "qc_loess"}, UsageError, "learns from QC samples"),
        ({"method": "spike_in"}, UsageError, "needs reference="),
        ({"method": "median", "reference": ["A0"]}, UsageError, "no option"),
        ({"method": "median", "features": ["B0"]}, UsageError, "'B0' are no columns"),
        ({"method": "median", "features": []}, UsageError, "No column"),
        ({"method": "total", "log": True}, UsageError, "takes 'linear'"),
        ({"method": "global_mean", "log": False}, UsageError, "takes 'log'"),
        ({"method": "pqn", "log": False}, InputError, "X is negative"),
        ({"method": "tmm"}, InputError, "counts are NaN"),
    ],
)
def test_refused(table, options, error, match):
    given = table - 10 if options == {"method": "pqn", "log": False} else table.abs()
    with pytest.raises(error, match=match):
        Normalizer(**options).fit(given)


def test_not_fitted_and_strange_tables(table):
    with pytest.raises(NotFittedError):
        Normalizer().transform(table)
    fitted = Normalizer().fit(table)
    with pytest.raises(InputError, match="None of the columns"):
        fitted.transform(table.rename(columns=lambda c: f"z{c}"))
    with pytest.raises(InputError, match="infinite"):
        fitted.transform(table.replace(table.iloc[0, 0], np.inf))
