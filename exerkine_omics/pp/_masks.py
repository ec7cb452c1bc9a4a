"""What steps of preparation leave behind: the mask of imputed values, and findings."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, dense, findings_frame, findings_from_frame, meta
from exerkine_omics.errors import warn


def imputed(adata: AnnData) -> np.ndarray:
    """Say which values were made up, samples x features."""
    if schema.IMPUTED not in adata.layers:
        return np.zeros(adata.shape, dtype=bool)
    return dense(adata, schema.IMPUTED) > 0.5


def forget_corrected(adata: AnnData) -> None:
    """Take out the values corrected for plasma volume: they are not those of the new X."""
    if schema.CORRECTED in adata.layers:
        del adata.layers[schema.CORRECTED]
        warn(
            f"layers[{schema.CORRECTED!r}] was made from X as it was before this step and is gone; "
            "call exo.pp.plasma_volume last"
        )


def keep_findings(adata: AnnData, *findings: Finding) -> None:
    """Store findings in place of earlier ones of the same kind; one without rows is taken out."""
    stored = meta(adata).get(schema.FINDINGS)
    new = {f.id for f in findings}
    kept = [] if stored is None else [f for f in findings_from_frame(stored) if f.id not in new]
    kept += [f for f in findings if f.rows]
    if stored is not None or kept:
        meta(adata)[schema.FINDINGS] = findings_frame(kept)
