"""How numbers are written."""

from __future__ import annotations

import math

import pytest

from exerkine_omics.report import _format


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0612, "5.06"),
        (0.5, "0.5"),
        (-0.01234, "-0.0123"),
        (0.000123456, "1.23e-04"),
        (12345.6, "12,346"),
        (999.7, "1,000"),
        (0.0, "0"),
        (1234, "1,234"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (True, "True"),
        ("text", "text"),
    ],
)
def test_number(value, text):
    assert _format.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.034, "0.034"),
        (0.5, "0.5"),
        (1.23e-5, "1.2e-05"),
        (1e-16, "1.0e-16"),
        (1e-17, "< 1e-16"),
        (0.0, "< 1e-16"),
        (1.0, "1"),
        (None, "–"),
    ],
)
def test_p_value(value, text):
    assert _format.p_value(value) == text


def test_dash_carries_its_reason_escaped():
    assert _format.number(None, "n < 3") == '<abbr title="n &lt; 3">–</abbr>'
    assert _format.number(None, "ok") == "–"


def test_intervals_ranges_and_durations():
    assert _format.interval(-0.2, 1.4) == "-0.2 to 1.4"
    assert _format.interval(None, math.nan) == "–"
    assert _format.pair_range(7.0, 11.0) == "7 to 11"
    assert _format.pair_range(7, 7) == "7"
    assert "no feature was tested" in _format.pair_range(None, None)
    assert _format.duration(185) == "3 min 5 s"
    assert _format.duration(12.34) == "12.3 s"
    assert _format.duration(59.7) == "1 min 0 s"


def test_values_to_sort_by_are_plain_and_exact():
    assert float(_format.raw(1 / 3)) == 1 / 3
    assert _format.raw(None) == _format.raw(math.nan) == ""


@pytest.mark.parametrize(
    ("units", "text"),
    [("NPX", "log2 fold change (NPX)"), ("log2", "log2 fold change"), ("zscore", "SD")],
)
def test_unit_of_an_estimate(units, text):
    assert _format.estimate_unit(units) == text
