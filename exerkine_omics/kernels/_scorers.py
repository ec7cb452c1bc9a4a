"""The scorers: adding one is a file and a line here."""

from __future__ import annotations

from exerkine_omics.kernels._score_gsva import GSVA
from exerkine_omics.kernels._score_ranks import SINGSCORE, SSGSEA
from exerkine_omics.kernels._score_ulm import ULM
from exerkine_omics.kernels._scores import BASELINE_Z, WEIGHTED_MEAN

SCORERS = {s.name: s for s in (BASELINE_Z, WEIGHTED_MEAN, ULM, SINGSCORE, SSGSEA, GSVA)}
