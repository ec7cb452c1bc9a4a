"""Tests on each person's own contrast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.kernels import _paired
from exerkine_omics.tl._method import (
    Tested,
    TestMethod,
    by_blocks,
    changes,
    constant,
    status_of,
    within_people,
)


@dataclass(frozen=True)
class Own:
    """The people's own contrasts (people x features, NaN where incomplete).

    ``group`` (people) numbers the ``n_groups`` arms that the contrast uses; ``n_pairs`` and
    ``n_obs`` count people and their samples (features); ``same_change``: two arms whose weights
    are opposite, so that under no difference people of either could have been of the other.
    """

    change: np.ndarray
    group: np.ndarray
    n_groups: int
    n_pairs: np.ndarray
    n_obs: np.ndarray
    same_change: bool


def own_changes(values: np.ndarray, design: Design, contrast: Contrast) -> Own:
    """Contrast of each person of the arms that it uses, an arm's sign already in it."""
    change = changes(values, design, contrast)
    arms = np.array([design.arms.index(c.arm) for c in design.cells])
    active = np.unique(arms[contrast.used])
    part = np.isin(design.subject_arm(), active)
    rows = contrast.used[design.cell] & part[design.subject]
    paired_rows = np.isfinite(values[rows]) & np.isfinite(change[design.subject[rows]])
    weights = np.zeros((len(active), len(design.timepoints)))
    if not contrast.joint:
        for cell in np.flatnonzero(contrast.used):
            time = design.timepoints.index(design.cells[cell].timepoint)
            weights[np.searchsorted(active, arms[cell]), time] = contrast.weights[cell]
    return Own(
        change=np.where(np.isfinite(change[part]), change[part], np.nan),
        group=np.searchsorted(active, design.subject_arm()[part]),
        n_groups=len(active),
        n_pairs=np.isfinite(change[part]).sum(axis=0),
        n_obs=paired_rows.sum(axis=0),
        same_change=len(active) == 2 and bool(np.allclose(weights.sum(axis=0), 0.0, atol=1e-12)),
    )


def reasons(
    values: np.ndarray,
    design: Design,
    contrast: Contrast,
    own: Own,
    method: str,
    exchange: bool = True,
) -> list[tuple[np.ndarray | bool, str]]:
    """Why a feature has no test, those of a whole contrast first.

    With ``exchange`` the test rests on people who could as well have been of the other arm.
    """
    least = np.min(
        [np.isfinite(own.change[own.group == g]).sum(axis=0) for g in range(own.n_groups)], axis=0
    )
    unequal = own.n_groups == 2 and not own.same_change
    return [
        (contrast.joint, f"no joint test in {method}"),
        (bool(contrast.moderator), f"no moderators in {method}"),
        (not within_people(design, contrast), "not a within-person contrast"),
        (exchange and own.n_groups > 2, f"more than 2 arms in {method}"),
        (exchange and unequal, "not one change compared between 2 arms"),
        (~np.isfinite(values).any(axis=0), "not measured"),
        (constant(values), "constant"),
        (own.n_pairs == 0, "no pairs"),
        (least < 2, "fewer than 2 pairs in an arm"),
    ]


def untested(own: Own, status: np.ndarray) -> Tested:
    """Give a contrast without any number."""
    blank = np.full(len(status), np.nan)
    return Tested(blank, blank, blank, own.n_pairs, own.n_obs, status, blank, blank)


def run_paired_t(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Paired t test; the difference between arms is Welch's on the people's own changes."""
    results = []
    for contrast in design.contrasts:
        own = own_changes(values, design, contrast)
        fit = _paired.paired_t(own.change, own.group, own.n_groups)
        status = status_of(
            values.shape[1],
            *reasons(values, design, contrast, own, "paired_t", exchange=False),
            (~(fit.se > 0), "no variance between pairs"),
        )
        if contrast.joint or contrast.moderator:
            results.append(untested(own, status))
            continue
        results.append(Tested(fit.estimate, fit.se, fit.df, own.n_pairs, own.n_obs, status))
    return results


PAIRED_T = TestMethod(
    "paired_t",
    "paired t; Welch's t of changes between arms",
    {},
    by_blocks(run_paired_t),
    covariates=False,
    blockwise=True,
)
