"""Columns and words of the knowledge base, and how they group into contexts."""

from __future__ import annotations

from exerkine_omics import schema

PUBCHEM = "pubchem_cid"
KEGG = "kegg"
_PROSE = (
    "origin_tissues",
    "origin_source",
    "target_tissues",
    "target_source",
    "action_mode",
    "action_source",
    "reported_effect",
    "effect_outcome",
    "effect_species",
    "effect_source",
    "note",
)
_HEAD = (schema.EXERKINE_ID, schema.NAME, "synonyms", "molecule_class")
# file -> (modality, identifier columns)
MOLECULE_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "proteins.tsv": ("proteomics", (schema.GENE_SYMBOL, schema.UNIPROT)),
    "metabolites.tsv": (
        "metabolomics",
        (schema.HMDB, schema.CHEBI, KEGG, PUBCHEM, schema.REFMET, schema.INCHIKEY),
    ),
    "mirnas.tsv": ("mirna", (schema.MIRBASE, schema.MIMAT)),
}
IDENTIFIERS = tuple(column for _, columns in MOLECULE_FILES.values() for column in columns)
MOLECULE_COLUMNS = (*_HEAD, schema.MODALITY, *IDENTIFIERS, *_PROSE)


def file_columns(file: str) -> tuple[str, ...]:
    """Columns of one molecule table, in order."""
    return (*_HEAD, *MOLECULE_FILES[file][1], *_PROSE)


EVIDENCE_FILE = "evidence.tsv"
EVIDENCE_COLUMNS = (
    "evidence_id",
    schema.EXERKINE_ID,
    schema.MODALITY,
    "exposure",
    "exercise_mode",
    schema.MINUTES_POST,
    "time_class",
    schema.MATRIX,
    "direction",
    "effect",
    "effect_unit",
    "p_value",
    "q_value",
    "n",
    "population",
    schema.SEX,
    schema.SPECIES,
    "reference",
    "pmid",
    "doi",
    "source",
    "level",
    "second_hand",
    "curated",
    "note",
)
NUMBERS = (schema.MINUTES_POST, "effect", "p_value", "q_value", "n")
WORDS: dict[str, tuple[str, ...]] = {
    schema.MODALITY: schema.MODALITIES,
    "exposure": ("acute", "chronic", "cross_sectional", "predictor", "genetic"),
    "exercise_mode": (
        "endurance", "resistance", "hiit", "sprint", "combined", "any", "activity", "none",
    ),
    "time_class": ("during", "immediate", "early", "late", "days", "rest", "not_stated"),
    schema.MATRIX: (
        "plasma", "serum", "plasma_or_serum", "whole_blood", "capillary", "ev", "tissue",
        "other", "not_stated",
    ),
    "direction": ("up", "down", "unchanged", "mixed", "not_given"),
    schema.SEX: ("female", "male", "mixed", "not_stated"),
    schema.SPECIES: ("human", "mouse", "rat", "other"),
    "level": ("meta", "human", "list", "nominated", "preclinical", "review"),
    "second_hand": ("true", "false"),
    "curated": ("study", "list"),
}  # fmt: skip
ACTIONS = ("autocrine", "paracrine", "endocrine")
CURATOR = "curator"

# the classes of time after the end of the bout, in minutes
TIME_CLASSES: dict[str, tuple[float, float]] = {
    "during": (float("-inf"), 0.0),
    "immediate": (0.0, 30.0),
    "early": (30.0, 240.0),
    "late": (240.0, 1440.0),
    "days": (1440.0, float("inf")),
}
# a study of mixed or several modes speaks for each of them
MODE_FAMILIES: dict[str, tuple[str, ...]] = {
    "endurance": ("endurance", "any", "combined"),
    "hiit": ("hiit", "sprint", "any"),
    "resistance": ("resistance", "any", "combined"),
}
SIGNATURE_MODES = ("endurance", "resistance", "hiit", "sprint", "combined", "any")
MATRIX_FAMILIES: dict[str, tuple[str, ...]] = {
    "blood": ("plasma", "serum", "plasma_or_serum", "whole_blood", "capillary", "not_stated"),
    "ev": ("ev",),
}
EXPOSURES = ("acute", "chronic")
SIGNED = ("up", "down", "unchanged")
CONTESTED = "contested"
LEVELS = ("A", "B", "L", "C")  # from the surest to the least


def time_class(minutes: float) -> str:
    """Class of a time after the end of the bout; 30 minutes is still immediate."""
    if minutes < 0:
        return "during"
    return next(
        name for name, (_, end) in TIME_CLASSES.items() if name != "during" and minutes <= end
    )
