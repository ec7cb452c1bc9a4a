"""What `exo.pp.haemolysis` says beside the flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import Finding, meta
from exerkine_omics.errors import shown, warn
from exerkine_omics.kernels._haemolysis import sign_test
from exerkine_omics.pp._haemolysis_index import Index

PREFIX = "haemolysis_"
_ALPHA = 0.05


def haemolysis_findings(
    adata: AnnData,
    found: Index,
    flags: np.ndarray,
    tubes: np.ndarray,
    limits: tuple[float, float],
    by_method: bool,
) -> list[Finding]:
    """Say who is flagged, for whom nothing is known, by what limits, and whether time matters."""
    names = adata.obs_names.to_numpy(dtype=str)
    findings = []
    yes, possible = (tubes & (flags == f) for f in ("yes", "possible"))
    if yes.any() or possible.any():
        findings.append(
            Finding(
                PREFIX + "flagged",
                "warning" if yes.any() else "note",
                f"{int(yes.sum())} samples are haemolysed (index above {limits[1]:g}) and "
                f"{int(possible.sum())} may be (from {limits[0]:g}){_by_time(adata, yes, tubes)}.",
                tuple(names[yes]),
                "Test with and without them; none was removed.",
            )
        )
    unknown = tubes & ~np.isfinite(found.values)
    if unknown.any():
        findings.append(
            Finding(
                PREFIX + "unknown",
                "warning",
                f"{int(unknown.sum())} samples have no index of haemolysis.",
                tuple(names[unknown]),
            )
        )
    if by_method and found.doubt:
        known = found.limits is not None
        findings.append(
            Finding(
                PREFIX + "limits",
                "note" if known else "warning",
                found.doubt + ("" if known else " The index is there, all flags are unknown."),
                (),
                "Say limits=(low, high) for this assay.",
            )
        )
    if found.missing:
        findings.append(
            Finding(
                PREFIX + "panel",
                "note",
                f"The index rests on {len(found.used)} red-cell proteins: {shown(found.used)}; "
                f"{len(found.missing)} are not measured: {shown(found.missing)}.",
                found.used,
            )
        )
    return findings + _with_time(adata, flags, tubes)


def _by_time(adata: AnnData, yes: np.ndarray, tubes: np.ndarray) -> str:
    """Give the share of each time point, in its order."""
    if schema.TIMEPOINT not in adata.obs:
        return ""
    time = adata.obs[schema.TIMEPOINT]
    if not isinstance(time.dtype, pd.CategoricalDtype):
        return ""
    rows = {str(c): tubes & (time == c).to_numpy() for c in time.cat.categories}
    said = [f"{c} {int((yes & at).sum())} of {int(at.sum())}" for c, at in rows.items() if at.any()]
    return f"; haemolysed: {', '.join(said)}"


def _with_time(adata: AnnData, flags: np.ndarray, tubes: np.ndarray) -> list[Finding]:
    """Compare each later time point with the same people's baseline, by the sign test."""
    level = str(meta(adata).get(schema.BASELINE, ""))
    if schema.TIMEPOINT not in adata.obs or schema.SUBJECT not in adata.obs:
        return []
    own = pd.DataFrame(
        {
            "who": adata.obs[schema.SUBJECT].astype(object),
            "when": adata.obs[schema.TIMEPOINT].astype(object).astype(str),
            "raised": np.isin(flags, ("possible", "yes")),
        }
    )[tubes & (flags != schema.UNKNOWN)].dropna(subset=["who"])
    wide = own.groupby(["who", "when"])["raised"].any().unstack()
    if level not in wide:
        return []
    findings = []
    for time in sorted(set(wide) - {level}):
        both = wide[[level, time]].dropna().astype(bool)
        n_up = int((both[time] & ~both[level]).sum())
        n_down = int((both[level] & ~both[time]).sum())
        p = sign_test(n_up, n_down)
        if p >= _ALPHA:
            continue
        text = (
            f"Haemolysis goes with time: {n_up} people are flagged at {time!r} and not at "
            f"{level!r}, {n_down} the other way round (sign test p = {p:.2g})"
        )
        fix = (
            "Exercise breaks red cells, and so does another way of drawing blood; dropping the "
            "flagged samples would drop signal. Report exo.tl.score_confounders beside."
        )
        warn(f"{text}. {fix}")
        findings.append(Finding(PREFIX + "by_timepoint", "warning", text + ".", (), fix))
    return findings
