"""New people as a model needs them: the same platform and unit, features by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.errors import InputError, UnitsError, UsageError, shown, warn
from exerkine_omics.ml._people import ClinicalColumn, Panel, People, read_people

_SAME = (schema.PLATFORM, schema.MODALITY, schema.SPECIES)


@dataclass(frozen=True)
class PlatformNeed:
    """What a platform was in training; ``unknown`` where it was not said."""

    name: str
    units: str
    platform: str
    modality: str
    species: str
    matrix: str
    scaling: str = ""


@dataclass(frozen=True)
class NewPeople:
    """People and their columns as in training, clinical ones first (NaN where missing)."""

    subjects: np.ndarray
    table: np.ndarray


def read_new(
    new: object,
    clinical: pd.DataFrame | None,
    features: np.ndarray,
    platforms: Sequence[PlatformNeed],
    columns: Sequence[ClinicalColumn],
    at: str,
) -> NewPeople:
    """Check and align new people; features by id."""
    people = read_people(
        new, schema.SUBJECT, union=True, unmeasured=True, caller="ResponseModel.predict"
    )
    _tell_who_is_left_out(new, people)
    # the clinical block alone needs no platform
    if len(features):
        _check_platforms(people, platforms)
        if isinstance(new, AnnData) and len(platforms) > 1:
            raise InputError(
                f"The model was trained on {shown([p.name for p in platforms])}",
                fix="Give a MuData with these platforms.",
            )
        _check_time(people, at)
    place = pd.Index(people.features.astype(str)).get_indexer(pd.Index(features.astype(str)))
    if len(features) and (place < 0).all():
        raise InputError(
            f"None of the model's features is there: {shown(features)}",
            where="var_names",
            fix=f"The data has {shown(people.features)}.",
        )
    found = people.x[:, np.maximum(place, 0)] if len(features) else np.empty((len(people.x), 0))
    found = np.where(place >= 0, found, np.nan)
    sheet = people.obs if clinical is None else _by_subject(clinical, people.subjects)
    free = [_read(column, sheet) for column in columns]
    table = np.column_stack([*free, found]) if free else found
    return NewPeople(people.subjects, table)


def _tell_who_is_left_out(new: Any, people: People) -> None:
    parts = new.mod.values() if hasattr(new, "mod") else [new]
    everyone = set().union(*(set(part.obs[schema.SUBJECT].astype(str)) for part in parts))
    lost = sorted(everyone - set(people.subjects.astype(str)))
    if lost:
        warn(f"{shown(lost)} have no baseline sample and are not predicted")


def _check_platforms(people: People, platforms: Sequence[PlatformNeed]) -> None:
    there = {panel.prefix.removesuffix(":"): panel for panel in people.panels}
    for need in platforms:
        panel = there.get(need.name) if len(platforms) > 1 else people.panels[0]
        if panel is None:
            continue  # its features are missing, and counted
        where = f"data.mod[{need.name!r}]" if len(platforms) > 1 else "uns['exerkine']"
        _compare(panel, need, where)


def _compare(panel: Panel, need: PlatformNeed, where: str) -> None:
    own = {key: str(panel.known.get(key, schema.UNKNOWN)) for key in (*_SAME, schema.UNITS)}
    if own[schema.UNITS] != need.units:
        raise UnitsError(
            f"The model was trained on {need.units}, and this is {own[schema.UNITS]}",
            where=where,
            fix="Bring the data to the unit of training; other units are not comparable.",
        )
    for key, wanted in zip(_SAME, (need.platform, need.modality, need.species), strict=True):
        if schema.UNKNOWN in (own[key], wanted):
            if own[key] != wanted:
                warn(f"{key} is {own[key]!r} here and {wanted!r} in training: not compared")
        elif own[key] != wanted:
            raise InputError(
                f"The model was trained on {key} {wanted!r}, and this is {own[key]!r}",
                where=where,
                fix="Platforms and species disagree even where names agree: train on this one.",
            )
    matrix = str(panel.known.get(schema.MATRIX, schema.UNKNOWN))
    if matrix != need.matrix:
        warn(f"The model was trained on {need.matrix}, and this is {matrix}")
    scaling = str(panel.known.get(schema.SAMPLE_SCALING, ""))
    if scaling != need.scaling:
        warn(
            f"Samples were rescaled by {need.scaling or 'nothing'} in training and by "
            f"{scaling or 'nothing'} here"
        )


def _check_time(people: People, at: str) -> None:
    if people.at != at and schema.UNKNOWN not in (people.at, at):
        raise InputError(
            f"The model was trained on {_WORD[at]}, and this holds {_WORD[people.at]}",
            fix="Give samples of the same kind.",
        )


_WORD = {"baseline": "baseline samples", "delta": "changes"}


def _by_subject(clinical: pd.DataFrame, subjects: np.ndarray) -> pd.DataFrame:
    if not isinstance(clinical, pd.DataFrame):
        raise UsageError(f"clinical is a {type(clinical).__name__}", fix="Give a DataFrame.")
    table = clinical.set_index(schema.SUBJECT) if schema.SUBJECT in clinical else clinical
    table = table.set_axis(table.index.astype(str), axis=0)
    twice = table.index[table.index.duplicated()].unique()
    if len(twice):
        raise InputError(f"{shown(twice)} stand more than once", where="clinical=")
    if not table.index.isin(subjects.astype(str)).any():
        raise InputError(
            f"No person of the data is in clinical ({shown(table.index)})",
            where="clinical=",
            fix=f"It needs a column or index {schema.SUBJECT!r}.",
        )
    return table.reindex(subjects.astype(str))


def _read(column: ClinicalColumn, sheet: pd.DataFrame) -> np.ndarray:
    if column.name not in sheet:
        raise InputError(
            f"The clinical column {column.name!r} is not there",
            where="obs, or clinical=",
            fix=f"The model needs it; there are {shown(sheet.columns)}.",
        )
    values = sheet[column.name]
    if column.level is None and not pd.api.types.is_numeric_dtype(values):
        text = values.dropna()
        number = pd.to_numeric(text, errors="coerce")
        if number.isna().any():
            raise InputError(
                f"{column.name!r} holds text: {shown(text[number.isna()].unique())}",
                where="obs, or clinical=",
            )
    return column.read(values)
