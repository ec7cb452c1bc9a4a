"""The config of a run: what to read, what to do with it, checked before anything is touched."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from exerkine_omics import schema
from exerkine_omics.errors import ConfigError, brief, shown
from exerkine_omics.workflow._config_input import InputConfig
from exerkine_omics.workflow._config_input import Strict as _Strict
from exerkine_omics.workflow._config_meta import MetaConfig
from exerkine_omics.workflow._config_prepare import PrepareConfig


class ScoreConfig(_Strict):
    """Options of `exo.tl.score` and `score_change`."""

    signatures: Path | Annotated[list[str], Field(min_length=1)] | None = None
    method: Literal["baseline_z", "weighted_mean", "ulm", "singscore", "ssgsea", "gsva"] = (
        "baseline_z"
    )
    min_coverage: float = Field(default=0.5, ge=0, le=1)
    several: Literal["error", "first"] = "error"
    tau: float | None = Field(default=None, ge=0)
    normalize: bool | None = None
    mx_diff: bool | None = None
    abs_ranking: bool | None = None
    repeat: str | None = None


class EnrichConfig(_Strict):
    """Options of `exo.tl.enrich`; signatures are those of the score section.

    Arm, control and contrasts are those of the differential section.
    """

    method: Literal["camera", "fry", "roast", "signflip"] = "signflip"
    covariates: list[str] = []
    min_coverage: float = Field(default=0.5, ge=0, le=1)
    several: Literal["error", "first"] = "error"
    n_rotations: int | None = Field(default=None, gt=0)
    n_permutations: int | None = Field(default=None, gt=0)


class DifferentialConfig(_Strict):
    """Options of `exo.tl.differential`."""

    method: Literal["lmm", "moderated", "voom", "paired_t", "wilcoxon", "signflip", "mcnemar"] = (
        "lmm"
    )
    layer: str | None = None
    arm: str | None = "arm"
    control: str | None = None
    covariates: list[str] = []
    moderators: list[str] = []
    contrasts: dict[str, str | list[str]] | None = None
    joint: bool = False
    baseline: Literal["free", "constrained"] | None = None
    ddf: Literal["kenward-roger", "satterthwaite", "residual"] | None = None
    variance: Literal["pooled", "contrast"] | None = None
    moderate: bool | None = None
    block: Literal["fixed", "correlation"] | None = None
    trend: bool | None = None
    robust: bool | None = None
    legacy: bool | None = None
    weights: str | None = None
    n_permutations: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _mcnemar_tests_a_mask(self) -> DifferentialConfig:
        if self.method == "mcnemar" and self.layer is None:
            raise ValueError(
                f"method mcnemar tests a mask: say which, such as layer: {schema.BELOW_LOD}"
            )
        return self


class TypicalErrorConfig(_Strict):
    """A typical error from the literature or from an own reliability study."""

    typical_error: float = Field(gt=0)
    df: float | None = Field(default=None, gt=0)
    source: str


class RespondersConfig(_Strict):
    """Options of `exo.tl.responders`; one analysis a treated arm."""

    outcomes: Path | None = None
    outcome: str
    unit: str
    pre: str
    post: str
    subject: str = "subject_id"
    threshold: float
    direction: Literal["up", "down"] = "up"
    reliability: Literal["control"] | TypicalErrorConfig
    arm: str | None = None
    control: str | None = None
    treated: list[str] | None = None
    strata: list[str] = []
    adherence: str | None = None
    min_adherence: float | None = None
    smallest_sd_ir: float | None = Field(default=None, gt=0)
    sd_ir_method: Literal["closed", "mover", "mixed", "bootstrap"] = "closed"
    level: float = Field(default=0.90, gt=0.5, lt=1)

    @model_validator(mode="after")
    def _control_needs_arm(self) -> RespondersConfig:
        if self.control is not None and self.arm is None:
            raise ValueError("control needs arm")
        if self.reliability == "control" and self.control is None:
            raise ValueError("reliability: control needs arm and control")
        if (self.adherence is None) != (self.min_adherence is None):
            raise ValueError("adherence and min_adherence go together")
        return self


class PredictionConfig(_Strict):
    """Options of `exo.ml.evaluate`; the outcome is the change of the responders section.

    ``feature_time`` and ``outcome_time`` are in one unit, counted from the start of training.
    Features drawn when the outcome was known make an association, not a prediction. The model
    written is that of ``fit_block`` (clinical+omics), fixed here and not by what does best.
    """

    feature_time: float
    outcome_time: float
    clinical: list[str] | Literal["auto"] = "auto"
    outer: tuple[int, int] = (5, 10)
    inner: int = Field(default=5, ge=2)
    n_permutations: int = Field(default=200, ge=0)
    groups: str = "subject_id"
    signatures: bool = False
    models: list[Literal["elastic_net", "random_forest"]] = ["elastic_net"]
    target: Literal["label", "soft", "change"] = "label"
    landmark: float | None = None
    leave_out: str | None = None
    strata: list[str] = []
    alpha: float = Field(default=0.1, gt=0, lt=1)
    learning_curve: bool = False
    fit_block: str | None = None


class CohortConfig(_Strict):
    """One cohort and the analyses asked of it."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", max_length=100)
    title: str = ""
    description: str = ""
    input: InputConfig
    keep_timepoints: list[str] | None = None
    prepare: PrepareConfig | None = None
    score: ScoreConfig | None = ScoreConfig()
    enrich: EnrichConfig | None = EnrichConfig()
    differential: DifferentialConfig | None = DifferentialConfig()
    responders: RespondersConfig | None = None
    prediction: PredictionConfig | None = None

    @model_validator(mode="after")
    def _prediction_needs_outcome(self) -> CohortConfig:
        if self.prediction is not None and self.responders is None:
            raise ValueError("prediction needs the responders section, which defines the outcome")
        return self

    @model_validator(mode="after")
    def _prediction_learns_in_its_folds(self) -> CohortConfig:
        leak = self.prepare.leaks() if self.prepare is not None and self.prediction else ""
        if leak:
            raise ValueError(
                f"prepare.{leak} learns from all people, and prediction must learn in its training "
                "folds only: give the prediction a cohort of its own without it"
            )
        return self

    @model_validator(mode="after")
    def _enrich_needs_signatures(self) -> CohortConfig:
        asked = "enrich" in self.model_fields_set and self.enrich is not None
        if asked and self.score is None:
            raise ValueError("enrich needs the score section, which names the signatures")
        return self


