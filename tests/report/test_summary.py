"""The contract of the summary dict."""

from __future__ import annotations

import pytest

from exerkine_omics.errors import InputError
from exerkine_omics.report import validate


def test_a_right_summary_passes_and_is_left_alone(summary):
    before = repr(summary)
    validate(summary)
    assert repr(summary) == before


def test_further_keys_are_allowed(summary):
    summary["more"] = 1
    summary["cohorts"][0]["more"] = 1
    validate(summary)


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda s: s.pop("seed"), "seed"),
        (lambda s: s.update(cohorts="none"), "cohorts"),
        (lambda s: s["cohorts"].append(3), "cohorts.3"),
        (lambda s: s["cohorts"][0].pop("n_people"), "cohorts.0.n_people"),
        (lambda s: s["cohorts"][0].update(status="half"), "cohorts.0.status"),
        (lambda s: s["cohorts"][2].pop("error"), "cohorts.2.error"),
        (lambda s: s["cohorts"][0]["pairs"][0].pop("n_pairs"), "cohorts.0.pairs.0.n_pairs"),
        (
            lambda s: s["cohorts"][0]["findings"][0].update(severity="bad"),
            "cohorts.0.findings.0.severity",
        ),
        (
            lambda s: s["cohorts"][1]["prediction"][0].update(kind="guess"),
            "cohorts.1.prediction.0.kind",
        ),
        (
            lambda s: s["cohorts"][0]["differential"]["top"][2].update(estimate="high"),
            "cohorts.0.differential.top.2.estimate",
        ),
    ],
)
def test_the_place_that_does_not_fit_is_named(summary, spoil, place):
    spoil(summary)
    with pytest.raises(InputError) as caught:
        validate(summary)
    assert f"'{place}'" in str(caught.value)
