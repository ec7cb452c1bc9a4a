"""Small ADAT files with invented values, in the layouts of assay versions 4 and 3."""

from __future__ import annotations

import numpy as np

_APTAMERS = [
    ("10000-28", "Invented protein A", "PRA", "P00001", "1001", "GENA", "Protein", "20"),
    ("4930-21", "Stanniocalcin-like", "STC", "P00002 P00003", "1002 1003", "GENB GENC", "Protein",
     "0.5"),
    ("2567-5", "Complement-like", "CFX", "P00004", "1004", "GEND", "Protein", "0.005"),
    ("2171-12", "Hyb control", "Hyb 1", "", "", "", "Hybridization Control Elution", "0"),
]  # fmt: skip
_CONFIG = (
    '{"analysisSteps":[{"stepType":"hybNorm"},{"stepName":"medNormInt","stepType":"medNorm",'
    '"includeSampleTypes":["Calibrator","Buffer"]},{"stepName":"anmlSMP","stepType":"ANML",'
    '"includeSampleTypes":["Sample"]}]}'
)


def files() -> dict[str, bytes]:
    """Return the files by name."""
    return {"somascan_v4.adat": _v4(), "somascan_v3.adat": _v3()}


def _v4() -> bytes:
    rng = np.random.default_rng(4)
    header = [
        "!Checksum",
        "^HEADER",
        "!AdatId\tGID-0000",
        "!Version\t1.2",
        "!AssayType\tPharmaServices",
        "!Legal\tInvented, for tests only",
        "!ProcessSteps\tRaw RFU, Hyb Normalization, medNormInt (SampleId), plateScale, "
        "Calibration, anmlQC, qcCheck, anmlSMP",
        "!StudyMatrix\tEDTA Plasma",
        "!PlateType\t",
        "StudyOrganism",
        "!Title\tRound trip",
        f"ReportConfig\t{_CONFIG}",
    ]
    col_names = ["SeqId", "SeqIdVersion", "TargetFullName", "Target", "UniProt", "EntrezGeneID",
                 "EntrezGeneSymbol", "Organism", "Units", "Type", "Dilution",
                 "Cal_Plate_1", "ColCheck"]  # fmt: skip
    row_names = ["PlateId", "SlideId", "Subarray", "SampleId", "SampleType", "Barcode",
                 "SampleNotes", "HybControlNormScale", "RowCheck", "NormScale_20",
                 "ANMLFractionUsed_20", "Age", "Sex"]  # fmt: skip
    columns = [
        [a[0], "3", a[1], a[2], a[3], a[4], a[5], "Human", "RFU", a[6], a[7],
         f"{0.9 + i / 7:.8f}", "FLAG" if i == 1 else "PASS"]
        for i, a in enumerate(_APTAMERS)
    ]  # fmt: skip
    samples = []
    kinds = [("S1", "Sample"), ("S2", "Sample"), ("S3", "Sample"), ("170261", "Calibrator"),
             ("170261", "Calibrator"), ("170255", "QC"), ("190063", "Buffer")]  # fmt: skip
    for i, (name, kind) in enumerate(kinds):
        person = kind == "Sample"
        samples.append(
            ["Plate 1", f"25849580{i:04d}", str(i + 1), name, kind, f"03344{i:05d}",
             'took "two" tries' if i == 1 else "", f"{1 + i / 31:.8f}", "PASS" if i else "FLAG",
             f"{1 - i / 37:.8f}" if kind != "Buffer" else "", f"{0.9 + i / 100:.3f}",
             str(40 + i) if person else "", "FM"[i % 2] if person else ""]
        )  # fmt: skip
    values = [[f"{v:.1f}" for v in row] for row in rng.lognormal(7, 1, (len(kinds), 4))]
    lines = _sections(header, col_names, row_names)
    lines += _table(col_names, row_names, columns, samples, values)
    return ("\r\n".join(lines) + "\r\n").encode()


def _v3() -> bytes:
    """Saved by a spreadsheet: padded lines, a rounded SlideId, quotes, columns renamed by hand."""
    rng = np.random.default_rng(3)
    col_names = ["SeqId", "SomaId", "Target", "UniProt", "Units", "CalReference", "Dilution"]
    row_names = ["PlateId", "SlideId", "Subarray", "SampleId", "SampleType", "Time", "Subject",
                 "NormScale_40.0", "RowCheck"]  # fmt: skip
    columns = [
        ["2567-5_6", "SL000001", "Factor A", "P00001", "RFU", "70959.1", "0.005"],
        ["2623-54_4", "SL000002", "Factor B", "P00002", "RFU", "141.9", "40.0"],
    ]
    samples, values = [], []
    for person in ("C01", "D02"):
        for time in ("t0", "t1", "t2"):
            row = len(samples)
            samples.append(
                ["Set A", "2,54E+11", str(row % 2 + 1), f"{time}.{person}", "Sample", time, person,
                 f"{rng.uniform(0.8, 1.2):.3f}", "PASS"]
            )  # fmt: skip
            values.append([f"{v:.1f}" for v in rng.lognormal(6, 1, 2)])
    header = [
        "!Checksum\t0123456789abcdef0123456789abcdef01234567",
        "^HEADER",
        "!Version\t1.0.2",
        '!ProcessSteps\t"HybNorm External file; MedNorm([SampleType]); Calibrate; "',
        "!StudyMatrix\tSerum",
        "!StudyOrganism\tHuman",
    ]
    # what is declared need not be what is there
    lines = _sections(header, [*col_names[:-1], "ColCheck"], row_names)
    table = _table(col_names, row_names, columns, samples, values)
    width = max(line.count("\t") for line in table)
    lines = [line + "\t" * (width - line.count("\t")) for line in (*lines, *table)]
    return ("\n".join(lines) + "\n").encode()


def _sections(header: list[str], columns: list[str], rows: list[str]) -> list[str]:
    return [
        *header,
        "^COL_DATA",
        "\t".join(["!Name", *columns]),
        "\t".join(["!Type", *["String"] * len(columns)]),
        "^ROW_DATA",
        "\t".join(["!Name", *rows]),
        "\t".join(["!Type", *["String"] * len(rows)]),
        "^TABLE_BEGIN",
    ]


def _table(
    col_names: list[str],
    row_names: list[str],
    columns: list[list[str]],
    samples: list[list[str]],
    values: list[list[str]],
) -> list[str]:
    lead = "\t" * len(row_names)
    above = [lead + "\t".join(c) for c in zip(col_names, *columns, strict=True)]
    body = ["\t".join([*s, "", *v]) for s, v in zip(samples, values, strict=True)]
    return [*above, "\t".join(row_names), *body]
