"""Coverage of the intervals of SDir and of the share of responders, by simulation.

    python tests/benchmarks/sd_ir_coverage.py

prints the tables of docs/responders.md. Two arms of n people; a test has the error TE = 1, the
baseline the SD 5; responses are N(2, SDir^2), independent of the baseline; the threshold is 1.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from exerkine_omics.kernels import _response as kernel
from exerkine_omics.kernels import _sd_ir

EFFECT, THRESHOLD, LEVEL = 2.0, 1.0, 0.95
METHODS = ("closed", "mover", "mixed", "bootstrap")


def trial(
    n: int, sd_ir: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changes, baselines and who trained, of one trial."""
    treated = np.r_[np.ones(n, bool), np.zeros(n, bool)]
    true = rng.normal(0, 5, 2 * n)
    pre = true + rng.normal(0, 1, 2 * n)
    response = treated * rng.normal(EFFECT, sd_ir, 2 * n)
    return true + response + rng.normal(0, 1, 2 * n) - pre, pre, treated


def intervals(
    change: np.ndarray, pre: np.ndarray, treated: np.ndarray, rng: np.random.Generator, draws: int
) -> tuple[dict[str, tuple[float, float]], tuple[float, float]]:
    """Limits of SDir by each method, and of the share of responders."""
    first, second = change[treated], change[~treated]
    sds = [(v.std(ddof=1), len(v) - 1) for v in (first, second)]
    (sd_t, df_t), (sd_c, df_c) = sds
    fit = _sd_ir.fit_two_variances(change, np.c_[np.ones(len(pre)), treated, pre], treated)
    difference = fit.sd_treated**2 - fit.sd_control**2
    half = kernel.multiple(LEVEL, float("inf")) * fit.se_difference
    zero = [np.zeros(len(v), int) for v in (first, second)]
    sd_ir, share = _sd_ir.bootstrap(first, zero[0], second, zero[1], THRESHOLD, draws, rng)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    found = {
        "closed": kernel.sd_individual_response(sd_t, df_t, sd_c, df_c, LEVEL)[1:],
        "mover": _sd_ir.mover_interval(sd_t, df_t, sd_c, df_c, LEVEL),
        "mixed": (kernel.signed_root(difference - half), kernel.signed_root(difference + half)),
        "bootstrap": tuple(np.quantile(sd_ir, tails)),
    }
    return found, tuple(np.quantile(share, tails))


def coverage(n: int, sd_ir: float, rounds: int, draws: int, seed: int = 1) -> dict[str, float]:
    """Share of trials whose interval holds the truth; above 0 ("differs") under ``<method>_up``."""
    rng = np.random.default_rng(seed)
    truth = stats.norm.sf(THRESHOLD, EFFECT, sd_ir) if sd_ir else 1.0
    hits = dict.fromkeys([*METHODS, *(f"{m}_up" for m in METHODS), "share"], 0)
    for _ in range(rounds):
        found, share = intervals(*trial(n, sd_ir, rng), rng, draws)
        for method, (low, high) in found.items():
            hits[method] += bool(low <= sd_ir <= high)
            hits[f"{method}_up"] += bool(low > 0)
        hits["share"] += bool(share[0] - 1e-9 <= truth <= share[1] + 1e-9)
    return {name: n_hit / rounds for name, n_hit in hits.items()}


def main(rounds: int = 2000, draws: int = 1000) -> None:
    """Print both tables."""
    cells = {
        (n, sd): coverage(n, sd, rounds, draws)
        for n in (10, 20, 50, 100)
        for sd in (0.0, 1.0, 2.0, 4.0)
    }
    print(f"| people an arm | SDir / TE | {' | '.join(METHODS)} |")
    print("|---|---|" + "---|" * len(METHODS))
    for (n, sd), row in cells.items():
        print(f"| {n} | {sd:g} | " + " | ".join(f"{100 * row[m]:.1f}" for m in METHODS) + " |")
    print(f"\n| people an arm | SDir / TE | {' | '.join(METHODS)} | share of responders covered |")
    print("|---|---|" + "---|" * (len(METHODS) + 1))
    for (n, sd), row in cells.items():
        says = " | ".join(f"{100 * row[f'{m}_up']:.1f}" for m in METHODS)
        print(f"| {n} | {sd:g} | {says} | {100 * row['share']:.1f} |")


if __name__ == "__main__":
    main()
