"""Trials with a known answer, for the tests of `tailor`."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd


def make_trial(
    n=80, p=12, slope=0.0, main=0.0, arms=("END", "RES"), seed=0, noise=1.0, missing=0.03, age=True
):
    """One baseline sample a person; the second arm gains ``main + 2 * slope * score`` more."""
    rng = np.random.default_rng(seed)
    x = rng.normal(6, 1, (n, p))
    code = rng.permutation(np.arange(n) % len(arms))
    score = x[:, 0] - 6
    change = 3 + (x[:, 1] - 6) + code * (main + 2 * slope * score) + rng.normal(0, noise, n)
    holes = rng.random(x.shape) < missing
    holes[:, :2] = False
    x[holes] = np.nan
    people = [f"P{i:03d}" for i in range(n)]
    obs = pd.DataFrame({"subject_id": people}, index=[f"{s}_pre" for s in people])
    obs["timepoint"] = pd.Categorical(["pre"] * n, ["pre", "post"], ordered=True)
    obs["arm"] = np.array(arms)[code]
    obs["marker"] = score
    if age:
        obs["age"] = rng.normal(45, 8, n)
        obs["sex"] = rng.choice(["F", "M"], n)
    adata = ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"A{j:03d}" for j in range(p)]))
    adata.uns["exerkine"] = {"schema_version": "1", "units": "NPX", "baseline": "pre"}
    return adata, pd.Series(change, index=people, name="change")
