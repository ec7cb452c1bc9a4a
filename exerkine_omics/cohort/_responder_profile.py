"""Several outcomes and arms side by side: response is trait-specific."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from exerkine_omics.cohort._responder_result import ResponderResult


@dataclass(frozen=True)
class ResponderProfile:
    """Responders by outcome and by arm, never pooled over either.

    Parameters
    ----------
    results
        ``{(outcome, arm): ResponderResult}``; the arm is "" where there is none.
    summary
        A row an outcome and arm: outcome, arm, n (of them n_responder, n_non, n_adverse,
        n_uncertain), beside them n_missing and n_not_trained, control_responder (share of the
        control arm, same rule), mean_change, sd_ir, ci_low, ci_high, auc_ceiling, verdict, status
        (``ok``, or why there is no result: its counts are 0).
    frame
        A row a person and outcome: outcome, arm, subject_id, change, ci_low, ci_high, p_response,
        category.
    agreement
        A row a pair of outcomes in an arm: outcome, other, arm, n, n_both, expected_both (if the
        two were independent), r_change (correlation of the changes). Errors of the outcomes are
        taken as independent: r is then at most that of the true changes.
    """

    results: dict[tuple[str, str], ResponderResult]
    summary: pd.DataFrame
    frame: pd.DataFrame
    agreement: pd.DataFrame

    def __getitem__(self, key: tuple[str, str] | str) -> ResponderResult:
        if isinstance(key, tuple):
            return self.results[key]
        hits = [k for k in self.results if k[0] == key]
        if len(hits) != 1:
            raise KeyError(key)
        return self.results[hits[0]]

    def to_dict(self) -> dict[str, Any]:
        """Summary for reports, JSON-able."""
        return {" | ".join(k for k in key if k): r.to_dict() for key, r in self.results.items()}

    def __repr__(self) -> str:
        return "ResponderProfile\n" + self.summary.to_string(index=False)

    def _repr_html_(self) -> str:
        return self.summary.to_html(index=False, escape=True)
