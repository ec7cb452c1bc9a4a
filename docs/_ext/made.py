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
        (
            f"`{r.format}`",
            r.title,
            f"[`{r.reader}`](api/names/exerkine_omics.io.{r.reader}.rst)",
            "yes" if r.experimental else "",
        )
        for r in exo.io.show_formats().itertuples()
    ]
    return table(["format", "file", "reader", "experimental"], rows)


def exit_codes() -> str:
    """Exit code and meaning of each kind of error."""
    from exerkine_omics import errors

    kinds = [
        k
        for k in vars(errors).values()
        if isinstance(k, type)
        and issubclass(k, errors.ExerkineError)
        and k is not errors.ExerkineError
    ]
    own = [(k.exit_code, f"`{k.__name__}`", (k.__doc__ or "").partition("\n")[0]) for k in kinds]
    rows = [
        (0, "", "Done."),
        (1, "any other exception", "A bug of this package; `exerkine --debug ...` shows where."),
        *own,
        (130, "", "Interrupted (Ctrl-C); `exerkine run` goes on with `--resume`."),
    ]
    return table(["code", "error", "meaning"], sorted(rows, key=lambda r: r[0]))


def tests() -> str:
    """List the tests of features."""
    from exerkine_omics.tl._methods import METHODS

    def option(name: str, values: tuple[Any, ...]) -> str:
        told = ["a whole number" if v is int else f"`{v!r}`" for v in values]
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
    return table(
        ["method", "what it does", "one variance for all times", "options, default first"], rows
    )


def _coded(frame: Any, *columns: str) -> list[list[str]]:
    """Return the rows of a registry, names and options as code."""
    code = (frame.columns[0], *columns)
    return [
        [f"`{v}`" if c in code and v else str(v) for c, v in zip(frame.columns, row, strict=True)]
        for row in frame.itertuples(index=False)
    ]


def scorers() -> str:
    """List the scorers."""
    import exerkine_omics as exo

    frame = exo.tl.show_methods("score")
    head = ["method", "description", "depends_on", "nan", "meaningless", "options", "source"]
    rows = _coded(frame[head], "options")
    return table(
        [
            "scorer",
            "what it does",
            "other samples",
            "a missing value",
            "meaningless on",
            "options",
            "source",
        ],
        rows,
    )


def set_tests() -> str:
    """List the tests of signatures."""
    import exerkine_omics as exo

    frame = exo.tl.show_methods("enrich")
    head = ["method", "description", "null", "nan", "meaningless", "options"]
    rows = _coded(frame[head], "options")
    return table(
        ["test", "what it does", "null", "a missing value", "meaningless on", "options"], rows
    )


def rooms() -> str:
    """List the rooms, with what is in them."""
    rows = [
        (f"[exo.{room}](api/{room}.rst)", what, len(pages.public(room)[0]))
        for room, what in pages.ROOMS.items()
    ]
    top = ("[exo](api/top.rst)", "`Reliability`, `ResponseSpec`, `settings`", 3)
    return table(["room", "", "names"], [*rows, top])


def notebooks() -> str:
    """List the notebooks of examples/ by their titles."""
    rows = []
    for path in pages.NOTEBOOKS:
        title = re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), re.M)
        rows.append(
            (
                f"[{title[1] if title else path.stem}](notebooks/{path.name})",
                f"`examples/{path.name}`",
            )
        )
    return table(["notebook", "file"], rows)


def differences() -> str:
    """Collect the tables and paragraphs of known differences from the pages of the methods."""
    index = (pages.HERE / "index.md").read_text(encoding="utf-8")
    parts = []
    named = re.findall(r"^\| \[[^]]*\]\((\w+\.md)\)", index, re.M)
    for name in sorted(named, key=lambda n: n != "agreement.md"):  # the tests of features first
        text = (pages.HERE / name).read_text(encoding="utf-8")
        found = re.findall(r"^\| known difference .*\n(?:\|.*\n)+", text, re.M)
        found += re.findall(r"^Known differences\. (?:.+\n)+", text, re.M)
        found += re.findall(r"^## Known differences\n\n((?:\|.*\n)+)", text, re.M)
        if found and name != "differences.md":
            title = re.sub(r"`", "", text.partition("\n")[0].lstrip("# "))
            parts.append(f"## {title}\n\nFrom [{name}]({name}).\n\n" + "\n\n".join(found))
    return "\n".join(parts)


MAKERS: dict[str, Maker] = {
    "notebooks": notebooks,
    "rooms": rooms,
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
