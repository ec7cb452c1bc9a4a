"""Check signatures against the knowledge base: identifiers, signs, levels."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.sig._derive import derive_for, level_of
from exerkine_omics.sig._model import MEMBER_IDS, Member, Signature
from exerkine_omics.sig._problems import Problems


def check_members(
    signatures: Sequence[Signature], molecules: pd.DataFrame, problems: Problems, *, all_known: bool
) -> None:
    """Check that members are molecules of the knowledge base, under the same identifiers.

    With ``all_known=False`` a member that the knowledge base does not hold is no problem.
    """
    unique = molecules.drop_duplicates(schema.EXERKINE_ID).set_index(schema.EXERKINE_ID)
    known = unique.to_dict("index")
    for signature in signatures:
        file = f"{signature.name}.yaml"
        for member in signature.members:
            row = known.get(member.exerkine_id)
            if row is None:
                if all_known:
                    problems.add(
                        file, member.exerkine_id, "members", "is not in the knowledge base"
                    )
                continue
            if row[schema.MODALITY] != signature.modality:
                problems.add(
                    file, member.exerkine_id, "members",
                    f"is a molecule of {row[schema.MODALITY]}, not of {signature.modality}",
                )  # fmt: skip
                continue
            _same_identifiers(file, member, row, problems)


def check_rule(signature: Signature, evidence: pd.DataFrame, problems: Problems) -> None:
    """Check the level, and the signs, against what the evidence of the context says."""
    file = f"{signature.name}.yaml"
    derived = derive_for(evidence, signature)
    direction = dict(zip(derived[schema.EXERKINE_ID], derived["direction"], strict=True))
    for member in signature.members:
        sign = "up" if member.weight > 0 else "down"
        found = direction.get(member.exerkine_id, "")
        if found in ("up", "down", "unchanged") and found != sign and not member.note:
            problems.add(
                file, member.exerkine_id, "weight",
                f"says {sign}, its evidence in this context says {found}: a note must say why",
            )  # fmt: skip
    level = level_of(signature, derived)
    if level != signature.level:
        problems.add(file, "", "level", f"stated {signature.level}, by the rule {level}")


def cited(signatures: Sequence[Signature]) -> dict[str, str]:
    """Keys of the references that signatures cite, each with one file that does."""
    keys: dict[str, str] = {}
    for signature in signatures:
        own = [*signature.counter_references, *(r for m in signature.members for r in m.references)]
        keys |= dict.fromkeys(own, f"{signature.name}.yaml")
    return keys


def _same_identifiers(file: str, member: Member, row: dict[str, str], problems: Problems) -> None:
    for kind in MEMBER_IDS:
        value = getattr(member, kind)
        if kind == schema.EXERKINE_ID or not value:
            continue
        if value not in row.get(kind, "").split(";"):
            problems.add(
                file, member.exerkine_id, kind,
                f"{value!r} is {row.get(kind, '')!r} in the knowledge base",
            )  # fmt: skip
