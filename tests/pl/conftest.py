"""Made-up frames and results with the columns that tl and ml return."""

from __future__ import annotations

from types import SimpleNamespace

import anndata as ad
import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exerkine_omics import Reliability, tl
from exerkine_omics.cohort import add_step

matplotlib.use("Agg")


def make_trial(n: int = 30, *, seed: int = 1, idle: int = 0, control: bool = True, **options):
    """What tl.responders returns for a trial of n people an arm, the first `idle` untrained."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["EE", "CON"], n)
    level = rng.normal(45, 6, 2 * n)
    true = np.where(arm == "EE", rng.normal(4, 3, 2 * n), 0.0)
    people = pd.DataFrame(
        {
            "subject_id": [f"S{i:04d}" for i in range(2 * n)],
            "arm": arm,
            "pre": level + rng.normal(0, 2, 2 * n),
            "post": level + true + rng.normal(0, 2, 2 * n),
            "sessions": np.where(np.arange(2 * n) < idle, 0.2, 1.0),
        }
    )
    how = {"pre": "pre", "post": "post", "threshold": 1.5, "n_draws": 200}
    how |= {"adherence": "sessions", "min_adherence": 0.5} if idle else {}
    if control:
        how |= {"reliability": "control", "arm": "arm", "control": "CON"}
    else:
        people = people[people["arm"] == "EE"]
        how["reliability"] = Reliability.from_typical_error(2.0, df=20)
    return tl.responders(people, **how | options)


def make_profile(n_outcomes: int = 3):
    """Made-up summary of n outcomes in two arms; the last has no result."""
    rng = np.random.default_rng(4)
    counts = rng.multinomial(30, [0.3, 0.4, 0.2, 0.1], 2 * n_outcomes)
    frame = pd.DataFrame(counts, columns=["n_responder", "n_uncertain", "n_non", "n_adverse"])
    frame.insert(0, "outcome", [f"outcome {i // 2}" for i in range(2 * n_outcomes)])
    frame.insert(1, "arm", ["low", "high"] * n_outcomes)
    frame["n"] = 30
    frame["control_responder"] = rng.uniform(0, 0.2, 2 * n_outcomes)
    frame["verdict"], frame["status"] = "cannot be known", "ok"
    last = frame.index[-1]
    frame.loc[last, ["n", "n_responder", "n_uncertain", "n_non", "n_adverse"]] = 0
    frame.loc[last, "control_responder"] = np.nan
    frame.loc[last, "status"] = "Nobody of high has both pre and post (30 people)"
    return SimpleNamespace(summary=frame)


def make_plan(n: int = 5):
    """Plan of a trial at five sizes, or at the usual ones."""
    sizes = {"n_per_arm": [8, 20, 60, 200, 800]} if n < 20 else {}
    noise = Reliability.from_typical_error(2.0, df=30)
    return tl.plan_response(2.0, noise, smallest_sd_ir=1.0, **sizes)


def make_result_frame(n: int = 5, contrasts: tuple[str, ...] = ("post - pre",), seed: int = 0):
    """Result frame of ``n`` features; the last feature of each contrast was not tested."""
    rng = np.random.default_rng(seed)
    frames = []
    for contrast in contrasts:
        estimate = rng.normal(0, 0.3, n)
        estimate[: max(n // 20, 2)] += rng.choice([-1, 1], max(n // 20, 2)) * rng.uniform(1, 4)
        n_pairs = rng.integers(7, 12, n)
        se = rng.uniform(0.15, 0.35, n)
        df = n_pairs - 1.0
        p = 2 * stats.t.sf(np.abs(estimate / se), df)
        half = stats.t.ppf(0.975, df) * se
        frame = pd.DataFrame(
            {
                "feature": [f"OID{i:05d}" for i in range(n)],
                "contrast": contrast,
                "estimate": estimate,
                "se": se,
                "df": df,
                "statistic": estimate / se,
                "p_value": p,
                "p_adj": stats.false_discovery_control(p),
                "ci_low": estimate - half,
                "ci_high": estimate + half,
                "effect_size": estimate / 0.9,
                "n_pairs": n_pairs,
                "n_obs": 2 * n_pairs,
                "method": "paired_t",
                "units": "NPX",
                "family": contrast,
                "status": "ok",
            }
        )
        numbers = ["estimate", "se", "df", "statistic", "p_value", "p_adj", "ci_low", "ci_high"]
        frame.loc[n - 1, [*numbers, "effect_size"]] = np.nan
        frame.loc[n - 1, "status"] = "fewer than 3 pairs"
        frame.loc[n - 1, "n_pairs"] = 2
        frames.append(frame)
    return pd.concat(frames, ignore_index=True).astype(
        dict.fromkeys(("feature", "contrast", "method", "units", "family", "status"), "category")
    )


def make_names(n: int) -> dict[str, str]:
    genes = ["IL6", "FGF21", "GDF15", "BDNF", "IL10", "CXCL8", "LEP", "IL1RN", "APLN", "MSTN"]
    return {f"OID{i:05d}": genes[i] if i < len(genes) else f"GENE{i}" for i in range(n)}


def make_change(n_signatures: int = 3, n_people: int = 12, times=("post", "rest"), arms=True):
    rng = np.random.default_rng(1)
    rows = []
    for s in range(n_signatures):
        for time in times:
            for person in range(n_people):
                change = rng.normal(s % 4 * 0.4 * (person % 2), 0.6)
                lost = person == 0 and s == 0
                rows.append(
                    {
                        "subject_id": f"P{person:02d}",
                        "arm": "EE" if person % 2 else "CON",
                        "signature": f"acute_response_{s}",
                        "timepoint": time,
                        "change": np.nan if lost else change,
                        "std_change": np.nan if lost else change / 0.6,
                        "coverage": 0.6 + 0.05 * (person % 3),
                        "n_members": 12,
                        "status": "coverage below 0.5" if lost else "ok",
                    }
                )
    frame = pd.DataFrame(rows)
    frame["timepoint"] = pd.Categorical(frame["timepoint"], list(times))
    return frame if arms else frame.drop(columns="arm")


def make_responders(n: int = 20, arms=None, seed: int = 2):
    rng = np.random.default_rng(seed)
    pre = rng.normal(42, 6, n)
    change = rng.normal(2.2, 2.6, n)
    half = 2.9
    low, high = change - half, change + half
    category = np.where(
        low > 1.5,
        "responder",
        np.where(high < 0, "adverse", np.where(high < 1.5, "non", "uncertain")),
    )
    frame = pd.DataFrame(
        {
            "subject_id": [f"P{i:03d}" for i in range(n)],
            "pre": pre,
            "post": pre + change,
            "change": change,
            "ci_low": low,
            "ci_high": high,
            "p_response": stats.norm.sf(1.5, change, half / 1.96),
            "category": category,
        }
    )
    frame.loc[n - 1, ["post", "change", "ci_low", "ci_high", "p_response"]] = np.nan
    frame.loc[n - 1, "category"] = "unknown"
    if arms:
        frame.insert(1, "arm", [arms[i % len(arms)] for i in range(n)])
    return SimpleNamespace(
        frame=frame,
        sd_ir=SimpleNamespace(estimate=0.9, ci_low=-1.1, ci_high=1.9),
        ceiling=SimpleNamespace(r2=0.2, auc=0.68),
        verdict="cannot be known",
        verdict_reason="The interval of SDir, -1.1 to 1.9, includes 0 and the smallest SD of "
        "interest, 1.5",
        threshold=1.5,
        cut=1.5,
        typical_error=1.05,
        half_width=half,
        level=0.95,
    )


BLOCKS = (
    "clinical", "omics", "proteomics", "metabolomics", "mirna", "signatures", "early",
    "clinical+omics", "clinical+proteomics", "clinical+metabolomics", "clinical+signatures",
    "best_single",
)  # fmt: skip


def make_prediction(blocks=("clinical", "clinical + omics"), models=("elastic_net",), n=30):
    """Made-up result of ml.evaluate on n features; ``blocks`` may be a number."""
    blocks = BLOCKS[:blocks] if isinstance(blocks, int) else blocks
    rng = np.random.default_rng(4)
    grid = np.linspace(0, 1, 51)
    curves, metrics = [], []
    for number, block in enumerate(blocks):
        for model in models:
            tpr = grid ** max(0.8 - 0.15 * number, 0.1)
            band = 0.16 * np.sin(np.pi * grid)
            curves.append(
                pd.DataFrame(
                    {
                        "block": block,
                        "model": model,
                        "fpr": grid,
                        "tpr": tpr,
                        "ci_low": np.clip(tpr - band, 0, 1),
                        "ci_high": np.clip(tpr + band, 0, 1),
                    }
                )
            )
            auc = 0.55 + 0.08 * (number % 5)
            metrics.append(("auc", block, model, auc, auc - 0.14, auc + 0.13))
    pairs = [(block, model) for block in blocks for model in models]
    predictions = pd.concat(
        pd.DataFrame(
            {
                "subject_id": [f"P{i:02d}" for i in range(40)] * 2,
                "block": block,
                "model": model,
                "label": [i % 2 for i in range(40)] * 2,
                "probability": rng.random(80),
            }
        )
        for block, model in pairs
    ).reset_index(drop=True)
    metrics += [("calibration_slope", *pair, 0.8, 0.3, 1.4) for pair in pairs]
    metrics += [("calibration_intercept", *pair, -0.1, -0.5, 0.3) for pair in pairs]
    x = np.linspace(0.2, 0.8, 21)
    calibration = [
        pd.DataFrame(
            {
                "block": block,
                "model": model,
                "probability": x,
                "observed": 0.1 + (0.8 - 0.06 * k) * x,
                "ci_low": (0.8 - 0.06 * k) * x,
                "ci_high": 0.2 + (0.8 - 0.06 * k) * x,
            }
        )
        for k, (block, model) in enumerate(pairs)
    ]
    at = np.linspace(0.05, 0.95, 19)
    everybody = 0.5 - 0.5 * at / (1 - at)
    decision = [
        pd.DataFrame(
            {
                "block": block,
                "model": model,
                "threshold": at,
                "net_benefit": value,
                "ci_low": value - 0.05,
                "ci_high": value + 0.05,
            }
        )
        for block, model, value in [
            *(
                (b, m, np.maximum(everybody, (0.3 + 0.02 * k) * (1 - at)))
                for k, (b, m) in enumerate(pairs)
            ),
            ("all", "", everybody),
            ("none", "", 0 * at),
        ]
    ]
    lost = [("block", blocks[-1], 0.12), *(("feature", f"F{k}", 0.1 / (k + 1)) for k in range(n))]
    importance = [
        (block, model, level, name, "auc", value, value - 0.05, value + 0.05)
        for block, model in pairs
        for level, name, value in lost
    ]
    coefficients = pd.DataFrame(
        [
            (block, model, f"F{k}", (-1) ** k * 0.3, 0.1, 1 / (k + 1), 1.0)
            for block, model in pairs
            for k in range(n - 1)
        ],
        columns=["block", "model", "feature", "coefficient", "sd", "share", "same_sign"],
    )
    names = ["block", "model", "level", "name", "metric", "estimate", "ci_low", "ci_high"]
    p_values = pd.DataFrame(pairs, columns=["block", "model"]).assign(permutation_p=0.21)
    sizes = np.array([24, 36, 48, 60])
    learning = pd.concat(
        pd.DataFrame(
            {
                "block": block,
                "model": model,
                "metric": "auc",
                "n_train": sizes,
                "estimate": 0.72 - (1 + 0.05 * number) / np.sqrt(sizes),
                "ci_low": 0.6 - (1 + 0.05 * number) / np.sqrt(sizes),
                "ci_high": 0.84 - (1 + 0.05 * number) / np.sqrt(sizes),
            }
        )
        for number, (block, model) in enumerate(pairs)
    )
    columns = ["metric", "block", "model", "estimate", "ci_low", "ci_high"]
    sets = pd.DataFrame(pairs, columns=["block", "model"]).assign(
        n=40, nominal=0.9, coverage=0.9, coverage_low=0.77, coverage_high=0.96,
        coverage_1=0.95, coverage_1_low=0.76, coverage_1_high=0.99,
        coverage_0=0.85, coverage_0_low=0.64, coverage_0_high=0.95,
        abstained=0.4, right_when_sure=0.8, only_1=0.35, only_0=0.25, both=0.3, none=0.1,
    )  # fmt: skip
    return SimpleNamespace(
        conformal_summary=sets,
        roc=pd.concat(curves, ignore_index=True),
        metrics=pd.DataFrame(metrics, columns=columns),
        predictions=predictions,
        calibration=pd.concat(calibration, ignore_index=True),
        decision=pd.concat(decision, ignore_index=True),
        importance=pd.DataFrame(importance, columns=names),
        coefficients=coefficients,
        learning_curve=learning.reset_index(drop=True),
        p_values=p_values.assign(increment_p=0.4),
        permutation_p=0.21,
        ceiling=0.68,
        control={"metric": "auc", "estimate": 0.52, "ci_low": 0.38, "ci_high": 0.66},
    )


def make_policy(arms=("high intensity", "endurance"), n: int = 60):
    """Made-up result of ml.tailor: a rule that gains a little over the better arm."""
    value = 3.2 - 0.4 * np.arange(len(arms))
    frame = pd.DataFrame(
        {
            "policy": [*(f"all {a}" for a in arms), "rule", "gain"],
            "learner": [*[""] * len(arms), "t", "t"],
            "estimate": [*value, 3.5, 0.4],
            "status": "ok",
        }
    )
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - 0.6, frame["estimate"] + 0.6
    people = pd.DataFrame(
        {"subject_id": [f"P{i}" for i in range(n)], "abstain": [False, True] * (n // 2)}
    )
    return SimpleNamespace(
        policy_value=frame, people=people, verdict=f"cannot be said with n = {n}"
    )


def make_cohort(n_features: int = 5, n_people: int = 11, n_times: int = 5, arms=()):
    rng = np.random.default_rng(5)
    times = ["pre", "km25", "finish", "h2", "h24"][:n_times]
    rows, values = [], []
    for person in range(n_people):
        level = rng.normal(4, 1, n_features)
        for number, time in enumerate(times):
            if person in (1, 4) and time == "km25":
                continue
            rows.append((f"P{person:02d}_{time}", f"P{person:02d}", time))
            values.append(level + 1.4 * np.sin(number) + rng.normal(0, 0.5, n_features))
    obs = pd.DataFrame(rows, columns=["sample_id", "subject_id", "timepoint"])
    obs = obs.set_index("sample_id")
    obs["timepoint"] = pd.Categorical(obs["timepoint"], times, ordered=True)
    if arms:
        number = obs["subject_id"].str[1:].astype(int)
        obs["arm"] = pd.Categorical([arms[i % len(arms)] for i in number], list(arms))
    matrix = np.array(values)
    matrix[rng.random(matrix.shape) < rng.uniform(0, 0.3, n_features)] = np.nan
    names = make_names(n_features)
    var = pd.DataFrame({"gene_symbol": list(names.values())}, index=list(names))
    adata = ad.AnnData(matrix, obs=obs, var=var)
    adata.uns["exerkine"] = {"schema_version": "1", "units": "NPX", "baseline": "pre"}
    adata.obsm["score_baseline_z"] = pd.DataFrame(
        {"acute_myokine_response": rng.normal(0, 1, adata.n_obs)}, index=adata.obs_names
    )
    return adata


def make_lab(
    n_features: int = 5,
    n_people: int = 11,
    n_times: int = 3,
    n_plates: int = 3,
    arms=("CON", "EE"),
    long: bool = False,
):
    """Cohort with all that pl.qc draws: plates with QC tubes and a blank, masks, indices, PCA."""
    people = make_cohort(n_features, n_people, n_times, arms)
    rng = np.random.default_rng(9)
    plate = [f"Plate {1 + i % n_plates}" for i in range(people.n_obs)]
    if long:
        plate = [f"{p} of the second shipment from the biobank" for p in plate]
    people.obs["plate_id"], people.obs["sample_type"] = plate, "sample"
    each = list(dict.fromkeys(plate))
    kinds = [*(["qc"] * 4), "blank"]
    rows = [(f"{kind}_{i}_{p}", p, kind) for p in each for i, kind in enumerate(kinds)]
    control = pd.DataFrame(rows, columns=["sample_id", "plate_id", "sample_type"])
    control = control.set_index("sample_id")
    values = rng.normal(4, 0.2, (len(control), n_features))
    values[(control["sample_type"] == "blank").to_numpy()] -= 8
    obs = pd.concat([people.obs, control])
    obs["timepoint"] = pd.Categorical(
        obs["timepoint"], people.obs["timepoint"].cat.categories, ordered=True
    )
    adata = ad.AnnData(np.vstack([people.X, values]), obs=obs, var=people.var)
    adata.uns["exerkine"] = dict(people.uns["exerkine"])
    add_step(adata, "pp.haemolysis", method="proteins", limits=[2.0, 3.0])
    order = rng.permutation(adata.n_obs)
    adata.obs["run_order"] = pd.Series(order, adata.obs_names).groupby(obs["plate_id"]).rank()
    below = rng.random(adata.shape) < rng.uniform(0, 0.6, n_features) ** 2
    adata.layers["below_lod"] = below & np.isfinite(adata.X)
    index = rng.normal(0, 1.3, adata.n_obs)
    index[0] = np.nan
    adata.obs["haemolysis"] = index
    adata.obs["haemolysed"] = pd.Categorical(
        np.select([~np.isfinite(index), index > 3, index > 2], ["unknown", "yes", "possible"], "no")
    )
    first = (adata.obs["timepoint"] == "pre").to_numpy()
    change = np.where(first, 0.0, rng.normal(-9, 4, adata.n_obs))
    adata.obs["plasma_volume_change"] = np.where(adata.obs["subject_id"].isna(), np.nan, change)
    adata.obs["outlier"] = rng.random(adata.n_obs) < 0.04
    for key in ("X_pca", "X_pca_before"):
        adata.obsm[key] = rng.normal(0, 3, (adata.n_obs, 3))
        adata.uns[key[2:]] = {
            "variance_ratio": np.array([0.31, 0.17, 0.06]),
            "params": {"n_features": n_features},
        }
    return adata


def make_coverage(n: int = 5):
    rng = np.random.default_rng(6)
    members = rng.integers(5, 40, n)
    measured = (members * rng.random(n)).astype(int)
    return pd.DataFrame(
        {
            "signature": [f"signature_{i}" for i in range(n)],
            "coverage": measured / members,
            "n_measured": measured,
            "n_members": members,
        }
    )


def make_contributions(n: int = 6, contrasts=("post - pre",), signature: str = "acute_a"):
    """Cohort frame of one signature; the last member was not measured."""
    rng = np.random.default_rng(7)
    frames = []
    for contrast in contrasts:
        part = rng.normal(0.1, 0.15, n)
        frames.append(
            pd.DataFrame(
                {
                    "signature": signature,
                    "contrast": contrast,
                    "member": [f"OID{i:05d}" for i in range(n)],
                    "weight": [-0.5 if i % 3 == 1 else 1.0 for i in range(n)],
                    "contribution": part,
                    "ci_low": part - 0.08,
                    "ci_high": part + 0.08,
                    "share": part / part[:-1].sum(),
                    "n_people": 9 + np.arange(n) % 3,
                    "status": "ok",
                }
            )
        )
        frames[-1].loc[n - 1, ["contribution", "ci_low", "ci_high", "share"]] = np.nan
        frames[-1].loc[n - 1, ["n_people", "status"]] = [0, "not measured"]
    return pd.concat(frames, ignore_index=True)


def make_enrichment(n: int = 6, contrasts=("post - pre",)):
    """Frame of ``n`` signatures; the last of each contrast was covered too thinly."""
    rng = np.random.default_rng(8)
    frames = []
    for contrast in contrasts:
        p = 10.0 ** -rng.exponential(1.2, n)
        measured = rng.integers(2, 40, n)
        frame = pd.DataFrame(
            {
                "signature": [f"signature_{i}" for i in range(n)],
                "contrast": contrast,
                "direction": np.where(rng.random(n) < 0.5, "up", "down"),
                "p_value": p,
                "p_adj": np.minimum(3 * p, 1),
                "p_value_mixed": p,
                "n_members": measured + 2,
                "n_measured": measured,
                "coverage": measured / (measured + 2),
                "leading": ["; ".join(f"OID{j:05d}" for j in range(i % 7)) for i in range(n)],
                "method": "camera",
                "status": "ok",
            }
        )
        frame.loc[n - 1, ["p_value", "p_adj"]] = np.nan
        frame.loc[n - 1, "status"] = "coverage below 0.5"
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def make_molecules(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    tissues = (
        "skeletal muscle",
        "liver",
        "adipose tissue",
        "brain",
        "heart",
        "bone",
        "endothelium",
    )

    def some() -> str:
        return ";".join(rng.choice(tissues, rng.integers(0, 4), replace=False))

    return pd.DataFrame(
        {
            "exerkine_id": [f"mol_{i}" for i in range(n)],
            "gene_symbol": [f"GENE{i}" for i in range(n)],
            "name": [f"Molecule number {i}" for i in range(n)],
            "origin_tissues": [some() for _ in range(n)],
            "target_tissues": [some() for _ in range(n)],
            "level": rng.choice(["A", "B", "L", "C"], n),
        }
    )


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test drew, and see that no function changed the global style."""
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before


@pytest.fixture
def make():
    """Makers of made-up input, by name."""
    return SimpleNamespace(
        result_frame=make_result_frame,
        names=make_names,
        change=make_change,
        responders=make_responders,
        trial=make_trial,
        profile=make_profile,
        plan=make_plan,
        prediction=make_prediction,
        policy=make_policy,
        cohort=make_cohort,
        lab=make_lab,
        coverage=make_coverage,
        molecules=make_molecules,
        contributions=make_contributions,
        enrichment=make_enrichment,
    )
