"""The scorers on real cohorts: a race, a bout seen by three platforms, plasma of 170 people."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning
from exerkine_omics.kernels._scorers import SCORERS

pytestmark = pytest.mark.real_data
EVERY = tuple(SCORERS)
COMPETITIVE = tuple(m for m in EVERY if SCORERS[m].competitive)
CASCADE = "il6_anti_inflammatory_cascade"


def quietly(function, *args: object, **options: object):
    """Call without the note on small panels, which has a test of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExerkineWarning)
        return function(*args, **options)


def change_t(adata: ad.AnnData, signatures: object = None, **options: object) -> pd.DataFrame:
    """T of the mean change, signatures x contrasts."""
    changes = quietly(exo.tl.score_change, adata, signatures, **options)
    tested = exo.tl.score_test(changes).astype({"feature": str, "contrast": str})
    return tested.pivot(index="feature", columns="contrast", values="statistic")


# ---- a race of 50 km: six proteins, 11 runners, visits missed


@pytest.fixture
def race(data_dir: Path) -> ad.AnnData:
    adata = exo.datasets.load("ultramarathon_50km")
    exo.pp.log2(adata)
    return adata


def test_race_refuses_a_signature_of_which_most_is_not_measured(race: ad.AnnData) -> None:
    """IL-6, TNF and IL-1 beta are there; IL-1ra, IL-10 and the TNF receptors are not."""
    coverage = exo.sig.load().coverage(race).set_index("signature").loc[CASCADE]
    assert coverage["n_measured"] == 3 and coverage["n_members"] == 7
    assert set(coverage["missing"].split("; ")) == {"IL1RN", "IL10", "TNFRSF1A", "TNFRSF1B"}
    exo.tl.score(race)
    assert race.obsm["score_baseline_z"][CASCADE].isna().all()
    assert race.obsm["coverage_baseline_z"][CASCADE].max() == pytest.approx(3 / 7)
    changes = exo.tl.score_change(race)
    rows = changes[changes["signature"] == CASCADE]
    assert rows["change"].isna().all()
    paired = ~rows["status"].astype(str).str.startswith("no ")
    assert paired.any() and set(rows.loc[paired, "status"]) == {"coverage below 0.5"}


@pytest.mark.parametrize("method", ["baseline_z", "weighted_mean"])
def test_race_rises_to_the_finish_and_falls(race: ad.AnnData, method: str) -> None:
    changes = exo.tl.score_change(race, method=method, min_coverage=0.4)
    rows = changes[(changes["signature"] == CASCADE) & (changes["status"] == "ok")]
    wide = rows.pivot(index="subject_id", columns="timepoint", values="change")
    # runners with cytokines before and at that time
    assert wide.notna().sum().to_dict() == {"lap1_10km": 8, "finish_50km": 7, "post_24h": 10}
    t = exo.tl.score_test(changes).set_index(["feature", "contrast"])["statistic"][CASCADE]
    assert t["finish_50km - pre"] > 5 and t["lap1_10km - pre"] > 2 and abs(t["post_24h - pre"]) < 2
    assert (wide["finish_50km"].dropna() > 0).all()
    later = (wide["post_24h"] - wide["finish_50km"]).dropna()
    assert len(later) >= 6 and stats.ttest_1samp(later, 0).statistic < -3
    assert (wide["finish_50km"] - wide["lap1_10km"]).mean() > 0


