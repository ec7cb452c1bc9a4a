"""Read the 50 km ultramarathon from the workbooks of its repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import io, schema
from exerkine_omics.errors import InputError

TIMEPOINTS = ("visit1_rest", "pre", "lap1_10km", "finish_50km", "post_24h")
RACE = TIMEPOINTS[1:]
BASELINE = "pre"
VISIT_CODES = dict(zip(("V1", "V2b", "V2L1", "V2F", "V3"), TIMEPOINTS, strict=True))
# id, name, gene symbol, UniProt, unit; calprotectin is a heterodimer, creatine kinase a total
ANALYTES = (
    ("IL6", "Interleukin-6", "IL6", "P05231", "pg/ml"),
    ("IL8", "Interleukin-8", "CXCL8", "P10145", "pg/ml"),
    ("TNFa", "Tumor necrosis factor", "TNF", "P01375", "pg/ml"),
    ("IL1b", "Interleukin-1 beta", "IL1B", "P01584", "pg/ml"),
    ("calprotectin", "Calprotectin (S100A8/S100A9)", "S100A8", "P05109", "ng/ml"),
    ("CK", "Creatine kinase (total activity)", "CKM", "P06732", "U/l"),
)
CYTOKINE_LABELS = {"TNFa": "TNFa", "IL-8": "IL8", "IL-6": "IL6", "IL1B": "IL1b"}
BLOOD_LABELS = {
    "CK": "CK",
    "Hct": "hematocrit_pct",
    "Hb": "hemoglobin_g_dl",
    "RC": "rbc_million_ul",
    "WC": "wbc",
}
COUNTS = ("hematocrit_pct", "hemoglobin_g_dl", "rbc_million_ul", "wbc")


def read(files: dict[str, Path]) -> AnnData:
    """Return the cohort: concentrations, chronological time points, blood counts in obs."""
    blood, people = _blood(_sheet(files["CK_and_WBCs.xlsx"], "CK, Hct, RBC, WBC"))
    values = pd.concat(
        [
            _cytokines(_sheet(files["Inflammatory_factors.xlsx"], "Raw Data")),
            _calprotectin(_sheet(files["Calprotectin.xlsx"], "Delta Calprotectin")),
            blood,
        ],
        axis=1,
    )
    order = pd.MultiIndex.from_product([people.index, TIMEPOINTS])
    values = values.reindex(order)
    # a visit without any measurement was missed
    values = values[values.notna().any(axis=1)]
    if "subjects.csv" in files:
        more = pd.read_csv(files["subjects.csv"]).set_index("subject")
        people = people.join(more.drop(columns=["age", "sex"]))
    names = [a[0] for a in ANALYTES]
    subject, time = values.index.get_level_values(0), values.index.get_level_values(1)
    samples = values[list(COUNTS)].set_axis(subject + "|" + time, axis=0)
    samples.insert(0, schema.TIMEPOINT, time.to_numpy())
    samples.insert(0, schema.SUBJECT, subject.to_numpy())
    samples = samples.join(people, on=schema.SUBJECT)
    features = pd.DataFrame(
        [a[1:] for a in ANALYTES],
        index=names,
        columns=[schema.NAME, schema.GENE_SYMBOL, schema.UNIPROT, schema.MEASURED_IN],
    )
    adata = io.from_frames(
        values[names].set_axis(samples.index, axis=0),
        samples,
        features,
        subject=schema.SUBJECT,
        timepoint=schema.TIMEPOINT,
        baseline=BASELINE,
        units="concentration",
        modality="proteomics",
        timepoint_order=list(TIMEPOINTS),
        species="human",
        matrix_type=schema.UNKNOWN,
        platform="msd_elisa_clinical",
    )
    # the rest visit lies before the baseline, so that only later times are contrasted with it
    levels = adata.obs[schema.TIMEPOINT].cat.reorder_categories(list(TIMEPOINTS), ordered=True)
    adata.obs[schema.TIMEPOINT] = levels
    found = adata.uns[schema.UNS][schema.FINDINGS]
    keep = found["id"].astype(str) != "baseline_moved_first"
    adata.uns[schema.UNS][schema.FINDINGS] = found[keep].reset_index(drop=True)
    return adata


def _sheet(path: Path, name: str) -> pd.DataFrame:
    try:
        return pd.read_excel(path, sheet_name=name, header=None)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(
            f"The workbook has no readable sheet {name!r}: {error}",
            where=str(path),
            fix="Use the file of the pinned commit; see exo.datasets.available().",
        ) from error


def _people_index(numbers: pd.Series) -> pd.Index:
    return pd.Index([f"U{int(n):02d}" for n in numbers])


def _find(sheet: pd.DataFrame, value: Any) -> list[tuple[int, int]]:
    rows, columns = np.nonzero((sheet == value).to_numpy())
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _cytokines(sheet: pd.DataFrame) -> pd.DataFrame:
    """Four blocks side by side: a label, then Baseline, Lap1, Finish, Post for people 1-11."""
    blocks = {}
    for label, analyte in CYTOKINE_LABELS.items():
        starts = [
            (row + 1, shift)
            for row, column in _find(sheet, label)
            for shift in range(max(column - 2, 0), min(column + 4, sheet.shape[1]))
            if row + 1 < len(sheet) and sheet.iat[row + 1, shift] == "Baseline"
        ]
        if not starts:
            raise InputError(f"The block of {label!r} was not found", where="sheet 'Raw Data'")
        blocks[analyte] = _block(sheet, *starts[0])
    values = pd.DataFrame(blocks)
    values["IL1b"] = _plate_means(sheet, values["IL8"])
    return values


def _plate_means(sheet: pd.DataFrame, known: pd.Series) -> pd.Series:
    """IL-1 beta as the instrument averaged its wells.

    The authors' table drops wells below the curve, which doubles some means. The plate names
    samples by code only; a code is a person's visit where their IL-8 means are the same number.
    """
    plate = pd.DataFrame(
        {
            "code": sheet[0].astype(str),
            "assay": sheet[1].astype(str),
            "mean": pd.to_numeric(sheet[9], errors="coerce"),
        }
    ).drop_duplicates()
    eight = plate[plate["assay"].str.startswith("IL-8") & plate["mean"].notna()]
    code_of = pd.Series(eight["code"].to_numpy(), index=eight["mean"].round(9).to_numpy())
    target = plate[plate["assay"].str.startswith("IL-1")].groupby("code")["mean"].first()
    codes = known.round(9).map(code_of[~code_of.index.duplicated(keep=False)])
    return codes.map(target).astype(float)


def _calprotectin(sheet: pd.DataFrame) -> pd.DataFrame:
    row, column = _find(sheet, "Pre")[0]
    return pd.DataFrame({"calprotectin": _block(sheet, row, column)})


def _block(sheet: pd.DataFrame, row: int, column: int) -> pd.Series:
    """Read the table under a header cell of the first time point; the number stands left of it."""
    body = sheet.iloc[row + 1 :, column - 1 : column + len(RACE)]
    numbers = pd.to_numeric(body.iloc[:, 0], errors="coerce")
    stop = int((numbers == np.arange(1, len(numbers) + 1)).cummin().sum())
    table = body.iloc[:stop, 1:].apply(pd.to_numeric, errors="coerce")
    table = table.set_axis(list(RACE), axis=1).set_axis(_people_index(numbers.iloc[:stop]), axis=0)
    return table.stack(future_stack=True).astype(float)


def _blood(sheet: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Columns ``V2L1-CK`` and so on: visit and analyte; one row a person."""
    head = sheet.iloc[1]
    who = sheet[0].astype(str).str.extract(r"^ULTRA_(\d+)$")[0]
    body = sheet[who.notna()].set_axis(_people_index(who.dropna().astype(int)), axis=0)
    parts = {}
    for column, label in head.items():
        visit, _, analyte = str(label).partition("-")
        if visit in VISIT_CODES and analyte in BLOOD_LABELS:
            key = (BLOOD_LABELS[analyte], VISIT_CODES[visit])
            parts[key] = pd.to_numeric(body[column], errors="coerce").astype(float)
    wide = pd.DataFrame(parts)
    long = pd.DataFrame(
        {name: wide[name].stack(future_stack=True) for name in BLOOD_LABELS.values()}
    )
    people = pd.DataFrame(
        {"age": pd.to_numeric(body[1]).astype(float), "sex": body[2].astype(str).str.strip()}
    )
    return long, people
