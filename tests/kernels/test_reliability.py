"""Repeated tests: Shrout & Fleiss's own example, pairs as the special case, missing tests."""

from __future__ import annotations

import numpy as np
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import AnalysisError, InputError, UsageError
from exerkine_omics.kernels._reliability import fit_repeats, intraclass

# Shrout & Fleiss 1979, Table 2: six targets, four judges
FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    dtype=float,
)


def test_shrout_and_fleiss():
    """ICC(2,1) .29 and ICC(3,1) .71, Table 4; intervals as R's psych prints them."""
    icc = intraclass(FLEISS, 0.95)
    assert np.round(icc["agreement"], 2).tolist() == [0.29, 0.02, 0.76]
    assert np.round(icc["consistency"], 2).tolist() == [0.71, 0.34, 0.95]
    fit = fit_repeats(FLEISS)
    assert fit.typical_error**2 == pytest.approx(1.019, abs=5e-4)  # EMS of their Table 3
    assert fit.df == 15
    np.testing.assert_allclose(fit.test_means, FLEISS.mean(axis=0))


def test_two_tests_are_test_and_retest():
    rel = exo.Reliability
    one, two = rel.from_repeats(FLEISS[:, :2]), rel.from_test_retest(FLEISS[:, 0], FLEISS[:, 1])
    for name in ("typical_error", "df", "learning", "learning_p", "icc", "icc_low", "icc_high"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-12), name
    assert one.period == two.period == "short"
    control = rel.from_control(FLEISS[:, 0], FLEISS[:, 1])
    assert control.period == "trial" and np.isnan(control.icc)
    assert rel.from_typical_error(1.0).period == "unknown"


def test_missing_tests_and_order():
    """A test not done is an absent row; people in another order, and a shift, change nothing."""
    values = FLEISS.copy()
    values[0, 1] = values[3, 3] = np.nan
    fit = fit_repeats(values)
    assert fit.df == 22 - 6 - 3
    again = fit_repeats(values[::-1] + 1e5)
    assert again.typical_error == pytest.approx(fit.typical_error, rel=1e-9)
    np.testing.assert_allclose(again.test_means - 1e5, fit.test_means, rtol=1e-8)
    lonely = np.vstack([values, [np.nan, 4, np.nan, np.nan]])
    rel = exo.Reliability.from_repeats(lonely)
    assert rel.n == 6 and rel.typical_error == pytest.approx(fit.typical_error, rel=1e-12)
    assert np.isnan(rel.icc)


def test_a_learning_effect_is_no_noise():
    rng = np.random.default_rng(2)
    values = rng.normal(50, 5, (200, 1)) + rng.normal(0, 2, (200, 3))
    before = exo.Reliability.from_repeats(values)
    after = exo.Reliability.from_repeats(values + [0, 3, 4])
    assert after.typical_error == pytest.approx(before.typical_error, rel=1e-9)
    assert after.learning == pytest.approx(before.learning + 4)
    assert after.learning_p < 1e-10 < before.learning_p
    assert before.ci_low < 2 < before.ci_high


def test_frame_of_what_is_known():
    rel = exo.Reliability.from_repeats(FLEISS)
    frame = rel.to_frame().set_index("quantity")
    assert list(frame.index) == ["typical_error", "cv_percent", "mdc95", "icc", "learning"]
    np.testing.assert_allclose(
        frame.loc["mdc95", "estimate"], 1.96 * np.sqrt(2) * rel.sem, rtol=1e-4
    )
    ratio = frame["ci_high"] / frame["estimate"]
    assert ratio["mdc95"] == pytest.approx(ratio["typical_error"])
    unknown = exo.Reliability.from_typical_error(2.0).to_frame().set_index("quantity")
    assert np.isnan(unknown.loc["typical_error", "ci_low"]) and np.isnan(
        unknown.loc["icc", "estimate"]
    )


def test_published_values_carry_their_citation():
    table = exo.Reliability.literature()
    assert table["name"].is_unique and table["citation"].str.contains("PMID|doi").all()
    for name in table["name"]:
        rel = exo.Reliability.from_literature(name)
        assert rel.source.startswith(str(table.set_index("name").loc[name, "citation"]))
    with pytest.raises(UsageError, match="no published typical error 'vo2'"):
        exo.Reliability.from_literature("vo2")


@pytest.mark.parametrize(
    ("tests", "error", "match"),
    [
        (FLEISS[:, :1], InputError, "1 columns"),
        (FLEISS[:2], InputError, "2 people have two tests"),
        (np.array([["a", 1], ["b", 2], ["c", 3]], dtype=object), InputError, "holds text"),
        (np.full((4, 2), np.inf), InputError, "infinite"),
        (np.c_[FLEISS[:, 0], FLEISS[:, 0] + 1], AnalysisError, "typical error is 0"),
    ],
)
def test_bad_repeats(tests, error, match):
    with pytest.raises(error, match=match):
        exo.Reliability.from_repeats(tests)


@pytest.mark.slow
def test_intervals_cover():
    rng = np.random.default_rng(8)
    hits = {"typical_error": 0, "icc": 0}
    rounds = 2000
    for _ in range(rounds):
        values = rng.normal(0, 2, (15, 1)) + rng.normal(0, 1, (15, 3)) + [0, 1, 1]
        rel = exo.Reliability.from_repeats(values)
        hits["typical_error"] += rel.ci_low < 1 < rel.ci_high
        hits["icc"] += rel.icc_low < 0.8 < rel.icc_high
    for name, n in hits.items():
        assert abs(n / rounds - 0.95) < 0.015, (name, n / rounds)


def test_many_people_take_little_memory():
    """People are swept out, not dummy columns: 50 000 would have needed 60 GB."""
    rng = np.random.default_rng(2)
    values = rng.normal(50, 8, (50_000, 1)) + rng.normal(0, 2, (50_000, 3)) + [0.0, 1.0, 1.5]
    values[rng.random(50_000) < 0.3, 2] = np.nan
    rel = exo.Reliability.from_repeats(values)
    assert rel.typical_error == pytest.approx(2.0, rel=0.01)
    assert rel.learning == pytest.approx(1.5, abs=0.05)
    assert rel.df == np.isfinite(values).sum() - 50_000 - 2


def test_tests_that_nobody_connects_have_no_learning_effect():
    nan = np.nan
    rel = exo.Reliability.from_repeats(
        np.array([[1, 2, nan, nan], [2, 3.5, nan, nan], [nan, nan, 4, 5], [nan, nan, 4, 6]])
    )
    # two pairs of tests, each with the SD of its own differences
    assert rel.typical_error == pytest.approx(np.sqrt((0.5**2 / 2 + 1 / 2) / 2 / 2))
    assert np.isnan([rel.learning, rel.learning_p]).all() and rel.df == 2