@pytest.mark.parametrize("method", COMPETITIVE)
def test_race_shows_why_competitive_scorers_warn(race: ad.AnnData, method: str) -> None:
    """On six candidates the score says little: IL-6 rose fourfold and more, ranks stood still."""
    with pytest.warns(ExerkineWarning, match="this panel has 6 features"):
        exo.tl.score(race, method=method, min_coverage=0.4)
    t = change_t(race, method=method, min_coverage=0.4).loc[CASCADE]
    own = change_t(race, min_coverage=0.4).loc[CASCADE]
    if method == "gsva":
        assert t["finish_50km - pre"] < 1 < own["finish_50km - pre"]
        return
    changes = quietly(exo.tl.score_change, race, method=method, min_coverage=0.4)
    rows = changes[(changes["signature"] == CASCADE) & (changes["timepoint"] == "lap1_10km")]
    il6 = exo.tl.score_change(race, {"il6": ["IL6"]}, method="weighted_mean")
    il6 = il6.loc[il6["timepoint"] == "lap1_10km", "change"].dropna()
    assert len(il6) == 8 and (il6 > 1).mean() > 0.8 and il6.mean() > 2
    if method in ("singscore", "ssgsea"):
        assert (rows["change"].dropna() == 0).all() and rows["change"].notna().sum() == 8
    else:
        assert rows["change"].mean() > 0


def test_race_is_il6(race: ad.AnnData) -> None:
    parts = exo.tl.change_contributions(race, min_coverage=0.4)
    parts = parts[parts["signature"] == CASCADE].set_index(["contrast", "member"])
    finish = parts.loc["finish_50km - pre"]
    assert set(finish.index) == {"IL6", "TNFa", "IL1b"} and (finish["n_people"] == 7).all()
    assert finish["share"].idxmax() == "IL6" and finish.loc["IL6", "share"] > 0.85
    assert finish.loc["IL6", "ci_low"] > 1
    others = finish.drop(index="IL6")
    assert (others["ci_low"] < 0).all() and (others["ci_high"] > 0).all()
    tested = exo.tl.score_test(exo.tl.score_change(race, min_coverage=0.4))
    whole = tested.set_index(["feature", "contrast"]).loc[(CASCADE, "finish_50km - pre")]
    assert finish["contribution"].sum() == pytest.approx(whole["estimate"])
    # in the runner who stands out, by sample
    exo.tl.score(race, min_coverage=0.4)
    top = race.obsm["score_baseline_z"][CASCADE].idxmax()
    sample = exo.tl.contributions(race, min_coverage=0.4)
    sample = sample[(sample["sample_id"] == top) & (sample["signature"] == CASCADE)]
    assert race.obs.loc[top, "timepoint"] == "finish_50km"
    assert sample.set_index("member")["contribution"].idxmax() == "IL6"


def test_race_has_no_repeated_baseline(race: ad.AnnData) -> None:
    """Cytokines were not measured at the visit before: no typical error, and none is made up."""
    changes = exo.tl.score_change(race, min_coverage=0.4, repeat="visit1_rest")
    rows = changes[changes["signature"] == CASCADE]
    assert rows["change"].notna().sum() == 25
    assert rows[["typical_error", "rci_low", "rci_high"]].isna().all(axis=None)


# ---- one bout: 15 men, 7 times, an analyte on up to two platforms; no baseline is repeated


@pytest.fixture(scope="module")
def annotated_bout(data_dir: Path) -> ad.AnnData:
    folder = data_dir / "humet_exercise"
    table = pd.read_csv(folder / "plasma_exercise_T33-39_matrix.csv.gz", dtype={"subject": str})
    features = pd.read_csv(folder / "features.csv").set_index("column")
    table = table.set_index("sample_id")
    adata = exo.io.from_frames(
        table.reindex(columns=features.index),
        table[["subject", "time"]].assign(time="T" + table["time"].astype(str)),
        features,
        subject="subject",
        timepoint="time",
        baseline="T33",
        units="intensity",
        modality="metabolomics",
        matrix_type="plasma_edta",
    )
    exo.pp.log2(adata)
    exo.pp.annotate(adata)
    return adata


@pytest.fixture
def bout(annotated_bout: ad.AnnData) -> ad.AnnData:
    return annotated_bout.copy()


START, DURING, END, LAST = "T33", "T34", "T35", "T39"


def test_bout_names_the_features_that_measure_one_analyte(bout: ad.AnnData) -> None:
    with pytest.raises(exo.errors.InputError, match="never averaged") as caught:
        exo.tl.score(bout)
    assert "lactate [P, nt-ms]" in str(caught.value) and "Lactate [P, chem.]" in str(caught.value)
    one = exo.pp.annotate(bout, several="most_detected", copy=True)
    exo.tl.score(one)
    kept = one.var.index[one.var["exerkine_id"] == "lactate"]
    assert len(kept) == 1
    exo.tl.score(bout, several="first")
    assert list(bout.obsm["score_baseline_z"]) == list(one.obsm["score_baseline_z"])


