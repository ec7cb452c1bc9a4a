"""Contrasts, design, pairs, findings, result frame, concat."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics import cohort
from exerkine_omics.cohort import Cell, parse_contrasts
from exerkine_omics.errors import InputError, UsageError

CELLS = [Cell(a, t) for a in ("EE", "CON") for t in ("pre", "post")]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("EE.post - EE.pre", [-1, 1, 0, 0]),
        ("(EE.post - EE.pre) - (CON.post - CON.pre)", [-1, 1, 1, -1]),
        ("post - pre", [-0.5, 0.5, -0.5, 0.5]),
        ("2 * EE.post / 4 - 0.5*EE.pre", [-0.5, 0.5, 0, 0]),
        ("-(EE.pre - `EE.post`)", [-1, 1, 0, 0]),
    ],
)
def test_contrasts_are_read(text: str, weights: list[float]) -> None:
    np.testing.assert_allclose(parse_contrasts(text, CELLS)[0].weights, weights)


def test_cells_are_matched_whole() -> None:
    cells = [Cell("", "Week.0"), Cell("", "Week.6"), Cell("", "24 h")]
    weights = parse_contrasts({"a": "Week.6 - Week.0", "b": "`24 h` - Week.0"}, cells)
    np.testing.assert_allclose(weights[0].weights, [-1, 1, 0])
    np.testing.assert_allclose(weights[1].weights, [-1, 0, 1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("EE.pst - EE.pre", "'EE.post'"),
        ("24 h - EE.pre", "backticks"),
        ("EE.post - 1", "sum of cells"),
        ("EE.post / 0", "zero"),
        ("(EE.post - EE.pre", "parenthesis"),
        ("EE.post EE.pre", "backticks"),
        ("EE.post * CON.post", "numbers only"),
        ("", "expected"),
        ("EE.post - EE.post", "sum of cells"),
    ],
)
def test_bad_contrasts_say_where(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_contrasts(text, CELLS)


def test_default_contrasts(trial: ad.AnnData) -> None:
    design = cohort.build_design(trial, control="CON")
    assert [c.name for c in design.contrasts] == [
        "CON: post - pre",
        "CON: late - pre",
        "EE: post - pre",
        "EE: late - pre",
        "EE - CON: post - pre",
        "EE - CON: late - pre",
    ]
    pooled = cohort.build_design(trial, arm=None)
    assert [c.name for c in pooled.contrasts] == ["post - pre", "late - pre"]


def test_pairs_go_by_subject_and_say_why_not(trial: ad.AnnData) -> None:
    trial.X[trial.obs_names.get_loc("P06_post")] = np.nan
    shuffled = trial[np.random.default_rng(0).permutation(trial.n_obs)].copy()
    table = exo.pp.pair(shuffled)
    counts = table.counts.set_index([table.counts["arm"].astype(str), "timepoint"])
    assert counts.loc[("EE", "post"), "n_pairs"] == 7
    assert counts.loc[("EE", "late"), "n_pairs"] == 7
    assert counts.loc[("CON", "post"), "n_pairs"] == 6
    reasons = table.dropped.set_index("subject_id")["reason"].astype(str)
    assert reasons["P03"] == "no late sample"
    assert reasons["P06"] == "P06_post has no values"
    assert (table.frame["sample"].str[:3] == table.frame["subject_id"])[table.frame["paired"]].all()


def test_a_filtered_baseline_never_hands_its_role_on(trial: ad.AnnData) -> None:
    with pytest.raises(InputError, match="baseline 'pre'"):
        cohort.build_design(trial[trial.obs["timepoint"] != "pre"].copy())


def test_subject_in_two_arms(trial: ad.AnnData) -> None:
    trial.obs["arm"] = ["EE", *trial.obs["arm"][1:-1], "EE"]
    with pytest.raises(InputError, match="more than one arm"):
        cohort.build_design(trial)


def test_adjust_is_bh_within_family() -> None:
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.5])
    family = np.array(["a", "a", "a", "b", "b"], dtype=object)
    adjusted = cohort.adjust(p, family)
    np.testing.assert_allclose(adjusted[[0, 1]], stats.false_discovery_control(p[[0, 1]]))
    np.testing.assert_allclose(adjusted[[3, 4]], stats.false_discovery_control(p[[3, 4]]))
    assert np.isnan(adjusted[2])


def test_findings_round_trip() -> None:
    findings = [
        cohort.Finding("a", "note", "seen", ("x", "y"), "do"),
        cohort.Finding("b", "error", "<b>bad</b>"),
    ]
    report = cohort.CheckReport(tuple(findings))
    assert [f.id for f in report.findings] == ["b", "a"]
    assert cohort.findings_from_frame(report.to_frame()) == list(report.findings)
    assert "<b>bad" not in report._repr_html_()
    with pytest.raises(InputError, match="bad"):
        report.raise_for_errors()


def test_concat_keeps_what_anndata_drops(trial: ad.AnnData, round_trip) -> None:
    trial.var["gene_symbol"] = [f"G{i}" for i in range(trial.n_vars)]
    trial.layers["below_lod"] = np.zeros(trial.shape, dtype=bool)
    first = trial[trial.obs["arm"] == "EE"].copy()
    second = trial[trial.obs["arm"] == "CON", :20].copy()
    both = exo.pp.concat({"one": first, "two": second}, label="site")
    assert both.uns["exerkine"]["baseline"] == "pre"
    assert list(both.obs["timepoint"].cat.categories) == ["pre", "post", "late"]
    assert both.obs["timepoint"].cat.ordered
    assert both.var["gene_symbol"].to_list() == trial.var["gene_symbol"].to_list()
    assert both.layers["below_lod"].dtype == bool
    assert np.isnan(both[second.obs_names, "A25"].X).all()
    assert round_trip(both).uns["exerkine"]["units"] == "NPX"
    exo.tl.differential(both, control="CON")


@pytest.mark.parametrize("key", ["units", "baseline", "species"])
def test_concat_refuses_to_mix(trial: ad.AnnData, key: str) -> None:
    other = trial.copy()
    other.obs_names = [f"B{n}" for n in other.obs_names]
    other.uns["exerkine"] = {**trial.uns["exerkine"], key: "other"}
    with pytest.raises(InputError, match=key):
        exo.pp.concat([trial, other])
    with pytest.raises(InputError, match="twice"):
        exo.pp.concat([trial, trial])


def test_a_pool_measured_twice_is_no_pair(trial: ad.AnnData) -> None:
    """A QC material with a name and a time would be one more person."""
    tubes = trial.obs["subject_id"] == trial.obs["subject_id"].iloc[0]
    trial.obs["sample_type"] = np.where(tubes, "qc", "sample")
    for call in (
        lambda: exo.pp.pair(trial),
        lambda: exo.pp.delta(trial, timepoint="post"),
        lambda: exo.tl.differential(trial, control="CON"),
    ):
        with pytest.raises(InputError, match=r"no person's.*exo\.pp\.clean"):
            call()
    assert len(exo.pp.pair(exo.pp.clean(trial)).frame["subject_id"].unique()) == 13
