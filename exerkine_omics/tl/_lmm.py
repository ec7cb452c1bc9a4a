"""Random intercept per subject by REML, each feature on the rows it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from exerkine_omics.cohort import Contrast, Design, Matrix
from exerkine_omics.kernels import _lmm_sums
from exerkine_omics.kernels._effect import Moments, join_moments, moments
from exerkine_omics.parallel import BLOCK, blocks, run
from exerkine_omics.settings import settings
from exerkine_omics.tl._lmm_tests import T_TESTS, Raw, finish, fit_and_test
from exerkine_omics.tl._method import Tested, TestMethod, changes

_MEMORY = 2**28  # bytes that the values and sums of the features in work may take


def run_lmm(
    values: Matrix, design: Design, options: Mapping[str, Any]
) -> tuple[list[Tested], Moments]:
    """Fit once for all contrasts, or once a contrast on the rows of its own cells."""
    every = np.ones(len(design.cell), dtype=bool)
    n_cells = len(design.cells)
    jobs: list[tuple[tuple[Contrast, ...], np.ndarray]]
    if options["variance"] == "pooled":
        jobs = [(design.contrasts, every)]
    else:
        jobs = [((c,), c.used[design.cell]) for c in design.contrasts]
    raws: list[list[Raw]] = [[] for _ in jobs]
    spreads = []
    for chunk in _chunks(values.shape[1], design):
        part = values[:, chunk]

        def pairs(contrast: Contrast, part: np.ndarray = part) -> np.ndarray:
            return np.asarray(np.isfinite(changes(part, design, contrast)).sum(axis=0))

        for (contrasts, rows), found in zip(jobs, raws, strict=True):
            sums, spread = gather(part, design, rows)
            found.append(fit_and_test(sums, design, contrasts, options["ddf"], pairs))
        if rows is every:
            spreads.append(spread)
        else:
            parts = [moments(part[:, b], design.cell, n_cells) for b in blocks(part.shape[1])]
            spreads.append(join_moments(parts))
    tested = [
        test
        for (contrasts, _), found in zip(jobs, raws, strict=True)
        for test in finish(found, contrasts, options["moderate"])
    ]
    return tested, join_moments(spreads)


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
    tasks = ((layout, values[own, b], group, n_cells) for b in blocks(values.shape[1]))
    function = _lmm_sums.layout_sums_and_moments
    alone = settings.n_jobs == 1
    parts = [function(*task) for task in tasks] if alone else run(function, list(tasks))
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
