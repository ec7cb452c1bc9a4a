"""AnnData to AnnData: check, bring to a log scale, pair, take differences."""

from exerkine_omics.cohort import concat, join
from exerkine_omics.pp._annotate import annotate
from exerkine_omics.pp._bridge import bridge, bridgeability
from exerkine_omics.pp._check import check
from exerkine_omics.pp._clean import clean
from exerkine_omics.pp._combat import combat
from exerkine_omics.pp._delta import delta
from exerkine_omics.pp._detection import detection
from exerkine_omics.pp._filter_features import filter_features
from exerkine_omics.pp._haemolysis import haemolysis
from exerkine_omics.pp._impute import impute
from exerkine_omics.pp._lod import lod
from exerkine_omics.pp._log2 import log2
from exerkine_omics.pp._normalize import normalize
from exerkine_omics.pp._outliers import outliers
from exerkine_omics.pp._pair import pair
from exerkine_omics.pp._pca import pca
from exerkine_omics.pp._plasma_volume import plasma_volume
from exerkine_omics.pp._swaps import swaps

__all__ = [
    "annotate",
    "bridge",
    "bridgeability",
    "check",
    "clean",
    "combat",
    "concat",
    "delta",
    "detection",
    "filter_features",
    "haemolysis",
    "impute",
    "join",
    "lod",
    "log2",
    "normalize",
    "outliers",
    "pair",
    "pca",
    "plasma_volume",
    "swaps",
]


def __dir__() -> list[str]:
    return __all__
