"""The part of the summary that holds whole result frames, and what stands across cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired

# pydantic refuses typing.TypedDict before Python 3.12
from typing_extensions import TypedDict

from exerkine_omics.report._summary_qc import Number

NEEDED = ("feature", "contrast", "estimate", "ci_low", "ci_high", "p_value", "p_adj", "status")


class Table(TypedDict):
    """A result frame by columns, all of one length; ``columns`` gives their order.

    Those in `NEEDED` must be there; ``name``, ``n_pairs`` and ``units`` are shown where they are.
    """

    columns: list[str]
    data: dict[str, list[Any]]


class MetaRow(TypedDict):
    """One feature and contrast over cohorts."""

    feature: str
    name: NotRequired[str]
    contrast: str
    estimate: Number
    ci_low: Number
    ci_high: Number
    p_value: Number
    p_adj: Number
    tau2: Number
    i2: Number
    pi_low: Number
    pi_high: Number
    n_cohorts: int
    units: NotRequired[str]
    status: str


class MetaFigure(TypedDict):
    """A picture on disk; a relative path starts at the folder of the report."""

    section: NotRequired[str]
    path: str
    caption: str
    alt: str


class Meta(TypedDict):
    """One random-effects meta-analysis over cohorts of the run; the rows are all it tested."""

    title: str
    name: str
    method: str
    cohorts: list[str]
    n_features: int
    rows: list[MetaRow]
    notes: NotRequired[list[str]]
    figures: NotRequired[list[MetaFigure]]


def unfit(table: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name the place where a `Table` does not hold together, and why; None where it does."""
    columns, data = table["columns"], table["data"]
    for name in (*NEEDED, *columns):
        if name not in columns:
            return f"columns.{name}", "a column is missing"
        if name not in data:
            return f"data.{name}", "a column is missing"
        if len(data[name]) != len(data["feature"]):
            return f"data.{name}", "the columns differ in length"
    return None
