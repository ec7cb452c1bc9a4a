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
# # Which scorer when
#
# Six scorers turn a sample into one number a signature. They do not ask the same question: two
# look at the members only, four compare the members with the other features of the panel. Here all
# six score one trial whose truth is known, on a wide panel and on 92 candidates of it. What the
# closing table recommends is computed above it; formulas are in `docs/scores.md`.

# %%
import warnings

import numpy as np
import pandas as pd
from scipy import stats

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
CONTRAST = "EE - CON: post - pre"

# %% [markdown]
# ## A trial with planted signatures
# 60 people, half of them exercise (EE) and half rest (CON); 400 proteins, the most `simulate`
# offers, before and after one bout. Planted are +0.2 log2 in all of `rise`, ±0.2 in `mixed`, +3
# in one member of `one_alone`, nothing in `quiet`, and +0.2 in 32 proteins of no signature. No
# value is missing yet.

# %%
panel = exo.datasets.simulate(4, n_proteins=400, n_metabolites=0, n_mirna=0, seed=1).adata
names = list(np.random.default_rng(7).permutation(panel.var_names))
rise, mixed, alone, quiet = names[:16], names[16:28], names[28:40], names[40:56]
bystanders = names[56:88]
signatures = {
    "rise": rise,
    "mixed": {name: 1.0 if i < 7 else -1.0 for i, name in enumerate(mixed)},
    "one_alone": alone,
    "quiet": quiet,
}


def planted(size: float) -> dict[str, float]:
    effects = dict.fromkeys(names, 0.0) | dict.fromkeys([*rise, *bystanders], size)
    return effects | {name: sign * size for name, sign in signatures["mixed"].items()}


truth = planted(0.2) | {alone[0]: 3.0}
responding = pd.Series(truth) != 0
wide = exo.datasets.simulate(
    60,
    n_proteins=400,
    n_metabolites=0,
    n_mirna=0,
    effects=truth,
    missing=0.0,
    haemolysed=0.0,
    seed=6,
).adata
print(wide.shape, exo.pp.pair(wide).counts.to_string(index=False), sep="\n")

# %% [markdown]
# The same tubes on a panel of candidates: the four signatures, the 32 others that respond, and
# four more. Two thirds of it respond; of the wide panel, 15% do.

# %%
plex = wide[:, names[:92]].copy()
shares = {len(a.var_names): responding[a.var_names].mean() for a in (wide, plex)}
print(pd.Series(shares, name="share that responds").to_string())
assert shares[92] > 0.6 and shares[400] < 0.16

# %% [markdown]
# ## The six, as they describe themselves
# `competitive` is the column to read first, `depends_on` the second.

# %%
registry = exo.tl.show_methods().set_index("method")
print(registry[["competitive", "units", "options"]].to_string())
for column in ("depends_on", "nan", "meaningless"):
    print(f"\n{column}")
    print("\n".join(f"  {name}: {text}" for name, text in registry[column].items()))
scorers = list(registry.index)

# %% [markdown]
# ## Score
# One call a scorer; score, coverage and standard error stand in `obsm`. On 92 proteins the
# competitive ones warn.

# %%
told = {}
for method in scorers:
    exo.tl.score(wide, signatures, method=method)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exo.tl.score(plex, signatures, method=method)
    told[method] = [str(w.message) for w in caught]
print(told["ssgsea"][0])
assert {m for m in scorers if told[m]} == set(registry.index[registry["competitive"]])
print(wide.obsm["score_gsva"].head(3))

# %% [markdown]
# ## What each finds
# `score_change` pairs each person with themselves, `score_test` compares the arms. t can be read
# across scorers; their estimates cannot, having six units.

# %%


def tested(adata, method, sets=signatures):
    changes = exo.tl.score_change(adata, sets, method=method)
    frame = exo.tl.score_test(changes, control="CON")
    return frame[frame["contrast"] == CONTRAST].assign(scorer=method)


