"""Which mature miRNA is meant: MIMAT, or a name of any miRBase release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from exerkine_omics import schema
from exerkine_omics.sig import _identify_text as text
from exerkine_omics.sig._identify_tables import listed, table
from exerkine_omics.sig._identify_text import mirna_key, plain, squash

Alternatives = frozenset[frozenset[str]]
NOTHING: Alternatives = frozenset()
_LETTERS = re.compile(r"^((?:mir|let)-\d*)([a-z])((?:/[a-z])+)(.*)$")


class MirnaIndex:
    """Look-ups of human mature miRNAs; what is measured is a set of MIMAT accessions.

    A current name means its current holder, though an older release may have used it for
    another; an old name that two releases used for two molecules is ambiguous.

    Parameters
    ----------
    molecules
        Records of the knowledge base, miRNAs and other nucleic acids.
    """

    tiers = ((schema.MIMAT,), (schema.MIRBASE,), (schema.NAME, "index"))
    columns = (schema.MIRBASE, schema.MIMAT)

    def __init__(self, molecules: Iterable[Mapping[str, str]]) -> None:
        self.name: dict[str, str] = {}
        self.current: dict[str, str] = {}
        self.old: dict[str, set[str]] = {}
        for accession, name, previous in table("mirbase.tsv.gz"):
            self.name[accession] = name
            if name:
                self.current[mirna_key(name)[1]] = accession
            for known in listed(previous):
                self.old.setdefault(mirna_key(known)[1], set()).add(accession)
        self.by_mimat: dict[str, list[str]] = {}
        self.others: dict[str, str] = {}
        for molecule in molecules:
            key = molecule[schema.EXERKINE_ID]
            for accession in listed(molecule[schema.MIMAT]):
                self.by_mimat.setdefault(accession, []).append(key)
            if not molecule[schema.MIMAT]:
                for name in (key, molecule[schema.NAME], *listed(molecule["synonyms"])):
                    self.others.setdefault(squash(plain(name)), key)

    def find(self, kind: str, term: str) -> tuple[Alternatives, dict[str, str]]:
        """Mature miRNAs a term may mean."""
        accession = text.mimat(term)
        if accession:
            return (_one(accession) if accession in self.name else NOTHING), {}
        if kind == schema.MIMAT:
            return NOTHING, {}
        species, key = mirna_key(term)
        if species != "hsa":
            return NOTHING, {}
        found = self._by_key(key)
        if found:
            return found, {}
        several = _LETTERS.match(key)
        if several:
            stem, first, more, rest = several.groups()
            each = [self._by_key(stem + c + rest) for c in (first, *more[1:].split("/"))]
            if all(each):
                return frozenset([frozenset(m for e in each for one in e for m in one)]), {}
        other = self.others.get(squash(plain(term)))
        return (_one(other) if other else NOTHING), {}

    def _by_key(self, key: str) -> Alternatives:
        if key in self.current:
            return _one(self.current[key])
        if key in self.old:
            return frozenset(frozenset([m]) for m in self.old[key])
        # never a name of its own: either arm may be meant
        arms = {self.current.get(f"{key}-{arm}", "") for arm in ("5p", "3p")} - {""}
        return frozenset([frozenset([m]) for m in arms] + [frozenset(["?"])]) if arms else NOTHING

    def values(self, measured: frozenset[str], given: Mapping[str, str]) -> dict[str, str]:
        """Annotation of what is measured, where it is one miRNA."""
        accession = next(iter(measured))
        if len(measured) != 1 or accession not in self.name:
            return {}
        return {schema.MIRBASE: self.name[accession], schema.MIMAT: accession}

    def exerkines(
        self, measured: frozenset[str], given: Mapping[str, str], terms: Iterable[str]
    ) -> tuple[list[str], bool]:
        """Molecules of the knowledge base, and whether the choice is sure."""
        others = set(self.others.values())
        known = sorted(
            {k for m in measured for k in self.by_mimat.get(m, [m] if m in others else [])}
        )
        return known, len(known) <= 1 and (len(measured) == 1 or not known)


def _one(accession: str) -> Alternatives:
    return frozenset([frozenset([accession])])
