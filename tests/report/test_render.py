"""The page: what it opens with, that it is whole, self-contained and escaped."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from exerkine_omics.errors import InputError
from exerkine_omics.report import render

SCRIPT = "<script>alert(1)</script>"


class _Page(HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "link", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def page(summary, tmp_path) -> _Page:
    return _Page(render(summary, tmp_path / "report.html").read_text(encoding="utf-8"))


@pytest.mark.quick
def test_opens_with_people_pairs_and_warnings_of_each_cohort(page):
    start = page.text[: page.text.index("Contents")]
    assert "people samples features pairs, at most errors warnings" in start
    assert "Ultramarathon, 50 km done 11 49 13 9 0 1" in start
    assert "Rats, eight weeks done 11 49 13 9 0 0" in start
    assert "lost failed – – – – – –" in start


def test_every_tag_is_closed(page):
    assert page.open == []


@pytest.mark.quick
def test_names_are_text_never_markup(page):
    assert SCRIPT in page.text
    kinds = [attributes.get("type", "run") for tag, attributes in page.tags if tag == "script"]
    # forest of scores as data; plotly, tabulator and the page's own script
    assert kinds == ["application/json", "run", "run", "run"]


@pytest.mark.parametrize("place", ["title", "cohort", "finding", "person", "figure", "control"])
def test_every_free_text_is_escaped(summary, tmp_path, place):
    runners, rats = summary["cohorts"][:2]
    if place == "title":
        summary["title"] = SCRIPT
    elif place == "cohort":
        runners["name"] = runners["title"] = runners["description"] = SCRIPT
    elif place == "finding":
        runners["findings"][0].update(message=SCRIPT, rows=SCRIPT * 9, fix=SCRIPT)
    elif place == "person":
        rats["responders"][0]["people"][0].update(subject_id=SCRIPT, category=SCRIPT)
    elif place == "figure":
        runners["figures"][0].update(caption=SCRIPT, alt='"><script>alert(1)</script>')
    else:
        rats["prediction"][0]["control"] = {SCRIPT: SCRIPT, "list": [SCRIPT, 1.0]}
    html = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    assert SCRIPT not in html
    assert "&lt;script&gt;alert(1)" in html


def test_reason_in_an_attribute_is_escaped(summary, tmp_path):
    summary["cohorts"][0]["differential"]["top"][-1]["status"] = '"><img src=x onerror=alert(1)>'
    page = _Page(render(summary, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert not [a for tag, a in page.tags if tag == "img" and a["src"] == "x"]


@pytest.mark.quick
def test_page_needs_nothing_beside_itself(page):
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object")
        for key in ("src", "href"):
            if key in attributes:
                assert re.match(r"(data:image/(png|svg\+xml);base64,|#)", attributes[key])


def test_style_fetches_nothing_and_knows_dark_and_print(summary, tmp_path):
    html = render(summary, tmp_path / "r.html").read_text(encoding="utf-8")
    style = "".join(re.findall("<style>(.*?)</style>", html, re.DOTALL))
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    assert "url(" not in style and "@import" not in style


def test_missing_number_is_a_dash_with_its_reason(page):
    reasons = [a["title"] for tag, a in page.tags if tag == "abbr"]
    assert "fewer than 3 pairs" in reasons
    assert "one of the two values is missing" in reasons
    assert "nan" not in page.text.lower().replace("maintenance", "").split()
    assert "None" not in page.text


def test_numbers_carry_pairs_and_unit(page):
    assert "IL6 OID000 finish - pre 7 5.06 4.2 to 5.9 < 1e-16" in page.text
    assert "pairs estimate, log2 fold change interval" in page.text
    assert "Change against pre, in baseline SD" in page.text
    assert "Acute response 7 12 61% BDNF, FGF21 ok" in page.text
    assert "acute finish 7 2.51 1.7 to 3.3 2.1e-04" in page.text
    assert "before, after, change and interval in ml/kg/min" in page.text


def test_association_is_not_called_prediction(page):
    assert "Association with the response" in page.text
    assert "This is association, not prediction." in page.text
    assert "Prediction of the response" not in page.text


def test_prediction_is_called_prediction(summary, tmp_path):
    summary["cohorts"][1]["prediction"][0]["kind"] = "prediction"
    page = _Page(render(summary, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "Prediction of the response" in page.text
    assert "association, not prediction" not in page.text


def test_beside_the_auc_stand_p_ceiling_and_control(page):
    after = page.text[page.text.index("Association with the response") :]
    assert "auc clinical + omics elastic net 0.634 0.44 to 0.81" in after
    assert "40 people, 812 features" in after
    assert "permutation p of the AUC 0.21" in after
    assert "(noise of the outcome not known)" in after
    assert "same pipeline in the control arm" in after
    assert "sample size n: 40 required: 435 passed: False" in after


def test_notes_stand_before_the_numbers_they_qualify(page):
    note = page.text.index("not attributable to exercise")
    assert note < page.text.index("Contrasts, method paired_t")
    notes = [a for tag, a in page.tags if tag == "div" and a.get("class") == "note"]
    assert len(notes) == 5


def test_provenance_and_versions(page):
    assert "config examples/two.yaml seed 7 duration 1 min 21 s" in page.text
    assert "numpy 2.0.0 pandas 2.3.0" in page.text


def test_failed_cohort_says_why(page):
    assert "This cohort failed. No file lost.csv." in page.text


def test_sections_without_result_are_left_out(summary, tmp_path):
    runners = summary["cohorts"][0]
    for key in ("scores", "differential"):
        runners[key] = None
    for key in ("responders", "prediction", "figures", "methods", "references", "description"):
        runners.pop(key)
    summary["cohorts"] = [runners]
    page = _Page(render(summary, tmp_path / "r.html").read_text(encoding="utf-8"))
    for words in ("Signature scores", "Tests of single features", "Individual responses"):
        assert words not in page.text


def test_cells_of_a_row_match_the_head(page):
    width = cells = 0
    for tag, _ in page.tags:
        if tag in ("table", "tr"):
            assert cells in (0, width)
            width, cells = (0 if tag == "table" else width), 0
        elif tag == "th":
            width += 1
        elif tag == "td":
            cells += 1


def test_summary_survives_json(summary, tmp_path):
    first = render(summary, tmp_path / "a.html").read_bytes()
    again = json.loads(json.dumps(summary))
    assert render(again, tmp_path / "b.html").read_bytes() == first


def test_nothing_half_written(summary, tmp_path):
    path = tmp_path / "out" / "report.html"
    render(summary | {"cohorts": summary["cohorts"][1:]}, path)
    before = path.read_bytes()
    summary["cohorts"][0]["figures"][0]["path"] = "figures/absent.png"
    with pytest.raises(InputError, match="absent.png"):
        render(summary, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_unwritable_place_is_one_message(summary, tmp_path):
    (tmp_path / "file").write_text("")
    summary["cohorts"] = summary["cohorts"][1:]
    with pytest.raises(InputError, match="cannot be written"):
        render(summary, tmp_path / "file" / "report.html")


def test_figure_of_another_kind_is_refused(summary, tmp_path):
    summary["cohorts"][0]["figures"][0]["path"] = "figures/volcano.html"
    with pytest.raises(InputError, match="neither PNG nor SVG"):
        render(summary, tmp_path / "r.html")


def test_response_says_how_and_what_the_rule_finds_in_the_untrained(summary, tmp_path, page):
    part = summary["cohorts"][1]["responders"][0]
    assert "control arm, same rule" not in page.text  # an older summary still renders
    part["counts"]["not_trained"] = 2
    part["control_counts"] = {"adverse": 1, "responder": 3}
    part |= {"sd_ir_method": "mover", "proportion": 0.4, "proportion_ci": [0.1, 0.9]}
    text = _Page(render(summary, tmp_path / "b.html").read_text(encoding="utf-8")).text
    assert "4 responder, 2 not trained" in text
    assert "control arm, same rule 4: 1 adverse, 3 responder" in text
    assert "(-2 to 2.9), MOVER;" in text.replace("\u2212", "-")
    assert "share of true responses beyond the threshold 0.4 (0.1 to 0.9)" in text
    part |= {"proportion": None, "proportion_ci": [None, None]}
    text = _Page(render(summary, tmp_path / "c.html").read_text(encoding="utf-8")).text
    assert "beyond the threshold – (" in text
