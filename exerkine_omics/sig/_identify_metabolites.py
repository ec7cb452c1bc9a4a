"""Which metabolite is meant: HMDB, ChEBI, schema.KEGG, RefMet, InChIKey or one of many names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from exerkine_omics import schema
from exerkine_omics.sig import _identify_text as text
from exerkine_omics.sig._identify_tables import listed, table
from exerkine_omics.sig._identify_text import metabolite_key, plain

Alternatives = frozenset[frozenset[str]]
NOTHING: Alternatives = frozenset()
OTHER = "?"  # a molecule the tables do not know
_UNSURE = frozenset([OTHER])

_SHORT_CARNITINE = re.compile(r"C(\d{1,2})(?::(\d))?")
_CHAIN = re.compile(r"(?:FA ?|[dOP]-?)?\d+:\d+(?:/\d+:\d+)?(?:n-?\d+)?[a-z]?")
_ABBREVIATION = re.compile(r"[A-Z][A-Z0-9'-]{1,7}")
_REMARK = re.compile(
    r"\b(class|total|sum|isomers?|unclear|signal|not|varies|derived|measured|naming|unresolved)\b",
    re.IGNORECASE,
)
_JOIN = re.compile(r"\s+or\s+|\s+and\s+|\s*\+\s+|(?<=[a-z)])\s*/\s*(?=[a-z(\d])")
_LONE_GREEK = re.compile(r"^([abgd])[-.](?=[a-z])", re.IGNORECASE)
_GREEK = {"a": "alpha", "b": "beta", "g": "gamma", "d": "delta"}


class MetaboliteIndex:
    """Look-ups of metabolites; what is measured is a set of molecules, mostly of one.

    Parameters
    ----------
    molecules
        Records of the knowledge base, metabolites only.
    """

    tiers = (
        (schema.HMDB, schema.CHEBI, schema.KEGG, schema.INCHIKEY, schema.REFMET),
        (schema.NAME, "index"),
    )
    columns = (schema.HMDB, schema.CHEBI, schema.INCHIKEY, schema.REFMET)

    def __init__(self, molecules: Iterable[Mapping[str, str]]) -> None:
        self.rows = {m[schema.EXERKINE_ID]: dict(m) for m in molecules}
        self.ids: dict[str, dict[str, set[str]]] = {
            kind: {} for kind in (schema.HMDB, schema.CHEBI, schema.KEGG, schema.INCHIKEY)
        }
        self.names: dict[str, set[frozenset[str]]] = {}  # a molecule's own names
        self.synonyms: dict[str, set[frozenset[str]]] = {}
        self.dextro: set[str] = set()  # natural form written D- or (R)-
        for key, row in self.rows.items():
            self._add(key, row)
        self._add_table()
        self._add_aliases()

    def _add(self, key: str, row: Mapping[str, str]) -> None:
        for kind, held in self.ids.items():
            for value in listed(row[kind]):
                held.setdefault(value, set()).add(key)
        for name in (row[schema.NAME], row[schema.REFMET]):
            self._name(self.names, name, key)
            self._inside(name, key)
        self._name(self.synonyms, key.replace("_", " "), key)
        for name in listed(row["synonyms"]):
            if name.count("(") == name.count(")"):  # a list's separator inside a remark
                self._name(self.synonyms, name, key)
                self._inside(name, key)

    def _name(self, where: dict[str, set[frozenset[str]]], name: str, key: str) -> None:
        found = metabolite_key(name)
        if found:
            where.setdefault(found, set()).add(frozenset([key]))
            if text.stereo(name)[0] == "d":
                self.dextro.add(key)

    def _inside(self, name: str, key: str) -> None:
        base, inside = text.trailing_parenthesis(name)
        if not plain(name)[len(base) :].startswith(" "):  # Cer(d18:1/16:0) is one name
            return
        if inside and not _REMARK.search(inside):
            self._name(self.synonyms, base, key)
            if not _CHAIN.fullmatch(inside):  # a chain's length is no molecule
                self._name(self.synonyms, inside, key)
        elif inside and "total" in inside:
            self._name(self.synonyms, base, key)

    def _add_table(self) -> None:
        """Names and further ids of our molecules; a row belongs to those that share its ids."""
        refmet = {r[schema.REFMET]: k for k, r in self.rows.items() if r[schema.REFMET]}
        for hmdbs, chebis, keggs, name, inchikey, names in table("metabolites.tsv.gz"):
            keys = {k for h in listed(hmdbs) for k in self.ids[schema.HMDB].get(h, ())}
            keys |= {refmet[name]} if name in refmet else set()
            if len(keys) != 1:
                continue
            key = keys.pop()
            row = self.rows[key]
            for kind, cell in ((schema.HMDB, hmdbs), (schema.CHEBI, chebis), (schema.KEGG, keggs)):
                for value in listed(cell):
                    self.ids[kind].setdefault(value, set()).add(key)
            for kind, value in ((schema.REFMET, name), (schema.INCHIKEY, inchikey)):
                row[kind] = row[kind] or value
            if inchikey:
                self.ids[schema.INCHIKEY].setdefault(inchikey, set()).add(key)
            for known in (name, *names.split("|")):
                if known:
                    self._name(self.synonyms, known, key)

    def _add_aliases(self) -> None:
        """Vendors' abbreviations; ``means`` holds HMDB ids, RefMet names, or ``?`` for others."""
        refmet = {r[schema.REFMET]: k for k, r in self.rows.items() if r[schema.REFMET]}
        for modality, term, means, _ in table("aliases.tsv"):
            if modality != "metabolomics":
                continue
            measured = set()
            for value in listed(means):
                keys = self.ids[schema.HMDB].get(value, ())
                key = next(iter(keys)) if len(keys) == 1 else refmet.get(value, value)
                measured.add(key if key in self.rows else OTHER + key.removeprefix(OTHER))
            if text.hmdb(term):  # a second accession of the same molecule
                self.ids[schema.HMDB].setdefault(term, set()).update(measured)
                continue
            known = metabolite_key(term)
            self.synonyms.setdefault(known, set()).add(frozenset(measured))
            if text.stereo(term)[0] == "d":
                self.dextro |= measured & set(self.rows)

    def find(self, kind: str, term: str) -> tuple[Alternatives, dict[str, str]]:
        """Metabolites a term may mean; an id of another molecule is ``?``."""
        if kind == schema.HMDB or (kind == "index" and text.hmdb(term)):
            return self._id(schema.HMDB, [text.hmdb(p) for p in text.parts(term)]), {}
        if kind == schema.CHEBI:
            ids = [text.chebi(p) for p in re.split(r"[|;,\s]+", term.strip())]
            return self._id(schema.CHEBI, ids), {}
        if kind == schema.KEGG:
            return self._id(schema.KEGG, text.parts(term.strip().upper())), {}
        if kind == schema.INCHIKEY:
            return self._inchikey(term.strip().upper()), {}
        return self._by_name(term), {}

    def _id(self, kind: str, values: list[str]) -> Alternatives:
        found = {key for v in values for key in self.ids[kind].get(v, ())}
        if found:
            return frozenset(frozenset([key]) for key in found)
        return frozenset([_UNSURE]) if kind == schema.HMDB and any(values) else NOTHING

    def _inchikey(self, value: str) -> Alternatives:
        held = self.ids[schema.INCHIKEY]
        found = held.get(value, set())
        if not found:  # the last letter is the charge; a flat structure fits any stereo form
            flat = value[15:23] == "UHFFFAOY"
            found = {
                key
                for known, keys in held.items()
                if known[:25] == value[:25] or (flat and known[:14] == value[:14])
                for key in keys
            }
        return frozenset(frozenset([key]) for key in found)

    def _exact(self, name: str) -> Alternatives:
        key = metabolite_key(name)
        forms = [key, key[1:]] if key[:1] == "x" and key[1:2].isdigit() else [key]
        for form in forms:
            found = self.names.get(form) or self.synonyms.get(form)
            if found:
                return frozenset(found)
        return self._carnitine(name)

    def _carnitine(self, name: str) -> Alternatives:
        hit = _SHORT_CARNITINE.fullmatch(name.strip())
        if not hit:
            return NOTHING
        return frozenset([frozenset([f"{OTHER}CAR {hit.group(1)}:{hit.group(2) or 0}"])])

    def _by_name(self, term: str) -> Alternatives:
        found = self._exact(term)
        if found:
            return found
        greek = _LONE_GREEK.sub(lambda m: _GREEK[m.group(1).lower()] + "-", plain(term))
        found = self._exact(greek) if greek != plain(term) else NOTHING
        return found or self._stereo(term) or self._mixture(term) or self._parenthesis(term)

    def _stereo(self, term: str) -> Alternatives:
        form, rest = text.stereo(term)
        found = self._exact(rest) if form and rest else NOTHING
        if not found or form == "racemic":
            return found
        natural = all(
            (form == "d") == bool(measured & self.dextro) for measured in found
        ) and form in ("l", "d")
        return found if natural else found | {_UNSURE}

    def _parenthesis(self, term: str) -> Alternatives:
        base, inside = text.trailing_parenthesis(term)
        if not inside or not base:
            return NOTHING
        outer = self._exact(base) or self._stereo(base)
        if outer and _CHAIN.fullmatch(inside):
            return outer
        inner = self._exact(inside) or self._stereo(inside)
        if outer and inner:
            common = outer & inner
            return common or outer | inner
        if outer:
            foreign = not any(m in self.rows for measured in outer for m in measured)
            usual = foreign or _ABBREVIATION.fullmatch(inside)
            return outer if usual else outer | {_UNSURE}
        return inner | {_UNSURE} if inner else NOTHING

    def _mixture(self, term: str) -> Alternatives:
        pieces = [p for p in _JOIN.split(plain(term)) if p]
        if len(pieces) < 2:
            return NOTHING
        found = [self._exact(p) or self._parenthesis(p) for p in pieces]
        if not any(found):
            return NOTHING
        measured = frozenset(m for f in found for one in f for m in one)
        return frozenset([measured if all(found) else measured | _UNSURE])

    def values(self, measured: frozenset[str], given: Mapping[str, str]) -> dict[str, str]:
        """Annotation of what is measured, where it is one molecule."""
        if len(measured) != 1:
            return {}
        key = next(iter(measured))
        if key in self.rows:
            row = self.rows[key]
            return {kind: row[kind] for kind in self.columns}
        return {schema.REFMET: key[1:]} if key.startswith(OTHER + "CAR ") else {}

    def exerkines(
        self, measured: frozenset[str], given: Mapping[str, str], terms: Iterable[str]
    ) -> tuple[list[str], bool]:
        """Molecules of the knowledge base, and whether the choice is sure."""
        known = sorted(m for m in measured if m in self.rows)
        return known, len(measured) == 1 or not known
