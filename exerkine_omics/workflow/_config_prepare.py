"""The prepare section of a config: what is done to the data before anything is tested.

Words that are left out take the default of the call (`exo.pp`), which stands in its docstring.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from exerkine_omics.kernels._normalize import NORMALIZERS
from exerkine_omics.workflow._config_input import Strict

# what these learn of each feature is learnt from all people, those to be predicted among them
_LEARNING = ("pqn", "quantile")


class LodConfig(Strict):
    """Options of `exo.pp.lod`; limits are those of the file unless given."""

    policy: Literal["keep", "half", "mask"] = "keep"
    lod: float | dict[str, float] | None = None


class FilterConfig(Strict):
    """Options of `exo.pp.filter_features`."""

    max_missing: float | None = Field(default=None, ge=0, le=1)
    by: Literal["cell", "all"] = "cell"
    min_pairs: int | None = Field(default=None, ge=1)
    min_detected: float | None = Field(default=None, ge=0, le=1)


class NormalizeConfig(Strict):
    """Options of `exo.pp.normalize`."""

    method: str
    features: list[str] | None = None
    reference: list[str] | None = None
    fitted_on: str | list[str] | None = None
    order: str | None = None
    batch: str | None = None
    span: float | None = None

    @model_validator(mode="after")
    def _method_is_known(self) -> NormalizeConfig:
        if self.method not in NORMALIZERS:
            raise ValueError(f"method {self.method!r} is none of {', '.join(NORMALIZERS)}")
        return self


class CombatConfig(Strict):
    """Options of `exo.pp.combat`; for tests the plate is better a covariate."""

    batch: str | None = None
    covariates: list[str] | None = None
    mean_only: bool = False
    parametric: bool = True
    reference: str | None = None
    fitted_on: str | list[str] | None = None


class PlasmaVolumeConfig(Strict):
    """Options of `exo.pp.plasma_volume`; test with ``layer: plasma_volume_corrected``."""

    haemoglobin: str | None = None
    haematocrit: str | None = None
    method: str | None = None
    baseline: str | None = None
    analytes: list[str] | None = None


class HaemolysisConfig(Strict):
    """Options of `exo.pp.haemolysis`."""

    method: str | None = None
    limits: tuple[float, float] | None = None
    absorbance: str | None = None


class ImputeConfig(Strict):
    """Options of `exo.pp.impute`; tests and scores do not need it."""

    method: Literal["half_min", "left_censored", "knn"] = "half_min"
    cells: Literal["all", "below_lod"] = "all"
    n_neighbors: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=0)


class PrepareConfig(Strict):
    """What is done to the data, each on request, in the order of `ORDER` of workflow._prepare.

    ``clean`` is done unless it is ``false``: tubes that are no person's, samples and features
    without any value go; a list names the findings to mend.
    """

    clean: bool | list[str] = True
    lod: Literal["keep", "half", "mask"] | LodConfig | None = None
    haemolysis: HaemolysisConfig | None = None
    filter_features: FilterConfig | None = None
    normalize: NormalizeConfig | None = None
    combat: CombatConfig | None = None
    plasma_volume: PlasmaVolumeConfig | None = None
    impute: ImputeConfig | None = None

    @model_validator(mode="after")
    def _concentration_is_there_once(self) -> PrepareConfig:
        if self.plasma_volume is not None and self.normalize is not None:
            method = self.normalize.method
            if NORMALIZERS[method].levels_samples:
                raise ValueError(
                    f"normalize: {method} sets all samples to one level, and with it the change "
                    "of plasma volume that plasma_volume would correct: leave one of them out"
                )
        return self

    def options(self, section: str) -> dict[str, Any]:
        """Words that the config gives for one section; those left out are the call's own."""
        chosen = getattr(self, section)
        if isinstance(chosen, str):
            return {"policy": chosen}
        return dict(chosen.model_dump(exclude_unset=True))

    def leaks(self) -> str:
        """Name what learns from all people, and so must not come before a prediction."""
        if self.impute is not None:
            return "impute"
        if self.combat is not None:
            return "combat"
        method = self.normalize.method if self.normalize is not None else ""
        return f"normalize: {method}" if method in _LEARNING else ""
