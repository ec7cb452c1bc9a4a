"""Speed of `tl.score` against R GSVA, gseapy and decoupler, in one run, as ratios.

    python tests/benchmarks/scoring.py --peers PYTHON [--big]

prints the tables of docs/benchmarks.md on scores. PYTHON is one of 3.12 or later with gseapy and
decoupler installed; Rscript needs GSVA. All run on one thread. ``--big`` adds 50 000 samples x 3000
features from h5ad in a process of its own (needs 1.3 GB of disk).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import exerkine_omics as exo

HERE = Path(__file__).parent
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON")}
PERMUTATIONS = 1000


def cohort(samples: int, features: int) -> ad.AnnData:
    """Pairs of samples on a log2 scale, without missing values."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (samples, features)) * rng.uniform(0.5, 2, features)
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i:05d}" for i in range(samples // 2)], 2),
            "timepoint": pd.Categorical(["pre", "post"] * (samples // 2), ["pre", "post"], True),
        },
        index=[f"s{i:06d}" for i in range(samples)],
    )
    var = pd.DataFrame(index=[f"F{j:04d}" for j in range(features)])
    adata = ad.AnnData(values, obs=obs, var=var)
    adata.uns["exerkine"] = {
        "schema_version": "1", "units": "log2", "modality": "proteomics", "baseline": "pre",
        "species": "human", "matrix": "plasma_edta", "platform": "benchmark",
    }  # fmt: skip
    return adata


def signatures(adata: ad.AnnData, n: int = 50, size: int = 20) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(2)
    return {
        f"set_{k:02d}": {
            str(name): float(rng.choice([-1.0, 1.0]))
            for name in rng.choice(adata.var_names, size, replace=False)
        }
        for k in range(n)
    }


def seconds(call: Callable[[], object], rounds: int = 3) -> float:
    """Best of three, or of more where a round takes milliseconds."""
    taken: list[float] = []
    while len(taken) < rounds or (sum(taken) < 0.2 and len(taken) < 20):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def difference(ours: pd.DataFrame, theirs: Path) -> float:
    other = pd.read_csv(theirs, index_col=0).loc[ours.index, ours.columns]
    return float(np.abs(ours - other).to_numpy().max() / np.abs(other.to_numpy()).max())


def small(peers: str) -> None:
    adata = cohort(200, 3000)
    signed = signatures(adata)
    plain = {name: list(members) for name, members in signed.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        adata.to_df().to_csv(folder / "matrix.csv", float_format="%.17g")
        lines = ["\t".join([n, *members]) for n, members in plain.items()]
        (folder / "sets.tsv").write_text("\n".join(lines) + "\n")
        rows = [(n, m, w) for n, members in signed.items() for m, w in members.items()]
        weights = pd.DataFrame(rows, columns=["source", "target", "weight"])
        weights.to_csv(folder / "weights.csv", index=False)
        subprocess.run(["Rscript", str(HERE / "scoring.R"), name], check=True)
        script = [peers, str(HERE / "scoring_peers.py"), name, str(PERMUTATIONS)]
        subprocess.run(script, check=True, stdout=subprocess.DEVNULL)
        r = pd.read_csv(folder / "r.csv").set_index("method")
        told = json.loads((folder / "peers.json").read_text())
        theirs = told["seconds"]
        theirs |= {f"GSVA {method}": float(r.loc[method, "seconds"]) for method in r.index}
        table = [
            ("ssgsea", plain, {}, ["GSVA ssgsea", "gseapy ssgsea"]),
            ("gsva", plain, {}, ["GSVA gsva", "gseapy gsva", "decoupler gsva"]),
            ("ulm", signed, {}, ["decoupler ulm"]),
            ("weighted_mean", signed, {"n_permutations": PERMUTATIONS}, ["decoupler waggr"]),
        ]
        versions = told["versions"] | {"GSVA": r["version"].iloc[0]}
        print(
            f"exerkine_omics {exo.__version__}, "
            + ", ".join(f"{k} {v}" for k, v in versions.items())
        )
        print(f"{platform.platform()}, Python {platform.python_version()}, one thread\n")
        print("| score | ours, s | peer | peer, s | ratio | largest difference |")
        print("|---|---|---|---|---|---|")
        for method, sets, options, names in table:
            own = seconds(lambda m=method, s=sets, o=options: exo.tl.score(
                adata, s, method=m, se=False, **o))  # fmt: skip
            for peer in names:
                file = folder / (peer.replace("GSVA", "r").replace(" ", "_") + ".csv")
                scores = adata.obsm[f"score_{method}"]
                same = "" if "waggr" in peer else f"{difference(scores, file):.1g}"
                words = f"{method}, {PERMUTATIONS} random sets" if options else method
                print(f"| {words} | {own:.4f} | {peer} | {theirs[peer]:.3f} "
                      f"| {theirs[peer] / own:.3g} | {same} |")  # fmt: skip
    print("\n| score with its standard error | seconds |\n|---|---|")
    for method in exo.tl.show_methods()["method"]:
        print(
            f"| {method} | {seconds(lambda m=method: exo.tl.score(adata, signed, method=m)):.4f} |"
        )


def big() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cohort.h5ad"
        cohort(50_000, 3000).write_h5ad(path)
        print("\n| 50 000 x 3000 x 50 from h5ad | score, s | score_change, s | peak memory, GB |")
        print("|---|---|---|---|")
        for method in exo.tl.show_methods()["method"]:
            if method == "gsva":  # each feature's distribution takes samples squared
                continue
            call = [sys.executable, __file__, "--one", method, str(path)]
            print(subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip())


def one(method: str, path: str) -> None:
    adata = ad.read_h5ad(path, backed="r")
    sets = signatures(adata)
    start = time.perf_counter()
    exo.tl.score(adata, sets, method=method)
    middle = time.perf_counter()
    exo.tl.score_change(adata, sets, method=method)
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"| {method} | {middle - start:.1f} | {end - middle:.1f} | {peak:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="Python with gseapy and decoupler")
    parser.add_argument("--big", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if any(os.environ.get(key) != "1" for key in ONE_THREAD):
        # the libraries read these before they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    warnings.simplefilter("ignore")
    if asked.one:
        one(*asked.one)
    else:
        if asked.peers:
            small(asked.peers)
        if asked.big:
            big()
