"""The model card of a fitted model, as a page and as markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exerkine_omics.report._format import number
from exerkine_omics.report._render import page

_LEAD = ("verdict", "stamp", "target", "n_people", "n_features", "n_used")


def render_card(card: Mapping[str, Any]) -> str:
    """Return the page of a model card (`ResponseModel.card`); all text is escaped."""
    return page("card.html.jinja", card=card)


def card_markdown(card: Mapping[str, Any]) -> str:
    """Return a model card (`ResponseModel.card`) as markdown."""
    lines = [f"# Model card: {_cell(card['name'])}", ""]
    lines += [f"- **{key.replace('_', ' ')}**: {_cell(card[key])}" for key in _LEAD]
    lines += ["", "## Limits", "", *(f"- {_cell(text)}" for text in card["limits"])]
    lines += ["", "## Performance, out of fold", "", "| metric | estimate | interval |"]
    lines += ["|---|---|---|"]
    for row in card["performance"]:
        low, high = number(row["ci_low"]), number(row["ci_high"])
        lines.append(f"| {_cell(row['metric'])} | {number(row['estimate'])} | {low} to {high} |")
    lines += ["", "## TRIPOD+AI", "", "| item | topic | this model |", "|---|---|---|"]
    for row in card["tripod_ai"]:
        lines.append(f"| {row['item']} | {_cell(row['topic'])} | {_cell(row['text'])} |")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """Text that stays inside a table's cell and starts no markup of its own."""
    text = " ".join(str(value).split())
    for mark in ("\\", "|", "<", "`", "*", "_", "["):
        text = text.replace(mark, f"\\{mark}")
    return text
