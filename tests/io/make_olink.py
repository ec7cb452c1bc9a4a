"""Small whole files of every Olink layout, in our own words and with invented values.

Eight people at two visits, IL6 on both panels, two tubes of one control on two plates, and a
kit's own controls: enough that each rule of the reader meets its case.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ASSAYS = [
    ("OID00482", "P05231", "IL6", "Olink Inflammation"),
    ("OID00471", "P10145", "IL8", "Olink Inflammation"),
    ("OID00472", "P15692", "VEGFA", "Olink Inflammation"),
    ("OID01010", "P05231", "IL6", "Olink Metabolism"),
    ("OID01011", "Q99988", "GDF15", "Olink Metabolism"),
]
PEOPLE = [f"P{i:02d}_{v}" for i in range(1, 9) for v in ("pre", "post")]
PLATES = {"Olink Inflammation": ("INF_1", "INF_2"), "Olink Metabolism": ("MET_1", "MET_2")}


def classic() -> pd.DataFrame:
    """Long rows with the columns of Target 96: 18 tubes on two plates a panel."""
    rng = np.random.default_rng(11)
    rows = []
    tubes = [*PEOPLE[:8], "CONTROL_SAMPLE_1", *PEOPLE[8:], "CONTROL_SAMPLE_1"]
    for oid, uniprot, name, panel in ASSAYS:
        for number, tube in enumerate(tubes):
            second = number > 8
            warned = tube == "P03_post" and panel == "Olink Inflammation"
            rows.append({
                "SampleID": tube, "Index": number + 1, "OlinkID": oid, "UniProt": uniprot,
                "Assay": name, "MissingFreq": 0.125, "Panel": panel, "Panel_Version": "v.3021",
                "PlateID": PLATES[panel][second], "QC_Warning": "Warning" if warned else "Pass",
                "LOD": 1.25 if second else 1.5, "NPX": round(float(rng.normal(3, 1.5)), 5),
                "Normalization": "Intensity",
            })  # fmt: skip
    frame = pd.DataFrame(rows)
    frame.loc[3, "NPX"] = np.nan
    return frame


def explore() -> pd.DataFrame:
    """Long rows with the columns of Explore HT: controls of plates and kit, several limits."""
    rng = np.random.default_rng(12)
    tubes = [(p, "SAMPLE", i) for i, p in enumerate(PEOPLE[:6])]
    tubes += [("PC1", "PLATE_CONTROL", 6), ("NC1", "NEGATIVE_CONTROL", 7)]
    tubes += [("SC1", "SAMPLE_CONTROL", 8), ("BR1", "SAMPLE", 9)]
    assays = [
        ("OID40001", "P05231", "IL6", "assay", "1"), ("OID40002", "Q99988", "GDF15", "assay", "1"),
        ("OID40003", "P15018", "LIF", "assay", "2"),
        ("OID49001", "", "Extension control 1", "ext_ctrl", "1"),
    ]  # fmt: skip
    rows = []
    for plate in ("HT_A", "HT_B"):
        for tube, kind, well in tubes:
            if kind == "SAMPLE" and tube != "BR1" and (well > 2) == (plate == "HT_A"):
                continue
            for oid, uniprot, name, sort, block in assays:
                out = name == "LIF" and plate == "HT_B"
                npx = round(float(rng.normal(1, 2)), 4)
                rows.append({
                    "SampleID": tube, "SampleType": kind, "WellID": f"A{well + 1}",
                    "PlateID": plate, "DataAnalysisRefID": {"HT_A": "D10", "HT_B": "D11"}[plate],
                    "OlinkID": oid, "UniProt": uniprot, "Assay": name, "AssayType": sort,
                    "Panel": "Explore_HT", "Block": block, "Count": int(rng.integers(0, 2000)),
                    "ExtNPX": npx - 3, "NPX": np.nan if out else npx,
                    "Normalization": "Plate control", "PCNormalizedNPX": npx + 0.5,
                    "AssayQC": "EXCLUDED" if out else "WARN" if name == "GDF15" else "PASS",
                    "SampleQC": "FAIL" if (tube, block) == ("P02_pre", "1") else "PASS",
                    "SampleBlockQCWarn": 0, "NCLOD": 0.25, "FixedLOD": 0.75,
                    "PCNormalizedLOD": 0.5,
                })  # fmt: skip
    return pd.DataFrame(rows)


def quantified() -> pd.DataFrame:
    """Long rows of a Target 48 file in pg/mL."""
    rng = np.random.default_rng(13)
    rows = [
        {"SampleID": tube, "Index": i + 1, "OlinkID": oid, "UniProt": uniprot, "Assay": name,
         "MissingFreq": 0, "Panel": "Olink Target 48 Cytokine", "Panel_Lot_Nr": "B1",
         "PlateID": "T48_1", "QC_Warning": "Pass", "Plate LOD": 0.3, "LLOQ": 0.5, "ULOQ": 900.0,
         "Quantified_value": round(float(rng.lognormal(1, 1)), 4), "Unit": "pg/mL",
         "Assay_Warning": "Pass", "Normalization": "NA"}
        for oid, uniprot, name, _ in ASSAYS[:3] for i, tube in enumerate(PEOPLE[:6])
    ]  # fmt: skip
    return pd.DataFrame(rows)


def wide(unit: str = "") -> list[list[object]]:
    """Rows of a wide sheet, of Target 96 in NPX or, with a unit, of Target 48."""
    frame = classic()
    frame["tube"] = frame["SampleID"] + "@" + frame["Index"].astype(str)
    panels = list(PLATES)
    head: list[list[object]] = [["Invented study", "NPX Signature 1.11.0"]]
    head += [["Quantified data" if unit else "NPX data"]]
    extra = len(panels)
    columns = {k: [a[i] for a in ASSAYS] for i, k in enumerate(("oid", "uni", "name", "panel"))}
    panel = [*columns["panel"], *panels, *panels]
    if unit:
        panel = [p.replace("Olink", "Olink Target 48") for p in panel]
    rows = [
        *head,
        ["Panel", *panel],
        ["Assay", *columns["name"], *["Plate ID"] * extra, *["QC Warning"] * extra],
        ["Uniprot ID", *columns["uni"], *[None] * 4],
        ["OlinkID", *columns["oid"], *[None] * 4],
        *([["Unit", *[unit] * 5, *[None] * 4]] if unit else []),
        [None],
    ]
    for tube, part in frame.groupby("tube", sort=False):
        values = [None if np.isnan(v) else 2.0**v if unit else v for v in part["NPX"]]
        by = part.drop_duplicates("Panel").set_index("Panel")
        plates, qc = (list(by.loc[panels, c]) for c in ("PlateID", "QC_Warning"))
        rows.append([str(tube).split("@")[0], *values, *plates, *qc])
    rows.append([None])
    for number, limit in enumerate((1.5, 1.25)):
        plates = [PLATES[p][number] for p in panels]
        rows.append(["Plate LOD", *[limit] * 5, *plates, None, None])
        if unit:
            rows.append(["Assay warning", "Warn" if number else "Pass", *["Pass"] * 4, *plates])
    rows += [["LLOQ", *[1.0] * 5]] if unit else [["Max LOD", *[1.5] * 5]]
    rows += [["Missing Data freq.", *[0.125] * 5], ["Normalization", *["Intensity"] * 5]]
    width = max(map(len, rows))
    return [r + [None] * (width - len(r)) for r in rows]


def _csv(frame: pd.DataFrame, **options: object) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n", **options).encode()


def _xlsx(rows: list[list[object]], title: str) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    raw = io.BytesIO()
    book.save(raw)
    return _same_bytes(raw.getvalue())


def _same_bytes(data: bytes) -> bytes:
    """Give an archive a fixed date, so that it is the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in sorted(old.namelist()):
            member = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]{8}Z", b"2020-01-01T00:00:00Z", old.read(name))
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            new.writestr(info, member, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _zip(name: str, data: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(name, data)
    return _same_bytes(raw.getvalue())


def _parquet(frame: pd.DataFrame) -> bytes:
    meta = {
        "FileVersion": "1.0",
        "ProjectName": "Invented",
        "SampleMatrix": "EDTA Plasma",
        "DataFileType": "NPX File",
        "Product": "ExploreHT",
    }
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(meta)
    raw = io.BytesIO()
    pq.write_table(table, raw, write_page_checksum=True)  # without, a flipped bit is another value
    return raw.getvalue()


def files() -> dict[str, bytes]:
    """Return ``{name: content}``."""
    old, new = classic(), explore()
    trimmed = old.drop(columns=["OlinkID", "LOD", "MissingFreq", "Panel_Version", "Normalization"])
    trimmed = trimmed[trimmed["SampleID"] != "CONTROL_SAMPLE_1"]
    sheet = wide()
    text = "\n".join(";".join("" if c is None else str(c) for c in row) for row in sheet) + "\n"
    return {
        "olink_long.csv": _csv(old, sep=";", quoting=2, na_rep="NA"),
        "olink_long_comma.csv": _csv(old, sep=";", decimal=","),
        "olink_long_tab.txt": _csv(old, sep="\t", na_rep="NA"),
        "olink_long.csv.gz": gzip.compress(_csv(old), mtime=0),
        "olink_long.zip": _zip("npx.csv", _csv(old, sep=";")),
        "olink_trimmed.csv": _csv(trimmed.drop(columns=["PlateID", "QC_Warning"])),
        "olink_explore.csv": _csv(new, sep=";"),
        "olink_explore.parquet": _parquet(new),
        "olink_quantified.csv": _csv(quantified(), sep=";"),
        "olink_wide.xlsx": _xlsx(sheet, "NPX Wide"),
        "olink_wide_quantified.xlsx": _xlsx(wide("pg/mL"), "Quantified"),
        "olink_wide.csv": text.encode(),
    }
