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
# # Your own signature
#
# You have a list of molecules that should move together: from a paper, from your last trial, from
# a colleague. As a signature it is scored, tested and drawn like the shipped ones. This notebook
# writes one down with what has to be said of it, lets it be checked, looks at how much of it a
# panel measures, scores it, asks whether it adds anything to what is shipped, and exchanges it as
# GMT.

# %%
import tempfile
from pathlib import Path

import pandas as pd

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
folder = Path(tempfile.mkdtemp())
adata = exo.datasets.simulate(
    60, n_proteins=160, n_metabolites=0, n_mirna=0, effect_scale=0.3, seed=10
).adata

# %% [markdown]
# ## The quick way: a dict
# Names of the panel, with or without weights. Enough for a look; nothing is said of where it comes
# from, and on another panel the names may be others.

# %%
quick = {
    "my_idea": ["IL6", "IL1RN", "IL10", "FGF21"],
    "my_contrast": {"IL6": 1, "IL1RN": 1, "LEP": -0.5},
}
exo.tl.score(adata, quick)
print(exo.get.scores(adata).head(3))
print(exo.get.coverage(adata).min())

# %% [markdown]
# ## The lasting way: a YAML file
# Members have identifiers (found on any platform that has one of them), a sign and a weight. The
# rest is what a reader needs in order to judge: where it holds (exposure, mode, matrix, time after
# the bout), what the weights rest on, what it must not be used for, and the level of evidence: `C`
# for your own idea; `A` and `B` are for sets whose signs studies bear out. The file is named as
# the signature.

# %%
text = """\
name: my_myokines
title: My myokines of endurance exercise
version: "1"
kind: set
modality: proteomics
species: human
exposure: acute
exercise_mode: [endurance]
matrix: [plasma_edta, serum]
window_minutes: [0, 120]
level: C
weights: >-
  Signs from my pilot study; 0.5 where only half of the people changed.
members:
  - {exerkine_id: il6, name: Interleukin-6, gene_symbol: IL6, uniprot: P05231, weight: 1}
  - {exerkine_id: il10, name: Interleukin-10, gene_symbol: IL10, uniprot: P22301, weight: 1}
  - {exerkine_id: fgf21, name: Fibroblast growth factor 21, gene_symbol: FGF21,
     uniprot: Q9NSA1, weight: 1}
  - {exerkine_id: follistatin, name: Follistatin, gene_symbol: FST, uniprot: P19883, weight: 1}
  - {exerkine_id: gdf15, name: Growth differentiation factor 15, gene_symbol: GDF15,
     uniprot: Q99988, weight: 0.5}
  - {exerkine_id: metrnl, name: Meteorin-like protein, gene_symbol: METRNL, uniprot: Q641Q3,
     weight: 0.5}
  - {exerkine_id: leptin, name: Leptin, gene_symbol: LEP, uniprot: P41159, weight: -0.5}
limits: >-
  Eleven trained men. Not known in women, after resistance exercise, or beyond two hours.
not_for: >-
  A claim that any of these came from muscle.
"""
path = folder / "my_myokines.yaml"
path.write_text(text)
problems = exo.sig.validate(path)
print(problems)
mine = exo.sig.load(path)
print(mine)
print(mine["my_myokines"].context())
assert problems.empty

# %% [markdown]
# On the command line: `exerkine signatures validate my_myokines.yaml`. A file with a slip is
# refused with the field's name:

# %%
slips = {
    "weight: 1}": "weight: 0}",
    "level: C": "level: D",
    "window_minutes: [0, 120]": "window_minutes: [120, 0]",
}
for right, wrong in slips.items():
    path.write_text(text.replace(right, wrong, 1))
    try:
        exo.sig.load(path)
        raise SystemExit("a slip was let through")
    except exo.errors.InputError as error:
        print(str(error).replace(str(folder), "..."))
path.write_text(text.replace("uniprot: P05231", "uniprot: P05230"))
problems = exo.sig.validate(path)
path.write_text(text)
print(problems[["row", "field", "problem"]].to_string(index=False))
assert len(problems) == 1

