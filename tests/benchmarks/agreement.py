"""How far our numbers lie from the reference implementations' on the fixtures.

    python tests/benchmarks/agreement.py

prints the table of docs/agreement.md. The references' answers were written by the scripts that
lie beside them in tests/reference.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import exerkine_omics as exo
from exerkine_omics.kernels import _ebayes

REFERENCE = Path(__file__).parents[1] / "reference"


def cohort(folder: Path, case: str) -> ad.AnnData:
    """AnnData of a fixture."""
    matrix = pd.read_csv(folder / f"{case}_matrix.csv", index_col=0)
    samples = pd.read_csv(folder / f"{case}_samples.csv").set_index("sample").loc[matrix.index]
    times = [t for t in ("pre", "post", "late") if t in set(samples["time"])]
    obs = pd.DataFrame({"subject_id": samples["subject"]})
    obs["timepoint"] = pd.Categorical(samples["time"], times, ordered=True)
    if "hours" in samples:
        obs["hours"] = samples["hours"]
    if samples["arm"].nunique() > 1:
        obs["arm"] = samples["arm"].astype("category")
    adata = ad.AnnData(matrix.to_numpy(float), obs=obs, var=pd.DataFrame(index=matrix.columns))
    adata.uns["exerkine"] = {"units": "log2", "baseline": "pre"}
    return adata


def limma(case: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our result and limma's, joined by contrast and feature, the tested rows."""
    folder = REFERENCE / "limma"
    adata = cohort(folder, case)
    frame = exo.tl.differential(
        adata,
        control="CON" if case == "arms" else None,
        covariates=["hours"] if case == "covariate" else [],
        method="moderated",
        legacy=True,
    )
    ours = frame[frame["status"] == "ok"].astype({"contrast": str, "feature": str})
    ours = ours.set_index(["contrast", "feature"])
    theirs = pd.read_csv(folder / f"{case}_limma.csv").set_index(["contrast", "feature"])
    return ours, theirs.loc[ours.index]


