"""Formulas as MathML, written at build time: no script, no font and no server is needed to read them."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)


_SIZE = re.compile(r"\\[bB]igg?[lr]?(?![a-zA-Z])")  # of a delimiter: MathML stretches by itself


def _write(writer: Any, node: nodes.Node, *, block: bool) -> None:
    text = _SIZE.sub("", node.astext()).replace(r"\dots", r"\ldots")
    try:
        formula = latex2mathml.tex2mathml(text, as_block=block)
    except MathError as error:
        logger.warning("formula %r: %s", text, error, location=node)
        formula = writer.encode(text)
    writer.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _inline(writer: Any, node: nodes.math) -> None:
    _write(writer, node, block=False)


def _block(writer: Any, node: nodes.math_block) -> None:
    _write(writer, node, block=True)


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer that conf.py asks for."""
    try:
        app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    except ExtensionError:  # pragma: no cover
        logger.warning("the renderer of formulas is registered twice")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