found = pd.concat(
    tested(adata, method).assign(panel=f"{adata.n_vars} proteins")
    for adata in (wide, plex)
    for method in scorers
)
found["feature"] = pd.Categorical(found["feature"].astype(str), list(signatures))
found["scorer"] = pd.Categorical(found["scorer"], scorers)
statistic = found.pivot_table("statistic", "scorer", ["panel", "feature"], observed=True)
p_value = found.pivot_table("p_value", "scorer", ["panel", "feature"], observed=True)
print(f"t of {CONTRAST}\n{statistic}\n\np\n{p_value.map('{:.0e}'.format)}")

# %% [markdown]
# On 400 proteins all six find `rise` and `mixed`, and none calls `quiet`. On the 92 candidates the
# four competitive ones lose `rise`, since the others rose as much, and **call a fall of `quiet`,
# in which nothing changed**. Their answer to their own question is right (`quiet` did fall behind
# the rest); it is not the question asked of a candidate panel. `mixed` stays: what moves up and
# down at once leads the others on any panel. The two that look at members only give the same t on
# both panels.

# %%
few = statistic["92 proteins"]
competitive = registry.index[registry["competitive"]]
own = ["baseline_z", "weighted_mean"]
assert (p_value["400 proteins"][["rise", "mixed"]] < 0.05).all(axis=None)
assert (p_value["400 proteins"]["quiet"] > 0.05).all()
assert (p_value["92 proteins"].loc[competitive, "rise"] > 0.05).all()
assert (p_value["92 proteins"].loc[competitive, "quiet"] < 0.05).all()
assert (few.loc[competitive, "quiet"] < 0).all() and (few["mixed"] > 2).all()
np.testing.assert_allclose(few.loc[own, "rise"], statistic["400 proteins"].loc[own, "rise"])

# %% [markdown]
# The same as a figure: change of `rise` in SDs between people of the baseline score, a unit that
# all scorers share.

# %%
in_sds = []
for adata in (wide, plex):
    for method in scorers:
        changes = exo.tl.score_change(adata, signatures, method=method)
        frame = exo.tl.score_test(changes.assign(change=changes["std_change"]), control="CON")
        frame = frame[(frame["contrast"] == CONTRAST) & (frame["feature"] == "rise")]
        in_sds.append(frame.assign(feature=method, contrast=f"rise, {adata.n_vars} proteins"))
exo.pl.forest(pd.concat(in_sds), features=scorers)

# %% [markdown]
# ## Do they agree about people?
# Correlation between scorers of the people's changes of `rise`.


# %%
def agreement(adata, signature):
    change = {}
    for method in scorers:
        frame = exo.tl.score_change(adata, signatures, method=method)
        rows = frame[frame["signature"] == signature].set_index("subject_id")
        change[method] = rows["change"].astype(float)
    return pd.DataFrame(change).corr()


agree = agreement(wide, "rise")
agree_few = agreement(plex, "rise")
print(f"400 proteins\n{agree}\n\n92 proteins\n{agree_few}")
apart = agree.to_numpy()[np.triu_indices(6, 1)]
apart_few = agree_few.to_numpy()[np.triu_indices(6, 1)]
print(f"lowest {apart.min():.2f} and {apart_few.min():.2f}")

# %% [markdown]
# On the wide panel they agree about people; on the 92 candidates the competitive ones no longer
# do, with the others nor all with each other.

# %%
assert apart.min() > 0.7 and apart_few.min() < 0.6
assert agree.loc["baseline_z", "weighted_mean"] > 0.95

# %% [markdown]
# ## How often, over many trials
# One trial is an anecdote. 16 more of 40 people, panels drawn anew: planted once as the same log2
# change (0.15) in each protein, once as the same share of each protein's SD, because a scorer that
# divides by SDs is favoured by the first. `ulm of z` is `ulm` after each protein is divided by its
# baseline SD, as one scales before decoupler.


# %%
def standardised(adata):
    """Z scores against the baseline: mean and SD as baseline_z stores them."""
    z = adata.copy()
    exo.tl.score(z, signatures)
    learnt = exo.get.score_reference(z).set_index("feature").loc[list(z.var_names)]
    z.X = (z.X - learnt["mean"].to_numpy()) / learnt["sd"].to_numpy()
    z.uns["exerkine"]["units"] = "zscore"
    return z


