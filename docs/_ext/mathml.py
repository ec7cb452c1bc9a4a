"""Formulas as MathML, made at build time: no script, font or server is needed to read them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)
_SIZE = re.compile(r"\\[bB]igg?[lr]?(?![a-zA-Z])")  # of a delimiter: MathML stretches by itself
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;|#)\w+;")  # HTML's, which XML does not know
_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
_APPLIED = "\u2061"  # stands between a function and what it is applied to


def _accents(math: ElementTree.Element) -> None:
    """Set the index of a letter with an accent beside it: docutils sets it below, as in a sum."""
    for parent in math.iter():
        for place, child in enumerate(parent):
            if child.tag != f"{_NAMESPACE}munderover" or "movablelimits" in child[0].attrib:
                continue
            letter, index, accent = child
            over = ElementTree.Element(f"{_NAMESPACE}mover", {"accent": "true"})
            over.extend([letter, accent])
            new = ElementTree.Element(f"{_NAMESPACE}msub")
            new.extend([over, index])
            parent[place] = new
            if parent.tag == f"{_NAMESPACE}msup" and place == 0:
                parent.tag = f"{_NAMESPACE}msubsup"
                parent[:] = [over, index, parent[1]]


def _spaces(math: ElementTree.Element) -> None:
    """Set a thin space between a function's name and a letter: log S, not logS."""
    for parent in math.iter():
        for applied, after in zip(parent, list(parent)[1:], strict=False):
            if applied.text == _APPLIED and after.tag != f"{_NAMESPACE}mo":
                applied.set("rspace", "0.17em")


def mathml(text: str, *, block: bool) -> str:
    """Turn LaTeX into MathML; `MathError` for what is not known."""
    text = _SIZE.sub("", text).replace(r"\dots", r"\ldots")
    written = latex2mathml.tex2mathml(text, as_block=block)
    math = ElementTree.fromstring(_ENTITY.sub(lambda m: unescape(m[0]), written))
    _accents(math)
    _spaces(math)
    ElementTree.register_namespace("", _NAMESPACE[1:-1])
    return ElementTree.tostring(math, encoding="unicode")


def _write(writer: Any, node: nodes.Element, *, block: bool) -> None:
    try:
        formula = mathml(node.astext(), block=block)
    except MathError as error:
        logger.warning("formula %r: %s", node.astext(), error, location=node)
        formula = writer.encode(node.astext())
    writer.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _inline(writer: Any, node: nodes.math) -> None:
    _write(writer, node, block=False)


def _block(writer: Any, node: nodes.math_block) -> None:
    _write(writer, node, block=True)


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer that conf.py asks for."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