@pytest.mark.parametrize("method", EVERY)
def test_bout_glycolysis_follows_the_bout(bout: ad.AnnData, method: str) -> None:
    """Up during it, highest at its end, back after: in each man, and for every scorer."""
    t = change_t(bout, method=method, several="first").loc["glycolysis_lactate"]
    assert t[f"{DURING} - {START}"] > 5 and t[f"{END} - {START}"] > 5
    assert abs(t[f"{LAST} - {START}"]) < 2.5
    changes = exo.tl.score_change(bout, method=method, several="first")
    rows = changes[changes["signature"] == "glycolysis_lactate"]
    wide = rows.pivot(index="subject_id", columns="timepoint", values="change")
    peak = wide.dropna().idxmax(axis=1)
    assert len(peak) >= 14 and peak.isin([DURING, END]).mean() >= 0.85
    assert wide.mean().idxmax() == END


def test_bout_lactate_agrees_between_platforms(bout: ad.AnnData) -> None:
    by = {"ms": ["lactate [P, nt-ms]"], "clinic": ["Lactate [P, chem.]"]}
    changes = exo.tl.score_change(bout, by)
    wide = changes.pivot(index=["subject_id", "timepoint"], columns="signature", values="change")
    assert wide.corr().loc["ms", "clinic"] > 0.9


def test_bout_acylcarnitines_rise_after_the_bout(bout: ad.AnnData) -> None:
    """C8, C10 and C12 on two platforms: not up at the end of this bout, up hours after.

    The shipped signature that holds them (fat oxidation) is up at the end by its fatty acids and
    glycerol, and stays up.
    """
    by = {
        "metabolon": [f"{n}carnitine [P, nt-ms]" for n in ("octanoyl", "decanoyl", "lauryl")],
        "biocrates": [
            "C8 (octanoylcarnitine) [P, t-ms]",
            "C10 (decanoylcarnitine) [P, t-ms]",
            "C12 (dodecanoylcarnitine) [P, t-ms]",
        ],
    }
    assert {n for names in by.values() for n in names} <= set(bout.var_names)
    t = change_t(bout, by)
    assert (t[f"{END} - {START}"].abs() < 2.5).all() and (t[f"{LAST} - {START}"] > 3).all()
    changes = exo.tl.score_change(bout, by)
    wide = changes.pivot(index=["subject_id", "timepoint"], columns="signature", values="change")
    assert wide.corr().loc["metabolon", "biocrates"] > 0.75
    shipped = change_t(bout, several="first").loc["lipolysis_fatty_acid_oxidation"]
    assert (shipped > 5).all()


def test_bout_by_platform(bout: ad.AnnData) -> None:
    """Each platform by itself measures an analyte once, and says how little it covers."""
    covered = {}
    for platform in bout.var["platform"].unique():
        own = bout[:, (bout.var["platform"] == platform).to_numpy()].copy()
        exo.tl.score(own)
        covered[platform] = own.uns["score_members_baseline_z"].set_index("signature")["coverage"]
    covered = pd.DataFrame(covered)
    assert covered.loc["glycolysis_lactate"].round(2).to_dict() == {
        "nt-ms": 0.67, "t-ms": 0.0, "chem.": 0.17,
    }  # fmt: skip
    assert (covered["t-ms"] < 0.5).all()


def test_bout_order_of_recovery(bout: ad.AnnData) -> None:
    """Glycolysis peaks at the end, purines after it, ketones at the last time."""
    changes = exo.tl.score_change(bout, several="first")
    mean = changes.pivot_table(
        index="signature", columns="timepoint", values="change", observed=True
    )
    assert mean.loc["glycolysis_lactate"].idxmax() == END
    assert mean.loc["tca_expansion"].idxmax() == END
    assert mean.loc["purine_degradation"].idxmax() > END
    assert mean.loc["ketogenesis"].idxmax() == LAST and mean.loc["ketogenesis", END] < 0


