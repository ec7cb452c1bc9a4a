"""Names and accessions of any spelling find their molecule, or are said to be ambiguous."""

from __future__ import annotations

import gzip
import subprocess
import sys
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exerkine_omics import schema
from exerkine_omics.errors import InputError
from exerkine_omics.sig import _identify_text as text
from exerkine_omics.sig import identify
from exerkine_omics.sig._identify import build_index, identify_one
from exerkine_omics.sig._identify_tables import FOLDER, table

KNOWLEDGE = pd.read_csv(
    Path(__file__).with_name("identify_molecules.tsv"), sep="\t", dtype=str, keep_default_na=False
)


@cache
def index_of(modality):
    return build_index(modality, KNOWLEDGE)


def ask(modality, *terms, **columns):
    features = [{"index": t, **columns} for t in terms]
    return [identify_one(index_of(modality), f) for f in features]


# modality, molecule, and what people write for it
FOUND = (
    ("proteomics", "il6", ["OID20101", "IL6:P05231:OID20101:v1", "4673-13", "seq.4673.13"]),
    ("proteomics", "il6", ["SeqId.4673-13_3", "IL6.4673.13", "P05231", "P05231-2"]),
    ("proteomics", "il6", ["sp|P05231|IL6_HUMAN", "IL6", "il6", "IL-6", "IFNB2", "BSF-2"]),
    ("proteomics", "tnf", ["TNF", "TNFα", "TNF-α", "TNF-alpha", "TNFSF2", "TNFA"]),
    ("proteomics", "cxcl8", ["IL8", "IL-8", "CXCL8"]),
    ("proteomics", "ntprobnp", ["NTproBNP", "NT-proBNP"]),
    ("proteomics", "asprosin", ["Asprosin"]),
    ("proteomics", "hba", ["P69905"]),
    ("proteomics", "myostatin", ["GDF8", "MSTN"]),
    ("metabolomics", "lactate", ["Lac", "lactate", "Lactate*", "lactate [1]", "L-lactic acid"]),
    ("metabolomics", "lactate", ["Lactic Acid", "DL-lactate", "(S)-lactate", "sodium lactate"]),
    ("metabolomics", "lactate", ["HMDB00190", "HMDB0000190"]),
    ("metabolomics", "beta_hydroxybutyrate", ["3-hydroxybutyrate (BHBA)"]),
    ("metabolomics", "beta_hydroxybutyrate", ["β-hydroxybutyric acid", "b-hydroxybutyrate"]),
    ("metabolomics", "beta_hydroxybutyrate", ["X3.hydroxybutyrate", "(R)-3-hydroxybutyrate"]),
    ("metabolomics", "beta_hydroxybutyrate", ["D-3-hydroxybutyric acid", "BHB", "HMDB0000011"]),
    ("metabolomics", "carnitine_c8", ["C8", "CAR 8:0", "octanoylcarnitine"]),
    ("metabolomics", "carnitine_c8", ["C8 (octanoylcarnitine)", "octanoylcarnitine (C8)"]),
    ("metabolomics", "glucose", ["D-glucose", "D-Glucose", "dextrose", "GLUCOSE"]),
    ("metabolomics", "d_baiba", ["D-BAIBA", "(R)-3-aminoisobutyrate", "R-BAIBA"]),
    ("metabolomics", "baiba", ["BAIBA", "3-aminoisobutyrate", "3-aminoisobutyric acid"]),
    ("metabolomics", "oleate", ["oleate (18:1n9)", "oleic acid", "18:1n9"]),
    ("metabolomics", "sebacate", ["sebacate (decanedioate)", "decanedioic acid", "C10-DC"]),
    ("metabolomics", "alpha_ketoglutarate", ["α-ketoglutaric acid", "a-ketoglutarate"]),
    ("metabolomics", "alpha_ketoglutarate", ["alpha-ketoglutarate", "2-oxoglutarate"]),
    ("metabolomics", "dihome_12_13", ["12,13-DiHOME", "12.13.DiHOME", "12,13-dihome"]),
    ("metabolomics", "leucine", ["Leu", "L-Leucine", "LEUCINE"]),
    ("mirna", "mir_1_3p", ["hsa-miR-1-3p", "hsa-mir-1", "miR-1", "mir1", "hsa-miR-1_002222"]),
    ("mirna", "mir_1_3p", ["hsa-miR-1-002222", "hsa.miR.1.3p", "hsa_miR_1_3p", "MIMAT0000416"]),
    ("mirna", "mir_1_3p", ["microRNA-1", "miRNA-1-3p", "hsa-miR-1-3p_st"]),
    ("mirna", "mir_133a_3p", ["hsa-miR-133a", "miR-133a-3p", "hsa-miR-133a_002246"]),
    ("mirna", "let_7b_5p", ["hsa-let-7b", "let7b", "let-7b-5p"]),
    ("mirna", "mir_143_5p", ["hsa-miR-143*", "hsa-miR-143#", "hsa-miR-143-5p"]),
    ("mirna", "cf_ndna", ["cfDNA", "cf-nDNA"]),
)
CASES = [(modality, key, term) for modality, key, terms in FOUND for term in terms]


