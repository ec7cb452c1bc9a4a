"""Signatures: what is known to move on exercise, how surely, and where it is measured."""

from exerkine_omics.sig._load import load, read_signature, shipped_folder
from exerkine_omics.sig._match import Matched, Signatures, coverage_frame, match
from exerkine_omics.sig._model import Member, Signature, SignatureSet

__all__ = [
    "Matched",
    "Member",
    "Signature",
    "SignatureSet",
    "Signatures",
    "coverage_frame",
    "load",
    "match",
    "read_signature",
    "shipped_folder",
]


def __dir__() -> list[str]:
    return __all__
