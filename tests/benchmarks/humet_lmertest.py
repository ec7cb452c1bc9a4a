"""How far our mixed model lies from lmerTest's and pbkrtest's on every metabolite of a real bout.

    EXERKINE_DATA_DIR=... python tests/benchmarks/humet_lmertest.py [FOLDER]

15 men at 7 times around one cycling bout, 731 metabolites, values missing not at random: 6 changes
and the joint F test of each, with both df corrections. Runs Rscript on humet_lmertest.R (some
minutes), which needs lmerTest and pbkrtest; FOLDER keeps its files, and answers that lie there are
read instead. The data bear no licence: what this prints stays where it is printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

import exerkine_omics as exo
from exerkine_omics.kernels import _lmm, _lmm_sums

SCRIPT = Path(__file__).with_suffix(".R")
DDF = {"satterthwaite": "", "kenward-roger": "_kr"}
# what lies beyond these is looked into: abs, relative, relative, abs
LIMITS = {"estimate": 1e-7, "se": 1e-6, "df": 1e-5, "log10_p": 1e-5}
QUANTILES = (0.5, 0.9, 0.99, 1.0)


def read_cohort(data_dir: Path) -> ad.AnnData:
    """Log2 of the values; three named metabolites have no column there and stay, all NaN."""
    folder = data_dir / "humet_exercise"
    table = pd.read_csv(folder / "plasma_exercise_T33-39_matrix.csv.gz", dtype={"subject": str})
    features = pd.read_csv(folder / "features.csv").set_index("column")
    values = np.log2(table.reindex(columns=features.index).to_numpy(float))
    time = "T" + table["time"].astype(str)
    obs = pd.DataFrame({"subject_id": "S" + table["subject"].str.zfill(2), "timepoint": time})
    obs.index = pd.Index(table["sample_id"].astype(str))
    obs["timepoint"] = pd.Categorical(obs["timepoint"].to_numpy(), sorted(set(time)), ordered=True)
    adata = ad.AnnData(values, obs=obs, var=features)
    adata.uns["exerkine"] = {"units": "log2", "baseline": "T33"}
    return adata


def our_answers(adata: ad.AnnData) -> dict[str, pd.DataFrame]:
    """Result frames by df correction, by feature and contrast."""
    found = {}
    for ddf in DDF:
        frame = exo.tl.differential(adata, ddf=ddf, joint=True, variance="pooled")
        text = frame.astype({"feature": str, "contrast": str, "status": str})
        found[ddf] = text.set_index(["feature", "contrast"])
    return found


def our_thetas(adata: ad.AnnData) -> pd.Series:
    """Variance ratio of each feature that has rows."""
    measured = np.isfinite(adata.X).any(axis=0)
    cells = pd.get_dummies(adata.obs["timepoint"]).to_numpy(float)
    subject = pd.factorize(adata.obs["subject_id"])[0]
    sums = _lmm_sums.grouped_sums(adata.X[:, measured], cells, subject)
    return pd.Series(_lmm.fit_reml(sums).theta, adata.var_names[measured])


def their_answers(adata: ad.AnnData, thetas: pd.Series, folder: Path) -> pd.DataFrame:
    """Run R, or read what it left in the folder."""
    answers = folder / "answers.csv"
    if not answers.exists():
        values = pd.DataFrame(adata.X, columns=adata.var_names)
        values.insert(0, "time", adata.obs["timepoint"].astype(str).to_numpy())
        values.insert(0, "subject", adata.obs["subject_id"].astype(str).to_numpy())
        values.to_csv(folder / "values.csv", index=False)  # shortest text that reads back equal
        given = pd.DataFrame({"feature": thetas.index, "theta": thetas.to_numpy()})
        given.to_csv(folder / "thetas.csv", index=False)
        subprocess.run(["Rscript", str(SCRIPT), str(folder)], check=True)
    return pd.read_csv(answers, dtype={"feature": str}).set_index(["feature", "contrast"])


def gaps(ours: pd.DataFrame, theirs: pd.DataFrame, tail: str) -> pd.DataFrame:
    """Differences of the rows that both have; of F tests, statistic and no estimate or SE."""
    with np.errstate(divide="ignore"):
        logs = np.log10(ours["p_value"]) - np.log10(theirs[f"p{tail or '_value'}"])
    return pd.DataFrame(
        {
            "estimate": (ours["estimate"] - theirs["estimate"]).abs(),
            "se": (ours["se"] / theirs[f"se{tail}"] - 1).abs(),
            "df": (ours["df"] / theirs[f"df{tail}"] - 1).abs(),
            "statistic": (ours["statistic"] / theirs[f"statistic{tail}"] - 1).abs(),
            "log10_p": logs.abs(),
        }
    )


def report(adata: ad.AnnData, folder: Path) -> None:
    """Print the agreement, and who is right where there is none."""
    ours, thetas = our_answers(adata), our_thetas(adata)
    theirs = their_answers(adata, thetas, folder)
    print((folder / "versions.txt").read_text().replace("\n", ", "))
    one = theirs.reset_index().drop_duplicates("feature").set_index("feature")
    shared = one.index.intersection(thetas.index)
    singular = thetas[shared] < _lmm.SINGULAR
    print(f"{len(shared)} features fitted by both; singular: {int(singular.sum())} of ours, ")
    print(f"  {int(one.loc[shared, 'singular'].sum())} of theirs, the same", end=" ")
    print(f"{int((singular == one.loc[shared, 'singular']).sum())}")
    odd: set[str] = set()
    for ddf, tail in DDF.items():
        frame = ours[ddf]
        both = theirs.index.intersection(frame.index)
        tested = both[(frame.loc[both, "status"] == "ok").to_numpy()]
        print(f"\n{ddf}: {len(frame)} rows, {len(theirs)} of R's, {len(tested)} tested by both")
        print("  statuses:", frame["status"].value_counts().to_dict())
        print("  R's rows by our status:", frame.loc[both, "status"].value_counts().to_dict())
        missing = frame.index[frame["status"] == "ok"].difference(theirs.index)
        print("  ours alone:", len(missing), list(missing[:5]))
        table = gaps(frame.loc[tested], theirs.loc[tested], tail)
        joint = table.index.get_level_values("contrast") == "any change"
        for name, part in (("changes", table[~joint]), ("joint F", table[joint])):
            print(f"  {name} ({len(part)})")
            print(part.quantile(QUANTILES).T.dropna().map("{:.1e}".format).to_string())
        beyond = table[(table[list(LIMITS)] > pd.Series(LIMITS)).any(axis=1)]
        print(f"  beyond the limits: {len(beyond)} rows")
        odd |= set(beyond.index.get_level_values("feature"))
    if odd:
        print("\nREML criterion, theirs minus ours (positive: ours is the better fit)")
        part = one.loc[sorted(odd)]
        part = part.assign(
            ours=thetas[part.index], better=part["criterion"] - part["criterion_other"]
        )
        print(part[["theta", "ours", "better"]].to_string())
    better = (one["criterion"] - one["criterion_other"]).dropna()
    print("\ncriterion, theirs minus ours, all features:", better.describe().to_dict())


def main() -> None:
    """Check what is needed, then print."""
    where = os.environ.get("EXERKINE_DATA_DIR", "")
    if not (Path(where) / "humet_exercise").is_dir() or not where:
        sys.exit("EXERKINE_DATA_DIR is not set, or holds no humet_exercise.")
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not there; it is needed with the packages lmerTest and pbkrtest.")
    adata = read_cohort(Path(where))
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        report(adata, Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(adata, Path(folder))


if __name__ == "__main__":
    main()