three = {name: signatures[name] for name in ("rise", "mixed", "quiet")}
rows = []
for seed in range(100, 116):
    size = {"n_proteins": 400, "n_metabolites": 0, "n_mirna": 0, "missing": 0.0, "seed": seed}
    known = exo.datasets.simulate(4, **size).truth.features.set_index("feature")
    sd = np.hypot(known["sd_between"], known["sd_within"])
    for way, unit in (("same log2", 0 * sd + 0.15), ("same SDs", sd * 0.15 / 0.65)):
        effects = {name: sign * unit[name] for name, sign in planted(1.0).items()}
        trial = exo.datasets.simulate(40, effects=effects, haemolysed=0.0, **size).adata
        for adata in (trial, trial[:, names[:92]].copy()):
            one = [tested(adata, method, three) for method in scorers]
            one.append(tested(standardised(adata), "ulm", three).assign(scorer="ulm of z"))
            rows.append(
                pd.concat(one).assign(way=way, panel=f"{adata.n_vars} proteins", trial=seed)
            )
trials = pd.concat(rows, ignore_index=True)
trials["feature"] = trials["feature"].astype(str)
trials["found"] = (trials["p_value"] < 0.05).astype(float)
cells = ["panel", "way", "feature"]
power = trials.pivot_table("found", "scorer", cells).loc[[*scorers, "ulm of z"]]
print(f"share with p < 0.05\n{power}")

# %% [markdown]
# A share of 16 has a standard error of up to 0.12. The t of the same trial under two scorers can
# be compared more closely: t minus that of `baseline_z`, mean and standard error over the trials.

# %%
by_trial = trials.pivot_table("statistic", ["trial", "way"], ["panel", "feature", "scorer"])
less = {}
for where, signature in (
    ("400 proteins", "rise"),
    ("400 proteins", "mixed"),
    ("92 proteins", "rise"),
):
    t = by_trial[where][signature]
    gap = t.sub(t["baseline_z"], axis=0)[list(power.index[1:])].groupby("way")
    mean, error = gap.mean().T, gap.sem().T
    less[where, signature] = mean / error
    print(f"\n{signature}, {where}; t of baseline_z {t['baseline_z'].mean():.2f}")
    print(mean.map("{:+.2f}".format) + " ± " + error.map("{:.2f}".format))
print(f"\nmean t of quiet, 92 proteins\n{by_trial['92 proteins']['quiet'].mean()[power.index]}")

# %% [markdown]
# `baseline_z` sees `rise` with the largest t on both panels and in both plantings. Its gain over
# values as they stand is larger where all proteins change by the same log2, and stays where they
# change by the same share of their SD. `ulm of z` works on the same z scores and loses half a t on
# the wide panel: it subtracts a background of which 44 proteins respond too. For `mixed`, which has
# both signs, the scorers lie closer together, and `ulm of z` loses nothing. On the candidates the
# competitive ones find `rise` in a third of the trials at most, and on average see `quiet` fall.

# %%
assert (less["400 proteins", "rise"] < -2).all(axis=None)
assert (less["92 proteins", "rise"] < -2).all(axis=None)
assert (less["400 proteins", "mixed"].loc["ulm of z"].abs() < 2).all()
assert power.loc["baseline_z", "400 proteins"].equals(power.loc["baseline_z", "92 proteins"])
few_rise = power["92 proteins"].xs("rise", axis=1, level="feature")
assert (few_rise.loc[[*competitive, "ulm of z"]] < 0.35).all(axis=None)
quiet_t = by_trial["92 proteins"]["quiet"].mean()
assert (quiet_t[[*competitive, "ulm of z"]] < -0.8).all() and (quiet_t[own].abs() < 0.5).all()

# %% [markdown]
# ## Missing members
# In 20 samples after the bout 30% of the members of each signature get lost. What happens to these
# samples' scores, and to those of the other samples, in which nothing was touched? Unit: SD of the
# full panel's score between all samples. `error covers` counts how often the full panel's score
# lies within the 95% interval that `score_se` gives for it: of the score a share 1 - coverage is
# not measured, so its error is `se * sqrt(1 - coverage)`, with t on (measured members - 1) df.

