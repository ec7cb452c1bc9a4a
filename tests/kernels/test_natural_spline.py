"""The natural spline basis against scipy's natural splines and R's ns()."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline

from exerkine_omics.kernels._natural_spline import natural_spline

KNOTS, BOUNDARY = np.array([10.0, 30.0, 120.0]), (-15.0, 240.0)


@pytest.mark.quick
def test_equals_scipys_natural_splines() -> None:
    at = np.array([BOUNDARY[0], *KNOTS, BOUNDARY[1]])
    x = np.linspace(*BOUNDARY, 301)
    for k in range(1, 5):
        theirs = CubicSpline(at, np.eye(5)[k], bc_type="natural")(x)
        ours = natural_spline(x, KNOTS, BOUNDARY)[:, k - 1]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_is_cardinal_and_straight_outside() -> None:
    np.testing.assert_array_equal(natural_spline(KNOTS, KNOTS, BOUNDARY), np.eye(3, 4))
    assert (natural_spline(np.array([BOUNDARY[0]]), KNOTS, BOUNDARY) == 0).all()
    for side in (-1, 1):
        edge = BOUNDARY[(side + 1) // 2]
        out = natural_spline(edge + side * np.array([0.0, 5, 10, 90]), KNOTS, BOUNDARY)
        slope = np.diff(out, axis=0) / np.array([5.0, 5, 80])[:, None]
        np.testing.assert_allclose(slope, np.tile(slope[0], (3, 1)), atol=1e-12)
        # the line is the tangent
        near = natural_spline(edge - side * np.array([1e-4, 0.0]), KNOTS, BOUNDARY)
        np.testing.assert_allclose((near[1] - near[0]) / 1e-4, slope[0], atol=1e-7)


def test_one_column_is_a_line() -> None:
    x = np.array([-3.0, 0.0, 5.0, 10.0, 20.0])
    np.testing.assert_allclose(natural_spline(x, np.array([]), (0.0, 10.0))[:, 0], x / 10)


def test_spans_what_ns_spans() -> None:
    """R's columns are combinations of ours, also beyond the boundary, and the other way round."""
    folder = Path(__file__).parents[1] / "reference" / "course"
    theirs = pd.read_csv(folder / "ns.csv")
    ours = natural_spline(theirs["x"].to_numpy(), KNOTS, BOUNDARY)
    other = theirs.drop(columns="x").to_numpy()
    for a, b in ((ours, other), (other, ours)):
        fitted = a @ np.linalg.lstsq(a, b, rcond=None)[0]
        np.testing.assert_allclose(fitted, b, atol=1e-12)
