"""Rules on who was sampled when."""

from __future__ import annotations

import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, matrix_unknown, meta, persons_tubes, units
from exerkine_omics.errors import shown
from exerkine_omics.pp._units import column_units

_SET = "Name the columns with exo.io.set_samples."


def columns(adata: AnnData) -> list[Finding]:
    """Subject and time point must be there for every sample."""
    found = []
    missing = [c for c in (schema.SUBJECT, schema.TIMEPOINT) if c not in adata.obs]
    if missing:
        message = f"obs has no column {shown(missing)}."
        found.append(Finding("missing_columns", "error", message, tuple(missing), _SET))
    for column, name in (
        (schema.SUBJECT, "subject_missing"),
        (schema.TIMEPOINT, "timepoint_missing"),
        (schema.ARM, "arm_missing"),
    ):
        if column not in adata.obs:
            continue
        lacking = adata.obs[column].isna().to_numpy() & persons_tubes(adata)
        if lacking.any():
            rows = tuple(adata.obs_names[lacking])
            message = f"{len(rows)} samples have no {column}: {shown(rows)}."
            found.append(Finding(name, "error", message, rows, "Fill it in, or drop them."))
    return found


def _visits(adata: AnnData) -> pd.DataFrame | None:
    if schema.SUBJECT not in adata.obs or schema.TIMEPOINT not in adata.obs:
        return None
    frame = pd.DataFrame(
        {
            "sample": adata.obs_names.astype(str),
            "subject": adata.obs[schema.SUBJECT].astype(object).to_numpy(),
            "time": adata.obs[schema.TIMEPOINT].astype(object).to_numpy(),
        }
    ).dropna()
    return frame.astype(str)


def duplicates(adata: AnnData) -> list[Finding]:
    """One sample a person and time; two baselines are named apart."""
    visits = _visits(adata)
    if visits is None:
        return []
    start = str(meta(adata).get(schema.BASELINE, ""))
    twice = visits[visits.duplicated(["subject", "time"], keep=False)]
    found = []
    for name, rows, what in (
        ("two_baselines", twice[twice["time"] == start], "more than one baseline sample"),
        ("duplicate_pairs", twice[twice["time"] != start], "more than one sample at a time point"),
    ):
        if not len(rows):
            continue
        visit = (rows["subject"] + " at " + rows["time"]).unique()
        found.append(
            Finding(
                name,
                "error",
                f"{rows['subject'].nunique()} subjects have {what}: {shown(visit)}.",
                tuple(rows["sample"]),
                "Keep one sample a person and time; they are never averaged silently.",
            )
        )
    return found


def baselines(adata: AnnData) -> list[Finding]:
    """Baseline there at all, and for whom."""
    visits = _visits(adata)
    if visits is None or not len(visits):
        return []
    start = str(meta(adata).get(schema.BASELINE, ""))
    times = sorted(set(visits["time"]))
    if start not in times:
        message = f"The baseline {start!r} is not among the time points {shown(times)}."
        return [Finding("baseline_missing", "error", message, (), _SET)]
    at_start = set(visits.loc[visits["time"] == start, "subject"])
    later = set(visits.loc[visits["time"] != start, "subject"])
    found = []
    without, only = sorted(later - at_start), sorted(at_start - later)
    if without:
        message = f"{len(without)} subjects have no baseline sample: {shown(without)}."
        fix = "They make no pair; methods that use all rows still count them."
        found.append(Finding("no_baseline_sample", "warning", message, tuple(without), fix))
    if only:
        message = f"{len(only)} subjects have a baseline sample only: {shown(only)}."
        found.append(Finding("baseline_only", "note", message, tuple(only), "They make no pair."))
    return found


def arms(adata: AnnData) -> list[Finding]:
    """Name people who are in more than one arm."""
    if schema.ARM not in adata.obs or schema.SUBJECT not in adata.obs:
        return []
    rows = adata.obs[[schema.SUBJECT, schema.ARM]].astype(object).dropna().astype(str)
    counts = rows.groupby(schema.SUBJECT)[schema.ARM].nunique()
    twice = tuple(sorted(counts.index[counts > 1]))
    if not twice:
        return []
    message = f"{len(twice)} subjects are in more than one arm: {shown(twice)}."
    fix = "A crossover is analysed with arm=None and the condition in the time point."
    return [Finding("subject_in_two_arms", "error", message, twice, fix)]


def knowledge(adata: AnnData) -> list[Finding]:
    """Units, matrix and species are known, or it is said."""
    found = []
    each = column_units(adata)
    unknown = each == schema.UNKNOWN
    if units(adata) not in (*schema.UNIT_TABLE, schema.MIXED) or unknown.any():
        rows = tuple(adata.var_names[unknown]) if not unknown.all() else ()
        message = f"{shown(rows)} have no unit." if rows else "The unit of the values is not known."
        fix = f"State it with units=, one of {', '.join(schema.UNIT_TABLE)}."
        found.append(Finding("units_unknown", "warning", message, rows, fix))
    known = meta(adata)
    if known.get(schema.MATRIX, schema.UNKNOWN) == schema.UNKNOWN:
        found.append(matrix_unknown())
    if known.get(schema.SPECIES, schema.UNKNOWN) == schema.UNKNOWN:
        message = "The species is not known."
        found.append(Finding("species_unknown", "warning", message, (), "State it with species=."))
    return found


DESIGN_RULES = (columns, duplicates, baselines, arms, knowledge)
