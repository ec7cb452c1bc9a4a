"""Pool the cohorts' tests: one meta-analysis a section of the config, kept as a stage is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pandas as pd

from exerkine_omics import io, pl, schema, tl
from exerkine_omics.errors import AnalysisError, DiskError, ExerkineWarning, InputError, shown
from exerkine_omics.workflow._cohort import Outcome, disk_errors, worded
from exerkine_omics.workflow._config_meta import MetaConfig
from exerkine_omics.workflow._events import Event, tell
from exerkine_omics.workflow._files import records, write_parquet
from exerkine_omics.workflow._keys import CHECK
from exerkine_omics.workflow._stages import CHECKED
from exerkine_omics.workflow._store import Store, Stored, Writing, key_of

META = "meta"
_TESTS = "differential"
_TOP, _FORESTS = 50, 3
_COLUMNS = (
    "feature", "contrast", "estimate", "ci_low", "ci_high", "p_value", "p_adj", "tau2", "i2",
    "pi_low", "pi_high", "n_cohorts", "status",
)  # fmt: skip


@dataclass(frozen=True)
class MetaJob:
    """One analysis; its key covers the tests of its cohorts."""

    section: MetaConfig
    cohorts: tuple[str, ...]
    tests: dict[str, str]
    store: Store
    keep: frozenset[str]
    name: str = META

    @classmethod
    def of(
        cls,
        section: MetaConfig,
        keys: Mapping[str, Mapping[str, str]],
        store: Store,
        keep: frozenset[str],
    ) -> MetaJob:
        """Resolve the cohorts: those named, else all with tests."""
        chosen = section.cohorts or [name for name, own in keys.items() if _TESTS in own]
        tests = {name: keys[name][_TESTS] + keys[name][CHECK] for name in chosen}
        stages = frozenset([section.name]) if META in keep else frozenset()
        return cls(section, tuple(chosen), tests, store, stages)

    @property
    def keys(self) -> dict[str, str]:
        """Key by stage, were all cohorts to succeed."""
        return {self.section.name: self.key(self.cohorts)}

    def key(self, there: Sequence[str]) -> str:
        """Return the key for the cohorts that are there."""
        tests = [(name, self.tests[name]) for name in there]  # their order is that of the figures
        return key_of(stage=META, section=self.section.model_dump(), tests=tests)


@dataclass(frozen=True)
class Pooled:
    """What became of an analysis: its part of the summary, of status.tsv, and if it has files."""

    summary: dict[str, Any]
    stage: str
    status: str = "done"
    message: str = ""
    error: Exception | None = None


def pool(job: MetaJob, outcomes: Sequence[Outcome]) -> Pooled:
    """Pool the cohorts that did not fail; an analysis that cannot be is told with its reason."""
    stage, store = job.section.name, job.store
    good = {o.summary["name"]: o.summary for o in outcomes if o.error is None}
    there = [name for name in job.cohorts if name in good]
    lost = [name for name in job.cohorts if name not in good]
    key = job.key(there)
    stored, _ = store.find(META, stage, key) if stage in job.keep else (None, "")
    if stored is not None:
        tell(store.events(""), Event(META, stage, "kept", stored.seconds))
        return Pooled(stored.result, stage, message="from an earlier run")
    tell(store.events(""), Event(META, stage, "started"))
    try:
        with disk_errors(store.root.parent), store.writing(META, stage, key) as made:
            made.result = _pool(job, {name: good[name] for name in there}, lost, made)
    except Exception as error:  # a bug here must not cost the cohorts' results
        if isinstance(error, DiskError):
            raise
        told = worded(error)
        tell(store.events(""), Event(META, stage, "failed", message=told))
        empty = _summary(job, there, None, [f"Not possible: {told}"])
        return Pooled(empty, stage, "impossible", told, error)
    result = cast(Stored, made.stored).result
    tell(store.events(""), Event(META, stage, "done", cast(Stored, made.stored).seconds))
    return Pooled(result, stage)


def _pool(
    job: MetaJob, there: Mapping[str, Mapping[str, Any]], lost: Sequence[str], made: Writing
) -> dict[str, Any]:
    section = job.section
    if len(there) < 2:
        raise AnalysisError(f"{shown(lost)} failed, and one cohort alone is no meta-analysis")
    read = {n: pd.read_parquet(job.store.folder(n, _TESTS) / f"{_TESTS}.parquet") for n in there}
    frames = {n: _renamed(frame, n, section) for n, frame in read.items()}
    column = section.features
    features = {n: _ids(job, n, column) for n in there} if column is not None else None
    platforms = {n: str(s[schema.PLATFORM]) for n, s in there.items()}
    known = platforms if schema.UNKNOWN not in platforms.values() else None
    options = section.model_dump(exclude={"name", "title", "cohorts", "contrasts", "features"})
    with warnings.catch_warnings(record=True, action="always") as told:
        frame = tl.meta(frames, features=features, platforms=known, **options)
    write_parquet(made.folder / f"{section.name}.parquet", frame)
    notes = [str(w.message) for w in told if issubclass(w.category, ExerkineWarning)]
    if lost:
        notes.append(f"{shown(lost)} failed and does not enter.")
    good = frame[frame["status"] == schema.OK].sort_values("p_value", kind="stable")
    for number, row in enumerate(good.head(_FORESTS).itertuples(), start=1):
        words = f"{row.feature}, {row.contrast}"
        made.figures.add(
            META,
            f"{section.name}_{number}",
            partial(
                pl.meta_forest, frames, frame, str(row.feature), str(row.contrast),
                features=features,
            ),
            caption=f"{words}: each cohort's estimate and what was pooled of them.",
            alt=f"Forest plot of {words}",
        )  # fmt: skip
    return _summary(job, list(there), frame, notes, made.figures.records)


def _renamed(frame: pd.DataFrame, cohort: str, section: MetaConfig) -> pd.DataFrame:
    """Give the cohort's contrasts their common names, where the config has some."""
    if section.contrasts is None:
        return frame
    common = {own[cohort]: name for name, own in section.contrasts.items() if cohort in own}
    text = frame["contrast"].astype(str)
    absent = sorted(set(common) - set(text))
    if absent:
        raise InputError(
            f"{cohort} has no contrast {shown(absent)}; it has {shown(text.unique())}",
            where=f"config, meta {section.name}, contrasts",
        )
    kept = frame[text.isin(list(common))].reset_index(drop=True)
    names = pd.Categorical(kept["contrast"].astype(str).map(common))
    return kept.assign(contrast=names, family=names)


def _ids(job: MetaJob, cohort: str, column: str) -> pd.Series:
    var = io.read(job.store.folder(cohort, CHECK) / CHECKED, backed=True).var
    if column not in var:
        raise InputError(
            f"The features of {cohort} have no {column!r}; they have {shown(var.columns)}",
            where="config, meta, features",
        )
    return var[column]


def _summary(
    job: MetaJob,
    there: Sequence[str],
    frame: pd.DataFrame | None,
    notes: list[str],
    figures: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    if frame is not None:
        ranked = frame.sort_values("p_value", kind="stable", na_position="last")
        tops = [
            part.head(_TOP) for _, part in ranked.groupby("contrast", observed=True, sort=False)
        ]
        rows = records(pd.concat(tops)[list(_COLUMNS)]) if tops else []
    return {
        "name": job.section.name,
        "title": job.section.title or job.section.name,
        "method": job.section.method,
        "cohorts": list(there),
        "n_features": 0 if frame is None else int(frame["feature"].nunique()),
        "rows": rows,
        "notes": notes,
        "figures": figures or [],
    }
