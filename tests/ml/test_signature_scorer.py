"""SignatureScorer: what scikit-learn asks, what tl.score gives, and that fit alone learns."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
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
from exerkine_omics.ml import SignatureScorer

METHODS = ("baseline_z", "weighted_mean", "ulm", "singscore", "ssgsea", "gsva")
SETS = {"up": ["A0", "A1", "A2", "A3"], "mixed": {"A4": 2.0, "A5": -1.0, "A6": 1.0}}
# the checks name features x0.. or col0..; members that are not there lower the coverage
CHECKED = {"one": ["x0", "x1", "col0", "col1"], "two": {"x0": 1.0, "x1": -2.0, "col0": 1.0}}
# tests that check_estimator does not run by itself, and why two of that kind are not kept:
# check_dataframe_column_names_consistency wants an error where columns are reordered or lacking,
# and ours are taken by name; check_param_validation wants scikit-learn's own validator.
MORE = (
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    values = rng.normal(rng.uniform(2, 12, 20), rng.uniform(0.5, 2, 20), (30, 20))
    values[rng.random(values.shape) < 0.08] = np.nan
    people = [f"P{i:02d}" for i in range(30)]
    return pd.DataFrame(values, index=people, columns=[f"A{j}" for j in range(20)])


@parametrize_with_checks([SignatureScorer(CHECKED, min_coverage=0.1, method=m) for m in METHODS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# they give arrays to what was fitted on frames
@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@pytest.mark.parametrize("name", MORE)
def test_scikit_learn_contract_of_transformers(name):
    getattr(estimator_checks, name)("SignatureScorer", SignatureScorer(CHECKED, min_coverage=0.1))


@pytest.mark.quick
def test_the_formula_by_hand():
    train = pd.DataFrame({"a": [1.0, 2, 3, np.nan], "b": [10.0, 10, 40, 20], "c": [0.0, 4, 2, 2]})
    new = pd.DataFrame({"a": [4.0, np.nan], "b": [30.0, 20.0], "c": [1.0, 1.0]})
    scorer = SignatureScorer({"s": {"a": 2.0, "b": -1.0}}, min_coverage=0.2).fit(train)
    b_sd = np.std([10, 10, 40, 20], ddof=1)
    expected = [(2 * (4 - 2) / 1 - (30 - 20) / b_sd) / 3, -(20 - 20) / b_sd]
    assert scorer.transform(new)[:, 0] == pytest.approx(expected, abs=1e-14)
    assert scorer.coverage(new)["s"].tolist() == pytest.approx([1, 1 / 3])
    stricter = clone(scorer).set_params(min_coverage=0.5).fit(train)
    assert np.isnan(stricter.transform(new)[:, 0]).tolist() == [False, True]


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_cohort_is_scored_as_by_tl_score(method):
    adata = exo.datasets.simulate(seed=1).adata
    names = list(adata.var_names)
    sets = {"a": names[:6], "b": dict(zip(names[4:9], [1, -1, 2, 1, -3], strict=True))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExerkineWarning)  # a small panel
        exo.tl.score(adata, sets, method=method, se=False)
    base = None
    if method == "baseline_z":
        start = adata.uns["exerkine"]["baseline"]
        base = adata.obs_names[adata.obs["timepoint"].astype(str) == start]
    scorer = SignatureScorer(sets, method=method, baseline=base).set_output(transform="pandas")
    found = scorer.fit_transform(adata.to_df())
    expected = adata.obsm[f"score_{method}"]
    assert found.index.equals(expected.index)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scorer.coverage(adata.to_df()), adata.obsm[f"coverage_{method}"])


@pytest.mark.parametrize("method", METHODS)
def test_only_fit_learns(table, method):
    """A person's score depends on the training people and on nobody scored beside them."""
    train, test = table.iloc[:20], table.iloc[20:]
    scorer = SignatureScorer(SETS, method=method, min_coverage=0).fit(train)
    whole = scorer.transform(test)
    alone = np.vstack([scorer.transform(test.iloc[[i]]) for i in range(len(test))])
    np.testing.assert_allclose(alone, whole, rtol=1e-12)
    assert np.isfinite(whole).any()
    wild = test.copy()
    wild.iloc[1:] = 1000.0
    np.testing.assert_allclose(scorer.transform(wild)[0], whole[0], rtol=1e-12)


@pytest.mark.parametrize("method", ["baseline_z", "gsva"])
def test_what_learns_depends_on_the_training_people(table, method):
    first, other = (
        SignatureScorer(SETS, method=method, min_coverage=0).fit(rows).transform(table.iloc[20:])
        for rows in (table.iloc[:20], table.iloc[:10])
    )
    assert np.nanmax(np.abs(first - other)) > 1e-3


