"""Say which molecule each feature of a panel is, read by its modality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError
from exerkine_omics.sig._identify_metabolites import OTHER, MetaboliteIndex
from exerkine_omics.sig._identify_mirnas import MirnaIndex
from exerkine_omics.sig._identify_proteins import ProteinIndex
from exerkine_omics.sig._identify_text import mirna_key
from exerkine_omics.sig._knowledge import molecules

Alternatives: TypeAlias = frozenset[frozenset[str]]
Index: TypeAlias = ProteinIndex | MetaboliteIndex | MirnaIndex
_INDEX: dict[str, type[Index]] = {
    "proteomics": ProteinIndex,
    "metabolomics": MetaboliteIndex,
    "mirna": MirnaIndex,
}

FOUND = "found"  # in the knowledge base
KNOWN = "known"  # identified, no exerkine of the knowledge base
AMBIGUOUS = "ambiguous"
SEVERAL = "several_molecules"  # one assay of several molecules
CONFLICT = "conflict"  # its identifiers contradict each other
NOT_FOUND = "not_found"


@dataclass(frozen=True)
class Identity:
    """What a feature is.

    ``values`` are annotation columns, ``by`` the term that decided, ``against`` a term of lower
    rank that says otherwise.
    """

    status: str
    exerkine_id: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    by: str = ""
    against: str = ""


def identify(
    features: Iterable[Mapping[str, str]],
    modality: str,
    *,
    knowledge: pd.DataFrame | None = None,
    species: str = "human",
) -> list[Identity]:
    """Say which molecule each feature is.

    Use it on names without an AnnData; `exo.pp.annotate` does the same for a panel.

    Parameters
    ----------
    features
        One mapping a feature: ``index``, ``name`` and identifier columns (uniprot, gene_symbol,
        olink_id, seq_id, hmdb, chebi, kegg, inchikey, refmet_name, mirbase, mimat), text each.
    modality
        ``proteomics``, ``metabolomics`` or ``mirna``: C8 is complement among proteins and
        octanoylcarnitine among metabolites.
    knowledge
        Molecules; None means the shipped ones.
    species
        Of other species than human, proteins are taken by the symbol and miRNAs by the name of
        the human one, and no human accession is given to them.

    Returns
    -------
    list
        One `Identity` a feature.

    Raises
    ------
    InputError
        If the modality is none of the three.

    Notes
    -----
    Missing values: empty text is not known. A name or id that fits several molecules is
    ``ambiguous`` and gets none of them.

    Examples
    --------
    >>> from exerkine_omics.sig import identify
    >>> identify([{"index": "seq.4673.13"}], "proteomics")[0].values["gene_symbol"]
    'IL6'
    """
    if modality not in _INDEX:
        raise InputError(
            f"The modality is {modality!r}, none of {', '.join(_INDEX)}",
            where=f"uns['{schema.UNS}']['{schema.MODALITY}']",
            fix="State modality= when reading.",
        )
    index = index_of(modality) if knowledge is None else build_index(modality, knowledge)
    if species not in ("human", schema.UNKNOWN, "") and not isinstance(index, MetaboliteIndex):
        return [_orthologue(index, dict(f)) for f in features]
    return [identify_one(index, f) for f in features]


@lru_cache(maxsize=3)
def index_of(modality: str) -> Index:
    """Index over the shipped tables and knowledge base, made once."""
    return build_index(modality, molecules())


def build_index(modality: str, knowledge: pd.DataFrame) -> Index:
    """Make the index of a modality over given molecules."""
    rows = knowledge[knowledge[schema.MODALITY] == modality].astype(object).fillna("")
    return _INDEX[modality](rows.to_dict("records"))


def identify_one(index: Index, feature: Mapping[str, str]) -> Identity:
    """Weigh the terms of a feature, accessions before vendors' ids before names."""
    chosen: Alternatives = frozenset()
    by, against = "", ""
    given = dict(feature)
    for tier in index.tiers:
        here: Alternatives = frozenset()
        source = ""
        for kind in tier:
            term = feature.get(kind, "").strip()
            if not term:
                continue
            found, ids = index.find(kind, term)
            given.update({k: v for k, v in ids.items() if not given.get(k)})
            if not found:
                continue
            merged = _agree(here, found, joined=True) if here else found
            if not merged and not chosen:
                return Identity(CONFLICT, candidates=_named(here | found), by=f"{source}, {kind}")
            here, source = merged or here, source or kind
        if not here:
            continue
        if not chosen:
            chosen, by = here, source
            continue
        merged = _agree(chosen, here, joined=False)
        if merged:
            chosen = merged
        elif chosen == {frozenset([OTHER])}:  # an id we do not know beside a name we know
            chosen |= here
        else:
            against = against or source
    if not chosen:
        return Identity(NOT_FOUND)
    return _finish(index, chosen, feature, given, by, against)


