"""Check the tables of a knowledge base: words, numbers, identifiers, sources."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.errors import InputError
from exerkine_omics.sig import _vocabulary as words
from exerkine_omics.sig._knowledge import read_text
from exerkine_omics.sig._problems import Problems
from exerkine_omics.sig._references import doi_key

_SLUG = r"[a-z0-9_]+"
_UNIPROT = r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:-\d+)?"
# a cell may hold several, joined by ";"
FORMATS: dict[str, str] = {
    schema.GENE_SYMBOL: r"[A-Z0-9][A-Za-z0-9-]*",
    schema.UNIPROT: _UNIPROT,
    schema.HMDB: r"HMDB\d{7}",
    schema.CHEBI: r"CHEBI:\d+",
    words.KEGG: r"[CDG]\d{5}",
    words.PUBCHEM: r"\d+",
    schema.INCHIKEY: r"[A-Z]{14}-[A-Z]{10}-[A-Z]",
    schema.MIRBASE: r"hsa-(?:miR|let)-[A-Za-z0-9*-]+",
    schema.MIMAT: r"MIMAT\d{7}",
}
# two molecules never share these; isoforms and fragments may share a gene and an accession
_UNSHARED = (schema.HMDB, schema.INCHIKEY, schema.MIRBASE, schema.MIMAT)
_SOURCED = (
    ("origin_tissues", "origin_source"),
    ("target_tissues", "target_source"),
    ("action_mode", "action_source"),
    ("reported_effect", "effect_source"),
)
_LOCATOR = re.compile(r"https?://|www\.", re.IGNORECASE)
_UNVERIFIED = re.compile(r"\b(?:unverified|not verified)\b", re.IGNORECASE)


def check_molecules(folder: Path, problems: Problems) -> pd.DataFrame:
    """Check the three tables; returns those that could be read, with modality."""
    frames = []
    for file, (modality, columns) in words.MOLECULE_FILES.items():
        try:
            table = read_text(folder / file, words.file_columns(file))
        except InputError as error:
            problems.add(file, "", "", str(error))
            continue
        name = table[schema.EXERKINE_ID]
        _pattern(problems, file, name, name, schema.EXERKINE_ID, _SLUG)
        problems.add_rows(file, name[table[schema.NAME] == ""], schema.NAME, "is empty")
        for column in columns:
            if column in FORMATS:
                one = FORMATS[column]
                _pattern(problems, file, name, table[column], column, rf"(?:{one}(?:;{one})*)?")
            if column in _UNSHARED:
                held = table[column].str.split(";").explode()
                twice = held[(held != "") & held.duplicated(keep=False)]
                for value, rows in twice.groupby(twice):
                    sharing = name[rows.index].tolist()
                    problems.add(file, sharing[0], column, f"{value} is also of {sharing[1:]}")
        if modality == "proteomics":
            none = (table[schema.GENE_SYMBOL] == "") & (table[schema.UNIPROT] == "")
            unnamed = none & (table["note"] == "")
            problems.add_rows(
                file, name[unnamed], schema.GENE_SYMBOL, "no symbol, no accession, no note why"
            )
        for column, source in _SOURCED:
            bare = (table[column] != "") & (table[source] == "")
            problems.add_rows(file, name[bare], source, f"{column} is given without its source")
        allowed = "|".join(words.ACTIONS)
        _pattern(
            problems, file, name, table["action_mode"], "action_mode",
            rf"(?:(?:{allowed})(?:;(?:{allowed}))*)?",
        )  # fmt: skip
        _prose(problems, file, name, table)
        frames.append(table.assign(**{schema.MODALITY: modality, "file": file}))
    if not frames:
        return pd.DataFrame(columns=[*words.MOLECULE_COLUMNS, "file"])
    molecules = pd.concat(frames, ignore_index=True).fillna("")
    twice = molecules[molecules[schema.EXERKINE_ID].duplicated()]
    for file, key in zip(twice["file"], twice[schema.EXERKINE_ID], strict=True):
        problems.add(file, key, schema.EXERKINE_ID, "stands twice in the knowledge base")
    return molecules


def check_evidence(folder: Path, molecules: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Check the evidence; returns it as text."""
    file = words.EVIDENCE_FILE
    try:
        table = read_text(folder / file, words.EVIDENCE_COLUMNS)
    except InputError as error:
        problems.add(file, "", "", str(error))
        return pd.DataFrame(columns=list(words.EVIDENCE_COLUMNS), dtype=str)
    name = table["evidence_id"]
    _pattern(problems, file, name, name, "evidence_id", _SLUG)
    problems.add_rows(file, name[name.duplicated()], "evidence_id", "stands twice")
    for column, allowed in words.WORDS.items():
        wrong = ~table[column].isin(allowed)
        for row, value in zip(name[wrong], table.loc[wrong, column], strict=True):
            problems.add(file, row, column, f"{value!r} is none of {', '.join(allowed)}")
    modality = dict(zip(molecules[schema.EXERKINE_ID], molecules[schema.MODALITY], strict=True))
    own = table[schema.EXERKINE_ID].map(modality)
    for row, key in zip(name[own.isna()], table.loc[own.isna(), schema.EXERKINE_ID], strict=True):
        problems.add(file, row, schema.EXERKINE_ID, f"{key!r} is in none of the molecule tables")
    other = own.notna() & (own != table[schema.MODALITY])
    problems.add_rows(file, name[other], schema.MODALITY, "is not that of the molecule's table")
    numbers = _numbers(table, problems)
    _sources(table, problems)
    _coherence(table, numbers, problems)
    _prose(problems, file, name, table)
    key = [c for c in words.EVIDENCE_COLUMNS if c not in ("evidence_id", "curated", "source")]
    problems.add_rows(file, name[table.duplicated(key)], "", "repeats another row")
    return table