# ---- plasma of 170 people, 5000 aptamers, one sample each


def read_plasma(data_dir: Path) -> ad.AnnData:
    """People's plasma and human proteins only: no buffers, calibrators, control aptamers."""
    folder = data_dir / "somascan_example"
    rfu = pd.read_csv(folder / "example_data_full_rfu.csv.gz", index_col=0)
    samples = pd.read_csv(
        folder / "example_data_full_samples.csv", index_col=0, dtype={"SampleId": str}
    )
    aptamers = pd.read_csv(folder / "example_data_full_aptamers.csv", index_col=0)
    names = {
        "Target": "name",
        "UniProt": "uniprot",
        "EntrezGeneSymbol": "gene_symbol",
        "SeqId": "seq_id",
    }
    people = samples["SampleType"] == "Sample"
    human = (aptamers["Organism"] == "Human") & (aptamers["Type"] == "Protein")
    adata = exo.io.from_frames(
        rfu.loc[people, aptamers.index[human]],
        samples.loc[people, ["SampleId", "PlateId", "Age", "Sex"]].assign(time="rest"),
        aptamers.loc[human, list(names)].rename(columns=names),
        subject="SampleId",
        timepoint="time",
        baseline="rest",
        units="RFU",
        modality="proteomics",
        matrix_type="plasma_edta",
        platform="SomaScan",
    )
    exo.pp.log2(adata)
    exo.pp.annotate(adata)
    return adata


@pytest.fixture(scope="module")
def plasma_once(data_dir: Path) -> ad.AnnData:
    return read_plasma(data_dir)


@pytest.fixture
def plasma(plasma_once: ad.AnnData) -> ad.AnnData:
    return plasma_once.copy()


def test_plasma_coverage_of_all_protein_signatures(plasma: ad.AnnData) -> None:
    assert plasma.shape == (170, 4979)
    with pytest.raises(exo.errors.InputError, match="is measured by 'seq"):
        exo.tl.score(plasma)
    exo.tl.score(plasma, several="first")
    measured = plasma.uns["score_members_baseline_z"].set_index("signature")
    assert set(measured.index) == set(exo.sig.load().query(modality="proteomics"))
    assert (measured["coverage"] > 0.5).all() and (measured["n_people_varying"] == 0).all()
    counts = measured[["n_measured", "n_members"]].apply(tuple, axis=1)
    assert counts[CASCADE] == (7, 7) and counts["bone_origin"] == (4, 5)
    # assays of COL1A1, of glucagon and of CK-B are not P1NP, GLP-1 and CK-MB
    missing = measured["missing"].astype(str)
    for name, gene in (("bone_origin", "COL1A1"), ("acute_hiit", "GCG"), ("muscle_leak", "CKB")):
        assert gene in missing[name].split("; ")
    assert counts["haemolysis"] == (8, 13) and counts["platelets_clotting"] == (11, 17)
    assert plasma.obsm["score_baseline_z"].notna().all(axis=None)