class RunConfig(_Strict):
    """A whole run."""

    title: str = "Exerkine report"
    seed: int | None = Field(default=None, ge=0)
    cohorts: list[CohortConfig] = Field(min_length=1)
    meta: list[MetaConfig] = []

    @field_validator("meta", mode="before")
    @classmethod
    def _meta_may_be_empty(cls, value: object) -> object:
        return [] if value is None else value  # all its lines are comments

    @model_validator(mode="after")
    def _names_are_unique(self) -> RunConfig:
        for what, sections in (("cohorts", self.cohorts), ("meta-analyses", self.meta)):
            names = [section.name for section in sections]
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have the same name")
        if self.meta and any(c.name == "meta" for c in self.cohorts):
            raise ValueError("no cohort can be called meta: the meta-analyses lie there")
        return self

    @model_validator(mode="after")
    def _meta_pools_what_is_tested(self) -> RunConfig:
        tested = [c.name for c in self.cohorts if c.differential is not None]
        for section in self.meta:
            chosen = section.cohorts if section.cohorts is not None else tested
            unknown = [name for name in chosen if name not in tested]
            if unknown:
                raise ValueError(
                    f"meta {section.name}: {shown(unknown)} is no cohort with a differential "
                    f"section; those are {shown(tested)}"
                )
            if len(set(chosen)) < max(2, section.min_cohorts):
                raise ValueError(
                    f"meta {section.name}: a meta-analysis needs two cohorts, and min_cohorts"
                )
            named = {c for own in (section.contrasts or {}).values() for c in own}
            if named - set(chosen):
                raise ValueError(
                    f"meta {section.name}: contrasts name {shown(sorted(named - set(chosen)))}, "
                    "which is none of its cohorts"
                )
        return self


