"""The Python of the pages in docs/ runs as it stands, and the pages know each other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
# the files of the tests of `differential`, whose statuses its page lists
TESTED = ("_lmm", "_moderated", "_voom", "_simple", "_wilcoxon", "_signflip", "_mcnemar")


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.stem)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the page's order, with shared names, in an empty folder."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
    plt.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_index_names_every_page() -> None:
    linked = set(re.findall(r"\]\((\w+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8")))
    assert linked == {p.name for p in PAGES} - {"index.md"}


def statuses(file: Path) -> set[str]:
    """Read the reasons: the texts of ``(condition, text)`` and of ``status[rows] = text``."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        text: ast.AST | None = None
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            first, text = node.elts
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                continue
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            text = node.value if ast.unparse(node.targets[0].value) == "status" else None
        if isinstance(text, ast.JoinedStr):
            text = text.values[0]  # up to the method's name
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            found.add(text.value.strip())
    return found


def test_every_status_of_differential_is_explained() -> None:
    page = (DOCS / "differential.md").read_text(encoding="utf-8")
    files = [ROOT / "exerkine_omics" / "tl" / f"{name}.py" for name in TESTED]
    told = set().union(*(statuses(f) for f in files if f.is_file()))
    assert {"not measured", "no pairs", "no joint test in"} <= told
    missing = sorted(s for s in told if f"`{s}" not in page)
    assert not missing, missing


def test_every_option_of_differential_is_explained() -> None:
    from exerkine_omics.tl._methods import METHODS

    page = (DOCS / "differential.md").read_text(encoding="utf-8")
    for name, method in METHODS.items():
        assert f"`{name}`" in page
        assert all(re.search(rf"`{option}\b", page) for option in method.options), name


def test_commands_exist() -> None:
    from exerkine_omics.cli import app

    known = {c.callback.__name__ for c in app.registered_commands} | {"signatures"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"^exerkine (\w+)", text, flags=re.M)) <= known, page.name
