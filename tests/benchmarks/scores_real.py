"""The scorers on two public cohorts and on simulations: the tables of docs/scores_real.md.

    EXERKINE_DATA_DIR=... python tests/benchmarks/scores_real.py

takes 4 minutes on one core. The cohorts are those of tests/tl/test_score_real.py that may be
quoted (CC0, MIT); the simulations are the functions of tests/tl/test_score_theory.py.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning
from exerkine_omics.kernels._scorers import SCORERS

TESTS = Path(__file__).parents[1] / "tl"
CASCADE = "il6_anti_inflammatory_cascade"
KINDS = {"any": "random", "high": "abundant", "variable": "variable", "together": "correlated"}


def load(name: str) -> ModuleType:
    """Read a file of tests as a module."""
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def show(title: str, rows: dict[str, dict[str, object]]) -> None:
    """Print a table of the page, a row a scorer."""
    frame = pd.DataFrame(rows).T
    print(f"\n**{title}**\n\n| | {' | '.join(map(str, frame.columns))} |")
    print("|---" * (len(frame.columns) + 1) + "|")
    for name, row in frame.iterrows():
        print(f"| `{name}` | {' | '.join(map(str, row))} |")


def race() -> None:
    """Six proteins of 11 runners."""
    adata = exo.datasets.load("ultramarathon_50km")
    exo.pp.log2(adata)
    rows: dict[str, dict[str, object]] = {}
    for method in SCORERS:
        changes = exo.tl.score_change(adata, method=method, min_coverage=0.4)
        tested = exo.tl.score_test(changes)
        tested = tested[tested["feature"] == CASCADE].set_index("contrast")
        mine = changes[(changes["signature"] == CASCADE) & (changes["status"] == "ok")]
        rows[method] = {}
        for point in ("lap1_10km", "finish_50km", "post_24h"):
            change = mine.loc[mine["timepoint"] == point, "change"]
            t = tested.loc[f"{point} - pre", "statistic"]
            text = f"{change.mean():.2f} (t {t:.1f})"
            rows[method][point] = "0 in each" if (change == 0).all() else text
    show(f"1. Mean change of {CASCADE}, 8, 7 and 10 runners", rows)
    parts = exo.tl.change_contributions(adata, min_coverage=0.4)
    mine = (parts["signature"] == CASCADE) & (parts["contrast"] == "finish_50km - pre")
    print(parts.loc[mine, ["member", "contribution", "ci_low", "ci_high", "share"]].round(2))


def plasma(data_dir: Path) -> None:
    """5000 aptamers in 170 people."""
    adata = load("test_score_real").read_plasma(data_dir)
    exo.tl.score(adata, several="first")
    measured = adata.uns["score_members_baseline_z"]
    print("\n", measured[["signature", "n_measured", "n_members", "coverage"]].round(2).to_string())
    rng = np.random.default_rng(0)
    names = adata.var_names.to_numpy()
    random = rng.permutation(names)[:1600].reshape(200, 8)
    high = rng.permutation(names[np.argsort(-adata.X.mean(axis=0))][:400]).reshape(50, 8)
    sets = {f"any{i}": list(r) for i, r in enumerate(random)}
    sets |= {f"high{i}": list(r) for i, r in enumerate(high)}
    rows: dict[str, dict[str, object]] = {}
    for method in SCORERS:
        clock = [time.perf_counter()]
        for options in ({"se": False}, {}, {"se": False, "n_permutations": 999}):
            exo.tl.score(adata, method=method, several="first", **options)
            clock.append(time.perf_counter())
        seconds = np.diff(clock)
        own = (adata.obsm[f"score_null_p_{method}"] <= 0.05).mean()
        exo.tl.score(adata, sets, method=method, se=False, n_permutations=999)
        small = (adata.obsm[f"score_null_p_{method}"] <= 0.05).mean()
        score = adata.obsm[f"score_{method}"].to_numpy()
        centre = score[:, :200].mean(axis=1, keepdims=True)
        far, other = np.abs(score[:, 200:] - centre), np.abs(score[:, :200] - centre)
        plain = (1 + (other[:, None] >= far[:, :, None]).sum(axis=2)) / 201
        rows[method] = {
            "score, s": f"{seconds[0]:.2f}",
            "with SE, s": f"{seconds[1]:.2f}",
            "with 999 random sets, s": f"{seconds[2]:.2f}",
            "random sets": f"{100 * small[:200].mean():.1f}",
            "abundant sets": f"{100 * small[200:].mean():.1f}",
            "abundant sets, unmatched null": f"{100 * (plain <= 0.05).mean():.1f}",
            "shipped signatures": f"{100 * own.mean():.1f}",
        }
    show("2. Seconds, and percent of samples with p of the null <= 0.05", rows)


def simulations() -> None:
    """Planted changes, rates without effect, the error over members."""
    theory = load("test_score_theory")
    found, null, error = {}, {}, {}
    for method in SCORERS:
        t = [theory.change_t(*theory.planted(s), method)["EE: post - pre"] for s in range(5)]
        mean = pd.concat(t, axis=1)
        found[method] = {n: f"{mean.loc[n].mean():.1f}" for n in theory.PLANTED}
        others = mean.drop(index=list(theory.PLANTED)).abs()
        found[method]["largest of 35 without effect"] = f"{others.max(axis=None):.1f}"
        null[method] = {}
        for together in (0.0, 0.6):
            tested = theory.null_changes(method, 20, 0.7, cohorts=40, together=together)
            share = theory.below(tested["p_value"].to_numpy())
            null[method][f"change, members' correlation {together}"] = f"{100 * share.share:.1f}"
        for kind, text in KINDS.items():
            matched, plain = theory.null_p(method, kind)
            null[method][f"{text}, matched"] = f"{100 * theory.below(matched).share:.1f}"
            if kind == "high":
                share = theory.below(plain).share
                null[method]["abundant, unmatched"] = f"{100 * share:.1f}"
        error[method] = {}
        for signs, text in (((1.0,), "members"), ((1.0, -1.0), "members, signed")):
            for k in (5, 10, 30):
                ratio, _ = theory.error_ratio(method, k, signs)
                error[method][f"{k} {text}"] = f"{ratio:.2f}"
    show("3. Mean t of the planted change, 5 cohorts of 20 people an arm", found)
    show("4. Percent of p <= 0.05 without an effect", null)
    show("5. Jackknife SE over the SD of the score of random members", error)
    rows = {}
    for n, icc in ((8, 0.0), (8, 0.8), (20, 0.0), (20, 0.8)):
        tested = theory.null_changes("baseline_z", n, icc, cohorts=100, members=30)
        share = theory.below(tested["p_value"].to_numpy()).share
        rows[f"{n} people, ICC {icc:g}"] = {
            "expected": f"{100 * theory.baseline_z_rate(n, icc):.1f}",
            "seen": f"{100 * share:.1f}",
        }
    show("6. Percent of p <= 0.05 of baseline_z's change, 6000 signatures of 30 members", rows)


def main() -> None:
    """Check what is needed, then print."""
    where = Path(os.environ.get("EXERKINE_DATA_DIR", "."))
    if not (where / "somascan_example").is_dir():
        sys.exit("EXERKINE_DATA_DIR is not set, or holds no somascan_example.")
    warnings.simplefilter("ignore", ExerkineWarning)
    race()
    plasma(where)
    simulations()


if __name__ == "__main__":
    main()
