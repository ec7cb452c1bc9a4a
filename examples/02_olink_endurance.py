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
# # An Olink endurance study: from the vendor's file to the report
#
# A laboratory sends one csv with a row a tube and assay, and nothing about people. You have a
# sample sheet. This notebook goes from both to a report: read, check, limits of detection, plates,
# red cells, pairs, tests, signatures, and the same as one command. The file is simulated and
# written by the first cells, in the layout of Olink's long NPX export, so that what truly changed
# is known; start at "Read" with your own.

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
folder = Path(tempfile.mkdtemp())

# %% [markdown]
# ## The laboratory's file
# 44 people, before and right after one bout (`EE`) or as long a rest (`CON`); 92 proteins. Two
# plates, all tubes of a person on one plate. Each plate has control tubes and its own limits of
# detection (LOD); IL6 and nine others lie near theirs. Two tubes carry the software's warning.
# Olink reports values below the limit, with the limit beside them.

# %%
study = exo.datasets.simulate(
    44, n_proteins=92, n_metabolites=0, n_mirna=0, effect_scale=0.3, haemolysed=0.05, seed=5
)
truth = study.adata
rng = np.random.default_rng(5)
tubes = [f"T{number:03d}" for number in rng.permutation(truth.n_obs) + 1]
plate = (
    truth.obs["subject_id"]
    .astype(str)
    .map(
        {who: f"Plate{1 + (i // 2) % 2}" for i, who in enumerate(truth.obs["subject_id"].unique())}
    )
)
near = ["IL6", *rng.choice(truth.var_names[10:], 9, replace=False)]
before = (truth.obs["timepoint"] == "pre").to_numpy()
limit = pd.Series(np.nanmin(truth.X, axis=0) - 0.5, truth.var_names)
for name in near:
    limit[name] = np.nanquantile(truth[before, name].X, 0.6 if name == "IL6" else 0.3)

rows = []
values = truth.to_df()
for index, (tube, name, on) in enumerate(zip(tubes, truth.obs_names, plate, strict=True)):
    for assay, npx in values.loc[name].items():
        rows.append((tube, index, assay, on, "WARN" if index in (9, 40) else "PASS", npx))
for index, on in enumerate(["Plate1", "Plate2"] * 2, start=len(tubes)):
    for assay, npx in (values.median() + rng.normal(0, 0.1, truth.n_vars)).items():
        rows.append((f"CONTROL_SAMPLE_{index}", index, assay, on, "PASS", npx))
npx = pd.DataFrame(rows, columns=["SampleID", "Index", "Assay", "PlateID", "QC_Warning", "NPX"])
numbers = {assay: f"OID{number:05d}" for number, assay in enumerate(truth.var_names, start=20001)}
npx["OlinkID"] = npx["Assay"].map(numbers)
npx["UniProt"] = npx["Assay"].map(truth.var["uniprot"].astype(str))
npx["Panel"], npx["Panel_Version"] = "Exercise 92", "v.1"
npx["LOD"] = npx["Assay"].map(limit) + np.where(npx["PlateID"] == "Plate2", 0.05, 0.0)
npx.round(4).to_csv(folder / "npx.csv", sep=";", index=False)

sheet = truth.obs[["subject_id", "timepoint", "arm", "age", "sex"]].reset_index(drop=True)
sheet = sheet.rename(columns={"subject_id": "person", "timepoint": "visit", "arm": "group"})
sheet.insert(0, "sample_id", tubes)
sheet.sort_values("sample_id").to_csv(folder / "samples.csv", index=False)
print((folder / "npx.csv").read_text()[:300])

# %% [markdown]
# ## Read
# The format is recognised by its content. The sheet is joined by tube, never by position. What no
# file says has to be told: here, what the tubes are filled with.

# %%
adata = exo.io.read(
    folder / "npx.csv",
    samples=folder / "samples.csv",
    subject="person",
    timepoint="visit",
    baseline="pre",
    arm="group",
    matrix_type="plasma_edta",
)
print(adata)
print(adata.obs["sample_type"].value_counts())
print(adata.var.head(3))
np.testing.assert_allclose(
    adata["T001", "OID20002"].X, values.iloc[tubes.index("T001"), 1], atol=1e-4
)

# %% [markdown]
# An assay is an OlinkID; its name and UniProt stand in `var`, and signatures are found by these.
#
# ## Check
# Look at errors first, then at warnings. Nothing has been changed yet.

# %%
checked = exo.pp.check(adata)
print(checked)
assert not checked.errors

# %% [markdown]
# ## Limits of detection
# `keep` leaves values below the limit as they are and marks them. Replacing them, or leaving them
# out, biases a change where exercise itself lifts a protein above its limit: IL6 here. Look for
# features detected at one time only.

# %%
exo.pp.lod(adata)
detected = exo.pp.detection(adata)
wide = detected.pivot_table("share_detected", "feature", ["arm", "timepoint"], observed=True)
wide.index = adata.var["name"].astype(str).reindex(wide.index)
print(wide[wide.min(axis=1) < 0.9])
exo.pl.qc(adata, "lod")

# %% [markdown]
# ## Plates, warned tubes, red cells
# A person's tubes lie on one plate, so plates cannot make a change within people. Controls serve
# here and leave afterwards. A tube under a warning is not thrown away silently: `clean` says what
# it does, on request only.

# %%
exo.pl.qc(adata, "plate")

