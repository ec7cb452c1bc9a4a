"""An AnnData as the text of an ADAT: what was read from one is written as it stood."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import errors, schema
from exerkine_omics.cohort import dense, meta, require_units, rescaled_since
from exerkine_omics.errors import InputError, UnitsError, shown
from exerkine_omics.io._adat_names import derived_obs, derived_var, sample_ids
from exerkine_omics.io._adat_text import body_digest
from exerkine_omics.io._columns import column_map, matched
from exerkine_omics.io._verbatim import as_text

_MATRIX_WORDS = {
    "plasma_edta": "EDTA Plasma",
    "plasma_heparin": "Heparin Plasma",
    "plasma_citrate": "Citrate Plasma",
    "serum": "Serum",
    "whole_blood": "Whole Blood",
}
Columns = dict[str, list[str]]


def adat_bytes(adata: AnnData) -> bytes:
    """Return the ADAT of a cohort in RFU.

    Header, row data and column data are the vendor's where the cohort was read from an ADAT; what
    was added to ``obs`` and ``var`` follows as further row and column data. Ours that a reader
    makes again (plate_id, seq_id, ...) are left out. ``!Checksum`` keeps its value only where all
    else is to the byte what was read: the vendor has not published how it is made.
    """
    unit = require_units(adata)
    if unit not in ("RFU", "intensity"):
        raise UnitsError(
            f"An ADAT holds RFU and X holds {unit}",
            where=f"uns['{schema.UNS}']['{schema.UNITS}']",
            fix="Write .h5ad, or the object as it was before the logarithm.",
        )
    names = column_map("somascan")
    known = meta(adata)
    layout = json.loads(known.get(schema.LAYOUT, "{}"))
    rows, lost_rows = _row_data(adata, names, layout.get("obs", {}))
    columns, lost_columns = _column_data(adata, names, layout.get("var", {}))
    _warn_of_loss(adata, [*lost_rows, *lost_columns])
    newline = layout.get("newline", "\r\n")
    offset, width = len(rows), len(rows) + 1 + adata.n_vars
    top = ["^HEADER", *_header(known), "^COL_DATA"]
    top += _declared(layout.get("declared_columns"), layout.get("var", {}), columns)
    top += ["^ROW_DATA", *_declared(layout.get("declared_rows"), layout.get("obs", {}), rows)]
    top += ["^TABLE_BEGIN"]
    if layout.get("padded"):
        top = [line + "\t" * (width - 1 - line.count("\t")) for line in top]
    lead = "\t" * offset
    table = [lead + "\t".join([name, *cells]) for name, cells in columns.items()]
    # SomaLogic's own files end this line at the last name
    wide = layout.get("names_padded", False)
    table.append("\t".join(rows) + "\t" * (width - offset if wide else 0))
    heads = map("\t".join, zip(*rows.values(), strict=True))
    values = _rfu(dense(adata), layout.get("rfu", "f1"))
    table += [f"{head}\t\t{tail}" for head, tail in zip(heads, values, strict=True)]
    body = newline.join([*top, *table]) + (newline if layout.get("final_newline", True) else "")
    return (_checksum(layout, body, width) + body).encode()


def _checksum(layout: Mapping[str, Any], body: str, width: int) -> str:
    stated = layout.get("checksum")
    if stated is None:
        return ""
    line = "!Checksum"
    if stated and layout.get("body_sha256") == body_digest(body):
        line += f"\t{stated}"
    if layout.get("padded"):
        line += "\t" * (width - 1 - line.count("\t"))
    return line + layout["newline"]


def _header(known: Mapping[str, Any]) -> list[str]:
    from exerkine_omics import __version__

    if schema.HEADER in known:
        pairs = json.loads(known[schema.HEADER])
    else:
        pairs = {
            "!Version": "1.2",
            "!GeneratedBy": f"exerkine_omics {__version__}",
            "!StudyMatrix": _MATRIX_WORDS.get(known[schema.MATRIX], ""),
            "!StudyOrganism": str(known[schema.SPECIES]).replace(schema.UNKNOWN, "").capitalize(),
        }
    lines = []
    for key, value in pairs.items():
        for text in value if isinstance(value, list) else [value]:
            lines.append(key if text is None else f"{key}\t{text}")
    return lines


def _row_data(
    adata: AnnData, names: Mapping[str, Any], styles: Mapping[str, Any]
) -> tuple[Columns, list[str]]:
    """Row data by name, and our columns that say another thing than they do."""
    obs = adata.obs
    rows = _texts(obs, styles, tuple(names["obs"]))
    derived, _ = derived_obs(rows, names)
    lost = []
    for ours, (theirs, *_) in names["obs"].items():
        if ours not in obs:
            continue
        present = [None if pd.isna(v) else str(v) for v in obs[ours].astype(object)]
        if ours not in derived:
            words = {k: v[0] for k, v in names["sample_types"].items()}
            words = words if ours == schema.SAMPLE_TYPE else {}
            rows[theirs] = ["" if v is None else words.get(v, v) for v in present]
        elif present != derived[ours]:
            lost.append(f"obs[{ours!r}]")
    rows = _plain(rows, "obs")
    if not matched(rows, {"id": names["sample"]}):
        rows = {names["sample"][0]: adata.obs_names.tolist(), **rows}
    try:
        again = sample_ids(rows, names, "obs", range(adata.n_obs))[0]
    except InputError:  # a well twice: only our own ids tell them apart
        again = []
    if again != adata.obs_names.tolist():
        rows[schema.SAMPLE_ID] = adata.obs_names.tolist()
    return rows, lost


def _column_data(
    adata: AnnData, names: Mapping[str, Any], styles: Mapping[str, Any]
) -> tuple[Columns, list[str]]:
    """Column data by name, SeqId among them."""
    var = adata.var
    ours = (schema.SEQ_ID, *names["var"])
    columns = _texts(var, styles, ours)
    if not matched(columns, {"id": names["feature"]}):
        ids = adata.var_names.tolist()
        if schema.SEQ_ID in var and var[schema.SEQ_ID].is_unique:
            ids = var[schema.SEQ_ID].astype(str).tolist()
        columns = {names["feature"][0]: ids, **columns}
    first = matched(columns, {"id": names["feature"]})["id"]
    if columns[first] != adata.var_names.tolist() and not all(columns[first]):
        raise InputError("Some SOMAmers have no SeqId", where="var", fix="Name them in var_names.")
    derived = derived_var(columns, names)
    lost = []
    for name, (theirs, *_) in names["var"].items():
        if name not in var:
            continue
        present = ["" if pd.isna(v) else str(v) for v in var[name].astype(object)]
        if name not in derived:
            columns[theirs] = present
        # a missing name is read as the SeqId
        elif present != [d or i for d, i in zip(derived[name], adata.var_names, strict=True)] and (
            present != derived[name]
        ):
            lost.append(f"var[{name!r}]")
    if not matched(columns, {"units": ["Units", "Unit"]}):
        columns["Units"] = ["RFU"] * adata.n_vars
    return _plain(columns, "var"), lost


def _texts(frame: pd.DataFrame, styles: Mapping[str, Any], ours: tuple[str, ...]) -> Columns:
    """Columns of a frame as text under their names in the file, ours left out."""
    texts: Columns = {}
    for name, column in frame.items():
        if name in ours:
            continue
        theirs, style, missing = styles.get(str(name), (str(name), "", ""))
        cells = as_text(column, style, missing)
        if not pd.api.types.is_numeric_dtype(column.dtype):
            cells = [c or missing for c in cells]
        texts[theirs] = cells
    return texts


def _plain(columns: Columns, where: str) -> Columns:
    """Refuse cells that would break the table; quote those that a reader would take quotes off."""
    for name, cells in columns.items():
        text = "\x00".join([name, *cells])
        if any(mark in text for mark in "\t\r\n"):
            raise InputError(
                f"{name!r} holds a tab or a line end",
                where=where,
                fix="Replace it; an ADAT separates by tabs.",
            )
        if '"' in text:
            columns[name] = [
                '"' + c.replace('"', '""') + '"' if len(c) > 1 and c[0] == c[-1] == '"' else c
                for c in cells
            ]
    return columns


def _declared(lines: list[str] | None, styles: Mapping[str, Any], columns: Columns) -> list[str]:
    """Return the names and types as declared; made anew where columns came or went."""
    if lines and [s[0] for s in styles.values()] == list(columns):
        return lines
    return ["\t".join(["!Name", *columns]), "\t".join(["!Type", *["String"] * len(columns)])]


def _rfu(values: np.ndarray, style: str) -> list[str]:
    """Values of each sample as text: as they stood, in full where that would change one."""
    decimals = int(style[1:] or 0) if style[:1] in "fd" else -1
    fits = decimals >= 0 and bool(np.nanmax(np.abs(values), initial=0.0) < 1e15)
    if fits and np.array_equal(np.round(values, decimals), values, equal_nan=True):
        form = "\t".join([f"%.{decimals}f"] * values.shape[1])
        return [(form % tuple(row)).replace("nan", "") for row in values.tolist()]
    column = style if fits else "g"
    return ["\t".join(as_text(pd.Series(row), column)) for row in values]


def _warn_of_loss(adata: AnnData, changed: list[str]) -> None:
    parts = [f"layers {shown(adata.layers)}"] if adata.layers else []
    parts += [f"obsm {shown(adata.obsm)}"] if adata.obsm else []
    # ANML of the header and no word of ours: read again, X would pass for the vendor's
    parts += [f"that X went through {shown(done)}"] if (done := rescaled_since(adata)) else []
    parts += changed
    if parts:
        errors.warn(
            f"The ADAT does not hold {', '.join(parts)}: it has one matrix and the vendor's columns"
        )
