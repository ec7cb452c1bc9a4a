"""The import law of pyproject.toml as a figure (SVG), so that the figure cannot lie."""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import Any

_PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
_WIDTH, _ROW, _BOX = 760, 46, 32


def contracts() -> list[dict[str, Any]]:
    """Return the contracts of import-linter."""
    return list(
        tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    )


def rows() -> list[list[str]]:
    """Return the rooms of each layer, from top to ground."""
    law = next(c for c in contracts() if c["type"] == "layers")
    return [
        [m.strip().removeprefix("exerkine_omics.") for m in layer.split("|")]
        for layer in law["layers"]
    ]


def figure() -> str:
    """Draw a box a room; rooms side by side do not know each other."""
    height = _ROW * len(rows()) + 12
    told = escape("; ".join(", ".join(names) for names in rows()))
    parts = [
        # within a div, so that Markdown leaves it alone
        f'<div class="layers"><svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Layers from top to ground: {told}">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<line x1="24" y1="14" x2="24" y2="{height - 16}" marker-end="url(#head)"/>',
        f'<text class="side" transform="rotate(-90 12 {height / 2})" x="12" y="{height / 2}">'
        "may import</text>",
    ]
    left, gap = 48, 10
    for i, names in enumerate(rows()):
        wide = (_WIDTH - left - gap * (len(names) - 1)) / len(names)
        for j, name in enumerate(names):
            x, y = left + j * (wide + gap), 6 + i * _ROW
            parts.append(f'<rect x="{x:.0f}" y="{y}" width="{wide:.0f}" height="{_BOX}" rx="5"/>')
            parts.append(
                f'<text x="{x + wide / 2:.0f}" y="{y + _BOX / 2 + 5:.0f}">{escape(name)}</text>'
            )
    return "".join(parts) + "</svg></div>"


def law() -> str:
    """Write the figure, and the contracts beside it in words."""
    lines = [figure(), ""]
    for c in contracts():
        if c["type"] != "forbidden":
            continue
        who, whom = (
            ", ".join(f"`{m.removeprefix('exerkine_omics.')}`" for m in c[key])
            for key in ("source_modules", "forbidden_modules")
        )
        lines.append(f"- **{c['name']}**: {who} never import {whom}.")
    return "\n".join(lines) + "\n"
