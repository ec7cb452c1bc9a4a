"""Result frames in the page: compact, exact to six digits, and unable to leave their script."""

from __future__ import annotations

import json
import re

import pytest

from exerkine_omics.errors import InputError
from exerkine_omics.report import render, validate
from exerkine_omics.report._data import explorer, script_json, table_of

BAD = "</script><script>alert(1)</script><!-- & \u2028"


def frame(n: int = 10, contrasts: tuple[str, ...] = ("h1 - pre", "h2 - pre")) -> dict:
    rows = [
        {
            "name": f"G{i}", "feature": f"F{i}", "contrast": c, "estimate": i / 7, "ci_low": -1.0,
            "ci_high": None, "p_value": 10.0 ** -(i + 0.3), "p_adj": float("nan"), "n_pairs": 9,
            "units": "log2", "status": "ok",
        }
        for c in contrasts
        for i in range(n)
    ]  # fmt: skip
    return table_of(rows)


def embedded(text: str) -> list[dict]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    return [json.loads(part) for part in found]


def read(column) -> list:
    if isinstance(column, list):
        return column
    return [column["levels"][code] for code in column["codes"]]


@pytest.mark.quick
def test_json_keeps_text_and_lets_none_of_it_out():
    text = script_json({"x": [BAD, float("nan"), float("inf"), 1.5]})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"x": [BAD, None, None, 1.5]}


def test_columns_come_back_to_six_digits():
    table = frame()
    told = explorer(table, "a")
    assert told["n"] == 20 and told["contrasts"] == ["h1 - pre", "h2 - pre"]
    assert told["unit"] == "log2 fold change"
    for name in table["columns"]:
        back = read(told["data"][name])
        for value, first in zip(back, table["data"][name], strict=True):
            if isinstance(first, float) and first == first:
                assert value == pytest.approx(first, rel=5.1e-6, abs=0)
            else:
                assert value == (None if first != first else first)
    assert told["data"]["contrast"]["codes"] == [0] * 10 + [1] * 10
    assert 0.142857 in told["data"]["estimate"]


def test_odd_values_stay_text_or_become_null():
    table = frame(4)
    table["data"]["feature"] = list(range(8))
    table["data"]["contrast"] = [None] * 4 + [1] * 4
    table["data"]["estimate"] = [None, float("inf"), 0, 1e300, -1e-300, 3, 2.0, 1e-7]
    told = explorer(table, "a")
    assert told["contrasts"] == ["", "1"] and read(told["data"]["contrast"])[4] == "1"
    assert read(told["data"]["feature"]) == [str(i) for i in range(8)]
    assert told["data"]["estimate"] == [None, None, 0, 1e300, -1e-300, 3, 2, 1e-7]


def test_a_frame_without_rows_draws_nothing(summary, tmp_path):
    part = summary["cohorts"][0]["differential"]
    part["table"] = {"columns": frame()["columns"], "data": {c: [] for c in frame()["columns"]}}
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'data-draw="explorer"' not in text and "Features with the smallest p" in text


def test_many_features_and_contrasts_stay_small():
    told = script_json(explorer(frame(3000, ("a", "b", "c", "d")), "x"))
    assert len(told) < 900_000


def test_page_holds_all_rows_and_keeps_the_top_for_paper(summary, tmp_path):
    part = summary["cohorts"][0]["differential"]
    part["table"] = frame(40)
    part["table"]["data"]["name"][3] = BAD
    picture = summary["cohorts"][0]["figures"][0]
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    drawn = embedded(text)[1]
    assert drawn["n"] == 80 and drawn["name"] == "runners-differential"
    assert read(drawn["data"]["name"])[3] == BAD
    assert BAD not in text
    end = "\n\n</div></div>"  # of what stands for paper
    inside = text[text.index('data-draw="explorer"') :]
    assert "Features with the smallest p" in inside
    assert "holds all 80 rows" in inside
    # a picture that is no volcano is shown; one that is stands for paper only
    assert inside.index(picture["caption"]) > inside.index(end)
    picture["contrast"] = "h1 - pre"
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    inside = text[text.index('data-draw="explorer"') :]
    assert inside.count(picture["caption"]) == 1
    assert inside.index(picture["caption"]) < inside.index(end)


