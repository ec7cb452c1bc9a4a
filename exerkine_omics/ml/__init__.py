"""Prediction of response: nested cross-validation over people, with what must stand beside it."""

from exerkine_omics.ml._evaluate import evaluate
from exerkine_omics.ml._result import PredictionResult

__all__ = ["PredictionResult", "evaluate"]


def __dir__() -> list[str]:
    return __all__