def load_config(path: str | Path) -> RunConfig:
    """Read and check a config; relative paths count from its folder.

    Parameters
    ----------
    path
        A YAML file.

    Raises
    ------
    ConfigError
        With the place in the config, and the nearest key where one is misspelt.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError("There is no such config file", where=str(path))
    try:
        # the loader is PyYAML's safe one
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ConfigError(f"Not readable: {error.strerror}", where=str(path)) from error
    except RecursionError as error:
        raise ConfigError("Not readable as YAML: nested too deep", where=str(path)) from error
    except (yaml.YAMLError, ValueError) as error:  # a date of month 13 is a ValueError
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = f"{path}, line {line + 1}" if line is not None else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"Not readable as YAML: {problem}", where=place) from error
    config = parse_config(content, str(path))
    _resolve(config, path.resolve().parent)
    return config


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once: of two, the first would be dropped without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge" or not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def parse_config(content: object, where: str) -> RunConfig:
    """Validate a mapping; `ConfigError` names the key that is wrong."""
    if not isinstance(content, dict):
        raise ConfigError("A config is a mapping with the key 'cohorts'", where=where)
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        # the narrowest place: a union reports each of its members, a typo only its own key
        telling = ("extra_forbidden", "too_short")
        first = next((e for e in error.errors() if e["type"] in telling), error.errors()[0])
        # a part with brackets is the model's own, no key of the config
        place = ".".join(part for part in map(str, first["loc"]) if "[" not in part)
        if first["type"] == "extra_forbidden":
            message = f"Unknown key {first['loc'][-1]!r}"
            near = get_close_matches(str(first["loc"][-1]), _keys(RunConfig), n=1, cutoff=0.5)
            fix = f"Did you mean {near[0]!r}?" if near else None
        else:
            message, fix = _worded(first)
        raise ConfigError(
            message, where=f"{where}: {place}" if place else where, fix=fix
        ) from error


def _worded(error: Any) -> tuple[str, str | None]:
    """Say in the words of a config what the model found, and what to do."""
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return f"The key {error['loc'][-1]!r} is needed here", None
    message = error["msg"].removeprefix("Value error, ")
    if kind.startswith(("model_", "dict_")):
        message = "Input should be a section of keys and values"
    if isinstance(value, (dict, list)) or kind in ("value_error", "too_short"):
        return message, None
    message = f"{message}, not {brief(value)!r}" if value is not None else f"{message}: it is empty"
    if value is None:
        return message, "Give it, or leave the key out for its default."
    if kind == "string_type":
        why = "YAML reads yes, no, on and off as true and false: put it" * isinstance(value, bool)
        return message, f"{why or 'Put it'} in quotes."
    return message, None


def _keys(model: type[BaseModel], seen: frozenset[type] = frozenset()) -> list[str]:
    keys = list(model.model_fields)
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            if inner not in seen:
                keys += _keys(inner, seen | {model})
    return list(dict.fromkeys(keys))


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models(part)]


def _resolve(config: RunConfig, folder: Path) -> None:
    for cohort in config.cohorts:
        table = cohort.input.table
        if table is not None:
            table.matrix = folder / table.matrix
            table.samples = folder / table.samples if table.samples else None
            table.features = folder / table.features if table.features else None
        file = cohort.input.file
        if file is not None:
            file.path = folder / file.path
            file.samples = folder / file.samples if file.samples else None
            if isinstance(file.options.get("features"), str):
                file.options["features"] = folder / file.options["features"]
        if cohort.responders is not None and cohort.responders.outcomes is not None:
            cohort.responders.outcomes = folder / cohort.responders.outcomes
        if cohort.score is not None and isinstance(cohort.score.signatures, Path):
            cohort.score.signatures = folder / cohort.score.signatures