@pytest.mark.quick
@pytest.mark.parametrize(("modality", "key", "term"), CASES)
def test_found(modality, key, term):
    (identity,) = ask(modality, term)
    assert (identity.status, identity.exerkine_id) == ("found", key)


NOT_GUESSED = [
    ("proteomics", "P29459_P29460", "several_molecules", "il12a"),
    ("proteomics", "IL12A_IL12B", "several_molecules", "il12a"),
    ("proteomics", "2765-4", "several_molecules", "myostatin"),
    ("proteomics", "FBN1", "ambiguous", "asprosin"),
    ("metabolomics", "D-lactate", "ambiguous", "lactate"),
    ("metabolomics", "(S)-3-hydroxybutyrate", "ambiguous", "beta_hydroxybutyrate"),
    ("metabolomics", "L-glucose", "ambiguous", "glucose"),
    ("metabolomics", "C4", "ambiguous", "c4_bile"),
    ("metabolomics", "PEA", "ambiguous", "pea"),
    ("metabolomics", "glutarylcarnitine (C5)", "ambiguous", "carnitine_c5"),
    ("metabolomics", "glucose (labelled with six)", "ambiguous", "glucose"),
    ("metabolomics", "xLeu", "several_molecules", "leucine"),
    ("metabolomics", "leucine or isoleucine", "several_molecules", "isoleucine"),
    ("metabolomics", "lactate + pyruvoyl thing", "several_molecules", "lactate"),
    ("metabolomics", "H1", "several_molecules", "glucose"),
    ("metabolomics", "oleate/vaccenate (18:1)", "several_molecules", "oleate"),
    ("proteomics", "NT-3", "ambiguous", "SORT1"),
    ("mirna", "miR-378", "ambiguous", "MIMAT0000731"),
    ("mirna", "miR-133a/b", "several_molecules", "mir_133b"),
]


@pytest.mark.quick
@pytest.mark.parametrize(("modality", "term", "status", "candidate"), NOT_GUESSED)
def test_never_guessed(modality, term, status, candidate):
    (identity,) = ask(modality, term)
    assert (identity.status, identity.exerkine_id) == (status, "")
    assert candidate in identity.candidates


@pytest.mark.parametrize(
    ("modality", "term"),
    [
        ("proteomics", "Lac"),
        ("proteomics", "nonsense"),
        ("proteomics", "9999-99"),
        ("proteomics", "OID99999"),
        ("metabolomics", "IL6"),
        ("metabolomics", "X - 12345"),
        ("metabolomics", "lactate-d3"),
        ("metabolomics", "phenyllactate"),
        ("metabolomics", "C101"),
        ("mirna", "mmu-miR-1a-3p"),
        ("mirna", "miR-99999"),
    ],
)
def test_not_found(modality, term):
    (identity,) = ask(modality, term)
    assert (identity.status, identity.exerkine_id, identity.candidates) == ("not_found", "", ())


@pytest.mark.quick
def test_read_by_the_modality():
    (protein,), (metabolite,) = ask("proteomics", "C8"), ask("metabolomics", "C8")
    assert protein.values[schema.GENE_SYMBOL] == "C8A_C8B_C8G" and protein.exerkine_id == ""
    assert metabolite.exerkine_id == "carnitine_c8"


def test_values():
    (il8,) = ask("proteomics", "seq.3447.64")
    assert il8.values == {"seq_id": "3447-64", "uniprot": "P10145", "gene_symbol": "CXCL8"}
    (old,) = ask("mirna", "hsa-miR-451")
    assert old.status == "known" and old.values["mirbase"] == "hsa-miR-451a"
    (acyl,) = ask("metabolomics", "C10:1")
    assert (acyl.status, acyl.values) == ("known", {"refmet_name": "CAR 10:1"})
    (lactate,) = ask("metabolomics", "Lac")
    assert lactate.values["hmdb"] == "HMDB0000190" and lactate.values["chebi"] == "CHEBI:422"


