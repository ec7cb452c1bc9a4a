"""Rules on names: those that a spreadsheet mangled, those that differ in a blank only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import shown

# month abbreviations of English, German, French, Spanish, Italian and Scandinavian Excel
_MONTH = (
    "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez|des|janv|févr|avr|juin|"
    "juil|août|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|maj"
)
_DATE = re.compile(
    rf"\d{{1,2}}[-. ]({_MONTH})\.?([-. ]\d{{2,4}})?|({_MONTH})\.?[-. ]\d{{1,4}}"
    r"|\d{4}-\d{2}-\d{2}([ T][\d:.]+)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}",
    re.IGNORECASE,
)
_EXPONENT = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,}", re.IGNORECASE)
_SEQ_ID = re.compile(r"(?:seq\.?)?\d+[-.]\d+(?:_\d+)?")
_FLOAT = re.compile(r"\d+\.\d+")
_ID_COLUMNS = (
    schema.NAME,
    schema.GENE_SYMBOL,
    schema.UNIPROT,
    schema.SEQ_ID,
    schema.OLINK_ID,
)


def mangled(adata: AnnData) -> list[Finding]:
    """Ids that a spreadsheet turned into dates or numbers (SEPT2, MARCH1, 1-3, 1E5)."""
    places: list[tuple[str, Iterable[object]]] = [
        ("var_names", adata.var_names),
        ("obs_names", adata.obs_names),
    ]
    places += [(f"var[{c!r}]", adata.var[c].unique()) for c in _ID_COLUMNS if c in adata.var]
    if schema.SUBJECT in adata.obs:
        places.append((f"obs[{schema.SUBJECT!r}]", adata.obs[schema.SUBJECT].unique()))
    hits: dict[str, str] = {}
    for place, values in places:
        texts = [str(v).strip() for v in values if pd.notna(v)]  # type: ignore[call-overload]
        seq_ids = [t for t in texts if _SEQ_ID.fullmatch(t)]
        is_seq = 2 * len(seq_ids) > len(texts) and any("-" in t for t in seq_ids)
        for text in texts:
            date = _DATE.fullmatch(text) or _EXPONENT.fullmatch(text)
            if date or (is_seq and _FLOAT.fullmatch(text)):
                hits.setdefault(text, place)
    if not hits:
        return []
    places_hit = list(dict.fromkeys(hits.values()))
    return [
        Finding(
            "excel_mangled_ids",
            "warning",
            f"{len(hits)} ids look as if a spreadsheet had turned them into dates or numbers: "
            f"{shown(hits)} (in {', '.join(places_hit)}).",
            tuple(hits),
            "Read the ids from the original file; in Excel import the column as text.",
        )
    ]


def near_alike(adata: AnnData) -> list[Finding]:
    """Names of time points, arms or people that differ in capitals, blanks or zeros only."""
    found = []
    for column, name in (
        (schema.TIMEPOINT, "timepoint_names_near_alike"),
        (schema.ARM, "arm_names_near_alike"),
        (schema.SUBJECT, "subject_names_near_alike"),
    ):
        if column not in adata.obs:
            continue
        groups = defaultdict(set)
        for label in adata.obs[column].dropna().astype(str).unique():
            groups[plain(label)].add(label)
        alike = [sorted(g) for _, g in sorted(groups.items()) if len(g) > 1]
        if alike:
            pairs = "; ".join(" / ".join(repr(v) for v in g) for g in alike[:5])
            more = f"; and {len(alike) - 5} more" if len(alike) > 5 else ""
            found.append(
                Finding(
                    name,
                    "warning",
                    f"Names in obs[{column!r}] differ very little: {pairs}{more}.",
                    tuple(v for g in alike for v in g),
                    "If they mean the same, spell them alike in the sample sheet.",
                )
            )
    return found


def plain(label: str) -> str:
    """Spell a name without capitals, blanks, separators and leading zeros; numbers by value."""
    text = label.strip().casefold()
    try:
        return str(float(text))
    except ValueError:
        pass
    text = re.sub(r"(?<![\d.])0+(?=\d)", "", text)
    return re.sub(r"(?<!\d)[.]|[.](?!\d)|[^\w.+<>]|_", "", text)


NAME_RULES = (mangled, near_alike)
