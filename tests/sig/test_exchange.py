"""Signatures out to other tools, and sets of other collections in."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning, InputError, UsageError


def frame(**weights: float) -> pd.DataFrame:
    rows = [("Mine", name, weight) for name, weight in weights.items()]
    return pd.DataFrame(rows, columns=["signature", "member", "weight"])


@pytest.mark.quick
def test_gmt_there_and_back(tmp_path: Path) -> None:
    sets = exo.sig.from_frame(frame(IL6=1, IL10=2, LEP=-1, TNF=0.5, FGF21=1))
    text = sets.to_gmt(tmp_path / "mine.gmt")
    assert text == "MINE_UP\tMine\tIL6\tIL10\tTNF\tFGF21\nMINE_DOWN\tMine\tLEP\n"
    assert (tmp_path / "mine.gmt").read_text() == text
    back = exo.sig.from_gmt(tmp_path / "mine.gmt")["mine"]
    assert {m.gene_symbol: m.weight for m in back.members} == {
        "IL6": 1, "IL10": 1, "TNF": 1, "FGF21": 1, "LEP": -1,
    }  # fmt: skip
    assert back.kind == "set" and back.level == "C" and "Not stated" in back.limits


def test_ids_of_the_knowledge_base_are_found() -> None:
    own = exo.sig.from_frame(frame(IL1RN=1, ADIPOQ=1, NOVEL1=1))["mine"]
    assert [m.exerkine_id for m in own.members] == ["il1ra", "adiponectin", "novel1"]
    by_accession = exo.sig.from_frame(frame(P05231=1), id="uniprot")["mine"]
    assert by_accession.members[0].exerkine_id == "il6"


def test_shipped_signatures_as_network_and_gmt() -> None:
    shipped = exo.sig.load()
    edges = shipped.to_network()
    assert list(edges) == ["source", "target", "weight"]
    assert not edges.duplicated(["source", "target"]).any()
    assert set(edges["source"]) == set(shipped)
    row = edges[(edges["source"] == "il6_anti_inflammatory_cascade") & (edges["target"] == "IL6")]
    assert row["weight"].item() == 1.0
    text = shipped.to_gmt()
    assert "IL6_ANTI_INFLAMMATORY_CASCADE_UP\t" in text
    assert all(len(line.split("\t")) >= 3 for line in text.splitlines())


def test_members_without_the_identifier_are_said() -> None:
    shipped = exo.sig.load()
    both = exo.sig.SignatureSet([shipped["glycolysis_lactate"], shipped["myomirs"]])
    with pytest.warns(ExerkineWarning, match="have no hmdb"):
        edges = both.to_network(id="hmdb")
    assert set(edges["source"]) == {"glycolysis_lactate"}
    assert "HMDB0000190" in set(edges["target"])
    with pytest.raises(UsageError, match="entrez"):
        both.to_network(id="entrez")


def test_members_that_share_an_identifier() -> None:
    member = {"gene_symbol": "NPPB", "name": "x"}
    base = exo.sig.from_frame(frame(A=1))["mine"].model_dump()

    def two(first: float, second: float) -> exo.sig.SignatureSet:
        members = [
            {"exerkine_id": "bnp", "weight": first, **member},
            {"exerkine_id": "ntprobnp", "weight": second, **member},
        ]
        return exo.sig.SignatureSet([exo.sig.Signature.model_validate(base | {"members": members})])

    assert two(1, 2).to_network()["weight"].to_list() == [2]
    with pytest.warns(ExerkineWarning, match="both signs.*NPPB"):
        assert two(1, -1).to_network().empty


def test_own_sets_score(trial: ad.AnnData) -> None:
    trial.var["gene_symbol"] = [f"G{i}" for i in range(30)]
    network = pd.DataFrame({"source": "s", "target": [f"G{i}" for i in range(6)]})
    exo.tl.score(trial, exo.sig.from_frame(network))
    assert trial.obsm["score_baseline_z"].columns.to_list() == ["s"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"set": ["a"], "member": ["b"]}), "no column 'signature'"),
        (pd.DataFrame({"signature": [], "member": []}), "no members"),
        (frame(A=float("nan")), "no number as weight"),
        (frame(A=0), "other than 0"),
        (pd.concat([frame(A=1), frame(A=-1)]), "'A' stand twice"),
        (pd.DataFrame({"signature": ["X y", "x Y"], "member": ["A", "B"]}), "lower case"),
        (pd.DataFrame({"signature": ["x", "x"], "member": ["A", None]}), "Rows '1'"),
        (pd.DataFrame({"signature": ["--"], "member": ["A"]}), "name"),
    ],
)
def test_broken_frames(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        exo.sig.from_frame(table)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no set"),
        ("just a line\n", "Line 1 is no set"),
        ("A\tx\tIL6\nB\tx\n", "Line 2"),
        ("A_UP\tx\tIL6\nA_DN\tx\tIL6\n", "up and down"),
    ],
)
def test_broken_gmt(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.gmt"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        exo.sig.from_gmt(path)


def test_wrong_words() -> None:
    with pytest.raises(UsageError, match="modality"):
        exo.sig.from_frame(frame(A=1), modality="lipids")
    with pytest.raises(UsageError, match="entrez"):
        exo.sig.from_frame(frame(A=1), id="entrez")
    with pytest.raises(InputError, match="GMT"):
        exo.sig.from_gmt("nowhere.gmt")
