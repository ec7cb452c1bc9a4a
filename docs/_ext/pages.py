"""Pages that are files elsewhere: a page a public name, the notebooks; the order of the book.

Written beside the sources before they are read, and ignored by git.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
NOTEBOOKS = sorted((HERE.parent / "examples").glob("[0-9]*.py"))
ROOT_FILES = {
    "contributing": "CONTRIBUTING.md",
    "code_of_conduct": "CODE_OF_CONDUCT.md",
    "changelog": "CHANGELOG.md",
}
ROOMS = {
    "io": "files and frames to AnnData, and back",
    "pp": "check, clean, normalise, pair",
    "sig": "signatures and the knowledge base",
    "tl": "scores and tests",
    "ml": "prediction",
    "pl": "figures",
    "get": "tidy frames out of a cohort",
    "datasets": "simulated and real cohorts",
    "errors": "errors and warnings",
}


def public(room: str) -> tuple[list[str], dict[str, object]]:
    """Return the names with a page of their own, and the constants with their value."""
    module = import_module(f"exerkine_omics.{room}")
    own = [
        n
        for n, v in vars(module).items()
        if not n.startswith("_") and getattr(v, "__module__", "") == module.__name__
    ]
    names = sorted(getattr(module, "__all__", own))
    values = {n: getattr(module, n) for n in names}
    pages = [n for n, v in values.items() if inspect.isfunction(v) or inspect.isclass(v)]
    return pages, {n: v for n, v in values.items() if n not in pages}


def _listing(module: str, names: list[str]) -> str:
    lines = "\n".join(f"   {n}" for n in names)
    return f".. currentmodule:: {module}\n\n.. autosummary::\n   :toctree: names\n\n{lines}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:  # else it is built again
        path.write_text(text, encoding="utf-8")


def _api() -> None:
    for room, title in ROOMS.items():
        names, constants = public(room)
        head = f"exo.{room}: {title}"
        text = f"{head}\n{'=' * len(head)}\n\n{_listing(f'exerkine_omics.{room}', names)}"
        for name, value in constants.items():
            told = repr(value) if isinstance(value, tuple) else "a type, for annotations"
            text += f"\n``{name}``: {told}.\n"
        _write(HERE / "api" / f"{room}.rst", text)
    head = "exo: what stands at the top"
    names = ["Reliability", "ResponseSpec"]
    text = f"{head}\n{'=' * len(head)}\n\n{_listing('exerkine_omics', names)}"
    _write(HERE / "api" / "top.rst", text + "\n.. automodule:: exerkine_omics.settings\n")


def _notebooks() -> None:
    wanted = {p.name for p in NOTEBOOKS}
    for old in (HERE / "notebooks").glob("*.py"):
        if old.name not in wanted:
            old.unlink()
    for path in NOTEBOOKS:
        _write(HERE / "notebooks" / path.name, path.read_text(encoding="utf-8"))


def write_pages(app: Any, config: Any) -> None:
    """Write both before Sphinx looks for its sources."""
    _api()
    _notebooks()


def read_notebook(text: str) -> Any:
    """Read a percent script as a notebook whose cells are Python."""
    import jupytext

    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "python"}
    return notebook


def toctrees(index: str) -> str:
    """Make the hidden tables of contents: a part of the book for each heading of index.md."""
    trees = []
    for part in re.split(r"^## ", index, flags=re.M)[1:]:
        caption = part.partition("\n")[0]
        pages = [
            p.removesuffix(".md") for p in re.findall(r"^\| \[[^]]*\]\((\w+\.md)\)", part, re.M)
        ]
        lines = "\n".join(pages)
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n")
    return "\n".join(trees)


def _tree(names: list[str]) -> str:
    return "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"


def _of_the_root(name: str) -> str:
    """Read a file of the repository's root; its links are turned to the pages of the book."""
    text = (HERE.parent / ROOT_FILES[name]).read_text(encoding="utf-8").replace("](docs/", "](")
    for page, file in ROOT_FILES.items():
        text = text.replace(f"]({file})", f"]({page}.md)")
    return text


def read(app: Any, name: str, source: list[str]) -> None:
    """Add the order of the book, take in files of the root, lead links to notebooks' pages."""
    if name == app.config.root_doc:
        source[0] += "\n" + toctrees(source[0])
    elif name == "api":
        source[0] += _tree([f"api/{room}" for room in (*ROOMS, "top")])
    elif name == "notebooks":
        source[0] += _tree([f"notebooks/{p.stem}" for p in NOTEBOOKS])
    elif name in ROOT_FILES:
        source[0] = _of_the_root(name)
    # a link that bears a file's name bears the page's title in the book
    source[0] = re.sub(r"\[\w+\.md\]\((\w+\.md)\)", r"[](\1)", source[0])
    source[0] = re.sub(r"\]\(\.\./examples/(\d\w*\.py)\)", r"](notebooks/\1)", source[0])


def outdated(
    app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Name the pages that are made from other files: these are read again in every build."""
    made = [n for n in env.found_docs if "<!-- made:" in Path(env.doc2path(n)).read_text("utf-8")]
    return [*made, app.config.root_doc, *ROOT_FILES]


def setup(app: Any) -> dict[str, Any]:
    """Connect to Sphinx's events."""
    app.connect("config-inited", write_pages)
    app.connect("source-read", read)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
