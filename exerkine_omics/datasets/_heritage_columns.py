"""Which columns of the HERITAGE workbooks are what: found by content, never by position."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError, shown
from exerkine_omics.io._adat_names import seq_id
from exerkine_omics.io._excel import rows_of, workbook

HEADER_ROWS = 10
CHANGE, BEFORE = "vo2max_change", "vo2max_pre"
RACE, FAT, LEAN, WEIGHT = "race", "body_fat_pct", "fat_free_mass_kg", "weight_kg"
BASELINE = "baseline"
_CHANGE = re.compile(r"(?:^| )(?:delta|change)")
_LATER = re.compile(r"(?:^| )(?:post|after|trained)(?: |$)")
_WHOLE_BODY = re.compile(r"^(?:body )?(?:weight|mass)(?: at baseline)?(?: kg)?$")


def plain(label: object) -> str:
    """Write a header in one way: ``Delta VO2MX (ml/min)`` is ``delta vo2 ml min``."""
    text = str(label).replace("Δ", " delta ").replace("∆", " delta ").replace("₂", "2").casefold()
    text = re.sub(r"vo\s*2[\s_]*(?:max|mx|peak)?", "vo2", text)
    return re.sub(r"[^a-z0-9%]+", " ", text).strip()


# seen in public code that reads the file: "Delta VO2MX (ml/min)", "... baseline vo2 ...", age, sex,
# bmi, race, body fat, fat-free or ffm. The page of the download says gender and lean body mass.
_ROLES: dict[str, Callable[[str], bool]] = {
    CHANGE: lambda t: "vo2" in t and bool(_CHANGE.search(t)),
    BEFORE: lambda t: "vo2" in t and bool(re.search(r"(?:^| )(?:baseline|pre|before)(?: |$)", t)),
    schema.AGE: lambda t: re.fullmatch(r"age(?: years?| yrs?| y| at baseline)*", t) is not None,
    schema.SEX: lambda t: t in ("sex", "gender"),
    schema.BMI: lambda t: t.split(" ")[0] == "bmi" or "body mass index" in t,
    RACE: lambda t: t in ("race", "ethnicity", "race ethnicity"),
    FAT: lambda t: "body fat" in t or t in ("% fat", "fat %"),
    LEAN: lambda t: "fat free" in t or "ffm" in t.split(" ") or "lean body mass" in t,
    WEIGHT: lambda t: _WHOLE_BODY.match(t) is not None,
    schema.SUBJECT: lambda t: t in ("id", "subject", "subject id", "participant id", "person id"),
    schema.FAMILY_ID: lambda t: t in ("family", "family id", "pedigree", "pedigree id"),
    schema.PLATE_ID: lambda t: t in ("plate", "plate id"),
}
# the clinical data of the page; the others are a gift
NEEDED = (CHANGE, BEFORE, schema.AGE, schema.SEX)

_ANNOTATION = {
    schema.SEQ_ID: ("seqid", "seq id", "somamer", "somamer id"),
    "soma_id": ("somaid", "soma id"),
    schema.UNIPROT: ("uniprot", "uniprot id", "uniprot ids"),
    schema.GENE_SYMBOL: (
        "entrezgenesymbol", "entrez gene symbol", "entrezgene symbol", "gene symbol", "gene",
    ),
    schema.NAME: (
        "targetfullname", "target full name", "target name", "target", "analyte", "protein",
        "protein name",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Rows below a header; headers and cells as they stand in the file."""

    header: list[str]
    rows: list[tuple[Any, ...]]
    where: str

    def column(self, number: int) -> list[Any]:
        """Cells of a column."""
        return [row[number] for row in self.rows]

    def numbers(self, number: int) -> np.ndarray:
        """Column as float64 (n,); what means missing is NaN, other text is an error."""
        cells = self.column(number)
        values = [np.nan if empty(c) else _float(c) for c in cells]
        wrong = [c for c, v in zip(cells, values, strict=True) if v is None]
        if wrong:
            raise InputError(
                f"Column {self.header[number]!r} holds {shown(wrong)}, not numbers",
                where=self.where,
                fix="Correct the cells, or leave them empty where nothing was measured.",
            )
        return np.array(values, dtype=float)


def _float(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) and not isinstance(cell, bool) else None


def find_table(path: Path, wanted: Callable[[list[str]], bool], needs: str) -> Table:
    """Return the table whose header stands in one of the first rows of any worksheet."""
    seen: list[str] = []
    with workbook(path) as book:
        for name in book.sheetnames:
            for number, row in enumerate(rows_of(book, name, path, first=HEADER_ROWS)):
                if wanted([plain(c) for c in row if c is not None]):
                    return _cut(rows_of(book, name, path)[number:], f"{path}, sheet {name!r}")
                seen += [str(c) for c in row if c is not None]
    raise InputError(
        f"The first {HEADER_ROWS} rows have no header with {needs}; they hold {shown(seen)}",
        where=str(path),
        fix="Use the workbook as it was downloaded; see exo.datasets.available().",
    )


