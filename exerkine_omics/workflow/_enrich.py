"""Whether the signatures changed: the test of each, its table and its figure."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

from exerkine_omics import pl, schema, sig, tl
from exerkine_omics.errors import ExerkineWarning
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import records, write_parquet
from exerkine_omics.workflow._inputs import Cohort

_COLUMNS = [
    "signature", "contrast", "direction", "p_value", "p_adj", "p_value_mixed", "n_measured",
    "n_members", "n_pairs", "leading", "status",
]  # fmt: skip


def enrich(
    cohort: Cohort, folder: Path, figures: Figures, signatures: sig.SignatureSet
) -> dict[str, Any] | None:
    """Test the signatures; writes enrichment.parquet."""
    section = cohort.config.enrich
    if section is None:
        return None
    adata = cohort.adata
    design = cohort.config.differential
    options = section.model_dump()
    if design is not None:
        options |= {"arm": design.arm, "control": design.control, "contrasts": design.contrasts}
    with warnings.catch_warnings(
        record=True, action="always"
    ) as told:  # the same words stand in the report's notes
        frame = tl.enrich(adata, signatures, **options)
    write_parquet(folder / "enrichment.parquet", frame)
    titles = {s.name: s.title for s in signatures.values()}
    tested = frame[frame["status"] == schema.OK]
    names = [str(c) for c in frame["contrast"].cat.categories]
    control = options.get("control")
    # the control-subtracted contrast first: it answers whether exercise did it
    names.sort(key=lambda c: control is None or f" - {control}: " not in c)
    drawn = [c for c in names if (tested["contrast"] == c).any()][:1]
    for contrast in drawn:
        figures.add(
            "scores",
            "enrichment",
            partial(pl.enrichment, frame, contrast=contrast, names=titles, members=adata),
            caption=f"Direction and evidence of each signature for {contrast}.",
            alt=f"Tests of signatures for {contrast}",
            size=(9.0, max(3.6, 0.42 * int((tested["contrast"] == contrast).sum()))),
        )
    known = tl.context_notes(adata, signatures)
    notes = [str(w.message) for w in told if issubclass(w.category, ExerkineWarning)]
    symbols = adata.var[schema.GENE_SYMBOL].to_dict() if schema.GENE_SYMBOL in adata.var else {}
    order = tested["contrast"].astype(str).map(names.index)
    ranked = tested.assign(_order=order).sort_values(["_order", "p_value"], kind="stable")
    rows = records(ranked[_COLUMNS])
    for row in rows:
        members = [m.strip() for m in row["leading"].split(";") if m.strip()]
        labels = [symbols.get(m) for m in members]
        row["leading"] = ", ".join(
            label if isinstance(label, str) and label else member
            for member, label in zip(members, labels, strict=True)
        )
    return {
        "method": section.method,
        "rows": rows,
        "n_not_tested": len(frame) - len(tested),
        "notes": [note for note in notes if note not in known],
    }
