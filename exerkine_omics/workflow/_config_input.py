"""The input section of a config: a table, a vendor's file, a public dataset, or a simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator


class Strict(BaseModel):
    """A section whose keys are all known."""

    model_config = ConfigDict(extra="forbid")


class TableInput(Strict):
    """A matrix and its sample sheet; without ``samples`` the matrix holds both."""

    matrix: Path
    samples: Path | None = None
    features: Path | None = None
    orientation: Literal["samples", "features"] = "samples"
    subject: str
    timepoint: str
    baseline: str
    arm: str | None = None
    units: str | dict[str, str]
    modality: Literal["proteomics", "metabolomics", "mirna"]
    timepoint_order: list[str] | None = None
    species: str = "human"
    matrix_type: str | None = None
    platform: str | None = None
    sample_id: str | None = None
    sample_columns: list[str] = []
    analytes: list[str] | None = None


class FileInput(Strict):
    """A file of any format that `exo.io.read` knows, by its content.

    ``subject``, ``timepoint`` and ``baseline`` name columns of the sample sheet, or, without one,
    of the file; a stored cohort (.h5ad, .zarr) knows them. ``options`` are those of the format's
    own reader.
    """

    path: Path
    format: str | None = None
    samples: Path | None = None
    subject: str | None = None
    timepoint: str | None = None
    baseline: str | None = None
    arm: str | None = None
    timepoint_order: list[str] | None = None
    species: str | None = None
    matrix_type: str | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _a_sheet_has_roles(self) -> FileInput:
        roles = {k: getattr(self, k) for k in ("subject", "timepoint", "baseline")}
        absent = [k for k, v in roles.items() if v is None]
        said = self.samples or self.arm or self.timepoint_order or len(absent) < len(roles)
        if absent and said:
            raise ValueError(f"the sample sheet needs {', '.join(absent)} too")
        twice = sorted(set(self.options) & set(FileInput.model_fields))
        if twice:
            raise ValueError(f"{', '.join(twice)} stands under file, not under its options")
        return self


class SimulateInput(Strict):
    """A simulated cohort; the options are those of `exo.datasets.simulate`."""

    modality: Literal["proteomics", "metabolomics", "mirna"] = "proteomics"
    options: dict[str, Any] = {}


class InputConfig(Strict):
    """Where a cohort comes from: a table, a file, a public dataset by name, or a simulation."""

    table: TableInput | None = None
    file: FileInput | None = None
    dataset: str | None = None
    simulate: SimulateInput | None = None

    @model_validator(mode="after")
    def _one_source(self) -> InputConfig:
        sources = ("table", "file", "dataset", "simulate")
        if sum(getattr(self, k) is not None for k in sources) != 1:
            raise ValueError("give exactly one of table, file, dataset, simulate")
        return self
