"""Small mwTab files with invented values: MS, binned NMR, extended data; text and JSON."""

from __future__ import annotations

import json

_SAMPLES = [
    ("A1", "S-01", {"Arm": "Training", "Minutes": "0"}, "Age=41; RAW_FILE_NAME=a.raw"),
    ("A1", "S-02", {"Arm": "Training", "Minutes": "60"}, "Age=41; RAW_FILE_NAME=b.raw"),
    ("B2", "S-03", {"Arm": "Control", "Minutes": "0"}, "Age=39; RAW_FILE_NAME=c.raw"),
    ("B2", "S-04", {"Arm": "Control", "Minutes": "60"}, "Age=39; RAW_FILE_NAME=d.raw"),
    ("-", "Pool 1", {"Arm": "Pool1", "Minutes": ""}, ""),
]
_DATA = {
    "lactate": ["1.25", "6.5", "1.1", "1.2", "2.5"],
    "12_13-DiHOME": ["0.0300", "", "0.02", "NA", "0.04"],
    "5^-AMP": ["ND", "3", "<LOD", "4", "5"],
}
_ANNOTATION = [
    ["metabolite_name", "moverz_quant", "pubchem_id", "inchi_key", "kegg_id", "HMDB_ID"],
    ["lactate", "89.02", "612", "JVTAAEKCZFNVCJ-UHFFFAOYSA-N", "C00186", "HMDB0000190"],
    ["12,13-DiHOME", "313.2", "10236635", "", "C14829", ""],
    ["5'-AMP", "346.1", "", "", "C00020"],
]
_SECTIONS = [
    ("PR", "PROJECT", [("PROJECT_TITLE", "An invented project")]),
    ("ST", "STUDY", [("STUDY_TITLE", "An invented study"),
                     ("STUDY_SUMMARY", "A summary of two lines")]),
    ("SU", "SUBJECT", [("SUBJECT_TYPE", "Human"), ("SUBJECT_SPECIES", "Homo sapiens"),
                       ("TAXONOMY_ID", "9606")]),
    ("CO", "COLLECTION", [("SAMPLE_TYPE", "Blood (plasma), EDTA")]),
    ("AN", "ANALYSIS", [("ANALYSIS_TYPE", "MS")]),
]  # fmt: skip


def files() -> dict[str, bytes]:
    """Return the files by name."""
    return {
        "mwtab_ms.txt": _text(),
        "mwtab_extended.txt": _text(extended=True),
        "mwtab_nmr_binned.txt": _binned(),
        "mwtab_ms.json": json.dumps(_object(), indent=1).encode(),
    }


def _head(kind: str) -> list[str]:
    lines = [
        "#METABOLOMICS WORKBENCH STUDY_ID:ST999999 ANALYSIS_ID:AN999999 PROJECT_ID:PR999999",
        "VERSION             \t1",
        "CREATED_ON          \t2020-01-31",
    ]
    for mark, section, pairs in _SECTIONS:
        lines.append(f"#{section}")
        for name, value in pairs:
            value = kind if name == "ANALYSIS_TYPE" else value
            # long values go over several lines
            lines += [f"{mark}:{name:<30}\t{part}" for part in value.split(" of ")]
        if section == "SUBJECT":
            lines.append("#SUBJECT_SAMPLE_FACTORS:         \tSUBJECT(optional)[tab]SAMPLE[tab]...")
            for who, tube, factors, more in _SAMPLES:
                pairs_text = " | ".join(f"{k}:{v}" for k, v in factors.items())
                lines.append(
                    f"SUBJECT_SAMPLE_FACTORS           \t{who}\t{tube}\t{pairs_text}\t{more}"
                )
    return lines


def _text(extended: bool = False) -> bytes:
    lines = [*_head("MS"), "#MS_METABOLITE_DATA", "MS_METABOLITE_DATA:UNITS         \tnmol/mL"]
    lines += ["MS_METABOLITE_DATA_START", "\t".join(["Samples", *[s[1] for s in _SAMPLES]])]
    factors = [" | ".join(f"{k}:{v}" for k, v in s[2].items()) for s in _SAMPLES]
    lines.append("\t".join(["Factors", *factors]))
    lines += ["\t".join([name, *cells]) for name, cells in _DATA.items()]
    lines.append("MS_METABOLITE_DATA_END")
    if extended:
        lines += [
            "EXTENDED_MS_METABOLITE_DATA_START",
            "metabolite_name\tsample_id\tpeak_area\tnote",
        ]
        lines += [f"{name}\t{sample[1]}\t{100 * i + j}\tfine" for i, name in enumerate(_DATA)
                  for j, sample in enumerate(_SAMPLES)]  # fmt: skip
        lines.append("EXTENDED_MS_METABOLITE_DATA_END")
    lines += ["#METABOLITES", "METABOLITES_START", *map("\t".join, _ANNOTATION)]
    return "\r\n".join([*lines, "METABOLITES_END", "#END", ""]).encode()


def _binned() -> bytes:
    lines = [*_head("NMR"), "#NMR_BINNED_DATA", "NMR_BINNED_DATA:UNITS           \tPeak area"]
    lines += ["NMR_BINNED_DATA_START"]
    lines.append("\t".join(["Bin range(ppm)", *[s[1] for s in _SAMPLES]]))
    for i in range(6):
        cells = [f"{(i + 1) * (j + 2) / 1000:.6f}" for j in range(len(_SAMPLES))]
        lines.append("\t".join([f"{i / 10:.1f}...{(i + 1) / 10:.1f}", *cells]))
    return "\n".join([*lines, "NMR_BINNED_DATA_END", "#END", ""]).encode()


def _object() -> dict:
    head = {"STUDY_ID": "ST999999", "ANALYSIS_ID": "AN999999", "PROJECT_ID": "PR999999",
            "VERSION": "1", "CREATED_ON": "2020-01-31"}  # fmt: skip
    whole: dict = {"METABOLOMICS WORKBENCH": head}
    for _, section, pairs in _SECTIONS:
        whole[section] = {k: v.replace(" of ", " ") for k, v in pairs}
    whole["SUBJECT_SAMPLE_FACTORS"] = []
    for who, tube, factors, more in _SAMPLES:
        line = {"Subject ID": who, "Sample ID": tube, "Factors": factors}
        if more:
            line["Additional sample data"] = dict(p.split("=") for p in more.split("; "))
        whole["SUBJECT_SAMPLE_FACTORS"].append(line)
    names = [s[1] for s in _SAMPLES]
    titles = ["Metabolite", *_ANNOTATION[0][1:]]
    whole["MS_METABOLITE_DATA"] = {
        "Units": "nmol/mL",
        "Data": [
            {"Metabolite": m, **dict(zip(names, cells, strict=True))} for m, cells in _DATA.items()
        ],
        "Metabolites": [
            dict(zip(titles, [*row, *[""] * (6 - len(row))], strict=True))
            for row in _ANNOTATION[1:]
        ],
    }
    return whole
