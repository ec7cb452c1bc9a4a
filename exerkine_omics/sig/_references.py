"""The references of the knowledge base: a BibTeX file with one entry a line."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from exerkine_omics.errors import InputError

FILE = "references.bib"
COLUMNS = ("reference", "kind", "pmid", "doi", "year", "title", "authors", "source")
_ENTRY = re.compile(r"^@(\w+)\s*\{\s*([^,\s]+)\s*,(.*?)\}\s*$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"(\w+)\s*=\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_PMID = re.compile(r"PMID:\s*(\d+)")


def read_references(path: Path) -> pd.DataFrame:
    """Read a BibTeX file; one row an entry, in the file's order.

    ``source`` names the public data release of an entry without DOI and PMID.
    """
    if not path.is_file():
        raise InputError("The references are missing", where=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("The references are not UTF-8", where=str(path)) from error
    rows = []
    pieces = re.split(r"(?m)^(?=@)", text)
    for piece in pieces:
        if not piece.strip():
            continue
        found = _ENTRY.match(piece)
        if found is None:
            first = piece.strip().splitlines()[0][:60]
            raise InputError(f"No BibTeX entry: {first!r}", where=str(path))
        kind, key, body = found.groups()
        fields = {k.lower(): " ".join(v.split()) for k, v in _FIELD.findall(body)}
        pmid = _PMID.search(fields.get("note", ""))
        rows.append(
            (
                key,
                kind.lower(),
                pmid.group(1) if pmid else "",
                fields.get("doi", ""),
                fields.get("year", ""),
                fields.get("title", "").replace("{", "").replace("}", ""),
                fields.get("author", ""),
                fields.get("howpublished", ""),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def doi_key(doi: str) -> str:
    """Key of a paper without PMID."""
    return "doi_" + re.sub(r"[^a-z0-9]+", "_", doi.lower()).strip("_")
