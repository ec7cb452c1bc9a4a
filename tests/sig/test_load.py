"""The shipped signatures, and broken ones."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import pytest
import yaml

import exerkine_omics as exo
from exerkine_omics.errors import InputError

GOOD = {
    "name": "mine",
    "title": "Mine",
    "modality": "proteomics",
    "exposure": "acute",
    "level": "C",
    "weights": "equal",
    "limits": "none known",
    "not_for": "nothing",
    "members": [
        {"exerkine_id": f"m{i}", "name": f"M{i}", "gene_symbol": f"G{i}", "weight": 1}
        for i in range(5)
    ],
}


@pytest.mark.quick
def test_shipped_signatures_are_whole() -> None:
    signatures = exo.sig.load()
    assert {"il6_anti_inflammatory_cascade", "glycolysis_lactate", "myomirs"} <= set(signatures)
    for signature in signatures.values():
        assert all(m.references for m in signature.members), signature.name
        assert signature.limits and signature.not_for


def broken(tmp_path: Path, change) -> Path:
    content = yaml.safe_load(yaml.safe_dump(GOOD))
    change(content)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_own_signature_scores(tmp_path: Path, trial: ad.AnnData) -> None:
    signatures = exo.sig.load(broken(tmp_path, lambda c: None))
    trial.var["gene_symbol"] = [f"G{i}" for i in range(30)]
    exo.tl.score(trial, signatures)
    assert trial.obsm["score_baseline_z"].columns.to_list() == ["mine"]
    assert signatures.coverage(trial)["coverage"].item() == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("title"), "title"),
        (lambda c: c.update(titel="x"), "titel"),
        (lambda c: c.update(name="My Set"), "name"),
        (lambda c: c.update(name="other"), "another name"),
        (lambda c: c.update(modality="lipids"), "modality"),
        (lambda c: c.update(level="D"), "level"),
        (lambda c: c["members"].pop(), "panel"),
        (lambda c: c["members"][0].update(weight=0), "other than 0"),
        (lambda c: c["members"][0].update(exerkine_id="m1"), "twice"),
        (lambda c: c["members"][0].update(hmdb="HMDB00190"), "hmdb"),
        (lambda c: c["members"][0].update(mimat="MIMAT1"), "mimat"),
        (lambda c: c.update(matrix=["plasma"]), "matrix"),
        (lambda c: c.update(window_minutes=[60, 0]), "backwards"),
        (lambda c: c.update(window_minutes=[0, 86400]), "in minutes"),
        (lambda c: c.update(exercise_mode=["running"]), "exercise_mode"),
    ],
)
def test_broken_signatures_name_file_and_field(tmp_path: Path, change, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        exo.sig.load(broken(tmp_path, change))
    assert "mine.yaml" in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such"):
        exo.sig.load(tmp_path / "nowhere.yaml")
    with pytest.raises(InputError, match="no .yaml"):
        exo.sig.load(tmp_path)
    path = tmp_path / "bad.yaml"
    path.write_text("a: [1, 2")
    with pytest.raises(InputError, match="YAML"):
        exo.sig.load(path)
    path.write_text("just text")
    with pytest.raises(InputError, match="mapping"):
        exo.sig.load(path)


def test_query() -> None:
    signatures = exo.sig.load()
    mirna = signatures.query(modality="mirna")
    assert {"myomirs", "vascular_mirs", "training_mirs", "haemolysis_mirs"} <= set(mirna)
    assert all(s.modality == "mirna" for s in mirna.values())
    assert "myomirs" not in signatures.query(modality="proteomics")
    assert "muscle_leak" in signatures.query(matrix="serum")  # no matrix stated: any
    with pytest.raises(exo.errors.UsageError, match="no field"):
        signatures.query(tissue="muscle")
    assert len(signatures.to_frame()) == sum(len(s.members) for s in signatures.values())
