"""The shipped set is valid; each kind of broken file is named with file, row and field."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError

EVIDENCE, PROTEINS = "exerkines/evidence.tsv", "exerkines/proteins.tsv"
BOOK = "references.bib"


def test_the_shipped_set_is_valid() -> None:
    problems = exo.sig.validate()
    assert problems.empty, problems.to_string()


@pytest.mark.quick
def test_the_small_set_is_valid(small: Path) -> None:
    problems = exo.sig.validate(small)
    assert problems.empty, problems.to_string()


BROKEN = {
    "a column is missing": (PROTEINS, "\tsynonyms\t", "\taliases\t", "proteins.tsv", "", "aliases"),
    "an unknown word": (EVIDENCE, "\tup\t", "\trises\t", "evidence.tsv", "direction", "'rises'"),
    "a malformed accession": (
        PROTEINS, "P05231", "P0523", "proteins.tsv", "uniprot", "'P0523' has not the form"
    ),
    "a malformed symbol": (PROTEINS, "IL1RN", "il-1ra*", "proteins.tsv", "gene_symbol", "form"),
    "an id twice": (PROTEINS, "\nil10\t", "\nil6\t", "proteins.tsv", "exerkine_id", "twice"),
    "a tissue without source": (
        PROTEINS, "\tmuscle\tcurator", "\tmuscle\t", "proteins.tsv", "origin_source", "source"
    ),
    "a finding of nobody": (
        EVIDENCE, "\tgdf15\t", "\tgdf99\t", "evidence.tsv", "exerkine_id", "'gdf99' is in none"
    ),
    "text for a number": (
        EVIDENCE, "\t0\timmediate", "\tsoon\timmediate", "evidence.tsv", "minutes_post", "no number"
    ),
    "time and its class": (
        EVIDENCE, "\t0\timmediate", "\t90\timmediate", "evidence.tsv", "time_class", "are early"
    ),
    "no source at all": (
        EVIDENCE, "\tpmid11\t11\t", "\tpmid11\t\t", "evidence.tsv", "reference", "no PMID, no DOI"
    ),
    "key and PMID differ": (
        EVIDENCE, "\tpmid11\t11\t", "\tpmid11\t12\t", "evidence.tsv", "reference", "pmid12"
    ),
    "another modality": (
        EVIDENCE, "\tmetabolomics\t", "\tproteomics\t", "evidence.tsv", "modality", "not that of"
    ),
    "an unverified row": (
        EVIDENCE, "owner/repo 1.0 abc", "unverified", "evidence.tsv", "source", "unverified"
    ),
    "a mirror": (
        EVIDENCE, "owner/repo 1.0 abc", "https://mirror.org/x", "evidence.tsv", "source", "address"
    ),
    "second-hand as primary": (
        EVIDENCE, "\tfalse\tstudy", "\ttrue\tstudy", "evidence.tsv", "level", "second-hand"
    ),
    "a mouse as human study": (
        EVIDENCE, "\thuman\tpmid11", "\tmouse\tpmid11", "evidence.tsv", "level", "another species"
    ),
    "a reference is missing": (
        BOOK, "@article{pmid12, note = {PMID: 12}}\n", "", "exerkines/", "reference", "is not in"
    ),
    "a reference without DOI or PMID": (
        BOOK, "note = {PMID: 12}", "year = {2012}", BOOK, "", "no DOI, no PMID"
    ),
    "a reference that nobody cites": (
        BOOK, "@misc", "@article{pmid13, note = {PMID: 13}}\n@misc", BOOK, "", "nobody cites it"
    ),
    "an entry that is none": (BOOK, "@misc{release_1,", "@misc", BOOK, "", "No BibTeX entry"),
    "another level": ("mine.yaml", "level: A", "level: B", "mine.yaml", "level", "by the rule A"),
    "a sign against the evidence": (
        "mine.yaml", "weight: 1", "weight: -1", "mine.yaml", "weight", "evidence in this context"
    ),
    "another accession than the knowledge base": (
        "mine.yaml", "P05231", "P05232", "mine.yaml", "uniprot", "'P05231' in the knowledge base"
    ),
    "a member of nobody": (
        "mine.yaml", "exerkine_id: il10", "exerkine_id: il99", "mine.yaml", "members", "is not in"
    ),
    "an unknown field": ("mine.yaml", "title:", "titel:", "mine.yaml", "", "title"),
    "no YAML": ("mine.yaml", "exposure: acute", "exposure: [acute", "mine.yaml", "", "YAML"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files(small: Path, edit: Callable[[str, str, str], None], kind: str) -> None:
    file, old, new, where, field, words = BROKEN[kind]
    edit(file, old, new)
    problems = exo.sig.validate(small)
    own = problems[(problems["file"] == where) & (problems["field"] == field)]
    assert own["problem"].str.contains(words, regex=False).any(), problems.to_string()


def test_a_note_explains_a_sign(small: Path, edit: Callable[[str, str, str], None]) -> None:
    edit("mine.yaml", "weight: 1", "weight: -1\n  note: one assay reads it the other way")
    assert "weight" not in set(exo.sig.validate(small)["field"])


def test_all_problems_come_at_once(small: Path, edit: Callable[[str, str, str], None]) -> None:
    for kind in ("an unknown word", "a malformed accession", "a reference that nobody cites"):
        edit(*BROKEN[kind][:3])
    assert {"direction", "uniprot", ""} <= set(exo.sig.validate(small)["field"])


def test_own_signatures_alone(small: Path, tmp_path: Path) -> None:
    text = (small / "mine.yaml").read_text()
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("exerkine_id: gdf15", "exerkine_id: novel"))
    assert exo.sig.validate(path).empty
    path.write_text(text.replace("P05231", "P05232"))
    problem = exo.sig.validate(path).iloc[0]
    assert (problem["file"], problem["row"], problem["field"]) == ("mine.yaml", "il6", "uniprot")
    with pytest.raises(InputError, match="no such"):
        exo.sig.validate(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no .yaml"):
        exo.sig.validate(tmp_path / "empty")


def exerkine(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exerkine_omics", "signatures", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_command_line(small: Path, edit: Callable[[str, str, str], None], tmp_path: Path) -> None:
    done = exerkine("validate", small)
    assert done.returncode == 0 and "1 signatures are valid" in done.stdout, done.stderr
    edit(*BROKEN["a malformed accession"][:3])
    done = exerkine("validate", small)
    assert done.returncode == 4 and "proteins.tsv\til6\tuniprot" in done.stdout
    assert "Traceback" not in done.stderr
    matrix = tmp_path / "m.csv"
    matrix.write_text("sample,IL6,IL1RN,P22301,unknown\na,1,2,3,4\n")
    done = exerkine("coverage", matrix, "--modality", "proteomics")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    measured = {row[0]: row[2] for row in rows[1:]}
    assert done.returncode == 0 and measured["il6_anti_inflammatory_cascade"] == "3", done.stderr
    assert exerkine("coverage", matrix).returncode == 2
    assert exerkine("coverage", tmp_path / "none.csv", "--modality", "mirna").returncode == 4
    done = exerkine("show", "il6_anti_inflammatory_cascade")
    assert "n_list_up" in done.stdout and "Context: acute; endurance" in done.stdout
