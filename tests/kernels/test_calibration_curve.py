"""Calibration curves and the ICI against R's loess.

The stored vector comes from R's default, which interpolates; ours is the exact surface. The
difference of both in R is asserted here, and that ours has the exact one's numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels._calibration_curve import calibration_curve, calibration_index

REFERENCE = Path(__file__).parents[1] / "reference" / "calibration_curve"
STORED = json.loads((Path(__file__).parent / "performance_vectors.json").read_text())
VECTOR = {v["id"]: v for v in STORED["vectors"]}["ici_loess"]
DATA = {
    name: (d["y"].to_numpy(), d["p"].to_numpy())
    for name, d in pd.read_csv(REFERENCE / "data.csv").groupby("case")
}
SUMMARY = pd.read_csv(REFERENCE / "summary.csv")


@pytest.mark.quick
def test_curve_equals_loess_direct():
    curves = pd.read_csv(REFERENCE / "curves.csv")
    assert len(curves) == 12 * 14
    for (case, span), rows in curves.groupby(["case", "span"]):
        found = calibration_curve(*DATA[case], rows["at"].to_numpy(), span)
        np.testing.assert_allclose(found, rows["exact"], atol=1e-9, err_msg=f"{case} {span}")


def test_index_equals_loess_direct():
    exact = SUMMARY[SUMMARY["surface"] == "exact"]
    assert len(exact) == 14
    for row in exact.itertuples():
        found = calibration_index(*DATA[row.case], row.span)
        assert [found.ici, found.e50, found.e90, found.emax] == pytest.approx(
            [row.ici, row.e50, row.e90, row.emax], abs=1e-9
        )


@pytest.mark.parametrize(("case", "name"), [("clin", "p_clin"), ("omics", "p_omics")])
def test_known_difference_to_the_interpolated_surface(case, name):
    """The vector is R's default; ours differs from it by what R's two surfaces differ."""
    expected = VECTOR["expected"][name]
    here = SUMMARY[(SUMMARY["case"] == case) & (SUMMARY["span"] == 0.75)].set_index("surface")
    default, exact = here.loc["default"], here.loc["exact"]
    found = calibration_index(*DATA[case])
    for key, ours in (("ICI", "ici"), ("E50", "e50"), ("E90", "e90"), ("Emax", "emax")):
        assert default[ours] == pytest.approx(expected[key], abs=VECTOR["tol"])
        assert getattr(found, ours) - expected[key] == pytest.approx(
            exact[ours] - default[ours], abs=VECTOR["tol"]
        )
    largest = {"clin": 0.00361, "omics": 0.000345}[case]  # ICI and E50
    off = [found.ici - expected["ICI"], found.e50 - expected["E50"]]
    assert max(np.abs(off)) == pytest.approx(largest, abs=1e-5)


def test_a_parabola_is_returned():
    p = np.random.default_rng(1).random(70)
    at = np.linspace(p.min(), p.max(), 600)  # more than a block
    found = calibration_curve(0.3 + p - 0.7 * p**2, p, at)
    np.testing.assert_allclose(found, 0.3 + at - 0.7 * at**2, atol=1e-12)


def test_order_scale_and_gaps():
    y, p = DATA["ties"]
    at = np.linspace(0.15, 0.85, 9)
    whole = calibration_curve(y, p, at)
    order = np.random.default_rng(2).permutation(len(y))
    np.testing.assert_array_equal(calibration_curve(y[order], p[order], at), whole)
    shuffled = calibration_index(y[order], p[order])
    assert shuffled == calibration_index(y, p)
    np.testing.assert_array_equal(calibration_curve(y, p, at[::-1])[::-1], whole)
    far = calibration_curve(y, p * 4 + 1e5, at * 4 + 1e5)
    np.testing.assert_allclose(far, whole, atol=1e-7)
    np.testing.assert_allclose(calibration_curve(y + 1e5, p, at) - 1e5, whole, atol=1e-8)
    missing = np.where(np.arange(len(y)) % 7 == 0, np.nan, p)
    known = np.isfinite(missing)
    np.testing.assert_array_equal(
        calibration_curve(y, missing, at), calibration_curve(y[known], p[known], at)
    )
    assert calibration_index(y, missing) == calibration_index(y[known], p[known])


def test_no_curve_without_people_or_distinct_predictions():
    y, p = DATA["clin"]
    assert np.isnan(calibration_curve(y[:9], p[:9], p[:9])).all()
    assert np.isfinite(calibration_curve(y[:10], p[:10], p[:10], 1.0)).all()
    outside = np.array([0.0, p.min(), p.max(), 1.0, np.nan])
    assert list(np.isnan(calibration_curve(y, p, outside))) == [True, False, False, True, True]
    assert len(calibration_curve(y, p, np.array([]))) == 0
    # windows that hold one or two distinct predictions
    few = np.repeat([0.2, 0.5, 0.8], 20)
    labels = (np.arange(60) % 3 == 0).astype(float)
    assert np.isnan(calibration_curve(labels, few, np.array([0.2, 0.5]))).all()
    assert np.isnan(calibration_curve(labels, np.full(60, 0.5), np.array([0.5]))).all()
    nearly = few + np.arange(60) * 1e-15
    assert np.isnan(calibration_curve(labels, nearly, np.array([0.2, 0.5]), 0.3)).all()
    assert np.isnan(calibration_index(labels, few).ici)
    assert np.isnan(calibration_index(np.array([]), np.array([])).emax)


@pytest.mark.slow
def test_index_of_calibrated_predictions_falls_with_people():
    """A calibrated model's ICI is noise alone, 0.088 of 60 people, and falls as 1/sqrt(n)."""
    rng = np.random.default_rng(5)
    mean = {}
    for n in (60, 960):
        found = []
        for _ in range(3000 // n + 60):
            p = 1 / (1 + np.exp(-rng.normal(0, 1.2, n)))
            found.append(calibration_index((rng.random(n) < p).astype(float), p).ici)
        mean[n] = np.mean(found)
    assert mean[60] == pytest.approx(0.088, abs=0.01), mean
    assert mean[60] / mean[960] == pytest.approx(4, rel=0.15), mean
