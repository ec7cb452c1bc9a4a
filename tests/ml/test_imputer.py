"""Imputer: what scikit-learn asks, and that fit alone learns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UsageError
from exerkine_omics.ml import Imputer

METHODS = ("half_min", "left_censored", "knn")
# those that the scorer keeps, for the same reasons (test_signature_scorer.py)
MORE = (
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
)


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    values = rng.normal(rng.uniform(2, 12, 12), 1, (30, 12))
    values[rng.random(values.shape) < 0.1] = np.nan
    return pd.DataFrame(values, columns=[f"A{j}" for j in range(12)])


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@parametrize_with_checks([Imputer(m) for m in METHODS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@pytest.mark.parametrize("name", MORE)
def test_scikit_learn_contract_of_transformers(name):
    getattr(estimator_checks, name)("Imputer", Imputer())


def test_values(table):
    half = Imputer().fit_transform(table)
    low = np.nanmin(table, axis=0) - 1
    gaps = table.isna().to_numpy()
    np.testing.assert_array_equal(half[gaps], np.broadcast_to(low, table.shape)[gaps])
    linear = Imputer(scale="linear").fit_transform(2**table)
    np.testing.assert_allclose(np.log2(linear), half, rtol=1e-12)
    # scikit-learn's on standardised values
    z = (table - table.mean()) / table.std(ddof=0)
    theirs = KNNImputer(n_neighbors=4).fit_transform(z) * table.std(ddof=0).to_numpy()
    ours = Imputer("knn", n_neighbors=4).fit_transform(table)
    np.testing.assert_allclose(ours, theirs + table.mean().to_numpy(), atol=1e-10)
    censored = Imputer("left_censored").fit_transform(table)
    assert (censored[gaps] < np.broadcast_to(low + 1, table.shape)[gaps]).all()


@pytest.mark.parametrize("method", METHODS)
def test_learns_in_fit_alone(table, method):
    train, test = table[:20], table[20:]
    fitted = Imputer(method).fit(train)
    alone = np.vstack([fitted.transform(test.iloc[[i]]) for i in range(len(test))])
    np.testing.assert_array_equal(fitted.transform(test), alone)
    changed = test + 100
    np.testing.assert_array_equal(Imputer(method).fit(train).transform(test), alone)
    fitted.transform(changed)
    np.testing.assert_array_equal(fitted.transform(test), alone)
    shuffled = test[list(reversed(test.columns))].assign(other=1.0)
    np.testing.assert_array_equal(fitted.transform(shuffled), alone)
    outcome = np.arange(30.0)
    made = cross_val_predict(make_pipeline(Imputer(method), LinearRegression()), table, outcome)
    assert np.isfinite(made).all()


def test_empty_features_are_left_out(table):
    table["A3"] = np.nan
    with pytest.warns(ExerkineWarning, match="A3"):
        fitted = Imputer().set_output(transform="pandas").fit(table)
    assert list(fitted.transform(table).columns) == [c for c in table if c != "A3"]
    with pytest.warns(ExerkineWarning, match="'A5'"):
        filled = fitted.transform(table.drop(columns="A5"))
    assert filled["A5"].nunique() == 1
    with pytest.raises(InputError, match="No feature"):
        Imputer().fit(pd.DataFrame({"a": [np.nan, np.nan]}))


def test_a_full_column_meets_gaps_later(table):
    train = table.assign(A0=np.arange(30.0), A1=5.0)
    fitted = Imputer("left_censored").fit(train)
    new = train.assign(A0=np.nan, A1=np.nan)
    filled = fitted.transform(new)
    assert (filled[:, :2] < [0.5, 5.0]).all() and np.isfinite(filled).all()


def test_bad_input(table):
    for bad in (
        {"method": "mean"},
        {"scale": "npx"},
        {"method": "left_censored", "scale": "linear"},
        {"n_neighbors": 0},
        {"n_neighbors": True},
    ):
        with pytest.raises(UsageError):
            Imputer(**bad).fit(table)
    with pytest.raises(InputError, match="infinite"):
        Imputer().fit(table.replace({table.iloc[0, 1]: np.inf}))
    with pytest.raises(InputError, match="None of the columns"):
        Imputer().fit(table).transform(table.add_prefix("B"))
    with pytest.raises(InputError, match="AnnData"):
        Imputer().fit(exo.datasets.simulate(10, seed=1).adata)
