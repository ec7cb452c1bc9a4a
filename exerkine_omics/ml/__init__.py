"""Prediction of response: nested cross-validation over people, with what must stand beside it."""

from exerkine_omics.ml._evaluate import evaluate
from exerkine_omics.ml._imputer import Imputer
from exerkine_omics.ml._model import ResponseModel
from exerkine_omics.ml._model_file import load
from exerkine_omics.ml._normalizer import Normalizer
from exerkine_omics.ml._result import PredictionResult
from exerkine_omics.ml._signature_scorer import SignatureScorer
from exerkine_omics.ml._tailor import tailor
from exerkine_omics.ml._tailor_result import TailorResult
from exerkine_omics.ml._tailor_rule import TailorRule

__all__ = [
    "Imputer",
    "Normalizer",
    "PredictionResult",
    "ResponseModel",
    "SignatureScorer",
    "TailorResult",
    "TailorRule",
    "evaluate",
    "load",
    "tailor",
]


def __dir__() -> list[str]:
    return __all__
