"""Reproduce the differential tables that MoTrPAC published of rat gastrocnemius.

    EXERKINE_DATA_DIR=... python tests/benchmarks/motrpac_tables.py

prints the tables of docs/motrpac.md. The rats are parallel groups, one muscle each: no subject
block. The model is that of the repository's vignettes/differential_analysis.Rmd and R/limmaFit.R
(MoTrPAC/MotrpacRatTraining6moMuscleData, MIT): ``~ 0 + exp_group`` with a weight a sample (limma's
arrayWeights, gene by gene), eBayes with trend and robust, as limma does it since 3.62 where df
differ. The least squares are our kernel's; the rest is written here from the papers and
limma's help pages, and where these leave a choice it is the one that gives limma's numbers.

References
----------
Ritchie ME et al. (2006) Empirical array quality weights in the analysis of microarray data. BMC
Bioinformatics 7:261. doi:10.1186/1471-2105-7-261

Cleveland WS (1979) Robust locally weighted regression and smoothing scatterplots. J Am Stat Assoc
74:829-836.

Phipson B et al. (2016) Robust hyperparameter estimation protects against hypervariable genes and
improves power to detect differential expression. Ann Appl Stat 10:946-963.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from exerkine_omics.kernels import _lmm, _lmm_sums

SETS = {"metab": "metabolome", "prot": "proteome"}
TABLES = ("trained_vs_SED", "MvF")
PRIOR_SAMPLES = 10  # features' worth of belief that all samples are alike


@dataclass(frozen=True)
class Groups:
    """Samples x features on a log2 scale, and the group of each sample."""

    values: np.ndarray
    features: pd.Index
    group: np.ndarray
    names: list[str]

    @property
    def design(self) -> np.ndarray:
        """Membership, samples x groups."""
        return (self.group[:, None] == np.array(self.names)).astype(float)


def read_muscle(folder: Path, what: str) -> tuple[Groups, pd.DataFrame]:
    """Matrix and groups of one omics layer, and the published rows with their table's name."""
    matrix = pd.read_csv(folder / f"gastroc_{what}_matrix.csv.gz", index_col=0)
    matrix.index = matrix.index.astype(str)
    samples = pd.read_csv(folder / f"gastroc_{what}_samples.csv", dtype=str)
    group = samples.set_index("sample_id").loc[matrix.index, "exp_group"].to_numpy(dtype=str)
    published = [
        pd.read_csv(folder / f"reference_{what}_gn_da_{table}.csv.gz").assign(table=table)
        for table in TABLES
    ]
    groups = Groups(matrix.to_numpy(float), matrix.columns, group, sorted(set(group)))
    return groups, pd.concat(published, ignore_index=True)


