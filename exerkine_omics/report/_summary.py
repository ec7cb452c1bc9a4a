"""The summary of a run: the contract between the workflow and the report.

Every number is a plain int or float; one that is not known is None or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from pydantic import TypeAdapter, ValidationError

# pydantic refuses typing.TypedDict before Python 3.12
from typing_extensions import TypedDict

from exerkine_omics.errors import InputError, shown
from exerkine_omics.report._summary_qc import Finding, Number, Quality
from exerkine_omics.report._summary_tables import Meta, Table, unfit


class Pairs(TypedDict):
    """Pairs of one time point (and arm) against baseline."""

    timepoint: NotRequired[str]
    contrast: NotRequired[str]
    arm: NotRequired[str]
    n_pairs: int
    n_subjects: int


class Dropped(TypedDict):
    """A person who makes no pair at a time point, and why."""

    subject_id: str
    timepoint: str
    reason: str


class Coverage(TypedDict):
    """How much of a signature was measured."""

    signature: str
    title: NotRequired[str]
    n_members: int
    n_measured: int
    coverage: Number
    missing: NotRequired[str]
    status: NotRequired[str]


class ScoreChange(TypedDict):
    """Mean change of a score at one time point (and arm)."""

    signature: str
    arm: NotRequired[str]
    timepoint: str
    n_pairs: int
    mean_change: Number
    ci_low: Number
    ci_high: Number
    p_value: Number


class Scores(TypedDict):
    """Scores of the signatures."""

    method: str
    min_coverage: float
    coverage: list[Coverage]
    change: list[ScoreChange]
    notes: NotRequired[list[str]]


class EnrichmentRow(TypedDict):
    """The test of one signature on one contrast."""

    signature: str
    contrast: str
    direction: str
    p_value: Number
    p_adj: Number
    p_value_mixed: Number
    n_measured: int
    n_members: int
    n_pairs: int
    leading: str


class Enrichment(TypedDict):
    """Tests of the signatures."""

    method: str
    rows: list[EnrichmentRow]
    n_not_tested: int
    notes: NotRequired[list[str]]


class ContrastCounts(TypedDict):
    """How many features one contrast tested, on how many pairs."""

    contrast: str
    n_tested: int
    n_not_tested: int
    n_pairs_min: Number
    n_pairs_max: Number
    n_significant: int


class TopRow(TypedDict):
    """One row of the result frame."""

    feature: str
    name: NotRequired[str]
    contrast: str
    estimate: Number
    ci_low: Number
    ci_high: Number
    p_value: Number
    p_adj: Number
    effect_size: Number
    n_pairs: int
    units: str
    status: str


class Differential(TypedDict):
    """Tests of single features."""

    method: str
    notes: NotRequired[list[str]]
    contrasts: list[ContrastCounts]
    top: list[TopRow]
    table: NotRequired[Table]


class Person(TypedDict):
    """One person's change."""

    subject_id: str
    pre: Number
    post: Number
    change: Number
    ci_low: Number
    ci_high: Number
    p_response: Number
    category: str


class Responders(TypedDict):
    """Individual response of one arm or dose."""

    label: str
    outcome: str
    unit: str
    threshold: Number
    typical_error: Number
    noise_source: str
    counts: dict[str, int]
    control_counts: NotRequired[dict[str, int] | None]
    sd_ir: dict[str, Number]
    sd_ir_method: NotRequired[str]
    proportion: NotRequired[Number]
    proportion_ci: NotRequired[list[Number]]
    smallest_sd_ir: Number
    ceiling: dict[str, Number] | None
    verdict: str
    verdict_reason: str
    level: NotRequired[float]
    people: list[Person]
    notes: NotRequired[list[str]]


class Metric(TypedDict):
    """One metric of a cross-validated model."""

    metric: str
    block: str
    model: str
    estimate: Number
    ci_low: Number
    ci_high: Number


