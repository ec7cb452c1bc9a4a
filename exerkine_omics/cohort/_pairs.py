"""PairTable: who is paired, who is dropped and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort._design import Design, build_design
from exerkine_omics.cohort._matrix import empty_samples

PAIRED = "paired"


@dataclass(frozen=True)
class PairTable:
    """Each subject at each later time point against baseline.

    ``frame`` has the columns subject_id, arm (only with arms), timepoint, baseline_sample,
    sample, paired, reason; ``reason`` is ``paired``, ``no baseline sample``,
    ``no <timepoint> sample`` or ``<sample> has no values``.
    """

    frame: pd.DataFrame
    baseline: str

    @property
    def counts(self) -> pd.DataFrame:
        """Pairs and subjects per contrast (and arm)."""
        keys = [schema.ARM, schema.TIMEPOINT] if schema.ARM in self.frame else [schema.TIMEPOINT]
        grouped = self.frame.groupby(keys, observed=True, sort=False)["paired"]
        counts = grouped.agg(n_pairs="sum", n_subjects="size").reset_index()
        return counts.astype({"n_pairs": "int64", "n_subjects": "int64"})

    @property
    def dropped(self) -> pd.DataFrame:
        """Rows that make no pair, with the reason."""
        return self.frame.loc[~self.frame["paired"]].reset_index(drop=True)

    def __repr__(self) -> str:
        return f"PairTable against {self.baseline!r}\n{self.counts.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return cast(str, self.counts.to_html(index=False, escape=True))


def make_pairs(adata: AnnData, design: Design | None = None) -> PairTable:
    """Pair by subject, never by row order; a sample without any value makes no pair."""
    design = design or build_design(adata)
    empty = empty_samples(adata)
    sample = adata.obs_names.to_numpy()
    arms = design.subject_arm()
    arm_names = design.arms
    times = np.array([design.cells[c].timepoint for c in design.cell])
    row = {(int(s), t): i for i, (s, t) in enumerate(zip(design.subject, times, strict=True))}
    later = [t for t in design.timepoints if t != design.baseline]
    has_arms = arm_names != ("",)
    in_arm = {(design.cells[c].arm, design.cells[c].timepoint) for c in set(design.cell.tolist())}
    records = []
    for timepoint in later:
        for number, subject in enumerate(design.subjects):
            arm = arm_names[arms[number]]
            if (arm, timepoint) not in in_arm:
                continue
            first, second = row.get((number, design.baseline)), row.get((number, timepoint))
            if first is None:
                reason = "no baseline sample"
            elif second is None:
                reason = f"no {timepoint} sample"
            elif empty[first] or empty[second]:
                reason = f"{sample[first if empty[first] else second]} has no values"
            else:
                reason = PAIRED
            record = {schema.SUBJECT: subject, schema.ARM: arm, schema.TIMEPOINT: timepoint}
            record["baseline_sample"] = "" if first is None else sample[first]
            record["sample"] = "" if second is None else sample[second]
            records.append({**record, "paired": reason == PAIRED, "reason": reason})
    columns = [schema.SUBJECT, schema.ARM, schema.TIMEPOINT, "baseline_sample", "sample"]
    frame = pd.DataFrame(records, columns=[*columns, "paired", "reason"])
    frame["paired"] = frame["paired"].astype(bool)
    frame[schema.TIMEPOINT] = pd.Categorical(frame[schema.TIMEPOINT], categories=later)
    frame[schema.ARM] = pd.Categorical(frame[schema.ARM], categories=arm_names)
    frame["reason"] = frame["reason"].astype("category")
    if not has_arms:
        frame = frame.drop(columns=schema.ARM)
    return PairTable(frame, design.baseline)
