"""Platforms of one cohort joined by visit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UsageError


@pytest.fixture
def two(trial):
    """The trial on two platforms; the second lacks a visit, in another order, other tube ids."""
    other = trial[2:][::-1, :4].copy()
    other.obs_names = [f"tube{i}" for i in range(other.n_obs)]
    other.var_names = [f"M{i}" for i in range(4)]
    del other.obs["arm"]
    return {"olink": trial, "metabolon": other}


def test_visits_are_joined_by_person_and_time(two):
    joined = exo.pp.join(two)
    assert joined.obs_names[0] == "P00|pre"
    visit = "P03|post"
    sample = "P03_post"
    np.testing.assert_array_equal(joined["olink"][visit].X, two["olink"][sample].X)
    at = (two["metabolon"].obs["subject_id"] == "P03") & (
        two["metabolon"].obs["timepoint"] == "post"
    )
    np.testing.assert_array_equal(joined["metabolon"][visit].X, two["metabolon"][at].X)
    assert joined["metabolon"].obs.loc[visit, "sample_id"].startswith("tube")
    assert "P00|pre" not in joined["metabolon"].obs_names
    assert list(joined.obs["timepoint"].cat.categories) == ["pre", "post", "late"]
    assert joined.obs.loc[visit, "arm"] == "EE"
    people = joined.uns["exerkine"]["subjects"]
    row = people.set_index("subject_id").loc["P00"]
    assert (row["n_visits_olink"], row["n_visits_metabolon"], row["arm"]) == (3, 1, "EE")
    assert "subject_id" in two["olink"].obs and two["olink"].obs_names[0] == "P00_pre"  # untouched


def test_it_survives_the_file(two, tmp_path):
    import mudata

    joined = exo.pp.join(two)
    joined.write(tmp_path / "both.h5mu")
    back = mudata.read(tmp_path / "both.h5mu")
    assert back.n_obs == joined.n_obs
    pd.testing.assert_frame_equal(
        back.uns["exerkine"]["subjects"].reset_index(drop=True).astype(str),
        joined.uns["exerkine"]["subjects"].astype(str),
    )


def test_what_cannot_be_joined(two):
    with pytest.raises(UsageError, match="no platform"):
        exo.pp.join({})
    twice = two["metabolon"].copy()
    twice.obs["subject_id"] = "P05"
    with pytest.raises(InputError, match="metabolon has more than one sample of 'P05"):
        exo.pp.join({**two, "metabolon": twice})
    late = two["metabolon"].copy()
    late.uns["exerkine"]["baseline"] = "post"
    with pytest.raises(InputError, match="differ in the baseline: 'pre', 'post'"):
        exo.pp.join({**two, "metabolon": late})
    torn = two["metabolon"].copy()
    torn.obs["arm"] = "CON"
    with pytest.raises(InputError, match="more than one arm"):
        exo.pp.join({**two, "metabolon": torn})
    control = two["metabolon"].copy()
    control.obs["sample_type"] = ["qc", *["sample"] * (control.n_obs - 1)]
    with pytest.raises(InputError, match="no person's.*clean"):
        exo.pp.join({**two, "metabolon": control})
    with pytest.raises(InputError, match="subject_id"):
        exo.pp.join(two, subjects=pd.DataFrame({"id": ["P00"]}))
