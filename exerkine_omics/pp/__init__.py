"""AnnData to AnnData: check, bring to a log scale, limits of detection, filter, impute, pair."""

from exerkine_omics.cohort import concat
from exerkine_omics.pp._annotate import annotate
from exerkine_omics.pp._check import check
from exerkine_omics.pp._delta import delta
from exerkine_omics.pp._detection import detection
from exerkine_omics.pp._lod import lod
from exerkine_omics.pp._log2 import log2
from exerkine_omics.pp._pair import pair

__all__ = ["annotate", "check", "concat", "delta", "detection", "lod", "log2", "pair"]


def __dir__() -> list[str]:
    return __all__