# %%
rng = np.random.default_rng(3)
lossy = wide.copy()
hit = rng.choice(np.flatnonzero(wide.obs["timepoint"] == "post"), 20, replace=False)
touched = np.isin(np.arange(wide.n_obs), hit)
for members in signatures.values():
    columns = wide.var_names.get_indexer(list(members))
    for row in hit:
        lossy.X[row, rng.choice(columns, round(0.3 * len(columns)), replace=False)] = np.nan
full_z, lossy_z = standardised(wide), standardised(lossy)
ways = {method: (method, {}, wide, lossy) for method in scorers}
ways["ssgsea, normalize=False"] = ("ssgsea", {"normalize": False}, wide, lossy)
ways |= {f"{m} of z": (m, {}, full_z, lossy_z) for m in ("ulm", "singscore")}
rows = []
for name, (method, options, intact, after) in ways.items():
    for adata in (intact, after):
        exo.tl.score(adata, signatures, method=method, **options)
    full, score = intact.obsm[f"score_{method}"], after.obsm[f"score_{method}"]
    coverage = exo.get.coverage(after, method)
    error = after.obsm[f"score_se_{method}"] * np.sqrt(1 - coverage)
    measured = after.uns[f"score_members_{method}"].set_index("signature")["n_members"] * 0.7
    moved = (score - full).abs()
    rows.append(
        {
            "scorer": name,
            "hit, median": np.median((moved / full.std())[touched]),
            "hit, largest": (moved / full.std())[touched].max(axis=None),
            "others, largest": (moved / full.std())[~touched].max(axis=None),
            "error covers": (moved <= error * stats.t.ppf(0.975, measured.round() - 1))[
                touched
            ].mean(axis=None),
        }
    )
loss = pd.DataFrame(rows).set_index("scorer")
print(f"coverage {coverage[touched].mean().round(2).to_dict()}\n{loss}")

# %% [markdown]
# ## Everything rises by 0.2
# A bout costs plasma volume: what stays in the vessels is concentrated. Let every protein rise by
# 0.2 log2 (15%) in the exercise arm after the bout.

# %%
thick = wide.copy()
exercises = (wide.obs["arm"] == "EE").to_numpy()
bout = exercises & (wide.obs["timepoint"] == "post").to_numpy()
before = exercises & ~bout
thick.X[bout] += 0.2
rows = []
for method in scorers:
    exo.tl.score(wide, signatures, method=method)
    exo.tl.score(thick, signatures, method=method)
    key = f"score_{method}"
    gap = (thick.obsm[key] - wide.obsm[key]) / wide.obsm[key].std()
    quiet_p = tested(thick, method).set_index("feature").loc["quiet", "p_value"]
    rows.append(
        {"scorer": method, **gap[bout].mean(), "others": gap[~bout].abs().max(axis=None),
         "p of quiet": f"{quiet_p:.0e}"}
    )  # fmt: skip
shift = pd.DataFrame(rows).set_index("scorer")
print(f"mean shift of the samples after the bout, SDs of the score\n{shift}")

# %% [markdown]
# A few lines on both tables.
#
# - `baseline_z` loses a member and moves by half an SD, since all members stand on one scale.
# - Values as they stand (`weighted_mean`, and the ranks and slopes of a sample's own values) carry
#   the level of each protein, which spans more than 15 NPX here: with other members comes another
#   level, and the score moves by 1.8 to 2.9 SDs. The standard error says so, being as wide. z
#   scores first mend `ulm` and `singscore`.
# - `ssgsea` with its default `normalize=True` is divided by the range of all scores: samples that
#   nobody touched move by up to 3 SDs, which no standard error knows. `gsva` moves them a little.
# - A rise of everything is invisible to what compares within a sample, and is a false finding in
#   `quiet` for the two that do not. `gsva`, which ranks each protein over all samples first, moves
#   a little in all of them.

