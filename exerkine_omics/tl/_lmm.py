"""Random intercept per subject by REML, each feature on the rows it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from exerkine_omics.cohort import Contrast, Design, Matrix
from exerkine_omics.kernels import _lmm_sums
from exerkine_omics.kernels._effect import Moments, join_moments, moments
from exerkine_omics.parallel import BLOCK, blocks, run
from exerkine_omics.tl._lmm_tests import T_TESTS, Raw, finish, fit_and_test
from exerkine_omics.tl._method import Tested, TestMethod, changes

Job = tuple[tuple[Contrast, ...], np.ndarray]  # contrasts, and the rows they are fitted on
_MEMORY = 2**28  # bytes that the values and sums of the features in work may take


def run_lmm(
    values: Matrix, design: Design, options: Mapping[str, Any]
) -> tuple[list[Tested], Moments]:
    """Fit once for all contrasts, or once a contrast on the rows of its own cells."""
    every = np.ones(len(design.cell), dtype=bool)
    jobs: list[Job]
    pooled = options["variance"] == "pooled"
    if pooled:
        jobs = [(design.contrasts, every)]
    else:
        jobs = [((c,), c.used[design.cell]) for c in design.contrasts]
    # an array in memory is fitted in less time than it takes to send; a file is read by who fits
    here = 1 if isinstance(values, np.ndarray) or not values.can_travel else None
    found = run(
        partial(_fit_chunk, values, design, jobs, options["ddf"], pooled),
        [(chunk,) for chunk in _chunks(values.shape[1], design)],
        n_jobs=here,
    )
    raws, spreads = zip(*found, strict=True)
    tested = [
        test
        for (contrasts, _), own in zip(jobs, zip(*raws, strict=True), strict=True)
        for test in finish(own, contrasts, options["moderate"])
    ]
    return tested, join_moments(list(spreads))


def _fit_chunk(
    values: Matrix, design: Design, jobs: Sequence[Job], ddf: str, pooled: bool, chunk: slice
) -> tuple[list[Raw], Moments]:
    """Fit some features, for each set of contrasts on its rows."""
    part = values[:, chunk]
    n_cells = len(design.cells)

    def pairs(contrast: Contrast) -> np.ndarray:
        return np.asarray(np.isfinite(changes(part, design, contrast)).sum(axis=0))

    raws = []
    # as in `differential`: a worker does not know of it
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for contrasts, rows in jobs:
            sums, spread = gather(part, design, rows)
            raws.append(fit_and_test(sums, design, contrasts, ddf, pairs))
        if not pooled:
            parts = [moments(part[:, b], design.cell, n_cells) for b in blocks(part.shape[1])]
            spread = join_moments(parts)
    return raws, spread


def _chunks(n_features: int, design: Design) -> Iterator[slice]:
    """Cut the features so that memory is bounded, by blocks: no number depends on the cut."""
    p = design.matrix.shape[1]
    visits = int(np.bincount(design.subject).max(initial=1))
    each = 8 * (2 * len(design.cell) + (visits + 1) * p * (p + 1) // 2 + 8 * p * p)
    size = max(_MEMORY // each // BLOCK, 1) * BLOCK
    for start in range(0, n_features, size):
        yield slice(start, min(start + size, n_features))


def gather(values: np.ndarray, design: Design, rows: np.ndarray) -> tuple[_lmm_sums.Sums, Moments]:
    """Gather the sums of features and the moments of cells over the chosen rows, by blocks."""
    layout = _lmm_sums.Layout.of(design.matrix[rows], design.subject[rows])
    own = slice(None) if rows.all() else np.flatnonzero(rows)
    group, n_cells = design.cell[rows], len(design.cells)
    parts = [
        _lmm_sums.layout_sums_and_moments(layout, values[own, b], group, n_cells)
        for b in blocks(values.shape[1])
    ]
    sums, spread = zip(*parts, strict=True)
    return _lmm_sums.join(sums), join_moments(list(spread))


LMM = TestMethod(
    "lmm",
    "random intercept per subject by REML",
    {
        "ddf": tuple(T_TESTS),
        "variance": ("pooled", "contrast"),
        "moderate": (False, True),
        "baseline": ("free", "constrained"),
    },
    run_lmm,
    pooled=True,
    blockwise=True,
)
