"""Random intercept per subject by REML, each feature on the rows it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from exerkine_omics import schema
from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.kernels import _lmm, _lmm_sums
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._method import Tested, TestMethod, changes, constant, status_of


def run_lmm(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Random intercept per subject by REML, each feature on the rows it has."""
    jobs: list[tuple[Sequence[Contrast], np.ndarray]]
    if options["variance"] == "contrast":
        jobs = [((c,), c.used[design.cell]) for c in design.contrasts]
    else:
        jobs = [(design.contrasts, np.ones(len(design.cell), dtype=bool))]
    results = []
    for contrasts, rows in jobs:
        parts = [
            _lmm_block(values[rows, b], design, contrasts, rows, options["ddf"])
            for b in blocks(values.shape[1])
        ]
        for contrast, own in zip(contrasts, zip(*parts, strict=True), strict=True):
            estimate, se, df, n_obs, status = (np.concatenate(p) for p in zip(*own, strict=True))
            n_pairs = np.isfinite(changes(values, design, contrast)).sum(axis=0)
            # an estimate from other people's visits alone is no paired change
            status[(status == schema.OK) & (n_pairs == 0)] = "no pairs"
            results.append(Tested(estimate, se, df, n_pairs, n_obs, status))
    return results


def _lmm_block(
    values: np.ndarray,
    design: Design,
    contrasts: Sequence[Contrast],
    rows: np.ndarray,
    ddf: str,
) -> list[tuple[np.ndarray, ...]]:
    """Fit a block of features once; estimate, SE, df, n_obs and status of each contrast."""
    sums = _lmm_sums.grouped_sums(values, design.matrix[rows], design.subject[rows])
    n = values.shape[1]
    root = np.linalg.eigvalsh(sums.xx)
    repeated = (sums.people * (sums.size[:, None] > 1)).sum(axis=0) > 0
    common = status_of(
        n,
        (sums.n_obs == 0, "not measured"),
        (constant(values), "constant"),
        (~repeated, "nobody has two samples"),
        (sums.n_obs <= sums.rank, "no residual df"),
        (root[:, 0] < 1e-9 * root[:, -1], "covariates not separable on its rows"),
    )
    fitted = np.flatnonzero(common == schema.OK)
    part = _lmm_sums.take(sums, fitted)
    fit = _lmm.fit_reml(part) if len(fitted) else None
    results: list[tuple[np.ndarray, ...]] = []
    for contrast in contrasts:
        weights = design.weights(contrast)
        estimate, se, df = np.full((3, n), np.nan)
        status = common.copy()
        if fit is not None:
            se[fitted], df[fitted] = _DDF[ddf](part, fit, weights)
            # the data were centred: give the mean back where the weights do not cancel
            estimate[fitted] = fit.beta @ weights + part.centre * contrast.weights.sum()
            known = np.isfinite(se) & np.isfinite(df) & (df > 0) & (se > 0)
            status[(status == schema.OK) & ~known] = "variance not identified"
        lacking = (sums.absent & (weights != 0)).any(axis=1)
        status[(common == schema.OK) & lacking] = "not estimable"
        results.append((estimate, se, df, sums.n_obs, status))
    return results


_DDF: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kenward-roger": _lmm.kenward_roger,
    "satterthwaite": _lmm.satterthwaite,
    "residual": _lmm.residual,
}


LMM = TestMethod(
    "lmm",
    "random intercept per subject by REML",
    {"ddf": tuple(_DDF), "variance": ("pooled", "contrast")},
    run_lmm,
)
