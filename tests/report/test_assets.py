"""What a page carries: libraries as published, only where needed, and admitted by their hash."""

from __future__ import annotations

import base64
import html
import re
from hashlib import sha256
from pathlib import Path

import pytest

from exerkine_omics import report
from exerkine_omics.report import render
from exerkine_omics.report._assets import Assets

VENDOR = Path(report.__file__).parent / "vendor"


def scripts_of(text: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", text, re.DOTALL)


@pytest.mark.quick
def test_vendored_files_are_those_that_the_readme_names():
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    sums = dict(reversed(line) for line in re.findall(r"^([0-9a-f]{64})  (\S+)$", readme, re.M))
    files = {p.name: sha256(p.read_bytes()).hexdigest() for p in VENDOR.iterdir()}
    files.pop("README.md")
    assert len(files) == 5
    assert {name: sums.get(name) for name in files} == files
    assert "MIT" in (VENDOR / "tabulator.LICENSE").read_text()
    assert "MIT License" in (VENDOR / "plotly-basic.LICENSE").read_text()


def test_no_library_can_end_its_script_or_needs_eval():
    assets = Assets()
    assets.want("tables", "plots")
    for text in assets.scripts:
        assert "<!--" not in text and not re.search("</?script", text, re.I)
        assert not re.search(r"new Function\b|[^\w.]eval\(", text)
        assert "sourceMappingURL" not in text
    for style in assets.styles:
        assert "</style" not in style and "url(" not in style and "sourceMapping" not in style


def test_policy_admits_the_scripts_of_the_page_and_no_request(summary, tmp_path):
    text = render(summary, tmp_path / "report.html").read_text(encoding="utf-8")
    found = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', text)
    policy = html.unescape(found[1])
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    digests = [base64.b64encode(sha256(s.encode()).digest()).decode() for s in scripts_of(text)]
    assert len(digests) == 3
    assert rules["script-src"].split() == [f"'sha256-{d}'" for d in digests]
    assert rules["default-src"] == "'none'"
    assert "http" not in policy and "unsafe-eval" not in policy
    # the policy stands before anything it is to hold for
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_a_page_without_plots_and_long_tables_carries_no_library(summary, tmp_path):
    runners = summary["cohorts"][0]
    runners["scores"] = runners["differential"] = None
    runners["figures"] = []
    summary["cohorts"] = [runners]
    text = render(summary, tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(scripts_of(text)) == 1
    assert "Tabulator v" not in text and "plotly.js" not in text
    assert len(text) < 60_000


def test_nine_rows_ask_for_the_table_library_alone(summary, tmp_path):
    runners = summary["cohorts"][0]
    runners["scores"] = runners["differential"] = None
    runners["figures"] = []
    summary["cohorts"] = [runners]
    for n, libraries in ((8, 0), (9, 1)):
        runners["dropped"] = [{"subject_id": "A", "timepoint": "b", "reason": "c"}] * n
        text = render(summary, tmp_path / "report.html").read_text(encoding="utf-8")
        assert len(scripts_of(text)) == 1 + libraries
        assert text.count('data-draw="table"') == libraries
    assert "Tabulator v6" in text and "plotly.js" not in text
