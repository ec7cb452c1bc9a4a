"""Validate the knowledge base and its signatures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from exerkine_omics.errors import InputError
from exerkine_omics.sig import _check_signatures, _check_tables
from exerkine_omics.sig._knowledge import FOLDER, read_evidence, read_molecules
from exerkine_omics.sig._load import read_signature, shipped_folder
from exerkine_omics.sig._model import Signature
from exerkine_omics.sig._problems import Problems
from exerkine_omics.sig._references import FILE, read_references


def validate(path: str | Path | None = None) -> pd.DataFrame:
    """Check signatures and the knowledge base; what is wrong comes back as a table.

    Use it after any change of a signature, a row of evidence or a reference.

    Parameters
    ----------
    path
        A signature file, a folder of them, or a folder as it is shipped, with ``exerkines/`` and
        ``references.bib``; None is the shipped one. Signatures alone are checked against the
        model and the identifiers of the shipped knowledge base; a folder with its own knowledge
        base is checked wholly: words, numbers and identifiers of the tables, a source for each
        row, references used and present, signs and levels against the evidence.

    Returns
    -------
    DataFrame
        One row a problem: file, row (molecule, finding or reference), field, problem. Empty if
        all is well.

    Raises
    ------
    InputError
        If there is no such file, or a folder without signatures.

    Notes
    -----
    Missing values: none.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> len(exo.sig.validate())
    0
    """
    folder = shipped_folder() if path is None else Path(path)
    if not folder.exists():
        raise InputError("There is no such file or folder", where=str(folder))
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder]
    whole = (folder / FOLDER).is_dir()
    if not files and not whole:
        raise InputError("The folder holds no .yaml file", where=str(folder))
    problems = Problems()
    signatures = [s for file in files if (s := _read(file, problems)) is not None]
    if not whole:
        known = read_molecules(shipped_folder() / FOLDER)
        _check_signatures.check_members(signatures, known, problems, all_known=False)
        return problems.to_frame()
    molecules = _check_tables.check_molecules(folder / FOLDER, problems)
    evidence = _check_tables.check_evidence(folder / FOLDER, molecules, problems)
    _check_signatures.check_members(signatures, molecules, problems, all_known=True)
    uncited = [(s, m) for s in signatures for m in s.members if not m.references]
    for signature, member in uncited:
        file = f"{signature.name}.yaml"
        problems.add(file, member.exerkine_id, "references", "a member without a reference")
    keys = dict.fromkeys(_check_tables.cited(molecules, evidence), f"{FOLDER}/")
    _check_references(folder / FILE, keys | _check_signatures.cited(signatures), problems)
    try:
        findings = read_evidence(folder / FOLDER)
    except InputError:  # its numbers were reported above
        return problems.to_frame()
    for signature in signatures:
        _check_signatures.check_rule(signature, findings, problems)
    return problems.to_frame()


def _read(file: Path, problems: Problems) -> Signature | None:
    try:
        return read_signature(file)
    except InputError as error:
        problems.add(file.name, "", "", error.what)
        return None


def _check_references(path: Path, cited: dict[str, str], problems: Problems) -> None:
    try:
        references = read_references(path)
    except InputError as error:
        problems.add(FILE, "", "", str(error))
        return
    key = references["reference"]
    problems.add_rows(FILE, key[key.duplicated()], "", "stands twice")
    for name in sorted(set(cited) - set(key)):
        problems.add(cited[name], name, "reference", f"is not in {FILE}")
    problems.add_rows(FILE, sorted(set(key) - set(cited)), "", "nobody cites it")
    bare = (references[["pmid", "doi", "source"]] == "").all(axis=1)
    problems.add_rows(FILE, key[bare], "", "no DOI, no PMID, no public data release")
    malformed = (references["doi"] != "") & ~references["doi"].str.fullmatch(r"10\.\d{4,9}/\S+")
    problems.add_rows(FILE, key[malformed], "doi", "has not the form of a DOI")
    for column in ("pmid", "doi"):
        shared = (references[column] != "") & references[column].str.lower().duplicated()
        problems.add_rows(FILE, key[shared], column, "is also another entry's")
