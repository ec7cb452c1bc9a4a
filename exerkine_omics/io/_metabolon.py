"""Metabolon workbooks to samples x metabolites."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io import _metabolon_new as new
from exerkine_omics.io import _metabolon_old as old
from exerkine_omics.io._columns import column_map, plain
from exerkine_omics.io._formats import Format, require_format
from exerkine_omics.io._labels import near
from exerkine_omics.io._metabolon_cells import Sheet
from exerkine_omics.io._metabolon_facts import (
    annotation_findings,
    cas_numbers,
    imputed,
    raw_areas,
    sample_types,
    texts,
    to_log2,
)
from exerkine_omics.io._source import Source, look_at
from exerkine_omics.io._vendor import VendorTable, to_anndata

_READER = "read_metabolon"
_OLD, _NEW = "metabolon_old", "metabolon_new"


def read_metabolon(
    path: str | Path,
    *,
    sheet: str | None = None,
    species: str | None = "human",
    matrix_type: str | None = None,
) -> AnnData:
    r"""Read the workbook that Metabolon delivers.

    Use it for the older layout (OrigScale, ScaledImp: sample rows above a feature table) and the
    newer one (Chemical Annotation, Sample Meta Data, Peak Area Data, Batch-normalized Data, ...).
    The vendor's scaling, where :math:`a_{sm}` is the peak area of metabolite :math:`m`:

    .. math:: x_{sm} = a_{sm} / \mathrm{median}_{t \in \mathrm{batch}(s)}\, a_{tm}

    Its imputation replaces a missing :math:`x_{sm}` by the least :math:`x_{\cdot m}`.

    Parameters
    ----------
    path
        Excel file.
    sheet
        Worksheet that becomes X. None takes values that were not imputed, normalised by batch
        where the file has them: Batch-normalized Data, else OrigScale, else Peak Area Data.
    species
        Species of the samples.
    matrix_type
        One of ``schema.MATRICES``; None where it is not known.

    Returns
    -------
    AnnData
        Samples x metabolites; unit ``intensity``, of Log Transformed Data ``log2``. var: index is
        the compound id (COMP_ID, CHEM_ID), ``name``, ``hmdb``, ``kegg``, ``inchikey``, pathways.
        Layers: ``raw`` (peak areas, where X is another worksheet of the newer layout) and
        ``imputed`` (True where X holds a value and the worksheet that was not imputed does not).

    Raises
    ------
    InputError
        For another format, a worksheet that is not there or holds no values, a cell that is no
        number (with its place), ids that stand twice, values without an id.
    UsageError
        For a ``sheet`` that is no name.

    Notes
    -----
    Missing values: an empty cell, NA or #N/A is NaN. The vendor takes most of them for amounts
    below detection but does not say of which, so that there is no layer ``below_lod``.

    Log Transformed Data are natural logarithms; there X is divided by ln 2. The base is checked
    against the imputed worksheet.
    """
    source = look_at(path)
    return require_format(source, _READER).read(
        source, sheet=sheet, species=species, matrix_type=matrix_type
    )


def _read(
    layout: str,
    source: Source,
    *,
    sheet: str | None = None,
    species: str | None = "human",
    matrix_type: str | None = None,
) -> AnnData:
    if sheet is not None and not isinstance(sheet, str):
        raise UsageError(f"sheet={sheet!r} is no name of a worksheet", fix="Give its name.")
    roles = _value_sheets(layout, source)
    name = _chosen(layout, roles, sheet, source)
    read: dict[str, Sheet] = {}

    def first(*wanted: str) -> Sheet | None:
        """Return the other worksheet with values in the first of these roles that one has."""
        for role in wanted:
            names = [n for n, r in roles.items() if r == role and n != name]
            if len(names) == 1:
                if names[0] not in read:
                    read[names[0]] = _sheet(layout, source, names[0], role)
                return read[names[0]]
        return None

    table = _sheet(layout, source, name, roles[name])
    findings, layers = list(table.findings), {}
    measured = column_map("metabolon")["measured"]
    if table.role not in measured:
        mask, more = imputed(table, first(*measured), by_id=layout == _NEW)
        findings += more
        if mask is not None:
            layers[schema.IMPUTED] = mask
    kinds: np.ndarray | None = None
    if layout == _NEW:
        if table.role != "peak_area":
            raw, more = raw_areas(table, first("peak_area"))
            findings += more
            if raw is not None:
                layers[schema.RAW] = raw
        elif (normalized := first("batch_normalized")) is not None:
            kinds = ~table.obs.index.isin(normalized.obs.index)
        about = new.about_sheets(source.sheets)
        table.var, more = new.annotation(source, about.get("annotation"), table.var.index)
        findings += more
        table.obs, more = new.sample_sheet(source, about.get("samples"), table.obs.index)
        findings += more
    unit: str | None = "intensity"
    if table.role == "log":
        table.values, more = to_log2(
            table, first("imputed", "sample_normalized", "batch_normalized")
        )
        findings += more
        unit = "log2"
    elif not table.role:
        text = f"The name of worksheet {name!r} does not say what its values are."
        findings.append(Finding("worksheet_unknown", "warning", text))
        unit = None
    if layout == _NEW:
        findings += [f for other in read.values() for f in other.findings]
    findings += cas_numbers(table.var)
    findings += annotation_findings(table.var)
    findings += sample_types(table.obs, kinds)
    header = {"worksheet": name, "worksheets": list(source.sheets)}
    return to_anndata(
        VendorTable(
            table.values, table.obs, texts(table.var), unit, "metabolomics", "metabolon", layout,
            layers=layers, species=species, matrix_type=matrix_type, findings=findings,
            sample_scaling=name if table.role == "sample_normalized" else "",
            more={schema.HEADER: json.dumps(header)},
        ),
        source,
    )  # fmt: skip


def _sheet(layout: str, source: Source, name: str, role: str) -> Sheet:
    return (old.read_old if layout == _OLD else new.read_new)(source, name, role)


def _value_sheets(layout: str, source: Source) -> dict[str, str]:
    """Worksheets with values, and the role of each; "" where its name tells none."""
    if layout == _OLD:
        names = [n for n, rows in source.sheets.items() if old.is_old(rows)]
    else:
        about = set(new.about_sheets(source.sheets).values())
        names = [n for n in source.sheets if n not in about]
    roles = column_map("metabolon")["roles"]
    return {
        n: next((r for r, words in roles.items() if any(w in plain(n) for w in words)), "")
        for n in names
    }


def _chosen(layout: str, roles: dict[str, str], sheet: str | None, source: Source) -> str:
    """Return the worksheet that becomes X."""
    if sheet is not None:
        folded = {plain(n): n for n in roles}
        if sheet in roles or plain(sheet) in folded:
            return sheet if sheet in roles else folded[plain(sheet)]
        there = sheet in source.sheets
        raise InputError(
            f"Worksheet {sheet!r} holds no values" if there else f"There is no worksheet {sheet!r}",
            where=source.where,
            fix=near(sheet, roles),
        )
    # in the newer layout a worksheet of words (Data Key & Explanation) has no role either
    unknown = [""] if layout == _OLD else []
    for role in [*column_map("metabolon")["preferred"], *unknown]:
        names = [n for n, r in roles.items() if r == role]
        if len(names) > 1:
            raise InputError(
                f"Several worksheets could be meant: {shown(names)}",
                where=source.where,
                fix=f"Name one: sheet={names[0]!r}.",
            )
        if names:
            return names[0]
    raise InputError(
        f"No worksheet holds values (there are {shown(source.sheets)})",
        where=source.where,
        fix="Export it again.",
    )


def _is_old(source: Source) -> bool:
    return any(old.is_old(rows) for rows in source.sheets.values())


def _is_new(source: Source) -> bool:
    return new.is_new(source.sheets)


FORMATS = (
    Format(_OLD, "Metabolon workbook with OrigScale or ScaledImp", _READER, _is_old,
           partial(_read, _OLD)),
    Format(_NEW, "Metabolon workbook with Chemical Annotation and Sample Meta Data", _READER,
           _is_new, partial(_read, _NEW)),
)  # fmt: skip
