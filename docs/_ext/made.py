"""Parts of pages that the package itself can tell: ``<!-- made: name -->`` becomes Markdown.

On the repository's own pages the line is an invisible comment; in the book it is the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import commands
import config_keys
import layers
import pages
import tables

Maker = Callable[[], str]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table; a bar within a cell is escaped."""

    def line(cells: Iterable[object]) -> str:
        told = (str(c).replace("|", "\\|").replace("\n", " ") for c in cells)
        return "| " + " | ".join(told) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows)]) + "\n"


def formats() -> str:
    """Every format that `exo.io.read` recognises."""
    import exerkine_omics as exo

    rows = [
        (f"`{r.format}`", r.title, f"[`{r.reader}`](api/names/exerkine_omics.io.{r.reader}.rst)", "yes" if r.experimental else "")
        for r in exo.io.show_formats().itertuples()
    ]
    return table(["format", "file", "reader", "experimental"], rows)


def exit_codes() -> str:
    """Exit code and meaning of each kind of error."""
    from exerkine_omics import errors

    kinds = [
        k
        for k in vars(errors).values()
        if isinstance(k, type) and issubclass(k, errors.ExerkineError) and k is not errors.ExerkineError
    ]
    own = [
        (k.exit_code, f"`{k.__name__}`", (k.__doc__ or "").partition("\n")[0]) for k in kinds
    ]
    rows = [
        (0, "", "Done."),
        (1, "any other exception", "A bug of this package; `exerkine --debug ...` shows where."),
        *own,
        (130, "", "Interrupted (Ctrl-C); `exerkine run` goes on with `--resume`."),
    ]
    return table(["code", "error", "meaning"], sorted(rows, key=lambda r: r[0]))


def tests() -> str:
    """The registry of the tests of features."""
    from exerkine_omics.tl._methods import METHODS

    def option(name: str, values: tuple[Any, ...]) -> str:
        told = ["a whole number" if v is int else repr(v) for v in values]
        return f"`{name}`: {', '.join(told)}"

    rows = [
        (
            f"`{m.name}`",
            m.description,
            "yes" if m.pooled else "no",
            "; ".join(option(*o) for o in m.options.items()) or "none",
        )
        for m in METHODS.values()
    ]
    return table(["method", "what it does", "one variance for all times", "options, default first"], rows)


def scorers() -> str:
    """The registry of the scorers."""
    import exerkine_omics as exo

    frame = exo.tl.show_methods("score")
    head = ["method", "description", "depends_on", "nan", "meaningless", "options", "source"]
    rows = [(f"`{r[0]}`", *r[1:]) for r in frame[head].itertuples(index=False)]
    return table(["scorer", "what it does", "other samples", "a missing value", "meaningless on", "options", "source"], rows)


def set_tests() -> str:
    """The registry of the tests of signatures."""
    import exerkine_omics as exo

    frame = exo.tl.show_methods("enrich")
    head = ["method", "description", "null", "nan", "meaningless", "options"]
    rows = [(f"`{r[0]}`", *r[1:]) for r in frame[head].itertuples(index=False)]
    return table(["test", "what it does", "null", "a missing value", "meaningless on", "options"], rows)


def notebooks() -> str:
    """The notebooks of examples/, by their titles."""
    rows = []
    for path in pages.NOTEBOOKS:
        title = re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), re.M)
        rows.append((f"[{title[1] if title else path.stem}](notebooks/{path.name})", f"`examples/{path.name}`"))
    return table(["notebook", "file"], rows)


def differences() -> str:
    """The tables and paragraphs of known differences, collected from the pages of the methods."""
    index = (pages.HERE / "index.md").read_text(encoding="utf-8")
    parts = []
    for name in re.findall(r"^\| \[[^]]*\]\((\w+\.md)\)", index, re.M):
        text = (pages.HERE / name).read_text(encoding="utf-8")
        found = re.findall(r"^\| known difference .*\n(?:\|.*\n)+", text, re.M)
        found += re.findall(r"^Known differences\. (?:.+\n)+", text, re.M)
        found += re.findall(r"^## Known differences\n\n((?:\|.*\n)+)", text, re.M)
        if found and name != "differences.md":
            title = re.sub(r"`", "", text.partition("\n")[0].lstrip("# "))
            parts.append(f"## {title}\n\n[The page]({name}).\n\n" + "\n\n".join(found))
    return "\n".join(parts)


MAKERS: dict[str, Maker] = {
    "notebooks": notebooks,
    "differences": differences,
    "formats": formats,
    "exit_codes": exit_codes,
    "tests": tests,
    "scorers": scorers,
    "set_tests": set_tests,
    "commands": commands.commands,
    "config": config_keys.config,
    "layers": layers.law,
    "signatures": tables.signatures,
    "exerkines": lambda: tables.holder("exerkines"),
    "evidence": lambda: tables.holder("evidence"),
    "members": lambda: tables.holder("members"),
    "signature_table": lambda: tables.holder("signatures"),
}


def fill(app: Any, name: str, source: list[str]) -> None:
    """Put in what is made; an unknown name stops the build."""
    source[0] = re.sub(r"^<!-- made: (\w+) -->$", lambda m: MAKERS[m[1]](), source[0], flags=re.M)


def setup(app: Any) -> dict[str, Any]:
    """Connect to the reading of sources."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
