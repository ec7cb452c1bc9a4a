"""What the header of an ADAT says of units and normalisation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from exerkine_omics.cohort import Finding
from exerkine_omics.errors import shown
from exerkine_omics.io._adat_text import Header, unquoted
from exerkine_omics.io._columns import matched, plain


def header_value(header: Header, key: str) -> str:
    """Return a value of the header, its key with or without a bang; "" where there is none."""
    value = header.get(f"!{key}", header.get(key))
    texts = value if isinstance(value, list) else [value]
    return unquoted(", ".join(t for t in texts if t).strip()).strip()


def unit_of(col_data: Mapping[str, Sequence[str]]) -> tuple[str, list[Finding]]:
    """Return the unit that the column data state."""
    own = matched(col_data, {"units": ["Units", "Unit"]}).get("units")
    stated = sorted({v.strip() for v in col_data[own] if v.strip()}) if own else []
    if [s.casefold() for s in stated] == ["rfu"]:
        return "RFU", []
    if not stated:
        message = "The column data name no units; the values are taken as RFU."
        return "RFU", [Finding("units_assumed", "warning", message)]
    message = f"The units are {shown(stated)}; they are taken as intensity, a linear scale."
    fix = "Say so if they are logarithms: adata.uns['exerkine']['units'] = 'log2'."
    return "intensity", [Finding("units_unknown_as_intensity", "warning", message, (), fix)]


def scaling(
    header: Header, row_data: Mapping[str, Sequence[str]], names: Mapping[str, Any]
) -> tuple[str, list[Finding]]:
    """Name what scaled people's samples as a whole (ANML, medNorm, ""), and where it is said."""
    steps = header_value(header, "ProcessSteps")
    if steps:
        by = scaling_of(steps, header_value(header, "ReportConfig"))
        said = f"ProcessSteps ({steps})"
    else:
        marks = tuple(plain(m) for m in names["anml"])
        fits = any(plain(name).startswith(marks) for name in row_data)
        by, said = ("ANML" if fits else ""), "the row data ANMLFractionUsed"
        if not fits:
            message = "The header has no ProcessSteps: it is not known how values were normalised."
            fix = "Ask the vendor; look at HybControlNormScale and NormScale in obs."
            return "", [Finding("normalisation_not_stated", "warning", message, (), fix)]
    if not by:
        return "", []
    message = f"Whole samples were scaled by {by}: {said}."
    fix = "Do not normalise again; a change of all proteins at once is partly taken out."
    return by, [Finding(f"{by.lower()}_stated", "note", message, (), fix)]


def scaling_of(steps: str, config: str) -> str:
    """Name the step that scaled people's samples: ANML, medNorm or "".

    A step in ReportConfig that names its sample types counts only where Sample is one of them.
    """
    controls_only = set()
    try:
        for step in json.loads(config).get("analysisSteps", []):
            kinds = step.get("includeSampleTypes")
            if kinds and "Sample" not in kinds:
                controls_only.add(str(step.get("stepName", step.get("stepType", ""))).casefold())
    except (ValueError, AttributeError, TypeError):
        pass  # no JSON, or another shape: the steps' names speak
    done = [s.strip().casefold() for s in re.split(r"[,;]", steps)]
    names = [s.split("(")[0].strip() for s in done if s]
    people = [s for s in names if s not in controls_only and not s.endswith(("qc", "normint"))]
    if any("anml" in s or "maximum likelihood" in s for s in people):
        return "ANML"
    if any("mednorm" in s or "median norm" in s for s in people):
        return "medNorm"
    return ""
