"""AnnData to results: scores, tests, responders."""

from exerkine_omics.tl._associate import associate
from exerkine_omics.tl._differential import differential
from exerkine_omics.tl._meta import meta
from exerkine_omics.tl._pool import pool
from exerkine_omics.tl._responders import responders
from exerkine_omics.tl._score import context_notes, score, score_change
from exerkine_omics.tl._score_test import score_test
from exerkine_omics.tl._summarize import summarize

__all__ = [
    "associate",
    "context_notes",
    "differential",
    "meta",
    "pool",
    "responders",
    "score",
    "score_change",
    "score_test",
    "summarize",
]


def __dir__() -> list[str]:
    return __all__
