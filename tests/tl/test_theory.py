"""Type I error, coverage, power and symmetries of `tl.differential` (docs/theory.md).

The simulations are the functions of tests/benchmarks/theory.py, which prints the page's tables at
larger sizes. A share is compared within four standard errors.
"""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.kernels import _lmm, _lmm_sums


def load() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "theory.py"
    spec = importlib.util.spec_from_file_location("theory", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


theory = load()
slow = pytest.mark.slow
NUMBERS = ["estimate", "se", "df", "statistic", "p_value", "p_adj", "ci_low", "ci_high"]
EVERY: dict[str, dict[str, Any]] = {
    "lmm": {},
    "satterthwaite": {"ddf": "satterthwaite"},
    "residual": {"ddf": "residual"},
    "own cells": {"variance": "contrast"},
    "moderate": {"moderate": True},
    "constrained": {"baseline": "constrained"},
    "moderated": {"method": "moderated"},
    "paired_t": {"method": "paired_t"},
    "wilcoxon": {"method": "wilcoxon"},
    "signflip": {"method": "signflip"},
}
# the largest rates seen in 100 000 features: the mixed model is liberal, by this much, where
# nothing varies between people (first) and a little where cells are missing too (second)
MOST = {"kenward-roger": (0.058, 0.055), "satterthwaite": (0.078, 0.066)}


# ---- 1. type I error


@slow
@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("n", theory.SIZES)
def test_type_one_error(n: int, times: int) -> None:
    """The tests of people's own differences hold 5%; the mixed model where people differ.

    Without variance between people REML's residual variance is the smaller of two mean squares,
    so that the mixed model is liberal, never conservative: as much as theory says where no cell
    is missing, and at most as MOST says.
    """
    for missing in theory.MISSING:
        for between in (0.0, 1.0):
            case = (n, times, missing, between)
            frames = theory.type_one(*case, features=80_000 if n < 100 else 25_000)
            rates = {name: theory.rejected(frame) for name, frame in frames.items()}
            for name in ("moderated", "paired_t"):
                assert rates[name].near(0.05), (case, name, rates[name])
                inside = theory.covered(frames[name], 0.0)
                assert inside.share == pytest.approx(1 - rates[name].share, abs=1e-12)
            for ddf, most in MOST.items():
                assert rates[ddf].between(0.05, most[int(between)]), (case, ddf, rates[ddf])
                if not missing:
                    expected = theory.exact(n, times, between, ddf)
                    assert rates[ddf].near(expected), (case, ddf, rates[ddf], expected)
            if between and not missing and n > 8:
                assert rates["kenward-roger"].near(0.05), (case, rates)


def test_theory_of_the_mixed_model() -> None:
    """Worst at zero variance between people, gone where they differ as much as the noise."""
    for times in (2, 5):
        for n in (6, 20, 100):
            rates = [theory.exact(n, times, b) for b in (0.0, 0.4, 1.0, 3.0)]
            assert rates == sorted(rates, reverse=True)
            assert 0.0505 < rates[0] < 0.0575 and rates[-2] < 0.0515
            assert rates[-1] == pytest.approx(0.05, abs=2e-4)
            jump = theory.exact(n, times, 0.0, "satterthwaite")
            assert rates[0] < jump < 0.068


def test_df_jump_of_satterthwaite_at_a_singular_fit() -> None:
    """LmerTest's n - p where the variance between people is zero; Kenward-Roger's stays."""
    n, times = 8, 2
    frames = theory.type_one(n, times, 0.0, 0.0, features=4000)
    np.testing.assert_allclose(frames["kenward-roger"]["df"], n - 1, rtol=1e-6)
    df = frames["satterthwaite"]["df"]
    jumped = np.isclose(df, n * times - times)
    assert (jumped | np.isclose(df, n - 1, rtol=1e-6)).all()
    # within is as often above between as below
    assert theory.Rate(jumped.mean(), len(df)).near(0.5)
    p = frames["satterthwaite"]["p_value"]
    np.testing.assert_allclose(frames["kenward-roger"]["se"], frames["satterthwaite"]["se"])
    assert (p[jumped] < frames["kenward-roger"]["p_value"][jumped]).all()


# ---- 2. a time point of larger variance


@slow
@pytest.mark.parametrize("whole", [False, True])
def test_one_time_point_of_larger_variance(whole: bool) -> None:
    adata, _ = theory.unequal(12, 20_000, whole=whole)
    rates = theory.by_contrast(theory.test_all(adata))
    raised = rates.pop("post - pre")
    assert 0.15 < raised.share < 0.19
    assert all(r.share < 0.006 for r in rates.values()) and len(rates) == 3
    for options in ({"variance": "contrast"}, {"method": "paired_t"}):
        rates = theory.by_contrast(theory.test_all(adata, **options))
        assert len(rates) == 4
        for name, rate in rates.items():
            # of two cells with unequal variances and few people Kenward-Roger errs by up to 0.4%
            assert rate.between(0.05, 0.054 if options.get("variance") else 0.05), (name, rate)


@slow
def test_dropouts_where_the_variance_is_larger() -> None:
    """A limit of variance="contrast": the two cells share a variance; paired_t needs no such."""
    few, _ = theory.unequal(12, 20_000, missing=0.2, times=2)
    rate = theory.rejected(theory.test_all(few, variance="contrast"))
    assert rate.between(0.05, 0.06)
    lost, _ = theory.unequal(12, 20_000, lost=0.5, times=2)
    assert 0.08 < theory.rejected(theory.test_all(lost, variance="contrast")).share < 0.12
    for adata in (few, lost):
        assert theory.rejected(theory.test_all(adata, method="paired_t")).near(0.05)


@slow
@pytest.mark.parametrize(
    ("n", "whole", "share", "least"),
    # of few people, or of few features, most go unnamed (docs/theory.md): no least power there
    [
        (12, False, 1.0, 0.25),
        (12, True, 1.0, 0.75),
        (30, False, 1.0, 0.94),
        (30, False, 0.02, 0.5),
        (30, True, 0.02, 0.98),
    ],
)
def test_unequal_variances_are_named(n: int, whole: bool, share: float, least: float) -> None:
    power, false = theory.named(n, 10_000, whole=whole, share=share)
    assert power.between(least, 1.0)
    assert false.share < 0.001


def test_the_warning_names_them() -> None:
    adata, varies = theory.unequal(30, 300, whole=True, share=0.1)
    with pytest.warns(exo.errors.ExerkineWarning, match="variance='contrast'") as told:
        exo.tl.differential(adata)
    notes = adata.uns["differential_variances"]
    assert set(notes["feature"].astype(int)) == set(np.flatnonzero(varies))
    assert set(notes["timepoint"]) == {"post"}
    assert notes["sd_ratio"].median() == pytest.approx(3, rel=0.1)
    assert "'0'" in str(told[0].message) and "25 more" in str(told[0].message)


@slow
def test_equal_variances_are_seldom_named() -> None:
    for n in (12, 30):
        features, cohorts = theory.false_notes(n, sets=60, features=300)
        assert features.share < 0.001
        # at most 1% a time point, of which there are four
        assert cohorts.between(0.0, 0.04)
    # the F test reads long tails as unequal variances: still at most 1% of few people
    features, _ = theory.false_notes(12, sets=60, features=300, tails=5.0)
    assert features.between(0.0, 0.01)


# ---- 3. coverage


@slow
@pytest.mark.parametrize("n", [12, 24])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_coverage(n: int, missing: float) -> None:
    for times in (2, 3):
        adata = theory.two_arms(n, times, missing, 20_000)
        frames = {
            "lmm": theory.test_all(adata, control="CON"),
            "constrained": theory.test_all(adata, control="CON", baseline="constrained"),
            "moderated": theory.test_all(adata, control="CON", method="moderated"),
            "paired_t": theory.test_all(adata, control="CON", method="paired_t"),
        }
        for contrast, truth in theory.TRUTH.items():
            own = {name: theory.of(frame, contrast) for name, frame in frames.items()}
            for name, frame in own.items():
                # Welch's df are those of the less certain arm: wider, of few people
                low = 0.945 if name in ("lmm", "constrained") and n == 12 else 0.95
                high = 0.956 if name == "paired_t" else 0.95
                rate = theory.covered(frame, truth)
                assert rate.between(low, high), (times, contrast, name, rate)
                spread = 4 * frame["estimate"].std() / np.sqrt(rate.n)
                assert abs(frame["estimate"].mean() - truth) < spread
            width = {k: (f["ci_high"] - f["ci_low"]).median() for k, f in own.items()}
            gain = 0.9 if contrast.startswith("EE - CON") else 0.96
            assert width["constrained"] < gain * width["lmm"]


@slow
def test_constrained_baseline_where_arms_differ() -> None:
    """Not randomised: the arms' difference at baseline, less what people carry on, is bias."""
    apart = 1.0
    adata = theory.two_arms(24, 2, 0.0, 20_000, apart)
    contrast = "EE - CON: post - pre"
    free = theory.of(theory.test_all(adata, control="CON"), contrast)
    held = theory.test_all(adata, control="CON", baseline="constrained")
    held = theory.of(held, contrast)
    assert theory.covered(free, 0.7).near(0.95)
    assert theory.covered(held, 0.7).between(0.83, 0.88)
    # apart x noise / (noise + between), as of analysis of covariance: half
    assert held["estimate"].mean() - 0.7 == pytest.approx(apart / 2, abs=0.04)
    assert free["estimate"].mean() - 0.7 == pytest.approx(0, abs=0.02)


# ---- 4. a constant of a person


def levels(adata: ad.AnnData, sd: float) -> ad.AnnData:
    """The same cohort, each person's samples moved by a constant of each feature."""
    rng = np.random.default_rng(1)
    person = adata.obs["subject_id"].astype("category").cat.codes.to_numpy()
    moved = adata.copy()
    moved.X = moved.X + rng.normal(0, sd, (person.max() + 1, adata.n_vars))[person]
    return moved


@pytest.mark.parametrize("method", ["moderated", "paired_t", "wilcoxon", "signflip"])
@pytest.mark.parametrize("sd", [5, 100])
def test_a_constant_of_a_person_changes_nothing(trial: ad.AnnData, method: str, sd: float) -> None:
    assert np.isnan(trial.X).any()
    run = partial(exo.tl.differential, method=method, control="CON")
    one, two = run(trial), run(levels(trial, sd))
    np.testing.assert_allclose(two[NUMBERS], one[NUMBERS], rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(
        one[["feature", "n_pairs", "status"]], two[["feature", "n_pairs", "status"]]
    )
    if method in ("wilcoxon", "signflip"):
        np.testing.assert_allclose(one["p_value"], two["p_value"], rtol=1e-13)


@pytest.mark.parametrize("ddf", ["kenward-roger", "satterthwaite"])
@pytest.mark.parametrize("moderate", [False, True])
@pytest.mark.parametrize("sd", [5, 100])
def test_a_constant_of_a_person_and_complete_data(ddf: str, moderate: bool, sd: float) -> None:
    """The mixed model too, where no cell is missing and no fit singular; it is then limma's."""
    adata = theory.cohort(theory.draw((9,), 14, 3, 200, between=2.0), theory.ARMS)
    design = exo.cohort.build_design(adata)
    sums = _lmm_sums.grouped_sums(adata.X, design.matrix, design.subject)
    assert not _lmm.fit_reml(sums).singular.any()
    run = partial(exo.tl.differential, ddf=ddf, moderate=moderate, control="CON")
    one, two = run(adata), run(levels(adata, sd))
    np.testing.assert_allclose(two[NUMBERS], one[NUMBERS], rtol=2e-6, atol=1e-8)
    if moderate:
        limma = exo.tl.differential(adata, method="moderated", control="CON")
        np.testing.assert_allclose(one[NUMBERS], limma[NUMBERS], rtol=2e-6, atol=1e-8)


def test_levels_far_apart_leave_differences_within_people_only(trial: ad.AnnData) -> None:
    """With cells missing levels do matter, and as they grow the mixed model tends to limma's."""
    gaps = []
    for sd in (0, 10, 1000):
        moved = levels(trial, sd) if sd else trial
        one, two = exo.tl.differential(moved), exo.tl.differential(moved, method="moderated")
        gaps.append((one["estimate"] - two["estimate"]).abs().max())
    assert gaps[0] > 0.01
    # what is taken from between people falls as 1 / SD
    assert gaps[1] < 0.2 * gaps[0] and gaps[2] < 0.02 * gaps[1]


# ---- 5. A - B and B - A


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("EE.post - EE.pre", "EE.pre - EE.post"),
        (
            "(EE.late - EE.pre) - (CON.late - CON.pre)",
            "(CON.late - CON.pre) - (EE.late - EE.pre)",
        ),
    ],
)
def test_opposite_contrasts_are_opposite(
    trial: ad.AnnData, name: str, there: str, back: str
) -> None:
    run = partial(exo.tl.differential, **EVERY[name])
    frame = run(trial, contrasts={"a": there, "b": back})
    a, b = (theory.of(frame, c).reset_index(drop=True) for c in "ab")
    assert (a["status"] == "ok").all() and (b["status"] == "ok").all()
    for column in ("se", "df", "p_value", "p_adj", "n_pairs", "n_obs"):
        np.testing.assert_allclose(b[column], a[column], rtol=1e-9)
    for column, other in (("estimate",) * 2, ("effect_size",) * 2, ("ci_low", "ci_high")):
        np.testing.assert_allclose(b[other], -a[column], rtol=1e-9, atol=1e-12)
    if name != "wilcoxon":  # V and W are rank sums: they do not change sign
        np.testing.assert_allclose(b["statistic"], -a["statistic"], rtol=1e-9, atol=1e-12)


