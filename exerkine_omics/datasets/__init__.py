"""Cohorts to learn and test on: one simulated with its truth, real ones by name."""

from exerkine_omics.datasets._heritage import HeritageTraining
from exerkine_omics.datasets._load import load
from exerkine_omics.datasets._panel import parameters
from exerkine_omics.datasets._rats import RatTraining
from exerkine_omics.datasets._registry import available
from exerkine_omics.datasets._simulate import SimulatedCohort, Truth, simulate

__all__ = [
    "HeritageTraining",
    "RatTraining",
    "SimulatedCohort",
    "Truth",
    "available",
    "load",
    "parameters",
    "simulate",
]


def __dir__() -> list[str]:
    return __all__