def _agree(upper: Alternatives, lower: Alternatives, *, joined: bool) -> Alternatives:
    """Keep of the upper alternatives those that share a molecule with a lower one."""
    return frozenset(a | b if joined else a for a in upper for b in lower if a & b)


def _finish(
    index: Index,
    chosen: Alternatives,
    feature: Mapping[str, str],
    given: Mapping[str, str],
    by: str,
    against: str,
) -> Identity:
    terms = [feature.get(schema.NAME, ""), feature.get("index", "")]
    # vendors' ids that the index holds are worth a column of their own
    vendor = {k: given[k] for k in (schema.OLINK_ID, schema.SEQ_ID) if given.get(k) and k in given}
    if len(chosen) > 1:
        return Identity(AMBIGUOUS, values=vendor, candidates=_named(chosen), by=by)
    measured = next(iter(chosen))
    if measured == {OTHER}:
        return Identity(NOT_FOUND, values=vendor, by=by)
    values = {**vendor, **index.values(measured, given)}
    keys, sure = index.exerkines(measured, given, terms)
    if not keys:
        return Identity(KNOWN, values=values, by=by, against=against)
    if len(keys) == 1 and sure:
        return Identity(FOUND, keys[0], values, by=by, against=against)
    status = SEVERAL if len(measured) > 1 else AMBIGUOUS
    return Identity(status, values=values, candidates=tuple(sorted(keys)), by=by, against=against)


def _named(alternatives: Alternatives) -> tuple[str, ...]:
    """Alternatives as text; what the tables do not know is another molecule."""
    shown = {
        "+".join(sorted(part.removeprefix(OTHER) or "another" for part in one))
        for one in alternatives
    }
    return tuple(sorted(shown))


def _orthologue(index: Index, feature: Mapping[str, str]) -> Identity:
    """Take the human molecule of the same symbol or mature name; accessions are not human."""
    kinds: Sequence[str]
    if isinstance(index, ProteinIndex):
        for kind in (schema.GENE_SYMBOL, schema.NAME, "index"):
            symbol = index.current.get(feature.get(kind, "").strip().upper())
            if symbol:
                keys, sure = index.exerkines(frozenset([symbol]), {}, [feature.get("name", "")])
                return _by_orthology(keys, sure, kind)
        return Identity(NOT_FOUND)
    kinds = (schema.MIRBASE, schema.NAME, "index")
    if isinstance(index, MirnaIndex):
        for kind in kinds:
            accession = index.current.get(mirna_key(feature.get(kind, ""))[1])
            if accession:
                keys, sure = index.exerkines(frozenset([accession]), {}, [])
                return _by_orthology(keys, sure, kind)
    return Identity(NOT_FOUND)


def _by_orthology(keys: list[str], sure: bool, kind: str) -> Identity:
    if not keys:
        return Identity(KNOWN, by=kind)
    if len(keys) == 1 and sure:
        return Identity(FOUND, keys[0], by=kind)
    return Identity(AMBIGUOUS, candidates=tuple(keys), by=kind)
