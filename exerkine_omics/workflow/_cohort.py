"""Run the stages of one cohort, in this process or in a worker's; what is done already is kept."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import EACCES, EDQUOT, EFBIG, EIO, ENOSPC, EROFS
from functools import partial
from pathlib import Path
from typing import Any, cast

import pandas as pd
from anndata import AnnData

from exerkine_omics import io
from exerkine_omics.errors import ConfigError, DiskError, ExerkineError, UsageError
from exerkine_omics.settings import settings
from exerkine_omics.workflow import _predict, _response, _stages, _text
from exerkine_omics.workflow._config import CohortConfig
from exerkine_omics.workflow._events import Event, tell
from exerkine_omics.workflow._files import write_parquet
from exerkine_omics.workflow._inputs import Cohort, load_cohort
from exerkine_omics.workflow._keys import CHECK, STAGES
from exerkine_omics.workflow._store import Store, Stored, Writing

_OUTCOMES = "_outcomes.parquet"
_FULL, _GONE = (ENOSPC, EDQUOT, EFBIG, EROFS), (EIO, EACCES)
_CALLS: dict[str, tuple[str, Callable[..., Any]]] = {
    # stage: its place in the summary, its call
    "score": ("scores", _stages.score),
    "enrich": ("enrichment", _stages.enrich),
    "differential": ("differential", _stages.differential),
    "responders": ("responders", _response.responders),
    "predict": ("prediction", _predict.predict),
}
_LISTS = ("responders", "prediction")


@dataclass(frozen=True)
class Job:
    """All that a process needs to run one cohort.

    ``keep`` are stages to take as they are; ``alone`` says that there are no other cohorts.
    """

    config: CohortConfig
    keys: dict[str, str]
    store: Store
    seed: int
    n_jobs: int
    keep: frozenset[str] = frozenset()
    alone: bool = True

    @property
    def name(self) -> str:
        """Name of the cohort."""
        return self.config.name


@dataclass(frozen=True)
class Outcome:
    """What became of a cohort: its part of the summary, or its error."""

    summary: dict[str, Any]
    status: list[tuple[str, str, str]] = field(default_factory=list)
    error: Exception | None = None


def run_cohort(job: Job) -> Outcome:
    """Run what is not done yet; an error is returned, so that the other cohorts go on.

    Raises
    ------
    DiskError
        Where nothing can be written any more.
    """
    name = job.config.name
    status: list[tuple[str, str, str]] = []
    with settings.override(seed=job.seed, n_jobs=job.n_jobs):
        try:
            with disk_errors(job.store.root.parent):
                return Outcome(_Run(job, status).whole(), status)
        except Exception as error:  # one cohort's bug must not cost the others' results
            if isinstance(error, DiskError):
                raise
            told = worded(error)
            tell(job.store.events(name), Event(name, "run", "failed", message=told))
            status.append(("run", "failed", told))
            title = job.config.title or name
            summary = {"name": name, "title": title, "status": "failed", "error": told}
            # an error of another library may not survive the way home from a worker
            home = isinstance(error, ExerkineError) or job.alone
            return Outcome(summary, status, error if home else RuntimeError(told))


def worded(error: Exception) -> str:
    """Word an error, and say of one that is not the user's that it is a bug."""
    text = str(error)
    if isinstance(error, ExerkineError):
        return text
    return f"bug of exerkine_omics: {type(error).__name__}: {text}"


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn a disk that is full, gone or read-only into one clear error."""
    try:
        yield
    except Exception as error:
        cause = _disk_error(error)
        if cause is None or isinstance(error, DiskError):
            raise
        raise DiskError(
            f"Cannot write: {cause}", where=str(out),
            fix="Make room; the same command with --resume goes on from here.",
        ) from error  # fmt: skip


def _disk_error(error: BaseException) -> str | None:
    """Find what the disk said behind an error, whoever wrapped it; None where it said nothing."""
    # that a file may not be read is that cohort's error, that none can be written is all cohorts'
    codes = _FULL if isinstance(error, ExerkineError) else (*_FULL, *_GONE)
    words = {os.strerror(code).lower(): os.strerror(code) for code in codes}
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError):  # HDF5 and Arrow put the number into their text only
            found = (w for low, w in words.items() if low in str(seen).lower())
            told = os.strerror(seen.errno or 0) if seen.errno in codes else next(found, None)
            if told is not None:
                return told
        seen = seen.__cause__ or seen.__context__
    return None


class _Run:
    """The stages of one cohort, one after the other."""

    def __init__(self, job: Job, status: list[tuple[str, str, str]]) -> None:
        self.job, self.status = job, status
        self.name = job.config.name
        self.read: tuple[AnnData, pd.DataFrame | None] | None = None
        self.figures: list[dict[str, Any]] = []

    def whole(self) -> dict[str, Any]:
        config = self.job.config
        first = self.stage(CHECK, self.check)
        summary: dict[str, Any] = {
            "status": "done",
            "name": self.name,
            "title": config.title or self.name,
            "description": config.description,
            **first.result,
        }
        for name in STAGES[1:]:
            part, call = _CALLS[name]
            if name not in self.job.keys:
                self.status.append((name, "not asked for", ""))
                summary[part] = [] if part in _LISTS else None
                continue
            summary[part] = self.stage(name, partial(self.later, call)).result
        for part in summary["prediction"]:
            if part["verdict"].startswith(_predict.NOT_POSSIBLE):
                told = (f"predict {part['label']}", "impossible", part["verdict"])
                self.status.append(told)
        summary["figures"] = self.figures
        summary["methods"] = _text.methods(config, summary, self.job.seed)
        summary["references"] = _text.references(config, summary.pop("citation"))
        return summary

    def stage(self, name: str, call: Callable[[Writing], Any]) -> Stored:
        """Take the stage as it was left, or run it; either way its files are what is told."""
        store, key = self.job.store, self.job.keys[name]
        events = store.events(self.name)
        stored, _ = store.find(self.name, name, key) if name in self.job.keep else (None, "")
        if stored is not None:
            tell(events, Event(self.name, name, "kept", stored.seconds))
            self.status.append((name, "done", "from an earlier run"))
        else:
            tell(events, Event(self.name, name, "started"))
            with store.writing(self.name, name, key) as made:
                try:
                    made.result = {"result": call(made), "figures": made.figures.records}
                except UsageError as error:  # what a call gets wrong here, the config got wrong
                    place = f"config, cohort {self.name}, {name}"
                    raise ConfigError(str(error), where=place) from error
            stored = cast(Stored, made.stored)
            tell(events, Event(self.name, name, "done", stored.seconds))
            self.status.append((name, "done", ""))
        self.figures += stored.result["figures"]
        return Stored(stored.folder, stored.result["result"], stored.seconds)

    def check(self, made: Writing) -> dict[str, Any]:
        cohort = load_cohort(self.job.config, self.job.seed)
        if cohort.outcomes is not None:
            write_parquet(made.folder / _OUTCOMES, cohort.outcomes)
        result = _stages.describe(cohort, made.folder, made.figures)
        self.read = cohort.adata, cohort.outcomes
        return result

    def later(self, call: Callable[..., Any], made: Writing) -> Any:
        adata, outcomes = self.read or self.reread()
        self.read = adata, outcomes
        kept = self.job.store.checkpoint(self.name)
        cohort = Cohort(self.job.config, own(adata), outcomes, checkpoint=kept)
        return call(cohort, made.folder, made.figures)

    def reread(self) -> tuple[AnnData, pd.DataFrame | None]:
        folder = self.job.store.folder(self.name, CHECK)
        table = folder / _OUTCOMES
        return io.read(folder / _stages.CHECKED), pd.read_parquet(
            table
        ) if table.is_file() else None


def own(adata: AnnData) -> AnnData:
    """Share the values, own the frames: what a stage notes there, no other stage sees."""
    return AnnData(
        adata.X,
        obs=adata.obs.copy(),
        var=adata.var.copy(),
        uns=copy.deepcopy(dict(adata.uns)),
        obsm=dict(adata.obsm),
        varm=dict(adata.varm),
        layers=dict(adata.layers),
    )