# %% [markdown]
# The last slip is a wrong accession: a valid file, and the knowledge base knows better.
#
# ## How much of it is measured?
# Coverage is the share of the absolute weight. Look at what is missing: a signature without its
# chief member is another signature.

# %%
everything = exo.sig.SignatureSet([*exo.sig.load().query(modality="proteomics").values(),
                                   *mine.values()])  # fmt: skip
coverage = everything.coverage(adata).sort_values("coverage", ascending=False)
print(coverage[["signature", "n_members", "n_measured", "coverage", "missing"]].head(8).to_string())
exo.pl.coverage(coverage)

# %% [markdown]
# ## Score and test, beside the shipped ones

# %%
contrast = "EE - CON: post - pre"
usable = coverage.loc[coverage["coverage"] >= 0.5, "signature"]
chosen = exo.sig.SignatureSet([everything[name] for name in usable])
exo.tl.score(adata, chosen)
changes = exo.tl.score_change(adata, chosen)
tested = exo.tl.score_test(changes, control="CON")
rows = tested[(tested["contrast"] == contrast) & (tested["status"] == "ok")]
print(rows.nsmallest(8, "p_value")[["feature", "estimate", "ci_low", "ci_high", "p_adj"]])
exo.pl.forest(rows)

# %% [markdown]
# ## Is it anything new?
# Two sets that share members, or whose changes go together in people, are one finding under two
# names. First the shared members, then the correlation of changes within the exercise arm.

# %%
members = {name: {m.exerkine_id for m in chosen[name].members} for name in chosen}
own = members["my_myokines"]
change = changes[changes["arm"] == "EE"].pivot_table(
    "change", "subject_id", "signature", observed=True
)
beside = pd.DataFrame(
    {
        "shared": {name: len(own & held) for name, held in members.items()},
        "of": {name: len(held) for name, held in members.items()},
        "r of changes": change.corr()["my_myokines"],
    }
).drop("my_myokines")
print(beside.sort_values("r of changes", ascending=False))
assert beside["shared"].max() >= 4

# %% [markdown]
# ## Is it better than its best single member?
# If IL6 alone shows as much, measure IL6. The member is chosen in some people and valued in
# others, so that it does not flatter itself. "No difference shown" is not "no difference".

# %%
best = exo.tl.best_member(adata, mine, control="CON", n_boot=100)
columns = ["signature", "effect", "best_member", "effect_best", "difference", "ci_low", "ci_high",
           "verdict"]  # fmt: skip
print(best.loc[best["contrast"] == contrast, [c for c in columns if c in best]].T)

# %%
parts = exo.tl.change_contributions(adata, mine, control="CON")
exo.pl.contributions(parts, "my_myokines", contrasts=[contrast], names=adata)

# %% [markdown]
# ## Out to GMT, and in again
# GMT knows names only: `MY_MYOKINES_UP` and `..._DOWN`, a line each. Signs survive, weights,
# context and limits do not; what comes back says so, at level C. The network of decoupler keeps
# weights.

# %%
gmt = mine.to_gmt(folder / "mine.gmt")
print(gmt)
back = exo.sig.from_gmt(folder / "mine.gmt")
print({m.gene_symbol: m.weight for m in back["my_myokines"].members})
print(back["my_myokines"].limits)
print(mine.to_network().head(3))
signs = {m.gene_symbol: (m.weight > 0) - (m.weight < 0) for m in mine["my_myokines"].members}
assert {m.gene_symbol: m.weight for m in back["my_myokines"].members} == signs

# %% [markdown]
# What the loss of weights does to the scores:

# %%
exo.tl.score(adata, mine)
weighted = exo.get.scores(adata)["my_myokines"].copy()
exo.tl.score(adata, back)
signed = exo.get.scores(adata)["my_myokines"]
print(f"correlation {weighted.corr(signed):.3f}")
assert weighted.corr(signed) > 0.8

# %% [markdown]
# ## What not to conclude
# - A signature made from a trial and tested in the same trial will be found again. Test it in other
#   people.
# - Many sets tried, one reported: say how many. `p_adj` knows only those of one call.
# - A score says how these members lie together, not which tissue they came from, nor that one
#   caused another.
# - To send a set in for shipping, each sign needs a reference (`docs/knowledge_base.md`).
