"""What a prediction must not claim: simulations in which the truth is known.

The numbers in comments are those found when the test was written; the limits leave room for the
Monte Carlo error of as many seeds.
"""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.ml._estimator import EstimatorModel

pytestmark = pytest.mark.slow

ONCE = {"outer": (5, 1), "inner": 3, "n_permutations": 0, "n_bootstrap": 40, "n_jobs": 1}


def as_adata(matrix, **columns):
    """Baseline samples, one a person."""
    n, p = matrix.shape
    people = [f"P{i:04d}" for i in range(n)]
    obs = pd.DataFrame({"subject_id": people}, index=[f"{s}_pre" for s in people]).assign(**columns)
    obs["timepoint"] = pd.Categorical(["pre"] * n, ["pre", "post"], ordered=True)
    adata = ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"A{j:04d}" for j in range(p)]))
    adata.uns["exerkine"] = {"schema_version": "1", "units": "NPX", "baseline": "pre"}
    return adata


def noise(n, p, seed):
    """Features and balanced labels that know nothing of each other."""
    rng = np.random.default_rng(seed)
    adata = as_adata(rng.normal(6, 1, (n, p)))
    label = rng.permutation(np.arange(n) % 2).astype(float)
    return adata, pd.Series(label, index=adata.obs["subject_id"].to_numpy())


def value(result, metric="auc", block="omics", column="estimate"):
    return result.metrics.set_index(["metric", "block"]).loc[(metric, block), column]


def within_chance(hits, n, share):
    """Is a count of ``hits`` in ``n`` what a probability ``share`` gives in 99.8% of the cases."""
    low, high = stats.binom.ppf([0.001, 0.999], n, share)
    return low <= hits <= high


class TestNoise:
    def test_five_thousand_features_of_noise_give_half(self):
        areas = [value(exo.ml.evaluate(*noise(40, 5000, s), seed=s, **ONCE)) for s in range(20)]
        assert 0.45 < np.mean(areas) < 0.55

    def test_permutation_p_of_noise_is_uniform(self):
        # one repeat, as in each permutation: the p is exact, k/20
        options = ONCE | {"n_permutations": 19}
        p = np.array(
            [
                exo.ml.evaluate(*noise(40, 50, 500 + s), seed=s, **options).permutation_p
                for s in range(40)
            ]
        )
        for share in (0.1, 0.5):
            assert within_chance((p <= share + 1e-9).sum(), 40, share)
        assert abs(p.mean() - 0.525) < 3 * np.sqrt(1 / 12 / 40)
        spread = p - np.random.default_rng(0).uniform(0, 0.05, 40)  # of k/20, continuous
        assert stats.kstest(spread, "uniform").pvalue > 0.01


class TestCopies:
    """A person who stands twice: the second row gives the label of the first away."""

    def doubled(self, seed, jitter):
        adata, label = noise(24, 60, seed)
        twice = np.vstack([adata.X, adata.X + jitter * np.arange(1, 61)])
        both = as_adata(twice, family_id=[f"F{i:02d}" for i in range(24)] * 2)
        return both, pd.Series(np.tile(label, 2), index=both.obs["subject_id"].to_numpy())

    def area(self, seed, jitter, **more):
        both, label = self.doubled(seed, jitter)
        result = exo.ml.evaluate(both, label, seed=seed, **(ONCE | {"outer": (4, 1)}), **more)
        rows = result.predictions.set_index("subject_id")["fold"].to_numpy().reshape(2, 24)
        return value(result), (rows[0] == rows[1]).all()

    def test_the_same_values_under_another_id_stay_on_one_side(self):
        found = [self.area(s, 0.0) for s in range(10)]
        assert all(side for _, side in found)
        assert abs(np.mean([a for a, _ in found]) - 0.5) < 0.1

    def test_twins_of_one_group_stay_on_one_side(self):
        together = [self.area(s, 1e-6, groups="family_id") for s in range(10)]
        apart = [self.area(s, 1e-6) for s in range(10)]
        assert all(side for _, side in together) and not any(side for _, side in apart)
        assert abs(np.mean([a for a, _ in together]) - 0.5) < 0.1
        assert np.mean([a for a, _ in apart]) > 0.75  # what the groups protect from

    def visits(self, **columns):
        """Rows before and after of 30 people."""
        adata, label = noise(30, 20, 3)
        later = adata.X + np.random.default_rng(9).normal(0, 0.1, adata.shape)
        both = as_adata(np.vstack([adata.X, later]))
        both.obs["timepoint"] = pd.Categorical(
            np.repeat(["pre", "post"], 30), ["pre", "post"], ordered=True
        )
        both.obs = both.obs.assign(**columns)
        return adata, both, label

    def test_rows_before_and_after_of_one_person_are_one_person(self):
        adata, both, label = self.visits()
        both.obs["subject_id"] = np.tile(adata.obs["subject_id"], 2)
        found = exo.ml.evaluate(both, label, seed=1, **ONCE)
        alone = exo.ml.evaluate(adata, label, seed=1, **ONCE)
        pd.testing.assert_frame_equal(found.predictions, alone.predictions)
        both.obs["timepoint"] = "pre"
        with pytest.raises(InputError, match="more than one"):
            exo.ml.evaluate(both, label, **ONCE)
        del both.obs["timepoint"]
        with pytest.raises(InputError, match="more than one"):
            exo.ml.evaluate(both, label, **ONCE)

    def test_rows_before_and_after_under_two_ids(self):
        """Only the baseline rows are used; without time points a group holds them together."""
        _, both, label = self.visits(person=np.tile(np.arange(30).astype(str), 2))
        own = pd.Series(np.tile(label, 2), index=both.obs["subject_id"].to_numpy())
        found = exo.ml.evaluate(both, own, seed=1, **ONCE)
        assert found.counts["used"] == 30
        del both.obs["timepoint"]
        found = exo.ml.evaluate(both, own, groups="person", seed=1, **ONCE)
        fold = found.predictions["fold"].to_numpy().reshape(2, 30)
        assert found.kind == "association" and (fold[0] == fold[1]).all()


