"""write and read."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import exerkine_omics as exo
from exerkine_omics.errors import InputError


@pytest.fixture
def adata(frames):
    matrix, sheet, how = frames
    return exo.io.from_frames(matrix, sheet, **how)


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_write_and_read(adata, tmp_path, kind):
    if kind == "zarr":
        pytest.importorskip("zarr")
    path = tmp_path / f"cohort.{kind}"
    before = adata.var.copy()
    for _ in range(2):  # the second time it replaces
        exo.io.write(adata, path)
    back = exo.io.read(path)
    np.testing.assert_array_equal(back.X, adata.X)
    pd.testing.assert_frame_equal(back.obs, adata.obs, check_dtype=False)
    assert list(back.obs["timepoint"].cat.categories) == ["pre", "post"]
    pd.testing.assert_frame_equal(adata.var, before)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_old_file(adata, tmp_path):
    path = tmp_path / "cohort.h5ad"
    exo.io.write(adata, path)
    before = path.read_bytes()
    adata.uns["mine"] = {"thing": object()}
    with pytest.raises(InputError, match="cannot be stored"):
        exo.io.write(adata, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["cohort.h5ad"]


def test_bad_paths(adata, tmp_path):
    with pytest.raises(InputError, match="read_table"):
        exo.io.write(adata, tmp_path / "cohort.csv")
    with pytest.raises(InputError, match="no such folder"):
        exo.io.write(adata, tmp_path / "no" / "cohort.h5ad")
    with pytest.raises(InputError, match="no such file"):
        exo.io.read(tmp_path / "cohort.h5ad")
    (tmp_path / "matrix.csv").write_text("a,b\n")
    with pytest.raises(InputError, match="read_table"):
        exo.io.read(tmp_path / "matrix.csv")
    (tmp_path / "broken.h5ad").write_bytes(b"\x89HDF and nothing more")
    with pytest.raises(InputError, match="cannot be read as .h5ad"):
        exo.io.read(tmp_path / "broken.h5ad")
    (tmp_path / "folder.h5ad").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        exo.io.read(tmp_path / "folder.h5ad")


def test_objects_of_other_making(adata, tmp_path):
    adata.write_h5ad(tmp_path / "new.h5ad")
    other = adata.copy()
    del other.uns["exerkine"]
    other.write_h5ad(tmp_path / "other.h5ad")
    with pytest.raises(InputError, match="has no uns"):
        exo.io.read(tmp_path / "other.h5ad")
    adata.uns["exerkine"]["schema_version"] = "99"
    adata.write_h5ad(tmp_path / "new.h5ad")
    with pytest.raises(InputError, match="schema version '99'"):
        exo.io.read(tmp_path / "new.h5ad")


_cell = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats()
    | st.text("aB1 -/äβ日", max_size=5)
    | st.datetimes().map(pd.Timestamp)
    | st.dates()
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(columns=st.lists(st.lists(_cell, min_size=8, max_size=8), max_size=3))
def test_any_sample_sheet_is_stored(frames, tmp_path, columns):
    matrix, sheet, how = frames
    for number, cells in enumerate(columns):
        sheet = sheet.assign(**{f"column {number}": pd.Series(cells, sheet.index, dtype=object)})
    made = exo.io.from_frames(matrix, sheet, **how)
    exo.io.write(made, tmp_path / "any.h5ad")
    back = exo.io.read(tmp_path / "any.h5ad")
    pd.testing.assert_frame_equal(back.obs, made.obs, check_dtype=False, check_categorical=False)


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
@pytest.mark.parametrize("method", ["lmm", "paired_t"])
def test_a_backed_cohort_is_tested_block_by_block(
    trial: ad.AnnData, tmp_path: Path, kind: str, method: str
) -> None:
    exo.io.write(trial, tmp_path / f"trial.{kind}")
    backed = exo.io.read(tmp_path / f"trial.{kind}", backed=True)
    assert not isinstance(backed.X, np.ndarray)
    ours = exo.tl.differential(backed, control="CON", method=method)
    pd.testing.assert_frame_equal(
        ours, exo.tl.differential(trial, control="CON", method=method), check_names=False
    )
    assert not isinstance(backed.X, np.ndarray)
    pd.testing.assert_frame_equal(
        exo.tl.pool([exo.tl.summarize(backed)]), exo.tl.pool([exo.tl.summarize(trial)])
    )


def test_an_infinite_value_in_a_backed_file_is_told(trial: ad.AnnData, tmp_path: Path) -> None:
    trial.X[3, 4] = np.inf
    trial.write_h5ad(tmp_path / "trial.h5ad")
    with pytest.raises(exo.errors.InputError, match="1 values are infinite"):
        exo.tl.differential(exo.io.read(tmp_path / "trial.h5ad", backed=True))
