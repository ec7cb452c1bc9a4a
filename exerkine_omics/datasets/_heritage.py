"""Read HERITAGE: SomaScan before 20 weeks of endurance training, VO2max before and its change.

Written from the page of the download and from public code that reads the file; not yet run on the
real file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import io, schema
from exerkine_omics.cohort import Finding, carried_findings, findings_frame
from exerkine_omics.datasets import _heritage_columns as columns
from exerkine_omics.datasets._heritage_columns import BEFORE, CHANGE, Table
from exerkine_omics.errors import InputError, shown, warn

PEOPLE_FILE, ANALYTES_FILE = (
    "HERITAGE_proteomics_somalogic.xlsx",
    "HERITAGE_somalogic_analytes.xlsx",
)
TIMEPOINT = "pre"
NUMBERS = (schema.AGE, schema.BMI, columns.FAT, columns.LEAN, columns.WEIGHT)
TEXTS = (schema.SEX, columns.RACE, schema.FAMILY_ID, schema.PLATE_ID)
# ml/min: no group of adults has a median VO2max outside; what does is in another unit
PLAUSIBLE = (500.0, 8000.0)
# ml/min: the largest change of many people after months of training is larger
LEAST_CHANGE = 20.0


@dataclass(frozen=True)
class HeritageTraining:
    """The HERITAGE training study: one arm, nobody who did not train.

    Parameters
    ----------
    adata
        People x proteins (RFU), drawn before training: time point ``pre``. Proteins drawn after
        training, and their changes, are not in it.
    outcomes
        A row a person: subject_id, vo2max_pre, vo2max_post = vo2max_pre + vo2max_change, and
        vo2max_change (all ml/min), age, sex, and what else the file has of bmi, race,
        body_fat_pct, fat_free_mass_kg, weight_kg, family_id. Where the baseline is per kg and no
        weight is known, pre and post are NaN.
    """

    adata: AnnData
    outcomes: pd.DataFrame


def read(files: dict[str, Path]) -> HeritageTraining:
    """Return baseline proteins and outcomes; a person without an id is the row, ``H0001``."""
    analytes = columns.find_table(
        files[ANALYTES_FILE], columns.is_analytes, "a column 'Baseline' (ids of columns)"
    )
    people = columns.find_table(
        files[PEOPLE_FILE], columns.is_people, "VO2max at baseline and its change"
    )
    proteins, listed, findings = _baseline_proteins(people, analytes)
    roles = columns.clinical(people.header, listed, people.where)
    people, lost = _measured(people, [*roles.values(), *proteins.values()])
    findings += lost
    ids, found = _subjects(people, roles)
    findings += [*found, *_unread(people.header, roles, listed)]
    index = pd.Index([f"{i}|{TIMEPOINT}" for i in ids])
    matrix = pd.DataFrame(
        {name: people.numbers(n) for name, n in proteins.items()}, index=index, dtype=float
    )
    clinical = _clinical(people, roles)
    outcomes, found = _outcomes(people, roles, clinical)
    findings += found
    outcomes.insert(0, schema.SUBJECT, ids)
    samples = clinical.drop(columns=columns.WEIGHT, errors="ignore").set_axis(index, axis=0)
    samples.insert(0, schema.TIMEPOINT, TIMEPOINT)
    samples.insert(0, schema.SUBJECT, ids)
    adata = io.from_frames(
        matrix,
        samples,
        columns.annotation(analytes, list(proteins)),
        subject=schema.SUBJECT,
        timepoint=schema.TIMEPOINT,
        baseline=TIMEPOINT,
        units="RFU",
        modality="proteomics",
        species="human",
        # plasma; the anticoagulant is not stated
        matrix_type=schema.UNKNOWN,
        platform="SomaScan",
    )
    carried = [*carried_findings(adata), *findings]
    adata.uns[schema.UNS][schema.FINDINGS] = findings_frame(carried)
    return HeritageTraining(adata, outcomes)


def _baseline_proteins(
    people: Table, analytes: Table
) -> tuple[dict[str, int], set[str], list[Finding]]:
    """Columns drawn before training, all ids that are analytes, and what was left out."""
    first, later = columns.ids_by_visit(analytes)
    present = [h for h in people.header if h in first | later]
    twice = pd.Index(present)[pd.Index(present).duplicated()].unique()
    if len(twice):
        raise InputError(
            f"Columns {shown(twice)} stand more than once",
            where=people.where,
            fix="Which of them was drawn before training cannot be told: remove the others.",
        )
    both = [h for h in present if h in first and h in later]
    own = {h: n for n, h in enumerate(people.header) if h in first and h not in later}
    if not own:
        why = f"{len(both)} of them stand under a later visit too" if both else "none is a column"
        raise InputError(
            f"Of {len(first)} ids under 'Baseline' ({shown(sorted(first))}) {why}; "
            f"columns of the people: {shown(people.header)}",
            where=analytes.where,
            fix="Under 'Baseline' leave only the ids of columns drawn before training, and remove "
            "these ids from the columns of later visits.",
        )
    findings = []
    if both:
        warn(f"HERITAGE: {len(both)} columns stand under 'Baseline' and a later visit: left out.")
        text = f"{len(both)} columns are listed at baseline and later: left out, they may leak."
        findings.append(Finding("heritage_visit_unclear", "warning", text, tuple(both)))
    after = tuple(h for h in present if h not in first)
    if after:
        text = f"{len(after)} columns were drawn after training, or are changes: left out."
        findings.append(Finding("heritage_later_visit", "note", text, after))
    absent = tuple(sorted(first - set(people.header)))
    if absent:
        text = f"{len(absent)} ids under 'Baseline' are no column of the people."
        findings.append(Finding("heritage_analytes_absent", "warning", text, absent))
    return own, first | later, findings


def _measured(people: Table, used: list[int]) -> tuple[Table, list[Finding]]:
    """Leave out rows below the table: a footnote has no cell in any column of numbers but one."""
    full = [sum(not columns.empty(r[n]) for n in used) > 1 for r in people.rows]
    rest = [r for r, keep in zip(people.rows, full, strict=True) if not keep]
    rows = [r for r, keep in zip(people.rows, full, strict=True) if keep]
    if not rows:
        raise InputError(
            "There are no people below the header",
            where=people.where,
            fix="Download the file again; see exo.datasets.available().",
        )
    if not rest:
        return people, []
    cells = tuple(str(next(c for c in r if not columns.empty(c)))[:60] for r in rest)
    text = f"{len(rest)} rows hold a single cell or none that is read, and are no people."
    return Table(people.header, rows, people.where), [
        Finding("heritage_rows_left_out", "note", text, cells)
    ]


def _subjects(people: Table, roles: dict[str, int]) -> tuple[list[str], list[Finding]]:
    if schema.SUBJECT not in roles:
        text = "The file names no people: ids are row numbers, H0001 the first below the header."
        return [f"H{n + 1:04d}" for n in range(len(people.rows))], [
            Finding("heritage_row_ids", "note", text)
        ]
    ids = [columns.cell_id(c) for c in people.column(roles[schema.SUBJECT])]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice or any(columns.empty(c) for c in people.column(roles[schema.SUBJECT])):
        raise InputError(
            f"Column {people.header[roles[schema.SUBJECT]]!r} has people twice or without an id: "
            f"{shown(twice)}",
            where=people.where,
            fix="One row a person; rows of the visit after training must not be in the file.",
        )
    return ids, []


def _unread(header: list[str], roles: dict[str, int], listed: set[str]) -> list[Finding]:
    known = {header[n] for n in roles.values()} | listed
    rest = tuple(h for h in header if h and h not in known)
    if not rest:
        return []
    text = f"{len(rest)} columns are neither analytes nor known clinical data and were not read."
    return [Finding("heritage_columns_unread", "note", text, rest)]


def _clinical(people: Table, roles: dict[str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(index=range(len(people.rows)))
    for role in NUMBERS:
        if role in roles:
            frame[role] = people.numbers(roles[role])
    for role in TEXTS:
        if role in roles:
            cells = people.column(roles[role])
            frame[role] = [None if columns.empty(c) else columns.cell_id(c) for c in cells]
    # a code such as 1 and 2 stays: which is which is not stated
    words = {"male": "M", "m": "M", "man": "M", "female": "F", "f": "F", "woman": "F"}
    frame[schema.SEX] = [
        c if c is None else words.get(c.casefold(), c) for c in frame[schema.SEX].astype(object)
    ]
    return frame


def _outcomes(
    people: Table, roles: dict[str, int], clinical: pd.DataFrame
) -> tuple[pd.DataFrame, list[Finding]]:
    """VO2max before and after in ml/min: the page of the download says that both are."""
    findings = []
    pre, change = people.numbers(roles[BEFORE]), people.numbers(roles[CHANGE])
    label = {role: people.header[roles[role]] for role in (BEFORE, CHANGE)}
    unit = {role: columns.per_minute(text) for role, text in label.items()}
    if np.isnan(unit[CHANGE]):
        raise _unit_error(label[CHANGE], change, people.where)
    change = change * unit[CHANGE]
    if not np.nanmax(np.abs(change), initial=0.0) >= LEAST_CHANGE:
        raise _unit_error(label[CHANGE], change, people.where)
    if np.isnan(unit[BEFORE]):
        weight = clinical.get(columns.WEIGHT)
        text = f"{label[BEFORE]!r} is per kg: multiplied by the weight."
        if weight is None:
            text = f"{label[BEFORE]!r} is per kg and no weight is known: vo2max_pre and vo2max_post"
            text += " are NaN, and the change stands in vo2max_change (ml/min)."
            warn(f"HERITAGE: {text}")
        pre = pre * np.nan if weight is None else pre * weight.to_numpy(dtype=float)
        severity = "note" if weight is not None else "warning"
        findings.append(Finding("heritage_baseline_per_kg", severity, text))
    else:
        pre = pre * unit[BEFORE]
    known = pre[np.isfinite(pre)]
    if len(known) and not PLAUSIBLE[0] <= np.median(known) <= PLAUSIBLE[1]:
        raise _unit_error(label[BEFORE], known, people.where)
    frame = pd.DataFrame({BEFORE: pre, "vo2max_post": pre + change, CHANGE: change})
    more = clinical.drop(columns=schema.PLATE_ID, errors="ignore")
    return pd.concat([frame, more], axis=1), findings


def _unit_error(label: str, values: np.ndarray, where: str) -> InputError:
    known = values[np.isfinite(values)]
    typical = f"a median of {np.median(known):.3g}" if len(known) else "no value"
    return InputError(
        f"Column {label!r}, {typical}, is not in ml/min",
        where=where,
        fix="Give VO2max at baseline and its change in ml/min, and say so in the header.",
    )
