"""exo.ml.evaluate: contract, honesty, invariances and bad input."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UnitsError, UsageError
from exerkine_omics.ml._measure import METRICS

FAST = {"outer": (4, 2), "inner": 3, "n_permutations": 4, "n_bootstrap": 60, "seed": 1}


def same(one, other):
    pd.testing.assert_frame_equal(one.metrics, other.metrics)
    pd.testing.assert_frame_equal(one.predictions, other.predictions)
    pd.testing.assert_frame_equal(one.roc, other.roc)
    assert (one.permutation_p, one.increment_p) == (other.permutation_p, other.increment_p)
    assert one.verdict == other.verdict


@pytest.fixture(scope="module")
def found(make_cohort):
    adata, label = make_cohort(n=60, effect=2.5)
    return exo.ml.evaluate(adata, label, **(FAST | {"n_permutations": 39}))


@pytest.mark.quick
def test_frames_have_the_columns_of_the_contract(found):
    columns = ["metric", "block", "model", "estimate", "ci_low", "ci_high"]
    assert list(found.metrics.columns) == columns
    assert set(found.metrics["metric"]) == set(METRICS)
    assert set(found.metrics["block"]) == {"clinical", "omics", "clinical+omics"}
    gain = found.metrics[found.metrics["metric"] == "auc_increment"]
    assert list(gain["block"]) == ["clinical+omics"]
    columns = ["subject_id", "block", "model", "repeat", "fold", "label", "probability"]
    columns += ["ranking"]
    assert list(found.predictions.columns) == columns
    assert list(found.roc.columns) == ["block", "model", "fpr", "tpr", "ci_low", "ci_high"]
    assert found.predictions.groupby(["block", "repeat"], observed=True).size().eq(60).all()
    for frame in (found.metrics, found.predictions, found.roc):
        assert isinstance(frame.index, pd.RangeIndex)


def test_a_planted_predictor_is_found(found):
    area = found.metrics.set_index(["metric", "block"]).loc[("auc", "omics")]
    assert area["estimate"] > 0.75
    assert area["ci_low"] < area["estimate"] < area["ci_high"]
    assert found.permutation_p == pytest.approx(1 / 40)
    assert found.increment_p <= 0.05
    assert found.selected.iloc[0]["feature"] == "A0000"
    assert found.kind == "prediction"
    assert "discovery only: n = 60 <" in found.verdict


def test_auc_is_taken_over_all_people_of_a_repeat(found):
    for block in ("omics", "clinical+omics", "clinical"):
        rows = found.predictions[found.predictions["block"] == block]
        areas = [roc_auc_score(r["label"], r["ranking"]) for _, r in rows.groupby("repeat")]
        stored = found.metrics.set_index(["metric", "block"]).loc[("auc", block), "estimate"]
        assert stored == pytest.approx(np.mean(areas), abs=1e-12)


def test_roc_is_a_curve_with_its_area(found):
    for block, curve in found.roc.groupby("block", observed=True):
        assert (curve["tpr"].diff().dropna() >= -1e-12).all()
        assert (curve["ci_low"] <= curve["tpr"] + 1e-9).all()
        assert curve["tpr"].iloc[[0, -1]].tolist() == [0, 1]
        area = np.trapezoid(curve["tpr"], curve["fpr"])
        stored = found.metrics.set_index(["metric", "block"]).loc[("auc", block), "estimate"]
        assert area == pytest.approx(stored, abs=0.02)


def test_summary_is_json(found):
    text = json.dumps(found.to_dict(), allow_nan=False)
    summary = json.loads(text)
    assert summary["verdict"] == found.verdict
    assert summary["ceiling"] is None
    assert summary["counts"]["used"] == 60
    assert any("attainable AUC is not known" in note for note in found.notes)
    assert "AUC, omics" in repr(found)
    assert "<script" not in found._repr_html_()


def test_frames_survive_h5ad(found, round_trip):
    adata = ad.AnnData(np.zeros((2, 2)))
    adata.uns["metrics"], adata.uns["predictions"] = found.metrics, found.predictions
    adata.uns["roc"] = found.roc
    read = round_trip(adata)
    assert list(read.uns["metrics"]["metric"]) == list(found.metrics["metric"])
    assert read.uns["predictions"]["probability"].equals(found.predictions["probability"])


@pytest.mark.quick
def test_order_of_people_and_features_changes_nothing(make_cohort):
    adata, label = make_cohort(n=30, p=15, effect=1.0)
    rng = np.random.default_rng(5)
    shuffled = adata[rng.permutation(30)][:, rng.permutation(15)].copy()
    first = exo.ml.evaluate(adata, label, **FAST)
    same(first, exo.ml.evaluate(shuffled, label.sample(frac=1, random_state=2), **FAST))


def test_number_of_processes_changes_nothing(make_cohort):
    adata, label = make_cohort(n=30, p=15, effect=1.0)
    same(
        exo.ml.evaluate(adata, label, n_jobs=1, **FAST),
        exo.ml.evaluate(adata, label, n_jobs=2, **FAST),
    )


def test_a_shift_of_all_values_changes_nothing(make_cohort):
    adata, label = make_cohort(n=30, p=15, effect=1.0)
    moved = adata.copy()
    moved.X = moved.X + 1e5
    first, other = (exo.ml.evaluate(a, label, **FAST).predictions for a in (adata, moved))
    assert other["probability"].to_numpy() == pytest.approx(first["probability"], abs=1e-5)


def test_seed_changes_the_folds(make_cohort):
    adata, label = make_cohort(n=30, p=15)
    first = exo.ml.evaluate(adata, label, **FAST)
    other = exo.ml.evaluate(adata, label, **(FAST | {"seed": 2}))
    assert not first.predictions["fold"].equals(other.predictions["fold"])


def test_baseline_rows_are_taken_and_said(make_cohort):
    adata, label = make_cohort(n=30, p=10)
    later = adata.copy()
    later.X = later.X + 3
    later.obs_names = [name.replace("pre", "post") for name in later.obs_names]
    later.obs["timepoint"] = pd.Categorical(["post"] * 30, ["pre", "post"], ordered=True)
    both = ad.concat([adata, later])
    both.obs["timepoint"] = pd.Categorical(both.obs["timepoint"], ["pre", "post"], ordered=True)
    both.uns["exerkine"] = adata.uns["exerkine"]
    result = exo.ml.evaluate(both, label, **FAST)
    assert any("baseline 'pre' are used" in note for note in result.notes)
    same(result, exo.ml.evaluate(adata, label, **FAST))


def test_people_are_joined_by_id_and_the_others_counted(make_cohort):
    adata, label = make_cohort(n=34, p=10)
    label = label.drop("P000")
    label["P001"] = np.nan
    label["stranger"] = 1.0
    result = exo.ml.evaluate(adata, label, **FAST)
    counts = result.to_dict()["counts"]
    assert counts["used"] == 32
    assert counts["without_omics"] == 1
    assert counts["without_outcome"] == 2
    assert counts["outcome_missing"] == 1
    assert not {"P000", "P001", "stranger"} & set(result.predictions["subject_id"])


def test_without_clinical_columns_it_says_so(make_cohort):
    adata, label = make_cohort(n=30, p=10, clinical=False)
    result = exo.ml.evaluate(adata, label, **FAST)
    assert set(result.metrics["block"]) == {"omics"}
    assert np.isnan(result.increment_p)
    assert "no clinical reference was possible" in result.verdict
    assert "auc_increment" not in set(result.metrics["metric"])


def test_bool_labels_and_all_missing_features(make_cohort):
    adata, label = make_cohort(n=30, p=10)
    holes = adata.copy()
    holes.X[:, 4] = np.nan
    holes.X[:25, 5] = np.nan
    result = exo.ml.evaluate(holes, label.astype(bool), **FAST)
    assert np.isfinite(result.metrics["estimate"]).any()
    assert result.predictions["probability"].between(0, 1).all()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
def test_mudata_joins_platforms_by_person(make_cohort):
    from mudata import MuData

    first, label = make_cohort(n=30, p=10, seed=1)
    second, _ = make_cohort(n=30, p=12, seed=2)
    second = second[5:].copy()
    result = exo.ml.evaluate(MuData({"prot": first, "mets": second}), label, **FAST)
    summary = result.to_dict()
    assert summary["counts"]["used"] == 25
    assert summary["counts"]["not_in_every_modality"] == 5
    assert summary["settings"]["n_features"] == 22


def too_few(adata, label):
    label.iloc[:] = 0
    label.iloc[:4] = 1
    return adata, label, AnalysisError, "4 responders and 26 others"


def one_class(adata, label):
    label.iloc[:] = 1
    return adata, label, AnalysisError, "30 responders and 0 others"


def numbers(adata, label):
    return adata, label + 0.5, InputError, "not 0 and 1"


def twice(adata, label):
    adata.obs["subject_id"] = ["P000", *adata.obs["subject_id"][:-1]]
    return adata, label, InputError, "'P000' have more than one"


def label_twice(adata, label):
    return adata, pd.concat([label, label.iloc[:1]]), InputError, "'P000' stand more than once"


def linear(adata, label):
    adata.uns["exerkine"]["units"] = "RFU"
    return adata, label, UnitsError, "holds RFU"


def strangers(adata, label):
    label.index = [f"x{i}" for i in range(len(label))]
    return adata, label, InputError, "No person has both"


def infinite(adata, label):
    adata.X[0, 0] = np.inf
    return adata, label, InputError, "infinite in 1 cells"


def text(adata, label):
    return adata, label.map({0.0: "no", 1.0: "yes"}), InputError, "'yes'"


@pytest.mark.parametrize(
    "spoil",
    [too_few, one_class, numbers, twice, label_twice, linear, strangers, infinite, text],
)
def test_bad_input_is_one_message(make_cohort, spoil):
    adata, label = make_cohort(n=30, p=5)
    adata, label, kind, message = spoil(adata.copy(), label.copy())
    with pytest.raises(kind, match=message):
        exo.ml.evaluate(adata, label, **FAST)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ("forest",)}, "Known: elastic_net"),
        ({"outer": (1, 1)}, "2 folds or more"),
        ({"clinical": ["weight"]}, "'weight' are not in obs"),
        ({"feature_time": "later"}, "no time 'later'"),
        ({"control": "CON"}, "no obs"),
    ],
)
def test_bad_options(make_cohort, options, message):
    adata, label = make_cohort(n=30, p=5)
    with pytest.raises(UsageError, match=message):
        exo.ml.evaluate(adata, label, **(FAST | options))


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        ({}, "prediction"),
        ({"feature_time": "baseline", "outcome_time": "terminal"}, "prediction"),
        ({"feature_time": "terminal", "outcome_time": "terminal"}, "association"),
        ({"feature_time": -7, "outcome_time": 84, "landmark": 0}, "prediction"),
        ({"feature_time": 0, "outcome_time": 84, "landmark": 0}, "association"),
        ({"feature_time": 84, "outcome_time": 84}, "association"),
        ({"feature_time": -7, "outcome_time": 84, "landmark": 90}, "association"),
    ],
)
def test_features_drawn_too_late_are_an_association(make_cohort, times, kind):
    adata, label = make_cohort(n=30, p=5, clinical=False)
    quick = FAST | {"n_permutations": 0, "outer": (3, 1)}
    result = exo.ml.evaluate(adata, label, **quick, **times)
    assert result.kind == kind
    assert result.verdict.startswith("association, not prediction") == (kind == "association")
    assert np.isnan(result.permutation_p)
    assert "not tested" in result.verdict


@pytest.mark.slow
def test_noise_gives_half_and_uniform_p(make_cohort):
    areas, p_values = [], []
    for seed in range(20):
        adata, label = make_cohort(n=40, p=1000, seed=100 + seed, clinical=False)
        options = {"outer": (5, 2), "n_permutations": 9, "n_bootstrap": 20}
        result = exo.ml.evaluate(adata, label, seed=seed, **options)
        areas.append(result.metrics.set_index("metric").loc["auc", "estimate"])
        p_values.append(result.permutation_p)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(p_values) <= 0.1) <= 0.35