def test_opposite_contrasts_and_random_flips() -> None:
    """The draws hang on the contrast's name: the same under one name, else within their error."""
    adata = theory.cohort(theory.draw((10,), 20, 2, 60))
    run = partial(exo.tl.differential, adata, method="signflip", n_permutations=999)
    forth = run(contrasts={"x": "post - pre"})["p_value"]
    np.testing.assert_array_equal(run(contrasts={"x": "pre - post"})["p_value"], forth)
    other = run(contrasts={"y": "pre - post"})["p_value"]
    assert (np.abs(other - forth) < 5 * np.sqrt(2 * forth * (1 - forth) / 999) + 2e-3).all()


@pytest.mark.parametrize("name", ["residual", "own cells", "moderate", "constrained"])
def test_reversed_rows_of_a_joint_test(trial: ad.AnnData, name: str) -> None:
    """Each row turned round, and the rows in the other order, are one F test.

    The two other df are in test_lmm_more.py.
    """
    minus = "({a}.{t} - {a}.pre) - ({b}.{t} - {b}.pre)"
    rows = [minus.format(a="EE", b="CON", t=t) for t in ("post", "late")]
    turned = [minus.format(a="CON", b="EE", t=t) for t in ("late", "post")]
    asked = {"a": rows, "b": turned, "c": [turned[1], rows[1]]}
    frame = exo.tl.differential(trial, contrasts=asked, **EVERY[name])
    assert (frame["status"] == "ok").all()
    first = theory.of(frame, "a")
    for other in "bc":
        for column in ("statistic", "df", "p_value"):
            np.testing.assert_allclose(
                theory.of(frame, other)[column], first[column], rtol=1e-7, err_msg=column
            )


