"""Type I error, coverage and power of `tl.differential`, by simulation.

    python tests/benchmarks/theory.py

prints the tables of docs/theory.md (4 minutes on one core); tests/tl/test_theory.py asserts the
same functions at smaller sizes. Each feature is one simulated data set: a normal level of each
person (SD ``between``) plus normal noise (SD 1), cells missing at random. Seeds are fixed.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
from scipy import special, stats

import exerkine_omics as exo
from exerkine_omics.errors import ExerkineWarning

TIMES = ("pre", "post", "h1", "h3", "h24")
ARMS = ("EE", "CON")
SIZES = (8, 20, 100)
MISSING = (0.0, 0.1, 0.4)
METHODS: dict[str, dict[str, Any]] = {
    "kenward-roger": {"method": "lmm"},
    "satterthwaite": {"method": "lmm", "ddf": "satterthwaite"},
    "moderated": {"method": "moderated"},
    "paired_t": {"method": "paired_t"},
}
SHRINKING: dict[str, dict[str, Any]] = {
    "lmm": {"method": "lmm"},
    "moderate=True": {"method": "lmm", "moderate": True},
    "moderated": {"method": "moderated"},
    "paired_t": {"method": "paired_t"},
}


class Rate(NamedTuple):
    """A share of ``n`` features."""

    share: float
    n: int

    def error(self, expected: float) -> float:
        """Four standard errors of a share that is expected."""
        return 4 * float(np.sqrt(expected * (1 - expected) / self.n))

    def near(self, expected: float) -> bool:
        """Whether the share is what is expected, within Monte Carlo error."""
        return abs(self.share - expected) < self.error(expected)

    def between(self, low: float, high: float) -> bool:
        """Whether the share is between two bounds, within Monte Carlo error."""
        return low - self.error(low) <= self.share <= high + self.error(high)


# ---- made-up cohorts


def cohort(values: np.ndarray, arms: Sequence[str] = ("",)) -> ad.AnnData:
    """People x times x features as a cohort; people take the arms in turn."""
    n, k, _ = values.shape
    obs = pd.DataFrame(
        {
            "subject_id": np.repeat([f"P{i:03d}" for i in range(n)], k),
            "timepoint": pd.Categorical(TIMES[:k] * n, TIMES[:k], ordered=True),
        },
        index=[f"s{i}" for i in range(n * k)],
    )
    if len(arms) > 1:
        obs["arm"] = pd.Categorical(np.repeat([arms[i % len(arms)] for i in range(n)], k), arms)
    adata = ad.AnnData(values.reshape(n * k, -1), obs=obs)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


def draw(
    seed: Sequence[int],
    n: int,
    times: int,
    features: int,
    between: float = 1.0,
    missing: float = 0.0,
) -> np.ndarray:
    """People x times x features without an effect."""
    rng = np.random.default_rng(list(seed))
    values = between * rng.normal(size=(n, 1, features)) + rng.normal(size=(n, times, features))
    if missing:
        values[rng.random(values.shape) < missing] = np.nan
    return values


def test_all(adata: ad.AnnData, **options: Any) -> pd.DataFrame:
    """Run the test without its notes on variances."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExerkineWarning)
        return exo.tl.differential(adata, **options)


test_all.__test__ = False  # type: ignore[attr-defined]


def rejected(frame: pd.DataFrame, level: float = 0.05) -> Rate:
    """Share of the tested rows with p below a level."""
    p_value = frame.loc[frame["status"] == "ok", "p_value"]
    return Rate(float((p_value < level).mean()), len(p_value))


def by_contrast(frame: pd.DataFrame) -> dict[str, Rate]:
    """`rejected` of each contrast."""
    return {str(c): rejected(own) for c, own in frame.groupby("contrast", observed=True)}


def covered(frame: pd.DataFrame, truth: float) -> Rate:
    """Share of the tested rows whose interval holds the truth."""
    ok = frame[frame["status"] == "ok"]
    return Rate(float(((ok["ci_low"] <= truth) & (truth <= ok["ci_high"])).mean()), len(ok))


# ---- what theory says


def exact_rate(
    within_df: int, between_df: int, ratio: float, ddf: str = "kenward-roger", rank: int = 1
) -> float:
    r"""Type I error of the mixed model on complete data, by quadrature.

    The mean squares within and between people, :math:`W` and :math:`B`, are independent, and the
    REML residual variance is :math:`W` where :math:`B > W`, else both pooled, that is the smaller
    of the two: too small on average, the more so the nearer ``ratio`` = E(B) / E(W) is to 1.
    Kenward-Roger keeps the df within people; Satterthwaite jumps to all df in a singular fit.
    """
    grid = (np.arange(300) + 0.5) / 300
    within = stats.chi2.ppf(grid, within_df)[:, None] / within_df
    people = ratio * stats.chi2.ppf(grid, between_df) / between_df
    pooled = (within_df * within + between_df * people) / (within_df + between_df)
    singular = people < within
    jump = singular & (ddf == "satterthwaite")
    near, far = stats.f.ppf(0.95, rank, [within_df, within_df + between_df])
    limit = np.where(jump, far, near)
    return float(special.chdtrc(rank, rank * limit * np.where(singular, pooled, within)).mean())


