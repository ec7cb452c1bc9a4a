"""The Python of the pages in docs/ runs as it stands, and the pages know each other."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
# the files of the tests of `differential`, whose statuses its page lists
TESTED = ("_lmm", "_moderated", "_voom", "_simple", "_wilcoxon", "_signflip", "_mcnemar")


def blocks(page: Path, kinds: str = "python") -> list[tuple[str, str]]:
    """Return kind and text of the blocks that run as they stand."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```({kinds})\n(.*?)^```", text, re.S | re.M)


def run_python(page: Path, number: int, block: str, names: dict[str, object]) -> None:
    exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p) and p.stem != "tour"], ids=lambda p: p.stem
)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the page's order, with shared names, in an empty folder."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, (_, block) in enumerate(blocks(page), start=1):
        run_python(page, number, block, names)
    plt.close("all")


def test_the_tour_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python and shell in the page's order; all but the making of an environment is done."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from exerkine_omics.cli import app

    page = DOCS / "tour.md"
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    commands = []
    for number, (kind, block) in enumerate(blocks(page, "python|sh"), start=1):
        if kind == "python":
            run_python(page, number, block, names)
            continue
        for line in block.splitlines():
            if line.startswith("exerkine "):
                commands.append(shlex.split(line)[1:])
                app(commands[-1], standalone_mode=False)
    plt.close("all")
    assert [c[0] for c in commands] == ["init", "run", "run"]
    report = Path("results/report.html").read_text(encoding="utf-8")
    # what the tour has the reader write into the config has reached the report
    assert "EE - CON: post - pre" in report and "plasma_edta" in report
    # there is something to see: a change in the exercise arm beyond the control arm's
    assert len(names["top"]) > 5 and len(names["moved"]) > 3  # type: ignore[arg-type]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"])
def test_links_of_the_root_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_commands_of_contributing_exist() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.M))
    named = re.findall(r"\bmake ([a-z][\w-]*)", (ROOT / "CONTRIBUTING.md").read_text())
    assert set(named) <= targets and {"test", "docs", "release-check"} <= set(named)


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
