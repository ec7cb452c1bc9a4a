"""Olink's long layout (csv, txt, parquet; one row a sample and assay) to samples x assays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.errors import InputError
from exerkine_omics.io._columns import matched, plain
from exerkine_omics.io._labels import near, text_of
from exerkine_omics.io._long_columns import Codes, LongTable, constant_in, joined_codes
from exerkine_omics.io._long_read import read_columns
from exerkine_omics.io._matrix import MISSING_WORDS
from exerkine_omics.io._olink_annotation import Rows, annotate
from exerkine_omics.io._olink_parts import MAP, SAMPLE_WORD, Measured, Options, finish
from exerkine_omics.io._olink_tubes import tubes_of
from exerkine_omics.io._source import Source

_NUMBERS = {
    plain(n)
    for section in ("values", "limits", "layers")
    for names in MAP[section].values()
    for n in names
}


def read_long(source: Source, options: Options, *, format: str, experimental: bool) -> AnnData:
    """Read a long file; every column is kept by sample, by assay, or as a layer, or is named."""
    table = read_columns(source, lambda n: plain(n) in _NUMBERS, MAP["missing"])
    theirs = _known(table)
    table.without_empty_rows(theirs["sample"])
    sample, assay, panel = _ids(table, theirs)
    plate = table.texts.get(theirs.get(schema.PLATE_ID, ""))
    tubes = tubes_of(table, sample, assay, panel, plate)
    rows = Rows(table, theirs, tubes, assay, panel)
    rows.used |= {theirs["sample"]}
    got = Measured(
        obs=pd.DataFrame({SAMPLE_WORD: tubes.samples}, index=tubes.ids),
        var=pd.DataFrame(index=[text_of(v) for v in assay.labels]),
        values={},
        header=dict(table.metadata),
        findings=[*table.findings, *tubes.findings],
    )
    for section, into in (("values", got.values), ("limits", got.limits), ("layers", got.layers)):
        for ours in MAP[section]:
            if ours in theirs:
                rows.used.add(theirs[ours])
                into[ours] = rows.matrix(table.numbers.pop(theirs[ours]), np.nan, np.float64)
    annotate(rows, got)
    return finish(got, theirs, options, source, format=format, experimental=experimental)


def _known(table: LongTable) -> dict[str, str]:
    """Return ``{ours: theirs}`` of all columns that the map knows; raise for what must be there."""
    theirs: dict[str, str] = {}
    sections = ("values", "limits", "layers", "flags", "obs", "var")
    for name in sections:
        theirs |= matched(table.header, MAP[name])
    single = {k: MAP[k] for k in ("sample", "sample_qc", "assay_qc")}
    theirs |= matched(table.header, single)
    needs = {
        SAMPLE_WORD: "sample" in theirs,
        "OlinkID": schema.OLINK_ID in theirs or schema.NAME in theirs,
        "NPX": any(v in theirs for v in MAP["values"]),
    }
    for column, there in needs.items():
        if not there:
            raise InputError(
                f"There is no column {column!r}",
                where=table.where,
                fix=near(column, table.header),
            )
    return theirs


def _ids(table: LongTable, theirs: dict[str, str]) -> tuple[Codes, Codes, Codes | None]:
    """Sample, assay and panel of each row: the assay is the OlinkID, else panel and name."""
    texts = table.texts
    sample = texts[theirs["sample"]].used()
    _require(table, sample, theirs["sample"])
    panel = texts.get(theirs.get("panel", ""))
    panel = None if panel is None else panel.used()
    if schema.OLINK_ID in theirs:
        assay = texts[theirs[schema.OLINK_ID]].used()
        _require(table, assay, theirs[schema.OLINK_ID])
        return sample, assay, panel
    name = texts[theirs[schema.NAME]].used()
    _require(table, name, theirs[schema.NAME])
    parts = [name] if panel is None else [panel, name]
    assay = joined_codes(parts)
    uniprot = texts.get(theirs.get(schema.UNIPROT, ""))
    if uniprot is not None:
        rows = pd.DataFrame({"s": sample.codes, "a": assay.codes})
        several = constant_in(uniprot.codes, assay.codes, len(assay.labels)) is None
        if several and rows.duplicated().any():
            assay = joined_codes([*parts, uniprot])
    return sample, assay, panel


def _require(table: LongTable, column: Codes, name: str) -> None:
    missing = {i for i, v in enumerate(column.labels) if str(v).strip() in MISSING_WORDS} | {-1}
    if len(missing) == 1 and (column.codes >= 0).all():
        return
    row = np.flatnonzero(np.isin(column.codes, list(missing)))
    if len(row):
        raise InputError(
            f"Column {name!r} is empty ({table.place(int(row[0]))})",
            where=table.where,
            fix="Each row needs the id of its sample and of its assay; take empty rows out.",
        )
