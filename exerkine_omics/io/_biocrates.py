"""Biocrates' targeted metabolomics (MetIDQ, WebIDQ) to samples x metabolites."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, add_step
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.io._biocrates_cells import (
    NOT_STATED,
    numbers,
    parse_title,
    point_decimals,
    words,
)
from exerkine_omics.io._biocrates_findings import biology, cell_findings, scaling
from exerkine_omics.io._biocrates_limits import (
    Limits,
    annotation,
    chosen_limit,
    plates_of,
    same_unit,
)
from exerkine_omics.io._biocrates_samples import NAMES, platform_of, sample_table
from exerkine_omics.io._biocrates_text import has_header, has_title, text_grid
from exerkine_omics.io._biocrates_xlsx import is_workbook, sheet_grid
from exerkine_omics.io._formats import Format, require_format
from exerkine_omics.io._source import Source, look_at
from exerkine_omics.io._vendor import VendorTable, to_anndata

_READER = "read_biocrates"


def read_biocrates(
    path: str | Path,
    *,
    sample_names: str = "bar_code",
    sheet: str | None = None,
    species: str | None = None,
    matrix_type: str | None = None,
) -> AnnData:
    r"""Read concentrations of a Biocrates kit with their status and limits.

    Use it for MetIDQ's text export (stacked sections; Concentration is read), and for Excel exports
    of MetIDQ and WebIDQ, where the fill colour of a cell is the status of its value. A value
    :math:`x` of sample :math:`s` and metabolite :math:`m` is below the limit of detection where

    .. math:: b_{sm} = [c_{sm} = \text{"< LOD"}] \lor ([c_{sm} \notin D] \land x_{sm} < l_{sm})

    with the status :math:`c`, the limit :math:`l` of the plate of the sample, and :math:`D` the
    statuses that speak of limits (Valid, < LOD, < LLOQ, > ULOQ): there the software has decided.

    Parameters
    ----------
    path
        File.
    sample_names
        ``bar_code`` or ``identification``: the column that names the samples. A tube that was
        measured in several wells is kept once a well, ``bar code|well``.
    sheet
        Worksheet, where several are exports.
    species
        Species of the samples; None takes what the file says of the people's tubes.
    matrix_type
        One of ``schema.MATRICES``; None takes what the file says ("plasma" does not say which).

    Returns
    -------
    AnnData
        Samples x metabolites, X as the vendor gave it (unit ``concentration``; the file's own in
        ``var["measured_in"]``). Layers: ``status_code`` (int8; words in
        ``uns["exerkine"]["status_codes"]``), ``below_lod``, ``lod`` and what it was taken from
        (``lod_calc``, ``lod_op``, ``lod_stated``), ``lod_lloq``, ``lod_uloq``. ``var``: Class,
        hmdb, limits of each plate. Calibrators, quality controls, zero samples and blanks have
        their ``sample_type``.

    Raises
    ------
    InputError
        For a file of another format, without concentrations, a cell that is no number (with its
        line and column), a value without a status beside others with one, a line that is cut, a
        well that stands twice.
    UsageError
        For an option that is none.

    Notes
    -----
    Missing values: NA, an empty cell, and a calibration without a number (``Infinity`` with the
    status ``No Intercept``) are NaN; below the limit of detection the number stays.

    Limits in another unit than the values (µM beside pmol/cell) stay in ``var`` and make no layer.

    References
    ----------
    Kuhring M et al. (2020). Concepts and software package for efficient quality control in targeted
    metabolomics studies: MeTaQuaC. Analytical Chemistry 92:10241-10245.
    """  # fmt: skip
    source = look_at(path)
    return require_format(source, _READER).read(
        source, sample_names=sample_names, sheet=sheet, species=species, matrix_type=matrix_type
    )


def _read(
    name: str,
    source: Source,
    *,
    sample_names: str = "bar_code",
    sheet: str | None = None,
    species: str | None = None,
    matrix_type: str | None = None,
) -> AnnData:
    _require_options(sample_names, sheet, matrix_type, source)
    grid = sheet_grid(source, sheet) if source.kind == "xlsx" else text_grid(source)
    if not grid.samples:
        raise InputError("The table has no samples", where=grid.where, fix="Export it again.")
    point_decimals(grid)
    obs, findings = sample_table(grid, sample_names)
    values, status, stated = numbers(grid)
    plates: list[set[str]] = [set()] * len(obs)
    if schema.PLATE_ID in obs:
        plates = [plates_of(str(p or "")) for p in obs[schema.PLATE_ID]]
    limits = annotation(grid, plates)
    findings += limits.findings
    own = (parse_title(grid.title) or ("", ""))[1]
    in_unit, unit, more = _unit(own, limits)
    findings += more
    var = limits.var
    derived = _derived(var)
    var[schema.MEASURED_IN] = np.where(derived, "", unit)
    layers, codes = _layers(values, status, stated, limits if in_unit else Limits(var))
    findings += cell_findings(grid, values, status, stated, derived, obs)
    said, more = biology(grid, species, matrix_type)
    findings += more
    header = {"title": grid.title.lstrip("# "), "notes": [n for n in grid.notes if n]}
    adata = to_anndata(
        VendorTable(
            values, obs, var, "concentration" if unit or own else None, "metabolomics",
            platform_of(grid), name, layers=layers, species=said[0], matrix_type=said[1],
            experimental=name == "biocrates_csv", findings=findings,
            sample_scaling=scaling(grid),
            more={schema.STATUS_CODES: codes, schema.HEADER: json.dumps(header)},
        ),
        source,
    )  # fmt: skip
    add_step(adata, "io.read_biocrates", sample_names=sample_names, sheet=sheet)
    return adata


def _require_options(
    names: str, sheet: str | None, matrix_type: str | None, source: Source
) -> None:
    if names not in NAMES:
        raise UsageError(f"sample_names={names!r} is not known", fix=f"One of {', '.join(NAMES)}.")
    if matrix_type is not None and matrix_type not in schema.MATRICES:
        raise UsageError(
            f"matrix_type={matrix_type!r} is not known",
            fix=f"One of {', '.join(schema.MATRICES)}.",
        )
    if sheet is not None and source.kind != "xlsx":
        raise UsageError("sheet= is for Excel files, and this is a text", fix="Leave it out.")


def _unit(own: str, limits: Limits) -> tuple[bool, str, list[Finding]]:
    """Say whether limits are in the unit of the values, what that is, and what is to be known."""
    units = sorted(limits.units)
    if own and all(same_unit(own, u) for u in units):
        return True, own, []
    if not own and units and all(same_unit(units[0], u) for u in units):
        return True, units[0], []
    if not units:
        return True, own, []
    text = f"The limits are in {shown(units)} and the values in {own or 'an unknown unit'!r}: "
    text += "they are in var and make no layer."
    return False, own, [Finding("limits_in_another_unit", "warning", text)]


def _derived(var: pd.DataFrame) -> np.ndarray:
    if "Class" not in var:
        return np.zeros(len(var), dtype=bool)
    return var["Class"].str.casefold().isin(words()["indicators"]).to_numpy()


def _layers(
    values: np.ndarray, status: np.ndarray, stated: bool, limits: Limits
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Make the layers, and the frame that explains the codes."""
    known = [NOT_STATED, *words()["statuses"]]
    known += sorted(set(status.ravel()) - set(known))
    if len(known) > np.iinfo(np.int8).max:
        raise InputError(f"There are {len(known)} different statuses: {shown(known[13:])}")
    codes = pd.DataFrame({"code": np.arange(len(known)), "status": pd.Categorical(known, known)})
    layers = dict(limits.layers)
    limit = chosen_limit(layers)
    below = None
    if limit is not None:
        layers[schema.LOD] = limit
        below = values < limit
    if stated:
        number = {s: i for i, s in enumerate(known)}
        flat = [number[s] for s in status.ravel()]
        layers[schema.STATUS_CODE] = np.array(flat, dtype=np.int8).reshape(status.shape)
        is_below = status == "< LOD"
        open_ = ~np.isin(status.astype(str), words()["decided"])
        below = is_below if below is None else is_below | (open_ & below)
    if below is not None:
        layers[schema.BELOW_LOD] = below.astype(bool)
    return layers, codes


FORMATS = (
    Format(
        "biocrates_txt", "MetIDQ text export (Biocrates)", _READER, has_title,
        partial(_read, "biocrates_txt"),
    ),
    Format(
        "biocrates_xlsx", "MetIDQ or WebIDQ Excel export (Biocrates)", _READER, is_workbook,
        partial(_read, "biocrates_xlsx"),
    ),
    Format(
        "biocrates_csv", "table of MetIDQ or WebIDQ as text (Biocrates)", _READER, has_header,
        partial(_read, "biocrates_csv"), experimental=True,
    ),
)  # fmt: skip
