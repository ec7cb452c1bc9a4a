"""check: each rule sees its fault, and a clean cohort has none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exerkine_omics as exo
from exerkine_omics.errors import InputError
from exerkine_omics.pp._check_names import plain


def found(adata) -> dict:
    return {f.id: f for f in exo.pp.check(adata).findings}


def rename(adata, column, **names):
    adata.obs[column] = adata.obs[column].astype(object).replace(names).astype("category")


@pytest.mark.quick
def test_a_clean_cohort_has_no_findings(trial, capsys):
    before = trial.copy()
    assert len(exo.pp.check(trial)) == 0
    assert capsys.readouterr() == ("", "")
    pd.testing.assert_frame_equal(trial.obs, before.obs)
    np.testing.assert_array_equal(trial.X, before.X)
    assert list(trial.uns["exerkine"]) == list(before.uns["exerkine"])


def test_an_object_of_other_making(trial):
    del trial.uns["exerkine"]
    with pytest.raises(InputError, match="from_frames"):
        exo.pp.check(trial)


@pytest.mark.quick
def test_two_samples_at_one_time(trial):
    trial.obs["subject_id"] = ["P00" if s == "P01" else s for s in trial.obs["subject_id"]]
    report = exo.pp.check(trial)
    ids = {f.id: f for f in report.errors}
    assert set(ids) == {"two_baselines", "duplicate_pairs"}
    assert set(ids["two_baselines"].rows) == {"P00_pre", "P01_pre"}
    assert set(ids["duplicate_pairs"].rows) == {"P00_post", "P01_post", "P00_late", "P01_late"}
    with pytest.raises(InputError):
        report.raise_for_errors()


def test_baselines(trial):
    trial = trial[~trial.obs_names.isin(["P04_pre", "P05_post", "P05_late"])].copy()
    ids = found(trial)
    assert ids["no_baseline_sample"].rows == ("P04",)
    assert ids["baseline_only"].rows == ("P05",)
    assert found(trial[trial.obs["timepoint"] != "pre"].copy())["baseline_missing"]


def test_missing_labels(trial):
    trial.obs["arm"] = trial.obs["arm"].astype(object)
    trial.obs.loc["P02_pre", "arm"] = np.nan
    trial.obs["subject_id"] = trial.obs["subject_id"].astype(object)
    trial.obs.loc["P03_pre", "subject_id"] = None
    ids = found(trial)
    assert ids["arm_missing"].rows == ("P02_pre",)
    assert ids["subject_missing"].rows == ("P03_pre",)
    del trial.obs["subject_id"]
    assert found(trial)["missing_columns"].rows == ("subject_id",)


def test_two_arms(trial):
    trial.obs["arm"] = trial.obs["arm"].astype(object)
    trial.obs.loc["P02_pre", "arm"] = "CON"
    assert found(trial)["subject_in_two_arms"].rows == ("P02",)


def test_empty_constant_and_copied(trial):
    trial.X[:, 4] = np.nan
    trial.X[:, 5] = 3.0
    trial.X[0] = np.nan
    trial.X[7] = trial.X[3]
    ids = found(trial)
    assert ids["all_nan_features"].rows == ("A04",)
    assert ids["constant_features"].rows == ("A05",)
    assert ids["all_nan_samples"].rows == (trial.obs_names[0],)
    assert ids["duplicate_samples"].rows == tuple(sorted(trial.obs_names[[3, 7]]))
    trial.X[1, 1] = np.inf
    assert ids.keys() | {"infinite_values"} == found(trial).keys()


def test_few_equal_values_are_no_copy(trial):
    trial.X[:, 2:] = np.nan
    trial.X[3, :2] = trial.X[7, :2] = [5.0, 6.0]
    assert "duplicate_samples" not in found(trial)


@pytest.mark.parametrize(
    "name",
    ["1-Mar", "Sep-02", "2023-03-01", "2023-03-01 00:00:00", "1.23E+05", "2-Sept", "01.03.2023",
     "3/1/2023", "1-Mär", "Dez-01"],
)  # fmt: skip
def test_mangled_ids(trial, name):
    trial.var["gene_symbol"] = ["IL6", *[f"G{i}" for i in range(28)], name]
    assert found(trial)["excel_mangled_ids"].rows == (name,)


@pytest.mark.parametrize(
    "name",
    ["MARCHF1", "SEPTIN2", "12,13-DiHOME", "1-methylhistidine", "HLA-DRA", "hsa-miR-1-3p", "DEC1",
     "2780-35_1", "Marcks-1", "C18:1", "P05231", "OID20101", "PC aa C36:1", "1E6", "5.5"],
)  # fmt: skip
def test_good_ids(trial, name):
    trial.var_names = [*trial.var_names[:-1], name]
    assert "excel_mangled_ids" not in found(trial)


def test_seq_ids_as_numbers(trial):
    trial.var["seq_id"] = [f"{2000 + i}-{i}" for i in range(29)] + ["2780.35"]
    assert found(trial)["excel_mangled_ids"].rows == ("2780.35",)


def test_near_alike_names(trial):
    times = trial.obs["timepoint"].astype(object)
    times.iloc[4] = "Post "
    trial.obs["timepoint"] = times.astype("category")
    rename(trial, "arm", CON="EE_")
    people = trial.obs["subject_id"].astype(object)
    people.iloc[2] = "p0"
    trial.obs["subject_id"] = people
    ids = found(trial)
    assert set(ids["timepoint_names_near_alike"].rows) == {"Post ", "post"}
    assert set(ids["arm_names_near_alike"].rows) == {"EE", "EE_"}
    assert set(ids["subject_names_near_alike"].rows) == {"P00", "p0"}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("pre ", "Pre", True),
        ("Post1", "post_1", True),
        ("T1", "T01", True),
        ("week 2", "Week-2", True),
        ("P1", "P10", False),
        ("T10", "T100", False),
        ("-10", "10", False),
        ("1.5 h", "15 h", False),
        ("T-2", "T+2", False),
        ("1", "1.0", True),
        ("post", "pre", False),
    ],
)
def test_plain(one, other, alike):
    assert (plain(one) == plain(other)) is alike


def declared(trial, unit):
    trial.uns["exerkine"]["units"] = unit
    return trial


def test_scales(trial):
    assert "scale_suspect" in found(declared(trial, "RFU"))
    linear = trial.copy()
    linear.X = 2.0 ** (trial.X + 6)
    assert "scale_suspect" in found(declared(linear, "NPX"))
    assert not {"scale_suspect", "mixed_units_suspected"} & found(declared(linear, "RFU")).keys()
    assert "scale_suspect" in found(declared(linear, "Cq"))
    assert "scale_suspect" in found(declared(linear, "zscore"))
    mixed = trial.copy()
    mixed.X[:, 3] = 2 ** mixed.X[:, 3] * 100
    assert found(declared(mixed, "NPX"))["mixed_units_suspected"].rows == ("A03",)
    linear.X[:, 3] *= 1e9
    assert found(declared(linear, "concentration"))["mixed_units_suspected"].rows == ("A03",)


def test_signs_and_counts(trial):
    trial.X = np.abs(trial.X) * 100
    trial.X[0, 0], trial.X[1, 1] = -2.0, 0.0
    ids = found(declared(trial, "concentration"))
    assert ids["negative_values"].rows == ("A00",) and ids["negative_values"].severity == "error"
    assert ids["zero_values"].rows == ("A01",)
    ids = found(declared(trial, "counts"))
    assert "non_integer_counts" in ids and "zero_values" not in ids
    trial.X = np.round(np.abs(trial.X))
    assert not {"non_integer_counts", "negative_values"} & found(trial).keys()


def test_units_a_column(trial):
    trial.X[:, 0] = -5
    trial.X[:, 1] = 1e5 + np.arange(trial.n_obs)
    trial.var["unit"] = ["concentration", "RFU", *["NPX"] * 27, "unknown"]
    ids = found(declared(trial, "mixed"))
    assert ids["negative_values"].rows == ("A00",)
    assert ids["units_unknown"].rows == ("A29",)
    assert not {"scale_suspect", "mixed_units_suspected"} & ids.keys()


def test_what_is_not_known(trial):
    for key in ("units", "species", "matrix"):
        trial.uns["exerkine"][key] = "unknown"
    assert set(found(trial)) == {"units_unknown", "species_unknown", "matrix_unknown"}


def test_findings_of_the_reader_are_carried(round_trip):
    matrix = pd.DataFrame({"x": [1.0, 2, 3]}, index=list("abc"))
    sheet = pd.DataFrame({"s": ["P", "P"], "t": ["pre", "post"]}, index=list("ab"))
    adata = exo.io.from_frames(
        matrix, sheet, subject="s", timepoint="t", baseline="pre", units=None, modality="mirna"
    )
    assert {"sample_not_in_sheet", "units_unknown", "matrix_unknown"} == set(found(adata))
    adata.uns["exerkine"]["units"] = "NPX"
    report = exo.pp.check(round_trip(adata))
    assert {f.id for f in report.findings} == {"sample_not_in_sheet", "matrix_unknown"}
    assert report.warnings[1].rows == ("c",)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_order_changes_nothing(trial, data):
    trial.X[7] = trial.X[3]
    trial.X[:, 4] = np.nan
    trial.X[:, 6] = 1e4
    rows = data.draw(st.permutations(range(trial.n_obs)))
    columns = data.draw(st.permutations(range(trial.n_vars)))
    expected = {f.id: (f.severity, set(f.rows)) for f in exo.pp.check(trial).findings}
    shuffled = exo.pp.check(trial[rows][:, columns].copy()).findings
    assert {f.id: (f.severity, set(f.rows)) for f in shuffled} == expected


def test_covariates_among_the_analytes_are_seen(trial):
    people = {p: i for i, p in enumerate(sorted(set(trial.obs["subject_id"])))}
    trial.X[:, 3] = [40.0 + people[p] for p in trial.obs["subject_id"]]
    found = {f.id: f for f in exo.pp.check(trial).findings}
    assert found["fixed_in_people"].rows == ("A03",)
    frame = exo.tl.differential(trial, method="moderated")
    assert set(frame.loc[frame["feature"] == "A03", "status"]) == {"no residual variance"}


def test_repeated_names_are_an_error(trial):
    trial.var_names = ["P0", *trial.var_names[1:-1], "P0"]
    assert "repeated_names" in [f.id for f in exo.pp.check(trial).errors]
    with pytest.raises(exo.errors.InputError, match="more than once"):
        exo.tl.differential(trial)
