"""Time and peak memory of a cohort that is larger than it should be in memory twice.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/big_cohort.py --people 25000 --times 2

writes people x times x 3000 features, two arms, 2% missing, as zarr by chunks, then runs each step
in a process of its own (``--together``: all in one, as a run does) and prints seconds and the
process' peak memory. ``--backed`` leaves X in its file. ``--workflow`` does what `exerkine run`
does with it: check, score of the shipped signatures, differential, report.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

import exerkine_omics as exo

TIMES = ("pre", "post", "week6", "week12")
ROWS = 1000


def generate(path: Path, people: int, times: int, features: int) -> None:
    """Write the cohort a thousand samples at a time."""
    import zarr

    n = people * times
    subject = np.repeat(np.arange(people), times)
    obs = pd.DataFrame(
        {
            "subject_id": [f"P{i:06d}" for i in subject],
            "timepoint": pd.Categorical(TIMES[:times] * people, TIMES[:times], ordered=True),
            "arm": pd.Categorical(np.where(subject % 2, "EE", "CON")),
            "age": np.repeat(np.random.default_rng(2).normal(45, 9, people).round(), times),
        },
        index=[f"s{i:06d}" for i in range(n)],
    )
    var = pd.DataFrame(index=[f"A{j:05d}" for j in range(features)])
    members = exo.sig.load().query(modality="proteomics").to_frame()["gene_symbol"].dropna()
    symbols = [s for s in dict.fromkeys(members) if s][:features]
    var["gene_symbol"] = [*symbols, *var.index[len(symbols) :]]
    about = {
        "schema_version": "1",
        "platform": "simulated",
        "modality": "proteomics",
        "units": "NPX",
        "species": "human",
        "matrix": "plasma_edta",
        "baseline": "pre",
    }
    adata = ad.AnnData(obs=obs, var=var, uns={"exerkine": about})
    with warnings.catch_warnings(action="ignore"):
        adata.write_zarr(path)
    group = zarr.open_group(str(path), mode="a")
    chunks = (min(5 * ROWS, n), min(512, features))
    if "X" in group:
        del group["X"]
    x = group.create_array("X", shape=(n, features), dtype="f8", chunks=chunks)
    x.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    rng = np.random.default_rng(1)
    level = rng.normal(5, 1, features)
    gain = np.where(np.arange(features) % 10 == 0, 0.1, 0.0)
    step = 5 * ROWS // times * times
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        own = rng.normal(0, 1, (len(rows) // times, features))
        part = level + np.repeat(own, times, axis=0)
        part += rng.normal(0, 0.7, part.shape)
        part += np.outer((subject[rows] % 2) * (rows % times > 0), gain)
        part[rng.random(part.shape) < 0.02] = np.nan
        x[rows[0] : rows[-1] + 1] = part
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(str(path))


def signatures(adata: ad.AnnData) -> dict[str, list[str]]:
    """Fifty sets of twenty features."""
    rng = np.random.default_rng(3)
    return {f"set_{k:02d}": list(rng.choice(adata.var_names, 20, False)) for k in range(50)}


STEPS: dict[str, Callable[[Any], Any]] = {
    "read": lambda a: a,
    "check": lambda a: exo.pp.check(a),
    "score": lambda a: exo.tl.score(a, signatures(a)),
    "score_change, score_test": lambda a: exo.tl.score_test(
        exo.tl.score_change(a, signatures(a)), control="CON"
    ),
    "score ssgsea": lambda a: exo.tl.score(a, signatures(a), method="ssgsea"),
    "lmm": lambda a: exo.tl.differential(a, control="CON"),
    "moderated": lambda a: exo.tl.differential(a, control="CON", method="moderated"),
}


def peak() -> float:
    """Peak memory of this process, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def step(path: str, wanted: list[str], backed: bool) -> None:
    """Run the steps on the file and print a line each."""
    exo.settings.progress = False
    before = time.perf_counter()
    adata = exo.io.read(path, backed=backed)
    warnings.simplefilter("ignore")
    for name in wanted:
        start = before if name == "read" else time.perf_counter()
        try:
            STEPS[name](adata)
        except exo.errors.ExerkineError as error:
            print(json.dumps([name, str(error), peak()]), flush=True)
            continue
        print(json.dumps([name, time.perf_counter() - start, peak()]), flush=True)


def workflow(path: str) -> None:
    """Run a config of this cohort and print a line a stage."""
    from exerkine_omics.workflow import parse_config, run

    names = {"path": path}
    cohort = {"name": "big", "input": {"file": names}, "differential": {"control": "CON"}}
    cohort["enrich"] = None  # its sign flips hold every change of every person, 9.5 GB here
    events = []
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        config = parse_config({"seed": 1, "cohorts": [cohort]}, "big")
        run(config, Path(folder) / "out", log=lambda e: events.append((e, peak())))
        size = (Path(folder) / "out" / "report.html").stat().st_size / 1e6
    for event, memory in events:
        if event.status == "done":
            print(json.dumps([f"exerkine run, {event.stage}", event.seconds, memory]))
    taken = time.perf_counter() - start
    print(json.dumps([f"exerkine run, whole; report {size:.1f} MB", taken, peak()]))


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=25_000)
    parser.add_argument("--times", type=int, default=2, choices=range(2, 5))
    parser.add_argument("--features", type=int, default=3000)
    parser.add_argument("--steps", nargs="*", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--backed", action="store_true")
    parser.add_argument("--path", help="kept there; used again if it is there")
    parser.add_argument("--workflow", action="store_true")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run and given.workflow:
        workflow(given.run)
        return
    if given.run:
        step(given.run, given.steps, given.backed)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(given.path or Path(folder) / "big.zarr")
        if not path.exists():
            generate(path, given.people, given.times, given.features)
        print("| step | s | peak memory, GB |\n|---|---|---|", flush=True)
        if given.workflow:
            given.steps, given.together = ["workflow"], True
        for steps in [given.steps] if given.together else [[s] for s in given.steps]:
            command = [sys.executable, __file__, "--run", str(path)]
            command += ["--workflow"] if given.workflow else ["--steps", *steps]
            command += ["--backed"] if given.backed else []
            done = subprocess.run(command, capture_output=True, text=True)
            for line in done.stdout.splitlines():
                name, seconds, memory = json.loads(line)
                took = seconds if isinstance(seconds, str) else f"{seconds:.1f}"
                print(f"| {name} | {took} | {memory:.2f} |", flush=True)
            if done.returncode:
                print(f"| {steps} | {done.stderr[-2000:]} | |", flush=True)


if __name__ == "__main__":
    main()
