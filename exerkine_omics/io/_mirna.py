"""Names of small RNAs: what an assay is, and which miRNA."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import Finding
from exerkine_omics.errors import shown

MIRNA, SPIKE_IN, REFERENCE, CONTROL, OTHER = "mirna", "spike_in", "reference", "control", "other"

# the older TaqMan names write # where miRBase wrote *: the minor strand, another miRNA
_NAME = re.compile(
    r"((?:(?:[a-z]{3,4}-)?(?:mir|let)|[a-z]{3,4}-lin)-?\d+[a-z]{0,2}(?:-\d{1,2})*(?:-[35]p)?[*#]?)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_MIMAT = re.compile(r"MIMAT\d{7}(?:_\d+)?")
# of worm, plant, fly on a human panel, and the synthetic ones of the makers
_SPIKE = re.compile(r"(?:cel|ath|osa|dme)[-_ ]?(?:mir|let|lin)|unisp ?\d+", re.IGNORECASE)
_REFERENCE = re.compile(
    r"u6|u87|rnu ?\d|snord|snora|snorna|snrna|[57]s ?rrna|5\.8s|y1\b|rny\d|z30|u\d{2}[ab]?\b",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"ipc\b|ppc\b|rtc\b|mirtc|blank|h2o|water|no assay", re.IGNORECASE)
_PREFIXES = {"human": "hsa", "mouse": "mmu", "rat": "rno"}


def mirbase_name(text: str) -> str:
    """Return the miRNA that a text names (``hsa-miR-21-5p_000397`` -> ``hsa-miR-21-5p``), or ""."""
    hit = _NAME.match(text.strip())
    return hit.group(1) if hit else ""


def mimat(text: str) -> str:
    """Return the miRBase accession of a mature miRNA that a text holds, or ""."""
    hit = _MIMAT.search(text)
    return hit.group(0) if hit else ""


def assay_type(name: str, *, reference: bool = False) -> str:
    """Say what an assay measures; ``reference`` is what the file itself says."""
    text = name.strip()
    if _CONTROL.match(text) or text.casefold().endswith((" ipc", "_ipc", "@ipc")):
        return CONTROL
    if _SPIKE.match(text):
        return SPIKE_IN
    if reference or _REFERENCE.match(text):
        return REFERENCE
    return MIRNA if mirbase_name(text) or mimat(text) else OTHER


def annotate_names(var: pd.DataFrame, names: Iterable[str], reference: Iterable[bool]) -> None:
    """Write name, assay_type, mirbase and mimat into ``var``."""
    texts = list(names)
    ids = [str(i) for i in var.index]
    var[schema.NAME] = texts
    var[schema.ASSAY_TYPE] = [
        assay_type(t, reference=r) for t, r in zip(texts, reference, strict=True)
    ]
    kinds = var[schema.ASSAY_TYPE].isin([MIRNA, SPIKE_IN])
    var[schema.MIRBASE] = [mirbase_name(t) if k else "" for t, k in zip(texts, kinds, strict=True)]
    var[schema.MIMAT] = [mimat(t) or mimat(i) for t, i in zip(texts, ids, strict=True)]


def names_finding(var: pd.DataFrame, species: str | None) -> list[Finding]:
    """Return the finding where no assay is named as a miRNA, or most are of another species."""
    named = var.loc[var[schema.ASSAY_TYPE] == MIRNA, schema.MIRBASE]
    if len(named):
        prefix = _PREFIXES.get(str(species))
        others = [n for n in named if prefix and "-" in n and not n.startswith(f"{prefix}-")]
        foreign = [n for n in others if re.match(r"[a-z]{3,4}-(?:mir|let|lin)", n, re.IGNORECASE)]
        if len(foreign) <= len(named) / 2:
            return []
        text = f"{len(foreign)} of {len(named)} miRNAs are not of {species}: {shown(foreign)}."
        fix = "State the species with species=."
        return [Finding("species_differs", "warning", text, tuple(foreign), fix)]
    return [
        Finding(
            "no_mirna_names",
            "warning",
            f"No assay is named as a miRNA: {shown(var[schema.NAME])}.",
            fix="Are they miRNAs? Else state what they are with modality=.",
        )
    ]
