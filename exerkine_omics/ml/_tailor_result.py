"""TailorResult: one interaction test, the value of the rule, and what both allow to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics.cohort import plain
from exerkine_omics.ml._tailor_interaction import interaction_p
from exerkine_omics.ml._tailor_rule import TailorRule
from exerkine_omics.ml._tailor_values import GAIN_PER_SD

ASSIGN = "assign by this rule"
SAME = "same training for all"
UNKNOWN = "cannot be said with n = {n}"
ENOUGH = 200


@dataclass(frozen=True)
class TailorResult:
    """Which training suits whom, as far as this trial can say.

    Parameters
    ----------
    verdict
        ``assign by this rule``, ``same training for all`` or ``cannot be said with n = …``.
    reason
        Why, with the numbers.
    interaction
        score, contrast, estimate (per SD of the score), se, df, statistic, p_value, ci_low,
        ci_high, n, method, status.
    policy_value
        policy, learner, estimate, se, ci_low, ci_high, n, n_groups, status: each single arm, the
        best of them (chosen in the training folds), the rule, its gain over that and over each.
    people
        subject_id, arm, recommended (out of fold), advantage, ci_low, ci_high, agreement,
        abstain.
    rule
        The rule, fitted on all people; ``rule.assign(new)``.
    attainable_gain
        Upper limits of what could be gained, by the score and by any linear rule of the features;
        both must be below ``smallest_gain`` before the same training is called enough.
    overlap
        One row an arm: probability of the arm, effective n; empty in a randomised trial.
    notes, counts, settings
        What the reader must know; people used and left out; seed, folds and so on.
    """

    verdict: str
    reason: str
    interaction: pd.DataFrame
    policy_value: pd.DataFrame
    people: pd.DataFrame = field(repr=False)
    rule: TailorRule
    attainable_gain: dict[str, float]
    overlap: pd.DataFrame
    notes: list[str]
    counts: dict[str, int]
    settings: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Summary for reports, JSON-able; None where a number is unknown."""
        return plain(
            {
                "verdict": self.verdict,
                "reason": self.reason,
                "interaction": self.interaction.to_dict("records"),
                "policy_value": self.policy_value.to_dict("records"),
                "people": self.people.to_dict("records"),
                "rule": self.rule.to_dict(),
                "attainable_gain": self.attainable_gain,
                "overlap": self.overlap.to_dict("records"),
                "notes": list(self.notes),
                "counts": self.counts,
                "settings": self.settings,
            }
        )

    def _lines(self) -> list[str]:
        lines = []
        for row in self.interaction.itertuples(index=False):
            if np.isfinite(row.estimate):
                lines.append(
                    f"{row.score} x ({row.contrast}): {row.estimate:.3g} per SD "
                    f"({row.ci_low:.3g} to {row.ci_high:.3g}), p = {row.p_value:.2g}"
                )
        for row in self.policy_value.itertuples(index=False):
            name = f"{row.policy} ({row.learner})" if row.learner else row.policy
            lines.append(f"{name}: {row.estimate:.3g} ({row.ci_low:.3g} to {row.ci_high:.3g})")
        lines.append(f"abstains for {int(self.people['abstain'].sum())} of {len(self.people)}")
        return lines

    def __repr__(self) -> str:
        lines = [f"TailorResult: {self.verdict}", f"  {self.reason}"]
        lines += [f"  {line}" for line in self._lines()]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in self._lines())
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        head = f"<p><b>{escape(self.verdict)}</b><br>{escape(self.reason)}</p>"
        return f"{head}<ul>{lines}</ul><ul>{notes}</ul>"


def score_bound(interaction: pd.DataFrame) -> float:
    """Upper limit of what a rule by the score can gain: 0.40 x the farther limit per SD.

    That is the gain where the arms are equal on average and the score is normal; NaN without a
    score. With k arms, the largest pair times k - 1.
    """
    pairs = interaction[interaction["contrast"] != "all arms"]
    far = np.nanmax(np.abs(pairs[["ci_low", "ci_high"]].to_numpy(dtype=float)), initial=-np.inf)
    if not np.isfinite(far):
        return float("nan")
    k = (1 + np.sqrt(1 + 8 * len(pairs))) / 2
    return float(GAIN_PER_SD * far * (k - 1))


def judge(
    n: int, gains: pd.DataFrame, interaction: pd.DataFrame, bounds: dict[str, float],
    smallest: float, alpha: float,
) -> tuple[str, str]:  # fmt: skip
    """Verdict and reason.

    ``gains``: the rows of `value_frame` that compare the rule, the gain first.

    *assign*: the lower limits of the gain, over the best arm of the training folds and over each
    arm, are above ``smallest``, and under 200 people the
    interaction of the prespecified score has p < alpha as well. *same*: ``smallest`` is above 0
    and above the upper limit of the gain and of what could be gained. Else it cannot be said.
    """
    p, gain = interaction_p(interaction), gains.iloc[0]
    lowest = float(gains["ci_low"].min())
    text = f"gain {gain['estimate']:.3g} ({gain['ci_low']:.3g} to {gain['ci_high']:.3g})"
    unknown = UNKNOWN.format(n=n)
    if (gains["se"] > 0).all() and lowest > smallest:
        if n >= ENOUGH or p < alpha:
            return ASSIGN, (f"{text}, over each arm at least {lowest:.3g}: above {smallest:g}.")
        why = (
            "there is no prespecified score" if np.isnan(p) else f"its interaction has p = {p:.2g}"
        )
        return unknown, (
            f"{text}; under {ENOUGH} people the rule must be borne out by the prespecified score, "
            f"and {why}."
        )
    known = [b for b in bounds.values() if not np.isnan(b)]
    highest = max([float(gain["ci_high"]), *known])
    if smallest > 0 and np.isfinite(highest) and highest < smallest:
        return SAME, f"{text}; no more than {highest:.3g} is to be gained, {smallest:g} matters."
    if smallest <= 0:
        return unknown, (
            f"{text}; without smallest_gain= it cannot be shown either that nothing worth while is "
            "to be gained."
        )
    if not np.isfinite(highest):
        return unknown, f"{text}; with as many features as people nothing limits what they hide."
    return unknown, f"{text}; up to {highest:.3g} may be to be gained, {smallest:g} matters."
