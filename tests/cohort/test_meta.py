"""What a step edits: the object it is given, and nothing that lies behind it."""

from __future__ import annotations

import copy

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo
from exerkine_omics.errors import UsageError

STEPS = {
    "normalize": ("log2", lambda a, **k: exo.pp.normalize(a, "spike_in", reference=["A00"], **k)),
    "log2": ("RFU", exo.pp.log2),
    "lod": ("log2", lambda a, **k: exo.pp.lod(a, "mask", lod=-1e9, **k)),
    "impute": ("log2", lambda a, **k: exo.pp.impute(a, fitted_on=a.obs_names, **k)),
    "combat": ("log2", lambda a, **k: exo.pp.combat(a, "plate_id", mean_only=True, **k)),
}


@pytest.fixture
def rows(trial):
    """A cohort in which every layer that a step might add is there already."""
    trial.obs["plate_id"] = pd.Categorical(["a" if i % 3 else "b" for i in range(trial.n_obs)])
    trial.X[:, 0] = np.arange(trial.n_obs) % 4 + 8.0
    trial.layers["raw"] = trial.X.copy()
    trial.layers["below_lod"] = np.zeros(trial.shape, dtype=bool)
    trial.layers["imputed"] = np.zeros(trial.shape, dtype=bool)
    return trial


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@pytest.mark.parametrize("step", ["normalize", "log2", "lod", "impute", "combat"])
def test_a_selection_is_edited_and_not_what_it_was_selected_from(rows, step):
    unit, call = STEPS[step]
    rows.uns["exerkine"]["units"] = unit
    values, known = rows.X.copy(), copy.deepcopy(dict(rows.uns["exerkine"]))
    selection = rows[::-1]
    alone = rows[::-1].copy()
    call(selection)
    call(alone)
    np.testing.assert_array_equal(rows.X, values)
    assert rows.uns["exerkine"].keys() == known.keys()
    assert rows.uns["exerkine"]["units"] == unit
    np.testing.assert_array_equal(selection.X, alone.X)
    assert "steps" in selection.uns["exerkine"]


def test_state_of_a_selection(rows):
    exo.io.state(rows[:5], platform="an assay")
    known = rows.uns["exerkine"]
    assert known["platform"] != "an assay" and "steps" not in known


@pytest.mark.filterwarnings("ignore::exerkine_omics.errors.ExerkineWarning")
@pytest.mark.parametrize("step", ["normalize", "log2", "lod", "impute", "combat"])
def test_a_file_is_not_rewritten(rows, step, tmp_path):
    unit, call = STEPS[step]
    rows.uns["exerkine"]["units"] = unit
    rows.write_h5ad(tmp_path / "a.h5ad")
    stored = ad.read_h5ad(tmp_path / "a.h5ad", backed="r+")
    with pytest.raises(UsageError, match="stays in its file"):
        call(stored)
    made = call(stored, copy=True)
    call(rows)
    np.testing.assert_array_equal(made.X, rows.X)
    stored.file.close()
    assert "steps" not in ad.read_h5ad(tmp_path / "a.h5ad").uns["exerkine"]


def test_new_objects_from_a_file(rows, tmp_path):
    rows.uns["exerkine"]["units"] = "log2"
    rows.write_h5ad(tmp_path / "a.h5ad")
    stored = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    for call in (exo.pp.clean, exo.pp.filter_features):
        np.testing.assert_array_equal(call(stored).X, call(rows).X)
    stored.file.close()
