"""Small cohorts with and without something to predict."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def make_cohort():
    """Cohort of one sample a person at baseline, and the labels by subject."""

    def make(n=40, p=30, effect=0.0, seed=0, missing=0.05, clinical=True):
        rng = np.random.default_rng(seed)
        matrix = rng.normal(6, 1, size=(n, p))
        score = effect * (matrix[:, 0] - 6) + rng.logistic(size=n)
        label = (score > np.median(score)).astype(float)
        matrix[rng.random(matrix.shape) < missing] = np.nan
        people = [f"P{i:03d}" for i in range(n)]
        obs = pd.DataFrame({"subject_id": people}, index=[f"{s}_pre" for s in people])
        obs["timepoint"] = pd.Categorical(["pre"] * n, ["pre", "post"], ordered=True)
        if clinical:
            obs["age"] = rng.normal(45, 8, n)
            obs["sex"] = rng.choice(["F", "M"], n)
        var = pd.DataFrame(index=[f"A{j:04d}" for j in range(p)])
        adata = ad.AnnData(matrix, obs=obs, var=var)
        adata.uns["exerkine"] = {"schema_version": "1", "units": "NPX", "baseline": "pre"}
        return adata, pd.Series(label, index=people, name="responder")

    return make


@pytest.fixture(scope="session")
def trial_with_control():
    """Trained and control people, features, and a table of the outcome before and after."""

    def make(n=40, n_control=24, sd_response=3.0, te=1.0, seed=0):
        rng = np.random.default_rng(seed)
        people = [f"S{i:03d}" for i in range(n + n_control)]
        trained = np.arange(n + n_control) < n
        true = rng.normal(40, 6, n + n_control)
        response = np.where(trained, rng.normal(3, sd_response, n + n_control), 0.0)
        frame = pd.DataFrame(
            {
                "subject_id": people,
                "pre": true + rng.normal(0, te, len(true)),
                "post": true + response + rng.normal(0, te, len(true)),
                "group": np.where(trained, "EX", "CON"),
            }
        )
        matrix = rng.normal(5, 1, (len(true), 25))
        matrix[:, 3] += np.where(trained, response - 3, 0.0)
        obs = pd.DataFrame({"subject_id": people}, index=[f"{s}_pre" for s in people])
        obs["timepoint"] = pd.Categorical(["pre"] * len(obs), ["pre", "post"], ordered=True)
        adata = ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"A{j}" for j in range(25)]))
        adata.uns["exerkine"] = {"schema_version": "1", "units": "log2", "baseline": "pre"}
        return adata, frame

    return make
