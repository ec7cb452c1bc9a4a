"""The panel holds real identifiers, the parameters are those the data give."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.datasets._panel import panel


@pytest.fixture(scope="module")
def reference() -> Path:
    folder = os.environ.get("EXERKINE_DATA_DIR", "")
    place = Path(folder).resolve().parent / "reference"
    if not folder or not place.is_dir():
        pytest.skip("identifier tables: no folder 'reference' beside EXERKINE_DATA_DIR")
    return place


def test_ids_are_unique_and_every_effect_has_a_source():
    for modality, column in (("proteomics", "uniprot"), ("metabolomics", "hmdb"),
                             ("mirna", "mimat")):  # fmt: skip
        known = panel(modality, 150)
        assert known.index.is_unique and known[column].is_unique and (known[column] != "").all()
        for kind in ("acute", "training"):
            changed = known[known[kind] != 0]
            assert (changed[f"{kind}_source"] != "").all()


def test_every_parameter_has_a_source():
    table = exo.datasets.parameters()
    assert (table["source"] != "").all()
    assert not table.duplicated(["scope", "parameter"]).any()
    assert set(table["scope"]) == {
        "all", "proteomics", "metabolomics", "mirna", "people", "vo2max"
    }  # fmt: skip


def test_identifiers_are_those_of_the_public_tables(reference: Path):
    hgnc = pd.read_csv(reference / "hgnc_symbols_uniprot.tsv.gz", sep="\t", quoting=3, dtype=str)
    hgnc = hgnc[hgnc["status"] == "Approved"].set_index("symbol")["uniprot"]
    proteins = panel("proteomics", 400)
    assert (hgnc.reindex(proteins["gene_symbol"]).to_numpy() == proteins["uniprot"]).all()
    mirbase = pd.read_csv(reference / "mirbase_v22_hsa_mature.tsv.gz", sep="\t")
    mirna = panel("mirna", 150)
    names = mirbase.set_index("mimat")["name"]
    assert (names.reindex(mirna["mimat"]).to_numpy() == mirna["name"]).all()
    folder = reference / "metabolites"
    refmet = pd.read_csv(folder / "refmet_dictionary.tsv.gz", sep="\t", quoting=3, dtype=str)
    cross = pd.read_csv(folder / "exercise_metabolite_id_crosswalk.tsv", sep="\t")
    metabolites = panel("metabolomics", 200)
    known = set(refmet["hmdb_id"].dropna()) | set(cross["hmdb"].dropna())
    assert set(metabolites["hmdb"]) <= known
    named = set(refmet["refmet_name"].dropna()) | set(cross["refmet"].dropna())
    assert set(metabolites["refmet_name"]) - {""} <= named


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_parameters_are_what_the_script_measures(data_dir: Path):
    script = Path(__file__).parents[1] / "benchmarks" / "simulation_parameters.py"
    spec = importlib.util.spec_from_file_location("simulation_parameters", script)
    measure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measure)
    table = exo.datasets.parameters().set_index(["scope", "parameter"])["value"]
    olink, race = measure.olink(data_dir), measure.ultramarathon(data_dir)
    for key, label, source in (
        (("proteomics", "sd_median"), "median SD, NPX", olink),
        (("proteomics", "icc_median"), "median ICC", olink),
        (("metabolomics", "icc_median"), "median ICC", measure.metabolites(data_dir)),
        (("mirna", "lod_share"), "mean share undetermined", measure.mirna(data_dir)),
        (("people", "age_mean"), "age: mean", race),
        (("all", "missed_visits"), "planned visits", race),
        (("vo2max", "typical_error"), "con: typical error", measure.skiers(data_dir)),
        (("metabolomics", "lod_share"), "mean share < LOD", measure.metabolites_lod(data_dir)),
    ):
        (found,) = [v for k, v in source.items() if label in k]
        assert table[key] == pytest.approx(found, rel=2e-3), key
