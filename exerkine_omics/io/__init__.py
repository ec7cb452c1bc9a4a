"""Files and frames to AnnData, and back; no statistics."""

from exerkine_omics.io._adat import read_adat
from exerkine_omics.io._biocrates import read_biocrates
from exerkine_omics.io._counts import read_counts
from exerkine_omics.io._cq import read_cq
from exerkine_omics.io._formats import show_formats
from exerkine_omics.io._frames import from_frames, set_samples
from exerkine_omics.io._metabolon import read_metabolon
from exerkine_omics.io._mwtab import read_mwtab
from exerkine_omics.io._olink import read_olink
from exerkine_omics.io._outcomes import read_outcomes
from exerkine_omics.io._read import read
from exerkine_omics.io._state import state
from exerkine_omics.io._storage import write
from exerkine_omics.io._tables import read_table

__all__ = [
    "from_frames",
    "read",
    "read_adat",
    "read_biocrates",
    "read_counts",
    "read_cq",
    "read_metabolon",
    "read_mwtab",
    "read_olink",
    "read_outcomes",
    "read_table",
    "set_samples",
    "show_formats",
    "state",
    "write",
]


def __dir__() -> list[str]:
    return __all__
