# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Which training suits whom?
# Two trainings work about equally well on average. Would it help to give each person the one that
# suits them? This notebook asks it of simulated trials whose truth is known: in the first there is
# nothing to choose by, in the second there is.

# %%
import numpy as np
import pandas as pd

import exerkine_omics as exo

# %% [markdown]
# ## The trial
# 120 people, 60 in endurance training (END), 60 in resistance training (RES), dealt at random.
# Plasma was drawn before. Everybody gains the same but for noise.

# %%
study = exo.datasets.simulate(
    120, arms=("END", "RES"), control="none", n_proteins=30, n_metabolites=0, n_mirna=0,
    missed_visits=0.0, responders=False, seed=8,
)  # fmt: skip
people = study.outcomes.set_index("subject_id")
change = people["vo2max_post"] - people["vo2max_pre"]
print(change.groupby(people["arm"]).agg(["mean", "std", "size"]))

# %% [markdown]
# ## The tempting way
# Fit a model in each arm, give each person the arm with the better prediction, and compare those
# who happened to have it with the best arm: in the same people. The gain looks fine. It is made of
# nothing.

# %%
before = study.adata[study.adata.obs["timepoint"] == "pre"].copy()
before.obs_names = before.obs["subject_id"].astype(str).to_numpy()
x = before.to_df().reindex(people.index)
x = ((x - x.mean()) / x.std()).fillna(0.0).to_numpy()
y, in_res = change.to_numpy(), (people["arm"] == "RES").to_numpy()


def ridge(rows):
    centred = y[rows] - y[rows].mean()
    weights = np.linalg.solve(x[rows].T @ x[rows] + 20 * np.eye(x.shape[1]), x[rows].T @ centred)
    return y[rows].mean() + x @ weights


pick_res = ridge(in_res) > ridge(~in_res)
had_it = pick_res == in_res
apparent = y[had_it].mean() - max(y[in_res].mean(), y[~in_res].mean())
print(f"apparent gain of a rule in a world without any: {apparent:.2f} mL/kg/min")
assert apparent > 0.3

# %% [markdown]
# ## The honest way
# `exo.ml.tailor` first tests **one** score, named beforehand, by arm. Then it learns a rule in some
# people and takes its value in others. It asks whether arms were randomised, and which gain would
# be worth the trouble (`smallest_gain`, here 0.5 mL/kg/min). It has three answers.

# %%
score = before.var_names[0]
marker = before.to_df()[score]
nothing = exo.ml.tailor(
    study.adata, change, "arm", score=marker, randomised=True, smallest_gain=0.5, seed=1
)
print(nothing)
assert nothing.verdict == f"cannot be said with n = {nothing.counts['used']}"

# %% [markdown]
# "Cannot be said" is not "the same for all". *This* rule gains nothing (it gives nearly everybody
# the same arm), but a better one might hide among the features: `attainable_gain` says how much.

# %%
print(nothing.policy_value.drop(columns=["n", "n_groups"]).round(2).to_string())
print(nothing.attainable_gain)
gain = nothing.policy_value.query("policy == 'gain' and learner == 'dr'").iloc[0]
assert gain["ci_low"] <= 0 and nothing.attainable_gain["linear"] > 0.5

# %% [markdown]
# Until the verdict is to assign, the rule names an arm for nobody.

# %%
print(nothing.rule.assign(study.adata).head()[["subject_id", "arm", "abstain", "status"]])
assert nothing.rule.assign(study.adata)["abstain"].all()

# %% [markdown]
# ## A world with something to choose by
# 400 people, and a protein that is good for RES and bad for END: 2 mL/kg/min for an SD.

# %%
large = exo.datasets.simulate(
    400, arms=("END", "RES"), control="none", n_proteins=10, n_metabolites=0, n_mirna=0,
    missed_visits=0.0, missing=0.0, responders=False, seed=9,
)  # fmt: skip
sheet = large.outcomes.set_index("subject_id")
first = large.adata[large.adata.obs["timepoint"] == "pre"].copy()
protein = pd.Series(first.X[:, 0], index=first.obs["subject_id"].astype(str).to_numpy())
z = ((protein - protein.mean()) / protein.std()).reindex(sheet.index)
suits = np.where(sheet["arm"] == "RES", 1.0, -1.0) * 2.0 * z
gained = sheet["vo2max_post"] - sheet["vo2max_pre"] + suits

found = exo.ml.tailor(
    large.adata, gained, "arm", score=z.rename("protein"), randomised=True,
    smallest_gain=0.5, seed=1,
)  # fmt: skip
print(found)
assert found.verdict == "assign by this rule"

# %% [markdown]
# The arms are equal on average, so the best conceivable rule gains $E|2z| \approx 1.6$ over either.
# Both intervals hold it, and that of the interaction holds its known 4 (2 up in one arm, 2 down in
# the other). The single arm that was best in the training folds is, where arms tie, the worse one
# in the people left out; the rule is therefore asked to beat each arm as well.

# %%
value = found.policy_value.query("learner == 'dr'").set_index("policy")
over = value.loc[["gain over all END", "gain over all RES"]]
row = found.interaction.iloc[0]
print(found.interaction.round(3).to_string())
print(over[["estimate", "ci_low", "ci_high"]].round(2))
best = 2 * np.sqrt(2 / np.pi)
assert ((over["ci_low"] < best) & (best < over["ci_high"])).all()
assert row["ci_low"] < 4 < row["ci_high"]

# %% [markdown]
# People for whom it hardly matters are told so: the rule abstains near the middle.

# %%
who = found.people.assign(protein=z.reindex(found.people["subject_id"]).to_numpy())
print(who.groupby("abstain")["protein"].agg(lambda v: v.abs().mean()).round(2))
assert who.loc[who["abstain"], "protein"].abs().mean() < 0.5
sure = who[~who["abstain"]]
assert ((sure["protein"] > 0) == (sure["recommended"] == "RES")).mean() > 0.95

# %% [markdown]
# ## When it refuses
# Who chose their training differ from those who did not. Here the older took END: no number of
# people mends that.

# %%
picked = pd.Series(np.where(sheet["age"] > sheet["age"].median(), "END", "RES"), sheet.index)
try:
    exo.ml.tailor(large.adata, gained, picked, randomised=False, seed=1)
    raise SystemExit("this should have been refused")
except exo.errors.AnalysisError as error:
    print(error)

# %% [markdown]
# ## In short
# 1. Name one score beforehand; test its interaction with the arm.
# 2. Value a rule only in people it has not seen, and against the best single training.
# 3. Say beforehand which gain matters. "Cannot be said" is the usual answer of a small trial.
# 4. No randomisation, no overlap: no answer.
