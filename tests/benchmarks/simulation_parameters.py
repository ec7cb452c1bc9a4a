"""Estimate the parameters of the simulated cohort from public data sets.

Run ``EXERKINE_DATA_DIR=... python tests/benchmarks/simulation_parameters.py``: it prints the
measured rows of ``exerkine_omics/datasets/parameters.tsv``. ``--effects FOLDER`` reads curated
tables as well and prints the residual SD of the acute trial.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student


def _sd_between(values: np.ndarray) -> np.ndarray:
    return np.nanstd(values, axis=0, ddof=1)


def _icc(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """ICC(1) of two visits per feature: between / (between + within)."""
    pair = np.stack([first, second])
    whole = ~np.isnan(pair).any(axis=0)
    pair = np.where(whole, pair, np.nan)
    within = np.nanmean((pair[0] - pair[1]) ** 2, axis=0) / 2
    mean = pair.mean(axis=0)
    between = np.nanvar(mean, axis=0, ddof=1) - within / 2
    return between / (between + within)


def _pc_shares(values: np.ndarray, n: int = 5) -> np.ndarray:
    """Shares of the variance of standardised features on the first PCs, noise floor removed."""
    z = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
    rng = np.random.default_rng(0)
    shuffled = np.column_stack([rng.permutation(column) for column in z.T])
    share = np.linalg.svd(z, compute_uv=False) ** 2
    floor = np.linalg.svd(shuffled, compute_uv=False) ** 2
    return np.clip(share / share.sum() - floor / floor.sum(), 0, None)[:n]


def ultramarathon(folder: Path) -> dict[str, float]:
    """Paired changes, visit-to-visit correlation and people of the 50 km race."""
    data = pd.read_csv(folder / "ultramarathon_50km_cytokines" / "samples_by_analyte.csv")
    people = pd.read_csv(folder / "ultramarathon_50km_cytokines" / "subjects.csv")
    names = ["IL6_pg_ml", "IL8_pg_ml", "TNFa_pg_ml", "IL1b_pg_ml"]
    wide = data.set_index(["timepoint", "subject"])[[*names, "CK_U_L", "calprotectin_ng_ml"]]
    log = np.log2(wide)
    out: dict[str, float] = {}
    for name in log.columns:
        change = (log.loc["finish_50km", name] - log.loc["pre", name]).dropna()
        out[f"{name}: mean log2 change pre-finish (n={len(change)})"] = change.mean()
        out[f"{name}: SD of that change"] = change.std()
    rest = log.loc["pre", names].join(log.loc["post_24h", names], rsuffix="_2").dropna()
    icc = _icc(rest[names].to_numpy(), rest[[f"{n}_2" for n in names]].to_numpy())
    out[f"median ICC of 4 cytokines, pre against 24 h after (n={len(rest)})"] = np.median(icc)
    il6 = (log.loc["finish_50km", "IL6_pg_ml"] - log.loc["pre", "IL6_pg_ml"]).dropna()
    noise = (rest["IL6_pg_ml"] - rest["IL6_pg_ml_2"]).std()
    out["IL-6: SD of change, pre against 24 h after"] = noise
    out["IL-6: SD of change / mean change, pre-finish"] = il6.std() / il6.mean()
    bmi = people["weight_kg"] / (people["height_cm"] / 100) ** 2
    for label, column in (("age", people["age"]), ("bmi", bmi), ("vo2", people["VO2_ml_kg_min"])):
        out[f"{label}: mean"], out[f"{label}: SD"] = column.mean(), column.std()
    men = people["sex"] == "M"
    out["vo2: men minus women"] = (
        people.loc[men, "VO2_ml_kg_min"].mean() - people.loc[~men, "VO2_ml_kg_min"].mean()
    )
    out["vo2: SD within sex"] = np.sqrt(
        people.groupby("sex")["VO2_ml_kg_min"].var().mul(people["sex"].value_counts() - 1).sum()
        / (len(people) - 2)
    )
    out["share of women"] = 1 - men.mean()
    visits = data[data["timepoint"] != "visit1_rest"][names].isna().all(axis=1)
    out["share of planned visits without cytokines"] = visits.mean()
    return out


def olink(folder: Path) -> dict[str, float]:
    """Between-person SD (first samples) and two-visit ICC of Olink Target 96 serum."""
    here = folder / "longitudinal_olink_covid_serum"
    samples = pd.read_csv(here / "samples.csv").set_index("SampleID")
    npx = pd.read_csv(here / "npx_matrix.csv", index_col=0).reindex(samples.index)
    people = samples["Individual_ID"]
    first = npx[~people.duplicated().to_numpy()]
    sd = _sd_between(first.to_numpy())
    twice = people[people.duplicated(keep=False)]
    visits = [npx.loc[index].to_numpy()[:2] for index in twice.groupby(twice).groups.values()]
    stack = np.stack(visits)
    within = np.nanmean((stack[:, 0] - stack[:, 1]) ** 2, axis=0) / 2
    icc = 1 - within / sd**2
    ok = np.isfinite(icc)
    sd, within, icc = sd[ok], within[ok], icc[ok]
    return {
        f"Olink serum, {len(first)} people: median SD, NPX": np.median(sd),
        "Olink serum: SD of log SD over proteins": np.log(sd).std(),
        f"Olink serum, {len(visits)} people twice: median residual SD, NPX": np.median(
            np.sqrt(within)
        ),
        "Olink serum: median ICC (total SD of all, within of the repeated)": np.median(icc),
        "Olink serum: lower quartile of ICC": np.quantile(icc, 0.25),
        "Olink serum: upper quartile of ICC": np.quantile(icc, 0.75),
        "Olink serum: mean NPX": np.nanmean(first.to_numpy()),
        "Olink serum: SD of protein means, NPX": first.mean(axis=0).std(),
    }


def somascan(folder: Path) -> dict[str, float]:
    """Healthy plasma: SD, factors, and the share below a LOD from the buffer wells."""
    here = folder / "somascan_example"
    samples = pd.read_csv(here / "example_data_full_samples.csv")
    log = np.log2(pd.read_csv(here / "example_data_full_rfu.csv.gz", index_col=0))
    kind = samples["SampleType"].to_numpy()
    values, buffer = log.to_numpy()[kind == "Sample"], log.to_numpy()[kind == "Buffer"]
    linear = 2**buffer
    center = np.median(linear, axis=0)
    limit = center + 4.9 * np.median(np.abs(linear - center), axis=0)
    below = (2**values < limit).mean(axis=0)
    sd = _sd_between(values)
    shares = _pc_shares(values)
    out = {
        f"SomaScan plasma, {len(values)} donors: median SD, log2 RFU": np.median(sd),
        "SomaScan plasma: SD of log SD over SOMAmers": np.log(sd).std(),
        "SomaScan plasma: share of values below LOD": below.mean(),
        "SomaScan plasma: share of SOMAmers with over 1% below LOD": (below > 0.01).mean(),
        "SomaScan plasma: mean share below LOD among those": below[below > 0.01].mean(),
    }
    out |= {f"SomaScan plasma: share of variance on PC {i + 1}": s for i, s in enumerate(shares)}
    return out


def metabolites(folder: Path) -> dict[str, float]:
    """Biocrates-like values of the two late visits (T4, T5), and missing values inside visits."""
    data = pd.read_csv(folder / "metabotyping_bariatric" / "by_visit_all_variables.csv")
    columns = list(data.columns[data.columns.get_loc("Ile") :])
    values = data.set_index(["time", "SUBJECTS"])[columns].apply(pd.to_numeric, errors="coerce")
    present = values[values.notna().mean(axis=1) > 0.5]
    log = np.log2(present.where(present > 0))
    late, later = log.loc["T4"], log.loc["T5"]
    both = late.index.intersection(later.index)
    icc = _icc(late.loc[both].to_numpy(), later.loc[both].to_numpy())
    sd = np.sqrt((late.var() + later.var()) / 2).to_numpy()
    change = (later.loc[both] - late.loc[both]).dropna(axis=1)
    first = _pc_shares(change.to_numpy())[0]
    return {
        f"Biocrates plasma/serum, T4 and T5, {len(both)} people: median SD, log2": np.nanmedian(sd),
        "Biocrates: SD of log SD over metabolites": np.nanstd(np.log(sd)),
        "Biocrates: median ICC T4-T5": np.nanmedian(icc),
        "Biocrates: lower quartile of ICC": np.nanquantile(icc, 0.25),
        "Biocrates: upper quartile of ICC": np.nanquantile(icc, 0.75),
        "Biocrates: share of missing values inside a visit": present.isna().to_numpy().mean(),
        "Biocrates: share of the T4-T5 changes on their first PC": first,
        "Biocrates: SD of metabolite means, log2": log.mean().std(),
    }


def metabolites_lod(folder: Path) -> dict[str, float]:
    """Share of "< LOD" statuses among the study samples of a real Biocrates p400 / Q500 run."""
    here = folder / "biocrates_metidq"
    flags = []
    for name in ("q500_Batch1_LC", "q500_Batch1_FIA"):
        kind = pd.read_csv(here / f"{name}_samples.csv")["Sample Type"].astype(str)
        status = pd.read_csv(here / f"{name}_status.csv").drop(columns="row")
        mine = kind.str.fullmatch("Sample").to_numpy()
        flags.append((status[mine] == "< LOD").mean())
    per = pd.concat(flags)
    # a metabolite seen in less than half of the samples is filtered out of any analysis
    per = per[per < 0.5]
    return {
        "Biocrates Q500: share of statuses < LOD": per.mean(),
        f"Biocrates Q500, {len(per)} metabolites: share with any < LOD": (per > 0).mean(),
        "Biocrates Q500: mean share < LOD among those": per[per > 0].mean(),
    }


def mirna(folder: Path) -> dict[str, float]:
    """Cq of TaqMan miRNA arrays: replicate SD, SD between samples, undetermined share."""
    here = folder / "mirna_qpcr_exports"
    mix = pd.read_csv(here / "mircomp" / "mircomp_lifetech_long.csv")
    good = mix[(~mix["undetermined"]) & mix["cq"].between(5, 35) & (mix["amp_score"] > 1)]
    rep = good.groupby(["assay", "mixture"])["cq"].agg(["std", "count"])
    replicate = np.sqrt((rep.loc[rep["count"] == 4, "std"] ** 2).groupby("assay").mean())
    nb = pd.read_csv(here / "neuroblastoma" / "nb_mirna_cq_long.csv")
    lost = nb.assign(lost=nb["undetermined"] | nb["cq"].isna() | (nb["cq"] >= 35))
    share = lost.groupby("target")["lost"].mean()
    full = lost[lost["target"].isin(share.index[share == 0])]
    wide = full.pivot_table(index="sample", columns="target", values="cq")
    centred = wide.sub(wide.mean(axis=1), axis=0)
    sd = centred.std()
    return {
        f"TaqMan replicates, {len(replicate)} assays: median SD, Cq": replicate.median(),
        f"TaqMan tumours, {len(sd)} complete miRNA: median SD, Cq": sd.median(),
        "TaqMan tumours: SD of log SD over miRNA": np.log(sd).std(),
        "TaqMan tumours: share of Cq undetermined": share.mul(1).mean(),
        "TaqMan tumours: share of miRNA with any undetermined": (share > 0).mean(),
        "TaqMan tumours: mean share undetermined among those": share[share > 0].mean(),
        "TaqMan tumours: mean Cq of the detected": nb.loc[nb["cq"] < 35, "cq"].mean(),
        "TaqMan tumours: SD of miRNA means, Cq": wide.mean().std(),
    }


def skiers(folder: Path) -> dict[str, float]:
    """SD of the change of VO2max in the control arm of 25 cross-country skiers."""
    data = pd.read_csv(folder / "exscidata_training" / "heatxc.csv")
    wide = data.pivot_table(index=["participant", "group"], columns="time", values="VO2max_kg")
    change = (wide["post"] - wide["pre"]).dropna()
    out = {}
    for arm, values in change.groupby("group"):
        out[f"skiers {arm} (n={len(values)}): mean change of VO2max"] = values.mean()
        out[f"skiers {arm}: SD of change"] = values.std()
        out[f"skiers {arm}: typical error"] = values.std() / np.sqrt(2)
    return out


def acute_trial(folder: Path) -> dict[str, float]:
    """Residual SD of plasma Olink from the confidence intervals of a controlled acute bout."""
    table = folder / "proteomics_lists" / "motrpac_acute_plasma_literature_exerkines.tsv"
    source = pd.read_csv(folder / "motrpac" / "table3_plasma_results.csv")
    listed = pd.read_csv(table, sep="\t")
    source = source[
        (source["assay"] == "prot-ol") & source["contrast_category"].isin(["EE-CON", "RE-CON"])
    ]
    key = listed.assign(logFC=pd.to_numeric(listed["effect"]))[["platform_id", "logFC", "n"]]
    source = source.assign(platform_id=source["feature_id"], logFC=source["logFC"].astype(float))
    both = source.merge(key, on=["platform_id", "logFC"])
    numbers = both["n"].str.extractall(r"(\d+)")[0].astype(float).unstack()
    half = (both["CI.R_calculated"] - both["CI.L_calculated"]) / 2
    df = (numbers.sum(axis=1) - 2).to_numpy()
    se = half.to_numpy() / student.ppf(0.975, df)
    sigma = se / np.sqrt(2 * (1 / numbers[0] + 1 / numbers[1])).to_numpy()
    per = pd.Series(sigma).groupby(both["platform_id"].to_numpy()).median()
    return {
        f"acute trial, plasma Olink, {len(per)} assays: median residual SD, NPX": per.median(),
        "acute trial: lower quartile": per.quantile(0.25),
        "acute trial: upper quartile": per.quantile(0.75),
    }


def main() -> None:
    folder = Path(os.environ["EXERKINE_DATA_DIR"])
    steps = (ultramarathon, olink, somascan, metabolites, metabolites_lod, mirna, skiers)
    rows = {}
    for step in steps:
        rows |= {(step.__name__, key): value for key, value in step(folder).items()}
    if "--effects" in sys.argv:
        extra = Path(sys.argv[sys.argv.index("--effects") + 1])
        rows |= {("acute_trial", key): value for key, value in acute_trial(extra).items()}
    for (step, key), value in rows.items():
        print(f"{step}\t{key}\t{value:.4g}")


if __name__ == "__main__":
    main()
