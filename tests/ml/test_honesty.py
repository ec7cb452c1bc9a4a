"""What a prediction must not claim: simulations in which the truth is known.

The numbers in comments are those found when the test was written; the limits leave room for the
Monte Carlo error of as many seeds.
"""

from __future__ import annotations

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.kernels._conformal import class_p_values, class_sizes, prediction_sets
from exerkine_omics.kernels._performance import auc, permutation_p
from exerkine_omics.kernels._response import attainable_auc
from exerkine_omics.ml._estimator import EstimatorModel
from exerkine_omics.ml._permute import permuted_increment, permuted_lead

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


def whole_null(result, n):
    """AUC of the omics block with the outcomes exchanged, as `evaluate` has it."""
    plan = replace(result.study.plan, explain=0)
    pairs = tuple(pair for pair in result.study.pairs if pair[0].name == "omics")
    return np.array([permuted_lead(result.study.material, plan, pairs, k)[0] for k in range(n)])


def whole_p(result, n):
    """P of the omics block."""
    return permutation_p(value(result), whole_null(result, n))


def gain_p(result, n):
    """P of the gain over clinical data with the omics rows exchanged, as `evaluate` has it."""
    plan = replace(result.study.plan, explain=0)
    names = ("clinical", "clinical+omics")
    pairs = tuple(pair for pair in result.study.pairs if pair[0].name in names)
    null = [permuted_increment(result.study.material, plan, pairs, k)[0] for k in range(n)]
    gain = value(result, "auc_increment", "clinical+omics")
    return permutation_p(gain, np.array(null))


def within_chance(hits, n, share):
    """Is a count of ``hits`` in ``n`` what a probability ``share`` gives in 99.8% of the cases."""
    low, high = stats.binom.ppf([0.001, 0.999], n, share)
    return low <= hits <= high


class TestNoise:
    def test_five_thousand_features_of_noise_give_half(self):
        areas = [value(exo.ml.evaluate(*noise(40, 5000, s), seed=s, **ONCE)) for s in range(20)]
        # 0.494, SD of one run 0.09
        assert 0.45 < np.mean(areas) < 0.55

    def test_permutation_p_of_noise_is_uniform(self):
        """One repeat, as in each permutation: the AUC of the labels is one of 20 alike.

        An AUC of just 0.5 (no column is chosen in any fold) comes in a quarter of the runs, and
        such ties make the p too large, never too small; with ties broken at random it is uniform.
        """
        p, broken = [], []
        rng = np.random.default_rng(0)
        for seed in range(40):
            result = exo.ml.evaluate(*noise(40, 30, 500 + seed), seed=seed, **ONCE)
            null = whole_null(result, 19)
            p.append(permutation_p(value(result), null))
            above, tied = (null > value(result)).sum(), (null == value(result)).sum()
            broken.append((above + rng.integers(0, tied + 1) + rng.uniform()) / 20)
        p, broken = np.array(p), np.array(broken)
        # p: mean 0.64, <= 0.1 in 3 of 40, <= 0.5 in 9; ties broken: mean 0.56, 4 and 16 of 40
        for share in (0.05, 0.1, 0.5):
            assert (p <= share + 1e-9).sum() <= stats.binom.ppf(0.999, 40, share)
            assert within_chance((broken <= share).sum(), 40, share)
        assert abs(broken.mean() - 0.5) < 3 * np.sqrt(1 / 12 / 40)
        assert stats.kstest(broken, "uniform").pvalue > 0.01


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
        # mean AUC 0.49 together, 0.83 apart; copies to the last digit 0.49
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


TE, SD, GAIN = 5.0, 10.0, 4.0  # typical error, SD of the true baseline, mean true response


def rule(te=TE, **more):
    reliability = exo.Reliability.from_typical_error(te)
    return exo.ResponseSpec("pre", "post", GAIN, reliability, **more)


