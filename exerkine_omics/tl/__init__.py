"""AnnData to results: scores, tests, responders."""

from exerkine_omics.cohort import Summary
from exerkine_omics.tl._area_under_curve import area_under_curve
from exerkine_omics.tl._associate import associate
from exerkine_omics.tl._best_member import best_member
from exerkine_omics.tl._check_design import check_design
from exerkine_omics.tl._contributions import change_contributions, contributions
from exerkine_omics.tl._crossover import crossover
from exerkine_omics.tl._differential import differential
from exerkine_omics.tl._enrich import enrich
from exerkine_omics.tl._label_rates import label_rates
from exerkine_omics.tl._meta import meta
from exerkine_omics.tl._plan import plan_change, plan_features, plan_response
from exerkine_omics.tl._plan_prediction import plan_prediction
from exerkine_omics.tl._pool import pool
from exerkine_omics.tl._responder_profile import responder_profile
from exerkine_omics.tl._responders import responders
from exerkine_omics.tl._score import context_notes, score
from exerkine_omics.tl._score_change import score_change
from exerkine_omics.tl._score_confounders import score_confounders
from exerkine_omics.tl._score_test import score_test
from exerkine_omics.tl._show_methods import show_methods
from exerkine_omics.tl._summarize import summarize
from exerkine_omics.tl._time_course import time_course

__all__ = [
    "Summary",
    "area_under_curve",
    "associate",
    "best_member",
    "change_contributions",
    "check_design",
    "context_notes",
    "contributions",
    "crossover",
    "differential",
    "enrich",
    "label_rates",
    "meta",
    "plan_change",
    "plan_features",
    "plan_prediction",
    "plan_response",
    "pool",
    "responder_profile",
    "responders",
    "score",
    "score_change",
    "score_confounders",
    "score_test",
    "show_methods",
    "summarize",
    "time_course",
]


def __dir__() -> list[str]:
    return __all__
