"""Small whole files of the layouts that `read_biocrates` reads, with invented values."""

from __future__ import annotations

import io

NAMES = ("C0", "C2", "Ala", "Trp", "Lac")
CLASSES = ("Acylcarnitines", "Acylcarnitines", "Aminoacids", "Aminoacids", "Carboxylic Acids")
LIMITS = (1.5, 0.2, 4, 0.6, 30)
PEOPLE = ("P01_pre", "P01_post", "P02_pre", "P02_post")
PLATE = "1030001234-1"
COLUMNS = (
    "Plate Bar Code", "Sample Bar Code", "Sample Type", "Sample Identification", "Species",
    "Material", "OP", "Well Position", "Sample Volume", "Measurement Time",
)  # fmt: skip
# bar code, type, identification, species, material, well
TUBES = (
    ("11000002", "Zero Sample", "PBS", "", "water based zero samples", 13),
    ("11000002", "Zero Sample", "PBS", "", "water based zero samples", 25),
    ("1030000005", "Standard L1", "Cal1", "", "calibrators", 37),
    ("1030000006", "QC Level 2", "QC2", "human", "EDTA plasma", 50),
    *(
        (f"10300010{i:02d}", "Sample", name, "Homo sapiens", "EDTA plasma", 60 + i)
        for i, name in enumerate(PEOPLE)
    ),
)
FILLS = {"Valid": "FFB9DE83", "< LOD": "FFA28BA3", "< LLOQ": "FFB2D1DC", "> ULOQ": "FF7FB2C5"}


def value(row: int, column: int) -> float | None:
    """Invented concentration, different in each cell; two are not there."""
    if (row, column) in ((2, 4), (5, 3)):
        return None
    level = 0.1 if row < 2 else 0.5 + ((7 * row + 3 * column) % 11)
    return round(LIMITS[column] * level + 0.001 * (10 * row + column), 3)


def status(row: int, column: int) -> str:
    number = value(row, column)
    if number is None:
        return "ISTD Out of Range"
    if number < LIMITS[column]:
        return "< LOD"
    if (row, column) == (6, 2):
        return "> ULOQ"
    return "< LLOQ" if number < 2 * LIMITS[column] else "Valid"


def about(row: int, plate: str = PLATE) -> list[object]:
    bar, kind, name, species, material, well = TUBES[row]
    return [plate, bar, kind, name, species, material, "MXP500L-0-5511", well, 10,
            f"2031.04.0{row + 1} 10:00:00"]  # fmt: skip


def section(what: str, *, statuses: bool, sep: str = "\t", title: bool = True) -> list[str]:
    """Lines of one section; those after the first have empty columns for the statuses."""
    width = len(COLUMNS) + 2 * len(NAMES)
    title_line = f"#MetIDQ-7.0.1-DB100-Made-1 {what} Target Normalization [Median QC Level 2]"
    lines = [[title_line, *[""] * (width - 1)]] if title else []
    pairs: list[object] = []
    for name in NAMES:
        pairs += [name, f"{name} Status" if statuses else ""]
    lines.append([*COLUMNS, *pairs])
    if statuses:
        for label, cells in (
            ("Class", CLASSES),
            (f"LOD (calc.) {PLATE.replace('-', '/')} [uM]", LIMITS),
            (f"ULOQ {PLATE} [uM]", [100 * x for x in LIMITS]),
            (f"LLOQ {PLATE} [uM]", [2 * x for x in LIMITS]),
        ):
            row = [*[""] * (len(COLUMNS) - 1), label]
            for cell in cells:
                row += [cell, ""]
            lines.append(row)
    for i in range(len(TUBES)):
        row = about(i)
        for j in range(len(NAMES)):
            number = value(i, j)
            shown = "NA" if number is None else number if statuses else round(1000 * number)
            row += [shown, status(i, j) if statuses else ""]
        lines.append(row)
    return [sep.join(str(c) for c in line) for line in lines] + [sep * (width - 1)]


def metidq() -> bytes:
    """Concentrations, then two sections that are not read."""
    lines = section("Concentration [uM]", statuses=True)
    lines += section("Analyte Intensity [cps]", statuses=False)
    lines += section("Internal Std. Intensity [cps]", statuses=False)
    return ("\n".join(lines) + "\n").encode()


def table(sep: str = ";", decimal: str = ",") -> bytes:
    """Return a worksheet saved as text, without colours: values, classes and limits only."""
    lines: list[list[object]] = [[*COLUMNS, *NAMES]]
    blank = [""] * (len(COLUMNS) - 1)
    lines.append([*blank, "Class", *CLASSES])
    lines.append([*blank, f"LOD (calc.) {PLATE} [µM]", *LIMITS])
    for i in range(len(TUBES)):
        lines.append([*about(i), *[value(i, j) for j in range(len(NAMES))]])
    first = len(COLUMNS)

    def text(column: int, cell: object) -> str:
        spelt = "" if cell is None else str(cell)
        return spelt.replace(".", decimal) if column >= first else spelt

    return ("\n".join(sep.join(text(i, c) for i, c in enumerate(x)) for x in lines) + "\n").encode()


def workbook(*, legend: bool, colours: bool = True) -> bytes:
    """WebIDQ: a part of the kit a plate, limits calculated and from the procedure."""
    import openpyxl
    from openpyxl.styles import PatternFill

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Conc"
    parts = ("1050000001-1", "1050000002-1")
    sheet.append([*COLUMNS, *NAMES])
    blank: list[object] = [None] * (len(COLUMNS) - 1)
    halves = [[x if (j < 2) == (k == 0) else None for j, x in enumerate(LIMITS)] for k in (0, 1)]
    zeros = [0 if x is not None else None for x in halves[0]]
    rows = [
        [*blank, "Class", *CLASSES],
        [*blank, "Bio ID", "HMDB0000062", "HMDB0000201", "HMDB0000161", None, "HMDB0000190"],
        [*blank, None, None, None, "HMDB0001310", None, None],
        [*blank, f"LOD (calc.) {parts[0]} [µM]", *zeros],
        [*blank, f"LOD (calc.) {parts[1]} [µM]", *halves[1]],
        [*blank, f"LOD (from OP) {parts[0]} [µM]", *halves[0]],
        [*blank, f"OP {parts[0]}", "MXP500F-0-5713", "MXP500F-0-5713", None, None, None],
        [*blank, f"OP {parts[1]}", None, None, *["MXP500L-0-5713"] * 3],
    ]
    if legend:
        rows[0][0] = "WebIDQ-DB100-1 | Concentration [µM] "
        rows[3][0], rows[3][2] = "Purple", "< LOD (3x signal to noise)"
        rows[4][0], rows[4][2] = "Green:", '"Valid"'
    for row in rows:
        sheet.append(row)
    for i in range(len(TUBES)):
        number = [value(i, j) for j in range(len(NAMES))]
        sheet.append([*about(i, " | ".join(parts)), *["NA" if x is None else x for x in number]])
        for j in range(len(NAMES)):
            colour = FILLS.get(status(i, j), "FFFFF099")
            if colours:
                cell = sheet.cell(len(rows) + 2 + i, len(COLUMNS) + 1 + j)
                cell.fill = PatternFill("solid", fgColor=colour)
    if legend:
        sheet["A5"].fill = PatternFill("solid", fgColor="FF7030A0")
        sheet["A6"].fill = PatternFill("solid", fgColor="FF33CC33")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """Small whole files by name."""
    return {
        "biocrates_metidq.txt": metidq(),
        "biocrates_table.csv": table(),
        "biocrates_webidq.xlsx": workbook(legend=True),
    }
