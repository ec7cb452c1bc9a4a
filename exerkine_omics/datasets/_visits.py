"""Blood samples of the simulated cohort: who came when, and which tube is haemolysed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exerkine_omics import schema
from exerkine_omics.parallel import stream

SEVERITY = (0.8, 1.4)
PERSON, VISIT = "person", "visit"


@dataclass(frozen=True)
class Visits:
    """The samples that were drawn: rows of the sheet, numbered by person and visit."""

    sheet: pd.DataFrame
    person: np.ndarray
    visit: np.ndarray
    timepoints: tuple[str, ...]
    severity: np.ndarray
    missed: pd.DataFrame


def draw_visits(
    people: pd.DataFrame,
    timepoints: Sequence[str],
    design: str,
    *,
    missed_visits: float,
    haemolysed: float,
    seed: int,
) -> Visits:
    """Make the sample sheet; later visits may be missed, some samples are haemolysed."""
    rows, missed, severity = [], [], []
    for person in range(len(people)):
        for visit, time in enumerate(timepoints):
            rng = stream(seed, "simulate.sample", person, visit)
            present, spoiled, strength = rng.random(3)
            who = str(people.at[person, schema.SUBJECT])
            if visit and present < missed_visits:
                missed.append((who, time))
                continue
            rows.append((f"{who}|{time}", who, str(time), person, visit))
            severity.append(np.interp(strength, (0, 1), SEVERITY) if spoiled < haemolysed else 0.0)
    names = [schema.SAMPLE_ID, schema.SUBJECT, schema.TIMEPOINT, PERSON, VISIT]
    sheet = pd.DataFrame(rows, columns=names).set_index(schema.SAMPLE_ID)
    sheet = sheet.join(people.set_index(schema.SUBJECT)[[schema.ARM, "age", "sex", "bmi"]],
                       on=schema.SUBJECT)  # fmt: skip
    if design == "acute" and len(timepoints) == 2:
        # baseline: before the bout, so there are no minutes after it
        sheet[schema.MINUTES_POST] = np.where(sheet[VISIT] > 0, 0.0, np.nan)
    numbers = {name: sheet.pop(name).to_numpy() for name in (PERSON, VISIT)}
    gone = pd.DataFrame(missed, columns=[schema.SUBJECT, schema.TIMEPOINT], dtype=str)
    return Visits(
        sheet, numbers[PERSON], numbers[VISIT], tuple(map(str, timepoints)),
        np.array(severity), gone,
    )  # fmt: skip
