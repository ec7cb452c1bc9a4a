"""Wilcoxon's tests on each person's own contrast: signed rank, and rank sum between arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from exerkine_omics.cohort import Design
from exerkine_omics.kernels import _rank_tests
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._method import Tested, TestMethod, by_blocks, status_of
from exerkine_omics.tl._simple import Own, own_changes, reasons, untested


def run_wilcoxon(values: np.ndarray, design: Design, options: Mapping[str, Any]) -> list[Tested]:
    """Signed-rank test of the changes; between arms the rank-sum test of the people's changes.

    The estimate is Hodges' and Lehmann's (pseudomedian; median difference), the interval theirs,
    infinite where no interval of these people reaches 95%; ``statistic`` is V or W; there is no
    SE and no df. The null is counted, given the ties, up to 50 changes other than zero, or 50
    people an arm (with ties: both arms together); above it is normal with continuity correction.
    """
    results = []
    for contrast in design.contrasts:
        own = own_changes(values, design, contrast)
        why = reasons(values, design, contrast, own, "wilcoxon")
        if contrast.joint or contrast.moderator or (own.n_groups > 1 and not own.same_change):
            results.append(untested(own, status_of(values.shape[1], *why)))
            continue
        test = _in_blocks(own)
        unchanged = np.isnan(test.p_value)
        status = status_of(values.shape[1], *why, (unchanged, "no change in any pair"))
        blank = np.full(values.shape[1], np.nan)
        results.append(
            Tested(
                test.estimate,
                blank,
                blank,
                own.n_pairs,
                own.n_obs,
                status,
                test.statistic,
                test.p_value,
                ci_low=test.ci_low,
                ci_high=test.ci_high,
            )
        )
    return results


def _in_blocks(own: Own) -> _rank_tests.RankTest:
    first = own.group == 0
    parts = []
    for b in blocks(max(own.change.shape[1], 1)):
        change = own.change[:, b]
        parts.append(
            _rank_tests.signed_rank(change)
            if own.n_groups == 1
            # the second arm's changes carry the contrast's minus sign: take it off
            else _rank_tests.rank_sum(change[first], -change[~first])
        )
    return _rank_tests.RankTest(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(parts[0]))
    )


WILCOXON = TestMethod(
    "wilcoxon",
    "Wilcoxon signed rank; rank sum of changes between arms",
    {},
    by_blocks(run_wilcoxon),
    covariates=False,
    blockwise=True,
)
