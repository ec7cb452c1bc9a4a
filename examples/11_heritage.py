# ---
# jupytext:
#   text_representation:
#     extension: .py
#     format_name: percent
# kernelspec:
#   display_name: Python 3
#   language: python
#   name: python3
# ---

# %% [markdown]
# # HERITAGE: do proteins before training tell who gains?
#
# HERITAGE trained sedentary adults for 20 weeks and measured about 5000 proteins before. It is the
# public set nearest to the question. **This package was not yet run on the real file.** Where the
# two workbooks are in EXERKINE_DATA_DIR, this notebook runs on them; else on people that are
# *simulated* and written to the same layout, and then no number below says anything about HERITAGE.
# `docs/heritage.md` has what is known of the file.

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
listed = exo.datasets.available().set_index("name").loc["heritage_somascan"]
real = bool(listed["local"])
print("the real file" if real else "SIMULATED people in the layout of the file")
print(listed["notes"])

# %% [markdown]
# ## A file of this layout
# Header in the fourth row, clinical columns, a column for each analyte; a second workbook lists
# which column is which visit's. To show that nothing drawn after training gets in, a column of
# afterwards that *is* the change of VO2max stands in the file too.

# %%
if not real:
    study = exo.datasets.simulate(
        150, arms=("EE",), n_proteins=40, n_metabolites=0, n_mirna=0, sd_ir=3.0,
        training_effect=5.0, typical_error=0.7, predictor_r2=0.5, missing=0.0, below_lod="keep",
        seed=4,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp())
    before = study.mdata.mod["proteomics"]
    before = before[before.obs["timepoint"] == "pre"]
    who = study.outcomes.set_index("subject_id").loc[before.obs["subject_id"].astype(str)]
    rfu = pd.DataFrame(
        2 ** (np.asarray(before.X) + 8), columns=[f"{p}_1" for p in before.var_names]
    )
    clinical = pd.DataFrame(
        {
            "Age": who["age"], "Sex": who["sex"], "BMI": who["bmi"],
            "Baseline VO2MX (ml/min)": 75 * who["vo2max_pre"],
            "Delta VO2MX (ml/min)": 75 * (who["vo2max_post"] - who["vo2max_pre"]),
        }
    ).reset_index(drop=True)  # fmt: skip
    after = pd.DataFrame({"IL6_2": clinical["Delta VO2MX (ml/min)"]})
    (folder / "heritage_proteomics").mkdir()
    pd.concat([clinical, rfu, after], axis=1).to_excel(
        folder / "heritage_proteomics" / "HERITAGE_proteomics_somalogic.xlsx",
        index=False, startrow=3,
    )  # fmt: skip
    pd.DataFrame(
        {
            "Baseline": rfu.columns,
            "Post-training": ["IL6_2", *[None] * (rfu.shape[1] - 1)],
            "Response": None,
            "UniProt": before.var["uniprot"].astype(str).to_numpy(),
        }
    ).to_excel(folder / "heritage_proteomics" / "HERITAGE_somalogic_analytes.xlsx", index=False)
    exo.settings.data_dir = folder

# %%
heritage = exo.datasets.load("heritage_somascan")
adata, people = heritage.adata, heritage.outcomes
print(adata)
print(people.describe().loc[["count", "mean", "std"]])
print(adata.uns["exerkine"]["findings"][["id", "message"]].to_string())
assert set(adata.obs["timepoint"].astype(str)) == {"pre"}
assert real or "IL6_2" not in adata.var_names

# %% [markdown]
# ## What you will get, before you run it
# Three numbers can be had before any model, and they bound what can come out:
#
# 1. **How many people**, and how many of them gain more than the threshold.
# 2. **The ceiling.** The label holds the noise of the tests. The file has neither a control arm nor
#    a retest, so the noise is a published one: HERITAGE's within-person SD, 108 to 137 mL/min for
#    tests days and weeks apart (Bouchard 2022, doi 10.1249/MSS.0000000000002859). The ceiling is as
#    good as this number.
# 3. **The plan.** Riley's rule, how many people a model with so many candidates needs; and how wide
#    the interval of the AUC will be.
#
# The threshold is 400 mL/min, the mean gain published for 481 people of this study (Bouchard 1999,
# doi 10.1152/jappl.1999.87.3.1003). It is fixed here.

