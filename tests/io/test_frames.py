"""from_frames and set_samples."""

from __future__ import annotations

import datetime

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exerkine_omics as exo
from exerkine_omics.errors import InputError, UnitsError, UsageError

INFO = "exerkine"


def ids(adata: ad.AnnData) -> list[str]:
    return list(adata.uns[INFO]["findings"]["id"])


@pytest.mark.quick
def test_joined_by_id_never_by_position(frames):
    matrix, sheet, how = frames
    adata = exo.io.from_frames(matrix, sheet, **how)
    assert list(adata.obs_names) == list(matrix.index)
    assert list(adata.obs["subject_id"]) == [i[:3] for i in matrix.index]
    assert list(adata.obs["timepoint"].cat.categories) == ["pre", "post"]
    assert adata.obs["timepoint"].cat.ordered
    np.testing.assert_array_equal(adata.X, matrix.to_numpy())
    assert adata.X.dtype == np.float64
    assert "who" not in adata.obs and adata.obs["age"].dtype == np.float64
    info = adata.uns[INFO]
    assert (info["units"], info["baseline"], info["species"]) == ("NPX", "pre", "human")
    assert list(info["steps"]["step"]) == ["io.from_frames"]
    assert ids(adata) == []


@pytest.mark.quick
def test_round_trip(frames, round_trip):
    matrix, sheet, how = frames
    sheet = sheet.assign(
        seen=pd.Timestamp("2024-02-03"),
        note=["a", None, 3, "b", "c", "d", "e", "f"],
        sick=[True, False, None, True, True, True, True, True],
        old=True,
        n=range(8),
    )
    features = pd.DataFrame(
        {"uniprot": ["P05231", None], "weight": [1.0, np.nan]}, index=["IL6", "MSTN"]
    )
    adata = exo.io.from_frames(matrix, sheet, features, **how)
    back = round_trip(adata)
    pd.testing.assert_frame_equal(back.obs, adata.obs, check_dtype=False)
    assert list(back.obs["subject_id"]) == list(adata.obs["subject_id"])
    assert list(back.obs["timepoint"].cat.categories) == ["pre", "post"]
    assert set(back.obs["seen"]) == {"2024-02-03T00:00:00"}
    assert back.obs["old"].dtype == bool
    assert list(back.var["uniprot"]) == ["P05231", "", ""]
    assert list(back.var["name"]) == ["IL6", "12,13-DiHOME", "MSTN"]
    assert list(back.uns[INFO]["findings"]["message"]) == list(
        adata.uns[INFO]["findings"]["message"]
    )
    assert {"dates_as_text", "mixed_column_as_text", "feature_without_annotation"} <= set(ids(back))


def test_samples_that_do_not_match_are_findings(frames):
    matrix, sheet, how = frames
    extra = sheet.iloc[[0]].rename(index={sheet.index[0]: "P09_pre"})
    adata = exo.io.from_frames(matrix.iloc[:-1], pd.concat([sheet.drop("P01_pre"), extra]), **how)
    assert list(adata.obs_names) == [i for i in matrix.index[:-1] if i != "P01_pre"]
    found = adata.uns[INFO]["findings"].set_index("id")
    assert found.loc["sample_not_in_sheet", "rows"] == "P01_pre"
    assert set(found.loc["sample_not_in_matrix", "rows"].split(" | ")) == {"P04_pre", "P09_pre"}


def test_sample_id_column(frames):
    matrix, sheet, how = frames
    column = sheet.reset_index(names="sample_id")
    beside = sheet.assign(sample_id=sheet.index)
    expected = exo.io.from_frames(matrix, sheet, **how)
    for samples in (column, beside):
        adata = exo.io.from_frames(matrix, samples, **how)
        pd.testing.assert_frame_equal(adata.obs, expected.obs)


def test_numbered_tubes_are_not_taken_for_rows(frames):
    # tubes 1..8 in a column, rows 0..7: the row numbers overlap with seven of them
    matrix, sheet, how = frames
    tubes = dict(zip(matrix.index, range(1, 9), strict=True))
    samples = sheet.rename(index=tubes).reset_index(names="sample_id")
    adata = exo.io.from_frames(matrix.rename(index=tubes), samples, **how)
    assert list(adata.obs["subject_id"]) == [i[:3] for i in matrix.index]


def test_column_of_our_name_is_not_overwritten(frames):
    matrix, sheet, how = frames
    with pytest.raises(InputError, match="another column 'subject_id'"):
        exo.io.from_frames(matrix, sheet.assign(subject_id="x"), **how)


def test_numbers_as_text_are_numbers(frames):
    matrix, sheet, how = frames
    text = matrix.astype(object).map(lambda v: "NA" if pd.isna(v) else repr(float(v)))
    text.iloc[0, 0] = ""
    adata = exo.io.from_frames(text, sheet, **how)
    expected = matrix.to_numpy().copy()
    expected[0, 0] = np.nan
    np.testing.assert_array_equal(adata.X, expected)


