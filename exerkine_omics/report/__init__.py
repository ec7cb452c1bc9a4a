"""The report: the summary of a run in, one HTML page out."""

from exerkine_omics.report._card import card_markdown, render_card
from exerkine_omics.report._render import render, render_check
from exerkine_omics.report._summary import Summary, validate

__all__ = ["Summary", "card_markdown", "render", "render_card", "render_check", "validate"]


def __dir__() -> list[str]:
    return __all__
