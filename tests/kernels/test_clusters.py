"""Two groups of a change: exact, and always there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exerkine_omics.kernels import _clusters as kernel

VECTORS = json.loads(
    (Path(__file__).parents[1] / "reference" / "responder_vectors.json").read_text("utf-8")
)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_cut_is_the_best_of_all(seed):
    x = np.random.default_rng(seed).normal(3, 2, 23)
    total = ((x - x.mean()) ** 2).sum()
    best = min(
        sum(((g - g.mean()) ** 2).sum() for g in (np.sort(x)[:i], np.sort(x)[i:]))
        for i in range(1, 23)
    )
    found = kernel.two_means(x)
    assert found.explained == pytest.approx(1 - best / total)
    low, high = x[x <= found.cut], x[x > found.cut]
    assert sum(((g - g.mean()) ** 2).sum() for g in (low, high)) == pytest.approx(best)
    again = kernel.two_means(x[::-1] + 1e5)
    assert again.explained == pytest.approx(found.explained, rel=1e-8)
    assert again.cut - 1e5 == pytest.approx(found.cut, abs=1e-6)


def test_a_normal_population_splits_into_two_groups_as_well():
    """The two halves of a normal distribution explain 2 / pi of its variance."""
    null = kernel.explained_if_normal(4000, 20, np.random.default_rng(1))
    assert null.mean() == pytest.approx(2 / np.pi, abs=0.005)
    two = np.r_[
        np.random.default_rng(2).normal(0, 1, 100), np.random.default_rng(3).normal(9, 1, 100)
    ]
    assert kernel.two_means(two).explained > 0.9
    assert np.isnan(kernel.two_means(np.ones(5)).cut) and np.isnan(kernel.two_means(np.ones(1)).cut)


def test_dankel_vector():
    vector = next(v for v in VECTORS["vectors"] if v["id"] == "dankel")["expected"]
    people = pd.DataFrame(VECTORS["data"]["swinton_mock"])
    change = (people["MCARN_POST"] - people["MCARN_PRE"]).to_numpy()
    low, high, p, n_high, n_low, f = kernel.dankel(
        change[people["GROUP"] == 1], change[people["GROUP"] == 2]
    )
    assert f == pytest.approx(vector["levene_mean_F"], abs=1e-4)
    assert p == pytest.approx(vector["levene_p"], abs=1e-6)
    np.testing.assert_allclose([low, high], vector["limits"], atol=1e-4)
    assert (n_high, n_low) == (vector["n_high"], vector["n_low"])