# %%
assert np.ptp(wide.X.mean(axis=0)) > 15
of_values = ["weighted_mean", "ulm", "singscore", "ssgsea"]
assert loss.loc["baseline_z", "hit, median"] < 0.5 < 1.5 < loss.loc[of_values, "hit, median"].min()
assert (loss.loc[["ulm of z", "singscore of z"], "hit, median"] < 0.6).all()
alone_in_sample = [n for n in loss.index if n not in ("ssgsea", "gsva")]
assert (loss.loc[alone_in_sample, "others, largest"] < 1e-9).all()
assert loss.loc["ssgsea", "others, largest"] > 1 > loss.loc["gsva", "others, largest"] > 0
assert loss["error covers"].drop("ssgsea").between(0.88, 0.98).all()
assert loss.loc["ssgsea", "error covers"] == loss["error covers"].min()
within = ["ulm", "singscore", "ssgsea"]
assert (shift.loc[within, list(signatures)].abs() < 1e-9).all(axis=None)
assert (shift.loc[own, "quiet"] > 1).all() and (
    shift.loc[own, "p of quiet"].astype(float) < 0.01
).all()
assert (shift.loc[competitive, "p of quiet"].astype(float) > 0.05).all()
assert shift.loc["gsva", list(signatures)].abs().between(0.01, 0.5).all()

# %% [markdown]
# So the two kinds fail in opposite places: the candidate panel fools the competitive, the loss of
# plasma volume the others. The shipped signature `haemoconcentration` is there to see the latter.
#
# ## A new person
# One person of the cohort plays somebody who comes later, alone. `baseline_z` needs a reference of
# people measured the same way: mean and SD of each protein, a table of 400 rows that may lie in a
# file.

# %%
person = (
    wide.obs["subject_id"]
    == exo.get.pairs(wide).query("arm == 'EE' and paired")["subject_id"].iloc[0]
)
cohort, newcomer = wide[~person].copy(), wide[person].copy()
exo.tl.score(cohort, signatures)
reference = exo.get.score_reference(cohort)
print(reference.head(3).to_string(index=False))
try:
    exo.tl.score(newcomer, signatures)
except exo.errors.InputError as error:
    print(f"\n{error}\n")
exo.tl.score(newcomer, signatures, reference=reference)
print(newcomer.obsm["score_baseline_z"])

# %% [markdown]
# Do the others give a newcomer the score that he has among the cohort? (Largest difference, in SDs
# of the cohort's scores.)

# %%
gap = {}
for method in scorers:
    options = {"reference": reference} if method == "baseline_z" else {}
    exo.tl.score(wide, signatures, method=method, **options)
    with warnings.catch_warnings():  # gsva says itself that two samples give no distribution
        warnings.simplefilter("ignore", exo.errors.ExerkineWarning)
        exo.tl.score(newcomer, signatures, method=method, **options)
    key = f"score_{method}"
    together = wide.obsm[key].loc[newcomer.obs_names]
    gap[method] = ((newcomer.obsm[key] - together) / wide.obsm[key].std()).abs().max(axis=None)
print(pd.Series(gap, name="alone - among the cohort, SDs").map("{:.2g}".format).to_string())
assert all(gap[m] < 1e-9 for m in ("baseline_z", "weighted_mean", "ulm", "singscore"))
assert gap["gsva"] > 0.5 and gap["ssgsea"] > 0.5

# %% [markdown]
# `baseline_z` does with its reference, the sample-by-sample scorers do without any. `gsva` and
# `ssgsea` with its default do not: their scale is the cohort's, and a newcomer has none
# (`normalize=False` mends `ssgsea`).
#
# ## Members that come and go
# `lossy` lost members after the bout only. A test of the scores as they stand would test the loss:
# it is refused. `members="common"` scores each person on what all of the person's samples have;
# `score_change` does so pair by pair without being asked.

# %%
exo.tl.score(lossy, signatures)
try:
    exo.tl.differential(exo.get.scores(lossy, as_anndata=True), control="CON")
except exo.errors.InputError as error:
    print(f"{error}\n")
