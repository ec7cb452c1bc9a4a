"""Rules on quality: controls, flags, plates, detection."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import special

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, dense, feature_blocks, meta, persons_tubes
from exerkine_omics.errors import InputError, shown
from exerkine_omics.pp._confounded import covariate_design, told_apart
from exerkine_omics.pp._detection import detection, differing

_LOW = 0.5  # share detected below which a feature is named
_REPLICATES = 0.5  # Cq
_FEWEST_QC = 5
# by chance a plate lacks a feature so often, over all features and plates
_CHANCE = 0.05
# the vendors' words, without capitals
_FAILED, _WARNED = ("fail", "flag", "exclud"), ("warn", "manual_warn")


def failed(adata: AnnData) -> np.ndarray:
    """Say which samples the vendor failed or flagged."""
    return _worded(adata, _FAILED)


def _worded(adata: AnnData, words: tuple[str, ...]) -> np.ndarray:
    if schema.QC_STATUS not in adata.obs:
        return np.zeros(adata.n_obs, dtype=bool)
    said = adata.obs[schema.QC_STATUS].astype(str).str.casefold()
    return said.str.startswith(words).to_numpy(dtype=bool)


def warned_values(adata: AnnData, layer: str) -> np.ndarray:
    """Say which values that are there the vendor warns of, samples x features."""
    return (dense(adata, layer) > 0.5) & np.isfinite(dense(adata, infinite=True))


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
    tubes = persons_tubes(adata)
    for layer, name, what, axis in (
        (schema.QC_WARNING, "qc_warnings", "samples on a panel", 1),
        (schema.ASSAY_WARNING, "assay_warnings", "assays on a plate", 0),
    ):
        if layer not in adata.layers:
            continue
        hit = warned_values(adata, layer)[tubes]
        if hit.any():
            names = adata.obs_names[tubes] if axis == 1 else adata.var_names
            rows = tuple(names[hit.any(axis=axis)].astype(str))
            share = hit.sum() / np.isfinite(dense(adata, infinite=True)[tubes]).sum()
            message = (
                f"{share:.1%} of values carry the vendor's warning of {what}, in {shown(rows)}."
            )
            fix = f"Test with and without them; layers[{layer!r}] marks them."
            found.append(Finding(name, "note", message, rows, fix))
    warned = _worded(adata, _WARNED) & tubes
    if warned.any() and schema.QC_WARNING not in adata.layers:
        rows = tuple(adata.obs_names[warned])
        message = f"The vendor warns of {len(rows)} samples: {shown(rows)}."
        fix = "Look at them with and without."
        found.append(Finding("warned_samples", "note", message, rows, fix))
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
    found = []
    if schema.PLATE_ID in adata.obs:
        known = persons_tubes(adata) & adata.obs[schema.PLATE_ID].notna().to_numpy()
        code, names = pd.factorize(
            adata.obs[schema.PLATE_ID].astype(object).astype(str)[known], sort=True
        )
        # where each tube has a name of its own, it is no plate
        if 1 < len(names) < len(code):
            found += _confounded(adata, known, code, names)
            found += _missing(adata, known, code)
    if schema.RUN_ORDER in adata.obs and schema.SAMPLE_TYPE in adata.obs:
        n_qc = int((adata.obs[schema.SAMPLE_TYPE].astype(str) == "qc").sum())
        if n_qc < _FEWEST_QC:
            message = f"{n_qc} QC samples are too few to see a drift along the run."
            fix = f"{_FEWEST_QC} or more are needed for method='qc_loess'."
            found.append(Finding("few_qc_samples", "note", message, (), fix))
    return found


def _confounded(
    adata: AnnData, known: np.ndarray, code: np.ndarray, names: pd.Index
) -> list[Finding]:
    found = []
    spread = pd.Series(dtype=int)
    if schema.SUBJECT in adata.obs:
        person = adata.obs[schema.SUBJECT].astype(object)[known].to_numpy()
        spread = pd.Series(code).groupby(person).nunique()
    torn = tuple(spread.index[spread > 1].astype(str))
    together = []
    for column in (schema.TIMEPOINT, schema.ARM):
        if column not in adata.obs:
            continue
        there = adata.obs[column].notna().to_numpy()[known]
        part = adata[np.flatnonzero(known)[there]]
        if told_apart(code[there], covariate_design(part, [column], np.ones(part.n_obs, bool))):
            continue
        together.append(column)
        message = (
            f"Plates and {column} cannot be told apart: a difference of {column} may be one "
            "of plates."
        )
        fix = "Nothing in the data mends it; say so beside every result."
        if column == schema.ARM and not torn:
            fix = "Changes within people stand, for each lies on one plate; levels do not."
        rows = tuple(names.astype(str))
        found.append(Finding("plate_confounded", "warning", message, rows, fix))
    # a covariate cannot part what is one and the same
    if torn and schema.TIMEPOINT not in together:
        message = f"{len(torn)} people have samples on several plates: {shown(torn)}."
        fix = "Give the plate as covariate, or bridge."
        found.append(Finding("people_across_plates", "note", message, torn, fix))
    return found


def _missing(adata: AnnData, known: np.ndarray, code: np.ndarray) -> list[Finding]:
    """Features without a value on a plate, where chance does not explain it."""
    absent = np.hstack([~np.isfinite(values[known]) for _, values in feature_blocks(adata)])
    n_plates = int(code.max()) + 1
    lost = np.zeros(adata.n_vars, dtype=bool)
    n, missing = len(absent), absent.sum(axis=0)
    for plate in range(n_plates):
        here = code == plate
        # all of this plate's tubes among those missing, were they drawn: exact
        log = _log_choose(missing, here.sum()) - _log_choose(np.array(n), here.sum())
        chance = np.exp(log) * adata.n_vars * n_plates
        lost |= absent[here].all(axis=0) & ~absent.all(axis=0) & (chance < _CHANCE)
    if not lost.any():
        return []
    rows = tuple(adata.var_names[lost])
    message = f"{len(rows)} features are missing on whole plates: {shown(rows)}."
    fix = "They were not measured there: no value is low because of it."
    return [Finding("missing_on_a_plate", "warning", message, rows, fix)]


def _log_choose(n: np.ndarray, k: int) -> np.ndarray:
    n = np.maximum(n, k)
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)


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


def marked(adata: AnnData) -> list[Finding]:
    """Name samples that a column alone marks as haemolysed."""
    stored = meta(adata).get(schema.FINDINGS)
    said = set() if stored is None else set(stored["id"].astype(str))
    if schema.HAEMOLYSED not in adata.obs or any(i.startswith("haemolysis_") for i in said):
        return []  # no column, or exo.pp.haemolysis has said it
    found = []
    flag = adata.obs[schema.HAEMOLYSED].astype(object).astype(str).to_numpy()
    for name, severity, word, what in (
        ("haemolysed_samples", "warning", "yes", "are"),
        ("possibly_haemolysed", "note", "possible", "may be"),
    ):
        hit = persons_tubes(adata) & (flag == word)
        if hit.any():
            rows = tuple(adata.obs_names[hit])
            message = f"{len(rows)} samples {what} haemolysed: {shown(rows)}."
            fix = "Test with and without them; exercise bursts red cells too."
            found.append(Finding(name, severity, message, rows, fix))
    return found


QC_RULES = (controls, flags, plates, detected, marked)