def trial(n, seed, marks="nothing", sd_response=0.0, te=TE, n_control=0):
    """Eight features, and a table of the outcome of whose change only the response is real.

    ``marks``: what the first feature knows (and, of the true baseline, three others do).
    """
    rng = np.random.default_rng(seed)
    trained = np.arange(n + n_control) < n
    true = rng.normal(40, SD, len(trained))
    response = np.where(trained, GAIN + rng.normal(0, 1, len(trained)) * sd_response, 0.0)
    pre = true + rng.normal(0, te, len(true))
    post = true + response + rng.normal(0, te, len(true))
    x = rng.normal(6, 1, (len(true), 8))
    if marks == "measured":
        x[:, 0] = pre
    if marks == "true":
        x[:, :4] += ((true - 40) / SD)[:, None]
    if marks == "response":
        x[:, 0] = response
    adata = as_adata(x)
    frame = pd.DataFrame({"subject_id": adata.obs["subject_id"].to_numpy(), "pre": pre})
    return adata, frame.assign(post=post, arm=np.where(trained, "EX", "CON"))


class TestBaselineCoupling:
    """Everybody responds alike: what is left of the change is error, which the baseline shares."""

    def test_the_measured_baseline_alone_predicts_the_label(self):
        found, own = [], []
        for seed in range(20):
            adata, frame = trial(300, 1000 + seed)
            result = exo.ml.evaluate(adata, (rule(), frame), seed=seed, **ONCE)
            found.append(value(result, block="clinical"))
            pre, post = frame["pre"].to_numpy(), frame["post"].to_numpy()
            own.append(auc((post - pre > GAIN).astype(int), -pre)[0])
            assert any("regression to the mean" in note for note in result.notes)
        # theory: 1/2 + asin(r / sqrt 2) 2/pi with r = TE / sqrt(2 (SD^2 + TE^2)): 0.644
        # 0.655 and, cross-validated, 0.647; SD of one run 0.04
        assert np.mean(own) == pytest.approx(0.644, abs=0.02)
        assert np.mean(found) == pytest.approx(0.644, abs=0.025)

    @pytest.mark.parametrize("marks", ["nothing", "measured"])
    def test_no_gain_over_the_measured_baseline(self, marks):
        whole, gain = [], []
        for seed in range(10):
            adata, frame = trial(250, 1100 + seed, marks)
            result = exo.ml.evaluate(adata, (rule(), frame), seed=seed, **ONCE)
            whole.append(whole_p(result, 19))
            gain.append(gain_p(result, 19))
        whole, gain = np.array(whole), np.array(gain)
        # p of the gain <= 0.05 in 1 of 10 (nothing) and 0 of 10 (measured), mean 0.45 and 0.51;
        # p of the omics <= 0.05 in 0 of 10 and 7 of 10
        assert within_chance((gain <= 0.051).sum(), 10, 0.05)
        assert within_chance((gain <= 0.51).sum(), 10, 0.5)
        by_chance = within_chance((whole <= 0.051).sum(), 10, 0.05)
        assert by_chance if marks == "nothing" else not by_chance

    def test_markers_of_the_true_baseline_gain_where_nobody_trained_too(self):
        """With the true level beside it the measured one tells its error: no null of the gain.

        The p of the gain cannot see this; the control arm does.
        """
        gains, theirs = [], []
        for seed in range(8):
            adata, frame = trial(200, 1200 + seed, "true", n_control=200)
            spec = rule(arm="arm", control="CON")
            frame.loc[frame["arm"] == "CON", "post"] += GAIN  # at the same cut
            result = exo.ml.evaluate(adata, (spec, frame), seed=seed, **ONCE)
            gains.append(value(result, "auc_increment", "clinical+omics"))
            blocks = result.control["blocks"]
            theirs.append(blocks["clinical+omics"]["estimate"] - blocks["clinical"]["estimate"])
        # 0.07 among the trained, 0.06 among the others
        assert np.mean(gains) > 0.03 and np.mean(theirs) > 0.03
        assert np.mean(gains) == pytest.approx(np.mean(theirs), abs=0.04)


