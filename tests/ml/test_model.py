"""Model files: fitted, saved, loaded in another process; damaged and mismatched ones refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UnitsError, UsageError
from exerkine_omics.kernels._conformal import class_p_values
from exerkine_omics.kernels._venn_abers import venn_abers

FAST = {"outer": (4, 2), "inner": 3, "n_permutations": 0, "n_bootstrap": 40, "seed": 1}
SETS = {"carrier": ["A0000", "A0001", "A0002"], "other": {"A0005": 1.0, "A0006": -1.0}}


def cohort(make_cohort, **options):
    adata, label = make_cohort(**({"n": 60, "p": 15, "effect": 3.0} | options))
    known = {"platform": "olink_explore", "modality": "proteomics", "species": "human"}
    adata.uns["exerkine"].update(known | {"matrix": "plasma_edta"})
    return adata, label


@pytest.fixture(scope="module")
def evaluated(make_cohort):
    adata, label = cohort(make_cohort)
    return adata, exo.ml.evaluate(
        adata, label, signatures=SETS, models=("elastic_net", "random_forest"), **FAST
    )


@pytest.fixture(scope="module")
def saved(evaluated, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.skops"
    model = evaluated[1].fit()
    return path, model.save(path), model


@pytest.fixture
def new(make_cohort):
    return cohort(make_cohort, n=12, seed=9)[0]


@pytest.mark.quick
def test_columns_of_the_contract(saved, new):
    found = saved[2].predict(new)
    columns = ["subject_id", "probability", "ci_low", "ci_high", "missing_share", "abstain"]
    assert list(found.columns) == [*columns, "status"]
    assert found["subject_id"].tolist() == sorted(new.obs["subject_id"])
    assert found["probability"].between(0, 1).all()
    assert (found["ci_low"] <= found["ci_high"]).all()
    assert (found["abstain"] == (found["status"] != "ok")).all()
    assert not found["abstain"].all()


def test_predicts_in_a_fresh_process_from_the_file_alone(saved, new, tmp_path):
    new.write_h5ad(tmp_path / "new.h5ad")
    code = (
        "import sys, anndata, exerkine_omics as exo\n"
        "model = exo.ml.load(sys.argv[1], sys.argv[2])\n"
        "print(model.predict(anndata.read_h5ad(sys.argv[3])).to_json(double_precision=15))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved[0]), saved[1], str(tmp_path / "new.h5ad")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    there, here = json.loads(done.stdout), saved[2].predict(new)
    assert list(there["probability"].values()) == pytest.approx(here["probability"].tolist())
    assert list(there["status"].values()) == here["status"].tolist()


@pytest.mark.parametrize(
    ("block", "model"),
    [
        ("omics", None), ("clinical", None), ("signatures", None), ("clinical+signatures", None),
        ("best_single", None), ("clinical+omics", "random_forest"), ("signatures", "random_forest"),
    ],
)  # fmt: skip
def test_every_block_and_model_is_saved(evaluated, new, tmp_path, block, model):
    fitted = evaluated[1].fit(block, model)
    fitted.save(tmp_path / "m.skops")
    back = exo.ml.load(tmp_path / "m.skops")
    pd.testing.assert_frame_equal(back.predict(new), fitted.predict(new))
    assert back.card == json.loads(json.dumps(fitted.card)) and repr(back) == repr(fitted)


@pytest.mark.parametrize("method", ["ssgsea", "gsva", "ulm", "singscore", "weighted_mean"])
def test_scores_of_any_method_are_saved(make_cohort, new, tmp_path, method):
    adata, label = cohort(make_cohort)
    scorer = exo.ml.SignatureScorer(SETS, method=method)
    result = exo.ml.evaluate(adata, label, signatures=scorer, **(FAST | {"outer": (3, 1)}))
    fitted = result.fit("signatures")
    fitted.save(tmp_path / "m.skops")
    found = exo.ml.load(tmp_path / "m.skops").predict(new)
    pd.testing.assert_frame_equal(found, fitted.predict(new))


def test_a_change_has_a_conformal_interval(trial_with_control, tmp_path):
    adata, frame = trial_with_control(n=60)
    change = (frame["post"] - frame["pre"]).set_axis(frame["subject_id"])
    fitted = exo.ml.evaluate(adata, change, target="change", **FAST).fit()
    fitted.save(tmp_path / "m.skops")
    found = exo.ml.load(tmp_path / "m.skops").predict(adata)
    width = found["ci_high"] - found["ci_low"]
    assert width.to_numpy() == pytest.approx(width.iloc[0])
    residual = np.sort(np.abs(fitted.outcome - fitted.scores))
    rank = int(np.ceil((len(residual) + 1) * 0.9))
    assert width.iloc[0] / 2 == pytest.approx(residual[rank - 1])
    assert set(found.columns) >= {"change", "missing_share", "status"}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
def test_fused_platforms_are_saved(make_cohort, tmp_path):
    from mudata import MuData

    first, label = cohort(make_cohort, seed=1)
    second, _ = cohort(make_cohort, seed=2)
    for name in ("age", "sex"):
        second.obs[name] = first.obs[name]
    both = MuData({"prot": first, "mets": second})
    result = exo.ml.evaluate(both, label, join="late", **FAST)
    fitted = result.fit("omics")
    fitted.save(tmp_path / "m.skops")
    back = exo.ml.load(tmp_path / "m.skops")
    pd.testing.assert_frame_equal(back.predict(both), fitted.predict(both))
    alone = back.predict(MuData({"prot": first}))
    assert (alone["missing_share"] > 0).all() or not fitted.fitted.weights[0] > 0
    with pytest.raises(InputError, match="'prot'|'mets'"):
        back.predict(first)


def test_predictions_are_those_of_the_fit(evaluated):
    """The elastic net of all people, calibrated by their out-of-fold predictions."""
    adata, result = evaluated
    model = result.fit("omics")
    found = model.predict(adata)
    even = model.fitted.predict(result.study.material.x)
    low, high = venn_abers(model.scores, model.outcome, even)
    assert found["ci_low"].to_numpy() == pytest.approx(low)
    assert found["ci_high"].to_numpy() == pytest.approx(high)
    assert found["probability"].to_numpy() == pytest.approx(high / (1 - low + high))
    assert found["probability"].between(found["ci_low"], found["ci_high"]).all()
    inside = class_p_values(model.scores, model.outcome, even) > 0.1
    unsure = inside.sum(axis=1) != 1
    assert found["abstain"].to_numpy()[unsure].all()


def test_nobody_is_lost_without_a_word(saved, new):
    """Who has no value is predicted as missing; who has no baseline sample is named."""
    model = saved[2]
    blank = new.copy()
    blank.X[0] = np.nan
    found = model.predict(blank)
    assert len(found) == blank.n_obs
    row = found[found["subject_id"] == str(blank.obs["subject_id"].iloc[0])].iloc[0]
    assert row["abstain"] and "columns are missing" in row["status"]
    later = new.copy()
    times = ["post", *(["pre"] * (later.n_obs - 1))]
    later.obs["timepoint"] = pd.Categorical(times, ["pre", "post"], ordered=True)
    with pytest.warns(ExerkineWarning, match="have no baseline sample and are not predicted"):
        assert len(model.predict(later)) == later.n_obs - 1


def test_a_level_never_seen_is_missing_not_the_first(saved, new):
    strange = new.copy()
    strange.obs["sex"] = "Female"
    plain, found = saved[2].predict(new), saved[2].predict(strange)
    assert (found["missing_share"] >= plain["missing_share"]).all()
    assert found["missing_share"].max() > plain["missing_share"].max()


class TestDamage:
    @pytest.mark.quick
    def test_any_byte_flipped_is_refused(self, saved, tmp_path):
        content = bytearray(saved[0].read_bytes())
        rng = np.random.default_rng(0)
        head = content.index(b"\n") + 1
        places = [*range(head), *rng.integers(head, len(content), 300), len(content) - 1]
        path = tmp_path / "damaged.skops"
        for place in places:
            for bit in (1, 32):
                damaged = content.copy()
                damaged[place] ^= bit
                path.write_bytes(damaged)
                with pytest.raises(InputError):
                    exo.ml.load(path)

    @pytest.mark.parametrize("cut", [0, 5, 60, 110, 1000, -1])
    def test_a_cut_or_longer_file_is_refused(self, saved, tmp_path, cut):
        path = tmp_path / "cut.skops"
        path.write_bytes(saved[0].read_bytes()[:cut])
        with pytest.raises(InputError, match="damaged|no model file"):
            exo.ml.load(path)
        path.write_bytes(saved[0].read_bytes() + b"x")
        with pytest.raises(InputError, match="damaged"):
            exo.ml.load(path)

    def test_authenticity_is_by_sha256(self, saved, evaluated, tmp_path):
        assert saved[1] == hashlib.sha256(saved[0].read_bytes()).hexdigest()
        other = tmp_path / "other.skops"
        evaluated[1].fit("omics").save(other)
        exo.ml.load(other)  # whole and valid, but not the one that was meant
        with pytest.raises(InputError, match="not the one of this sha256"):
            exo.ml.load(other, saved[1])
        with pytest.raises(UsageError, match="is no sha256"):
            exo.ml.load(other, "abc")

    def test_another_schema_version_or_type_is_refused(self, saved, tmp_path, monkeypatch):
        from exerkine_omics.ml import _model_file

        path = tmp_path / "m.skops"
        monkeypatch.setattr(_model_file, "MODEL_SCHEMA", "2")
        with pytest.raises(InputError, match="schema version"):
            exo.ml.load(saved[0])
        monkeypatch.undo()
        monkeypatch.setattr(_model_file, "TRUSTED", ())
        with pytest.raises(InputError, match="not trusted"):
            exo.ml.load(saved[0])
        monkeypatch.undo()
        from skops import io

        for state in ({"a": 1}, [1, 2]):
            body = io.dumps(state)
            path.write_bytes(_model_file._header(body) + body)
            with pytest.raises(InputError, match="no model of this version"):
                exo.ml.load(path)
        path.write_bytes(_model_file._header(b"nothing") + b"nothing")
        with pytest.raises(InputError, match="holds no model"):
            exo.ml.load(path)

    def test_places_that_are_none(self, saved, tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            exo.ml.load(tmp_path / "absent")
        with pytest.raises(InputError, match="no such folder"):
            saved[2].save(tmp_path / "absent" / "m.skops")
        with pytest.raises(InputError, match="cannot be written"):
            saved[2].save(tmp_path)


class TestMismatch:
    def test_order_and_more_features_change_nothing(self, saved, new):
        plain = saved[2].predict(new)
        rng = np.random.default_rng(1)
        mixed = new[rng.permutation(12)][:, rng.permutation(15)].copy()
        pd.testing.assert_frame_equal(saved[2].predict(mixed), plain)

    def test_missing_features_are_counted(self, saved, new):
        model = saved[2]
        names = [*(c.label for c in model.clinical), *model.features]
        used = [n for n, u in zip(names, model.used, strict=True) if u and n.startswith("A")]
        without = new[:, [v for v in new.var_names if v != "A0000"]].copy()
        found = model.predict(without)
        assert (found["missing_share"] >= 1 / model.used.sum() - 1e-12).all()
        assert "A0000" in used
        few = new[:, ["A0014"]].copy() if "A0014" not in used else new[:, ["A0013"]].copy()
        few.X[:] = 6.0
        found = model.predict(few)
        assert found["abstain"].all()
        assert found["status"].str.contains("columns are missing").all()

    def test_values_beyond_the_training_range_are_flagged(self, saved, new):
        new.X[3, 0] = 60.0
        found = saved[2].predict(new).set_index("subject_id")
        status = found.loc[new.obs["subject_id"].iloc[3], "status"]
        assert "outside the training range: A0000" in status
        assert found.drop(new.obs["subject_id"].iloc[3])["status"].str.contains("range").sum() < 6

    @pytest.mark.parametrize(
        ("key", "value", "kind", "message"),
        [
            ("units", "log2", UnitsError, "trained on NPX, and this is log2"),
            ("units", "RFU", UnitsError, "holds RFU"),
            (
                "platform",
                "somascan",
                InputError,
                "platform 'olink_explore', and this is 'somascan'",
            ),
            ("species", "rat", InputError, "species 'human', and this is 'rat'"),
            ("modality", "mirna", InputError, "modality"),
        ],
    )
    def test_another_platform_unit_or_species_is_refused(
        self, saved, new, key, value, kind, message
    ):
        new.uns["exerkine"][key] = value
        with pytest.raises(kind, match=message):
            saved[2].predict(new)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("matrix", "serum", "plasma_edta, and this is serum"),
            ("platform", "unknown", "not compared"),
            ("sample_scaling", "median", "rescaled"),
        ],
    )
    def test_what_may_matter_is_said(self, saved, new, key, value, message):
        new.uns["exerkine"][key] = value
        with pytest.warns(ExerkineWarning, match=message):
            saved[2].predict(new)

    def test_no_feature_in_common(self, saved, new):
        new.var_names = [f"B{k}" for k in range(15)]
        with pytest.raises(InputError, match="None of the model's features"):
            saved[2].predict(new)

    def test_changes_are_no_baseline_samples(self, saved, new):
        new.layers["delta"] = new.X.copy()
        with pytest.raises(InputError, match="baseline samples, and this holds changes"):
            saved[2].predict(new)

    def test_the_same_person_twice(self, saved, new):
        new.obs["subject_id"] = ["P000", *new.obs["subject_id"].iloc[:-1]]
        with pytest.raises(InputError, match="more than one"):
            saved[2].predict(new)

    def test_clinical_columns(self, saved, new):
        table = new.obs[["subject_id", "age", "sex"]].reset_index(drop=True)
        bare = new.copy()
        del bare.obs["age"]
        with pytest.raises(InputError, match="'age' is not there"):
            saved[2].predict(bare)
        found = saved[2].predict(bare, clinical=table.sample(frac=1, random_state=0))
        pd.testing.assert_frame_equal(found, saved[2].predict(new))
        with pytest.raises(InputError, match="holds text"):
            saved[2].predict(bare, clinical=table.assign(age="old"))
        with pytest.raises(InputError, match="No person of the data"):
            saved[2].predict(bare, clinical=table.assign(subject_id=[f"x{k}" for k in range(12)]))
        with pytest.raises(InputError, match="more than once"):
            saved[2].predict(bare, clinical=pd.concat([table, table]))
        with pytest.raises(UsageError, match="is a list"):
            saved[2].predict(bare, clinical=[1])

    def test_other_objects(self, saved):
        with pytest.raises(InputError, match="is a DataFrame"):
            saved[2].predict(pd.DataFrame({"A0000": [1.0]}))


def test_unknown_blocks_and_models(evaluated):
    with pytest.raises(UsageError, match="no block 'genes'"):
        evaluated[1].fit("genes")
    with pytest.raises(UsageError, match="no model 'svm'"):
        evaluated[1].fit("omics", "svm")


def test_types_of_a_users_estimator_are_named(make_cohort, tmp_path):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    adata, label = cohort(make_cohort, n=40, p=6)
    model = CalibratedClassifierCV(LinearSVC(), cv=3)
    fitted = exo.ml.evaluate(adata, label, models=("svm", model)[1], **FAST).fit("omics")
    fitted.save(tmp_path / "m.skops")
    try:
        back = exo.ml.load(tmp_path / "m.skops")
    except InputError as error:
        assert "not trusted" in str(error)
        names = [
            "sklearn.calibration._CalibratedClassifier",
            "sklearn.calibration._SigmoidCalibration",
        ]
        back = exo.ml.load(tmp_path / "m.skops", trusted=names)
    assert back.predict(adata)["probability"].between(0, 1).all()


def test_card_says_what_was_run(evaluated, saved):
    card = saved[2].card
    assert card["name"] == "clinical+omics, elastic_net" and card["stamp"] == "discovery"
    assert card["verdict"] == evaluated[1].verdict
    items = card["tripod_ai"]
    assert [row["item"] for row in items] == [str(k) for k in range(1, 28)]
    assert all(row["text"] for row in items)
    text = {row["topic"]: row["text"] for row in items}
    assert "4 folds x 2 repeats" in text["Analytical methods"]
    assert "Riley" in text["Sample size"] and "auc" in text["Model performance"]
    assert sum("authors" in row["text"] for row in items) >= 6
    json.dumps(card, allow_nan=False)