exo.tl.score(lossy, signatures, members="common")
common = exo.tl.differential(exo.get.scores(lossy, as_anndata=True), control="CON")
common = common[common["contrast"] == CONTRAST].set_index("feature")
pairwise = tested(lossy, "baseline_z").set_index("feature")
complete = tested(wide, "baseline_z").set_index("feature")
table = pd.DataFrame(
    {
        "common, lmm": common["estimate"],
        "score_test": pairwise["estimate"],
        "nothing lost": complete["estimate"],
        "SE, nothing lost": complete["se"],
    }
)
print(table)
assert ((table["common, lmm"] - table["nothing lost"]).abs() < complete["se"]).all()
assert ((table["score_test"] - table["nothing lost"]).abs() < complete["se"]).all()

# %% [markdown]
# ## Which members make the change
# `one_alone` is a change of one protein of twelve. The score alone does not tell; the parts do, and
# so does the jackknife, which grows where members disagree.

# %%
parts = exo.tl.change_contributions(wide, signatures, control="CON")
parts = parts[parts["contrast"] == CONTRAST]
whole = parts.groupby("signature", observed=True)["contribution"].sum()
np.testing.assert_allclose(whole, complete["estimate"].loc[whole.index], atol=1e-9)
ranked = parts.sort_values("contribution", key=abs, ascending=False)
top = ranked.groupby("signature", observed=True).first()[["member", "contribution", "share"]]
exo.tl.score(wide, signatures)
error = wide.obsm["score_se_baseline_z"]
top = top.assign(change=whole, se_before=error[before].median(), se_after=error[bout].median())
print(top)
assert top.loc["one_alone", "member"] == alone[0] and top.loc["one_alone", "share"] > 0.9
assert top.loc["rise", "share"] < 0.25
rises = top["se_after"] / top["se_before"]
assert rises.idxmax() == "one_alone" and rises["one_alone"] > 1.2

# %% [markdown]
# One bar beside eleven, and sixteen of which most point the same way: the same change of the score.

# %%
exo.pl.contributions(parts, "one_alone")

# %%
exo.pl.contributions(parts, "rise")

# %% [markdown]
# In one sample: the person in whom `one_alone` is highest after the bout.

# %%
in_samples = exo.tl.contributions(wide, signatures)
highest = wide.obsm["score_baseline_z"]["one_alone"][bout].idxmax()
rows = in_samples[(in_samples["sample_id"] == highest) & (in_samples["signature"] == "one_alone")]
print(rows.nlargest(3, "contribution")[["sample_id", "member", "value", "contribution", "status"]])
assert np.isclose(
    rows["contribution"].sum(), wide.obsm["score_baseline_z"].loc[highest, "one_alone"]
)

# %% [markdown]
# ## The matched null, and what its p is not
# `n_permutations=1000` places each score among those of random sets, whose members are like the
# signature's in share measured, mean and SD. Two sets in which nothing responds show what the p
# is worth: `quiet`, drawn at random, and `together`, the 16 proteins most alike in the control
# arm's samples (people other than those whose p is read).

# %%
silent = [name for name in wide.var_names if not responding[name]]
tied = np.corrcoef(wide[~exercises, silent].X.T)
nearest = np.sort(tied, axis=1)[:, -16:].sum(axis=1).argmax()
together = [silent[i] for i in np.argsort(tied[nearest])[-16:]]
null_sets = signatures | {"together": together}
rows = {}
for name, adata in (("baseline_z", wide), ("singscore", wide), ("singscore of z", full_z)):
    method = name.split()[0]
    exo.tl.score(adata, null_sets, method=method, n_permutations=1000)
    p = adata.obsm[f"score_null_p_{method}"]
    rows[f"{name}, before"] = (p[before] < 0.05).mean()
    rows[f"{name}, after"] = (p[bout] < 0.05).mean()
null = pd.DataFrame(rows).T
print(f"share of samples with p < 0.05\n{null}")

