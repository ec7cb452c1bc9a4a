"""What a batch costs beside its bare functions, and what two processes gain.

    EXERKINE_DATA_DIR=... python tests/benchmarks/batch.py [--repeats 3] [--cohorts 4]

prints the table of docs/benchmarks.md on batches. Bare: the same readers, stages, figures and page,
called one after the other in this process, without keys, checksums, store, events and lock. Runs
alternate, the best of each is taken. The first batch is examples/batch.yaml (where its data are),
the second consists of simulated trials of equal size.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import exerkine_omics as exo
from exerkine_omics import report, workflow
from exerkine_omics.workflow import _stages, _text
from exerkine_omics.workflow._cohort import _CALLS, _LISTS, own
from exerkine_omics.workflow._figures import Figures
from exerkine_omics.workflow._inputs import Cohort, load_cohort
from exerkine_omics.workflow._keys import Digests, stage_keys

EXAMPLE = Path(__file__).parents[2] / "examples" / "batch.yaml"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def bare(config: workflow.RunConfig, out: Path) -> None:
    """All cohorts of a config, without the runner."""
    summaries = []
    with exo.settings.override(seed=config.seed or 0, n_jobs=1):
        for part in config.cohorts:
            folder = out / part.name
            folder.mkdir(parents=True)
            figures = Figures(folder / "figures", f"{part.name}/figures")
            read = load_cohort(part, config.seed or 0)
            summary = {"status": "done", "name": part.name, "title": part.title}
            summary |= _stages.describe(read, folder, figures)
            for stage, (name, call) in _CALLS.items():
                wanted = stage in stage_keys(part, 0, Digests(names_only=True))
                cohort = Cohort(part, own(read.adata), read.outcomes)
                empty = [] if name in _LISTS else None
                summary[name] = call(cohort, folder, figures) if wanted else empty
            summary["figures"] = figures.records
            summary["methods"] = _text.methods(part, summary, 0)
            summary["references"] = _text.references(part, summary.pop("citation"))
            summaries.append(summary)
    whole = {
        "title": config.title, "package_version": exo.__version__, "seed": 0, "config_path": "",
        "versions": _text.versions(), "duration_seconds": 0.0,
        "cohorts": exo.cohort.plain(summaries),
    }  # fmt: skip
    report.render(whole, out / "report.html")


def trials(number: int) -> workflow.RunConfig:
    """As many simulated trials of one size, scored, tested and with a prediction."""
    responders = {
        "outcome": "VO2max", "unit": "mL/kg/min", "pre": "vo2max_pre", "post": "vo2max_post",
        "threshold": 1.0, "reliability": "control", "arm": "arm", "control": "CON",
    }  # fmt: skip
    prediction = {"feature_time": 0, "outcome_time": 12, "outer": [5, 1], "n_permutations": 20}
    cohorts = [
        {
            "name": f"trial_{k}",
            "input": {"simulate": {"options": {"n_subjects": 60, "seed": k}}},
            "differential": {"control": "CON"},
            "responders": responders,
            "prediction": prediction,
        }
        for k in range(number)
    ]
    return workflow.parse_config({"seed": 1, "cohorts": cohorts}, "trials")


def timed(call: object, *args: object, **options: object) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        call(*args, Path(folder) / "out", **options)  # type: ignore[operator]
        return time.perf_counter() - start


def measure(name: str, config: workflow.RunConfig, repeats: int) -> str:
    took: dict[str, list[float]] = {"bare": [], "run": [], "two": []}
    plain = config.model_copy(update={"meta": []})  # the bare functions pool nothing
    for _ in range(repeats):
        took["bare"].append(timed(bare, plain))
        took["run"].append(timed(workflow.run, plain))
        took["two"].append(timed(workflow.run, plain, n_jobs=2))
        print({k: round(v[-1], 1) for k, v in took.items()}, file=sys.stderr)
    one, run, two = (min(took[k]) for k in ("bare", "run", "two"))
    return (
        f"| {name} | {one:.1f} | {run:.1f} | {run / one - 1:+.1%} | {two:.1f} | {run / two:.2f} |"
    )


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    print(
        f"exerkine_omics {exo.__version__}, {platform.machine()}, {os.cpu_count()} cores, ", end=""
    )
    print(f"Python {platform.python_version()}, best of {options.repeats}\n")
    print("| batch | bare functions, s | run, s | overhead | 2 processes, s | speed-up |")
    print("|---|---|---|---|---|---|")
    if exo.settings.data_dir is not None:
        example = workflow.load_config(EXAMPLE)
        print(measure("examples/batch.yaml, five cohorts", example, options.repeats), flush=True)
    name = f"{options.cohorts} trials of 60 people x 160 proteins"
    print(measure(name, trials(options.cohorts), options.repeats))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cohorts", type=int, default=4)
    asked = parser.parse_args()
    if any(os.environ.get(key) != "1" for key in ONE_THREAD):
        # the libraries read these before they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    main(asked)
