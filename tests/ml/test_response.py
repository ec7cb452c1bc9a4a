"""Labels by a rule: learnt on the training fold, with ceiling and control arm beside the AUC."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import UsageError
from exerkine_omics.kernels._response import attainable_auc
from exerkine_omics.ml._ceiling import auc_ceiling
from exerkine_omics.ml._outcome import read_outcome

FAST = {"outer": (4, 2), "inner": 3, "n_permutations": 4, "n_bootstrap": 60, "seed": 1}
EXACT = exo.Reliability.from_typical_error(1.0)


def spec(**changes):
    options = {"pre": "pre", "post": "post", "threshold": 3.0, "reliability": EXACT}
    return exo.ResponseSpec(**(options | {"arm": "group", "control": "CON"} | changes))


@pytest.mark.quick
def test_rule_with_ceiling_and_control_arm(trial_with_control):
    adata, frame = trial_with_control()
    result = exo.ml.evaluate(adata, (spec(), frame), **FAST)
    trained = set(frame.loc[frame["group"] == "EX", "subject_id"])
    assert set(result.predictions["subject_id"]) == trained
    change = (frame["post"] - frame["pre"])[frame["group"] == "EX"]
    sedentary = (frame["post"] - frame["pre"])[frame["group"] == "CON"]
    rho2 = 1 - sedentary.var() / change.var()
    cut = (3.0 - change.mean()) / change.std()
    assert result.ceiling == pytest.approx(attainable_auc(np.sqrt(rho2), cut), abs=1e-12)
    expected = (change > 3).astype(int).to_numpy()
    rows = result.predictions.query("block == 'omics' and repeat == 0")
    assert rows["label"].to_numpy().tolist() == expected.tolist()
    # nobody of the control arm gains 3: the run falls back to the change itself
    assert result.control["metric"] == "r2"
    assert result.to_dict()["settings"]["rule_sha256"] == spec().sha256
    assert result.control["n"] == 24
    assert "by continuous change" in result.control["how"]
    assert result.control["estimate"] < 0.3
    assert "clinical" in result.control["blocks"]
    assert any("regression to the mean" in note for note in result.notes)


def test_ceiling_equals_that_of_responders(trial_with_control):
    adata, frame = trial_with_control()
    own = exo.tl.responders(
        frame, pre="pre", post="post", arm="group", control="CON", reliability=EXACT, threshold=3.0
    )
    quick = FAST | {"n_permutations": 0, "outer": (3, 1)}
    result = exo.ml.evaluate(adata, (spec(), frame), **quick)
    assert result.ceiling == pytest.approx(own.ceiling.auc, abs=1e-12)
    change = exo.ml.evaluate(adata, (spec(), frame), target="change", **quick)
    assert change.ceiling == pytest.approx(own.ceiling.r2, abs=1e-12)


def test_control_arm_by_label_where_classes_suffice(trial_with_control):
    adata, frame = trial_with_control(n_control=40)
    result = exo.ml.evaluate(adata, (spec(threshold=0.0), frame), **FAST)
    assert result.control["metric"] == "auc"
    assert result.control["n_responders"] >= 5


def test_threshold_rule_is_learnt_in_each_fold(trial_with_control):
    adata, frame = trial_with_control()
    rule = spec(threshold="0.5_sd")
    outcome = read_outcome((rule, frame))
    rows = np.flatnonzero(outcome.frame["group"] == "EX")
    outcome = outcome.take(rows).settle(frame)
    train = np.arange(25)
    limit = 0.5 * outcome.frame["pre"].iloc[:25].std(ddof=1)
    change = (outcome.frame["post"] - outcome.frame["pre"]).to_numpy()
    assert outcome.labels(train).tolist() == (change > limit).astype(float).tolist()
    far = outcome.frame.copy()
    far.loc[far.index[30], "pre"] = 1e6  # a test person: the rule does not see it
    moved = replace(outcome, frame=far)
    assert moved.labels(train)[:25].tolist() == outcome.labels(train)[:25].tolist()


def test_noise_from_the_control_arm(trial_with_control):
    adata, frame = trial_with_control(n_control=60)
    result = exo.ml.evaluate(adata, (spec(reliability="control"), frame), **FAST)
    known = exo.ml.evaluate(adata, (spec(), frame), **FAST)
    assert result.ceiling == pytest.approx(known.ceiling, abs=0.05)


def test_category_labels_leave_the_uncertain_out(trial_with_control):
    adata, frame = trial_with_control(n=60)
    result = exo.ml.evaluate(adata, (spec(label_rule="category"), frame), **FAST)
    summary = result.to_dict()
    assert summary["counts"]["label_open"] > 0
    used = result.predictions.query("block == 'omics' and repeat == 0")
    assert len(used) == summary["counts"]["used"] - summary["counts"]["label_open"]
    assert summary["sample_size"]["n"] == len(used)


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
def test_ceiling_of_a_relative_label_is_at_its_own_cut(trial_with_control):
    """The threshold plays no part in a quantile label, nor in its ceiling."""
    _, frame = trial_with_control(n=60)
    only = frame[frame["group"] == "EX"]
    change = only["post"] - only["pre"]
    rho = np.sqrt(1 - 2 / change.var())
    for quantile in (0.1, 0.5):
        rule = spec(label_rule="quantile", quantile=quantile, threshold=50.0)
        cut = (np.quantile(change, 1 - quantile) - change.mean()) / change.std()
        area, _, text = auc_ceiling(read_outcome((rule, only)))
        assert area == pytest.approx(attainable_auc(rho, cut)) and "nan" not in text


def test_who_did_not_train_takes_no_part(trial_with_control):
    adata, frame = trial_with_control()
    frame["dose"] = np.where(frame["group"] == "CON", 0.0, 1.0)
    idle = frame.index[frame["group"] == "EX"][:4]
    frame.loc[idle, "dose"] = 0.1
    rule = spec(adherence="dose", min_adherence=0.5)
    result = exo.ml.evaluate(adata, (rule, frame), **FAST)
    assert not set(result.predictions["subject_id"]) & set(frame.loc[idle, "subject_id"])
    without = exo.ml.evaluate(adata, (spec(), frame.drop(idle)), **FAST)
    assert result.ceiling == without.ceiling and result.control["n"] == without.control["n"]
    pd.testing.assert_frame_equal(result.metrics, without.metrics)


def test_nothing_to_predict_is_said(trial_with_control):
    adata, frame = trial_with_control(sd_response=0.0, te=2.0)
    result = exo.ml.evaluate(
        adata, (spec(reliability=exo.Reliability.from_typical_error(2.5)), frame), **FAST
    )
    assert result.ceiling == pytest.approx(0.5)
    assert any("nothing is there to predict" in note for note in result.notes)


def test_control_by_data_and_by_arm_agree(trial_with_control):
    adata, frame = trial_with_control()
    change = (frame["post"] - frame["pre"]).set_axis(frame["subject_id"])
    label = (change > 3).astype(float)
    arm = frame.set_index("subject_id")["group"]
    inside = adata.obs["subject_id"].map(arm).to_numpy() == "EX"
    adata.obs["arm"] = adata.obs["subject_id"].map(arm).astype("category").to_numpy()
    by_arm = exo.ml.evaluate(adata, label, control="CON", change=change, **FAST)
    mine, theirs = adata[inside].copy(), adata[~inside].copy()
    by_data = exo.ml.evaluate(mine, label, control=(theirs, change), **FAST)
    assert by_arm.control["metric"] == by_data.control["metric"] == "r2"
    assert by_arm.control["estimate"] == by_data.control["estimate"]
    pd.testing.assert_frame_equal(by_arm.metrics, by_data.metrics)


def test_a_control_arm_without_change_is_a_note(trial_with_control):
    adata, frame = trial_with_control()
    label = (frame["post"] - frame["pre"] > 3).astype(float).set_axis(frame["subject_id"])
    adata.obs["arm"] = pd.Categorical(frame["group"].to_numpy())
    result = exo.ml.evaluate(adata, label, control="CON", **FAST)
    assert result.control is None
    assert any("no continuous change is known" in note for note in result.notes)


def test_a_predictor_of_untrained_people_is_called_that(trial_with_control):
    """The baseline's own error 'predicts' the change with and without training."""
    adata, frame = trial_with_control(n=80, n_control=120, sd_response=0.0, te=6.0)
    adata = adata[:, :5].copy()
    adata.X[:, 0] = frame["pre"]
    rule = spec(threshold=0.0, reliability=exo.Reliability.from_typical_error(6.0))
    result = exo.ml.evaluate(adata, (rule, frame), **FAST)
    assert result.control["metric"] == "auc"
    assert result.control["ci_low"] > 0.5
    assert "not a response to training" in result.verdict


def test_the_outcome_after_training_is_no_clinical_column(trial_with_control):
    adata, frame = trial_with_control()
    with pytest.raises(UsageError, match="outcome after training"):
        exo.ml.evaluate(adata, (spec(), frame), clinical=["post"], **FAST)
    with pytest.raises(UsageError, match="needs its table"):
        exo.ml.evaluate(adata, spec(), **FAST)


def test_doses_are_never_pooled(trial_with_control):
    adata, frame = trial_with_control()
    frame.loc[frame.index[frame["group"] == "EX"][:10], "group"] = "HIIT"
    with pytest.raises(UsageError, match="'EX', 'HIIT'; they are never pooled"):
        exo.ml.evaluate(adata, (spec(), frame), **FAST)
    with pytest.raises(UsageError, match="never pooled"):
        read_outcome((spec(control=None), frame))
