"""Run all cohorts of a config: stages, files, report; go on where an earlier run stopped."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from exerkine_omics import __version__, parallel, report
from exerkine_omics.cohort import plain, write_text
from exerkine_omics.errors import AnalysisError, CohortsFailedError, InputError, UsageError
from exerkine_omics.settings import settings
from exerkine_omics.workflow import _meta, _predict, _text
from exerkine_omics.workflow._cohort import Job, Outcome, disk_errors, run_cohort
from exerkine_omics.workflow._config import RunConfig, load_config
from exerkine_omics.workflow._events import Event, Log, following, tell
from exerkine_omics.workflow._files import (
    HEAD,
    STATUS,
    earlier_run,
    link_or_copy,
    staging,
    write_json,
)
from exerkine_omics.workflow._keys import STAGES, Digests, stage_keys
from exerkine_omics.workflow._store import Store

_ALL = (*STAGES, _meta.META)
SUMMARY = "summary.json"


@dataclass(frozen=True)
class _Plan:
    """What is to be done: a job a cohort, the analyses over cohorts, the files that are read."""

    jobs: list[Job]
    meta: list[_meta.MetaJob]
    inputs: dict[str, dict[str, str]]


def run_config(path: str | Path, out: str | Path, **options: Any) -> Path:
    """Run a config file; see `run` for the options."""
    return run(load_config(path), out, config_path=str(path), **options)


def count_stages(config: RunConfig) -> int:
    """Count the steps of a run, for a bar."""
    keys = [stage_keys(cohort, 0, Digests(names_only=True)) for cohort in config.cohorts]
    return sum(len(own) for own in keys) + len(config.meta)


def write_report(out: str | Path) -> Path:
    """Write the report of a folder of results again, from its summary.json.

    Raises
    ------
    InputError
        If there is no summary, or it is not one of this version.
    """
    path = Path(out) / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"There is no {SUMMARY}", where=str(out), fix="Name the folder of a finished run."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"Not readable: {error}", where=str(path)) from error
    try:
        return report.render(summary, Path(out) / "report.html")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"The summary does not fit: {type(error).__name__}: {error}",
            where=str(path),
            fix="The run writes it again with --resume.",
        ) from error


def plan_config(
    path: str | Path,
    out: str | Path,
    *,
    seed: int | None = None,
    resume: bool = False,
    start: str | None = None,
) -> pd.DataFrame:
    """Say what a run would do, and why, without writing anything.

    Parameters
    ----------
    path
        A YAML file.
    out, seed, resume, start
        As in `run`.

    Returns
    -------
    DataFrame
        One row a stage: cohort, stage, action (run, keep), reason.
    """
    config, store = load_config(path), Store.of(Path(out))
    earlier_run(Path(out), _names(config))
    plan = _plan(config, store, _seed(config, seed), 1, resume=resume, start=start)
    rows = []
    planned: list[Job | _meta.MetaJob] = [*plan.jobs, *plan.meta]
    for job in planned:
        for stage, key in job.keys.items():
            found, why = store.find(job.name, stage, key)
            keep = found is not None and stage in job.keep
            if not keep and found is not None:
                why = f"from {start} on" if start else "asked for without --resume"
            rows.append((job.name, stage, "keep" if keep else "run", "" if keep else why))
    return pd.DataFrame(rows, columns=["cohort", "stage", "action", "reason"])


def run(
    config: RunConfig,
    out: str | Path,
    *,
    config_path: str = "",
    seed: int | None = None,
    n_jobs: int | None = None,
    resume: bool = False,
    start: str | None = None,
    log: Log | None = None,
) -> Path:
    """Run every cohort and write the report.

    Every stage is kept in ``out/.exerkine`` when it is done. A run that was killed leaves the
    results of the run before it, or those of its own, in ``out``; with ``resume`` it goes on.

    Parameters
    ----------
    config
        A checked config.
    out
        Folder of the results; what it held under the same names is replaced at the end.
    config_path
        Where the config came from, for the provenance.
    seed
        Seed of all random numbers: this, else the config's, else ``settings.seed``.
    n_jobs
        Processes: several cohorts are run side by side, a single one is cut into parts. With
        ``settings.scheduler`` both are done by its workers, which must see ``out`` and the input.
    resume
        Keep every stage that is done with equal config, input and versions.
    start
        Keep those before this stage, and do it and all after it again: check, score, enrich,
        differential, responders, predict, meta.
    log
        Called with one `Event` a step.

    Returns
    -------
    Path
        ``out/report.html``.

    Raises
    ------
    ExerkineError
        The error of the only cohort; what was in ``out`` stays.
    CohortsFailedError
        If some of several cohorts failed; the report and status.tsv say which.
    AnalysisError
        If no prediction, or one of the meta-analyses, is possible; all else is written.
    InputError
        If ``out`` is not of an earlier run, another run works there, or nothing can be written.
    """
    started = time.monotonic()
    out = Path(out)
    number, jobs = _seed(config, seed), settings.n_jobs if n_jobs is None else n_jobs
    if jobs == 0:
        raise UsageError("n_jobs=0 is no number of processes", fix="Give 1 or more; -1: all cores.")
    names, store = _names(config), Store.of(out.resolve())  # workers have other folders
    earlier_run(out, names)
    with settings.override(seed=number, n_jobs=jobs), store.locked() as store, disk_errors(out):
        plan = _plan(config, store, number, jobs, resume=resume, start=start)
        with following([store.events(name) for name in (*names, "")], log):
            outcomes = _run_jobs(plan.jobs)
            if len(outcomes) == 1 and outcomes[0].error is not None:
                raise outcomes[0].error
            pooled = [_meta.pool(job, outcomes) for job in plan.meta]
            tell(store.events(""), Event("", "report", "started"))
            with staging(out, names) as folder:
                _publish(store, plan, outcomes, pooled, folder)
                summary = {
                    "title": config.title,
                    "package_version": __version__,
                    "seed": number,
                    "config_path": config_path,
                    "versions": {"python": platform.python_version(), **_text.versions()},
                    "duration_seconds": time.monotonic() - started,
                    "cohorts": [o.summary for o in outcomes],
                    "meta": [p.summary for p in pooled],
                    "inputs": plan.inputs,
                }
                rows = [(o.summary["name"], *row) for o in outcomes for row in o.status]
                rows += [(_meta.META, p.stage, p.status, p.message) for p in pooled]
                _write_run(folder, out, config, summary, plan, rows)
    failed = [o.summary["error"] for o in outcomes if o.error is not None]
    if failed:
        raise CohortsFailedError(
            f"{len(failed)} of {len(config.cohorts)} cohorts failed; the first: {failed[0]}",
            where=str(out / STATUS),
        )
    for part in pooled:
        if part.error is not None:
            raise AnalysisError(
                f"Meta-analysis {part.stage} is not possible: {part.message}",
                fix=f"All else stands in {out / 'report.html'}.",
            ) from part.error
    asked = [p for o in outcomes for p in o.summary.get("prediction", ())]
    if asked and all(p["verdict"].startswith(_predict.NOT_POSSIBLE) for p in asked):
        raise AnalysisError(
            f"Prediction is {asked[0]['verdict']}",
            fix=f"All else stands in {out / 'report.html'}.",
        )
    return out / "report.html"


def _seed(config: RunConfig, seed: int | None) -> int:
    return next(s for s in (seed, config.seed, settings.seed) if s is not None)


def _names(config: RunConfig) -> list[str]:
    """Folders that the run writes."""
    return [c.name for c in config.cohorts] + ([_meta.META] if config.meta else [])


def _plan(
    config: RunConfig, store: Store, seed: int, n_jobs: int, *, resume: bool, start: str | None
) -> _Plan:
    if start is not None and start not in _ALL:
        raise UsageError(f"There is no stage {start!r}", fix=f"Known: {', '.join(_ALL)}.")
    keep = frozenset(_ALL[: _ALL.index(start)] if start else _ALL if resume else ())
    digests, jobs, inputs = Digests(), [], {}
    # several cohorts are run side by side, each by one process; a cluster parts them further
    inner = n_jobs if len(config.cohorts) == 1 else 1
    for cohort in config.cohorts:
        keys = stage_keys(cohort, seed, digests)
        jobs.append(Job(cohort, keys, store, seed, inner, keep, len(config.cohorts) == 1))
        inputs[cohort.name] = digests.used
    tests = {job.name: job.keys for job in jobs}
    meta = [_meta.MetaJob.of(section, tests, store, keep) for section in config.meta]
    return _Plan(jobs, meta, inputs)


def _run_jobs(jobs: Sequence[Job]) -> list[Outcome]:
    """Run the cohorts, those that take longest first; in the order of the config come back."""
    order = sorted(range(len(jobs)), key=lambda k: jobs[k].config.prediction is None)
    done = parallel.run(run_cohort, [(jobs[k],) for k in order])
    return [done[order.index(k)] for k in range(len(jobs))]


def _publish(
    store: Store,
    plan: _Plan,
    outcomes: Sequence[Outcome],
    pooled: Sequence[_meta.Pooled],
    folder: Path,
) -> None:
    """Put the files of what was done where the results are."""
    done = [(job.name, stage) for job, o in zip(plan.jobs, outcomes, strict=True)
            if o.error is None for stage in job.keys]  # fmt: skip
    done += [(_meta.META, p.stage) for p in pooled if p.status == "done"]
    for name, stage in done:
        for file in store.published(name, stage):
            place = folder / name / file
            place.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(store.folder(name, stage) / file, place)


def _write_run(
    folder: Path,
    out: Path,
    config: RunConfig,
    summary: dict[str, Any],
    plan: _Plan,
    rows: list[tuple[str, str, str, str]],
) -> None:
    summary = plain(summary)
    report.render(summary, folder / "report.html")
    write_json(folder / SUMMARY, summary)
    resolved = config.model_copy(update={"seed": summary["seed"]}).model_dump(mode="json")
    write_text(folder / "config.resolved.yaml", yaml.safe_dump(resolved, sort_keys=False))
    told = ("package_version", "seed", "config_path", "versions", "duration_seconds", "inputs")
    provenance = {key: summary[key] for key in told}
    provenance |= {
        "system": platform.platform(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "keys": {job.name: job.keys for job in plan.jobs},
    }
    write_json(folder / "provenance.json", provenance)
    rows = [*rows, ("", "report", "done", str(out / "report.html"))]
    lines = [HEAD, *("\t".join(_one_line(row)) for row in rows)]
    write_text(folder / STATUS, "\n".join(lines) + "\n")


def _one_line(row: tuple[str, ...]) -> list[str]:
    return [" ".join(cell.split()) for cell in row]
