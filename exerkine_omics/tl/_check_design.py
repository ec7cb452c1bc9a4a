"""What a study's design can tell of response, and what it cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics.cohort import frame_for_storage
from exerkine_omics.errors import AnalysisError, UsageError, shown

QUESTIONS = (
    "change",
    "average_effect",
    "typical_error",
    "sd_ir",
    "individual_change",
    "individual_response",
    "who_needs_what",
)


@dataclass(frozen=True)
class _Design:
    arms: int
    control: bool
    randomised: bool
    tests_at_baseline: int
    tests_at_end: int
    periods: int
    same_training_twice: bool
    reliability: bool


def check_design(
    *,
    arms: int = 1,
    control: bool = False,
    randomised: bool = True,
    tests_at_baseline: int = 1,
    tests_at_end: int = 1,
    periods: int = 1,
    same_training_twice: bool = False,
    reliability: bool = False,
    ask: str | None = None,
) -> pd.DataFrame:
    """Say which questions on response a design can answer, and why it cannot answer the others.

    Use it before a study, and before a claim: one change a person holds response, measurement
    error and what would have happened anyway, and no analysis takes them apart.

    Parameters
    ----------
    arms
        Arms in parallel, the control arm counted.
    control
        One of them does not train.
    randomised
        People were assigned to arms, or to the order of their periods, at random.
    tests_at_baseline, tests_at_end
        Tests of the outcome before and after, without training between them.
    periods
        Training periods a person goes through, washed out between them (crossover: 2).
    same_training_twice
        Two periods of a person hold the same training (a replicated crossover).
    reliability
        A typical error is known from elsewhere (a retest study, the literature).
    ask
        One question; an error is raised if the design cannot answer it.

    Returns
    -------
    DataFrame
        A row a question: question (change, average_effect, typical_error, sd_ir,
        individual_change, individual_response, who_needs_what), identified, why, needs.

    Raises
    ------
    UsageError
        For a design that contradicts itself, or a question that is none.
    AnalysisError
        With ``ask``, where the design does not identify the answer.

    References
    ----------
    Ross et al. 2019, Br J Sports Med (precision exercise medicine). Atkinson & Batterham 2015,
    Exp Physiol 100:577. Voisin et al. 2019, Exerc Sport Sci Rev.

    Examples
    --------
    >>> import exerkine_omics as exo
    >>> table = exo.tl.check_design(arms=2, control=True).set_index("question")
    >>> table["identified"].to_dict()["sd_ir"], table["identified"].to_dict()["individual_response"]
    (True, False)
    """
    design = _Design(
        arms, control, randomised, tests_at_baseline, tests_at_end, periods,
        same_training_twice, reliability,
    )  # fmt: skip
    _require_sense(design)
    table = frame_for_storage(
        pd.DataFrame(
            [(q, *_ANSWERS[q](design)) for q in QUESTIONS],
            columns=["question", "identified", "why", "needs"],
        )
    )
    if ask is not None:
        if ask not in QUESTIONS:
            raise UsageError(f"ask={ask!r} is no question", fix=f"One of {', '.join(QUESTIONS)}.")
        row = table[table["question"].astype(str) == ask].iloc[0]
        if not row["identified"]:
            raise AnalysisError(
                f"This design cannot tell {ask}: {row['why']}", fix=str(row["needs"])
            )
    return table


def _require_sense(design: _Design) -> None:
    counts = {
        "arms": design.arms,
        "tests_at_baseline": design.tests_at_baseline,
        "tests_at_end": design.tests_at_end,
        "periods": design.periods,
    }
    wrong = [
        f"{k}={v!r}"
        for k, v in counts.items()
        if isinstance(v, bool) or not isinstance(v, (int, np.integer)) or v < 1
    ]
    if wrong:
        raise UsageError(f"{shown(wrong)} must be whole numbers from 1 up")
    if design.control and design.arms < 2 and design.periods < 2:
        raise UsageError(
            "control=True with one arm and one period", fix="Say arms=2, or periods=2 (crossover)."
        )
    if design.same_training_twice and design.periods < 2:
        raise UsageError("same_training_twice=True needs periods=2 or more")


_Answer = tuple[bool, str, str]


def _change(_design: _Design) -> _Answer:
    return True, "Everyone is tested before and after.", ""


def _average(d: _Design) -> _Answer:
    if not d.control:
        return (
            False,
            "Without people who did not train, season, practice and regression to the mean "
            "look like training.",
            "A control arm, or a control period in a crossover.",
        )
    if not d.randomised and d.arms > 1:
        return False, "Arms that were not randomised differ in other things too.", "Random arms."
    if not d.randomised:
        return (
            False,
            "Periods in one order for all: season, practice and what the first period left behind "
            "look like training.",
            "A random order of the periods.",
        )
    return True, "The control shows what would have happened anyway.", ""


def _noise(d: _Design) -> _Answer:
    if d.tests_at_baseline > 1 or d.tests_at_end > 1:
        return True, "Repeated tests show the short-term noise of one test.", ""
    if d.control:
        return True, "The control's change shows the noise over the trial's own weeks.", ""
    if d.reliability:
        return True, "A reliability study is given; it is other people's noise.", ""
    return (
        False,
        "One test before and one after leave no two tests without training between them.",
        "Two tests at baseline, a control arm, or a Reliability.",
    )


def _sd_ir(d: _Design) -> _Answer:
    if d.control and (d.randomised or d.periods > 1):
        return (
            True,
            "The spread of changes with training less that without; taken that the effect does not "
            "depend on the change that would have happened anyway.",
            "",
        )
    if d.same_training_twice:
        return True, "The same training twice: what recurs in a person is response.", ""
    return (
        False,
        "Spread of change is response, drift within people and error together; short-term retests "
        "do not show the drift.",
        "A randomised control arm, or the same training twice.",
    )


def _individual_change(d: _Design) -> _Answer:
    known, _, needs = _noise(d)
    if known:
        return (
            True,
            "A person's change has an interval; that it is due to training is another claim.",
            "",
        )
    return False, "A change without its noise has no interval.", needs


def _individual_response(d: _Design) -> _Answer:
    if d.same_training_twice:
        return True, "What recurs over periods of the same training is the person's response.", ""
    if d.periods > 1:
        return (
            False,
            "Two different trainings once each: a person's difference holds the noise of four "
            "tests; uncorrelated changes are what noise alone gives.",
            "The same training twice in a person.",
        )
    return (
        False,
        "One period a person: what would have happened to this person without training was not "
        "seen. A variance difference between arms is neither necessary nor sufficient for it.",
        "The same training twice in a person.",
    )


def _tailor(d: _Design) -> _Answer:
    # a period is a training of its own, unless it repeats one or is the control
    periods = d.periods - int(d.same_training_twice) - int(d.control and d.arms == 1)
    trainings = max(d.arms - int(d.control and d.arms > 1), periods)
    if trainings < 2:
        return False, "One training was given.", "Two or more trainings, assigned at random."
    if not d.randomised:
        return (
            False,
            "Who got which training was not random: the people differ, not only the trainings.",
            "Random assignment, or shown overlap and adjustment.",
        )
    return True, "For groups of people, by an interaction of a marker with the arm.", ""


_ANSWERS = {
    "change": _change,
    "average_effect": _average,
    "typical_error": _noise,
    "sd_ir": _sd_ir,
    "individual_change": _individual_change,
    "individual_response": _individual_response,
    "who_needs_what": _tailor,
}
