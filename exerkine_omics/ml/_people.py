"""From AnnData or MuData to one row a person, joined by subject id and sorted by it."""

from __future__ import annotations

import numbers as numbers_abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from exerkine_omics import schema
from exerkine_omics.cohort import baseline, meta, require_columns, require_log
from exerkine_omics.errors import InputError, UsageError, shown


@dataclass(frozen=True)
class Panel:
    """One platform of the people's features.

    ``columns`` are its places in ``features``, in the order of the rows of ``var``; ``known`` is
    what ``uns["exerkine"]`` says of it. ``prefix`` stands before its features' names.
    """

    var: pd.DataFrame
    columns: np.ndarray
    known: Mapping[str, Any]
    prefix: str = ""


@dataclass(frozen=True)
class People:
    """One row a person, sorted by subject id; features sorted by name.

    ``x`` (people x features, NaN where not measured), ``obs`` (sample sheet, index subject id),
    ``groups`` (people), ``at`` (``baseline``, ``delta`` or ``unknown``: when x was drawn),
    ``panels`` (one a platform).
    """

    subjects: np.ndarray
    x: np.ndarray
    features: np.ndarray
    obs: pd.DataFrame
    groups: np.ndarray
    at: str
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    panels: tuple[Panel, ...] = ()

    def take(self, rows: np.ndarray) -> People:
        """Take these people only."""
        return replace(
            self,
            subjects=self.subjects[rows],
            x=self.x[rows],
            obs=self.obs.iloc[rows],
            groups=self.groups[rows],
        )

    @property
    def sources(self) -> dict[str, np.ndarray]:
        """Columns of x of each platform, by the name that stands before its features."""
        if len(self.panels) < 2:
            return {}
        return {p.prefix.removesuffix(":"): np.sort(p.columns) for p in self.panels}


def read_people(
    data: Any,
    groups: str,
    *,
    union: bool = False,
    unmeasured: bool = False,
    caller: str = "exo.ml.evaluate",
) -> People:
    """One row a person from AnnData, or from each modality of MuData.

    People in all modalities; with ``union`` those in any, and what is not measured is NaN. Who has
    no value at all is left out and counted, unless ``unmeasured``. Errors of the scale name the
    ``caller``.
    """
    if isinstance(data, AnnData):
        return _one_platform(data, groups, caller, unmeasured)
    if not isinstance(getattr(data, "mod", None), Mapping):  # a frame has a method of that name
        raise InputError(
            f"data is a {type(data).__name__}", fix="Give an AnnData, or a MuData of several."
        )
    parts = {
        name: _one_platform(adata, groups, caller, unmeasured)
        for name, adata in sorted(data.mod.items())
    }
    if not parts:
        raise InputError("The MuData holds no modality", where="data.mod")
    first = next(iter(parts.values()))
    everyone = set().union(*(set(part.subjects) for part in parts.values()))
    common = everyone
    if not union:
        common = set(first.subjects).intersection(*(set(p.subjects) for p in parts.values()))
    keep = np.array(sorted(common), dtype=object)
    taken = {name: _at(part, keep) for name, part in parts.items()}
    features = np.concatenate([[f"{n}:{f}" for f in p.features] for n, p in taken.items()])
    order = np.argsort(features, kind="stable")
    lead = next(iter(taken.values()))
    group = lead.groups.copy()
    for name, part in taken.items():
        group = np.where(group == "", part.groups, group)
        if ((part.groups != group) & (part.groups != "")).any():
            raise InputError(
                f"obs[{groups!r}] differs between modalities", where=f"data.mod[{name!r}]"
            )
    obs = lead.obs
    for part in taken.values():
        obs = obs.join(part.obs[part.obs.columns.difference(obs.columns, sort=False)])
        obs = obs.astype(object).where(obs.notna(), part.obs) if union else obs
    obs = obs.infer_objects() if union else obs
    times = {part.at for part in taken.values()}
    counts = dict(lead.counts)
    counts["not_in_every_modality"] = len(everyone) - len(keep)
    place = np.argsort(order)
    starts = np.cumsum([0, *(len(p.features) for p in taken.values())])
    panels = tuple(
        replace(p, columns=place[start + p.columns], prefix=f"{name}:")
        for (name, part), start in zip(taken.items(), starts[:-1], strict=True)
        for p in part.panels
    )
    return People(
        subjects=keep,
        x=np.hstack([part.x for part in taken.values()])[:, order],
        features=features[order],
        obs=obs,
        groups=group,
        at=times.pop() if len(times) == 1 else "unknown",
        notes=[f"{name}: {note}" for name, part in taken.items() for note in part.notes],
        counts=counts,
        panels=panels,
    )


def _at(part: People, keep: np.ndarray) -> People:
    """Take these people, in this order; who is not there has no values."""
    place = pd.Index(part.subjects).get_indexer(pd.Index(keep))
    there = place >= 0
    found = part.take(np.where(there, place, 0))
    if there.all():
        return found
    return replace(
        found,
        subjects=keep,
        x=np.where(there[:, None], found.x, np.nan),
        obs=part.obs.reindex(keep),
        groups=np.where(there, found.groups, ""),
    )


