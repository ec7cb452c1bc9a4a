"""Figures: frames in, matplotlib axes out; nothing is computed but the layout."""

from exerkine_omics.pl._arm_variances import arm_variances
from exerkine_omics.pl._baseline_change import baseline_change
from exerkine_omics.pl._calibration import calibration
from exerkine_omics.pl._conformal import conformal
from exerkine_omics.pl._contributions import contributions
from exerkine_omics.pl._coverage import coverage
from exerkine_omics.pl._decision_curve import decision_curve
from exerkine_omics.pl._enrichment import enrichment
from exerkine_omics.pl._forest import forest
from exerkine_omics.pl._heatmap import heatmap
from exerkine_omics.pl._importance import importance
from exerkine_omics.pl._learning_curve import learning_curve
from exerkine_omics.pl._meta_forest import meta_forest
from exerkine_omics.pl._pca import pca
from exerkine_omics.pl._performance import performance
from exerkine_omics.pl._plan import plan
from exerkine_omics.pl._policy_value import policy_value
from exerkine_omics.pl._qc import qc
from exerkine_omics.pl._responder_profile import responder_profile
from exerkine_omics.pl._responders import responders
from exerkine_omics.pl._roc import roc
from exerkine_omics.pl._score_change import score_change
from exerkine_omics.pl._tissue_map import tissue_map
from exerkine_omics.pl._trajectory import trajectory
from exerkine_omics.pl._volcano import volcano

__all__ = [
    "arm_variances",
    "baseline_change",
    "calibration",
    "conformal",
    "contributions",
    "coverage",
    "decision_curve",
    "enrichment",
    "forest",
    "heatmap",
    "importance",
    "learning_curve",
    "meta_forest",
    "pca",
    "performance",
    "plan",
    "policy_value",
    "qc",
    "responder_profile",
    "responders",
    "roc",
    "score_change",
    "tissue_map",
    "trajectory",
    "volcano",
]


def __dir__() -> list[str]:
    return __all__