def test_a_symbol_that_looks_like_an_accession():
    (identity,) = ask("proteomics", "P2RY11")
    assert identity.values == {"uniprot": "Q96G91", "gene_symbol": "P2RY11"}


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ({"chebi": "422"}, "lactate"),
        ({"chebi": "CHEBI:422"}, "lactate"),
        ({"kegg": "C00186"}, "lactate"),
        ({"inchikey": "JVTAAEKCZFNVCJ-REOHCLBHSA-M"}, "lactate"),
        ({"inchikey": "JVTAAEKCZFNVCJ-UHFFFAOYSA-N"}, "lactate"),
        ({"inchikey": "JVTAAEKCZFNVCJ-UWTATZPHSA-N"}, ""),
        ({"kegg": "C01152"}, ""),
        ({"kegg": "C01152", "hmdb": "HMDB00479"}, "three_methylhistidine"),
        ({"kegg": "C01152", "name": "1-methylhistidine"}, "one_methylhistidine"),
    ],
)
def test_columns_of_metabolites(columns, key):
    (identity,) = ask("metabolomics", "M1", **columns)
    assert identity.exerkine_id == key


def test_accession_stands_above_name():
    (identity,) = ask("proteomics", "TNF", uniprot="P05231")
    assert (identity.exerkine_id, identity.against) == ("il6", "index")
    (identity,) = ask("proteomics", "a1", name="TNF", seq_id="4673-13")
    assert (identity.exerkine_id, identity.against) == ("il6", "name")


def test_contradicting_accessions():
    (identity,) = ask("proteomics", "a1", uniprot="P05231", gene_symbol="TNF")
    assert (identity.status, identity.exerkine_id) == ("conflict", "")
    assert identity.candidates == ("IL6", "TNF") and identity.values == {}
    (foreign,) = ask("metabolomics", "lactate", hmdb="HMDB0001311")
    assert foreign.status == "ambiguous" and "lactate" in foreign.candidates


def test_two_molecules_of_one_gene():
    bare, named = ask("proteomics", "P16860"), ask("proteomics", "NPPB", name="NT-proBNP")
    assert bare[0].exerkine_id == "nppb"  # the molecule that bears the gene's name
    assert named[0].exerkine_id == "ntprobnp"


def test_other_species():
    rat = identify(
        [{"index": "Il6", "uniprot": "P20607"}], "proteomics", knowledge=KNOWLEDGE, species="rat"
    )
    assert rat[0].exerkine_id == "il6" and rat[0].values == {}
    mouse = identify([{"index": "mmu-miR-133a-3p"}], "mirna", knowledge=KNOWLEDGE, species="mouse")
    assert mouse[0].exerkine_id == "mir_133a_3p" and mouse[0].values == {}
    sugar = identify([{"index": "Lac"}], "metabolomics", knowledge=KNOWLEDGE, species="rat")
    assert sugar[0].values["hmdb"] == "HMDB0000190"


def test_unknown_modality():
    with pytest.raises(InputError, match="none of proteomics"):
        identify([{"index": "IL6"}], "unknown")


@given(st.sampled_from(CASES), st.text(alphabet="\t ", max_size=2), st.booleans())
def test_blanks_and_case(case, blanks, upper):
    modality, key, term = case
    (identity,) = ask(modality, blanks + (term.upper() if upper else term) + blanks)
    assert identity.exerkine_id == key


@given(st.sampled_from(["proteomics", "metabolomics", "mirna"]), st.text(max_size=30))
def test_any_text_is_answered(modality, term):
    (identity,) = ask(modality, term)
    assert bool(identity.exerkine_id) == (identity.status == "found")


@given(st.text(max_size=40))
def test_keys_are_stable(term):
    assert text.metabolite_key(text.metabolite_key(term)) == text.metabolite_key(term)
    assert text.squash(text.squash(term)) == text.squash(term)


def test_every_shipped_symbol_and_name_finds_itself():
    index = index_of("proteomics")
    for symbol, *_ in table("proteins.tsv.gz"):
        assert index.find("gene_symbol", symbol)[0] == {frozenset([symbol])}
    index = index_of("mirna")
    for accession, name, _ in table("mirbase.tsv.gz"):
        assert not name or index.find("mirbase", name)[0] == {frozenset([accession])}


def test_tables_are_small_and_their_source_stated():
    files = [p for p in FOLDER.iterdir() if p.suffix in (".gz", ".tsv")]
    assert sum(p.stat().st_size for p in files) < 2_000_000
    readme = (FOLDER / "README.md").read_text()
    assert all(p.name in readme for p in files)
    for path in files:
        opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
        with opened as stream:
            width = {line.count("\t") for line in stream}
        assert len(width) == 1, path.name


def test_name_logic_needs_no_anndata():
    code = (
        "import sys, exerkine_omics.sig as s; s.identify([{'index': 'IL6'}], 'proteomics'); "
        "sys.exit('anndata' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
