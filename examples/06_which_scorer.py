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

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
CONTRAST = "EE - CON: post - pre"

# %% [markdown]
# ## A trial with planted signatures
# 60 people, half of them exercise (EE) and half rest (CON); 400 proteins, the most `simulate`
# offers, before and after one bout. Planted are +0.2 log2 in all of `rise`, ±0.2 in `mixed`, +1.5
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


wide = exo.datasets.simulate(
    60,
    n_proteins=400,
    n_metabolites=0,
    n_mirna=0,
    effects=planted(0.2) | {alone[0]: 1.5},
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
respond = np.array(list((planted(0.2) | {alone[0]: 1.5}).values())) != 0
responding = pd.Series(respond, list(planted(0.2)))
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