class TestPlanted:
    def test_a_planted_predictor_is_found_and_stays_below_the_ceiling(self):
        """The first feature is the true response itself: the error of the label stays."""
        te = sd = 3.0
        areas, ceilings, low = [], [], []
        for seed in range(20):
            adata, frame = trial(200, 2000 + seed, "response", sd, te)
            result = exo.ml.evaluate(adata, (rule(te), frame), clinical=None, seed=seed, **ONCE)
            areas.append(value(result))
            low.append(value(result, column="ci_low"))
            ceilings.append(result.ceiling)
            top = result.importance.query("block == 'omics' and level == 'feature'")
            assert top.iloc[0]["name"] == "A0000" == result.selected.iloc[0]["feature"]
            if seed < 5:
                assert whole_p(result, 19) == 0.05
        error = np.std(areas) / np.sqrt(20)
        truth = attainable_auc(np.sqrt(1 / 3), 0.0)  # 0.768
        # AUC 0.755 (error 0.007), ceiling estimated 0.762; lower limits 0.63 to 0.76
        assert truth - 0.05 < np.mean(areas) < truth + 2 * error
        assert np.mean(ceilings) == pytest.approx(truth, abs=0.02)
        assert (np.array(low) < truth).all()


def scored(n, seed, effect):
    """Fifteen features of which the first moves a number."""
    rng = np.random.default_rng(seed)
    x = rng.normal(6, 1, (n, 15))
    adata = as_adata(x)
    number = effect * (x[:, 0] - 6) + rng.normal(size=n)
    return adata, pd.Series(number, index=adata.obs["subject_id"].to_numpy())


@pytest.mark.parametrize("effect", [0.0, 1.5])
class TestCoverage:
    def test_sets_hold_each_class(self, effect):
        inside, new = [], []
        for seed in range(20):
            adata, number = scored(60, 3000 + seed, effect)
            label = (number > 0).astype(float)
            result = exo.ml.evaluate(adata, label, seed=seed, **ONCE)
            row = result.conformal_summary.set_index("block").loc["omics"]
            inside.append([row["coverage_0"], row["coverage_1"]])
            more, truth = scored(500, 9000 + seed, effect)
            model = result.fit("omics")
            held, truth = (model.scores, model.outcome), truth.to_numpy() > 0
            p = class_p_values(*held, model.fitted.predict(more.X), model.groups)
            sets, judged = prediction_sets(p, model.alpha, class_sizes(*held, model.groups))
            assert judged.all()
            new.append([sets[truth == k, int(k)].mean() for k in (False, True)])
        # classes 0 and 1: noise 0.92, 0.91 (new people 0.97, 0.96); planted 0.91, 0.91 (0.93, 0.91)
        assert (np.mean(inside, axis=0) > 0.86).all()
        assert (np.mean(new, axis=0) > 0.86).all()

    def test_intervals_hold_the_change_of_new_people(self, effect):
        inside, new = [], []
        for seed in range(20):
            adata, number = scored(60, 3000 + seed, effect)
            result = exo.ml.evaluate(adata, number, target="change", seed=seed, **ONCE)
            inside.append(result.conformal_summary.set_index("block").loc["omics", "coverage"])
            more, truth = scored(500, 9000 + seed, effect)
            found = result.fit("omics").predict(more)
            hit = (found["ci_low"] <= truth.to_numpy()) & (truth.to_numpy() <= found["ci_high"])
            new.append(hit.mean())
        # noise 0.917 (new people 0.906, SD of one run 0.04); planted 0.917 (0.925)
        assert np.mean(inside) == pytest.approx(0.9, abs=0.04)
        assert np.mean(new) == pytest.approx(0.9, abs=0.04)


