"""Small qPCR exports of every layout that `read_cq` reads, with invented cycles.

Each well stands once: a lost line then costs a value, and no mean changes.
"""

from __future__ import annotations

import io
import zipfile

ASSAYS = (
    "hsa-miR-21-5p",
    "hsa-miR-146a-5p",
    "hsa-let-7d-3p",
    "hsa-miR-126-3p",
    "U6 snRNA",
    "cel-miR-39-3p",
)
SAMPLES = ("P01_pre", "P01_post", "P02_pre", "P02_post")
UNDETERMINED = {("P02_pre", "hsa-let-7d-3p"), ("NTC", "hsa-miR-21-5p"), ("NTC", "U6 snRNA")}
NEVER = ("P02_post", "hsa-miR-126-3p")


def cycle(sample: str, assay: str) -> float | None:
    """Cycle of a well: None where undetermined."""
    if (sample, assay) in UNDETERMINED:
        return None
    names = (*SAMPLES, "NTC")
    return round(18.253 + 2.117 * ASSAYS.index(assay) + 0.731 * names.index(sample), 3)


def wells(*, blank: bool = True) -> list[tuple[int, str, str, str, float | None]]:
    """Number, position, sample, assay and cycle of each well."""
    names = (*SAMPLES, "NTC") if blank else SAMPLES
    pairs = [(s, a) for s in names for a in ASSAYS if (s, a) != NEVER]
    return [
        (i + 1, f"{'ABCDEFGH'[i // 12]}{i % 12 + 1}", s, a, cycle(s, a))
        for i, (s, a) in enumerate(pairs)
    ]


def text(value: float | None, none: str) -> str:
    return none if value is None else repr(value)


def table(rows: list[list[object]], sep: str = "\t", end: str = "\n") -> bytes:
    return (end.join(sep.join(map(str, r)) for r in rows) + end).encode()


def sds() -> bytes:
    head = [["SDS 2.3 RQ Results", "1.2"], ["Filename", "invented.sdm"], ["Assay Type", "RQ Study"],
            ["Operator", "Nobody"], [""]]  # fmt: skip
    names = ["# ", "Plate", "Pos", "Flag", "Sample", "Detector", "Task", "Ct", "Delta Ct", "RQ",
             "Omit"]  # fmt: skip
    body = [
        [i, "Card1", w, "Flagged" if c is None else "Passed", s, a,
         "Endogenous Control" if a.startswith("U6") else "Target", text(c, "Undetermined"), "", "1",
         "FALSE"]
        for i, w, s, a, c in wells()
    ]  # fmt: skip
    return table([*head, names, *body, [""], ["Summary"], ["", "P01_pre", "U6 snRNA", "0.2"]])


def tlda() -> bytes:
    rows = [
        [i, "Card1", f"{'ABCDEFGHIJKLMNOP'[(i - 1) // 24]}{(i - 1) % 24 + 1}",
         "Flagged" if c is None else "Passed", s, a, "Target", text(c, "Undetermined"), "", "1.5",
         "0.2", "FALSE"]
        for i, _, s, a, c in wells(blank=False)
    ]  # fmt: skip
    return table(rows, end="\r")


def quantstudio() -> bytes:
    head = [
        "* Block Type = 384-Well Block", "* Chemistry = TAQMAN",
        "* Experiment Type = Cт (ΔΔCт)", "* Instrument Type = QuantStudio(TM) 7 Flex System",
        "* User Name = Nobody", "",
        "[Sample Setup]", "Well\tWell Position\tSample Name\tTarget Name", "1\tA1\tP01_pre\tx", "",
        "[Results]",
    ]  # fmt: skip
    names = ["Well", "Well Position", "Omit", "Sample Name", "Target Name", "Task", "Reporter",
             "CT", "Ct Mean", "Ct SD", "Quantity", "Comments", "Amp Score", "Cq Conf", "EXPFAIL",
             "Target Color"]  # fmt: skip
    body = [
        [i, w, "true" if (s, a) == ("P01_pre", "U6 snRNA") else "false", s, a,
         "NTC" if s == "NTC" else "UNKNOWN", "FAM", text(c, "Undetermined"), text(c, ""), "",
         "5,720.562" if i == 1 else "", "", "1.235" if c else "0.000", "0.97" if c else "0.000",
         "N" if c else "Y", '"RGB(176,23,31)"']
        for i, w, s, a, c in wells()
    ]  # fmt: skip
    empty = [99, "H12", "false", "", "", "", "", "Undetermined", "", "", "", "", "", "", "N", ""]
    lines = table([names, *body, empty]).decode()
    return ("\n".join(head) + "\n" + lines + "\nAnalysis Type = Singleplex\n").encode()