@pytest.mark.parametrize("cell", ["<0.5", "<LOD", "1,5", "low", True, "1_0", datetime.date.today()])
def test_text_in_the_matrix(frames, cell):
    matrix, sheet, how = frames
    matrix = matrix.astype(object)
    matrix.loc["P02_pre", "IL6"] = cell
    with pytest.raises(InputError, match="IL6.*P02_pre") as caught:
        exo.io.from_frames(matrix, sheet, **how)
    assert str(cell) in str(caught.value)


def test_infinity_in_the_matrix(frames):
    matrix, sheet, how = frames
    matrix.iloc[2, 2] = -np.inf
    with pytest.raises(InputError, match="infinite, in 'MSTN'"):
        exo.io.from_frames(matrix, sheet, **how)


def test_all_nan_rows_stay(frames):
    matrix, sheet, how = frames
    matrix.iloc[3] = np.nan
    adata = exo.io.from_frames(matrix, sheet, **how)
    assert adata.n_obs == 8 and np.isnan(adata.X[3]).all()


def test_duplicates_are_never_averaged(frames):
    matrix, sheet, how = frames
    with pytest.raises(InputError, match="'P01_post' stand more than once"):
        exo.io.from_frames(pd.concat([matrix, matrix.iloc[:1]]), sheet, **how)
    with pytest.raises(InputError, match="'IL6' stand more than once"):
        exo.io.from_frames(matrix[["IL6", "IL6"]], sheet, **how)
    with pytest.raises(InputError, match="sample sheet"):
        exo.io.from_frames(matrix, pd.concat([sheet, sheet.iloc[:1]]), **how)


@pytest.mark.parametrize(
    ("given_levels", "expected"),
    [
        (["week 10", "pre", "week 2"], ["pre", "week 2", "week 10"]),
        (["T10", "T2", "pre"], ["pre", "T2", "T10"]),
        ([0, -10, 60], ["0", "-10", "60"]),
        ([0.0, 7.5, 120.0], ["0", "7.5", "120"]),
    ],
)
def test_natural_order_baseline_first(given_levels, expected):
    sheet = pd.DataFrame({"s": "P1", "t": given_levels}, index=["a", "b", "c"])
    matrix = pd.DataFrame({"x": [1.0, 2, 3]}, index=["a", "b", "c"])
    start = "pre" if "pre" in given_levels else 0
    adata = exo.io.from_frames(
        matrix, sheet, subject="s", timepoint="t", baseline=start, units="NPX", modality="mirna"
    )
    assert list(adata.obs["timepoint"].cat.categories) == expected
    assert adata.uns[INFO]["baseline"] == str(start)


def test_given_orders(frames):
    matrix, sheet, how = frames
    order = exo.io.from_frames(matrix, sheet, timepoint_order=["post", "pre"], **how)
    assert list(order.obs["timepoint"].cat.categories) == ["pre", "post"]
    assert "baseline_moved_first" in ids(order)
    with pytest.raises(InputError, match="lacks 'post'"):
        exo.io.from_frames(matrix, sheet, timepoint_order=["pre"], **how)
    sheet = sheet.assign(visit=["pre", "24 h", "6 h", "pre"] * 2)
    sheet["visit"] = pd.Categorical(sheet["visit"], ["24 h", "pre", "6 h"])
    adata = exo.io.from_frames(matrix, sheet, **how)
    assert list(adata.obs["timepoint"].cat.categories) == ["pre", "24 h", "6 h"]


def test_units_a_column(frames):
    matrix, sheet, how = frames
    mixed = {"IL6": "NPX", "MSTN": "concentration", "12,13-DiHOME": "RFU"}
    adata = exo.io.from_frames(matrix, sheet, **{**how, "units": mixed})
    assert adata.uns[INFO]["units"] == "mixed"
    assert list(adata.var["unit"]) == ["NPX", "RFU", "concentration"]
    one = exo.io.from_frames(matrix, sheet, **{**how, "units": dict.fromkeys(mixed, "NPX")})
    assert one.uns[INFO]["units"] == "NPX"
    part = exo.io.from_frames(matrix, sheet, **{**how, "units": {"IL6": "NPX"}})
    assert part.uns[INFO]["units"] == "mixed" and "units_unknown" in ids(part)
    unknown = exo.io.from_frames(matrix, sheet, **{**how, "units": None, "matrix_type": None})
    assert unknown.uns[INFO]["units"] == "unknown"
    assert {"units_unknown", "matrix_unknown"} <= set(ids(unknown))
    with pytest.raises(UnitsError, match="Say 'concentration'"):
        exo.io.from_frames(matrix, sheet, **{**how, "units": "pg/ml"})
    with pytest.raises(UnitsError, match="'IL66'.*'IL6'"):
        exo.io.from_frames(matrix, sheet, **{**how, "units": {"IL66": "NPX"}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": "whom"}, "There is no column 'whom'.*'who'"),
        ({"baseline": "Pre"}, "baseline 'Pre' is not among.*Did you mean 'pre'"),
        ({"modality": "proteomic"}, "'proteomic' is not known.*proteomics"),
        ({"matrix_type": "plasma"}, "'plasma' is not known.*plasma_edta"),
        ({"timepoint": "who"}, "cannot be two things"),
    ],
)
def test_wrong_names(frames, change, message):
    matrix, sheet, how = frames
    with pytest.raises((InputError, UsageError), match=message):
        exo.io.from_frames(matrix, sheet, **{**how, **change})