class TestSites:
    """Three sites, all features shifted at each, other shares of responders, and pure noise."""

    def sites(self, seed):
        rng = np.random.default_rng(seed)
        site = np.repeat([0, 1, 2], 30)
        x = rng.normal(6, 1, (90, 40)) + rng.normal(0, 1.5, (3, 40))[site]
        shares = rng.permutation([0.2, 0.5, 0.8])
        label = np.concatenate([rng.permutation(np.arange(30) < 30 * s) for s in shares])
        adata = as_adata(x, site=np.array(["a", "b", "c"])[site])
        return adata, pd.Series(label.astype(float), index=adata.obs["subject_id"].to_numpy())

    def test_sites_left_out_are_not_predicted(self):
        areas, pooled, holds, p = [], [], 0, []
        for seed in range(20):
            options = ONCE | {"leave_out": "site", "n_permutations": 19}
            result = exo.ml.evaluate(*self.sites(4000 + seed), seed=seed, **options)
            areas.append(value(result))
            rows = result.predictions.query("block == 'omics'")
            pooled.append(auc(rows["label"].to_numpy(), rows["ranking"].to_numpy())[0])
            holds += value(result, column="ci_low") <= 0.5 <= value(result, column="ci_high")
            p.append(result.permutation_p)
        p = np.array(p)
        # within sites 0.502, SD 0.055 (DeLong says 0.070), 0.5 held in 20 of 20; over all people
        # 0.49, SD 0.16. p <= 0.05 in 0, <= 0.1 in 0, <= 0.5 in 13 of 20
        assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas) / np.sqrt(20)
        assert np.std(areas) < 0.1 < np.std(pooled)
        assert within_chance(holds, 20, 0.95)
        # an AUC of just 0.5 (no column chosen at all) is tied with others: p err to the large side
        for share in (0.051, 0.101, 0.501):
            assert (p <= share).sum() <= stats.binom.ppf(0.999, 20, share)
        assert within_chance((p <= 0.501).sum(), 20, 0.5)
        assert stats.kstest(p, "uniform").pvalue > 0.01

    def test_random_folds_find_the_site_unless_it_is_a_stratum(self):
        areas, plain, stratified = [], [], []
        for seed in range(8):
            data = self.sites(4000 + seed)
            plain.append(exo.ml.evaluate(*data, seed=seed, **(ONCE | {"n_permutations": 19})))
            areas.append(value(plain[-1]))
            options = ONCE | {"n_permutations": 19, "strata": ["site"]}
            stratified.append(exo.ml.evaluate(*data, seed=seed, **options))
        plain, stratified = (
            np.array([r.permutation_p for r in results]) for results in (plain, stratified)
        )
        # AUC 0.72; p 0.05 in all 8; within sites 0.15 to 0.95
        assert np.mean(areas) > 0.65 and (plain <= 0.05).all()
        assert within_chance((stratified <= 0.051).sum(), 8, 0.05)
        assert stratified.mean() > 0.3


def test_venn_abers_tells_more_than_the_interval_of_another_person():
    """It holds the true probability of new people far more often than a stranger's interval does.

    Not nominally: it is calibrated in the mean over people of a score, not for each person.
    """

    def people(n, seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(6, 1, (n, 10))
        adata, truth = as_adata(x), special.expit(2 * (x[:, 0] - 6))
        label = (rng.random(n) < truth).astype(float)
        return adata, truth, pd.Series(label, index=adata.obs["subject_id"].to_numpy())

    own, other = [], []
    for seed in range(12):
        adata, _, label = people(60, 5000 + seed)
        more, truth, _ = people(500, 8000 + seed)
        found = exo.ml.evaluate(adata, label, seed=seed, **ONCE).fit("omics").predict(more)
        low, high = found["ci_low"].to_numpy(), found["ci_high"].to_numpy()
        order = np.random.default_rng(seed).permutation(500)
        own.append(((low <= truth) & (truth <= high)).mean())
        other.append(((low[order] <= truth) & (truth <= high[order])).mean())
    own, other = np.array(own), np.array(other)
    # 0.40 and 0.14
    assert (own > other + 0.05).all()
    assert own.mean() > 2 * other.mean()