def _numbers(table: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    numbers = {}
    for column in words.NUMBERS:
        numbers[column] = pd.to_numeric(table[column].where(table[column] != ""), errors="coerce")
        wrong = numbers[column].isna() & (table[column] != "")
        for row, value in zip(
            table.loc[wrong, "evidence_id"], table.loc[wrong, column], strict=True
        ):
            problems.add(words.EVIDENCE_FILE, row, column, f"{value!r} is no number")
    frame = pd.DataFrame(numbers).astype("float64")
    name = table["evidence_id"]
    for column in ("p_value", "q_value"):
        outside = frame[column].notna() & ~frame[column].between(0, 1)
        problems.add_rows(words.EVIDENCE_FILE, name[outside], column, "is not within 0 to 1")
    count = frame["n"]
    wrong = count.notna() & ((count <= 0) | (count % 1 != 0))
    problems.add_rows(words.EVIDENCE_FILE, name[wrong], "n", "is no number of people")
    return frame


def _sources(table: pd.DataFrame, problems: Problems) -> None:
    file, name = words.EVIDENCE_FILE, table["evidence_id"]
    _pattern(problems, file, name, table["pmid"], "pmid", r"\d*")
    _pattern(problems, file, name, table["doi"], "doi", r"(?:10\.\d{4,9}/\S+)?")
    none = (table["pmid"] == "") & (table["doi"] == "") & (table["source"] == "")
    problems.add_rows(file, name[none], "reference", "no PMID, no DOI, no public data release")
    expected = ("pmid" + table["pmid"]).where(table["pmid"] != "", table["doi"].map(doi_key))
    # a public data release has a name of its own, and says in `source` which one it is
    release = (table["pmid"] == "") & (table["source"] != "")
    given = (table["pmid"] != "") | (table["doi"] != "")
    wrong = given & (table["reference"] != expected) & ~release
    for row, key, right in zip(
        name[wrong], table.loc[wrong, "reference"], expected[wrong], strict=True
    ):
        problems.add(file, row, "reference", f"{key!r} does not follow from PMID and DOI: {right}")


def _coherence(table: pd.DataFrame, numbers: pd.DataFrame, problems: Problems) -> None:
    file, name = words.EVIDENCE_FILE, table["evidence_id"]
    minutes = numbers[schema.MINUTES_POST]
    timed = minutes.notna() & (table["exposure"] == "acute")
    expected = minutes[timed].map(words.time_class)
    wrong = expected[expected != table.loc[timed, "time_class"]]
    for row, minute, right in zip(name[wrong.index], minutes[wrong.index], wrong, strict=True):
        problems.add(file, row, "time_class", f"{minute:g} minutes are {right}")
    acute_at_rest = (table["exposure"] == "acute") & (table["time_class"] == "rest")
    problems.add_rows(file, name[acute_at_rest], "time_class", "an acute finding is not at rest")
    animal = table["level"].isin(["meta", "human"]) & (table["species"] != "human")
    problems.add_rows(file, name[animal], "level", "a level of human studies, another species")
    idle = table["exposure"].isin(words.EXPOSURES) & table["exercise_mode"].isin(
        ["activity", "none"]
    )
    problems.add_rows(file, name[idle], "exercise_mode", "exercise without a mode of exercise")
    hearsay = (table["second_hand"] == "true") & table["level"].isin(["human", "meta", "list"])
    problems.add_rows(file, name[hearsay], "level", "second-hand rows are of level review")
    unitless = (table["effect"] != "") & (table["effect_unit"] == "")
    problems.add_rows(file, name[unitless], "effect_unit", "an effect without its unit")


def _prose(problems: Problems, file: str, name: pd.Series, table: pd.DataFrame) -> None:
    for column in table.columns:
        cells = table[column]
        located = cells.str.contains(_LOCATOR) if len(cells) else pd.Series(dtype=bool)
        problems.add_rows(file, name[located], column, "holds a web address: give DOI or PMID")
        if column in ("note", "source", "population", "level"):
            problems.add_rows(
                file, name[cells.str.contains(_UNVERIFIED)], column, "says that it is unverified"
            )


def _pattern(
    problems: Problems, file: str, rows: pd.Series, cells: pd.Series, column: str, pattern: str
) -> None:
    wrong = ~cells.str.fullmatch(pattern)
    for row, value in zip(rows[wrong], cells[wrong], strict=True):
        problems.add(file, row, column, f"{value!r} has not the form of {column}")


def cited(molecules: pd.DataFrame, evidence: pd.DataFrame) -> set[str]:
    """Keys of all references that the tables cite."""
    keys = set(evidence["reference"])
    for _, source in _SOURCED:
        keys |= {k for cell in molecules[source] for k in cell.split(";")}
    return keys - {"", words.CURATOR}
