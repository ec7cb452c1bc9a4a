"""How far `tl.meta`'s kernel lies from metafor's, and its error rates by simulation.

    python tests/benchmarks/agreement_meta.py

prints the tables of docs/meta.md. metafor's answers were written by tests/reference/metafor.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

from exerkine_omics.kernels import _meta

METAFOR = Path(__file__).parents[1] / "reference" / "metafor"
METHODS = {"reml": "REML", "paule_mandel": "PM", "dersimonian_laird": "DL", "fixed": "EE"}
INTERVALS = {"hartung-knapp": "knha", "hartung-knapp-adhoc": "adhoc", "wald": "z"}


def agreement() -> None:
    """Largest differences from metafor over the fixture."""
    long = pd.read_csv(METAFOR / "effects.csv")
    wide = long.pivot(index="feature", columns="cohort")
    y, se = wide["estimate"].to_numpy(), wide["se"].to_numpy()
    tests = pd.read_csv(METAFOR / "tests.csv", index_col="feature")
    own = pd.read_csv(METAFOR / "heterogeneity.csv", index_col="feature")
    print("| metafor 3.8-1 | rows | tau2 | I2, % | estimate | SE | CI, PI | log10 p |")
    print("|---|---|---|---|---|---|---|---|")
    for method, theirs in METHODS.items():
        het = own[own["method"] == theirs].loc[wide.index]
        for interval, test in INTERVALS.items():
            pooled = _meta.pool(y, se, method=method, interval=interval)
            part = tests[(tests["method"] == theirs) & (tests["test"] == test)].loc[wide.index]
            ends = ["ci_low", "ci_high", "pi_low", "pi_high"]
            gaps = [
                np.abs(pooled.tau2 - het["tau2"]).max(),
                np.abs(pooled.i2 - het["i2"]).max(),
                np.abs(pooled.estimate - part["estimate"]).max(),
                np.abs(pooled.se - part["se"]).max(),
                max(np.nanmax(np.abs(getattr(pooled, e) - part[e]).fillna(0)) for e in ends),
                np.abs(np.log10(pooled.p_value) - np.log10(part["p_value"])).max(),
            ]
            cells = " | ".join(f"{g:.0e}" for g in gaps)
            print(f"| {theirs}, {test} | {len(part)} | {cells} |")


def error_rates(n: int = 40000) -> None:
    """Type I error at 5% and coverage of the 95% prediction interval."""
    print("\n| cohorts | tau2 / v | HK | HK adhoc | Wald | PI of HK covers |")
    print("|---|---|---|---|---|---|")
    for label, large, df in (
        ("equal SE", 1.0, 0),
        ("one 10 times as large", 0.1, 0),
        ("equal, SE on 9 df", 1.0, 9),
    ):
        for k in (3, 5, 10):
            for ratio in (0.0, 0.2, 1.0, 5.0):
                rng = np.random.default_rng(k)
                v = np.where(np.arange(k) == 0, large, 1.0) * np.ones((n, k))
                y = rng.normal(0, np.sqrt(v + ratio))
                if df:
                    v = v * rng.chisquare(df, (n, k)) / df
                rates = {i: _meta.pool(y, np.sqrt(v), interval=i) for i in INTERVALS}
                new = rng.normal(0, np.sqrt(ratio), n)
                hk = rates["hartung-knapp"]
                cover = ((hk.pi_low <= new) & (new <= hk.pi_high)).mean()
                cells = " | ".join(
                    f"{100 * (r.p_value < 0.05).mean():.1f}%" for r in rates.values()
                )
                print(f"| {k}, {label} | {ratio:g} | {cells} | {100 * cover:.0f}% |")


def seconds() -> None:
    """Time of 5000 features in 20 cohorts with 30% gaps."""
    rng = np.random.default_rng(0)
    se = rng.uniform(0.1, 0.5, (5000, 20))
    y = rng.normal(0, np.sqrt(0.1 + se**2))
    y[rng.random(y.shape) < 0.3] = np.nan
    print()
    for method in METHODS:
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            _meta.pool(y, se, method=method)
            best = min(best, time.perf_counter() - start)
        print(f"{method}: {best:.3f} s")


if __name__ == "__main__":
    agreement()
    error_rates()
    seconds()
