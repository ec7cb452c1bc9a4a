"""Counts of small-RNA sequencing to samples x miRNAs."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, add_step
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._columns import plain
from exerkine_omics.io._counts_table import CountTable, count_table
from exerkine_omics.io._formats import Format, several_of_one_format
from exerkine_omics.io._mirna import annotate_names, mimat, mirbase_name, names_finding
from exerkine_omics.io._source import Source
from exerkine_omics.io._vendor import VendorTable, to_anndata

_READER = "read_counts"
_LINES = 40
_COUNT = re.compile(r"\s*(?:[0-9]+(?:\.0*)?(?:[eE]\+?[0-9]+)?|NA|NaN|)\s*")


def read_counts(
    path: str | Path | Sequence[str | Path],
    *,
    species: str | None = "human",
    matrix_type: str | None = None,
) -> AnnData:
    """Read the read counts of small-RNA sequencing.

    Use it for the tables of miRDeep2 (``miRNAs_expressed_all_samples``), featureCounts, HTSeq,
    miRge, exceRpt, nf-core/smrnaseq, and any table of miRNAs x samples or samples x miRNAs whose
    cells are whole numbers. Recognised from the content.

    Parameters
    ----------
    path
        Table, or tables of one format with one or more samples each (HTSeq): they are joined by
        miRNA.
    species
        Species of the samples.
    matrix_type
        One of ``schema.MATRICES``; None where it is not known.

    Returns
    -------
    AnnData
        Samples x miRNAs, X in reads (unit ``counts``; `exo.pp.log2` makes log2 counts per
        million). ``obs["library_size"]``: reads counted, one sum a sample over distinct mature
        miRNAs. ``var``: mirbase, mimat, assay_type, and the annotation of the file. What was
        counted elsewhere (``__no_feature`` of HTSeq, ``miRNAtotal`` of miRge) is in ``obs``.

    Raises
    ------
    InputError
        For another format, a cell that is no whole number (with line and column), a negative
        count, an id that stands twice.
    UsageError
        For no file.

    Notes
    -----
    Missing values: an empty cell or NA is NaN, not zero, and a finding; so is a miRNA that one of
    several files lacks. Where a mature miRNA stands once a precursor (miRDeep2) its rows are kept
    apart as ``name|precursor``: each may hold the same reads, so they must not be summed.
    """
    found, sources = several_of_one_format(path, _READER)
    return _read_all(found.name, sources, species=species, matrix_type=matrix_type)


def _read_all(
    name: str,
    sources: Source | Sequence[Source],
    *,
    species: str | None = "human",
    matrix_type: str | None = None,
) -> AnnData:
    files = [sources] if isinstance(sources, Source) else list(sources)
    tables = [count_table(s, headless=name == "counts_htseq") for s in files]
    table = _joined(tables, files)
    findings = list(table.findings)
    missing = int(np.isnan(table.values).sum())
    if missing:
        text = f"{missing} counts are missing; they are NaN, not zero."
        findings.append(Finding("counts_missing", "warning", text))
    var = table.var
    names = var.pop("own_name").tolist()
    annotation = var[schema.MIMAT].tolist() if schema.MIMAT in var else None
    annotate_names(var, names, [False] * len(names))
    if annotation is not None:
        var[schema.MIMAT] = [
            a or b for a, b in zip(annotation, var[schema.MIMAT].tolist(), strict=True)
        ]
    findings += names_finding(var, species)
    obs = table.obs
    obs[schema.LIBRARY_SIZE] = _library_size(table.values, names)
    adata = to_anndata(
        VendorTable(
            table.values, obs, var, "counts", "mirna", name.removeprefix("counts_"), name,
            species=species, matrix_type=matrix_type, experimental=True, findings=findings,
        ),
        files[0],
    )  # fmt: skip
    add_step(adata, "io.read_counts", files=[s.path.name for s in files])
    return adata


def _library_size(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Sum the reads of a sample: a mature miRNA that stands once a precursor counts once."""
    codes, distinct = pd.factorize(np.asarray(names, dtype=object))
    most = np.zeros((len(values), len(distinct)))
    for column, code in enumerate(codes):
        np.fmax(most[:, code], values[:, column], out=most[:, code])
    return most.sum(axis=1)


