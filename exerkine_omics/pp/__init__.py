"""AnnData to AnnData: check, bring to a log scale, pair, take differences."""

from exerkine_omics.cohort import concat, join
from exerkine_omics.pp._annotate import annotate
from exerkine_omics.pp._bridge import bridge, bridgeability
from exerkine_omics.pp._check import check
from exerkine_omics.pp._combat import combat
from exerkine_omics.pp._delta import delta
from exerkine_omics.pp._log2 import log2
from exerkine_omics.pp._normalize import normalize
from exerkine_omics.pp._pair import pair

__all__ = [
    "annotate",
    "bridge",
    "bridgeability",
    "check",
    "combat",
    "concat",
    "delta",
    "join",
    "log2",
    "normalize",
    "pair",
]


def __dir__() -> list[str]:
    return __all__