def _one_platform(adata: AnnData, groups: str, caller: str, unmeasured: bool) -> People:
    require_log(adata, caller)
    require_columns(adata, schema.SUBJECT, groups)
    twice = adata.var_names[adata.var_names.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"Features {shown(twice)} stand more than once",
            where="var_names",
            fix="Make them unique: adata.var_names_make_unique().",
        )
    obs = adata.obs
    for column in dict.fromkeys((schema.SUBJECT, groups)):
        missing = obs.index[obs[column].isna()]
        if len(missing):
            raise InputError(f"Samples {shown(missing)} have no value", where=f"obs[{column!r}]")
    rows, at, notes = _rows(adata)
    x = adata.X[rows] if len(rows) < adata.n_obs else adata.X
    matrix = np.asarray(x.todense() if hasattr(x, "todense") else x, dtype=float)
    if np.isinf(matrix).any():
        raise InputError(
            f"X is infinite in {int(np.isinf(matrix).sum())} cells",
            fix="Set them to NaN, or find the zeros of which a logarithm was taken.",
        )
    people = obs[schema.SUBJECT].astype(str).to_numpy(dtype=object)[rows]
    repeated = pd.Index(people)[pd.Index(people).duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"{shown(repeated)} have more than one {at if at != 'unknown' else ''} sample".replace(
                "  ", " "
            ),
            where=f"obs[{schema.SUBJECT!r}]",
            fix="Keep one sample a person; exo.pp.check(adata) lists all of them.",
        )
    empty = ~np.isfinite(matrix).any(axis=1) & (not unmeasured)
    order = np.argsort(people.astype(str), kind="stable")
    order = order[~empty[order]]
    columns = np.argsort(adata.var_names.to_numpy(dtype=str), kind="stable")
    sheet = obs.iloc[rows[order]].copy()
    sheet.index = pd.Index(people[order], name=None)
    return People(
        subjects=people[order],
        x=np.ascontiguousarray(matrix[np.ix_(order, columns)]),
        features=adata.var_names.to_numpy(dtype=str)[columns],
        obs=sheet,
        groups=sheet[groups].astype(str).to_numpy(dtype=str),
        at=at,
        notes=notes,
        counts={"without_values": int(empty.sum())},
        panels=(Panel(adata.var.iloc[columns], np.arange(len(columns)), dict(meta(adata))),),
    )


def _rows(adata: AnnData) -> tuple[np.ndarray, str, list[str]]:
    """Rows to use: all of a Delta AnnData, else the baseline samples where there are others."""
    everything = np.arange(adata.n_obs)
    if schema.DELTA in adata.layers:
        return everything, "delta", []
    if schema.TIMEPOINT not in adata.obs:
        return everything, "unknown", []
    times = adata.obs[schema.TIMEPOINT].astype(str).to_numpy()
    known = str(meta(adata).get(schema.BASELINE, ""))
    if len(set(times)) == 1:
        return everything, "baseline" if times[0] == known else "unknown", []
    level = baseline(adata)
    rows = np.flatnonzero(times == level)
    note = (
        f"Of {adata.n_obs} samples at {len(set(times))} time points the {len(rows)} of the "
        f"baseline {level!r} are used."
    )
    return rows, "baseline", [note]


@dataclass(frozen=True)
class ClinicalColumn:
    """A clinical column as a number: the column itself, or whether it holds ``level``.

    ``known`` are the levels of training; another one is missing, not the first.
    """

    name: str
    level: str | None = None
    known: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name that says the level, too."""
        return self.name if self.level is None else f"{self.name}[{self.level}]"

    def read(self, values: pd.Series) -> np.ndarray:
        """Numbers of people (n,), NaN where missing."""
        if self.level is None:
            found = pd.to_numeric(values, errors="coerce")
            return found.to_numpy(dtype=float, na_value=np.nan)
        text = values.astype("string")
        found = (text == self.level).to_numpy(dtype=float, na_value=np.nan)
        there = text.isin(list(self.known)).to_numpy(dtype=bool, na_value=False)
        return np.where(there, found, np.nan)


def clinical_matrix(
    people: People, clinical: str | Sequence[str] | None, outcomes: pd.DataFrame, before: str | None
) -> tuple[np.ndarray, list[ClinicalColumn], list[str]]:
    """Clinical columns as numbers (text one-hot, less its first level), what they are, notes.

    ``auto``: age, sex and bmi as found in obs or in the outcome table, and the outcome before
    training. Missing values: a number stays NaN (imputed inside the fold); missing text is no
    level at all.
    """
    sheet = people.obs.join(outcomes[outcomes.columns.difference(people.obs.columns)])
    if isinstance(clinical, str) and clinical == "auto":
        lowered = {str(c).lower(): str(c) for c in reversed(sheet.columns)}
        names = [lowered[name] for name in schema.CLINICAL if name in lowered]
        names += [before] if before is not None and before not in names else []
    else:
        names = [clinical] if isinstance(clinical, str) else list(clinical or ())
        unknown = [name for name in names if name not in sheet.columns]
        if unknown:
            raise UsageError(
                f"Clinical columns {shown(unknown)} are not in obs nor in the outcomes",
                where="clinical=",
                fix=f"There are {shown(sheet.columns)}.",
            )
    found, notes = [], []
    for name in names:
        values = sheet[name]
        # numbers and None make an object column
        numbers = pd.api.types.is_numeric_dtype(values) or all(
            isinstance(v, numbers_abc.Number) for v in values.dropna()
        )
        if numbers:
            found.append(ClinicalColumn(name))
        else:
            levels = tuple(str(v) for v in sorted(values.astype("string").dropna().unique()))
            found += [ClinicalColumn(name, level, levels) for level in levels[1:]]
        if values.isna().all():
            notes.append(f"Clinical column {name!r} is empty for everyone and says nothing.")
    columns = [(c, c.read(sheet[c.name])) for c in found]
    usable = [(c, v) for c, v in columns if len(np.unique(v[~np.isnan(v)])) > 1]
    matrix = np.column_stack([v for _, v in usable]) if usable else np.empty((len(sheet), 0))
    return matrix, [c for c, _ in usable], notes