def test_range_of_ssgsea_is_that_of_the_training_people(table):
    options = {"method": "ssgsea", "min_coverage": 0}
    scorer = SignatureScorer(SETS, **options).fit(table.iloc[:20])
    plain = SignatureScorer(SETS, normalize=False, **options).fit(table)
    spread = np.ptp(plain.transform(table.iloc[:20]))
    np.testing.assert_allclose(scorer.transform(table), plain.transform(table) / spread)


@pytest.mark.parametrize("method", METHODS)
def test_columns_are_taken_by_name(table, method):
    scorer = SignatureScorer(SETS, method=method).fit(table)
    expected = scorer.transform(table)
    mixed = table.iloc[:, ::-1].assign(stranger=5.0)
    np.testing.assert_array_equal(scorer.transform(mixed), expected)
    permuted = SignatureScorer(SETS, method=method).fit(table.iloc[::-1, ::-1])
    np.testing.assert_allclose(permuted.transform(table), expected, rtol=1e-9, atol=1e-12)


def test_a_missing_column_is_not_measured(table):
    scorer = SignatureScorer(SETS, min_coverage=0.6).fit(table)
    full, less = scorer.coverage(table), scorer.coverage(table.drop(columns="A4"))
    assert less["up"].equals(full["up"])
    lost = np.where(table["A4"].isna(), 0, 0.5)
    assert less["mixed"].to_numpy() == pytest.approx(full["mixed"].to_numpy() - lost)
    assert np.isnan(scorer.transform(table.drop(columns="A4"))[:, 1]).all()
    hole = table.assign(A4=np.nan)
    np.testing.assert_array_equal(
        scorer.transform(hole), scorer.transform(table.drop(columns="A4"))
    )


def test_a_shift_of_all_values_changes_nothing(table):
    for method in ("baseline_z", "gsva", "singscore"):
        first, other = (
            SignatureScorer(SETS, method=method).fit_transform(values)
            for values in (table, table + 1e5)
        )
        np.testing.assert_allclose(first, other, atol=1e-7)


def test_changes_are_levels_less_a_constant(table):
    """Z scores of changes are centred: a constant a signature, which a model does not see."""
    complete = table.fillna(table.mean())
    scorer = SignatureScorer(SETS)
    first, other = (scorer.fit_transform(t) for t in (complete, complete + np.arange(20)))
    np.testing.assert_allclose(first, other, atol=1e-10)
    assert first.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)


def test_arrays_and_frames_agree(table):
    by_name = SignatureScorer(SETS).fit(table)
    listed = SignatureScorer(SETS, var=list(table.columns)).fit(table.to_numpy())
    shuffled = SignatureScorer(SETS, var=pd.DataFrame(index=table.columns[::-1])).fit(table)
    for scorer in (listed, shuffled):
        np.testing.assert_array_equal(scorer.transform(table), by_name.transform(table))
    np.testing.assert_array_equal(listed.transform(table.to_numpy()), by_name.transform(table))
    assert list(listed.feature_names_in_) == list(table.columns)
    numbered = SignatureScorer({"up": [f"x{j}" for j in range(4)]}).fit(table.to_numpy())
    np.testing.assert_array_equal(numbered.transform(table.to_numpy())[:, 0],
                                  by_name.transform(table)[:, 0])  # fmt: skip
    assert not hasattr(numbered, "feature_names_in_")
    with pytest.warns(ExerkineWarning, match="by position"):
        numbered.transform(table)
    with pytest.warns(ExerkineWarning, match="no feature names"):
        by_name.transform(table.to_numpy())


def test_shipped_signatures_by_their_identifiers():
    adata = exo.datasets.simulate(seed=1).adata
    scorer = SignatureScorer(modality="proteomics", var=adata.var).fit(adata.to_df())
    exo.tl.score(adata)
    assert list(scorer.get_feature_names_out()) == list(adata.obsm["score_baseline_z"].columns)
    assert list(scorer.measured_["signature"]) == list(scorer.signatures_)
    assert scorer.measured_["n_measured"].max() > 3


def test_clone_pickle_and_repr(table):
    scorer = SignatureScorer(exo.sig.load(), method="ssgsea", var=table.columns.to_frame())
    copy = clone(scorer)
    assert copy.method == "ssgsea" and list(copy.signatures) == list(scorer.signatures)
    assert "SignatureScorer" in repr(scorer)
    for method in METHODS:
        fitted = SignatureScorer(SETS, method=method).fit(table)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.transform(table), fitted.transform(table))
    with pytest.raises(NotFittedError):
        clone(fitted).transform(table)


