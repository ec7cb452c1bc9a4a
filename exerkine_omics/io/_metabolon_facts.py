"""What the worksheets of a Metabolon workbook tell of each other, of ids and of tubes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import shown
from exerkine_omics.io._columns import column_map, matched, plain
from exerkine_omics.io._labels import near, text_of
from exerkine_omics.io._metabolon_cells import Sheet, word
from exerkine_omics.io._metabolon_new import aligned

_LOGS = {"natural": np.log(2), "base 2": 1.0, "base 10": np.log10(2)}  # log of 2
_NEAR = 1e-3  # of logarithms: worksheets may be rounded to four digits


def imputed(
    sheet: Sheet, measured: Sheet | None, *, by_id: bool
) -> tuple[np.ndarray | None, list[Finding]]:
    """Which values the vendor imputed: those that are missing where they were measured.

    Ids are alike in all worksheets of the newer layout; in the older one (``by_id`` False)
    clients rename their own.
    """
    if measured is not None:
        if by_id:
            values, absent = aligned(sheet, measured)
            found = None if absent else values
        else:
            at = _places(sheet, measured)
            found = None if at is None else measured.values[np.ix_(*at)]
        if found is not None:
            return np.isfinite(sheet.values) & ~np.isfinite(found), []
    why = (
        "no other worksheet holds what was measured"
        if measured is None
        else f"worksheet {measured.name!r} has other samples or analytes"
    )
    message = f"Values of {sheet.name!r} may be imputed, and it is not known which: {why}."
    fix = "Read the worksheet that was not imputed if there is one."
    return None, [Finding("imputed_unknown", "warning", message, fix=fix)]


def raw_areas(sheet: Sheet, areas: Sheet | None) -> tuple[np.ndarray | None, list[Finding]]:
    """Peak areas at the samples and analytes of X, and the tubes that X does not have."""
    if areas is None:
        return None, []
    values, absent = aligned(sheet, areas)
    findings = []
    if absent:
        text = f"{shown(absent)} of {sheet.name!r} are not in {areas.name!r}."
        findings.append(Finding("raw_incomplete", "warning", text, tuple(absent)))
    others = areas.obs.index[~areas.obs.index.isin(sheet.obs.index)]
    if len(others):
        text = f"{len(others)} tubes of {areas.name!r} are not in {sheet.name!r}: {shown(others)}."
        fix = f"sheet={areas.name!r} reads them."
        findings.append(Finding("tubes_not_normalized", "note", text, tuple(others), fix))
    return values, findings


def to_log2(sheet: Sheet, linear: Sheet | None) -> tuple[np.ndarray, list[Finding]]:
    """Logarithms to base 2; the base is checked against the values before the logarithm."""
    base = "natural"
    message = f"The logarithms of {sheet.name!r} are natural: X is divided by ln 2."
    severity, fix = "note", ""
    gaps = {} if linear is None else _gaps(sheet, linear)
    close = [b for b, gap in gaps.items() if gap < _NEAR]
    if close:
        base = close[0]
        if base != "natural":
            message = f"The logarithms of {sheet.name!r} are {base}, X to base 2."
    else:
        severity = "warning"
        message += (
            f" They are no logarithms of {linear.name!r}."
            if gaps and linear is not None
            else " No worksheet confirms it."
        )
        fix = "Compare a value with the worksheet it comes from."
    return sheet.values / _LOGS[base], [Finding("logarithm", severity, message, fix=fix)]


def _gaps(sheet: Sheet, linear: Sheet) -> dict[str, float]:
    """Median distance from the logarithms to each base, where both worksheets have values."""
    values, _ = aligned(sheet, linear)
    both = np.isfinite(sheet.values) & (values > 0)
    if not both.any():
        return {}
    logs = np.log2(values[both])
    return {b: float(np.median(np.abs(sheet.values[both] - s * logs))) for b, s in _LOGS.items()}


def cas_numbers(var: pd.DataFrame) -> list[Finding]:
    """Undo what Excel made of CAS numbers: 4004-05-1 became 1 May 4004.

    A CAS number ends in a check digit, the sum of its digits times their place from the right,
    modulo 10; where it does not fit the date stays.
    """
    if schema.CAS not in var:
        return []
    cells, undone, left = [], [], []
    for name, cell in zip(var.index, var[schema.CAS], strict=True):
        if isinstance(cell, datetime.date):
            number = f"{cell.year}-{cell.month:02d}-{cell.day}"
            digits = [int(d) for d in number.replace("-", "")]
            total = sum(i * d for i, d in enumerate(reversed(digits[:-1]), start=1))
            if cell.day < 10 and total % 10 == digits[-1]:
                undone.append(f"{name}: {number}")
                cell = number
            else:
                cell = text_of(cell)
                left.append(f"{name}: {cell}")
        cells.append(cell)
    var[schema.CAS] = pd.Series(cells, index=var.index, dtype=object)
    if not undone and not left:
        return []
    message = f"Excel made dates of {len(undone) + len(left)} CAS numbers; "
    message += (
        f"{len(undone)} were undone, their check digits fit: {shown(undone)}." if undone else ""
    )
    message += (
        f" {len(left)} are no CAS numbers and stay as they are: {shown(left)}." if left else ""
    )
    severity = "warning" if left else "note"
    return [Finding("excel_mangled_cas", severity, message, (*undone, *left))]


def annotation_findings(var: pd.DataFrame) -> list[Finding]:
    """Say where names are missing, and where no HMDB id is one: its column may be another's."""
    findings = []
    if len(var.columns) and schema.NAME not in var:
        fix = near("CHEMICAL_NAME", var.columns)
        text = "No column names the analytes; their ids stand for names."
        findings.append(Finding("names_missing", "warning", text, fix=fix))
    ids = [word(c) for c in var[schema.HMDB] if word(c)] if schema.HMDB in var else []
    if ids and not any(i.upper().startswith("HMDB") for i in ids):
        text = f"No id of the HMDB column begins with HMDB: {shown(ids)}."
        fix = "Are the columns of the annotation shifted?"
        findings.append(Finding("ids_misplaced", "warning", text, fix=fix))
    return findings


