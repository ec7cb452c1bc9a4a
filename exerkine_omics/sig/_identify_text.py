"""One spelling for the many ways of writing a name or an accession."""

from __future__ import annotations

import re
import unicodedata

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "π": "pi", "τ": "tau",
    "ω": "omega",
}  # fmt: skip
_GREEK_LETTER = {"ALPHA": "A", "BETA": "B", "GAMMA": "G", "DELTA": "D", "KAPPA": "K"}
_DASHES = str.maketrans("‐‑‒–—−", "------")
_NOT_WORD = re.compile(r"[^A-Z0-9]+")
_GREEK_WORD = re.compile("|".join(_GREEK_LETTER))

# UniProt's own expression for an accession, with the isoform
_ACCESSION = re.compile(
    r"([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:-\d+)?"
)
_SEPARATORS = re.compile(r"[_,|;/:\s]+")
_OLINK = re.compile(r"(?<![A-Z0-9])OID\d{5}(?!\d)")
# 10000-28, seq.10000.28, SeqId.10000-28_3, CRYBB2.10000.28
_SEQ_ID = re.compile(r"(?:^|[._\-\s])(\d{4,5})[-.](\d{1,3})(?:_\d+)?$")
_HMDB = re.compile(r"HMDB(\d{5,7})")
_CHEBI = re.compile(r"(?:CHEBI[:_ ]?)?(\d+)", re.IGNORECASE)

_SALT = re.compile(
    r"^(?:mono|di|tri)?(?:sodium|potassium|calcium|lithium|magnesium) "
    r"| (?:mono|di|tri)?(?:sodium|potassium|calcium|lithium|magnesium)(?: salt)?$"
    r"| (?:hydrochloride|hcl)$"
)
_ISOMER_MARK = re.compile(r"(?:\s*\*+|\s*\[\d\]|\s+\(\d\))+$")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^a-z0-9]+(?=\d)")
_NOT_NAME = re.compile(r"[^a-z0-9.]+")
_LOOSE_DOT = re.compile(r"(?<!\d)\.|\.(?!\d)")
_STEREO = re.compile(
    r"^(\((?:\+/-|±|\+|-|rs|[rs]|\d+[rs](?:,\d+[rs])*)\)|d,l|dl|rac|[dl])-\s*", re.IGNORECASE
)

_MIRNA_SPECIES = re.compile(r"^([a-z]{3,4})-(?=mir|let)")
_ASSAY_NUMBER = re.compile(r"[-_]\d{6}(?:[-_]mir)?$")
_MIRNA_WORD = re.compile(r"^(?:micro-?rna|mirna|mir)-?(?=\d)")
_LET_WORD = re.compile(r"^let-?(?=\d)")
_MIMAT = re.compile(r"MIMAT\d{7}")


def plain(text: str) -> str:
    """Spell Greek letters, unify dashes and width, drop blanks at the ends."""
    if text.isascii():
        return text.strip()
    text = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return "".join(GREEK.get(c.casefold(), c) for c in text).replace("′", "'").strip()


def squash(text: str) -> str:
    """Capital letters and digits of a plain text, nothing else."""
    return _NOT_WORD.sub("", text.upper())


def greek_as_letter(squashed: str) -> str:
    """Write TNFALPHA as TNFA."""
    return _GREEK_WORD.sub(lambda m: _GREEK_LETTER[m.group()], squashed)


def parts(text: str) -> list[str]:
    """Split several accessions or symbols that share a cell."""
    return [p for p in _SEPARATORS.split(text.strip()) if p]


def accessions(text: str) -> list[str]:
    """UniProt accessions of a text, isoform numbers dropped, in their order."""
    found = []
    for part in parts(text):
        hit = _ACCESSION.fullmatch(part)
        if hit and hit.group(1) not in found:
            found.append(hit.group(1))
    return found


def olink_id(text: str) -> str:
    """Olink id that stands in a text, or nothing."""
    hit = _OLINK.search(text)
    return hit.group() if hit else ""


def seq_id(text: str) -> str:
    """SomaScan SeqId without its version, or nothing."""
    hit = _SEQ_ID.search(text)
    return f"{hit.group(1)}-{hit.group(2)}" if hit else ""


def hmdb(text: str) -> str:
    """HMDB accession of seven digits, or nothing."""
    hit = _HMDB.fullmatch(text.strip().upper())
    return f"HMDB{int(hit.group(1)):07d}" if hit else ""


def chebi(text: str) -> str:
    """ChEBI id with its prefix, or nothing."""
    hit = _CHEBI.fullmatch(text.strip())
    return f"CHEBI:{int(hit.group(1))}" if hit else ""


def metabolite_key(text: str) -> str:
    """Key of a metabolite's name: case, Greek, salts, acid or -ate, vendor's marks do not count.

    Digits keep what parts them, so that 1,5-AG is not 15-AG.
    """
    name = _ISOMER_MARK.sub("", plain(text).casefold())
    name = _SALT.sub("", name)
    if "acid" in name:
        name = name.replace("ic acid", "ate").replace("ous acid", "ite")
    name = _NOT_NAME.sub("", _BETWEEN_DIGITS.sub(".", name))
    return _LOOSE_DOT.sub("", name)


def stereo(text: str) -> tuple[str, str]:
    """Part a stereo prefix from a name: (``l``, ``d``, ``racemic`` or nothing; the rest).

    (S) counts as L and (R) as D, which holds for the hydroxy and amino acids meant here.
    """
    name = plain(text)
    hit = _STEREO.match(name)
    if not hit:
        return "", name
    mark = hit.group(1).casefold().strip("()")
    letters = {c for c in mark if c in "dlrs"}
    if mark in ("rac", "dl", "d,l", "rs", "+/-", "±", "+", "-") or len(letters) != 1:
        kind = "racemic" if mark not in ("+", "-") and len(letters) != 1 else "unknown"
        return kind, name[hit.end() :]
    return ("l" if letters & {"l", "s"} else "d"), name[hit.end() :]


def trailing_parenthesis(text: str) -> tuple[str, str]:
    """Part ``base (inside)``; inside is empty where the name has no closing parenthesis."""
    name = _ISOMER_MARK.sub("", plain(text))
    if not name.endswith(")"):
        return name, ""
    depth = 0
    for at in range(len(name) - 1, -1, -1):
        depth += (name[at] == ")") - (name[at] == "(")
        if depth == 0:
            return name[:at].rstrip(), name[at + 1 : -1].strip()
    return name, ""


def mirna_key(text: str) -> tuple[str, str]:
    """Species prefix (``hsa`` where none is given) and key of a miRNA's name.

    Case, the prefix, separators, the TaqMan assay number and ``#`` for ``*`` do not count.
    """
    name = plain(text).casefold()
    if name.endswith(".") and ".mir." in f".{name}":
        name = name[:-1] + "*"  # R writes the star of old names as a dot
    name = _ASSAY_NUMBER.sub("", name).replace("#", "*").removesuffix("_st")
    name = re.sub(r"[._\s]+", "-", name)
    hit = _MIRNA_SPECIES.match(name)
    species = hit.group(1) if hit else "hsa"
    name = name[hit.end() :] if hit else name
    return species, _LET_WORD.sub("let-", _MIRNA_WORD.sub("mir-", name))


def mimat(text: str) -> str:
    """MIMAT accession that stands in a text, or nothing."""
    hit = _MIMAT.search(text.upper())
    return hit.group() if hit else ""
