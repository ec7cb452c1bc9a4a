"""The part of the summary that tells of findings, preparation and quality."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias

# pydantic refuses typing.TypedDict before Python 3.12
from typing_extensions import TypedDict

Number: TypeAlias = float | None


class Finding(TypedDict):
    """One finding of the check."""

    severity: Literal["error", "warning", "note"]
    message: str
    n_rows: NotRequired[int]
    rows: NotRequired[str]
    fix: NotRequired[str]
    call: NotRequired[str]


class Step(TypedDict):
    """One call of the preparation, and what it told."""

    step: str
    parameters: str
    n_samples: int
    n_features: int
    notes: list[str]


class BelowLod(TypedDict):
    """How often one feature is below its limit of detection."""

    feature: str
    below: Number
    n_samples: int
    difference: Number


class Lod(TypedDict):
    """Values below the limit of detection."""

    n_features: int
    n_below_in_some: int
    n_below_in_half: int
    features: list[BelowLod]


class Drift(TypedDict):
    """Median SD of the QC tubes over features, before and after drift was taken off."""

    n_corrected: int
    sd_before: Number
    sd_after: Number


class Haemolysis(TypedDict):
    """Flags of haemolysis."""

    method: str
    limits: dict[str, float]
    counts: dict[str, int]
    haemolysed: list[str]


class PlasmaVolume(TypedDict):
    """Change of plasma volume at one time point (and arm), percent."""

    arm: NotRequired[str]
    timepoint: str
    n: int
    mean: Number
    sd: Number
    low: Number
    high: Number


class Components(TypedDict):
    """Share of the variance on the first components."""

    variance_ratio: list[float]
    variance_ratio_before: list[float]


class Quality(TypedDict):
    """What was done to the data before the tests, and what the tubes look like."""

    steps: list[Step]
    mended: list[Finding]
    notes: list[str]
    flow: list[dict[str, Any]]
    plates: list[dict[str, Any]]
    lod: Lod | None
    pca: Components | None
    drift: Drift | None
    haemolysis: Haemolysis | None
    plasma_volume: list[PlasmaVolume]
