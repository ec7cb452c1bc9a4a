"""McNemar's exact test: is a feature detected in more people after than before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.kernels import _mcnemar
from exerkine_omics.kernels._effect import Moments
from exerkine_omics.tl._method import Tested, TestMethod, status_of
from exerkine_omics.tl._simple import own_changes, reasons, untested


def run_mcnemar(
    values: np.ndarray, design: Design, options: Mapping[str, Any]
) -> tuple[list[Tested], Moments]:
    """Exact test of the people who are detected at one of two times only.

    The estimate is the share detected after minus the share before, over the pairs, with
    Newcombe's interval; ``statistic`` counts the people who are detected after only. There is no
    SE, no df, and no effect size in SDs: a share has none.
    """
    results = []
    for contrast in design.contrasts:
        own = own_changes(values, design, contrast)
        arm = _arm_of_two(design, contrast)
        why = reasons(values, design, contrast, own, "mcnemar", exchange=False)
        why.insert(3, (arm is None, "not a change between 2 cells of an arm"))
        if arm is None:
            results.append(untested(own, status_of(values.shape[1], *why)))
            continue
        found = _mcnemar.mcnemar(*_before_after(values, design, contrast))
        still = np.isnan(found.p_value)
        blank = np.full(values.shape[1], np.nan)
        results.append(
            Tested(
                found.estimate,
                blank,
                blank,
                own.n_pairs,
                own.n_obs,
                status_of(values.shape[1], *why, (still, "no change in any pair")),
                found.gained.astype(float),
                found.p_value,
                ci_low=found.ci_low,
                ci_high=found.ci_high,
            )
        )
    nothing = np.zeros((len(design.cells), values.shape[1]))
    return results, Moments(nothing, nothing, nothing)


def _arm_of_two(design: Design, contrast: Contrast) -> str | None:
    """Arm of a contrast that takes one cell from another of the same arm, else None."""
    if contrast.joint or contrast.moderator:
        return None
    used = np.flatnonzero(contrast.used)
    arms = {design.cells[c].arm for c in used}
    plain = sorted(contrast.weights[used].tolist()) == [-1.0, 1.0]
    return arms.pop() if plain and len(arms) == 1 else None


def _before_after(
    values: np.ndarray, design: Design, contrast: Contrast
) -> tuple[np.ndarray, np.ndarray]:
    """People x features at the cell that is taken off, and at the other."""
    sides = np.full((2, len(design.subjects), values.shape[1]), np.nan)
    for side, sign in zip(sides, (-1.0, 1.0), strict=True):
        rows = np.flatnonzero(contrast.weights[design.cell] == sign)
        side[design.subject[rows]] = values[rows]
    return sides[0], sides[1]


MCNEMAR = TestMethod(
    "mcnemar",
    "McNemar's exact test of what is detected (layer below_lod)",
    {},
    run_mcnemar,
    covariates=False,
    masks=True,
)