# %% [markdown]
# - It holds near 0.05 for `quiet`, drawn as the null draws, and calls half of the samples for
#   `together`, before the bout as after it, with nothing there: members that move together lie far
#   out more often than random ones. Members of a real signature often do move together.
# - It says nothing of change. `rise` rose (p = 3e-05 above), and a quarter of the samples after the
#   bout pass; by ranks of the values none does, since random sets of these differ in level by more
#   than a bout moves them. Ranks of z scores have no level, and their p is as loose as that of
#   `baseline_z`.
#
# Use it to rank signatures within a sample. The test of a change is over people, below.

# %%
assert null.loc[["baseline_z, before", "baseline_z, after"], "quiet"].between(0.0, 0.15).all()
assert (null["together"].filter(regex="baseline_z|of z") > 0.3).all()
assert null.loc["baseline_z, after", "rise"] < 0.3 and null.loc["singscore, after", "rise"] == 0
assert p_value["400 proteins"].loc["baseline_z", "rise"] < 1e-4

# %% [markdown]
# ## Change in each person: real, or noise?
# `control="CON"` takes the changes of those who rested as noise: typical error of each score, and
# an interval around each person's change. A change whose interval holds 0 is not told from noise.

# %%
changes = exo.tl.score_change(wide, signatures, control="CON")
changes["reliable"] = (changes["rci_low"] > 0) | (changes["rci_high"] < 0)
known = changes[changes["status"] == "ok"]
share = known.pivot_table("reliable", "signature", "arm", observed=True).astype(float)
share["typical_error"] = known.groupby("signature", observed=True)["typical_error"].first()
print(share)
assert (share["CON"] < 0.1).all()  # 5% are expected of noise
assert (share["EE"].drop("quiet") > 0.15).all() and share.loc["quiet", "EE"] < 0.1

# %% [markdown]
# All changes with their mean, who changed in what, and the mean against those who rested.

# %%
exo.pl.score_change(changes)

# %%
exo.pl.heatmap(changes)

# %%
test = exo.tl.score_test(changes, control="CON")
exo.pl.forest(test[test["contrast"] == CONTRAST], features=list(signatures))

# %% [markdown]
# The mean changed by 0.3 beyond doubt; of a single person that can be said in a fifth to a quarter
# of the exercise arm. The others are not shown to have stayed as they were: their intervals are
# wide.
#
# ## Use this when
# What was computed above, one row a scorer.

# %%
summary = pd.DataFrame(
    {
        "t, rise": statistic["400 proteins"]["rise"],
        "candidates": few["rise"],
        "one_alone": statistic["400 proteins"]["one_alone"],
        "quiet, candidates": few["quiet"],
        "30% lost": loss["hit, median"].reindex(scorers),
        "others moved": loss["others, largest"].reindex(scorers),
        "+0.2, quiet": shift["quiet"].round(2) + 0.0,
        "newcomer": pd.Series(gap).round(2),
    }
).loc[scorers]
print("t of EE - CON (left), displacement in SDs of the score (right)")
print(summary.to_string())
assert summary["one_alone"].idxmin() == "gsva" and summary.loc["gsva", "one_alone"] < 2

# %% [markdown]
# | scorer | use it when |
# |---|---|
# | `baseline_z` | by default: any panel, members missing, a newcomer with a stored reference |
# | `weighted_mean` | members share a zero (z scores, log ratios), or a published model says so |
# | `ulm` | on wide panels, for graded weights, as in decoupler; z scores first |
# | `singscore` | on wide panels, for a sample alone without any reference; no member missing |
# | `ssgsea` | a published analysis is repeated; `normalize=False` where samples will be added |
# | `gsva` | on wide panels, in one closed cohort, where one member must not carry the score |
#
# And against:
#
# | scorer | not when |
# |---|---|
# | `baseline_z` | all may have risen (see `haemoconcentration`), or one member (see the parts) |
# | `weighted_mean` | people are compared on NPX, or members come and go |
# | the four others | the panel is made of candidates |
# | `ssgsea`, `gsva` | scores must stay when samples are added |
#
# Wide means that little of the panel responds: 15% here, and that already cost half a t. Whichever
# it is, choose it before looking; six scorers are six chances.
