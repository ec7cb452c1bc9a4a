"""Camera against limma, and under the null."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from exerkine_omics.kernels._camera import camera, camera_pr, normal_scores
from exerkine_omics.kernels._gene_effects import gene_effects

REFERENCE = Path(__file__).parents[1] / "reference" / "enrich"
CASES = ("paired", "arms", "covariate", "groups", "tiny")
OPTIONS = {
    "camera": {},
    "camera_0.05": {"inter_gene_cor": 0.05},
    "camera_estimated": {"inter_gene_cor": None},
    "camera_ranks": {"use_ranks": True},
    "camera_ranks_estimated": {"use_ranks": True, "inter_gene_cor": None},
}


def agrees(found, answer: pd.DataFrame) -> None:
    np.testing.assert_array_equal(found.n, answer["n"])
    np.testing.assert_array_equal(np.where(found.statistic < 0, "Down", "Up"), answer["direction"])
    # limma's rank sum at its own mean has a p above 1
    np.testing.assert_allclose(found.p_value, np.minimum(answer["p"], 1), rtol=1e-9)


@pytest.mark.quick
@pytest.mark.parametrize("name", CASES)
def test_camera_is_limma_s(name: str, enrich_case) -> None:
    """Set by set on the matrix with the set's negative members turned over."""
    case = enrich_case(name)
    effects = gene_effects(*case.arguments)
    for test, options in OPTIONS.items():
        found = camera(effects, list(case.sets.values()), **options)
        answer = case.limma(test)
        agrees(found, answer)
        if "estimated" in test:
            np.testing.assert_allclose(found.correlation, answer["correlation"], atol=1e-10)
            assert np.isnan(found.correlation[list(case.sets).index("one")])
            assert found.df == min(effects.df, 298)


@pytest.mark.parametrize("name", CASES)
def test_trend_is_limma_s(name: str, enrich_case) -> None:
    """Sets without flips: turning a row over would turn its mean level over in limma."""
    case = enrich_case(name)
    found = camera(
        gene_effects(*case.arguments, trend=True),
        [(m, np.ones(len(m))) for m, _ in case.sets.values()],
    )
    agrees(found, case.limma("camera_trend"))


@pytest.mark.parametrize(
    ("test", "options"),
    [("pr", {}), ("pr_ranks", {"use_ranks": True}), ("pr_0.1", {"inter_gene_cor": 0.1})],
)
def test_camera_pr_is_limma_s(test: str, options: dict, enrich_case) -> None:
    case = enrich_case("paired")
    statistic = pd.read_csv(REFERENCE / "paired_t.csv")["t"].to_numpy()
    np.testing.assert_allclose(statistic, gene_effects(*case.arguments).moderated_t, rtol=1e-9)
    sets = list(case.sets.values())
    agrees(camera_pr(statistic, sets, **options), case.limma(test))
    # unknown statistics are absent ones, in sets and outside
    wide = np.full(600, np.nan)
    wide[1::2] = statistic
    more = [(np.r_[2 * m + 1, 2 * m], np.r_[w, -w]) for m, w in sets]
    agrees(camera_pr(wide, more, **options), case.limma(test))


def test_correlation_may_differ_between_sets() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=80)
    sets = [(np.arange(10), np.ones(10))] * 3
    together = camera_pr(z, sets, np.array([0.0, 0.2, -0.05]))
    alone = [camera_pr(z, sets[:1], rho).p_value[0] for rho in (0.0, 0.2, -0.05)]
    np.testing.assert_array_equal(together.p_value, alone)
    assert alone[2] < alone[0] < alone[1]
    assert np.isnan(camera_pr(z, sets[:1], -0.9).p_value[0])
    # without correlation it is the two-sample t test
    expected = stats.ttest_ind(z[:10], z[10:])
    assert together.statistic[0] == pytest.approx(expected.statistic)
    assert together.p_value[0] == pytest.approx(expected.pvalue)


def test_ties_and_no_correlation_are_the_rank_sum_test() -> None:
    z = np.repeat(np.random.default_rng(1).normal(size=20), 2).round(1)
    sets = [(np.arange(7), np.ones(7))]
    expected = stats.mannwhitneyu(z[:7], z[7:], method="asymptotic", use_continuity=True)
    found = camera_pr(z, sets, 0.0, use_ranks=True)
    assert found.p_value[0] == pytest.approx(expected.pvalue, rel=1e-12)


def test_normal_scores() -> None:
    t = np.linspace(-6, 6, 25)
    for df in (5.0, 30.0, np.inf):
        exact = special.ndtri(special.stdtr(df, t)) if np.isfinite(df) else t
        np.testing.assert_allclose(normal_scores(t, np.full(25, df)), exact, atol=2e-3)


