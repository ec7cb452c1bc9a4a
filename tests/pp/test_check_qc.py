"""Rules on quality: what plates can tell, what is missing on them, what the vendor warns of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exerkine_omics as exo


def found(adata) -> dict:
    return {f.id: f for f in exo.pp.check(adata).findings}


def plates(adata, names) -> None:
    adata.obs["plate_id"] = pd.Categorical(names)


def test_a_late_time_on_a_plate_of_its_own_is_confounded(trial):
    """Pre and post can be told from plates 1 and 2; late is plate 3 and nothing else."""
    time = trial.obs["timepoint"].astype(str)
    half = np.where(np.arange(trial.n_obs) % 2, "1", "2")
    plates(trial, np.where(time == "late", "3", half))
    finding = found(trial)["plate_confounded"]
    assert "Plates and timepoint" in finding.message and finding.call == ""
    assert "people_across_plates" not in found(trial)  # a covariate would part nothing
    # late samples on another plate tie the plates together
    mixed = trial.obs["plate_id"].astype(str)
    mixed.iloc[np.flatnonzero(time == "late")[:4]] = "1"
    plates(trial, mixed)
    told = found(trial)
    assert "plate_confounded" not in told and "covariates" in told["people_across_plates"].call
    done = exo.tl.differential(trial, arm=None, covariates=["plate_id"])
    assert (done["status"] == "ok").all()


def test_arms_on_plates_of_their_own_leave_changes_within_people(trial):
    plates(trial, np.where(trial.obs["arm"] == "EE", "1", "2"))
    finding = found(trial)["plate_confounded"]
    assert "Plates and arm" in finding.message and "Changes within people stand" in finding.fix
    assert "people_across_plates" not in found(trial)


@pytest.mark.parametrize("column", ["plate_id", "timepoint"])
def test_a_missing_plate_or_time_is_no_plate_and_no_time(trial, column):
    """One sample without a plate has lost nothing; one without a time is no time point."""
    trial.X[0, 4] = np.nan
    plates(trial, np.where(np.arange(trial.n_obs) % 2, "1", "2"))
    trial.obs.loc[trial.obs_names[0], column] = np.nan
    told = found(trial)
    assert not {"missing_on_a_plate", "plate_confounded"} & set(told)


def test_names_of_tubes_are_no_plates(trial):
    plates(trial, trial.obs_names)
    assert not {"missing_on_a_plate", "plate_confounded", "people_across_plates"} & set(
        found(trial)
    )


def test_missing_on_a_plate_is_more_than_chance(trial):
    """A feature with 90% missing may lack a plate of four by chance; a full one may not."""
    plate = np.array(["1"] * 4 + ["2"] * (trial.n_obs - 4))
    plates(trial, plate)
    trial.X[:, 2] = np.nan
    trial.X[8:12, 2] = [1.0, 2.0, 3.0, 2.5]
    trial.X[:, 3] = 1.0 + np.arange(trial.n_obs)
    trial.X[plate == "1", 3] = np.nan
    assert found(trial)["missing_on_a_plate"].rows == ("A03",)


def test_missing_on_a_plate_is_seldom_wrong():
    """With values missing at random, one cohort in twenty may be told so, not more."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(100):
        sim = exo.io.from_frames(
            pd.DataFrame(
                np.where(rng.random((32, 60)) < rng.random(60) * 0.8, np.nan,
                         rng.normal(5, 1, (32, 60))),
                index=[f"T{i}" for i in range(32)],
                columns=[f"A{i}" for i in range(60)],
            ),
            pd.DataFrame(
                {"who": [f"P{i // 2}" for i in range(32)], "when": ["pre", "post"] * 16,
                 "plate_id": [f"plate {i // 16}" for i in range(32)]},
                index=[f"T{i}" for i in range(32)],
            ),
            subject="who", timepoint="when", baseline="pre", units="NPX", modality="proteomics",
        )  # fmt: skip
        wrong += "missing_on_a_plate" in found(sim)
    assert wrong <= 10  # 5 expected at most; P(> 10) is 1%


def test_missing_on_a_plate_is_the_exact_chance(trial):
    """20 tubes, 10 on each plate, 12 missing, all of plate 1: C(12, 10) / C(20, 10) = 3.6e-4."""
    some = trial[:20].copy()
    plates(some, np.repeat(["1", "2"], 10))
    some.X = 1.0 + np.arange(some.n_obs * some.n_vars).reshape(some.shape)
    some.X[:12, 6] = np.nan
    assert "missing_on_a_plate" in found(some)  # 3.6e-4 x 30 x 2 = 0.021
    some.X[12, 6] = np.nan  # C(13, 10) / C(20, 10) x 60 = 0.093
    assert "missing_on_a_plate" not in found(some)


def test_warnings_name_samples_and_assays_of_people(trial):
    trial.obs["sample_type"] = pd.Categorical(["qc"] + ["sample"] * (trial.n_obs - 1))
    trial.X[:3] = 1.0 + np.arange(30)
    for layer, at in (("qc_warning", (2, slice(0, 5))), ("assay_warning", (slice(1, 3), 7))):
        trial.layers[layer] = np.zeros(trial.shape, dtype=bool)
        trial.layers[layer][at] = True
        trial.layers[layer][0] = True  # of a pool
    told = found(trial)
    assert told["qc_warnings"].rows == (trial.obs_names[2],)
    assert told["assay_warnings"].rows == ("A07",)
    assert "failed_qc_values" in told["qc_warnings"].call
    trial.X[2, :5] = np.nan  # a value that is not there is no longer warned of
    assert "qc_warnings" not in found(trial)


def test_samples_warned_of_where_no_layer_says_which_values(trial):
    trial.obs["qc_status"] = ["Warning", "WARN", None, *["Pass"] * (trial.n_obs - 3)]
    told = found(trial)
    assert told["warned_samples"].rows == tuple(trial.obs_names[:2])
    assert "failed_qc_samples" not in told


def test_haemolysed_samples_by_the_column_alone(trial):
    flags = ["yes", "possible", "unknown", None] + ["no"] * (trial.n_obs - 4)
    trial.obs["haemolysed"] = pd.Categorical(flags)
    told = found(trial)
    assert told["haemolysed_samples"].rows == (trial.obs_names[0],)
    assert told["possibly_haemolysed"].rows == (trial.obs_names[1],)
    assert told["haemolysed_samples"].call


def test_order_of_samples_and_features_changes_nothing(trial):
    rng = np.random.default_rng(2)
    plates(trial, np.where(trial.obs["timepoint"] == "late", "3", "1"))
    trial.X[(trial.obs["plate_id"] == "3").to_numpy(), 5] = np.nan
    mixed = trial[rng.permutation(trial.n_obs), rng.permutation(trial.n_vars)].copy()
    one, two = found(trial), found(mixed)
    assert set(one) == set(two)
    assert all(set(one[k].rows) == set(two[k].rows) for k in one)