def test_inside_a_pipeline_nothing_leaks(table):
    y = np.tile([0, 1], 15)
    model = make_pipeline(SignatureScorer(SETS), SimpleImputer(), LogisticRegression())
    first = cross_val_predict(model, table, y, cv=5, method="predict_proba")[:, 1]
    wild = table.copy()
    wild.iloc[0] = 1000.0  # person 0 is tested with five others, and trains everybody else
    other = cross_val_predict(model, wild, y, cv=5, method="predict_proba")[:, 1]
    np.testing.assert_allclose(first[1:6], other[1:6], rtol=1e-12)
    assert (np.abs(first[6:] - other[6:]) > 1e-6).all()
    search = GridSearchCV(model, {"signaturescorer__method": ["baseline_z", "ulm"]}, cv=3)
    assert search.fit(table, y).best_params_["signaturescorer__method"] in METHODS


def test_baseline_rows_are_the_reference(table):
    base = list(table.index[:12])
    scorer = SignatureScorer(SETS, baseline=base).fit(table)
    expected = SignatureScorer(SETS).fit(table.iloc[:12]).transform(table)
    np.testing.assert_array_equal(scorer.transform(table), expected)


@pytest.mark.parametrize(
    ("options", "spoil", "kind", "message"),
    [
        ({"method": "zscore"}, None, UsageError, "no scorer 'zscore'"),
        ({"method": "gsva", "normalize": True}, None, UsageError, "no option of scorer 'gsva'"),
        ({"min_coverage": 1.5}, None, UsageError, "between 0 and 1"),
        ({"min_coverage": "half"}, None, UsageError, "between 0 and 1"),
        ({"several": "mean"}, None, UsageError, "neither 'error' nor 'first'"),
        ({"signatures": {}}, None, UsageError, "SignatureSet, or a mapping"),
        ({"signatures": exo.sig.SignatureSet([])}, None, UsageError, "is empty"),
        ({"signatures": {"s": ["IL6"]}}, None, InputError, "No member of 's' is among"),
        ({"signatures": None, "modality": "lipids"}, None, InputError, "No shipped signature"),
        ({"var": "A0"}, None, UsageError, "var is a str"),
        ({"var": ["B0", "B1"]}, None, InputError, "None of the columns"),
        ({"var": ["A0", "A0"]}, None, InputError, "'A0' stand more than once"),
        ({"baseline": ["nobody"]}, None, InputError, "n_samples=0; it needs 3"),
        ({"baseline": "P01"}, None, UsageError, "no list of rows"),
        ({"baseline": ["P01"], "method": "ulm"}, None, UsageError, "ulm has no baseline"),
        (
            {"baseline": ["P01"], "var": [f"A{j}" for j in range(20)]},
            lambda t: t.to_numpy(),
            UsageError,
            "an array has no row names",
        ),
        ({}, lambda t: t.iloc[:2], InputError, "n_samples=2; it needs 3"),
        ({}, lambda t: t.replace(t.iloc[0, 0], np.inf), InputError, "infinite in 1 cells"),
        ({}, lambda t: t.set_axis(["A0"] * 20, axis=1), InputError, "'A0' stand more than once"),
        ({}, lambda t: t.rename(columns={"A0": 0}), InputError, "named by text"),
        ({}, lambda t: t.astype(object).where(t > t.min().min(), "low"), InputError, "low"),
        ({}, lambda t: t["A0"], InputError, "2-dimensional"),
        ({}, lambda t: t.assign(A0=pd.Timestamp("2020")), InputError, "DateTime"),
        ({}, lambda t: exo.datasets.simulate(seed=1).adata, InputError, "adata.to_df"),
        ({}, lambda t: sparse.csr_array(t.to_numpy()), InputError, "sparse"),
        ({"method": "ssgsea"}, lambda t: t * np.nan, InputError, "no range to divide by"),
    ],
)
def test_bad_input_is_one_message(table, options, spoil, kind, message):
    X = table if spoil is None else spoil(table)
    with pytest.raises(kind, match=message):
        SignatureScorer(**({"signatures": SETS} | options)).fit(X)


def test_new_data_that_does_not_fit(table):
    scorer = SignatureScorer(SETS).fit(table)
    with pytest.raises(InputError, match="expecting 20 features"):
        scorer.transform(table.to_numpy()[:, :5])
    with pytest.raises(InputError, match="None of the columns 'B0'"):
        scorer.transform(pd.DataFrame({"B0": [1.0]}))
    with pytest.raises(InputError, match="var 20 features"):
        SignatureScorer(SETS, var=list(table.columns)).fit(table.to_numpy()[:, :5])
    with pytest.raises(UsageError, match="not equal to feature_names_in_"):
        scorer.get_feature_names_out([f"B{j}" for j in range(20)])