# %%
exo.pp.haemolysis(adata)
print(adata.obs["haemolysed"].value_counts())
exo.pl.qc(adata, "haemolysis")

# %% [markdown]
# A flag is no verdict: exercise breaks red cells too. Look whether flagged tubes gather at one
# time.

# %%
cleaned = exo.pp.clean(adata, fix=["control_samples", "failed_qc_values"])
done = cleaned.uns["exerkine"]["steps"]
print(done["step"].astype(str) + "  " + done["parameters"].astype(str).str.slice(0, 70))
print(exo.pp.pair(cleaned))
exo.pl.qc(cleaned, "flow")

# %% [markdown]
# ## Was it detected at all?
# McNemar's test asks who became detectable, and needs no value below the limit.

# %%
detection = exo.tl.differential(cleaned, method="mcnemar", layer="below_lod", key_added="detected")
il6 = numbers["IL6"]
columns = ["contrast", "estimate", "ci_low", "ci_high", "p_value", "n_pairs"]
print(detection.loc[detection["feature"] == il6, columns])

# %% [markdown]
# Of those who exercised, half became detectable (`estimate` 0.5); of those who rested hardly
# anyone.
#
# ## Components
# Do samples lie by plate, by time, or by person? Lines join a person's tubes.

# %%
exo.pp.pca(cleaned)
exo.pl.pca(cleaned, color="timepoint", join=True)

# %% [markdown]
# ## Which proteins changed?
# `control="CON"` adds the change beyond that of those who rested. The figures show gene names, the
# frame keeps the assay's id.

# %%
contrast = "EE - CON: post - pre"
changed = exo.tl.differential(cleaned, control="CON", variance="contrast")
effect = changed[changed["contrast"] == contrast].set_index("feature")
effect.insert(0, "name", cleaned.var["name"].astype(str).reindex(effect.index))
columns = ["name", "estimate", "ci_low", "ci_high", "p_adj", "n_pairs"]
print(effect.nsmallest(8, "p_value")[columns])
exo.pl.volcano(changed, contrast=contrast, names=cleaned)

# %%
exo.pl.trajectory(cleaned, il6)

# %% [markdown]
# Before the bout half of these IL6 values lie below the limit: the *size* of its change hangs on
# numbers that the laboratory itself calls unsure. Its sign does not.
#
# With and without the flagged tubes: does a finding hang on them?

# %%
clear = cleaned[cleaned.obs["haemolysed"].astype(str) != "yes"].copy()
without = exo.tl.differential(clear, control="CON", variance="contrast", key_added="clear")
without = without[without["contrast"] == contrast].set_index("feature")
both = pd.DataFrame({"all": effect["p_adj"] < 0.05, "without": without["p_adj"] < 0.05})
print(pd.crosstab(both["all"], both["without"]))

# %% [markdown]
# ## Which signatures changed?
# Coverage first, then the test over people, then who carries it.

# %%
moved = exo.tl.enrich(cleaned, method="signflip", control="CON")
rows = moved[(moved["contrast"] == contrast) & (moved["status"] == "ok")]
print(rows.sort_values("p_value")[["signature", "estimate", "p_adj", "coverage", "n_pairs"]])
exo.pl.enrichment(rows, members=cleaned)

# %%
changes = exo.tl.score_change(cleaned)
exo.pl.score_change(changes[changes["signature"].isin(rows["signature"])])

# %% [markdown]
# ## The same as one command
# A config says what was done above; the run writes tables, figures and `report.html`, and another
# run with `--resume` repeats only what changed.

# %%
(folder / "study.yaml").write_text(
    """
title: Endurance bout, Olink
seed: 1
cohorts:
  - name: olink
    input:
      file: {path: npx.csv, samples: samples.csv, subject: person, timepoint: visit,
             baseline: pre, timepoint_order: [pre, post], arm: group, matrix_type: plasma_edta}
    prepare:
      lod: keep
      haemolysis: {}
      clean: [control_samples, failed_qc_values]
    differential: {control: CON, variance: contrast}
"""
)
done = subprocess.run(
    [sys.executable, "-m", "exerkine_omics", "run", "study.yaml", "-o", "out", "--quiet"],
    cwd=folder, capture_output=True, text=True,
)  # fmt: skip
print(done.stdout, done.stderr)
assert done.returncode == 0
page = folder / "out" / "report.html"
print(f"{page.stat().st_size / 1e6:.1f} MB, one file, opens without network")
print("\n".join(sorted(p.name for p in (folder / "out" / "olink").iterdir())))

# %% [markdown]
# ## Were we right?
# The truth of a simulated study can be looked at. In yours it cannot, which is why the order of
# steps was fixed before.

# %%
planted = study.truth.effects.query("arm == 'EE'").set_index("feature")["log2_effect"]
planted.index = [numbers[name] for name in planted.index]
found = effect.index[effect["p_adj"] < 0.05]
print(f"{len(found)} found, {(planted[found] == 0).sum()} of them wrongly; "
      f"{(planted != 0).sum()} truly change")  # fmt: skip
assert (planted[found] == 0).mean() <= 0.15

# %% [markdown]
# ## What not to conclude
# - A protein that is not coloured is *not shown to change*.
# - NPX is relative: 2 NPX of IL6 and 2 NPX of leptin are not the same amount, and no NPX of another
#   project or platform can be compared with these.
# - The bout was over minutes ago: what rose may be water that left the vessels (notebook 03) or
#   cells that broke (the `muscle_leak`, `haemolysis` and `platelets_clotting` signatures).
