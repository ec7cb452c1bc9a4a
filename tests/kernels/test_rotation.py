"""Fry and roast against limma and each other, and under the null."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from exerkine_omics.kernels import _rotation
from exerkine_omics.kernels._fry import fry
from exerkine_omics.kernels._gene_effects import gene_effects
from exerkine_omics.kernels._rotation import adjusted, roast

CASES = ("paired", "arms", "covariate", "groups", "tiny")
MODELS = {"trend": {"trend": True}, "robust": {"robust": True}}


def direction(statistic: np.ndarray) -> np.ndarray:
    return np.where(statistic < 0, "Down", "Up")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *product(CASES, ["posterior.sd", "residual.sd", "p2", "none", "trend", "robust"]),
        *product(CASES[:4], ["weights"]),
    ],
)
def test_fry_is_limma_s(name: str, kind: str, enrich_case) -> None:
    """To its printed digits; its search for the robust prior stops at 1e-8 in two cases."""
    case = enrich_case(name)
    weight = case.weight if kind == "weights" else None
    effects = gene_effects(*case.arguments, weight, **MODELS.get(kind, {}))
    standardize = kind if kind in ("residual.sd", "p2", "none") else "posterior.sd"
    found = fry(effects, list(case.sets.values()), standardize=standardize, limma_mixed=True)
    answer = case.limma(f"fry_{kind}")
    np.testing.assert_array_equal(found.n, answer["n"])
    np.testing.assert_array_equal(direction(found.statistic), answer["direction"])
    tolerance = 3e-8 if kind == "robust" else 1e-9
    np.testing.assert_allclose(found.p_value, answer["p"], rtol=tolerance)
    np.testing.assert_allclose(found.p_mixed, answer["mixed"], rtol=tolerance)


def test_limma_s_fry_depends_on_how_the_design_is_written(enrich_case) -> None:
    """Another basis of the same residual space: its p move by up to 12%, ours has one order."""
    case = enrich_case("arms")
    answer, usual = case.limma("fry_posterior.sd"), case.limma("fry_usual")
    apart = np.abs(np.log(usual["p"] / answer["p"])).max()
    assert 0.01 < apart < 0.2


def test_mixed_p_counts_all_directions(enrich_case) -> None:
    """It is limma's where a set is larger than 1 + d; below, limma's is far too large."""
    case = enrich_case("covariate")
    effects = gene_effects(*case.arguments)
    sets = list(case.sets.values())
    ours, limma = fry(effects, sets), fry(effects, sets, limma_mixed=True)
    large = ours.n > effects.df
    assert large.any() and (~large).any()
    np.testing.assert_array_equal(ours.p_mixed[large], limma.p_mixed[large])
    np.testing.assert_array_equal(ours.p_value, limma.p_value)
    smaller = ~large & (ours.n > 1)
    assert (ours.p_mixed[smaller] < limma.p_mixed[smaller]).all()


@pytest.mark.parametrize("kind", ["mean", "floormean", "mean50", "msq"])
@pytest.mark.parametrize("name", CASES[:4])
def test_roast_is_limma_s(name: str, kind: str, enrich_case) -> None:
    """To Monte Carlo error: 9999 rotations (limma: 999 for msq) on each side."""
    case = enrich_case(name)
    effects = gene_effects(*case.arguments)
    sets = list(case.sets.values())
    found = roast(effects, sets, 9999, np.random.default_rng(8), kind)
    answer = case.limma(f"roast_{kind}")
    np.testing.assert_array_equal(found.n, answer["n"])
    np.testing.assert_array_equal(direction(found.statistic), answer["direction"])
    np.testing.assert_allclose(found.prop_up, answer["prop_up"], atol=1e-10)
    np.testing.assert_allclose(found.prop_down, answer["prop_down"], atol=1e-10)
    drawn = 999 if kind == "msq" else 9999
    signed = np.array([(w < 0).any() for _, w in sets])
    # one member at the floor: all rotations at the floor reach it too, p is 1
    floor = (kind == "floormean") & (found.p_mixed == 1)
    for column, ours, out in (
        ("p", found.p_value, signed & (kind == "msq")),
        ("mixed", found.p_mixed, (signed & (kind == "floormean")) | floor),
    ):
        p = answer[column].to_numpy()
        error = np.sqrt(p * (1 - p) * (1 / drawn + 1 / 9999)) + 1 / drawn
        assert (np.abs(ours - p) < 5 * error)[~out].all(), column


@pytest.mark.parametrize("kind", ["floormean", "mean50", "msq"])
def test_negative_weights_where_limma_differs(kind: str, enrich_case) -> None:
    """A signed set is the unsigned one on the matrix with its rows turned over, limma or not."""
    case = enrich_case("paired")
    values, *rest = case.arguments
    turned = values.copy()
    turned[:, 10:20] *= -1
    signs = np.r_[np.ones(10), -np.ones(10)]
    one = roast(
        gene_effects(values, *rest), [(np.arange(20), signs)], 999, np.random.default_rng(1), kind
    )
    two = roast(
        gene_effects(turned, *rest),
        [(np.arange(20), np.ones(20))],
        999,
        np.random.default_rng(1),
        kind,
    )
    assert one.statistic[0] == pytest.approx(two.statistic[0], rel=1e-9)
    assert (one.p_value, one.p_mixed) == (two.p_value, two.p_mixed)


def test_roast_of_means_is_nearly_fry(enrich_case) -> None:
    case = enrich_case("arms")
    effects = gene_effects(*case.arguments)
    sets = list(case.sets.values())
    drawn = roast(effects, sets, 4999, np.random.default_rng(2), approx_zscore=False)
    near = roast(effects, sets, 4999, np.random.default_rng(2))
    np.testing.assert_allclose(near.p_value, drawn.p_value, atol=2e-3)
    assert (np.abs(fry(effects, sets).p_value - drawn.p_value) < 0.06).all()
    assert (drawn.p_value >= 1 / 5000).all()


def test_blocks_and_other_sets_change_nothing(monkeypatch, enrich_case) -> None:
    case = enrich_case("paired")
    effects = gene_effects(*case.arguments)
    sets = list(case.sets.values())
    whole = roast(effects, sets, 500, np.random.default_rng(3), "mean50")
    monkeypatch.setattr(_rotation, "_BLOCK", 7000)
    parts = roast(effects, sets, 500, np.random.default_rng(3), "mean50")
    np.testing.assert_array_equal(parts.p_value, whole.p_value)
    alone = roast(effects, sets[2:3], 500, np.random.default_rng(3), "mean50")
    assert alone.p_value[0] == whole.p_value[2] and alone.p_mixed[0] == whole.p_mixed[2]


@pytest.mark.parametrize("model", [{}, {"robust": True}, {"trend": True}])
def test_what_must_not_matter(model: dict, enrich_case) -> None:
    case = enrich_case("covariate")
    sets = list(case.sets.values())
    values, design, subject, contrast = case.arguments
    rows = np.random.default_rng(2).permutation(len(values))
    columns = np.random.default_rng(3).permutation(300)
    place = np.argsort(columns)
    first = gene_effects(values, design, subject, contrast, **model)
    moved = gene_effects(
        1e-6 * (values + 1e5)[rows][:, columns], design[rows], subject[rows], contrast, **model
    )
    elsewhere = [(place[m][::-1], w[::-1]) for m, w in sets]
    turned = [(m, -2.5 * w) for m, w in sets]
    one, two, three = fry(first, sets), fry(moved, elsewhere), fry(first, turned)
    for field in ("p_value", "p_mixed"):
        np.testing.assert_allclose(getattr(two, field), getattr(one, field), rtol=1e-6)
        np.testing.assert_allclose(getattr(three, field), getattr(one, field), rtol=1e-9)
    np.testing.assert_allclose(three.statistic, -one.statistic, rtol=1e-9)
    drawn = [
        roast(effects, which, 299, np.random.default_rng(4))
        for effects, which in ((first, sets), (moved, elsewhere), (first, turned))
    ]
    for other in drawn[1:]:
        np.testing.assert_allclose(other.p_value, drawn[0].p_value, atol=1e-12)
        np.testing.assert_allclose(other.p_mixed, drawn[0].p_mixed, atol=1e-12)
    np.testing.assert_allclose(drawn[2].statistic, -2.5 * drawn[0].statistic, rtol=1e-9)
    np.testing.assert_array_equal(drawn[2].prop_up, drawn[0].prop_down)


def test_sets_without_a_test() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(12, 6))
    values[:, 3] = 2.0
    design, subject = np.tile(np.eye(2), (6, 1)), np.repeat(np.arange(6), 2)
    none = (np.zeros(0, dtype=int), np.zeros(0))
    sets = [none, (np.arange(6), np.ones(6)), (np.array([3]), np.ones(1))]
    effects = gene_effects(values, design, subject, np.array([-1.0, 1]))
    for kind in ("posterior.sd", "residual.sd", "p2", "none"):
        found = fry(effects, sets, standardize=kind)
        np.testing.assert_array_equal(np.isfinite(found.p_value), [False, True, True])
        assert (found.p_value[2], found.p_mixed[2]) == (1.0, 1.0)
    drawn = roast(effects, sets, 99, rng)
    np.testing.assert_array_equal(np.isfinite(drawn.p_mixed), [False, True, True])
    assert drawn.p_value[2] == 1.0
    values[2, 5] = np.nan  # not allowed, and never a small p
    broken = gene_effects(values, design, subject, np.array([-1.0, 1]))
    for found in (roast(broken, sets, 99, rng), fry(broken, sets)):
        np.testing.assert_array_equal(np.isfinite(found.p_value), [False, False, True])
        np.testing.assert_array_equal(np.isfinite(found.p_mixed), [False, False, True])
    level = gene_effects(values, design, subject, np.array([1.0, 1]))
    assert np.isnan(fry(level, sets).p_value).all()
    assert np.isnan(roast(level, sets, 99, rng).p_value).all()
    assert np.isnan(roast(effects, sets[:1], 99, rng).p_value).all()
    with pytest.raises(ValueError, match="sd"):
        fry(effects, sets, standardize="sd")


def test_adjusted() -> None:
    """limma: BH on p - 1/2/(B + 1), no lower than p."""
    p = np.array([0.001, 0.001, 0.2, np.nan, 0.9])
    found = adjusted(p, 999)
    np.testing.assert_allclose(found, [0.001, 0.001, 0.266, np.nan, 0.9], rtol=1e-12)
    np.testing.assert_allclose(adjusted(p, 999, midp=False)[[0, 2]], [0.002, 0.8 / 3], rtol=1e-12)
    assert np.isnan(adjusted(np.array([np.nan]), 9)).all()


@pytest.mark.slow
def test_level_under_correlation() -> None:
    """Nothing moved, members correlate by up to 0.8 and in both directions."""
    rng = np.random.default_rng(6)
    weights = rng.normal(size=30)
    sets = [
        (np.arange(30), np.ones(30)),
        (np.arange(30), weights),
        (np.arange(60), np.ones(60)),
        (np.arange(3), np.ones(3)),
        (np.array([0]), np.ones(1)),
    ]
    loading = np.zeros((2, 100))
    loading[0, :30] = rng.uniform(0.5, 2, 30)
    loading[1, :60] = rng.normal(size=60)
    p: dict[str, list[np.ndarray]] = {}
    for _ in range(1200):
        noise = rng.normal(size=(24, 100)) + rng.normal(size=(24, 2)) @ loading
        noise *= np.sqrt(6 / rng.chisquare(6, 100))
        effects = gene_effects(
            noise, np.tile(np.eye(2), (12, 1)), np.repeat(np.arange(12), 2), np.array([-1.0, 1])
        )
        found = fry(effects, sets)
        p.setdefault("fry", []).append(found.p_value)
        p.setdefault("fry mixed", []).append(found.p_mixed)
        for kind in ("mean", "msq"):
            drawn = roast(effects, sets, 199, rng, kind)
            p.setdefault(kind, []).append(drawn.p_value)
            p.setdefault(f"{kind} mixed", []).append(drawn.p_mixed)
    for key, column in p.items():
        values = np.array(column)
        rate = (values <= 0.05).mean(axis=0)
        assert (np.abs(rate - 0.05) < 0.025).all(), (key, rate)
        if key in ("fry", "mean"):
            for own in values.T:
                assert stats.kstest(own, "uniform").statistic < 0.06, key
