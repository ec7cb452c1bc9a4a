"""Which protein is meant: Olink id, SeqId, accession, symbol new or old, common name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exerkine_omics import schema
from exerkine_omics.sig import _identify_text as text
from exerkine_omics.sig._identify_tables import listed, table
from exerkine_omics.sig._identify_text import accessions, parts, plain, squash

Alternatives = frozenset[frozenset[str]]
NOTHING: Alternatives = frozenset()
# products that an assay of the precursor's gene does not measure; a name must say them
PRECURSORS = frozenset(
    {"AVP", "CKB", "COL1A1", "FBN1", "GCG", "GHRL", "NPPA", "NPPB", "POMC", "TOR2A"}
)


class ProteinIndex:
    """Look-ups of proteins; a protein is the set of its genes' symbols.

    Parameters
    ----------
    molecules
        Records of the knowledge base, proteins only.
    """

    tiers = (
        (schema.UNIPROT, schema.GENE_SYMBOL),
        (schema.OLINK_ID, schema.SEQ_ID),
        (schema.NAME, "index"),
    )
    columns = (schema.UNIPROT, schema.GENE_SYMBOL)

    def __init__(self, molecules: Iterable[Mapping[str, str]]) -> None:
        self.current: dict[str, str] = {}
        self.squashed: dict[str, set[str]] = {}
        self.old: dict[str, set[str]] = {}
        self.accessions: dict[str, tuple[str, ...]] = {}
        self.genes: dict[str, set[str]] = {}
        self._read_genes()
        self.olink = {row[0]: row[1:] for row in table("olink.tsv.gz")}
        self.somascan = {row[0]: row[1:] for row in table("somascan.tsv.gz")}
        for uniprot, symbols in (*self.olink.values(), *self.somascan.values()):
            self._learn(uniprot, symbols)
        self.common: dict[str, frozenset[str]] = {  # complexes, and names HGNC does not hold
            squash(plain(term)): frozenset(listed(means))
            for modality, term, means, _ in table("aliases.tsv")
            if modality == "proteomics"
        }
        self.by_symbol: dict[str, list[str]] = {}
        self.by_accessions: dict[frozenset[str], list[str]] = {}
        self.named: dict[str, set[str]] = {}
        for molecule in molecules:
            self._add(molecule)

    def _read_genes(self) -> None:
        for symbol, uniprot, previous, alias in table("proteins.tsv.gz"):
            self.current[symbol.upper()] = symbol
            self.squashed.setdefault(squash(symbol), set()).add(symbol)
            for name in (*previous.split("|"), *alias.split("|")):
                self.old.setdefault(squash(plain(name)), set()).add(symbol)
            self.accessions[symbol] = tuple(listed(uniprot))
            for accession in self.accessions[symbol]:
                self.genes.setdefault(accession, set()).add(symbol)
        self.old.pop("", None)

    def _learn(self, uniprot: str, symbols: str) -> None:
        """Take an accession that HGNC lacks from a vendor's row of one protein."""
        ids, names = listed(uniprot), listed(symbols)
        if len(ids) == 1 and len(names) == 1 and ids[0] not in self.genes:
            symbol = self.current.get(names[0].upper())
            if symbol:
                self.genes[ids[0]] = {symbol}

    def _add(self, molecule: Mapping[str, str]) -> None:
        key = molecule[schema.EXERKINE_ID]
        for symbol in listed(molecule[schema.GENE_SYMBOL]):
            self.by_symbol.setdefault(symbol, []).append(key)
        held = frozenset(listed(molecule[schema.UNIPROT]))
        if held:
            self.by_accessions.setdefault(held, []).append(key)
        symbols = listed(molecule[schema.GENE_SYMBOL])
        for name in (key, molecule[schema.NAME], *listed(molecule["synonyms"])):
            squashed = squash(plain(name))
            if not squashed:
                continue
            self.named.setdefault(squashed, set()).add(key)
            if len(symbols) == 1 and squashed not in self.squashed:
                self.old.setdefault(squashed, set()).add(symbols[0])

    def find(self, kind: str, term: str) -> tuple[Alternatives, dict[str, str]]:
        """Proteins a term may mean, and the vendor's id it holds."""
        if kind in (schema.OLINK_ID, schema.SEQ_ID, schema.NAME, "index"):
            for column, read, known in (
                (schema.OLINK_ID, text.olink_id, self.olink),
                (schema.SEQ_ID, text.seq_id, self.somascan),
            ):
                number = read(term)
                if number in known:
                    return self._vendor(*known[number]), {column: number}
            if kind in (schema.OLINK_ID, schema.SEQ_ID):
                return NOTHING, {}
        exact = self.current.get(term.strip().upper())
        if exact and kind != schema.UNIPROT:
            return _one(exact), {}
        ids = accessions(term)
        if ids:
            return frozenset([frozenset().union(*(self._genes_of(a) for a in ids))]), {}
        whole = self._by_name(term)
        if whole:
            return whole, {}
        pieces = parts(term)
        if 1 < len(pieces) <= 6:
            found = [self.current.get(p.upper()) for p in pieces]
            if all(found):
                return frozenset([frozenset(str(f) for f in found)]), {}
        return NOTHING, {}

    def _vendor(self, uniprot: str, symbols: str) -> Alternatives:
        genes: frozenset[str] = frozenset()
        for accession in listed(uniprot):
            genes |= self._genes_of(accession)
        if not genes:
            genes = frozenset(listed(symbols))
        return frozenset([genes]) if genes else NOTHING

    def _genes_of(self, accession: str) -> frozenset[str]:
        return frozenset(self.genes.get(accession, (accession,)))

    def _by_name(self, term: str) -> Alternatives:
        key = squash(plain(term))
        for form in dict.fromkeys((key, text.greek_as_letter(key))):
            if form in self.squashed:
                return frozenset(frozenset([s]) for s in self.squashed[form])
            if form in self.common or form in self.old:
                common = {self.common[form]} if form in self.common else set()
                return frozenset({frozenset([s]) for s in self.old.get(form, ())} | common)
        return NOTHING

    def values(self, protein: frozenset[str], given: Mapping[str, str]) -> dict[str, str]:
        """Annotation of a protein; accessions that the user gave stand before HGNC's.

        Several genes are joined by ``_``, as Olink does: such an assay is no member's own.
        """
        symbols = sorted(s for s in protein if s in self.accessions)
        ids = self._ids(protein, given)
        mark = "_" if len(protein) > 1 and len(ids) > 1 else ";"
        return {
            schema.UNIPROT: mark.join(ids),
            schema.GENE_SYMBOL: ("_" if len(symbols) > 1 else ";").join(symbols),
        }

    def _ids(self, protein: frozenset[str], given: Mapping[str, str]) -> list[str]:
        ids = accessions(given.get(schema.UNIPROT, ""))
        if not ids:
            for column, known in ((schema.OLINK_ID, self.olink), (schema.SEQ_ID, self.somascan)):
                row = known.get(given.get(column, ""))
                ids = listed(row[0]) if row else []
                if ids and {s for a in ids for s in self._genes_of(a)} == protein:
                    return ids
                ids = []
        if not ids:
            for symbol in sorted(protein):
                ids += [a for a in self.accessions.get(symbol, (symbol,)) if a not in ids]
        return ids

    def exerkines(
        self, protein: frozenset[str], given: Mapping[str, str], terms: Iterable[str]
    ) -> tuple[list[str], bool]:
        """Molecules of the knowledge base, and whether the choice is sure."""
        same = self.by_accessions.get(frozenset(self._ids(protein, given)), [])
        if not same and len(protein) == 1:
            same = self.by_symbol.get(next(iter(protein)), [])
        if not same:
            parts_of = sorted({k for s in protein for k in self.by_symbol.get(s, ())})
            return parts_of, not parts_of
        for term in terms:
            named = self.named.get(squash(plain(term)), set())
            meant = [k for k in same if k in named]
            if len(meant) == 1:
                return meant, True
        own = [k for k in same if k.upper() in {s.upper() for s in protein}]
        if len(own) == 1:
            return own, True
        return same, len(same) == 1 and not (protein & PRECURSORS)


def _one(symbol: str) -> Alternatives:
    return frozenset([frozenset([symbol])])
