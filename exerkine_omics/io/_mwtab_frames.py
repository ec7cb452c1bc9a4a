"""obs, var, units and layers of an mwTab study."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import matched, plain
from exerkine_omics.io._labels import near
from exerkine_omics.io._mwtab_study import Block, Tube
from exerkine_omics.io._verbatim import as_numbers

_RAW = "Additional sample data"
_SPELT = str.maketrans(",'", "_^")  # how the repository spells names in the data


def sample_frame(
    tubes: Sequence[Tube], block: Block, names: Mapping[str, Any], where: str
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return obs in the order of the data."""
    by_name = {t.sample: t for t in tubes}
    found = [by_name.get(s) for s in block.samples]
    if tubes and not any(found):
        raise InputError(
            f"No sample of the data ({shown(block.samples)}) has factors",
            where=where,
            fix=near(block.samples[0], by_name),
        )
    findings = []
    bare = tuple(s for s in block.samples if s not in by_name)
    unused = tuple(s for s in by_name if s not in set(block.samples))
    for rows, kind, what in (
        (bare, "samples_without_factors", "have data and no factors"),
        (unused, "samples_without_data", "have factors and no data"),
    ):
        if rows:
            message = f"{len(rows)} samples {what}: {shown(rows)}."
            findings.append(Finding(kind, "warning", message, rows))
    if block.factors:
        said = [_squeezed(f) for f in block.factors]
        own = ["|".join(f"{k}:{v}" for k, v in t.factors.items()) if t else None for t in found]
        differ = tuple(
            s
            for s, a, b in zip(block.samples, said, own, strict=True)
            if b is not None and a != _squeezed(b)
        )
        if differ:
            message = f"The factors above the data of {shown(differ)} are others than listed."
            fix = "obs holds those of SUBJECT_SAMPLE_FACTORS; compare them with the study's page."
            findings.append(Finding("factors_disagree", "warning", message, differ, fix))
    columns: list[tuple[str, list[str | None]]] = []
    people = [t.subject if t and t.subject not in ("", "-") else None for t in found]
    if any(people):
        columns.append((schema.SUBJECT, people))
    kinds = [_kind(t, names["sample_types"]) if t else None for t in found]
    controls = tuple(s for s, k in zip(block.samples, kinds, strict=True) if k)
    if controls:
        columns.append((schema.SAMPLE_TYPE, [k or schema.SAMPLE for k in kinds]))
        message = f"By their factors {len(controls)} samples are no person's: {shown(controls)}."
        findings.append(Finding("controls_from_factors", "note", message, controls))
    for part in ("factors", "additional"):
        keys = dict.fromkeys(k for t in found if t for k in getattr(t, part))
        if part == "additional" and any(t.raw for t in found if t):
            columns.append((_RAW, [t.raw or None if t else None for t in found]))
        columns += [(k, [getattr(t, part).get(k) if t else None for t in found]) for k in keys]
    frame = pd.DataFrame({i: _column(c, n == schema.SUBJECT) for i, (n, c) in enumerate(columns)})
    if not columns:
        frame = pd.DataFrame(index=range(len(block.samples)))
    frame = frame.set_axis(pd.Index([n for n, _ in columns], dtype=object), axis=1)
    return frame.set_axis(block.samples, axis=0), findings


def _column(cells: Sequence[str | None], text: bool) -> pd.Series:
    """Numbers where all cells are and it is no id, else text."""
    numbers = None if text else as_numbers([c or "" for c in cells])
    if numbers is None:
        return pd.Series(list(cells), dtype=object)
    values, style, _ = numbers
    return pd.Series(values.astype(np.int64) if style == "d" and all(cells) else values)


def _kind(tube: Tube, patterns: Mapping[str, str]) -> str | None:
    """Name what a tube is where a factor says that it is no person's."""
    said = [*tube.factors.values(), *tube.additional.values()]
    for kind, pattern in patterns.items():
        if any(re.fullmatch(pattern, v.strip(), re.IGNORECASE) for v in said):
            return kind
    return None


def _squeezed(text: str) -> str:
    return re.sub(r"\s*([|:])\s*", r"\1", text.strip())


