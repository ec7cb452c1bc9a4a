"""Long form of the reader fuzzing: N damaged files over all formats, each with a time limit.

    python tests/benchmarks/fuzz_readers.py [-n 10000] [--jobs 2] [--first SEED] [--only NAME]

Prints a table: per format how many were read (and agreed with the whole file), how many were
refused by an error that names the file, how many were faults; exits with 1 if there is one.
A worker that dies (a crash of a library below) is a fault too.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

IO_TESTS = Path(__file__).parents[1] / "io"
CHUNK = 50


def load(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, IO_TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def vendor_files() -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for path in sorted(IO_TESTS.glob("make_*.py")):
        made |= load(path.stem).files()
    return made


def run(name: str, content: bytes, seeds: range) -> tuple[Counter, Counter, list[str]]:
    import exerkine_omics as exo

    mutations = load("mutations")
    verdicts, ways, faults = Counter(), Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        whole = exo.io.read(path, **mutations.options_of(name))
        for seed in seeds:
            mutant = mutations.mutate(name, content, seed)
            verdict = mutations.judge(name, mutant, whole, Path(folder))
            ways[mutant.how] += 1
            if verdict in ("read", "refused"):
                verdicts[verdict] += 1
            else:
                verdicts["fault"] += 1
                faults.append(f"{name}, seed {seed}, {mutant.how}: {verdict[:300]}")
    return verdicts, ways, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--first", type=int, default=1_000_000, help="first seed")
    parser.add_argument("--only", default="", help="files whose name holds this")
    options = parser.parse_args()
    files = {n: c for n, c in vendor_files().items() if options.only in n}
    each = -(-options.n // len(files))
    start = time.perf_counter()
    verdicts = {name: Counter() for name in files}
    ways, faults = Counter(), []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        jobs = {}
        for name, content in files.items():
            for first in range(0, each, CHUNK):
                seeds = range(options.first + first, options.first + min(first + CHUNK, each))
                jobs[pool.submit(run, name, content, seeds)] = (name, seeds)
        for job in as_completed(jobs):
            name, seeds = jobs[job]
            try:
                got, how, wrong = job.result()
            except BrokenProcessPool:
                faults.append(f"{name}, seeds {seeds}: a worker died")
                break
            verdicts[name] += got
            ways += how
            faults += wrong
    print("| file | size (bytes) | read and agreed | refused by name | faults |")
    print("|---|---|---|---|---|")
    for name, got in verdicts.items():
        print(
            f"| {name} | {len(files[name])} | {got['read']} | {got['refused']} | {got['fault']} |"
        )
    total = sum(verdicts.values(), Counter())
    all_of_them = sum(total.values())
    print(f"| all {all_of_them} | | {total['read']} | {total['refused']} | {total['fault']} |")
    print("\nDamage: " + ", ".join(f"{how} {n}" for how, n in ways.most_common()) + ".")
    print(f"{time.perf_counter() - start:.0f} s, {options.jobs} processes.")
    for fault in faults:
        print(fault, file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
