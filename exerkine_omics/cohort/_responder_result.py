"""What `exo.tl.responders` returns: people, SDir, ceiling, verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort._plain import plain
from exerkine_omics.cohort._reliability import Reliability
from exerkine_omics.cohort._responder_arms import arm_sds, baseline_lines
from exerkine_omics.cohort._response import CATEGORIES


@dataclass(frozen=True)
class SdIr:
    """SD of true individual responses, signed, in the outcome's units.

    ``estimate``, ``ci_low`` and ``ci_high`` (at ``level``) are NaN where no control arm tells
    noise from response. A negative value means that the control arm varied more. ``smallest`` is
    the smallest SDir that matters; ``standardized`` is the estimate over the baseline's
    between-person SD (0.1 small, 0.3 moderate, 0.6 large).
    """

    estimate: float
    ci_low: float
    ci_high: float
    level: float
    smallest: float
    standardized: float
    sd_treated: float
    sd_control: float
    df_treated: float
    df_control: float
    method: str = "closed"


@dataclass(frozen=True)
class Ceiling:
    """The best any predictor can do, from SDir's point estimate (its interval is wide).

    ``r2`` = max(SDir, 0)^2 / SD of change^2 and ``auc``, at the label's own cut, bound every
    predictor that does not see the measurement error. Where strata differ in their mean change,
    by more than chance spreads means, that difference counts as response too: a predictor may
    know the strata. ``coupling_auc`` is what the baseline of the
    same visit reaches when all respond alike, by sharing that visit's error;
    ``coupling_auc_true_level`` what it reaches beside the true level. NaN where unknown.
    """

    r2: float
    auc: float
    coupling_auc: float
    coupling_auc_true_level: float


@dataclass(frozen=True)
class ResponderResult:
    """Each person's change with its interval, and whether people truly differ.

    Parameters
    ----------
    frame
        One row a person of the treated arm: subject_id, arm (with arms), pre, post, change,
        ci_low, ci_high, p_response, p_response_shrunk, category. Signs are the outcome's own.
    control_frame
        The same for the control arm; None without one.
    sd_ir, ceiling
        See `SdIr` and `Ceiling`.
    sd_ir_table
        SDir by each method: method (closed, mover, mixed, bootstrap), estimate, ci_low, ci_high;
        no row where SDir is unknown.
    verdict
        ``differs``, ``negligible`` or ``cannot be known``.
    verdict_reason
        Why, in one sentence.
    threshold
        Smallest change that counts, in the outcome's units, 0 or more.
    reliability
        The noise of the measurement.
    level
        Level of a person's interval.
    direction
        ``up`` or ``down``.
    mean_change
        Mean change of the treated arm.
    proportion_ci
        Bootstrap interval of it, at SDir's level; draws in which the control arm varies more count
        as a constant response.
    proportion
        Share of true responses beyond the threshold, P(N(mean, SDir^2) > threshold), each
        stratum (of those with controls) with its own mean; NaN where SDir is unknown.
    notes
        What the reader must know.
    """

    frame: pd.DataFrame
    control_frame: pd.DataFrame | None
    sd_ir: SdIr
    sd_ir_table: pd.DataFrame
    ceiling: Ceiling
    verdict: str
    verdict_reason: str
    threshold: float
    reliability: Reliability
    level: float
    direction: str
    mean_change: float
    proportion: float
    proportion_ci: tuple[float, float]
    notes: list[str] = field(default_factory=list)

    @property
    def typical_error(self) -> float:
        """Typical error of the measurement."""
        return self.reliability.typical_error

    @property
    def cut(self) -> float:
        """Change at the threshold, with the outcome's own sign: negative where less is better."""
        return self.threshold if self.direction == "up" else -self.threshold

    @property
    def half_width(self) -> float:
        """Half width of a person's interval."""
        return self.reliability.half_width(self.level)

    @property
    def rtm_slope(self) -> float:
        """Slope of change on baseline in the treated arm that noise alone gives.

        -TE^2 / SDpre^2, SDpre the SD of the people's baselines: regression to the mean. NaN where
        the baseline varies no more than the error. A typical error from the control arm may hold
        drift of the true level, which does not lean on the baseline: the slope is then the
        steepest that noise gives.
        """
        return float(self.baseline_lines["rtm_slope"].iloc[0])

    @property
    def arm_sds(self) -> pd.DataFrame:
        """SD of change of each arm: arm, n, sd, df, ci_low, ci_high.

        Treated arm first; SDs are within strata, intervals chi-square at SDir's level.
        """
        return arm_sds(self)

    @property
    def baseline_lines(self) -> pd.DataFrame:
        """Change on baseline in each arm, treated first.

        arm, n, mean_pre, mean_change, slope (least squares over all strata) with ci_low and
        ci_high at SDir's level, and rtm_slope (see there). People who are missing or did not
        train do not count.
        """
        return baseline_lines(self)

    @property
    def counts(self) -> dict[str, int]:
        """People of the treated arm in each category."""
        return _counts(self.frame)

    @property
    def control_counts(self) -> dict[str, int] | None:
        """People of the control arm in each category, by the same rule; None without one."""
        return None if self.control_frame is None else _counts(self.control_frame)

    def to_dict(self) -> dict[str, Any]:
        """Summary for reports, JSON-able; None where a number is unknown."""
        return plain(
            {
                "n": len(self.frame),
                "counts": self.counts,
                "control_counts": self.control_counts,
                "verdict": self.verdict,
                "verdict_reason": self.verdict_reason,
                "sd_ir": asdict(self.sd_ir),
                "ceiling": asdict(self.ceiling),
                "threshold": self.threshold,
                "cut": self.cut,
                "direction": self.direction,
                "level": self.level,
                "half_width": self.half_width,
                "typical_error": self.typical_error,
                "reliability": self.reliability.to_dict(),
                "mean_change": self.mean_change,
                "proportion": self.proportion,
                "proportion_ci": list(self.proportion_ci),
                "sd_ir_table": self.sd_ir_table.astype({"method": str}).to_dict("records"),
                "notes": list(self.notes),
            }
        )

    def _rows(self) -> list[tuple[str, str]]:
        ir = self.sd_ir
        people = ", ".join(f"{n} {name}" for name, n in self.counts.items() if n)
        rows = [
            ("people", f"{len(self.frame)}: {people}"),
            ("threshold", f"{self.threshold:.3g} ({self.direction})"),
            ("typical error", f"{self.typical_error:.3g} ({self.reliability.source})"),
            ("interval of a change", f"± {self.half_width:.3g} ({self.level:.0%})"),
            ("SDir", f"{ir.estimate:.3g} ({ir.ci_low:.3g} to {ir.ci_high:.3g})"),
            ("attainable AUC", f"{self.ceiling.auc:.2f}, R2 {self.ceiling.r2:.2f}"),
        ]
        return rows if np.isfinite(ir.estimate) else rows[:4]

    def __repr__(self) -> str:
        lines = [f"ResponderResult: {self.verdict}", self.verdict_reason]
        lines += [f"  {name}: {value}" for name, value in self._rows()]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in self._rows()
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        head = f"<p><b>{escape(self.verdict)}</b>: {escape(self.verdict_reason)}</p>"
        return f"{head}<table>{rows}</table><ul>{notes}</ul>"


def _counts(frame: pd.DataFrame) -> dict[str, int]:
    return {name: int((frame["category"] == name).sum()) for name in CATEGORIES}
