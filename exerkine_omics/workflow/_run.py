"""Run all cohorts of a config: stages, files, report."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from exerkine_omics import __version__, report
from exerkine_omics.cohort import plain, write_text
from exerkine_omics.errors import (
    AnalysisError,
    CohortsFailedError,
    ConfigError,
    ExerkineError,
    UsageError,
)
from exerkine_omics.settings import settings
from exerkine_omics.workflow import _predict, _response, _stages, _text
from exerkine_omics.workflow._config import CohortConfig, RunConfig, load_config
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._files import STATUS, staging, write_json
from exerkine_omics.workflow._inputs import Cohort, load_cohort

Log = Callable[[str], object]


@dataclass
class _Status:
    """Rows of status.tsv."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, cohort: str, stage: str, status: str, message: str = "") -> None:
        self.rows.append((cohort, stage, status, " ".join(message.split())))

    def text(self) -> str:
        lines = ["cohort\tstage\tstatus\tmessage", *("\t".join(row) for row in self.rows)]
        return "\n".join(lines) + "\n"


def run_config(
    path: str | Path,
    out: str | Path,
    *,
    seed: int | None = None,
    n_jobs: int | None = None,
    log: Log | None = None,
) -> Path:
    """Run a config file; see `run`."""
    return run(load_config(path), out, config_path=str(path), seed=seed, n_jobs=n_jobs, log=log)


def run(
    config: RunConfig,
    out: str | Path,
    *,
    config_path: str = "",
    seed: int | None = None,
    n_jobs: int | None = None,
    log: Log | None = None,
) -> Path:
    """Run every cohort and write the report.

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
        Processes.
    log
        Called with one line a step.

    Returns
    -------
    Path
        ``out/report.html``.

    Raises
    ------
    ExerkineError
        The error of the only cohort, with nothing written.
    CohortsFailedError
        If some of several cohorts failed; the report and status.tsv say which.
    """
    started = time.monotonic()
    out = Path(out)
    say = log or (lambda line: None)
    number = next(s for s in (seed, config.seed, settings.seed) if s is not None)
    jobs = settings.n_jobs if n_jobs is None else n_jobs
    status, summaries, inputs = _Status(), [], {}
    failed: list[Exception] = []
    with settings.override(seed=number, n_jobs=jobs):
        # all input is read before anything is written: a wrong path costs nothing
        cohorts = [_try_load(c, number, say) for c in config.cohorts]
        if len(cohorts) == 1 and isinstance(cohorts[0], ExerkineError):
            raise cohorts[0]
        with staging(out, [c.name for c in config.cohorts]) as folder:
            for section, cohort in zip(config.cohorts, cohorts, strict=True):
                try:
                    if isinstance(cohort, ExerkineError):
                        raise cohort
                    summaries.append(_run_cohort(cohort, folder, number, status, say))
                    inputs[section.name] = cohort.inputs
                except Exception as error:  # one cohort's bug must not cost the others' results
                    if len(cohorts) == 1:
                        raise
                    failed.append(error)
                    what = str(error) if isinstance(error, ExerkineError) else _bug(error)
                    status.add(section.name, "run", "failed", what)
                    summaries.append(_failed(section, what))
            _write_run(
                folder,
                out,
                config,
                {
                    "title": config.title,
                    "package_version": __version__,
                    "seed": number,
                    "config_path": config_path,
                    "versions": {"python": platform.python_version(), **_text.versions()},
                    "duration_seconds": time.monotonic() - started,
                    "cohorts": plain(summaries),
                },
                inputs,
                status,
            )
    if failed:
        raise CohortsFailedError(
            f"{len(failed)} of {len(config.cohorts)} cohorts failed; the first: {failed[0]}",
            where=str(out / "status.tsv"),
        )
    asked = [p for s in summaries for p in s.get("prediction", ())]
    if asked and all(p["verdict"].startswith(_predict.NOT_POSSIBLE) for p in asked):
        raise AnalysisError(
            f"Prediction is {asked[0]['verdict']}",
            fix=f"All else stands in {out / 'report.html'}.",
        )
    return out / "report.html"


def _try_load(config: CohortConfig, seed: int, say: Log) -> Cohort | ExerkineError:
    say(f"{config.name}: reading")
    try:
        return load_cohort(config, seed)
    except ExerkineError as error:
        return error


def _run_cohort(cohort: Cohort, out: Path, seed: int, status: _Status, say: Log) -> dict[str, Any]:
    config = cohort.config
    folder = out / config.name
    folder.mkdir()
    figures = Figures(folder / "figures", relative_to=out)

    def stage(name: str, call: Callable[[Cohort, Path, Figures], Any], wanted: object) -> Any:
        if wanted is None:
            status.add(config.name, name, "not asked for")
            return call(cohort, folder, figures)
        say(f"{config.name}: {name}")
        try:
            result = call(cohort, folder, figures)
        except UsageError as error:  # what a call gets wrong here, the config got wrong
            raise ConfigError(str(error), where=f"config, cohort {config.name}, {name}") from error
        status.add(config.name, name, "done")
        return result

    summary = stage("check", _stages.describe, True)
    summary["scores"] = stage("score", _stages.score, config.score)
    summary["enrichment"] = stage("enrich", _stages.enrich, config.score and config.enrich)
    summary["differential"] = stage("differential", _stages.differential, config.differential)
    summary["responders"] = stage("responders", _response.responders, config.responders)
    summary["prediction"] = stage("predict", _predict.predict, config.prediction)
    for part in summary["prediction"]:
        if part["verdict"].startswith(_predict.NOT_POSSIBLE):
            status.add(config.name, f"predict {part['label']}", "impossible", part["verdict"])
    summary["figures"] = figures.records
    summary["methods"] = _text.methods(config, summary, seed)
    summary["references"] = _text.references(config, cohort.adata)
    return summary


def _failed(config: CohortConfig, what: str) -> dict[str, Any]:
    title = config.title or config.name
    return {"name": config.name, "title": title, "status": "failed", "error": what}


def _bug(error: Exception) -> str:
    return f"bug of exerkine_omics: {type(error).__name__}: {error}"


def _write_run(
    folder: Path,
    out: Path,
    config: RunConfig,
    summary: dict[str, Any],
    inputs: dict[str, dict[str, str]],
    status: _Status,
) -> None:
    report.render(summary, folder / "report.html")
    write_json(folder / "summary.json", summary)
    resolved = config.model_copy(update={"seed": summary["seed"]}).model_dump(mode="json")
    write_text(folder / "config.resolved.yaml", yaml.safe_dump(resolved, sort_keys=False))
    provenance = {
        key: summary[key] for key in ("package_version", "seed", "config_path", "versions")
    }
    write_json(folder / "provenance.json", {**provenance, "inputs": inputs})
    status.add("", "report", "done", str(out / "report.html"))
    write_text(folder / STATUS, status.text())