def openarray() -> bytes:
    names = ["OpenArrayPlate.SerialNumber", "Assay.TaqMan Assay ID", "Assay.Assay Name",
             "Assay.Assay Type", "Assay.Assay Pool", "ThroughHole.Ct", "ThroughHole.Outlier",
             "ThroughHole.Address", "SampleInfo.SampleID", "SampleInfo.Description"]  # fmt: skip
    rows: list[list[object]] = []
    for i, _, s, a, c in wells(blank=False):
        kind = "ENDO" if a.startswith("U6") else "TARG"
        rows.append(["GNX01", f"TM{ASSAYS.index(a):06d}", a, kind, "A", text(c, "40"),
                     str(i == 3).upper(), f"A1a{i}", s, s.split("_")[0]])  # fmt: skip
    # one name, two assays
    rows.append(["GNX01", "TM000009", ASSAYS[0], "TARG", "B", "22.5", "FALSE", "B1a1", "P01_pre",
                 "P01"])  # fmt: skip
    return table([names, *rows], ",")


def cfx() -> bytes:
    names = ["", "Well", "Fluor", "Target", "Content", "Sample", "Biological Set Name", "Cq",
             "Cq Mean", "Cq Std. Dev", "Starting Quantity (SQ)", "Set Point"]  # fmt: skip
    rows = [
        ["", w, "SYBR", a, "NTC" if s == "NTC" else f"Unkn-{i:02d}", "" if s == "NTC" else s,
         s.split("_")[-1], text(c, "NaN"), text(c, "0"), "0", "NaN", "60"]
        for i, w, s, a, c in wells()
    ]  # fmt: skip
    rows.append(["", "H11", "SYBR", ASSAYS[0], "Std-1", "", "", "15.125", "15.125", "0", "1.0E+04",
                 "60"])  # fmt: skip
    return table([names, *rows], ",")


def cfx_european() -> bytes:
    """Semicolons and decimal commas, with the preamble of a data export."""
    rows = [
        [w, "SYBR", a, "Unkn", s, text(c, "N/A").replace(".", ",")]
        for _, w, s, a, c in wells(blank=False)
    ]
    head = [["File Name", "invented.pcrd"], ["Created By User", "Nobody"], [""]]
    names = ["Well", "Fluor", "Target", "Content", "Sample", "Cq"]
    return table([*head, names, *rows], ";")


def biomark() -> bytes:
    head = [["Chip Run Filename", "invented.bml"], ["Application Version", "4.1"], [""]]
    groups = ["Experiment Information"] * 6 + ["FAM-MGB"] * 4
    first = ["Chamber", "Sample", "Sample", "Sample", "FAM-MGB", "FAM-MGB", "Ct", "Ct", "Ct", "Ct"]
    second = ["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call",
              "Threshold"]  # fmt: skip
    rows = [
        [f"S{i:02d}-A01", s, "NTC" if s == "NTC" else "Unknown", "1", a,
         "Reference" if a.startswith("U6") else "Test", text(c, "999"), "0.93" if c else "0",
         "Pass" if c else "Fail", "0.05"]
        for i, _, s, a, c in wells()
    ]  # fmt: skip
    return table([*head, groups, first, second, *rows], ",", "\r\n")