# %%
noise = exo.Reliability.from_typical_error(
    108.0, source="Bouchard et al. 2022, doi 10.1249/MSS.0000000000002859"
)
rule = {"pre": "vo2max_pre", "post": "vo2max_post", "threshold": 400.0, "reliability": noise}
change = (people["vo2max_post"] - people["vo2max_pre"]).dropna()
share = float((change > 400).mean())
r2 = max(0.0, 1 - (noise.sd_change / change.std()) ** 2)
print(f"{len(change)} people, {share:.0%} gain more than 400 mL/min")
print(f"noise of a change {noise.sd_change:.0f}, SD of changes {change.std():.0f} mL/min")
print(f"no marker explains more than {r2:.0%} of the changes, if the noise is this")
assert 0 < share < 1 and 0 <= r2 < 1

# %% [markdown]
# The same with the noise of another laboratory (53.5, Bonafiglia 2016, tests within days), of the
# mean of two tests (108 / 1.4 = 76) and of tests weeks apart (137): what the answer hangs on. With
# the largest, little or nothing may be left to predict.

# %%
r2_by_noise = {
    error: max(0.0, 1 - 2 * (error / change.std()) ** 2) for error in (53.5, 76.0, 108.0, 137.0)
}
print(pd.Series(r2_by_noise, name="R2 by typical error, mL/min").to_string())
assert np.isclose(r2_by_noise[108.0], r2) and r2_by_noise[137.0] <= r2 <= r2_by_noise[76.0]

# %% [markdown]
# The plan, as `ml.evaluate` will judge it (an AUC of 0.75 is hoped for; ten candidates, and all):
# fewer people than required make a discovery, not a model. The interval is what the AUC of so many
# people cannot be known better than.

# %%
plan = exo.tl.plan_prediction(
    [10, adata.n_vars + 4], prevalence=share, n_people=[len(change), 2 * len(change)]
)
print(plan.drop(columns=["metric", "status"]).to_string(index=False))

# %% [markdown]
# ## Do people differ? One arm cannot say
# Nobody was left untrained, so the spread of changes is noise and response in one. SDir is refused,
# and so is the share of true responders.

# %%
result = exo.tl.responders(people, **rule)
print(result)
assert result.verdict == "cannot be known" and np.isnan(result.sd_ir.estimate)
design = exo.tl.check_design(arms=1).set_index("question")
print(design.loc[["average_effect", "sd_ir"], ["identified", "needs"]].to_string())
try:
    exo.tl.check_design(arms=1, ask="sd_ir")
    raise SystemExit("one arm was let through")
except exo.errors.AnalysisError as error:
    print(error)

# %%
exo.pl.responders(result, unit="mL/min", title="Change of VO2max")

# %% [markdown]
# ## Prediction
# Clinical data (age, sex, BMI, VO2max before), proteins, and both, on the same folds. On 5000
# proteins a repeat takes about 10 s and each permutation as long: here the 40 proteins that vary
# most are taken, which looks at no outcome, and few permutations are made. The config runs all.

# %%
exo.pp.log2(adata)
spread = np.nanstd(np.asarray(adata.X), axis=0)
some = adata[:, np.sort(np.argsort(-spread, kind="stable")[:40])].copy()
groups = "family_id" if "family_id" in some.obs else "subject_id"
evaluated = exo.ml.evaluate(
    some, (exo.ResponseSpec(**rule), people), groups=groups, outer=(5, 1), n_permutations=19,
    n_bootstrap=200, feature_time=0, outcome_time=140, seed=1,
)  # fmt: skip
print(evaluated.metrics[evaluated.metrics["metric"].isin(["auc", "auc_increment"])])
print(evaluated.verdict)
print("\n".join(evaluated.notes))
gate = evaluated.gate
print(f"gate: {gate.n} people; {gate.required.n} needed for {gate.n_parameters} candidates, "
      f"{gate.required_ten.n} for ten")  # fmt: skip
assert real or gate.required_ten.n == plan["n_required"].iloc[0]
assert evaluated.kind == "prediction" and evaluated.ceiling > 0.5
assert any("No control arm" in n for n in evaluated.notes)
auc = evaluated.metrics.query("metric == 'auc' and block == 'omics'")["estimate"].iloc[0]
assert real or auc < evaluated.ceiling

# %% [markdown]
# ## What it does not say
# - **Not that proteins predict response to training.** Without a control arm they may predict who
#   would have changed anyway: the same pipeline in untrained people is the test, and is missing.
# - **Relatives.** Families were enrolled and the gain runs in families. Where the file does not say
#   who belongs together, relatives stand on both sides of a fold and the AUC is too high.
# - **Not external.** The same study, the same laboratory, the same training.
# - The whole run with its report: `exerkine run examples/heritage.yaml -o heritage_out`.
