"""The section on quality of the page: whole, escaped, and only where there is something."""

from __future__ import annotations

import copy

import pytest

from exerkine_omics.errors import InputError
from exerkine_omics.report import render

SCRIPT = "<script>alert(1)</script>"
QC = {
    "steps": [
        {
            "step": "pp.filter_features",
            "parameters": "max_missing: 0.5",
            "n_samples": 49,
            "n_features": 13,
            "notes": ["Two features were left out."],
        }
    ],
    "mended": [{"severity": "note", "message": "4 tubes are no person's.", "n_rows": 4}],
    "notes": ["Missing values were filled."],
    "flow": [],
    "plates": [],
    "lod": {
        "n_features": 13,
        "n_below_in_some": 2,
        "n_below_in_half": 1,
        "features": [{"feature": "IL6", "below": 0.61, "n_samples": 49, "difference": None}],
    },
    "pca": {"variance_ratio": [0.3, 0.2], "variance_ratio_before": []},
    "drift": {"n_corrected": 13, "sd_before": 0.412, "sd_after": 0.125},
    "haemolysis": {
        "method": "mir_ratio",
        "limits": {"possible": 5.0, "yes": 7.0},
        "counts": {"no": 46, "possible": 2, "yes": 1, "unknown": 0},
        "haemolysed": ["R04_finish"],
    },
    "plasma_volume": [
        {"timepoint": "finish", "n": 9, "mean": -8.4, "sd": 3.1, "low": -14.2, "high": -2.2},
        {"timepoint": "h2", "n": 1, "mean": -1.0, "sd": None, "low": -1.0, "high": -1.0},
    ],
}


def page(summary: dict, qc: dict | None, tmp_path) -> str:
    summary["cohorts"][0]["qc"] = qc
    return render(summary, tmp_path / "report.html").read_text(encoding="utf-8")


def test_every_part_is_told(summary, tmp_path) -> None:
    text = page(summary, copy.deepcopy(QC), tmp_path)
    for words in (
        "What was done before the tests",
        "<td>filter features</td>",
        "Two features were left out.",
        "Found when it was read, and mended",
        "Missing values were filled.",
        "below their limit in some sample and 1 in more than half",
        "61%",
        "from 0.412 to 0.125",
        "46 no, 2 possible, 1 yes, 0 unknown; method mir ratio, possible above 5, yes above 7",
        "R04_finish",
        "-8.4",
        'title="fewer than two people"',
    ):
        assert words in text, words


def test_nothing_is_told_of_what_is_not_there(summary, tmp_path) -> None:
    without = page(summary, None, tmp_path)
    empty: dict = {k: [] if isinstance(v, list) else None for k, v in QC.items()}
    assert page(summary, empty, tmp_path).split() == without.split()
    assert "What was done" not in without


def test_limits_that_are_not_known(summary, tmp_path) -> None:
    qc = copy.deepcopy(QC)
    qc["haemolysis"]["limits"] = {}
    assert "method mir ratio. No sample" in page(summary, qc, tmp_path)


@pytest.mark.parametrize("place", ["step", "note", "feature", "sample", "time", "call"])
def test_every_free_text_is_escaped(summary, tmp_path, place) -> None:
    qc = copy.deepcopy(QC)
    if place == "step":
        qc["steps"][0].update(step=SCRIPT, parameters=SCRIPT * 9, notes=[SCRIPT])
    elif place == "note":
        qc["notes"], qc["mended"][0]["message"] = [SCRIPT], SCRIPT
    elif place == "feature":
        qc["lod"]["features"][0]["feature"] = SCRIPT
    elif place == "sample":
        qc["haemolysis"]["haemolysed"] = [SCRIPT] * 9
    elif place == "time":
        qc["plasma_volume"][0]["timepoint"] = SCRIPT
    else:
        summary["cohorts"][0]["findings"][0]["call"] = SCRIPT
    text = page(summary, qc, tmp_path)
    assert SCRIPT not in text and "&lt;script&gt;alert(1)" in text


def test_a_form_that_does_not_fit_is_named(summary, tmp_path) -> None:
    qc = copy.deepcopy(QC)
    del qc["lod"]["n_features"]
    with pytest.raises(InputError, match="lod.n_features"):
        page(summary, qc, tmp_path)
