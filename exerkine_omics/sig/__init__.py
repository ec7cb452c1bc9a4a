"""Signatures and the knowledge base: what moves on exercise, how surely, where it is measured."""

from exerkine_omics.sig._design import for_design
from exerkine_omics.sig._exchange import from_frame, from_gmt
from exerkine_omics.sig._identify import Identity, identify
from exerkine_omics.sig._knowledge import evidence, exerkines, member_evidence, molecules
from exerkine_omics.sig._load import load, read_signature, shipped_folder
from exerkine_omics.sig._match import Matched, Signatures, coverage_frame, match
from exerkine_omics.sig._model import MEMBER_IDS, Member, Signature, SignatureSet
from exerkine_omics.sig._validate import validate

__all__ = [
    "Identity",
    "identify",
    "MEMBER_IDS",
    "Matched",
    "Member",
    "Signature",
    "SignatureSet",
    "Signatures",
    "coverage_frame",
    "evidence",
    "exerkines",
    "for_design",
    "from_frame",
    "from_gmt",
    "load",
    "match",
    "member_evidence",
    "molecules",
    "read_signature",
    "shipped_folder",
    "validate",
]


def __dir__() -> list[str]:
    return __all__
