"""Speed of `ml.evaluate` and of the elastic-net path against scikit-learn and glmnet, as ratios.

    python tests/benchmarks/prediction.py [--permutations 200] [--folds 1] [--thousand]

prints the tables of docs/benchmarks.md on prediction: nested 5 x 5 cross-validation of 100 people x
3000 features, one BLAS thread. Permutations are extrapolated from 20 and run in full. scikit-learn
is slow (``--folds`` outer folds of its one repeat are run, the rest is scaled; 0: none):
GridSearchCV with saga in cross_val_predict, at its default tolerance, and single fits at the
loosest tolerance at which its objective equals ours to 1e-6. Without Rscript and glmnet their rows
are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import exerkine_omics as exo
from exerkine_omics.kernels._elastic_net import ElasticNetProblem, elastic_net_path

HERE = Path(__file__).parent
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
PEOPLE, FEATURES, OUTER, INNER, PENALTIES = 100, 3000, 5, 5, 20
EQUAL = 1e-6  # objectives, relative
SAGA_PENALTIES = (1, 5, 9, 13, 17)  # every fourth of 20; at the first all coefficients are zero
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def cohort() -> tuple[ad.AnnData, pd.Series, dict[str, list[str]]]:
    """People before training on a log2 scale, 5% missing; response by subject; 20 signatures."""
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(PEOPLE, 20))
    values = factors @ rng.normal(0, 0.2, (20, FEATURES)) + rng.normal(size=(PEOPLE, FEATURES))
    eta = values[:, :10].sum(axis=1) / 2
    response = (eta + rng.logistic(size=PEOPLE) > 0).astype(float)
    values[rng.random(values.shape) < 0.05] = np.nan
    obs = pd.DataFrame(
        {
            "subject_id": [f"P{i:03d}" for i in range(PEOPLE)],
            "timepoint": pd.Categorical(["pre"] * PEOPLE),
            "age": rng.normal(45, 12, PEOPLE),
            "sex": rng.choice(["f", "m"], PEOPLE),
            "bmi": rng.normal(26, 3, PEOPLE),
        },
        index=[f"s{i:03d}" for i in range(PEOPLE)],
    )
    var = pd.DataFrame(index=[f"F{j:04d}" for j in range(FEATURES)])
    adata = ad.AnnData(values, obs=obs, var=var)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre", "modality": "proteomics"}
    sets = {f"set_{k:02d}": list(rng.choice(adata.var_names, 20, replace=False)) for k in range(20)}
    return adata, pd.Series(response, index=obs["subject_id"]), sets


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Best of several runs."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def ours(permutations: list[int]) -> tuple[list[str], float]:
    """Rows of the public call; and seconds of one repeat, omics only, on one process."""
    adata, response, sets = cohort()
    blocks = {
        "omics": {"clinical": None},
        "clinical, omics, both": {},
        "all five, 20 signatures": {"signatures": sets},
    }

    def run(options: dict, repeats: int, number: int, jobs: int) -> Callable[[], object]:
        return lambda: exo.ml.evaluate(
            adata, response, outer=(OUTER, repeats), inner=INNER, n_permutations=number,
            n_jobs=jobs, seed=1, **options,
        )  # fmt: skip

    numbers = "".join(f" {n} permutations, s (extrapolated) |" for n in permutations)
    lines = [
        f"| blocks | processes | 1 repeat, s | 10 repeats, s |{numbers}",
        f"|---|---|---|---|{'---|' * len(permutations)}",
    ]
    single = np.inf
    for name, options in blocks.items():
        for jobs in (1, 2):
            run(options, 2, 2, jobs)()  # starts the processes
            one, ten = seconds(run(options, 1, 0, jobs)), seconds(run(options, 10, 0, jobs))
            if name == "omics":
                single = min(single, one)
            step = (seconds(run(options, 1, 20, jobs), 2) - one) / 20
            cells = ""
            for number in permutations:
                guess = f"({one + number * step:.0f})"
                full = jobs == 2  # on one process they take twice that: only extrapolated
                done = f"{seconds(run(options, 1, number, jobs), 1):.0f} " if full else ""
                cells += f" {done}{guess} |"
            lines.append(f"| {name} | {jobs} | {one:.2f} | {ten:.2f} |{cells}")
            print(lines[-1], file=sys.stderr)
    return lines, single


def folds_of(response: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Outer fold of each person, and the same as (train, test)."""
    from sklearn.model_selection import StratifiedKFold

    splits = list(StratifiedKFold(OUTER, shuffle=True, random_state=1).split(response, response))
    fold = np.zeros(len(response))
    for k, (_, test) in enumerate(splits):
        fold[test] = k
    return fold, splits


