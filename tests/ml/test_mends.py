"""exo.ml: who trained, names in errors, curves of few people, checkpoints, control arm in words."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import UnitsError, UsageError
from exerkine_omics.kernels._performance import SampleSize
from exerkine_omics.ml._checkpoint import _absorb
from exerkine_omics.ml._verdict import PREDICTION, Gate, judge

FAST = {"outer": (4, 1), "n_permutations": 0, "inner": 3, "n_bootstrap": 60, "seed": 1, "n_jobs": 1}


class TestArms:
    @pytest.mark.parametrize("kind", ["text", "category"])
    def test_people_without_an_arm_are_neither_trained_nor_controls(self, make_cohort, kind):
        adata, label = make_cohort(n=60, p=6)
        arm = pd.Series(np.repeat(["EX", "CON"], [40, 20]), dtype=object)
        arm.iloc[30:40] = np.nan
        adata.obs["arm"] = arm.astype("category" if kind == "category" else object).to_numpy()
        result = exo.ml.evaluate(adata, label, control="CON", **FAST)
        assert result.counts["used"] == 30 and result.counts["control_arm"] == 20
        assert result.counts["arm_missing"] == 10
        assert any("10 people without an arm" in note for note in result.notes)
        used = set(result.predictions["subject_id"])
        assert not used & {f"P{i:03d}" for i in range(30, 60)}
        # as if they were not there
        alone = exo.ml.evaluate(
            adata[adata.obs["arm"].notna().to_numpy()].copy(), label, control="CON", **FAST
        )
        pd.testing.assert_frame_equal(result.metrics, alone.metrics)

    def test_an_arm_that_nobody_has(self, make_cohort):
        adata, label = make_cohort(n=30, p=6)
        adata.obs["arm"] = np.full(30, np.nan)
        for control in ("CON", "nan"):
            with pytest.raises(UsageError, match="There is no arm"):
                exo.ml.evaluate(adata, label, control=control, **FAST)

    def test_without_control_nobody_needs_an_arm(self, make_cohort):
        adata, label = make_cohort(n=30, p=6)
        adata.obs["arm"] = ["EX"] * 29 + [None]
        result = exo.ml.evaluate(adata, label, **FAST)
        assert result.counts["used"] == 30 and result.counts["arm_missing"] == 0


def test_errors_of_the_scale_name_the_caller(make_cohort):
    adata, label = make_cohort(n=30, p=5)
    good = adata.copy()
    adata.uns["exerkine"] = adata.uns["exerkine"] | {"units": "RFU"}
    with pytest.raises(UnitsError, match=r"exo\.ml\.evaluate needs"):
        exo.ml.evaluate(adata, label, **FAST)
    arm = pd.Series(np.tile(["A", "B"], 15), index=label.index)
    with pytest.raises(UnitsError, match=r"exo\.ml\.tailor needs"):
        exo.ml.tailor(adata, label, arm, randomised=True)
    model = exo.ml.evaluate(good, label, clinical=None, **FAST).fit("omics")
    with pytest.raises(UnitsError, match=r"ResponseModel\.predict needs"):
        model.predict(adata)


def test_a_point_of_the_curve_without_two_classes_says_why(make_cohort):
    adata, label = make_cohort(n=40, p=6)
    label[:] = 0.0
    label.iloc[:5] = 1.0
    options = FAST | {"outer": (2, 1)}
    result = exo.ml.evaluate(adata, label, learning_curve=True, **options)
    curve = result.learning_curve.query("block == 'omics'").set_index("n_train")
    assert list(curve.index) == [8, 12, 16, 20]
    first, last = curve.iloc[0], curve.iloc[-1]
    assert "1 responders and" in first["status"]
    assert np.isnan(first[["estimate", "ci_low", "ci_high"]].to_numpy(float)).all()
    assert last["status"] == "ok" and np.isfinite(last["estimate"])
    assert (curve["estimate"].notna() == (curve["status"] == "ok")).all()
    exo.pl.learning_curve(result)


def checksum(value):
    digest = blake2b(digest_size=12)
    _absorb(digest, value)
    return digest.hexdigest()


class TestChecksum:
    def forest(self, **more):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        return make_pipeline(FunctionTransformer(**more), LogisticRegression(C=0.5))

    def test_long_arrays_in_estimators_are_told_apart(self):
        """Their repr shows the first and last three numbers."""
        from sklearn.naive_bayes import GaussianNB

        first = np.linspace(0, 1, 5000)
        other = first.copy()
        other[2500] += 1e-9
        assert repr(GaussianNB(priors=first)) == repr(GaussianNB(priors=other))
        assert checksum(GaussianNB(priors=first)) != checksum(GaussianNB(priors=other))
        assert checksum(GaussianNB(priors=first)) == checksum(GaussianNB(priors=first.copy()))

    def test_what_is_nested_deep_counts(self):
        first, same, other = (
            self.forest(kw_args={"cut": np.r_[np.zeros(2000), last]}) for last in (1.0, 1.0, 2.0)
        )
        assert checksum(first) == checksum(same) != checksum(other)
        pairs = [[("a", self.forest(kw_args={"k": k}))] for k in (1, 1, 2)]
        assert checksum(pairs[0]) == checksum(pairs[1]) != checksum(pairs[2])

    def test_functions_count_by_their_code(self):
        def times(k):
            return lambda x: x * k

        assert checksum(times(2)) == checksum(times(2)) != checksum(times(3))
        assert checksum(lambda x: x + 1) != checksum(lambda x: x + 2)
        assert checksum(partial(np.clip, a_min=0)) != checksum(partial(np.clip, a_min=1))
        first, same, other = (self.forest(func=f) for f in (np.log1p, np.log1p, np.sqrt))
        assert checksum(first) == checksum(same) != checksum(other)

    def test_other_things(self):
        from scipy import stats

        rng = [np.random.RandomState(k) for k in (1, 1, 2)]
        assert checksum(rng[0]) == checksum(rng[1]) != checksum(rng[2])
        frozen = [stats.loguniform(0.01, high) for high in (1, 1, 2)]
        assert checksum(frozen[0]) == checksum(frozen[1]) != checksum(frozen[2])
        long = [pd.Series(np.r_[np.zeros(500), k, np.zeros(500)]) for k in (1, 1, 2)]
        assert checksum(long[0]) == checksum(long[1]) != checksum(long[2])
        assert checksum(("ab", "c")) != checksum(("a", "bc"))
        assert checksum([1, [2, 3]]) != checksum([1, 2, 3]) != checksum([[1, 2], 3])
        assert checksum([1]) != checksum([1.0]) != checksum(["1.0"])
        assert checksum({"b", "a", "c"}) == checksum({"c", "a", "b"})
        assert checksum(np.array([1, "x"], dtype=object)) != checksum(
            np.array([2, "x"], dtype=object)
        )
        ring: list = [1]
        ring.append(ring)
        assert checksum(ring) == checksum(ring)

    def test_a_fit_inside_counts(self):
        from sklearn.linear_model import LogisticRegression

        x = np.arange(8.0)[:, None]
        fits = [LogisticRegression().fit(x, y) for y in (x[:, 0] > 3, x[:, 0] > 5)]
        assert checksum(fits[0]) != checksum(fits[1]) != checksum(LogisticRegression())

    def test_another_estimator_is_another_folder(self, make_cohort, tmp_path):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        adata, label = make_cohort(n=40, p=5, effect=3.0, missing=0.0, clinical=False)

        def scale(x, by):
            return x * by[: x.shape[1]]

        areas = []
        for sign in (1.0, 1.0, 0.0):
            by = np.full(3000, sign)
            by[-5:] = by[:3] = 1e-9  # the first columns and the last: all that a repr shows
            by[0] = sign if sign else 1e-9
            step = FunctionTransformer(scale, kw_args={"by": by})
            model = ("own", make_pipeline(step, LogisticRegression()))
            found = exo.ml.evaluate(
                adata, label, models=[model], checkpoint=tmp_path, **(FAST | {"n_jobs": 1})
            )
            areas.append(found.metrics.query("metric == 'auc'")["estimate"].iloc[0])
        assert areas[0] == areas[1] != areas[2]
        assert len(list(tmp_path.iterdir())) == 2


def verdict(control, estimates=(0.7, 0.6, 0.75), metric="auc"):
    names = ["clinical", "omics", "clinical+omics"]
    frame = pd.DataFrame({"metric": metric, "block": names, "model": "m", "estimate": estimates})
    frame = frame.assign(ci_low=0.55, ci_high=0.9)
    for column in ("metric", "model"):
        frame[column] = frame[column].astype("category")
    size = SampleSize(500, (500,), 5.0, 0.7)
    gate = Gate(60, 40, 0.5, 0.75, size, size)
    return judge(PREDICTION, "", frame, 0.01, 0.01, np.nan, control, gate)


class TestControlInWords:
    def control(self, omics, both, metric="auc"):
        blocks = {
            name: {"estimate": low + 0.1, "ci_low": low, "ci_high": low + 0.2}
            for name, low in (("omics", omics), ("clinical+omics", both))
        }
        return {"metric": metric, **blocks["omics"], "blocks": blocks}

    def test_both_together_are_compared_where_they_lead(self):
        text = verdict(self.control(0.4, 0.6))
        assert (
            "clinical+omics, which leads omics, reaches AUC 0.70 among people who did not" in text
        )
        assert "not a response to training" not in text
        assert "did not train" not in verdict(self.control(0.4, 0.45))

    def test_where_omics_lead_they_alone_are_compared(self):
        text = verdict(self.control(0.6, 0.6), (0.7, 0.8, 0.75))
        assert "same pipeline also works" in text and "leads" not in text
        both = verdict(self.control(0.6, 0.65))
        assert "same pipeline also works" in both and "reaches AUC 0.75" in both

    def test_no_interval_says_nothing(self):
        nan = float("nan")
        assert "did not train" not in verdict(self.control(nan, nan))
        assert "did not train" not in verdict({"metric": "r2", "ci_low": -0.2, "estimate": 0.0})
        text = verdict(self.control(0.05, 0.1, "r2"))
        assert "(R2 0.15)" in text and "reaches R2 0.20" in text