def _joined(tables: Sequence[CountTable], files: Sequence[Source]) -> CountTable:
    """Tables under each other, by id; what a file lacks is NaN."""
    if len(tables) == 1:
        return tables[0]
    ids: dict[str, None] = {}
    for table in tables:
        ids.update(dict.fromkeys(table.var.index))
    seen: dict[str, str] = {}
    for table, source in zip(tables, files, strict=True):
        twice = [s for s in table.obs.index if s in seen]
        if twice:
            raise InputError(
                f"Sample {twice[0]!r} stands in {seen[twice[0]]} too",
                where=source.where,
                fix="Give each file's samples names of their own.",
            )
        seen |= dict.fromkeys(table.obs.index, source.path.name)
    index = pd.Index(list(ids), dtype=str)
    values = [
        pd.DataFrame(t.values, index=t.obs.index, columns=t.var.index).reindex(columns=index)
        for t in tables
    ]
    var = pd.concat([t.var for t in tables])
    var = var[~var.index.duplicated()].reindex(index).fillna("")
    lacking = tuple(str(s) for t in tables for s in t.obs.index if len(t.var.index) < len(index))
    findings = [f for t in tables for f in t.findings]
    if lacking:
        text = f"{len(lacking)} samples lack some of the {len(index)} miRNAs: {shown(lacking)}."
        findings.append(Finding("incomplete_samples", "warning", text, lacking))
    obs = pd.concat([t.obs for t in tables])
    return CountTable(np.vstack([v.to_numpy() for v in values]), obs, var, findings)


# recognition ----------------------------------------------------------------------------------


def _rows(source: Source) -> list[list[str]]:
    lines = [x for x in source.head[:_LINES] if x.strip() and not x.startswith("# ")]
    if not lines:
        return []
    sep = max("\t,;", key=lines[0].count)
    try:
        return [r for r in csv.reader(lines, delimiter=sep) if r]
    except csv.Error:
        return []


def _header(source: Source) -> set[str]:
    rows = _rows(source)
    return {plain(c) for c in rows[0]} if rows else set()


def _is_mirdeep2(source: Source) -> bool:
    return {"mirna", "readcount", "precursor"} <= _header(source)


def _is_featurecounts(source: Source) -> bool:
    return {"geneid", "chr", "start", "end", "strand", "length"} <= _header(source)


def _is_name(cell: str) -> bool:
    return bool(mirbase_name(cell) or mimat(cell))


def _is_htseq(source: Source) -> bool:
    """Two columns without a header."""
    rows = _rows(source)
    if len(rows) < 2 or any(len(r) != 2 for r in rows):
        return False
    counts = [sum(bool(_COUNT.fullmatch(r[i])) for r in rows) for i in (0, 1)]
    names = [sum(_is_name(r[i]) or r[i].startswith("__") for r in rows) for i in (0, 1)]
    return any(counts[i] == len(rows) and names[1 - i] > len(rows) / 2 for i in (0, 1))


def _is_matrix(source: Source) -> bool:
    """Names of miRNAs along one side, whole numbers between."""
    rows = _rows(source)
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    header, body = rows[0], rows[1:-1] or rows[1:]  # the last line may be cut by the look
    width = max(len(r) for r in body)
    if any(len(r) != width for r in body) or width - len(header) not in (0, 1):
        return False
    if sum(_is_name(c) for c in header) > len(header) / 2:
        numbers = [_COUNT.fullmatch(c) is not None for r in body for c in r]
        return sum(numbers) >= len(body) * (width - 1) * 0.9
    columns = list(zip(*body, strict=True))
    named = [i for i, c in enumerate(columns) if sum(map(_is_name, c)) > len(c) / 2]
    whole = [i for i, c in enumerate(columns) if any(c) and all(map(_COUNT.fullmatch, c))]
    return bool(named) and bool(set(whole) - set(named))


FORMATS = tuple(
    Format(name, title, _READER, sniff, partial(_read_all, name), experimental=True)
    for name, title, sniff in (
        ("counts_mirdeep2", "miRDeep2 expression of all samples", _is_mirdeep2),
        ("counts_featurecounts", "featureCounts table", _is_featurecounts),
        ("counts_htseq", "HTSeq counts of one sample", _is_htseq),
        ("counts_matrix", "small-RNA counts, miRNAs x samples (or turned)", _is_matrix),
    )
)
