"""Options of `tailor`: checked, read, and what the reader must know of the design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.cohort import ResponseSpec
from exerkine_omics.errors import InputError, UsageError, shown
from exerkine_omics.kernels._arm_effects import LEARNERS
from exerkine_omics.ml._fold_scores import signature_columns
from exerkine_omics.ml._people import People
from exerkine_omics.ml._signature_block import FittedBlock
from exerkine_omics.ml._tailor_result import ENOUGH
from exerkine_omics.ml._tailor_trial import Trial


def check_options(
    randomised: Any, folds: Any, repeats: Any, better: Any, learner: Any, smallest_gain: Any,
    level: Any, alpha: Any, cost: Any, control: Any,
) -> None:  # fmt: skip
    """Raise `UsageError` for options that are none."""
    if randomised is None:
        raise UsageError(
            "Whether the arms were randomised is not stated",
            where="randomised=",
            fix="Say randomised=True; with False, people who chose differ from those who did not, "
            "and overlap must be shown.",
        )
    if not isinstance(randomised, (bool, np.bool_)):
        raise UsageError(f"randomised={randomised!r}", fix="Say True or False.")
    for name, value, least in (("folds", folds, 2), ("repeats", repeats, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise UsageError(f"{name}={value!r}", fix=f"Give a whole number from {least} up.")
    if better not in (None, "higher", "lower"):
        raise UsageError(f"better={better!r}", fix="Give 'higher' or 'lower'.")
    if learner not in LEARNERS:
        raise UsageError(f"learner={learner!r}", fix=f"One of {', '.join(LEARNERS)}.")
    if not _is_number(smallest_gain) or smallest_gain < 0:
        raise UsageError(
            f"smallest_gain={smallest_gain!r} is no size of a gain",
            fix="Give a number from 0 up in the outcome's units.",
        )
    for name, value in (("level", level), ("alpha", alpha)):
        if not _is_number(value) or not 0 < value < 1:
            raise UsageError(f"{name}={value!r}", fix="Give a number between 0 and 1.")
    if cost is not None and not (
        isinstance(cost, Mapping) and all(_is_number(v) and v >= 0 for v in cost.values())
    ):
        raise UsageError(f"cost={cost!r}", fix="Give {arm: number from 0 up}.")
    if control is not None and not isinstance(control, str):
        raise UsageError(f"control={control!r}", fix="Give the name of an arm.")


def _is_number(value: Any) -> bool:
    real = isinstance(value, (int, float, np.integer, np.floating))
    return real and not isinstance(value, bool) and bool(np.isfinite(value))


def sign_of(better: str | None, spec: ResponseSpec | None) -> float:
    """Give 1 where more is better, else -1."""
    own = None if spec is None else ("higher" if spec.direction == "up" else "lower")
    if better is not None and own is not None and better != own:
        raise UsageError(
            f"better={better!r}, and the ResponseSpec says direction={spec.direction!r}",  # type: ignore[union-attr]
            where="better=",
        )
    return -1.0 if (better or own) == "lower" else 1.0


def known_propensity(given: Any, trial: Trial) -> np.ndarray | None:
    """Probabilities of the arms for each person (n x k), or None."""
    if given is None:
        return None
    if trial.second is not None:
        raise UsageError("In a crossover everybody has both arms", where="propensity=")
    if isinstance(given, pd.DataFrame):
        table = given.set_index(schema.SUBJECT) if schema.SUBJECT in given else given
        table = table.set_axis(table.index.astype(str), axis=0)
        lacking = [s for s in trial.people.subjects if s not in table.index]
        if lacking or table.index.has_duplicates or not set(trial.arms) <= set(table.columns):
            raise UsageError(
                f"The frame needs one row of each person (not: {shown(lacking)}) and the columns "
                f"{shown(trial.arms)}",
                where="propensity=",
            )
        found = table.loc[trial.people.subjects, list(trial.arms)].to_numpy(dtype=float)
    elif isinstance(given, Mapping) and set(given) == set(trial.arms):
        found = np.tile([float(given[a]) for a in trial.arms], (len(trial.y), 1))
    else:
        raise UsageError(
            f"propensity is no mapping of the arms {shown(trial.arms)}", where="propensity=",
            fix="Give {arm: probability}, or a frame subjects x arms.",
        )  # fmt: skip
    if not (found > 0).all() or np.abs(found.sum(axis=1) - 1).max() > 1e-6:
        raise UsageError("Probabilities must be above 0 and sum to 1", where="propensity=")
    return found


class SignatureScore:
    """Scores of one signature, by its name; remembers how, for new people."""

    def __init__(self, signatures: Any) -> None:
        self.source = True if signatures is None or signatures is False else signatures
        self.fitted: tuple[np.ndarray, FittedBlock, int] | None = None

    def __call__(self, name: str, people: People) -> np.ndarray:
        """Score all people (n)."""
        try:
            found, _ = signature_columns(people, self.source)
        except InputError:
            found = None
        names = [] if found is None else [str(s) for s in found.names]
        if found is None or name not in names:
            raise UsageError(
                f"There is no column {name!r}, and no measured signature of that name",
                where="score=",
                fix=f"Signatures measured: {shown(names)}." if names else None,
            )
        start, place = 0, names.index(name)
        for columns, block in found.parts:
            size = len(block.sets)
            if place < start + size:
                fitted = block.fit(people.x[:, columns])
                self.fitted = (columns, fitted, place - start)
                return fitted.score(people.x[:, columns])[0][:, place - start]
            start += size
        raise UsageError(f"There is no signature {name!r}", where="score=")


def design_notes(
    trial: Trial, randomised: bool | None, repeats: int, cost: Mapping[str, float] | None
) -> list[str]:
    """Say what the reader must know of size and design."""
    n, notes = len(trial.y), []
    if n < ENOUGH:
        notes.append(
            f"n = {n}: an interaction takes about four times the people of a main effect; under "
            f"{ENOUGH} people a rule counts only where the prespecified score bears it out."
        )
    if trial.score is None:
        notes.append("No score was prespecified: there is no interaction test.")
    if not randomised:
        notes.append(
            "Orders were not randomised."
            if trial.second is not None
            else "Nobody randomised: all rests on the clinical columns telling who had which arm."
        )
    if repeats < 5:
        notes.append(f"repeats={repeats}: one dealing of the folds can mislead; use 10.")
    if cost:
        notes.append("Costs are taken off the outcome: values are net.")
    holes = int(np.isnan(trial.clinical).sum())
    if holes:
        notes.append(
            f"{holes} missing clinical values are medians (in the ANCOVA of all people, elsewhere "
            "of the training people)."
        )
    return notes


def propensity_words(randomised: bool | None, known: np.ndarray | None, parallel_arms: bool) -> str:
    """Say where the probabilities of the arms come from."""
    if not parallel_arms:
        return "every person had both arms"
    if known is not None:
        return "given"
    return "shares of the arms in training" if randomised else "logistic model"
