"""Every key, unit and column name that passes between the rooms.

No other module spells a key of ``obs``, ``var``, ``layers`` or ``uns``.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1"
UNS = "exerkine"

# obs
SAMPLE_ID = "sample_id"
SUBJECT = "subject_id"
TIMEPOINT = "timepoint"
ARM = "arm"
MINUTES_POST = "minutes_post"
BOUT = "bout"
SITE = "site"
FAMILY_ID = "family_id"
ADHERENCE = "adherence"
SAMPLE_TYPE = "sample_type"
PLATE_ID = "plate_id"
QC_STATUS = "qc_status"
RUN_ORDER = "run_order"
BATCH = "batch"  # tubes measured together, of a cohort made of several by pp.bridge
BRIDGE_OF = "bridge_of"  # of a tube that was measured again: the sample of the reference batch
NORM_FACTORS = "norm_factors"  # of counts: effective library = total count x this
OUTLIER = "outlier"  # bool
HAEMOLYSIS = "haemolysis"  # the index: delta Cq, or mean z of the protein panel
HAEMOLYSED = "haemolysed"  # no | possible | yes | unknown
PLASMA_VOLUME = "plasma_volume_change"  # percent, against the person's own baseline
QUANTITY = "quantity"  # of a standard: what it holds, in the source's own unit
LIBRARY_SIZE = "library_size"  # reads of a sample that were counted
REPLICATE = "replicate"  # number of a technical replicate
SOURCE_SAMPLE = "source_sample"  # the sample whose technical replicates were kept apart
AGE, SEX, BMI = "age", "sex", "bmi"
CLINICAL = (AGE, SEX, BMI)

# var
NAME = "name"
UNIPROT = "uniprot"
GENE_SYMBOL = "gene_symbol"
HMDB = "hmdb"
CHEBI = "chebi"
KEGG = "kegg"
CAS = "cas"
INCHIKEY = "inchikey"
REFMET = "refmet_name"
MIRBASE = "mirbase"
MIMAT = "mimat"
ASSAY_TYPE = "assay_type"  # mirna | spike_in | reference | control | other
SEQ_ID = "seq_id"
OLINK_ID = "olink_id"
EXERKINE_ID = "exerkine_id"
UNIT_COLUMN = "unit"
MEASURED_IN = "measured_in"  # the source's own unit in words, e.g. pg/ml
VARYING = "n_people_varying"  # of scores: people in whom a member is there at one time only

# layers
RAW = "raw"
BELOW_LOD = "below_lod"
IMPUTED = "imputed"
LOD = "lod"  # the limit that below_lod was made with; others of the vendor are lod_<kind>
COUNT = "count"  # reads or beads behind a value
QC_WARNING = "qc_warning"  # bool: the vendor flags this sample on this panel
ASSAY_WARNING = "assay_warning"  # bool: the vendor flags this assay on this plate
STATUS_CODE = "status_code"  # int: row of uns["exerkine"]["status_codes"]
REPLICATE_SD = "replicate_sd"
N_REPLICATES = "n_replicates"
AMP_SCORE = "amp_score"  # quality of the amplification curve, the vendor's
CQ_CONFIDENCE = "cq_confidence"  # the vendor's
CORRECTED = "plasma_volume_corrected"
PRE, POST, DELTA = "pre", "post", "delta"

# uns["exerkine"]
SCHEMA_VERSION = "schema_version"
PLATFORM = "platform"
MODALITY = "modality"
UNITS = "units"
SPECIES = "species"
MATRIX = "matrix"
BASELINE = "baseline"
STEPS = "steps"
FINDINGS = "findings"
ANNOTATION = "annotation"  # one row a feature: what pp.annotate made of it
PAIRS = "pairs"
SUBJECTS = "subjects"  # of a MuData: one row a person
PROVENANCE = "provenance"  # of a loaded cohort: source, commit, licence
FORMAT = "format"  # of a vendor file, as exo.io.show_formats() names it
EXPERIMENTAL = "experimental"  # bool: this format was never tried on a file the vendor made
HEADER = "header"  # of a vendor file: its own words, as JSON text
LAYOUT = "layout"  # of a vendor file: how its text was set out, as JSON text, to write it again
STATUS_CODES = "status_codes"  # frame: code, status
DRIFT = "drift"  # frame, a row a feature and batch: what pp.normalize(method="qc_loess") did
BRIDGING = "bridging"  # frame, a row a feature and batch: what pp.bridge did
COMBAT = "combat"  # frame, a row a feature: what pp.combat did
BLOOD_VOLUMES = "blood_volumes"  # frame: a row a sample, changes of blood, cells and plasma
SAMPLE_SCALING = "sample_scaling"  # what rescaled whole samples; "" where nothing did

# uns
OUTLIERS = "outliers"  # one row a sample: what exo.pp.outliers measured of it
SWAPS = "swaps"  # one row a sample: whose samples are nearest

# obsm, varm of a principal component analysis: the names scanpy uses
PCA, PCA_BEFORE, COMPONENTS = "X_pca", "X_pca_before", "PCs"

# obs["sample_type"]: only the first is a person's tube
SAMPLE = "sample"
SAMPLE_TYPES = (SAMPLE, "bridge", "qc", "control", "calibrator", "blank", "empty")

MODALITIES = ("proteomics", "metabolomics", "mirna")
MATRICES = (
    "plasma_edta",
    "plasma_heparin",
    "plasma_citrate",
    "serum",
    "whole_blood",
    "capillary",
    "ev",
)
UNKNOWN = "unknown"
MIXED = "mixed"  # several units: var["unit"] holds each column's


@dataclass(frozen=True)
class Unit:
    """A scale of measurement: is it a log scale, and what is one step on it."""

    log: bool
    base: str
    convert: str = ""


# `convert` names the call that brings the unit to a log scale.
UNIT_TABLE: dict[str, Unit] = {
    "NPX": Unit(True, "log2"),
    "log2": Unit(True, "log2"),
    "RFU": Unit(False, "linear", "exo.pp.log2(adata)"),
    "intensity": Unit(False, "linear", "exo.pp.log2(adata)"),
    "concentration": Unit(False, "linear", "exo.pp.log2(adata)"),
    "Cq": Unit(True, "log2", "exo.pp.log2(adata)"),
    "counts": Unit(False, "linear", "exo.pp.log2(adata)"),
    "log_cpm": Unit(True, "log2"),
    "zscore": Unit(True, "sd"),
    "score": Unit(True, "score"),
}

# the result frame of every test
RESULT_COLUMNS: dict[str, str] = {
    "feature": "category",
    "contrast": "category",
    "estimate": "float64",
    "se": "float64",
    "df": "float64",
    "statistic": "float64",
    "p_value": "float64",
    "p_adj": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "effect_size": "float64",
    "n_pairs": "int64",
    "n_obs": "int64",
    "method": "category",
    "units": "category",
    "family": "category",
    "status": "category",
}
OK = "ok"
COVERAGE, SE = "coverage", "se"  # layers of a score AnnData


def score_key(method: str) -> str:
    """Key of ``obsm`` that holds the scores of a method."""
    return f"score_{method}"


def score_unit(method: str) -> str:
    """Name the unit of the scores of a method: baseline SDs, or the scorer's own."""
    return "zscore" if method == "baseline_z" else "score"


def coverage_key(method: str) -> str:
    """Key of ``obsm`` that holds the coverage beside those scores."""
    return f"coverage_{method}"


def score_se_key(method: str) -> str:
    """Key of ``obsm`` that holds the standard errors of those scores."""
    return f"score_se_{method}"


def null_z_key(method: str) -> str:
    """Key of ``obsm`` that holds the scores in SDs of matched random sets."""
    return f"score_null_z_{method}"


def null_p_key(method: str) -> str:
    """Key of ``obsm`` that holds the p of the scores among matched random sets."""
    return f"score_null_p_{method}"


def score_members_key(method: str) -> str:
    """Key of ``uns`` that holds what of each scored signature is measured."""
    return f"score_members_{method}"


def score_reference_key(method: str) -> str:
    """Key of ``uns`` that holds the reference of those scores."""
    return f"score_reference_{method}"