@pytest.mark.parametrize("use_ranks", [False, True])
@pytest.mark.parametrize("correlation", [0.01, None])
def test_what_must_not_matter(use_ranks: bool, correlation: float | None, enrich_case) -> None:
    case = enrich_case("arms")
    options = {"inter_gene_cor": correlation, "use_ranks": use_ranks}
    sets = list(case.sets.values())
    values, design, subject, contrast = case.arguments
    first = camera(gene_effects(values, design, subject, contrast), sets, **options)
    rows = np.random.default_rng(2).permutation(len(values))
    columns = np.random.default_rng(3).permutation(300)
    place = np.argsort(columns)
    moved_values = 1e-6 * (values + 1e5)[rows][:, columns]
    moved = camera(
        gene_effects(moved_values, design[rows], subject[rows], contrast),
        [(place[m][::-1], w[::-1]) for m, w in sets],
        **options,
    )
    np.testing.assert_allclose(moved.p_value, first.p_value, rtol=1e-6)
    # all features turned over: every direction turns, against an unchanged comparison
    flat = [(m, np.ones(len(m))) for m, _ in sets]
    one = camera(gene_effects(values, design, subject, contrast), flat, **options)
    two = camera(gene_effects(-values, design, subject, contrast), flat, **options)
    np.testing.assert_allclose(two.statistic, -one.statistic, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(two.p_value, one.p_value, rtol=1e-9)
    # only signs of weights count
    again = camera(
        gene_effects(values, design, subject, contrast), [(m, 7 * w) for m, w in sets], **options
    )
    np.testing.assert_array_equal(again.p_value, first.p_value)


def test_sets_that_cannot_be_compared() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(12, 6))
    design, subject = np.tile(np.eye(2), (6, 1)), np.repeat(np.arange(6), 2)
    none = (np.zeros(0, dtype=int), np.zeros(0))
    sets = [none, (np.arange(6), np.ones(6)), (np.arange(2), np.ones(2))]
    for rank in (False, True):
        for correlation in (0.01, None):
            effects = gene_effects(values, design, subject, np.array([-1.0, 1]))
            found = camera(effects, sets, correlation, use_ranks=rank)
            np.testing.assert_array_equal(np.isfinite(found.p_value), [False, False, True])
            np.testing.assert_array_equal(found.n, [0, 6, 2])
    same = gene_effects(values[:, [0] * 6], design, subject, np.array([-1.0, 1]))
    for rank in (False, True):
        assert np.isnan(camera(same, sets, use_ranks=rank).p_value).all()
    level = gene_effects(values, design, subject, np.array([1.0, 1]))
    assert np.isnan(camera(level, sets).p_value).all()
    assert len(camera(effects, []).p_value) == 0
    unknown = camera_pr(np.array([np.nan, 1.0, 2.0, np.nan, 0.5, 0.1]), sets)
    np.testing.assert_array_equal(unknown.n, [0, 4, 1])
    np.testing.assert_array_equal(np.isfinite(unknown.p_value), [False, False, True])
    assert np.isnan(camera_pr(np.full(6, np.nan), sets).p_value).all()


def simulated(rng: np.random.Generator, rho: float, size: int):
    """Nothing moved: 16 people twice, 200 features, of which the first correlate by rho."""
    noise = rng.normal(size=(32, 200))
    noise[:, :size] = np.sqrt(1 - rho) * noise[:, :size] + np.sqrt(rho) * rng.normal(size=(32, 1))
    noise *= np.sqrt(8 / rng.chisquare(8, 200))
    return gene_effects(
        noise + rng.normal(size=(16, 200)).repeat(2, axis=0),
        np.tile(np.eye(2), (16, 1)),
        np.repeat(np.arange(16), 2),
        np.array([-1.0, 1]),
    )


@pytest.mark.slow
def test_level() -> None:
    rng = np.random.default_rng(6)
    signs = np.where(np.arange(50) % 3, 1.0, -1.0)
    sets = [(np.arange(50), np.ones(50)), (np.arange(50), signs), (np.arange(50, 55), np.ones(5))]
    p = {key: [] for key in ("none", "preset", "ranks", "estimated", "ranks estimated", "wrong")}
    for _ in range(1500):
        independent, weak = simulated(rng, 0.0, 50), simulated(rng, 0.01, 50)
        strong = simulated(rng, 0.2, 50)
        p["none"].append(camera(independent, sets, 0.0).p_value)
        p["preset"].append(camera(weak, sets[::2]).p_value)
        p["ranks"].append(camera(weak, sets[::2], use_ranks=True).p_value)
        p["estimated"].append(camera(strong, sets, None).p_value)
        p["ranks estimated"].append(camera(strong, sets, None, use_ranks=True).p_value)
        p["wrong"].append(camera(strong, sets[:1]).p_value)
    for column in np.array(p["none"]).T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    for key in ("preset", "ranks"):
        rate = (np.array(p[key]) < 0.05).mean(axis=0)
        # five members at 0.01 that do not correlate: a little below
        assert (np.abs(rate - 0.05) < 0.02).all(), (key, rate)
    for key in ("estimated", "ranks estimated"):
        rate = (np.array(p[key]) < 0.05).mean(axis=0)
        assert (rate < 0.075).all(), (key, rate)
    # the preset is for ranking: where members correlate by 0.2 it is no test
    assert (np.array(p["wrong"]) < 0.05).mean() > 0.25
