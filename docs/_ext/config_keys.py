"""The config of `exerkine run` as Markdown, from the model that checks it."""

from __future__ import annotations

import json
from typing import Any


def _anchor(name: str) -> str:
    return name.lower()


def _limits(part: dict[str, Any]) -> str:
    words = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    told = [f"{sign} {part[key]:g}" for key, sign in words.items() if key in part]
    if "pattern" in part:
        told.append(f"like `{part['pattern']}`")
    return f" ({', '.join(told)})" if told else ""


def _kind(part: dict[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    if "enum" in part:
        return ", ".join(f"`{json.dumps(v, ensure_ascii=False)}`" for v in part["enum"])
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    for key in ("anyOf", "oneOf"):
        if key in part:
            return " or ".join(_kind(p) for p in part[key])
    match part.get("type"):
        case "array" if "prefixItems" in part:
            return "[" + ", ".join(_kind(p) for p in part["prefixItems"]) + "]"
        case "array":
            return f"list of {_kind(part.get('items', {}))}"
        case "object" if isinstance(part.get("additionalProperties"), dict):
            return f"mapping to {_kind(part['additionalProperties'])}"
        case "object":
            return "mapping"
        case "string":
            return "text" + _limits(part)
        case "null":
            return "null"
        case None:
            return "anything"
        case other:
            return f"{other}{_limits(part)}"


def _rows(model: dict[str, Any]) -> list[str]:
    lines = ["| key | value | default |", "|---|---|---|"]
    for key, part in model.get("properties", {}).items():
        if key in model.get("required", ()):
            default = "required"
        elif "default" in part:
            default = f"`{json.dumps(part['default'], ensure_ascii=False)}`"
        else:
            default = ""
        cells = (f"`{key}`", _kind(part), default)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return [*lines, ""]


def config() -> str:
    """Write a table for each part of a config, the whole file first."""
    from exerkine_omics.workflow import RunConfig

    whole = RunConfig.model_json_schema()
    lines = ["## RunConfig", "", whole.get("description", ""), "", *_rows(whole)]
    order: list[str] = []

    def visit(part: Any) -> None:  # as a reader meets them, from the top
        if isinstance(part, dict):
            if "$ref" in part:
                name = part["$ref"].rpartition("/")[2]
                if name not in order:
                    order.append(name)
                    visit(whole["$defs"][name])
            for value in part.values():
                visit(value)
        elif isinstance(part, list):
            for value in part:
                visit(value)

    visit(whole["properties"])
    for name in order:
        model = whole["$defs"][name]
        lines += [f"## {name}", "", model.get("description", ""), "", *_rows(model)]
    return "\n".join(lines)