def lightcycler() -> bytes:
    head = [["Experiment: invented Selected Filter: SYBR Green (483-533)"]]
    names = ["Include", "Color", "Pos", "Name", "Cp", "Concentration", "Standard", "Status"]
    rows = [
        ["True", "255" if i != 3 else "65280", f"A{i + 1}", name, "" if i == 3 else 20.11 + i, "",
         "0", ""]
        for i, name in enumerate((*SAMPLES, "no template control"))
    ]  # fmt: skip
    return table([*head, names, *rows])


def long_table() -> bytes:
    rows = [[s, a, text(c, ""), c is None, 1 if s.startswith("P01") else 2]
            for _, _, s, a, c in wells(blank=False)]  # fmt: skip
    return table([["sample", "assay", "Cq", "undetermined", "batch"], *rows], ",")


def plate_table() -> bytes:
    rows = [[w, s, a, text(c, "No Ct")] for _, w, s, a, c in wells()]
    return table([["Well", "Sample Name", "Detector", "Cт"], *rows])


def rdml(*, declared: str = "") -> bytes:
    kinds = {"NTC": "ntc"}
    samples = "".join(
        f'<sample id="{s}"><type>{kinds.get(s, "unkn")}</type></sample>' for s in (*SAMPLES, "NTC")
    )
    samples += ('<sample id="S1"><type>std</type><quantity><value>1000</value><unit>cop</unit>'
                "</quantity></sample>")  # fmt: skip
    targets = "".join(
        f'<target id="{a}"><type>{"ref" if a.startswith("U6") else "toi"}</type></target>'
        for a in ASSAYS
    )
    reacts = "".join(
        f'<react id="{i}"><sample id="{s}"/><data><tar id="{a}"/>'
        + ("<cq>-1.0</cq>" if c is None else f"<cq>{c!r}</cq>")
        + "<adp><cyc>1</cyc><fluor>0.1</fluor></adp></data></react>\n"
        for i, _, s, a, c in wells()
    )
    reacts += (f'<react id="95"><sample id="S1"/><data><tar id="{ASSAYS[0]}"/><cq>15.5</cq>'
               "</data></react>")  # fmt: skip
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>{declared}\n'
        '<rdml xmlns="http://www.rdml.org" version="1.1"><dateMade>2020-01-01</dateMade>\n'
        f'{samples}{targets}\n<experiment id="E"><run id="R"><instrument>none</instrument>\n'
        f"{reacts}</run></experiment></rdml>\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("rdml_data.xml", (2020, 1, 1, 0, 0, 0)), body)
    return buffer.getvalue()


def workbook(*, results: bool = True) -> bytes:
    """Design & Analysis: words, a header, a row a well."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Results" if results else "Raw Data"
    other = book.create_sheet("Amplification Data")
    for each in (sheet, other):
        each.append(["File Name", "invented.eds"])
        each.append(["Operator", "Nobody"])
        each.append(["Instrument Type", "QuantStudio 7 Pro"])
        each.append([])
    other.append(["Well", "Cycle Number", "Target", "Rn", "Sample"])
    if results:
        sheet.append(["Well", "Well Position", "Omit", "Sample", "Target", "Task", "Reporter",
                      "Amp Score", "Cq", "Cq Confidence", "Cq Mean"])  # fmt: skip
        for i, w, s, a, c in wells():
            task, value = "NTC" if s == "NTC" else "UNKNOWN", "UNDETERMINED" if c is None else c
            sheet.append([float(i), w, "FALSE", s, a, task, "FAM", 1.2, value, 0.9, c])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """Small whole files by name."""
    return {
        "cq_sds.txt": sds(),
        "cq_tlda.txt": tlda(),
        "cq_quantstudio.txt": quantstudio(),
        "cq_openarray.csv": openarray(),
        "cq_cfx.csv": cfx(),
        "cq_cfx_european.csv": cfx_european(),
        "cq_biomark.csv": biomark(),
        "cq_lightcycler.txt": lightcycler(),
        "cq_long.csv": long_table(),
        "cq_plate.txt": plate_table(),
        "cq_rdml.rdml": rdml(),
        "cq_design_analysis.xlsx": workbook(),
    }
