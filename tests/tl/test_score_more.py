"""`tl.score`: stored references, common members, errors, random sets, the registry."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.kernels._scorers import SCORERS

SETS = {"up": ["A00", "A01", "A02", "A03", "A04"], "signed": {"A00": 2.0, "A07": -1.0, "Z99": 1.0}}
small_panel = pytest.mark.filterwarnings("ignore:.*compares the members")


@small_panel
@pytest.mark.parametrize("method", list(SCORERS))
def test_every_scorer_gives_its_frames(trial: ad.AnnData, method: str, round_trip) -> None:
    exo.tl.score(trial, SETS, method=method, n_permutations=50)
    back = round_trip(trial)
    score = back.obsm[f"score_{method}"]
    for key in ("coverage", "score_se", "score_null_z", "score_null_p"):
        frame = back.obsm[f"{key}_{method}"]
        assert list(frame.columns) == list(SETS) and (frame.index == trial.obs_names).all()
        if key != "coverage":
            assert (frame["up"].notna() == score["up"].notna()).all()
    p = back.obsm[f"score_null_p_{method}"]["up"].dropna()
    assert ((p >= 1 / 51) & (p <= 1)).all()
    assert (back.obsm[f"score_se_{method}"]["up"].dropna() > 0).all()
    told = back.uns[f"score_members_{method}"].set_index("signature")
    assert told.loc["signed", "n_measured"] == 2 and told.loc["signed", "missing"] == "Z99"
    # again without: what was there is gone, nothing stale stays
    exo.tl.score(trial, SETS, method=method, se=False)
    assert f"score_null_p_{method}" not in trial.obsm and f"score_se_{method}" not in trial.obsm


def test_registry_says_what_to_know() -> None:
    table = exo.tl.show_methods().set_index("method")
    assert table.index.to_list() == list(SCORERS)
    assert not table.drop(columns=["options", "source"]).isin([""]).any().any()
    assert table.loc["ssgsea", "options"] == "tau=0.25, normalize=True"
    assert table["competitive"].to_dict() == {
        "baseline_z": False, "weighted_mean": False, "ulm": True, "singscore": True,
        "ssgsea": True, "gsva": True,
    }  # fmt: skip


def test_registry_of_the_tests() -> None:
    table = exo.tl.show_methods("enrich").set_index("method")
    assert table["null"].to_dict() == {
        "camera": "competitive", "camera_pr": "competitive", "fry": "self-contained",
        "roast": "self-contained", "signflip": "self-contained",
    }  # fmt: skip
    assert not table.isin([""]).any().any()
    with pytest.raises(exo.errors.UsageError, match="neither 'score' nor 'enrich'"):
        exo.tl.show_methods("tests")


@pytest.mark.parametrize("method", ["ulm", "singscore", "ssgsea", "gsva"])
def test_a_small_panel_is_told(trial: ad.AnnData, method: str) -> None:
    with pytest.warns(exo.errors.ExerkineWarning, match=f"{trial.n_vars} features in all"):
        exo.tl.score(trial, SETS, method=method)


def test_a_new_person_is_scored_on_the_cohort_s_scale(trial: ad.AnnData) -> None:
    exo.tl.score(trial, SETS)
    own = exo.get.scores(trial)
    reference = exo.get.score_reference(trial)
    new = trial[["P02_post"], ::-1].copy()
    exo.tl.score(new, SETS, reference=reference)
    np.testing.assert_allclose(exo.get.scores(new).loc["P02_post"], own.loc["P02_post"])
    np.testing.assert_allclose(
        exo.get.score_reference(new).set_index("feature")["sd"].to_numpy(),
        reference.set_index("feature").loc[new.var_names, "sd"].to_numpy(),
    )
    # a feature that the reference lacks is not measured
    before = exo.get.coverage(new).loc["P02_post", "signed"]
    assert np.isfinite(new[:, "A07"].X).all()
    less = reference[reference["feature"].astype(str) != "A07"]
    exo.tl.score(new, SETS, reference=less, min_coverage=0)
    assert exo.get.coverage(new).loc["P02_post", "signed"] == pytest.approx(before - 0.25)


def test_a_reference_survives_a_table(trial: ad.AnnData, tmp_path) -> None:
    exo.tl.score(trial, SETS)
    own = exo.get.scores(trial).copy()
    exo.get.score_reference(trial).to_csv(tmp_path / "reference.csv", index=False)
    exo.tl.score(trial, SETS, reference=pd.read_csv(tmp_path / "reference.csv"))
    np.testing.assert_allclose(exo.get.scores(trial), own)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda r: r.drop(columns="sd"), "InputError", "feature, mean and sd"),
        (lambda r: r.assign(units="RFU"), "UnitsError", "units 'RFU'"),
        (lambda r: r.assign(species="rat"), "InputError", "species 'rat'"),
        (lambda r: r.assign(platform="Olink"), "InputError", "platform"),
        (lambda r: pd.concat([r, r]), "InputError", "twice"),
        (lambda r: r.assign(sd=0.0), "InputError", "not positive"),
        (lambda r: r.assign(feature="nothing" + r["feature"].astype(str)), "InputError", "panel"),
        (lambda r: r["mean"], "InputError", "feature, mean and sd"),
    ],
)
def test_a_reference_that_does_not_fit(trial: ad.AnnData, change, error: str, words: str) -> None:
    trial.uns["exerkine"]["platform"] = "SomaScan"
    exo.tl.score(trial, SETS)
    reference = exo.get.score_reference(trial)
    with pytest.raises(getattr(exo.errors, error), match=words):
        exo.tl.score(trial, SETS, reference=change(reference))


@small_panel
@pytest.mark.parametrize("method", list(SCORERS))
def test_common_members_change_as_score_change_says(trial: ad.AnnData, method: str) -> None:
    """Where a person has two samples, both ways see the same members."""
    two = trial[trial.obs["timepoint"].isin(["pre", "post"]).to_numpy()].copy()
    two.obs["timepoint"] = two.obs["timepoint"].cat.remove_unused_categories()
    # what is learnt must be the same on both ways: the table of baseline values as it stands
    changes = exo.tl.score_change(two, SETS, method=method, min_coverage=0)
    given = {}
    if method == "baseline_z":
        exo.tl.score(two, SETS)
        given = {"reference": exo.get.score_reference(two)}
    if method in ("gsva", "ssgsea"):
        return  # what they learn from all samples depends on the cells taken out
    exo.tl.score(two, SETS, method=method, members="common", min_coverage=0, **given)
    scores = exo.get.scores(two, method)
    rows = changes[changes["status"] == "ok"]
    assert len(rows) > 20
    for _, row in rows.iterrows():
        name = str(row["signature"])
        person = row["subject_id"]
        change = scores.loc[f"{person}_post", name] - scores.loc[f"{person}_pre", name]
        assert row["change"] == pytest.approx(change, abs=1e-9)


def test_a_sample_without_values_does_not_empty_its_person(trial: ad.AnnData) -> None:
    trial.X[trial.obs_names.get_loc("P01_late")] = np.nan
    exo.tl.score(trial, SETS, members="common")
    scores = exo.get.scores(trial)
    assert np.isfinite(scores.loc["P01_pre", "up"])
    assert np.isnan(scores.loc["P01_late", "up"])


def test_varying_members_are_counted(trial: ad.AnnData) -> None:
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    exo.tl.score(trial, SETS)
    assert (trial.uns["score_members_baseline_z"]["n_people_varying"] == 0).all()
    exo.tl.differential(exo.get.scores(trial, as_anndata=True), control="CON", variance="contrast")
    trial.X[trial.obs_names.get_loc("P01_post"), trial.var_names.get_loc("A01")] = np.nan
    trial.X[trial.obs_names.get_loc("P02_post"), trial.var_names.get_loc("A00")] = np.nan
    exo.tl.score(trial, SETS)
    told = trial.uns["score_members_baseline_z"].set_index("signature")["n_people_varying"]
    assert told.to_dict() == {"up": 2, "signed": 1}
    trial.obs["minutes_post"] = trial.obs["timepoint"].cat.codes.astype(float) * 60
    for test in (
        exo.tl.differential,
        exo.tl.time_course,
        exo.tl.area_under_curve,
        exo.tl.summarize,
        lambda a: exo.tl.crossover(a, condition="arm"),
        lambda a: exo.pp.delta(a, timepoint="post"),
    ):
        with pytest.raises(exo.errors.InputError, match="'up', 'signed'"):
            test(exo.get.scores(trial, as_anndata=True))


@pytest.mark.parametrize("method", ["baseline_z", "ssgsea"])
@small_panel
def test_stored_matrix_gives_the_same(trial: ad.AnnData, tmp_path, method: str) -> None:
    exo.tl.score(trial, SETS, method=method, n_permutations=20)
    changes = exo.tl.score_change(trial, SETS, method=method)
    trial.write_h5ad(tmp_path / "trial.h5ad")
    stored = ad.read_h5ad(tmp_path / "trial.h5ad", backed="r")
    again = exo.tl.score_change(stored, SETS, method=method)
    np.testing.assert_allclose(again["change"], changes["change"])
    for key in ("score", "score_se", "score_null_p"):
        expected = trial.obsm[f"{key}_{method}"].copy()
        stored.obsm.pop(f"{key}_{method}")
        exo.tl.score(stored, SETS, method=method, n_permutations=20)
        np.testing.assert_allclose(stored.obsm[f"{key}_{method}"], expected)


@small_panel
def test_blocks_of_samples_change_nothing(trial: ad.AnnData, monkeypatch) -> None:
    for method in SCORERS:
        exo.tl.score(trial, SETS, method=method, n_permutations=20)
        keys = [k for k in trial.obsm if k.endswith(method)]
        whole = {k: trial.obsm[k].copy() for k in keys}
        change = exo.tl.score_change(trial, SETS, method=method)["change"]
        monkeypatch.setattr("exerkine_omics.tl._scoring.ROWS", 7)
        monkeypatch.setattr("exerkine_omics.tl._score_change.ROWS", 7)
        exo.tl.score(trial, SETS, method=method, n_permutations=20)
        again = exo.tl.score_change(trial, SETS, method=method)["change"]
        np.testing.assert_allclose(again, change, atol=1e-12)
        for key in keys:
            np.testing.assert_allclose(trial.obsm[key], whole[key], atol=1e-12)
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "mean"}, "UsageError", "Known: baseline_z"),
        ({"method": None}, "UsageError", "no scorer None"),
        ({"tau": 0.5}, "UsageError", "no option of scorer 'baseline_z'"),
        ({"method": "ssgsea", "tau": -1}, "UsageError", "no number from 0 up"),
        ({"method": "ssgsea", "tau": "a"}, "UsageError", "no number from 0 up"),
        ({"method": "ssgsea", "normalize": 1}, "UsageError", "neither True nor False"),
        ({"method": "gsva", "normalize": True}, "UsageError", "Its options: tau, mx_diff"),
        ({"se": "yes"}, "UsageError", "neither True nor False"),
        ({"members": "both"}, "UsageError", "'available' nor 'common'"),
        ({"n_permutations": 1.5}, "UsageError", "no whole number"),
        ({"n_permutations": 3}, "UsageError", "too few"),
        ({"min_coverage": "half"}, "UsageError", "between 0 and 1"),
        ({"method": "ulm", "reference": pd.DataFrame()}, "UsageError", "takes no reference"),
        ({"several": "mean"}, "UsageError", "neither 'error' nor 'first'"),
    ],
)
def test_bad_options(trial: ad.AnnData, options: dict, error: str, words: str) -> None:
    before = set(trial.obsm) | set(trial.uns)
    with pytest.raises(getattr(exo.errors, error), match=words):
        exo.tl.score(trial, SETS, **options)
    assert set(trial.obsm) | set(trial.uns) == before


def test_nothing_to_score(trial: ad.AnnData) -> None:
    with pytest.raises(exo.errors.InputError, match="nothing to score"):
        exo.tl.score(trial[:, []].copy(), SETS)
    with pytest.raises(exo.errors.InputError, match="needs 3"):
        exo.tl.score(trial[trial.obs["subject_id"].isin(["P01", "P02"]).to_numpy()].copy(), SETS)
    with pytest.raises(exo.errors.InputError, match="score_reference_ulm"):
        exo.get.score_reference(trial, "ulm")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (3, "'mine' is 3, no list"),
        (None, "'mine' is None, no list"),
        ({"A00": "abc"}, "weight of 'A00' in signature 'mine' is 'abc', no number"),
        ({"A00": None}, "weight of 'A00' in signature 'mine' is None, no number"),
        (pd.Series([1.0, 2.0], ["A00", "A01"]), "Series of numbers"),
    ],
)
def test_members_that_are_none(trial: ad.AnnData, members: object, told: str) -> None:
    for call in (exo.tl.score, exo.tl.enrich, exo.tl.score_change):
        with pytest.raises(exo.errors.UsageError, match=told):
            call(trial, {"mine": members})


def test_names_of_signatures_are_text(trial: ad.AnnData, round_trip) -> None:
    exo.tl.score(trial, {1: ["A00", "A01"]})
    exo.tl.score_change(trial, {1: ["A00", "A01"]})
    assert list(round_trip(trial).obsm["score_baseline_z"].columns) == ["1"]
    with pytest.raises(exo.errors.UsageError, match="same name as text"):
        exo.tl.enrich(trial, {1: ["A00"], "1": ["A01"]})


def test_what_is_no_anndata_is_said_so(trial: ad.AnnData) -> None:
    for call in (exo.tl.score, exo.tl.score_change, exo.tl.contributions):
        with pytest.raises(exo.errors.UsageError, match="not an AnnData"):
            call(trial.obs, SETS)
    with pytest.raises(exo.errors.UsageError, match="AnnData, not a frame"):
        exo.tl.score_test(trial)


@small_panel
@pytest.mark.parametrize("method", ["baseline_z", "weighted_mean"])
def test_random_sets_that_are_the_signature_itself_have_no_spread(
    trial: ad.AnnData, method: str
) -> None:
    tiny = trial[:, ["A20", "A21", "A22"]].copy()
    tiny.X = np.random.default_rng(1).normal(size=tiny.shape)
    exo.tl.score(tiny, {"all": list(tiny.var_names)}, method=method, n_permutations=100)
    assert tiny.obsm[f"score_null_z_{method}"]["all"].isna().all()
    assert (tiny.obsm[f"score_null_p_{method}"]["all"] == 1.0).all()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sd": "a"}, "'sd' of the reference holds text"),
        ({"mean": "a"}, "'mean' of the reference holds text"),
        ({"mean": np.inf}, "infinite"),
        ({"mean": np.nan}, "No feature of the reference"),
    ],
)
def test_reference_of_other_than_numbers(
    trial: ad.AnnData, changes: dict[str, object], told: str
) -> None:
    exo.tl.score(trial, SETS)
    stored = exo.get.score_reference(trial).assign(**changes)
    with pytest.raises(exo.errors.InputError, match=told):
        exo.tl.score(trial, SETS, reference=stored)


def test_samples_of_nobody_are_not_one_person(trial: ad.AnnData) -> None:
    people = trial.obs["subject_id"].astype(object)
    people.iloc[:3] = None
    trial.obs["subject_id"] = people
    trial.X = np.nan_to_num(trial.X, nan=5.0)
    trial.X[0, 0] = np.nan
    exo.tl.score(trial, SETS)
    assert trial.uns["score_members_baseline_z"]["n_people_varying"].to_list() == [0, 0]
    with pytest.raises(exo.errors.InputError, match="have no value"):
        exo.tl.score(trial, SETS, members="common")


@small_panel
def test_one_score_has_no_range(trial: ad.AnnData) -> None:
    with pytest.warns(exo.errors.ExerkineWarning, match="no range"):
        exo.tl.score(trial[:1].copy(), {"up": SETS["up"]}, method="ssgsea")