def impute(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), np.nanmedian(values, axis=0), values)


def excess(x: np.ndarray, y: np.ndarray, penalties: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """How far objectives lie above ours, relative; fits: intercept and coefficients on ``x``."""
    problem, state, found = ElasticNetProblem(x, y), None, []
    for penalty, (intercept, *slopes) in zip(penalties, fits, strict=True):
        state = problem.solve(penalty, state)
        least = problem.objective(state)
        b, eta = np.asarray(slopes) * problem.scale, intercept + x @ np.asarray(slopes)
        loss = np.mean(np.logaddexp(0, eta) - y * eta)
        found.append((loss + penalty * (0.5 * np.abs(b).sum() + 0.25 * b @ b)) / least - 1)
    return np.array(found)


def saga(c: float, tol: float) -> object:
    from sklearn.linear_model import LogisticRegression

    # scikit-learn 1.8 takes the penalty from l1_ratio alone
    old = tuple(int(k) for k in version("scikit-learn").split(".")[:2]) < (1, 8)
    named = {"penalty": "elasticnet"} if old else {}
    return LogisticRegression(
        solver="saga", l1_ratio=0.5, C=c, tol=tol, max_iter=10**6, random_state=0, **named
    )


def equal_fits(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> list[str]:
    """saga at the loosest tolerance (in decades) at which its objective equals ours."""
    lines = ["| penalty / largest | tolerance | saga, s | objective above ours, relative |"]
    lines.append("|---|---|---|---|")
    place, total = 1, 0.0
    for k in SAGA_PENALTIES:
        while True:
            model = saga(1 / (len(y) * penalties[k]), TOLERANCES[place])
            taken = seconds(lambda m=model: m.fit(x, y), 1)
            fit = np.r_[model.intercept_, model.coef_[0]]
            above = float(excess(x, y, penalties[[k]], fit[None])[0])
            share = penalties[k] / penalties[0]
            lines.append(f"| {share:.3f} | {TOLERANCES[place]:g} | {taken:.2f} | {above:.1g} |")
            print(lines[-1], file=sys.stderr)
            if above <= EQUAL or place == len(TOLERANCES) - 1:
                break
            place += 1  # a smaller penalty needs no looser one
        total += taken
    scaled = total * PENALTIES / len(SAGA_PENALTIES)
    own = seconds(lambda: elastic_net_path(x, y, penalties=penalties), 20)
    lines += [
        "",
        f"Path of {PENALTIES} penalties: saga {scaled:.0f} s ({len(SAGA_PENALTIES)} of them, "
        f"scaled), ours {own:.4f} s, ratio {scaled / own:.0f}.",
    ]
    return lines


def scikit_learn(folds: int, single: float) -> list[str]:
    """Lines on scikit-learn: its nested cross-validation, and fits with an equal objective."""
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    adata, response, _ = cohort()
    values, y = np.asarray(adata.X), response.to_numpy()
    _, splits = folds_of(y)
    train = splits[0][0]
    ready = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    x = ready.fit_transform(values[train])
    penalties = ElasticNetProblem(x, y[train]).penalties(PENALTIES)
    search = GridSearchCV(
        make_pipeline(*(step for _, step in ready.steps), saga(1.0, 1e-4)),
        {"logisticregression__C": 1 / (len(train) * penalties)},
        cv=StratifiedKFold(INNER, shuffle=True, random_state=1),
        scoring="neg_log_loss",
    )

    def some() -> None:  # what cross_val_predict does for a fold
        for inside, outside in splits[:folds]:
            search.fit(values[inside], y[inside]).predict_proba(values[outside])

    whole = folds >= OUTER
    taken = seconds(
        (lambda: cross_val_predict(search, values, y, cv=splits, method="predict_proba"))
        if whole
        else some,
        1,
    )
    scaled = taken * OUTER / min(folds, OUTER)
    told = f"{min(folds, OUTER)} of {OUTER} outer folds took {taken:.0f} s"
    return [
        f"GridSearchCV in cross_val_predict, saga at its default tolerance 1e-4: {scaled:.0f} s "
        f"a repeat ({told}); ml.evaluate {single:.2f} s, ratio {scaled / single:.0f}.",
        "",
        *equal_fits(x, y[train], penalties),
    ]


def glmnet(single: float) -> list[str]:
    """Rows of glmnet: one path on the first training fold, and cv.glmnet nested."""
    adata, response, _ = cohort()
    values, y = impute(np.asarray(adata.X)), response.to_numpy()
    outer, splits = folds_of(y)
    inner = np.zeros((PEOPLE, OUTER))
    for k, (train, _) in enumerate(splits):
        inner[train, k] = folds_of(y[train])[0] + 1
    train = splits[0][0]
    x, label = values[train], y[train]
    penalties = ElasticNetProblem(x, label).penalties(PENALTIES)
    with tempfile.TemporaryDirectory() as folder:
        size = np.array([PEOPLE, FEATURES, len(train), PENALTIES, OUTER], dtype=float)
        given = {
            "size": size, "x": values.T, "y": y, "outer": outer, "inner": inner.T,
            "path_x": x.T, "path_y": label, "penalties": penalties,
        }  # fmt: skip
        for name, array in given.items():
            np.ascontiguousarray(array, dtype=float).tofile(Path(folder) / f"{name}.bin")
        command = ["Rscript", str(HERE / "prediction.R"), folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return [f"glmnet is not there: {done.stderr.strip().splitlines()[-1]}"]
        told = json.loads(done.stdout)
        fits = {
            thresh: np.fromfile(Path(folder) / f"path_{thresh}.bin").reshape(PENALTIES, -1)
            for thresh in told["path"]
        }
    above = {thresh: float(excess(x, label, penalties, fit).max()) for thresh, fit in fits.items()}
    equal = next((thresh for thresh in above if above[thresh] <= EQUAL), list(above)[-1])
    own = seconds(lambda: elastic_net_path(x, label, penalties=penalties), 20)
    lines = [
        f"glmnet {told['glmnet']}, R {told['R']}",
        "",
        "| task | glmnet | glmnet, s | objective above ours, at most | ours, s | ours / glmnet |",
        "|---|---|---|---|---|---|",
    ]
    for thresh in dict.fromkeys((next(iter(above)), equal)):
        theirs = told["path"][thresh]
        lines.append(
            f"| path of {PENALTIES}, {len(train)} x {FEATURES} | thresh {thresh} | {theirs:.4f} "
            f"| {above[thresh]:.1g} | {own:.4f} | {own / theirs:.2f} |"
        )
    lines.append(
        f"| nested {OUTER} x {INNER}, one repeat | cv.glmnet | {told['nested']:.2f} | "
        f"| {single:.2f} | {single / told['nested']:.2f} |"
    )
    return lines


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    libraries = ("numpy", "scipy", "scikit-learn", "joblib")
    print(f"exerkine_omics {exo.__version__}, " + ", ".join(f"{k} {version(k)}" for k in libraries))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"one BLAS thread; `{' '.join(['python', *sys.argv])}`\n")
    permutations = [options.permutations, *([1000] if options.thousand else [])]
    lines, single = ours(permutations)
    print("\n".join(lines), flush=True)
    if shutil.which("Rscript"):
        print("\n" + "\n".join(glmnet(single)), flush=True)
    if options.folds:
        print("\n" + "\n".join(scikit_learn(options.folds, single)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--permutations", type=int, default=200)
    parser.add_argument("--thousand", action="store_true", help="also 1000 permutations")
    parser.add_argument("--folds", type=int, default=1, help="outer folds run by scikit-learn")
    asked = parser.parse_args()
    if any(os.environ.get(key) != "1" for key in ONE_THREAD):
        # the libraries read these before they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    warnings.simplefilter("ignore")
    main(asked)