def sample_types(obs: pd.DataFrame, not_normalized: np.ndarray | None) -> list[Finding]:
    """Fill ``obs["sample_type"]`` from the vendor's column; the vendor normalises people's tubes.

    ``not_normalized`` says which tubes stand among the peak areas only: they are controls.
    """
    known = {plain(w): kind for kind, words in column_map("metabolon")["sample_types"].items()
             for w in words}  # fmt: skip
    kinds = np.array([schema.SAMPLE] * len(obs), dtype=object)
    column = matched(obs.columns, {"type": column_map("metabolon")["sample_type"]}).get("type")
    findings = []
    if column is not None:
        words = [word(c) for c in obs[column]]
        kinds = np.array([known.get(plain(w), schema.SAMPLE) for w in words], dtype=object)
        strange = sorted({w for w in words if w and plain(w) not in known})
        if strange:
            text = f"{column} holds {shown(strange)}: these tubes are taken for people's."
            fix = "Set obs['sample_type'] if they are controls."
            findings.append(Finding("sample_type_unknown", "warning", text, fix=fix))
    if not_normalized is not None:
        controls = not_normalized & (kinds == schema.SAMPLE)
        kinds[controls] = "qc"
        if controls.any():
            names = tuple(obs.index[controls])
            text = f"{len(names)} tubes were not normalised, so they are controls: {shown(names)}."
            findings.append(Finding("controls_guessed", "note", text, names))
    if schema.SAMPLE_TYPE in obs:  # the vendor's own column, spelt as ours
        obs[f"{schema.SAMPLE_TYPE}_vendor"] = obs.pop(schema.SAMPLE_TYPE)
    obs[schema.SAMPLE_TYPE] = kinds
    return findings


def texts(var: pd.DataFrame) -> pd.DataFrame:
    """Annotation with ids as text, verbatim, and measured properties (mass, RI) as numbers."""
    ids = set(column_map("metabolon")["var"])
    columns = {}
    for name, cells in var.items():
        kept = [c for c in cells if word(c)]
        number = kept and all(isinstance(c, (int, float)) and not isinstance(c, bool) for c in kept)
        if number and name not in ids:
            columns[name] = pd.Series([np.nan if not word(c) else float(c) for c in cells])
        else:
            columns[name] = pd.Series([word(c) for c in cells], dtype=object)
    return pd.DataFrame({n: c.set_axis(var.index) for n, c in columns.items()}, index=var.index)


def _places(sheet: Sheet, other: Sheet) -> tuple[np.ndarray, np.ndarray] | None:
    """Where the samples and analytes of a worksheet stand in another.

    None where the other does not have them all.
    """
    rows = _rows(sheet.obs, other.obs)
    columns = _columns(sheet.var, other.var)
    return None if rows is None or columns is None else (rows, columns)


def _rows(obs: pd.DataFrame, other: pd.DataFrame) -> np.ndarray | None:
    first = matched(obs.columns, column_map("metabolon")["sample_id"])
    second = matched(other.columns, column_map("metabolon")["sample_id"])
    for kind in column_map("metabolon")["sample_match"]:
        if kind in first and kind in second:
            found = _where(obs[first[kind]], other[second[kind]])
            if found is not None:
                return found
    return None


def _columns(var: pd.DataFrame, other: pd.DataFrame) -> np.ndarray | None:
    for column in column_map("metabolon")["feature_id"]:
        if column in var and column in other:
            found = _where(var[column], other[column])
            if found is not None:
                return found
    return None


def _where(values: Sequence[Any], others: Sequence[Any]) -> np.ndarray | None:
    """Places of values among others, where all are there once."""
    known = pd.Index([word(v) for v in others])
    wanted = [word(v) for v in values]
    if known.has_duplicates or not all(wanted):
        return None
    places = known.get_indexer(pd.Index(wanted))
    return None if (places < 0).any() else places
