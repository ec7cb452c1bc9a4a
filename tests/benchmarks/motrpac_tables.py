"""Reproduce the differential tables that MoTrPAC published of rat gastrocnemius.

    EXERKINE_DATA_DIR=... python tests/benchmarks/motrpac_tables.py

prints the tables of docs/motrpac.md. The rats are parallel groups, one muscle each: no subject
block. The model is that of the repository's vignettes/differential_analysis.Rmd and R/limmaFit.R
(MoTrPAC/MotrpacRatTraining6moMuscleData, MIT): ``~ 0 + exp_group`` with a weight a sample (limma's
arrayWeights, gene by gene), eBayes with trend and robust, as limma does it since 3.62 where df
differ. The test is the package's public call; the sample weights are written here from the paper,
and where it leaves a choice it is the one that gives limma's numbers.

References
----------
Ritchie ME et al. (2006) Empirical array quality weights in the analysis of microarray data. BMC
Bioinformatics 7:261. doi:10.1186/1471-2105-7-261
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import stats

import exerkine_omics as exo

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


def test_groups(groups: Groups, contrasts: list[str], weight: np.ndarray) -> pd.DataFrame:
    """Moderated t of ``a - b`` for each feature and contrast, by the public call."""
    obs = pd.DataFrame(
        {
            "subject_id": [f"rat{i}" for i in range(len(groups.values))],
            "timepoint": pd.Categorical(["terminal"] * len(groups.values), ordered=True),
            "arm": pd.Categorical(groups.group, groups.names),
            "weight": weight,
        },
        index=[f"s{i}" for i in range(len(groups.values))],
    )
    adata = ad.AnnData(groups.values, obs=obs, var=pd.DataFrame(index=groups.features))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "terminal"}
    frame = exo.tl.differential(
        adata,
        method="moderated",
        block="correlation",  # nobody has two samples: no correlation is used
        trend=True,
        robust=True,
        weights="weight",
        contrasts={c: " - ".join(f"{g}.terminal" for g in c.split(" - ")) for c in contrasts},
    )
    frame = frame.rename(columns={"feature": "featureName"})
    return frame.astype({"featureName": str, "contrast": str})[
        ["featureName", "contrast", "estimate", "df", "statistic", "p_value"]
    ]


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
