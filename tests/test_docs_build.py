"""The book is built without a warning, and holds what the package holds."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("sphinx", "sphinx_book_theme", "myst_nb", "numpydoc", "jupytext")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"the extra docs is not installed: {MISSING}"),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("book")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-j", "2", "-q", "-W", "--keep-going"]
        + ["-d", str(out / "doctrees"), str(ROOT / "docs"), str(out / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return out / "html"


def page(book: Path, name: str) -> str:
    return (book / f"{name}.html").read_text(encoding="utf-8")


def test_every_public_name_has_a_page(book: Path) -> None:
    import exerkine_omics as exo

    for room in ("io", "pp", "tl", "ml", "pl", "get", "datasets"):
        for name in dir(getattr(exo, room)):
            text = page(book, f"api/names/exerkine_omics.{room}.{name}")
            assert f'id="exerkine_omics.{room}.{name}"' in text


def test_what_is_made_from_the_package_is_there(book: Path) -> None:
    from exerkine_omics.cli import app, signatures_app
    from exerkine_omics.workflow import RunConfig

    assert not [p for p in book.rglob("*.html") if "<!-- made" in p.read_text(encoding="utf-8")]
    commands = page(book, "cli")
    for command in (*app.registered_commands, *signatures_app.registered_commands):
        assert command.callback is not None
        assert (command.name or command.callback.__name__) in commands
    assert "--dry-run" in commands and "--no-site" in commands
    config = page(book, "config")
    for model in RunConfig.model_json_schema()["$defs"].values():
        assert all(f">{key}<" in config for key in model["properties"])
    assert "UnitsError" in page(book, "exit_codes")
    assert "olink_long" in page(book, "formats")
    assert "kernels" in re.findall(r"<svg.*?</svg>", page(book, "architecture"), re.S)[-1]
    assert "duplicateCorrelation" in page(book, "differences")
    assert "metafor" in page(book, "differences") and ">normalize.md<" not in page(
        book, "differences"
    )


def test_the_tables_hold_the_knowledge_base(book: Path) -> None:
    import exerkine_omics as exo

    sizes = {"exerkines": len(exo.sig.exerkines()), "evidence": len(exo.sig.evidence())}
    for name, n in (sizes | {"signatures": len(exo.sig.load())}).items():
        text = (book / "_static" / "knowledge" / f"{name}.js").read_text(encoding="utf-8")
        data = json.loads(text.partition(" = ")[2].rstrip(";\n"))
        assert len(data["rows"]) == n
        assert {len(row) for row in data["rows"]} == {len(data["columns"])}


def test_the_book_asks_no_server(book: Path) -> None:
    """Links may lead out, but no script, style, font or picture is fetched from elsewhere."""
    fetched = re.compile(r"<(?:script|img|link)[^>]+(?:src|href)=\"(?:https?:)?//[^\"]+\"")
    for file in book.rglob("*.html"):
        assert not fetched.findall(file.read_text(encoding="utf-8")), file


def test_formulas_are_drawn(book: Path) -> None:
    text = page(book, "differential")
    assert text.count("<math") > 20 and "\\sigma" not in text


def test_indices_stand_beside_accents(monkeypatch: pytest.MonkeyPatch) -> None:
    """docutils sets the j of x-bar_j below the x, as if it were a sum."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    mathml = importlib.import_module("mathml").mathml
    assert "munderover" not in (bar := mathml(r"\bar x_j^2", block=True)) and "<msubsup" in bar
    assert "<msub>" in mathml(r"\hat\mu_a", block=False)
    assert "munderover" in mathml(r"\sum_{j=1}^n x_j", block=True)
    assert 'rspace="0.17em"' in mathml(r"\log S", block=False)