# ---- 6. joint tests, moderators, moderation


@slow
@pytest.mark.parametrize("times", [3, 5])
@pytest.mark.parametrize("n", [8, 20])
def test_type_one_error_of_joint_tests(n: int, times: int) -> None:
    for missing in (0.0, 0.2):
        for between in (0.0, 1.0):
            rate = theory.joint(n, times, missing, between, 30_000)
            case = (missing, between, rate)
            if missing:
                assert rate.between(0.0495, 0.0535 if between else 0.058), case
            else:
                assert rate.near(theory.exact(n, times, between, rank=times - 1)), case


@slow
@pytest.mark.parametrize("n", [8, 12, 20])
def test_type_one_error_of_moderators(n: int) -> None:
    for missing in (0.0, 0.2):
        for between in (0.0, 1.0):
            rates = theory.moderators(n, missing, between, 25_000)
            assert len(rates["lmm"]) == 3
            for name, rate in rates["moderated"].items():
                assert rate.near(0.05), (missing, between, name, rate)
            for name, rate in rates["lmm"].items():
                if missing:
                    case = (missing, between, name, rate)
                    assert rate.between(0.0475, 0.054 if between else 0.059), case
                else:  # each moderator costs a person
                    assert rate.near(theory.exact(n - 2, 2, between)), (between, name, rate)


