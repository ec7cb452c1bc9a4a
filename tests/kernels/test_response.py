"""Individual response against published numbers, identities and Monte Carlo.

responder_vectors.json restates facts of the sources it names. NOT_YET says which of its vectors on
response ask for something the package does not offer, and why.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import exerkine_omics as exo
from exerkine_omics.kernels import _response as kernel

FILE = Path(__file__).parents[1] / "reference" / "responder_vectors.json"
FACTS = json.loads(FILE.read_text(encoding="utf-8"))
VECTORS = {v["id"]: v for v in FACTS["vectors"] if "A" in v["section"].split("/")}
SWINTON = pd.DataFrame(FACTS["data"]["swinton_mock"])
INF = float("inf")

NOT_YET = {
    "ab_ancova": "needs the 2000 rows of the paper's spreadsheet, which is not among the vectors",
    "vo2_sem_model": "seen on an index page alone, without its people, its residual or a citation "
    "of the paper: no number that a reader could check, so Reliability.literature() leaves it out",
}


def swinton(outcome: str, **options):
    people = SWINTON.assign(
        subject_id=[f"P{i}" for i in range(20)], arm=SWINTON["GROUP"].map({1: "ala", 2: "con"})
    )
    retests = f"{outcome}_RT1" in people
    rel = (
        exo.Reliability.from_test_retest(people[f"{outcome}_RT1"], people[f"{outcome}_RT2"])
        if retests
        else exo.Reliability.from_typical_error(2.2, df=19)
    )
    options = {"threshold": "0.2_sd", **options}
    return exo.tl.responders(
        people,
        pre=f"{outcome}_PRE",
        post=f"{outcome}_POST",
        reliability=rel,
        arm="arm",
        control="con",
        **options,
    )


def te(v, near):
    data = v["inputs"]
    rel = exo.Reliability.from_test_retest(SWINTON[data["test1"]], SWINTON[data["test2"]])
    near(rel.typical_error, v["expected"]["TE"])
    assert rel.df == 19
    assert round(rel.typical_error, 2) == v["expected"]["paper_printed"]


def te_ci(v, near):
    low, high = kernel.sd_interval(v["inputs"]["TE"], v["inputs"]["df"], v["inputs"]["level"])
    near([low, high], [v["expected"]["lo"], v["expected"]["hi"]])
    rel = exo.Reliability.from_typical_error(v["inputs"]["TE"], df=v["inputs"]["df"])
    near([rel.ci_low, rel.ci_high], [v["expected"]["lo"], v["expected"]["hi"]])


def te_from_cv(v, near):
    rel = exo.Reliability.from_cv(v["inputs"]["CV_percent"], v["inputs"]["observed"])
    near(rel.typical_error, v["expected"]["TE"])
    limits = kernel.interval(v["inputs"]["observed"], rel.typical_error, INF, 0.75)
    near(limits, v["expected"]["ci75_unadjusted"])
    near(limits, v["expected"]["paper_ci75"])


def te_multiples(v, near):
    for n, row in zip(v["inputs"]["n"], v["expected"]["multiples"], strict=True):
        df = INF if n == "inf" else n - 1
        near([kernel.multiple(level, df) for level in v["inputs"]["level"]], row)


def true_score_n20(v, near):
    limits = kernel.interval(v["inputs"]["obs"], v["inputs"]["TE"], INF, 0.95)
    near(limits, v["expected"]["ci"])
    near(limits, v["expected"]["paper"])


def true_score_n5(v, near):
    own = v["inputs"]
    limits = kernel.interval(own["obs"], own["TE"], own["n"] - 1, own["level"])
    np.testing.assert_allclose(limits, v["expected"]["ci"], atol=1e-3)
    near(limits, v["expected"]["paper"])


def change_ci50(v, near):
    rel = exo.Reliability.from_typical_error(v["inputs"]["TE"])
    limits = kernel.interval(v["inputs"]["change"], rel.sd_change, rel.df, v["inputs"]["level"])
    near(limits, v["expected"]["ci"])  # from the printed multiple 0.67, not 0.6745
    near(limits, v["expected"]["paper"])


def change_approx50(v, near):
    # "change +/- TE" is the interval whose multiple is 1 / sqrt(2): a level of 52%
    level = 2 * stats.norm.cdf(np.sqrt(0.5)) - 1
    rel = exo.Reliability.from_typical_error(v["inputs"]["TE"])
    near(kernel.interval(v["inputs"]["change"], rel.sd_change, INF, level), v["expected"]["ci"])
    assert kernel.multiple(level, INF) == pytest.approx(
        v["expected"]["coverage_implied_multiple"], abs=1e-4
    )


def change_ci90(v, near):
    frame = swinton("MCARN").frame.set_index("subject_id")
    rows = [f"P{i - 1}" for i in v["inputs"]["participants"]]
    near(frame.loc[rows, ["ci_low", "ci_high"]].to_numpy(), v["expected"]["ci"])


def classify(v, near):
    zero, worthwhile = swinton("MCARN", threshold=0), swinton("MCARN", threshold="0.2_sd")
    near(worthwhile.threshold, v["inputs"]["thresholds"][1])
    got = [r.counts["responder"] for r in (zero, worthwhile)]
    con = [r.control_counts["responder"] for r in (zero, worthwhile)]
    assert got == [v["expected"]["n_int_LB_gt_0"], v["expected"]["n_int_LB_gt_SWC"]]
    assert con == [v["expected"]["n_con_LB_gt_0"], v["expected"]["n_con_LB_gt_SWC"]]
    assert any("calls 1 of 10 control people responders" in note for note in zero.notes)


def swc(v, near):
    near(swinton("MCARN").threshold, v["expected"]["SWC"])


def sdir_prop(v, near):
    res = swinton(v["inputs"]["outcome"], direction=v["inputs"]["direction"])
    want = v["expected"]
    near(
        [res.mean_change, res.sd_ir.sd_treated, res.sd_ir.sd_control, res.sd_ir.estimate],
        [want["mean_int"], want["sd_int"], want["sd_con"], want["SDir"]],
    )
    near([res.threshold, res.proportion], [want["SWC"], want["prop_response"]])


def sdir_ci(v, near):
    own = v["inputs"]
    sizes = np.atleast_1d(own["n_int"])
    wanted = v["expected"].get("ci", [v["expected"]])
    for n, want in zip(sizes, wanted, strict=True):
        got = kernel.sd_individual_response(
            own["sd_int"], n - 1, own["sd_con"], own["n_con"] - 1, own["level"]
        )
        near(got, [want["SDir"], want["lo"], want["hi"]])


def sdir_negative(v, near):
    got = kernel.sd_individual_response(v["inputs"]["sd_int"], 30, v["inputs"]["sd_con"], 30, 0.95)
    near(got[0], v["expected"]["SDir"])
    assert got[0] < 0


def ab_table(v, near):
    own, want = v["inputs"], v["expected"]
    df = own["n"] - 1
    near(kernel.sd_interval(own["sd_change_int"], df, 0.95), want["sd_change_ci95_int"])
    near(own["sd_change_con"] / np.sqrt(2), want["TE_implied"])
    got = kernel.sd_individual_response(own["sd_change_int"], df, own["sd_change_con"], df, 0.95)
    near(got[0], want["SDir"])


def rtm_identity(v, near):
    own = v["inputs"]
    near(
        kernel.pre_change_correlation(own["sd_pre"], own["sd_post"], own["r_pre_post"]),
        v["expected"]["r_pre_change"],
    )


def te_bonafiglia(v, near):
    for name, two in v["inputs"]["2TE"].items():
        rel = exo.Reliability.from_typical_error(v["expected"]["TE"][name])
        people = pd.DataFrame({"subject_id": ["a"], "pre": [1.0], "post": [2.0]})
        res = exo.tl.responders(people, pre="pre", post="post", reliability=rel, threshold="2_te")
        near(res.threshold, two)


def te_times(v, near):
    rel = exo.Reliability.from_typical_error(v["inputs"]["TE"], mean=v["inputs"]["mean"])
    assert rel.cv == pytest.approx(v["expected"]["CV_percent"], abs=1e-9)
    near(rel.cv, v["expected"]["paper"])


def posterior(v, near):
    own, want = v["inputs"], v["expected"]
    centre, sd = kernel.shrunk(own["change"], own["mean"], own["SDir"], own["err_sd"])
    near([centre, sd], [want["post_mean"], want["post_sd"]])
    near(kernel.probability_above_normal(centre, sd, own["SWC"]), want["p_response"])
    flat = kernel.probability_above(own["change"], own["err_sd"], INF, own["SWC"])
    near(flat, want["p_flat"])


def ceiling_ratio(v, near):
    ratio = np.array(v["inputs"]["SDir_over_SDcon"], dtype=float)
    r2 = ratio**2 / (ratio**2 + 1)
    near(r2, v["expected"]["R2_ceiling"])
    near([kernel.attainable_auc(np.sqrt(x)) for x in r2], v["expected"]["AUC_ceiling"])


def ceiling_icc(v, near):
    got = [kernel.attainable_auc(np.sqrt(icc)) for icc in v["inputs"]["ICC"]]
    near(got, v["expected"]["AUC_ceiling"])


def coupling_null(v, near):
    """Closed form for the raw label and for markers; labels themselves: tests/cohort."""
    want = v["expected"]
    rho = kernel.coupling_correlation(np.sqrt(125), 5.0)
    near(kernel.attainable_auc(rho), want["AUC_of_same_visit_baseline"][0])
    near(kernel.attainable_auc(rho), want["AUC_of_same_visit_baseline"][2])
    marker = want["AUC_of_marker_r0.5_with_baseline_VISIT_error_raw_label"]
    near(kernel.attainable_auc(0.5 / np.sqrt(2)), marker)
    # ANCOVA residual e2 - 0.8 e1 + 0.2 T: its correlation with the true baseline T is 0.298
    true = 0.6 * 0.2 * 10 / np.sqrt(25 + 16 + 4)
    near(1 - kernel.attainable_auc(true), want["AUC_of_marker_r0.6_with_TRUE_baseline"][1])
    assert kernel.attainable_auc(1 / np.sqrt(2)) == pytest.approx(5 / 6, abs=1e-12)


def boot_prop(v, near):
    """Through tl, so that direction, arms and draws are those a user gets."""
    near(swinton(v["inputs"]["outcome"]).proportion_ci, v["expected"]["percentile95"])


def dankel(v, near):
    people = SWINTON.assign(subject_id=[f"P{i}" for i in range(20)])
    rates = exo.tl.label_rates(
        people, pre="MCARN_PRE", post="MCARN_POST", arm="GROUP", control="2", threshold="0.2_sd",
        reliability="control",
    ).set_index("rule")  # fmt: skip
    own, want = rates.loc["dankel"], v["expected"]
    near([own["cut"], own["p_value"]], [want["limits"][1], want["levene_p"]])
    assert own["n_responders"] == want["n_high"]
    assert "criticised" in own["note"]


def one_person(change, level, threshold, te, direction="up"):
    """Category of a person with this change, the typical error exactly known."""
    people = pd.DataFrame({"subject_id": ["a"], "pre": [100.0], "post": [100.0 + change]})
    result = exo.tl.responders(
        people, pre="pre", post="post", threshold=threshold, level=level, direction=direction,
        reliability=exo.Reliability.from_typical_error(te),
    )  # fmt: skip
    return result.frame["category"].iloc[0]


def swc_required(v, near):
    """Threshold + TE is where an interval of 52%, whose multiple is 1 / sqrt(2), begins."""
    level = 2 * stats.norm.cdf(np.sqrt(0.5)) - 1
    swc = v["inputs"]["SWC"]
    for te, needed in zip(
        v["inputs"]["TE"], v["expected"]["required_observed_change"], strict=True
    ):
        near(exo.Reliability.from_typical_error(te).half_width(level) + swc, needed)
        assert one_person(needed + 1e-6, level, swc, te) == "responder"
        assert one_person(needed - 1e-6, level, swc, te) == "uncertain"


def adverse_2te(v, near):
    """Worse by 2 TE is an interval of 84%, whose multiple is sqrt(2), wholly worse than 0."""
    level = 2 * stats.norm.cdf(np.sqrt(2)) - 1
    for name, limit in v["expected"].items():
        te, worse = abs(limit) / 2, np.sign(limit)
        near(exo.Reliability.from_typical_error(te).half_width(level), abs(limit))
        way = "down" if worse > 0 else "up"
        assert one_person(limit + worse * 1e-6, level, 0.0, te, way) == "adverse", name
        assert one_person(limit - worse * 1e-6, level, 0.0, te, way) == "uncertain", name
        # at the 90% of the package the same change is not enough
        assert one_person(limit + worse * 1e-6, 0.90, 0.0, te, way) == "uncertain"


CHECKS = {
    "boot_prop_mcarn": boot_prop,
    "dankel": dankel,
    "swc_cct_required": swc_required,
    "adverse_heritage": adverse_2te,
    "te_mcarn": te,
    "te_s7sf": te,
    "te_ci": te_ci,
    "te_from_cv": te_from_cv,
    "te_multiples": te_multiples,
    "true_score_ci_n20": true_score_n20,
    "true_score_ci_n5": true_score_n5,
    "change_ci50": change_ci50,
    "change_ci_approx50": change_approx50,
    "change_ci90_t": change_ci90,
    "classify_mcarn": classify,
    "swc": swc,
    "sdir_prop_mcarn": sdir_prop,
    "sdir_prop_s7sf": sdir_prop,
    "sdir_prop_cct110": sdir_prop,
    "sdir_ci_formula": sdir_ci,
    "sdir_ci_mcarn": sdir_ci,
    "sdir_negative": sdir_negative,
    "ab_table": ab_table,
    "rtm_identity": rtm_identity,
    "te_bonafiglia": te_bonafiglia,
    "te_times": te_times,
    "posterior_mcarn": posterior,
    "posterior_shrunk": posterior,
    "posterior_low": posterior,
    "ceiling_r2_auc": ceiling_ratio,
    "ceiling_icc_repeat_training": ceiling_icc,
    "coupling_null": coupling_null,
}


@pytest.mark.quick
@pytest.mark.parametrize("name", CHECKS)
def test_published_vector(name):
    vector = VECTORS[name]
    tolerance = max(vector.get("tol", 0.0), 1e-12)
    compared = []

    def near(got, want):
        compared.append(want)
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)

    CHECKS[name](vector, near)
    assert compared or name == "classify_mcarn"


def test_every_vector_on_response_is_tested_or_named():
    assert set(CHECKS) | set(NOT_YET) == set(VECTORS)
    assert not set(CHECKS) & set(NOT_YET)


def sampled_auc(score, label):
    rank = stats.rankdata(score)
    n1 = label.sum()
    return (rank[label].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(label) - n1))


@pytest.mark.parametrize("rho", [0.0, 0.2, np.sqrt(0.19), 0.8, 0.99])
def test_ceiling_at_the_mean_cut_is_the_arcsine_formula(rho):
    want = 0.5 + 2 / np.pi * np.arcsin(rho / np.sqrt(2))
    assert kernel.attainable_auc(rho) == pytest.approx(want, abs=1e-12)


def test_ceiling_of_icc_19():
    rho = np.sqrt(0.19)
    assert kernel.attainable_auc(rho) == pytest.approx(0.699467, abs=1e-6)
    assert kernel.attainable_auc(rho, stats.norm.ppf(0.1)) == pytest.approx(0.74, abs=0.005)
    quarter = stats.norm.ppf(0.25)
    assert kernel.attainable_auc(rho, quarter, -quarter) == pytest.approx(0.80, abs=0.005)


def test_ceiling_limits():
    assert kernel.attainable_auc(1.0, 0.7) == pytest.approx(1.0, abs=1e-12)
    assert kernel.attainable_auc(-0.4, 0.3) == pytest.approx(1 - kernel.attainable_auc(0.4, 0.3))
    assert kernel.attainable_auc(0.4, -1.2) == pytest.approx(kernel.attainable_auc(0.4, 1.2))
    two = kernel.attainable_auc(0.4, 0.7, 0.7 + 1e-10)
    assert two == pytest.approx(kernel.attainable_auc(0.4, 0.7), abs=1e-8)
    assert np.isnan(kernel.attainable_auc(0.4, 60.0))
    assert np.isnan(kernel.attainable_auc(float("nan")))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (-1.28, -1.28), (1.5, 1.5), (-0.67, 0.9)])
def test_ceiling_against_monte_carlo(low, high):
    rng = np.random.default_rng(5)
    n, rho = 400_000, 0.6
    true = rng.normal(size=n)
    seen = rho * true + np.sqrt(1 - rho**2) * rng.normal(size=n)
    keep = (seen > high) | (seen <= low)
    got = sampled_auc(true[keep], seen[keep] > high)
    assert kernel.attainable_auc(rho, low, high) == pytest.approx(got, abs=0.004)


@pytest.mark.parametrize("cut", [0.0, -1.3])
def test_coupling_auc_against_monte_carlo(cut):
    rng = np.random.default_rng(6)
    n, error, spread = 400_000, 3.0, 4.0
    first, second, level = (rng.normal(0, s, n) for s in (error, error, spread))
    change = second - first
    label = change > cut * error * np.sqrt(2)
    rho = kernel.coupling_correlation(np.hypot(error, spread), error)
    got = sampled_auc(-(level + first), label)
    assert kernel.attainable_auc(rho, cut) == pytest.approx(got, abs=0.004)
    known = sampled_auc(-first, label)
    assert kernel.attainable_auc(1 / np.sqrt(2), cut) == pytest.approx(known, abs=0.004)


def test_coupling_is_unknown_where_the_error_exceeds_the_spread():
    assert np.isnan(kernel.coupling_correlation(2.0, 2.5))


def test_pooled_sd_is_the_anova_residual():
    rng = np.random.default_rng(1)
    values = rng.normal(size=12)
    label = np.repeat(["a", "b", "c"], 4)
    want = np.mean([values[label == g].var(ddof=1) for g in "abc"]) ** 0.5
    assert kernel.pooled_sd(values, label) == pytest.approx((want, 9.0))
    assert kernel.pooled_sd(values + 1e9, label)[0] == pytest.approx(want, rel=1e-6)
    assert kernel.pooled_sd(values, np.ones(12)) == pytest.approx((values.std(ddof=1), 11.0))
    assert np.isnan(kernel.pooled_sd(values[:3], np.arange(3))[0])


def test_collapsed_posterior_gives_everyone_the_group_mean():
    centre, sd = kernel.shrunk(np.array([-5.0, 20.0, np.nan]), 3.0, -1.0, 2.0)
    assert sd == 0
    got = kernel.probability_above_normal(centre, sd, 1.0)
    np.testing.assert_array_equal(got, [1.0, 1.0, np.nan])
    assert kernel.probability_above_normal(1.0, 0.0, 1.0) == 0.5


def test_probability_is_t_with_few_df():
    heavy = kernel.probability_above(np.array([2.0]), 1.0, 4, 0.0)
    assert heavy == pytest.approx(stats.t.cdf(2.0, 4))
    assert heavy < kernel.probability_above(np.array([2.0]), 1.0, INF, 0.0)


def test_ceiling_in_strata_is_what_a_large_sample_reaches():
    rng = np.random.default_rng(5)
    mean, n = np.array([0.0, 4.0, 5.0]), np.array([2000.0, 1000.0, 1000.0])
    stratum = np.repeat([0, 1, 2], [100_000, 50_000, 50_000])
    for sd_ir in (0.0, 1.5):
        true = mean[stratum] + sd_ir * rng.normal(size=len(stratum))
        change = true + rng.normal(0, 2.0, len(stratum))
        sd = np.hypot(sd_ir, 2.0)
        r2, auc = kernel.attainable_in_strata(mean, n, sd_ir, sd, 2.5)
        assert auc == pytest.approx(sampled_auc(true, change > 2.5), abs=0.005)
        assert r2 == pytest.approx(np.corrcoef(true, change)[0, 1] ** 2, abs=0.006)
    one = kernel.attainable_in_strata(mean[:1], n[:1], 1.5, 2.5, 1.0)
    assert one == pytest.approx((0.36, kernel.attainable_auc(0.6, 0.4)))