def lmer(case: str, ddf: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our mixed model and lmerTest's, joined by contrast and feature."""
    folder = REFERENCE / ("lmertest" if case == "singular" else "limma")
    adata = cohort(folder, case)
    frame = exo.tl.differential(
        adata,
        control="CON" if case == "arms" else None,
        covariates=["hours"] if case == "covariate" else [],
        ddf=ddf,
    )
    ours = frame.astype({"contrast": str, "feature": str}).set_index(["contrast", "feature"])
    theirs = pd.read_csv(REFERENCE / "lmertest" / f"{case}_lmer.csv")
    return ours, theirs.set_index(["contrast", "feature"]).loc[ours.index]


def gaps(a: pd.DataFrame, b: pd.DataFrame) -> str:
    """Largest differences of estimate, SE, df, log10 p and F, as cells of a table."""
    t = b["estimate"].notna().to_numpy()
    found = [
        np.abs(a["estimate"] - b["estimate"])[t].max(),
        np.abs(a["se"] / b["se"] - 1)[t].max(),
        np.abs(a["df"] / b["df"] - 1).max(),
        np.abs(np.log10(a["p_value"]) - np.log10(b["p_value"])).max(),
        np.abs(a["statistic"] / b["statistic"] - 1)[~t].max() if (~t).any() else np.nan,
    ]
    return " | ".join("-" if np.isnan(g) else f"{g:.0e}" for g in found)


def more() -> None:
    """Print the tables of joint tests, moderators and designs, and of limma's options."""
    sys.path.insert(0, str(REFERENCE.parent / "tl"))
    import test_lmm_more as mixed
    import test_moderated as limma_tests

    test = exo.tl.differential
    age = {"control": "CON", "moderators": ["age"]}
    cases = {
        **{case: {"contrasts": None} for case in mixed.JOINT},
        "age": age,
        "age_sex": {"control": "CON", "moderators": ["age", "sex"]},
        "constrained": {"control": "CON", "baseline": "constrained", "joint": True},
        "covariate_n100": {"control": "CON", "covariates": ["hours"]},
        "own_cells": {"variance": "contrast"},
    }
    print("\n| mixed model | rows | estimate, abs | SE, rel | df, rel | log10 p, abs | F, rel |")
    print("|---|---|---|---|---|---|---|")
    for name, ddf, suffix in (
        ("lmerTest", "satterthwaite", ""),
        ("pbkrtest", "kenward-roger", "_kr"),
    ):
        for case, options in cases.items():
            adata, theirs = mixed.cohort(case), mixed.answers(case, suffix)
            if case in mixed.JOINT:
                options = {"contrasts": mixed.questions(adata)}
            ours = mixed.indexed(test(adata, ddf=ddf, **options))
            rows = ours.index.intersection(theirs.index)
            print(f"| {name}, {case} | {len(rows)} | {gaps(ours.loc[rows], theirs.loc[rows])} |")
    print("\n| limma 3.54.1 | rows | estimate, abs | SE, rel | df, rel | log10 p, abs | F, rel |")
    print("|---|---|---|---|---|---|---|")
    for name, setting in limma_tests.CASES:
        adata, weight = limma_tests.cohort(name)
        how = limma_tests.options(setting, weight)
        table = limma_tests.LINEAR
        chosen = (table["cohort"] == name) & (table["setting"] == setting)
        theirs = table[chosen].set_index(["contrast", "feature"])
        ours = limma_tests.answers(adata, how, contrasts=limma_tests.contrasts(name))
        rows = theirs.index
        print(f"| {name}, {setting} | {len(rows)} | {gaps(ours.loc[rows], theirs)} |")


def main() -> None:
    """Print the table."""
    print("| fixture | rows | estimate, abs | SE, rel | df, rel | log10 p, abs |")
    print("|---|---|---|---|---|---|")
    for case in ("balanced", "missing", "arms", "covariate", "tiny"):
        a, b = limma(case)
        gaps = [
            np.abs(a["estimate"] - b["estimate"]).max(),
            np.abs(a["se"] / b["se"] - 1).max(),
            np.abs(a["df"] / b["df"] - 1).max(),
            np.abs(np.log10(a["p_value"]) - np.log10(b["p_value"])).max(),
        ]
        print(f"| limma 3.54.1, {case} | {len(a)} | " + " | ".join(f"{g:.0e}" for g in gaps) + " |")
    print("\n| mixed model | rows | estimate, abs | SE, rel | df, rel | log10 p, abs |")
    print("|---|---|---|---|---|---|")
    for name, ddf, tail in (
        ("lmerTest", "satterthwaite", ""),
        ("pbkrtest", "kenward-roger", "_kr"),
    ):
        for case in ("balanced", "missing", "arms", "covariate", "tiny", "singular"):
            a, b = lmer(case, ddf)
            p = b["p_kr" if tail else "p_value"]
            gaps = [
                np.abs(a["estimate"] - b["estimate"]).max(),
                np.abs(a["se"] / b["se" + tail] - 1).max(),
                np.abs(a["df"] / b["df" + tail] - 1).max(),
                np.abs(np.log10(a["p_value"]) - np.log10(p)).max(),
            ]
            cells = " | ".join(f"{g:.0e}" for g in gaps)
            print(f"| {name}, {case} | {len(a)} | {cells} |")
    more()
    data = pd.read_csv(REFERENCE / "pylimma" / "variances.csv")
    print("\n| unequal df (pylimma 0.2.0) | prior df, theirs | ours | variance, theirs | ours |")
    print("|---|---|---|---|---|")
    for row in pd.read_csv(REFERENCE / "pylimma" / "prior.csv").itertuples():
        part = data[data["case"] == row.case]
        prior = _ebayes.fit_prior_likelihood(part["variance"].to_numpy(), part["df"].to_numpy())
        print(
            f"| case {row.case} | {row.df_prior:.4f} | {prior.df:.4f} "
            f"| {row.var_prior:.5f} | {prior.variance:.5f} |"
        )


if __name__ == "__main__":
    main()
