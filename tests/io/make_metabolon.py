"""Small Metabolon workbooks, old and new layout, with invented compounds and values."""

from __future__ import annotations

import datetime
import io
import math
import re
import zipfile

SAMPLES = ("P01_pre", "P01_post", "P02_pre", "P02_post", "P03_pre", "P03_post")
# compound id, name, pathway, method, mass, CAS, PUBCHEM, KEGG, HMDB
COMPOUNDS = (
    (101, "invented lactate", "Carbohydrate", "LC/MS Neg", 89.02, "50-21-5", 612, "C00186",
     "HMDB00190"),
    # 4004-05-1 as Excel keeps it
    (102, "invented-GPE (18:1/18:1)*", "Lipid", "LC/MS Pos Late", 744.55,
     datetime.datetime(4004, 5, 1), 9546757, None, None),
    (103, "two isomers [1]", "Lipid", "LC/MS Pos Early", 301.2, None, "11;12", None,
     "HMDB00001,HMDB00002"),
    (104, "X - 14568", None, "LC/MS Neg", 246.1, None, None, None, None),
    (105, "invented urate", "Nucleotide", "LC/MS Neg", 167.02, "69-93-2", 1175, "C00366",
     "HMDB00289"),
)  # fmt: skip
MISSING = {("P02_pre", 102), ("P03_post", 104), ("P01_post", 104)}


def area(sample: str, compound: int) -> int | None:
    """Peak area: None where nothing was found."""
    if (sample, compound) in MISSING:
        return None
    return 1207 + 9173 * (compound - 100) + 1319 * SAMPLES.index(sample) * (compound % 3 + 1)


def scaled(sample: str, compound: int) -> float | None:
    """Peak area by the median of the compound."""
    value = area(sample, compound)
    there = sorted(a for s in SAMPLES if (a := area(s, compound)) is not None)
    half = len(there) // 2
    median = there[half] if len(there) % 2 else (there[half - 1] + there[half]) / 2
    return None if value is None else round(value / median, 4)


def filled(sample: str, compound: int) -> float:
    """Scaled value, the least of the compound where there is none."""
    value = scaled(sample, compound)
    least = min(x for s in SAMPLES if (x := scaled(s, compound)) is not None)
    return least if value is None else value