def peekers():
    """Transformers that learn from the people to be predicted."""
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.preprocessing import StandardScaler

    class Centres(TransformerMixin, BaseEstimator):
        """Centres by the rows given."""

        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X - X.mean(axis=0)

    class FitsAgain(Centres):
        """Fits a scaler in transform."""

        def transform(self, X):
            return StandardScaler().fit_transform(X)

    class GoesOn(Centres):
        """Keeps on learning with each batch it sees."""

        def fit(self, X, y=None):
            self.scaler_ = StandardScaler().fit(X)
            return self

        def transform(self, X):
            return self.scaler_.partial_fit(X).transform(X)

    return {"centres": Centres(), "fits_again": FitsAgain(), "goes_on": GoesOn()}


class TestPeeking:
    def predictions(self, transformer, **more):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        model = make_pipeline(transformer, LogisticRegression(C=0.1))
        adata, label = noise(40, 10, 7)
        options = ONCE | {"seed": 1, "models": [("own", model)]} | more
        changed = adata.copy()
        changed.X[7] += 30
        return [exo.ml.evaluate(a, label, **options).predictions for a in (adata, changed)]

    def moved(self, first, other):
        """Do predictions of others in the fold of the changed person move."""
        fold = first.set_index("subject_id")["fold"]
        mates = (first["fold"] == fold["P0007"]) & (first["subject_id"] != "P0007")
        assert mates.sum() == 7
        return not np.allclose(first["ranking"][mates], other["ranking"][mates], atol=1e-9)

    def test_an_honest_step_predicts_alike_whoever_is_beside(self):
        from sklearn.preprocessing import StandardScaler

        assert not self.moved(*self.predictions(StandardScaler()))

    @pytest.mark.parametrize("name", ["centres", "fits_again", "goes_on"])
    def test_a_step_that_peeks_is_refused(self, name, monkeypatch):
        with pytest.raises(UsageError, match="differently when others"):
            self.predictions(peekers()[name])
        monkeypatch.setattr(EstimatorModel, "refuse_peeking", lambda *_: None)
        assert self.moved(*self.predictions(peekers()[name]))  # what it would have done

    def test_a_step_that_peeks_is_refused_whichever_fold_shows_it(self):
        """A sparse model may use no column in the first fold, and there predicts all alike."""
        from sklearn.pipeline import make_pipeline
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=1, min_impurity_decrease=0.08)
        model = [("own", make_pipeline(peekers()["centres"], tree))]
        refused, late = 0, 0
        for seed in range(12):
            data = noise(40, 5, seed)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(EstimatorModel, "refuse_peeking", lambda *_: None)
                result = exo.ml.evaluate(*data, models=model, seed=seed, **ONCE)
            used = result.predictions.groupby("fold")["ranking"].nunique() > 1
            late += used.any() and not used.loc[0]
            try:
                exo.ml.evaluate(*data, models=model, seed=seed, **ONCE)
            except UsageError:
                refused += 1
                assert used.any()
            else:
                assert not used.any(), seed
        assert refused and late, (refused, late)

    def test_a_step_that_peeks_is_refused_with_one_person_a_site(self):
        adata, label = noise(24, 10, 1)
        adata.obs["site"] = ["a", *np.repeat(["b", "c"], [12, 11])]
        with pytest.raises(UsageError, match="differently when others"):
            self_model(adata, label, leave_out="site")


def self_model(adata, label, **more):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(peekers()["centres"], LogisticRegression(C=0.1))
    return exo.ml.evaluate(adata, label, models=[("own", model)], **(ONCE | more))
