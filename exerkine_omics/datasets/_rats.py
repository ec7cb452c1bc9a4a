"""Read the MoTrPAC PASS1B rats: plasma after training, VO2max before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from anndata import AnnData

from exerkine_omics import io, schema

TIMEPOINT, BASELINE = "terminal", "pre"
# id, name, HMDB where it is a metabolite, rat UniProt where a hormone, unit
ANALYTES = (
    ("corticosterone", "Corticosterone", "HMDB0001547", "", "", "ng/ml"),
    ("glucagon", "Glucagon", "", "Gcg", "P06883", "pmol/l"),
    ("glucose", "Glucose", "HMDB0000122", "", "", "mg/dl"),
    ("glycerol", "Glycerol", "HMDB0000131", "", "", "mg/dl"),
    ("insulin", "Insulin", "", "Ins1|Ins2", "P01322|P01323", "pg/ml"),
    ("ketones", "Total ketone bodies", "", "", "", "umol/l"),
    ("lactate", "Lactate", "HMDB0000190", "", "", "mmol/l"),
    ("leptin", "Leptin", "", "Lep", "P50596", "pg/ml"),
    ("nefa", "Non-esterified fatty acids", "", "", "", "mmol/l"),
)


@dataclass(frozen=True)
class RatTraining:
    """The rat training study.

    Parameters
    ----------
    adata
        Rats x plasma analytes, drawn once, after training: time point ``terminal``. The
        baseline is named ``pre`` and has no sample, so that nothing takes these for baseline
        values.
    outcomes
        A row a rat with a VO2max before training: subject_id, age, sex, arm, vo2max_pre,
        vo2max_post (ml/kg/min).
    """

    adata: AnnData
    outcomes: pd.DataFrame


def read(files: dict[str, Path]) -> RatTraining:
    """Return analytes and outcomes; pid is text."""
    analytes = pd.read_csv(files["pheno_analytes.csv"], dtype={"pid": str})
    names = [a[0] for a in ANALYTES]
    measured = analytes[analytes[names].notna().any(axis=1)]
    index = pd.Index(measured["pid"] + "|" + TIMEPOINT)
    samples = pd.DataFrame(
        {
            schema.SUBJECT: measured["pid"].to_numpy(),
            schema.TIMEPOINT: TIMEPOINT,
            schema.ARM: measured["group"].to_numpy(),
            "age": measured["age"].to_numpy(),
            "sex": measured["sex"].to_numpy(),
        },
        index=index,
    )
    features = pd.DataFrame(
        [a[1:] for a in ANALYTES],
        index=names,
        columns=[schema.NAME, schema.HMDB, schema.GENE_SYMBOL, schema.UNIPROT, schema.MEASURED_IN],
    )
    adata = io.from_frames(
        measured[names].astype(float).set_axis(index, axis=0),
        samples,
        features,
        subject=schema.SUBJECT,
        timepoint=schema.TIMEPOINT,
        baseline=TIMEPOINT,
        arm=schema.ARM,
        units="concentration",
        modality="metabolomics",
        species="rat",
        matrix_type=schema.UNKNOWN,
        platform="clinical_msd",
    )
    adata.uns[schema.UNS][schema.BASELINE] = BASELINE
    table = pd.read_csv(files["outcome_delta_vo2max.csv"], dtype={"pid": str})
    outcomes = pd.DataFrame(
        {
            schema.SUBJECT: table["pid"],
            "age": table["age"],
            "sex": table["sex"],
            schema.ARM: table["group"],
            "vo2max_pre": table["pre_vo2max_ml_kg_min"].astype(float),
            "vo2max_post": table["post_vo2max_ml_kg_min"].astype(float),
        }
    )
    return RatTraining(adata, outcomes.reset_index(drop=True))