def sample_weights(values: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Precision of each sample, product 1, by one scoring step a feature (Ritchie 2006).

    The variance of sample j is that of the feature times exp(gamma_j), gammas adding to zero. Each
    feature in turn gives the residuals' excess r^2 / s^2 - (1 - h) and its information (that of
    its own variance taken out), added to the information so far; the order of features matters.
    """
    n = len(design)
    z = np.vstack([np.eye(n - 1), -np.ones(n - 1)])
    information = PRIOR_SAMPLES * z.T @ z
    gamma = np.zeros(n - 1)
    for y in values.T:
        rows = np.isfinite(y)
        x = design[rows][:, design[rows].any(axis=0)]
        df = rows.sum() - x.shape[1]
        if df < 2:
            continue
        root = np.sqrt(np.exp(-(z @ gamma)[rows]))
        basis, _ = np.linalg.qr(x * root[:, None])
        scaled = y[rows] * root
        rest = scaled - basis @ (basis.T @ scaled)
        variance = rest @ rest / df
        if variance <= 0:
            continue
        free = 1 - (basis**2).sum(axis=1)
        own = z[rows]
        shared = own.T @ free
        information += own.T @ (free[:, None] * own) - np.outer(shared, shared) / free.sum()
        gamma += np.linalg.solve(information, own.T @ (rest**2 / variance - free))
    return np.exp(-(z @ gamma))


def weighted_lowess(y: np.ndarray, x: np.ndarray, weight: np.ndarray, span: float) -> np.ndarray:
    """Local lines over the nearest points that hold ``span`` of the weight; no robust rounds.

    Lines are fitted at 200 points at most, each the first more than delta beyond the one before,
    delta the smallest that may leave out the widest gaps, and interpolated between them.
    """
    points = 200
    order = np.argsort(x, kind="stable")
    x, y, weight = x[order], y[order], weight[order]
    delta = 0.0
    if points < len(x):
        reach = np.cumsum(np.sort(np.diff(x)))
        gaps = np.arange(points - 1)
        delta = float((reach[len(reach) - 1 - gaps] / (points - gaps)).min())
    anchors = [0]
    while (following := int(np.searchsorted(x, x[anchors[-1]] + delta, "right"))) < len(x) - 1:
        anchors.append(following)
    anchors.append(len(x) - 1)
    heights = []
    for i in anchors:
        distance = np.abs(x - x[i])
        near = np.argsort(distance, kind="stable")
        last = np.searchsorted(np.cumsum(weight[near]), span * weight.sum())
        width = distance[near[min(last, len(x) - 1)]]
        tricube = weight * np.maximum(1 - (distance / width) ** 3, 0.0) ** 3
        centre, level = tricube @ x / tricube.sum(), tricube @ y / tricube.sum()
        slope = tricube @ ((x - centre) * y) / (tricube @ (x - centre) ** 2)
        heights.append(level + slope * (x[i] - centre))
    fitted = np.empty(len(x))
    fitted[order] = np.interp(x, x[anchors], heights)
    return fitted


def likelihood_prior(
    variance: np.ndarray, df: np.ndarray, level: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, float]:
    """Prior variance by trend and prior df by the likelihood of scale x F(df, prior df)."""
    half = df / 2
    z = np.log(variance) - special.digamma(half) + np.log(half)
    span = min(0.3 + 0.7 * (500 / len(z)) ** (1 / 3), 1.0)
    trend = weighted_lowess(z, level, weight / special.polygamma(1, half), span)

    def scale(prior_df: float) -> np.ndarray:
        return np.exp(trend + special.digamma(prior_df / 2) - np.log(prior_df / 2))

    def loss(share: float) -> float:
        s = scale(share / (1 - share))
        density = stats.f.logpdf(variance / s, df, share / (1 - share)) - np.log(s)
        return -float(weight @ density)

    best = optimize.minimize_scalar(loss, bounds=(2 / 3, 0.9999), method="bounded")
    prior_df = float(best.x / (1 - best.x))
    return scale(prior_df), prior_df


def robust_prior(
    variance: np.ndarray, df: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Prior variance and prior df of each feature, outliers of the first fit weighing less.

    Two-sided tail probabilities of the first fit, by Benjamini-Hochberg, weigh features at 0.3 or
    less in a second fit. A feature whose upper tail p is below the share q of features at or above
    it has prior df (p/q) d0 + (1 - p/q) d1, with d1 those that make the largest variance the
    median, and d0 otherwise; made monotone in p.
    """
    ones = np.ones(len(variance))
    scale, prior_df = likelihood_prior(variance, df, level, ones)
    f = variance / scale
    upper, lower = stats.f.sf(f, df, prior_df), stats.f.cdf(f, df, prior_df)
    rate = stats.false_discovery_control(np.minimum(2 * np.minimum(upper, lower), 1.0))
    if rate.min() > 0.3:
        return scale, prior_df * ones
    scale, second = likelihood_prior(variance, df, level, np.where(rate > 0.3, 1.0, rate))
    share = (len(f) - stats.rankdata(f) + 0.5) / len(f)
    inlier = np.minimum(upper / share, 1.0)
    order = np.argsort(upper, kind="stable")
    worst = order[0]
    fewest = np.log(0.5) / np.log(upper[worst]) * second
    fewest *= np.log(0.5) / stats.f.logsf(f[worst], df[worst], fewest)
    own = (inlier * second + (1 - inlier) * fewest)[order]
    means = np.cumsum(own) / np.arange(1, len(own) + 1)
    first = int(np.argmin(means))
    own[: first + 1] = means[first]
    result = np.empty(len(own))
    result[order] = np.maximum.accumulate(own)
    return scale, result


def fit_groups(groups: Groups, weight: np.ndarray | None = None) -> _lmm.Fit:
    """Weighted least squares of each feature on the groups: the mixed model without variance."""
    scale = None if weight is None else np.sqrt(weight)[:, None]
    own = np.arange(len(groups.values))
    sums = _lmm_sums.grouped_sums(groups.values, groups.design, own, scale)
    return _lmm.fit_at(sums, np.zeros(groups.values.shape[1]))