def metabolite_frame(
    records: Sequence[Mapping[str, str]], names: Sequence[str], known: Mapping[str, Any]
) -> tuple[list[str], pd.DataFrame, list[Finding]]:
    """Return assay ids and var: METABOLITES joined by name, its commas being _ in the data."""
    findings = []
    titles = list(dict.fromkeys(t for r in records for t in r))
    ours = matched(titles, known["var"])
    key = ours.get(schema.NAME)
    place: dict[tuple[str, int], Mapping[str, str]] = {}
    for loose in (False, True):  # exact names overwrite those that are equal but for commas
        times: Counter[str] = Counter()
        for record in records if key else ():
            name = record.get(key or "", "")
            name = name.translate(_SPELT) if loose else name
            times[name] += 1
            place.setdefault((name, times[name]), record)
    ids, rows, seen = [], [], Counter[str]()
    for name in names:
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}|{seen[name]}")
        rows.append(place.get((name, seen[name]), {}))
    twice = tuple(i for i, n in zip(ids, names, strict=True) if i != n)
    if twice:
        message = f"Metabolites named more than once are kept apart: {shown(twice)}."
        findings.append(Finding("duplicate_metabolites", "warning", message, twice))
    bare = tuple(i for i, r in zip(ids, rows, strict=True) if not r)
    if records and bare:
        message = f"{len(bare)} metabolites are not in METABOLITES: {shown(bare)}."
        findings.append(Finding("feature_without_annotation", "note", message, bare))
    used = {id(r) for r in rows}
    unused = tuple(r[key] for r in records if key and id(r) not in used and r.get(key))
    if unused:
        message = f"{len(unused)} metabolites of METABOLITES have no data: {shown(unused)}."
        fix = "Is a row of the data missing? Compare with the study's page."
        findings.append(Finding("annotation_without_data", "warning", message, unused, fix))
    numbers = {plain(n) for n in known["numbers"]}
    theirs = {t: o for o, t in ours.items()}
    var: dict[str, Any] = {}
    for title in titles:
        cells = [r.get(title, "") for r in rows]
        read = as_numbers(cells) if plain(title) in numbers else None
        var[theirs.get(title, title)] = cells if read is None else read[0]
    return ids, pd.DataFrame(var, index=pd.Index(ids, dtype=object)), findings


def unit_of(text: str, names: Mapping[str, Any]) -> tuple[str | None, list[Finding]]:
    """Return the unit that #UNITS means, None where it is a logarithm of unknown base."""
    words = " ".join(text.split())
    for unit, pattern in names["units"].items():
        if unit == "intensity" and re.search(r"(?:\b|_)(?:log|ln)", words, re.IGNORECASE):
            return None, []
        if re.fullmatch(pattern, words, re.IGNORECASE):
            return unit, []
    message = f"The units are {words!r}; they are taken as intensity, a linear scale."
    fix = "Say so if they are another: adata.uns['exerkine']['units'] = ..."
    return "intensity", [Finding("units_unknown_as_intensity", "warning", message, (), fix)]


def extended_layers(
    records: Sequence[Mapping[str, str]], block: Block, ids: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """Return columns of the extended data as layers, samples x metabolites."""
    if not records:
        return {}, []
    titles = list(dict.fromkeys(t for r in records for t in r))
    keys = matched(titles, {"m": ["metabolite_name", "Metabolite"], "s": ["sample_id", "Sample"]})
    rows = {name: i for i, name in enumerate(ids)}
    columns = {s: i for i, s in enumerate(block.samples)}
    cells = [(columns.get(r.get(keys.get("s", ""), "")), rows.get(r.get(keys.get("m", ""), "")))
             for r in records]  # fmt: skip
    placed = [c for c in cells if None not in c]
    layers: dict[str, np.ndarray] = {}
    left = []
    for title in titles:
        if title in keys.values():
            continue
        numbers = as_numbers([r.get(title, "") for r in records])
        if numbers is None or len(set(placed)) < len(cells):
            left.append(title)
            continue
        layer = np.full((len(block.samples), len(ids)), np.nan)
        layer[tuple(np.array(cells, dtype=int).T)] = numbers[0]
        slug = re.sub(r"[^a-z0-9]+", "_", title.casefold()).strip("_") or str(len(layers))
        layers[f"extended_{slug}"] = layer
    if not left:
        return layers, []
    message = f"Columns {shown(left)} of the extended data are not kept: no one number a cell."
    return layers, [Finding("extended_not_kept", "warning", message, tuple(left))]