def book(sheets: dict[str, list[list[object]]]) -> bytes:
    """Pack worksheets; the same bytes each time."""
    import openpyxl

    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    first, second = io.BytesIO(), io.BytesIO()
    made.save(first)
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(second, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2020-01-01T00:00:00Z", data)
            fixed = zipfile.ZipInfo(item.filename, (2020, 1, 1, 0, 0, 0))
            new.writestr(fixed, data, zipfile.ZIP_DEFLATED)
    return second.getvalue()


def old_sheet(value, client=lambda s: s, more=()) -> list[list[object]]:
    """Sample rows above the feature table; the corner names the column and the row."""
    samples: list[tuple[str, list[object]]] = [
        ("SAMPLE_NAME", [f"INV-{i:05d}" for i in range(len(SAMPLES))]),
        ("CLIENT_IDENTIFIER", [client(s) for s in SAMPLES]),
        ("SUBJECT", [s.split("_")[0] for s in SAMPLES]),
        ("TIME", [s.split("_")[1] for s in SAMPLES]),
        ("RUN_DAY", [1, 1, 2, 2, 2, 2]),
        *more,
    ]
    rows: list[list[object]] = [[None] * 11 + [label, *cells] for label, cells in samples]
    head = ["PATHWAY_SORTORDER", "BIOCHEMICAL", "SUPER_PATHWAY", "SUB_PATHWAY", "COMP_ID",
            "PLATFORM", "RI", "MASS", "CAS", "PUBCHEM", "KEGG",
            "                     Group   HMDB_ID"]  # fmt: skip
    rows.append([*head, *[f"{s.split('_')[1]} visit" for s in SAMPLES]])
    for number, (id, name, pathway, method, mass, cas, pubchem, kegg, hmdb) in enumerate(COMPOUNDS):
        about = [number + 1 if pathway else None, name, pathway, pathway and f"{pathway} inv.", id,
                 method, 1000 + number, mass, cas, pubchem, kegg, hmdb]  # fmt: skip
        rows.append([*about, *[value(s, id) for s in SAMPLES]])
    return rows


WORDS: list[list[object]] = [[], [None, "OrigScale", None, "Values in terms of raw area counts."]]


def old_layout() -> bytes:
    return book(
        {
            "Explanation": WORDS,
            "OrigScale (plasma)": old_sheet(area),
            # clients rename their samples between the worksheets
            "ScaledImpData (plasma)": old_sheet(
                filled, client=lambda s: s.replace("_", "-"), more=[("COMMENT", [None] * 6)]
            ),
        }
    )


def thousands() -> bytes:
    """Areas as text with thousands set apart, but for one compound."""

    def text(sample: str, compound: int) -> object:
        value = area(sample, compound)
        if value is None:
            return "NA" if compound == 104 else None
        return value if compound == 105 else f"{value:,}"

    return book({"OrigScale": old_sheet(text)})


def value_sheet(value, samples=SAMPLES, corner: str | None = None) -> list[list[object]]:
    """Samples x compounds, the newer layout."""
    rows: list[list[object]] = [[corner, *[999_000_000 + c[0] for c in COMPOUNDS]]]
    return rows + [[s, *[value(s, c[0]) for c in COMPOUNDS]] for s in samples]


def new_layout(*, beside: bool = True, drop: tuple[str, ...] = (), base: float = math.e) -> bytes:
    """All worksheets; controls stand among the peak areas only."""

    def peaks(sample: str, compound: int) -> object:
        if sample.startswith("C"):
            return 5003 + compound
        return area(sample, compound) or "#N/A"

    annotation: list[list[object]] = [
        ["CHEM_ID", "COMP_ID", "SUPER_PATHWAY", "PATHWAY_SORTORDER", "TYPE", "INCHIKEY", "SMILES",
         "CHEMICAL_NAME", "CAS", "HMDB", "KEGG", "PUBCHEM", "PLATFORM"]
    ]  # fmt: skip
    for i, (id, name, pathway, method, _, cas, pubchem, kegg, hmdb) in enumerate(COMPOUNDS):
        kind = "UNNAMED" if name.startswith("X - ") else "NAMED"
        annotation.append([999_000_000 + id, id, pathway, i, kind, f"INVENTEDKEY-{id}", None, name,
                           cas, hmdb, kegg, pubchem, method])  # fmt: skip
    annotation += [[None] * 13 for _ in range(30)]
    # in another order than the values
    annotation[1:6] = reversed(annotation[1:6])
    meta: list[list[object]] = [["PARENT_SAMPLE_NAME", "CLIENT_IDENTIFIER", "SUBJECT", "TIME",
                                 "NEG", "CLIENT_MATRIX", "COMMENT"]]  # fmt: skip
    for i, s in enumerate(reversed(SAMPLES)):
        meta.append([s, f"tube {i}", *s.split("_"), 1 + i // 3, "EDTA Plasma", None])
    areas = value_sheet(peaks, ("C1", "C2", *SAMPLES))
    if beside:
        areas[3] = [*areas[3], None, None, 200, 210]
    sheets = {
        "Data Key & Explanation": [[None, "Invented words"], ["Peak Area Data", "areas"]],
        "Chemical Annotation": annotation,
        "Sample Meta Data": meta,
        "Peak Area Data": areas,
        "Batch-normalized Data": value_sheet(lambda s, c: scaled(s, c) or "NA"),
        "Batch-norm Imputed Data": value_sheet(filled),
        "Mass_extracted-norm Data": value_sheet(
            lambda s, c: filled(s, c) / (2 + SAMPLES.index(s)), corner="PARENT_SAMPLE_NAME"
        ),
        "Log Transformed Data": value_sheet(lambda s, c: math.log(filled(s, c)) / math.log(base)),
    }
    return book({n: rows for n, rows in sheets.items() if n not in drop})


def files() -> dict[str, bytes]:
    """Small whole files by name."""
    return {
        "metabolon_old.xlsx": old_layout(),
        "metabolon_thousands.xlsx": thousands(),
        "metabolon_new.xlsx": new_layout(),
    }
