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
# # A first look, in ten cells
#
# You hold blood plasma taken before and after exercise, measured on some omics platform. Three
# questions: how strongly does each sample carry the known exercise signals (**score**)? What
# changed (**test**)? Who will respond to training (**predict**)? Each cell below answers one of
# them on a simulated trial, says what to look at, and what not to conclude. The later notebooks
# take one question each and go deeper.
#
# ## 1. A cohort
# 80 people; half do one bout of endurance exercise (`EE`), half rest as long (`CON`). Blood is
# drawn before and after, 120 proteins are measured. Then come weeks of training with VO2max before
# and after. An `AnnData` holds a row a sample and a column a protein; `obs` says whose sample it
# is. Effects are 0.3 of those published, most of which stem from races.

# %%
import pandas as pd

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
cohort = exo.datasets.simulate(
    80, n_proteins=120, n_metabolites=0, n_mirna=0, effect_scale=0.3, seed=2
)
adata = cohort.adata
print(adata)
print(adata.obs.head(4))

# %% [markdown]
# Your own files come in by `exo.io.read` (see notebook 02).
#
# ## 2. Is anything wrong with it?
# Each finding names the call that mends it. `check` changes nothing.

# %%
checked = exo.pp.check(adata)
print(checked)
assert not checked.errors

# %% [markdown]
# ## 3. Who can be compared with themselves?
# Every test below is within people. Some missed a visit: they stay in the data, and each result
# says how many pairs it rests on.

# %%
pairs = exo.pp.pair(adata)
print(pairs)
print(pairs.dropped["reason"].value_counts())
assert pairs.counts["n_pairs"].sum() < 80

# %% [markdown]
# ## 4. Score: how strongly does a sample carry each signature?
# A signature is a curated set of molecules with a sign each. **Coverage** first: what share of it
# does this panel measure? Below one half no score is given.

# %%
signatures = exo.sig.load().query(modality="proteomics")
coverage = signatures.coverage(adata).sort_values("coverage", ascending=False)
print(coverage[["signature", "n_members", "n_measured", "coverage"]].head(12).to_string())
exo.tl.score(adata, signatures)
print(exo.get.scores(adata)[["acute_endurance_protein", "il6_anti_inflammatory_cascade"]].head(3))

# %% [markdown]
# Unit: SDs of the baseline samples. A score is a position among these people, no amount of
# anything, and says nothing about members that were not measured.
#
# ## 5. How did the score change in each person?
# A dot is a person. Compare the arms with each other, not only with zero: whoever rests changes as
# well. `haemolysis` has no row of dots: too few of its members are on this panel.

# %%
changes = exo.tl.score_change(adata, signatures)
shown = [
    "acute_endurance_protein", "il6_anti_inflammatory_cascade", "muscle_leak", "haemolysis",
]  # fmt: skip
exo.pl.score_change(changes[changes["signature"].isin(shown)])

# %% [markdown]
# ## 6. Test: which signatures changed?
# `control="CON"` asks for the change of `EE` beyond that of `CON`: only this is attributable to
# exercise. `leading` are the members that carry it.

# %%
moved = exo.tl.enrich(adata, signatures, method="signflip", control="CON")
moved = moved[(moved["contrast"] == "EE - CON: post - pre") & (moved["status"] == "ok")]
columns = ["signature", "estimate", "p_value", "p_adj", "n_measured", "leading"]
print(moved.sort_values("p_value")[columns].head(6).to_string(index=False, max_colwidth=40))

# %% [markdown]
# Signatures share members: five rows may be one finding. A signature named after a tissue says
# that its members are made there, not that this sample's came from there.
#
# ## 7. Test: which proteins changed?
# A mixed model a protein. Look at estimate and interval; `p_adj` (false discovery rate within one
# contrast) decides what is coloured. IL6 differs far more between people after a bout than
# before, hence `variance="contrast"`.

# %%
changed = exo.tl.differential(adata, control="CON", variance="contrast")
effect = changed[changed["contrast"] == "EE - CON: post - pre"]
columns = ["feature", "estimate", "ci_low", "ci_high", "p_adj", "n_pairs"]
print(effect.nsmallest(5, "p_value")[columns].to_string(index=False))
truth = cohort.truth.effects.query("arm == 'EE'").set_index("feature")["log2_effect"]
found = effect.loc[effect["p_adj"] < 0.05, "feature"]
wrong = [name for name in found if truth[name] == 0]
print(f"{len(found)} found, {len(wrong)} of them wrongly; {(truth != 0).sum()} truly change")
assert len(wrong) <= 0.15 * len(found)
exo.pl.volcano(changed, contrast="EE - CON: post - pre", names=adata)

# %% [markdown]
# Grey is "not shown", which is not "unchanged". The first of a ranking are overestimated.
#
# ## 8. Predict: who responded, and do people differ at all?
# A change of VO2max is response and noise of two tests. The control arm shows the noise. Most
# people are *uncertain*, and whether true responses differ may not be knowable.

# %%
rule = {
    "pre": "vo2max_pre", "post": "vo2max_post", "arm": "arm", "control": "CON",
    "reliability": "control", "threshold": 1.0,
}  # fmt: skip
response = exo.tl.responders(cohort.outcomes, **rule)
print(response)
exo.pl.responders(response, unit="mL/kg/min", title="VO2max after training")

# %% [markdown]
# ## 9. Predict: could the blood before training have told?
# The AUC never stands alone: interval, gain over age, sex, BMI and the first test, permutation p,
# the same pipeline among people who did not train, and the ceiling that the noise of the label
# sets. Here 40 people trained: `discovery only`, whatever the AUC. That clinical data alone reach
# more than is "attainable" is no triumph: the first test's error is part of the change.

# %%
evaluated = exo.ml.evaluate(
    adata, (exo.ResponseSpec(**rule), cohort.outcomes), outer=(5, 1), n_permutations=19,
    n_bootstrap=200, seed=1,
)  # fmt: skip
print(evaluated)
assert evaluated.permutation_p > 0.05 and "discovery only" in evaluated.verdict

# %% [markdown]
# ## 10. Which training suits whom?
# With two ways to train one may ask whether each person should get the one that suits them. It is
# a question about differences between arms, and takes far more people: the answer of a trial of
# this size is nearly always that it cannot be said.

# %%
two = exo.datasets.simulate(
    80, arms=("END", "RES"), control="none", n_proteins=30, n_metabolites=0, n_mirna=0, seed=3
)
people = two.outcomes.set_index("subject_id")
tailored = exo.ml.tailor(
    two.adata, people["vo2max_post"] - people["vo2max_pre"], "arm", randomised=True,
    smallest_gain=0.5, repeats=2, seed=1,
)  # fmt: skip
print(tailored)
assert tailored.verdict.startswith("cannot be said")

# %% [markdown]
# ## Where to go on
# | | |
# |---|---|
# | 02 | an Olink study, from the vendor's file to the report |
# | 03 | metabolites over a time course, and what water loss does |
# | 04 | miRNA by qPCR, and tubes whose red cells burst |
# | 05 | three times, two arms, people who dropped out; R's numbers beside ours |
# | 06 | which scorer when |
# | 07 | responders: is there anything to predict? |
# | 08 | tailored training |
# | 09 | several cohorts in one run, and on a cluster |
# | 10 | your own signature |
# | 11 | HERITAGE |
