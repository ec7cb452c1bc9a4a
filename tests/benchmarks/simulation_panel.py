"""Write ``exerkine_omics/datasets/panel.tsv``: the features of the simulated cohort.

Run ``python tests/benchmarks/simulation_panel.py CURATION REFERENCE > panel.tsv`` with the folder
of the curated tables and the folder of the public identifier tables (HGNC, RefMet, miRBase).
An effect is the log2 change; its source is a study, or says that only the direction is known.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = [
    "modality", "feature", "name", "gene_symbol", "uniprot", "hmdb", "refmet_name", "mimat",
    "acute", "acute_source", "training", "training_source", "predictor", "predictor_source",
    "haemolysis",
]  # fmt: skip
ASSUMED = "size assumed; direction: "
NIELSEN = "PMID 9925898 (marathon)"
RACE = "doi 10.1371/journal.pone.0273510 (50 km race, measured here)"
BOUT = "MotrpacHumanPreSuspensionAnalysis 2.0.8, EE-CON, 10 min after the bout"
SERUM = "doi 10.5281/zenodo.21849646 (12 weeks, serum Olink, q < 0.05)"
HERITAGE = "PMID 34045743 (protein named; sign and size chosen)"

# fold changes after one bout, and where they were read
FOLD: dict[str, tuple[float, str]] = {
    "IL1RN": (39, NIELSEN), "IL10": (27, NIELSEN), "TNFRSF1A": (2.7, NIELSEN),
    "TNFRSF1B": (1.6, NIELSEN), "TNF": (2.3, NIELSEN), "IL1B": (2.1, NIELSEN),
    "IL6": (2**5.004, RACE), "CXCL8": (2**1.228, RACE), "S100A8": (2**0.8414, RACE),
    "S100A9": (2**0.8414, RACE), "CKM": (2**1.924, RACE),
    "FGF21": (20, "doi 10.3389/fphys.2020.550102 (marathon)"),
    "GDF15": (4.2, "doi 10.3389/fphys.2020.550102 (marathon)"),
    "FST": (7, "PMID 21068158 (3 h cycling, peak)"),
    "TNNT2": (16, "PMID 28382580 (marathon)"), "IL1RL1": (1.6, "PMID 28382580 (marathon)"),
    "NPPB": (1.3, "PMID 28382580 (marathon)"), "NPPA": (3.0, "PMID 2526114 (maximal test)"),
    "VWF": (2.2, "doi 10.1055/s-0038-1647324"), "SERPINE1": (0.30, "PMID 7792744 (activity)"),
    "COMP": (2.9, "doi 10.5535/arm.2012.36.1.80 (308 km)"),
    "TNFRSF11B": (2.6, "doi 10.5535/arm.2012.36.1.80 (100 km)"),
    "FSTL1": (1.22, "PMID 23419164"), "MB": (4, "doi 10.1515/CCLM.2008.250 (21 km)"),
    "CA3": (2.9, "doi 10.1515/CCLM.2008.250 (21 km)"),
    "PYGB": (1.4, "doi 10.1515/CCLM.2008.250 (21 km)"),
    "FABP3": (1.2, "doi 10.1515/CCLM.2008.250 (21 km)"),
}  # fmt: skip
CORE = ["IL6", "IL1RN", "IL10", "TNFRSF1A", "TNFRSF1B", "TNF", "IL1B"]
RED_CELL = {"HBA1": 3.0, "HBB": 3.0, "CA1": 2.5, "CA2": 2.0, "PRDX2": 1.5, "CAT": 1.0}
PREDICTORS = {"MMP12": -1.0, "FAP": 0.8, "ANGPT2": -0.8, "STC1": -0.6, "CCL27": 0.6,
              "IL11RA": 1.0, "ERBB3": 0.8, "ACAN": 0.6}  # fmt: skip
TRAINING_FOLD = {"IGFBP1": (1.41, "PMID 21872284")}
FAMILIES = r"^(?:CXCL|CCL|TNFSF|TNFRSF|IGFBP|MMP|TIMP|SERPIN[A-I]|APO[A-H]|COL\d|IL\d|FGF\d|BMP|" \
    r"ADAM|CTS|LGALS|KLK|PDGF|VEGF|EPH|EFN|SIGLEC|CD\d|WNT|SEMA|NOTCH|ITG|LAMA|S100)"  # fmt: skip

ACUTE_METABOLITES: dict[str, tuple[float, str]] = {
    "lactate": (0.8586, BOUT), "pyruvate": (0.8, ASSUMED + "PMID 32040782; 32190096"),
    "lac_phe": (0.8, ASSUMED + "PMID 35705806"), "alanine": (0.4, ASSUMED + "PMID 32190096"),
    "glucose_6_phosphate": (0.4, ASSUMED + "doi 10.1126/scitranslmed.3001006"),
    "succinate": (0.8, ASSUMED + "PMID 32946811; 32040782"),
    "glycerol": (np.log2(1.55), "doi 10.1186/s40779-023-00477-5 (45-min field exercise, +55%)"),
    "malate": (0.6, ASSUMED + "PMID 32190096; 32040782"),
    "fumarate": (0.6, ASSUMED + "PMID 32040782"),
    "kynurenic_acid": (0.4478, BOUT), "valine": (-0.0596, BOUT), "kynurenine": (-0.1464, BOUT),
    "phenylalanine": (0.0594, BOUT), "carnitine_free": (-0.0638, BOUT), "gaba": (-0.2157, BOUT),
    "glutamate": (np.log2(0.71), "PMID 32927962 (peak CPET, -29%)"),
    "dmgv": (np.log2(0.82), "PMID 32927962 (peak CPET, -18%)"),
    "one_methylnicotinamide": (np.log2(1.33), "PMID 32927962 (peak CPET, +33%)"),
    "dihome_12_13": (np.log2(1.26), "PMID 32927962 (peak CPET, +26%)"),
    "tryptophan": (np.log2(0.88), "PMID 27124720 (-12%)"),
    "taurine": (np.log2(1.77), "PMID 10078335; 11310927 (marathon, +77%)"),
    "uric_acid": (np.log2(1.20), "PMID 16324927; 25157658 (10-min run, +20%)"),
    "allantoin": (np.log2(3.0), "PMID 25157658 (10-min run, about +200%)"),
    "myristate": (np.log2(1.57), "doi 10.1186/s40779-023-00477-5 (45-min field exercise, +57%)"),
    "palmitate": (np.log2(1.51), "doi 10.1186/s40779-023-00477-5 (45-min field exercise, +51%)"),
    "oleate": (np.log2(1.66), "doi 10.1186/s40779-023-00477-5 (45-min field exercise, +66%)"),
    "hypoxanthine": (0.8, ASSUMED + "PMID 16324927; 2286490"),
    "beta_hydroxybutyrate": (0.6, ASSUMED + "PMID 32040782"),
    "carnitine_c2": (0.5, ASSUMED + "PMID 29438325; 32040782"),
    "carnitine_c8": (0.5, ASSUMED + "PMID 32040782"),
}  # fmt: skip
TRAINING_METABOLITES = {
    "glutamine": (np.log2(623 / 762), "doi 10.3390/jcm13175300 (762 to 623 umol/l)")
}
ACUTE_MIRNA: dict[str, tuple[float, str]] = {
    "hsa-miR-1-3p": (1.0, ""), "hsa-miR-133a-3p": (1.0, ""), "hsa-miR-133b": (1.0, ""),
    "hsa-miR-206": (1.0, ""), "hsa-miR-208b-3p": (1.0, ""),
    "hsa-miR-181b-5p": (np.log2(2.3), "PMCID PMC5814647 (peak exercise, 2.3-fold)"),
    "hsa-miR-222-3p": (0.5, ""), "hsa-miR-126-3p": (0.5, ""), "hsa-miR-21-5p": (0.5, ""),
}  # fmt: skip
ROUND = "PMID 31101833 (lower end of fold 1.41-3.60)"
DOWN = ASSUMED + "PMID 31101833"
TRAINING_MIRNA = {
    **{f"hsa-miR-{n}": (0.4957, ROUND) for n in (
        "142-3p", "221-3p", "126-3p", "146a-5p", "27b-3p")},
    **{f"hsa-{n}": (-0.5, DOWN) for n in (
        "miR-29c-3p", "let-7e-5p", "miR-93-5p", "miR-7-5p", "miR-29b-3p")},
}  # fmt: skip
RED_CELL_MIRNA = {"hsa-miR-451a": 5.0, "hsa-miR-16-5p": 3.0, "hsa-miR-486-5p": 3.0,
                  "hsa-miR-92a-3p": 2.0, "hsa-miR-25-3p": 1.5}  # fmt: skip
STABLE_MIRNA = ["hsa-miR-23a-3p", "hsa-miR-191-5p", "hsa-let-7d-5p"]


def proteins(curation: Path, reference: Path) -> pd.DataFrame:
    hgnc = pd.read_csv(reference / "hgnc_symbols_uniprot.tsv.gz", sep="\t", quoting=3, dtype=str)
    hgnc = hgnc[
        (hgnc["status"] == "Approved") & hgnc["uniprot"].fillna("").str.fullmatch(r"\w{6,10}")
    ]
    hgnc = hgnc[hgnc["locus_type"] == "gene with protein product"].set_index("symbol")
    curated = pd.read_csv(curation / "proteins_signatures.tsv", sep="\t")
    hits = pd.read_csv(curation / "motrpac" / "plasma_positive_hits_q10.csv")
    hits = hits[(hits["contrast_category"] == "EE-CON") & (hits["Timepoint"] == "post_10_min")]
    hits = hits[hits["adj_p_value"] < 0.05].set_index("gene_symbol")["logFC"]
    trained = pd.read_csv(
        curation / "proteomics_lists" / "myoglu_training_serum_olink_subset.tsv", sep="\t"
    )
    trained = trained[trained["direction"] != "ns"].set_index("gene_symbol")["effect"]
    family = hgnc.index[hgnc.index.str.contains(FAMILIES)].to_series()
    fill = family.sample(frac=1, random_state=7).tolist()
    ordered = [*CORE, *PREDICTORS, *list(RED_CELL)[:4], *FOLD, *hits.index, *trained.index[:20],
               *RED_CELL, "IGFBP1", *fill[:60], *curated["gene_symbol"].dropna(),
               *trained.index, *fill[60:]]  # fmt: skip
    rows = []
    for symbol in dict.fromkeys(ordered):
        if symbol not in hgnc.index or len(rows) == 400:
            continue
        acute = (np.log2(FOLD[symbol][0]), FOLD[symbol][1]) if symbol in FOLD else (0.0, "")
        if symbol in hits.index and symbol not in FOLD:
            acute = (float(hits[symbol]), BOUT)
        chronic = (float(trained[symbol]), SERUM) if symbol in trained.index else (0.0, "")
        if symbol in TRAINING_FOLD:
            chronic = (np.log2(TRAINING_FOLD[symbol][0]), TRAINING_FOLD[symbol][1])
        rows.append(
            {
                "modality": "proteomics",
                "feature": symbol,
                "name": hgnc.at[symbol, "name"],
                "gene_symbol": symbol,
                "uniprot": hgnc.at[symbol, "uniprot"],
                "acute": acute[0],
                "acute_source": acute[1],
                "training": chronic[0],
                "training_source": chronic[1],
                "predictor": PREDICTORS.get(symbol, 0.0),
                "predictor_source": HERITAGE if symbol in PREDICTORS else "",
                "haemolysis": RED_CELL.get(symbol, 0.0),
            }
        )
    return pd.DataFrame(rows)


def metabolites(reference: Path) -> pd.DataFrame:
    cross = pd.read_csv(
        reference / "metabolites" / "exercise_metabolite_id_crosswalk.tsv", sep="\t"
    ).set_index("slug")
    refmet = pd.read_csv(
        reference / "metabolites" / "refmet_dictionary.tsv.gz", sep="\t", quoting=3, dtype=str
    )
    refmet = refmet[refmet["hmdb_id"].fillna("").str.fullmatch(r"HMDB\d{7}")]
    rows, seen = [], set()
    known = cross[cross["hmdb"].notna()]
    first = ["lactate", "pyruvate", "lac_phe", "alanine", "glucose_6_phosphate", "succinate"]
    rest = [s for s in known.index if pd.notna(known.at[s, "refmet"])]
    ordered = [*first, *ACUTE_METABOLITES, *TRAINING_METABOLITES, *rest]
    for slug in dict.fromkeys(ordered):
        if slug not in known.index or known.at[slug, "hmdb"] in seen:
            continue
        seen.add(known.at[slug, "hmdb"])
        acute = ACUTE_METABOLITES.get(slug, (0.0, ""))
        chronic = TRAINING_METABOLITES.get(slug, (0.0, ""))
        ref = known.at[slug, "refmet"]
        rows.append(
            {
                "modality": "metabolomics",
                "feature": slug,
                "name": known.at[slug, "name"],
                "hmdb": known.at[slug, "hmdb"],
                "refmet_name": ref if pd.notna(ref) else "",
                "acute": acute[0],
                "acute_source": acute[1],
                "training": chronic[0],
                "training_source": chronic[1],
                "predictor": 0.0,
                "predictor_source": "",
                "haemolysis": 0.0,
            }
        )
    for _, row in refmet.drop_duplicates("hmdb_id").iterrows():
        slug = re.sub(r"[^a-z0-9]+", "_", row["refmet_name"].lower()).strip("_")
        if row["hmdb_id"] in seen or len(rows) >= 200 or slug in {r["feature"] for r in rows}:
            continue
        seen.add(row["hmdb_id"])
        rows.append(
            {
                "modality": "metabolomics",
                "feature": slug,
                "name": row["refmet_name"],
                "hmdb": row["hmdb_id"],
                "refmet_name": row["refmet_name"],
                "acute": 0.0,
                "acute_source": "",
                "training": 0.0,
                "training_source": "",
                "predictor": 0.0,
                "predictor_source": "",
                "haemolysis": 0.0,
            }
        )
    return pd.DataFrame(rows)


def mirnas(curation: Path, reference: Path) -> pd.DataFrame:
    table = pd.read_csv(reference / "mirbase_v22_hsa_mature.tsv.gz", sep="\t").set_index("name")
    evidence = pd.read_csv(curation / "mirna_signatures.tsv", sep="\t")
    rows_of = pd.read_csv(curation / "mirnas.tsv", sep="\t").set_index("id")
    cited: dict[str, str] = {}
    for _, row in evidence.iterrows():
        ids = [i for i in str(row["supporting_rows"]).split(",") if i in rows_of.index]
        pmids = [str(p) for p in rows_of.loc[ids, "pmid"] if str(p).isdigit()]
        if row["signature"].startswith("acute"):
            found = "PMID " + "; ".join(dict.fromkeys(pmids)) if pmids else "curated signature"
            cited.setdefault(row["name"], found)
    common = [
        n
        for n in table.index
        if re.fullmatch(r"hsa-(let-7[a-i]|miR-(\d\d|1\d\d|2[0-2]\d)[a-c]?)-[35]p", n)
    ]
    fill = pd.Series(common).sample(frac=1, random_state=7).tolist()
    ordered = [*list(ACUTE_MIRNA)[:5], *list(RED_CELL_MIRNA)[:3], STABLE_MIRNA[0], *ACUTE_MIRNA,
               *list(TRAINING_MIRNA)[:8], *RED_CELL_MIRNA, *fill[:12], *TRAINING_MIRNA,
               *STABLE_MIRNA, *evidence["name"], *fill]  # fmt: skip
    rows = []
    for name in dict.fromkeys(ordered):
        if name not in table.index or len(rows) == 150:
            continue
        acute = ACUTE_MIRNA.get(name, (0.0, ""))
        if acute[0] and not acute[1]:
            acute = (acute[0], ASSUMED + cited.get(name, "curated signature"))
        chronic = TRAINING_MIRNA.get(name, (0.0, ""))
        rows.append(
            {
                "modality": "mirna",
                "feature": name,
                "name": name,
                "mimat": table.at[name, "mimat"],
                "acute": acute[0],
                "acute_source": acute[1],
                "training": chronic[0],
                "training_source": chronic[1],
                "predictor": 0.0,
                "predictor_source": "",
                "haemolysis": RED_CELL_MIRNA.get(name, 0.0),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    curation, reference = Path(sys.argv[1]), Path(sys.argv[2])
    frames = [
        proteins(curation, reference), metabolites(reference), mirnas(curation, reference)
    ]  # fmt: skip
    panel = pd.concat(frames, ignore_index=True).reindex(columns=COLUMNS)
    panel = panel.fillna({c: "" for c in COLUMNS if panel[c].dtype.kind not in "f"})
    panel.round(4).to_csv(sys.stdout, sep="\t", index=False)


if __name__ == "__main__":
    main()