@slow
@pytest.mark.parametrize("prior_df", [4.0, np.inf])
def test_moderation(prior_df: float) -> None:
    """Six people: what moderation gains, and what it costs where people hardly differ."""
    spread = theory.moderation(6, prior_df, 0.0, 1.0, 60_000)
    (plain, _, power), (rate, far, gained) = spread["lmm"], spread["moderate=True"]
    assert plain.between(0.05, 0.052)
    assert rate.between(0.05, 0.056) and far.share < 1.6e-3
    assert gained.share > power.share + 0.06
    limma, far, own = spread["moderated"]
    assert limma.near(0.05) and far.near(0.001)
    assert gained.share >= own.share > spread["paired_t"][2].share + 0.06
    # REML's variance is the smaller of two, and the prior learns that of all features
    flat = theory.moderation(6, prior_df, 0.0, 0.0, 60_000)
    rate, far, _ = flat["moderate=True"]
    assert rate.between(0.055, 0.075) and far.share < 3.5e-3
    assert flat["moderated"][0].near(0.05) and flat["moderated"][1].near(0.001)
    # few people with cells missing: conservative
    missing = theory.moderation(6, prior_df, 0.2, 1.0, 60_000)
    assert missing["moderate=True"][0].between(0.045, 0.05)
    assert missing["moderate=True"][2].share > missing["lmm"][2].share + 0.06
