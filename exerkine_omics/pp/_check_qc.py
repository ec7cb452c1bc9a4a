"""Rules on quality: controls, flags, plates, detection."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, dense, persons_tubes
from exerkine_omics.errors import InputError, shown
from exerkine_omics.pp._detection import detection, differing

_LOW = 0.5  # share detected below which a feature is named
_REPLICATES = 0.5  # Cq
_FEWEST_QC = 5
# the vendors' words, without capitals
_FAILED = ("fail", "flag", "exclud")


def failed(adata: AnnData) -> np.ndarray:
    """Say which samples the vendor failed or flagged."""
    if schema.QC_STATUS not in adata.obs:
        return np.zeros(adata.n_obs, dtype=bool)
    words = adata.obs[schema.QC_STATUS].astype(str).str.casefold()
    return words.str.startswith(_FAILED).to_numpy(dtype=bool)


def controls(adata: AnnData) -> list[Finding]:
    """Name tubes that are no person's, bridging samples apart."""
    tubes = persons_tubes(adata)
    if tubes.all():
        return []
    kinds = adata.obs.loc[~tubes, schema.SAMPLE_TYPE].astype(str)
    told = ", ".join(f"{n} {kind}" for kind, n in kinds.value_counts().sort_index().items())
    rows = tuple(adata.obs_names[~tubes])
    fix = "Normalise or bridge with them first, then leave them out."
    message = f"{len(rows)} tubes are no person's: {told}."
    found = [Finding("control_samples", "note", message, rows, fix)]
    bridges = tuple(kinds.index[kinds == "bridge"])
    if bridges:
        message = f"{len(bridges)} samples bridge to another plate or project: {shown(bridges)}."
        found.append(Finding("bridge_samples", "note", message, bridges, "Bridge with them."))
    return found


def flags(adata: AnnData) -> list[Finding]:
    """Name samples and values that the vendor flags."""
    found = []
    bad = failed(adata) & persons_tubes(adata)
    if bad.any():
        rows = tuple(adata.obs_names[bad])
        message = f"The vendor fails {len(rows)} samples: {shown(rows)}."
        fix = "Look at them with and without; leave them out if they stand apart."
        found.append(Finding("failed_qc_samples", "warning", message, rows, fix))
    for layer, name, what in (
        (schema.QC_WARNING, "qc_warnings", "samples on a panel"),
        (schema.ASSAY_WARNING, "assay_warnings", "assays on a plate"),
    ):
        if layer in adata.layers:
            share = (dense(adata, layer) > 0.5).mean()
            if share > 0:
                message = f"{share:.1%} of values carry the vendor's warning of {what}."
                found.append(Finding(name, "note", message, (), f"layers[{layer!r}] marks them."))
    if schema.REPLICATE_SD in adata.layers:
        apart = dense(adata, schema.REPLICATE_SD, infinite=True) > _REPLICATES
        if apart.any():
            rows = tuple(adata.var_names[apart.any(axis=0)])
            message = (
                f"Replicates differ by an SD above {_REPLICATES:g} in {int(apart.sum())} "
                f"wells' means, of {shown(rows)}."
            )
            fix = "Look at these wells; one may have failed."
            found.append(Finding("replicates_apart", "warning", message, rows, fix))
    return found


def plates(adata: AnnData) -> list[Finding]:
    """Plates that cannot be told from a time point or an arm; features missing on a whole plate."""
    if schema.PLATE_ID not in adata.obs:
        return []
    tubes = persons_tubes(adata)
    people = adata.obs[tubes]
    plate = people[schema.PLATE_ID].astype(object)
    found = []
    if plate.nunique() > 1:
        for column in (schema.TIMEPOINT, schema.ARM):
            if column not in people:
                continue
            table = pd.crosstab(plate.astype(str), people[column].astype(object).astype(str))
            if table.shape[1] > 1 and ((table > 0).sum(axis=1) == 1).all():
                message = (
                    f"Each plate holds one {column} only: a plate effect and a difference of "
                    f"{column} cannot be told apart."
                )
                rows = tuple(table.index.astype(str))
                fix = "Nothing in the data mends it; say so beside every result."
                found.append(Finding("plate_confounded", "warning", message, rows, fix))
        if schema.SUBJECT in people:
            spread = plate.groupby(people[schema.SUBJECT].astype(object).astype(str)).nunique()
            torn = tuple(spread.index[spread > 1].astype(str))
            if torn:
                message = f"{len(torn)} people have samples on several plates: {shown(torn)}."
                fix = "Give the plate as covariate, or bridge."
                found.append(Finding("people_across_plates", "note", message, torn, fix))
        there = np.isfinite(dense(adata, infinite=True)[tubes])
        code, names = pd.factorize(plate.astype(str))
        measured = np.array([there[code == i].any(axis=0) for i in range(len(names))])
        lost = measured.any(axis=0) & ~measured.all(axis=0)
        if lost.any():
            rows = tuple(adata.var_names[lost])
            message = f"{len(rows)} features are missing on whole plates: {shown(rows)}."
            fix = "They were not measured there: no value is low because of it."
            found.append(Finding("missing_on_a_plate", "warning", message, rows, fix))
    if schema.RUN_ORDER in adata.obs and schema.SAMPLE_TYPE in adata.obs:
        n_qc = int((adata.obs[schema.SAMPLE_TYPE].astype(str) == "qc").sum())
        if n_qc < _FEWEST_QC:
            message = f"{n_qc} QC samples are too few to see a drift along the run."
            fix = f"{_FEWEST_QC} or more are needed for method='qc_loess'."
            found.append(Finding("few_qc_samples", "note", message, (), fix))
    return found


def detected(adata: AnnData) -> list[Finding]:
    """Features mostly below their limit, and those detected at one time more than at another."""
    if schema.BELOW_LOD not in adata.layers:
        return []
    tubes = persons_tubes(adata)
    below = (dense(adata, schema.BELOW_LOD) > 0.5)[tubes]
    found = []
    if len(below):
        low = tuple(adata.var_names[below.mean(axis=0) > _LOW])
        if low:
            message = f"{len(low)} features are below detection in most samples: {shown(low)}."
            fix = "What appears only after exercise is the signal: filter by time and arm."
            found.append(Finding("low_detection", "note", message, low, fix))
    try:
        names = tuple(differing(detection(adata)))
    except InputError:  # who and when is not known yet, which is a finding of its own
        return found
    if names:
        message = f"{len(names)} features are detected more often at one time: {shown(names)}."
        fix = "Test detection itself; masking or halving the limit would bias their change."
        found.append(Finding("detection_differs", "warning", message, names, fix))
    return found


QC_RULES = (controls, flags, plates, detected)
