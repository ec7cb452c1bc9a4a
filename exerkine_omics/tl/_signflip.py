"""Permutation of whole persons: sign flips of changes, labels between arms, max-T."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from exerkine_omics import parallel, schema
from exerkine_omics.cohort import Contrast, Design
from exerkine_omics.kernels import _paired, _signflip
from exerkine_omics.settings import settings
from exerkine_omics.tl._method import Tested, TestMethod, status_of
from exerkine_omics.tl._simple import own_changes, reasons, untested


def run_signflip(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Paired t (Welch's between arms) whose p comes from flips of whole persons.

    All flips (labellings) are taken up to 16 384, or ``n_permutations`` where that is more, else
    ``n_permutations`` random ones, (b + 1) / (m + 1). ``p_adj`` is the family-wise p of the
    step-down max-T over the features of the contrast. Estimate, SE and df are the paired t's, and
    so is the interval.
    """
    n_draws = options["n_permutations"]
    results = []
    for contrast in design.contrasts:
        own = own_changes(values, design, contrast)
        fit = _paired.paired_t(own.change, own.group, own.n_groups)
        status = status_of(
            values.shape[1],
            *reasons(values, design, contrast, own, "signflip"),
            (~(fit.se > 0), "no variance between pairs"),
        )
        tested = status == schema.OK
        if not tested.any():
            results.append(untested(own, status))
            continue
        change, first = own.change[:, tested], own.group == 0
        rng = parallel.stream(settings.seed, "signflip", draw_key(design, contrast))
        if own.n_groups == 1:
            drawn = _signflip.flip_signs(change, n_draws, rng)
        else:
            # the second arm's changes carry the contrast's minus sign: take it off
            change = np.where(first[:, None], change, -change)
            drawn = _signflip.permute_arms(change, first, n_draws, rng)
        statistic, p_value, p_adj = np.full((3, values.shape[1]), np.nan)
        statistic[tested] = fit.estimate[tested] / fit.se[tested]
        p_value[tested], p_adj[tested] = drawn.p_value, drawn.p_adj
        results.append(
            Tested(
                fit.estimate,
                fit.se,
                fit.df,
                own.n_pairs,
                own.n_obs,
                status,
                statistic,
                p_value,
                p_adj=p_adj,
            )
        )
    return results


def draw_key(design: Design, contrast: Contrast) -> str:
    """Write the contrast up to its sign: A - B and B - A draw the same flips."""
    used = np.flatnonzero(contrast.weights)
    weights = contrast.weights[used] * np.sign(contrast.weights[used[0]])
    return " ".join(f"{design.cells[i].name} {w:.9g}" for i, w in zip(used, weights, strict=True))


SIGNFLIP = TestMethod(
    "signflip",
    "sign flips of whole persons (labels between arms), step-down max-T",
    # the type says that any whole number from 1 up is allowed
    {"n_permutations": (9999, int)},
    run_signflip,
    covariates=False,
)