def exact(n: int, times: int, between: float, ddf: str = "kenward-roger", rank: int = 1) -> float:
    """`exact_rate` of one group; each moderator costs a person."""
    return exact_rate((n - 1) * (times - 1), n - 1, 1 + times * between**2, ddf, rank)


# ---- cases


def type_one(
    n: int, times: int, missing: float, between: float, features: int
) -> dict[str, pd.DataFrame]:
    """`post - pre` without an effect, by each of METHODS."""
    seed = (1, n, times, int(100 * missing), int(10 * between))
    adata = cohort(draw(seed, n, times, features, between, missing))
    return {
        name: test_all(adata, contrasts=["post - pre"], **options)
        for name, options in METHODS.items()
    }


def unequal(
    n: int,
    features: int,
    *,
    whole: bool = False,
    share: float = 1.0,
    missing: float = 0.0,
    lost: float = 0.0,
    times: int = 5,
    seed: int = 0,
) -> tuple[ad.AnnData, np.ndarray]:
    """No effect, but three times the noise at `post` (``whole``: of all that varies there).

    Returned with the features that have it, the first ``share``. ``missing`` cells anywhere;
    ``lost`` further ones at `post`.
    """
    rng = np.random.default_rng([2, n, int(whole), int(100 * missing), int(100 * lost), seed])
    level = rng.normal(size=(n, 1, features))
    noise = rng.normal(size=(n, times, features))
    varies = np.arange(features) < share * features
    factor = np.ones((times, features))
    factor[1, varies] = 3.0
    values = (level + noise) * factor if whole else level + noise * factor
    values[rng.random(values.shape) < missing] = np.nan
    values[:, 1][rng.random((n, features)) < lost] = np.nan
    return cohort(values), varies


def named(n: int, features: int, *, whole: bool, share: float, seed: int = 0) -> tuple[Rate, Rate]:
    """Share of the features of unequal variance that a note names at `post`; of false notes."""
    adata, varies = unequal(n, features, whole=whole, share=share, seed=seed)
    test_all(adata)
    notes = adata.uns["differential_variances"]
    at = notes.loc[notes["timepoint"] == "post", "feature"].astype(int).to_numpy()
    true = int(varies[at].sum())
    return (
        Rate(true / int(varies.sum()), int(varies.sum())),
        Rate((len(notes) - true) / features, features),
    )


def false_notes(n: int, sets: int, features: int, tails: float | None = None) -> tuple[Rate, Rate]:
    """Share of features named, and of cohorts warned of, where variances are equal.

    All is noise (the worst case: correlated samples make the F test conservative), normal or of
    Student's t with ``tails`` df.
    """
    rng = np.random.default_rng([3, n, int(tails or 0)])
    features_named = warned = 0
    for _ in range(sets):
        size = (n, 5, features)
        adata = cohort(rng.normal(size=size) if tails is None else rng.standard_t(tails, size))
        test_all(adata)
        notes = adata.uns["differential_variances"]
        features_named += notes["feature"].nunique()
        warned += len(notes) > 0
    return Rate(features_named / (sets * features), sets * features), Rate(warned / sets, sets)


def two_arms(n: int, times: int, missing: float, features: int, apart: float = 0.0) -> ad.AnnData:
    """EE rises by 1 and CON by 0.3 at `post`; EE's people lie ``apart`` higher at all times."""
    values = draw((4, n, times, int(100 * missing)), n, times, features, 1.0, missing)
    values[0::2, 1] += 1.0
    values[1::2, 1] += 0.3
    values[0::2] += apart
    return cohort(values, ARMS)


TRUTH = {"EE: post - pre": 1.0, "EE - CON: post - pre": 0.7}


def of(frame: pd.DataFrame, contrast: str) -> pd.DataFrame:
    """Rows of a contrast."""
    return frame[frame["contrast"] == contrast]


def joint(n: int, times: int, missing: float, between: float, features: int) -> Rate:
    """Joint F test of all later times without an effect (Kenward-Roger)."""
    seed = (5, n, times, int(100 * missing), int(10 * between))
    adata = cohort(draw(seed, n, times, features, between, missing))
    changes = [f"{t} - pre" for t in TIMES[1:times]]
    return rejected(test_all(adata, contrasts={"any change": changes}))


