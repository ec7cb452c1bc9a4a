"""The cases of tests/reference/enrich, as effects and sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ENRICH = Path(__file__).parents[1] / "reference" / "enrich"
# cells in the order of the design's columns, and the contrast over them
CELLS = {
    "paired": {"pre": -1, "post": 1},
    "arms": {
        "ctrl:pre": 1,
        "ctrl:post": -1,
        "ctrl:rec": 0,
        "train:pre": -1,
        "train:post": 1,
        "train:rec": 0,
    },
    "covariate": {"pre": -1, "post": 1, "rec": 0},
    "groups": {"ctrl": -1, "train": 1},
    "tiny": {"pre": -1, "post": 1},
}


@dataclass(frozen=True)
class Case:
    """One data set: arguments of `gene_effects`, sets by name, limma's answers by test."""

    values: np.ndarray
    design: np.ndarray
    subject: np.ndarray | None
    contrast: np.ndarray
    weight: np.ndarray
    sets: dict[str, tuple[np.ndarray, np.ndarray]]
    answers: pd.DataFrame

    @property
    def arguments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
        return self.values, self.design, self.subject, self.contrast

    def limma(self, test: str) -> pd.DataFrame:
        found = self.answers[self.answers["test"] == test]
        assert list(found["set"]) == list(self.sets)
        return found.reset_index(drop=True)


@pytest.fixture(scope="session")
def enrich_case() -> Callable[[str], Case]:
    table = pd.read_csv(ENRICH / "sets.csv").groupby("set", sort=False)
    sets = {str(k): (g["feature"].to_numpy() - 1, g["weight"].to_numpy()) for k, g in table}
    answers = pd.read_csv(ENRICH / "answers.csv")

    def load(name: str) -> Case:
        matrix = pd.read_csv(ENRICH / f"{name}_matrix.csv", index_col=0)
        samples = pd.read_csv(ENRICH / f"{name}_samples.csv")
        assert list(matrix.columns) == list(samples["sample"])
        cells = CELLS[name]
        design = np.column_stack([samples["cell"] == cell for cell in cells]).astype(float)
        contrast = np.array(list(cells.values()), dtype=float)
        if name == "covariate":
            design = np.column_stack([design, samples["lactate"]])
            contrast = np.append(contrast, 0.0)
        subject = None
        if name != "groups":
            subject = np.unique(samples["subject"], return_inverse=True)[1]
        mine = answers[answers["case"] == name]
        weight = samples["weight"].to_numpy()
        return Case(matrix.to_numpy().T, design, subject, contrast, weight, sets, mine)

    return load
