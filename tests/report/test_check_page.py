"""The page of one checked file: every row is named, nothing runs, nothing is loaded."""

from __future__ import annotations

from exerkine_omics.report import render_check

BAD = "<img src=x onerror=alert(1)>"


def page(**finding) -> str:
    one = {"id": "x", "severity": "warning", "message": "2 tubes.", "fix": "", "call": ""}
    one = {**one, "rows": [], **finding}
    one["n_rows"] = len(one["rows"])
    words = dict.fromkeys(("format", "platform", "modality", "units", "species", "matrix"), BAD)
    return render_check({"file": BAD, "n_samples": 2, "n_features": 3, **words, "findings": [one]})


def test_all_text_is_escaped_and_nothing_is_loaded():
    text = page(message=BAD, fix=BAD, call=BAD, rows=[BAD, "B"])
    assert BAD not in text and "&lt;img" in text
    assert (
        "http" not in text and "<script" not in text and "src=" not in text.replace("img src=", "")
    )


def test_rows_that_the_message_does_not_name_are_listed():
    assert "<details><summary>2 in all</summary>T1, T2</details>" in page(rows=["T1", "T2"])
    assert "<details>" not in page(message="2 tubes: 'T1', 'T2'.", rows=["T1", "T2"])
    assert 'class="severity-warning"' in page()


def test_nothing_found_is_said():
    empty = page().replace("\n", "")
    assert "Nothing was found." not in empty
    words = dict.fromkeys(("format", "platform", "modality", "units", "species", "matrix"), "-")
    whole = {"file": "a.csv", "n_samples": 0, "n_features": 0, **words, "findings": []}
    assert "Nothing was found." in render_check(whole)