class Prediction(TypedDict):
    """One evaluated prediction, or association where features were drawn after training."""

    label: str
    kind: Literal["prediction", "association"]
    n_people: int
    n_features: int
    metrics: list[Metric]
    permutation_p: Number
    increment_p: Number
    ceiling: Number
    control: NotRequired[dict[str, Any] | None]
    stability: NotRequired[dict[str, Any] | None]
    sample_size: NotRequired[dict[str, Any] | None]
    signatures: NotRequired[dict[str, Any] | None]
    increment: NotRequired[list[dict[str, Any]]]
    p_values: NotRequired[list[dict[str, Any]]]
    conformal: NotRequired[list[dict[str, Any]]]
    importance: NotRequired[list[dict[str, Any]]]
    learning_curve: NotRequired[list[dict[str, Any]]]
    sites: NotRequired[list[dict[str, Any]]]
    model: NotRequired[dict[str, Any] | None]
    verdict: str
    notes: NotRequired[list[str]]


class Figure(TypedDict):
    """A picture on disk; a relative path starts at the folder of the report.

    ``contrast`` marks a volcano: on screen the one that can be searched takes its place.
    """

    section: Literal["qc", "scores", "differential", "responders", "prediction"]
    path: str
    caption: str
    alt: str
    contrast: NotRequired[str]


class FailedCohort(TypedDict):
    """A cohort that could not be analysed."""

    name: str
    title: NotRequired[str]
    status: Literal["failed"]
    error: str


class DoneCohort(TypedDict):
    """A cohort that was analysed."""

    name: str
    title: NotRequired[str]
    description: NotRequired[str]
    status: Literal["done"]
    platform: str
    modality: str
    units: str
    species: str
    matrix: str
    baseline: str
    n_samples: int
    n_people: int
    n_features: int
    n_pairs_max: int
    pairs: list[Pairs]
    dropped: list[Dropped]
    findings: list[Finding]
    qc: NotRequired[Quality | None]
    scores: NotRequired[Scores | None]
    enrichment: NotRequired[Enrichment | None]
    differential: NotRequired[Differential | None]
    responders: NotRequired[list[Responders]]
    prediction: NotRequired[list[Prediction]]
    figures: NotRequired[list[Figure]]
    methods: NotRequired[list[str]]
    references: NotRequired[list[str]]


class Summary(TypedDict):
    """What `render` takes."""

    title: str
    package_version: str
    seed: int
    config_path: str
    versions: dict[str, str]
    duration_seconds: float
    cohorts: list[DoneCohort | FailedCohort]
    meta: NotRequired[list[Meta] | None]
    inputs: NotRequired[dict[str, dict[str, str]] | None]  # cohort: {file: sha256}


def validate(summary: Mapping[str, Any]) -> None:
    """Raise `InputError` where a summary does not hold what the report needs.

    Parameters
    ----------
    summary
        Dict of the form of `Summary`. Further keys are allowed.

    Raises
    ------
    InputError
        Naming the first places that do not fit, such as ``cohorts.0.n_people``.
    """
    try:
        _check(dict(summary))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise _refused(problems) from None


def _check(summary: dict[str, Any]) -> None:
    """Check cohort by cohort, so that a message speaks of the kind of cohort it is."""
    outer = {**summary, "cohorts": []} if isinstance(summary.get("cohorts"), list) else summary
    TypeAdapter(Summary).validate_python(outer)
    kinds: dict[str, TypeAdapter[Any]] = {
        "done": TypeAdapter(DoneCohort),
        "failed": TypeAdapter(FailedCohort),
    }
    problems: list[Any] = []
    for number, cohort in enumerate(summary["cohorts"]):
        status = cohort.get("status") if isinstance(cohort, Mapping) else None
        try:
            kinds.get(str(status), kinds["done"]).validate_python(cohort)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                problems.append({**problem, "loc": ("cohorts", number, *problem["loc"])})
        else:
            table = (cohort.get("differential") or {}).get("table")
            wrong = unfit(table) if table is not None else None
            if wrong is not None:
                place = ("cohorts", number, "differential", "table", wrong[0])
                problems.append({"loc": place, "msg": wrong[1]})
    if problems:
        raise _refused(problems)


def _refused(problems: list[Any]) -> InputError:
    places = [".".join(str(p) for p in problem["loc"]) for problem in problems]
    first = problems[0]["msg"]
    return InputError(
        f"The summary does not fit at {shown(dict.fromkeys(places))}: {first.lower()}",
        where="summary of the run",
        fix="See exerkine_omics.report.Summary for its form.",
    )
