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
# # Several cohorts in one run, and on a cluster
#
# Three laboratories measured the same panel before and after a bout. One config says what is read,
# tested and pooled; one command does it. Here one of the files is faulty: the others must not
# suffer, and after it is mended only what changed is done again. Then the same on two workers.

# %%
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

import exerkine_omics as exo

pd.set_option("display.width", 120, "display.max_columns", 20, "display.precision", 2)
folder = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Three cohorts
# Simulated: 24, 30 and 36 people, 40 proteins. The bouts were not equally hard: effects are 0.15,
# 0.2 and 0.3 of those published. In the sheet of cohort C somebody sorted one column and not the
# others, so that people have two samples of one time.

# %%
for name, people, hard in (("a", 24, 0.15), ("b", 30, 0.2), ("c", 36, 0.3)):
    cohort = exo.datasets.simulate(
        people, n_proteins=40, n_metabolites=0, n_mirna=0, effect_scale=hard, seed=people
    ).adata
    cohort.to_df().round(4).to_csv(folder / f"{name}_npx.csv")
    sheet = cohort.obs[["subject_id", "timepoint", "arm", "age"]]
    sheet.to_csv(folder / f"{name}_samples.csv")
    cohort.var[["gene_symbol", "uniprot"]].to_csv(folder / "panel.csv")
good = pd.read_csv(folder / "c_samples.csv", index_col=0)
bad = good.assign(timepoint=sorted(good["timepoint"], reverse=True))
bad.to_csv(folder / "c_samples.csv")
print(sorted(p.name for p in folder.iterdir()))

# %% [markdown]
# ## The config
# `&table` and `<<` are plain YAML: what the cohorts share is said once. Paths count from the
# config.

# %%
text = """
title: Three laboratories
seed: 1
cohorts:
"""
for name in "abc":
    text += f"""
  - name: lab_{name}
    input:
      table: {{matrix: {name}_npx.csv, samples: {name}_samples.csv, features: panel.csv,
              subject: subject_id, timepoint: timepoint, timepoint_order: [pre, post],
              baseline: pre, arm: arm, units: NPX, modality: proteomics, matrix_type: plasma_edta}}
    score: null
    enrich: null
    differential: {{control: CON, variance: contrast}}
"""
text += """
meta:
  - name: bout
    title: The bout, over laboratories
    contrasts:
      bout: {lab_a: "EE - CON: post - pre", lab_b: "EE - CON: post - pre",
             lab_c: "EE - CON: post - pre"}
"""
(folder / "batch.yaml").write_text(text)


def exerkine(*words, **environment):
    """Run the command line; in a shell this is `exerkine run batch.yaml -o out`."""
    done = subprocess.run(
        [sys.executable, "-m", "exerkine_omics", *words],
        cwd=folder, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    print(f"$ exerkine {' '.join(words)}\n{done.stdout}{done.stderr}-> exit code {done.returncode}")
    return done


# %% [markdown]
# ## What would be done?
# `--dry-run` reads the config, looks at every file and lists the stages; it writes nothing.

# %%
dry = exerkine("run", "batch.yaml", "-o", "out", "--dry-run")
assert not (folder / "out").exists()

# %% [markdown]
# ## The run
# Exit code 6: some cohorts failed, the others are whole. `status.tsv` says which, why, and what to
# do.

# %%
first = exerkine("run", "batch.yaml", "-o", "out", "--quiet")
status = pd.read_csv(folder / "out" / "status.tsv", sep="\t")
status = status[status["status"] != "not asked for"]
print(status[["cohort", "stage", "status", "message"]].to_string(max_colwidth=60))
assert first.returncode == 6

# %% [markdown]
# ## Mend the file, and resume
# Each stage remembers what it was made from: files, options, seed, versions. With `--resume` the
# stages that still hold are kept; whoever changes an option gets what hangs on it anew.

# %%
good.to_csv(folder / "c_samples.csv")
exerkine("run", "batch.yaml", "-o", "out", "--resume", "--dry-run")
second = exerkine("run", "batch.yaml", "-o", "out", "--resume", "--quiet")
assert second.returncode == 0

# %% [markdown]
# ## What came out
# One folder a cohort, the pooled test, `report.html` for people and `summary.json` for programs.
# The report can be written again from the summary alone.

# %%
tables = sorted(p.relative_to(folder / "out") for p in (folder / "out").glob("[!.]*/*.parquet"))
print("\n".join(map(str, tables)))
summary = json.loads((folder / "out" / "summary.json").read_text())
print(list(summary))
report = exerkine("report", "out")
assert report.returncode == 0 and (folder / "out" / "report.html").stat().st_size > 10_000

# %% [markdown]
# ## The pooled test
# A random effect over laboratories (REML, Hartung-Knapp): with three of them, t on 2 df. Look at
# the prediction interval (`pi_low`, `pi_high`): what the next laboratory may find. IL1RN rose in
# all three, by as much as the bout was hard: the mean of the three is hardly the point, and what a
# fourth finds is wide open. Where `i2` is 0 the three happen to agree; with three that proves
# little.

# %%
frames = {
    f"lab_{n}": pd.read_parquet(folder / "out" / f"lab_{n}" / "differential.parquet") for n in "abc"
}
meta = pd.read_parquet(folder / "out" / "meta" / "bout.parquet")
columns = ["feature", "estimate", "ci_low", "ci_high", "p_adj", "i2", "pi_low", "pi_high"]
print(
    meta[meta["feature"].isin(["IL6", "IL1RN", "FST", "GDF15", "IL17A"])][columns].to_string(
        index=False
    )
)
il1rn = meta.astype({"feature": str}).set_index("feature").loc["IL1RN"]
assert il1rn["pi_low"] < 0 < il1rn["ci_low"]
again = exo.tl.meta(frames)
again = again[again["contrast"] == "EE - CON: post - pre"].set_index("feature")
both = meta.astype({"feature": str}).set_index("feature")["estimate"]
pd.testing.assert_series_equal(
    both.sort_index(), again["estimate"].rename(str).sort_index(), check_names=False
)

# %%
exo.pl.meta_forest(frames, exo.tl.meta(frames), "IL1RN", "EE - CON: post - pre")

# %% [markdown]
# ## On a cluster
# `exerkine run --cluster local:2` starts two workers on this machine; `--scheduler tcp://host:8786`
# uses workers on others (`docs/cluster.md`). In Python it is `exo.settings.scheduler = "local:2"`,
# for every call that has much to do; in a plain script put it under `if __name__ == "__main__":`,
# for workers import the script. The numbers are the same to the bit: random streams hang on names,
# not on workers. For small cohorts like these a cluster costs more than it saves.

# %%
if importlib.util.find_spec("distributed"):
    third = exerkine("run", "batch.yaml", "-o", "on_dask", "--quiet", EXERKINE_SCHEDULER="local:2")
    assert third.returncode == 0
    for table in tables:
        here, there = (pd.read_parquet(folder / out / table) for out in ("out", "on_dask"))
        pd.testing.assert_frame_equal(here, there, check_exact=True)
    print(f"all {len(tables)} tables equal")
else:
    print('Dask is not installed: pip install "exerkine_omics[dask]"')

# %% [markdown]
# ## What not to conclude
# - Three laboratories are three observations of "laboratory". A small p with a prediction interval
#   that holds 0 says: on average yes, in the next one perhaps not.
# - Estimates of different platforms (Olink, SomaScan) are on different scales; `tl.meta` refuses
#   to pool them, unless as standardised effects or directions.
# - Pooled cohorts are as good as what they have in common: contrast, time after the bout, matrix.
