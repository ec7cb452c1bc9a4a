"""Stacked objects: what says something of a sample says it of that sample still."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import exerkine_omics as exo
from exerkine_omics.cohort import detected
from exerkine_omics.errors import ExerkineWarning, InputError


@pytest.fixture
def halves(trial):
    """The two arms; the second lacks the last ten features and has one of its own."""
    first = trial[trial.obs["arm"] == "EE"].copy()
    second = trial[trial.obs["arm"] == "CON", :21].copy()
    second.var_names = [*second.var_names[:20], "own"]
    return first, second


def test_what_one_object_did_not_ask_is_not_detected_everywhere(halves):
    first, second = halves
    exo.pp.lod(first, lod=1.0)
    with pytest.warns(ExerkineWarning, match="below_lod.*1 of 2"):
        both = exo.pp.concat([first, second])
    assert "below_lod" not in both.layers
    exo.pp.lod(second, lod=1.0)
    both = exo.pp.concat([first, second])
    assert both.layers["below_lod"].dtype == bool
    assert np.isnan(detected(both)[first.n_obs :, first.n_vars - 1]).all()


def test_limits_of_each_object_stay_its_own(halves):
    first, second = halves
    first.var["lod"], second.var["lod"] = 1.0, 2.0
    both = exo.pp.concat([first, second])
    assert "lod" not in both.var
    limit = pd.DataFrame(both.layers["lod"], both.obs_names, both.var_names)
    assert (limit.loc[first.obs_names, first.var_names] == 1.0).all(axis=None)
    assert (limit.loc[second.obs_names, second.var_names] == 2.0).all(axis=None)
    assert limit.loc[first.obs_names, "own"].isna().all()
    # one and the same limit stays where it is
    second.var["lod"] = 1.0
    assert (exo.pp.concat([first, second]).var["lod"] == 1.0).all()


def test_columns_of_features_that_the_first_object_lacks(halves):
    first, second = halves
    for part in halves:
        part.var["gene_symbol"] = [f"G_{n}" for n in part.var_names]
        part.uns["exerkine"]["units"] = "mixed"
        part.var["unit"] = ["RFU" if n == "own" else "log2" for n in part.var_names]
    second.var["panel"] = "second"
    both = exo.pp.concat([first, second])
    assert both.var["gene_symbol"].tolist() == [f"G_{n}" for n in both.var_names]
    assert both.var.loc["own", "unit"] == "RFU" and both.var.loc["A00", "panel"] == "second"
    second.var["unit"] = "RFU"
    with pytest.raises(InputError, match="unit of 20 features"):
        exo.pp.concat([first, second])


def test_codes_of_states_and_rows_of_tables(halves, round_trip):
    words = (["", "Valid", "< LOD"], ["", "Valid", "Clogged", "< LOD"])
    for part, own in zip(halves, words, strict=True):
        part.layers["status_code"] = np.full(part.shape, len(own) - 1)
        codes = {"code": np.arange(len(own)), "status": pd.Categorical(own)}
        part.uns["exerkine"]["status_codes"] = pd.DataFrame(codes)
        part.obs["hb"], part.obs["hct"] = 14.0, 0.4
        exo.pp.plasma_volume(part)
    both = round_trip(exo.pp.concat(halves))
    told = both.uns["exerkine"]["status_codes"].set_index("code")["status"].astype(str)
    code = both.layers["status_code"]
    assert np.issubdtype(code.dtype, np.integer)
    measured = both.to_df().columns.isin(halves[1].var_names)
    assert (told.loc[code[0, :30]] == "< LOD").all()
    assert (told.loc[code[-1, measured]] == "< LOD").all() and (code[-1, ~measured] == 0).all()
    volumes = both.uns["exerkine"]["blood_volumes"]
    assert volumes["sample_id"].astype(str).tolist() == both.obs_names.tolist()


def test_flags_that_one_object_lacks_can_be_written(halves, round_trip):
    first, second = halves
    first.obs["outlier"], first.var["kept"] = False, True
    both = round_trip(exo.pp.concat(halves))
    assert both.obs["outlier"].isna().sum() == second.n_obs
    assert both.var["kept"].isna().sum() == 1


def test_features_absent_from_a_sparse_object_are_missing_and_no_zero(halves):
    first, second = (part.copy() for part in halves)
    for part in (first, second):
        part.X = sparse.csr_matrix(part.X)
    both, dense = exo.pp.concat([first, second]), exo.pp.concat(halves)
    np.testing.assert_array_equal(both.to_df().to_numpy(), dense.X)
    assert np.isnan(dense.X).sum() > 100


def test_an_object_without_arms(halves):
    first, second = halves
    del second.obs["arm"]
    both = exo.pp.concat([first, second])
    assert both.obs["arm"].isna().sum() == second.n_obs
    assert list(exo.pp.concat([second, first]).obs["arm"].cat.categories) == ["EE"]


def test_time_points_that_are_numbers_or_text_with_gaps(halves):
    for part, kind in zip(halves, (object, int), strict=True):
        times = part.obs["timepoint"].cat.rename_categories([0, 4, 24]).astype(kind)
        part.obs["timepoint"] = pd.Categorical(times, ordered=True)
        part.obs["arm"] = part.obs["arm"].astype(object)
        part.uns["exerkine"]["baseline"] = "0"
    halves[0].obs.loc[halves[0].obs_names[0], ["timepoint", "arm"]] = np.nan
    both = exo.pp.concat(halves)
    assert both.obs["timepoint"].isna().sum() == both.obs["arm"].isna().sum() == 1
    assert list(both.obs["timepoint"].cat.categories) == ["0", "4", "24"]
    assert list(both.obs["arm"].cat.categories) == ["EE", "CON"]
