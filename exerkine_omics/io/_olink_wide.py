"""Olink's wide layout: assays as columns under their names, samples as rows, limits below."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import plain
from exerkine_omics.io._excel import Row
from exerkine_omics.io._labels import is_missing, natural_key
from exerkine_omics.io._olink_below import read_below
from exerkine_omics.io._olink_parts import (
    MAP,
    SAMPLE_WORD,
    TOGETHER,
    Measured,
    Options,
    finish,
    rank_words,
    sample_types,
)
from exerkine_omics.io._olink_sheet import (
    WIDE,
    Place,
    Top,
    blank,
    columns_of,
    find_top,
    last_sample,
    numbers,
    word,
)
from exerkine_omics.io._source import Source


def read_wide(
    rows: list[Row],
    source: Source,
    options: Options,
    place: Place,
    others: list[str],
    *,
    format: str,
    experimental: bool,
) -> AnnData:
    """Read the rows of a wide sheet; ``place`` names a cell for messages."""
    top = find_top(rows)
    if top is None:
        raise InputError(
            "The sheet has no rows Panel, Assay and OlinkID",
            where=source.where,
            fix="Export again.",
        )
    width = max(len(r) for r in rows)
    rows = [tuple(r) + (None,) * (width - len(r)) for r in rows]
    where = source.where
    last = last_sample(rows, top, where, place)
    first = next((i for i in range(top.end, len(rows)) if not blank(rows[i])), last)
    if last <= first:
        raise InputError("The sheet has no samples", where=where, fix="Is it whole?")
    body = rows[first:last]
    kinds = columns_of(top, rows, first, width, where, place)
    ids = _sample_words(body, first, where, place)
    if not kinds["assay"]:
        raise InputError("The sheet has no assays", where=where, fix="Is it whole?")
    key = top.data_type or (
        "quantified_value" if any(top.rows.get("measured_in", [])[1:]) else "npx"
    )
    assays = _assays(top, kinds["assay"])
    panels = [top.at("panel", c) for c in kinds["assay"]]
    values = numbers(rows, range(first, last), kinds["assay"], where, place)
    plates = {top.at("panel", c): [word(r[c]) for r in body] for c in kinds["plate"]}
    if len(plates) < len(kinds["plate"]):
        raise InputError("A panel has two columns 'Plate ID'", where=where, fix="Keep one.")
    obs, findings = _tubes(ids, plates, where)
    got = Measured(
        obs=obs,
        var=assays,
        values={key: values},
        header=_head(rows[: top.start], top),
        findings=findings,
    )
    _quality(got, top, body, kinds["qc"], panels)
    _sample_columns(got, top, body, kinds, where)
    read_below(rows, last, top, kinds, plates, got, where, place)
    named = {c for columns in kinds.values() for c in columns}
    gaps = [place(top.start, c) for c in range(1, max(named)) if c not in named]
    if gaps:
        message = f"{len(gaps)} columns between the others are empty: {shown(gaps)}."
        got.findings.append(Finding("empty_columns", "note", message, tuple(gaps)))
    if others:
        message = f"Worksheets {shown(others)} are of the same layout and were not read."
        got.findings.append(Finding("other_worksheets", "note", message, tuple(others)))
    theirs = {key: MAP["values"][key][0], **{k: v[0] for k, v in MAP["limits"].items()}}
    return finish(got, theirs, options, source, format=format, experimental=experimental)


def _sample_words(body: list[Row], first: int, where: str, place: Place) -> list[str]:
    ids = [word(r[0]) for r in body]
    if "" in ids:
        raise InputError(
            f"A row has values and no sample id ({place(first + ids.index(''), 0)})",
            where=where,
            fix="Give the sample its id.",
        )
    return ids


def _assays(top: Top, columns: list[int]) -> pd.DataFrame:
    controls = {plain(n): kind for kind, names in WIDE["controls"].items() for n in names}
    table = {ours: [top.at(ours, c) for c in columns] for ours in WIDE["top"] if ours in top.rows}
    kinds = [controls.get(plain(n), "assay") for n in table["name"]]
    if any(k != "assay" for k in kinds):
        table["assay_type"] = kinds
    own = table.get("olink_id", [""] * len(columns))
    named = [f"{p}|{n}" for p, n in zip(table["panel"], table["name"], strict=True)]
    return pd.DataFrame(table, index=[o or n for o, n in zip(own, named, strict=True)])


def _tubes(
    samples: list[str], plates: dict[str, list[str]], where: str
) -> tuple[pd.DataFrame, list[Finding]]:
    """Ids of the tubes and their plates; a SampleID that stands twice is told apart by plate."""
    order = sorted(plates, key=natural_key)
    together = [
        TOGETHER.join(dict.fromkeys(w for p in order if (w := plates[p][i])))
        for i in range(len(samples))
    ]
    counts = pd.Series(samples).value_counts()
    ids = [f"{s}|{p}" if counts[s] > 1 and p else s for s, p in zip(samples, together, strict=True)]
    twice = pd.Index(ids)[pd.Index(ids).duplicated()]
    if len(twice):
        raise InputError(
            f"The samples {shown(twice.unique())} stand more than once and no plate tells them "
            "apart",
            where=where,
            fix="Give the tubes ids of their own: they are never averaged.",
        )
    obs = pd.DataFrame({SAMPLE_WORD: samples}, index=ids)
    if plates:
        obs[schema.PLATE_ID] = [t or None for t in together]
        if len(plates) > 1 and any(plates[p] != plates[order[0]] for p in order):
            for panel, words in plates.items():
                obs[f"PlateID_{panel}"] = [w or None for w in words]
    obs[schema.SAMPLE_TYPE], findings = sample_types(samples, None, ids)
    again = [s for s in counts.index if counts[s] > 1]
    if again:
        message = (
            f"{len(again)} SampleIDs were measured several times ({shown(sorted(again))}); each "
            "tube is kept under an id of its own."
        )
        tubes = tuple(i for i, s in zip(ids, samples, strict=True) if counts[s] > 1)
        fix = "Are they bridging samples or replicates? Say so in obs['sample_type']."
        findings.append(Finding("repeated_samples", "warning", message, tubes, fix))
    return obs, findings


def _quality(
    got: Measured, top: Top, body: list[Row], columns: list[int], panels: list[str]
) -> None:
    if not columns:
        return
    rank = np.zeros((len(body), len(panels)), dtype=np.uint8)
    worst = np.zeros(len(body), dtype=np.uint8)
    spelt: dict[int, str] = {}
    for column in columns:
        words = [word(r[column]) for r in body]
        ranks, foreign = rank_words(words)
        if foreign:
            message = f"QC Warning holds {shown(sorted(set(foreign)))}: taken as warnings."
            got.findings.append(Finding("qc_word_unknown", "warning", message))
        spelt |= {int(r): w for r, w in zip(ranks, words, strict=True)}
        panel = top.at("panel", column)
        of = [len(columns) == 1 or p == panel for p in panels]
        rank[:, of] = np.maximum(rank[:, of], ranks[:, None])
        worst = np.maximum(worst, ranks)
    got.sample_rank = rank
    got.obs[schema.QC_STATUS] = [spelt[int(w)] if w else None for w in worst]


def _sample_columns(
    got: Measured, top: Top, body: list[Row], kinds: dict[str, list[int]], where: str
) -> None:
    """Deviations of the internal controls, and columns that someone added, by sample."""
    for column in (*kinds["deviation"], *kinds["other"]):
        words = [top.at(r, column) for r in ("name", "uniprot")]
        panel = top.at("panel", column)
        name = " ".join(w for w in words if w) + (f"_{panel}" if panel else "")
        if name in got.obs.columns:
            raise InputError(f"Two columns are called {name!r}", where=where, fix="Rename one.")
        got.obs[name] = [None if is_missing(r[column]) else r[column] for r in body]


def _head(rows: list[Row], top: Top) -> dict[str, object]:
    """Words above the table: project, software, kind of data."""
    words = [[word(c) for c in r if not is_missing(c)] for r in rows]
    header: dict[str, object] = {f"line_{i + 1}": " ".join(w) for i, w in enumerate(words) if w}
    if top.data_type:
        header["DataType"] = MAP["values"][top.data_type][0]
    return header
