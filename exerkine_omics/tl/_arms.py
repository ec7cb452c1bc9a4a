"""Who trained, who did not, and which controls tell the noise of those who did."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort._outcomes import (
    below_dose,
    check_dose,
    number_column,
    require_outcome_columns,
    stratum,
)
from exerkine_omics.errors import AnalysisError, UsageError, shown

_MIN = 3


@dataclass(frozen=True)
class Arms:
    """People of the two arms with their ``stratum``; ``noise`` are controls of shared strata."""

    treated: pd.DataFrame
    control: pd.DataFrame
    noise: pd.DataFrame
    name: str
    has_control: bool

    @property
    def measured(self) -> pd.DataFrame:
        """Treated people with a change."""
        return self.treated.loc[self.treated["change"].notna()]

    @property
    def shared(self) -> pd.DataFrame:
        """Treated people with a change whose stratum has controls with a change."""
        return self.measured.loc[self.measured["stratum"].isin(set(self.noise["stratum"]))]

    @property
    def baseline(self) -> tuple[np.ndarray, np.ndarray]:
        """Baselines and strata of both arms (n,): strata with trained people, no one idle."""
        people = pd.concat([self.treated.loc[~self.treated["idle"]], self.control])
        people = people.loc[people["stratum"].isin(set(self.measured["stratum"]))]
        return people[schema.PRE].to_numpy(float), people["stratum"].to_numpy(object)


def choose_arms(
    table: pd.DataFrame,
    outcomes: pd.DataFrame,
    arm: str | None,
    control: str | None,
    treated: str | None,
    strata: tuple[str, ...],
) -> Arms:
    name = "the group"
    mine = np.ones(len(table), dtype=bool)
    theirs = np.zeros(len(table), dtype=bool)
    if arm is not None:
        name = _treated_arm(table, arm, control, treated)
        mine = (table[schema.ARM] == name).to_numpy()
        theirs = (table[schema.ARM] == str(control)).to_numpy()
    require_outcome_columns(outcomes, *strata)
    table = table.assign(mine=mine).loc[mine | theirs]
    table["stratum"] = stratum(outcomes.iloc[table["row"]], strata)
    first, second = table.loc[table["mine"]], table.loc[~table["mine"]]
    measured = first["change"].notna()
    if not measured.any():
        raise AnalysisError(
            f"Nobody of {name} has both pre and post ({len(first)} people)",
            where="outcomes",
            fix="Check the columns pre= and post=, or name another arm.",
        )
    known = second.loc[second["change"].notna()]
    noise = known.loc[known["stratum"].isin(set(first.loc[measured, "stratum"]))]
    if control is not None and len(noise) < _MIN:
        among = " in the strata of the treated arm" if len(known) > len(noise) else ""
        raise AnalysisError(
            f"{len(noise)} people of the control arm {control!r} have both pre and post{among}; "
            f"{_MIN} are needed",
            where=f"outcomes[{arm!r}]",
            fix="Leave control= out and give a Reliability, or use fewer strata.",
        )
    return Arms(first, second, noise, name, control is not None)


def mark_not_trained(
    table: pd.DataFrame,
    outcomes: pd.DataFrame,
    adherence: str | None,
    min_adherence: float | None,
    control: str | None,
) -> pd.DataFrame:
    """Take the change of those who trained less than the dose out of all that is computed.

    Adds ``idle``, ``undosed`` (the dose is not known: taken as trained) and ``observed`` (the
    change as it was seen); ``change`` of idle people is NaN.
    """
    check_dose(adherence, min_adherence)
    table = table.assign(idle=False, undosed=False, observed=table["change"])
    if adherence is None or min_adherence is None:
        return table
    dose = number_column(outcomes, adherence)[table["row"].to_numpy()]
    arm = None
    if schema.ARM in table and control is not None:
        arm = table[schema.ARM].to_numpy(object)
    table["idle"] = below_dose(dose, min_adherence, arm, control)
    table["undosed"] = np.isnan(dose)
    table.loc[table["idle"], "change"] = np.nan
    return table


def _treated_arm(table: pd.DataFrame, arm: str, control: str | None, treated: str | None) -> str:
    arms = sorted(table[schema.ARM].unique())
    for role, value in (("control", control), ("treated", treated)):
        if value is not None and str(value) not in arms:
            near = get_close_matches(str(value), arms, n=1)
            raise UsageError(
                f"{role}={value!r} is none of the arms {shown(arms)}",
                where=f"outcomes[{arm!r}]",
                fix=f"Did you mean {near[0]!r}?" if near else "Name one of them.",
            )
    others = [a for a in arms if control is None or a != str(control)]
    if treated is not None:
        if str(treated) not in others:
            raise UsageError(f"treated={treated!r} is also the control", fix="Name two arms.")
        return str(treated)
    if not others:
        raise AnalysisError(
            f"All people are of the control arm {control!r}", where=f"outcomes[{arm!r}]"
        )
    if len(others) > 1:
        raise UsageError(
            f"Several arms could be meant: {shown(others)}; they are never pooled",
            where=f"outcomes[{arm!r}]",
            fix=f"Name one: treated={others[0]!r}.",
        )
    return str(others[0])
