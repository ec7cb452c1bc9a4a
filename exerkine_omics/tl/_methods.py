"""The tests of `differential`: adding one is a file and a line here."""

from __future__ import annotations

from exerkine_omics.tl._lmm import LMM
from exerkine_omics.tl._mcnemar import MCNEMAR
from exerkine_omics.tl._moderated import MODERATED
from exerkine_omics.tl._signflip import SIGNFLIP
from exerkine_omics.tl._simple import PAIRED_T
from exerkine_omics.tl._voom import VOOM
from exerkine_omics.tl._wilcoxon import WILCOXON

METHODS = {m.name: m for m in (LMM, MODERATED, VOOM, PAIRED_T, WILCOXON, SIGNFLIP, MCNEMAR)}