def test_without_the_frame_volcano_and_top_stand_as_they_are(summary, tmp_path):
    summary["cohorts"][0]["figures"][0]["contrast"] = "h1 - pre"
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'data-draw="explorer"' not in text
    assert text.count("All features.") == 1


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda t: t["data"]["p_value"].pop(), "data.p_value"),
        (lambda t: t["data"].pop("name"), "data.name"),
        (lambda t: t["columns"].remove("status"), "columns.status"),
        (lambda t: t.update(columns=[]), "columns.feature"),
    ],
)
def test_a_frame_that_does_not_hold_together_is_refused(summary, spoil, place):
    table = summary["cohorts"][0]["differential"]["table"] = frame()
    validate(summary)
    spoil(table)
    with pytest.raises(InputError, match=re.escape(f"cohorts.0.differential.table.{place}")):
        validate(summary)


@pytest.mark.parametrize("table", [3, {"columns": ["feature"]}, {"columns": "x", "data": {}}])
def test_a_frame_of_another_form_is_refused(summary, table):
    summary["cohorts"][0]["differential"]["table"] = table
    with pytest.raises(InputError, match="cohorts.0.differential.table"):
        validate(summary)


def meta_part(n: int = 3, **more) -> dict:
    row = {"estimate": 1.25, "ci_low": 0.5, "ci_high": 2.0, "p_value": 0.001, "p_adj": 0.01}
    row |= {"tau2": 0.125, "i2": 0.5, "pi_low": None, "pi_high": None, "n_cohorts": 2}
    rows = [
        {"feature": f"F{i}", "name": BAD, "contrast": "post - pre", "status": "ok", **row}
        for i in range(n)
    ]
    return {
        "title": "Proteins", "name": "proteins", "method": "reml", "cohorts": ["runners", "rats"],
        "n_features": n, "rows": rows, **more,
    }  # fmt: skip


def test_meta_analysis_of_the_run(summary, tmp_path):
    picture = {**summary["cohorts"][0]["figures"][0], "caption": "Forest of F1."}
    summary["meta"] = [meta_part(60, notes=["Fixed where two."], figures=[picture]), meta_part(0)]
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    part = text[text.index('id="meta-1"') : text.index('id="meta-2"')]
    assert BAD not in text
    assert 'href="#meta-1">Meta-analysis: Proteins</a>' in text
    for words in ("Fixed where two.", "Forest of F1.", "method reml", "60 features over 2 cohorts"):
        assert words in part
    drawn = embedded(part)[0]
    assert drawn["n"] == 60 and "i2" in drawn["columns"] and drawn["name"] == "proteins-meta"
    assert part.count("<tr><td>") == 50 and "The first 50 of 60 rows" in part
    assert "fewer than three cohorts" in part
    assert "No feature was measured in two cohorts" in text[text.index('id="meta-2"') :]


def test_meta_that_lacks_something_is_refused(summary):
    part = meta_part()
    del part["rows"][0]["tau2"]
    summary["meta"] = [part]
    with pytest.raises(InputError, match="meta.0.rows.0.tau2"):
        validate(summary)


def test_inputs_stand_in_the_provenance(summary, tmp_path):
    summary["inputs"] = {"runners": {"a/<b>.csv": "ab" * 32}, "rats": {}}
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    part = text[text.index('id="provenance"') :]
    assert "Inputs of runners" in part and "Inputs of rats" not in part
    assert "a/&lt;b&gt;.csv" in part and "ab" * 32 in part


def test_contents_lead_to_every_section(summary, tmp_path):
    summary["meta"] = [meta_part()]
    text = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', text)
    assert set(links) <= set(ids)
    sections = {i for i in ids if i.startswith(("cohort-", "meta-", "provenance"))}
    assert sections <= set(links)
    assert "cohort-1-differential" in links and "cohort-2-differential" not in links
