"""Tests on each person's own contrast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exerkine_omics.cohort import Design
from exerkine_omics.kernels import _paired
from exerkine_omics.tl._method import (
    Tested,
    TestMethod,
    changes,
    constant,
    status_of,
    within_people,
)


def run_paired_t(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Paired t test; the difference between arms is Welch's on the people's own changes."""
    results = []
    flat = constant(values)
    for contrast in design.contrasts:
        change = changes(values, design, contrast)
        active = dict.fromkeys(
            design.arms.index(c.arm)
            for c, w in zip(design.cells, contrast.weights, strict=True)
            if w
        )
        group = design.subject_arm()
        part = np.isin(group, list(active))
        number = np.searchsorted(sorted(active), group[part])
        fit = _paired.paired_t(change[part], number, len(active))
        n_cells = (contrast.weights[design.cell] != 0) & np.isin(
            design.subject, np.flatnonzero(part)
        )
        rows = np.isfinite(values[n_cells])
        paired_rows = rows & np.isfinite(change[design.subject[n_cells]])
        status = status_of(
            values.shape[1],
            (not within_people(design, contrast), "not a within-person contrast"),
            (~np.isfinite(values).any(axis=0), "not measured"),
            (flat, "constant"),
            (fit.n == 0, "no pairs"),
            (~fit.enough, "fewer than 2 pairs in an arm"),
            (~(fit.se > 0), "no variance between pairs"),
        )
        results.append(Tested(fit.estimate, fit.se, fit.df, fit.n, paired_rows.sum(axis=0), status))
    return results


PAIRED_T = TestMethod(
    "paired_t", "paired t; Welch's t of changes between arms", {}, run_paired_t, covariates=False
)
