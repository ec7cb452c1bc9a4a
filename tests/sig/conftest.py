"""A small knowledge base of the same columns as the shipped one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from exerkine_omics.sig import _vocabulary as words

_ROW = {
    "modality": "proteomics",
    "exposure": "acute",
    "exercise_mode": "endurance",
    "minutes_post": "0",
    "time_class": "immediate",
    "matrix": "plasma",
    "direction": "up",
    "sex": "male",
    "species": "human",
    "level": "human",
    "second_hand": "false",
    "curated": "study",
}


def _finding(number: int, exerkine: str, paper: str, **changes: str) -> dict[str, str]:
    row = dict.fromkeys(words.EVIDENCE_COLUMNS, "") | _ROW | changes
    own = {"reference": f"pmid{paper}", "pmid": paper} if paper.isdigit() else {"reference": paper}
    return row | own | {"evidence_id": f"ev_p{number:04d}", "exerkine_id": exerkine}


def _write_table(path: Path, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    path.parent.mkdir(exist_ok=True)
    lines = ["\t".join(columns), *("\t".join(row.get(c, "") for c in columns) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


_GENES = {
    "il6": "P05231",
    "il10": "P22301",
    "il1ra": "P18510",
    "fgf21": "Q9NSA1",
    "gdf15": "Q99988",
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A valid folder: five proteins, a metabolite, a miRNA, one signature."""
    folder = tmp_path / "signatures"
    folder.mkdir()
    proteins = [
        {"exerkine_id": k, "name": k.upper(), "molecule_class": "protein", "uniprot": u,
         "gene_symbol": "IL1RN" if k == "il1ra" else k.upper(), "origin_tissues": "muscle",
         "origin_source": "curator"}
        for k, u in _GENES.items()
    ]  # fmt: skip
    _write_table(
        folder / "exerkines" / "proteins.tsv", proteins, words.file_columns("proteins.tsv")
    )
    lactate = {"exerkine_id": "lactate", "name": "Lactate", "hmdb": "HMDB0000190"}
    mir = {"exerkine_id": "mir_1_3p", "name": "hsa-miR-1-3p", "mirbase": "hsa-miR-1-3p",
           "mimat": "MIMAT0000416"}  # fmt: skip
    for file, row in (("metabolites.tsv", lactate), ("mirnas.tsv", mir)):
        _write_table(folder / "exerkines" / file, [row], words.file_columns(file))
    rows = [_finding(i, k, "11") for i, k in enumerate(_GENES)]
    rows += [_finding(10 + i, k, "12") for i, k in enumerate(_GENES)]
    rows.append(_finding(30, "lactate", "12", modality="metabolomics"))
    rows.append(
        _finding(31, "mir_1_3p", "release_1", modality="mirna", source="owner/repo 1.0 abc")
    )
    _write_table(folder / "exerkines" / "evidence.tsv", rows, words.EVIDENCE_COLUMNS)
    members = [
        {"exerkine_id": k, "name": k.upper(), "uniprot": u, "weight": 1, "references": ["pmid11"]}
        for k, u in _GENES.items()
    ]
    content = {
        "name": "mine", "title": "Mine", "modality": "proteomics", "exposure": "acute",
        "exercise_mode": ["endurance"], "matrix": ["plasma_edta"], "window_minutes": [0, 60],
        "level": "A", "weights": "equal", "limits": "small", "not_for": "nothing",
        "members": members,
    }  # fmt: skip
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    (folder / "references.bib").write_text(
        "@article{pmid11, title = {One {RNA}}, note = {PMID: 11}, doi = {10.1000/one}}\n"
        "@article{pmid12, note = {PMID: 12}}\n"
        "@misc{release_1, howpublished = {owner/repo 1.0 abc}}\n"
    )
    return folder


@pytest.fixture
def edit(small: Path) -> Callable[[str, str, str], None]:
    """Replace text in a file of the small knowledge base; the text must be there."""

    def replace(file: str, old: str, new: str) -> None:
        text = (small / file).read_text()
        assert old in text
        (small / file).write_text(text.replace(old, new, 1))

    return replace
