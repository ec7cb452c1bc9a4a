"""Rebuild the shipped identifier tables from the reference tables.

    EXERKINE_DATA_DIR=... python tests/benchmarks/identifier_tables.py [--molecules FOLDER] [-o OUT]

Reads EXERKINE_DATA_DIR/../reference (sources and licences: sig/identifiers/README.md) and the
knowledge base's metabolites, and writes the gzip tables byte for byte alike. Only tables that
may be shipped are opened.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from exerkine_omics.sig._identify_tables import FOLDER
from exerkine_omics.sig._knowledge import molecules, read_molecules

_VENDOR_SPLIT = re.compile(r"[,;|_\s]+")
_PROTEIN_LOCI = ("gene with protein product", "immunoglobulin gene", "T cell receptor gene")


def rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
    with opened as stream:
        yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)


def write(path: Path, header: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    text = "".join("\t".join(line) + "\n" for line in (header, *sorted(lines)))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=9, filename="") as packed:
        packed.write(text.encode())
    path.write_bytes(buffer.getvalue())
    print(f"{path.name}: {len(lines)} rows, {path.stat().st_size / 1000:.0f} kB")


def proteins(reference: Path, out: Path) -> None:
    lines = [
        (r["symbol"], r["uniprot"].replace("|", ";"), r["previous_symbols"], r["alias_symbols"])
        for r in rows(reference / "hgnc_symbols_uniprot.tsv.gz")
        if r["status"] == "Approved" and (r["uniprot"] or r["locus_type"] in _PROTEIN_LOCI)
    ]
    write(out / "proteins.tsv.gz", ("symbol", "uniprot", "previous", "alias"), lines)


def olink(reference: Path, out: Path) -> None:
    seen: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for r in rows(reference / "olink_explore3072_ukbppp_map.tsv.gz"):
        ids, symbols = seen[r["OlinkID"]]
        ids += [r["UniProt2"]] if r["UniProt2"] not in ids else []
        symbols += [r["HGNC.symbol"]] if r["HGNC.symbol"] not in symbols else []
    lines = [(k, ";".join(sorted(i)), ";".join(sorted(s))) for k, (i, s) in seen.items()]
    write(out / "olink.tsv.gz", ("olink_id", "uniprot", "gene_symbol"), lines)


def somascan(reference: Path, out: Path) -> None:
    lines = []
    for r in rows(reference / "somascan_seqid_map.tsv.gz"):
        ids = r["uniprot_vendor_5k_example"] or r["uniprot_from_hgnc"]
        human = r["organism_vendor"] in ("", "Human") and r["type_vendor"] in ("", "Protein")
        if not human or not ids or "Mouse" in r["target_full_name"]:
            continue
        symbols = r["entrez_symbols_hgnc"] or r["entrez_symbol_vendor_5k_example"]
        lines.append(
            (
                r["seq_id"],
                ";".join(sorted({i for i in _VENDOR_SPLIT.split(ids) if i})),
                ";".join(sorted({s for s in _VENDOR_SPLIT.split(symbols) if s})),
            )
        )
    write(out / "somascan.tsv.gz", ("seq_id", "uniprot", "gene_symbol"), lines)


def mirbase(reference: Path, out: Path) -> None:
    current = {r["mimat"]: r["name"] for r in rows(reference / "mirbase_v22_hsa_mature.tsv.gz")}
    old: dict[str, set[str]] = defaultdict(set)
    for r in rows(reference / "mirbase_hsa_alias_to_mimat.tsv.gz"):
        if current.get(r["mimat"]) != r["alias"]:
            old[r["mimat"]].add(r["alias"])
    for r in rows(reference / "mirbase_hsa_not_in_v22gff.tsv.gz"):
        old[r["mimat"]].add(r["last_name"])
    lines = [(m, current.get(m, ""), ";".join(sorted(old[m]))) for m in {*current, *old}]
    write(out / "mirbase.tsv.gz", ("mimat", "name", "previous"), lines)


def metabolites(reference: Path, out: Path, folder: Path | None) -> None:
    """RefMet names, laboratories' names and further ids of the knowledge base's molecules."""
    known = read_molecules(folder) if folder else molecules()
    known = known[known["modality"] == "metabolomics"]
    chebi_of = defaultdict(set)
    for r in rows(reference / "idtables" / "hmdb_to_chebi.tsv.gz"):
        chebi_of[r["HMDB_ID"]].add("CHEBI:" + r["CHEBI_ID"].removeprefix("CHEBI:"))
    dictionary = [
        r
        for r in rows(reference / "metabolites" / "refmet_dictionary.tsv.gz")
        if r["is_standard"] == "0"
    ]
    lines = []
    for molecule in known.to_dict("records"):
        hmdb, refmet = molecule["hmdb"], molecule["refmet_name"]
        own = [
            r
            for r in dictionary
            if (hmdb and seven(r["hmdb_id"]) == hmdb)
            or (refmet and r["CURRENT_REFMET_NAME"] == refmet and not r["hmdb_id"])
        ]
        # an id without stereochemistry in the dictionary serves several of our molecules: skip it
        refmets = {r["CURRENT_REFMET_NAME"] for r in own}
        name = refmet or (refmets.pop() if len(refmets) == 1 else "")
        names = {r["metabolite_name"] for r in own if "feature" not in r["metabolite_name"]}
        chebis = chebi_of.get(hmdb, set()) | {
            "CHEBI:" + r["chebi_id"] for r in own if r["chebi_id"].isdigit()
        }
        keggs = {r["kegg_id"] for r in own if r["kegg_id"]} - {"C02301", "C00195", "C01152"}
        line = (
            hmdb,
            ";".join(sorted(chebis)),
            ";".join(sorted(keggs)),
            name,
            molecule["inchikey"],
            "|".join(sorted(names - {""})),
        )
        if hmdb or name:
            lines.append(line)
    header = ("hmdb", "chebi", "kegg", "refmet_name", "inchikey", "names")
    write(out / "metabolites.tsv.gz", header, lines)


def seven(accession: str) -> str:
    digits = accession.removeprefix("HMDB")
    return f"HMDB{int(digits):07d}" if digits.isdigit() else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--molecules", type=Path, help="folder of the knowledge base's tables")
    parser.add_argument("-o", type=Path, default=FOLDER, dest="out")
    chosen = parser.parse_args()
    reference = Path(os.environ["EXERKINE_DATA_DIR"]).parent / "reference"
    chosen.out.mkdir(parents=True, exist_ok=True)
    proteins(reference, chosen.out)
    olink(reference, chosen.out)
    somascan(reference, chosen.out)
    mirbase(reference, chosen.out)
    metabolites(reference, chosen.out, chosen.molecules)


if __name__ == "__main__":
    main()
