"""SomaScan ADAT files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.io._adat_header import header_value, scaling, unit_of
from exerkine_omics.io._adat_names import (
    derived_obs,
    derived_var,
    feature_ids,
    mangled,
    no_proteins,
    sample_ids,
)
from exerkine_omics.io._adat_text import parse
from exerkine_omics.io._biology import matrix_of, species_of
from exerkine_omics.io._columns import column_map, plain
from exerkine_omics.io._formats import Format, require_format
from exerkine_omics.io._matrix import MISSING_WORDS
from exerkine_omics.io._source import Source, look_at
from exerkine_omics.io._vendor import VendorTable, to_anndata
from exerkine_omics.io._verbatim import as_numbers

VENDOR = "somascan"


def read_adat(
    path: str | Path, *, species: str | None = None, matrix_type: str | None = None
) -> AnnData:
    """Read a SomaScan ADAT, with all it says of samples, SOMAmers and processing.

    Use it for the ADAT that SomaLogic (or Illumina Protein Prep) delivers. Values stay as they
    are, in RFU: `exo.pp.log2` takes their logarithm. Subject and time point are not guessed: name
    them with `set_samples`.

    Parameters
    ----------
    path
        The .adat, plain or packed (gzip, zip).
    species
        Whose samples; None takes ``StudyOrganism`` of the header.
    matrix_type
        What the samples are; None takes ``StudyMatrix`` of the header.

    Returns
    -------
    AnnData
        Samples x SOMAmers. ``obs``: the row data under the vendor's names, and plate_id,
        sample_type (sample, qc, calibrator, blank) and qc_status (RowCheck). Sample ids are
        ``SampleId``; samples whose id is missing or stands more than once, as of controls on
        several plates, are ``PlateId|SlideId|Subarray``. ``var``, index ``SeqId``: the column data
        under the vendor's names, and seq_id, uniprot, gene_symbol, name. Columns whose numbers can
        be written as they stood are numbers, ids and all else text. ``uns["exerkine"]``: header
        (JSON text of the vendor's keys and values) and sample_scaling (ANML, medNorm or "").

    Raises
    ------
    InputError
        For a file that is no ADAT, holds no sample, is cut off, names a SeqId or a well twice, or
        holds text where values stand: file, line and SeqId are named.

    Notes
    -----
    Missing values: an empty or NA cell is NaN.
    An ADAT does not say how many samples it holds: a file that was cut after a whole line reads as
    a smaller one.

    References
    ----------
    SomaLogic. SomaLogic-Data: ADAT file format (github.com/SomaLogic/SomaLogic-Data).
    """
    source = look_at(path)
    return require_format(source, "read_adat").read(
        source, species=species, matrix_type=matrix_type
    )


def is_adat(source: Source) -> bool:
    """Say whether a text begins as an ADAT: its checksum or header, then ^ sections."""
    starts = [line.split("\t", 1)[0].strip() for line in source.head if line.strip()]
    if not starts:
        return False
    begins = starts[0] == "^HEADER" or (
        starts[0].startswith("!Checksum") and "^HEADER" in starts[1:3]
    )
    return begins or ("^TABLE_BEGIN" in starts and "^COL_DATA" in starts)


def _read(source: Source, *, species: str | None = None, matrix_type: str | None = None) -> AnnData:
    where = source.where
    adat = parse(source.text(), where)
    names = column_map(VENDOR)
    findings = adat.findings
    ids = feature_ids(adat.col_data, names, where)
    findings += mangled(ids) + no_proteins(adat.col_data, ids)
    samples, more = sample_ids(adat.row_data, names, where, adat.lines)
    findings += more
    adat.row_data.pop(schema.SAMPLE_ID, None)
    obs, obs_text = _frame(adat.row_data, names["text"], samples)
    var, var_text = _frame(adat.col_data, names["text"], ids)
    known_obs, more = derived_obs(adat.row_data, names)
    findings += more
    known_var = derived_var(adat.col_data, names)
    unit, more = unit_of(adat.col_data)
    findings += more
    found = species or species_of(header_value(adat.header, "StudyOrganism"))
    if found is None:
        findings.append(_SPECIES_UNKNOWN)
    empty = int(np.isnan(adat.values).sum())
    if empty:
        message = f"{empty} values are missing; an ADAT as delivered has none."
        findings.append(Finding("values_missing", "warning", message))
    scaled_by, more = scaling(adat.header, adat.row_data, names)
    findings += more
    table = VendorTable(
        adat.values,
        # ours first: a column of the file that bears our name is renamed, never ours
        pd.concat([pd.DataFrame(known_obs, index=samples, dtype=object), obs], axis=1),
        pd.concat([pd.DataFrame(known_var, index=ids, dtype=object), var], axis=1),
        unit,
        "proteomics",
        "somascan",
        "adat",
        species=found,
        matrix_type=matrix_type or matrix_of(header_value(adat.header, "StudyMatrix")),
        sample_scaling=scaled_by,
        findings=findings,
    )
    result = to_anndata(table, source)
    layout = {
        **adat.layout,
        "rfu": _style(adat.values, adat.first_row),
        "obs": _by_name(result.obs.columns[len(known_obs) :], obs_text),
        "var": _by_name(result.var.columns[len(known_var) :], var_text),
    }
    meta = result.uns[schema.UNS]
    meta[schema.HEADER] = json.dumps(adat.header, ensure_ascii=False)
    meta[schema.LAYOUT] = json.dumps(layout, ensure_ascii=False)
    return result


def _frame(
    columns: Mapping[str, list[str]], text: Sequence[str], index: Sequence[str]
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Columns as numbers where they can be written again; name, format and missing word of each."""
    ids = {plain(t) for t in text}
    made: dict[str, Any] = {}
    styles = []
    for name, cells in columns.items():
        numbers = None if plain(name) in ids else as_numbers(cells)
        if numbers is None:
            empty = [c for c in cells if c in MISSING_WORDS]
            made[name] = [None if c in MISSING_WORDS else c for c in cells]
            styles.append((name, "", empty[0] if empty else ""))
        else:
            values, style, word = numbers
            whole = style == "d" and not np.isnan(values).any()
            made[name] = values.astype(np.int64) if whole else values
            styles.append((name, style, word))
    frame = pd.DataFrame({i: pd.Series(v) for i, v in enumerate(made.values())}).set_axis(index)
    return frame.set_axis(pd.Index(list(made), dtype=object), axis=1), styles


def _by_name(
    stored: Sequence[str], styles: Sequence[tuple[str, str, str]]
) -> dict[str, tuple[str, str, str]]:
    """``{name in AnnData: (name in the file, format, missing word)}``."""
    return dict(zip(stored, styles, strict=False))


def _style(values: np.ndarray, first: Sequence[str]) -> str:
    numbers = as_numbers(first)
    return numbers[1] if numbers else "f1"


_SPECIES_UNKNOWN = Finding(
    "species_unknown",
    "warning",
    "The header does not say whose samples these are (StudyOrganism).",
    fix='State it with species=, for instance "human".',
)

FORMATS = (Format("adat", "SomaScan ADAT", "read_adat", is_adat, _read),)