def test_plasma_scored_on_the_scale_of_others(plasma: ad.AnnData) -> None:
    """Half of the people set the scale, the other half is scored on it, as by hand."""
    setters, others = plasma[::2].copy(), plasma[1::2].copy()
    exo.tl.score(setters, several="first")
    reference = exo.get.score_reference(setters)
    exo.tl.score(others, several="first", reference=reference)
    mean, sd = setters.X.mean(axis=0), setters.X.std(axis=0, ddof=1)
    floored = np.maximum(sd, 0.1 * np.median(sd))
    z = pd.DataFrame((others.X - mean) / floored, others.obs_names, others.var_names)
    for name, signature in exo.sig.load().query(modality="proteomics").items():
        total = weight = 0.0
        for member in signature.members:
            by_id = others.var["exerkine_id"] == member.exerkine_id
            by_accession = (
                others.var["uniprot"].str.split("|").map(lambda a, m=member: m.uniprot in a)
            )
            nameless = others.var["exerkine_id"].isna() | (others.var["exerkine_id"] == "")
            columns = others.var_names[by_id if by_id.any() else by_accession & nameless]
            if len(columns):
                total = total + member.weight * z[columns[0]]
                weight += abs(member.weight)
        scores = others.obsm["score_baseline_z"][name]
        np.testing.assert_allclose(scores, total / weight, rtol=1e-9, atol=1e-12, err_msg=name)
    # of the same kind of people: about 0, and not exactly, as their own reference would give
    centre = others.obsm["score_baseline_z"].mean()
    assert centre.abs().max() < 0.5 and centre.abs().min() > 1e-6
    single = others[:1].copy()
    exo.tl.score(single, several="first", reference=reference)
    np.testing.assert_allclose(
        single.obsm["score_baseline_z"], others.obsm["score_baseline_z"].iloc[:1]
    )


@pytest.mark.parametrize("method", EVERY)
def test_plasma_every_scorer(plasma: ad.AnnData, method: str) -> None:
    """All is there; leptin is higher in women and GDF15 with age, whoever scores it."""
    exo.tl.score(plasma, method=method, several="first", n_permutations=99)
    scores, se = plasma.obsm[f"score_{method}"], plasma.obsm[f"score_se_{method}"]
    assert scores.shape == (170, 22) and np.isfinite(scores).all(axis=None)
    # one of the two members of brain_origin is measured: nothing to leave out
    assert list(se.columns[se.isna().any()]) == ["brain_origin"]
    # signatures are no further from sets of proteins as high and variable, on average over people
    z = plasma.obsm[f"score_null_z_{method}"].mean()
    assert z.abs().max() < 1.5, z
    known = {g: [plasma.var_names[plasma.var["gene_symbol"] == g][0]] for g in ("LEP", "GDF15")}
    exo.tl.score(plasma, known, method=method, se=False)
    scores = plasma.obsm[f"score_{method}"]
    women = plasma.obs["Sex"].astype(str) == "F"
    assert (
        stats.mannwhitneyu(
            scores["LEP"][women], scores["LEP"][~women], alternative="greater"
        ).pvalue
        < 1e-6
    )
    assert stats.spearmanr(scores["GDF15"], plasma.obs["Age"]).statistic > 0.3


@pytest.mark.parametrize("method", EVERY)
def test_plasma_random_sets_against_their_null(plasma: ad.AnnData, method: str) -> None:
    """5% of them have p below 0.05; sets of abundant proteins hardly more."""
    rng = np.random.default_rng(0)
    names = plasma.var_names.to_numpy()
    chosen = rng.permutation(names)[:800].reshape(100, 8)
    sets = {f"any{i}": list(row) for i, row in enumerate(chosen)}
    high = rng.permutation(names[np.argsort(-plasma.X.mean(axis=0))][:400]).reshape(50, 8)
    sets |= {f"high{i}": list(row) for i, row in enumerate(high)}
    exo.tl.score(plasma, sets, method=method, se=False, n_permutations=199)
    small = (plasma.obsm[f"score_null_p_{method}"] <= 0.05).mean()
    assert 0.03 < small[:100].mean() < 0.07
    assert small[100:].mean() < 0.12


def test_plasma_ranks_ignore_the_dilution_of_a_sample(plasma: ad.AnnData) -> None:
    """Twice the signal in half of the samples: scorers within a sample do not see it."""
    diluted = plasma.copy()
    diluted.X[::2] += 1.0
    for method in ("ulm", "singscore", "ssgsea", "baseline_z"):
        options = {"normalize": False} if method == "ssgsea" else {}
        for adata in (plasma, diluted):
            exo.tl.score(adata, method=method, several="first", se=False, **options)
        one, two = (a.obsm[f"score_{method}"].to_numpy() for a in (plasma, diluted))
        same = np.allclose(one, two, rtol=1e-8, atol=1e-8)
        assert same == (method != "baseline_z"), method
