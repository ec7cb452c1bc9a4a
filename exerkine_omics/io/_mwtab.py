"""mwTab files of Metabolomics Workbench."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._biology import matrix_of, species_of
from exerkine_omics.io._columns import column_map
from exerkine_omics.io._formats import Format, require_format
from exerkine_omics.io._mwtab_frames import (
    extended_layers,
    metabolite_frame,
    sample_frame,
    unit_of,
)
from exerkine_omics.io._mwtab_json import KEY, parse_json
from exerkine_omics.io._mwtab_study import VENDOR, Block, Study, numbers_of
from exerkine_omics.io._mwtab_text import MARK, parse_text
from exerkine_omics.io._source import Source, look_at
from exerkine_omics.io._vendor import VendorTable, to_anndata


def read_mwtab(
    path: str | Path,
    *,
    species: str | None = None,
    matrix_type: str | None = None,
    analysis: str | None = None,
) -> AnnData:
    """Read an analysis of Metabolomics Workbench, as mwTab text or its JSON.

    Use it for the files that the repository gives for a study (ST......) and analysis (AN......).
    Time points and people often hide in sample names or factors and are not guessed: name them
    with `set_samples`.

    Parameters
    ----------
    path
        The .txt or .json, plain or packed (gzip, zip).
    species
        Whose samples; None takes TAXONOMY_ID or SUBJECT_SPECIES.
    matrix_type
        What the samples are; None takes SAMPLE_TYPE of the collection.
    analysis
        ANALYSIS_ID, where the file holds several analyses of a study.

    Returns
    -------
    AnnData
        Samples x metabolites (or NMR bins), in the order of the data. ``obs``: a column a factor,
        a column a key of the additional sample data and their raw text, ``subject_id`` where the
        file gives one, and ``sample_type`` where a factor says pool, QC, blank or standard.
        ``var``: name, hmdb, kegg, chebi, inchikey, refmet_name where METABOLITES has them, its
        other columns under their own names, and ``measured_in`` of concentrations.
        ``uns["exerkine"]["header"]``: all metadata as JSON text. Columns of extended data are
        layers ``extended_<name>``.

    Raises
    ------
    InputError
        For a file that is no mwTab, is cut off, holds no data (only the name of a results file),
        factors that are no name:value, rows of another length than the samples, or text where
        values stand: file, line and metabolite are named.

    Notes
    -----
    Missing values: an empty cell, NA and the like are NaN; <LOD, ND and the like are NaN and True
    in ``layers["below_lod"]``. A metabolite named twice is kept apart as ``name|2``.

    References
    ----------
    Sud M, Fahy E, Cotter D, et al. Metabolomics Workbench: an international repository for
    metabolomics data and metadata, metabolite standards, protocols, tutorials and training, and
    analysis tools. Nucleic Acids Res. 2016.
    """
    source = look_at(path)
    return require_format(source, "read_mwtab").read(
        source, species=species, matrix_type=matrix_type, analysis=analysis
    )


def is_text(source: Source) -> bool:
    """Say whether a text begins as mwTab does."""
    return next((x for x in source.head if x.strip()), "").startswith(MARK)


def is_json(source: Source) -> bool:
    """Say whether a text begins as the JSON of mwTab does."""
    head = "".join(source.head[:200]).lstrip()
    return head.startswith("{") and f'"{KEY}"' in head


def _read(
    source: Source,
    *,
    species: str | None = None,
    matrix_type: str | None = None,
    analysis: str | None = None,
) -> AnnData:
    where, text = source.where, source.text()
    name = "mwtab" if is_text(source) else "mwtab_json"
    study = (parse_text if name == "mwtab" else parse_json)(text, where, analysis)
    names = column_map(VENDOR)
    block = _data(study, names, where)
    findings = study.findings
    values, below = numbers_of(block, where)
    obs, more = sample_frame(study.tubes, block, names, where)
    findings += more
    ids, var, more = metabolite_frame(study.metabolites, block.names, names)
    findings += more
    unit, more = unit_of(block.units, names)
    findings += more
    if unit == "concentration":
        var[schema.MEASURED_IN] = block.units
    layers, more = extended_layers(study.extended, block, ids)
    findings += more
    if below.any():
        layers[schema.BELOW_LOD] = below
        message = f"{int(below.sum())} cells say below detection (ND, <LOD); they are missing in X."
        findings.append(Finding("below_lod_words", "note", message))
    subject, collection = study.header.get("SUBJECT", {}), study.header.get("COLLECTION", {})
    taxon = subject.get("TAXONOMY_ID", "").strip()
    found = species or (species_of(taxon) if taxon in ("9606", "10116", "10090") else None)
    found = found or species_of(subject.get("SUBJECT_SPECIES", ""))
    if found is None:
        message = "The file does not say whose samples these are (SUBJECT_SPECIES)."
        fix = 'State it with species=, for instance "human".'
        findings.append(Finding("species_unknown", "warning", message, (), fix))
    tissue = " ".join(collection.get(key, "") for key in names["matrix"]).strip()
    if tissue and matrix_type is None and matrix_of(tissue) is None:
        message = f"The file says of the samples: {tissue}."
        findings.append(Finding("matrix_stated", "note", message))
    kind = study.header.get("ANALYSIS", {}).get("ANALYSIS_TYPE", "").strip().casefold()
    table = VendorTable(
        values,
        obs,
        var.set_axis(ids, axis=0),
        unit,
        "metabolomics",
        f"mwtab_{kind}" if kind in ("ms", "nmr") else "mwtab",
        name,
        layers=layers,
        species=found,
        matrix_type=matrix_type or matrix_of(tissue),
        findings=findings,
        more={schema.HEADER: json.dumps(study.header, ensure_ascii=False)},
    )
    return to_anndata(table, source)


def _data(study: Study, names: Mapping[str, Any], where: str) -> Block:
    """Return the block of data; a note tells of a second one and of results files."""
    there = [b for b in names["blocks"] if b in study.blocks and study.blocks[b].names]
    files = "; ".join(study.results_files)
    if not there:
        raise InputError(
            "The file holds no data"
            + (f", only the name of a results file ({files})" * bool(files)),
            where=where,
            fix="Take the results file from the study's page and read it with exo.io.read_table."
            if files
            else f"It needs one of the blocks {shown(names['blocks'])}.",
        )
    if files:
        message = f"The study has a results file besides, which is not read: {files}."
        study.findings.append(Finding("results_file", "note", message))
    other = [b for b in study.blocks if study.blocks[b].names and b != there[0]]
    if other:
        message = f"{there[0]} is read; the file has {shown(other)} too."
        study.findings.append(Finding("block_not_read", "warning", message, tuple(other)))
    return study.blocks[there[0]]


FORMATS = (
    Format("mwtab", "Metabolomics Workbench mwTab", "read_mwtab", is_text, _read),
    Format("mwtab_json", "Metabolomics Workbench JSON", "read_mwtab", is_json, _read),
)
