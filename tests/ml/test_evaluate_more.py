"""exo.ml.evaluate: targets, models, several platforms, early changes, sites, curves, resume."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.ml import _checkpoint, _permute

FAST = {"outer": (4, 2), "inner": 3, "n_permutations": 4, "n_bootstrap": 60, "seed": 1}
NO_TEST = FAST | {"n_permutations": 0}
EXACT = exo.Reliability.from_typical_error(1.0)


def spec(**changes):
    options = {"pre": "pre", "post": "post", "threshold": 3.0, "reliability": EXACT}
    return exo.ResponseSpec(**(options | {"arm": "group", "control": "CON"} | changes))


def value(result, metric, block, model="elastic_net", column="estimate"):
    return result.metrics.set_index(["metric", "block", "model"]).loc[
        (metric, block, model), column
    ]


def platforms(make_cohort, n=60, effect=3.0):
    """Two platforms; the first holds the predictor."""
    from mudata import MuData

    first, label = make_cohort(n=n, p=15, effect=effect, seed=1)
    second, _ = make_cohort(n=n, p=12, seed=2)
    second.obs["age"], second.obs["sex"] = first.obs["age"], first.obs["sex"]
    return MuData({"prot": first, "mets": second}), label


class TestTargets:
    @pytest.mark.quick
    def test_change_is_predicted_as_a_number(self, trial_with_control):
        adata, frame = trial_with_control()
        result = exo.ml.evaluate(adata, (spec(), frame), target="change", **FAST)
        names = ["r2", "rmse", "correlation", "calibration_slope", "calibration_intercept"]
        assert list(result.metrics["metric"].cat.categories) == [*names, "r2_increment"]
        rows = result.predictions.query("block == 'omics' and repeat == 0")
        change = (frame["post"] - frame["pre"]).set_axis(frame["subject_id"])
        assert rows["change"].to_numpy() == pytest.approx(change[rows["subject_id"]].to_numpy())
        assert value(result, "r2", "omics") > 0.4  # the third feature carries the response
        assert value(result, "r2", "omics") < result.ceiling
        assert result.control["metric"] == "r2" and result.control["estimate"] < 0.3
        assert result.gate.required_ten.n > 100 and "R2 0.20" in result.verdict
        assert result.roc.empty and result.decision.empty and result.calibration.empty
        inside = result.conformal_summary.set_index("block").loc["omics"]
        assert inside["coverage"] > 0.75
        json.dumps(result.to_dict(), allow_nan=False)

    def test_a_series_of_numbers(self, trial_with_control):
        adata, frame = trial_with_control()
        change = (frame["post"] - frame["pre"]).set_axis(frame["subject_id"])
        result = exo.ml.evaluate(adata, change, target="change", **NO_TEST)
        assert value(result, "r2", "omics") > 0
        with pytest.raises(InputError, match="not 0 and 1"):
            exo.ml.evaluate(adata, change, **NO_TEST)

    def test_shift_and_sign_of_a_change(self, trial_with_control):
        adata, frame = trial_with_control()
        change = (frame["post"] - frame["pre"]).set_axis(frame["subject_id"])
        first, moved, turned = (
            exo.ml.evaluate(adata, c, target="change", **NO_TEST)
            for c in (change, change + 1e4, -change)
        )
        for other in (moved, turned):
            assert value(other, "r2", "omics") == pytest.approx(
                value(first, "r2", "omics"), abs=1e-6
            )
        assert turned.predictions["predicted"].to_numpy() == pytest.approx(
            -first.predictions["predicted"].to_numpy(), abs=1e-6
        )

    def test_soft_labels_are_learnt_and_hard_ones_judged(self, trial_with_control):
        adata, frame = trial_with_control()
        hard = exo.ml.evaluate(adata, (spec(), frame), **NO_TEST)
        soft = exo.ml.evaluate(adata, (spec(), frame), target="soft", **NO_TEST)
        assert soft.predictions["label"].equals(hard.predictions["label"])
        assert not soft.predictions["ranking"].equals(hard.predictions["ranking"])
        assert value(soft, "auc", "omics") > 0.7
        sharp = spec(reliability=exo.Reliability.from_typical_error(1e-6))
        exact = exo.ml.evaluate(adata, (sharp, frame), target="soft", **NO_TEST)
        # without noise the probabilities are the labels
        assert exact.predictions["ranking"].to_numpy() == pytest.approx(
            hard.predictions["ranking"].to_numpy(), abs=1e-6
        )
        with pytest.raises(UsageError, match="need a ResponseSpec"):
            exo.ml.evaluate(adata, hard_series(frame), target="soft", **NO_TEST)


def hard_series(frame):
    return (frame["post"] - frame["pre"] > 3).astype(float).set_axis(frame["subject_id"])


class Peeking:
    """A transformer that centres the people to be predicted among themselves."""

    def __new__(cls):
        from sklearn.base import BaseEstimator, TransformerMixin

        class Peek(TransformerMixin, BaseEstimator):
            def fit(self, X, y=None):
                return self

            def transform(self, X):
                return X - X.mean(axis=0)

        return Peek()


class TestModels:
    def test_several_models_stand_side_by_side(self, make_cohort):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        adata, label = make_cohort(n=60, p=8, effect=2.5)
        own = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
        result = exo.ml.evaluate(
            adata, label, models=("elastic_net", "random_forest", ("ridge", own)), **NO_TEST
        )
        assert list(result.metrics["model"].cat.categories) == [
            "elastic_net", "random_forest", "ridge",
        ]  # fmt: skip
        for model in ("elastic_net", "random_forest", "ridge"):
            assert value(result, "auc", "omics", model) > 0.65
        alone = exo.ml.evaluate(adata, label, **NO_TEST)
        kept = result.predictions.query("model == 'elastic_net'").reset_index(drop=True)
        assert kept["probability"].equals(alone.predictions["probability"])
        top = result.importance.query("block == 'omics' and level == 'feature'")
        for model in ("elastic_net", "random_forest", "ridge"):
            assert top[top["model"] == model].iloc[0]["name"] == "A0000"

    def test_searches_get_grouped_folds(self, make_cohort):
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV

        adata, label = make_cohort(n=60, p=5, effect=2.0)
        adata.obs["family_id"] = [f"F{i // 2}" for i in range(60)]
        seen = []

        class Watching(GridSearchCV):
            def fit(self, X, y=None, **more):
                seen.append((self.cv, len(X)))
                return super().fit(X, y, **more)

        search = Watching(LogisticRegression(), {"C": [0.1, 1.0]}, cv=5)
        exo.ml.evaluate(
            adata, label, models=("search", search)[1], groups="family_id", n_jobs=1, **NO_TEST
        )
        assert seen and all(isinstance(cv, list) for cv, _ in seen)
        for cv, n in seen:
            assert sorted(np.concatenate([test for _, test in cv])) == list(range(n))

    @pytest.mark.quick
    def test_a_transformer_that_peeks_is_refused(self, make_cohort):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        adata, label = make_cohort(n=40, p=5)
        with pytest.raises(UsageError, match="depends on|differently when others"):
            exo.ml.evaluate(
                adata, label, models=make_pipeline(Peeking(), LogisticRegression()), **NO_TEST
            )

    @pytest.mark.parametrize(
        ("models", "message"),
        [
            ("lasso", "Known: elastic_net"),
            (("elastic_net", "elastic_net"), "more than once"),
            ((), "models=()"),
            (3, "not iterable|has no"),
        ],
    )
    def test_unknown_models(self, make_cohort, models, message):
        adata, label = make_cohort(n=30, p=5)
        with pytest.raises((UsageError, TypeError), match=message):
            exo.ml.evaluate(adata, label, models=models, **NO_TEST)

    def test_a_class_and_a_scorer_without_probability(self, make_cohort):
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        adata, label = make_cohort(n=30, p=5)
        for model, message in ((LogisticRegression, "is a class"), (LinearSVC(), "predict_proba")):
            with pytest.raises(UsageError, match=message):
                exo.ml.evaluate(adata, label, models=(model,), **NO_TEST)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
class TestPlatforms:
    @pytest.mark.quick
    def test_each_platform_and_both(self, make_cohort):
        mdata, label = platforms(make_cohort)
        result = exo.ml.evaluate(mdata, label, **FAST)
        blocks = list(result.metrics["block"].cat.categories)
        assert blocks == [
            "clinical", "omics", "clinical+omics", "mets", "clinical+mets", "prot", "clinical+prot",
        ]  # fmt: skip
        assert value(result, "auc", "prot") > 0.7 > value(result, "auc", "mets") + 0.05
        assert value(result, "auc", "omics") > 0.7
        assert list(result.p_values["block"]) == ["omics", "mets", "prot"]
        lost = result.importance.query("level == 'block' and block == 'clinical+omics'")
        lost = lost.set_index("name")["estimate"]
        assert lost["prot"] > 0.1 > lost.get("mets", 0.0)

    def test_a_penalty_each_favours_the_platform_that_tells(self, make_cohort):
        from dataclasses import replace

        from exerkine_omics.ml import _evaluate

        mdata, label = platforms(make_cohort, n=60)
        result = exo.ml.evaluate(mdata, label, **NO_TEST)
        assert _evaluate  # the default recipe favours
        material = result.study.material
        plan = replace(result.study.plan, recipe=replace(result.study.plan.recipe, favours=()))
        from exerkine_omics.ml._cross import one_repeat

        equal = one_repeat(material, result.study.pairs, plan, "repeat_0")
        own = result.study.repeats[0]
        pair = ("omics", "elastic_net")
        assert not np.array_equal(equal.prediction[pair], own.prediction[pair])
        same = ("prot", "elastic_net")
        assert np.array_equal(equal.prediction[same], own.prediction[same])

    def test_late_fusion_takes_people_without_a_platform(self, make_cohort):
        from mudata import MuData

        mdata, label = platforms(make_cohort, n=60)
        short = MuData({"prot": mdata["prot"][:50].copy(), "mets": mdata["mets"][8:].copy()})
        late = exo.ml.evaluate(short, label, join="late", **NO_TEST)
        both = exo.ml.evaluate(short, label, **NO_TEST)
        assert late.counts["used"] == 60 and both.counts["used"] == 42
        assert value(late, "auc", "omics") > 0.65
        assert late.predictions["probability"].between(0, 1).all()
        assert late.settings["join"] == "late"

    def test_late_fusion_of_other_models(self, make_cohort):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        mdata, label = platforms(make_cohort)
        model = ("ridge", make_pipeline(StandardScaler(), LogisticRegression(C=0.05)))
        result = exo.ml.evaluate(mdata, label, join="late", models=[model], **NO_TEST)
        assert value(result, "auc", "omics", "ridge") > 0.6
        with pytest.raises(UsageError, match="join='middle'"):
            exo.ml.evaluate(mdata, label, join="middle", **NO_TEST)


class TestEarly:
    def early(self, adata, label, effect):
        rng = np.random.default_rng(3)
        n = adata.n_obs
        delta = ad.AnnData(rng.normal(size=(n, 4)), obs=adata.obs[["subject_id"]].copy())
        delta.var_names = [f"E{k}" for k in range(4)]
        delta.X[:, 1] += effect * label.to_numpy()
        delta.layers["delta"] = delta.X.copy()
        delta.uns["exerkine"] = {"schema_version": "1", "units": "log2", "baseline": "pre"}
        return delta

    def test_early_changes_are_a_block(self, make_cohort):
        adata, label = make_cohort(n=50, p=6)
        early = self.early(adata, label, 2.5)[5:].copy()
        result = exo.ml.evaluate(
            adata, label, early=early, early_time=14, outcome_time=84, **NO_TEST
        )
        blocks = list(result.metrics["block"].cat.categories)
        assert blocks == ["clinical", "omics", "clinical+omics", "early", "clinical+early"]
        assert value(result, "auc", "early") > 0.75
        assert result.counts["without_early_change"] == 5
        plain = exo.ml.evaluate(adata, label, outcome_time=84, **NO_TEST)
        assert value(result, "auc", "omics") == value(plain, "auc", "omics")

    @pytest.mark.parametrize(
        "times",
        [
            {},
            {"early_time": 84, "outcome_time": 84},
            {"early_time": 30, "outcome_time": 84, "landmark": 28},
            {"early_time": 14, "outcome_time": 20, "landmark": 28},
        ],
    )
    def test_the_landmark_is_guarded(self, make_cohort, times):
        adata, label = make_cohort(n=30, p=6)
        early = self.early(adata, label, 0)
        with pytest.raises(UsageError, match="early"):
            exo.ml.evaluate(adata, label, early=early, **times, **NO_TEST)

    def test_baseline_samples_are_no_changes(self, make_cohort):
        adata, label = make_cohort(n=30, p=6)
        with pytest.raises(UsageError, match="not changes"):
            exo.ml.evaluate(adata, label, early=adata, early_time=1, **NO_TEST)


def test_each_site_is_predicted_by_the_others(make_cohort):
    adata, label = make_cohort(n=60, p=6, effect=2.0)
    adata.obs["site"] = np.repeat(["a", "b", "c"], 20)
    result = exo.ml.evaluate(adata, label, leave_out="site", **FAST)
    site = adata.obs.set_index("subject_id")["site"]
    rows = result.predictions.query("block == 'omics'")
    assert rows["repeat"].eq(0).all()
    held = rows.groupby("fold")["subject_id"].agg(lambda s: set(site[s.astype(str)]))
    assert [len(v) for v in held] == [1, 1, 1]
    assert list(result.sites["site"].unique()) == ["a", "b", "c"]
    assert result.sites.query("block == 'omics'")["estimate"].gt(0.5).all()
    assert result.settings["strata"] == ["site"]
    with pytest.raises(UsageError, match="no column 'town'"):
        exo.ml.evaluate(adata, label, leave_out="town", **FAST)


def test_permutations_stay_within_strata():
    groups = np.array([f"g{i}" for i in range(40)])
    strata = np.repeat(["a", "b"], 20)
    order = _permute.permute_between_groups(groups, np.random.default_rng(0), strata)
    assert (strata[order] == strata).all() and (order != np.arange(40)).any()
    twins = np.repeat([f"t{i}" for i in range(20)], 2)
    order = _permute.permute_between_groups(twins, np.random.default_rng(0), strata)
    assert (strata[order] == strata).all()
    assert (np.diff(order.reshape(-1, 2), axis=1) == 1).all()


@pytest.mark.quick
def test_copies_of_a_person_stay_on_one_side(make_cohort):
    adata, label = make_cohort(n=40, p=10)
    adata.X[11], adata.X[12] = adata.X[10], adata.X[10]
    result = exo.ml.evaluate(adata, label, **NO_TEST)
    assert any("'P011', 'P012' have the values of another" in note for note in result.notes)
    rows = result.predictions[result.predictions["subject_id"].isin(["P010", "P011", "P012"])]
    assert rows.groupby(["block", "repeat"], observed=True)["fold"].nunique().eq(1).all()


def test_curves_and_sets(make_cohort):
    adata, label = make_cohort(n=60, p=10, effect=2.5)
    result = exo.ml.evaluate(adata, label, learning_curve=True, **NO_TEST)
    curve = result.learning_curve.query("block == 'omics'")
    assert curve["n_train"].tolist() == [18, 27, 36, 45]
    assert curve["estimate"].iloc[-1] > 0.7
    decision = result.decision.set_index(["block", "threshold"])
    share = label.mean()
    assert decision.loc[("all", 0.3), "net_benefit"] == pytest.approx(share - (1 - share) * 3 / 7)
    assert (decision.loc["none", "net_benefit"] == 0).all()
    at_half = value(result, "net_benefit", "omics")
    assert decision.loc[("omics", 0.5), "net_benefit"] == pytest.approx(at_half)
    for block, part in result.calibration.groupby("block", observed=True):
        assert part["probability"].is_monotonic_increasing, block
        assert part[["observed", "ci_low", "ci_high"]].stack().between(0, 1).all()
    sets = result.conformal
    assert (sets["abstain"] == (sets["in_set_0"] == sets["in_set_1"])).all()
    summary = result.conformal_summary.set_index("block")
    assert summary.loc["omics", "coverage"] > 0.8
    assert summary.loc["omics", "abstained"] < summary.loc["clinical", "abstained"]


def test_gain_is_paired_and_corrected(make_cohort):
    adata, label = make_cohort(n=60, p=10, effect=2.5)
    result = exo.ml.evaluate(adata, label, **NO_TEST)
    gain = result.increment.set_index(["metric", "block"])
    assert list(result.increment["metric"].cat.categories) == ["auc", "log_loss", "brier"]
    first = gain.loc[("auc", "clinical+omics")]
    assert first["estimate"] == pytest.approx(value(result, "auc_increment", "clinical+omics"))
    assert first["corrected_low"] < first["corrected_estimate"] < first["corrected_high"]
    for metric in ("log_loss", "brier"):
        assert gain.loc[(metric, "clinical+omics"), "estimate"] > 0


def test_best_member_stands_beside_each_signature(make_cohort):
    adata, label = make_cohort(n=60, p=12, effect=2.5)
    sets = {"carrier": ["A0000", "A0001", "A0002"], "other": ["A0005", "A0006"]}
    result = exo.ml.evaluate(adata, label, signatures=sets, **NO_TEST)
    each = result.signatures.each.set_index("signature")
    assert each.loc["carrier", "member"] == "A0000" and each.loc["carrier", "member_share"] > 0.8
    carrier = each.loc["carrier"]
    assert carrier["member_estimate"] > carrier["estimate"]  # one member carries all of it
    assert carrier["gain"] == pytest.approx(carrier["estimate"] - carrier["member_estimate"])
    single = value(result, "auc", "best_single", "univariate")
    assert single == pytest.approx(carrier["member_estimate"], abs=0.1)


def test_nested_test_of_a_signature_is_the_likelihood_ratio(make_cohort):
    import statsmodels.api as sm

    adata, label = make_cohort(n=60, p=12, effect=2.5, missing=0.0)
    result = exo.ml.evaluate(adata, label, signatures={"one": ["A0000"]}, **NO_TEST)
    x = adata.X[:, [0]]
    free = np.column_stack([adata.obs["age"], adata.obs["sex"] == "M"]).astype(float)
    fits = [
        sm.Logit(label.to_numpy(), sm.add_constant(z)).fit(disp=0)
        for z in (free, np.hstack([free, x]))
    ]
    from scipy import stats

    p = stats.chi2.sf(2 * (fits[1].llf - fits[0].llf), 1)
    assert result.signatures.each.loc[0, "nested_p"] == pytest.approx(p, rel=1e-5)


def test_reliable_features_are_those_above_exchanged_ones(make_cohort):
    adata, label = make_cohort(n=80, p=60, effect=3.0)
    found = exo.ml.evaluate(adata, label, **NO_TEST)
    reliable = found.selected[found.selected["reliable"]]["feature"].tolist()
    assert "A0000" in reliable and len(reliable) <= 6
    assert any("FDP+" in note for note in found.notes)
    noise, label = make_cohort(n=60, p=60, effect=0.0, seed=5)
    assert exo.ml.evaluate(noise, label, **NO_TEST).selected["reliable"].sum() <= 3


def test_an_interrupted_run_goes_on(make_cohort, tmp_path, monkeypatch):
    adata, label = make_cohort(n=40, p=8, effect=1.0)
    sets = {"s": ["A0000", "A0001"]}
    plain = exo.ml.evaluate(adata, label, signatures=sets, **FAST)
    calls = []
    write = _checkpoint._write

    def stop(path, value):
        calls.append(path)
        if len(calls) == 5:
            raise KeyboardInterrupt
        write(path, value)

    monkeypatch.setattr(_checkpoint, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        exo.ml.evaluate(adata, label, signatures=sets, checkpoint=tmp_path, **FAST)
    monkeypatch.setattr(_checkpoint, "_write", lambda p, v: calls.append(p) or write(p, v))
    kept = len(list(tmp_path.rglob("*.npz")))
    assert kept == 4
    calls.clear()
    found = exo.ml.evaluate(adata, label, signatures=sets, checkpoint=tmp_path, **FAST)
    assert len(calls) == 2 + 2 + 4 + 4 - kept
    for name in ("metrics", "predictions", "importance", "coefficients", "p_values"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(plain, name))
    pd.testing.assert_frame_equal(found.signatures.each, plain.signatures.each)
    calls.clear()
    exo.ml.evaluate(adata, label, signatures=sets, checkpoint=tmp_path, **FAST)
    assert not calls
    exo.ml.evaluate(adata, label, signatures=sets, checkpoint=tmp_path, **(FAST | {"seed": 2}))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "delta"}, "target='delta'"),
        ({"alpha": 0}, "alpha=0"),
        ({"level": 2}, "level=2"),
        ({"strata": ["town"]}, "no column 'town'"),
        ({"early": 3, "early_time": 2}, "is a int"),
    ],
)
def test_bad_options(make_cohort, options, message):
    adata, label = make_cohort(n=30, p=5)
    with pytest.raises((UsageError, InputError), match=message):
        exo.ml.evaluate(adata, label, **(NO_TEST | options))


class TestReviewed:
    """Defects that a reviewer found."""

    def test_a_checkpoint_knows_the_control_arm(self, trial_with_control, tmp_path):
        adata, frame = trial_with_control(n_control=40)
        change = (frame["post"] - frame["pre"]).set_axis(frame["subject_id"])
        trained = (frame["group"] == "EX").to_numpy()
        mine = adata[trained].copy()
        label = (change > 3).astype(float)[trained]
        theirs = adata[~trained].copy()
        results = []
        for order in (change, change.sample(frac=1, random_state=3).set_axis(change.index)):
            options = NO_TEST | {"control": (theirs, order), "checkpoint": tmp_path}
            found = exo.ml.evaluate(mine, label, **options).control["estimate"]
            own = NO_TEST | {"control": (theirs, order)}
            assert found == exo.ml.evaluate(mine, label, **own).control["estimate"]
            results.append(found)
        assert results[0] != results[1]

    def test_own_class_weights_are_refused(self, make_cohort):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        adata, label = make_cohort(n=30, p=5)
        own = make_pipeline(LogisticRegression(class_weight="balanced"))
        with pytest.raises(UsageError, match="weighs the classes itself"):
            exo.ml.evaluate(adata, label, models=own, **NO_TEST)

    @pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
    @pytest.mark.parametrize("name", ["early", "omics", "clinical", "clinical+x"])
    def test_platforms_are_not_named_as_blocks(self, make_cohort, name):
        from mudata import MuData

        first, label = make_cohort(n=30, p=5)
        second, _ = make_cohort(n=30, p=5, seed=3)
        with pytest.raises(UsageError, match="as blocks are"):
            exo.ml.evaluate(MuData({"prot": first, name: second}), label, **NO_TEST)

    @pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
    @pytest.mark.parametrize("few", [1, 2, 5])
    def test_late_fusion_with_a_platform_of_few(self, make_cohort, few):
        from mudata import MuData

        first, label = make_cohort(n=40, p=6, effect=2.0)
        second, _ = make_cohort(n=40, p=6, seed=3)
        both = MuData({"prot": first, "mets": second[:few].copy()})
        found = exo.ml.evaluate(both, label, join="late", **NO_TEST)
        assert np.isfinite(value(found, "auc", "omics"))

    def test_a_constant_block_is_no_error_for_an_estimator(self, make_cohort):
        adata, label = make_cohort(n=40, p=6, clinical=False)
        adata.obs["smoker"] = [1] + [0] * 39
        found = exo.ml.evaluate(
            adata, label, clinical=["smoker"], models="random_forest", **NO_TEST
        )
        assert np.isfinite(value(found, "auc", "clinical", "random_forest"))

    def test_numbers_with_none_are_numbers(self, make_cohort):
        adata, label = make_cohort(n=30, p=5)
        adata.obs["weight"] = [None if k % 7 == 0 else 60.0 + k for k in range(30)]
        adata.obs["weight"] = adata.obs["weight"].astype(object)
        found = exo.ml.evaluate(adata, label, clinical=["weight"], **NO_TEST)
        assert found.settings["clinical"] == ["weight"]

    def test_a_small_control_arm_gets_fewer_folds(self, trial_with_control):
        adata, frame = trial_with_control(n=60, n_control=16)
        control = frame["group"] == "CON"
        frame.loc[control, "post"] = frame.loc[control, "pre"] + np.tile([9.0, -9.0], 8)
        options = NO_TEST | {"outer": (10, 1)}
        found = exo.ml.evaluate(adata, (spec(), frame), **options)
        assert found.control["metric"] == "auc" and found.control["n_responders"] == 8

    @pytest.mark.parametrize(
        "options",
        [{"n_bootstrap": -1}, {"decision_threshold": 1}, {"l1_ratios": ()}, {"l1_ratios": (2,)}],
    )
    def test_numbers_that_are_none(self, make_cohort, options):
        adata, label = make_cohort(n=30, p=5)
        with pytest.raises(UsageError, match=next(iter(options))):
            exo.ml.evaluate(adata, label, **(NO_TEST | options))

    def test_a_damaged_checkpoint_is_done_again(self, make_cohort, tmp_path):
        adata, label = make_cohort(n=30, p=5)
        first = exo.ml.evaluate(adata, label, checkpoint=tmp_path, **NO_TEST)
        for path in tmp_path.rglob("*.npz"):
            path.write_bytes(path.read_bytes()[:200])
        again = exo.ml.evaluate(adata, label, checkpoint=tmp_path, **NO_TEST)
        pd.testing.assert_frame_equal(first.metrics, again.metrics)
