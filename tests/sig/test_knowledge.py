"""The shipped knowledge base: what it holds, and that nobody can change it by accident."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError
from exerkine_omics.sig._knowledge import read_evidence, read_molecules
from exerkine_omics.sig._references import read_references
from exerkine_omics.sig._vocabulary import EVIDENCE_COLUMNS, MOLECULE_COLUMNS


@pytest.mark.quick
def test_what_ships() -> None:
    molecules, evidence = exo.sig.molecules(), exo.sig.evidence()
    assert list(molecules) == list(MOLECULE_COLUMNS)
    assert list(evidence) == list(EVIDENCE_COLUMNS)
    assert len(molecules) >= 500 and len(evidence) >= 1500
    assert (evidence["curated"] == "study").sum() >= 750
    assert evidence["minutes_post"].dtype == evidence["n"].dtype == "float64"
    assert evidence["second_hand"].dtype == bool
    assert not evidence["note"].isna().any() and not molecules.isna().any().any()
    nominated = evidence[(evidence["level"] == "nominated")]
    assert nominated["exerkine_id"].nunique() >= 168
    assert set(evidence["exerkine_id"]) <= set(molecules["exerkine_id"])


def test_every_molecule_is_found() -> None:
    frame, molecules = exo.sig.exerkines(), exo.sig.molecules()
    assert set(frame["exerkine_id"]) == set(molecules["exerkine_id"])
    context = ["exerkine_id", "exposure", "exercise_mode", "matrix"]
    assert not frame.duplicated(context).any()
    empty = frame[frame["exposure"] == ""]
    assert not empty["exerkine_id"].duplicated().any()
    assert (empty[["direction", "level", "references"]] == "").all(axis=None)
    assert not set(empty["exerkine_id"]) & set(frame.loc[frame["exposure"] != "", "exerkine_id"])


@pytest.mark.parametrize(
    ("molecule", "exposure", "mode", "direction", "level"),
    [
        ("il6", "acute", "endurance", "up", "A"),
        ("lactate", "acute", "hiit", "up", "A"),
        ("mir_1_3p", "acute", "endurance", "up", "A"),
        ("leptin", "chronic", "endurance", "down", "A"),
    ],
)
def test_directions_that_nobody_doubts(
    molecule: str, exposure: str, mode: str, direction: str, level: str
) -> None:
    frame = exo.sig.exerkines()
    row = frame[
        (frame["exerkine_id"] == molecule)
        & (frame["exposure"] == exposure)
        & (frame["exercise_mode"] == mode)
        & (frame["matrix"] == "blood")
    ]
    assert (row["direction"].item(), row["level"].item()) == (direction, level)


def test_window() -> None:
    whole, early = exo.sig.exerkines(), exo.sig.exerkines(window_minutes=(0, 30))
    assert early["n_up"].sum() < whole["n_up"].sum()
    chronic = [f[f["exposure"] == "chronic"].reset_index(drop=True) for f in (whole, early)]
    pd.testing.assert_frame_equal(*chronic)
    with pytest.raises(UsageError, match="backwards"):
        exo.sig.exerkines(window_minutes=(30, 0))


def test_copies_are_handed_out() -> None:
    for table in (exo.sig.molecules, exo.sig.evidence, exo.sig.exerkines):
        mine = table()
        mine["exerkine_id"] = "spoilt"
        assert "spoilt" not in set(table()["exerkine_id"])


def test_broken_tables(small: Path, edit) -> None:
    folder = small / "exerkines"
    assert len(read_molecules(folder)) == 7 and len(read_evidence(folder)) == 12
    edit("exerkines/evidence.tsv", "\t0\timmediate", "\tsoon\timmediate")
    with pytest.raises(InputError, match="minutes_post.*soon"):
        read_evidence(folder)
    edit("exerkines/proteins.tsv", "synonyms", "aliases")
    with pytest.raises(InputError, match="'synonyms' are missing.*'aliases' are not known"):
        read_molecules(folder)
    (folder / "proteins.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="proteins.tsv"):
        read_molecules(folder)
    (folder / "proteins.tsv").unlink()
    with pytest.raises(InputError, match="missing.*proteins.tsv"):
        read_molecules(folder)


def test_member_evidence() -> None:
    frame = exo.sig.member_evidence(exo.sig.load()["il6_anti_inflammatory_cascade"])
    row = frame.set_index("exerkine_id").loc["il6"]
    assert (row["direction"], row["level"]) == ("up", "A") and row["n_up"] >= 5


def test_references(small: Path) -> None:
    frame = read_references(small / "references.bib").set_index("reference")
    assert frame.loc["pmid11", ["pmid", "doi", "title"]].to_list() == [
        "11",
        "10.1000/one",
        "One RNA",
    ]
    assert frame.loc["release_1", "source"] == "owner/repo 1.0 abc"
    (small / "references.bib").write_text("@article{a b}\n")
    with pytest.raises(InputError, match="No BibTeX entry"):
        read_references(small / "references.bib")
