"""The command line as Markdown, from the signatures that typer makes its parser of."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import typer

_WORDS = {"Path": "path", "str": "text", "int": "whole number", "float": "number", "bool": ""}


def _kind(annotation: Any) -> str:
    """Write a type for a reader: ``list[Path]`` is ``path ...``."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is list:
        return f"{_kind(get_args(annotation)[0])} ..."
    return _WORDS.get(annotation.__name__, annotation.__name__)


def _rows(function: Callable[..., Any]) -> Iterator[str]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, *infos = (
            get_args(hints[name]) if hasattr(hints[name], "__metadata__") else (hints[name],)
        )
        info = infos[0] if infos else typer.Argument()
        if isinstance(info, type(typer.Argument())):
            written = name.upper()
        else:
            flag = f"--{name.replace('_', '-')}"
            own = [d for d in (info.default, *(info.param_decls or ())) if isinstance(d, str)]
            flags = [flag, f"--no-{flag[2:]}"] if kind is bool else [flag]
            written = ", ".join(own or flags)
        default = parameter.default
        if default is inspect.Parameter.empty:
            told = "required"
        else:
            told = (
                "" if default in (None, False) else f"`{default}`" if default is not True else "yes"
            )
        cells = (f"`{written}`", _kind(kind), told, info.help or "")
        yield "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def _section(app: typer.Typer, path: str) -> Iterator[str]:
    for command in app.registered_commands:
        function = command.callback
        assert function is not None
        rows = list(_rows(function))
        yield f"## {path} {command.name or function.__name__.replace('_', '-')}\n"
        yield inspect.cleandoc(function.__doc__ or "") + "\n"
        if rows:
            yield "\n".join(["| argument | value | default | |", "|---|---|---|---|", *rows]) + "\n"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from _section(group.typer_instance, f"{path} {group.name}")


def commands() -> str:
    """Write every command with its arguments and options."""
    from exerkine_omics.cli import app

    return "\n".join(_section(app, "exerkine"))