def test_groups(groups: Groups, contrasts: list[str], weight: np.ndarray | None) -> pd.DataFrame:
    """Moderated t of ``a - b`` for each feature and contrast; rows that cannot be had are NaN."""
    fit = fit_groups(groups, weight)
    prior_variance, prior_df = robust_prior(
        fit.sigma2, fit.df.astype(float), np.nanmean(groups.values, axis=0)
    )
    df = np.minimum(fit.df + prior_df, fit.df.sum())
    posterior = (fit.df * fit.sigma2 + prior_df * prior_variance) / (fit.df + prior_df)
    measured = np.isfinite(groups.values).T @ groups.design > 0
    rows = []
    for contrast in contrasts:
        a, b = (groups.names.index(name) for name in contrast.split(" - "))
        known = measured[:, a] & measured[:, b]
        estimate = np.where(known, fit.beta[a] - fit.beta[b], np.nan)
        unscaled = fit.phi[a, a] + fit.phi[b, b] - 2 * fit.phi[a, b]
        statistic = estimate / np.sqrt(posterior * unscaled)
        rows.append(
            pd.DataFrame(
                {
                    "featureName": groups.features,
                    "contrast": contrast,
                    "estimate": estimate,
                    "df": df,
                    "statistic": statistic,
                    "p_value": 2 * stats.t.sf(np.abs(statistic), df),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def reproduce(folder: Path, what: str) -> pd.DataFrame:
    """Published rows beside ours, one a feature and contrast (NaN where either has none)."""
    groups, published = read_muscle(folder, what)
    weight = sample_weights(groups.values, groups.design)
    contrasts = published["contrast"].drop_duplicates().to_list()
    ours = test_groups(groups, contrasts, weight)
    tables = published.drop_duplicates("contrast").set_index("contrast")["table"]
    ours["table"] = ours["contrast"].map(tables)
    ok = ours["p_value"].notna()
    # adjusted over all contrasts of a table, as published
    adjusted = ours[ok].groupby("table")["p_value"].transform(stats.false_discovery_control)
    ours.loc[ok, "p_adj"] = adjusted
    both = ours.merge(published.drop(columns="table"), how="outer", on=["featureName", "contrast"])
    return both.assign(set=what)


def agreement(both: pd.DataFrame) -> pd.Series:
    """Rows, and the differences; published: logFC and df to 2 decimals, t to 3, p to 2 digits."""
    part = both.dropna(subset=["estimate", "logFC"])
    t = (part["statistic"] - part["t"]).abs()
    # as published, 0.0496 is 0.05 and no hit
    hits = part["p_adj"].map("{:.1e}".format).astype(float) < 0.05
    return pd.Series(
        {
            "rows": len(part),
            "estimate": (part["estimate"] - part["logFC"]).abs().max(),
            "correlation": np.corrcoef(part["statistic"], part["t"])[0, 1],
            "t": t.max(),
            "t_median": t.median(),
            "df": (part["df"] - part["df.total"]).abs().max(),
            "p": (part["p_value"] / part["P.Value"] - 1).abs().max(),
            "p_adj": (part["p_adj"] / part["adj.P.Val"] - 1).abs().max(),
            "hits": int(hits.sum()),
            "hits_published": int((part["adj.P.Val"] < 0.05).sum()),
        }
    )


def main() -> None:
    """Print the table."""
    folder = Path(os.environ.get("EXERKINE_DATA_DIR", "")) / "motrpac_rat_pass1b"
    if not (folder / "gastroc_prot_matrix.csv.gz").exists():
        sys.exit("EXERKINE_DATA_DIR is not set, or holds no motrpac_rat_pass1b.")
    print("| layer | table | rows | logFC | r of t | t | df | p, rel | adj. p, rel |", end=" ")
    print("FDR < 0.05: ours | published |\n" + "|---" * 11 + "|")
    alone_rows = []
    for what, name in SETS.items():
        both = reproduce(folder, what)
        for table in TABLES:
            a = agreement(both[both["table"] == table])
            print(
                f"| {name} | {table} | {a['rows']:.0f} | {a['estimate']:.4f} "
                f"| {a['correlation']:.9f} | {a['t']:.5f} | {a['df']:.4f} | {a['p']:.3f} "
                f"| {a['p_adj']:.3f} | {a['hits']:.0f} | {a['hits_published']:.0f} |"
            )
        ours, theirs = both["estimate"].notna(), both["logFC"].notna()
        alone = (ours & ~theirs).sum(), (~ours & theirs).sum(), (~ours & ~theirs).sum()
        alone_rows.append(
            "{}: rows of ours alone {}, published alone {}, of neither {}".format(name, *alone)
        )
    print("\n".join(["", *alone_rows]))


if __name__ == "__main__":
    main()