def _cut(rows: list[tuple[Any, ...]], where: str) -> Table:
    header = ["" if c is None else cell_id(c) for c in rows[0]]
    while header and not header[-1]:
        header.pop()
    width = len(header)
    body = [tuple(r[:width]) + (None,) * (width - len(r)) for r in rows[1:]]
    return Table(header, [r for r in body if any(not empty(c) for c in r)], where)


def empty(cell: object) -> bool:
    """Say whether a cell holds nothing; a dot is nothing too, as SAS writes it."""
    if isinstance(cell, str):
        return cell.strip().casefold() in ("", ".", "na", "nan", "n/a", "#n/a", "null")
    return bool(pd.isna(cell))  # type: ignore[call-overload]


def is_people(header: list[str]) -> bool:
    """Say whether a row is the header of the people: VO2max before training and its change."""
    return any(map(_ROLES[CHANGE], header)) and any(map(_ROLES[BEFORE], header))


def is_analytes(header: list[str]) -> bool:
    """Say whether a row is the header of the analytes."""
    return BASELINE in header


def clinical(header: Sequence[str], rest: set[str], where: str) -> dict[str, int]:
    """Return role and column number; ``rest`` are ids of analytes, which have no role."""
    found: dict[str, list[int]] = {}
    for number, label in enumerate(header):
        text = plain(label)
        if label in rest or not text:
            continue
        for role, fits in _ROLES.items():
            # a column of the visit after training, or of its change, is no baseline covariate
            late = role != CHANGE and (_CHANGE.search(text) or _LATER.search(text))
            if fits(text) and not late:
                found.setdefault(role, []).append(number)
                break
    for role in (CHANGE, BEFORE):
        own = [n for n in found.get(role, ()) if per_minute(header[n]) == 1.0]
        if len(found.get(role, ())) > 1 and own:
            found[role] = own
    several = {r: [header[n] for n in c] for r, c in found.items() if len(c) > 1}
    lost = [r for r in NEEDED if r not in found]
    if several or lost:
        what = f"No column is {shown(lost)}" if lost else ""
        if several:
            role, names = next(iter(several.items()))
            what = f"Several columns may be {role}: {shown(names)}"
        known = [h for h in header if h and h not in rest]
        raise InputError(
            f"{what}; columns that are no analyte: {shown(known)}",
            where=where,
            fix="Rename the header of the one that is meant, such as 'Baseline VO2max (ml/min)', "
            "'Delta VO2MX (ml/min)', 'Age', 'Sex', and remove the others.",
        )
    return {role: columns[0] for role, columns in found.items()}


def per_minute(label: str) -> float:
    """Factor from the unit in a header to ml/min, which is meant where it states none.

    NaN where it is per kg.
    """
    text = re.sub(r"[\s·.*⋅]", "", label.casefold()).replace("−", "-").replace("⁻¹", "-1")
    if re.search(r"/kg|kg-1|/\(kg", text):
        return float("nan")
    if re.search(r"ml(?:/min|min-1)", text):
        return 1.0
    return 1000.0 if re.search(r"l(?:/min|min-1)", text) else 1.0


def ids_by_visit(table: Table) -> tuple[set[str], set[str]]:
    """Ids of columns that the analytes file lists as drawn at baseline, and under later visits."""
    first: set[str] = set()
    later: set[str] = set()
    for number, label in enumerate(table.header):
        text = plain(label)
        if text == BASELINE:
            first |= {cell_id(c) for c in table.column(number) if not empty(c)}
        elif re.match(r"post|response|delta|change", text):
            later |= {cell_id(c) for c in table.column(number) if not empty(c)}
    return first, later


def cell_id(cell: object) -> str:
    """Return an id as text: a number that a spreadsheet made of it has no decimals."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def annotation(table: Table, ids: Sequence[str]) -> pd.DataFrame:
    """Names and accessions of the analytes with these baseline ids, as the file gives them."""
    names = [plain(h) for h in table.header]
    keys = [cell_id(c) for c in table.column(names.index(BASELINE))]
    frame = pd.DataFrame(index=pd.Index(keys, dtype=object))
    for key, spelt in _ANNOTATION.items():
        number = next((names.index(s) for s in spelt if s in names), None)
        if number is not None:
            frame[key] = ["" if empty(c) else _accessions(c, key) for c in table.column(number)]
    frame = frame[frame.index.isin(list(ids))]
    twice = frame.index[frame.index.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{shown(twice)} stand in more than one row of column 'Baseline'",
            where=table.where,
            fix="Keep one row an analyte.",
        )
    return frame.reindex(list(ids))


def _accessions(cell: object, key: str) -> str:
    text = str(cell).strip()
    if key == schema.SEQ_ID:
        return seq_id(text) or text
    if key in (schema.UNIPROT, schema.GENE_SYMBOL):
        return "|".join(re.split(r"[\s,;|]+", text))
    return text
