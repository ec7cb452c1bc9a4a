"""Ids and our own columns of an ADAT, made from the vendor's; reader and writer share them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import matched, plain
from exerkine_omics.io._labels import near
from exerkine_omics.io._matrix import MISSING_WORDS

_SEQ_ID = re.compile(r"(?:seq[._])?(\d{3,5})[-._](\d{1,3})(?:_(\d+))?", re.IGNORECASE)
_SPREADSHEET = re.compile(r"\d+(?:[.,]\d+)?E\+\d+", re.IGNORECASE)  # a long id as 2,54E+11


def seq_id(text: str) -> str:
    """Return the SeqId as ``10000-28``: without version and R's spelling; "" where it is none."""
    hit = _SEQ_ID.fullmatch(text.strip())
    return f"{hit[1]}-{hit[2]}" if hit else ""


def derived_obs(
    row_data: Mapping[str, Sequence[str]], names: Mapping[str, Any]
) -> tuple[dict[str, list[str | None]], list[Finding]]:
    """Our columns of the samples, made from the vendor's; None is missing."""
    ours: dict[str, list[str | None]] = {
        o: [v.strip() or None for v in row_data[t]]
        for o, t in matched(row_data, names["obs"]).items()
    }
    if schema.SAMPLE_TYPE not in ours:
        return ours, []
    kinds = {plain(w): kind for kind, words in names["sample_types"].items() for w in words}
    stated = ours[schema.SAMPLE_TYPE]
    ours[schema.SAMPLE_TYPE] = [kinds.get(plain(s)) if s else None for s in stated]
    foreign = sorted({s for s in stated if s and plain(s) not in kinds})
    if not foreign:
        return ours, []
    message = f"SampleType {shown(foreign)} is not known; these samples count as people's."
    fix = f'Set obs["{schema.SAMPLE_TYPE}"] to one of {", ".join(schema.SAMPLE_TYPES)}.'
    return ours, [Finding("sample_type_unknown", "warning", message, tuple(foreign), fix)]


def derived_var(
    col_data: Mapping[str, Sequence[str]], names: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Our columns of the SOMAmers, made from the vendor's; "" is unknown."""
    ids = col_data[matched(col_data, {"id": names["feature"]})["id"]]
    ours = {schema.SEQ_ID: [seq_id(i) for i in ids]}
    for name, theirs in matched(col_data, names["var"]).items():
        ours[name] = ["" if v in MISSING_WORDS else v.strip() for v in col_data[theirs]]
    return ours


def sample_ids(
    row_data: Mapping[str, Sequence[str]],
    names: Mapping[str, Any],
    where: str,
    lines: Sequence[int],
) -> tuple[list[str], list[Finding]]:
    """Return an id a sample: SampleId where it stands once, else the well.

    Ids that this package wrote (``sample_id``) are taken as they are.
    """
    n = len(lines)
    if schema.SAMPLE_ID in row_data:
        return list(row_data[schema.SAMPLE_ID]), []
    own = matched(row_data, {"id": names["sample"]}).get("id")
    given = [v.strip() for v in row_data[own]] if own else [""] * n
    parts = [row_data[c] for c in matched(row_data, {w: [w] for w in names["well"]}).values()]
    wells = ["|".join(v.strip() for v in cells if v.strip()) for cells in zip(*parts, strict=True)]
    wells = wells or [""] * n
    findings = []
    rounded = sorted({v for p in parts for v in p if _SPREADSHEET.fullmatch(v.strip())})
    if rounded:
        message = f"A spreadsheet has rounded ids to {shown(rounded)}: slides cannot be told apart."
        fix = "Take the vendor's own file where the slide matters."
        findings.append(Finding("slide_id_rounded", "warning", message, tuple(rounded), fix))
    once, places = Counter(given), Counter(zip(wells, given, strict=True))
    if len(parts) == len(names["well"]) and all(map(all, zip(*parts, strict=True))) and not rounded:
        twice = next((key for key, times in places.items() if times > 1), None)
        if twice:
            at = [str(lines[i]) for i in range(n) if (wells[i], given[i]) == twice]
            raise InputError(
                f"Lines {shown(at)} are the same well ({twice[0]}) and sample",
                where=where,
                fix="Keep one of them; duplicates are never averaged.",
            )
    ids, made = [], []
    taken = {g for g, times in once.items() if times == 1 and g not in MISSING_WORDS}
    for i in range(n):
        if given[i] in taken:
            ids.append(given[i])
            continue
        stem = wells[i] or given[i] or "sample"
        label, k = stem, 1
        while label in taken:
            k += 1
            label = f"{stem}|{k}"
        taken.add(label)
        ids.append(label)
        made.append(label)
    if made:
        message = f"{len(made)} samples have no SampleId of their own; their well names them."
        findings.append(Finding("sample_id_from_well", "note", message, tuple(made)))
    return ids, findings


def feature_ids(
    col_data: Mapping[str, Sequence[str]], names: Mapping[str, Any], where: str
) -> list[str]:
    """Return the SeqIds; column data without them are an `InputError`."""
    own = matched(col_data, {"id": names["feature"]}).get("id")
    if own is None:
        raise InputError("There is no column data SeqId", where=where, fix=near("SeqId", col_data))
    return [v.strip() for v in col_data[own]]


def mangled(ids: Sequence[str]) -> list[Finding]:
    """Find SeqIds that are none: spreadsheets make 2567-5 a date."""
    strange = tuple(i for i in ids if not seq_id(i))
    if not strange:
        return []
    message = f"{len(strange)} SeqIds are none ({shown(strange)}): did a spreadsheet make dates?"
    fix = "Take the vendor's own file; a SeqId looks like 10000-28."
    return [Finding("seq_id_mangled", "warning", message, strange, fix)]


def no_proteins(col_data: Mapping[str, Sequence[str]], ids: Sequence[str]) -> list[Finding]:
    """Find SOMAmers of hybridisation controls, spuriomers and the like by their Type."""
    own = matched(col_data, {"type": ["Type"]}).get("type")
    if own is None:
        return []
    other = {i: t for i, t in zip(ids, col_data[own], strict=True) if t and plain(t) != "protein"}
    if not other:
        return []
    kinds = sorted(set(other.values()))
    message = f"{len(other)} SOMAmers are not of the type Protein: {shown(kinds)}."
    fix = 'Keep the others: adata[:, adata.var["Type"] == "Protein"].'
    return [Finding("not_proteins", "note", message, tuple(other), fix)]
