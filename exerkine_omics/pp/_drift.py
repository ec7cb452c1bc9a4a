"""The run of a drift correction: order, batches, QC samples, and what became of each feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import (
    Finding,
    frame_for_storage,
    meta,
    replace_findings,
    require_columns,
)
from exerkine_omics.errors import AnalysisError, InputError, UsageError, shown, warn
from exerkine_omics.kernels._normalizer import Tubes
from exerkine_omics.kernels._qc_loess import MIN_QC, Drift


def with_run(
    adata: AnnData, tubes: Tubes, qc: np.ndarray, order: str, batch: str | None, span: float
) -> tuple[Tubes, list[str]]:
    """Add run order and batch; names of the batches."""
    if not 0 < span <= 1:
        raise UsageError(f"span={span!r} is not above 0 and at most 1", where="span=")
    require_columns(adata, order, *([batch] if batch is not None else []))
    run = pd.to_numeric(adata.obs[order], errors="coerce").to_numpy(dtype=float)
    if np.isnan(run).any():
        raise InputError(
            f"Samples {shown(adata.obs_names[np.isnan(run)])} have no run order",
            where=f"obs[{order!r}]",
        )
    text = pd.Series("all", index=adata.obs_names)
    if batch is not None:
        text = adata.obs[batch].astype(object)
        if text.isna().any():
            raise InputError(
                f"Samples {shown(adata.obs_names[text.isna()])} have no batch",
                where=f"obs[{batch!r}]",
            )
    names, number = np.unique(text.astype(str), return_inverse=True)
    twice = pd.DataFrame({"batch": number, "run": run}).duplicated(keep=False).to_numpy()
    if twice.any():
        raise InputError(
            f"Samples {shown(adata.obs_names[twice])} share a place in the run of one batch",
            where=f"obs[{order!r}]",
        )
    n_qc = np.bincount(number[qc], minlength=len(names))
    if (n_qc < MIN_QC).any():
        few = [f"{n}: {k}" for n, k in zip(names, n_qc, strict=True) if k < MIN_QC]
        raise AnalysisError(
            f"A drift needs {MIN_QC} QC samples a batch; there are {shown(few)}",
            where=f"obs[{schema.SAMPLE_TYPE!r}]",
            fix="batch=None takes the whole run as one batch, where it was one.",
        )
    outside = np.zeros(adata.n_obs, dtype=bool)
    for k in range(len(names)):
        mine, ours = number == k, run[qc & (number == k)]
        outside |= mine & ((run < ours.min()) | (run > ours.max()))
    if outside.any():
        warn(
            f"{int(outside.sum())} samples were run before the first or after the last QC sample "
            f"of their batch and get its level: {shown(adata.obs_names[outside])}."
        )
    made = Tubes(
        tubes.values, tubes.additive, tubes.level, tubes.seen, order=run, batch=number, span=span
    )
    return made, [str(name) for name in names]


def store_drift(
    adata: AnnData, drift: Drift, names: list[str], qc: Tubes, after: np.ndarray
) -> None:
    frames = []
    for k, batch in enumerate(names):
        mine = qc.batch == k
        n, curve = drift.n[k], drift.curve[k]
        status = np.full(adata.n_vars, schema.OK, dtype=object)
        status[np.isnan(curve).any(axis=0) | np.isnan(drift.target)] = "curve not positive"
        status[n < MIN_QC] = "too few QC samples"
        status[n == 0] = "not measured in QC samples"
        spread = [_spread(v[mine], qc.additive) for v in (qc.values, after)]
        frames.append(
            pd.DataFrame(
                {
                    "feature": adata.var_names.astype(str),
                    "batch": batch,
                    "n_qc": n.astype("int64"),
                    "sd_before": spread[0],
                    "sd_after": spread[1],
                    "status": status,
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    meta(adata)[schema.DRIFT] = frame_for_storage(frame)
    left = frame[frame["status"] != schema.OK]
    findings = []
    if len(left):
        which = tuple(sorted(set(left["feature"])))
        message = f"{len(which)} features keep their drift in some batch: {shown(which)}."
        fix = (
            f"uns[{schema.UNS!r}][{schema.DRIFT!r}] says why; drop them, or take their values raw."
        )
        findings.append(Finding("normalize_drift", "warning", message, which, fix))
        warn(message)
    replace_findings(adata, "normalize_drift", findings)


def _spread(values: np.ndarray, additive: bool) -> np.ndarray:
    """SD of each feature (of logarithms on a linear scale, natural: about the CV)."""
    if not additive:
        values = np.log(np.where(values > 0, values, np.nan))
    n = np.isfinite(values).sum(axis=0)
    enough = n > 1
    mean = np.nansum(values, axis=0) / np.maximum(n, 1)
    squares = np.nansum((values - mean) ** 2, axis=0)
    return np.where(enough, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
