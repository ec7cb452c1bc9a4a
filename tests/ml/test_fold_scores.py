"""exo.ml.evaluate with signatures: their blocks, what stands beside them, and what they find."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.ml import SignatureScorer

FAST = {"outer": (4, 2), "inner": 3, "n_permutations": 4, "n_bootstrap": 40, "seed": 1}
SETS = {"carrier": [f"A{j:04d}" for j in range(6)], "other": {"A0010": 1.0, "A0011": -2.0}}


def plant(make_cohort, effect, n=60, p=40, seed=0):
    """A label that goes with the mean of six members, none of which tells much by itself."""
    adata, _ = make_cohort(n=n, p=p, seed=seed)
    rng = np.random.default_rng(seed + 1000)
    complete = np.nan_to_num(adata.X[:, :6] - 6)
    score = effect * complete.mean(axis=1) * np.sqrt(6) + rng.logistic(size=n)
    label = (score > np.median(score)).astype(float)
    return adata, pd.Series(label, index=adata.obs["subject_id"].to_numpy(), name="responder")


def area(result, block):
    return result.metrics.set_index(["metric", "block"]).loc[("auc", block), "estimate"]


@pytest.fixture(scope="module")
def pair(make_cohort):
    adata, label = plant(make_cohort, 2.0)
    options = FAST | {"n_permutations": 19}
    return (
        exo.ml.evaluate(adata, label, **options),
        exo.ml.evaluate(adata, label, signatures=SETS, **options),
    )


@pytest.mark.quick
def test_blocks_stand_beside_the_others_and_change_none(pair):
    plain, found = pair
    blocks = ["clinical", "omics", "clinical+omics", "signatures", "clinical+signatures"]
    blocks += ["best_single"]
    assert list(found.metrics["block"].cat.categories) == blocks
    assert list(plain.metrics["block"].cat.categories) == blocks[:3]
    for name in ("metrics", "predictions", "roc"):
        more = getattr(found, name)
        kept = more[more["block"].isin(blocks[:3])].reset_index(drop=True)
        kept["block"] = kept["block"].cat.set_categories(blocks[:3])
        kept["model"] = kept["model"].cat.remove_unused_categories()
        pd.testing.assert_frame_equal(kept, getattr(plain, name))
    assert found.permutation_p == plain.permutation_p
    assert found.increment_p == plain.increment_p
    gains = found.metrics.loc[found.metrics["metric"] == "auc_increment", "block"]
    assert list(gains) == ["clinical+omics", "clinical+signatures"]
    assert plain.signatures is None
    assert "signatures" not in plain.to_dict()
    assert "signatures" not in plain.verdict


def test_a_planted_signature_is_found(pair):
    _, found = pair
    assert area(found, "signatures") > 0.75
    assert area(found, "signatures") > area(found, "clinical") + 0.1
    assert found.signatures.permutation_p == pytest.approx(1 / 20)
    assert found.signatures.increment_p <= 0.1
    assert found.signatures.names == ["carrier", "other"]
    assert found.signatures.selected.iloc[0]["signature"] == "carrier"
    assert found.signatures.selected.iloc[0]["share"] == 1
    assert "signatures reach AUC" in found.verdict
    assert "permutation p of signatures" in repr(found)


def test_summary_is_json(pair):
    summary = json.loads(json.dumps(pair[1].to_dict(), allow_nan=False))
    assert summary["signatures"]["method"] == "baseline_z"
    assert summary["signatures"]["permutation_p"] == pytest.approx(0.05)
    assert summary["signatures"]["selected"][0] == {"signature": "carrier", "share": 1.0}
    assert isinstance(pair[1].signatures.selected, pd.DataFrame)


def test_order_processes_and_level_change_nothing(make_cohort):
    adata, label = plant(make_cohort, 1.0, n=40)
    rng = np.random.default_rng(5)
    shuffled = adata[rng.permutation(40)][:, rng.permutation(40)].copy()
    moved = adata.copy()
    moved.X = moved.X + 1e5
    options = FAST | {"signatures": SETS}
    first = exo.ml.evaluate(adata, label, **options)
    for other in (
        exo.ml.evaluate(shuffled, label.sample(frac=1, random_state=2), **options),
        exo.ml.evaluate(adata, label, n_jobs=2, **options),
    ):
        pd.testing.assert_frame_equal(first.predictions, other.predictions)
        assert first.signatures.permutation_p == other.signatures.permutation_p
    other = exo.ml.evaluate(moved, label, **options).predictions
    before = first.predictions["probability"].to_numpy()
    assert other["probability"].to_numpy() == pytest.approx(before, abs=1e-5)


def test_without_clinical_columns(make_cohort):
    adata, label = plant(make_cohort, 1.0, n=40)
    result = exo.ml.evaluate(adata, label, clinical=None, signatures=SETS, **FAST)
    assert set(result.metrics["block"]) == {"omics", "signatures", "best_single"}
    assert np.isnan(result.signatures.increment_p)
    assert np.isfinite(result.signatures.permutation_p)
    assert any("No clinical columns" in note for note in result.notes)


@pytest.mark.parametrize("method", ["weighted_mean", "ulm", "singscore", "ssgsea", "gsva"])
def test_a_scorer_says_how(make_cohort, method):
    adata, label = plant(make_cohort, 2.0)
    scorer = SignatureScorer(SETS, method=method)
    quick = FAST | {"outer": (4, 1), "n_permutations": 0}
    result = exo.ml.evaluate(adata, label, signatures=scorer, **quick)
    assert result.signatures.method == method
    assert area(result, "signatures") > 0.65
    assert "not tested" in result.verdict
    small = any("40 features in all" in note for note in result.notes)
    assert small == (method != "weighted_mean")


def test_the_shipped_signatures_of_the_modality(make_cohort):
    adata, label = plant(make_cohort, 0.0, n=40)
    # a panel that holds one signature's members, under their symbols
    shipped = exo.sig.load()["muscle_leak"]
    symbols = [m.gene_symbol for m in shipped.members]
    adata.var_names = [*symbols, *(f"A{j}" for j in range(adata.n_vars - len(symbols)))]
    adata.uns["exerkine"] |= {"modality": "proteomics", "species": "rat", "matrix": "serum"}
    result = exo.ml.evaluate(adata, label, signatures=True, **(FAST | {"n_permutations": 0}))
    assert "muscle_leak" in result.signatures.names
    text = " ".join(result.notes)
    assert "Signatures not scored, coverage under 0.5" in text
    assert "muscle_leak is a human signature; these samples are rat" in text
    off = exo.ml.evaluate(adata, label, signatures=False, **(FAST | {"n_permutations": 0}))
    assert off.signatures is None


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:Cannot join:UserWarning")
def test_each_platform_of_a_mudata_is_scored_by_itself(make_cohort):
    from mudata import MuData

    first, label = plant(make_cohort, 2.0, seed=1)
    second, _ = make_cohort(n=60, p=12, seed=2, missing=0.0)
    second.X = second.X * 1000  # of no consequence to the scores of the first
    second = second[5:].copy()
    # by their names prot comes first, by its features' names prot2
    joined = MuData({"prot": first, "prot2": second})
    result = exo.ml.evaluate(joined, label, signatures=SETS, clinical=None, **FAST)
    names = [f"{m}:{s}" for m in ("prot", "prot2") for s in SETS]
    assert result.signatures.names == names
    alone = exo.ml.evaluate(
        first[5:].copy(), label, signatures={"carrier": SETS["carrier"]}, clinical=None, **FAST
    )
    both = exo.ml.evaluate(
        MuData({"prot": first, "prot2": second[:, 6:].copy()}),
        label,
        signatures={"carrier": SETS["carrier"]},
        clinical=None,
        **FAST,
    )
    assert both.signatures.names == ["prot:carrier"]
    assert any("prot2:carrier" in note for note in both.notes)
    scores = [r.predictions.query("block == 'signatures'")["probability"] for r in (alone, both)]
    assert scores[0].to_numpy() == pytest.approx(scores[1].to_numpy(), abs=1e-12)


def test_the_control_arm_has_the_blocks(trial_with_control):
    adata, frame = trial_with_control(n=40, n_control=24)
    spec = exo.ResponseSpec(
        pre="pre", post="post", threshold=2.0, arm="group", control="CON",
        reliability=exo.Reliability.from_typical_error(1.0, df=30),
    )  # fmt: skip
    sets = {"s": ["A3", "A4"], "t": ["A7", "A8", "A9"]}
    result = exo.ml.evaluate(adata, (spec, frame), signatures=sets, **FAST)
    assert {"signatures", "clinical+signatures"} <= set(result.control["blocks"])
    assert np.isfinite(result.control["blocks"]["signatures"]["estimate"])
    plain = exo.ml.evaluate(adata, (spec, frame), **FAST)
    assert plain.control["blocks"]["omics"] == result.control["blocks"]["omics"]


def test_people_and_signatures_that_are_not_covered(make_cohort):
    """A score that is missing is imputed as a feature is; a signature never seen is left out."""
    adata, label = plant(make_cohort, 1.0, n=40)
    adata.X[:4, :4] = np.nan
    sets = SETS | {"absent": ["IL6", "IL10"]}
    result = exo.ml.evaluate(adata, label, signatures=sets, **FAST)
    assert result.signatures.names == ["carrier", "other"]
    assert any("under 0.5: absent." in note for note in result.notes)
    assert len(result.predictions.query("block == 'signatures' and repeat == 0")) == 40
    adata.X[:, :2] = adata.X[:, 10:12] = np.nan  # measured for nobody
    empty = exo.ml.evaluate(adata, label, signatures={"gone": ["A0000", "A0001"]}, **FAST)
    assert area(empty, "signatures") == 0.5


@pytest.mark.parametrize(
    ("signatures", "kind", "message"),
    [
        ({"s": ["IL6"]}, InputError, "No signature is measured: coverage of 's'"),
        ({}, UsageError, "SignatureSet, or a mapping"),
        ("muscle_leak", UsageError, "SignatureSet, or a mapping"),
        ({"s": []}, UsageError, "has no members"),
        (exo.sig.SignatureSet([]), UsageError, "is empty"),
        (SignatureScorer({"s": ["A0000"]}, method="zscore"), UsageError, "no scorer 'zscore'"),
        (SignatureScorer({"s": ["A0000"]}, baseline=["P000"]), UsageError, "has baseline="),
        (SignatureScorer({"s": ["A0000"]}, var=["A0000"]), UsageError, "has var="),
        (SignatureScorer({"s": ["A0000"]}, min_coverage=2), UsageError, "between 0 and 1"),
    ],
)
def test_bad_signatures_are_one_message(make_cohort, signatures, kind, message):
    adata, label = make_cohort(n=30, p=5)
    with pytest.raises(kind, match=message):
        exo.ml.evaluate(adata, label, signatures=signatures, **FAST)


@pytest.mark.slow
def test_noise_gives_half_and_uniform_p(make_cohort):
    areas, p_values = [], []
    sets = {f"s{k}": [f"A{j:04d}" for j in range(5 * k, 5 * k + 5)] for k in range(20)}
    for seed in range(20):
        adata, label = make_cohort(n=40, p=100, seed=100 + seed, clinical=False)
        options = {"outer": (5, 2), "n_permutations": 9, "n_bootstrap": 20}
        result = exo.ml.evaluate(adata, label, signatures=sets, seed=seed, **options)
        areas.append(area(result, "signatures"))
        p_values.append(result.signatures.permutation_p)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.06)
    assert np.mean(np.array(p_values) <= 0.1) <= 0.35


@pytest.mark.slow
def test_a_signature_finds_what_single_features_hide(make_cohort):
    areas = []
    for seed in range(6):
        adata, label = plant(make_cohort, 2.0, n=80, p=600, seed=seed)
        options = {"outer": (5, 2), "n_permutations": 0, "n_bootstrap": 20}
        result = exo.ml.evaluate(adata, label, signatures=SETS, seed=seed, **options)
        areas.append((area(result, "omics"), area(result, "signatures")))
    omics, signatures = np.mean(areas, axis=0)
    assert signatures > 0.78
    assert signatures > omics + 0.08
