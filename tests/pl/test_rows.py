"""Titles on two lines."""

from __future__ import annotations

import pytest

from exerkine_omics.pl._rows import two_lines, widest


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Resistance training, proteins at rest", "Resistance training, proteins at rest"),
        (
            "MoTrPAC: plasma proteins up after one resistance bout",
            "MoTrPAC: plasma proteins up\nafter one resistance bout",
        ),
        ("il6_anti_inflammatory_cascade", "il6_anti_inflammatory_cascade"),
        ("", ""),
    ],
)
def test_break_near_the_middle(text, lines):
    assert two_lines(text) == lines


@pytest.mark.parametrize("text", ["x" * 90, "word " * 40, "a " + "y" * 60, "PC(16:0/18:1)" * 9])
def test_no_line_is_longer_than_asked(text):
    got = two_lines(text, 30)
    assert widest([got]) <= 30 and got.count("\n") <= 1
    assert got[0] == text[0] and got[-1] == text.strip()[-1]