def moderators(n: int, missing: float, between: float, features: int) -> dict[str, dict[str, Rate]]:
    """Change, and its dependence on age and sex, without an effect."""
    seed = (6, n, int(100 * missing), int(10 * between))
    adata = cohort(draw(seed, n, 2, features, between, missing))
    rng = np.random.default_rng(n)
    adata.obs["age"] = np.repeat(rng.normal(40, 9, n), 2)
    adata.obs["sex"] = np.repeat(["F", "M"] * (n // 2), 2)
    return {
        method: by_contrast(test_all(adata, method=method, moderators=["age", "sex"]))
        for method in ("lmm", "moderated")
    }


def moderation(
    n: int, prior_df: float, missing: float, between: float, features: int
) -> dict[str, tuple[Rate, Rate, Rate]]:
    """Type I error at 0.05 and at 0.001, and power at 0.05, by each of SHRINKING.

    The features' variances are scaled inverse chi-square on ``prior_df`` df (infinite: equal); the
    first third of them change by 1.5 SD of their own noise.
    """
    seed = (7, n, int(min(prior_df, 1e6)), int(100 * missing), int(10 * between))
    values = draw(seed, n, 2, features, between, missing)
    third = features // 3
    values[:, 1, :third] += 1.5
    if np.isfinite(prior_df):
        rng = np.random.default_rng([8, *seed])
        values *= np.sqrt(prior_df / rng.chisquare(prior_df, features))
    adata = cohort(values)
    result = {}
    for name, options in SHRINKING.items():
        frame = test_all(adata, **options)
        null = frame.iloc[third:]
        result[name] = (rejected(null), rejected(null, 0.001), rejected(frame.iloc[:third]))
    return result


# ---- the tables


def percent(value: float | Rate) -> str:
    """A share in percent."""
    return f"{100 * (value.share if isinstance(value, Rate) else value):.2f}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table with its title; shares are in percent."""
    print(f"\n**{title}**\n\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        cells = [percent(v) if isinstance(v, Rate | float) else str(v) for v in row]
        print("| " + " | ".join(cells) + " |")


def print_type_one() -> None:
    """Measured and computed type I error."""
    rows = []
    for times in (2, 3):
        for n in SIZES:
            for missing in MISSING:
                own: list[Rate] = []
                for between in (0.0, 1.0):
                    frames = type_one(n, times, missing, between, 100_000 if n < 100 else 30_000)
                    own += [rejected(frame) for frame in frames.values()]
                rows.append([times, n, f"{missing:.0%}", *own])
    names = ("lmm", "lmm, Satterthwaite", "moderated", "paired_t")
    head = [f"{name}, SD {b}" for b in (0, 1) for name in names]
    table("1. Type I error, `post - pre`", ["times", "n", "missing", *head], rows)
    spreads, rows = (0.0, 0.2, 0.4, 0.6, 1.0), []
    for times in (2, 3, 5):
        for n in (6, 20, 100):
            pairs = [
                " / ".join(percent(exact(n, times, b, ddf)) for ddf in tuple(METHODS)[:2])
                for b in spreads
            ]
            rows.append([times, n, *pairs])
    title = "2. The same by theory, complete data: Kenward-Roger / Satterthwaite"
    table(title, ["times", "n", *(f"SD {b:g}" for b in spreads)], rows)


def print_unequal() -> None:
    """A time point of larger variance, and the notes of it."""
    rows = []
    ways: dict[str, dict[str, Any]] = {
        "lmm": {},
        'lmm, variance="contrast"': {"variance": "contrast"},
        "moderated": {"method": "moderated"},
        "paired_t": {"method": "paired_t"},
    }
    for whole in (False, True):
        for missing, lost in ((0.0, 0.0), (0.2, 0.0), (0.0, 0.5)):
            adata, _ = unequal(12, 50_000, whole=whole, missing=missing, lost=lost)
            found = [by_contrast(test_all(adata, **o)) for o in ways.values()]
            what = f"{lost:.0%} of post" if lost else f"{missing:.0%}"
            for time in ("post", "h3"):
                own = [f[f"{time} - pre"] for f in found]
                rows.append(["all" if whole else "noise", what, f"{time} - pre", *own])
    title = "3. SD x 3 at `post`, five times, n = 12: type I error"
    table(title, ["SD x 3 of", "missing", "contrast", *ways], rows)
    rows = []
    for whole in (False, True):
        for n in (12, 20, 30):
            (most, _), (few, _) = (named(n, 20_000, whole=whole, share=s) for s in (1.0, 0.02))
            lone = [named(n, 1000, whole=whole, share=0.001, seed=s)[0].share for s in range(100)]
            rows.append(["all" if whole else "noise", n, most, few, float(np.mean(lone))])
    title = "4. Features of unequal variance that the note names"
    table(title, ["SD x 3 of", "n", "all have it", "2% have it", "1 of 1000 has it"], rows)
    rows = []
    for tails in (None, 5.0):
        for n in (12, 30):
            found_features, warned = false_notes(n, 200, 500, tails)
            rows.append([f"t, {tails:.0f} df" if tails else "normal", n, found_features, warned])
    title = "5. False notes, 500 features of equal variance at five times, no level"
    table(title, ["noise", "n", "features", "cohorts warned of"], rows)


def print_coverage() -> None:
    """Intervals of effects that are not zero."""
    ways: dict[str, dict[str, Any]] = {
        "lmm": {},
        "lmm, constrained": {"baseline": "constrained"},
        "moderated": {"method": "moderated"},
        "paired_t": {"method": "paired_t"},
    }
    rows = []
    for n in (12, 24):
        for times in (2, 3):
            for missing in (0.0, 0.2):
                adata = two_arms(n, times, missing, 50_000)
                frames = [test_all(adata, control="CON", **o) for o in ways.values()]
                for contrast, truth in TRUTH.items():
                    own = [covered(of(f, contrast), truth) for f in frames]
                    rows.append([n, times, f"{missing:.0%}", contrast, *own])
    title = "6. Coverage of 95% intervals, two arms of n / 2"
    table(title, ["n", "times", "missing", "contrast", *ways], rows)
    rows = []
    for apart in (0.0, 0.5, 1.0):
        for n in (12, 24, 100):
            adata = two_arms(n, 2, 0.0, 20_000, apart)
            own = []
            for name in tuple(ways)[:2]:
                frame = test_all(adata, control="CON", **ways[name])
                frame = of(frame, "EE - CON: post - pre")
                bias = frame["estimate"].mean() - TRUTH["EE - CON: post - pre"]
                width = (frame["ci_high"] - frame["ci_low"]).median()
                inside = percent(covered(frame, TRUTH["EE - CON: post - pre"]))
                own += [f"{round(bias, 2) + 0.0:.2f}", f"{width:.2f}", inside]
            rows.append([f"{apart:g}", n, *own])
    head = [f"{b}: {w}" for b in ("free", "constrained") for w in ("bias", "width", "coverage")]
    title = "7. `EE - CON: post - pre` where arms lie apart at baseline"
    table(title, ["apart, noise SDs", "n", *head], rows)


def print_joint_and_moderators() -> None:
    """F tests, and interactions with a person's traits."""
    rows = []
    for times in (3, 5):
        for n in (8, 20):
            for missing in (0.0, 0.2):
                own = [joint(n, times, missing, b, 100_000) for b in (0.0, 1.0)]
                known: list[Any] = [exact(n, times, b, rank=times - 1) for b in (0.0, 1.0)]
                rows.append([times, n, f"{missing:.0%}", *own, *(["", ""] if missing else known)])
    head = ["times", "n", "missing", "SD 0", "SD 1", "theory, SD 0", "theory, SD 1"]
    table("8. Type I error of the joint F test (Kenward-Roger)", head, rows)
    rows = []
    for n in (8, 20):
        for missing in (0.0, 0.2):
            found = [moderators(n, missing, b, 60_000) for b in (0.0, 1.0)]
            for contrast in found[0]["lmm"]:
                own = [f[m][contrast] for m in ("lmm", "moderated") for f in found]
                rows.append([n, f"{missing:.0%}", contrast, *own])
    head = [f"{m}, SD {b}" for m in ("lmm", "moderated") for b in (0, 1)]
    title = "9. Type I error with age and sex as moderators, two times"
    table(title, ["n", "missing", "contrast", *head], rows)


def print_moderation() -> None:
    """What squeezing variances gains and costs."""
    rows = []
    for n, missing in ((6, 0.0), (6, 0.2), (20, 0.2)):
        for prior_df in (4.0, np.inf):
            for between in (0.0, 0.5, 1.0):
                found = moderation(n, prior_df, missing, between, 120_000)
                own = [
                    f"{percent(rate)} / {1000 * far.share:.1f} / {100 * power.share:.0f}"
                    for rate, far, power in found.values()
                ]
                rows.append([n, f"{missing:.0%}", f"{prior_df:.0f}", f"{between:g}", *own])
    title = "10. Type I error at 0.05 / at 0.001 as multiple of it / power, two times"
    table(title, ["n", "missing", "prior df", "SD", *SHRINKING], rows)


def main() -> None:
    """Print the tables."""
    print_type_one()
    print_unequal()
    print_coverage()
    print_joint_and_moderators()
    print_moderation()


if __name__ == "__main__":
    main()
