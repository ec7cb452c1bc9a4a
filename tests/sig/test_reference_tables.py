"""Identifiers of the knowledge base against the tables of HGNC, miRBase, RefMet and ChEBI."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

import exerkine_omics as exo

# where the tables are not followed, and why
HGNC_WITHOUT_ACCESSION = {"PALM2"}
NO_MIRNA = {"cf_mtdna", "cf_ndna", "mirna_panel"}  # cell-free DNA, the outcome of a whole panel
CHEBI_BY_CHOICE = {
    "glucose": "the pyranose without anomer, as RefMet; the table gives beta-D",
    "glucosamine": "the pyranose without anomer",
    "betaine": "the zwitterion, as RefMet; the table gives the cation",
    "hete_5": "no stereo centre; the table gives 5(S)",
    "hete_12": "no stereo centre; the table gives 12(S)",
    "hydroxybutyrate_2": "no stereo centre, as RefMet",
    "allantoin": "racemic; RefMet gives one enantiomer",
}
HMDB_BY_CHOICE = {"cholic_acid": "RefMet's accession is that of another bile acid"}


@pytest.fixture(scope="module")
def tables(data_dir: Path) -> Path:
    folder = data_dir.parent / "reference"
    if not folder.is_dir():
        pytest.skip("real data: the identifier tables are not beside EXERKINE_DATA_DIR")
    return folder


def read(path: Path) -> pd.DataFrame:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return pd.read_csv(stream, sep="\t", dtype=str, quoting=3, keep_default_na=False)


def of(modality: str) -> pd.DataFrame:
    table = exo.sig.molecules()
    return table[table["modality"] == modality]


@pytest.mark.real_data
def test_proteins_are_in_hgnc(tables: Path) -> None:
    hgnc = read(tables / "hgnc_symbols_uniprot.tsv.gz")
    hgnc = hgnc[hgnc["status"] == "Approved"]
    known = dict(zip(hgnc["symbol"], hgnc["uniprot"], strict=True))
    bad = []
    for row in of("proteomics").itertuples():
        symbols = [s for s in row.gene_symbol.split(";") if s]
        bad += [f"{s} is no approved symbol" for s in symbols if s not in known]
        held = "|".join(known.get(s, "") for s in symbols)
        if symbols and not HGNC_WITHOUT_ACCESSION & set(symbols):
            bad += [
                f"{symbols} {a}: HGNC has {held!r}"
                for a in row.uniprot.split(";")
                if a.split("-")[0] not in held
            ]
    assert not bad, bad


@pytest.mark.real_data
def test_mirnas_are_in_mirbase(tables: Path) -> None:
    frame = read(tables / "mirbase_v22_hsa_mature.tsv.gz")
    known = dict(zip(frame["mimat"], frame["name"], strict=True))
    bad = {
        row.exerkine_id: (row.mirbase, row.mimat, known.get(row.mimat))
        for row in of("mirna").itertuples()
        if known.get(row.mimat) != row.mirbase
    }
    assert set(bad) <= NO_MIRNA, bad


@pytest.mark.real_data
def test_metabolites_are_in_refmet_and_chebi(tables: Path) -> None:
    refmet = read(tables / "metabolites" / "refmet_dictionary.tsv.gz")
    both = [refmet.assign(own=refmet[c]) for c in ("refmet_name", "CURRENT_REFMET_NAME")]
    by_name = dict(iter(pd.concat(both).groupby("own")))
    pairs = read(tables / "idtables" / "hmdb_to_chebi.tsv.gz")
    chebis = pairs.groupby("HMDB_ID")["CHEBI_ID"].agg(set).to_dict()
    bad = []
    for row in of("metabolomics").itertuples():
        chebi = row.chebi.removeprefix("CHEBI:")
        listed = chebis.get(row.hmdb, {chebi})
        if chebi and not {chebi, row.chebi} & listed and row.exerkine_id not in CHEBI_BY_CHOICE:
            bad.append(f"{row.exerkine_id}: {row.hmdb} is {listed}, not {row.chebi}")
        if not row.refmet_name:
            continue
        if row.refmet_name not in by_name:
            bad.append(f"{row.exerkine_id}: {row.refmet_name!r} is no RefMet name")
            continue
        own = by_name[row.refmet_name]
        hmdb = {f"HMDB{h.removeprefix('HMDB').zfill(7)}" for h in own["hmdb_id"] if h}
        if row.hmdb and hmdb and row.hmdb not in hmdb and row.exerkine_id not in HMDB_BY_CHOICE:
            bad.append(f"{row.exerkine_id}: {row.refmet_name} is {hmdb}, not {row.hmdb}")
        for column, theirs in (("kegg", "kegg_id"), ("pubchem_cid", "pubchem_cid")):
            mine, known = getattr(row, column), set(own[theirs]) - {""}
            if mine and known and not set(mine.split(";")) & known:
                bad.append(f"{row.exerkine_id}: {column} {mine}, RefMet has {known}")
        skeletons = {key[:14] for key in own["inchi_key"] if key}
        if row.inchikey and skeletons and row.inchikey[:14] not in skeletons:
            bad.append(f"{row.exerkine_id}: InChIKey {row.inchikey}, RefMet has {skeletons}")
    assert not bad, bad
