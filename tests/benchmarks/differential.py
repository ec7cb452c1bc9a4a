"""Speed of `tl.differential` against R and statsmodels, in one run, as ratios.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python tests/benchmarks/differential.py -o docs

prints the tables of docs/benchmarks.md and writes its figure, ``benchmark_differential.png``.
Without Rscript the R columns stay empty.
The mixed models of R are fitted to the first 300 features, statsmodels' to 60, and scaled up;
``--all`` fits R's to all 3000. ``--scaling`` adds the curves to 50 000 samples x 3000 features with
the peak memory of a process of its own (needs 2.5 GB of disk).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import exerkine_omics as exo
from exerkine_omics.cohort import build_design
from exerkine_omics.kernels import _lmm
from exerkine_omics.kernels._packed import triangle, unpack
from exerkine_omics.parallel import blocks
from exerkine_omics.tl._lmm import gather

HERE = Path(__file__).parent
TIMES = ("pre", "post", "late")


def cohort(
    people: int = 100, features: int = 3000, times: int = 2, arms: int = 1, missing: float = 0.05
) -> ad.AnnData:
    """People x times on a log2 scale, values missing at random."""
    rng = np.random.default_rng(1)
    n = people * times
    values = np.repeat(rng.normal(5, 1, (people, features)), times, axis=0)
    values += rng.normal(0, 0.7, (n, features))
    for b in blocks(features):
        part = values[:, b]
        part[rng.random(part.shape) < missing] = np.nan
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i:05d}" for i in range(people)], times),
            "timepoint": pd.Categorical(list(TIMES[:times]) * people, TIMES[:times], ordered=True),
        },
        index=[f"s{i:06d}" for i in range(n)],
    )
    if arms > 1:
        names = np.where(np.arange(people) % 2, "EE", "CON")
        obs["arm"] = pd.Categorical(np.repeat(names, times))
    var = pd.DataFrame(index=[f"F{i:04d}" for i in range(features)])
    adata = ad.AnnData(values, obs=obs, var=var)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


def seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Best of several runs after one that does not count."""
    call()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def ask_r(adata: ad.AnnData, k: int) -> dict[str, float]:
    """Seconds of R, the mixed models scaled up to all features."""
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        matrix, samples = Path(folder) / "matrix.csv", Path(folder) / "samples.csv"
        adata.to_df().to_csv(matrix)
        adata.obs.to_csv(samples, index_label="sample_id")
        command = ["Rscript", str(HERE / "differential.R"), str(matrix), str(samples), str(k)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    scale = told["n_features"] / told["k"]
    return {
        "lmm, Satterthwaite": told["lmertest_satterthwaite_k"] * scale,
        "lmm, Kenward-Roger": told["lmertest_kenward_roger_k"] * scale,
        "lmm, Kenward-Roger (covariance once)": told["pbkrtest_kenward_roger_k"] * scale,
        "moderated, NaN": told["limma_fixed_missing"],
        "moderated, complete": told["limma_fixed_complete"],
        "moderated, correlation": told["limma_correlation"],
    }


def ask_statsmodels(adata: ad.AnnData, k: int) -> float:
    """Seconds of MixedLM (z, no df) for all features, scaled up from the first k."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    design = build_design(adata)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for column in adata.X.T[:k]:
            here = np.isfinite(column)
            MixedLM(column[here], design.matrix[here], groups=design.subject[here]).fit(reml=True)
    return (time.perf_counter() - start) * adata.n_vars / k


def ours(adata: ad.AnnData, complete: ad.AnnData) -> dict[str, float]:
    """Seconds of the public call, AnnData to result frame."""
    test = exo.tl.differential
    return {
        "lmm, Satterthwaite": seconds(lambda: test(adata, ddf="satterthwaite")),
        "lmm, Kenward-Roger": seconds(lambda: test(adata)),
        "lmm, Kenward-Roger (covariance once)": seconds(lambda: test(adata)),
        "moderated, NaN": seconds(lambda: test(adata, method="moderated")),
        "moderated, complete": seconds(lambda: test(complete, method="moderated")),
        "moderated, correlation": seconds(
            lambda: test(adata, method="moderated", block="correlation")
        ),
    }


def one_pass(values: np.ndarray, matrix: np.ndarray) -> None:
    """Masked least squares of all features: the least that any linear model does."""
    rows, columns = triangle(matrix.shape[1])
    products = (matrix[:, rows] * matrix[:, columns]).T
    for b in blocks(values.shape[1]):
        y = values[:, b]
        here = np.isfinite(y)
        y = np.where(here, y, 0.0)
        y = np.where(here, y - y.sum(axis=0) / here.sum(axis=0), 0.0)
        inverse, _, _ = _lmm.invert(unpack(products @ here.astype(float)))
        right = matrix.T @ y
        beta = (inverse * right).sum(axis=1)
        np.einsum("ij,ij->j", y, y) - (beta * right).sum(axis=0)


def kernel(adata: ad.AnnData, control: str | None) -> dict[str, float]:
    """Seconds of the kernel alone, and the masked least-squares pass it is measured in."""
    design = build_design(adata, control=control)
    rows = np.ones(adata.n_obs, dtype=bool)

    def run() -> None:
        sums, _ = gather(adata.X, design, rows)
        fit = _lmm.fit_reml(sums)
        w = _lmm.precision(sums, fit)
        for contrast in design.contrasts:
            _lmm.kenward_roger(sums, fit, w, design.weights(contrast))

    least = seconds(lambda: one_pass(adata.X, design.matrix))
    taken = seconds(run)
    return {"columns": design.matrix.shape[1], "pass": least, "kernel": taken}


def scaling(people: int, features: int) -> dict[str, float]:
    """Seconds and peak memory of the test from a file, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.h5ad"
        make = "from differential import cohort; import sys; cohort({}, {}).write_h5ad(sys.argv[1])"
        where = {
            **os.environ,
            "PYTHONPATH": f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        code = make.format(people, features)
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=where)
        command = [sys.executable, __file__, "--one", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=where)
    return {"samples": 2 * people, "features": features, **json.loads(done.stdout)}


def test_stored(path: str) -> None:
    """Test a cohort that stays in its file; print seconds and the process' peak memory."""
    adata = ad.read_h5ad(path, backed="r")
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    exo.tl.differential(adata)
    taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": taken, "peak_gb": peak / 2**20, "before_gb": base / 2**20}))


def table(found: dict) -> str:
    """Tables in Markdown."""
    lines = [
        f"Measured {found['date']}, {found['machine']}, one BLAS thread; 100 people x 2 times x "
        f"3000 features, 5% missing (complete where it says so); R's mixed models on "
        f"{found['k']} features, statsmodels' on {found['k_statsmodels']}, scaled up.",
        "",
        "| test | peer | peer, s | public call, s | ratio |",
        "|---|---|---|---|---|",
    ]
    names = {
        "lmm, Satterthwaite": "lmerTest summary()",
        "lmm, Kenward-Roger": "lmerTest summary(ddf) (pbkrtest)",
        "lmm, Kenward-Roger (covariance once)": "pbkrtest, vcovAdj once a model",
    }
    for name, own in found["ours"].items():
        peer = found["r"].get(name)
        told = ("-", "-") if peer is None else (f"{peer:.3g}", f"{peer / own:.0f}")
        lines.append(f"| {name} | {names.get(name, 'limma')} | {told[0]} | {own:.4f} | {told[1]} |")
    own = found["ours"]["lmm, Kenward-Roger"]
    peer = found["statsmodels"]
    lines.append(
        f"| lmm (z only there) | statsmodels MixedLM | {peer:.3g} | {own:.4f} | {peer / own:.0f} |"
    )
    lines += [
        "",
        "| kernel, Kenward-Roger | masked pass, s | kernel, s | passes |",
        "|---|---|---|---|",
    ]
    for own in found["kernel"]:
        ratio = own["kernel"] / own["pass"]
        lines.append(
            f"| {own['columns']} columns | {own['pass']:.4f} | {own['kernel']:.4f} | {ratio:.1f} |"
        )
    if found["scaling"]:
        lines += ["", "| samples | features | s | peak memory, GB |", "|---|---|---|---|"]
        lines += [
            f"| {p['samples']} | {p['features']} | {p['seconds']:.2f} | {p['peak_gb']:.2f} |"
            for p in found["scaling"]
        ]
    return "\n".join(lines) + "\n"


def draw(found: dict, path: Path) -> None:
    """Seconds of the peers and ours on a log scale; beside it the scaling curves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    names = list(found["ours"])
    place = np.arange(len(names))
    axes[0].barh(place - 0.2, [found["r"].get(n, np.nan) for n in names], 0.4, label="R")
    axes[0].barh(place + 0.2, [found["ours"][n] for n in names], 0.4, label="exerkine_omics")
    axes[0].set(xscale="log", xlabel="seconds, 200 samples x 3000 features", yticks=place)
    axes[0].set_yticklabels(names)
    axes[0].invert_yaxis()
    axes[0].legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    curve = pd.DataFrame(found["scaling"])
    if len(curve):
        for features, part in curve.groupby("features"):
            axes[1].plot(part["samples"], part["seconds"], "o-", label=f"{features} features")
        axes[1].set(
            xscale="log", yscale="log", xlabel="samples", ylabel="seconds, from an h5ad file"
        )
        axes[1].legend(frameon=False)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--one")
    options = parser.parse_args()
    if options.one:
        return test_stored(options.one)
    adata, complete = cohort(), cohort(missing=0.0)
    k = 3000 if options.all else 300
    found = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, numpy {np.__version__}",
        "k": k,
        "k_statsmodels": 60,
        "ours": ours(adata, complete),
        "kernel": [kernel(adata, None), kernel(cohort(times=3, arms=2), "CON")],
        "r": ask_r(adata, k),
        "statsmodels": ask_statsmodels(adata, 60),
        "scaling": [],
    }
    again = ours(adata, complete)  # before and after R: the machine may be shared
    found["ours"] = {name: min(own, again[name]) for name, own in found["ours"].items()}
    if options.scaling:
        sizes = [(100, 300), (100, 3000), (1000, 3000), (5000, 3000), (25000, 3000), (25000, 300)]
        found["scaling"] = [scaling(*size) for size in sizes]
    text = table(found)
    print(text)
    if options.out:
        draw(found, options.out / "benchmark_differential.png")
    return None


if __name__ == "__main__":
    main()
