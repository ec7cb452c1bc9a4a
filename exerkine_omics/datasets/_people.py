"""People of the simulated cohort: arms, covariates, VO2max and its true response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.datasets._panel import parameter
from exerkine_omics.parallel import stream

N_FACTORS = 5


@dataclass(frozen=True)
class People:
    """Sample sheet of the people, and the common factors that move their levels."""

    table: pd.DataFrame
    factors: np.ndarray


def draw_people(n: int, arms: Sequence[str], seed: int) -> People:
    """Draw ``n`` people, dealt to the arms in turn; each has a random stream of their own."""
    width = max(3, len(str(n)))
    rows, factors = [], []
    for number in range(n):
        person = f"S{number + 1:0{width}d}"
        # keyed by number: the stream of a person does not depend on how many there are
        rng = stream(seed, "simulate.person", number)
        woman = rng.random() < parameter("people", "women")
        rows.append(
            {
                schema.SUBJECT: person,
                schema.ARM: arms[number % len(arms)],
                "age": float(round(_clipped(rng, "people", "age", 18, 80))),
                "sex": "F" if woman else "M",
                "bmi": round(_clipped(rng, "people", "bmi", 17, 45), 1),
                schema.ADHERENCE: round(_clipped(rng, "people", "adherence", 0, 1), 2),
            }
        )
        factors.append(rng.standard_normal(N_FACTORS))
    return People(pd.DataFrame(rows), np.array(factors).reshape(n, N_FACTORS))


def _clipped(rng: np.random.Generator, scope: str, name: str, low: float, high: float) -> float:
    mean, sd = parameter(scope, f"{name}_mean"), parameter(scope, f"{name}_sd")
    return float(np.clip(rng.normal(mean, sd), low, high))


def draw_vo2max(
    people: pd.DataFrame,
    score: np.ndarray,
    trained: np.ndarray,
    *,
    training_effect: float,
    sd_ir: float,
    predictor_r2: float,
    typical_error: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the outcomes as measured, and the truth behind them.

    The true response of a trained person is ``effect + sd_ir (sqrt(r2) score + sqrt(1-r2) z)``;
    untrained people have none. Each test adds ``N(0, typical_error)``.

    Parameters
    ----------
    people
        One row a person.
    score
        n; predictor score with variance one in the population.
    trained
        n; True in arms that train.
    training_effect, sd_ir, typical_error
        ml/kg/min.
    predictor_r2
        Share of the variance of the true response that the score tells.
    seed
        Seed of the cohort.
    """
    level, own, error = np.empty(len(people)), np.empty(len(people)), np.empty((2, len(people)))
    for number in range(len(people)):
        rng = stream(seed, "simulate.vo2max", number)
        level[number], own[number] = rng.standard_normal(2)
        error[:, number] = rng.standard_normal(2)
    women = (people["sex"] == "F").to_numpy()
    share = parameter("people", "women")
    shift = parameter("vo2max", "men_minus_women") * (share - women)
    true_pre = parameter("vo2max", "mean") + shift + parameter("vo2max", "sd") * level
    individual = sd_ir * (np.sqrt(predictor_r2) * score + np.sqrt(1 - predictor_r2) * own)
    response = np.where(trained, training_effect + individual, 0.0)
    outcomes = people[[schema.SUBJECT, schema.ARM, "age", "sex", "bmi"]].copy()
    outcomes["vo2max_pre"] = np.round(true_pre + typical_error * error[0], 2)
    outcomes["vo2max_post"] = np.round(true_pre + response + typical_error * error[1], 2)
    outcomes[schema.ADHERENCE] = np.where(trained, people[schema.ADHERENCE], np.nan)
    truth = people[[schema.SUBJECT, schema.ARM]].copy()
    truth["vo2max_true_pre"], truth["true_response"] = true_pre, response
    truth["predictor_score"] = score
    return outcomes, truth
