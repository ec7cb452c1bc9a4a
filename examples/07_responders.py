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
# # Who responded, and do people differ at all?
#
# A coach tests VO2max before and after twelve weeks. One athlete gained 6 mL/kg/min, another lost
# 1. Is the first a responder and the second not? Tests are noisy: the same athlete tested twice in
# a week differs too. This notebook goes from two visits to a verdict: how noisy is the test, who
# changed by more than noise, do people truly differ, could anything predict it, and how many people
# would it take to know. All data are simulated, so the truth is known and checked at each step;
# formulas are in `docs/responders.md`.

# %%
import warnings

import numpy as np
import pandas as pd

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)

# %% [markdown]
# ## The study
# 60 people train (EE), 60 do not (CON). Everyone does one test before and one after. A test has an
# error of 2 mL/kg/min (the typical error). In truth the trained gain 4 on average, and people
# differ: their true gains have an SD of 3.

# %%
TRUE_ERROR, TRUE_SD_IR = 2.0, 3.0
study = exo.datasets.simulate(
    120, n_proteins=6, n_metabolites=0, n_mirna=0, training_effect=4.0, sd_ir=TRUE_SD_IR,
    typical_error=TRUE_ERROR, seed=4,
)  # fmt: skip
people = study.outcomes
truth = study.truth.subjects.set_index("subject_id")
print(people.head())

# %% [markdown]
# ## 1. How noisy is the test?
# Before the study, 25 people did the test three times within two weeks, without training between.
# What differs within a person then is noise (and, if the tests climb, practice).

# %%
rng = np.random.default_rng(3)
fitness = rng.normal(42, 7, (25, 1))
tests = pd.DataFrame(
    fitness + rng.normal(0, TRUE_ERROR, (25, 3)), columns=["test 1", "test 2", "test 3"]
)
retest = exo.Reliability.from_repeats(tests)
print(retest.to_frame())
assert retest.ci_low < TRUE_ERROR < retest.ci_high and retest.learning_p > 0.05

# %% [markdown]
# A change holds the error of *two* tests. `mdc95` is the change that noise alone exceeds in one of
# twenty people: a gain below it may be nothing. A high ICC does not help the athlete: it says that
# people differ from each other, not that a change can be seen.
#
# A retest within days misses what drifts over twelve weeks (weight, sleep, season). The control arm
# went through the same weeks, so its change is the truer noise. Here nothing drifts and both agree.

# %%
control = people[people["arm"] == "CON"]
trial_noise = exo.Reliability.from_control(control["vo2max_pre"], control["vo2max_post"])
print(f"short term {retest.typical_error:.2f}, over the trial {trial_noise.typical_error:.2f}")
assert (retest.period, trial_noise.period) == ("short", "trial")

# %% [markdown]
# ## 2. What counts?
# The threshold is fixed before anyone looks: 1 mL/kg/min, about a fifth of the SD between people. A
# dose is fixed too: who did fewer than 80% of the sessions did not train, whatever the result.

# %%
rule = {
    "pre": "vo2max_pre",
    "post": "vo2max_post",
    "arm": "arm",
    "control": "CON",
    "reliability": "control",
    "threshold": 1.0,
}
result = exo.tl.responders(people, adherence="adherence", min_adherence=0.8, **rule)
print(result)

# %% [markdown]
# ## 3. Who responded?
# Each bar is a person, each whisker what the measurement leaves open. A **responder** has the
# whole whisker above the threshold. Most people are **uncertain**: not because they are average,
# but because one test before and one after cannot say more. Hollow bars did not train enough; they
# are shown and count nowhere.

# %%
exo.pl.responders(result, unit="mL/kg/min", title="VO2max after twelve weeks")

# %%
table = result.frame.set_index("subject_id")
table["true"] = truth["true_response"]
called = table[table["category"] == "responder"]
print(pd.crosstab(table["category"], table["true"] > 1.0))
print(f"control arm by the same rule: {result.control_counts}")
assert (called["true"] > 1.0).mean() > 0.95
assert result.counts["uncertain"] > result.counts["non"] + result.counts["adverse"]

# %% [markdown]
# Of those called responders nearly all truly are; of those called uncertain most are, too. "Not
# shown to respond" is not "non-responder".
#
# `p_response` is the chance that a person's true gain exceeds the threshold, from this person's two
# tests alone. `p_response_shrunk` also uses that the others gained 4 on average: an extreme change
# is partly luck, and the shrunk value says so. It predicts the truth better.

# %%
known = table[table["p_response"].notna()]
hit = (known["true"] > 1.0).astype(float)
brier = {c: ((known[c] - hit) ** 2).mean() for c in ("p_response", "p_response_shrunk")}
print(pd.Series(brier, name="mean squared error of the probability").to_string())
assert brier["p_response_shrunk"] < brier["p_response"]

# %% [markdown]
# ## 4. Do people differ at all?
# Changes always spread. If the trained spread no more than the untrained, the spread is noise.
# The surplus is **SDir**, the SD of true individual responses.

# %%
exo.pl.arm_variances(result, unit="mL/kg/min")

# %%
print(result.sd_ir_table)
print(result.verdict, "|", result.verdict_reason)
assert result.verdict == "differs"
assert result.sd_ir.ci_low < TRUE_SD_IR < result.sd_ir.ci_high

# %% [markdown]
# The interval is above 0: people differ, and the truth (3.0) is inside. This took 60 people an arm
# *and* differences larger than the noise. Three things can come out: `differs`; `negligible` (only
# this one says: stop looking for predictors); `cannot be known`, which is not "all alike". With 12
# of each arm the same world looks like this:

# %%
few = pd.concat([part.head(12) for _, part in people.groupby("arm")])
small = exo.tl.responders(few, **rule)
print(small.verdict, "|", small.verdict_reason)
assert small.verdict == "cannot be known"

# %% [markdown]
# ## 5. "The least fit gained most"
# Draw change against baseline and it nearly always falls. Whoever had a bad first test seems to
# gain. The line shows how much of the slope noise alone makes; the control arm, which did nothing,
# falls too.

# %%
exo.pl.baseline_change(result, unit="mL/kg/min")

# %%
lines = result.baseline_lines.set_index("arm")
print(lines)
assert (lines["rtm_slope"] < 0).all()
assert (lines["ci_low"] < lines["rtm_slope"]).all() and (
    lines["rtm_slope"] < lines["ci_high"]
).all()

# %% [markdown]
# ## 6. How well could anything predict?
# Even a perfect marker of a person's true response cannot foresee the noise of two tests, and the
# label holds that noise. The **ceiling** is the best AUC any marker could reach here. Beside it:
# what the baseline test reaches when all respond alike. A predictor that does no better than this
# second number may have found nothing but noise.

# %%
ceiling = result.ceiling
print(f"ceiling: AUC {ceiling.auc:.2f}, R2 {ceiling.r2:.2f}")
print(f"baseline alone, no differences at all: AUC {ceiling.coupling_auc:.2f}")
assert 0.5 < ceiling.coupling_auc < ceiling.auc < 1

# %% [markdown]
# ## 7. Labels judged
# Other rules are in use. Each is run on the trained and on the people who did nothing: what it
# finds there, it finds in noise. Quarters and clusters always make responders.

# %%
rates = exo.tl.label_rates(people, quantile=0.25, **rule).set_index("rule")
print(rates[["share_treated", "share_control", "p_value", "note"]].to_string())
assert rates.loc["quantile", "share_control"] > 0.2 > rates.loc["category", "share_control"]
assert rates.loc["cluster", "share_control"] > 0.2 and rates.loc["cluster", "p_value"] > 0.05
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    exo.ResponseSpec(
        pre="vo2max_pre", post="vo2max_post", threshold=1.0, reliability=retest,
        label_rule="quantile",
    )  # fmt: skip
print(caught[0].message)

# %% [markdown]
# ## 8. Several outcomes
# Nobody is a responder as such. Blood pressure and time to exhaustion were measured as well; in
# this world the three responses have nothing to do with each other. For blood pressure less is
# better.

# %%
trained = (people["arm"] == "EE").to_numpy()
bp, time = rng.normal(132, 9, len(people)), rng.normal(11, 2, len(people))
people = people.assign(
    bp_pre=bp + rng.normal(0, 4, len(people)),
    bp_post=bp - trained * rng.normal(4, 1, len(people)) + rng.normal(0, 4, len(people)),
    time_pre=time + rng.normal(0, 0.4, len(people)),
    time_post=time + trained * rng.normal(1.5, 0.8, len(people)) + rng.normal(0, 0.4, len(people)),
)
arms = {"arm": "arm", "control": "CON", "reliability": "control"}
profile = exo.tl.responder_profile(
    people,
    {
        "VO2max": exo.ResponseSpec(pre="vo2max_pre", post="vo2max_post", threshold=1.0, **arms),
        "systolic pressure": exo.ResponseSpec(
            pre="bp_pre", post="bp_post", threshold=2.0, direction="down", **arms
        ),
        "time to exhaustion": exo.ResponseSpec(
            pre="time_pre", post="time_post", threshold=0.3, **arms
        ),
    },
)
print(profile.summary.drop(columns=["arm", "status"]).to_string())
print(profile.agreement)
exo.pl.responder_profile(profile)

# %% [markdown]
# Responders in two outcomes are about as many as chance would make (`expected_both`).

# %%
assert (profile.agreement["n_both"] - profile.agreement["expected_both"]).abs().max() < 6
assert profile.agreement["r_change"].abs().max() < 0.3

# %% [markdown]
# ## 9. What the design can tell
# Two randomised arms and one test each time tell whether people differ, not *who* differs: what
# this person would have done without training was not seen. For that the same training must be done
# twice.

# %%
design = exo.tl.check_design(arms=2, control=True)
print(design[["question", "identified", "needs"]].to_string())
one_arm = exo.tl.check_design(arms=1).set_index("question")["identified"]
assert not one_arm["sd_ir"] and not one_arm["average_effect"]
try:
    exo.tl.check_design(arms=2, control=True, ask="individual_response")
except exo.errors.AnalysisError as error:
    print(error)

# %% [markdown]
# ## 10. Planning the next study
# If true responses differ as much as one test errs (SDir = 2), how many people does it take to
# know? Far more than it takes to show that the mean rises by 4.

# %%
plan = exo.tl.plan_response(2.0, trial_noise, smallest_sd_ir=1.0)
mean = exo.tl.plan_change(4.0, result.arm_sds["sd"].iloc[0])
print(plan.iloc[::3], mean.iloc[::4], sep="\n")
exo.pl.plan(plan)

# %%
needed = plan.loc[plan["p_differs"] > 0.8, "n_per_arm"].min()
for_mean = mean.loc[mean["power"] > 0.8, "n_per_arm"].min()
print(f"{needed} an arm for differences between people, {for_mean} for a mean gain of 4")
assert needed > 4 * for_mean and plan["p_differs_if_constant"].max() < 0.05

# %% [markdown]
# ## In short
# 1. Know the noise, best from people who went through the same weeks without training.
# 2. Fix threshold and dose beforehand.
# 3. Give each person an interval; let most be uncertain.
# 4. Ask whether people differ before asking who, and who before asking why.
# 5. Judge each rule by what it finds in people who did nothing.