def test_wrong_sheets(frames):
    matrix, sheet, how = frames
    with pytest.raises(InputError, match="'P03_post', 'P03_pre' have no subject_id"):
        holes = sheet.assign(who=sheet["who"].where(sheet["who"] != "P03")).sort_index()
        exo.io.from_frames(matrix.sort_index(), holes, **how)
    with pytest.raises(InputError, match="have no timepoint"):
        exo.io.from_frames(matrix, sheet.assign(visit=" "), **how)
    with pytest.raises(InputError, match="'CK U/L'.*CK U_L"):
        exo.io.from_frames(matrix, sheet.assign(**{"CK U/L": 1}), **how)
    with pytest.raises(InputError, match="No sample of the matrix.*capitals"):
        exo.io.from_frames(matrix, sheet.rename(index=str.lower), **how)
    with pytest.raises(InputError, match="orientation='features'"):
        exo.io.from_frames(matrix.T, sheet, **how)
    with pytest.raises(InputError, match="matrix is empty"):
        exo.io.from_frames(matrix.iloc[:0], sheet, **how)
    with pytest.raises(InputError, match="read_table"):
        exo.io.from_frames("matrix.csv", sheet, **how)
    with pytest.raises(InputError, match="No analyte of the matrix"):
        exo.io.from_frames(matrix, sheet, pd.DataFrame({"name": ["x"]}, index=["y"]), **how)


def test_integer_subjects_and_arms(frames):
    matrix, sheet, how = frames
    sheet = sheet.assign(who=[4, 4, 3, 3, 2, 2, 10, 10], group=["HIIT", None] * 4)
    adata = exo.io.from_frames(matrix, sheet, arm="group", **how)
    assert list(adata.obs["subject_id"].cat.categories) == ["2", "3", "4", "10"]
    assert adata.obs["arm"].isna().sum() == 4 and "group" not in adata.obs


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.permutations(range(8)), sheet_rows=st.permutations(range(8)),
       columns=st.permutations(range(3)))  # fmt: skip
def test_order_changes_nothing(frames, rows, sheet_rows, columns):
    matrix, sheet, how = frames
    expected = exo.io.from_frames(matrix, sheet, **how)
    shuffled = exo.io.from_frames(matrix.iloc[rows, columns], sheet.iloc[sheet_rows], **how)
    back = shuffled[expected.obs_names, expected.var_names]
    np.testing.assert_array_equal(back.X, expected.X)
    pd.testing.assert_frame_equal(back.obs, expected.obs)
    pd.testing.assert_frame_equal(back.var, expected.var)


def test_set_samples(frames, round_trip):
    matrix, sheet, how = frames
    adata = exo.io.from_frames(matrix, sheet, **how)
    adata.obs["plate"] = "A"
    exo.pp.pair(adata)
    other = sheet.assign(site="B", arm=np.where(sheet["who"] == "P01", "CON", "EE"))
    call = {"subject": "who", "timepoint": "visit", "baseline": "post", "arm": "arm"}
    new = exo.io.set_samples(adata, other, copy=True, **call)
    assert adata.uns[INFO]["baseline"] == "pre" and "site" not in adata.obs
    assert exo.io.set_samples(adata, other, **call) is None
    for made in (new, adata, round_trip(adata)):
        assert made.uns[INFO]["baseline"] == "post"
        assert list(made.obs["timepoint"].cat.categories) == ["post", "pre"]
        assert set(made.obs["plate"]) == {"A"} and set(made.obs["site"]) == {"B"}
        assert "pairs" not in made.uns[INFO]
        assert made.uns[INFO]["steps"]["step"].iloc[-1] == "io.set_samples"
    again = {"subject": "subject_id", "timepoint": "timepoint", "baseline": "pre"}
    exo.io.set_samples(adata, adata.obs, **again)
    assert adata.uns[INFO]["baseline"] == "pre"
    before = adata.obs.copy()
    with pytest.raises(InputError, match="'P01_pre' are not in the sample sheet"):
        exo.io.set_samples(adata, other.drop("P01_pre"), **call)
    with pytest.raises(InputError, match="baseline 'rest'"):
        exo.io.set_samples(adata, other, **{**call, "baseline": "rest"})
    pd.testing.assert_frame_equal(adata.obs, before)
